//! The replica: all parts behind one `handle`.

use std::time::Duration;

use cairn_merkle::Digest;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::bundles::BundleProgress;
use crate::config::Config;
use crate::core::Core;
use crate::directive::{ChannelRecord, Directive};
use crate::event::EventKey;
use crate::fx::{Fx, Pending};
use crate::id::{Dot, NodeId, Stream};
use crate::input::Input;
use crate::log::Located;
use crate::membership::Member;
use crate::output::Output;
use crate::recovered::Recovered;
use crate::stats::Stats;
use crate::status::NodeStatus;
use crate::time::Time;
use crate::vector::VersionVector;
use crate::verify::{Sign, Verify};

/// The replication core of one node.
///
/// # Order of calls
/// [`Input::Start`] first; it also says [`Output::BundleStored`] for every bundle that the store
/// holds in full. After that inputs in any order. `now` must not go back.
pub struct Replica {
    config: Config,
    pending: Pending,
    rng: StdRng,
    stats: Stats,
    core: Core,
}

impl Replica {
    /// A replica that continues from what its store found. `seed` feeds every random choice: the
    /// same seed, store and inputs give the same outputs in every process.
    pub fn new(
        config: Config,
        verify: Box<dyn Verify + Send>,
        sign: Box<dyn Sign + Send>,
        recovered: Recovered,
        seed: u64,
    ) -> Replica {
        let core = Core::new(&config, verify, sign, recovered, seed);
        let rng = StdRng::seed_from_u64(seed);
        Replica { config, pending: Pending::default(), rng, stats: Stats::default(), core }
    }

    /// One thing happened; what is to be done is appended to `out`, in order.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        let mut fx = Fx {
            now,
            config: &self.config,
            out,
            pending: &mut self.pending,
            rng: &mut self.rng,
            stats: &mut self.stats,
        };
        self.core.handle(input, &mut fx);
    }

    /// The configuration it runs with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.core.node
    }

    /// The stream this node publishes on.
    pub fn stream(&self) -> Stream {
        self.core.publisher.stream
    }

    /// The content root: channels, heads of bundles and fully held bundles. Equal root and equal vector mean equal
    /// state.
    pub fn root(&self) -> Digest {
        self.core.content.root()
    }

    /// The trie behind [`Replica::root`], for whoever compares two of them.
    pub fn trie(&self) -> &cairn_merkle::Trie {
        self.core.content.trie()
    }

    /// Which events are durable and delivered here.
    pub fn vector(&self) -> &VersionVector {
        &self.core.log.vector
    }

    /// Every node that membership holds for alive, this one included, by node id.
    pub fn members(&self) -> Vec<Member> {
        let others = self.core.membership.others();
        let mut members: Vec<Member> =
            others.iter().map(|(node, addr)| Member { node: *node, addr: *addr }).collect();
        members.push(Member { node: self.core.node, addr: self.config.addr });
        members.sort_unstable();
        members
    }

    /// What a node said about itself last, as far as it reached this node.
    pub fn status(&self, node: &NodeId) -> Option<&NodeStatus> {
        self.core.statuses.of(node)
    }

    /// What nodes said last that were members and are none any more, and since when they are down.
    /// A node that stays away for [`DOWN_KEPT`](crate::status::DOWN_KEPT) is forgotten.
    pub fn down(&self) -> Vec<(&NodeStatus, Time)> {
        self.core.statuses.down().collect()
    }

    /// The peers we keep connections to, by address, and whether each connection stands.
    pub fn view(&self) -> Vec<(Member, bool)> {
        self.core.view.all()
    }

    /// The durable register of a channel.
    pub fn channel(&self, name: &str) -> Option<&ChannelRecord> {
        self.core.channels.record(name)
    }

    /// The durable directive of a channel.
    pub fn directive(&self, channel: &str) -> Option<&Directive> {
        self.core.channels.directive(channel)
    }

    /// Names of all channels with a durable register, in order.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.core.channels.names()
    }

    /// How far a bundle has come; `None` when nothing that is kept names it.
    pub fn bundle(&self, digest: &Digest) -> Option<BundleProgress> {
        self.core.bundles.progress(digest)
    }

    /// Every bundle that is kept or wanted, in order of digest.
    pub fn bundles(&self) -> impl Iterator<Item = &Digest> {
        self.core.bundles.kept.keys()
    }

    /// Every event delivered here under this key, in this node's order: the first one won, the
    /// others were suppressed. A consumer whose cursor holds any of them has seen the key.
    pub fn key_dots(&self, key: &EventKey) -> &[Dot] {
        self.core.log.key_dots(key)
    }

    /// Where the batch that holds this event stands in this node's log; `None` when it is not
    /// there. O(log n).
    pub fn locate(&self, dot: &Dot) -> Option<Located> {
        self.core.log.locate(dot)
    }

    /// How long the oldest difference of content roots to a peer has lasted.
    pub fn differs_for(&self, now: Time) -> Duration {
        self.core.anti.differs_for(now)
    }

    /// Counters and gauges.
    pub fn stats(&self) -> Stats {
        Stats {
            window_bytes: self.core.receiver.window_bytes(),
            assembly_bytes: self.core.transfer.assembly_bytes(),
            ..self.stats
        }
    }
}
