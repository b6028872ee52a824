//! One invariant a file. Each is a pure function of a [`History`], so
//! that the simulation and tests over real processes are judged alike; the two that look at
//! structures instead of histories (Merkle diff, repeated traces) say so.

pub mod i10_convergence;
pub mod i17_merkle_diff;
pub mod i18_same_trace;
pub mod i1_no_duplicate;
pub mod i2_no_loss;
pub mod i3_causal;
pub mod i4_one_payload;
pub mod i5_retry_same_id;
pub mod i7_verified_only;
pub mod i9_generation;

use std::fmt;

use cairn_gossip::Time;

use crate::history::History;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise: `I1` to `I18`.
    pub invariant: &'static str,
    /// When it was broken, or when that was noticed.
    pub at: Time,
    /// Who, what, expected and seen.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.at.as_millis();
        write!(
            f,
            "{} at {}.{:03} s: {}",
            self.invariant,
            millis / 1_000,
            millis % 1_000,
            self.message
        )
    }
}

/// Judges a whole history by every invariant that reads one.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    i1_no_duplicate::check(history, &mut found);
    i2_no_loss::check(history, &mut found);
    i3_causal::check(history, &mut found);
    i4_one_payload::check(history, &mut found);
    i5_retry_same_id::check(history, &mut found);
    i7_verified_only::check(history, &mut found);
    i9_generation::check(history, &mut found);
    i10_convergence::check(history, &mut found);
    found
}
