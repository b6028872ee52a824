//! `cairn eval`: what would a rule do.

use std::io::{BufReader, Read};
use std::path::PathBuf;

use cairn_merkle::Digest;
use cairn_ruleset::calendar::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use serde_json::value::RawValue;

mod batch;
mod found;
mod why;

use crate::api::evaluate::{Outcome, Request, refused};
use crate::api::pity::Unknown;
use crate::api::problem::Problem;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::given::GivenArgs;
use crate::cli::local;
use crate::cli::node::{ChannelArgs, NodeArgs, or_rules};
use crate::cli::output::{self, Format};
use crate::cli::place::PlaceArgs;
use crate::live::{Live, PityMap};

const EXAMPLES: &str = "Examples:
  cairn eval crypt_drop --context fight.json --seed 7          every field of its trigger is named there
  cairn eval --trigger boss_kill --context fight.json          all rules of a trigger
  cairn eval crypt_drop --context fight.json --rules rules/    on a folder, without an agent
  cairn eval crypt_drop --explain --rules rules/ --context fight.json    which clause decided
  cairn eval crypt_drop --context fight.json --zone eu-west     as games in that zone decide
  cairn eval --batch fights.jsonl                              one request a line, one result a line";

/// Largest context that is read, and longest line of a batch.
const CONTEXT_BYTES_MAX: u64 = 1 << 20;

/// Evaluate a rule, on a node or on a folder
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The rule; without it, all rules of --trigger
    #[arg(required_unless_present_any = ["trigger", "batch"])]
    rule: Option<String>,
    /// What happened; needed when no rule is named. With --explain, for which trigger a condition or
    /// an entry is judged
    #[arg(long, value_name = "TRIGGER")]
    trigger: Option<String>,
    /// The trigger's fields: JSON, a file, or - for stdin
    #[arg(long, value_name = "JSON|FILE", default_value = "{}")]
    context: String,
    /// What chance is drawn from
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Whose evaluation it is
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    player: u64,
    #[command(flatten)]
    place: PlaceArgs,
    /// The time, as 2026-11-20T20:00:00Z, 2026-11-20 or in milliseconds since the Unix epoch; now
    /// when left out
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<i64>,
    /// Say which clause decided, and the value of every part: for a rule, `condition.NAME` or
    /// `TABLE.ENTRY`; needs --rules
    #[arg(long, conflicts_with = "batch")]
    explain: bool,
    #[command(flatten)]
    given: GivenArgs,
    /// What the player has missed so far: JSON {"TABLE": {"ENTRY": MISSES}}, a file that holds it,
    /// or - for stdin. The answer has it as it stands after the rolls
    #[arg(long, value_name = "JSON|FILE", default_value = "{}")]
    pity: String,
    /// Evaluate this folder instead of what is live on the agent
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Evaluate every line of a file (- for stdin): a JSON object as POST /v1/evaluate takes it,
    /// {"trigger" or "rule", "context", "seed", "player", "zone", "shard", "now_ms", "counters", "active", "pity"}
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "rule", "trigger", "context", "seed", "player", "zone", "shard", "at", "counter", "active",
        "pity",
    ])]
    batch: Option<PathBuf>,
    #[command(flatten)]
    channel: ChannelArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Evaluates and prints.
///
/// # Errors
/// Exit code 2 for a name or a value that the rule set does not know.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let mut path = "/v1/evaluate".to_owned();
    if let Some(channel) = &args.channel.channel {
        path.push_str(&format!("?channel={}", crate::cli::events::escape(channel)));
    }
    if let Some(file) = &args.batch {
        let evaluator = match &args.rules {
            Some(dir) => batch::Evaluator::Folder(dir),
            None => batch::Evaluator::Agent(args.node.client(), path),
        };
        if file.as_os_str() == "-" {
            batch::run(&evaluator, BufReader::new(std::io::stdin())).await?;
        } else {
            let opened = std::fs::File::open(file).map_err(|error| {
                Failure::usage(format!("cannot read the batch {}: {error}", file.display()))
            })?;
            batch::run(&evaluator, BufReader::new(opened)).await?;
        }
        return Ok(Exit::Ok);
    }
    if args.explain {
        return match &args.rules {
            Some(dir) => why::run(args, dir, format),
            None => Err(why::needs_sources(args)),
        };
    }
    let request = request_for(args, args.rule.as_deref(), args.trigger.as_deref())?;
    // As it was written: numbers keep their digits.
    let answer: Box<RawValue> = match &args.rules {
        Some(dir) => {
            let live = local::live(dir, true)?;
            on_folder(&live, &request)?
        }
        None => {
            let body = format!("{{\"requests\":[{request}]}}");
            args.node.client().post(&path, &[], body).await.map_err(or_rules)?
        }
    };
    match format {
        Format::Json => output::line(answer.get()),
        Format::Table => output::line(&show(answer.get())),
    }
    Ok(Exit::Ok)
}

fn on_folder(live: &Live, request: &str) -> Result<Box<RawValue>, Failure> {
    #[derive(Serialize)]
    struct Answer<'a> {
        ruleset: &'a str,
        version: &'a str,
        digest: Digest,
        results: [Outcome; 1],
    }
    let answer = Answer {
        ruleset: live.ruleset(),
        version: live.version(),
        digest: live.digest(),
        results: [evaluate_here(live, request).map_err(problem)?],
    };
    serde_json::value::to_raw_value(&answer).map_err(|error| Failure::internal(error.to_string()))
}

/// One request as JSON, evaluated in this process.
fn evaluate_here(live: &Live, request: &str) -> Result<Outcome, Problem> {
    let request: Request = crate::api::body::json(request.as_bytes())?;
    let request = request.convert().map_err(|(field, reason)| {
        Problem::bad("bad-value", "a value does not fit", reason).field(field)
    })?;
    let mut results = live.evaluate(std::slice::from_ref(&request));
    match results.pop() {
        Some(Ok(evaluated)) => Ok(Outcome::of(evaluated)),
        Some(Err(error)) => Err(refused(&error)),
        None => Err(Problem::of(
            hyper::StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "an evaluation gave no result",
        )),
    }
}

/// An API problem as it reads on the command line.
pub fn problem(problem: Problem) -> Failure {
    let place = problem.place.field.map_or_else(String::new, |field| format!(" ({field})"));
    let mut failure = Failure::usage(format!("{}: {}{place}", problem.title, problem.detail));
    failure.hint = problem.hint;
    failure
}

/// The request as JSON. The context goes in as it was written: numbers keep their digits.
fn request_for(args: &Args, rule: Option<&str>, trigger: Option<&str>) -> Result<String, Failure> {
    let mut fields = Map::new();
    if let Some(rule) = rule {
        fields.insert("rule".to_owned(), rule.into());
    }
    if let Some(trigger) = trigger {
        fields.insert("trigger".to_owned(), trigger.into());
    }
    fields.insert("seed".to_owned(), args.seed.into());
    fields.insert("player".to_owned(), args.player.into());
    args.place.put(&mut fields);
    if let Some(at) = args.at {
        fields.insert("now_ms".to_owned(), at.into());
    }
    args.given.put(&mut fields);
    let context = object("context", &args.context, CONTEXT_EXAMPLE)?;
    let pity = object("pity", &args.pity, PITY_EXAMPLE)?;
    let mut text = serde_json::to_string(&fields).map_err(|e| Failure::internal(e.to_string()))?;
    text.truncate(text.len() - 1);
    text.push_str(",\"context\":");
    text.push_str(context.get());
    text.push_str(",\"pity\":");
    text.push_str(pity.get());
    text.push('}');
    Ok(text)
}

/// A context, for hints.
pub const CONTEXT_EXAMPLE: &str = "{\"level\":50,\"zone\":\"crypt\"}";
/// A player's misses, for hints.
pub const PITY_EXAMPLE: &str = "{\"crypt_rare\":{\"lich_crown\":49}}";

/// A JSON object from the command line, a file or stdin.
///
/// # Errors
/// Exit code 2 with the line and the column.
pub fn object(what: &str, argument: &str, example: &str) -> Result<Box<RawValue>, Failure> {
    let text = match argument {
        "-" => bounded(std::io::stdin())
            .map_err(|error| Failure::usage(format!("cannot read stdin: {error}")))?,
        inline if inline.trim_start().starts_with('{') => inline.to_owned(),
        path => std::fs::File::open(path).and_then(bounded).map_err(|error| {
            Failure::usage(format!("cannot read the {what} {path}: {error}"))
                .hint(format!("write JSON, as in '{example}', or name a file that holds it"))
        })?,
    };
    let wrong = |error: serde_json::Error| {
        Failure::usage(format!("the {what} is not a JSON object: {error}"))
            .hint(format!("write it as in '{example}'"))
    };
    let object: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(&text).map_err(wrong)?;
    let text = serde_json::to_string(&object).map_err(wrong)?;
    RawValue::from_string(text).map_err(wrong)
}

/// All of it as text, if it is no longer than a context may be.
fn bounded(from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    let read = from.take(CONTEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > CONTEXT_BYTES_MAX {
        return Err(std::io::Error::other(format!("longer than {CONTEXT_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[derive(Deserialize)]
struct Answer {
    version: String,
    results: Vec<Shown>,
}

#[derive(Deserialize)]
struct Shown {
    fired: Vec<String>,
    outcomes: Vec<Emitted>,
    #[serde(default)]
    pity: PityMap,
    #[serde(default)]
    unknown_pity: Vec<Unknown>,
}

#[derive(Deserialize)]
struct Emitted {
    rule: String,
    name: String,
    audience: String,
    #[serde(default)]
    loot: Vec<Dropped>,
    payload: Box<RawValue>,
}

#[derive(Deserialize)]
struct Dropped {
    item: String,
    count: u32,
}

fn show(answer: &str) -> String {
    let parsed = serde_json::from_str::<Answer>(answer);
    let Ok(Some((version, shown))) =
        parsed.map(|answer| answer.results.into_iter().next().map(|shown| (answer.version, shown)))
    else {
        return answer.to_owned();
    };
    warn_of(&shown.unknown_pity);
    let missed = misses(&shown.pity).map_or(String::new(), |table| format!("\n\n{table}"));
    if shown.fired.is_empty() {
        return format!("no rule fired (version {version}){missed}");
    }
    let mut rows = Vec::new();
    for outcome in &shown.outcomes {
        let loot: Vec<String> =
            outcome.loot.iter().map(|drop| format!("{} ×{}", drop.item, drop.count)).collect();
        rows.push(vec![
            outcome.rule.clone(),
            outcome.name.clone(),
            outcome.audience.clone(),
            if loot.is_empty() { "-".to_owned() } else { loot.join(", ") },
            outcome.payload.get().to_owned(),
        ]);
    }
    let head = ["RULE", "OUTCOME", "FOR", "LOOT", "PAYLOAD"];
    format!(
        "fired: {} (version {version})\n{}{missed}",
        shown.fired.join(", "),
        output::table(&head, &rows)
    )
}

/// A date begins at midnight in UTC.
pub(super) fn instant(text: &str) -> Result<i64, String> {
    TimeZone::default().first(text).map_err(|error| error.to_string())
}

/// What a player has missed, as it stands after the rolls. `None` when there is nothing to keep.
pub(super) fn misses(pity: &PityMap) -> Option<String> {
    let rows = pity.iter().flat_map(|(table, entries)| {
        entries.iter().map(|(entry, n)| vec![table.clone(), entry.clone(), n.to_string()])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    (!rows.is_empty()).then(|| output::table(&["TABLE", "ENTRY", "MISSES"], &rows))
}

/// Warns of misses that changed nothing, on stderr: somebody typed them.
pub(super) fn warn_of(unknown: &[Unknown]) {
    for Unknown { table, entry, hint } in unknown {
        output::note(&format!(
            "warning: no pity is called {table}.{entry} here: its misses stay as they are\n  hint: {hint}"
        ));
    }
}
