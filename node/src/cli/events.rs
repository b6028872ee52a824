//! `cairn events`: publish a cluster event, follow events.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::exit::Exit;
use super::failure::Failure;
use super::node::NodeArgs;
use super::output::{self, Format};
use crate::api::events::{Accepted, parse_level};

const EXAMPLES: &str = "Examples:
  cairn events publish dragon.spawn '{\"zone\":\"crypt\"}'
  cairn events tail --consumer shard-7 --ack";
const PUBLISH_EXAMPLES: &str = "Examples:
  cairn events publish dragon.spawn '{\"zone\":\"crypt\"}'
  cairn events publish dragon.spawn '{}' --key night_hunt:1767225600000 --level replicated:2";
const TAIL_EXAMPLES: &str = "Examples:
  cairn events tail --consumer shard-7                  from where its cursor is, or from now
  cairn events tail --consumer shard-7 --ack --count 1";

/// Publish and follow cluster events
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Publish(Publish),
    Tail(Tail),
}

/// Publish one event: every consumer gets it once
#[derive(Debug, clap::Args)]
#[command(before_help = PUBLISH_EXAMPLES)]
struct Publish {
    /// What consumers filter by
    topic: String,
    /// The payload, as JSON
    payload: String,
    /// Names one thing that must happen once, however often it is announced: SCOPE:NUMBER
    #[arg(long, value_name = "SCOPE:N", value_parser = parse_key)]
    key: Option<(String, u64)>,
    /// What must be durable before this returns: local or replicated:R
    #[arg(long, value_name = "LEVEL", default_value = "local")]
    level: String,
    /// A retry with the same key returns the first id
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    node: NodeArgs,
}

/// Follow events, one line each
#[derive(Debug, clap::Args)]
#[command(before_help = TAIL_EXAMPLES)]
struct Tail {
    /// Name under which the agent keeps the cursor
    #[arg(long, value_name = "NAME")]
    consumer: String,
    /// Where to go on; wins over the stored cursor
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Topics, separated by commas; all when left out
    #[arg(long, value_name = "TOPICS", default_value = "")]
    topics: String,
    /// Move the stored cursor after each line
    #[arg(long)]
    ack: bool,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Deserialize)]
struct Polled {
    events: Vec<Box<RawValue>>,
    cursor: String,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    topic: String,
    payload: Option<Box<RawValue>>,
    payload_base64url: Option<String>,
    cursor: String,
}

/// Publishes or follows.
///
/// # Errors
/// As the agent says.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    match &args.action {
        Action::Publish(publish) => publish_one(publish, format).await,
        Action::Tail(tail) => follow(tail, format).await,
    }
}

async fn publish_one(args: &Publish, format: Format) -> Result<Exit, Failure> {
    let payload: &RawValue = serde_json::from_str(&args.payload).map_err(|error| {
        Failure::usage(format!("the payload is not JSON: {error}"))
            .hint("quote it for the shell: '{\"zone\":\"crypt\"}'")
    })?;
    parse_level(&args.level).map_err(Failure::usage)?;
    let key = args.key.as_ref().map(|(scope, n)| serde_json::json!({"scope": scope, "n": n}));
    let timeout_ms = u64::try_from(args.node.timeout.as_millis()).unwrap_or(u64::MAX);
    let mut body = serde_json::Map::new();
    body.insert("topic".to_owned(), args.topic.clone().into());
    body.insert("level".to_owned(), args.level.clone().into());
    body.insert("timeout_ms".to_owned(), timeout_ms.into());
    if let Some(key) = key {
        body.insert("key".to_owned(), key);
    }
    let mut body = serde_json::to_string(&body)
        .map_err(|error| Failure::internal(format!("cannot encode the event: {error}")))?;
    // The payload goes in as it was written: numbers keep their digits.
    body.truncate(body.len() - 1);
    body.push_str(",\"payload\":");
    body.push_str(payload.get());
    body.push('}');
    let mut headers = Vec::new();
    if let Some(key) = &args.idempotency_key {
        headers.push(("idempotency-key", key.clone()));
    }
    let accepted: Accepted = args.node.client().post("/v1/events", &headers, body).await?;
    match format {
        Format::Json => output::json(&accepted)?,
        Format::Table => output::line(&format!(
            "{}{} ({})",
            accepted.id,
            if accepted.repeated { " again: it was published before" } else { "" },
            accepted.level
        )),
    }
    Ok(Exit::Ok)
}

async fn follow(args: &Tail, format: Format) -> Result<Exit, Failure> {
    let client = args.node.client();
    let mut cursor = args.cursor.clone();
    let mut seen = 0;
    let wait_ms = args.node.timeout.as_millis().saturating_sub(1_000).clamp(100, 30_000);
    loop {
        let mut path = format!(
            "/v1/events?consumer={}&wait={wait_ms}ms&topics={}",
            escape(&args.consumer),
            escape(&args.topics)
        );
        if let Some(cursor) = &cursor {
            path.push_str("&cursor=");
            path.push_str(&escape(cursor));
        }
        let polled: Polled = client.read(&path).await?;
        for raw in &polled.events {
            let event: Event = serde_json::from_str(raw.get()).map_err(|error| {
                Failure::internal(format!("an event is not what this version expects: {error}"))
            })?;
            match format {
                Format::Json => output::line(raw.get()),
                Format::Table => {
                    let payload = event.payload.as_ref().map(|payload| payload.get());
                    let payload = payload.or(event.payload_base64url.as_deref());
                    let payload = payload.unwrap_or("");
                    output::line(&format!("{}  {}  {payload}", event.id, event.topic));
                }
            }
            if !output::is_read() {
                // Nobody has seen this one: it is not acknowledged.
                return Ok(Exit::Ok);
            }
            if args.ack {
                let path = format!("/v1/consumers/{}/ack", escape(&args.consumer));
                let body = serde_json::json!({ "cursor": event.cursor }).to_string();
                let _: serde_json::Value = client.post(&path, &[], body).await?;
            }
            seen += 1;
            if args.count.is_some_and(|count| seen >= count) {
                return Ok(Exit::Ok);
            }
        }
        cursor = Some(polled.cursor);
    }
}

fn parse_key(text: &str) -> Result<(String, u64), String> {
    let (scope, n) = text.rsplit_once(':').ok_or("write SCOPE:NUMBER")?;
    let n = n.parse().map_err(|_| format!("`{n}` is not a number; write SCOPE:NUMBER"))?;
    match scope.is_empty() {
        true => Err("the scope is empty; write SCOPE:NUMBER".to_owned()),
        false => Ok((scope.to_owned(), n)),
    }
}

/// Percent-encodes everything but what may stand in a path and in a query as it is.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_escapes() {
        assert_eq!(parse_key("a:b:7"), Ok(("a:b".to_owned(), 7)));
        for wrong in ["", "a", ":1", "a:x"] {
            assert!(parse_key(wrong).is_err(), "{wrong}");
        }
        assert_eq!(escape("a/b c*ü"), "a%2Fb%20c%2A%C3%BC");
    }
}
