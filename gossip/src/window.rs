//! Batches that arrived before what they depend on.

use std::collections::BTreeMap;

use cairn_merkle::Digest;

use crate::id::Stream;
use crate::journal::Ready;
use crate::vector::{STREAMS_MAX, VersionVector};

/// A bounded waiting room: by count and by bytes. Nothing waits for ever in the sense that
/// matters: whoever repairs us sends in a causal order, which needs no waiting room at all.
#[derive(Debug, Default)]
pub(crate) struct Window {
    streams: BTreeMap<Stream, BTreeMap<u64, Ready>>,
    count: usize,
    bytes: usize,
}

impl Window {
    /// Keeps a batch until it is ready. False when there is no room: the batch is dropped.
    pub(crate) fn hold(&mut self, ready: Ready, count_max: usize, bytes_max: usize) -> bool {
        let bytes = ready.signed.body.len();
        if self.count >= count_max || self.bytes + bytes > bytes_max {
            return false;
        }
        self.count += 1;
        self.bytes += bytes;
        let stream = self.streams.entry(ready.batch.stream).or_default();
        if let Some(before) = stream.insert(ready.batch.first_seq, ready) {
            self.forget(&before);
        }
        true
    }

    /// The batch that waits to start exactly here.
    pub(crate) fn digest_at(&self, stream: Stream, first_seq: u64) -> Option<Digest> {
        Some(self.streams.get(&stream)?.get(&first_seq)?.header.digest)
    }

    /// Takes one batch that `staged` made ready, and drops those it has overtaken and those of
    /// streams that others left no room for.
    pub(crate) fn release(&mut self, staged: &VersionVector) -> Option<Ready> {
        let mut found = None;
        for (stream, waiting) in &mut self.streams {
            let next = staged.get(stream) + 1;
            let has_room = next > 1 || staged.len() < STREAMS_MAX;
            while waiting.first_key_value().is_some_and(|(first, _)| *first < next || !has_room) {
                if let Some((_, stale)) = waiting.pop_first() {
                    self.count -= 1;
                    self.bytes -= stale.signed.body.len();
                }
            }
            let ready = waiting.first_key_value().is_some_and(|(first, ready)| {
                *first == next && staged.dominates(&ready.batch.deps)
            });
            if ready {
                found = waiting.pop_first().map(|(_, ready)| ready);
                break;
            }
        }
        self.streams.retain(|_, waiting| !waiting.is_empty());
        found.inspect(|ready| self.forget(ready))
    }

    fn forget(&mut self, ready: &Ready) {
        self.count -= 1;
        self.bytes -= ready.signed.body.len();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
