//! Every size that a bundle may have. They are checked before memory is spent.

/// Largest encoded [`crate::manifest::Manifest`]. A larger one is refused unread.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;

/// Largest sum of a bundle's fragments, and of an upload's body.
pub const BUNDLE_BYTES_MAX: usize = 64 << 20;

/// Longest name: of a rule set, a fragment, a context, an interned string.
pub const NAME_BYTES_MAX: usize = 128;

/// Longest version text.
pub const VERSION_BYTES_MAX: usize = 64;

/// Largest code fragment (one WebAssembly module).
pub const CODE_BYTES_MAX: usize = 64 << 10;

/// Largest data segment (schema, parameters, loot tables, timers).
pub const DATA_BYTES_MAX: usize = 16 << 20;

/// Most fragments in a bundle.
pub const FRAGMENTS_MAX: usize = 8_192;

/// Newest version of the rule language that this build reads; 1 is the oldest.
pub const DIALECT: u32 = 1;

/// Most enums of a rule set.
pub const ENUMS_MAX: usize = 1_024;

/// Most values of one enum.
pub const ENUM_VALUES_MAX: usize = 4_096;

/// Most triggers of a rule set.
pub const TRIGGERS_MAX: usize = 1_024;

/// Most fields of one trigger.
pub const FIELDS_MAX: usize = 64;

/// Most parameters of a rule set; the parameter page has room for twice as many.
pub const PARAMS_MAX: usize = 4_096;

/// Most overrides of one parameter.
pub const OVERRIDES_MAX: usize = 64;

/// Most zones, shards, and shards of a zone that the overrides of a rule set name, each counted once.
pub const SCOPES_MAX: usize = 4_096;

/// Longest name of a zone or a shard.
pub const SCOPE_NAME_BYTES_MAX: usize = 128;

/// Most counters of a rule set.
pub const COUNTERS_MAX: usize = 256;

/// Most timers of a rule set.
pub const TIMERS_MAX: usize = 1_024;

/// Most exceptions of one timer, each a date or a range of dates.
pub const EXCEPT_MAX: usize = 64;

/// Most days of one exception.
pub const EXCEPT_DAYS_MAX: u32 = 366;

/// Longest jitter of a timer in milliseconds: a day.
pub const JITTER_MS_MAX: u64 = 86_400_000;

/// Most loot tables of a rule set.
pub const TABLES_MAX: usize = 4_096;

/// Most entries of one loot table: one bit each of an eligibility mask.
pub const ENTRIES_MAX: usize = 64;

/// Most pities of one loot table.
pub const PITIES_MAX: usize = 8;

/// Most draws of a table for each roll of it that is asked for.
pub const TABLE_ROLLS_MAX: u32 = 100;

/// Most misses after which a pity gives its entry.
pub const PITY_AFTER_MAX: u32 = 100_000;

/// Most misses that a player's state may hold. Ten times the longest pity: a state outlives a
/// version that shortens `after`, and one more miss stays here.
pub const MISSES_MAX: u32 = 1_000_000;

/// Most symbols of a rule set.
pub const SYMBOLS_MAX: usize = 65_535;

/// Most interned strings in a manifest.
pub const STRINGS_MAX: usize = 16_384;

/// Most signatures beside one manifest, and most keys in one key list.
pub const SIGNATURES_MAX: usize = 16;

/// Most keys in a key list.
pub const KEYS_MAX: usize = 64;

/// Bytes that an evaluator keeps for one counter of one player: the window's sub-buckets and their
/// sum. The SDK's window is exactly this large, which its build asserts.
pub const COUNTER_PLAYER_BYTES: u64 = 56;
