//! How evaluations reach another process: one file of requests, one of answers, little-endian.

use std::path::Path;
use std::process::Command;

use crate::case::{Answer, Case};

/// What stands for the number of slots when an evaluation has no result.
const FAULT: u32 = u32::MAX;

/// Requests in the order of the answers: case, fragment, header, slots, parameters, output slots.
pub(super) fn requests(cases: &[Case]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let params = case.params();
        for (fragment, unit) in case.units.iter().enumerate() {
            for input in &unit.inputs {
                let counts = [index, fragment, input.slots.len(), params.len(), unit.slots];
                for count in counts {
                    bytes.extend_from_slice(&(count as u32).to_le_bytes());
                }
                bytes.extend_from_slice(&input.now_ms.to_le_bytes());
                bytes.extend_from_slice(&input.seed.to_le_bytes());
                bytes.extend_from_slice(&input.player.to_le_bytes());
                for slot in input.slots.iter().chain(&params) {
                    bytes.extend_from_slice(&slot.to_le_bytes());
                }
            }
        }
    }
    bytes
}

/// Reads answers: a number of slots, then the slots.
///
/// # Errors
/// The bytes end inside an answer.
pub(super) fn answers(bytes: &[u8]) -> Result<Vec<Answer>, String> {
    let mut rest = bytes;
    let mut found = Vec::new();
    let short = || format!("the answers end inside number {}", bytes.len());
    while !rest.is_empty() {
        let (count, tail) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let count = u32::from_le_bytes(*count);
        rest = tail;
        if count == FAULT {
            found.push(None);
            continue;
        }
        let (slots, tail) = rest.split_at_checked(count as usize * 8).ok_or_else(short)?;
        rest = tail;
        let slots = slots.chunks_exact(8).filter_map(|word| word.try_into().ok());
        found.push(Some(slots.map(i64::from_le_bytes).collect()));
    }
    Ok(found)
}

/// Runs a program to its end.
///
/// # Errors
/// It could not be started, or what it said when it failed.
pub(super) fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: String = said.lines().take(60).collect::<Vec<_>>().join("\n");
    Err(format!("{command:?} ended with {}:\n{said}", output.status))
}

/// Writes a file of the working directory.
pub(super) fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(dir.join(name), bytes).map_err(|error| format!("cannot write {name}: {error}"))
}

/// Reads a file of the working directory.
pub(super) fn read(dir: &Path, name: &str) -> Result<Vec<u8>, String> {
    std::fs::read(dir.join(name)).map_err(|error| format!("cannot read {name}: {error}"))
}

/// A working directory that is removed at the end.
pub(super) fn directory() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|error| format!("cannot make a directory: {error}"))
}
