//! What `dev` prints: one line per step, or one JSON object per step.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use cairn_merkle::Digest;
use cairn_ruleset::ir::Program;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::{self, Format};
use crate::compile::Judged;
use crate::diagnostics::{self, Tally, plural};
use crate::duration::show;
use crate::node::Place;

/// One node and when it was active, counted from the edit.
#[derive(Clone, Debug)]
pub(super) struct Activation {
    pub(super) name: String,
    /// Absent when it did not happen in time.
    pub(super) after: Option<Duration>,
}

/// Something worth a line.
pub(super) enum Step<'a> {
    Compiled { program: &'a Program, files: usize, took: Duration },
    Keys { dir: &'a Path },
    Started { place: &'a Place, took: Duration },
    Signed { version: &'a str, digest: Digest, bytes: u64, took: Duration },
    Published { version: &'a str, node: &'a str, took: Duration },
    Activated { version: &'a str, generation: u64, why: &'a str, nodes: &'a [Activation] },
    Ready { rules: &'a Path, api: &'a str, keys: &'a str },
    Warned { judged: &'a Judged },
    Broken { judged: &'a Judged, live: Option<String> },
    Unreadable { reason: String },
    Unchanged { version: &'a str },
    Refused { failure: &'a Failure },
    Stopped { took: Duration },
}

/// Prints steps.
pub(super) struct Report {
    format: Format,
}

impl Report {
    pub(super) fn new(format: Format) -> Report {
        Report { format }
    }

    /// Prints one. A reader that went away does not end the fleet.
    pub(super) fn say(&self, step: &Step<'_>) {
        match self.format {
            Format::Table => output::offer(&text(step)),
            Format::Json => output::offer(&document(step).to_string()),
        }
    }
}

fn text(step: &Step<'_>) -> String {
    match step {
        Step::Compiled { program, files, took } => format!(
            "compiled   {} ({}, {}, {}) in {}",
            program.ruleset,
            plural(*files, "file"),
            plural(program.fragments.iter().map(|one| one.rules.len()).sum(), "rule"),
            plural(program.fragments.len(), "fragment"),
            show(*took)
        ),
        Step::Keys { dir } => format!("keys       {} (throwaway)", dir.display()),
        Step::Started { place, took } => format!(
            "started    {} api {} gossip {} in {}",
            place.name,
            place.api,
            place.gossip,
            show(*took)
        ),
        Step::Signed { version, digest, bytes, took } => {
            format!("signed     {version} {digest} ({bytes} bytes) in {}", show(*took))
        }
        Step::Published { version, node, took } => {
            format!("published  {version} on {node} in {}", show(*took))
        }
        Step::Activated { version, generation, why, nodes } => {
            let active = nodes.iter().filter(|node| node.after.is_some()).count();
            let last = nodes.iter().filter_map(|node| node.after).max().unwrap_or_default();
            let mut line = format!(
                "activated  {version} on {active}/{} nodes in {} (generation {generation}, {why}):",
                nodes.len(),
                show(last)
            );
            for node in *nodes {
                let after = node.after.map_or_else(|| "not yet".to_owned(), show);
                let _ = write!(line, " {} {after}", node.name);
            }
            line
        }
        Step::Ready { rules, api, keys } => format!(
            "ready      export CAIRN_ADDR={api} CAIRN_KEYS={keys}\n\
             watching   {} (edit and save; Ctrl-C ends and removes everything)",
            rules.display()
        ),
        Step::Warned { judged } => {
            let colour = diagnostics::colour_on_stdout();
            let shown = diagnostics::render(&judged.sources, &judged.diagnostics, colour);
            format!("{shown}\nwarned     {}", Tally::of(&judged.diagnostics).show())
        }
        Step::Broken { judged, live } => {
            let colour = diagnostics::colour_on_stdout();
            let shown = diagnostics::render(&judged.sources, &judged.diagnostics, colour);
            let live = live.as_deref().unwrap_or("nothing");
            format!(
                "{shown}\nbroken     {}; {live} stays live",
                Tally::of(&judged.diagnostics).show()
            )
        }
        Step::Unreadable { reason } => format!("unreadable {reason}; what is live stays live"),
        Step::Unchanged { version } => {
            format!("unchanged  the rules mean what {version} means, which stays live")
        }
        Step::Refused { failure } => format!("refused    {}", failure.to_text()),
        Step::Stopped { took } => format!("stopped    in {}, nothing left behind", show(*took)),
    }
}

fn document(step: &Step<'_>) -> Value {
    let ms = |took: Duration| took.as_secs_f64() * 1_000.0;
    match step {
        Step::Compiled { program, files, took } => json!({
            "step": "compiled", "ruleset": program.ruleset, "files": files, "took_ms": ms(*took),
        }),
        Step::Keys { dir } => json!({"step": "keys", "dir": dir.display().to_string()}),
        Step::Started { place, took } => {
            json!({"step": "started", "node": place, "took_ms": ms(*took)})
        }
        Step::Signed { version, digest, bytes, took } => json!({
            "step": "signed", "version": version, "digest": digest, "bytes": bytes,
            "took_ms": ms(*took),
        }),
        Step::Published { version, node, took } => json!({
            "step": "published", "version": version, "node": node, "took_ms": ms(*took),
        }),
        Step::Activated { version, generation, why, nodes } => json!({
            "step": "activated", "version": version, "generation": generation, "why": why,
            "nodes": nodes.iter().map(|node| json!({
                "name": node.name, "after_ms": node.after.map(ms),
            })).collect::<Vec<_>>(),
        }),
        Step::Ready { rules, api, keys } => json!({
            "step": "ready", "watching": rules.display().to_string(), "api": api, "keys": keys,
        }),
        Step::Warned { judged } => json!({
            "step": "warned",
            "findings": diagnostics::findings(&judged.sources, &judged.diagnostics),
        }),
        Step::Broken { judged, live } => json!({
            "step": "broken", "live": live,
            "findings": diagnostics::findings(&judged.sources, &judged.diagnostics),
        }),
        Step::Unreadable { reason } => json!({"step": "unreadable", "reason": reason}),
        Step::Unchanged { version } => json!({"step": "unchanged", "version": version}),
        Step::Refused { failure } => json!({
            "step": "refused", "message": failure.message, "hint": failure.hint,
        }),
        Step::Stopped { took } => json!({"step": "stopped", "took_ms": ms(*took)}),
    }
}
