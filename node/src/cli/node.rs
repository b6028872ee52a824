//! Options that say which agent a verb talks to.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::address::Address;
use super::client::Client;
use super::exit::Exit;
use super::failure::Failure;

/// Which agent, and how long to wait for it.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// The agent: http://127.0.0.1:PORT or unix:PATH
    #[arg(long, env = "CAIRN_ADDR", value_name = "ADDRESS")]
    addr: Option<Address>,
    /// The agent's Unix socket, when --addr is not given
    #[arg(long, env = "CAIRN_SOCKET", value_name = "PATH")]
    socket: Option<PathBuf>,
    /// How long to wait for an answer, or for what was asked to happen
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = crate::duration::parse)]
    pub timeout: Duration,
}

impl NodeArgs {
    /// A client of that agent.
    pub fn client(&self) -> Client {
        let socket = || self.socket.clone().map(Address::Unix);
        let address = self.addr.clone().or_else(socket).unwrap_or_default();
        Client::new(address, self.timeout)
    }
}

/// The same failure, for verbs that do without an agent when they are given rules.
pub fn or_rules(mut failure: Failure) -> Failure {
    if let (Exit::Unreachable, Some(hint)) = (failure.exit, &mut failure.hint) {
        hint.push_str("; rules in a folder, or a bundle, need none: --rules PATH");
    }
    failure
}

/// Which channel.
#[derive(Clone, Debug, Args)]
pub struct ChannelArgs {
    /// The channel, RULESET/NAME; needed when the agent serves several
    #[arg(long, env = "CAIRN_CHANNEL", value_name = "CHANNEL")]
    pub channel: Option<String>,
}

/// Who changes what is live, and why. Both go on record.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = said)]
    pub reason: String,
    /// Who, for the record; without it, $USER
    #[arg(long, env = "CAIRN_ACTOR", value_name = "NAME", value_parser = said)]
    actor: Option<String>,
}

impl RecordArgs {
    /// Who: as given, else the user's name, else the user's number.
    pub fn actor(&self) -> String {
        let named = |name: &&str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let user = || ["USER", "LOGNAME"].iter().find_map(named);
        self.actor.clone().or_else(user).unwrap_or_else(|| {
            let number = std::fs::metadata("/proc/self").map(|about| about.uid());
            number.map_or_else(|_| "unknown".to_owned(), |number| format!("uid {number}"))
        })
    }
}

/// A text that says something.
fn said(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty; the record wants words".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// Where the keys are.
#[derive(Clone, Debug, Args)]
pub struct KeyArgs {
    /// Directory with the keys to sign with (`cairn dev` prints one; `cairn keys new DIR` makes one)
    #[arg(long, env = "CAIRN_KEYS", value_name = "DIR")]
    pub keys: Option<PathBuf>,
}
