//! A game service that publishes events and retries each by its key until it is acked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use cairn_chaos::history::Happened;
use cairn_gossip::{Dot, VersionVector};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::consumer::{Effects, Seen};
use crate::http::Connection;
use crate::recorder::{Recorder, payload_hash};

/// How many requests one publisher has under way.
const CONCURRENT_COUNT: usize = 8;

/// Every so many events, an acked one is published again under its key: the first id must come back.
const REPEAT_EVERY: usize = 50;

/// The topic of everything that publishers publish.
const TOPIC: &str = "test.event";

/// What to publish.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The number of the agent that it publishes at.
    pub node: u32,
    /// How many events.
    pub event_count: usize,
    /// What the publisher's own consumer has seen: each event names the latest as its cause.
    pub seen: Effects,
    /// Who writes down what was acked.
    pub recorder: Recorder,
}

/// Publishes everything, each event until it is acked. Progress is counted in `done`.
///
/// # Errors
/// An answer that no retry can mend.
pub async fn publish(
    plan: Plan,
    api: watch::Receiver<Option<SocketAddr>>,
    done: Arc<AtomicUsize>,
) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    for _ in 0..CONCURRENT_COUNT {
        let lane = Lane { plan: plan.clone(), api: api.clone(), connection: None };
        lanes.spawn(lane.run(Arc::clone(&next), Arc::clone(&done)));
    }
    while let Some(lane) = lanes.join_next().await {
        lane.context("a publisher's lane")??;
    }
    Ok(())
}

/// One request after the other.
struct Lane {
    plan: Plan,
    api: watch::Receiver<Option<SocketAddr>>,
    connection: Option<(SocketAddr, Connection)>,
}

impl Lane {
    async fn run(mut self, next: Arc<AtomicUsize>, done: Arc<AtomicUsize>) -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.plan.event_count {
                return Ok(());
            }
            let cause = self.plan.seen.last();
            let payload = json!({
                "publisher": self.plan.node,
                "number": number,
                "cause": cause.as_ref().map(Seen::identity),
            });
            let context = cause.map(|seen| seen.cursor).unwrap_or_default();
            self.event(number, &payload, &context).await?;
            if number.is_multiple_of(REPEAT_EVERY) {
                self.event(number, &payload, &context).await?;
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Publishes one event, at whatever address the agent has, until it is acked.
    async fn event(
        &mut self,
        number: usize,
        payload: &serde_json::Value,
        context: &VersionVector,
    ) -> Result<()> {
        let key = format!("{}-{number}", self.plan.node);
        let body = json!({ "topic": TOPIC, "payload": payload }).to_string();
        let dot = loop {
            let address = self.api.wait_for(Option::is_some).await.map(|address| *address);
            let Some(address) = address.context("the agent is gone for good")? else { continue };
            if self.connection.as_ref().is_none_or(|(known, _)| *known != address) {
                self.connection = Some((address, Connection::new(address)));
            }
            let Some((_, open)) = self.connection.as_mut() else { continue };
            let headers = [("idempotency-key", key.as_str())];
            match open.send("POST", "/v1/events", &headers, body.clone()).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    let answer = answer.json()?;
                    break answer["id"].as_str().context("an ack without id")?.parse::<Dot>()?;
                }
                // Refused or unknown for the moment: the key makes the retry safe.
                Ok(answer) if matches!(answer.status, 429 | 503 | 504) => {}
                Ok(answer) => bail!(
                    "publishing {key}: {} {}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                ),
                // The connection broke: the agent was killed. Its next address answers.
                Err(_) => {}
            }
            tokio::task::yield_now().await;
        };
        self.plan.recorder.record(Happened::Published {
            node: self.plan.node,
            attempt: (u128::from(self.plan.node) << 64) | number as u128,
            dot,
            payload: payload_hash(payload),
            topic: TOPIC.to_owned(),
            key: None,
            context: context.clone(),
        });
        Ok(())
    }
}
