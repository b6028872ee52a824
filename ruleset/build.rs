//! Gathers the pages of `docs/errors` into the compiler, so that `cairn explain` needs no files
//! and no network. Only what is there is gathered; the tests say which page is missing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Readers leave the compiler out, and its pages with it.
    if std::env::var_os("CARGO_FEATURE_COMPILE").is_none() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()))
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    pages.sort();
    let mut table = String::from("&[\n");
    for page in &pages {
        let stem = page.file_stem().unwrap_or_default().to_string_lossy();
        let path = page.display().to_string();
        let _ = writeln!(table, "    ({stem:?}, include_str!({path:?})),");
    }
    table.push_str("]\n");
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    std::fs::write(out.join("pages.rs"), table)
        .unwrap_or_else(|error| panic!("cannot write the table of pages: {error}"));
}
