//! The node's causal local order, without payloads: what sessions walk along.

use std::collections::BTreeMap;

use cairn_gossip::{Batch, BatchHeader, Dot, EventKey, VersionVector};

/// What a session must know of one delivered event: about 64 bytes each. How many there are is
/// bounded by the retention of the log itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// Place of its batch in the local order.
    pub(crate) local: u64,
    /// Place in its batch.
    pub(crate) index: u32,
    pub(crate) dot: Dot,
    topic: u32,
    key: Option<u32>,
    /// Another copy of its key was delivered here before it.
    suppressed: bool,
}

/// Every delivered event in local order, its topic and its key.
#[derive(Debug, Default)]
pub(crate) struct Log {
    items: Vec<Item>,
    /// Everything in `items`, as a vector.
    delivered: VersionVector,
    topics: Vec<String>,
    topic_ids: BTreeMap<String, u32>,
    key_ids: BTreeMap<EventKey, u32>,
    /// By key: every copy delivered here.
    copies: Vec<Vec<Dot>>,
}

impl Log {
    /// Adds a batch at the end of the order. `suppressed` tells, event by event, whether another
    /// copy of its key came first. O(events × log n).
    pub(crate) fn push(&mut self, local: u64, batch: &Batch, suppressed: &[bool]) {
        for (index, event) in batch.events.iter().enumerate() {
            let dot = batch.dot(index);
            let topic = self.topic_id(&event.topic);
            let key = event.key.as_ref().map(|key| self.copy(key, dot));
            self.items.push(Item {
                local,
                index: index as u32,
                dot,
                topic,
                key,
                suppressed: suppressed.get(index).copied().unwrap_or(false),
            });
            self.delivered.advance(dot.stream, dot.seq);
        }
    }

    /// Adds a batch that was delivered before a restart. The order is the same, so the same copy
    /// of a key wins: the first.
    pub(crate) fn push_header(&mut self, local: u64, header: &BatchHeader) {
        let mut keys = header.keys.iter().peekable();
        for (index, topic) in (0_u32..).zip(&header.topics) {
            let dot = Dot {
                stream: header.stream,
                seq: header.first_seq.saturating_add(u64::from(index)),
            };
            let key = keys.next_if(|(at, _)| *at == index).map(|(_, key)| key);
            let suppressed = key.is_some_and(|key| self.key_ids.contains_key(key));
            let item = Item {
                local,
                index,
                dot,
                topic: self.topic_id(topic),
                key: key.map(|key| self.copy(key, dot)),
                suppressed,
            };
            self.items.push(item);
            self.delivered.advance(dot.stream, dot.seq);
        }
    }

    fn topic_id(&mut self, topic: &str) -> u32 {
        if let Some(id) = self.topic_ids.get(topic) {
            return *id;
        }
        let id = self.topics.len() as u32;
        self.topics.push(topic.to_owned());
        self.topic_ids.insert(topic.to_owned(), id);
        id
    }

    fn copy(&mut self, key: &EventKey, dot: Dot) -> u32 {
        let id = match self.key_ids.get(key) {
            Some(id) => *id,
            None => {
                let id = self.copies.len() as u32;
                self.copies.push(Vec::new());
                self.key_ids.insert(key.clone(), id);
                id
            }
        };
        if let Some(copies) = self.copies.get_mut(id as usize) {
            copies.push(dot);
        }
        id
    }

    /// The event at a place in the order.
    pub(crate) fn item(&self, position: usize) -> Option<&Item> {
        self.items.get(position)
    }

    /// One past the last place.
    pub(crate) fn end(&self) -> usize {
        self.items.len()
    }

    /// Everything in the order, as a vector.
    pub(crate) fn delivered(&self) -> &VersionVector {
        &self.delivered
    }

    /// Whether a consumer at `cursor` that asked for `topics` is given this event.
    ///
    /// Not when another copy of its key won here, nor when the consumer has seen another copy
    /// elsewhere: then that copy's dot is in its cursor.
    pub(crate) fn concerns(&self, item: &Item, topics: &[String], cursor: &VersionVector) -> bool {
        if item.suppressed {
            return false;
        }
        if !topics.is_empty()
            && let Some(topic) = self.topics.get(item.topic as usize)
            && !topics.contains(topic)
        {
            return false;
        }
        let copies = item.key.and_then(|key| self.copies.get(key as usize));
        !copies.is_some_and(|copies| {
            copies.iter().any(|copy| *copy != item.dot && cursor.contains(copy))
        })
    }
}
