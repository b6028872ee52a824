//! A consumer as a game service runs one: it keeps its cursor together with the effects, presents
//! it at every reconnect, and acks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::http::Connection;

/// One event as delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// `origin-incarnation-seq`.
    pub id: String,
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Value,
    /// The deduplication key, `scope:n`, when there is one.
    pub key: Option<String>,
}

/// What a consumer has, in the order in which it got it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Effects(Arc<Mutex<Vec<Seen>>>);

impl Effects {
    /// A copy of everything so far.
    #[must_use]
    pub fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The id of the latest one.
    #[must_use]
    pub fn last_id(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last().map(|seen| seen.id.clone())
    }

    fn push(&self, seen: Seen) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }
}

/// A running consumer. Dropping it ends it.
#[derive(Debug)]
pub struct Consumer {
    /// What it has received.
    pub effects: Effects,
    progress: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Consumer {
    /// Starts consuming under `name` at whatever address `api` says, for as long as it lives.
    #[must_use]
    pub fn start(name: String, api: watch::Receiver<Option<SocketAddr>>) -> Consumer {
        let effects = Effects::default();
        let (progressed, progress) = watch::channel(0);
        let task = tokio::spawn(run(name, api, effects.clone(), progressed));
        Consumer { effects, progress, task }
    }

    /// Completes when it has received something more than `count` events.
    ///
    /// # Errors
    /// When the consumer has ended.
    pub async fn beyond(&mut self, count: usize) -> Result<usize> {
        let now =
            *self.progress.wait_for(|have| *have > count).await.context("the consumer ended")?;
        Ok(now)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    name: String,
    mut api: watch::Receiver<Option<SocketAddr>>,
    effects: Effects,
    progressed: watch::Sender<usize>,
) {
    let mut cursor: Option<String> = None;
    loop {
        let Ok(address) = api.wait_for(Option::is_some).await.map(|address| *address) else {
            return;
        };
        let Some(address) = address else { continue };
        let mut connection = Connection::new(address);
        while *api.borrow() == Some(address) {
            if take(&mut connection, &name, &mut cursor, &effects, &progressed).await.is_err() {
                // Down, or going down: the address changes when it is back.
                tokio::task::yield_now().await;
                break;
            }
        }
    }
}

/// One long poll: effects and cursor are kept together, then acked.
async fn take(
    connection: &mut Connection,
    name: &str,
    cursor: &mut Option<String>,
    effects: &Effects,
    progressed: &watch::Sender<usize>,
) -> Result<()> {
    let mut path = format!("/v1/events?consumer={name}&wait=10s");
    if let Some(cursor) = cursor {
        path.push_str("&cursor=");
        path.push_str(cursor);
    }
    let answer = connection.send("GET", &path, &[], "").await?.ok()?;
    let events = answer["events"].as_array().context("no events in the answer")?;
    for event in events {
        let text = |field: &str| event[field].as_str().map(str::to_owned);
        effects.push(Seen {
            id: text("id").context("an event without id")?,
            topic: text("topic").context("an event without topic")?,
            payload: event["payload"].clone(),
            key: event["key"]
                .as_object()
                .map(|key| format!("{}:{}", key["scope"].as_str().unwrap_or(""), key["n"])),
        });
        *cursor = Some(text("cursor").context("an event without cursor")?);
    }
    if let Some(covered) = answer["cursor"].as_str() {
        *cursor = Some(covered.to_owned());
    }
    if !events.is_empty() {
        progressed.send_replace(effects.count());
        let body = serde_json::json!({ "cursor": cursor }).to_string();
        connection.send("POST", &format!("/v1/consumers/{name}/ack"), &[], body).await?.ok()?;
    }
    Ok(())
}
