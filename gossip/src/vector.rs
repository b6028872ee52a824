//! Version vectors: which events of every stream are known, as contiguous prefixes.

use std::collections::BTreeMap;

use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use crate::id::{Dot, Stream};

/// Most streams a vector may hold. One more is refused with an error that names the limit; entries
/// are never dropped to make room, because a dropped entry would let old events in again.
pub const STREAMS_MAX: usize = 4_096;

/// A run of sequence numbers of one stream, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DotRange {
    /// Whose events.
    pub stream: Stream,
    /// The first of them.
    pub first: u64,
    /// The last of them; not below `first`.
    pub last: u64,
}

/// For each stream the last sequence number up to which everything is known.
///
/// A join-semilattice: [`join`](VersionVector::join) is commutative, associative and idempotent.
/// Streams of which nothing is known have no entry, so equal knowledge means equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(Stream, u64)>")]
pub struct VersionVector(BTreeMap<Stream, u64>);

/// Bytes that are not a version vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// More streams than a vector may hold; nothing was taken over.
    #[error("a version vector of {actual} streams, limit {STREAMS_MAX}")]
    TooManyStreams {
        /// How many were given.
        actual: usize,
    },
    /// Entries out of order, repeated, or of zero length; nothing was taken over.
    #[error("version vector entry {index} is out of order or empty")]
    NotCanonical {
        /// Which entry, from 0.
        index: usize,
    },
}

impl TryFrom<Vec<(Stream, u64)>> for VersionVector {
    type Error = VectorError;

    fn try_from(entries: Vec<(Stream, u64)>) -> Result<Self, VectorError> {
        if entries.len() > STREAMS_MAX {
            return Err(VectorError::TooManyStreams { actual: entries.len() });
        }
        for (index, (stream, seq)) in entries.iter().enumerate() {
            if *seq == 0 || (index > 0 && entries[index - 1].0 >= *stream) {
                return Err(VectorError::NotCanonical { index });
            }
        }
        Ok(VersionVector(entries.into_iter().collect()))
    }
}

impl VersionVector {
    /// The empty vector: nothing is known.
    pub const fn new() -> Self {
        VersionVector(BTreeMap::new())
    }

    /// The last known sequence number of `stream`, 0 for none.
    pub fn get(&self, stream: &Stream) -> u64 {
        self.0.get(stream).copied().unwrap_or(0)
    }

    /// Whether the event is known.
    pub fn contains(&self, dot: &Dot) -> bool {
        dot.seq <= self.get(&dot.stream)
    }

    /// Raises the entry of `stream` to `seq` unless it is already as high. The caller upholds that
    /// everything below is known too and that the stream limit is kept.
    pub fn advance(&mut self, stream: Stream, seq: u64) {
        if seq > 0 {
            let entry = self.0.entry(stream).or_insert(0);
            *entry = (*entry).max(seq);
        }
    }

    /// Takes over everything the other knows: the entry-wise maximum. O(size of `other` × log n).
    pub fn join(&mut self, other: &VersionVector) {
        for (stream, seq) in &other.0 {
            self.advance(*stream, *seq);
        }
    }

    /// Whether everything in `other` is known here too.
    pub fn dominates(&self, other: &VersionVector) -> bool {
        other.0.iter().all(|(stream, seq)| self.get(stream) >= *seq)
    }

    /// What is known here and missing from `other`, in stream order.
    pub fn missing_from(&self, other: &VersionVector) -> Vec<DotRange> {
        let ahead = |(stream, last): (&Stream, &u64)| {
            let known = other.get(stream);
            (known < *last).then(|| DotRange { stream: *stream, first: known + 1, last: *last })
        };
        self.0.iter().filter_map(ahead).collect()
    }

    /// The entries that differ from `base`: what a delta carries. Joined to `base`, it gives a
    /// vector that dominates this one.
    pub fn delta_from(&self, base: &VersionVector) -> VersionVector {
        let ahead = self.0.iter().filter(|(stream, seq)| base.get(stream) < **seq);
        VersionVector(ahead.map(|(stream, seq)| (*stream, *seq)).collect())
    }

    /// All entries in stream order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Stream, &u64)> + DoubleEndedIterator {
        self.0.iter()
    }

    /// Entries of the streams after `after` (from the first one when `None`), in stream order.
    pub fn iter_after(&self, after: Option<Stream>) -> impl Iterator<Item = (&Stream, &u64)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.0.range((after.map_or(Unbounded, Excluded), Unbounded))
    }

    /// How many streams have an entry.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A digest that is equal exactly for equal vectors. O(n).
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::with_capacity(self.0.len() * 28);
        for (stream, seq) in &self.0 {
            bytes.extend_from_slice(&stream.origin.0);
            bytes.extend_from_slice(&stream.incarnation.to_le_bytes());
            bytes.extend_from_slice(&seq.to_le_bytes());
        }
        Digest::derive("cairn 2026 version vector v1", &[&bytes])
    }
}

impl FromIterator<(Stream, u64)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (Stream, u64)>>(entries: I) -> Self {
        let mut vector = VersionVector::new();
        for (stream, seq) in entries {
            vector.advance(stream, seq);
        }
        vector
    }
}
