//! Events through the core: from peers and publishers into the log, and out again.

use crate::core::Core;
use crate::event::SignedBatch;
use crate::frame::{VectorPage, pack_events};
use crate::fx::{Fx, Peer};
use crate::id::Dot;
use crate::journal::Ready;
use crate::output::{Class, Output};
use crate::receive::{Arrival, Target, beyond};

impl Core {
    /// A frame of batches arrived.
    pub(crate) fn events(
        &mut self,
        peer: Peer,
        batches: Vec<SignedBatch>,
        (repair, ack): (bool, bool),
        trace: Option<&str>,
        fx: &mut Fx<'_>,
    ) {
        let span = tracing::debug_span!("hop", from = %peer.addr, trace, repair);
        let _entered = span.enter();
        if repair {
            self.anti.repaired_by(peer.addr, fx.now);
        }
        let arrival = Arrival { peer, ack: ack || repair, relay: !repair, trace };
        let mut relayed = Vec::new();
        for signed in batches {
            let mut target = Target {
                log: &self.log,
                journal: &mut self.journal,
                verify: self.verify.as_ref(),
                own: (self.publisher.stream, self.publisher.last_seq()),
            };
            let (relay, rewound) = self.receiver.batch(&signed, arrival, &mut target, fx);
            if let Some(seen) = rewound {
                self.rewound(seen, fx);
            }
            if relay {
                relayed.push(signed);
            }
        }
        if !relayed.is_empty() {
            fx.stats.relayed += relayed.len() as u64;
            self.push(&relayed, false, Some(peer), trace, fx);
        }
    }

    /// Sends new batches to every connected peer of the view but the one they came from.
    fn push(
        &self,
        batches: &[SignedBatch],
        ack: bool,
        from: Option<Peer>,
        trace: Option<&str>,
        fx: &mut Fx<'_>,
    ) {
        let frames = pack_events(batches.iter().cloned(), false, ack, trace);
        for to in self.view.up().filter(|to| from.is_none_or(|from| from.addr != *to)) {
            for frame in &frames {
                let frame = frame.clone();
                fx.out.push(Output::Send { to, frame, class: Class::Event });
            }
        }
    }

    /// Starts the next write of the log when there is something to write and none is under way.
    pub(crate) fn flush(&mut self, fx: &mut Fx<'_>) {
        while self.journal.idle() {
            let lamport = self.journal.lamport.max(self.log.lamport);
            let context_max = fx.config.context_streams_max;
            self.publisher.refuse_without_stream(&self.journal.staged, fx);
            let own = self.publisher.take(&self.log, lamport, context_max);
            let published = !own.is_empty();
            for own in own {
                match own.batch.encode() {
                    Ok(body) => {
                        let signed = self.signed(body);
                        self.journal.stage(Ready::new(signed, own.batch, own.trace));
                    }
                    // The publisher bounds every part of a batch; its requests time out.
                    Err(error) => {
                        debug_assert!(false, "own batch: {error}");
                        tracing::error!(%error, "own batch is not writable");
                    }
                }
            }
            if published {
                self.receiver.staged(&mut self.journal);
            }
            let started = self.journal.write(self.log.next_local(), fx);
            if !started || !fx.config.defects.seen_before_fsync {
                return;
            }
            self.written(fx);
        }
    }

    /// A write of the log is durable: only now do its batches count.
    pub(crate) fn written(&mut self, fx: &mut Fx<'_>) {
        let batches = self.journal.written();
        if batches.is_empty() {
            return;
        }
        let (mut own, mut wanted, mut own_trace) = (Vec::new(), false, None);
        for (local, ready) in batches {
            let Ready { signed, batch, header, trace } = ready;
            let suppressed = self.log.append(&header, Some(fx.now));
            fx.stats.delivered += suppressed.len() as u64;
            fx.stats.suppressed += suppressed.iter().filter(|copy| **copy).count() as u64;
            if batch.stream == self.publisher.stream {
                let span = tracing::debug_span!("publish", stream = %batch.stream, trace);
                span.in_scope(|| tracing::debug!(first_seq = batch.first_seq, "durable"));
                fx.stats.published += suppressed.len() as u64;
                wanted |= self.publisher.durable(&batch, fx);
                own_trace = own_trace.or_else(|| trace.clone());
                own.push(signed);
            }
            fx.out.push(Output::Delivered { local, batch, suppressed, trace });
        }
        if !own.is_empty() {
            self.push(&own, wanted, None, own_trace.as_deref(), fx);
        }
        self.receiver.acknowledge(None, &self.log, fx);
        self.changed(fx);
    }

    /// A peer told which events it has.
    pub(crate) fn summary(&mut self, peer: Peer, page: &VectorPage, reply: bool, fx: &mut Fx<'_>) {
        let own = self.publisher.stream;
        for (stream, seq) in page.entries.iter().filter(|(s, _)| s.origin == own.origin) {
            self.publisher.confirmed(peer.node, *stream, *seq, fx);
            let seen = Dot { stream: *stream, seq: *seq };
            if beyond(seen, own, self.publisher.last_seq()) {
                self.rewound(seen, fx);
            }
        }
        let lacking = self.anti.summary(peer, page, &self.log, fx);
        if lacking && reply {
            let root = self.content.root();
            self.anti.summarise(peer.addr, root, &self.log.vector, false, fx);
        }
    }

    /// Peers know later writes of this origin than we do: this disk is an old copy.
    fn rewound(&mut self, seen: Dot, fx: &mut Fx<'_>) {
        if self.publisher.retire(seen, fx) {
            fx.out.push(Output::NewOriginNeeded { seen });
        }
    }
}
