//! I1: no consumer sees an event twice.
//!
//! Within a session never, whatever breaks below it. Over sessions: a consumer that commits the
//! cursor with its effect never; one whose cursor the node keeps never at or below an ack that
//! this node answered. Two copies under one key are one event.

use std::collections::{BTreeMap, BTreeSet};

use cairn_gossip::{Dot, EventKey, VersionVector};

use super::Violation;
use crate::history::{ConsumerIndex, Happened, History, Keeping, NodeIndex, SessionIndex};

#[derive(Default)]
struct Seen {
    dots: BTreeSet<Dot>,
    keys: BTreeSet<EventKey>,
}

impl Seen {
    /// What this delivery repeats, if anything.
    fn repeats(&mut self, dot: Dot, key: Option<&EventKey>) -> Option<String> {
        if !self.dots.insert(dot) {
            return Some(format!("event {dot}"));
        }
        let key = key?;
        (!self.keys.insert(key.clone())).then(|| format!("key {key:?} again, now as {dot}"))
    }
}

/// Adds a violation for every delivery that the consumer must not have seen again.
pub fn check(history: &History, found: &mut Vec<Violation>) {
    let mut by_session: BTreeMap<SessionIndex, (Seen, NodeIndex, Keeping)> = BTreeMap::new();
    let mut by_life: BTreeMap<ConsumerIndex, Seen> = BTreeMap::new();
    let mut acked: BTreeMap<(ConsumerIndex, NodeIndex), VersionVector> = BTreeMap::new();
    for entry in history.entries() {
        let mut violated = |message: String| {
            found.push(Violation { invariant: "I1", at: entry.at, message });
        };
        match &entry.happened {
            Happened::SessionOpened { session, node, keeping, .. } => {
                by_session.insert(*session, (Seen::default(), *node, *keeping));
            }
            Happened::Acked { consumer, node, cursor } => {
                acked.entry((*consumer, *node)).or_default().join(cursor)
            }
            Happened::Delivered { consumer, session, dot, key, .. } => {
                let Some((seen, node, keeping)) = by_session.get_mut(session) else {
                    violated(format!("session {session} was given {dot} before it opened"));
                    continue;
                };
                if let Some(what) = seen.repeats(*dot, key.as_ref()) {
                    violated(format!(
                        "consumer {consumer} was given {what} twice in session {session} at node {node}"
                    ));
                    continue;
                }
                match keeping {
                    Keeping::WithEffect => {
                        let life = by_life.entry(*consumer).or_default();
                        if let Some(what) = life.repeats(*dot, key.as_ref()) {
                            violated(format!(
                                "consumer {consumer}, which presents its cursor, was given {what} again in session {session} at node {node}"
                            ));
                        }
                    }
                    Keeping::ByNode => {
                        if let Some(cursor) = acked.get(&(*consumer, *node))
                            && cursor.contains(dot)
                        {
                            violated(format!(
                                "consumer {consumer} was given {dot} in session {session} although node {node} had answered an ack of it"
                            ));
                        }
                    }
                }
            }
            _ => {}
        }
    }
}
