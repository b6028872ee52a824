//! What the embedded coordinator knows: pure data, one lock around it.

use std::collections::{BTreeMap, VecDeque};

use cairn_gossip::NodeId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::codec::decode;
use super::super::{CoordinatorError, NodeRecord, Revision};

/// A value with the number of the write that put it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) value: Vec<u8>,
}

impl Stored {
    pub(super) fn revision(&self) -> Revision {
        Revision::new(self.number, &self.value)
    }

    pub(super) fn decode<T: DeserializeOwned>(&self, key: &str) -> Result<T, CoordinatorError> {
        decode(&self.value).map_err(|reason| CoordinatorError::Corrupt {
            key: key.to_owned(),
            revision: self.revision(),
            reason,
        })
    }
}

/// What survives a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Durable {
    /// How often the directory has been opened.
    pub(super) epoch: u32,
    /// Number of the last write.
    pub(super) number: u64,
    /// By (rule set, version).
    pub(super) versions: BTreeMap<(String, String), Stored>,
    /// By `<ruleset>/<name>`.
    pub(super) channels: BTreeMap<String, Stored>,
}

impl Durable {
    /// Give `value` the next number.
    pub(super) fn store(&mut self, value: Vec<u8>) -> Stored {
        self.number += 1;
        Stored { number: self.number, value }
    }
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) durable: Durable,
    /// By id: the newest registration of a node wins, an older one's end does not end it.
    nodes: BTreeMap<NodeId, (u64, NodeRecord)>,
    /// Who stands for controller, in order of arrival; the first leads.
    candidates: VecDeque<(u64, String)>,
    /// Leaders so far in this process.
    leaders_count: u32,
    /// Last number given to a registration or a candidate.
    seat: u64,
}

impl State {
    pub(super) fn recovered(durable: Durable) -> State {
        State { durable, ..State::default() }
    }

    fn next_seat(&mut self) -> u64 {
        self.seat += 1;
        self.seat
    }

    pub(super) fn register(&mut self, node: NodeRecord) -> u64 {
        let seat = self.next_seat();
        self.nodes.insert(node.id, (seat, node));
        seat
    }

    pub(super) fn unregister(&mut self, seat: u64) {
        self.nodes.retain(|_, (held, _)| *held != seat);
    }

    pub(super) fn nodes(&self) -> Vec<NodeRecord> {
        self.nodes.values().map(|(_, node)| node.clone()).collect()
    }

    pub(super) fn stand(&mut self, name: String) -> u64 {
        let seat = self.next_seat();
        self.candidates.push_back((seat, name));
        if self.candidates.len() == 1 {
            self.leaders_count += 1;
        }
        seat
    }

    pub(super) fn withdraw(&mut self, seat: u64) {
        let led = self.candidates.front().is_some_and(|(first, _)| *first == seat);
        self.candidates.retain(|(held, _)| *held != seat);
        if led && !self.candidates.is_empty() {
            self.leaders_count += 1;
        }
    }

    /// Who leads: seat, name and term.
    pub(super) fn leader(&self) -> Option<(u64, &str, u64)> {
        let (seat, name) = self.candidates.front()?;
        let term = (u64::from(self.durable.epoch) << 32) | u64::from(self.leaders_count);
        Some((*seat, name, term))
    }
}
