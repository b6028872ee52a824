//! Bundles for simulations: an envelope that names blobs and says whether staging works.

use bytes::Bytes;
use cairn_gossip::{BlobRef, BundleHead, BundleRef, Signature};
use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use super::chance::Chance;
use super::disk::Disk;
use super::trust::{OPERATOR, sign};

/// What an envelope says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Envelope {
    blobs: Vec<BlobRef>,
    /// A bundle may be whole and signed and still not work.
    stages: bool,
    serial: u64,
}

/// A bundle and everything in it.
#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    pub(crate) head: BundleHead,
    pub(crate) envelope: Bytes,
    pub(crate) blobs: Vec<(BlobRef, Bytes)>,
    pub(crate) stages: bool,
}

impl Bundle {
    /// The `serial`-th version. Some blobs are those of `before`, as in a hot-fix.
    pub(crate) fn make(
        serial: u64,
        stages: bool,
        before: Option<&Bundle>,
        chance: &mut Chance,
    ) -> Bundle {
        let mut blobs: Vec<(BlobRef, Bytes)> = before
            .map(|before| before.blobs.iter().take(chance.below(3)).cloned().collect())
            .unwrap_or_default();
        for _ in 0..chance.between(1, 3) {
            // Mostly small, sometimes several chunks.
            let length = if chance.percent(15) {
                chance.between(40_000, 120_000)
            } else {
                chance.between(100, 4_000)
            };
            let bytes = Bytes::from(chance.bytes(length as usize));
            let blob = BlobRef { digest: Digest::of(&bytes), length_bytes: bytes.len() as u32 };
            blobs.push((blob, bytes));
        }
        let envelope =
            Envelope { blobs: blobs.iter().map(|(blob, _)| *blob).collect(), stages, serial };
        let envelope = Bytes::from(postcard::to_stdvec(&envelope).unwrap_or_default());
        let mut head = BundleHead {
            bundle: BundleRef {
                digest: digest(&envelope),
                version: format!("1.{serial}.0"),
                envelope_bytes: envelope.len() as u32,
            },
            ruleset: "simulated".to_owned(),
            published_ms: serial,
            key: OPERATOR,
            signature: Signature::default(),
        };
        head.signature = sign(&OPERATOR, &head.signed_bytes());
        Bundle { head, envelope, blobs, stages }
    }
}

fn digest(envelope: &[u8]) -> Digest {
    Digest::derive("cairn 2026 simulated bundle", &[envelope])
}

/// Checks an envelope against the bundle's digest, as a signature check would.
pub(crate) fn open(expected: &Digest, envelope: &[u8]) -> Result<Vec<BlobRef>, String> {
    if digest(envelope) != *expected {
        return Err("the envelope is not the bundle's".to_owned());
    }
    postcard::from_bytes::<Envelope>(envelope)
        .map(|envelope| envelope.blobs)
        .map_err(|error| error.to_string())
}

/// Whether a bundle is wholly on this disk, intact, and can be staged: what an observer with
/// nothing but the disk would say.
pub(crate) fn stageable(disk: &Disk, bundle: &Digest) -> Result<(), String> {
    let envelope = disk.content(bundle).ok_or("no envelope")?;
    for blob in open(bundle, envelope)? {
        let bytes = disk.content(&blob.digest).ok_or("a blob is missing")?;
        if bytes.len() != blob.length_bytes as usize || Digest::of(bytes) != blob.digest {
            return Err("a blob is damaged".to_owned());
        }
    }
    let envelope: Envelope = postcard::from_bytes(envelope).map_err(|error| error.to_string())?;
    match envelope.stages {
        true => Ok(()),
        false => Err("the smoke evaluation fails".to_owned()),
    }
}
