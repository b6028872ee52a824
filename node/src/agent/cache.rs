//! Batches that were delivered lately: most consumers are right behind the log's end.

use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_gossip::Batch;

/// Bytes of batch bodies that are kept. What is older is read from the log again.
const BYTES_MAX: usize = 1 << 20;

/// Batches by their place in the local order, within bounds.
#[derive(Debug, Default)]
pub(super) struct Batches {
    kept: BTreeMap<u64, (Arc<Batch>, usize)>,
    bytes: usize,
}

impl Batches {
    pub(super) fn find(&self, local: u64) -> Option<Arc<Batch>> {
        self.kept.get(&local).map(|(batch, _)| batch.clone())
    }

    /// The oldest make room: a consumer that catches up passes them once and does not come back.
    pub(super) fn keep(&mut self, local: u64, batch: Arc<Batch>, bytes: usize) {
        if let Some((_, replaced)) = self.kept.insert(local, (batch, bytes)) {
            self.bytes -= replaced;
        }
        self.bytes += bytes;
        while self.bytes > BYTES_MAX && self.kept.len() > 1 {
            let Some((at, _)) = self.kept.first_key_value() else { break };
            // A batch that was just read for a lagging consumer is the oldest itself: keep it for
            // the next of its events and drop the one after it.
            let victim = if *at == local { self.kept.keys().nth(1).copied() } else { Some(*at) };
            let Some((_, bytes)) = victim.and_then(|at| self.kept.remove(&at)) else { break };
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_gossip::{Origin, Stream, VersionVector};

    #[test]
    fn memory_is_bounded_and_the_newest_read_stays() {
        let stream = Stream { origin: Origin([1; 16]), incarnation: 1 };
        let deps = VersionVector::new();
        let batch = Arc::new(Batch { stream, first_seq: 1, lamport: 1, deps, events: Vec::new() });
        let mut batches = Batches::default();
        for local in 100..200 {
            batches.keep(local, batch.clone(), 48 << 10);
            assert!(batches.bytes <= BYTES_MAX);
        }
        assert!(batches.find(199).is_some() && batches.find(100).is_none());
        batches.keep(3, batch, 48 << 10);
        assert!(batches.find(3).is_some());
        assert!(batches.bytes <= BYTES_MAX);
    }
}
