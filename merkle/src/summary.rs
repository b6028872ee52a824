//! What one replica tells another about a part of its trie.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::prefix::Prefix;

/// Most entries that any part tells in full instead of by their hashes.
///
/// Among 10⁶ hashed keys a part four nibbles deep has 15 entries on average and more than 32 once
/// in 17,000 times, so a difference there takes four round trips.
pub const LEAVES_MAX: usize = 32;

/// Most entries told in full one to three nibbles deep: there a further round trip is left, and
/// hashes are cheaper than entries that agree.
pub const SHALLOW_LEAVES_MAX: usize = 16;

/// Most bytes of one encoded [`Summary`]: 256 children of 13 bytes, with room for the path.
pub const SUMMARY_BYTES_MAX: usize = 3_400;

/// The first 12 bytes of a node's hash.
///
/// Tags only steer the search. Both replicas compare whole roots before it and after it (see
/// [`crate::Step::exact`]), so a collision, which takes 2⁴⁸ hashes by one who may write records,
/// could delay a repair but not pass for equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag([u8; 12]);

impl Tag {
    /// The tag of a node's hash.
    #[must_use]
    pub fn of(hash: &Digest) -> Tag {
        let mut tag = [0; 12];
        tag.copy_from_slice(&hash.0[..12]);
        Tag(tag)
    }
}

/// A part below the one that is told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The nibbles after the prefix: one, or two as `first × 16 + second`.
    pub at: u8,
    /// The tag of what lies there.
    pub tag: Tag,
}

/// What a replica has under `prefix`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Summary {
    /// Many entries, by their hashes.
    Inner {
        /// The path asked for.
        prefix: Prefix,
        /// How many nibbles deeper the children are: 1, or 2 at the root of a large trie.
        levels: u8,
        /// Those with entries, ascending by `at`.
        children: Vec<Child>,
    },
    /// Few entries, in full: at most [`LEAVES_MAX`].
    Leaves {
        /// The path asked for.
        prefix: Prefix,
        /// Keys and values, ascending by key.
        entries: Vec<(Digest, Digest)>,
    },
}

/// One place that a child can have.
pub(crate) struct Slot {
    pub(crate) at: u8,
    pub(crate) prefix: Prefix,
}

impl Summary {
    /// The path that it answers.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        match self {
            Summary::Inner { prefix, .. } | Summary::Leaves { prefix, .. } => prefix,
        }
    }

    /// How many entries under `prefix` are still told in full.
    pub(crate) fn leaves_max(prefix: &Prefix) -> usize {
        if (1..=3).contains(&prefix.depth()) { SHALLOW_LEAVES_MAX } else { LEAVES_MAX }
    }

    /// How many nibbles deeper the children are told. At the root of a large trie nearly every
    /// child differs as soon as a few keys do: telling two levels there saves a round trip.
    pub(crate) fn levels_for(prefix: &Prefix, len: usize) -> u8 {
        if prefix.depth() == 0 && len > 16 * LEAVES_MAX { 2 } else { 1 }
    }

    /// The places of the children of `prefix`, ascending; none deeper than a whole key.
    pub(crate) fn slots(prefix: &Prefix, levels: u8) -> impl Iterator<Item = Slot> {
        let prefix = *prefix;
        let count: u16 = if levels == 2 { 256 } else { 16 };
        (0..count).filter_map(move |at| {
            let at = at as u8;
            let below = if levels == 2 {
                prefix.child(at >> 4)?.child(at & 15)?
            } else {
                prefix.child(at)?
            };
            Some(Slot { at, prefix: below })
        })
    }
}
