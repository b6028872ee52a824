//! What an agent is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cairn_ruleset::scope::Scope;
use cairn_ruleset::trust::Trust;

use crate::coordinator::Coordinator;
use crate::telemetry::Metrics;

/// Everything an agent needs to start; the local API and the command line build on the handle.
///
/// Only plain values: reading flags, environment and files is the caller's task, so that five
/// agents in one process and one agent in a container start through the same door.
pub struct AgentConfig {
    /// Where this node keeps its identity, journal, fragments and images. Created with mode 0700.
    pub state_dir: PathBuf,
    /// A name for people. Peers see it in `status`; nothing is decided by it.
    pub name: String,
    /// Where its games run: the zone and shard of evaluations that name none.
    pub scope: Scope,
    /// Address for gossip. Loopback only until transport security lands. Port 0 asks the OS.
    pub gossip_listen: SocketAddr,
    /// What peers are told to dial, when it differs from the bound address (a proxy, a NAT).
    pub gossip_advertise: Option<SocketAddr>,
    /// Peers to announce to until they are members. May name this node itself; that is ignored.
    pub seeds: Vec<SocketAddr>,
    /// Whose signatures count.
    pub trust: Trust,
    /// Who orders directives and keeps versions create-only.
    pub coordinator: Arc<dyn Coordinator>,
    /// Channels to serve, each `<ruleset>/<name>`. At most 64.
    pub channels: Vec<String>,
    /// Machine code shared by agents of one machine. Default: `STATE/code`.
    ///
    /// It must be as private as the state directory: machine code is executed as it is found.
    pub code_cache: Option<PathBuf>,
    /// How fragments become machine code.
    pub compile: Compile,
    /// Bounds of everything that could grow.
    pub limits: Limits,
    /// Bugs that the tests put back. The shipped binary never sets one.
    #[doc(hidden)]
    pub defects: Defects,
    /// Where figures go. `None` makes a registry of its own; agents in one process must not share.
    pub metrics: Option<Arc<Metrics>>,
}

impl AgentConfig {
    /// Defaults: gossip on a loopback port that the OS chooses, no seeds, a child that compiles.
    pub fn new(
        state_dir: PathBuf,
        name: String,
        trust: Trust,
        coordinator: Arc<dyn Coordinator>,
        channels: Vec<String>,
    ) -> AgentConfig {
        AgentConfig {
            state_dir,
            name,
            scope: Scope::default(),
            gossip_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            gossip_advertise: None,
            seeds: Vec::new(),
            trust,
            coordinator,
            channels,
            code_cache: None,
            compile: Compile::default(),
            limits: Limits::default(),
            defects: Defects::default(),
            metrics: None,
        }
    }
}

/// Fixed bugs, put back to prove that the checkers see them. Never set outside tests.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Defects {
    /// Of the replica.
    pub gossip: cairn_gossip::Defects,
    /// Of the agent's core.
    pub core: cairn_core::Defects,
}

/// How fragments become machine code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compile {
    /// In a short-lived child, so that the code generator's memory leaves with it.
    Child {
        /// The program that understands `__compile`. `None` is this executable.
        program: Option<PathBuf>,
    },
    /// In this process: costs about 10 MB that stay. For benches and many agents in one process.
    InProcess,
}

impl Default for Compile {
    fn default() -> Compile {
        Compile::Child { program: None }
    }
}

/// Bounds of everything in the shell that could grow.
///
/// The cores bound themselves (`cairn_gossip::Config`); these bound queues, sockets and disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests from handles waiting for the loop. A full queue makes callers wait.
    pub requests_count_max: usize,
    /// Writes under way. Beyond it the loop takes no input from peers and handles: the disk is
    /// the bottleneck then, and queueing more would only hide it.
    pub persists_count_max: usize,
    /// Disk reads under way for peers. A request beyond it is dropped; the peer asks again.
    pub reads_count_max: usize,
    /// Bytes of the local event log. A publish beyond it is refused; what peers published is
    /// still taken, because refusing it would lose it.
    pub log_bytes_max: u64,
    /// Bytes queued for one peer over all classes. A peer beyond it is disconnected and catches
    /// up by anti-entropy.
    pub peer_queue_bytes_max: usize,
    /// Bytes queued for all peers together. Beyond it those that have not read everything are
    /// disconnected and catch up by anti-entropy.
    pub queue_bytes_max: usize,
    /// Connections accepted at once. One more is closed at accept.
    pub incoming_count_max: usize,
    /// Silence on an incoming connection before it is closed. Members probe every second or two,
    /// so this many seconds of silence mean a dead peer or a stranger.
    pub idle_timeout: Duration,
    /// Time to dial a peer and to receive its first frame.
    pub connect_timeout: Duration,
    /// Deliveries that a consumer may have without an ack; it pauses then, and only it.
    pub deliveries_count_max: usize,
    /// Time for one compile child.
    pub compile_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests_count_max: 1_024,
            persists_count_max: 256,
            reads_count_max: 512,
            log_bytes_max: 1 << 30,
            peer_queue_bytes_max: 8 << 20,
            queue_bytes_max: 128 << 20,
            incoming_count_max: 1_024,
            idle_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(3),
            deliveries_count_max: 256,
            compile_timeout: Duration::from_secs(60),
        }
    }
}
