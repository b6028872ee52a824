//! Which channel a verb means, and what is on record for it.

use serde::Deserialize;

use super::client::Client;
use super::failure::Failure;
use crate::api::channels::Channel;
use crate::suggest;

#[derive(Deserialize)]
struct Known {
    channels: Vec<Name>,
}

#[derive(Deserialize)]
struct Name {
    channel: String,
}

/// The channel that was named, else the only one that the agent serves.
///
/// # Errors
/// Exit code 2 when there are several, or none of that name.
pub async fn resolve(client: &Client, named: Option<&str>) -> Result<String, Failure> {
    let known: Known = client.read("/v1/status").await?;
    let names: Vec<&str> = known.channels.iter().map(|known| known.channel.as_str()).collect();
    match (named, names.as_slice()) {
        (Some(name), _) if names.contains(&name) => Ok(name.to_owned()),
        (Some(name), _) => Err(Failure::usage(format!(
            "the agent at {} does not serve the channel `{name}`",
            client.address()
        ))
        .hint(suggest::hint(name, names.iter().copied()))),
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => Err(Failure::usage(format!(
            "the agent at {} serves {} channels",
            client.address(),
            names.len()
        ))
        .hint(format!("add --channel; {}", suggest::hint("", names.iter().copied())))),
    }
}

/// What is on record for a channel, as the agent knows it.
///
/// # Errors
/// As [`Client::read`].
pub async fn read(client: &Client, channel: &str) -> Result<Channel, Failure> {
    client.read(&format!("/v1/channels/{channel}")).await
}
