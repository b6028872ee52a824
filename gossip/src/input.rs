//! Everything that can happen to a replica.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use cairn_merkle::Digest;

use crate::directive::ChannelRecord;
use crate::event::Event;
use crate::frame::Frame;
use crate::head::{BlobRef, BundleHead};
use crate::id::NodeId;
use crate::vector::VersionVector;

/// Names one armed timer. Each is given out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// How durable a publisher wants its event before it is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Fsynced at this node.
    Local,
    /// Fsynced at this node and at `count` more.
    Replicated {
        /// How many other nodes.
        count: u8,
    },
}

/// An event that a local client publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Comes back in [`crate::Output::Published`].
    pub request: u64,
    /// What to publish.
    pub event: Event,
    /// What the publisher has seen (its cursor); the event is delivered nowhere before it.
    /// Absent: all that this node has delivered.
    pub context: Option<VersionVector>,
    /// How durable before it is answered.
    pub level: Level,
    /// How long the publisher waits for that; cut to [`crate::Config::publish_timeout_max`].
    pub timeout: Duration,
    /// W3C `traceparent` of the request.
    pub trace: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// First of all: arms the timers and announces to the seeds.
    Start,
    /// A timer that [`crate::Output::Arm`] asked for is due.
    Timer(Token),
    /// Our outgoing connection to this peer's advertised address stands and its hello is written,
    /// whether we asked for it with `Connect` or the shell opened it for a `Send`.
    Connected {
        /// The peer's advertised address.
        peer: SocketAddr,
    },
    /// It ended, or could not be opened.
    Disconnected {
        /// The peer's advertised address.
        peer: SocketAddr,
    },
    /// A frame from a peer whose hello was checked.
    Received {
        /// Who the hello said it is.
        from: NodeId,
        /// Where the hello said it listens.
        addr: SocketAddr,
        /// What it sent.
        frame: Frame,
    },
    /// A local client publishes an event.
    Publish(Publish),
    /// The writes of [`crate::Output::Persist`] are on disk and synced.
    Persisted {
        /// Which.
        ticket: u64,
    },
    /// The coordinator or a local operator says what a channel should be.
    Propose {
        /// The channel's record: see [`ChannelRecord::following`].
        record: ChannelRecord,
        /// W3C `traceparent` of the request.
        trace: Option<String>,
    },
    /// A bundle was added at this node: verified, and its envelope and blobs already durable.
    BundleAdded {
        /// Announces it.
        head: BundleHead,
        /// Everything the bundle consists of beside the envelope.
        blobs: Vec<BlobRef>,
        /// W3C `traceparent` of the request.
        trace: Option<String>,
    },
    /// What this node says about itself from now on, at most
    /// [`crate::status::STATUS_BYTES_MAX`] opaque bytes. Reaches every member.
    SetStatus(Bytes),
    /// Peers learned at run time, for example from a coordinator's registry: announced to like
    /// [`crate::Config::seeds`]. Replaces the peers of an earlier call; beyond
    /// [`crate::config::LEARNED_SEEDS_MAX`] the rest is ignored.
    Seeds(Vec<SocketAddr>),
    /// The answer to [`crate::Output::OpenEnvelope`].
    EnvelopeOpened {
        /// Which bundle.
        digest: Digest,
        /// What it consists of beside the envelope, or why it is not to be trusted.
        result: Result<Vec<BlobRef>, String>,
    },
}
