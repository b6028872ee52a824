//! A game service that publishes events and retries each by its key until it is acked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::consumer::Effects;
use crate::http::Connection;

/// How many requests one publisher has under way.
const CONCURRENT_COUNT: usize = 8;

/// What to publish.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The publisher's name; part of every idempotency key.
    pub name: String,
    /// How many events.
    pub event_count: usize,
    /// What the publisher's own consumer has seen: each event names the latest as its cause.
    pub seen: Effects,
}

/// Publishes everything and returns `idempotency key → event id` of the acks. Progress is counted in `done`.
///
/// # Errors
/// An answer that no retry can mend.
pub async fn publish(
    plan: Plan,
    api: watch::Receiver<Option<SocketAddr>>,
    done: Arc<AtomicUsize>,
) -> Result<BTreeMap<String, String>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    for _ in 0..CONCURRENT_COUNT {
        let (plan, mut api, next, done) =
            (plan.clone(), api.clone(), Arc::clone(&next), Arc::clone(&done));
        lanes.spawn(async move {
            let mut acked = BTreeMap::new();
            let mut connection: Option<(SocketAddr, Connection)> = None;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= plan.event_count {
                    return Ok(acked);
                }
                let key = format!("{}-{number}", plan.name);
                let body = json!({
                    "topic": "test.event",
                    "payload": { "publisher": plan.name, "number": number, "cause": plan.seen.last_id() },
                })
                .to_string();
                let id = publish_one(&mut api, &mut connection, &key, &body).await?;
                acked.insert(key, id);
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let mut all = BTreeMap::new();
    while let Some(lane) = lanes.join_next().await {
        let acked: Result<BTreeMap<String, String>> = lane.context("a publisher's lane")?;
        all.extend(acked?);
    }
    Ok(all)
}

/// Publishes one event, at whatever address the agent has, until it is acked.
async fn publish_one(
    api: &mut watch::Receiver<Option<SocketAddr>>,
    connection: &mut Option<(SocketAddr, Connection)>,
    key: &str,
    body: &str,
) -> Result<String> {
    loop {
        let address =
            *api.wait_for(Option::is_some).await.context("the agent is gone for good")?;
        let Some(address) = address else { continue };
        if connection.as_ref().is_none_or(|(known, _)| *known != address) {
            *connection = Some((address, Connection::new(address)));
        }
        let Some((_, open)) = connection.as_mut() else { continue };
        match open.send("POST", "/v1/events", &[("idempotency-key", key)], body.to_owned()).await {
            Ok(answer) if (200..300).contains(&answer.status) => {
                let id = answer.json()?["id"].as_str().context("an ack without id")?.to_owned();
                return Ok(id);
            }
            // Refused or unknown for the moment: the key makes the retry safe.
            Ok(answer) if matches!(answer.status, 429 | 503 | 504) => {
                tokio::task::yield_now().await
            }
            Ok(answer) => bail!(
                "publishing {key}: {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ),
            // The connection broke: the agent was killed. Its next address, or the same one, answers.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}
