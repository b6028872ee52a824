//! What is live now, and evaluation on it.
//!
//! `LiveTable` holds one atomic pointer per channel: a reader loads it once and sees one
//! (generation, version, digest) until it loads again. Evaluation goes through the same SDK that
//! games use, on a pool of sandboxes that belongs to the version.

mod error;
mod evaluate;
mod loaded;
mod local;
mod pity;
mod place;
mod roll;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use cairn_core::ActivationRecord;
use cairn_merkle::Digest;
use cairn_sdk::Scope;
use cairn_sdk::live::{LiveRecord, generation_path, record_path};
use tokio::sync::watch;

pub use error::EvalError;
pub(crate) use evaluate::wall_ms;
pub use evaluate::{EvalRequest, Evaluated, Given, Outcome};
pub(crate) use loaded::Loaded;
pub use loaded::ParamInfo;
pub use local::Runner;
pub use pity::{PityMap, UnknownPity};
pub use place::Place;
pub use roll::{LeftOut, RollRequest, Rolled, Spoils};

use crate::stage::{StageError, Staged};
use crate::store::{StateDir, StoreError};
use crate::telemetry::Metrics;

/// What answers reads on one channel: one version at one generation, immutable.
pub struct Live {
    channel: String,
    record: ActivationRecord,
    heard: Arc<Heard>,
    metrics: Arc<Metrics>,
    loaded: Arc<Loaded>,
}

impl Live {
    /// `<ruleset>/<name>`.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Position in the channel's history.
    pub fn generation(&self) -> u64 {
        self.record.generation
    }

    /// Digest of the bundle.
    pub fn digest(&self) -> Digest {
        self.record.digest
    }

    /// Hash of what generated code relies on. The first call is linear in the rule set.
    pub fn schema_hash(&self) -> Digest {
        self.loaded.version().schema_hash()
    }

    /// Its semantic version.
    pub fn version(&self) -> &str {
        &self.record.version
    }

    /// The rule set.
    pub fn ruleset(&self) -> &str {
        &self.loaded.version().ruleset
    }

    /// The image and its names, for reads that need no evaluation.
    pub fn image(&self) -> &cairn_ruleset::image::Image<cairn_sdk::ImageBytes> {
        self.loaded.version().image()
    }

    /// Changes exactly when what reads answer changes: the content, not its place in history.
    /// Without the quotes of an HTTP header.
    pub fn etag(&self) -> String {
        let digest = self.digest();
        Digest::derive("cairn 2026 etag v1", &[self.channel.as_bytes(), &digest.0]).to_string()
    }

    /// The same for what differs by zone and shard: one tag for each of them.
    pub fn etag_at(&self, scope: &Scope) -> String {
        // A name is never empty, so nothing else looks like none.
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        let (digest, zone, shard) = (self.digest(), name(&scope.zone), name(&scope.shard));
        let parts = [self.channel.as_bytes(), &digest.0, zone.as_bytes(), shard.as_bytes()];
        Digest::derive("cairn 2026 etag of a scope v1", &parts).to_string()
    }

    /// Milliseconds since coordinator or peers last spoke; 0 while the coordinator's watch stands.
    pub fn staleness_ms(&self) -> u64 {
        self.heard.staleness_ms()
    }
}

/// When coordinator or peers last spoke of what should be live.
pub(crate) struct Heard {
    start: Instant,
    last_ms: AtomicU64,
    watching: AtomicBool,
}

impl Heard {
    fn new() -> Heard {
        let (last_ms, watching) = (AtomicU64::new(0), AtomicBool::new(false));
        Heard { start: Instant::now(), last_ms, watching }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A peer compared its state with ours, or told a channel's record.
    pub(crate) fn peer_spoke(&self) {
        self.last_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// The coordinator's watch stands, or ended just now.
    pub(crate) fn coordinator(&self, watching: bool) {
        // The moment it ended is the last word, unless it had ended before.
        if watching || self.watching.load(Ordering::Relaxed) {
            self.peer_spoke();
        }
        self.watching.store(watching, Ordering::Relaxed);
    }

    pub(crate) fn staleness_ms(&self) -> u64 {
        if self.watching.load(Ordering::Relaxed) {
            return 0;
        }
        self.now_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed))
    }
}

/// One atomic pointer per channel of an agent.
pub(crate) struct LiveTable {
    slots: BTreeMap<String, ArcSwapOption<Live>>,
    changes: watch::Sender<u64>,
    heard: Arc<Heard>,
    metrics: Arc<Metrics>,
}

impl LiveTable {
    pub(crate) fn new(channels: &[String], metrics: Arc<Metrics>) -> LiveTable {
        let slots = channels.iter().map(|name| (name.clone(), ArcSwapOption::empty())).collect();
        let (changes, heard) = (watch::Sender::new(0), Arc::new(Heard::new()));
        LiveTable { slots, changes, heard, metrics }
    }

    pub(crate) fn load(&self, channel: &str) -> Option<Arc<Live>> {
        self.slots.get(channel)?.load_full()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A version was rejected: what is live stays, and whoever waits for the version looks again.
    pub(crate) fn rejected(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Make a staged version live. Readers of the files see it first, then, with one atomic
    /// store, readers of this process; on an error neither pointer of this process moved.
    pub(crate) fn activate(
        &self,
        channel: &str,
        record: &ActivationRecord,
        staged: &Staged,
        dir: &StateDir,
    ) -> Result<(), StageError> {
        let Some(slot) = self.slots.get(channel) else { return Ok(()) };
        write_files(channel, record, dir)?;
        slot.store(Some(Arc::new(Live {
            channel: channel.to_owned(),
            record: record.clone(),
            heard: self.heard.clone(),
            metrics: self.metrics.clone(),
            loaded: staged.loaded.clone(),
        })));
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }
}

/// What readers on this machine map: the record by rename, then the word that makes them look.
fn write_files(channel: &str, record: &ActivationRecord, dir: &StateDir) -> Result<(), StoreError> {
    let (path, word) = (record_path(dir.root(), channel), generation_path(dir.root(), channel));
    let live = LiveRecord {
        channel: channel.to_owned(),
        generation: record.generation,
        digest: record.digest,
        version: record.version.clone(),
        image: format!("{}.img", record.digest),
    };
    let bytes = live.encode();
    // A restart finds what it left: nothing is written again.
    let stands = std::fs::read(&path).is_ok_and(|found| found == bytes);
    if !stands {
        dir.write_durable(&path, &bytes)?;
    }
    let generation = record.generation.to_le_bytes();
    match OpenOptions::new().write(true).open(&word) {
        // In place: readers have it mapped, and a rename would leave them on the old file.
        Ok(file) => file.write_all_at(&generation, 0).map_err(StoreError::io("write", &word)),
        Err(_) => dir.write_durable(&word, &generation),
    }
}
