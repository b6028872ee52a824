//! Who wrote what: nodes, origins, streams and dots.

use std::fmt;
use std::str::FromStr;

use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

/// A string that is not the text form of an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct ParseIdError {
    /// What was given, cut to 80 characters.
    pub text: String,
    /// The form that was expected.
    pub expected: &'static str,
}

impl ParseIdError {
    fn new(text: &str, expected: &'static str) -> Self {
        ParseIdError { text: text.chars().take(80).collect(), expected }
    }
}

macro_rules! id16 {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                hex16(text).map($name).ok_or_else(|| ParseIdError::new(text, $expected))
            }
        }
    };
}

id16!(
    /// One agent process's place in the cluster: random, kept in its state directory.
    NodeId,
    "a node id: 32 hexadecimal digits"
);

id16!(
    /// The agent that accepted an event, named by its signing key: see [`Origin::of_key`].
    Origin,
    "an origin: 32 hexadecimal digits"
);

impl Origin {
    /// The origin that owns `public_key`: the first 16 bytes of the key's BLAKE3 digest.
    ///
    /// Self-certifying: whoever can sign with the key is the origin, no registry is asked.
    pub fn of_key(public_key: &[u8; 32]) -> Origin {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&Digest::of(public_key).0[..16]);
        Origin(bytes)
    }
}

/// One life of an origin: its events carry contiguous sequence numbers from 1.
///
/// The incarnation is persisted and grows by one per start, so a sequence number that was lost
/// with unsynced writes is never given out twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stream {
    /// Who writes it.
    pub origin: Origin,
    /// Which start of the origin.
    pub incarnation: u32,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.origin, self.incarnation)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}-{}", self.origin, self.incarnation)
    }
}

/// The identity of one event, cluster-wide and for ever. Text form: `origin-incarnation-seq`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// The stream it stands in.
    pub stream: Stream,
    /// Its place there, from 1.
    pub seq: u64,
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream, self.seq)
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}-{}", self.stream, self.seq)
    }
}

impl FromStr for Dot {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parse = || {
            let mut parts = text.split('-');
            let origin = Origin(hex16(parts.next()?)?);
            let incarnation = parts.next()?.parse().ok()?;
            let seq = parts.next()?.parse().ok().filter(|&seq| seq > 0)?;
            let dot = Dot { stream: Stream { origin, incarnation }, seq };
            parts.next().is_none().then_some(dot)
        };
        parse().ok_or_else(|| ParseIdError::new(text, "an event id: origin-incarnation-sequence"))
    }
}

fn hex16(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_have_one_text_form() {
        let stream = Stream { origin: Origin([0xab; 16]), incarnation: 7 };
        let dot = Dot { stream, seq: 42 };
        assert_eq!(dot.to_string(), format!("{}-7-42", "ab".repeat(16)));
        assert_eq!(dot.to_string().parse(), Ok(dot));
        let zeros = "0".repeat(32);
        for wrong in ["", "1-2-3", &format!("{zeros}-1-0"), &format!("{zeros}-1-2-3"), "é"] {
            assert!(wrong.parse::<Dot>().is_err(), "{wrong}");
        }
        assert!("zz".repeat(16).parse::<NodeId>().is_err());
    }
}
