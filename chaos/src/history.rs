//! What happened in one run, in order: the only thing that the invariants judge.
//!
//! The simulation writes it, and so can a test over real processes: nothing in it needs the
//! inside of a node. Nodes, publishers and consumers are numbered by whoever writes.

use std::collections::BTreeMap;

use cairn_gossip::{Dot, EventKey, Time, VersionVector};
use cairn_merkle::Digest;

/// A node's number in this history.
pub type NodeIndex = u32;
/// A consumer's number in this history.
pub type ConsumerIndex = u32;
/// A session's number in this history; never used twice.
pub type SessionIndex = u64;

/// How a consumer keeps its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// The node keeps the cursor. Deliveries after the last answered ack come again after a
    /// broken session; none at or before it does.
    ByNode,
    /// The consumer commits the cursor together with its effect and presents it: each event
    /// exactly once over its whole life, at whichever node.
    WithEffect,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Happened {
    /// A publisher was told that its event is accepted under `dot`.
    Published {
        /// Where.
        node: NodeIndex,
        /// The publisher's idempotency key: one attempt and all of its retries share it.
        attempt: u128,
        /// The id that was answered.
        dot: Dot,
        /// A hash of the payload that was handed over.
        payload: u64,
        /// The topic.
        topic: String,
        /// The cluster-wide key, if any.
        key: Option<EventKey>,
        /// What the publisher had seen: deliveries must respect it.
        context: VersionVector,
    },
    /// A session started.
    SessionOpened {
        /// Who.
        consumer: ConsumerIndex,
        /// Its number.
        session: SessionIndex,
        /// Where.
        node: NodeIndex,
        /// How this consumer keeps its place; the same in all of its sessions.
        keeping: Keeping,
        /// The cursor that it resumed from, as the node answered.
        from: VersionVector,
        /// Topics asked for; empty means all.
        topics: Vec<String>,
    },
    /// An event reached a consumer.
    Delivered {
        /// Who.
        consumer: ConsumerIndex,
        /// In which session.
        session: SessionIndex,
        /// Which event.
        dot: Dot,
        /// A hash of its payload.
        payload: u64,
        /// Its topic.
        topic: String,
        /// Its cluster-wide key.
        key: Option<EventKey>,
    },
    /// A node answered an ack: it will never deliver below `cursor` to this consumer again.
    Acked {
        /// Who.
        consumer: ConsumerIndex,
        /// Where: the promise is this node's.
        node: NodeIndex,
        /// Up to where.
        cursor: VersionVector,
    },
    /// A node took a directive as the newest of its channel.
    Accepted {
        /// Where.
        node: NodeIndex,
        /// The channel.
        channel: String,
        /// The directive's place in the channel's history.
        generation: u64,
        /// Its target.
        target: Digest,
    },
    /// A node made a version live.
    Activated {
        /// Where.
        node: NodeIndex,
        /// The channel.
        channel: String,
        /// The directive's generation.
        generation: u64,
        /// The bundle.
        target: Digest,
        /// Whether everything that the bundle names was there, intact and stageable, when an
        /// observer outside the node looked at its durable state at this instant.
        intact: bool,
    },
    /// A node lost everything that was not synced.
    Crashed {
        /// Which.
        node: NodeIndex,
    },
    /// Faults are over; from here on the fleet has a bounded time to agree.
    FaultsEnded,
    /// The state of a node at the end.
    Settled {
        /// Which.
        node: NodeIndex,
        /// Its content root.
        root: Digest,
        /// Its events.
        vector: VersionVector,
        /// Its live generation and bundle per channel.
        live: BTreeMap<String, (u64, Digest)>,
    },
}

/// One line of a history.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When, since the start.
    pub at: Time,
    /// What.
    pub happened: Happened,
}

/// Everything that an observer outside the nodes saw, in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Vec<Entry>,
}

impl History {
    /// An empty history.
    #[must_use]
    pub fn new() -> History {
        History::default()
    }

    /// Adds one line; `at` never goes back.
    pub fn record(&mut self, at: Time, happened: Happened) {
        self.entries.push(Entry { at, happened });
    }

    /// All lines in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last state of each node, as recorded at the end.
    #[must_use]
    pub fn settled(&self) -> BTreeMap<NodeIndex, &Entry> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.happened {
                Happened::Settled { node, .. } => Some((*node, entry)),
                _ => None,
            })
            .collect()
    }
}
