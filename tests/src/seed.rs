//! The seed of a test over real processes: drawn anew each time, printed, and settable.

use anyhow::{Context, Result};

/// `CAIRN_TEST_SEED`, or a fresh one. Printed, so that a failure names it.
///
/// A seed fixes which connections are cut, not when: real processes keep their own time.
///
/// # Errors
/// A setting that is not a number.
pub fn seed() -> Result<u64> {
    let seed = match std::env::var("CAIRN_TEST_SEED") {
        Ok(text) => text.parse().with_context(|| format!("CAIRN_TEST_SEED is {text:?}"))?,
        Err(_) => rand::random(),
    };
    eprintln!("CAIRN_TEST_SEED={seed}");
    Ok(seed)
}
