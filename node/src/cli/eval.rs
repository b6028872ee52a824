//! `cairn eval`: what would a rule do.

use std::io::Read as _;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::exit::Exit;
use super::failure::Failure;
use super::local;
use super::node::{ChannelArgs, NodeArgs};
use super::output::{self, Format};
use crate::api::evaluate::{Outcome, Request, refused};
use crate::live::Live;

const EXAMPLES: &str = "Examples:
  cairn eval crypt_drop --context fight.json --seed 7          every field of its trigger is named there
  cairn eval --trigger boss_kill --context fight.json          all rules of a trigger
  cairn eval crypt_drop --context fight.json --rules rules/    on a folder, without an agent";

/// Largest context that is read.
const CONTEXT_BYTES_MAX: u64 = 1 << 20;

/// Evaluate a rule, on a node or on a folder
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The rule; without it, all rules of --trigger
    #[arg(required_unless_present = "trigger")]
    rule: Option<String>,
    /// What happened; needed when no rule is named
    #[arg(long, value_name = "TRIGGER")]
    trigger: Option<String>,
    /// The trigger's fields: JSON, a file, or - for stdin
    #[arg(long, value_name = "JSON|FILE", default_value = "{}")]
    context: String,
    /// What chance is drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Whose evaluation it is
    #[arg(long, value_name = "N", default_value_t = 0)]
    player: u64,
    /// The time, in milliseconds since the Unix epoch; now when left out
    #[arg(long, value_name = "MS")]
    at: Option<i64>,
    /// A counter's value, NAME=N; repeat it
    #[arg(long, value_name = "NAME=N", value_parser = pair::<u64>)]
    counter: Vec<(String, u64)>,
    /// Whether a timer is active, NAME=true; repeat it
    #[arg(long, value_name = "NAME=BOOL", value_parser = pair::<bool>)]
    active: Vec<(String, bool)>,
    /// Evaluate this folder instead of what is live on the agent
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
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
    let request = request(args)?;
    let answer: Value = match &args.rules {
        Some(dir) => {
            let live = local::live(dir, true)?;
            on_folder(&live, &request)?
        }
        None => {
            let mut path = "/v1/evaluate".to_owned();
            if let Some(channel) = &args.channel.channel {
                path.push_str(&format!("?channel={}", super::events::escape(channel)));
            }
            let body = format!("{{\"requests\":[{request}]}}");
            args.node.client().post(&path, &[], body).await?
        }
    };
    match format {
        Format::Json => output::json(&answer)?,
        Format::Table => output::line(&show(&answer)),
    }
    Ok(Exit::Ok)
}

fn on_folder(live: &Live, request: &str) -> Result<Value, Failure> {
    let request: Request = crate::api::body::json(request.as_bytes()).map_err(problem)?;
    let request = request
        .convert()
        .map_err(|(field, reason)| Failure::usage(format!("{field}: {reason}")))?;
    let mut results = live.evaluate(std::slice::from_ref(&request));
    let result = results.pop().ok_or_else(|| Failure::internal("no result"))?;
    let outcome = Outcome::of(result.map_err(|error| problem(refused(&error)))?);
    let outcome = serde_json::to_value(outcome).map_err(|e| Failure::internal(e.to_string()))?;
    Ok(serde_json::json!({
        "ruleset": live.ruleset(),
        "version": live.version(),
        "digest": live.digest(),
        "results": [outcome],
    }))
}

/// An API problem as it reads on the command line.
pub fn problem(problem: crate::api::problem::Problem) -> Failure {
    let place = problem.place.field.map_or_else(String::new, |field| format!(" ({field})"));
    let mut failure = Failure::usage(format!("{}: {}{place}", problem.title, problem.detail));
    failure.hint = problem.hint;
    failure
}

/// The request as JSON. The context goes in as it was written: numbers keep their digits.
fn request(args: &Args) -> Result<String, Failure> {
    let mut fields = Map::new();
    if let Some(rule) = &args.rule {
        fields.insert("rule".to_owned(), rule.clone().into());
    }
    if let Some(trigger) = &args.trigger {
        fields.insert("trigger".to_owned(), trigger.clone().into());
    }
    fields.insert("seed".to_owned(), args.seed.into());
    fields.insert("player".to_owned(), args.player.into());
    if let Some(at) = args.at {
        fields.insert("now_ms".to_owned(), at.into());
    }
    let counters: Map<String, Value> =
        args.counter.iter().map(|(name, n)| (name.clone(), (*n).into())).collect();
    fields.insert("counters".to_owned(), counters.into());
    let active: Map<String, Value> =
        args.active.iter().map(|(name, on)| (name.clone(), (*on).into())).collect();
    fields.insert("active".to_owned(), active.into());
    let context = context(&args.context)?;
    let mut text = serde_json::to_string(&fields).map_err(|e| Failure::internal(e.to_string()))?;
    text.truncate(text.len() - 1);
    text.push_str(",\"context\":");
    text.push_str(context.get());
    text.push('}');
    Ok(text)
}

/// A JSON object from the command line, a file or stdin.
///
/// # Errors
/// Exit code 2 with the line and the column.
pub fn context(argument: &str) -> Result<Box<RawValue>, Failure> {
    let text = match argument {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .take(CONTEXT_BYTES_MAX)
                .read_to_string(&mut text)
                .map_err(|error| Failure::usage(format!("cannot read stdin: {error}")))?;
            text
        }
        inline if inline.trim_start().starts_with('{') => inline.to_owned(),
        path => {
            let mut text = String::new();
            std::fs::File::open(path)
                .and_then(|file| file.take(CONTEXT_BYTES_MAX).read_to_string(&mut text))
                .map_err(|error| {
                    Failure::usage(format!("cannot read the context {path}: {error}"))
                        .hint("write JSON, as in '{\"level\":50}', or name a file that holds it")
                })?;
            text
        }
    };
    let wrong = |error: serde_json::Error| {
        Failure::usage(format!("the context is not a JSON object: {error}"))
            .hint("write it as in '{\"level\":50,\"zone\":\"crypt\"}'")
    };
    let object: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(&text).map_err(wrong)?;
    let text = serde_json::to_string(&object).map_err(wrong)?;
    RawValue::from_string(text).map_err(wrong)
}

#[derive(Deserialize)]
struct Shown {
    fired: Vec<String>,
    outcomes: Vec<Emitted>,
}

#[derive(Deserialize)]
struct Emitted {
    rule: String,
    name: String,
    audience: String,
    #[serde(default)]
    loot: Vec<Dropped>,
    payload: Value,
}

#[derive(Deserialize)]
struct Dropped {
    item: String,
    count: u32,
}

fn show(answer: &Value) -> String {
    let shown = answer["results"].get(0).cloned().unwrap_or_default();
    let Ok(shown) = serde_json::from_value::<Shown>(shown) else {
        return answer.to_string();
    };
    let version = answer["version"].as_str().unwrap_or("?");
    if shown.fired.is_empty() {
        return format!("no rule fired (version {version})");
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
            outcome.payload.to_string(),
        ]);
    }
    let head = ["RULE", "OUTCOME", "FOR", "LOOT", "PAYLOAD"];
    format!(
        "fired: {} (version {version})\n{}",
        shown.fired.join(", "),
        output::table(&head, &rows)
    )
}

fn pair<T: std::str::FromStr>(text: &str) -> Result<(String, T), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let value = value.parse().map_err(|_| format!("`{value}` does not fit; write NAME=VALUE"))?;
    Ok((name.to_owned(), value))
}
