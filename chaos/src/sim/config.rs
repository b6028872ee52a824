//! What is simulated, and how badly it is treated.

use std::time::Duration;

use super::chance::Chance;

/// What to simulate. The seed decides everything else.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Nodes, 1 to 1,000.
    pub nodes: u32,
    /// Virtual time with faults; up to [`SimConfig::settle_max`] follows without.
    pub duration: Duration,
    /// Virtual time in which the fleet must agree after faults end (I10).
    pub settle_max: Duration,
    /// Bugs put back into the replica.
    pub gossip_defects: cairn_gossip::Defects,
    /// Bugs put back into consumers and activation.
    pub core_defects: cairn_core::Defects,
    /// Print everything that happens to standard error.
    pub verbose: bool,
}

impl Default for SimConfig {
    fn default() -> SimConfig {
        SimConfig {
            nodes: 5,
            duration: Duration::from_secs(600),
            settle_max: Duration::from_secs(30),
            gossip_defects: cairn_gossip::Defects::default(),
            core_defects: cairn_core::Defects::default(),
            verbose: false,
        }
    }
}

/// The names of the bugs that can be put back, for command lines and messages.
pub const DEFECTS: [&str; 6] = [
    "dedupe_per_connection",
    "seen_before_fsync",
    "ack_before_fsync",
    "cursor_in_memory",
    "accept_lower_generation",
    "activate_before_verify",
];

impl SimConfig {
    /// Puts one bug of [`DEFECTS`] back. False for a name that is not one of them.
    pub fn plant(&mut self, defect: &str) -> bool {
        let (gossip, core) = (&mut self.gossip_defects, &mut self.core_defects);
        let planted = match defect {
            "dedupe_per_connection" => &mut gossip.dedupe_per_connection,
            "seen_before_fsync" => &mut gossip.seen_before_fsync,
            "accept_lower_generation" => &mut gossip.accept_lower_generation,
            "ack_before_fsync" => &mut core.ack_before_fsync,
            "cursor_in_memory" => &mut core.cursor_in_memory,
            "activate_before_verify" => &mut core.activate_before_verify,
            _ => return false,
        };
        *planted = true;
        true
    }
}

type Range = (Duration, Duration);

/// How often what goes wrong in one run. Means of a uniform spread around each; drawn from the
/// seed, so that some runs are calm and some are brutal.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    pub(crate) latency: Range,
    pub(crate) disk_delay: Range,
    pub(crate) stage_delay: Range,
    pub(crate) cut_link_every: Duration,
    pub(crate) partition_every: Duration,
    pub(crate) partition_for: Duration,
    pub(crate) crash_every: Duration,
    pub(crate) down_for: Duration,
    pub(crate) cut_session_every: Duration,
    pub(crate) publish_every: Duration,
    pub(crate) rollout_every: Duration,
    pub(crate) stale_every: Duration,
    /// Percent of blob frames of a bad link that arrive with a flipped bit.
    pub(crate) corrupt_percent: u64,
    /// Percent of reconnects that repeat the last frames of the connection before.
    pub(crate) repeat_percent: u64,
    /// Peers that a node keeps a connection to: with few, news takes several hops.
    pub(crate) view_max: usize,
}

impl Faults {
    pub(crate) fn draw(chance: &mut Chance) -> Faults {
        let millis = |chance: &mut Chance, low: u64, high: u64| {
            Duration::from_millis(chance.between(low, high))
        };
        let latency_min = Duration::from_micros(chance.between(50, 20_000));
        let disk_min = Duration::from_micros(chance.between(50, 5_000));
        Faults {
            latency: (latency_min, latency_min * chance.between(2, 10) as u32),
            disk_delay: (disk_min, disk_min * chance.between(2, 40) as u32),
            stage_delay: (Duration::from_millis(5), millis(chance, 50, 2_000)),
            cut_link_every: millis(chance, 2_000, 30_000),
            partition_every: millis(chance, 40_000, 300_000),
            partition_for: millis(chance, 1_000, 40_000),
            crash_every: millis(chance, 25_000, 150_000),
            down_for: millis(chance, 100, 20_000),
            cut_session_every: millis(chance, 5_000, 60_000),
            publish_every: millis(chance, 4_000, 20_000),
            rollout_every: millis(chance, 40_000, 120_000),
            stale_every: millis(chance, 40_000, 200_000),
            corrupt_percent: chance.between(0, 30),
            repeat_percent: chance.between(0, 60),
            view_max: chance.between(2, 6) as usize,
        }
    }
}
