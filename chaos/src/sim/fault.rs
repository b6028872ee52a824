//! What the world does to the fleet until it stops.

use std::time::Duration;

use super::world::{Fault, Happening, World};
use crate::invariant::{Violation, i17_merkle_diff};

impl World {
    /// When this fault comes next.
    pub(super) fn arm_fault(&mut self, fault: Fault) {
        let faults = &self.faults;
        let mean = match fault {
            Fault::CutLink => faults.cut_link_every,
            Fault::Partition => faults.partition_every,
            Fault::Heal => faults.partition_for,
            Fault::Crash => faults.crash_every,
            Fault::CutSession => faults.cut_session_every,
            Fault::FireTimer => Duration::from_secs(45),
            Fault::Rollout => faults.rollout_every,
            Fault::Stale => faults.stale_every,
            Fault::CompareTries => Duration::from_secs(60),
            Fault::End => return,
        };
        let gap = self.chance.around(mean);
        self.after(gap, Happening::Fault(fault));
    }

    pub(super) fn strike(&mut self, fault: Fault) {
        if self.calm {
            return;
        }
        self.trace.fold(self.now, 18, fault as u64, 0);
        match fault {
            Fault::CutLink => self.cut_links(),
            Fault::Partition => self.partition(),
            Fault::Heal => return self.heal(),
            Fault::Crash => self.crash_some(),
            Fault::CutSession => self.cut_session(),
            Fault::FireTimer => {
                let n = self.now.as_millis();
                self.fire(n);
            }
            Fault::Rollout => self.roll_out(false),
            Fault::Stale => self.replay_stale(),
            Fault::CompareTries => self.compare_tries(),
            Fault::End => return self.end_faults(),
        }
        self.arm_fault(fault);
    }

    /// Breaks a few connections at once.
    fn cut_links(&mut self) {
        let count = self.nodes.len();
        for _ in 0..self.chance.between(1, 4) {
            let (from, to) = (self.chance.below(count), self.chance.below(count));
            if from != to {
                self.cut(from, to);
                // Whoever is cut may come back over a worse path.
                let bad = self.chance.percent(20);
                self.network.link(from, to).bad = bad;
            }
        }
    }

    /// Splits the fleet in two; connections across break within seconds.
    fn partition(&mut self) {
        if self.network.side.iter().any(|side| *side != 0) {
            return;
        }
        for node in 0..self.nodes.len() {
            self.network.side[node] = u8::from(self.chance.percent(40));
        }
        self.network.one_way = self.chance.percent(25);
        let side = self.network.side.clone();
        self.trace.say(self.now, || format!("partition {side:?}"));
        self.counts.partitions += 1;
        for from in 0..side.len() {
            for to in 0..side.len() {
                if self.network.blocked(from, to) {
                    self.doom_slowly(from, to);
                }
            }
        }
        self.arm_fault(Fault::Heal);
    }

    /// What a blocked connection carries is lost at once; the sender notices after a while.
    fn doom_slowly(&mut self, from: usize, to: usize) {
        let link = self.network.link(from, to);
        if link.state != super::network::State::Up {
            return;
        }
        link.doom();
        let epoch = link.epoch;
        self.counts.cuts += 1;
        let delay = Duration::from_millis(self.chance.between(100, 4_000));
        self.after(delay, Happening::LinkEnded { from, to, epoch });
    }

    fn heal(&mut self) {
        self.trace.say(self.now, || "partition heals".to_owned());
        self.network.side.fill(0);
    }

    fn crash_some(&mut self) {
        // Now and then everybody at once: the disks are all that is left.
        let all = self.chance.percent(5);
        let victim = self.chance.below(self.nodes.len());
        for node in 0..self.nodes.len() {
            if (all || node == victim) && self.nodes[node].is_up() {
                // The worst moment is in the middle of a write: wait for one, mostly.
                if !all && self.chance.percent(70) {
                    self.nodes[node].ambushed = true;
                    self.nodes[node].ambushed_files = self.chance.percent(50);
                } else {
                    self.crash(node);
                }
            }
        }
    }

    /// Compares two nodes' tries by exchange and by brute force (I17).
    fn compare_tries(&mut self) {
        let count = self.nodes.len();
        let (local, remote) = (self.chance.below(count), self.chance.below(count));
        if let (Some(local), Some(remote)) = (&self.nodes[local].agent, &self.nodes[remote].agent) {
            let (local, remote) = (local.replica().trie(), remote.replica().trie());
            i17_merkle_diff::check(local, remote, self.now, &mut self.violations);
        }
    }

    pub(super) fn violate(&mut self, invariant: &'static str, message: String) {
        self.violations.push(Violation { invariant, at: self.now, message });
    }
}
