//! One running node.
//!
//! [`start`] opens the state directory, serves what was live last, and runs one loop over one
//! closed `enum Event`. The loop owns `cairn_core::Agent` and does what it says; nothing else
//! decides anything. Callers hold an [`AgentHandle`].
//!
//! | file | noun |
//! |---|---|
//! | `running` | the loop |
//! | `perform` | doing what the core says |
//! | `asking` | requests of handles |
//! | `publishing` | checks, signatures and the coordinator, before the loop is asked |
//! | `activating` | from staged to live |
//! | `coordination` | the coordinator as this node sees it |
//! | `telling` | status, readiness, and what peers are told |

mod activating;
mod asking;
mod cache;
mod config;
mod coordination;
mod error;
mod event;
mod handle;
mod peers;
mod perform;
mod publishing;
mod request;
mod running;
mod telling;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

#[doc(hidden)]
pub use config::Defects;
pub use config::{AgentConfig, Compile, Limits};
pub use error::{AddBundleError, ConsumeError, ProposeError, PublishError, StartError, Stopped};
pub use handle::AgentHandle;
pub use publishing::IDEMPOTENCY_BYTES_MAX;
pub use request::{
    ChannelStatus, Check, ConsumeRequest, Consumer, CoordinatorStatus, Delivery, MemberChannel,
    MemberStatus, Progress, PublishEvent, Published, Readiness, Rejection, Status, Stored,
};
pub use telling::FETCH_CODE;

use crate::coordinator::NodeRecord;
use crate::identity::{Identity, Verifier, blobs_of};
use crate::link::{LinkLimits, Links};
use crate::live::LiveTable;
use crate::stage::Stager;
use crate::store::{StateDir, Store};
use coordination::Coordination;
use handle::Shared;
use running::Running;

/// Channels that one agent may serve.
const CHANNELS_MAX: usize = 64;
/// Link events between the connections and the loop: at most 64 KiB each.
const LINK_EVENTS_MAX: usize = 256;

/// Start an agent. When it returns, the agent listens and answers reads with what was live last,
/// whether or not anybody else can be reached.
///
/// # Errors
/// A [`StartError`]; nothing runs and nothing stays bound then.
pub async fn start(config: AgentConfig) -> Result<AgentHandle, StartError> {
    check(&config)?;
    let (listener, gossip) = crate::link::listen(config.gossip_listen).await?;
    let advertised = config.gossip_advertise.unwrap_or(gossip);

    // Everything in here is bounded work on the local disk, before anything is served.
    let dir = Arc::new(StateDir::open(&config.state_dir)?);
    let identity = Identity::load_or_create(&dir).map_err(|error| match error {
        crate::identity::IdentityError::Store(error) => StartError::Store(error),
        crate::identity::IdentityError::Malformed { path, reason } => {
            StartError::Identity { path, reason }
        }
    })?;
    let origin = identity.origin();
    let verifier = Arc::new(Verifier::new(config.trust.clone()));
    let opener = verifier.clone();
    let (store, recovered) = Store::open(dir.clone(), origin, &move |digest, bytes| {
        opener.open_envelope(digest, bytes).map(|manifest| blobs_of(&manifest))
    })?;
    let (node, incarnation) = (recovered.replica.node, recovered.replica.incarnation);
    let log_bytes = recovered.replica.log.iter().map(|header| u64::from(header.bytes)).sum();

    let metrics = config.metrics.clone().unwrap_or_default();
    let live = Arc::new(LiveTable::new(&config.channels, metrics.clone()));
    let stager = Stager::new(store.clone(), &config)
        .map_err(|error| StartError::Engine { reason: crate::stage::with_sources(&error) })?;

    let (events, events_rx) = mpsc::channel(config.limits.requests_count_max);
    let (internal, internal_rx) = mpsc::unbounded_channel();
    let (link_events, links_rx) = mpsc::channel(LINK_EVENTS_MAX);
    let disk = internal.clone();
    let writer = store.writer(move |done| {
        // The loop is gone only when it stopped, and then it waits for the writer to end.
        let _ = disk.send(event::Event::Disk(done));
    })?;
    let hello = cairn_gossip::Hello {
        cluster: cairn_merkle::Digest::of(&config.trust.root.to_bytes()),
        protocol: cairn_gossip::frame::PROTOCOL,
        node,
        addr: advertised,
        name: config.name.chars().take(64).collect(),
    };
    let links =
        Links::start(listener, hello, link_limits(&config.limits), link_events, metrics.clone())
            .map_err(|error| StartError::Setting {
                setting: "name",
                value: config.name.clone(),
                reason: error.to_string(),
            })?;

    let core = cairn_core::Agent::new(
        core_config(&config, advertised),
        Box::new(Verifier::new(config.trust.clone())),
        Box::new(identity),
        recovered,
        rand::random(),
    );
    let (stopped_tx, stopped) = watch::channel(None);
    let watched = events.downgrade();
    let shared = Shared {
        node,
        name: config.name.clone(),
        gossip,
        channels: config.channels.clone(),
        events,
        internal: internal.clone(),
        live: live.clone(),
        metrics: metrics.clone(),
        coordinator: config.coordinator.clone(),
        stopped,
        verifier: verifier.clone(),
        store: store.clone(),
    };
    let mut running = Running {
        core,
        clock: timers::Clock::start(),
        timers: timers::Timers::default(),
        node,
        origin,
        incarnation,
        name: config.name.clone(),
        gossip,
        channels: config.channels.clone(),
        limits: config.limits.clone(),
        store,
        writer,
        links,
        live,
        stager,
        verifier,
        metrics,
        coordination: Coordination::new(config.coordinator.clone(), node),
        internal,
        tasks: JoinSet::new(),
        batches: cache::Batches::default(),
        sessions: BTreeMap::new(),
        publishes: BTreeMap::new(),
        acks: BTreeMap::new(),
        adding: BTreeMap::new(),
        adding_tickets: BTreeMap::new(),
        proposing: BTreeMap::new(),
        traces: BTreeMap::new(),
        staging_since: BTreeMap::new(),
        staged: BTreeMap::new(),
        next_request: 0,
        persists_count: 0,
        inputs: VecDeque::new(),
        telling: false,
        outputs: Vec::new(),
        delivered_count: 0,
        log_bytes,
        stopping: None,
    };
    // Last-known-good is live when this returns; nothing was asked of anybody yet.
    running.tell(cairn_gossip::Input::Start.into());
    running.report_status();
    let registered =
        NodeRecord { id: node, name: config.name.clone(), addr: advertised.to_string() };
    running.tasks.spawn(coordination::follow(config.coordinator, registered, watched));
    tracing::info!(%node, name = config.name, %gossip, incarnation, "agent started");
    tokio::spawn(async move {
        let reason = running.run(events_rx, links_rx, internal_rx).await;
        tracing::info!(%node, reason, "agent stopped");
        drop(dir);
        // After everything is released: whoever waits may open the directory again.
        let _ = stopped_tx.send(Some(reason));
    });
    Ok(AgentHandle { shared: Arc::new(shared) })
}

fn check(config: &AgentConfig) -> Result<(), StartError> {
    let setting = |setting, value: String, reason: &str| {
        Err(StartError::Setting { setting, value, reason: reason.to_owned() })
    };
    if config.channels.is_empty() || config.channels.len() > CHANNELS_MAX {
        let value = config.channels.len().to_string();
        return setting("channels", value, "an agent serves 1 to 64 channels");
    }
    for channel in &config.channels {
        if crate::coordinator::codec::check_channel(channel).is_err() {
            return setting("channel", channel.clone(), "expected <ruleset>/<name>");
        }
    }
    if config.limits.deliveries_count_max == 0 || config.limits.requests_count_max == 0 {
        return setting("limits", "0".to_owned(), "a queue holds at least one");
    }
    Ok(())
}

fn core_config(config: &AgentConfig, advertised: std::net::SocketAddr) -> cairn_core::Config {
    let mut gossip = cairn_gossip::Config::new(advertised);
    gossip.seeds = config.seeds.iter().copied().filter(|seed| *seed != advertised).collect();
    gossip.log_bytes_max = config.limits.log_bytes_max;
    gossip.defects = config.defects.gossip;
    let mut core = cairn_core::Config::new(gossip);
    core.channels = config.channels.clone();
    core.unacked_max = config.limits.deliveries_count_max;
    core.defects = config.defects.core;
    core
}

fn link_limits(limits: &Limits) -> LinkLimits {
    LinkLimits {
        peer_queue_bytes_max: limits.peer_queue_bytes_max,
        queue_bytes_max: limits.queue_bytes_max,
        incoming_count_max: limits.incoming_count_max,
        idle_timeout: limits.idle_timeout,
        connect_timeout: limits.connect_timeout,
    }
}
