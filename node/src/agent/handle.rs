//! What callers hold of a running agent.

use std::net::SocketAddr;
use std::sync::Arc;

use cairn_gossip::{BundleHead, ChannelRecord, EventKey, NodeId, SignedDirective, VersionVector};
use tokio::sync::{mpsc, oneshot, watch};

use super::error::{AddBundleError, ConsumeError, ProposeError, PublishError, Stopped};
use super::event::{Event, Request};
use super::publishing;
use super::request::{
    ConsumeRequest, Consumer, PublishEvent, Published, Readiness, Status, Stored,
};
use crate::coordinator::{Coordinator, Leadership};
use crate::identity::Verifier;
use crate::live::{Live, LiveTable};
use crate::store::Store;
use crate::telemetry::Metrics;

/// A running agent. Cheap to clone; the agent stops when [`AgentHandle::shutdown`] is called or
/// the last handle is dropped.
///
/// Reads ([`AgentHandle::live`], [`AgentHandle::metrics`]) touch no queue and no lock of the
/// loop. Everything else is one message to the loop and one back.
#[derive(Clone)]
pub struct AgentHandle {
    pub(crate) shared: Arc<Shared>,
}

/// What every clone of a handle shares.
pub(crate) struct Shared {
    pub(crate) node: NodeId,
    pub(crate) name: String,
    pub(crate) gossip: SocketAddr,
    pub(crate) channels: Vec<String>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) internal: mpsc::UnboundedSender<Event>,
    pub(crate) live: Arc<LiveTable>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) coordinator: Arc<dyn Coordinator>,
    pub(crate) stopped: watch::Receiver<Option<String>>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) store: Store,
}

impl AgentHandle {
    /// This node's id.
    pub fn node(&self) -> NodeId {
        self.shared.node
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Where it listens for peers (the port that the OS chose, when 0 was asked).
    pub fn gossip_addr(&self) -> SocketAddr {
        self.shared.gossip
    }

    /// The configured channels, in order.
    pub fn channels(&self) -> &[String] {
        &self.shared.channels
    }

    /// The coordinator that this agent was started with.
    pub fn coordinator(&self) -> &Arc<dyn Coordinator> {
        &self.shared.coordinator
    }

    /// This agent's figures.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// What answers reads on a channel now: one load, no lock, no queue. `None` before the first
    /// activation and for channels that are not configured.
    pub fn live(&self, channel: &str) -> Option<Arc<Live>> {
        self.shared.live.load(channel)
    }

    /// Its state on disk, to read: envelopes and fragments stay there while they are live.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Ticks whenever what answers reads on any channel changed, and when a version was rejected.
    /// Mark it seen, compare the `ETag`s, wait again.
    pub fn live_changes(&self) -> watch::Receiver<u64> {
        self.shared.live.changes()
    }

    /// Publish an event. Returns once it is durable at the level that was asked for.
    ///
    /// # Errors
    /// After [`PublishError::Timeout`] and [`PublishError::Stopped`] the outcome is unknown: retry
    /// with the same idempotency key. After the others nothing was stored.
    pub async fn publish_event(&self, event: PublishEvent) -> Result<Published, PublishError> {
        publishing::check(&event)?;
        let timeout = event.timeout;
        let span = tracing::info_span!("publish", topic = event.topic);
        let trace = crate::telemetry::carried(&span);
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.send(Request::Publish { event, trace, reply }).await?;
            answer.await.map_err(|_| PublishError::Stopped(self.stopped()))?
        };
        match tokio::time::timeout(timeout, asked).await {
            Ok(result) => result,
            Err(_) => Err(PublishError::Timeout { timeout }),
        }
    }

    /// Start or resume consuming under a name. A running session of that name ends.
    pub async fn consume(&self, request: ConsumeRequest) -> Result<Consumer, ConsumeError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Consume { request, reply }).await?;
        answer.await.map_err(|_| self.stopped())?
    }

    /// Advance a consumer's stored cursor. Returns once that is fsynced; it never moves back.
    pub async fn ack(&self, name: &str, cursor: VersionVector) -> Result<(), ConsumeError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Ack { name: name.to_owned(), cursor, reply }).await?;
        answer.await.map_err(|_| self.stopped())?
    }

    /// Take a bundle: limits → verify → register the version (create-only) → persist → announce.
    ///
    /// `head` is the publisher's signed announcement (`crate::identity::seal_head`), `envelope` is
    /// an encoded `cairn_ruleset::Envelope`, `blobs` its fragments in any order.
    /// Idempotent: the very same bundle is accepted again and changes nothing.
    pub async fn add_bundle(
        &self,
        head: BundleHead,
        envelope: Vec<u8>,
        blobs: Vec<Vec<u8>>,
    ) -> Result<Stored, AddBundleError> {
        publishing::add_bundle(self, head, envelope, blobs).await
    }

    /// Make a signed directive the newest of its channel, if the channel is at
    /// `expected_generation`. Returns the generation that is now on record with the coordinator
    /// (or, for a break-glass directive without one, durable here and in gossip).
    pub async fn propose(
        &self,
        directive: SignedDirective,
        expected_generation: u64,
    ) -> Result<u64, ProposeError> {
        publishing::propose(self, directive, expected_generation).await
    }

    /// The newest record of a channel that this node knows, whoever told it.
    pub async fn channel_record(&self, channel: &str) -> Result<Option<ChannelRecord>, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Record { channel: channel.to_owned(), reply }).await?;
        answer.await.map_err(|_| self.stopped())
    }

    /// For each key whether an event with it was delivered here.
    pub async fn known_keys(&self, keys: Vec<EventKey>) -> Result<Vec<bool>, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::KnownKeys { keys, reply }).await?;
        answer.await.map_err(|_| self.stopped())
    }

    /// What this node knows now.
    pub async fn status(&self) -> Result<Status, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Status { reply }).await?;
        answer.await.map_err(|_| self.stopped())
    }

    /// Whether this node can serve, and what is degraded.
    pub async fn readiness(&self) -> Result<Readiness, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Readiness { reply }).await?;
        answer.await.map_err(|_| self.stopped())
    }

    /// Tell the agent who leads: the controller does, whenever it learns it. Never waits.
    pub fn report_leadership(&self, leadership: &Leadership) {
        // The loop is gone when the agent stopped: then nobody asks who leads.
        let _ = self.shared.internal.send(Event::Leadership(leadership.clone()));
    }

    /// Stop: close links, finish what the writer has begun, release the state directory.
    /// Returns when all of that is done. Idempotent over all clones.
    pub async fn shutdown(self) {
        let _ = self.shared.events.send(Event::Shutdown).await;
        let mut stopped = self.shared.stopped.clone();
        let _ = stopped.wait_for(|reason| reason.is_some()).await;
    }

    /// Resolves with the reason once the agent has stopped, for whatever cause.
    pub async fn wait_stopped(&self) -> String {
        let mut stopped = self.shared.stopped.clone();
        match stopped.wait_for(|reason| reason.is_some()).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "the agent's task ended".to_owned(),
        }
    }

    /// Put a request in the loop's queue, waiting while it is full.
    pub(crate) async fn send(&self, request: Request) -> Result<(), Stopped> {
        self.shared.events.send(Event::Request(request)).await.map_err(|_| self.stopped())
    }

    pub(crate) fn stopped(&self) -> Stopped {
        let reason = self.shared.stopped.borrow().clone();
        Stopped { reason: reason.unwrap_or_else(|| "shutting down".to_owned()) }
    }
}
