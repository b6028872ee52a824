//! A path from the trie's root: the first nibbles of a key.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{DIGEST_BYTES, Digest};

/// Most nibbles in a path: those of a whole key.
pub const DEPTH_MAX: usize = DIGEST_BYTES * 2;

/// The first 0 to 64 nibbles of a key. On the wire: a byte string of the count and the nibbles,
/// two to a byte, so 2 + ⌈n/2⌉ bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// Zero beyond `depth`, so that equal paths are equal values.
    path: Digest,
    depth: u8,
}

impl Prefix {
    /// The path of the root: no nibbles.
    pub const ROOT: Prefix = Prefix { path: Digest([0; DIGEST_BYTES]), depth: 0 };

    /// The first `depth` nibbles of `key` (all 64 when `depth` is more).
    #[must_use]
    pub fn of(key: &Digest, depth: usize) -> Prefix {
        let depth = depth.min(DEPTH_MAX);
        let mut path = *key;
        if !depth.is_multiple_of(2) {
            path.0[depth / 2] &= 0xf0;
        }
        path.0[depth.div_ceil(2)..].fill(0);
        Prefix { path, depth: depth as u8 }
    }

    /// This path and one more nibble; `None` when it has 64 already or `nibble` is above 15.
    #[must_use]
    pub fn child(&self, nibble: u8) -> Option<Prefix> {
        let depth = usize::from(self.depth);
        if depth >= DEPTH_MAX || nibble > 15 {
            return None;
        }
        let mut child = Prefix { path: self.path, depth: self.depth + 1 };
        child.path.0[depth / 2] |= if depth.is_multiple_of(2) { nibble << 4 } else { nibble };
        Some(child)
    }

    /// How many nibbles it has.
    #[must_use]
    pub fn depth(&self) -> usize {
        usize::from(self.depth)
    }

    /// Whether `key` begins with this path.
    #[must_use]
    pub fn contains(&self, key: &Digest) -> bool {
        Prefix::of(key, self.depth()) == *self
    }

    /// The smallest key with this path.
    pub(crate) fn first_key(&self) -> &Digest {
        &self.path
    }

    /// The nibble at `depth`, which must be below [`Prefix::depth`].
    pub(crate) fn nibble(&self, depth: usize) -> u8 {
        self.path.nibble(depth)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", &self.path.to_string()[..self.depth()], self.depth)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({self})")
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = [0; DIGEST_BYTES + 1];
        let used = 1 + self.depth().div_ceil(2);
        bytes[0] = self.depth;
        bytes[1..used].copy_from_slice(&self.path.0[..used - 1]);
        serializer.serialize_bytes(&bytes[..used])
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(PrefixVisitor)
    }
}

struct PrefixVisitor;

impl<'de> Visitor<'de> for PrefixVisitor {
    type Value = Prefix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count of at most 64 and that many nibbles, padded with zero")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Prefix, E> {
        let Some((&depth, packed)) = bytes.split_first() else {
            return Err(E::invalid_length(0, &self));
        };
        if usize::from(depth) > DEPTH_MAX || packed.len() != usize::from(depth).div_ceil(2) {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        let mut path = Digest::default();
        path.0[..packed.len()].copy_from_slice(packed);
        let prefix = Prefix::of(&path, usize::from(depth));
        if prefix.path != path {
            return Err(E::custom("the padding of a path is not zero"));
        }
        Ok(prefix)
    }

    /// Text formats write bytes as a list of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Prefix, A::Error> {
        let mut bytes = Vec::with_capacity(DIGEST_BYTES + 1);
        while let Some(byte) = seq.next_element::<u8>()? {
            if bytes.len() > DIGEST_BYTES {
                return Err(de::Error::invalid_length(bytes.len() + 1, &self));
            }
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_spell_the_key() {
        let key = Digest::of(b"key");
        let mut prefix = Prefix::ROOT;
        for depth in 0..DEPTH_MAX {
            assert_eq!(prefix, Prefix::of(&key, depth));
            assert!(prefix.contains(&key));
            assert!(!prefix.child(key.nibble(depth) ^ 1).unwrap().contains(&key));
            prefix = prefix.child(key.nibble(depth)).unwrap();
        }
        assert_eq!(prefix.child(0), None);
        assert_eq!(Prefix::ROOT.child(16), None);
    }

    #[test]
    fn wire_form_is_small_and_has_one_spelling() {
        let prefix = Prefix::of(&Digest([0xab; 32]), 3);
        let bytes = postcard::to_stdvec(&prefix).unwrap();
        assert_eq!(bytes, [3, 3, 0xab, 0xa0]);
        assert_eq!(postcard::from_bytes::<Prefix>(&bytes).unwrap(), prefix);
        for bad in [&[3, 3, 0xab, 0xab][..], &[2, 3, 0xab], &[1, 65], &[0], &[3, 2, 0xab, 0]] {
            assert!(postcard::from_bytes::<Prefix>(bad).is_err(), "{bad:?}");
        }
    }
}
