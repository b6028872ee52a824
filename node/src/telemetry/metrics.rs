//! The figures of one agent, in OpenMetrics text.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use cairn_merkle::Digest;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The figures of one agent. Recording is a few atomic operations; histograms take a short lock.
pub struct Metrics {
    registry: Registry,
    propagation: Histogram,
    staging: Histogram,
    activation: Histogram,
    evaluation: Histogram,
    delivered: Counter,
    duplicates: Counter,
    alarms: Counter,
    frames_refused: Counter,
    links_dropped: Counter,
    timers_fired: Counter,
    timers_skipped: Counter,
    queue_bytes: Gauge,
    log_bytes: Gauge,
    members: Gauge,
    divergence_seconds: Gauge<f64, AtomicU64>,
    coordinator_reachable: Gauge,
    generation: Family<ChannelLabel, Gauge>,
    root: Family<RootLabel, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RootLabel {
    root: String,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// A registry of its own. One per agent: two agents on one registry would mix their figures.
    pub fn new() -> Metrics {
        let mut registry = Registry::with_prefix("cairn");
        let metrics = Metrics {
            // 100 µs to 26 s: a hop on loopback to a repair after a partition.
            propagation: Histogram::new(exponential_buckets(0.000_1, 2.0, 18)),
            // 1 ms to 33 s: an image from the cache to a cold compilation of a large rule set.
            staging: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            // 10 µs to 2.6 s: the swap itself plus the files for readers.
            activation: Histogram::new(exponential_buckets(0.000_01, 2.0, 18)),
            // 250 ns to 8 ms for one batch.
            evaluation: Histogram::new(exponential_buckets(0.000_000_25, 2.0, 15)),
            delivered: Counter::default(),
            duplicates: Counter::default(),
            alarms: Counter::default(),
            frames_refused: Counter::default(),
            links_dropped: Counter::default(),
            timers_fired: Counter::default(),
            timers_skipped: Counter::default(),
            queue_bytes: Gauge::default(),
            log_bytes: Gauge::default(),
            members: Gauge::default(),
            divergence_seconds: Gauge::default(),
            coordinator_reachable: Gauge::default(),
            generation: Family::default(),
            root: Family::default(),
            registry: Registry::default(),
        };
        let m = &metrics;
        registry.register(
            "propagation_seconds",
            "From a directive's or event's own time to its acceptance here; wall clocks of two \
             machines, so only as good as their agreement",
            m.propagation.clone(),
        );
        registry.register("staging_seconds", "From stored to staged", m.staging.clone());
        registry.register("activation_seconds", "From staged to active", m.activation.clone());
        registry.register("evaluation_seconds", "One batch evaluated", m.evaluation.clone());
        registry.register("events_delivered", "Events delivered here", m.delivered.clone());
        registry.register("duplicates_rejected", "Events seen again", m.duplicates.clone());
        registry.register("alarms", "Alarms raised by the core", m.alarms.clone());
        registry.register("frames_refused", "Frames that broke a rule", m.frames_refused.clone());
        registry.register("links_dropped", "Links given up: too slow", m.links_dropped.clone());
        registry.register("timers_fired", "Timer instants fired here", m.timers_fired.clone());
        registry.register(
            "timers_skipped",
            "Timer instants skipped here",
            m.timers_skipped.clone(),
        );
        registry.register("queue_bytes", "Bytes waiting for peers", m.queue_bytes.clone());
        registry.register("log_bytes", "Bytes of the event log", m.log_bytes.clone());
        registry.register("members", "Live peers", m.members.clone());
        registry.register(
            "divergence_age_seconds",
            "Age of the oldest difference to a peer that has not gone away, 0 when none",
            m.divergence_seconds.clone(),
        );
        registry.register(
            "coordinator_reachable",
            "1 while the coordinator answers",
            m.coordinator_reachable.clone(),
        );
        registry.register("generation", "Generation that answers reads", m.generation.clone());
        registry.register(
            "content_root",
            "The content root as a label, always 1: equal labels mean equal content",
            m.root.clone(),
        );
        Metrics { registry, ..metrics }
    }

    /// All figures as OpenMetrics text (`application/openmetrics-text; version=1.0.0`).
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string fails only if a metric refuses to encode itself; ours do not.
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            text.clear();
            text.push_str("# EOF\n");
        }
        text
    }

    /// A batch was evaluated.
    pub fn evaluated(&self, took: Duration) {
        self.evaluation.observe(took.as_secs_f64());
    }

    /// Something published elsewhere was accepted here.
    pub fn propagated(&self, took: Duration) {
        self.propagation.observe(took.as_secs_f64());
    }

    /// A stored bundle became staged.
    pub fn staged(&self, took: Duration) {
        self.staging.observe(took.as_secs_f64());
    }

    /// A staged version became active.
    pub fn activated(&self, channel: &str, generation: u64, took: Duration) {
        self.activation.observe(took.as_secs_f64());
        self.generation(channel, generation);
    }

    /// The generation that answers reads on a channel.
    pub fn generation(&self, channel: &str, generation: u64) {
        let label = ChannelLabel { channel: channel.to_owned() };
        self.generation.get_or_create(&label).set(gauge(generation));
    }

    /// Events were delivered here.
    pub fn delivered(&self, count: u64) {
        self.delivered.inc_by(count);
    }

    /// Events seen again so far, as the core counts them.
    pub fn duplicates_total(&self, total: u64) {
        self.duplicates.inc_by(total.saturating_sub(self.duplicates.get()));
    }

    /// The core raised an alarm.
    pub fn alarm(&self) {
        self.alarms.inc();
    }

    /// A frame broke a rule and its link was closed.
    pub fn frame_refused(&self) {
        self.frames_refused.inc();
    }

    /// A peer read too slowly.
    pub fn link_dropped(&self) {
        self.links_dropped.inc();
    }

    /// Instants of timers that were fired here.
    pub fn timers_fired(&self, count: u64) {
        self.timers_fired.inc_by(count);
    }

    /// Instants of timers that were skipped here, as the timers declare.
    pub fn timers_skipped(&self, count: u64) {
        self.timers_skipped.inc_by(count);
    }

    /// Bytes waiting for all peers.
    pub fn queue_bytes(&self, bytes: usize) {
        self.queue_bytes.set(gauge(bytes as u64));
    }

    /// Bytes of the event log.
    pub fn log_bytes(&self, bytes: u64) {
        self.log_bytes.set(gauge(bytes));
    }

    /// Live peers.
    pub fn members(&self, count: usize) {
        self.members.set(gauge(count as u64));
    }

    /// Age of the oldest difference that has not gone away.
    pub fn divergence(&self, age: Duration) {
        self.divergence_seconds.set(age.as_secs_f64());
    }

    /// Whether the coordinator answers.
    pub fn coordinator(&self, reachable: bool) {
        self.coordinator_reachable.set(i64::from(reachable));
    }

    /// The content root now.
    pub fn root(&self, root: &Digest) {
        let label = RootLabel { root: root.to_string() };
        if self.root.get(&label).is_none() {
            self.root.clear();
            self.root.get_or_create(&label).set(1);
        }
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_text_that_a_scraper_reads() {
        let metrics = Metrics::new();
        metrics.activated("treasure_hunt/prod", 3, Duration::from_millis(2));
        metrics.duplicates_total(5);
        metrics.duplicates_total(5);
        metrics.root(&Digest([1; 32]));
        metrics.root(&Digest([2; 32]));
        let text = metrics.encode();
        assert!(text.contains("cairn_generation{channel=\"treasure_hunt/prod\"} 3"), "{text}");
        assert!(text.contains("cairn_duplicates_rejected_total 5"), "{text}");
        assert_eq!(text.matches("cairn_content_root{").count(), 1, "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
