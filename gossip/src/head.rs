//! Bundle heads: the announcement that a version exists.

use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use crate::verify::Signature;

/// Most bytes of a bundle's envelope (manifest of 1 MiB and its signatures). More is refused
/// before anything is fetched.
pub const ENVELOPE_BYTES_MAX: u32 = 1024 * 1024 + 64 * 1024;
/// Most bytes of all blobs of a bundle together. More is refused before anything is fetched.
pub const BUNDLE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most blobs of a bundle. More is refused before anything is fetched.
pub const BUNDLE_BLOBS_MAX: usize = 16_384;
/// Most bytes of a version or a rule set's name. More is refused.
pub const NAME_BYTES_MAX: usize = 128;

/// Names a bundle and says how much of an envelope to expect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BundleRef {
    /// Digest of the manifest; the envelope is fetched by it.
    pub digest: Digest,
    /// Its version, for people.
    pub version: String,
    /// Exact length of the encoded envelope, at most [`ENVELOPE_BYTES_MAX`].
    pub envelope_bytes: u32,
}

/// One piece of content and its exact length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlobRef {
    /// Plain BLAKE3 of the content.
    pub digest: Digest,
    /// Exact length.
    pub length_bytes: u32,
}

/// A publisher's statement that a bundle exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleHead {
    /// Which one.
    pub bundle: BundleRef,
    /// The rule set it is a version of.
    pub ruleset: String,
    /// When it was published, milliseconds since the Unix epoch; decides which bundles are the
    /// newest ones that every node keeps.
    pub published_ms: u64,
    /// Names the key that signed it; what the bytes mean is the verifier's business.
    pub key: [u8; 32],
    /// Over [`BundleHead::signed_bytes`].
    pub signature: Signature,
}

impl BundleHead {
    /// What the signature covers: every field but the signature and the key, each with its length.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + 4 + 8 + 16 + 2 * NAME_BYTES_MAX);
        bytes.extend_from_slice(&self.bundle.digest.0);
        bytes.extend_from_slice(&self.bundle.envelope_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.published_ms.to_le_bytes());
        for name in [&self.bundle.version, &self.ruleset] {
            bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }

    /// Equal exactly for equal heads.
    pub fn digest(&self) -> Digest {
        let parts: [&[u8]; 3] = [&self.signed_bytes(), &self.key, &self.signature.0];
        Digest::derive("cairn 2026 bundle head v1", &parts)
    }

    /// The order in which heads of one bundle win: the earlier publication, then the digest. So
    /// every node keeps the same one.
    pub(crate) fn wins_over(&self, other: &BundleHead) -> bool {
        (self.published_ms, self.digest()) < (other.published_ms, other.digest())
    }
}
