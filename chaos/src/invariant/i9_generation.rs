//! I9: on a node, a channel's generation never decreases: neither what it accepts nor what is
//! live, also over crashes.

use std::collections::BTreeMap;

use super::Violation;
use crate::history::{Happened, History, NodeIndex};

/// Adds a violation for every step back.
pub fn check(history: &History, found: &mut Vec<Violation>) {
    let mut accepted: BTreeMap<(NodeIndex, &str), u64> = BTreeMap::new();
    let mut live: BTreeMap<(NodeIndex, &str), u64> = BTreeMap::new();
    for entry in history.entries() {
        let (highest, verb, node, channel, generation) = match &entry.happened {
            Happened::Accepted { node, channel, generation, .. } => {
                (&mut accepted, "accepted", *node, channel, *generation)
            }
            Happened::Activated { node, channel, generation, .. } => {
                (&mut live, "activated", *node, channel, *generation)
            }
            _ => continue,
        };
        let highest = highest.entry((node, channel)).or_default();
        if generation < *highest {
            found.push(Violation {
                invariant: "I9",
                at: entry.at,
                message: format!(
                    "node {node} {verb} generation {generation} of {channel} after generation {highest}"
                ),
            });
        }
        *highest = generation.max(*highest);
    }
}
