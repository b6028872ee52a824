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

/// Most interned strings in a manifest.
pub const STRINGS_MAX: usize = 16_384;

/// Most signatures beside one manifest, and most keys in one key list.
pub const SIGNATURES_MAX: usize = 16;

/// Most keys in a key list.
pub const KEYS_MAX: usize = 64;
