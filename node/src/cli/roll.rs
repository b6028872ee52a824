//! `cairn roll`: roll a loot table.

use std::path::PathBuf;

use cairn_ruleset::value::instant_text;
use serde_json::{Map, Value};

use super::eval::{CONTEXT_EXAMPLE, PITY_EXAMPLE, instant, misses, object, problem, warn_of};
use super::exit::Exit;
use super::failure::Failure;
use super::given::GivenArgs;
use super::node::{ChannelArgs, NodeArgs, or_rules};
use super::opened::Opened;
use super::output::{self, Format};
use super::place::PlaceArgs;
use crate::api::evaluate::refused;
use crate::api::pity::Unknown;
use crate::api::roll::{Fallen, Request};
use crate::live::{Live, PityMap};

const EXAMPLES: &str = "Examples:
  cairn roll crypt_rare --seed 7 --count 10
  cairn roll crypt_rare --seed 7 --rules rules/      on a folder, without an agent
  cairn roll crypt_rare --trigger boss_kill --context fight.json --at 2026-12-24    with what is conditional
  cairn roll crypt_rare --pity player.json -o json   with what a player has missed so far";

/// Roll a loot table: one seed, one result, everywhere
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The loot table
    table: String,
    /// What is drawn from
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    count: u32,
    /// A trigger, to judge conditional entries by its fields; without it they are left out
    #[arg(long, value_name = "TRIGGER")]
    trigger: Option<String>,
    /// The trigger's fields: JSON, a file, or - for stdin
    #[arg(long, value_name = "JSON|FILE")]
    context: Option<String>,
    /// Whose roll it is, for conditions that ask for a bucket
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    player: Option<u64>,
    /// The time at which conditions are judged, as 2026-11-20T20:00:00Z, 2026-11-20 or in
    /// milliseconds since the Unix epoch; now when left out
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<i64>,
    #[command(flatten)]
    given: GivenArgs,
    /// What the player has missed so far: JSON {"TABLE": {"ENTRY": MISSES}}, a file that holds it,
    /// or - for stdin. The answer has it as it stands after the roll
    #[arg(long, value_name = "JSON|FILE", default_value = "{}")]
    pity: String,
    /// Roll on this folder, rule file or bundle file instead of what is live on the agent
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    channel: ChannelArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Rolls and prints.
///
/// # Errors
/// Exit code 2 for a table that the rule set does not know.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let [counter, active] = args.given.options();
    let [zone, shard] = args.place.options();
    needs_trigger(
        args.trigger.as_deref(),
        &[
            ("--context", args.context.is_some()),
            ("--player", args.player.is_some()),
            ("--at", args.at.is_some()),
            counter,
            active,
            zone,
            shard,
        ],
    )?;
    let request = request(args)?;
    let answer: Value = match &args.rules {
        Some(dir) => {
            let opened = Opened::at(dir)?;
            on_folder(&opened.evaluator(args.trigger.is_some())?, &request)?
        }
        None => {
            let mut path = "/v1/roll".to_owned();
            if let Some(channel) = &args.channel.channel {
                path.push_str(&format!("?channel={}", super::events::escape(channel)));
            }
            args.node.client().post(&path, &[], request).await.map_err(or_rules)?
        }
    };
    match format {
        Format::Json => output::json(&answer)?,
        Format::Table => {
            output::line(&show(&answer));
            let unknown: Vec<Unknown> =
                serde_json::from_value(answer["unknown_pity"].clone()).unwrap_or_default();
            warn_of(&unknown);
            if let Some(note) = left_out(args, &answer) {
                output::note(&note);
            }
        }
    }
    Ok(Exit::Ok)
}

fn request(args: &Args) -> Result<String, Failure> {
    let mut fields = Map::new();
    fields.insert("table".to_owned(), args.table.clone().into());
    fields.insert("seed".to_owned(), args.seed.into());
    fields.insert("count".to_owned(), args.count.into());
    if let Some(trigger) = &args.trigger {
        fields.insert("trigger".to_owned(), trigger.clone().into());
    }
    args.place.put(&mut fields);
    if let Some(player) = args.player {
        fields.insert("player".to_owned(), player.into());
    }
    if let Some(at) = args.at {
        fields.insert("now_ms".to_owned(), at.into());
    }
    args.given.put(&mut fields);
    let context = object("context", args.context.as_deref().unwrap_or("{}"), CONTEXT_EXAMPLE)?;
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

fn on_folder(live: &Live, request: &str) -> Result<Value, Failure> {
    let request: Request = crate::api::body::json(request.as_bytes()).map_err(problem)?;
    let (table, seed) = (request.table().to_owned(), request.seed());
    let request = request
        .convert()
        .map_err(|(field, reason)| Failure::usage(format!("{field}: {reason}")))?;
    let fallen: Fallen = live.roll(&request).map_err(|error| problem(refused(&error)))?.into();
    let mut answer = serde_json::json!({
        "ruleset": live.ruleset(),
        "version": live.version(),
        "digest": live.digest(),
        "table": table,
        "seed": seed,
    });
    let fallen = serde_json::to_value(fallen).map_err(|e| Failure::internal(e.to_string()))?;
    if let (Value::Object(answer), Value::Object(fallen)) = (&mut answer, fallen) {
        answer.extend(fallen);
    }
    Ok(answer)
}

fn show(answer: &Value) -> String {
    let rows: Vec<Vec<String>> = answer["loot"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|drop| {
            vec![drop["item"].as_str().unwrap_or("?").to_owned(), drop["count"].to_string()]
        })
        .collect();
    let mut text = output::table(&["ITEM", "COUNT"], &rows);
    let pity: PityMap = serde_json::from_value(answer["pity"].clone()).unwrap_or_default();
    if let Some(misses) = misses(&pity) {
        text.push_str("\n\n");
        text.push_str(&misses);
    }
    text
}

/// What could not fall, and what would let it.
fn left_out(args: &Args, answer: &Value) -> Option<String> {
    let all = answer["left_out"].as_array()?;
    let names = |judged: bool| {
        let of = all.iter().filter(|out| out["judged"].as_bool() == Some(judged));
        let name = |out: &Value| match (out["table"].as_str(), out["entry"].as_str()) {
            (Some(table), Some(entry)) if table != args.table => format!("{table}.{entry}"),
            (_, entry) => entry.unwrap_or("?").to_owned(),
        };
        of.map(name).collect::<Vec<String>>()
    };
    let at = args.at.map_or("now".to_owned(), instant_text);
    let (unjudged, failed) = (names(false), names(true));
    let mut lines = Vec::new();
    if !failed.is_empty() {
        lines.push(format!("left out: {}: the condition does not hold, at {at}", listed(&failed)));
    }
    if !unjudged.is_empty() {
        lines.push(match &args.trigger {
            None => format!(
                "left out: {}: no condition is judged without a trigger\n  hint: give --trigger, its \
                 --context, and --at or --active for timers",
                listed(&unjudged)
            ),
            Some(trigger) => format!(
                "left out: {}: no rule on {trigger} rolls that table, so its conditions are not judged",
                listed(&unjudged)
            ),
        });
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Refuses what only a trigger's rules would look at: without one it would be ignored.
///
/// # Errors
/// Exit code 2 with the options.
pub(super) fn needs_trigger(trigger: Option<&str>, given: &[(&str, bool)]) -> Result<(), Failure> {
    let given: Vec<&str> =
        given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if trigger.is_some() || given.is_empty() {
        return Ok(());
    }
    let verb = if given.len() == 1 { "needs" } else { "need" };
    Err(Failure::usage(format!(
        "{} {verb} --trigger: conditions of entries are judged by the rules of a trigger, and left \
         out without one",
        given.join(", ")
    ))
    .hint("add --trigger TRIGGER, whose rules roll the table, with its --context"))
}

/// Names for a note; the rest is counted.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN_MAX: usize = 16;
    let shown: Vec<&str> = names.iter().take(SHOWN_MAX).map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
