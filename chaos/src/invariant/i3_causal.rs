//! I3: a session delivers each origin in its order, and nothing before what it depends on.

use std::collections::BTreeMap;

use cairn_gossip::{Dot, Stream, VersionVector};

use super::Violation;
use crate::history::{Happened, History, SessionIndex};

#[derive(Default)]
struct Order {
    from: VersionVector,
    /// Per stream, the sequences given so far in this session, ascending.
    given: BTreeMap<Stream, Vec<u64>>,
}

/// Adds a violation for every delivery out of order.
///
/// The dependency rule: when an event arrives, no event of its context may arrive later in the
/// same session. It is checked backwards: what arrives now must not be in the context of
/// anything that arrived before, for which the join of those contexts is enough.
pub fn check(history: &History, found: &mut Vec<Violation>) {
    let mut contexts: BTreeMap<Dot, &VersionVector> = BTreeMap::new();
    for entry in history.entries() {
        if let Happened::Published { dot, context, .. } = &entry.happened {
            contexts.insert(*dot, context);
        }
    }
    let mut sessions: BTreeMap<SessionIndex, (Order, VersionVector)> = BTreeMap::new();
    for entry in history.entries() {
        match &entry.happened {
            Happened::SessionOpened { session, from, .. } => {
                let order = Order { from: from.clone(), given: BTreeMap::new() };
                sessions.insert(*session, (order, VersionVector::default()));
            }
            Happened::Delivered { consumer, session, dot, .. } => {
                let Some((order, promised)) = sessions.get_mut(session) else {
                    continue;
                };
                let mut violated = |message: String| {
                    found.push(Violation { invariant: "I3", at: entry.at, message });
                };
                let given = order.given.entry(dot.stream).or_default();
                if let Some(last) = given.last()
                    && dot.seq <= *last
                {
                    violated(format!(
                        "consumer {consumer} was given {dot} after sequence {last} of its stream, in session {session}"
                    ));
                }
                given.push(dot.seq);
                if promised.contains(dot) && !order.from.contains(dot) {
                    violated(format!(
                        "consumer {consumer} was given {dot} after an event that depends on it, in session {session}"
                    ));
                }
                if let Some(context) = contexts.get(dot) {
                    promised.join(context);
                }
            }
            _ => {}
        }
    }
}
