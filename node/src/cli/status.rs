//! `cairn status`: what is live, and who is behind.

use serde_json::Value;

use super::exit::Exit;
use super::failure::Failure;
use super::node::NodeArgs;
use super::output::{self, Format};

const EXAMPLES: &str = "Examples:
  cairn status                     what this agent knows
  cairn status -o json             for a pipeline";

/// Show what is live, what should be, and who is behind
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

/// Prints the agent's status.
///
/// # Errors
/// Exit code 6 when there is no agent.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let status: Value = args.node.client().read("/v1/status").await?;
    match format {
        Format::Json => output::json(&status)?,
        Format::Table => output::line(&show(&status)),
    }
    Ok(Exit::Ok)
}

fn show(status: &Value) -> String {
    let mut parts = vec![verdict(status)];
    let channels: Vec<Vec<String>> = list(status, "channels")
        .iter()
        .map(|channel| {
            vec![
                text(channel, "channel"),
                text(channel, "generation"),
                text(channel, "desired"),
                text(channel, "active"),
                text(channel, "progress"),
                format!("{} ms", text(channel, "staleness_ms")),
                match channel["rejected"].is_object() {
                    true => format!(
                        "rejected: {} ({})",
                        text(&channel["rejected"], "reason"),
                        text(&channel["rejected"], "code")
                    ),
                    false => text(channel, "reason"),
                },
            ]
        })
        .collect();
    let head = ["CHANNEL", "GENERATION", "DESIRED", "ACTIVE", "PROGRESS", "STALE", "REASON"];
    parts.push(output::table(&head, &channels));
    let members: Vec<Vec<String>> = list(status, "members")
        .iter()
        .map(|member| {
            let active: Vec<String> = list(member, "channels")
                .iter()
                .map(|channel| {
                    format!("{} @{}", text(channel, "channel"), text(channel, "active_generation"))
                })
                .collect();
            vec![
                text(member, "name"),
                text(member, "node").chars().take(12).collect(),
                text(member, "addr"),
                match (member["down_ms"].as_u64(), member["connected"] == true) {
                    (Some(down), _) => format!("DOWN for {}", show_ms(down)),
                    (None, true) => "connected".to_owned(),
                    (None, false) => "away".to_owned(),
                },
                if active.is_empty() { "-".to_owned() } else { active.join(", ") },
            ]
        })
        .collect();
    if !members.is_empty() {
        parts.push(output::table(&["MEMBER", "NODE", "GOSSIP", "LINK", "ACTIVE"], &members));
    }
    parts.join("\n\n")
}

/// One true sentence.
fn verdict(status: &Value) -> String {
    let members = list(status, "members");
    let down = members.iter().filter(|member| member["down_ms"].is_u64()).count();
    let away = members.iter().filter(|member| member["connected"] != true).count() - down;
    let coordinator = match (
        status["coordinator"]["reachable"] == true,
        status["coordinator"]["leader"].as_str(),
    ) {
        (true, Some(leader)) => {
            format!("coordinator reachable, led by {}", leader.chars().take(12).collect::<String>())
        }
        (true, None) => "coordinator reachable, nobody leads".to_owned(),
        (false, _) => format!(
            "coordinator UNREACHABLE ({}): what is live stays live",
            text(&status["coordinator"], "detail")
        ),
    };
    format!(
        "{} ({}): {} members, {away} away{}; {coordinator}; root {}",
        text(status, "name"),
        text(status, "node").chars().take(12).collect::<String>(),
        members.len() - down,
        if down == 0 { String::new() } else { format!(", {down} DOWN") },
        text(status, "root").chars().take(12).collect::<String>(),
    )
}

fn show_ms(ms: u64) -> String {
    crate::duration::show(std::time::Duration::from_millis(ms))
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
