//! Node's own WebAssembly: a program that instantiates every module and writes what it leaves.

use std::process::Command;

use super::process::{answers as decode, directory, read, requests, run, write};
use super::tool;
use crate::case::{Answer, Case};

/// Reads modules and requests and writes answers.
const MAIN: &str = include_str!("node_main.cjs");

pub(super) fn answers(cases: &[Case]) -> Result<Vec<Answer>, String> {
    let node = tool(
        "CAIRN_NODE",
        "node",
        "`cargo xtask verify` fetches one below target/tools; or install Node 18 or newer, or set CAIRN_NODE to one",
    )?;
    let dir = directory()?;
    let mut modules = Vec::new();
    for case in cases {
        modules.extend_from_slice(&(case.units.len() as u32).to_le_bytes());
        for unit in &case.units {
            modules.extend_from_slice(&(unit.wasm.len() as u32).to_le_bytes());
            modules.extend_from_slice(&unit.wasm);
        }
    }
    write(dir.path(), "modules", &modules)?;
    write(dir.path(), "requests", &requests(cases))?;
    write(dir.path(), "main.cjs", MAIN.as_bytes())?;
    run(Command::new(node).current_dir(dir.path()).arg("main.cjs"))?;
    decode(&read(dir.path(), "answers")?)
}
