//! What the core asks of the shell's cryptography, and the faults of peers.

use std::fmt;

use cairn_merkle::Digest;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::directive::{CHAIN_MAX, Directive, SignedDirective};
use crate::event::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Batch, SignedBatch};
use crate::head::BundleHead;
use crate::id::Stream;

/// 64 bytes of signature, encoded as a byte string.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

impl Default for Signature {
    fn default() -> Self {
        Signature([0; 64])
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = bytes::Bytes::deserialize(deserializer)?;
        let bytes = <[u8; 64]>::try_from(bytes.as_ref());
        bytes.map(Signature).map_err(|_| D::Error::custom("a signature is 64 bytes"))
    }
}

/// Signs what this node's origin writes.
pub trait Sign {
    /// The origin's public key; [`crate::Origin::of_key`] of it is the origin.
    fn key(&self) -> [u8; 32];
    /// Signs the encoded body of a batch.
    fn batch(&self, body: &[u8]) -> Signature;
}

/// Checks what peers and operators wrote. Implementations decide which keys are trusted; the form
/// (lengths, chains, ordering) is checked by the core.
pub trait Verify {
    /// Checks the directive's signature and that its key may write directives, then decodes it
    /// ([`Directive::decode`]).
    ///
    /// # Errors
    /// The fault of whoever sent it; nothing is kept of it.
    fn directive(&self, signed: &SignedDirective) -> Result<Directive, Fault>;
    /// Checks the signature over [`BundleHead::signed_bytes`] by a publisher's key.
    ///
    /// # Errors
    /// The fault of whoever sent it; nothing is kept of it.
    fn head(&self, head: &BundleHead) -> Result<(), Fault>;
    /// Checks that `signature` over `body` is by `key`, decodes ([`Batch::decode`]) and checks
    /// that the key hashes to the batch's origin.
    ///
    /// # Errors
    /// The fault of whoever sent it; nothing is kept of it.
    fn batch(&self, signed: &SignedBatch) -> Result<Batch, Fault>;
}

/// Something a peer sent that no correct peer sends. Our state is unchanged by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes that are not what they should be.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Bytes after the end of a value.
    #[error("{extra_bytes} bytes after the end of a {what}")]
    Trailing {
        /// What was being read.
        what: &'static str,
        /// How many bytes were left.
        extra_bytes: usize,
    },
    /// A batch that no frame would hold.
    #[error("batch is {actual_bytes} bytes, limit {BATCH_BYTES_MAX}")]
    BatchTooLarge {
        /// Its length.
        actual_bytes: usize,
    },
    /// A batch without events or with too many.
    #[error("batch has {actual} events, allowed are 1 to {BATCH_EVENTS_MAX}")]
    BatchCount {
        /// How many it has.
        actual: usize,
    },
    /// Sequence numbers start at 1 and do not overflow.
    #[error("batch of {stream} starts at sequence {first_seq}")]
    BatchSequence {
        /// Which stream.
        stream: Stream,
        /// The number given.
        first_seq: u64,
    },
    /// A part of an event is too long.
    #[error("event {what} is {actual_bytes} bytes, limit {bytes_max}")]
    EventTooLarge {
        /// Which part.
        what: &'static str,
        /// Its length.
        actual_bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// A signature that its key did not make.
    #[error("{what} has a wrong signature")]
    BadSignature {
        /// What was signed.
        what: &'static str,
    },
    /// A key that may not write this.
    #[error("{what} is signed by a key that may not write it: {reason}")]
    KeyNotAllowed {
        /// What was signed.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// A batch signed by another key than the one its origin is named after.
    #[error("batch of {stream} is signed by a key of another origin")]
    WrongOrigin {
        /// The stream it claims.
        stream: Stream,
    },
    /// A record of another format than we read.
    #[error("{what} has format {actual}, this node reads {supported}; update this node")]
    UnknownFormat {
        /// What was being read.
        what: &'static str,
        /// The format given.
        actual: u16,
        /// The format we know.
        supported: u16,
    },
    /// A channel record whose directives do not hang together.
    #[error(
        "channel record of `{channel}`: {reason} (a chain is newest first, linked by digest, and holds {CHAIN_MAX} directives or goes back to the first)"
    )]
    BrokenChain {
        /// Which channel.
        channel: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name or a length beyond its limit.
    #[error("{what} is {actual}, limit {max}")]
    OverLimit {
        /// What was measured.
        what: &'static str,
        /// The value.
        actual: u64,
        /// What is allowed.
        max: u64,
    },
    /// Content that does not hash to its name.
    #[error("content of {expected} hashes to {actual}")]
    WrongDigest {
        /// The name.
        expected: Digest,
        /// What the bytes are.
        actual: Digest,
    },
}

impl Fault {
    /// A decoder's complaint about `what`.
    pub fn malformed(what: &'static str, reason: &dyn fmt::Display) -> Fault {
        Fault::Malformed { what, reason: reason.to_string() }
    }
}
