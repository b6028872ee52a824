//! One step: a named child process whose failure ends the command.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// The workspace's root, wherever xtask is called from.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap_or_else(|_| ".".into())
}

/// The cargo that runs us, so that a toolchain override stays in force.
pub(crate) fn cargo() -> Command {
    let mut command =
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned()));
    command.current_dir(root());
    command
}

/// Runs `command` with its output passed through.
///
/// # Errors
/// That it could not be started, or how it ended, with the command line.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<(), String> {
    let line = line_of(command);
    eprintln!("\n== {title}: {line}");
    let started = Instant::now();
    let status =
        command.status().map_err(|error| format!("{title}: cannot start `{line}`: {error}"))?;
    if !status.success() {
        return Err(format!("{title} failed ({status}): {line}"));
    }
    eprintln!("== {title}: done in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// The command as a person would type it.
fn line_of(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
