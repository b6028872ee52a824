//! A coordinator that orders directives, and what reaches nodes from it: mostly the newest, here
//! and there something old.

use cairn_gossip::{ChannelRecord, Directive, Input, SignedDirective};
use cairn_merkle::Digest;

use super::bundle::Bundle;
use super::trust::{OPERATOR, sign};
use super::world::World;

/// The one channel of the simulation.
pub(crate) const CHANNEL: &str = "simulated/prod";

/// What the coordinator holds.
#[derive(Debug, Default)]
pub(crate) struct Coordinator {
    /// Every bundle that was ever published.
    bundles: Vec<Bundle>,
    /// Every record of the channel, oldest first.
    records: Vec<ChannelRecord>,
}

impl World {
    fn some_node_up(&mut self) -> Option<usize> {
        let up: Vec<usize> =
            self.nodes.iter().filter(|node| node.is_up()).map(|node| node.index).collect();
        up.get(self.chance.below(up.len())).copied()
    }

    /// A release, or a step back to an older one.
    pub(super) fn roll_out(&mut self, must_work: bool) {
        let Some(publisher) = self.some_node_up() else {
            return;
        };
        let known = self.coordinator.bundles.len();
        let is_rollback = !must_work && known > 1 && self.chance.percent(35);
        let target = if is_rollback {
            // Nodes keep what the chain names; older ones have to be published again.
            known - 1 - self.chance.below(known.min(3))
        } else {
            let stages = must_work || !self.chance.percent(20);
            let before = self.coordinator.bundles.last();
            let bundle = Bundle::make(known as u64, stages, before, &mut self.chance);
            self.coordinator.bundles.push(bundle);
            known
        };
        let bundle = self.coordinator.bundles[target].clone();
        let (head, stages) = (bundle.head.clone(), bundle.stages);
        let blobs = bundle.blobs.iter().map(|(blob, _)| *blob).collect();
        self.nodes[publisher].disk.add_bundle(&bundle);
        let added = Input::BundleAdded { head: head.clone(), blobs, trace: None };
        self.tell(publisher, added);

        let before = self.coordinator.records.last();
        let newest = before.and_then(ChannelRecord::newest);
        let directive = Directive {
            format: cairn_gossip::directive::DIRECTIVE_FORMAT,
            channel: CHANNEL.to_owned(),
            generation: self.coordinator.records.len() as u64 + 1,
            target: head.bundle,
            rollout: None,
            freeze: false,
            previous: newest.map(SignedDirective::digest),
            break_glass: false,
            actor: "operator".to_owned(),
            writer: "simulation".to_owned(),
            reason: if is_rollback { "rollback" } else { "release" }.to_owned(),
            time_ms: self.now.as_millis(),
        };
        let Ok(body) = directive.encode() else {
            return;
        };
        let signed = SignedDirective { signature: sign(&OPERATOR, &body), key: OPERATOR, body };
        let record = ChannelRecord::following(before, signed);
        self.coordinator.records.push(record.clone());
        let generation = directive.generation;
        self.trace.fold(self.now, 16, publisher as u64, generation);
        self.trace.say(self.now, || {
            format!("generation {generation} through node {publisher}, stages: {stages}")
        });
        self.propose(publisher, record.clone());
        if self.chance.percent(40)
            && let Some(second) = self.some_node_up()
        {
            self.propose(second, record);
        }
    }

    /// An old record comes again, as from a coordinator that was restored from a backup.
    pub(super) fn replay_stale(&mut self) {
        let known = self.coordinator.records.len();
        if known == 0 {
            return;
        }
        let place = self.chance.below(known);
        let record = self.coordinator.records[place].clone();
        if let Some(node) = self.some_node_up() {
            self.counts.stale += u64::from(place + 1 < known);
            self.trace.fold(self.now, 17, node as u64, 0);
            self.propose(node, record);
        }
    }

    /// What must be live once everybody agrees.
    pub(super) fn newest(&self) -> Option<(u64, Digest)> {
        let newest = self.coordinator.records.last()?.newest()?;
        let directive = Directive::decode(&newest.body).ok()?;
        Some((directive.generation, directive.target.digest))
    }

    fn propose(&mut self, node: usize, record: ChannelRecord) {
        if self.nodes[node].is_up() {
            let trace = None;
            self.tell(node, Input::Propose { record, trace });
        }
    }
}
