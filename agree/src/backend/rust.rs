//! The emitted Rust: all cases in one `no_std` library, every warning an error, behind a small
//! program that reads requests and writes answers.

use std::fmt::Write;
use std::process::Command;

use cairn_ruleset::emit;

use super::process::{answers as decode, directory, read, requests, run, write};
use super::tool;
use crate::case::{Answer, Case};

/// Reads requests and writes answers.
const MAIN: &str = include_str!("rust_main.rs.txt");

pub(super) fn answers(cases: &[Case]) -> Result<Vec<Answer>, String> {
    let rustc = tool("RUSTC", "rustc", "it comes with the toolchain that runs this")?;
    let dir = directory()?;
    write(dir.path(), "fragments.rs", library(cases).as_bytes())?;
    write(dir.path(), "main.rs", MAIN.as_bytes())?;
    write(dir.path(), "requests", &requests(cases))?;
    let compile = |arguments: &[&str]| {
        let mut command = Command::new(&rustc);
        command.current_dir(dir.path()).args(["--edition", "2024", "-C", "opt-level=0"]);
        command.args(["-C", "debuginfo=0", "-C", "incremental=no"]).args(arguments);
        command
    };
    run(&mut compile(&["--crate-type", "rlib", "-C", "overflow-checks=on", "fragments.rs"]))?;
    run(&mut compile(&["--extern", "fragments=libfragments.rlib", "main.rs"]))?;
    run(Command::new(dir.path().join("main")).current_dir(dir.path()))?;
    decode(&read(dir.path(), "answers")?)
}

/// The library's text: a module per case and one function that finds a fragment by its numbers.
fn library(cases: &[Case]) -> String {
    let mut text = String::from(
        "//! Random rule sets.\n#![no_std]\n#![forbid(unsafe_code)]\n#![deny(warnings, missing_docs)]\n",
    );
    let mut dispatch = String::new();
    for (index, case) in cases.iter().enumerate() {
        let _ = writeln!(text, "/// A case.\npub mod case_{index} {{\n{}}}", case.rust);
        let rules = emit::rust::module_name(&case.subject);
        let (zone, shard) = case.scope.names();
        for (fragment, name) in emit::rust::fragment_names(&case.subject).iter().enumerate() {
            let path = format!("case_{index}::{rules}");
            let _ = writeln!(
                dispatch,
                "        ({index}, {fragment}) => {{
            use {path}::{{Header, Params, {name}::{{Context, OUT, eval}}}};
            let (now_ms, seed, player) = header;
            let header = Header {{ now_ms, seed, player }};
            let context = Context::from_slots(slots.try_into().ok()?);
            let given = Params::from_slots(params.try_into().ok()?);
            let params = Params::at({zone:?}, {shard:?});
            if params != given {{ return None; }}
            let out: &mut [i64; OUT] = out.get_mut(..OUT)?.try_into().ok()?;
            Some(eval(&header, &context, &params, out).is_ok())
        }}"
            );
        }
    }
    let _ = writeln!(
        text,
        "/// Evaluates a fragment of a case; `None` when there is none of that shape.
pub fn evaluate(
    case: (u32, u32), header: (i64, u64, u64), slots: &[i64], params: &[i64], out: &mut [i64],
) -> Option<bool> {{
    match case {{
{dispatch}        _ => None,
    }}
}}"
    );
    text
}
