//! `cairn dev`: the same agents, coordinator trait and code path as production, on one machine.
//!
//! It makes throwaway keys, starts agents with stores and ports of their own and real TCP between
//! them, publishes the folder, makes it live, and then follows it: an edit becomes the next
//! version, a broken edit is shown and changes nothing. Everything it writes lies in one temporary
//! directory that goes when it ends.

mod fleet;
mod release;
mod report;
pub(crate) mod watch;

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use crate::agent::Defects;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::local;
use crate::cli::output::Format;
use crate::cli::signal::Stop;
use crate::compile;
use crate::node::{self, Place};
use crate::sources;
use crate::telemetry::{self, LogFormat};
use fleet::Fleet;
use release::Releases;
use report::{Report, Step};
use watch::Watch;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that is followed.
    pub rules: PathBuf,
    /// How many agents.
    pub node_count: usize,
    /// Zones that the agents take in turn; none for agents without one.
    pub zones: Vec<String>,
    /// Written once every node is active.
    pub ready_file: Option<PathBuf>,
    /// Whether to end then.
    pub exit_after_ready: bool,
    /// How lines are printed.
    pub format: Format,
    /// Fixed bugs put back; none in the shipped binary.
    pub defects: Defects,
}

#[derive(Serialize)]
struct Ready {
    channel: String,
    keys: String,
    nodes: Vec<Place>,
}

/// Runs until a signal asks it to end.
///
/// # Errors
/// When the folder has mistakes at the start, or a node does not start or stops by itself.
pub async fn run(options: Options) -> Result<Exit, Failure> {
    let logs = match options.format {
        Format::Table => LogFormat::Text,
        Format::Json => LogFormat::Json,
    };
    let _guard = telemetry::init_with(logs, "warn").map_err(|e| Failure::usage(e.to_string()))?;
    let mut stop = Stop::install()?;
    let mut fleet = Fleet::new()?;
    // Whatever ends the work, the fleet is stopped and its files go.
    let outcome = tokio::select! {
        outcome = work(&options, &mut fleet) => outcome,
        () = stop.requested() => Ok(()),
    };
    let report = Report::new(options.format);
    let stopping = Instant::now();
    let kept = options.exit_after_ready && outcome.is_ok();
    if let Some(path) = options.ready_file.as_ref().filter(|_| !kept) {
        // It names nodes that are gone. Never written is as good.
        let _ = std::fs::remove_file(path);
    }
    let removed = fleet.stop().await;
    outcome?;
    removed?;
    report.say(&Step::Stopped { took: stopping.elapsed() });
    Ok(Exit::Ok)
}

async fn work(options: &Options, fleet: &mut Fleet) -> Result<(), Failure> {
    let report = Report::new(options.format);
    let unreadable = |error| local::unreadable(&options.rules, &error);
    // Watching begins before the first read: no edit falls between the two.
    let mut watch = Watch::start(&options.rules, sources::read)?;
    let first = sources::read(&options.rules).map_err(unreadable)?;
    watch.seen(&first);
    let started = Instant::now();
    let judged = compile::judge_sources(first);
    let Some(program) = &judged.program else {
        return Err(local::wrong(&options.rules, &judged));
    };
    let took = started.elapsed();
    report.say(&Step::Compiled { program, files: judged.sources.len(), took });
    if !judged.diagnostics.is_empty() {
        report.say(&Step::Warned { judged: &judged });
    }
    fleet.start(&program.ruleset, options, &report).await?;
    let mut releases = Releases::new(fleet)?;
    releases.release(program, Instant::now(), &report).await?;
    let ready = Ready {
        channel: fleet.channel().to_owned(),
        keys: fleet.keys().display().to_string(),
        nodes: fleet.nodes().iter().map(crate::node::Node::place).collect(),
    };
    if let Some(path) = &options.ready_file {
        node::write_ready(path, &ready).map_err(|error| {
            Failure::internal(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    let api = ready.nodes.first().map_or("", |place| place.api.as_str());
    report.say(&Step::Ready { rules: &options.rules, api, keys: &ready.keys });
    if options.exit_after_ready {
        return Ok(());
    }
    loop {
        tokio::select! {
            edited = watch.next() => match edited? {
                watch::Edit::Sources(edited, at) => {
                    edit(options, edited, at, &mut releases, &report).await?;
                }
                watch::Edit::Unreadable(error) => {
                    report.say(&Step::Unreadable { reason: error.to_string() });
                }
            },
            generation = releases.foreign() => releases.follow(generation, &report).await,
            reason = fleet.any_stopped() => {
                return Err(Failure::internal(format!("a node stopped: {reason}")));
            }
        }
    }
}

/// One edit: shown when it is broken, live when it is not.
async fn edit(
    options: &Options,
    edited: Vec<cairn_ruleset::lang::Source>,
    at: Instant,
    releases: &mut Releases<'_>,
    report: &Report,
) -> Result<(), Failure> {
    let compiling = Instant::now();
    let judged = compile::judge_sources(edited);
    let Some(program) = &judged.program else {
        let live = releases.live_version();
        report.say(&Step::Broken { judged: &judged, live });
        return Ok(());
    };
    let (files, took) = (judged.sources.len(), compiling.elapsed());
    report.say(&Step::Compiled { program, files, took });
    if !judged.diagnostics.is_empty() {
        report.say(&Step::Warned { judged: &judged });
    }
    if program.ruleset != releases.ruleset() {
        report.say(&Step::Unreadable {
            reason: format!(
                "the rule set is now called `{}`; restart `cairn dev {}` to follow it",
                program.ruleset,
                options.rules.display()
            ),
        });
        return Ok(());
    }
    if releases.stands(program) {
        let version = releases.live_version().unwrap_or_default();
        report.say(&Step::Unchanged { version: &version });
        return Ok(());
    }
    match releases.release(program, at, report).await {
        Ok(()) => Ok(()),
        // A version that is refused leaves the live one alone; the designer edits on.
        Err(failure) => {
            report.say(&Step::Refused { failure: &failure });
            Ok(())
        }
    }
}
