//! The trace of a run as one number (I18), and as text when somebody reads along.

use cairn_gossip::Time;

use super::chance::mix;

/// Folds everything that happens into a hash.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    verbose: bool,
}

impl Trace {
    pub(crate) fn new(seed: u64, verbose: bool) -> Trace {
        Trace { hash: mix(seed), verbose }
    }

    /// Folds one happening in: what kind, where, and something of its content.
    pub(crate) fn fold(&mut self, at: Time, kind: u64, place: u64, content: u64) {
        let word = at.0 ^ kind.rotate_left(56) ^ place.rotate_left(40) ^ content.rotate_left(17);
        self.hash = mix(self.hash ^ word);
    }

    /// Says something to whoever reads along; costs nothing otherwise.
    pub(crate) fn say(&self, at: Time, what: impl FnOnce() -> String) {
        if self.verbose {
            let micros = at.0 / 1_000;
            eprintln!("{:>6}.{:06} {}", micros / 1_000_000, micros % 1_000_000, what());
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}

/// A fast hash of some bytes (FNV-1a over words).
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ bytes.len() as u64;
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x0100_0000_01b3);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash)
}
