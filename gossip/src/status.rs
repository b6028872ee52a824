//! What nodes say about themselves: one small opaque record per node, the newest wins.
//!
//! Outside the content root and never on disk: it is about now. A change floods the views at once;
//! a connection begins with all that is known. Records are not signed: what a peer relays of
//! another node is believed as far as the link is. They decide nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::frame::Body;
use crate::fx::{Fx, Peer};
use crate::id::NodeId;
use crate::output::Class;
use crate::time::Time;
use crate::verify::Fault;

/// Most bytes that a node says about itself. More is cut off by whoever sets it, refused from a
/// peer.
pub const STATUS_BYTES_MAX: usize = 1024;
/// Most records in one [`Body::Status`]: they fit a frame with room to spare.
pub const STATUSES_MAX: usize = 32;

/// Shortest pause between two answers to claims about this node: two nodes that run on copies of
/// one state directory would outbid each other without end.
const REFUTE_PAUSE: Duration = Duration::from_secs(1);

/// How long the record of a node that is no member any more is kept, so that people are told who is
/// missing. A node that was replaced by another one stays in that list for as long; the default, an
/// hour, is a guess between an outage and a list of ghosts.
pub const DOWN_KEPT: Duration = Duration::from_secs(3_600);

/// What a node said about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Who.
    pub node: NodeId,
    /// In which of its lives.
    pub incarnation: u32,
    /// Grows with every change in one life.
    pub seq: u64,
    /// Opaque; at most [`STATUS_BYTES_MAX`].
    pub bytes: Bytes,
}

impl NodeStatus {
    fn place(&self) -> (u32, u64) {
        (self.incarnation, self.seq)
    }
}

/// The records of all nodes, this one included once it said something.
pub(crate) struct Statuses {
    own: NodeStatus,
    /// The highest place that somebody claimed for this node.
    outbid: (u32, u64),
    /// When a claim was last answered.
    refuted: Option<Time>,
    known: BTreeMap<NodeId, NodeStatus>,
    /// Since when a node of `known` has not been a member.
    down: BTreeMap<NodeId, Time>,
}

impl Statuses {
    pub(crate) fn new(node: NodeId, incarnation: u32) -> Statuses {
        let own = NodeStatus { node, incarnation, seq: 0, bytes: Bytes::new() };
        let outbid = own.place();
        Statuses { own, outbid, refuted: None, known: BTreeMap::new(), down: BTreeMap::new() }
    }

    /// What this node says from now on. Saying the same again is silence.
    pub(crate) fn set(&mut self, mut bytes: Bytes, to: &[SocketAddr], fx: &mut Fx<'_>) {
        bytes.truncate(STATUS_BYTES_MAX);
        if self.own.seq > 0 && self.own.bytes == bytes {
            return;
        }
        let (incarnation, seq) = self.next_place();
        self.own = NodeStatus { incarnation, seq, bytes, ..self.own.clone() };
        for peer in to {
            fx.send(*peer, Body::Status(vec![self.own.clone()]), Class::Member);
        }
    }

    /// A connection stands: all that is known of this node and of those that live. Who is down is
    /// not told on, or no node would ever be forgotten.
    pub(crate) fn greet(&self, to: SocketAddr, fx: &mut Fx<'_>) {
        let own = (self.own.seq > 0).then_some(&self.own);
        let known = self.known.values().filter(|status| !self.down.contains_key(&status.node));
        let all: Vec<NodeStatus> = own.into_iter().chain(known).cloned().collect();
        for part in all.chunks(STATUSES_MAX) {
            fx.send(to, Body::Status(part.to_vec()), Class::Member);
        }
    }

    /// A peer tells; what is news goes on to `to`. `alive` says who may stay when it is crowded.
    pub(crate) fn told(
        &mut self,
        peer: Peer,
        told: Vec<NodeStatus>,
        to: &[SocketAddr],
        alive: &BTreeMap<NodeId, SocketAddr>,
        fx: &mut Fx<'_>,
    ) {
        let longest = told.iter().map(|status| status.bytes.len()).max().unwrap_or(0);
        let limits = [
            ("node statuses in a frame", told.len(), STATUSES_MAX),
            ("node status bytes", longest, STATUS_BYTES_MAX),
        ];
        for (what, actual, max) in limits {
            if actual > max {
                let (actual, max) = (actual as u64, max as u64);
                return fx.fault(peer, Fault::OverLimit { what, actual, max });
            }
        }
        let mut news = Vec::new();
        for status in told {
            if status.node == self.own.node {
                news.extend(self.refute(&status, fx.now));
                continue;
            }
            let known = self.known.get(&status.node).map(NodeStatus::place);
            if known >= Some(status.place()) {
                continue;
            }
            if known.is_none() && self.known.len() >= fx.config.members_max {
                self.known.retain(|node, _| alive.contains_key(node));
                if self.known.len() >= fx.config.members_max {
                    continue;
                }
            }
            news.push(status.clone());
            self.known.insert(status.node, status);
        }
        if news.is_empty() {
            return;
        }
        if news.iter().any(|status| status.node == self.own.node) {
            fx.send(peer.addr, Body::Status(vec![self.own.clone()]), Class::Member);
        }
        for other in to.iter().filter(|other| **other != peer.addr) {
            fx.send(*other, Body::Status(news.clone()), Class::Member);
        }
    }

    /// Compares with the members: who is none any more is down from now on, and is forgotten when
    /// it has been down for [`DOWN_KEPT`].
    pub(crate) fn members(&mut self, alive: &BTreeMap<NodeId, SocketAddr>, now: Time) {
        self.down.retain(|node, _| !alive.contains_key(node));
        for node in self.known.keys().filter(|node| !alive.contains_key(*node)) {
            self.down.entry(*node).or_insert(now);
        }
        let forgotten = |since: &Time| now.since(*since) >= DOWN_KEPT;
        self.known.retain(|node, _| !self.down.get(node).is_some_and(forgotten));
        self.down.retain(|node, _| self.known.contains_key(node));
    }

    /// Who was a member and is none any more, and since when.
    pub(crate) fn down(&self) -> impl Iterator<Item = (&NodeStatus, Time)> {
        self.down.iter().filter_map(|(node, since)| Some((self.known.get(node)?, *since)))
    }

    /// Somebody knows more of this node than it ever said: its disk was rewound, or the record was
    /// forged. What it says now must win all the same, as in SWIM a live member outbids its death.
    /// Returns the record to tell, if it is time for one.
    fn refute(&mut self, told: &NodeStatus, now: Time) -> Option<NodeStatus> {
        if told.place() <= self.own.place() || *told == self.own {
            return None;
        }
        self.outbid = self.outbid.max(told.place());
        let too_soon = self.refuted.is_some_and(|last| now.since(last) < REFUTE_PAUSE);
        if self.own.seq == 0 || too_soon {
            return None;
        }
        self.refuted = Some(now);
        (self.own.incarnation, self.own.seq) = self.next_place();
        Some(self.own.clone())
    }

    /// Above all that is known of this node; the last place of all has none above it.
    fn next_place(&self) -> (u32, u64) {
        let (incarnation, seq) = self.own.place().max(self.outbid);
        match seq.checked_add(1) {
            Some(seq) => (incarnation, seq),
            None => (incarnation.saturating_add(1), 1),
        }
    }

    pub(crate) fn of(&self, node: &NodeId) -> Option<&NodeStatus> {
        if *node == self.own.node {
            return Some(&self.own).filter(|own| own.seq > 0);
        }
        self.known.get(node)
    }
}
