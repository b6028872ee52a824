//! Choices from a seed.

use crate::rng;

pub(super) struct Dice {
    state: u64,
}

impl Dice {
    pub(super) fn new(seed: u32) -> Dice {
        Dice { state: seed.into() }
    }

    /// One of `0..count`; 0 when there is nothing to choose from.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.state = self.state.wrapping_add(rng::GAMMA);
        rng::scale(rng::mix(self.state), count as u64) as usize
    }

    /// A range of `0..=len`, empty at times.
    pub(super) fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let (a, b) = (self.below(len + 1), self.below(len + 1));
        a.min(b)..a.max(b)
    }

    /// Stands in for the engine's own mutator: one byte is another.
    #[cfg(test)]
    pub(super) fn flip(&mut self, bytes: &mut Vec<u8>, max: usize) {
        let at = self.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = self.below(256) as u8;
        }
        bytes.truncate(max);
    }
}
