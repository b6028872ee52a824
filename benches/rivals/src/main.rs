//! Cairn beside its rivals, in one process, in turn. `cargo xtask bench rivals [SECTION...]`.
//!
//! Sections: `decide` (one condition, 293 conditions), `compile` (bundles, machine code, an edit, a
//! large file), `sim` (a million rolls by the real program). Without arguments, all of them. What is
//! printed can be pasted into `docs/figures.md`.

#![allow(clippy::disallowed_methods, reason = "a bench reads the real clock")]

mod alloc;
mod compiling;
mod decide;
mod engines;
mod rolls;
mod rounds;
mod rules;
#[path = "../../../sdk/tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

const SECTIONS: [(&str, fn()); 3] =
    [("decide", decide::run), ("compile", compiling::run), ("sim", rolls::run)];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) =
        wanted.iter().find(|name| SECTIONS.iter().all(|(known, _)| *known != name.as_str()))
    {
        eprintln!("no section is called `{unknown}`; there are decide, compile and sim");
        return ExitCode::from(2);
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}", load.trim());
    for (name, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            run();
        }
    }
    ExitCode::SUCCESS
}
