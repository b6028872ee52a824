//! Random numbers from a seed.

use cairn_ruleset::rng;

/// A stream of random numbers; equal seeds give equal streams on every machine.
#[derive(Clone, Debug)]
pub struct Stream(u64);

impl Stream {
    /// A stream of its own for each purpose of one seed.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Stream {
        Stream(rng::mix(seed.wrapping_add(rng::GAMMA)) ^ rng::mix(purpose))
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(rng::GAMMA);
        rng::mix(self.0)
    }

    /// A number from 0 to `n` − 1.
    pub fn below(&mut self, n: usize) -> usize {
        rng::scale(self.word(), n as u64) as usize
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of some.
    ///
    /// # Panics
    /// There is none.
    pub fn of<'a, T>(&mut self, some: &'a [T]) -> &'a T {
        let at = self.below(some.len());
        some.get(at).expect("an index below the length")
    }

    /// A value of a range: often an end, or near one.
    pub fn within(&mut self, min: i64, max: i64) -> i64 {
        let near = self.below(3) as i64;
        match self.below(8) {
            0 => min.saturating_add(near).min(max),
            1 => max.saturating_sub(near).max(min),
            2 => near.clamp(min, max),
            3 => (-near).clamp(min, max),
            _ => {
                let span = max.wrapping_sub(min) as u64;
                let word = self.word();
                let offset = span.checked_add(1).map_or(word, |n| word % n);
                min.wrapping_add(offset as i64)
            }
        }
    }
}
