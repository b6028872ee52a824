//! What a coordinator stores and tells.

use std::fmt;

use cairn_gossip::{ChannelRecord, NodeId};
use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// One published version of a rule set. Create-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// The rule set.
    pub ruleset: String,
    /// Its semantic version, as written.
    pub version: String,
    /// The bundle's digest.
    pub digest: Digest,
    /// Bytes of the bundle's envelope.
    pub envelope_bytes: u32,
    /// When it was published, by the publisher's clock, in milliseconds since the Unix epoch.
    pub published_ms: u64,
    /// The signed bundle head, encoded by whoever made it; opaque here.
    pub head: Vec<u8>,
}

/// How a version's registration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It is new.
    Created,
    /// The very same bundle was registered before; nothing changed.
    AlreadySame,
    /// The version exists with another bundle; nothing changed.
    Conflict {
        /// The digest on record.
        existing: Digest,
    },
}

/// Where a channel's record stands: what the next proposal expects.
///
/// Opaque, and valid for the coordinator that gave it. It names the stored content beside the
/// backend's counter, because a coordinator restored from a backup counts the same numbers again
/// for other content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    pub(crate) number: u64,
    pub(crate) content: Digest,
}

impl Revision {
    pub(crate) fn new(number: u64, value: &[u8]) -> Revision {
        Revision { number, content: Digest::of(value) }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.content.short())
    }
}

/// A node that others may dial to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its id.
    pub id: NodeId,
    /// Its name for people.
    pub name: String,
    /// Where its gossip is reached, `host:port`.
    pub addr: String,
}

/// What a watch tells.
///
/// `Unreachable` and `Reachable` alternate, beginning with `Unreachable` when the first attempt
/// fails; a watch that has said neither is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// A channel's record, when the watch begins and whenever it changes.
    Channel {
        /// `<ruleset>/<name>`.
        channel: String,
        /// The record: decoded, **not verified**.
        record: ChannelRecord,
        /// What a proposal has to expect.
        revision: Revision,
    },
    /// A channel that was there is not any more: deleted by hand, or absent from the backup that
    /// the coordinator was restored from. What is live stays live.
    ChannelGone {
        /// `<ruleset>/<name>`.
        channel: String,
    },
    /// A version.
    Version(VersionRecord),
    /// A node registered, or registered again with another address.
    Node(NodeRecord),
    /// A node's registration ended.
    NodeGone {
        /// Its id.
        id: NodeId,
    },
    /// All that stands in the coordinator has been told. Comes after the first snapshot and after
    /// each later comparison with the whole state.
    Synced {
        /// The coordinator's own history went back (it was restored from a backup, or replaced):
        /// what the fleet knows may be newer than what is stored.
        restored: bool,
    },
    /// A value under our prefix is not one of ours. It was skipped; the last good one stands.
    Corrupt {
        /// Its key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The connection is lost, or could not be made. The watch keeps trying.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The connection is back; changes that were missed follow, then `Synced`.
    Reachable,
}

/// What a campaign tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// We lead, until `Lost`.
    Leader {
        /// Grows with every new leader of one coordinator's history.
        term: u64,
    },
    /// Somebody else leads.
    Follower {
        /// Who: the name it campaigns under.
        leader: String,
    },
    /// Nobody is known to lead: we lost it, or the coordinator cannot be reached.
    Lost {
        /// Why.
        reason: String,
    },
}

/// Keeps a node in the registry. Dropping it takes the node out.
#[derive(Debug)]
#[must_use = "dropping a registration ends it"]
pub struct Registration {
    /// Dropped with us: whoever keeps the registration alive waits for that.
    _held: oneshot::Sender<()>,
}

impl Registration {
    /// A registration, and what resolves (with an error) once it was dropped.
    pub(crate) fn new() -> (Registration, oneshot::Receiver<()>) {
        let (held, dropped) = oneshot::channel();
        (Registration { _held: held }, dropped)
    }
}
