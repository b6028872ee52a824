//! A million rolls of the example's largest table by `cairn sim`: the whole process, as a designer
//! waits for it.

use std::path::Path;
use std::process::{Command, Stdio};

use cairn_ruleset::lang::{self, Source};

use crate::rounds::{head, time};

/// What xtask built before.
const PROGRAM: &str = "CAIRN_UNDER_TEST";
const RUNS: &str = "1000000";

/// Every rule file below a folder, named as they import each other.
fn read(root: &Path, folder: &Path, into: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("the example") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(root, &path, into);
        } else if path.to_string_lossy().ends_with(lang::SUFFIX) {
            let text = std::fs::read_to_string(&path).expect("a text");
            let name = path.strip_prefix(root).expect("it is below").to_string_lossy();
            into.push(Source { name: name.into_owned(), text });
        }
    }
}

pub fn run() {
    let Some(cairn) = std::env::var_os(PROGRAM) else {
        panic!("{PROGRAM} names no `cairn`: run `cargo xtask bench rivals`");
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/treasure-hunt");
    let mut sources = Vec::new();
    read(&example, &example, &mut sources);
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    let program = lang::check(&sources).program.expect("the example has no errors");
    let largest = program.tables.iter().max_by_key(|table| table.entries.len()).expect("a table");
    let sim = || {
        let mut command = Command::new(&cairn);
        command.args(["sim", &largest.name, "--runs", RUNS, "--rules"]).arg(&example);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(status.status().expect("it starts").success());
    };
    head("Rolling");
    let what = format!(
        "`cairn sim {} --runs {RUNS}`, {} entries, the whole process",
        largest.name,
        largest.entries.len()
    );
    time(&what, 9, Some(2_000.0), sim);
}
