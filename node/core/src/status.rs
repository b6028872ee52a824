//! What an agent can say about itself.

use cairn_gossip::VersionVector;
use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use crate::activation::{ActivationRecord, Pointers};
use crate::input::StageFault;

/// A snapshot of the core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Digest of everything replicated but events.
    pub root: Digest,
    /// Events that are durable here.
    pub vector: VersionVector,
    /// Every channel of this node, in order of names.
    pub channels: Vec<ChannelStatus>,
    /// Every consumer that this node keeps a cursor for, in order of names.
    pub consumers: Vec<ConsumerStatus>,
}

/// Where a channel is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelStatus {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// What serves.
    pub live: Option<ActivationRecord>,
    /// What went live, newest first: going back to one of these needs no download.
    pub kept: Vec<ActivationRecord>,
    /// What is on its way.
    pub candidate: Option<ActivationRecord>,
    /// The last candidate that failed, until a later one goes live.
    pub rejected: Option<Rejection>,
    /// How far which generation has come.
    pub pointers: Pointers,
}

/// A candidate that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Of which directive.
    pub generation: u64,
    /// Which bundle.
    pub digest: Digest,
    /// Why.
    pub fault: StageFault,
}

/// Where a consumer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerStatus {
    /// Its name.
    pub name: String,
    /// Up to where it has acked.
    pub cursor: VersionVector,
    /// Events delivered at this node that it has not acked, whatever their topics.
    pub behind_count: u64,
    /// Whether it has a session here.
    pub connected: bool,
}
