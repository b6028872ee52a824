//! Each of six fixed bugs, put back, is found within a thousand seeds: the checkers see.

use cairn_chaos::sim::{SimConfig, run};

const SEEDS_MAX: u64 = 1_000;

/// Looks for the first seed that finds `defect`, and for one of the promises it must break.
fn found(defect: &str, promises: &[&str]) {
    let mut config = SimConfig::default();
    assert!(config.plant(defect), "{defect} is not a known defect");
    for seed in 0..SEEDS_MAX {
        let report = run(seed, &config);
        let Some(first) =
            report.violations.iter().find(|violation| promises.contains(&violation.invariant))
        else {
            continue;
        };
        println!("{defect}: found by seed {seed}: {first}");
        return;
    }
    panic!("{defect} was not found in {SEEDS_MAX} seeds");
}

#[test]
fn dedupe_per_connection_is_found() {
    found("dedupe_per_connection", &["I1"]);
}

#[test]
fn seen_before_fsync_is_found() {
    found("seen_before_fsync", &["I1", "I2", "I4", "I10"]);
}

#[test]
fn ack_before_fsync_is_found() {
    found("ack_before_fsync", &["I1"]);
}

#[test]
fn cursor_in_memory_is_found() {
    found("cursor_in_memory", &["I1", "I2"]);
}

#[test]
fn accept_lower_generation_is_found() {
    found("accept_lower_generation", &["I9"]);
}

#[test]
fn activate_before_verify_is_found() {
    found("activate_before_verify", &["I7"]);
}
