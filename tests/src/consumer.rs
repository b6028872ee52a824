//! A consumer as a game service runs one: it keeps its cursor together with the effects, presents
//! it at every reconnect, and acks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use cairn_chaos::history::{Happened, Keeping};
use cairn_gossip::{Dot, EventKey, VersionVector};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::http::Connection;
use crate::recorder::{Recorder, payload_hash};

/// One event as delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its id.
    pub dot: Dot,
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Value,
    /// The deduplication key, when there is one.
    pub key: Option<EventKey>,
    /// What the consumer has seen once this event's effect is committed.
    pub cursor: VersionVector,
}

impl Seen {
    /// What names this event at every node: its key if it has one, since another node may have
    /// delivered another copy of that key first, otherwise its id.
    #[must_use]
    pub fn identity(&self) -> String {
        match &self.key {
            Some(key) => format!("{}:{}", key.scope, key.n),
            None => self.dot.to_string(),
        }
    }
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

    /// The latest one.
    #[must_use]
    pub fn last(&self) -> Option<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
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
    covered: watch::Receiver<VersionVector>,
    task: JoinHandle<()>,
}

impl Consumer {
    /// Starts consuming as number `number`, at whatever address the agent of that number has, for
    /// as long as it lives. What it sees goes into `recorder`.
    #[must_use]
    pub fn start(
        number: u32,
        api: watch::Receiver<Option<SocketAddr>>,
        recorder: Recorder,
    ) -> Consumer {
        let effects = Effects::default();
        let (covers, covered) = watch::channel(VersionVector::default());
        let life = Life { number, effects: effects.clone(), covers, recorder, cursor: None };
        let task = tokio::spawn(life.run(api));
        Consumer { effects, covered, task }
    }

    /// Completes when it has received something more than `count` events; returns how many it has.
    ///
    /// # Errors
    /// When the consumer has ended.
    pub async fn beyond(&mut self, count: usize) -> Result<usize> {
        let effects = &self.effects;
        self.covered.wait_for(|_| effects.count() > count).await.context("the consumer ended")?;
        Ok(effects.count())
    }

    /// Completes when its cursor covers `vector`.
    ///
    /// # Errors
    /// When the consumer has ended.
    pub async fn covers(&mut self, vector: &VersionVector) -> Result<()> {
        let wait = self.covered.wait_for(|covered| covered.dominates(vector)).await;
        wait.map(|_| ()).context("the consumer ended")
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The consumer's own state, which a real one keeps in one transaction.
struct Life {
    number: u32,
    effects: Effects,
    covers: watch::Sender<VersionVector>,
    recorder: Recorder,
    /// As the agent wrote it, and what it means to an observer.
    cursor: Option<(String, VersionVector)>,
}

impl Life {
    async fn run(mut self, mut api: watch::Receiver<Option<SocketAddr>>) {
        loop {
            let Ok(address) = api.wait_for(Option::is_some).await.map(|address| *address) else {
                return;
            };
            let Some(address) = address else { continue };
            let mut connection = Connection::new(address);
            let mut session = None;
            while *api.borrow() == Some(address) {
                if self.take(&mut connection, &mut session).await.is_err() {
                    // Down, or going down: the address changes when it is back.
                    tokio::task::yield_now().await;
                    break;
                }
            }
        }
    }

    /// One long poll: effects and cursor are kept together, then acked. The first poll of a
    /// session does not wait, so that the session's start is known before anything else happens.
    async fn take(&mut self, connection: &mut Connection, session: &mut Option<u64>) -> Result<()> {
        let name = format!("service-{}", self.number);
        let wait = if session.is_some() { "10s" } else { "0s" };
        let mut path = format!("/v1/events?consumer={name}&wait={wait}");
        if let Some((cursor, _)) = &self.cursor {
            path.push_str("&cursor=");
            path.push_str(cursor);
        }
        let answer = connection.send("GET", &path, &[], "").await?.ok()?;
        let events = answer["events"].as_array().context("no events in the answer")?;
        let events = events.iter().map(read).collect::<Result<Vec<_>>>()?;
        let covered = answer["cursor"].as_str().context("no cursor in the answer")?.to_owned();
        let vector = decode(&covered)?;

        let session = *session.get_or_insert_with(|| {
            // A new consumer learns where it began from the answer: what it covers, less what it brought.
            let from = self
                .cursor
                .as_ref()
                .map_or_else(|| without(&vector, &events), |(_, presented)| presented.clone());
            self.recorder.open_session(self.number, Keeping::WithEffect, from)
        });
        let delivered = !events.is_empty();
        for seen in events {
            self.recorder.record(Happened::Delivered {
                consumer: self.number,
                session,
                dot: seen.dot,
                payload: payload_hash(&seen.payload),
                topic: seen.topic.clone(),
                key: seen.key.clone(),
            });
            self.effects.push(seen);
        }
        self.cursor = Some((covered.clone(), vector.clone()));
        self.covers.send_replace(vector.clone());
        if delivered {
            let body = serde_json::json!({ "cursor": covered }).to_string();
            let path = format!("/v1/consumers/{name}/ack");
            connection.send("POST", &path, &[], body).await?.ok()?;
            let (consumer, node) = (self.number, self.number);
            self.recorder.record(Happened::Acked { consumer, node, cursor: vector });
        }
        Ok(())
    }
}

fn read(event: &Value) -> Result<Seen> {
    let text = |field: &str| {
        event[field].as_str().with_context(|| format!("an event without {field}: {event}"))
    };
    let key = event["key"].as_object().map(|key| EventKey {
        scope: key["scope"].as_str().unwrap_or_default().to_owned(),
        n: key["n"].as_u64().unwrap_or_default(),
    });
    Ok(Seen {
        dot: text("id")?.parse()?,
        topic: text("topic")?.to_owned(),
        payload: event["payload"].clone(),
        key,
        cursor: decode(text("cursor")?)?,
    })
}

/// An observer may look inside a cursor; a client never does.
fn decode(cursor: &str) -> Result<VersionVector> {
    cairn::api::cursor::decode(cursor).map_err(|problem| anyhow::anyhow!("{problem}"))
}

/// `vector` as it was before `events` were delivered.
fn without(vector: &VersionVector, events: &[Seen]) -> VersionVector {
    let mut before = VersionVector::default();
    for (stream, seq) in vector.iter() {
        let brought = events.iter().map(|seen| seen.dot).filter(|dot| dot.stream == *stream);
        let last = brought.map(|dot| dot.seq - 1).min().unwrap_or(*seq);
        if last > 0 {
            before.advance(*stream, last);
        }
    }
    before
}
