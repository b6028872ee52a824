//! Publishing: group commit, idempotency keys, and levels of durability.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Batch, Event};
use crate::fx::{Due, Fx};
use crate::id::{Dot, NodeId, Stream};
use crate::input::{Level, Publish};
use crate::log::Log;
use crate::output::{Output, PublishError, Published};
use crate::time::Time;
use crate::vector::{STREAMS_MAX, VersionVector};

/// Bytes that one entry of a causal context takes, at most.
const CONTEXT_ENTRY_BYTES_MAX: usize = 32;

#[derive(Debug)]
enum State {
    /// Waits for the log, or for its context to arrive here.
    Queued,
    /// Its batch is being written.
    Writing(Dot),
    /// Durable here; waits for other nodes.
    Confirming(Dot, BTreeSet<NodeId>),
}

#[derive(Debug)]
struct Request {
    deadline: Time,
    level: Level,
    retry: bool,
    state: State,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    context: Option<VersionVector>,
    trace: Option<String>,
    /// The publish and its retries.
    requests: Vec<u64>,
}

/// A batch of own events and the requests that each answers.
#[derive(Debug)]
pub(crate) struct OwnBatch {
    pub(crate) batch: Batch,
    pub(crate) trace: Option<String>,
}

/// Own events on their way into the log, and publishers that wait for an answer.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) stream: Stream,
    next_seq: u64,
    /// What the stream's batches so far carry as causal context.
    context: VersionVector,
    /// What did not fit: the next batches carry it.
    owed: VersionVector,
    waiting: Vec<Waiting>,
    requests: BTreeMap<u64, Request>,
    /// Requests by the own event that is being written.
    writing: BTreeMap<u64, Vec<u64>>,
    /// Idempotency keys of events queued or being written.
    keys: BTreeMap<[u8; 16], Option<u64>>,
    retired: Option<Dot>,
    /// When each request's time is over. One timer is armed, for the earliest.
    deadlines: BTreeSet<(Time, u64)>,
    armed: Option<Time>,
}

impl Publisher {
    pub(crate) fn new(stream: Stream, last_seq: u64, context: VersionVector) -> Publisher {
        Publisher {
            stream,
            next_seq: last_seq + 1,
            context,
            owed: VersionVector::new(),
            waiting: Vec::new(),
            requests: BTreeMap::new(),
            writing: BTreeMap::new(),
            keys: BTreeMap::new(),
            retired: None,
            deadlines: BTreeSet::new(),
            armed: None,
        }
    }

    /// A client publishes. Answered now, or when the event is durable, or when time is over.
    pub(crate) fn publish(
        &mut self,
        publish: Publish,
        (log, staged): (&Log, &VersionVector),
        confirmed: impl FnOnce(&Dot) -> BTreeSet<NodeId>,
        fx: &mut Fx<'_>,
    ) {
        let Publish { request, event, context, level, timeout, trace } = publish;
        if let Err(error) = self.check(&event, level, fx) {
            fx.out.push(Output::Published { request, result: Err(error) });
            return;
        }
        let deadline = fx.now.plus(timeout.min(fx.config.publish_timeout_max));
        let key = event.idempotency;
        // A retry gets the first event, and writes nothing.
        if let Some(dot) = key.and_then(|key| log.published(&key)) {
            let state = State::Confirming(dot, confirmed(&dot));
            self.requests.insert(request, Request { deadline, level, retry: true, state });
            self.settle(request, fx);
        } else if let Some(on_the_way) = key.and_then(|key| self.keys.get(&key).copied()) {
            let state = match on_the_way {
                Some(seq) => {
                    self.writing.entry(seq).or_default().push(request);
                    State::Writing(Dot { stream: self.stream, seq })
                }
                None => {
                    let same = self.waiting.iter_mut().find(|w| w.event.idempotency == key);
                    if let Some(waiting) = same {
                        waiting.requests.push(request);
                    }
                    State::Queued
                }
            };
            self.requests.insert(request, Request { deadline, level, retry: true, state });
        } else {
            if let Err(error) = self.check_room(log, staged, fx) {
                fx.out.push(Output::Published { request, result: Err(error) });
                return;
            }
            if let Some(key) = key {
                self.keys.insert(key, None);
            }
            self.waiting.push(Waiting { event, context, trace, requests: vec![request] });
            let state = State::Queued;
            self.requests.insert(request, Request { deadline, level, retry: false, state });
        }
        if self.requests.contains_key(&request) {
            self.deadlines.insert((deadline, request));
            self.arm(fx);
        }
    }

    fn check(&self, event: &Event, level: Level, fx: &Fx<'_>) -> Result<(), PublishError> {
        if let Some(seen) = self.retired {
            return Err(PublishError::OriginRetired { seen });
        }
        if let Some((what, actual_bytes, bytes_max)) = event.oversize() {
            return Err(PublishError::TooLarge { what, actual_bytes, bytes_max });
        }
        if event.topic.is_empty() {
            return Err(PublishError::EmptyTopic);
        }
        match level {
            Level::Replicated { count } if count > fx.config.replicas_max => {
                let count_max = fx.config.replicas_max;
                Err(PublishError::LevelTooHigh { actual: count, count_max })
            }
            _ if self.requests.len() >= fx.config.publish_waiting_max => {
                let waiting_max = fx.config.publish_waiting_max;
                Err(PublishError::QueueFull { waiting: self.requests.len(), waiting_max })
            }
            _ => Ok(()),
        }
    }

    fn check_room(
        &self,
        log: &Log,
        staged: &VersionVector,
        fx: &Fx<'_>,
    ) -> Result<(), PublishError> {
        let (events_max, bytes_max) = (fx.config.log_events_max, fx.config.log_bytes_max);
        if log.events >= events_max || log.bytes >= bytes_max {
            let (events, bytes) = (log.events, log.bytes);
            return Err(PublishError::LogFull { events, bytes, events_max, bytes_max });
        }
        self.check_stream(staged)
    }

    /// Whether the own stream is one of those that a vector holds, or may become one.
    fn check_stream(&self, staged: &VersionVector) -> Result<(), PublishError> {
        if staged.get(&self.stream) == 0 && staged.len() >= STREAMS_MAX {
            let (actual, streams_max) = (staged.len(), STREAMS_MAX);
            return Err(PublishError::StreamLimit { actual, streams_max });
        }
        Ok(())
    }

    /// Refuses what waits when others took the last streams meanwhile.
    pub(crate) fn refuse_without_stream(&mut self, staged: &VersionVector, fx: &mut Fx<'_>) {
        if let Err(error) = self.check_stream(staged) {
            self.refuse_waiting(&error, fx);
        }
    }

    fn refuse_waiting(&mut self, error: &PublishError, fx: &mut Fx<'_>) {
        for waiting in std::mem::take(&mut self.waiting) {
            if let Some(key) = waiting.event.idempotency {
                self.keys.remove(&key);
            }
            for request in waiting.requests {
                self.remove(request);
                fx.out.push(Output::Published { request, result: Err(error.clone()) });
            }
        }
    }

    /// Takes what can be written now as batches, in the order it was published.
    pub(crate) fn take(
        &mut self,
        log: &Log,
        mut lamport: u64,
        context_max: usize,
    ) -> Vec<OwnBatch> {
        let ready = |w: &Waiting| w.context.as_ref().is_none_or(|c| log.vector.dominates(c));
        let (ready, blocked): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(ready);
        self.waiting = blocked;
        let mut ready = ready.into_iter().peekable();
        let mut batches = Vec::new();
        while ready.peek().is_some() {
            // A hostile origin may have claimed the end of it: then the origin breaks ties.
            lamport = lamport.saturating_add(1);
            let first_seq = self.next_seq;
            let mut batch = Batch {
                stream: self.stream,
                first_seq,
                lamport,
                deps: VersionVector::new(),
                events: Vec::new(),
            };
            // No context is ahead of the log here, so this bounds what the batch will carry.
            let deps = log.vector.delta_from(&self.context).len().min(context_max);
            let (mut trace, mut bytes) = (None, 128 + deps * CONTEXT_ENTRY_BYTES_MAX);
            let mut context = VersionVector::new();
            while let Some(waiting) = ready.next_if(|next| {
                batch.events.is_empty()
                    || (batch.events.len() < BATCH_EVENTS_MAX
                        && bytes + next.event.encoded_bytes_max() <= BATCH_BYTES_MAX)
            }) {
                bytes += waiting.event.encoded_bytes_max();
                context.join(waiting.context.as_ref().unwrap_or(&log.vector));
                self.start_writing(waiting.event.idempotency, waiting.requests);
                trace = trace.or(waiting.trace);
                batch.events.push(waiting.event);
            }
            // Whatever the publisher saw: an origin's lives come in order.
            let own = log.vector.iter().filter(|(s, _)| s.origin == self.stream.origin);
            context.join(&own.map(|(stream, seq)| (*stream, *seq)).collect());
            batch.deps = self.delta(&context, context_max);
            batches.push(OwnBatch { batch, trace });
        }
        batches
    }

    fn start_writing(&mut self, key: Option<[u8; 16]>, requests: Vec<u64>) {
        let seq = self.next_seq;
        self.next_seq += 1;
        if let Some(on_the_way) = key.and_then(|key| self.keys.get_mut(&key)) {
            *on_the_way = Some(seq);
        }
        for request in &requests {
            if let Some(request) = self.requests.get_mut(request) {
                request.state = State::Writing(Dot { stream: self.stream, seq });
            }
        }
        self.writing.insert(seq, requests);
    }

    /// What `context` adds to the stream's earlier batches. What does not fit goes with the next
    /// ones: receivers then deliver a little too early in the causal order of *other* streams,
    /// never out of this stream's own.
    fn delta(&mut self, context: &VersionVector, entries_max: usize) -> VersionVector {
        let mut wanted = std::mem::take(&mut self.owed);
        wanted.join(context);
        let wanted = wanted.delta_from(&self.context);
        let (own, others): (Vec<_>, Vec<_>) = (wanted.iter())
            .filter(|(stream, _)| **stream != self.stream)
            .map(|(stream, seq)| (*stream, *seq))
            .partition(|(stream, _)| stream.origin == self.stream.origin);
        // The origin's earlier lives first: those are never left for later.
        let mut wanted = own.into_iter().chain(others);
        let delta: VersionVector = wanted.by_ref().take(entries_max).collect();
        self.owed = wanted.collect();
        self.context.join(&delta);
        delta
    }

    /// An own batch is durable: whoever asked for no more is answered. Returns whether somebody
    /// waits for other nodes.
    pub(crate) fn durable(&mut self, batch: &Batch, fx: &mut Fx<'_>) -> bool {
        let mut wanted = false;
        for (index, event) in batch.events.iter().enumerate() {
            let dot = batch.dot(index);
            if let Some(key) = event.idempotency {
                self.keys.remove(&key);
            }
            for id in self.writing.remove(&dot.seq).unwrap_or_default() {
                if let Some(request) = self.requests.get_mut(&id) {
                    request.state = State::Confirming(dot, BTreeSet::new());
                    wanted |= matches!(request.level, Level::Replicated { .. });
                    self.settle(id, fx);
                }
            }
        }
        wanted
    }

    /// A node holds everything of `stream` up to `seq` durably.
    pub(crate) fn confirmed(&mut self, node: NodeId, stream: Stream, seq: u64, fx: &mut Fx<'_>) {
        let mut touched = Vec::new();
        for (id, request) in &mut self.requests {
            if let State::Confirming(dot, nodes) = &mut request.state
                && dot.stream == stream
                && dot.seq <= seq
                && nodes.insert(node)
            {
                touched.push(*id);
            }
        }
        for id in touched {
            self.settle(id, fx);
        }
    }

    /// A node holds all that this one holds durably.
    pub(crate) fn confirmed_all(&mut self, node: NodeId, fx: &mut Fx<'_>) {
        let mut touched = Vec::new();
        for (id, request) in &mut self.requests {
            if let State::Confirming(_, nodes) = &mut request.state
                && nodes.insert(node)
            {
                touched.push(*id);
            }
        }
        touched.into_iter().for_each(|id| self.settle(id, fx));
    }

    fn settle(&mut self, id: u64, fx: &mut Fx<'_>) {
        let Some(request) = self.requests.get(&id) else { return };
        let State::Confirming(dot, nodes) = &request.state else { return };
        let (dot, level, retry) = (*dot, request.level, request.retry);
        let reached = match level {
            Level::Local => true,
            Level::Replicated { count } => nodes.len() >= usize::from(count),
        };
        if reached {
            self.remove(id);
            let result = Ok(Published { dot, level, retry });
            fx.out.push(Output::Published { request: id, result });
        }
    }

    fn remove(&mut self, id: u64) -> Option<Request> {
        let request = self.requests.remove(&id)?;
        self.deadlines.remove(&(request.deadline, id));
        Some(request)
    }

    fn arm(&mut self, fx: &mut Fx<'_>) {
        let Some((earliest, _)) = self.deadlines.first() else { return };
        if self.armed.is_none_or(|armed| *earliest < armed) {
            self.armed = Some(*earliest);
            fx.arm(earliest.since(fx.now), Due::Publish);
        }
    }

    /// The earliest deadline is here: everything that is over is answered.
    pub(crate) fn timer(&mut self, log: &Log, fx: &mut Fx<'_>) {
        self.armed = None;
        while let Some((_, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= fx.now) {
            self.timeout(id, log, fx);
        }
        self.arm(fx);
    }

    fn timeout(&mut self, id: u64, log: &Log, fx: &mut Fx<'_>) {
        let Some(request) = self.remove(id) else { return };
        let wanted = match request.level {
            Level::Local => 0,
            Level::Replicated { count } => count,
        };
        let error = match request.state {
            State::Writing(dot) => PublishError::Timeout { dot, confirmed: 0, wanted },
            State::Confirming(dot, nodes) => {
                let confirmed = u8::try_from(nodes.len()).unwrap_or(u8::MAX);
                PublishError::Timeout { dot, confirmed, wanted }
            }
            State::Queued => self.unqueue(id, log, fx),
        };
        fx.out.push(Output::Published { request: id, result: Err(error) });
    }

    /// Takes back a publish that was not written.
    fn unqueue(&mut self, id: u64, log: &Log, fx: &Fx<'_>) -> PublishError {
        let place = self.waiting.iter().position(|waiting| waiting.requests.contains(&id));
        let mut missing = Vec::new();
        if let Some(waiting) = place.and_then(|place| self.waiting.get_mut(place)) {
            missing = waiting.context.as_ref().map_or(Vec::new(), |c| c.missing_from(&log.vector));
            waiting.requests.retain(|request| *request != id);
        }
        let empty = |waiting: &Waiting| waiting.requests.is_empty();
        for gone in self.waiting.extract_if(.., |waiting| empty(waiting)) {
            if let Some(key) = gone.event.idempotency {
                self.keys.remove(&key);
            }
        }
        match missing.first() {
            Some(range) => PublishError::ContextAhead {
                missing: missing.len(),
                example: Dot { stream: range.stream, seq: range.last },
            },
            // The disk did not take the write before this one in time.
            None => PublishError::QueueFull {
                waiting: self.requests.len(),
                waiting_max: fx.config.publish_waiting_max,
            },
        }
    }

    /// Peers know `seen` of this origin, which was never written here: from now on nothing is
    /// published on it. Returns whether that is news.
    pub(crate) fn retire(&mut self, seen: Dot, fx: &mut Fx<'_>) -> bool {
        if self.retired.is_some() {
            return false;
        }
        self.retired = Some(seen);
        self.refuse_waiting(&PublishError::OriginRetired { seen }, fx);
        true
    }

    /// The last sequence number that was given out on the own stream.
    pub(crate) fn last_seq(&self) -> u64 {
        self.next_seq - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Origin;

    #[test]
    fn what_does_not_fit_a_context_goes_with_the_next_batches() {
        let stream = |n: u8, incarnation| Stream { origin: Origin([n; 16]), incarnation };
        let mut publisher = Publisher::new(stream(5, 3), 0, VersionVector::new());
        let context: VersionVector =
            [(stream(1, 1), 4), (stream(2, 1), 7), (stream(5, 2), 9), (stream(5, 3), 1)]
                .into_iter()
                .collect();
        let mut carried = |context: &VersionVector| -> Vec<_> {
            publisher.delta(context, 1).iter().map(|(s, n)| (s.origin.0[0], *n)).collect()
        };
        assert_eq!(carried(&context), [(5, 9)], "an earlier life comes first");
        let nothing = VersionVector::new();
        assert_eq!(carried(&nothing), [(1, 4)]);
        assert_eq!(carried(&nothing), [(2, 7)]);
        assert_eq!(carried(&context), []);
    }
}
