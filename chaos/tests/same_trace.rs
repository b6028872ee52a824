//! I18: the same seed gives the same trace, twice in one process and once in another.

use std::process::Command;

use cairn_chaos::invariant::i18_same_trace;
use cairn_chaos::sim::{SimConfig, run};

#[test]
fn twice_in_one_process() {
    let mut found = Vec::new();
    for seed in 0..20 {
        let config = SimConfig::default();
        let (first, second) = (run(seed, &config), run(seed, &config));
        i18_same_trace::check(
            seed,
            first.trace_hash,
            second.trace_hash,
            first.virtual_time,
            &mut found,
        );
        assert_eq!(first.happenings, second.happenings, "seed {seed}");
    }
    assert_eq!(found, []);
}

#[test]
fn in_another_process() {
    for seed in [3, 1_000_003] {
        let here = run(seed, &SimConfig::default()).trace_hash;
        let output = Command::new(env!("CARGO_BIN_EXE_sim"))
            .args(["--quiet", "--seed", &seed.to_string()])
            .output()
            .expect("the simulator runs");
        let told = String::from_utf8_lossy(&output.stdout);
        let expected = format!("trace {here:016x}");
        assert!(
            told.lines().any(|line| line == expected),
            "seed {seed}: expected {expected}, told:\n{told}"
        );
    }
}

#[test]
fn different_seeds_differ() {
    let config = SimConfig::default();
    let (one, other) = (run(1, &config), run(2, &config));
    assert_ne!(one.trace_hash, other.trace_hash);
}
