//! What the command line says and does when nobody reads it, and when it cannot write.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const GOOD: &str = "ruleset \"a\" {\n  dialect = 1\n  context = \"a@1\"\n}\n";

fn cairn(args: &[&str], folder: &Path, stdout: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    let child = command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(stdout);
    child.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A disk without room.
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn a_reader_that_went_away_changes_no_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.rules.hcl"), "rule {").unwrap();
    for format in ["table", "json", "sarif", "github"] {
        let checked = cairn(&["check", "bad.rules.hcl", "-o", format], folder.path(), unread());
        assert_eq!(checked.status.code(), Some(3), "{format}: {checked:?}");
    }
    let help = cairn(&["--help"], folder.path(), unread());
    assert_eq!((help.status.code(), help.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn what_cannot_be_written_is_an_error_and_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.rules.hcl"), GOOD).unwrap();
    let commands: [&[&str]; 4] =
        [&["check", "."], &["check", ".", "-o", "sarif"], &["explain"], &["--help"]];
    for args in commands {
        let done = cairn(args, folder.path(), full());
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{args:?}: {said}");
        assert_eq!(said.matches("cannot write to standard output").count(), 1, "{args:?}: {said}");
    }
}

#[test]
fn formatting_goes_on_when_nobody_reads_the_list() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.rules.hcl"), GOOD).unwrap();
    let file = |number: usize| folder.path().join(format!("f{number}.rules.hcl"));
    for number in 0..50 {
        fs::write(file(number), format!("enum \"e{number}\" {{ values=[\"a\"] }}\n")).unwrap();
    }
    let done = cairn(&["fmt", "."], folder.path(), unread());
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    for number in 0..50 {
        let text = fs::read_to_string(file(number)).unwrap();
        assert!(text.contains("values = [\"a\"]"), "{number}: {text}");
    }
}
