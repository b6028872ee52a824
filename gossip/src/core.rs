//! The parts of a replica behind one `handle`: who gets which input.

use std::collections::BTreeMap;

use cairn_merkle::Digest;

use crate::anti_entropy::AntiEntropy;
use crate::bundles::Bundles;
use crate::channel::Channels;
use crate::config::Config;
use crate::content::{Content, ContentKey};
use crate::diff::{self, Sessions};
use crate::event::SignedBatch;
use crate::frame::{Body, Frame};
use crate::fx::{Done, Due, Fx, Peer};
use crate::id::{NodeId, Stream};
use crate::input::{Input, Token};
use crate::journal::Journal;
use crate::log::Log;
use crate::membership::{self, Membership};
use crate::publish::Publisher;
use crate::receive::Receiver;
use crate::recovered::Recovered;
use crate::status::Statuses;
use crate::transfer::Transfer;
use crate::vector::VersionVector;
use crate::verify::{Sign, Verify};
use crate::view::View;

/// Everything but the surroundings of a call.
pub(crate) struct Core {
    pub(crate) node: NodeId,
    pub(crate) verify: Box<dyn Verify + Send>,
    pub(crate) sign: Box<dyn Sign + Send>,
    pub(crate) membership: Membership,
    pub(crate) view: View,
    pub(crate) log: Log,
    pub(crate) journal: Journal,
    pub(crate) publisher: Publisher,
    pub(crate) receiver: Receiver,
    pub(crate) anti: AntiEntropy,
    pub(crate) sessions: Sessions,
    pub(crate) content: Content,
    pub(crate) channels: Channels,
    /// Channels for which a record was proposed here, and the digest of its newest directive: it
    /// is announced once it is durable. At most one a channel.
    pub(crate) proposed: BTreeMap<String, Digest>,
    pub(crate) bundles: Bundles,
    pub(crate) transfer: Transfer,
    pub(crate) statuses: Statuses,
    vector_digest: Option<Digest>,
    change_armed: bool,
    /// How often in a row a peer differed from us since the last change here.
    differences: u32,
}

impl Core {
    pub(crate) fn new(
        config: &Config,
        verify: Box<dyn Verify + Send>,
        sign: Box<dyn Sign + Send>,
        recovered: Recovered,
        seed: u64,
    ) -> Core {
        let Recovered { node, origin, incarnation, log: headers, channels: records, .. } =
            recovered;
        let stream = Stream { origin, incarnation };
        let mut log = Log::new(origin);
        let mut context = VersionVector::new();
        for header in &headers {
            log.append(header, None);
            if header.stream == stream {
                context.join(&header.deps);
            }
        }
        let mut content = Content::new();
        let mut channels = Channels::default();
        for (name, record) in records {
            if let Some(digest) = channels.recover(name.clone(), record, verify.as_ref()) {
                content.set(ContentKey::Channel(name), digest);
            }
        }
        let publisher = Publisher::new(stream, log.vector.get(&stream), context);
        let mut journal = Journal::default();
        journal.staged.join(&log.vector);
        journal.lamport = log.lamport;
        Core {
            node,
            verify,
            sign,
            membership: Membership::new(config, node, incarnation, membership::seed(seed)),
            view: View::default(),
            log,
            journal,
            publisher,
            receiver: Receiver::default(),
            anti: AntiEntropy::default(),
            sessions: Sessions::default(),
            content,
            channels,
            proposed: BTreeMap::new(),
            bundles: Bundles::recover(recovered.heads, recovered.bundles, recovered.blobs),
            transfer: Transfer::default(),
            statuses: Statuses::new(node, incarnation),
            vector_digest: None,
            change_armed: false,
            differences: 0,
        }
    }

    pub(crate) fn handle(&mut self, input: Input, fx: &mut Fx<'_>) {
        match input {
            Input::Start => self.start(fx),
            Input::Timer(token) => self.timer(token, fx),
            Input::Connected { peer } => {
                self.receiver.connection_changed(peer);
                self.anti.connected(peer, fx.now);
                if self.view.connected(peer) {
                    self.pulse(peer, fx);
                    self.statuses.greet(peer, fx);
                }
            }
            Input::Disconnected { peer } => {
                self.view.disconnected(peer, fx);
                self.receiver.connection_changed(peer);
                self.anti.disconnected(peer, fx.now);
                self.sessions.disconnected(&peer);
            }
            Input::Received { from, addr, frame } => {
                self.received(Peer { node: from, addr }, frame, fx);
            }
            Input::Publish(publish) => {
                let anti = &self.anti;
                let logs = (&self.log, &self.journal.staged);
                self.publisher.publish(publish, logs, |dot| anti.holders(dot), fx);
            }
            Input::Persisted { ticket } => match fx.pending.done(ticket) {
                Some(Done::Journal) => self.written(fx),
                Some(Done::Channel(name)) => self.channel_written(&name, fx),
                Some(Done::Blob(digest)) => self.content_written(digest, false, fx),
                Some(Done::Envelope(digest)) => self.content_written(digest, true, fx),
                Some(Done::Head(digest, trace)) => {
                    self.announce_bundle(digest, trace.as_deref(), fx);
                }
                Some(Done::Nothing) => {}
                None => tracing::debug!(ticket, "an unknown ticket completed"),
            },
            Input::Propose { record, trace } => self.propose(record, trace, fx),
            Input::BundleAdded { head, blobs, trace } => self.bundle_added(head, blobs, trace, fx),
            Input::SetStatus(bytes) => {
                let peers: Vec<_> = self.view.up().collect();
                self.statuses.set(bytes, &peers, fx);
            }
            Input::Seeds(seeds) => self.membership.learn(seeds, fx),
            Input::EnvelopeOpened { digest, result } => {
                self.transfer.opened(digest, result, &mut self.bundles, fx);
            }
        }
        self.flush(fx);
    }

    fn start(&mut self, fx: &mut Fx<'_>) {
        self.retain(fx);
        self.membership.announce(fx);
        let after = fx.jitter(fx.config.pulse_period, 1);
        fx.arm(after, Due::Pulse);
    }

    fn timer(&mut self, token: Token, fx: &mut Fx<'_>) {
        let Some(due) = fx.pending.fired(token) else { return };
        match due {
            Due::Swim(timer) => {
                if self.membership.timer(timer, fx) {
                    self.members_changed(fx);
                }
            }
            Due::Announce => self.membership.announce(fx),
            Due::SwimNews => self.membership.spread(fx),
            Due::Redial(peer) => self.view.redial(peer, fx),
            Due::Pulse => {
                for peer in self.view.some(1, fx) {
                    self.pulse(peer, fx);
                }
                let view = &self.view;
                self.anti.forget_idle(fx.now, |addr| view.contains(addr));
                self.statuses.members(self.membership.others(), fx.now);
                let after = fx.jitter(fx.config.pulse_period, 4);
                fx.arm(after, Due::Pulse);
            }
            Due::ChangePulse => {
                self.change_armed = false;
                for peer in self.view.some(fx.config.pulse_fanout, fx) {
                    self.pulse(peer, fx);
                }
            }
            Due::Publish => self.publisher.timer(&self.log, fx),
            Due::Repair(peer) => {
                if self.anti.stalled(peer, fx) {
                    self.pulse(peer, fx);
                }
            }
            Due::Diff(peer, nonce) => self.sessions.timer(peer, nonce, fx),
            Due::Fetch(digest, nonce) => self.transfer.timer(digest, nonce, &mut self.bundles, fx),
            Due::Retry => self.transfer.retry(&mut self.bundles, fx),
        }
    }

    fn received(&mut self, peer: Peer, frame: Frame, fx: &mut Fx<'_>) {
        let Frame { trace, body } = frame;
        let trace = trace.as_deref();
        match body {
            // The shell's business; one that comes late is harmless.
            Body::Hello(_) => {}
            Body::Swim(packet) => {
                if self.membership.received(peer, &packet, fx) {
                    self.members_changed(fx);
                }
            }
            Body::Pulse { root, vector } => self.pulsed(peer, root, vector, fx),
            Body::Summary { root, page, reply } => {
                self.compare_roots(peer, root, fx);
                self.summary(peer, &page, reply, fx);
            }
            Body::Events { batches, repair, ack } => {
                self.events(peer, batches, (repair, ack), trace, fx);
            }
            Body::Channel(record) => self.offered(peer, record, trace, true, fx),
            Body::Head(head) => self.head(peer, head, trace, true, fx),
            Body::TrieAsk { root, prefixes } => {
                diff::answer(peer, root, &prefixes, &self.content, fx);
            }
            Body::TrieTell { root, summaries } => {
                self.sessions.told(peer, root, &summaries, &self.content, fx);
            }
            Body::RecordAsk { keys } => self.record_ask(peer, &keys, fx),
            Body::RecordTell { records } => self.record_tell(peer, records, trace, fx),
            Body::BlobAsk { digest, offset, length } => {
                let piece = (digest, offset, length);
                self.transfer.asked_for(peer, piece, trace, &self.bundles, fx);
            }
            Body::BlobTell { digest, total, offset, bytes } => {
                let piece = (offset, bytes);
                self.transfer.told(peer, digest, total, piece, &mut self.bundles, fx);
            }
            Body::BlobNone { digest } => self.transfer.none(peer, digest, &mut self.bundles, fx),
            Body::Have { digest } => self.have(peer, digest, trace, fx),
            Body::Status(told) => {
                let peers: Vec<_> = self.view.up().collect();
                self.statuses.told(peer, told, &peers, self.membership.others(), fx);
            }
            Body::Durable { stream, seq } => {
                self.publisher.confirmed(peer.node, stream, seq, fx);
                self.anti.durable(peer, stream, seq, &self.log, fx);
            }
        }
    }

    fn members_changed(&mut self, fx: &mut Fx<'_>) {
        self.statuses.members(self.membership.others(), fx.now);
        let joined = self.view.update(self.node, self.membership.others(), fx);
        for peer in joined {
            self.pulse(peer, fx);
            self.statuses.greet(peer, fx);
        }
    }

    /// Sends our two digests to a peer.
    pub(crate) fn pulse(&mut self, to: std::net::SocketAddr, fx: &mut Fx<'_>) {
        let vector = self.vector_digest();
        self.anti.pulse(to, self.content.root(), vector, fx);
    }

    fn vector_digest(&mut self) -> Digest {
        let log = &self.log;
        *self.vector_digest.get_or_insert_with(|| log.vector.digest())
    }

    fn pulsed(&mut self, peer: Peer, root: Digest, vector: Digest, fx: &mut Fx<'_>) {
        let same_root = self.compare_roots(peer, root, fx);
        let same_vector = vector == self.vector_digest();
        if same_vector {
            self.publisher.confirmed_all(peer.node, fx);
            self.anti.same_vector(peer, &self.log.vector, fx);
        } else {
            self.anti.summarise(peer.addr, root, &self.log.vector, true, fx);
        }
        // A peer of our view hears from us anyway; another one would never learn what it lacks.
        let differs = !same_root || !same_vector;
        if differs {
            // Whatever repairs it may be lost: look again, soon at first, then less and less.
            self.differences = self.differences.saturating_add(1);
            self.pulse_soon(fx);
        }
        let tell = differs && !self.view.contains(&peer.addr);
        if tell && self.anti.may_pulse(&peer.addr, fx.now) {
            self.pulse(peer.addr, fx);
        }
    }

    fn compare_roots(&mut self, peer: Peer, root: Digest, fx: &mut Fx<'_>) -> bool {
        let same = root == self.content.root();
        self.anti.root_compared(peer.addr, same, fx);
        if !same {
            self.sessions.start(peer.addr, root, &self.content, fx);
        }
        same
    }

    /// The root or the vector changed: some peers hear of it soon.
    pub(crate) fn changed(&mut self, fx: &mut Fx<'_>) {
        self.vector_digest = None;
        self.differences = 0;
        self.pulse_soon(fx);
    }

    fn pulse_soon(&mut self, fx: &mut Fx<'_>) {
        if !self.change_armed {
            self.change_armed = true;
            let doubled = 2_u32.saturating_pow(self.differences.min(16));
            let after = fx.config.pulse_after_change.saturating_mul(doubled);
            let after = fx.jitter(after.min(fx.config.pulse_period), 4);
            fx.arm(after, Due::ChangePulse);
        }
    }

    /// Signs an own batch.
    pub(crate) fn signed(&self, body: bytes::Bytes) -> SignedBatch {
        let signature = self.sign.batch(&body);
        SignedBatch { key: self.sign.key(), signature, body }
    }
}
