//! `cairn test`: the tests of a rule folder.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::exit::Exit;
use super::failure::Failure;
use super::local;
use super::output::{self, Output};
use super::signal::Stop;
use crate::compile;
use crate::dev::watch::{Edit, Watch};
use crate::sources::{self, SourcesError};
use crate::testing::{Coverage, Report, json, junit, run_cases, text};

const EXAMPLES: &str = "Examples:
  cairn test rules/                        every `test` block of the folder
  cairn test rules/ --filter lich          those with `lich` in their name
  cairn test rules/ --watch                again after every edit
  cairn test rules/ --coverage             and what no test has exercised
  cairn test rules/ -o junit > tests.xml   for a pipeline";

/// Run the tests of a rule set
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Folder with *.rules.hcl and *.test.hcl files
    rules: PathBuf,
    /// Run those whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show which clauses the tests have not seen both true and false, with their lines
    #[arg(long)]
    coverage: bool,
    /// Run again after every edit, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// Runs and prints; exit code 3 when a test fails.
///
/// # Errors
/// When the files cannot be read or have mistakes, and when no test is there to run.
pub fn run(args: &Args, output: Output) -> Result<Exit, Failure> {
    if args.watch {
        return super::runtime()?.block_on(follow(args, output));
    }
    once(args, sources::read_with_tests(&args.rules), output)
}

async fn follow(args: &Args, output: Output) -> Result<Exit, Failure> {
    let mut stop = Stop::install()?;
    // Watching begins before the first read: no edit falls between the two.
    let mut watch = Watch::start(&args.rules, sources::read_with_tests)?;
    let first = sources::read_with_tests(&args.rules);
    if let Ok(sources) = &first {
        watch.seen(sources);
    }
    let mut next = first;
    loop {
        // What is wrong is shown, and the next edit may mend it.
        if let Err(failure) = once(args, next, output) {
            output::failure(output.of_errors(), &failure);
        }
        if !output::is_read() {
            return Ok(Exit::Ok);
        }
        next = tokio::select! {
            edit = watch.next() => match edit? {
                Edit::Sources(sources, _) => Ok(sources),
                Edit::Unreadable(error) => Err(error),
            },
            () = stop.requested() => return Ok(Exit::Ok),
        };
    }
}

fn once(
    args: &Args,
    read: Result<Vec<cairn_ruleset::lang::Source>, SourcesError>,
    output: Output,
) -> Result<Exit, Failure> {
    let began = Instant::now();
    let sources = read.map_err(|error| local::unreadable(&args.rules, &error))?;
    let (judged, (cases, trace)) = match args.coverage {
        true => compile::judge_traced(sources),
        false => {
            let (judged, cases) = compile::judge_sources_with_cases(sources);
            (judged, (cases, None))
        }
    };
    let Some(program) = &judged.program else { return Err(local::wrong(&args.rules, &judged)) };
    if cases.is_empty() {
        return Err(no_tests(&args.rules));
    }
    let total = cases.len();
    let wanted = |name: &str| args.filter.as_ref().is_none_or(|filter| name.contains(filter));
    let cases: Vec<_> = cases.into_iter().filter(|case| wanted(&case.name())).collect();
    if cases.is_empty() {
        let filter = args.filter.as_deref().unwrap_or_default();
        return Err(Failure::usage(format!(
            "none of {total} test cases has `{filter}` in its name"
        ))
        .hint("the names are shown by `cairn test` without --filter"));
    }
    let results = run_cases(program, &judged.sources, &cases)?;
    let coverage = match &trace {
        Some(trace) => Some(Coverage::of(program, &judged.sources, trace, &cases)?),
        None => None,
    };
    let ruleset = &program.ruleset;
    let report = Report { ruleset, results: &results, coverage, took: began.elapsed() };
    match output {
        Output::Table => output::line(&text::render(&report)),
        Output::Json => output::json(&json::document(&report))?,
        Output::Junit => output::line(&junit::document(&report)),
        Output::Github | Output::Sarif => {
            return output.format().map(|_| Exit::Ok);
        }
    }
    Ok(if report.failed() > 0 { Exit::Findings } else { Exit::Ok })
}

fn no_tests(path: &Path) -> Failure {
    Failure::usage(format!("no `test` block in {}", path.display())).hint(
        "write one in a file that ends in .test.hcl:\n\n    test \"what holds\" {\n      on    = trigger\n      \
         fired = [rule]\n    }\n\n  with names of your own for `trigger` and `rule`",
    )
}
