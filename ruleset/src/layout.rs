//! Where things lie in a fragment's memory; shared by every back end and by the hosts.
//!
//! | offset | what |
//! |---|---|
//! | `0x10000` | the parameter page: one `i64` per parameter, see [`crate::page`]; written at load |
//! | `0x20000` | the context: a 64-byte header, then `i64` slots |
//! | `0x30000` | the output: bit set of fired rules, eligibility masks, records |
//!
//! All words are little-endian. Context slots are the trigger's fields, then every counter's rate,
//! then every timer's activity (0 or 1). The output is always written whole, so that generated
//! code has no branches; a record counts only if its rule's bit is set.

use crate::meta::FragmentMeta;

/// Offset of the parameter page.
pub const PARAMS_OFFSET: u32 = 0x1_0000;
/// Offset of the context.
pub const CTX_OFFSET: u32 = 0x2_0000;
/// Offset of the output.
pub const OUT_OFFSET: u32 = 0x3_0000;
/// Pages of 64 KiB of a fragment's memory, minimum and maximum.
pub const MEMORY_PAGES: u32 = 16;
/// Bytes of a fragment's memory.
pub const MEMORY_BYTES: u32 = MEMORY_PAGES * 0x1_0000;
/// Version of this layout, in the first word of a context.
pub const ABI: u32 = 1;

/// Bytes of the context header.
pub const HEADER_BYTES: u32 = 64;
/// Offset of the layout version (`u32`) in the header.
pub const ABI_AT: u32 = 0;
/// Offset of the trigger's index (`u32`) in the header.
pub const TRIGGER_AT: u32 = 4;
/// Offset of the time (`i64`, milliseconds since the Unix epoch) in the header.
pub const NOW_AT: u32 = 8;
/// Offset of the seed (`u64`) in the header.
pub const SEED_AT: u32 = 16;
/// Offset of the player's id (`u64`) in the header.
pub const PLAYER_AT: u32 = 24;

/// Most parameters: what fits between the parameter page and the context.
pub const PARAMS_MAX: usize = ((CTX_OFFSET - PARAMS_OFFSET) / 8) as usize;
/// Most context slots: what fits between the context and the output.
pub const CTX_SLOTS_MAX: usize = ((OUT_OFFSET - CTX_OFFSET - HEADER_BYTES) / 8) as usize;
/// Most output slots: what fits between the output and the end of memory.
pub const OUT_SLOTS_MAX: usize = ((MEMORY_BYTES - OUT_OFFSET) / 8) as usize;

/// Slots of the loot part of a record: rule, table, count, eligibility mask, first draw number.
pub const LOOT_SLOTS: usize = 5;

/// Offset of context slot `slot` from the context's start, in bytes.
#[must_use]
pub const fn slot_at(slot: usize) -> usize {
    HEADER_BYTES as usize + slot * 8
}

/// Bytes of a context with `slots` slots.
#[must_use]
pub const fn context_bytes(slots: usize) -> usize {
    slot_at(slots)
}

/// Where one outcome's record lies in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Index of the rule in its fragment.
    pub rule: u16,
    /// Index of the outcome in its rule.
    pub outcome: u8,
    /// First slot of the record.
    pub slot: u32,
    /// Whether it starts with [`LOOT_SLOTS`] slots of loot.
    pub loot: bool,
}

impl Record {
    /// First slot of the payload.
    #[must_use]
    pub const fn payload_slot(&self) -> usize {
        self.slot as usize + if self.loot { LOOT_SLOTS } else { 0 }
    }
}

/// The shape of one fragment's output. Costs one pass over the fragment's outcomes to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutShape {
    /// Words of the bit set of fired rules, at slot 0.
    pub words: usize,
    /// Eligibility masks, following the bit set.
    pub masks: usize,
    /// Records by rule, then by outcome.
    pub records: Vec<Record>,
    /// Slots in all.
    pub slots: usize,
}

impl OutShape {
    /// The shape that follows from a fragment's description.
    #[must_use]
    pub fn of(meta: &FragmentMeta) -> OutShape {
        let words = meta.rules.len().div_ceil(64);
        let masks = meta.masks.len();
        let mut slots = words + masks;
        let mut records = Vec::new();
        for (rule, def) in meta.rules.iter().enumerate() {
            for (outcome, def) in def.outcomes.iter().enumerate() {
                let loot = def.loot.is_some();
                records.push(Record {
                    rule: rule as u16,
                    outcome: outcome as u8,
                    slot: u32::try_from(slots).unwrap_or(u32::MAX),
                    loot,
                });
                slots += def.payload.len() + if loot { LOOT_SLOTS } else { 0 };
            }
        }
        OutShape { words, masks, records, slots }
    }

    /// Slot of mask number `index`.
    #[must_use]
    pub const fn mask_slot(&self, index: usize) -> usize {
        self.words + index
    }

    /// Bytes of the output.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.slots * 8
    }
}
