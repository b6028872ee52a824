//! A sliding window that counts, for `rate(counter)`.
//!
//! Belongs to whoever owns the player: a game server or an evaluator. It is 16 sub-buckets of a
//! sixteenth of the window each, so it costs the same however much is counted: adding and counting
//! are O(1), and a hit is forgotten between 15/16 of a window and one window after it happened. It
//! can be exported and imported, for a player who moves.

use crate::{Error, Result};

/// Sub-buckets of a window.
pub const BUCKETS: usize = 16;
/// Version of the export, and its length.
const FORMAT: u8 = 1;
const EXPORT_BYTES: usize = 1 + 8 + 8 + BUCKETS * 2;

/// One counter of one player. 56 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    bucket_ms: u64,
    /// Number of the newest bucket since the epoch.
    head: u64,
    /// Hits of bucket `n` at `n % BUCKETS`; they saturate.
    hits: [u16; BUCKETS],
    total: u32,
}

// What `cairn check` forecasts for each player is what is spent.
const _: () = assert!(size_of::<Window>() as u64 == cairn_ruleset::limits::COUNTER_PLAYER_BYTES);

impl Window {
    /// An empty window of so many milliseconds, at least 16.
    #[must_use]
    pub fn new(window_ms: u64) -> Window {
        let bucket_ms = window_ms.div_ceil(BUCKETS as u64).max(1);
        Window { bucket_ms, head: 0, hits: [0; BUCKETS], total: 0 }
    }

    /// Forgets what left the window. A clock that jumps back changes nothing until it catches up.
    fn advance(&mut self, now_ms: i64) {
        let now = u64::try_from(now_ms).unwrap_or(0) / self.bucket_ms;
        let passed = now.saturating_sub(self.head);
        for step in 0..passed.min(BUCKETS as u64) {
            // The slots after the head, oldest first; all of them after a long silence.
            let at = (self.head.wrapping_add(step + 1) % BUCKETS as u64) as usize;
            if let Some(hits) = self.hits.get_mut(at) {
                self.total -= u32::from(*hits);
                *hits = 0;
            }
        }
        self.head = self.head.max(now);
    }

    /// Counts one hit.
    pub fn add(&mut self, now_ms: i64) {
        self.advance(now_ms);
        let at = (self.head % BUCKETS as u64) as usize;
        if let Some(hits) = self.hits.get_mut(at).filter(|hits| **hits < u16::MAX) {
            *hits += 1;
            self.total += 1;
        }
    }

    /// Hits in the window that ends now.
    pub fn count(&mut self, now_ms: i64) -> i64 {
        self.advance(now_ms);
        i64::from(self.total)
    }

    /// The state as bytes.
    #[must_use]
    pub fn export(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(EXPORT_BYTES);
        bytes.push(FORMAT);
        bytes.extend(self.bucket_ms.to_le_bytes());
        bytes.extend(self.head.to_le_bytes());
        for hits in self.hits {
            bytes.extend(hits.to_le_bytes());
        }
        bytes
    }

    /// Takes over an exported state.
    ///
    /// # Errors
    /// `Counter` when the bytes are of another version or length, or hold no window.
    pub fn import(bytes: &[u8]) -> Result<Window> {
        let fail = |reason| Error::Counter { reason };
        if bytes.first() != Some(&FORMAT) {
            return Err(fail("unknown version"));
        }
        if bytes.len() != EXPORT_BYTES {
            return Err(fail("wrong length"));
        }
        let word = |at: usize| {
            bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
        };
        let (bucket_ms, head) = (word(1), word(9));
        if bucket_ms == 0 {
            return Err(fail("a window of no length"));
        }
        let mut hits = [0u16; BUCKETS];
        for (hits, bytes) in hits.iter_mut().zip(bytes.get(17..).unwrap_or(&[]).chunks_exact(2)) {
            *hits = bytes.try_into().map_or(0, u16::from_le_bytes);
        }
        let total = hits.iter().map(|hits| u32::from(*hits)).sum();
        Ok(Window { bucket_ms, head, hits, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forgets_after_a_window() {
        let mut window = Window::new(60_000);
        for ms in 0..5 {
            window.add(1_000_000 + ms);
        }
        assert_eq!(window.count(1_000_010), 5);
        assert_eq!(window.count(1_000_000 + 55_000), 5);
        assert_eq!(window.count(1_000_000 + 60_000), 0);
    }

    #[test]
    fn clocks_that_jump_do_no_harm() {
        let mut window = Window::new(1_000);
        for now in [i64::MAX, 0, -5, i64::MIN, i64::MAX] {
            window.add(now);
        }
        assert_eq!(window.count(0), 5);
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(hits in prop::collection::vec(0i64..300_000, 0..200), end in 0i64..400_000) {
            let mut hits = hits;
            hits.sort_unstable();
            let mut window = Window::new(60_000);
            for hit in hits.iter().filter(|hit| **hit <= end) {
                window.add(*hit);
            }
            let count = window.count(end);
            let within = |length: i64| {
                hits.iter().filter(|hit| **hit <= end && **hit > end - length).count() as i64
            };
            prop_assert!(count >= within(56_250) && count <= within(60_000));
        }

        #[test]
        fn travels(hits in prop::collection::vec(0i64..300_000, 0..50), now in 0i64..400_000) {
            let mut window = Window::new(60_000);
            hits.iter().for_each(|hit| window.add(*hit));
            let mut moved = Window::import(&window.export()).unwrap();
            prop_assert_eq!(moved.count(now), window.count(now));
        }

        #[test]
        fn import_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(mut window) = Window::import(&bytes) {
                window.add(0);
                window.count(i64::MAX);
            }
        }
    }
}
