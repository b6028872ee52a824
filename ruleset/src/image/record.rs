//! The records of an image: fixed size, little-endian, alignment one.

use zerocopy::little_endian::{I64, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::ir::{Slot, Type};

/// First bytes of every image.
pub(super) const MAGIC: [u8; 8] = *b"CAIRNIMG";

/// Sections in file order. Append only; a new one is a new format version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Section {
    /// UTF-8, referred to by [`Text`].
    Texts,
    /// One [`Info`].
    Info,
    /// [`Text`] per symbol.
    Symbols,
    /// [`Group`] per enum, over `EnumValues`.
    Enums,
    /// [`Text`] per value.
    EnumValues,
    /// [`Param`] per parameter.
    Params,
    /// `I64` per parameter: its value where no override applies.
    Values,
    /// [`ScopeRecord`] per scope of an override, ascending, over `Overrides`.
    Scopes,
    /// [`OverrideRecord`] per override.
    Overrides,
    /// `U16` per parameter: indices sorted by name.
    ParamsByName,
    /// [`Group`] per trigger, over `Fields`.
    Triggers,
    /// [`Field`] per field.
    Fields,
    /// [`Counter`] per counter.
    Counters,
    /// [`Timer`] per timer, over `Days`.
    Timers,
    /// [`DayRange`] per exception.
    Days,
    /// [`Table`] per loot table, over `Entries` and `Pities`.
    Tables,
    /// [`Entry`] per entry.
    Entries,
    /// [`Pity`] per pity: its place is its slot in a player's state.
    Pities,
    /// [`Fragment`] per code fragment.
    Fragments,
    /// Modules and descriptions, referred to by [`Span`].
    Blobs,
}

/// How many sections there are.
pub(super) const SECTIONS: usize = Section::Blobs as usize + 1;

/// A piece of the text section.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Text {
    pub(super) offset: U32,
    pub(super) length: U32,
}

/// A piece of the blob section, or a whole section of the file.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Span {
    pub(super) offset: U32,
    pub(super) length: U32,
}

/// The fixed head of the file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) format: U32,
    pub(super) sections: U32,
    /// Of the whole file.
    pub(super) length: U64,
    /// BLAKE3 of everything after this field.
    pub(super) checksum: [u8; 32],
    /// Digest of the bundle that the image was built from.
    pub(super) bundle: [u8; 32],
    pub(super) table: [Span; SECTIONS],
}

/// Where the checksummed part of the file starts.
pub(super) const CHECKED_FROM: usize = 8 + 4 + 4 + 8 + 32;

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Info {
    pub(super) ruleset: Text,
    pub(super) version: Text,
    pub(super) context: Text,
    pub(super) context_hash: [u8; 32],
    pub(super) dialect: U32,
}

/// A named run of records in another section.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Group {
    pub(super) name: Text,
    pub(super) first: U32,
    pub(super) count: U32,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct SlotRecord {
    kind: U16,
    of: U16,
    min: I64,
    max: I64,
}

impl SlotRecord {
    pub(super) fn new(slot: &Slot) -> SlotRecord {
        let (kind, of) = match slot.ty {
            Type::Bool => (0, 0),
            Type::Int => (1, 0),
            Type::Decimal => (2, 0),
            Type::Duration => (3, 0),
            Type::Instant => (4, 0),
            Type::Enum(of) => (5, of),
            Type::Symbol => (6, 0),
        };
        SlotRecord { kind: kind.into(), of: of.into(), min: slot.min.into(), max: slot.max.into() }
    }

    pub(super) fn read(&self) -> Option<Slot> {
        let ty = match self.kind.get() {
            0 => Type::Bool,
            1 => Type::Int,
            2 => Type::Decimal,
            3 => Type::Duration,
            4 => Type::Instant,
            5 => Type::Enum(self.of.get()),
            6 => Type::Symbol,
            _ => return None,
        };
        Some(Slot { ty, min: self.min.get(), max: self.max.get() })
    }
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Param {
    pub(super) name: Text,
    pub(super) unit: Text,
    pub(super) doc: Text,
    pub(super) slot: SlotRecord,
    /// 1 when a unit is named.
    pub(super) has_unit: U16,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct ScopeRecord {
    /// Empty when the scope names none; a name is never empty.
    pub(super) zone: Text,
    pub(super) shard: Text,
    pub(super) first: U32,
    pub(super) count: U32,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct OverrideRecord {
    pub(super) param: U16,
    pub(super) value: I64,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Field {
    pub(super) name: Text,
    pub(super) slot: SlotRecord,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Counter {
    pub(super) name: Text,
    pub(super) trigger: U16,
    pub(super) window_ms: U64,
    pub(super) max: I64,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Timer {
    pub(super) name: Text,
    /// Empty for a timer with a period.
    pub(super) expression: Text,
    pub(super) zone: Text,
    /// 0 for a timer with a cron expression.
    pub(super) period_ms: U64,
    pub(super) duration_ms: U64,
    /// 0 fire, 1 skip.
    pub(super) missed: U16,
    pub(super) jitter_ms: U64,
    /// Empty when there are no exceptions.
    pub(super) except_zone: Text,
    pub(super) except_first: U32,
    pub(super) except_count: U32,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct DayRange {
    pub(super) first: U32,
    pub(super) last: U32,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Table {
    pub(super) name: Text,
    pub(super) entry_first: U32,
    pub(super) entry_count: U32,
    /// Bit by entry.
    pub(super) guaranteed: U64,
    pub(super) rolls_few: U32,
    pub(super) rolls_many: U32,
    pub(super) pity_first: U32,
    pub(super) pity_count: U32,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Pity {
    pub(super) table: U16,
    /// Within its table.
    pub(super) entry: U16,
    pub(super) after: U32,
    pub(super) soft_from: U32,
    pub(super) soft_step: U32,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Entry {
    pub(super) name: Text,
    /// The item; empty when the entry gives a table.
    pub(super) item: Text,
    /// 0 when guaranteed.
    pub(super) weight: U32,
    pub(super) few: U32,
    pub(super) many: U32,
    pub(super) table: U16,
    /// 0 item, 1 table.
    pub(super) gives: U16,
    /// 1 when conditional.
    pub(super) conditional: U16,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct Fragment {
    pub(super) name: Text,
    pub(super) digest: [u8; 32],
    pub(super) wasm: Span,
    pub(super) meta: Span,
    pub(super) on: U16,
    /// 0 trigger, 1 timer.
    pub(super) on_kind: U16,
}
