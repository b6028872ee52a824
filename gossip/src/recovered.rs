//! What a replica starts from: a pure function of what is on disk.

use std::collections::BTreeMap;

use cairn_merkle::Digest;

use crate::directive::ChannelRecord;
use crate::event::{Batch, EventKey, SignedBatch};
use crate::head::{BlobRef, BundleHead};
use crate::id::{NodeId, Origin, Stream};
use crate::vector::VersionVector;
use crate::verify::Fault;

/// What is kept in memory of a batch in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Its stream.
    pub stream: Stream,
    /// Sequence number of its first event.
    pub first_seq: u64,
    /// How many events.
    pub count: u32,
    /// Its Lamport time.
    pub lamport: u64,
    /// Its causal context, as written.
    pub deps: VersionVector,
    /// [`SignedBatch::digest`].
    pub digest: Digest,
    /// Bytes it takes in a frame, at most.
    pub bytes: u32,
    /// Topics of its events, in order: what consumers filter by.
    pub topics: Vec<String>,
    /// Keys of its events, by index.
    pub keys: Vec<(u32, EventKey)>,
    /// Idempotency keys of its events, by index.
    pub idempotency: Vec<(u32, [u8; 16])>,
}

impl BatchHeader {
    /// Reads the header of a batch from the log. The signature was checked before it was written.
    ///
    /// # Errors
    /// The [`Fault`] of bytes that are not a batch: the log is damaged.
    pub fn read(signed: &SignedBatch) -> Result<BatchHeader, Fault> {
        Ok(BatchHeader::of(signed, &Batch::decode(&signed.body)?))
    }

    pub(crate) fn of(signed: &SignedBatch, batch: &Batch) -> BatchHeader {
        let events = || (0_u32..).zip(&batch.events);
        BatchHeader {
            stream: batch.stream,
            first_seq: batch.first_seq,
            count: u32::try_from(batch.events.len()).unwrap_or(u32::MAX),
            lamport: batch.lamport,
            deps: batch.deps.clone(),
            digest: signed.digest(),
            bytes: u32::try_from(signed.encoded_bytes_max()).unwrap_or(u32::MAX),
            topics: batch.events.iter().map(|event| event.topic.clone()).collect(),
            keys: events().filter_map(|(i, e)| e.key.clone().map(|key| (i, key))).collect(),
            idempotency: events().filter_map(|(i, e)| e.idempotency.map(|key| (i, key))).collect(),
        }
    }
}

/// A bundle whose envelope is stored and was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBundle {
    /// Which.
    pub digest: Digest,
    /// Length of its envelope.
    pub envelope_bytes: u32,
    /// What it consists of beside the envelope, held or not.
    pub blobs: Vec<BlobRef>,
}

/// The state of a node as its store found it.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// This node.
    pub node: NodeId,
    /// This node's origin, from the key that [`crate::Sign`] signs with.
    pub origin: Origin,
    /// Already incremented for this start and synced.
    pub incarnation: u32,
    /// Every batch of the log in local order, from 0.
    pub log: Vec<BatchHeader>,
    /// The register of every channel, by name.
    pub channels: BTreeMap<String, ChannelRecord>,
    /// Every head that was written and not removed.
    pub heads: Vec<BundleHead>,
    /// Every bundle whose envelope is stored.
    pub bundles: Vec<HeldBundle>,
    /// Every blob that is stored, with its length.
    pub blobs: BTreeMap<Digest, u32>,
}

impl Recovered {
    /// The state of a node that starts for the first time.
    pub fn empty(node: NodeId, origin: Origin) -> Recovered {
        Recovered {
            node,
            origin,
            incarnation: 1,
            log: Vec::new(),
            channels: BTreeMap::new(),
            heads: Vec::new(),
            bundles: Vec::new(),
            blobs: BTreeMap::new(),
        }
    }
}
