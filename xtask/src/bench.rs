//! `bench`: the figures of `docs/figures.md`, each from a harness in the repository.

use crate::step::{cargo, run};

/// Name, package and bench target.
const BENCHES: [(&str, &str, &str); 3] = [
    ("trie", "cairn-merkle", "trie"),
    ("eval", "cairn-sdk", "eval"),
    ("fleet", "cairn-tests", "fleet"),
];

/// Runs one bench by name, or all of them.
///
/// # Errors
/// An unknown name, with the known ones; or the first bench that failed.
pub(crate) fn bench(names: &[String]) -> Result<(), String> {
    if let Some(unknown) = names.iter().find(|name| BENCHES.iter().all(|(known, ..)| name != known))
    {
        let known: Vec<_> = BENCHES.iter().map(|(name, ..)| *name).collect();
        return Err(format!("no bench is called `{unknown}`; there are {}", known.join(", ")));
    }
    for (name, package, target) in BENCHES {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            run(name, cargo().args(["bench", "--locked", "-p", package, "--bench", target]))?;
        }
    }
    Ok(())
}
