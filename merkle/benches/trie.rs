//! The trie's budget, measured beside rs_merkle in one run: `cargo bench -p cairn-merkle`.
//!
//! Prints the time to change one key of 10⁶ (10 µs allowed) and the bytes and round trips of a
//! diff of 10 among 10⁶ (20 KB and 4 allowed), and fails when bytes or round trips are over.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]

use std::time::{Duration, Instant};

use cairn_merkle::{Diff, Digest, Trie};
use rs_merkle::{Hasher, MerkleTree};

const KEYS: u32 = 1_000_000;
const CHANGES: u32 = 20_000;

#[derive(Clone)]
struct Blake3;

impl Hasher for Blake3 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        *blake3::hash(data).as_bytes()
    }
}

fn key(n: u32) -> Digest {
    Digest::of(&n.to_le_bytes())
}

fn value(n: u32, version: u32) -> Digest {
    Digest::of(&[n.to_le_bytes(), version.to_le_bytes()].concat())
}

/// A spread order that visits keys far from each other.
fn scattered(n: u32) -> u32 {
    (u64::from(n) * 2_654_435_761 % u64::from(KEYS)) as u32
}

fn main() {
    let started = Instant::now();
    let mut trie: Trie = (0..KEYS).map(|n| (key(n), value(n, 0))).collect();
    println!("build of {KEYS} keys at once: {:?}", started.elapsed());

    let updates: Vec<_> =
        (0..CHANGES).map(|n| (key(scattered(n)), value(scattered(n), 1))).collect();
    let started = Instant::now();
    for (key, value) in &updates {
        trie.insert(*key, *value);
    }
    let update = started.elapsed() / CHANGES;
    println!("change one key of {KEYS}: {update:?} (budget 10 µs)");

    let leaves: Vec<[u8; 32]> = trie.iter().map(|(_, value)| value.0).collect();
    let started = Instant::now();
    let rebuilt = MerkleTree::<Blake3>::from_leaves(&leaves);
    let rebuild = started.elapsed();
    assert!(rebuilt.root().is_some());
    println!("rs_merkle, which rebuilds for a change: {rebuild:?}");
    println!("ratio: {:.0}", rebuild.as_secs_f64() / update.as_secs_f64());

    let (mut round_trips_max, mut bytes_max, mut bytes_sum) = (0, 0, 0);
    const RUNS: u32 = 50;
    let mut spent = Duration::ZERO;
    for run in 0..RUNS {
        let mut theirs = trie.clone();
        for n in 0..10 {
            let n = scattered(run * 10 + n + CHANGES);
            theirs.insert(key(n), value(n, 2));
        }
        let started = Instant::now();
        let (mut diff, mut ask) = Diff::start(&trie, theirs.root());
        let (mut round_trips, mut bytes, mut found) = (0, 0, 0);
        while !ask.is_empty() {
            let told: Vec<_> = ask.iter().map(|prefix| theirs.summary(prefix)).collect();
            round_trips += 1;
            bytes += encoded_bytes(&ask) + encoded_bytes(&told);
            let step = diff.handle(&trie, &told).expect("an honest replica");
            assert!(!step.done || step.exact);
            found += step.differs.len();
            ask = step.ask;
        }
        spent += started.elapsed();
        assert_eq!(found, 10);
        round_trips_max = round_trips_max.max(round_trips);
        bytes_max = bytes_max.max(bytes);
        bytes_sum += bytes;
    }
    println!(
        "diff of 10 among {KEYS}, {RUNS} runs: at most {round_trips_max} round trips and \
         {bytes_max} bytes (mean {}), {:?} of both sides' time (budget 4 and 20,000)",
        bytes_sum / RUNS as usize,
        spent / RUNS
    );
    assert!(round_trips_max <= 4 && bytes_max <= 20_000, "over budget");
}

fn encoded_bytes<T: serde::Serialize>(value: &T) -> usize {
    postcard::to_stdvec(value).expect("plain data encodes").len()
}
