//! Writes down what an observer outside the agents saw, for the one checker that simulation and
//! real processes share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use cairn_chaos::history::{Happened, History, Keeping};
use cairn_gossip::{Dot, Time, VersionVector};
use cairn_merkle::Digest;
use serde_json::Value;

/// A history that several tasks write. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    began: Instant,
    written: Arc<Mutex<Written>>,
}

#[derive(Debug, Default)]
struct Written {
    history: History,
    sessions: u64,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder { began: Instant::now(), written: Arc::default() }
    }
}

impl Recorder {
    /// Adds one line, now.
    pub fn record(&self, happened: Happened) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: lines are in the order of their times.
        let at = Time(u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX));
        written.history.record(at, happened);
    }

    /// A consumer, whose number is also its agent's, begins a session that wants every topic.
    pub fn open_session(&self, consumer: u32, keeping: Keeping, from: VersionVector) -> u64 {
        let session = {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.sessions += 1;
            written.sessions
        };
        self.record(Happened::SessionOpened {
            consumer,
            session,
            node: consumer,
            keeping,
            from,
            topics: Vec::new(),
        });
        session
    }

    /// Adds the final state of a node from its `GET /v1/status`.
    ///
    /// # Errors
    /// A status that does not have what it must have.
    pub fn settle(&self, node: u32, status: &Value) -> Result<()> {
        let mut live = BTreeMap::new();
        for channel in status["channels"].as_array().context("no channels in the status")? {
            let text = |field: &str| {
                channel[field].as_str().with_context(|| format!("no {field} in {channel}"))
            };
            let generation = channel["active_generation"].as_u64().context("no generation")?;
            let digest: Digest = text("active_digest")?.parse()?;
            live.insert(text("channel")?.to_owned(), (generation, digest));
        }
        let root = status["root"].as_str().context("no root in the status")?.parse()?;
        self.record(Happened::Settled { node, root, vector: vector(status)?, live });
        Ok(())
    }

    /// Everything, less what was delivered beyond `settled`: a timer goes on firing while the
    /// last states are read, and what it fired then is not judged.
    #[must_use]
    pub fn history_until(&self, settled: &VersionVector) -> History {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut history = History::new();
        for entry in written.history.entries() {
            let beyond = match &entry.happened {
                Happened::Delivered { dot, .. } => !settled.contains(dot),
                _ => false,
            };
            if !beyond {
                history.record(entry.at, entry.happened.clone());
            }
        }
        history
    }
}

/// The vector in a status: `origin-incarnation` → last sequence number.
///
/// # Errors
/// A status without one.
pub fn vector(status: &Value) -> Result<VersionVector> {
    let mut vector = VersionVector::default();
    for (stream, seq) in status["vector"].as_object().context("no vector in the status")? {
        let seq = seq.as_u64().with_context(|| format!("{stream} is at {seq}"))?;
        let dot: Dot = format!("{stream}-{seq}").parse()?;
        vector.advance(dot.stream, dot.seq);
    }
    Ok(vector)
}

/// A hash of a payload, equal for equal JSON.
#[must_use]
pub fn payload_hash(payload: &Value) -> u64 {
    let Digest(bytes) = Digest::of(payload.to_string().as_bytes());
    u64::from_le_bytes([
        bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
    ])
}
