//! `cairn fmt`: the canonical layout of rule files.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use cairn_ruleset::lang::limits::SOURCE_BYTES_MAX;
use cairn_ruleset::lang::{self, FormatError, Source};
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::local;
use super::output::{self, Format};
use super::replace::replace;
use crate::diagnostics::{self, Finding, plural};
use crate::sources::{self, Found, Which};

const EXAMPLES: &str = "Examples:
  cairn fmt rules/                   format every file of a folder, tests too; what they import
                                     from beside the folder is formatted when it is named
  cairn fmt --check rules/           exit code 3 and the names, when one is not formatted
  cairn fmt --diff rules/            show what would change
  cairn fmt - < crypt.rules.hcl      stdin to stdout";

/// Most paths of one call; shells and pre-commit hand over fewer.
const PATH_COUNT_MAX: usize = 4_096;
/// Time that looking for the smallest difference may take; after it, a larger one is shown.
const DIFF_TIME_MAX: Duration = Duration::from_secs(2);
/// What stdin is called.
const STDIN: &str = "<stdin>";

/// Format rule files: layout alone changes, never the meaning
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Folders, files, or - for stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing; list the files that are not formatted, with exit code 3
    #[arg(long)]
    check: bool,
    /// Write nothing; show what would change, with exit code 3 when something would
    #[arg(long)]
    diff: bool,
}

/// One file and what became of it.
struct Outcome {
    /// Where it lies, without symbolic links.
    path: PathBuf,
    /// As given on the command line, or below what was given.
    name: String,
    source: Source,
    result: Result<String, FormatError>,
}

#[derive(Serialize)]
struct Report {
    files: usize,
    /// Those that were not formatted.
    changed: Vec<String>,
    /// Mistakes in the syntax of files that were left alone.
    findings: Vec<Finding>,
    /// Files that were left alone for another reason.
    refused: Vec<Refusal>,
    /// Of stdin.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// A file that was left alone, and why.
#[derive(Serialize)]
struct Refusal {
    file: String,
    message: String,
    hint: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Refusal {
    fn new(file: &str, failure: Failure) -> Refusal {
        let Failure { exit, message, hint, .. } = failure;
        Refusal { file: file.to_owned(), message, hint, exit }
    }
}

/// Formats; exit code 3 when a file has mistakes, or would change and nothing may be written.
///
/// # Errors
/// When a file cannot be read, before any is written; when some cannot be written, after the others
/// are. The report tells both kinds apart.
pub fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    if args.paths.len() > PATH_COUNT_MAX {
        let count = args.paths.len();
        return Err(Failure::usage(format!("{count} paths, limit {PATH_COUNT_MAX}"))
            .hint("name the folder instead of its files"));
    }
    let stdin = args.paths.iter().any(|path| path.as_os_str() == "-");
    if stdin && args.paths.len() > 1 {
        return Err(Failure::usage("`-` stands for stdin, and beside it stand other paths")
            .hint("format stdin by itself"));
    }
    let outcomes = if stdin { vec![read_stdin()?] } else { read(&args.paths)? };
    let only_looks = args.check || args.diff;
    let mut report = Report {
        files: outcomes.len(),
        changed: Vec::new(),
        findings: Vec::new(),
        refused: Vec::new(),
        text: None,
    };
    for outcome in &outcomes {
        match &outcome.result {
            Ok(text) if *text == outcome.source.text => {}
            Ok(text) => {
                if args.diff && format == Format::Table {
                    output::line(difference(outcome, text).trim_end());
                }
                if !only_looks && !stdin {
                    let written = replace(&outcome.path, &outcome.name, &outcome.source.text, text);
                    if let Err(failure) = written {
                        report.refused.push(Refusal::new(&outcome.name, failure));
                        continue;
                    }
                }
                report.changed.push(outcome.name.clone());
                if !args.diff && !stdin && format == Format::Table {
                    output::line(&outcome.name);
                }
            }
            Err(FormatError::Syntax(found)) => {
                let mut source = outcome.source.clone();
                source.name.clone_from(&outcome.name);
                let source = [source];
                report.findings.extend(diagnostics::findings(&source, found));
                if format == Format::Table {
                    output::note(&diagnostics::render(&source, found, false));
                    output::note("");
                }
            }
            Err(error) => {
                let exit = match error {
                    FormatError::Unfaithful => Exit::Internal,
                    _ => Exit::Findings,
                };
                let message = format!("{}: {error}", outcome.name);
                let failure = Failure::new(exit, message).hint("the file is left as it is");
                report.refused.push(Refusal::new(&outcome.name, failure));
            }
        }
    }
    let wrong = !report.findings.is_empty();
    let differs = !report.changed.is_empty();
    if let (true, [Outcome { result: Ok(text), .. }]) = (stdin && !only_looks, &outcomes[..]) {
        match format {
            Format::Json => report.text = Some(text.clone()),
            Format::Table => print(text)?,
        }
    }
    match format {
        Format::Json => output::json(&report)?,
        Format::Table => summary(&report, only_looks, stdin),
    }
    match refused(report.refused) {
        // The report says it, and is one document.
        Some(failure) if format == Format::Json => Ok(failure.exit),
        Some(failure) => Err(failure),
        None if wrong || (only_looks && differs) => Ok(Exit::Findings),
        None => Ok(Exit::Ok),
    }
}

/// One failure for all files that were left alone. A bug or a broken machine decides the exit code,
/// else the first of them does.
fn refused(refusals: Vec<Refusal>) -> Option<Failure> {
    let internal = refusals.iter().find(|one| one.exit == Exit::Internal);
    let exit = internal.or(refusals.first())?.exit;
    let messages: Vec<&str> = refusals.iter().map(|one| one.message.as_str()).collect();
    let mut failure = Failure::new(exit, messages.join("\n"));
    let mut hints: Vec<&str> = Vec::new();
    for hint in refusals.iter().filter_map(|one| one.hint.as_deref()) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    if !hints.is_empty() {
        failure = failure.hint(hints.join("\n  hint: "));
    }
    Some(failure)
}

fn summary(report: &Report, only_looks: bool, stdin: bool) {
    let mut codes: Vec<&str> =
        report.findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    if let Some(explain) = diagnostics::explained(codes) {
        output::note("files with mistakes are left as they are");
        output::note(&explain);
    }
    let (changed, files) = (report.changed.len(), plural(report.files, "file"));
    match (only_looks, changed) {
        _ if stdin && !only_looks => {}
        (_, 0) => {}
        (true, changed) => output::note(&format!(
            "{changed} of {files} not formatted\n  hint: `cairn fmt` formats them"
        )),
        (false, changed) => output::note(&format!("{changed} of {files} formatted")),
    }
}

/// Formatted text ends in a line break of its own.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::internal(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

fn outcome(path: PathBuf, name: String, source: Source) -> Outcome {
    let result = lang::format(&source.text);
    Outcome { path, name, source, result }
}

/// What the paths name, each file once however many of them name it, and nothing else: an imported
/// file belongs to whoever names it.
fn read(paths: &[PathBuf]) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes = Vec::new();
    let mut known = BTreeSet::new();
    for path in paths {
        let is_folder = path.is_dir();
        if !is_folder && path.exists() && !sources::is_ours(path) {
            let message = format!("{} is no rule file", path.display());
            return Err(Failure::usage(message).hint("rules end in .rules.hcl, tests in .test.hcl"));
        }
        let found = sources::find(path, Which::Here).map_err(|e| local::unreadable(path, &e))?;
        for Found { source, path: real } in found {
            if !known.insert(real.clone()) {
                continue;
            }
            let named = if is_folder { path.join(&source.name) } else { path.clone() };
            outcomes.push(outcome(real, named.display().to_string(), source));
        }
    }
    Ok(outcomes)
}

fn read_stdin() -> Result<Outcome, Failure> {
    let mut bytes = Vec::new();
    // One byte more than a file may have shows that there is more.
    let read = io::stdin().lock().take(SOURCE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::internal(format!("cannot read stdin: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let fault = sources::not_text(STDIN, error.as_bytes(), error.utf8_error().valid_up_to());
        Failure::new(Exit::Findings, fault.to_string()).hint(fault.hint())
    })?;
    let source = Source { name: STDIN.to_owned(), text };
    Ok(outcome(PathBuf::from(STDIN), STDIN.to_owned(), source))
}

fn difference(outcome: &Outcome, text: &str) -> String {
    let mut config = similar::TextDiff::configure();
    let diff = config.timeout(DIFF_TIME_MAX).diff_lines(outcome.source.text.as_str(), text);
    let (old, new) = (format!("a/{}", outcome.name), format!("b/{}", outcome.name));
    diff.unified_diff().context_radius(3).header(&old, &new).to_string()
}
