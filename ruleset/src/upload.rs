//! A whole bundle in one piece: the body of an upload and the content of a `.cairn` file.
//!
//! | bytes | what |
//! |---|---|
//! | 6 | `cairn` and a zero byte |
//! | 1 | format version |
//! | 4 | length of the envelope, little-endian |
//! | that many | the envelope |
//! | the rest | the fragments one after the other, in the manifest's order, each digest once |
//!
//! Nothing is said twice: where a fragment begins and ends follows from the signed manifest, so
//! the length of the whole is known before any of it is read, and every bit of it is covered by a
//! digest or a signature or is one of the eleven bytes above.

use std::collections::{BTreeMap, BTreeSet};

use cairn_merkle::Digest;

use crate::bundle_error::BundleError;
use crate::envelope::{ENVELOPE_BYTES_MAX, Envelope};
use crate::limits::BUNDLE_BYTES_MAX;
use crate::manifest::{FragmentEntry, Manifest};
use crate::trust::Trust;

/// The upload format that this build writes, and the only one it reads.
pub const UPLOAD_FORMAT: u8 = 1;

/// Largest upload.
pub const UPLOAD_BYTES_MAX: usize = HEADER_BYTES + ENVELOPE_BYTES_MAX + BUNDLE_BYTES_MAX;

const MAGIC: &[u8; 6] = b"cairn\0";
const HEADER_BYTES: usize = MAGIC.len() + 1 + 4;
const WHAT: &str = "the bundle file";

/// A bundle with everything that its manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The manifest's bytes and their signatures.
    pub envelope: Envelope,
    /// What they say.
    pub manifest: Manifest,
    /// Every fragment, by digest.
    pub blobs: BTreeMap<Digest, Vec<u8>>,
}

impl Upload {
    /// Puts a bundle together.
    ///
    /// # Errors
    /// What [`Envelope::decode`] would say of the envelope or [`Manifest::decode`] of its
    /// manifest; `MissingBlob`, `ExtraBlob`, `WrongLength` or `WrongDigest` for `blobs`.
    pub fn new(
        envelope: Envelope,
        blobs: BTreeMap<Digest, Vec<u8>>,
    ) -> Result<Upload, BundleError> {
        let manifest = Manifest::decode(&envelope.manifest)?;
        for entry in distinct(&manifest) {
            let Some(bytes) = blobs.get(&entry.digest) else {
                return Err(missing(entry));
            };
            entry.verify(bytes)?;
        }
        let named: BTreeSet<_> = manifest.fragments.iter().map(|entry| entry.digest).collect();
        if let Some(digest) = blobs.keys().find(|digest| !named.contains(digest)) {
            return Err(BundleError::ExtraBlob { digest: *digest });
        }
        Ok(Upload { envelope, manifest, blobs })
    }

    /// The bytes; see the module.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = head(&self.envelope.encode());
        bytes.reserve_exact(self.blobs.values().map(Vec::len).sum());
        for entry in distinct(&self.manifest) {
            bytes.extend(self.blobs.get(&entry.digest).into_iter().flatten());
        }
        bytes
    }

    /// Reads a bundle whose signatures somebody else will verify: every limit, the manifest, and
    /// each fragment's length and digest are checked here. A node uses [`Upload::open`].
    ///
    /// # Errors
    /// Any [`BundleError`] but `Untrusted`.
    pub fn decode(bytes: &[u8]) -> Result<Upload, BundleError> {
        let (envelope, rest) = split(bytes)?;
        let manifest = Manifest::decode(&envelope.manifest)?;
        Upload::read(envelope, manifest, rest)
    }

    /// Reads a bundle as a node does: limits, then the publishers' signatures, and only then what
    /// the manifest says and the fragments.
    ///
    /// # Errors
    /// Any [`BundleError`].
    pub fn open(bytes: &[u8], trust: &Trust) -> Result<Upload, BundleError> {
        let (envelope, rest) = split(bytes)?;
        let manifest = envelope.open(trust)?;
        Upload::read(envelope, manifest, rest)
    }

    fn read(envelope: Envelope, manifest: Manifest, rest: &[u8]) -> Result<Upload, BundleError> {
        let expected: u64 = distinct(&manifest).map(|entry| u64::from(entry.length_bytes)).sum();
        // The manifest limits the sum to 64 MiB.
        let expected = expected as usize;
        if rest.len() > expected {
            return Err(BundleError::TrailingBytes { what: WHAT, extra: rest.len() - expected });
        }
        if rest.len() < expected {
            let before = HEADER_BYTES + envelope.encode().len();
            return Err(BundleError::Truncated {
                what: WHAT,
                actual: before + rest.len(),
                expected: before + expected,
            });
        }
        let mut blobs = BTreeMap::new();
        let mut rest = rest;
        for entry in distinct(&manifest) {
            let Some((bytes, after)) = rest.split_at_checked(entry.length_bytes as usize) else {
                return Err(missing(entry));
            };
            entry.verify(bytes)?;
            blobs.insert(entry.digest, bytes.to_vec());
            rest = after;
        }
        // Two entries may name one content, and must then agree on its length.
        for entry in &manifest.fragments {
            match blobs.get(&entry.digest) {
                Some(bytes) => entry.verify(bytes)?,
                None => return Err(missing(entry)),
            }
        }
        Ok(Upload { envelope, manifest, blobs })
    }
}

/// What comes before the fragments, for whoever sends them one after the other from where they are.
#[must_use]
pub fn head(envelope: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + envelope.len());
    bytes.extend_from_slice(MAGIC);
    bytes.push(UPLOAD_FORMAT);
    // An envelope is at most ENVELOPE_BYTES_MAX, about 1 MiB.
    bytes.extend_from_slice(&(envelope.len() as u32).to_le_bytes());
    bytes.extend_from_slice(envelope);
    bytes
}

/// The fragments in the manifest's order, without those whose digest came before: the order in
/// which an upload has them.
pub fn distinct(manifest: &Manifest) -> impl Iterator<Item = &FragmentEntry> {
    let mut seen = BTreeSet::new();
    manifest.fragments.iter().filter(move |entry| seen.insert(entry.digest))
}

fn missing(entry: &FragmentEntry) -> BundleError {
    BundleError::MissingBlob { name: entry.name.clone(), digest: entry.digest }
}

/// Checks the header and takes the envelope off.
fn split(bytes: &[u8]) -> Result<(Envelope, &[u8]), BundleError> {
    if bytes.len() > UPLOAD_BYTES_MAX {
        return Err(BundleError::TooLarge {
            what: WHAT,
            actual: bytes.len() as u64,
            max: UPLOAD_BYTES_MAX as u64,
        });
    }
    let cut = |expected| BundleError::Truncated { what: WHAT, actual: bytes.len(), expected };
    let Some((magic, rest)) = bytes.split_first_chunk::<6>() else {
        return Err(cut(HEADER_BYTES));
    };
    if magic != MAGIC {
        return Err(BundleError::Malformed {
            what: WHAT,
            reason: "it does not begin with the bytes of a Cairn bundle".to_owned(),
        });
    }
    let Some((&format, rest)) = rest.split_first() else { return Err(cut(HEADER_BYTES)) };
    if format != UPLOAD_FORMAT {
        return Err(BundleError::UnknownFormat {
            what: WHAT,
            found: u64::from(format),
            known: u16::from(UPLOAD_FORMAT),
        });
    }
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return Err(cut(HEADER_BYTES));
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > ENVELOPE_BYTES_MAX {
        return Err(BundleError::TooLarge {
            what: "the envelope",
            actual: length as u64,
            max: ENVELOPE_BYTES_MAX as u64,
        });
    }
    let Some((envelope, rest)) = rest.split_at_checked(length) else {
        return Err(cut(HEADER_BYTES + length));
    };
    Ok((Envelope::decode(envelope)?, rest))
}
