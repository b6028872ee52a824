//! I7: only a bundle that is wholly there, verified and staged becomes live.

use super::Violation;
use crate::history::{Happened, History};

/// Adds a violation for every activation that an outside look at the disk contradicts.
pub fn check(history: &History, found: &mut Vec<Violation>) {
    for entry in history.entries() {
        if let Happened::Activated { node, channel, generation, target, intact: false } =
            &entry.happened
        {
            found.push(Violation {
                invariant: "I7",
                at: entry.at,
                message: format!(
                    "node {node} activated generation {generation} of {channel} although bundle {} was not there, intact and stageable",
                    target.short()
                ),
            });
        }
    }
}
