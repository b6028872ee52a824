//! Two thousand simulated fleets, five nodes and ten virtual minutes each, without a violation.
//!
//! Split into parts so that a test runner keeps every core busy.

use cairn_chaos::sim::{Counts, SimConfig, run};

const SEEDS: u64 = 2_000;
const PARTS: u64 = 8;

fn part(index: u64) {
    let config = SimConfig::default();
    let (first, end) = (SEEDS * index / PARTS, SEEDS * (index + 1) / PARTS);
    let mut counts = Counts::default();
    for seed in first..end {
        let report = run(seed, &config);
        assert!(report.violations.is_empty(), "{report}");
        counts.add(&report.counts);
    }
    // A calm run proves nothing: each kind of fault and of work must have happened.
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
        alarms: _,
        lost_writes,
        torn_writes,
        stale,
        retried,
        duplicates,
        suppressed,
    } = counts;
    for (what, count) in [
        ("frames", frames),
        ("cuts", cuts),
        ("partitions", partitions),
        ("crashes", crashes),
        ("session cuts", session_cuts),
        ("published", published),
        ("delivered", delivered),
        ("activated", activated),
        ("rejected", rejected),
        ("corrupted", corrupted),
        ("repeated", repeated),
        ("lost writes", lost_writes),
        // Rare: the power must fail inside one of the few writes of files.
        ("torn writes", torn_writes * 4),
        ("stale directives", stale),
        ("retried", retried),
        ("duplicates", duplicates),
        ("suppressed", suppressed),
    ] {
        assert!(count > 100, "{what}: only {count} in seeds {first} to {end}");
    }
}

#[test]
fn seeds_part_1_of_8() {
    part(0);
}

#[test]
fn seeds_part_2_of_8() {
    part(1);
}

#[test]
fn seeds_part_3_of_8() {
    part(2);
}

#[test]
fn seeds_part_4_of_8() {
    part(3);
}

#[test]
fn seeds_part_5_of_8() {
    part(4);
}

#[test]
fn seeds_part_6_of_8() {
    part(5);
}

#[test]
fn seeds_part_7_of_8() {
    part(6);
}

#[test]
fn seeds_part_8_of_8() {
    part(7);
}
