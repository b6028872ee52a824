//! Clients that publish, retry with one idempotency key until they know, and sometimes forget
//! that they knew.

use std::time::Duration;

use bytes::Bytes;
use cairn_gossip::{
    Event, EventKey, Input, Level, Publish, PublishError, Published, Time, VersionVector,
};

use super::trace::hash_bytes;
use super::world::{Happening, World};
use crate::history::Happened;

/// One event on its way to being accepted.
#[derive(Clone, Debug)]
struct Attempt {
    id: [u8; 16],
    event: Event,
    context: Option<VersionVector>,
    level: Level,
    /// The publisher lost the answer once: it asks again although the event is accepted.
    forgot: bool,
}

/// A client of one node.
#[derive(Debug)]
pub(crate) struct Publisher {
    node: usize,
    attempt: Option<Attempt>,
    /// Fired keys that wait for the current attempt to end.
    keys: Vec<u64>,
    request: u64,
    /// Voids older alarm clocks.
    wake: u32,
}

impl Publisher {
    pub(crate) fn new(node: usize) -> Publisher {
        Publisher { node, attempt: None, keys: Vec::new(), request: 0, wake: 0 }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.attempt.is_none() && self.keys.is_empty()
    }
}

/// How long a publisher waits for an answer before it asks again.
const PATIENCE: Duration = Duration::from_secs(4);

impl World {
    fn wake_publisher_in(&mut self, index: usize, by: Duration) {
        let publisher = &mut self.publishers[index];
        publisher.wake += 1;
        let wake = publisher.wake;
        self.after(by, Happening::Publisher { index, wake });
    }

    /// A timer fires: as after a fail-over, two nodes may both believe that it is theirs to tell.
    pub(super) fn fire(&mut self, n: u64) {
        let count = self.publishers.len();
        for _ in 0..self.chance.between(1, 2) {
            let index = self.chance.below(count);
            self.publishers[index].keys.push(n);
            let delay = Duration::from_millis(self.chance.between(0, 50));
            if self.publishers[index].attempt.is_none() {
                self.wake_publisher_in(index, delay);
            }
        }
    }

    pub(super) fn wake_publisher(&mut self, index: usize, wake: u32) {
        if self.publishers[index].wake != wake {
            return;
        }
        if self.publishers[index].attempt.is_none() {
            if self.calm && self.publishers[index].keys.is_empty() {
                return;
            }
            let attempt = self.new_attempt(index);
            self.publishers[index].attempt = Some(attempt);
        }
        self.try_publish(index);
        // Whatever becomes of it: ask again when nobody answers.
        self.wake_publisher_in(index, PATIENCE);
    }

    fn new_attempt(&mut self, index: usize) -> Attempt {
        let id = self.chance.bytes16();
        let key = self.publishers[index].keys.pop();
        let payload = match key {
            // A timer's payload is a pure function of the timer and the instant.
            Some(n) => n.to_le_bytes().to_vec(),
            None => {
                let length = if self.chance.percent(3) { 9_000 } else { 24 };
                let length = self.chance.between(8, length) as usize;
                self.chance.bytes(length)
            }
        };
        // Some publish because of what they have been given, at whichever node.
        let because = self.chance.percent(30) && !self.consumers.is_empty();
        let context = because.then(|| {
            let reader = self.chance.below(self.consumers.len());
            self.consumers[reader].seen().clone()
        });
        let level = match self.chance.percent(20) {
            true => Level::Replicated { count: 1 },
            false => Level::Local,
        };
        let topic = if key.is_some() { "timer" } else { ["spawn", "loot"][self.chance.below(2)] };
        Attempt {
            id,
            event: Event {
                topic: topic.to_owned(),
                payload: Bytes::from(payload),
                key: key.map(|n| EventKey { scope: "night_hunt".to_owned(), n }),
                idempotency: Some(id),
                time_ms: self.now.as_millis(),
            },
            context,
            level,
            forgot: false,
        }
    }

    fn try_publish(&mut self, index: usize) {
        let request = self.request();
        let publisher = &mut self.publishers[index];
        let node = publisher.node;
        let Some(attempt) = &publisher.attempt else {
            return;
        };
        if !self.nodes[node].is_up() {
            return;
        }
        self.publishing.remove(&publisher.request);
        publisher.request = request;
        let publish = Publish {
            request,
            event: attempt.event.clone(),
            context: attempt.context.clone(),
            level: attempt.level,
            timeout: Duration::from_secs(3),
            trace: None,
        };
        self.publishing.insert(request, index);
        self.trace.fold(self.now, 12, index as u64, request);
        self.tell(node, Input::Publish(publish));
    }

    /// A node answered. Called while its outputs are performed: only notes and alarm clocks here.
    pub(super) fn published(
        &mut self,
        node: usize,
        request: u64,
        result: Result<Published, PublishError>,
    ) {
        let Some(index) = self.publishing.remove(&request) else {
            return;
        };
        self.trace.say(self.now, || format!("publisher {index} at node {node}: {result:?}"));
        let publisher = &mut self.publishers[index];
        if publisher.request != request {
            return;
        }
        let Some(attempt) = publisher.attempt.as_mut() else {
            return;
        };
        let Ok(published) = result else {
            let retry = self.chance.around(Duration::from_millis(400));
            self.wake_publisher_in(index, retry);
            return;
        };
        let happened = Happened::Published {
            node: node as u32,
            attempt: u128::from_le_bytes(attempt.id),
            dot: published.dot,
            payload: hash_bytes(&attempt.event.payload),
            topic: attempt.event.topic.clone(),
            key: attempt.event.key.clone(),
            context: attempt.context.clone().unwrap_or_default(),
        };
        self.last_progress = self.now;
        self.counts.published += 1;
        self.counts.retried += u64::from(published.retry);
        let forgets = !attempt.forgot && self.chance.percent(15);
        attempt.forgot |= forgets;
        if !forgets {
            publisher.attempt = None;
        }
        let pause = if forgets || !publisher.keys.is_empty() {
            Duration::from_millis(20)
        } else if self.chance.percent(10) {
            // Bursts share a group commit.
            Duration::from_micros(self.chance.between(0, 500))
        } else {
            let each = self.faults.publish_every * self.publishers.len() as u32;
            self.chance.around(each)
        };
        self.record(happened);
        self.wake_publisher_in(index, pause);
    }

    /// Adds the clients of the fleet: some publish, some consume.
    pub(super) fn add_clients(&mut self) {
        let nodes = self.nodes.len();
        for index in 0..nodes.min(3) {
            let node = (index * 2) % nodes;
            self.publishers.push(Publisher::new(node));
            let first = self.chance.around(Duration::from_secs(4));
            self.wake_publisher_in(index, first);
        }
        self.add_consumers();
    }

    /// When anything last moved that a client can see.
    pub(super) fn quiet_since(&self) -> Time {
        self.last_progress
    }
}
