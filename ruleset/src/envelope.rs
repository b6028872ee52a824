//! The envelope: a manifest's bytes with the signatures under them.

use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::bundle_error::BundleError;
use crate::key::{SecretKey, Signature};
use crate::limits::{MANIFEST_BYTES_MAX, SIGNATURES_MAX};
use crate::manifest::Manifest;
use crate::trust::{Role, Trust};

/// The envelope format that this build writes, and the only one it reads.
pub const ENVELOPE_FORMAT: u8 = 1;

/// The domain of a bundle's digest and of the signatures under its manifest.
pub const MANIFEST_DOMAIN: &str = "cairn 2026 bundle manifest v1";

/// Largest encoded envelope: the manifest, the signatures (80 bytes each), the lengths.
pub const ENVELOPE_BYTES_MAX: usize = MANIFEST_BYTES_MAX + SIGNATURES_MAX * 80 + 16;

const WHAT: &str = "the envelope";

/// A manifest as received, and who signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The manifest's bytes, never encoded anew.
    pub manifest: Vec<u8>,
    /// In ascending order of their keys.
    #[serde(deserialize_with = "bounded::list::<SIGNATURES_MAX, _, _>")]
    pub signatures: Vec<Signature>,
}

impl Envelope {
    /// Signs `manifest` with each of `keys`, in whatever order they come.
    ///
    /// # Errors
    /// What [`Manifest::check`] finds: nothing is signed that nobody would accept.
    pub fn seal(manifest: &Manifest, keys: &[&SecretKey]) -> Result<Envelope, BundleError> {
        let bytes = manifest.encode();
        Manifest::decode(&bytes)?;
        if keys.len() > SIGNATURES_MAX {
            return Err(BundleError::TooMany {
                what: "signatures",
                actual: keys.len(),
                max: SIGNATURES_MAX,
            });
        }
        let mut signatures: Vec<_> =
            keys.iter().map(|key| key.sign(MANIFEST_DOMAIN, &bytes)).collect();
        signatures.sort_unstable_by_key(|signature| signature.key);
        signatures.dedup();
        Ok(Envelope { manifest: bytes, signatures })
    }

    /// Names the bundle: covers the manifest and with it every fragment, not the signatures.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::derive(MANIFEST_DOMAIN, &[&self.manifest])
    }

    /// A version byte, then postcard.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.manifest.len() + self.signatures.len() * 80 + 16);
        bytes.push(ENVELOPE_FORMAT);
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes
    }

    /// Reads what [`Envelope::encode`] wrote; believes nothing yet.
    ///
    /// # Errors
    /// `TooLarge`, `Truncated`, `UnknownFormat`, `Malformed`, `TrailingBytes`, `NotCanonical`.
    pub fn decode(bytes: &[u8]) -> Result<Envelope, BundleError> {
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(BundleError::TooLarge {
                what: WHAT,
                actual: bytes.len() as u64,
                max: ENVELOPE_BYTES_MAX as u64,
            });
        }
        let Some((&format, body)) = bytes.split_first() else {
            return Err(BundleError::Truncated { what: WHAT, actual: 0, expected: 1 });
        };
        if format != ENVELOPE_FORMAT {
            return Err(BundleError::UnknownFormat {
                what: WHAT,
                found: u64::from(format),
                known: u16::from(ENVELOPE_FORMAT),
            });
        }
        let (envelope, rest) = postcard::take_from_bytes::<Envelope>(body)
            .map_err(|error| BundleError::Malformed { what: WHAT, reason: error.to_string() })?;
        if !rest.is_empty() {
            return Err(BundleError::TrailingBytes { what: WHAT, extra: rest.len() });
        }
        if envelope.encode() != bytes {
            return Err(BundleError::NotCanonical { what: WHAT });
        }
        Ok(envelope)
    }

    /// Verifies the publishers' signatures, and only then reads the manifest.
    ///
    /// # Errors
    /// `TooLarge`, `Untrusted`, or what [`Manifest::decode`] finds.
    pub fn open(&self, trust: &Trust) -> Result<Manifest, BundleError> {
        if self.manifest.len() > MANIFEST_BYTES_MAX {
            return Err(BundleError::TooLarge {
                what: "the manifest",
                actual: self.manifest.len() as u64,
                max: MANIFEST_BYTES_MAX as u64,
            });
        }
        trust.verify(Role::Publisher, MANIFEST_DOMAIN, &self.manifest, &self.signatures)?;
        Manifest::decode(&self.manifest)
    }
}
