//! The way into the log: ready batches collect while one write is on its way to disk.
//!
//! One write at a time is group commit: whatever becomes ready meanwhile shares the next fsync.
//! A batch is *seen*, delivered, acknowledged and (when it is ours) pushed only after its write.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cairn_merkle::Digest;

use crate::event::{Batch, SignedBatch};
use crate::fx::{Done, Fx};
use crate::id::Stream;
use crate::output::Write;
use crate::recovered::BatchHeader;
use crate::vector::VersionVector;

/// A verified batch.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) signed: SignedBatch,
    pub(crate) batch: Arc<Batch>,
    pub(crate) header: BatchHeader,
    pub(crate) trace: Option<String>,
}

impl Ready {
    pub(crate) fn new(signed: SignedBatch, batch: Batch, trace: Option<String>) -> Ready {
        let header = BatchHeader::of(&signed, &batch);
        Ready { signed, batch: Arc::new(batch), header, trace }
    }
}

/// What is on its way into the log.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    queue: VecDeque<Ready>,
    queue_bytes: usize,
    writing: Vec<(u64, Ready)>,
    /// Digests of everything queued or being written.
    coming: BTreeMap<(Stream, u64), Digest>,
    /// The log's vector joined with everything queued or being written: what a batch may depend
    /// on, because it is written after it. Never told to anybody.
    pub(crate) staged: VersionVector,
    pub(crate) lamport: u64,
}

impl Journal {
    /// Whether another batch from a peer may be queued.
    pub(crate) fn has_room(&self, fx: &Fx<'_>) -> bool {
        self.queue.len() < fx.config.journal_batches_max
            && self.queue_bytes < fx.config.journal_bytes_max
    }

    /// Queues a batch whose dependencies are staged.
    pub(crate) fn stage(&mut self, ready: Ready) {
        self.coming.insert((ready.batch.stream, ready.batch.first_seq), ready.header.digest);
        self.staged.advance(ready.batch.stream, ready.batch.last_seq());
        self.lamport = self.lamport.max(ready.batch.lamport);
        self.queue_bytes += ready.signed.body.len();
        self.queue.push_back(ready);
    }

    /// The batch that is on its way and starts exactly here.
    pub(crate) fn digest_at(&self, stream: Stream, first_seq: u64) -> Option<Digest> {
        self.coming.get(&(stream, first_seq)).copied()
    }

    /// Whether nothing is being written.
    pub(crate) fn idle(&self) -> bool {
        self.writing.is_empty()
    }

    /// Starts the next write, places from `local` on. Returns whether there was anything to write.
    pub(crate) fn write(&mut self, mut local: u64, fx: &mut Fx<'_>) -> bool {
        debug_assert!(self.idle(), "one write at a time");
        let mut bytes = 0;
        let mut writes = Vec::new();
        while let Some(ready) = self.queue.pop_front() {
            bytes += ready.signed.body.len();
            if bytes > fx.config.journal_write_bytes_max && !writes.is_empty() {
                self.queue.push_front(ready);
                break;
            }
            self.queue_bytes -= ready.signed.body.len();
            writes.push(Write::Batch { local, batch: ready.signed.clone() });
            self.writing.push((local, ready));
            local += 1;
        }
        if writes.is_empty() {
            return false;
        }
        let defect = fx.config.defects.seen_before_fsync;
        fx.persist(writes, if defect { Done::Nothing } else { Done::Journal });
        true
    }

    /// The write is durable: its batches, in order.
    pub(crate) fn written(&mut self) -> Vec<(u64, Ready)> {
        for (_, ready) in &self.writing {
            self.coming.remove(&(ready.batch.stream, ready.batch.first_seq));
        }
        std::mem::take(&mut self.writing)
    }
}
