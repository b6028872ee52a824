//! What callers ask of an agent, and what they get.

use std::time::Duration;

use bytes::Bytes;
use cairn_gossip::{Dot, Event, EventKey, Level, VersionVector};
use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::error::ConsumeError;
use super::event::Event as LoopEvent;

/// A cluster event to publish here.
#[derive(Debug, Clone)]
pub struct PublishEvent {
    /// What consumers filter by: 1 to 128 bytes.
    pub topic: String,
    /// Opaque bytes, at most 16 KiB.
    pub payload: Bytes,
    /// Deduplicates across origins: the first copy delivered at a node wins there.
    pub key: Option<EventKey>,
    /// Deduplicates retries at this agent: a retry returns the first id. At most 256 bytes.
    pub idempotency: Option<String>,
    /// The publisher's cursor, when the event depends on what it has read.
    pub context: Option<VersionVector>,
    /// What must be durable before the call returns.
    pub level: Level,
    /// How long to wait for that. Beyond it the outcome is unknown: retry with the same key.
    pub timeout: Duration,
}

/// An accepted event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The event's id.
    pub dot: Dot,
    /// The level that was reached: the one that was asked for, never a weaker one.
    pub level: Level,
    /// Whether this was a retry, answered with the id of the first call.
    pub repeated: bool,
}

/// Start or resume consuming.
#[derive(Debug, Clone)]
pub struct ConsumeRequest {
    /// The consumer's name on this node, 1 to 128 bytes. One session a name: a new one replaces
    /// the old, whose receiver ends.
    pub name: String,
    /// Where to go on. A cursor presented here wins over the stored one; `None` uses the stored
    /// one, and a consumer never seen before starts from now.
    pub cursor: Option<VersionVector>,
    /// Exact topics; others count as delivered. Empty means all.
    pub topics: Vec<String>,
}

/// One event for one consumer.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The event's id: for opaque side effects, the idempotency key.
    pub dot: Dot,
    /// The event.
    pub event: Event,
    /// The cursor once this event's effect is committed.
    pub cursor: VersionVector,
}

/// A live consuming session. Dropping it ends the session; the stored cursor stays.
pub struct Consumer {
    pub(crate) name: String,
    pub(crate) cursor: VersionVector,
    pub(crate) deliveries: mpsc::Receiver<Delivery>,
    pub(crate) session: cairn_core::SessionId,
    pub(crate) dropped: mpsc::UnboundedSender<LoopEvent>,
}

impl Consumer {
    /// The consumer's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where this session started.
    pub fn start(&self) -> &VersionVector {
        &self.cursor
    }

    /// The next event. `None` when the session ended: replaced by another, or the agent stopped.
    ///
    /// Cancel-safe: a dropped call loses nothing.
    pub async fn recv(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }

    /// The next event, if one is waiting.
    pub fn try_recv(&mut self) -> Option<Delivery> {
        self.deliveries.try_recv().ok()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // The loop is gone when the agent stopped: then there is no session either.
        let _ = self.dropped.send(LoopEvent::SessionDropped(self.session));
    }
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A bundle that is verified, durable and announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// The rule set's name.
    pub ruleset: String,
    /// Its version, create-only.
    pub version: String,
    /// The bundle's digest.
    pub digest: Digest,
    /// Bytes of the envelope.
    pub envelope_bytes: u32,
    /// Whether the very same bundle was there before; publishing it again changes nothing.
    pub already: bool,
    /// The node that stored it.
    pub node: String,
}

/// One channel on this node.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelStatus {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// Newest generation heard here, 0 when none.
    pub generation: u64,
    /// Version that the newest directive names.
    pub desired: Option<String>,
    /// Digest that the newest directive names.
    pub desired_digest: Option<Digest>,
    /// How far the desired version got here.
    pub progress: Progress,
    /// Why it was rejected here, if it was.
    pub rejected: Option<Rejection>,
    /// Generation that answers reads, 0 when none.
    pub active_generation: u64,
    /// Version that answers reads.
    pub active: Option<String>,
    /// Digest that answers reads.
    pub active_digest: Option<Digest>,
    /// Versions that can become live here without a download.
    pub staged: Vec<String>,
    /// Milliseconds since coordinator or peers last spoke about this channel.
    pub staleness_ms: u64,
    /// Who asked for the newest generation.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// How far a version got on this node, in the order of the progress pointers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// No directive yet.
    None,
    /// A directive names it.
    Heard,
    /// All its bytes arrived.
    Fetched,
    /// Signature, root and limits hold.
    Verified,
    /// It is durable here.
    Stored,
    /// Image built, code compiled, smoke evaluation passed.
    Staged,
    /// It answers reads.
    Active,
    /// It failed a step; the live version stays.
    Rejected,
}

/// Why a version was rejected on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Code, such as `stage.compile`.
    pub code: String,
    /// What happened, with values.
    pub reason: String,
}

/// A peer as this node sees it.
#[derive(Debug, Clone, Serialize)]
pub struct MemberStatus {
    /// Node id, 32 hex digits.
    pub node: String,
    /// Its name for people, once it told.
    pub name: Option<String>,
    /// Where it is dialled; empty when it is down.
    pub addr: String,
    /// Whether membership holds it for alive.
    pub alive: bool,
    /// Whether our link to it is up.
    pub connected: bool,
    /// Milliseconds since it was declared down; none while it lives.
    pub down_ms: Option<u64>,
    /// Its channels, as it told last; empty when it has told nothing that this release reads.
    pub channels: Vec<MemberChannel>,
}

/// One channel on a peer, as the peer told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberChannel {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// Newest generation heard there, 0 when none; `rejected` is about it.
    pub generation: u64,
    /// Generation that answers reads there, 0 when none.
    pub active_generation: u64,
    /// Digest that answers reads there.
    pub active_digest: Option<Digest>,
    /// Why the newest generation was rejected there, if it was.
    pub rejected: Option<Rejection>,
}

/// What this node knows, at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// This node's id, 32 hex digits.
    pub node: String,
    /// Its name for people.
    pub name: String,
    /// Where it listens for peers.
    pub gossip: String,
    /// Its origin (the id of the events it accepts), 32 hex digits.
    pub origin: String,
    /// How often this state directory has been started.
    pub incarnation: u32,
    /// Content root: equal root and equal vector mean equal state.
    pub root: Digest,
    /// Delivered events per stream, `origin-incarnation` → highest contiguous sequence.
    pub vector: std::collections::BTreeMap<String, u64>,
    /// Peers, this node not included.
    pub members: Vec<MemberStatus>,
    /// One entry per configured channel, in that order.
    pub channels: Vec<ChannelStatus>,
    /// The coordinator from here.
    pub coordinator: CoordinatorStatus,
    /// Events delivered here since the start of this process.
    pub delivered_count: u64,
    /// Duplicates rejected here since the start of this process.
    pub duplicates_count: u64,
    /// Milliseconds since this process started the agent.
    pub uptime_ms: u64,
}

/// The coordinator as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoordinatorStatus {
    /// Whether its last word is a live connection.
    pub reachable: bool,
    /// Why not.
    pub detail: Option<String>,
    /// The elected controller, if known.
    pub leader: Option<String>,
}

/// Whether this node can serve, and what is degraded.
///
/// Ready means that every configured channel has a last-good version loaded, never that the
/// coordinator is reachable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether reads are answered on every configured channel.
    pub ready: bool,
    /// One line per check, worst first.
    pub checks: Vec<Check>,
}

/// One line of `readyz?verbose`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: `channel treasure_hunt/prod`, `coordinator`, `store`.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// Whether readiness depends on it.
    pub required: bool,
    /// What was found.
    pub detail: String,
}

/// A reply that the loop owes to a consumer.
pub(crate) type ConsumeReply = Result<Consumer, ConsumeError>;
