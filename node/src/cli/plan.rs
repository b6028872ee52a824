//! `cairn plan`: what a change would change, in the designers' words.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use cairn_ruleset::plan::{Action, Change, Decision, Kind, Plan, Version, plan};
use cairn_ruleset::sim::ROLLS_PER_PLAYER;
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::node::{ChannelArgs, NodeArgs};
use super::opened::Opened;
use super::output::{self, Format};
use crate::diagnostics;

const EXAMPLES: &str = "Examples:
  cairn plan rules/                                what differs from the live version
  cairn plan hunt-1.4.1.bundle rules/              between a bundle and a folder
  cairn plan old/ new/ --at 2026-12-01T00:00:00Z   timers told from that time on
  cairn plan rules/ -o json                        for a pipeline; exit code 3 when anything differs";

/// Most changes, and details of one change, that are shown without --full.
const CHANGE_COUNT_SHOWN: usize = 50;
const DETAIL_COUNT_SHOWN: usize = 12;
/// Most characters of one value that are shown without --full.
const VALUE_CHARS_SHOWN: usize = 160;

/// Show what a change means: values, odds, dates, and inputs that are decided differently
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, after_help = "Exit codes: 0 no difference in meaning, 3 a difference")]
pub struct Args {
    /// The old version (a folder, a rule file, a bundle file); with one argument, the new one
    first: PathBuf,
    /// The new version; without it the first is compared with what is live on the agent
    second: Option<PathBuf>,
    /// The time that timers are told from: RFC 3339, a date or milliseconds; now when left out
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Show every change, every detail and every value whole
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    channel: ChannelArgs,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Serialize)]
struct Report<'a> {
    old: &'a str,
    new: &'a str,
    at_ms: i64,
    changed: usize,
    added: usize,
    removed: usize,
    decide_differently: usize,
    breaking: usize,
    changes: &'a [Change],
    summary: String,
}

/// Compares and prints.
///
/// # Errors
/// Exit code 3 for rules that do not hold, 6 when no agent answers.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let at_ms = instant(args.at.as_deref())?;
    // The sources first: whoever has a mistake there need not wait for an agent.
    let (old, new) = match &args.second {
        Some(second) => (Opened::at(&args.first)?, Opened::at(second)?),
        None => {
            let new = Opened::at(&args.first)?;
            (Opened::live(&args.node, &args.channel).await?, new)
        }
    };
    let plan = {
        let (mut before, mut after) = (old.machine(), new.machine());
        plan(
            Version { contents: &old.contents, machine: &mut *before },
            Version { contents: &new.contents, machine: &mut *after },
            at_ms,
        )
    };
    match format {
        Format::Json => output::json(&Report {
            old: &old.label,
            new: &new.label,
            at_ms,
            changed: plan.count(Action::Changed),
            added: plan.count(Action::Added),
            removed: plan.count(Action::Removed),
            decide_differently: plan.differing(),
            breaking: plan.breaking(),
            changes: &plan.changes,
            summary: plan.summary(),
        })?,
        Format::Table => {
            output::note(&format!("{} → {}", old.label, new.label));
            output::line(&show(&plan, args.full, diagnostics::colour_on_stdout()));
            if plan.changes.iter().any(|change| change.kind == Kind::LootTable) {
                output::note(&odds_note());
            }
        }
    }
    Ok(if plan.changes.is_empty() { Exit::Ok } else { Exit::Findings })
}

/// What the shares of loot tables are shares of.
fn odds_note() -> String {
    format!(
        "odds take every condition as true: per draw by weight alone, without pity; per roll with \
         all draws, guaranteed entries, inner tables and pity, over the first {ROLLS_PER_PLAYER} \
         rolls of a player, as `cairn sim` declares them"
    )
}

/// A time on the command line, or now.
///
/// # Errors
/// Exit code 2 with what would be one.
pub fn instant(text: Option<&str>) -> Result<i64, Failure> {
    let Some(text) = text else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        return Ok(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    };
    let wrong = |reason: String| {
        Failure::usage(reason).hint("write it as in 2026-12-01T00:00:00Z, from 1970 to 9999")
    };
    super::eval::instant(text).map_err(wrong)
}

fn show(plan: &Plan, full: bool, colour: bool) -> String {
    let mut text = String::new();
    let shown = if full { plan.changes.len() } else { CHANGE_COUNT_SHOWN };
    for change in plan.changes.iter().take(shown) {
        paint(&mut text, change, full, colour);
    }
    if let Some(more) = plan.changes.len().checked_sub(shown).filter(|more| *more > 0) {
        let _ = writeln!(text, "… and {more} more (--full shows them)");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&plan.summary());
    text
}

fn paint(text: &mut String, change: &Change, full: bool, colour: bool) {
    let (sign, paint) = match change.action {
        Action::Added => ('+', "\u{1b}[32m"),
        Action::Changed => ('~', "\u{1b}[33m"),
        Action::Removed => ('-', "\u{1b}[31m"),
    };
    let sign = if colour { format!("{paint}{sign}\u{1b}[0m") } else { sign.to_string() };
    let _ = write!(text, "{sign} {} {}", change.kind.word(), change.name);
    let cut = |value: &String| match value.char_indices().nth(VALUE_CHARS_SHOWN) {
        Some((at, _)) if !full => format!("{}…", value.get(..at).unwrap_or("")),
        _ => value.clone(),
    };
    let shown = if full { change.details.len() } else { DETAIL_COUNT_SHOWN };
    for detail in change.details.iter().take(shown) {
        // What the name of the change says already stands on its line.
        let what = if detail.what.is_empty() {
            String::new()
        } else {
            text.push_str("\n    ");
            cut(&detail.what)
        };
        text.push_str(&what);
        let values = match (&detail.old, &detail.new) {
            (Some(old), Some(new)) => format!(" {} → {}", cut(old), cut(new)),
            (None, Some(new)) if change.action == Action::Added => format!(" {}", cut(new)),
            (None, Some(new)) => format!(" added: {}", cut(new)),
            (Some(old), None) if change.action == Action::Removed => format!(" {}", cut(old)),
            (Some(old), None) => format!(" removed: {}", cut(old)),
            (None, None) => String::new(),
        };
        text.push_str(&values);
    }
    if let Some(more) = change.details.len().checked_sub(shown).filter(|more| *more > 0) {
        let _ = write!(text, "\n    … and {more} more (--full shows them)");
    }
    for breaks in &change.breaks {
        let _ = write!(text, "\n    ! breaking: {breaks} (`cairn breaking` says for whom)");
    }
    match &change.decision {
        Some(Decision::Differs(witness)) => {
            let _ = write!(text, "\n    decides differently {}", witness.line());
        }
        Some(Decision::NoDifferenceFound { inputs }) => {
            let both = if change.partial { "in what could be compared, " } else { "" };
            let _ = write!(text, "\n    {both}no difference found in {inputs} inputs");
        }
        Some(Decision::NotCompared { reason }) => {
            let _ = write!(text, "\n    not compared: {reason}");
        }
        None => {}
    }
    text.push('\n');
}
