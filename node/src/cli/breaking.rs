//! `cairn breaking`: what breaks for games and services that were built for an older version.

use std::path::PathBuf;

use cairn_ruleset::breaking::{Finding, compare};
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::opened::Opened;
use super::output::{self, Format};
use crate::diagnostics::plural;

const EXAMPLES: &str = "Examples:
  cairn breaking hunt-1.4.1.bundle rules/          before a release
  cairn breaking old/ new/ --style github          annotations for a pull request
  cairn breaking old/ new/ -o json                 for a pipeline; exit code 3 when something breaks";

/// Say what breaks for games and services that were built for an older version
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, after_help = "Exit codes: 0 compatible, 3 something breaks")]
pub struct Args {
    /// The version that others were built for: a folder, a rule file, a bundle file
    old: PathBuf,
    /// The version to be released
    new: PathBuf,
    /// How findings are written as text
    #[arg(long, value_enum, default_value_t)]
    style: Style,
}

/// How findings are written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Style {
    /// Sentences for people.
    #[default]
    Plain,
    /// Workflow commands, which GitHub shows beside the change.
    Github,
}

#[derive(Serialize)]
struct Report<'a> {
    old: &'a str,
    new: &'a str,
    count: usize,
    findings: &'a [Finding],
}

/// Compares and prints.
///
/// # Errors
/// Exit code 3 for rules that do not hold, 2 when there is nothing to read.
pub fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let (old, new) = (Opened::at(&args.old)?, Opened::at(&args.new)?);
    let findings = compare(&old.contents, &new.contents);
    let count = findings.len();
    match (format, args.style) {
        (Format::Json, _) => {
            output::json(&Report { old: &old.label, new: &new.label, count, findings: &findings })?
        }
        (Format::Table, Style::Github) => {
            for finding in &findings {
                output::line(&github(finding));
            }
        }
        (Format::Table, Style::Plain) => {
            for finding in &findings {
                output::line(&plain(finding));
            }
            output::line(&match count {
                0 => "nothing breaks".to_owned(),
                count => format!("{} for users of {}", plural(count, "break"), old.label),
            });
        }
    }
    Ok(if count == 0 { Exit::Ok } else { Exit::Findings })
}

fn plain(finding: &Finding) -> String {
    format!(
        "{}: {} {}: {}\n    why: {}\n    instead: {}",
        finding.rule,
        finding.kind.word(),
        finding.name,
        finding.what,
        finding.why,
        finding.instead
    )
}

/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>
fn github(finding: &Finding) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let message = format!(
        "{} {}: {}; {}. Instead: {}",
        finding.kind.word(),
        finding.name,
        finding.what,
        finding.why,
        finding.instead
    );
    format!("::error title={}::{}", property(finding.rule), data(&message))
}
