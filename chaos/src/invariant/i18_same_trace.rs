//! I18: the same seed gives the same trace.
//!
//! Looks at the hashes of two runs instead of a history.

use cairn_gossip::Time;

use super::Violation;

/// Adds a violation when two runs of one seed differ.
pub fn check(seed: u64, first: u64, second: u64, at: Time, found: &mut Vec<Violation>) {
    if first != second {
        found.push(Violation {
            invariant: "I18",
            at,
            message: format!("seed {seed} gave trace {first:016x} and then {second:016x}"),
        });
    }
}
