//! I17: what the Merkle exchange finds is exactly what comparing every key finds.
//!
//! Looks at two tries instead of a history.

use std::collections::BTreeMap;

use cairn_gossip::Time;
use cairn_merkle::{Diff, Digest, Trie};

use super::Violation;

/// Rounds after which an exchange that is not done counts as endless: a trie is 64 levels deep.
const ROUNDS_MAX: usize = 64;

/// Walks the diff between two tries and compares it with brute force over all keys.
pub fn check(local: &Trie, remote: &Trie, at: Time, found: &mut Vec<Violation>) {
    let mut violated = |message: String| {
        found.push(Violation { invariant: "I17", at, message });
    };
    let told = match exchange(local, remote) {
        Ok(told) => told,
        Err(message) => return violated(message),
    };
    let (ours, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (local.iter().collect(), remote.iter().collect());
    let mut expected: BTreeMap<Digest, (Option<Digest>, Option<Digest>)> = BTreeMap::new();
    for key in ours.keys().chain(theirs.keys()) {
        let pair = (ours.get(key).copied(), theirs.get(key).copied());
        if pair.0 != pair.1 {
            expected.insert(*key, pair);
        }
    }
    if told != expected {
        violated(format!(
            "the exchange found {} differences, brute force {}",
            told.len(),
            expected.len()
        ));
    }
}

type Differences = BTreeMap<Digest, (Option<Digest>, Option<Digest>)>;

fn exchange(local: &Trie, remote: &Trie) -> Result<Differences, String> {
    let mut told = Differences::new();
    let (mut diff, mut ask) = Diff::start(local, remote.root());
    for _ in 0..ROUNDS_MAX {
        if ask.is_empty() {
            return Ok(told);
        }
        let summaries: Vec<_> = ask.iter().map(|prefix| remote.summary(prefix)).collect();
        let step = diff
            .handle(local, &summaries)
            .map_err(|error| format!("the exchange failed: {error}"))?;
        for difference in step.differs {
            told.insert(difference.key, (difference.local, difference.remote));
        }
        ask = step.ask;
    }
    Err(format!("the exchange did not end within {ROUNDS_MAX} rounds"))
}
