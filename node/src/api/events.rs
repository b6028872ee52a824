//! `/v1/events`: publish a cluster event, consume events by long poll or as a stream.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use cairn_gossip::{EventKey, Level};
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::problem::Problem;
use super::query::Query;
use super::{Api, body, consumers, cursor, wait};
use crate::agent::{ConsumeRequest, Consumer, Delivery, PublishError, PublishEvent};

/// Most events in one long poll's answer; the rest comes with the next.
pub const EVENTS_COUNT_MAX: usize = 256;
/// Silence on a stream before a comment keeps it alive. Below the idle limits of common proxies.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a publish waits for its level when the client names no time.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest that a publish waits.
const PUBLISH_TIMEOUT_MAX: Duration = Duration::from_secs(60);

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const LAST_EVENT_ID: &str = "last-event-id";

/// Body of a publish.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    topic: String,
    payload: Option<Box<RawValue>>,
    key: Option<Key>,
    level: Option<String>,
    timeout_ms: Option<u64>,
    cursor: Option<String>,
}

/// Names one thing that must happen once, however many agents announce it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What kind of thing.
    pub scope: String,
    /// Which of them.
    pub n: u64,
}

/// An accepted event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// `origin-incarnation-seq`.
    pub id: String,
    /// The level that was reached.
    pub level: String,
    /// Whether this was a retry, answered with the first id.
    pub repeated: bool,
}

/// `POST`: returns once the event is as durable as was asked; 201 the first time, 200 for a retry
/// with the same `Idempotency-Key`.
///
/// # Errors
/// 504 with outcome unknown when the level is not reached in time.
pub async fn publish(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = body::read(&headers, body, super::BODY_BYTES_MAX).await?;
    let request: Publish = body::json(&bytes)?;
    let level = parse_level(request.level.as_deref().unwrap_or("local"))
        .map_err(|reason| Problem::bad("bad-level", "no such level", reason).field("level"))?;
    let timeout =
        request.timeout_ms.map_or(PUBLISH_TIMEOUT, Duration::from_millis).min(PUBLISH_TIMEOUT_MAX);
    let idempotency = match headers.get(IDEMPOTENCY_KEY) {
        None => None,
        Some(value) => Some(value.to_str().map(str::to_owned).map_err(|_| {
            Problem::bad("bad-key", "the idempotency key is not text", "use printable ASCII")
        })?),
    };
    let context = request.cursor.as_deref().map(cursor::decode).transpose()?;
    let payload =
        request.payload.map_or_else(Bytes::new, |raw| Bytes::copy_from_slice(raw.get().as_bytes()));
    let published = api
        .agent
        .publish_event(PublishEvent {
            topic: request.topic,
            payload,
            key: request.key.map(|key| EventKey { scope: key.scope, n: key.n }),
            idempotency,
            context,
            level,
            timeout,
        })
        .await
        .map_err(refused)?;
    let status = if published.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let accepted = Accepted {
        id: published.dot.to_string(),
        level: show_level(published.level),
        repeated: published.repeated,
    };
    Ok((status, Json(accepted)).into_response())
}

fn refused(error: PublishError) -> Problem {
    let (status, code) = match &error {
        PublishError::Limit { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
        PublishError::Refused { .. } => (StatusCode::BAD_REQUEST, "event-refused"),
        PublishError::LogFull { .. } => (StatusCode::TOO_MANY_REQUESTS, "log-full"),
        PublishError::Timeout { .. } | PublishError::Unconfirmed { .. } => {
            (StatusCode::GATEWAY_TIMEOUT, "outcome-unknown")
        }
        PublishError::Stopped(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
    };
    let mut problem = Problem::of(status, code, "the event was not confirmed");
    problem.hint = error.hint().map(str::to_owned);
    problem.detail(error.to_string())
}

/// `local` or `replicated:R`.
///
/// # Errors
/// Says what was written and what is accepted.
pub fn parse_level(text: &str) -> Result<Level, String> {
    let wrong = || format!("`{text}` is not a level; write local or replicated:2");
    match text.split_once(':') {
        None if text == "local" => Ok(Level::Local),
        Some(("replicated", copies)) => match copies.parse() {
            Ok(count @ 1..) => Ok(Level::Replicated { count }),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// The inverse of [`parse_level`].
pub fn show_level(level: Level) -> String {
    match level {
        Level::Local => "local".to_owned(),
        Level::Replicated { count } => format!("replicated:{count}"),
    }
}

/// Query of a consume.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    consumer: Option<String>,
    cursor: Option<String>,
    topics: Option<String>,
    wait: Option<String>,
}

/// One delivered event.
#[derive(Debug, Serialize)]
struct Delivered {
    id: String,
    topic: String,
    payload: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64url: Option<String>,
    key: Option<Key>,
    time_ms: u64,
    cursor: String,
}

impl Delivered {
    fn of(delivery: Delivery) -> Delivered {
        // JSON goes through as it was written; anything else is named as bytes.
        let text = std::str::from_utf8(&delivery.event.payload).ok();
        let payload = text.and_then(|text| serde_json::from_str::<Box<RawValue>>(text).ok());
        let opaque = payload.is_none() && !delivery.event.payload.is_empty();
        Delivered {
            id: delivery.dot.to_string(),
            topic: delivery.event.topic,
            payload_base64url: opaque.then(|| cursor::to_base64url(&delivery.event.payload)),
            payload,
            key: delivery.event.key.map(|key| Key { scope: key.scope, n: key.n }),
            time_ms: delivery.event.time_ms,
            cursor: cursor::encode(&delivery.cursor),
        }
    }
}

#[derive(Debug, Serialize)]
struct Polled {
    events: Vec<Delivered>,
    cursor: String,
}

/// `GET`: a long poll, or a stream when the client accepts `text/event-stream`.
///
/// The stored cursor moves on ack only. A cursor in the request wins over the stored one, and
/// `Last-Event-ID` (a stream that reconnects) over both.
///
/// # Errors
/// 409 when another session of the same name takes over.
pub async fn consume(
    State(api): State<Api>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = which.consumer.ok_or_else(|| {
        Problem::bad("consumer-missing", "the consumer must be named", "there is no ?consumer=")
            .hint("add ?consumer=NAME; its cursor is kept under that name")
            .field("consumer")
    })?;
    let hold = wait::parse(which.wait.as_deref())?;
    // One that is no text is refused like any other that is not ours: to leave it out would go on
    // from elsewhere.
    let resumed = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
    let presented = resumed.filter(|text| !text.is_empty()).or(which.cursor.as_deref());
    let cursor = presented.filter(|text| !text.is_empty()).map(cursor::decode).transpose()?;
    let topics = which.topics.unwrap_or_default();
    let topics = topics.split(',').filter(|topic| !topic.is_empty()).map(str::to_owned).collect();
    let consumer = api
        .agent
        .consume(ConsumeRequest { name, cursor, topics })
        .await
        .map_err(consumers::refused)?;
    let streams = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if streams {
        let stream = Sse::new(stream(api, consumer));
        return Ok(stream.keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response());
    }
    poll(&api, consumer, hold).await
}

async fn poll(api: &Api, mut consumer: Consumer, hold: Duration) -> Result<Response, Problem> {
    let mut events = Vec::new();
    let mut covered = cursor::encode(consumer.start());
    let first = tokio::select! {
        delivery = tokio::time::timeout(hold, consumer.recv()) => delivery,
        () = api.stopped() => return Err(Problem::stopped("the server stops")),
    };
    // Without an event in time the answer is empty, not an error.
    if let Ok(first) = first {
        let first = first.ok_or_else(|| replaced(consumer.name()))?;
        let mut next = Some(first);
        while let Some(delivery) = next {
            let delivered = Delivered::of(delivery);
            covered.clone_from(&delivered.cursor);
            events.push(delivered);
            next = match events.len() < EVENTS_COUNT_MAX {
                true => consumer.try_recv(),
                false => None,
            };
        }
    }
    Ok(Json(Polled { events, cursor: covered }).into_response())
}

fn replaced(name: &str) -> Problem {
    Problem::of(StatusCode::CONFLICT, "consumer-replaced", "another session took over")
        .detail(format!("consumer `{name}` was opened again while this request waited"))
        .hint("give each instance its own consumer name")
}

enum Turn {
    Open,
    Events,
    End,
}

fn stream(api: Api, consumer: Consumer) -> impl Stream<Item = Result<Message, Infallible>> {
    futures::stream::unfold((api, consumer, Turn::Open), |(api, mut consumer, turn)| async move {
        match turn {
            Turn::Open => {
                let at = cursor::encode(consumer.start());
                let data = format!("{{\"cursor\":\"{at}\"}}");
                let message = Message::default().event("open").id(at).data(data);
                Some((Ok(message), (api, consumer, Turn::Events)))
            }
            Turn::Events => {
                let delivery = tokio::select! {
                    delivery = consumer.recv() => delivery,
                    () = api.stopped() => None,
                };
                let Some(delivery) = delivery else {
                    let message = Message::default().event("end").data("{}");
                    return Some((Ok(message), (api, consumer, Turn::End)));
                };
                let delivered = Delivered::of(delivery);
                let data = serde_json::to_string(&delivered).unwrap_or_default();
                let message = Message::default().id(delivered.cursor).data(data);
                Some((Ok(message), (api, consumer, Turn::Events)))
            }
            Turn::End => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_round_trip_and_zero_copies_are_refused() {
        for text in ["local", "replicated:2"] {
            assert_eq!(parse_level(text).map(show_level), Ok(text.to_owned()));
        }
        for text in ["", "replicated", "replicated:0", "replicated:-1", "quorum"] {
            assert!(parse_level(text).is_err(), "{text}");
        }
    }
}
