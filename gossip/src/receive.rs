//! Batches from peers: dedupe, verify, relay, order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use cairn_merkle::Digest;

use crate::event::{Batch, SignedBatch};
use crate::frame::Body;
use crate::fx::{Fx, Peer};
use crate::id::{Dot, Stream};
use crate::journal::{Journal, Ready};
use crate::log::Log;
use crate::output::{Alarm, Class, Output};
use crate::vector::STREAMS_MAX;
use crate::verify::{Fault, Verify};
use crate::window::Window;

/// Most acknowledgements that are owed. When full, the peer sends again and is answered then.
const ACKS_MAX: usize = 8_192;
/// Most refused streams that are remembered so that each raises one alarm.
const REFUSED_MAX: usize = 64;

/// How a frame of events came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) peer: Peer,
    /// The sender wants to hear when the batches are durable.
    pub(crate) ack: bool,
    /// They are new to the cluster: pass them on.
    pub(crate) relay: bool,
    pub(crate) trace: Option<&'a str>,
}

/// What is known of a batch that arrived.
enum Known {
    No,
    /// The same batch.
    Same,
    /// Its place is taken by another batch with this digest.
    Other(Digest),
}

/// Up to where a peer waits to hear, and what it heard so far.
#[derive(Clone, Copy, Debug, Default)]
struct Owed {
    wanted: u64,
    told: u64,
}

/// The way of batches from peers to the journal.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    window: Window,
    /// Acknowledgements owed: for whom, of which stream.
    acks: BTreeMap<(SocketAddr, Stream), Owed>,
    refused: BTreeSet<Stream>,
    /// The classic bug, see [`crate::Defects::dedupe_per_connection`].
    connections: BTreeMap<SocketAddr, BTreeSet<(Stream, u64)>>,
}

/// Where a batch from a peer can go.
pub(crate) struct Target<'a> {
    pub(crate) log: &'a Log,
    pub(crate) journal: &'a mut Journal,
    pub(crate) verify: &'a dyn Verify,
    /// This node's stream and the last sequence number given out on it.
    pub(crate) own: (Stream, u64),
}

impl Receiver {
    /// One batch. Returns it when it is new to this node and should be relayed, and the dot that
    /// shows that this node's disk was rewound, if it does.
    pub(crate) fn batch(
        &mut self,
        signed: &SignedBatch,
        arrival: Arrival<'_>,
        target: &mut Target<'_>,
        fx: &mut Fx<'_>,
    ) -> (bool, Option<Dot>) {
        match self.accept(signed, arrival, target, fx) {
            Ok(outcome) => outcome,
            Err(fault) => {
                fx.fault(arrival.peer, fault);
                (false, None)
            }
        }
    }

    fn accept(
        &mut self,
        signed: &SignedBatch,
        arrival: Arrival<'_>,
        target: &mut Target<'_>,
        fx: &mut Fx<'_>,
    ) -> Result<(bool, Option<Dot>), Fault> {
        // The place stands first in the encoding: duplicates cost neither a full decode nor a
        // signature check.
        let ((stream, first_seq), _) = postcard::take_from_bytes::<(Stream, u64)>(&signed.body)
            .map_err(|e| Fault::malformed("batch", &e))?;
        match self.known(signed, stream, first_seq, arrival.peer.addr, target, fx) {
            Known::No => {}
            Known::Same => {
                fx.stats.duplicates += 1;
                if arrival.ack {
                    self.owe(arrival.peer.addr, stream, first_seq);
                    self.acknowledge(Some(stream), target.log, fx);
                }
                return Ok((false, None));
            }
            Known::Other(first) => {
                // Anybody can forge a batch that contradicts another: only its signature makes
                // the origin guilty.
                let batch = target.verify.batch(signed)?;
                let (seq, second) = (batch.first_seq, signed.digest());
                fx.out.push(Output::Alarm(Alarm::Equivocation { stream, seq, first, second }));
                return Ok((false, None));
            }
        }
        let batch = target.verify.batch(signed)?;
        if batch.deps.get(&stream) >= first_seq {
            return Err(Fault::BatchSequence { stream, first_seq });
        }
        if !self.has_stream_room(stream, target.journal, fx) {
            return Ok((false, None));
        }
        let rewound = rewound(&batch, target.own);
        let last_seq = batch.last_seq();
        let ready = Ready::new(signed.clone(), batch, arrival.trace.map(str::to_owned));
        let kept = self.order(ready, target.journal, fx);
        if !kept {
            fx.stats.window_dropped += 1;
        } else if arrival.ack {
            self.owe(arrival.peer.addr, stream, last_seq);
        }
        // Passed on before our own fsync. What we could not keep is not: every copy of it would
        // look new again.
        Ok((arrival.relay && kept, rewound))
    }

    /// Queues a batch when what it depends on is staged, with everything that it makes ready;
    /// otherwise it waits. False when there is no room.
    fn order(&mut self, ready: Ready, journal: &mut Journal, fx: &mut Fx<'_>) -> bool {
        if !journal.has_room(fx) {
            return false;
        }
        let next = journal.staged.get(&ready.batch.stream) + 1;
        let in_order = ready.batch.first_seq == next
            || (fx.config.defects.dedupe_per_connection && ready.batch.first_seq < next);
        if !in_order || !journal.staged.dominates(&ready.batch.deps) {
            let (count, bytes) = (fx.config.window_batches_max, fx.config.window_bytes_max);
            return self.window.hold(ready, count, bytes);
        }
        journal.stage(ready);
        while let Some(ready) = self.window.release(&journal.staged) {
            journal.stage(ready);
        }
        true
    }

    /// Own batches were staged: something may have waited for them.
    pub(crate) fn staged(&mut self, journal: &mut Journal) {
        while let Some(ready) = self.window.release(&journal.staged) {
            journal.stage(ready);
        }
    }

    fn known(
        &mut self,
        signed: &SignedBatch,
        stream: Stream,
        first_seq: u64,
        from: SocketAddr,
        target: &Target<'_>,
        fx: &Fx<'_>,
    ) -> Known {
        if fx.config.defects.dedupe_per_connection {
            let seen = self.connections.entry(from).or_default();
            return if seen.insert((stream, first_seq)) { Known::No } else { Known::Same };
        }
        let kept = (target.log.digest_at(stream, first_seq))
            .or_else(|| target.journal.digest_at(stream, first_seq))
            .or_else(|| self.window.digest_at(stream, first_seq));
        match kept {
            Some(kept) if kept == signed.digest() => Known::Same,
            Some(kept) => Known::Other(kept),
            // Taken, but no batch starts there: the origin cut its stream in two ways.
            None if first_seq <= target.journal.staged.get(&stream) => {
                let dot = Dot { stream, seq: first_seq };
                let located = target.log.locate(&dot);
                let kept = located.and_then(|at| target.log.digest_at(stream, at.first_seq));
                Known::Other(kept.unwrap_or_default())
            }
            None => Known::No,
        }
    }

    fn has_stream_room(&mut self, stream: Stream, journal: &Journal, fx: &mut Fx<'_>) -> bool {
        if journal.staged.get(&stream) > 0 || journal.staged.len() < STREAMS_MAX {
            return true;
        }
        if self.refused.len() < REFUSED_MAX && self.refused.insert(stream) {
            let streams_max = STREAMS_MAX;
            fx.out.push(Output::Alarm(Alarm::StreamLimit { stream, streams_max }));
        }
        false
    }

    fn owe(&mut self, to: SocketAddr, stream: Stream, seq: u64) {
        if self.acks.len() < ACKS_MAX || self.acks.contains_key(&(to, stream)) {
            let owed = self.acks.entry((to, stream)).or_default();
            owed.wanted = owed.wanted.max(seq);
        }
    }

    /// Tells whoever waits for it how far streams are durable: one of them or, after a write,
    /// all. O(acknowledgements owed).
    pub(crate) fn acknowledge(&mut self, only: Option<Stream>, log: &Log, fx: &mut Fx<'_>) {
        self.acks.retain(|(to, stream), owed| {
            let seq = log.vector.get(stream);
            if only.is_none_or(|only| only == *stream) && seq > owed.told {
                owed.told = seq;
                fx.send(*to, Body::Durable { stream: *stream, seq }, Class::Event);
            }
            owed.told < owed.wanted
        });
    }

    /// A connection began or ended.
    pub(crate) fn connection_changed(&mut self, addr: SocketAddr) {
        self.connections.remove(&addr);
    }

    pub(crate) fn window_bytes(&self) -> u64 {
        self.window.bytes() as u64
    }
}

/// A batch of our own origin that we never wrote.
fn rewound(batch: &Batch, (own, last_seq): (Stream, u64)) -> Option<Dot> {
    let dot = batch.dot(batch.events.len().saturating_sub(1));
    beyond(dot, own, last_seq).then_some(dot)
}

/// Whether an event of our own origin is later than what this node wrote. Earlier lives count as
/// ordinary streams: what is missing of them is repaired.
pub(crate) fn beyond(dot: Dot, own: Stream, last_seq: u64) -> bool {
    dot.stream.origin == own.origin
        && (dot.stream.incarnation > own.incarnation
            || (dot.stream.incarnation == own.incarnation && dot.seq > last_seq))
}
