//! `cairn check`: every mistake at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cairn_ruleset::cost::Cost;
use serde::Serialize;

use super::bill::{self, Bill};
use super::exit::Exit;
use super::failure::Failure;
use super::local;
use super::output::{self, Output};
use crate::diagnostics::{self, Finding, Tally, plural};
use crate::sources::{self, Which};
use crate::{compile, github, sarif};

const EXAMPLES: &str = "Examples:
  cairn check rules/                 all files of a rule set
  cairn check rules/ --cost          what each fragment costs, and which rules cost most
  cairn check rules/ --deny-warnings exit code 3 for warnings, too
  cairn check rules/ -o json         for an editor or a pipeline
  cairn check rules/ -o github       beside the lines of a pull request
  cairn check rules/ -o sarif        for code scanning";

/// Check rules: every mistake at once, with its cause and its fix
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Folder with *.rules.hcl files, or one such file
    rules: PathBuf,

    /// Exit with 3 when there are warnings, too
    #[arg(long)]
    deny_warnings: bool,

    /// Show what each fragment costs in the worst case, and which rules cost most
    #[arg(long)]
    cost: bool,
}

#[derive(Serialize)]
struct Report {
    files: usize,
    #[serde(flatten)]
    tally: Tally,
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Bill>,
}

/// What a sound rule set holds.
#[derive(Serialize)]
struct Summary {
    ruleset: String,
    context: String,
    rules: usize,
    fragments: usize,
    params: usize,
    tables: usize,
    timers: usize,
    /// Cases of tests.
    cases: usize,
}

/// Prints the findings; exit code 3 when one is an error, or a warning that is denied.
///
/// # Errors
/// When the files cannot be read.
pub fn run(args: &Args, output: Output) -> Result<Exit, Failure> {
    if output == Output::Junit {
        return output.format().map(|_| Exit::Ok);
    }
    let found = sources::find(&args.rules, Which::RulesAndTests)
        .map_err(|error| local::unreadable(&args.rules, &error))?;
    let places: BTreeMap<String, PathBuf> =
        found.iter().map(|found| (found.source.name.clone(), found.path.clone())).collect();
    let read = found.into_iter().map(|found| found.source).collect();
    let (judged, cases) = compile::judge_sources_with_cases(read);
    let tally = Tally::of(&judged.diagnostics);
    let summary = judged.program.as_ref().map(|program| Summary {
        ruleset: program.ruleset.clone(),
        context: program.context.clone(),
        rules: program.fragments.iter().map(|fragment| fragment.rules.len()).sum(),
        fragments: program.fragments.len(),
        params: program.params.len(),
        tables: program.tables.len(),
        timers: program.timers.len(),
        cases: cases.len(),
    });
    let files = judged.sources.len();
    let cost = judged.program.as_ref().map(Cost::of);
    match output {
        Output::Json => {
            let findings = diagnostics::findings(&judged.sources, &judged.diagnostics);
            let cost = cost.as_ref().map(Bill::of);
            output::json(&Report { files, tally, findings, summary, cost })?;
        }
        Output::Github => {
            let lines = github::annotations(&places, &judged.sources, &judged.diagnostics);
            if !lines.is_empty() {
                output::line(&lines);
            }
            output::note(&format!("{} in {}", tally.show(), plural(files, "file")));
        }
        Output::Sarif => {
            output::json(&sarif::document(&places, &judged.sources, &judged.diagnostics))?;
        }
        Output::Table | Output::Junit => {
            let colour = diagnostics::colour_on_stdout();
            let text = diagnostics::render(&judged.sources, &judged.diagnostics, colour);
            if !text.is_empty() {
                output::line(&text);
                output::line("");
            }
            let holds = summary.map_or_else(String::new, |summary| {
                format!(
                    ": {} with {} in {}, {}, {}, {}, {}",
                    summary.ruleset,
                    plural(summary.rules, "rule"),
                    plural(summary.fragments, "fragment"),
                    plural(summary.params, "parameter"),
                    plural(summary.tables, "loot table"),
                    plural(summary.timers, "timer"),
                    plural(summary.cases, "test case")
                )
            });
            output::line(&format!("{} in {}{holds}", tally.show(), plural(files, "file")));
            if let Some(cost) = &cost {
                output::line(&bill::summary(cost));
                if args.cost {
                    output::line("");
                    output::line(&bill::table(cost));
                }
            }
            if let Some(explain) = diagnostics::explain(&judged.diagnostics) {
                output::line(&explain);
            }
        }
    }
    let fails = tally.errors > 0 || (args.deny_warnings && tally.warnings > 0);
    Ok(if fails { Exit::Findings } else { Exit::Ok })
}
