//! The bytes of one evaluation's input: a 64-byte header, then 8-byte slots.

use crate::layout::{ABI, ABI_AT, NOW_AT, PLAYER_AT, SEED_AT, TRIGGER_AT, context_bytes, slot_at};

/// A context as bytes, for instance to replay a decision.
#[derive(Clone, Copy, Debug)]
pub struct ContextView<'a> {
    bytes: &'a [u8],
}

impl<'a> ContextView<'a> {
    /// Views bytes that hold at least `slots` slots; `None` when they are too few or carry
    /// another layout version.
    #[must_use]
    pub fn new(bytes: &'a [u8], slots: usize) -> Option<ContextView<'a>> {
        let view = ContextView { bytes };
        (bytes.len() >= context_bytes(slots) && view.half(ABI_AT) == ABI).then_some(view)
    }

    fn half(&self, at: u32) -> u32 {
        let at = at as usize;
        self.bytes
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u32::from_le_bytes)
    }

    fn word(&self, at: usize) -> u64 {
        self.bytes
            .get(at..at + 8)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u64::from_le_bytes)
    }

    /// Index of the trigger.
    #[must_use]
    pub fn trigger(&self) -> u32 {
        self.half(TRIGGER_AT)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.word(NOW_AT as usize) as i64
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.word(SEED_AT as usize)
    }

    /// The player's id.
    #[must_use]
    pub fn player(&self) -> u64 {
        self.word(PLAYER_AT as usize)
    }

    /// Slot number `slot`; 0 past the end.
    #[must_use]
    pub fn slot(&self, slot: usize) -> i64 {
        self.word(slot_at(slot)) as i64
    }
}

/// Writes a context's bytes. Ranges are the caller's concern.
///
/// `slots` are the trigger's fields, the counters' rates and the timers' activity, in this order.
pub fn write(into: &mut Vec<u8>, trigger: u32, now_ms: i64, seed: u64, player: u64, slots: &[i64]) {
    into.clear();
    into.resize(context_bytes(slots.len()), 0);
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(target) = into.get_mut(at..at + bytes.len()) {
            target.copy_from_slice(bytes);
        }
    };
    put(ABI_AT as usize, &ABI.to_le_bytes());
    put(TRIGGER_AT as usize, &trigger.to_le_bytes());
    put(NOW_AT as usize, &now_ms.to_le_bytes());
    put(SEED_AT as usize, &seed.to_le_bytes());
    put(PLAYER_AT as usize, &player.to_le_bytes());
    for (index, slot) in slots.iter().enumerate() {
        put(slot_at(index), &slot.to_le_bytes());
    }
}
