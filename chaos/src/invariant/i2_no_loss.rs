//! I2: what was accepted, and what anybody was given, reaches every subscribed consumer.
//!
//! Judged at the end, after the fleet had time to settle. A consumer is owed every event outside
//! the cursor of its first session, on a topic it asked for; a copy under the same key counts.

use std::collections::{BTreeMap, BTreeSet};

use cairn_gossip::{Dot, EventKey, VersionVector};

use super::Violation;
use crate::history::{ConsumerIndex, Happened, History};

struct Owed<'a> {
    from: &'a VersionVector,
    topics: &'a [String],
    dots: BTreeSet<Dot>,
    keys: BTreeSet<&'a EventKey>,
}

/// Adds a violation for every event that a consumer was owed and never given.
pub fn check(history: &History, found: &mut Vec<Violation>) {
    let Some(end) = history.entries().last() else {
        return;
    };
    let mut events: BTreeMap<Dot, (&str, Option<&EventKey>, &str)> = BTreeMap::new();
    let mut consumers: BTreeMap<ConsumerIndex, Owed<'_>> = BTreeMap::new();
    for entry in history.entries() {
        match &entry.happened {
            Happened::Published { dot, topic, key, .. } => {
                events.insert(*dot, (topic, key.as_ref(), "accepted"));
            }
            Happened::SessionOpened { consumer, from, topics, .. } => {
                consumers.entry(*consumer).or_insert_with(|| Owed {
                    from,
                    topics,
                    dots: BTreeSet::new(),
                    keys: BTreeSet::new(),
                });
            }
            Happened::Delivered { consumer, dot, topic, key, .. } => {
                events.entry(*dot).or_insert((topic, key.as_ref(), "given to another consumer"));
                if let Some(owed) = consumers.get_mut(consumer) {
                    owed.dots.insert(*dot);
                    owed.keys.extend(key);
                }
            }
            _ => {}
        }
    }
    // A key is behind a consumer when any copy of it was below its first cursor.
    let mut copies: BTreeMap<&EventKey, Vec<Dot>> = BTreeMap::new();
    for (dot, (_, key, _)) in &events {
        if let Some(key) = key {
            copies.entry(*key).or_default().push(*dot);
        }
    }
    for (consumer, owed) in &consumers {
        for (dot, (topic, key, how)) in &events {
            let asked = owed.topics.is_empty() || owed.topics.iter().any(|asked| asked == topic);
            let given = owed.dots.contains(dot) || key.is_some_and(|key| owed.keys.contains(key));
            let behind = owed.from.contains(dot)
                || key
                    .and_then(|key| copies.get(key))
                    .is_some_and(|copies| copies.iter().any(|copy| owed.from.contains(copy)));
            if asked && !given && !behind {
                found.push(Violation {
                    invariant: "I2",
                    at: end.at,
                    message: format!("consumer {consumer} was never given {dot}, which was {how}"),
                });
            }
        }
    }
}
