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

/// Most bytes of one encoded [`Summary`]: 256 children of 12 bytes, with room for the path.
pub const SUMMARY_BYTES_MAX: usize = 3_200;

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

/// What a replica has under `prefix`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Summary {
    /// Many entries, by their hashes.
    Inner {
        /// The path asked for.
        prefix: Prefix,
        /// How many nibbles deeper the children are: 1, or 2 at the root of a large trie.
        levels: u8,
        /// One bit for each place a child can have, the first in the lowest bit of the first
        /// byte; set when it has entries. 2 bytes for one level, 32 for two.
        present: Vec<u8>,
        /// The tags of the children present, in their order.
        tags: Vec<Tag>,
    },
    /// Few entries, in full: at most [`LEAVES_MAX`].
    Leaves {
        /// The path asked for.
        prefix: Prefix,
        /// Keys and values, ascending by key.
        entries: Vec<(Digest, Digest)>,
    },
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

    /// The places of the children of `prefix`, ascending: 16, or 256 for two levels. `None` where
    /// a path would be longer than a key.
    pub(crate) fn slots(prefix: &Prefix, levels: u8) -> impl Iterator<Item = Option<Prefix>> {
        let prefix = *prefix;
        let count: u16 = if levels == 2 { 256 } else { 16 };
        (0..count).map(move |at| {
            let (first, second) = ((at >> 4) as u8, (at & 15) as u8);
            if levels == 2 { prefix.child(first)?.child(second) } else { prefix.child(second) }
        })
    }
}
