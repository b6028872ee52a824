//! I5: a publish that is retried at the same node returns the first id.

use std::collections::BTreeMap;

use cairn_gossip::Dot;

use super::Violation;
use crate::history::{Happened, History, NodeIndex};

/// Adds a violation for every retry that was answered with another id.
pub fn check(history: &History, found: &mut Vec<Violation>) {
    let mut first: BTreeMap<(NodeIndex, u128), Dot> = BTreeMap::new();
    for entry in history.entries() {
        let Happened::Published { node, attempt, dot, .. } = &entry.happened else {
            continue;
        };
        let known = *first.entry((*node, *attempt)).or_insert(*dot);
        if known != *dot {
            found.push(Violation {
                invariant: "I5",
                at: entry.at,
                message: format!(
                    "node {node} answered attempt {attempt:032x} with {known} and then with {dot}"
                ),
            });
        }
    }
}
