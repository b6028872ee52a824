//! What a verb prints: data on stdout, as a table for people or as JSON for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use clap::ValueEnum;
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;

/// `-o`: the JSON is a superset of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns.
    #[default]
    Table,
    /// One JSON document (one a line where a verb follows something).
    Json,
}

/// What `-o` may say: the formats of every verb, and those that belong to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Aligned columns.
    #[default]
    Table,
    /// One JSON document (one a line where a verb follows something).
    Json,
    /// JUnit's XML, of `cairn test` alone.
    Junit,
    /// Annotations of GitHub Actions, of `cairn check` alone.
    Github,
    /// SARIF 2.1.0 for code scanning, of `cairn check` alone.
    Sarif,
}

impl Output {
    /// The format of a verb that knows no others.
    ///
    /// # Errors
    /// Exit code 2 for a format that belongs to another verb.
    pub fn format(self) -> Result<Format, Failure> {
        match self {
            Output::Table => Ok(Format::Table),
            Output::Json => Ok(Format::Json),
            Output::Junit => Err(Failure::usage("junit is written by `cairn test` alone")
                .hint("use -o table or -o json")),
            Output::Github | Output::Sarif => {
                Err(Failure::usage("github and sarif are written by `cairn check` alone")
                    .hint("use -o table or -o json"))
            }
        }
    }

    /// How errors are printed.
    #[must_use]
    pub fn of_errors(self) -> Format {
        match self {
            Output::Json => Format::Json,
            Output::Table | Output::Junit | Output::Github | Output::Sarif => Format::Table,
        }
    }
}

/// Writes a line to stdout, see [`raw`].
pub fn line(text: &str) {
    put(&[text, "\n"]);
}

/// Writes a document to stdout as it is.
///
/// A reader that went away (`| head`) is not an error of ours: the verb ends what it does and keeps
/// its exit code. Anything else that fails (a full disk) is said once on stderr, and the process
/// ends with exit code 1, see [`ending`].
pub fn raw(text: &str) {
    put(&[text]);
}

/// What became of stdout.
static STDOUT: AtomicU8 = AtomicU8::new(OPEN);
const OPEN: u8 = 0;
const NOBODY_READS: u8 = 1;
const FAILED: u8 = 2;

fn put(parts: &[&str]) {
    if STDOUT.load(Relaxed) != OPEN {
        return;
    }
    let mut out = io::stdout().lock();
    let mut written = parts.iter().try_for_each(|part| out.write_all(part.as_bytes()));
    written = written.and_then(|()| out.flush());
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            STDOUT.store(NOBODY_READS, Relaxed);
        }
        Err(error) => {
            STDOUT.store(FAILED, Relaxed);
            note(&format!("error: cannot write to standard output: {error}"));
        }
    }
}

/// Whether what is printed still reaches anybody; verbs that follow something end when not.
pub fn is_read() -> bool {
    STDOUT.load(Relaxed) == OPEN
}

/// The exit code of a verb that ended with `exit`: what could not be printed was not done.
pub fn ending(exit: Exit) -> Exit {
    if STDOUT.load(Relaxed) == FAILED { Exit::Internal } else { exit }
}

/// Writes a line to stdout for verbs that run on: a reader that went away must not end them.
pub fn offer(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
}

/// Writes a line of progress or advice to stderr; it is lost when stderr is closed.
pub fn note(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Prints one JSON document on one line.
pub fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::internal(format!("the answer is not JSON: {error}")))?;
    line(&text);
    Ok(())
}

/// Prints the error of a verb: JSON on stdout with `-o json`, else text on stderr.
pub fn failure(format: Format, failure: &Failure) {
    match format {
        Format::Json => line(&failure.to_json()),
        Format::Table => note(&failure.to_text()),
    }
}

/// Rows in aligned columns, two spaces apart, without trailing blanks.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let first: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&first).chain(rows) {
        let mut shown = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(shown, "{cell:<width$}  ");
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(shown.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_lines_have_no_trailing_blanks() {
        let rows = vec![
            vec!["crypt_drop".to_owned(), "1".to_owned()],
            vec!["x".to_owned(), "22".to_owned()],
        ];
        assert_eq!(table(&["RULE", "N"], &rows), "RULE        N\ncrypt_drop  1\nx           22");
    }
}
