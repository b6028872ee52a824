//! The replica: all parts behind one `handle`.

use std::net::SocketAddr;

use cairn_merkle::Digest;

use crate::config::Config;
use crate::directive::{ChannelRecord, Directive};
use crate::event::EventKey;
use crate::id::{Dot, NodeId, Stream};
use crate::input::Input;
use crate::output::Output;
use crate::recovered::Recovered;
use crate::stats::Stats;
use crate::time::Time;
use crate::vector::VersionVector;
use crate::verify::{Sign, Verify};

/// A node that membership holds for alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Which.
    pub node: NodeId,
    /// Where it listens.
    pub addr: SocketAddr,
}

/// How far a bundle has come at this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleProgress {
    /// The envelope is durable.
    pub envelope: bool,
    /// Blobs that are durable.
    pub blobs_held: usize,
    /// Blobs there are; 0 until the envelope was opened.
    pub blobs_total: usize,
    /// Everything is durable: the bundle counts in the content root.
    pub complete: bool,
    /// Why it could not be had so far.
    pub rejected: Option<String>,
}

/// The replication core of one node.
pub struct Replica {
    config: Config,
    _verify: Box<dyn Verify + Send>,
    _sign: Box<dyn Sign + Send>,
    vector: VersionVector,
    _recovered: Recovered,
}

impl Replica {
    /// A replica that continues from what its store found. `seed` feeds every random choice.
    pub fn new(
        config: Config,
        verify: Box<dyn Verify + Send>,
        sign: Box<dyn Sign + Send>,
        recovered: Recovered,
        _seed: u64,
    ) -> Replica {
        let vector = VersionVector::new();
        Replica { config, _verify: verify, _sign: sign, vector, _recovered: recovered }
    }

    /// One thing happened; what is to be done is appended to `out`, in order.
    pub fn handle(&mut self, _input: Input, _now: Time, _out: &mut Vec<Output>) {}

    /// The configuration it runs with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        NodeId([0; 16])
    }

    /// The stream this node publishes on.
    pub fn stream(&self) -> Stream {
        Stream { origin: crate::Origin([0; 16]), incarnation: 0 }
    }

    /// The content root: channels and fully held bundles. Equal root and equal vector mean equal
    /// state.
    pub fn root(&self) -> Digest {
        Digest::default()
    }

    /// Which events are durable and delivered here.
    pub fn vector(&self) -> &VersionVector {
        &self.vector
    }

    /// Every node that membership holds for alive, this one included, by node id.
    pub fn members(&self) -> Vec<Member> {
        Vec::new()
    }

    /// The peers we keep connections to, and whether each stands.
    pub fn view(&self) -> Vec<(Member, bool)> {
        Vec::new()
    }

    /// The durable register of a channel.
    pub fn channel(&self, _name: &str) -> Option<&ChannelRecord> {
        None
    }

    /// The directive in force on a channel.
    pub fn directive(&self, _channel: &str) -> Option<&Directive> {
        None
    }

    /// Every channel's name, in order.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// How far a bundle has come; `None` when nothing retained names it.
    pub fn bundle(&self, _digest: &Digest) -> Option<BundleProgress> {
        None
    }

    /// Every bundle that is wanted or held, in order of digest.
    pub fn bundles(&self) -> impl Iterator<Item = &Digest> {
        std::iter::empty()
    }

    /// Every event delivered here under this key, in this node's order: the first one won, the
    /// others were suppressed. A consumer whose cursor holds any of them has seen the key.
    pub fn key_dots(&self, _key: &EventKey) -> &[Dot] {
        &[]
    }

    /// The header of the batch that holds this event, with its local place; `None` when it is not
    /// in the log.
    pub fn locate(&self, _dot: &Dot) -> Option<Located> {
        None
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
}

/// Where a batch stands in this node's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Place in this node's order.
    pub local: u64,
    /// Sequence number of its first event.
    pub first_seq: u64,
    /// How many events it has.
    pub count: u32,
}
