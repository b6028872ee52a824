//! Watching the embedded coordinator.
//!
//! A watcher remembers the number of the last write that it has told. When something changed it
//! tells everything with a higher number, in that order: a slow reader is spared intermediate
//! states and nothing is queued for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cairn_gossip::NodeId;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch as signal;

use super::Shared;
use super::state::{State, Stored};
use crate::coordinator::{NodeRecord, WatchEvent};

struct Watcher {
    shared: Arc<Shared>,
    changes: signal::Receiver<u64>,
    /// Number of the last write told.
    told: u64,
    nodes: BTreeMap<NodeId, NodeRecord>,
    pending: VecDeque<WatchEvent>,
    synced: bool,
}

pub(super) fn stream(shared: Arc<Shared>) -> BoxStream<'static, WatchEvent> {
    let changes = shared.changes.subscribe();
    let watcher = Watcher {
        shared,
        changes,
        told: 0,
        nodes: BTreeMap::new(),
        pending: VecDeque::new(),
        synced: false,
    };
    stream::unfold(watcher, |mut watcher| async move {
        loop {
            if let Some(event) = watcher.pending.pop_front() {
                return Some((event, watcher));
            }
            if watcher.synced {
                watcher.changes.changed().await.ok()?;
            }
            watcher.changes.mark_unchanged();
            watcher.look();
        }
    })
    .boxed()
}

impl Watcher {
    fn look(&mut self) {
        let shared = self.shared.clone();
        let state = shared.state();
        self.records(&state);
        let nodes = state.nodes().into_iter().map(|node| (node.id, node)).collect();
        drop(state);
        self.compare_nodes(nodes);
        if !self.synced {
            self.synced = true;
            self.pending.push_back(WatchEvent::Synced { restored: false });
        }
    }

    fn records(&mut self, state: &State) {
        let durable = &state.durable;
        let mut fresh: Vec<(u64, WatchEvent)> = Vec::new();
        for ((ruleset, version), stored) in &durable.versions {
            if stored.number > self.told {
                let key = format!("{ruleset}/{version}");
                fresh.push((stored.number, event(&key, stored, WatchEvent::Version)));
            }
        }
        for (channel, stored) in &durable.channels {
            if stored.number > self.told {
                let revision = stored.revision();
                let name = channel.clone();
                let told = |record| WatchEvent::Channel { channel: name, record, revision };
                fresh.push((stored.number, event(channel, stored, told)));
            }
        }
        fresh.sort_by_key(|(number, _)| *number);
        self.pending.extend(fresh.into_iter().map(|(_, event)| event));
        self.told = durable.number;
    }

    fn compare_nodes(&mut self, nodes: BTreeMap<NodeId, NodeRecord>) {
        for (id, node) in &nodes {
            if self.nodes.get(id) != Some(node) {
                self.pending.push_back(WatchEvent::Node(node.clone()));
            }
        }
        for id in self.nodes.keys().filter(|id| !nodes.contains_key(*id)) {
            self.pending.push_back(WatchEvent::NodeGone { id: *id });
        }
        self.nodes = nodes;
    }
}

fn event<T: serde::de::DeserializeOwned>(
    key: &str,
    stored: &Stored,
    told: impl FnOnce(T) -> WatchEvent,
) -> WatchEvent {
    match crate::coordinator::codec::decode(&stored.value) {
        Ok(record) => told(record),
        Err(reason) => WatchEvent::Corrupt { key: key.to_owned(), reason },
    }
}
