//! The end: faults stop, and the fleet has a bounded time to agree (I10).

use std::time::Duration;

use super::coordinator::CHANNEL;
use super::world::{Happening, World};
use crate::history::Happened;

/// How often the end is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Nothing may have moved for so long before a run ends early.
const QUIET: Duration = Duration::from_secs(2);

impl World {
    pub(super) fn end_faults(&mut self) {
        self.calm = true;
        self.record(Happened::FaultsEnded);
        self.network.side.fill(0);
        for node in 0..self.nodes.len() {
            self.start(node);
        }
        // One more release that works: a node that was away may have missed every good one. Who
        // is not told hears of it from the others.
        self.roll_out(true);
        self.last_progress = self.now;
        self.after(LOOK_EVERY, Happening::Settle);
    }

    /// Ends the run when the fleet agrees and nothing moves, or when its time is up.
    pub(super) fn settle(&mut self) {
        let deadline =
            cairn_gossip::Time::ZERO.plus(self.config.duration).plus(self.config.settle_max);
        let is_quiet = self.now.since(self.quiet_since()) >= QUIET;
        if self.now < deadline && !(is_quiet && self.agrees()) {
            self.after(LOOK_EVERY, Happening::Settle);
            return;
        }
        let newest = self.newest();
        for index in 0..self.nodes.len() {
            self.count_stats(index);
            let node = &self.nodes[index];
            let live = node.live.get(CHANNEL).copied();
            if live != newest {
                let message = format!("node {index} serves {live:?}, the release is {newest:?}");
                self.violate("I10", message);
            }
            let node = &self.nodes[index];
            let Some(agent) = &node.agent else {
                continue;
            };
            let settled = Happened::Settled {
                node: index as u32,
                root: agent.replica().root(),
                vector: agent.delivered().clone(),
                live: node.live.clone(),
            };
            self.record(settled);
        }
        self.done = true;
    }

    fn agrees(&self) -> bool {
        let states = self.nodes.iter().filter_map(|node| {
            let agent = node.agent.as_ref()?;
            Some((agent.replica().root(), agent.delivered(), &node.live))
        });
        let mut states = states.collect::<Vec<_>>();
        let count = states.len();
        states.dedup();
        count == self.nodes.len()
            && states.len() == 1
            && self.publishers.iter().all(|publisher| publisher.is_idle())
            && self.consumers.iter().all(|consumer| consumer.is_streaming())
    }
}
