//! `cairn roll`: roll a loot table.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::eval::{CONTEXT_EXAMPLE, PITY_EXAMPLE, object, problem};
use super::exit::Exit;
use super::failure::Failure;
use super::local;
use super::node::{ChannelArgs, NodeArgs};
use super::output::{self, Format};
use super::place::PlaceArgs;
use crate::api::evaluate::refused;
use crate::api::roll::{Fallen, Request};
use crate::live::Live;

const EXAMPLES: &str = "Examples:
  cairn roll crypt_rare --seed 7 --count 10
  cairn roll crypt_rare --seed 7 --rules rules/      on a folder, without an agent
  cairn roll crypt_rare --pity player.json -o json   with what a player has missed so far";

/// Roll a loot table: one seed, one result, everywhere
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The loot table
    table: String,
    /// What is drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u32,
    /// A trigger, to judge conditional entries by its fields
    #[arg(long, value_name = "TRIGGER")]
    trigger: Option<String>,
    /// The trigger's fields: JSON, a file, or - for stdin
    #[arg(long, value_name = "JSON|FILE", default_value = "{}")]
    context: String,
    /// What the player has missed so far: JSON {"TABLE": {"ENTRY": MISSES}}, a file that holds it,
    /// or - for stdin. The answer has it as it stands after the roll
    #[arg(long, value_name = "JSON|FILE", default_value = "{}")]
    pity: String,
    /// Roll on this folder instead of what is live on the agent
    #[arg(long, value_name = "DIR")]
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
    let request = request(args)?;
    let answer: Value = match &args.rules {
        Some(dir) => {
            let live = local::live(dir, args.trigger.is_some())?;
            on_folder(&live, &request)?
        }
        None => {
            let mut path = "/v1/roll".to_owned();
            if let Some(channel) = &args.channel.channel {
                path.push_str(&format!("?channel={}", super::events::escape(channel)));
            }
            args.node.client().post(&path, &[], request).await?
        }
    };
    match format {
        Format::Json => output::json(&answer)?,
        Format::Table => output::line(&show(&answer)),
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
    let pity: Vec<Vec<String>> = (answer["pity"].as_object().into_iter().flatten())
        .flat_map(|(table, entries)| {
            let entries = entries.as_object().into_iter().flatten();
            entries.map(|(entry, misses)| vec![table.clone(), entry.clone(), misses.to_string()])
        })
        .collect();
    if !pity.is_empty() {
        text.push_str("\n\n");
        text.push_str(&output::table(&["TABLE", "ENTRY", "MISSES"], &pity));
    }
    text
}
