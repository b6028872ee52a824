//! A deterministic simulation of a fleet, in virtual time, on exactly the cores that ship.
//!
//! [`run`] drives one [`cairn_core::Agent`] per node through a queue of happenings. One seed
//! decides everything: latencies, broken links, partitions, crashes that lose unsynced writes,
//! what clients publish and where consumers go. What clients and an outside observer see is
//! written into a [`History`] and judged by
//! [`crate::invariant`]. Nothing here reads a clock, so a fleet-hour costs milliseconds and a
//! seed replays in any process.

mod bundle;
mod chance;
mod config;
mod consumer;
mod coordinator;
mod disk;
mod fault;
mod network;
mod node;
mod publisher;
mod queue;
mod settle;
mod trace;
mod traffic;
mod trust;
mod world;

use std::fmt;

use cairn_gossip::Time;

pub use config::{DEFECTS, SimConfig};

use crate::history::History;
use crate::invariant::{self, Violation};

/// What a run showed.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which run.
    pub seed: u64,
    /// How many nodes it had.
    pub nodes: u32,
    /// Every broken promise; empty is good.
    pub violations: Vec<Violation>,
    /// Equal for equal runs (I18).
    pub trace_hash: u64,
    /// How far virtual time went.
    pub virtual_time: Time,
    /// Happenings that were processed.
    pub happenings: u64,
    /// What the faults were and what clients did.
    pub counts: Counts,
    /// What was judged.
    pub history: History,
}

/// How much happened: a run that broke nothing and moved nothing proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that arrived.
    pub frames: u64,
    /// Connections that broke.
    pub cuts: u64,
    /// Partitions.
    pub partitions: u64,
    /// Crashes.
    pub crashes: u64,
    /// Consumer sessions that broke.
    pub session_cuts: u64,
    /// Publishes that were answered, retries included.
    pub published: u64,
    /// Deliveries to consumers.
    pub delivered: u64,
    /// Activations.
    pub activated: u64,
    /// Candidates that failed staging.
    pub rejected: u64,
    /// Frames that arrived with a flipped bit in their content.
    pub corrupted: u64,
    /// Frames that arrived once more after a reconnect.
    pub repeated: u64,
    /// Alarms that replicas raised.
    pub alarms: u64,
    /// Transactions that a crash took back because they were not synced.
    pub lost_writes: u64,
    /// Crashes that left files of a transaction behind whose commit is missing.
    pub torn_writes: u64,
    /// Old records that were proposed again.
    pub stale: u64,
    /// Publishes that were answered with the id of an earlier attempt.
    pub retried: u64,
    /// Batches that arrived at a node that knew them.
    pub duplicates: u64,
    /// Copies of a key that were delivered and not shown.
    pub suppressed: u64,
}

impl Counts {
    /// Adds another run's counts.
    pub fn add(&mut self, other: &Counts) {
        let Counts {
            frames,
            cuts,
            partitions,
            crashes,
            session_cuts,
            published,
            delivered,
            activated,
            rejected,
            corrupted,
            repeated,
            alarms,
            lost_writes,
            torn_writes,
            stale,
            retried,
            duplicates,
            suppressed,
        } = other;
        self.frames += frames;
        self.cuts += cuts;
        self.partitions += partitions;
        self.crashes += crashes;
        self.session_cuts += session_cuts;
        self.published += published;
        self.delivered += delivered;
        self.activated += activated;
        self.rejected += rejected;
        self.corrupted += corrupted;
        self.repeated += repeated;
        self.alarms += alarms;
        self.lost_writes += lost_writes;
        self.torn_writes += torn_writes;
        self.stale += stale;
        self.retried += retried;
        self.duplicates += duplicates;
        self.suppressed += suppressed;
    }
}

impl Report {
    /// Virtual hours of all nodes together.
    #[must_use]
    pub fn node_hours(&self) -> f64 {
        f64::from(self.nodes) * self.virtual_time.0 as f64 / 3.6e12
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.violations.len();
        writeln!(f, "seed {}: {count} violations", self.seed)?;
        for violation in self.violations.iter().take(20) {
            writeln!(f, "  {violation}")?;
        }
        if count > 20 {
            writeln!(f, "  and {} more", count - 20)?;
        }
        write!(f, "repeat with: cargo xtask sim --seed {}", self.seed)
    }
}

/// Simulates one seed and judges it.
#[must_use]
pub fn run(seed: u64, config: &SimConfig) -> Report {
    let mut report = world::World::new(seed, config).run();
    report.violations.extend(invariant::check(&report.history));
    report
}
