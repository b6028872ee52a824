//! Everything a replica wants done, as data.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use cairn_merkle::Digest;

use crate::directive::{ChannelRecord, Directive};
use crate::event::{Batch, SignedBatch};
use crate::frame::Frame;
use crate::head::BundleHead;
use crate::id::{Dot, NodeId, Stream};
use crate::input::{Level, Token};
use crate::time::Time;
use crate::verify::Fault;

/// Which of a peer's queues a frame waits in. Smaller is sent first; a full queue drops the
/// frame, and anti-entropy brings again what mattered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Membership: small, and late is as bad as lost.
    Member,
    /// Directives and heads: exempt from every byte budget.
    Directive,
    /// Events, summaries and acknowledgements.
    Event,
    /// Content.
    Bulk,
}

/// One part of an atomic, durable write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Appends to the log.
    Batch {
        /// Place in this node's order, contiguous from 0.
        local: u64,
        /// What to append.
        batch: SignedBatch,
    },
    /// Replaces a channel's register.
    Channel {
        /// Its name.
        name: String,
        /// Its record.
        record: ChannelRecord,
    },
    /// Remembers that a bundle exists.
    Head(BundleHead),
    /// Stores a bundle's envelope under the bundle's digest.
    Envelope {
        /// The bundle's digest.
        digest: Digest,
        /// The envelope, verified by `OpenEnvelope`.
        bytes: Bytes,
    },
    /// Stores a blob under its digest: temporary file, fsync, rename, directory fsync.
    Blob {
        /// BLAKE3 of the content.
        digest: Digest,
        /// The content.
        bytes: Bytes,
    },
    /// Forgets a bundle that nothing names any more: its head, its envelope and these blobs.
    RemoveBundle {
        /// The bundle's digest.
        digest: Digest,
        /// Blobs that no kept bundle shares.
        blobs: Vec<Digest>,
    },
}

/// A publish that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The event's identity; for a retry, that of the first attempt.
    pub dot: Dot,
    /// The level that was reached, as asked.
    pub level: Level,
    /// Whether an earlier attempt with the same idempotency key had already written it.
    pub retry: bool,
}

/// A publish that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// A part of the event is longer than allowed. Nothing was written.
    #[error("event {what} is {actual_bytes} bytes, limit {bytes_max}")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its length.
        actual_bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// Every event has a topic. Nothing was written.
    #[error("event has an empty topic")]
    EmptyTopic,
    /// This node's log is full. Nothing was written.
    #[error(
        "event log holds {events} events and {bytes} bytes, limits {events_max} and {bytes_max}"
    )]
    LogFull {
        /// Events held.
        events: u64,
        /// Bytes held.
        bytes: u64,
        /// [`crate::Config::log_events_max`].
        events_max: u64,
        /// [`crate::Config::log_bytes_max`].
        bytes_max: u64,
    },
    /// Too many publishes wait. Nothing was written.
    #[error("{waiting} publishes wait to be written, limit {waiting_max}")]
    QueueFull {
        /// How many wait.
        waiting: usize,
        /// [`crate::Config::publish_waiting_max`].
        waiting_max: usize,
    },
    /// This origin's stream would be one too many. Nothing was written.
    #[error("{actual} event streams are known, limit {streams_max}")]
    StreamLimit {
        /// How many are known.
        actual: usize,
        /// [`crate::STREAMS_MAX`].
        streams_max: usize,
    },
    /// More nodes were asked to confirm than ever will. Nothing was written.
    #[error("level replicated:{actual}, limit {count_max}")]
    LevelTooHigh {
        /// How many were asked for.
        actual: u8,
        /// [`crate::Config::replicas_max`].
        count_max: u8,
    },
    /// The publisher has seen events that did not reach this node in time. Nothing was written.
    #[error("publisher's context is ahead of this node by {missing} streams, among them {example}")]
    ContextAhead {
        /// How many streams are behind.
        missing: usize,
        /// One event that is missing.
        example: Dot,
    },
    /// The time was over before the event was known to be durable. The outcome is unknown.
    #[error("{dot} was not confirmed in time: {confirmed} of {wanted} other nodes")]
    Timeout {
        /// The identity the event has if it was written.
        dot: Dot,
        /// Other nodes that confirmed it.
        confirmed: u8,
        /// Other nodes that were asked for.
        wanted: u8,
    },
    /// Peers know a later life of this origin: this state directory was rewound.
    #[error("peers know {seen} of this origin, which this node never wrote")]
    OriginRetired {
        /// What peers know.
        seen: Dot,
    },
}

impl PublishError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            PublishError::TooLarge { .. } => "put large content elsewhere and publish its address",
            PublishError::EmptyTopic => "name the topic that consumers subscribe to",
            PublishError::LogFull { .. } => {
                "wait for retention to free the log, or raise its limit"
            }
            PublishError::QueueFull { .. } => "retry with the same idempotency key after a pause",
            PublishError::StreamLimit { .. } => "retire agents whose state is gone",
            PublishError::LevelTooHigh { .. } => "ask for a lower level",
            PublishError::ContextAhead { .. } => {
                "retry, or publish at the agent the cursor is from"
            }
            PublishError::Timeout { .. } => {
                "outcome unknown: retry at this agent with the same idempotency key"
            }
            PublishError::OriginRetired { .. } => "the agent takes a new origin: retry shortly",
        }
    }
}

/// Why a proposed channel record was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// It does not hang together or is not signed by whom it must be. Nothing was written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It is not above what this node has. Nothing was written.
    #[error("generation {actual} of `{channel}` is not above generation {current}")]
    NotHigher {
        /// Which channel.
        channel: String,
        /// The generation proposed.
        actual: u64,
        /// The generation this node has.
        current: u64,
    },
    /// More channels than a node carries. Nothing was written.
    #[error("channel `{channel}` would be one more than the limit {channels_max}")]
    ChannelLimit {
        /// Which channel.
        channel: String,
        /// [`crate::Config::channels_max`].
        channels_max: usize,
    },
}

/// Something an operator should know. None of them stops the node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// An origin signed two things for one place. The first copy is kept.
    #[error("{stream} wrote {first} and {second} at sequence {seq}; the first is kept")]
    Equivocation {
        /// Which stream.
        stream: Stream,
        /// Where.
        seq: u64,
        /// Digest of the batch that is kept.
        first: Digest,
        /// Digest of the other one.
        second: Digest,
    },
    /// A peer sent what no correct peer sends; it was ignored.
    #[error("peer {from} at {addr}: {fault}")]
    PeerFault {
        /// Who.
        from: NodeId,
        /// Where.
        addr: SocketAddr,
        /// What.
        fault: Fault,
    },
    /// Events of one more stream than the limit were refused.
    #[error("{stream} refused: {streams_max} event streams are known")]
    StreamLimit {
        /// Which stream.
        stream: Stream,
        /// [`crate::STREAMS_MAX`].
        streams_max: usize,
    },
    /// A channel of a peer was refused: too many.
    #[error("channel `{channel}` refused: {channels_max} channels are known")]
    ChannelLimit {
        /// Which channel.
        channel: String,
        /// [`crate::Config::channels_max`].
        channels_max: usize,
    },
    /// A content root stays different from a peer's.
    #[error("content differs from {addr} for {for_ms} ms")]
    Diverged {
        /// Which peer.
        addr: SocketAddr,
        /// Since how long.
        for_ms: u64,
    },
}

/// One thing to do. The order of outputs is the order to do them in.
#[derive(Clone, Debug)]
pub enum Output {
    /// Sends a frame. Without a connection to that address the shell opens one on demand; what it
    /// cannot send it may drop.
    Send {
        /// The peer's advertised address.
        to: SocketAddr,
        /// What to send.
        frame: Frame,
        /// How urgent.
        class: Class,
    },
    /// Reads these batches from the log and sends them as repair:
    /// [`crate::frame::pack_events`]`(batches, true, true, None)`, class [`Class::Event`].
    SendEvents {
        /// The peer's advertised address.
        to: SocketAddr,
        /// Which stream.
        stream: Stream,
        /// First sequence number of the first batch.
        first_seq: u64,
        /// Last sequence number of the last batch.
        last_seq: u64,
    },
    /// Reads this piece of an envelope or blob from disk and sends it as `BlobTell`, class
    /// [`Class::Bulk`]; `BlobNone` when it is gone.
    SendBlob {
        /// The peer's advertised address.
        to: SocketAddr,
        /// A bundle's digest for its envelope, otherwise a blob's.
        digest: Digest,
        /// From this byte on.
        offset: u32,
        /// At most this many bytes.
        length: u32,
        /// Trace to put into the frame.
        trace: Option<String>,
    },
    /// Keeps a connection to this peer. Its end, or failure, is reported once; the replica asks
    /// again.
    Connect {
        /// The peer's advertised address.
        peer: SocketAddr,
    },
    /// The connection is no longer needed; the shell may close it when it idles.
    Disconnect {
        /// The peer's advertised address.
        peer: SocketAddr,
    },
    /// Comes back as [`crate::Input::Timer`], not before `at`. Never cancelled.
    Arm {
        /// Which.
        token: Token,
        /// When.
        at: Time,
    },
    /// Writes all of this atomically and syncs it; completion comes back as
    /// [`crate::Input::Persisted`]. Tickets may complete in any order. A failure is fatal: the
    /// shell stops and starts again from disk.
    Persist {
        /// Which.
        ticket: u64,
        /// What.
        writes: Vec<Write>,
    },
    /// A batch is durable here and everything it depends on was delivered before.
    Delivered {
        /// Place in this node's order, contiguous from 0.
        local: u64,
        /// The events.
        batch: Arc<Batch>,
        /// Per event: a copy of a key that was delivered here before. Counts as delivered, is not
        /// shown to consumers.
        suppressed: Vec<bool>,
        /// W3C `traceparent` it travelled with.
        trace: Option<String>,
    },
    /// The answer to [`crate::Input::Publish`].
    Published {
        /// Which.
        request: u64,
        /// The outcome.
        result: Result<Published, PublishError>,
    },
    /// A higher directive is accepted and durable.
    ChannelChanged {
        /// Which channel.
        channel: String,
        /// What it should be.
        directive: Directive,
        /// The register.
        record: ChannelRecord,
        /// W3C `traceparent` it travelled with.
        trace: Option<String>,
    },
    /// A record given to [`crate::Input::Propose`] was not taken.
    ProposalRefused {
        /// Which channel, as far as it could be read.
        channel: String,
        /// Digest of its newest directive, none for an empty record.
        directive: Option<Digest>,
        /// Why.
        error: ProposeError,
    },
    /// An envelope arrived: check that it is the bundle `digest`, its signatures and its
    /// manifest, and answer with [`crate::Input::EnvelopeOpened`]. It is persisted afterwards.
    OpenEnvelope {
        /// Which bundle.
        digest: Digest,
        /// The envelope, of the length that was announced.
        bytes: Bytes,
    },
    /// A bundle is held in full and durable.
    BundleStored {
        /// Which.
        digest: Digest,
        /// W3C `traceparent` it travelled with.
        trace: Option<String>,
    },
    /// A bundle could not be had from any peer that offered it. Said once per bundle; a new
    /// source is tried all the same.
    BundleRejected {
        /// Which.
        digest: Digest,
        /// Why.
        reason: String,
    },
    /// Peers know later writes of this origin than this node does: its disk was rewound. The
    /// shell takes a new origin (a new key) and restarts the replica; until then publishing is
    /// refused.
    NewOriginNeeded {
        /// What peers know.
        seen: Dot,
    },
    /// Something an operator should know.
    Alarm(Alarm),
}
