//! `cairn agent`: one node.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use cairn_ruleset::scope::Scope;
use zeroize::Zeroizing;

use super::address::{API_PORT, GOSSIP_PORT};
use super::exit::Exit;
use super::failure::Failure;
use super::keys;
use super::output::{self, Format};
use super::place;
use super::signal::Stop;
use crate::agent::{AgentConfig, AgentHandle, Compile, Defects, Limits};
use crate::api::ApiConfig;
use crate::coordinator::Coordinator;
use crate::coordinator::embedded::Embedded;
use crate::coordinator::etcd::{Etcd, EtcdConfig};
use crate::node::{self, Node, NodeError};
use crate::store::StoreError;
use crate::telemetry::{self, LogFormat};
use crate::trust;

const EXAMPLES: &str = "Examples:
  cairn agent --state /var/lib/cairn --trust /etc/cairn/trust --channel treasure_hunt/prod \\
              --etcd http://127.0.0.1:2379 --seed 127.0.0.1:7601
  cairn agent --state state/ --trust keys/ --channel treasure_hunt/prod --embedded

Every setting can also come from the environment, as CAIRN_STATE, CAIRN_TRUST and so on.";

/// Run one node: receive rule sets and events, serve them to this machine
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Directory with this node's identity and data; created with mode 0700
    #[arg(long, env = "CAIRN_STATE", value_name = "DIR")]
    state: Option<PathBuf>,
    /// Directory with root.pub and keys.list
    #[arg(long, env = "CAIRN_TRUST", value_name = "DIR")]
    trust: Option<PathBuf>,
    /// Channels to serve, RULESET/NAME; repeat it or separate by commas
    #[arg(long, env = "CAIRN_CHANNELS", value_name = "CHANNEL", value_delimiter = ',')]
    channel: Vec<String>,
    /// etcd endpoints; repeat it or separate by commas. Also CAIRN_ETCD_ENDPOINTS; user from
    /// CAIRN_ETCD_USER, the password from CAIRN_ETCD_PASSWORD, certificates from
    /// CAIRN_ETCD_CA_FILE, CAIRN_ETCD_CERT_FILE and CAIRN_ETCD_KEY_FILE
    #[arg(long, value_name = "URL", value_delimiter = ',', conflicts_with = "embedded")]
    etcd: Vec<String>,
    /// A coordinator inside this process, kept in the state directory: for a single machine
    #[arg(long)]
    embedded: bool,
    /// Where to listen for peers; loopback only, port 0 asks the system
    #[arg(long, env = "CAIRN_GOSSIP", value_name = "ADDR",
          default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, GOSSIP_PORT)))]
    gossip: SocketAddr,
    /// What peers are told to dial, when it differs
    #[arg(long, env = "CAIRN_ADVERTISE", value_name = "ADDR")]
    advertise: Option<SocketAddr>,
    /// Peers to join; repeat it or separate by commas
    #[arg(long, env = "CAIRN_SEEDS", value_name = "ADDR", value_delimiter = ',')]
    seed: Vec<SocketAddr>,
    /// Where to serve the API; loopback only, port 0 asks the system
    #[arg(long, env = "CAIRN_API", value_name = "ADDR",
          default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, API_PORT)))]
    api: SocketAddr,
    /// A Unix socket to serve the API on, too
    #[arg(long, env = "CAIRN_SOCKET", value_name = "PATH")]
    socket: Option<PathBuf>,
    /// A name for people
    #[arg(long, env = "CAIRN_NAME", value_name = "NAME")]
    name: Option<String>,
    /// The zone of the games it serves: decides parameters with overrides where a request names none
    #[arg(long, env = "CAIRN_ZONE", value_name = "NAME", value_parser = place::zone)]
    zone: Option<String>,
    /// The shard of the games it serves, if it serves one alone
    #[arg(long, env = "CAIRN_SHARD", value_name = "NAME", value_parser = place::shard)]
    shard: Option<String>,
    /// File to write once the node listens
    #[arg(long, env = "CAIRN_READY_FILE", value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// Exit code 2 for a setting, before any socket is bound; 1 when the agent stops by itself.
pub async fn run(args: Args, format: Format, defects: Defects) -> Result<Exit, Failure> {
    let ready_file = args.ready_file.clone();
    let api = ApiConfig { listen: args.api, socket: args.socket.clone() };
    let config = config(args, defects)?;
    let logs = match format {
        Format::Table => LogFormat::Text,
        Format::Json => LogFormat::Json,
    };
    let _guard = telemetry::init(logs).map_err(|error| Failure::usage(error.to_string()))?;
    let mut stop = Stop::install()?;
    let running = Node::start(config, api).await.map_err(|error| refused(&error))?;
    let place = running.place();
    if let Some(path) = &ready_file
        && let Err(error) = node::write_ready(path, &place)
    {
        running.stop().await;
        return Err(Failure::internal(format!("cannot write {}: {error}", path.display())));
    }
    match format {
        Format::Json => output::offer(&serde_json::to_string(&place).unwrap_or_default()),
        Format::Table => output::offer(&format!(
            "ready {} api={} gossip={}",
            place.name, place.api, place.gossip
        )),
    }
    let agent = running.agent().clone();
    let stopped = tokio::select! {
        () = stop.requested() => None,
        reason = agent.wait_stopped() => Some(reason),
        () = follow(&agent, format) => None,
    };
    running.stop().await;
    match stopped {
        None => Ok(Exit::Ok),
        Some(reason) => Err(Failure::internal(format!("the agent stopped: {reason}"))
            .hint("look at its log; what it had stored is intact, start it again")),
    }
}

/// One line per activation, for as long as the agent runs.
async fn follow(agent: &AgentHandle, format: Format) {
    let mut changes = agent.live_changes();
    let mut seen = std::collections::BTreeMap::new();
    loop {
        changes.mark_unchanged();
        for channel in agent.channels() {
            let Some(live) = agent.live(channel) else { continue };
            if seen.insert(channel.clone(), live.generation()) == Some(live.generation()) {
                continue;
            }
            match format {
                Format::Json => output::offer(&format!(
                    r#"{{"activated":"{channel}","generation":{},"version":"{}","digest":"{}"}}"#,
                    live.generation(),
                    live.version(),
                    live.digest()
                )),
                Format::Table => output::offer(&format!(
                    "activated {channel} generation={} version={} digest={}",
                    live.generation(),
                    live.version(),
                    live.digest()
                )),
            }
        }
        if changes.changed().await.is_err() {
            // The agent is gone; whoever waits for that says so.
            return std::future::pending().await;
        }
    }
}

/// Everything is looked at before anything is opened for writing and before any socket is bound.
fn config(args: Args, defects: Defects) -> Result<AgentConfig, Failure> {
    let state_dir =
        required(args.state, "--state (CAIRN_STATE)", "a directory for this node's data")?;
    let trust_dir = required(
        args.trust,
        "--trust (CAIRN_TRUST)",
        "a directory with root.pub and keys.list, as `cairn keys new DIR` makes one",
    )?;
    let channels: Vec<String> =
        args.channel.into_iter().filter(|channel| !channel.is_empty()).collect();
    if channels.is_empty() {
        return Err(missing("--channel (CAIRN_CHANNELS)", "RULESET/NAME of what to serve"));
    }
    for (setting, addr) in [("--gossip", args.gossip), ("--api", args.api)] {
        if !addr.ip().is_loopback() {
            return Err(Failure::usage(format!("{setting} {addr} is not a loopback address"))
                .hint(format!(
                    "there is no transport security yet: use 127.0.0.1:{}",
                    addr.port()
                )));
        }
    }
    let trust = trust::open(&trust_dir).map_err(|error| {
        let failure = keys::failed(&error);
        Failure { exit: Exit::Usage, ..failure }
    })?;
    let coordinator = match args.embedded {
        true => embedded(&state_dir)?,
        false => etcd(args.etcd)?,
    };
    Ok(AgentConfig {
        state_dir,
        name: args.name.unwrap_or_else(host_name),
        scope: Scope { zone: args.zone, shard: args.shard },
        gossip_listen: args.gossip,
        gossip_advertise: args.advertise,
        seeds: args.seed,
        trust,
        coordinator,
        channels,
        code_cache: None,
        compile: Compile::default(),
        limits: Limits::default(),
        metrics: None,
        defects,
    })
}

fn embedded(state_dir: &std::path::Path) -> Result<Arc<dyn Coordinator>, Failure> {
    // With the mode that the agent itself would give it.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir);
    made.map_err(|error| {
        Failure::usage(format!("cannot make {}: {error}", state_dir.display()))
            .hint("choose another directory with --state")
    })?;
    let opened = Embedded::open(&state_dir.join("coordinator"));
    let coordinator = opened.map_err(|error| {
        Failure::usage(format!("the embedded coordinator cannot be opened: {error}"))
            .hint(error.hint())
    })?;
    Ok(coordinator)
}

fn etcd(endpoints: Vec<String>) -> Result<Arc<dyn Coordinator>, Failure> {
    let setting = |name: &str| std::env::var(name).ok();
    let mut endpoints = endpoints;
    if endpoints.is_empty() {
        let listed = setting("CAIRN_ETCD_ENDPOINTS").unwrap_or_default();
        endpoints = listed.split(',').filter(|url| !url.is_empty()).map(str::to_owned).collect();
    }
    if endpoints.is_empty() {
        return Err(missing(
            "--etcd (CAIRN_ETCD_ENDPOINTS)",
            "the endpoints of the coordinator, or --embedded for a single machine",
        ));
    }
    let mut config = EtcdConfig::new(endpoints);
    if let Some(prefix) = setting("CAIRN_ETCD_PREFIX") {
        config.prefix = prefix;
    }
    config.user = setting("CAIRN_ETCD_USER");
    config.password = setting("CAIRN_ETCD_PASSWORD").map(Zeroizing::new);
    config.ca_file = setting("CAIRN_ETCD_CA_FILE").map(PathBuf::from);
    config.cert_file = setting("CAIRN_ETCD_CERT_FILE").map(PathBuf::from);
    config.key_file = setting("CAIRN_ETCD_KEY_FILE").map(PathBuf::from);
    let coordinator =
        Etcd::new(config).map_err(|error| Failure::usage(error.to_string()).hint(error.hint()))?;
    Ok(coordinator)
}

fn required<T>(value: Option<T>, setting: &str, what: &str) -> Result<T, Failure> {
    value.ok_or_else(|| missing(setting, what))
}

fn missing(setting: &str, what: &str) -> Failure {
    Failure::usage(format!("the setting {setting} is missing")).hint(format!("it names {what}"))
}

fn host_name() -> String {
    std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "agent".into())
}

/// A node that did not start.
pub fn refused(error: &NodeError) -> Failure {
    use crate::agent::StartError;
    let exit = match error {
        NodeError::Api(_)
        | NodeError::Agent(
            StartError::Setting { .. } | StartError::NotLoopback { .. } | StartError::Bind { .. },
        ) => Exit::Usage,
        // Another agent was there first.
        NodeError::Agent(StartError::Store(StoreError::Locked { .. })) => Exit::Conflict,
        // The setting names a directory that is not fit.
        NodeError::Agent(StartError::Store(
            StoreError::Mode { .. } | StoreError::Format { .. } | StoreError::OtherOrigin { .. },
        )) => Exit::Usage,
        NodeError::Agent(_) => Exit::Internal,
    };
    let mut failure = Failure::new(exit, error.describe());
    failure.hint = error.hint();
    failure
}
