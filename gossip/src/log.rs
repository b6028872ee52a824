//! The index of the event log: what is durable and delivered here, in this node's order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use cairn_merkle::Digest;

use crate::event::EventKey;
use crate::id::{Dot, Origin, Stream};
use crate::recovered::BatchHeader;
use crate::time::Time;
use crate::vector::VersionVector;

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

#[derive(Clone, Copy, Debug)]
struct Entry {
    stream: Stream,
    first_seq: u64,
    count: u32,
    bytes: u32,
    digest: Digest,
    /// When it was delivered in this life; `None` when an earlier one did.
    at: Option<Time>,
}

impl Entry {
    fn last_seq(&self) -> u64 {
        self.first_seq + u64::from(self.count).saturating_sub(1)
    }
}

/// Batches of one stream to send in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) stream: Stream,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) bytes: u64,
    pub(crate) batches: u64,
}

/// About 90 bytes a batch, and what keys and idempotency keys take. Bounded by the log's own
/// limits; nothing is ever dropped from it while the log holds the batch.
#[derive(Debug)]
pub(crate) struct Log {
    origin: Origin,
    entries: Vec<Entry>,
    starts: BTreeMap<(Stream, u64), u64>,
    keys: BTreeMap<EventKey, Vec<Dot>>,
    idempotency: BTreeMap<[u8; 16], Dot>,
    pub(crate) vector: VersionVector,
    pub(crate) lamport: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

impl Log {
    pub(crate) fn new(origin: Origin) -> Log {
        Log {
            origin,
            entries: Vec::new(),
            starts: BTreeMap::new(),
            keys: BTreeMap::new(),
            idempotency: BTreeMap::new(),
            vector: VersionVector::new(),
            lamport: 0,
            events: 0,
            bytes: 0,
        }
    }

    /// The place that the next batch gets.
    pub(crate) fn next_local(&self) -> u64 {
        self.entries.len() as u64
    }

    /// A batch is durable. Returns for each event whether it is a later copy of its key. O(log n)
    /// an event.
    pub(crate) fn append(&mut self, header: &BatchHeader, at: Option<Time>) -> Vec<bool> {
        let BatchHeader { stream, first_seq, count, bytes, digest, .. } = *header;
        let entry = Entry { stream, first_seq, count, bytes, digest, at };
        self.starts.insert((stream, first_seq), self.next_local());
        self.entries.push(entry);
        self.vector.advance(stream, entry.last_seq());
        self.lamport = self.lamport.max(header.lamport);
        self.events += u64::from(count);
        self.bytes += u64::from(bytes);
        let dot = |index: u32| Dot { stream, seq: first_seq + u64::from(index) };
        // Only this agent's own events, of whatever life: a key is a promise of one agent.
        if stream.origin == self.origin {
            for (index, key) in &header.idempotency {
                self.idempotency.entry(*key).or_insert(dot(*index));
            }
        }
        let mut suppressed = vec![false; usize::try_from(count).unwrap_or(0)];
        for (index, key) in &header.keys {
            let dots = self.keys.entry(key.clone()).or_default();
            let this = dot(*index);
            dots.push(this);
            let later = dots.first() != Some(&this);
            let slot = usize::try_from(*index).ok().and_then(|index| suppressed.get_mut(index));
            if let Some(slot) = slot {
                *slot = later;
            }
        }
        suppressed
    }

    /// The batch that starts exactly here.
    pub(crate) fn digest_at(&self, stream: Stream, first_seq: u64) -> Option<Digest> {
        self.entry(*self.starts.get(&(stream, first_seq))?).map(|entry| entry.digest)
    }

    /// The batch that holds this event.
    pub(crate) fn locate(&self, dot: &Dot) -> Option<Located> {
        let from = (dot.stream, 0)..=(dot.stream, dot.seq);
        let (_, local) = self.starts.range(from).next_back()?;
        let entry = self.entry(*local).filter(|entry| dot.seq <= entry.last_seq())?;
        Some(Located { local: *local, first_seq: entry.first_seq, count: entry.count })
    }

    fn entry(&self, local: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(local).ok()?)
    }

    /// Every event delivered under this key, the winner first.
    pub(crate) fn key_dots(&self, key: &EventKey) -> &[Dot] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// What an earlier publish with this idempotency key got.
    pub(crate) fn published(&self, key: &[u8; 16]) -> Option<Dot> {
        self.idempotency.get(key).copied()
    }

    /// What to send to a node that knows `known`: at most `bytes_max`, but at least one batch.
    ///
    /// In this node's own order, which is a causal one: whatever prefix arrives can be delivered,
    /// so a bounded transfer never waits for what it left out. Batches younger than `age_min` are
    /// most likely on their way there already. O(k log k) for k streams behind, and O(log n) a
    /// batch.
    pub(crate) fn plan(
        &self,
        known: &VersionVector,
        bytes_max: u64,
        now: Time,
        age_min: Duration,
    ) -> Vec<Run> {
        let mut next: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
        for range in self.vector.missing_from(known) {
            let first = Dot { stream: range.stream, seq: range.first };
            next.extend(self.locate(&first).map(|located| Reverse(located.local)));
        }
        let (mut runs, mut bytes): (Vec<Run>, u64) = (Vec::new(), 0);
        while let Some(Reverse(local)) = next.pop() {
            let Some(entry) = self.entry(local) else { break };
            let young = entry.at.is_some_and(|at| now.since(at) < age_min);
            if young || (bytes > 0 && bytes + u64::from(entry.bytes) > bytes_max) {
                break;
            }
            bytes += u64::from(entry.bytes);
            match runs.last_mut() {
                Some(run) if run.stream == entry.stream && run.last_seq + 1 == entry.first_seq => {
                    run.last_seq = entry.last_seq();
                    run.bytes += u64::from(entry.bytes);
                    run.batches += 1;
                }
                _ => runs.push(Run {
                    stream: entry.stream,
                    first_seq: entry.first_seq,
                    last_seq: entry.last_seq(),
                    bytes: u64::from(entry.bytes),
                    batches: 1,
                }),
            }
            let following = (entry.stream, entry.last_seq() + 1);
            next.extend(self.starts.get(&following).map(|local| Reverse(*local)));
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(n: u8) -> Stream {
        Stream { origin: Origin([n; 16]), incarnation: 1 }
    }

    fn header(n: u8, first_seq: u64, count: u32) -> BatchHeader {
        BatchHeader {
            stream: stream(n),
            first_seq,
            count,
            lamport: first_seq,
            deps: VersionVector::new(),
            digest: Digest::of(&[n, u8::try_from(first_seq).unwrap()]),
            bytes: 100,
            topics: Vec::new(),
            keys: Vec::new(),
            idempotency: Vec::new(),
        }
    }

    fn log(batches: &[(u8, u64, u32)]) -> Log {
        let mut log = Log::new(Origin([1; 16]));
        for (n, first, count) in batches {
            log.append(&header(*n, *first, *count), None);
        }
        log
    }

    #[test]
    fn a_plan_follows_the_local_order_within_its_budget() {
        let log = log(&[(2, 1, 2), (1, 1, 1), (2, 3, 1), (2, 4, 1), (1, 2, 3)]);
        let runs = |known: &[(Stream, u64)], bytes_max| -> Vec<_> {
            let known = known.iter().copied().collect();
            let plan = log.plan(&known, bytes_max, Time::ZERO, Duration::ZERO);
            plan.iter().map(|r| (r.stream.origin.0[0], r.first_seq, r.last_seq)).collect()
        };
        let all = vec![(2, 1, 2), (1, 1, 1), (2, 3, 4), (1, 2, 4)];
        assert_eq!(runs(&[], 1_000), all);
        assert_eq!(runs(&[], 250), all[..2].to_vec());
        assert_eq!(runs(&[], 1), all[..1].to_vec(), "one batch always goes");
        assert_eq!(runs(&[(stream(2), 2)], 1_000), all[1..].to_vec());
        // A peer that stands inside a batch gets the whole of it.
        assert_eq!(runs(&[(stream(2), 4), (stream(1), 3)], 1_000), vec![(1, 2, 4)]);
        assert_eq!(runs(&[(stream(2), 4), (stream(1), 4)], 1_000), vec![]);
    }

    #[test]
    fn young_batches_are_left_to_the_push() {
        let mut log = log(&[(1, 1, 1)]);
        log.append(&header(1, 2, 1), Some(Time::from_millis(1_000)));
        let plan = |now| {
            let age_min = Duration::from_millis(100);
            let plan = log.plan(&VersionVector::new(), 1_000, Time::from_millis(now), age_min);
            plan.iter().map(|run| run.last_seq).collect::<Vec<_>>()
        };
        assert_eq!(plan(1_099), vec![1]);
        assert_eq!(plan(1_100), vec![2]);
    }

    #[test]
    fn the_first_copy_of_a_key_wins() {
        let mut log = Log::new(Origin([1; 16]));
        let key = EventKey { scope: "timer".into(), n: 7 };
        let keyed = |n| BatchHeader { keys: vec![(0, key.clone())], ..header(n, 1, 2) };
        assert_eq!(log.append(&keyed(1), None), vec![false, false]);
        assert_eq!(log.append(&keyed(2), None), vec![true, false]);
        let dots: Vec<_> = log.key_dots(&key).iter().map(|dot| dot.stream).collect();
        assert_eq!(dots, vec![stream(1), stream(2)]);
    }

    #[test]
    fn events_are_found_by_dot() {
        let log = log(&[(1, 1, 3), (2, 1, 1)]);
        let find = |n, seq| log.locate(&Dot { stream: stream(n), seq }).map(|l| l.local);
        assert_eq!((find(1, 3), find(2, 1)), (Some(0), Some(1)));
        assert_eq!((find(1, 4), find(3, 1)), (None, None));
    }
}
