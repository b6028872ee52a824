//! Names for content: 32 bytes of BLAKE3.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Length of a digest in bytes.
pub const DIGEST_BYTES: usize = 32;

/// A BLAKE3 hash. In binary formats it is its 32 bytes, in text 64 lower-case hex digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; DIGEST_BYTES]);

impl Digest {
    /// The plain BLAKE3 hash of `bytes`: what names a fragment or a file. Anyone with `b3sum` can
    /// check it.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The hash of `parts` in the context `domain`, by BLAKE3's `derive_key` mode.
    ///
    /// `domain` is a constant of the program, such as `"cairn 2026 bundle manifest v1"`; two
    /// domains never give the same digest. Each part is preceded by its length (u64,
    /// little-endian), so `["ab", "c"]` and `["a", "bc"]` differ.
    #[must_use]
    pub fn derive(domain: &'static str, parts: &[&[u8]]) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key(domain);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Digest(*hasher.finalize().as_bytes())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    /// The first 12 hex digits, for people. Never compare these.
    #[must_use]
    pub fn short(&self) -> String {
        hex_of(&self.0[..6])
    }

    /// The nibble (0..=15) at `depth`, most significant first; `depth` is taken modulo 64.
    pub(crate) fn nibble(&self, depth: usize) -> u8 {
        let byte = self.0[(depth / 2) % DIGEST_BYTES];
        if depth.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
    }
}

fn hex_of(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
    text
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex_of(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

/// Text that is not a digest. Nothing was read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseDigestError {
    /// The text has this many bytes instead of 64.
    Length(usize),
    /// The byte at this position is not a lower-case hex digit.
    Digit(usize),
}

impl fmt::Display for ParseDigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(actual) => {
                write!(f, "a digest is 64 hex digits, this text has {actual} bytes")
            }
            Self::Digit(at) => write!(f, "not a lower-case hex digit at position {at}"),
        }
    }
}

impl std::error::Error for ParseDigestError {}

impl FromStr for Digest {
    type Err = ParseDigestError;

    /// Accepts exactly what `Display` writes, so one digest has one text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != DIGEST_BYTES * 2 {
            return Err(ParseDigestError::Length(text.len()));
        }
        let mut bytes = [0; DIGEST_BYTES];
        for (at, digit) in text.bytes().enumerate() {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(ParseDigestError::Digit(at)),
            };
            bytes[at / 2] = bytes[at / 2] << 4 | value;
        }
        Ok(Digest(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            // Owned: a text with escapes cannot be borrowed, and readers need not care.
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(de::Error::custom)
        } else {
            <[u8; DIGEST_BYTES]>::deserialize(deserializer).map(Digest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_has_one_form() {
        let digest = Digest::of(b"cairn");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().starts_with(&digest.short()));
        assert_eq!(
            digest.to_string().to_uppercase().parse::<Digest>().is_err(),
            digest.to_string().bytes().any(|b| b.is_ascii_alphabetic())
        );
        assert_eq!("ab".parse::<Digest>(), Err(ParseDigestError::Length(2)));
        assert_eq!("é".repeat(32).parse::<Digest>(), Err(ParseDigestError::Digit(0)));
    }

    #[test]
    fn plain_hash_is_standard_blake3() {
        assert_eq!(
            Digest::of(b"").to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
    }

    #[test]
    fn derive_separates_domains_and_parts() {
        let a = Digest::derive("one", &[b"ab", b"c"]);
        assert_ne!(a, Digest::derive("two", &[b"ab", b"c"]));
        assert_ne!(a, Digest::derive("one", &[b"a", b"bc"]));
        assert_ne!(a, Digest::derive("one", &[b"abc"]));
        assert_eq!(a, Digest::derive("one", &[b"ab", b"c"]));
    }

    #[test]
    fn postcard_is_the_bare_bytes() {
        let digest = Digest::of(b"x");
        let bytes = postcard::to_stdvec(&digest).unwrap();
        assert_eq!(bytes, digest.0);
        assert_eq!(postcard::from_bytes::<Digest>(&bytes).unwrap(), digest);
    }
}
