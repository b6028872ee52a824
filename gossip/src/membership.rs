//! Membership: foca's SWIM, carried as frames over our one-way links.
//!
//! Das, Gupta, Motivala: *SWIM: Scalable Weakly-consistent Infection-style Process Group
//! Membership Protocol* (DSN 2002). foca holds no clock and no socket, so it lives inside the
//! core: its timers are ours, its packets are [`Body::Swim`], its chance is our seed's.
//!
//! foca believes whatever a packet says; only packets whose sender is the peer that the
//! connection belongs to reach it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use cairn_merkle::Digest;
use foca::{AccumulatingRuntime, Codec, Foca, NoCustomBroadcast, PostcardCodec, Timer};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use crate::config::{Config, LEARNED_SEEDS_MAX, SWIM_PACKET_BYTES_MAX};
use crate::frame::Body;
use crate::fx::{Due, Fx, Peer};
use crate::id::NodeId;
use crate::output::Class;
use crate::verify::Fault;

/// Longest pause between announcements to a seed that is no member.
const ANNOUNCE_MAX: Duration = Duration::from_secs(5);

/// How soon news of members is spread: long enough to gather what comes together.
const NEWS_AFTER: Duration = Duration::from_millis(20);

/// A node that membership holds for alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Which.
    pub node: NodeId,
    /// Where it listens.
    pub addr: SocketAddr,
}

/// A member in foca's eyes: an address, and which life of whom listens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    node: NodeId,
    addr: SocketAddr,
    /// Grows with every start and every rejoin: the higher one wins an address.
    epoch: u64,
}

impl foca::Identity for Identity {
    type Addr = SocketAddr;

    /// Doubling gets past whatever epoch the cluster remembers for this address in at most 64
    /// rounds, also when a wiped node starts counting again from 1.
    fn renew(&self) -> Option<Self> {
        Some(Identity { epoch: self.epoch.saturating_add(1).saturating_mul(2), ..*self })
    }

    fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        (self.epoch, self.node) > (adversary.epoch, adversary.node)
    }
}

/// Who is in the cluster, as far as this node knows.
pub(crate) struct Membership {
    foca: Foca<Identity, PostcardCodec, StdRng, NoCustomBroadcast>,
    runtime: AccumulatingRuntime<Identity>,
    own: Member,
    members: BTreeMap<NodeId, SocketAddr>,
    announce_after: Duration,
    spreading: bool,
    /// Seeds beside those of the configuration.
    learned: Vec<SocketAddr>,
}

impl Membership {
    pub(crate) fn new(config: &Config, node: NodeId, incarnation: u32, seed: u64) -> Membership {
        let own = Member { node, addr: config.addr };
        let epoch = u64::from(incarnation) << 16;
        let identity = Identity { node, addr: config.addr, epoch };
        let rng = StdRng::seed_from_u64(seed);
        let foca = Foca::new(identity, config.swim(), rng, PostcardCodec);
        let runtime = AccumulatingRuntime::new();
        let announce_after = config.announce_period;
        let members = BTreeMap::new();
        let (spreading, learned) = (false, Vec::new());
        Membership { foca, runtime, own, members, announce_after, spreading, learned }
    }

    /// Members without this node, by node id; at most [`Config::members_max`].
    pub(crate) fn others(&self) -> &BTreeMap<NodeId, SocketAddr> {
        &self.members
    }

    /// Peers learned at run time: they are announced to at once, and from then on like the others.
    pub(crate) fn learn(&mut self, mut seeds: Vec<SocketAddr>, fx: &mut Fx<'_>) {
        seeds.truncate(LEARNED_SEEDS_MAX);
        self.learned = seeds;
        self.announce_to_missing(fx);
        self.drain(fx);
    }

    /// Announces to every seed that is no member, and comes back.
    ///
    /// A lost announcement is not repeated by foca, and to have members is not to have joined:
    /// two nodes that found each other still miss the rest. So this never ends, it only slows
    /// down. It is also what joins the halves of a healed partition.
    pub(crate) fn announce(&mut self, fx: &mut Fx<'_>) {
        if !self.announce_to_missing(fx) {
            self.announce_after = ANNOUNCE_MAX;
        }
        let after = fx.jitter(self.announce_after, 4);
        fx.arm(after, Due::Announce);
        self.announce_after = self.announce_after.saturating_mul(2).min(ANNOUNCE_MAX);
        self.drain(fx);
    }

    /// Whether a seed was missing.
    fn announce_to_missing(&mut self, fx: &Fx<'_>) -> bool {
        let seeds = fx.config.seeds.iter().chain(&self.learned);
        let seeds = || seeds.clone().filter(|seed| **seed != self.own.addr);
        let missing: Vec<SocketAddr> = seeds().filter(|seed| !self.knows(seed)).copied().collect();
        let any = !missing.is_empty();
        for addr in missing {
            let anybody = Identity { node: NodeId([0; 16]), addr, epoch: 0 };
            if let Err(error) = self.foca.announce(anybody, &mut self.runtime) {
                tracing::debug!(%addr, %error, "announce failed");
            }
        }
        any
    }

    fn knows(&self, addr: &SocketAddr) -> bool {
        self.members.values().any(|known| known == addr)
    }

    /// One of foca's timers fired. Returns whether the members changed.
    pub(crate) fn timer(&mut self, timer: Timer<Identity>, fx: &mut Fx<'_>) -> bool {
        if let Err(error) = self.foca.handle_timer(timer, &mut self.runtime) {
            tracing::debug!(%error, "membership timer");
        }
        self.drain(fx)
    }

    /// A packet from a peer. Returns whether the members changed.
    pub(crate) fn received(&mut self, peer: Peer, packet: &Bytes, fx: &mut Fx<'_>) -> bool {
        let mut reader = packet.as_ref();
        match PostcardCodec.decode_header(&mut reader) as Result<foca::Header<Identity>, _> {
            Err(error) => fx.fault(peer, Fault::malformed("membership packet", &error)),
            Ok(header) if header.src.node != peer.node || header.src.addr != peer.addr => {
                let claimed = format!("sender is {} at {}", header.src.node, header.src.addr);
                fx.fault(peer, Fault::malformed("membership packet", &claimed));
            }
            // foca's own errors are everyday: a packet for an earlier life of ours, junk members.
            Ok(_) => {
                if let Err(error) = self.foca.handle_data(packet, &mut self.runtime) {
                    tracing::debug!(from = %peer.addr, %error, "membership packet");
                }
            }
        }
        self.drain(fx)
    }

    fn drain(&mut self, fx: &mut Fx<'_>) -> bool {
        while let Some((to, packet)) = self.runtime.to_send() {
            debug_assert!(packet.len() <= SWIM_PACKET_BYTES_MAX);
            fx.send(to.addr, Body::Swim(packet), Class::Member);
        }
        while let Some((after, timer)) = self.runtime.to_schedule() {
            fx.arm(after, Due::Swim(timer));
        }
        let mut changed = false;
        while self.runtime.to_notify().is_some() {
            changed = true;
        }
        let changed = changed && self.refresh(fx.config.members_max);
        if changed && !self.spreading {
            self.spreading = true;
            let after = fx.jitter(NEWS_AFTER, 1);
            fx.arm(after, Due::SwimNews);
        }
        changed
    }

    /// Members changed: tells some of them at once. foca alone would wait for its period, and a
    /// cluster that starts would take several of them to know itself.
    pub(crate) fn spread(&mut self, fx: &mut Fx<'_>) {
        self.spreading = false;
        if let Err(error) = self.foca.gossip(&mut self.runtime) {
            tracing::debug!(%error, "membership news");
        }
        self.drain(fx);
    }

    /// Rebuilds the member list: O(n), only when foca reports a change.
    fn refresh(&mut self, members_max: usize) -> bool {
        let mut latest: BTreeMap<NodeId, Identity> = BTreeMap::new();
        for member in self.foca.iter_members().map(foca::Member::id) {
            // A node that moved to another address is known at both until the old one is down.
            let known = latest.get(&member.node).map_or(0, |known| known.epoch);
            if member.node != self.own.node && member.epoch >= known {
                latest.insert(member.node, *member);
            }
        }
        let members: BTreeMap<_, _> =
            latest.into_iter().take(members_max).map(|(node, id)| (node, id.addr)).collect();
        let changed = members != self.members;
        self.members = members;
        changed
    }
}

/// Derives foca's seed from the replica's, so that both draw independently.
pub(crate) fn seed(of: u64) -> u64 {
    let digest = Digest::derive("cairn 2026 membership seed v1", &[&of.to_le_bytes()]);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest.0[..8]);
    u64::from_le_bytes(bytes)
}
