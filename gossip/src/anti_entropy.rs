//! Anti-entropy of events: what peers know, and repair of what they lack.
//!
//! A *pulse* is two digests. Whoever sees that the vectors differ sends its vector (a *summary*,
//! in pages) and the other side answers with events, or with its own summary when it is the one
//! that lacks something. Repair goes in the sender's delivery order, bounded per peer, and
//! continues when the peer says what is durable: data on its way is not sent again unless
//! progress stops.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use cairn_merkle::Digest;

use crate::frame::{Body, VectorPage};
use crate::fx::{Due, Fx, Peer};
use crate::id::{Dot, NodeId, Stream};
use crate::log::Log;
use crate::output::{Alarm, Class, Output};
use crate::time::Time;
use crate::vector::{STREAMS_MAX, VersionVector};

/// How long one peer is left to repair us before another one is asked too: several at once would
/// all send the same.
const LEASE: Duration = Duration::from_millis(300);
/// Silence after which a peer outside the view is forgotten.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Shortest pause between two pulses to one peer.
const PULSE_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Knowledge {
    node: Option<NodeId>,
    /// What the peer said is durable there.
    known: VersionVector,
    /// What was sent and is not known to have arrived: by its last dot, the bytes.
    flying: BTreeMap<(Stream, u64), u64>,
    /// `known` joined with everything in `flying`.
    sent: VersionVector,
    progress: Time,
    heard: Time,
    watched: bool,
    pulsed: Option<Time>,
    /// Time out of contact is taken out: see [`Knowledge::met`].
    differs_since: Option<Time>,
    alarmed: bool,
    /// Since when the peer is out of reach.
    parted: Option<Time>,
}

/// What peers know.
#[derive(Debug, Default)]
pub(crate) struct AntiEntropy {
    peers: BTreeMap<SocketAddr, Knowledge>,
    /// Who repairs us, and until when nobody else is asked.
    lease: Option<(SocketAddr, Time)>,
}

impl AntiEntropy {
    fn peer(&mut self, peer: SocketAddr, fx: &Fx<'_>) -> Option<&mut Knowledge> {
        if !self.peers.contains_key(&peer) && self.peers.len() >= fx.config.peers_max {
            return None;
        }
        let now = fx.now;
        let peer = self.peers.entry(peer).or_default();
        peer.heard = now;
        Some(peer)
    }

    /// Forgets peers outside the view that told nothing for a while: a vector each would be much
    /// for a large cluster.
    pub(crate) fn forget_idle(&mut self, now: Time, keep: impl Fn(&SocketAddr) -> bool) {
        self.peers.retain(|addr, peer| keep(addr) || now.since(peer.heard) < IDLE_MAX);
    }

    /// A connection stands.
    pub(crate) fn connected(&mut self, addr: SocketAddr, now: Time) {
        if let Some(peer) = self.peers.get_mut(&addr) {
            peer.met(now);
        }
    }

    /// A connection broke, or could not be opened: what was on its way may be lost.
    pub(crate) fn disconnected(&mut self, addr: SocketAddr, now: Time) {
        if let Some(peer) = self.peers.get_mut(&addr) {
            peer.forget_flying();
            peer.parted.get_or_insert(now);
        }
        if self.lease.is_some_and(|(holder, _)| holder == addr) {
            self.lease = None;
        }
    }

    /// Sends a pulse.
    pub(crate) fn pulse(&mut self, to: SocketAddr, root: Digest, vector: Digest, fx: &mut Fx<'_>) {
        let now = fx.now;
        if let Some(peer) = self.peer(to, fx) {
            peer.pulsed = Some(now);
        }
        fx.send(to, Body::Pulse { root, vector }, Class::Event);
    }

    /// Whether a pulse to this peer is not too soon after the last one.
    pub(crate) fn may_pulse(&self, to: &SocketAddr, now: Time) -> bool {
        let last = self.peers.get(to).and_then(|peer| peer.pulsed);
        last.is_none_or(|last| now.since(last) >= PULSE_PAUSE)
    }

    /// How long the oldest difference of roots to a peer in reach has lasted, zero when there is
    /// none.
    pub(crate) fn differs_for(&self, now: Time) -> Duration {
        let met = self.peers.values().filter(|peer| peer.parted.is_none());
        let since = met.filter_map(|peer| peer.differs_since).min();
        since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// A peer's content root is or is not ours. A difference that stays is divergence: reported
    /// once, with its age. Only time in contact counts: a peer that is down or cut off has no
    /// chance to become equal.
    pub(crate) fn root_compared(&mut self, addr: SocketAddr, same: bool, fx: &mut Fx<'_>) {
        let (now, limit) = (fx.now, fx.config.diverged_after);
        let Some(peer) = self.peer(addr, fx) else { return };
        peer.met(now);
        if same {
            (peer.differs_since, peer.alarmed) = (None, false);
            return;
        }
        let age = now.since(*peer.differs_since.get_or_insert(now));
        if age >= limit && !peer.alarmed {
            peer.alarmed = true;
            let for_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            fx.out.push(Output::Alarm(Alarm::Diverged { addr, for_ms }));
        }
    }

    /// Sends our vector, unless another peer is already repairing us.
    pub(crate) fn summarise(
        &mut self,
        to: SocketAddr,
        root: Digest,
        vector: &VersionVector,
        reply: bool,
        fx: &mut Fx<'_>,
    ) {
        if self.lease.is_some_and(|(holder, until)| holder != to && fx.now < until) {
            return;
        }
        self.lease = Some((to, fx.now.plus(LEASE)));
        for page in pages(vector, fx.config.summary_streams_max.max(1)) {
            fx.send(to, Body::Summary { root, page, reply }, Class::Event);
        }
    }

    /// Repair arrived: leave it to this peer for a while.
    pub(crate) fn repaired_by(&mut self, addr: SocketAddr, now: Time) {
        if self.lease.is_none_or(|(holder, until)| holder == addr || now >= until) {
            self.lease = Some((addr, now.plus(LEASE)));
        }
    }

    /// A peer told what it knows. Returns whether it knows something that we do not.
    pub(crate) fn summary(
        &mut self,
        from: Peer,
        page: &VectorPage,
        log: &Log,
        fx: &mut Fx<'_>,
    ) -> bool {
        let now = fx.now;
        if let Some(peer) = self.peer(from.addr, fx) {
            peer.node = Some(from.node);
            peer.told(page, now);
            // Before the last page the rest would look as if the peer knew nothing of it.
            if page.through.is_none() {
                self.feed(from.addr, log, fx);
            }
        }
        !log.vector.dominates(&page.entries)
    }

    /// A peer's vector is ours: it holds all that we hold. Nothing else would say so, because
    /// peers that agree tell each other no vectors.
    pub(crate) fn same_vector(&mut self, from: Peer, vector: &VersionVector, fx: &Fx<'_>) {
        let now = fx.now;
        let Some(peer) = self.peer(from.addr, fx) else { return };
        peer.node = Some(from.node);
        if peer.known != *vector {
            peer.known = vector.clone();
            peer.landed(now);
        }
    }

    /// A peer holds everything of a stream up to here.
    pub(crate) fn durable(
        &mut self,
        from: Peer,
        stream: Stream,
        seq: u64,
        log: &Log,
        fx: &mut Fx<'_>,
    ) {
        let now = fx.now;
        let Some(peer) = self.peer(from.addr, fx) else { return };
        peer.node = Some(from.node);
        // Never beyond what we know: a peer's word must not let the vector grow without bound.
        peer.known.advance(stream, seq.min(log.vector.get(&stream)));
        if peer.landed(now) {
            self.feed(from.addr, log, fx);
        }
    }

    /// Nodes that are known to hold this event.
    pub(crate) fn holders(&self, dot: &Dot) -> BTreeSet<NodeId> {
        let holds = |peer: &&Knowledge| peer.known.contains(dot);
        self.peers.values().filter(holds).filter_map(|peer| peer.node).collect()
    }

    /// Sends the next part of what a peer lacks.
    fn feed(&mut self, addr: SocketAddr, log: &Log, fx: &mut Fx<'_>) {
        let Some(peer) = self.peers.get_mut(&addr) else { return };
        let flying: u64 = peer.flying.values().sum();
        let room = fx.config.repair_bytes_max.saturating_sub(flying);
        if room == 0 {
            return;
        }
        let runs = log.plan(&peer.sent, room, fx.now, fx.config.repair_age_min);
        if runs.is_empty() {
            return;
        }
        if peer.flying.is_empty() {
            peer.progress = fx.now;
        }
        for run in runs {
            peer.flying.insert((run.stream, run.last_seq), run.bytes);
            peer.sent.advance(run.stream, run.last_seq);
            fx.stats.repaired += run.batches;
            let (stream, first_seq, last_seq) = (run.stream, run.first_seq, run.last_seq);
            fx.out.push(Output::SendEvents { to: addr, stream, first_seq, last_seq });
        }
        if !peer.watched {
            peer.watched = true;
            fx.arm(fx.config.repair_timeout, Due::Repair(addr));
        }
    }

    /// Looks whether repair towards a peer still makes progress. True when it does not: what was
    /// sent is taken for lost, and the peer's answer to a pulse says from where to send again.
    pub(crate) fn stalled(&mut self, addr: SocketAddr, fx: &mut Fx<'_>) -> bool {
        let Some(peer) = self.peers.get_mut(&addr) else { return false };
        peer.watched = false;
        if peer.flying.is_empty() {
            return false;
        }
        let silence = fx.now.since(peer.progress);
        if silence >= fx.config.repair_timeout {
            peer.forget_flying();
            return true;
        }
        peer.watched = true;
        fx.arm(fx.config.repair_timeout.saturating_sub(silence), Due::Repair(addr));
        false
    }
}

impl Knowledge {
    /// Takes over a page: its range is replaced, because a node that lost its disk knows less
    /// than it did.
    fn told(&mut self, page: &VectorPage, now: Time) {
        let inside = |stream: &Stream| {
            page.after.is_none_or(|after| *stream > after)
                && page.through.is_none_or(|through| *stream <= through)
        };
        let outside = self.known.iter().filter(|(stream, _)| !inside(stream));
        let mut known: VersionVector = outside.map(|(stream, seq)| (*stream, *seq)).collect();
        for (stream, seq) in page.entries.iter().filter(|(stream, _)| inside(stream)) {
            // Pages of many ranges must not add up to more than a vector: no correct peer has
            // more, and what is left out is only sent once too often.
            if known.len() < STREAMS_MAX {
                known.advance(*stream, *seq);
            }
        }
        self.known = known;
        self.landed(now);
    }

    /// Drops from what is flying what is known to have arrived. Returns whether anything had.
    fn landed(&mut self, now: Time) -> bool {
        let before = self.flying.len();
        let known = &self.known;
        self.flying.retain(|(stream, last), _| known.get(stream) < *last);
        let progress = self.flying.len() < before;
        if progress {
            self.progress = now;
        }
        self.sent = self.known.clone();
        for (stream, last) in self.flying.keys() {
            self.sent.advance(*stream, *last);
        }
        progress
    }

    fn forget_flying(&mut self) {
        self.flying.clear();
        self.sent = self.known.clone();
    }

    /// The peer is in reach: the time that it was not does not count as difference.
    fn met(&mut self, now: Time) {
        if let Some(parted) = self.parted.take() {
            let apart = now.since(parted);
            self.differs_since = self.differs_since.map(|since| since.plus(apart).min(now));
        }
    }
}

/// A vector in pages of at most `streams_max` entries; one empty page for the empty vector.
fn pages(vector: &VersionVector, streams_max: usize) -> Vec<VectorPage> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let entries: VersionVector =
            vector.iter_after(after).take(streams_max).map(|(s, seq)| (*s, *seq)).collect();
        let last = entries.iter().next_back().map(|(stream, _)| *stream);
        let more = entries.len() == streams_max
            && last.is_some_and(|last| vector.iter_after(Some(last)).next().is_some());
        let through = if more { last } else { None };
        pages.push(VectorPage { after, through, entries });
        if !more {
            return pages;
        }
        after = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Origin;

    fn stream(n: u8) -> Stream {
        Stream { origin: Origin([n; 16]), incarnation: 1 }
    }

    #[test]
    fn pages_cover_every_stream_once() {
        for (streams, size, expected) in [(0, 3, 1), (3, 3, 1), (4, 3, 2), (9, 2, 5)] {
            let vector: VersionVector = (0..streams).map(|n| (stream(n), 1)).collect();
            let pages = pages(&vector, size);
            assert_eq!(pages.len(), expected, "{streams} streams by {size}");
            assert_eq!((pages[0].after, pages[expected - 1].through), (None, None));
            let mut joined = VersionVector::new();
            for (page, next) in pages.iter().zip(pages.iter().skip(1)) {
                assert_eq!(page.through, next.after);
            }
            pages.iter().for_each(|page| joined.join(&page.entries));
            assert_eq!(joined, vector);
        }
    }

    #[test]
    fn pages_of_many_ranges_do_not_add_up() {
        let mut peer = Knowledge::default();
        let stream = |n: u32| {
            let mut origin = [0; 16];
            origin[..4].copy_from_slice(&n.to_be_bytes());
            Stream { origin: Origin(origin), incarnation: 1 }
        };
        for page in 0..20_u32 {
            let first = page * 1_000;
            let page = VectorPage {
                after: Some(stream(first)),
                through: Some(stream(first + 1_000)),
                entries: (1..=1_000).map(|n| (stream(first + n), 1)).collect(),
            };
            peer.told(&page, Time::ZERO);
        }
        assert_eq!(peer.known.len(), STREAMS_MAX);
    }

    #[test]
    fn a_difference_ages_in_contact_only() {
        let mut world = crate::fx::Surroundings::new();
        let mut anti = AntiEntropy::default();
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let at = |seconds: u64| Time::from_millis(seconds * 1_000);
        let mut age = |anti: &mut AntiEntropy, seconds| {
            anti.root_compared(addr, false, &mut world.fx(at(seconds)));
            let alarmed = world.out.drain(..).any(|out| matches!(out, Output::Alarm(_)));
            (anti.differs_for(at(seconds)).as_secs(), alarmed)
        };
        assert_eq!(age(&mut anti, 0), (0, false));
        assert_eq!(age(&mut anti, 10), (10, false));
        // Down for 100 s; every attempt to reach it fails once more.
        anti.disconnected(addr, at(12));
        anti.disconnected(addr, at(50));
        assert_eq!(anti.differs_for(at(100)), Duration::ZERO, "who is away is not divergent");
        anti.connected(addr, at(112));
        assert_eq!(age(&mut anti, 113), (13, false));
        // Short cuts do not hide a difference that stays.
        for second in 114..130 {
            anti.disconnected(addr, at(second));
            anti.connected(addr, at(second));
        }
        assert_eq!(age(&mut anti, 130), (30, true));
        assert_eq!(age(&mut anti, 131), (31, false), "said once");
    }

    #[test]
    fn a_page_replaces_its_range_only() {
        let mut peer = Knowledge {
            known: [(stream(1), 5), (stream(2), 5), (stream(3), 5)].into_iter().collect(),
            ..Knowledge::default()
        };
        let page = VectorPage {
            after: Some(stream(1)),
            through: Some(stream(2)),
            entries: [(stream(2), 2), (stream(9), 9)].into_iter().collect(),
        };
        peer.told(&page, Time::ZERO);
        let known = [(stream(1), 5), (stream(2), 2), (stream(3), 5)].into_iter().collect();
        assert_eq!(peer.known, known);
    }
}
