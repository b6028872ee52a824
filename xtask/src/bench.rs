//! `bench`: the figures of `docs/figures.md`, each from a harness in the repository.

use std::path::PathBuf;

use crate::step::{cargo, root, run};

/// Rival engines beside ours. Not part of all benches: building the rivals takes longer than
/// everything else together.
const RIVALS: &str = "rivals";
/// The part of it that runs the real program.
const SIM: &str = "sim";

/// Name, package and bench target.
const BENCHES: [(&str, &str, &str); 3] = [
    ("trie", "cairn-merkle", "trie"),
    ("eval", "cairn-sdk", "eval"),
    ("fleet", "cairn-tests", "fleet"),
];

/// Runs one bench by name, or all of the workspace's; `rivals` with the sections that it is given.
///
/// # Errors
/// An unknown name, with the known ones; or the first bench that failed.
pub(crate) fn bench(names: &[String]) -> Result<(), String> {
    if let Some((first, sections)) = names.split_first()
        && first == RIVALS
    {
        return rivals(sections);
    }
    if let Some(unknown) = names.iter().find(|name| BENCHES.iter().all(|(known, ..)| name != known))
    {
        let known: Vec<_> = BENCHES.iter().map(|(name, ..)| *name).collect();
        let known = known.join(", ");
        return Err(format!("no bench is called `{unknown}`; there are {known}, {RIVALS}"));
    }
    for (name, package, target) in BENCHES {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            run(name, cargo().args(["bench", "--locked", "-p", package, "--bench", target]))?;
        }
    }
    Ok(())
}

/// Where things are built; the rivals in a directory of their own below it.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn rivals(sections: &[String]) -> Result<(), String> {
    if sections.is_empty() || sections.iter().any(|section| section == SIM) {
        run("cairn", cargo().args(["build", "--release", "--locked", "-p", "cairn"]))?;
    }
    let mut command = cargo();
    command
        // Not `--locked`: a dependency that one of our crates gains is missing from this lock, which
        // nothing else reads, and everything in it stays as it is.
        .args(["run", "--release", "--manifest-path"])
        .arg(root().join("benches/rivals/Cargo.toml"))
        .arg("--")
        .args(sections)
        .env("CARGO_TARGET_DIR", target().join(RIVALS))
        .env("CAIRN_UNDER_TEST", target().join("release/cairn"));
    run(RIVALS, &mut command)
}
