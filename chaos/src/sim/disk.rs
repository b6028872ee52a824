//! A disk that tells the truth about fsync: what was not synced may be gone after a crash.
//!
//! Transactions become durable one after another. A crash keeps a prefix of those in flight; of
//! the first one lost, files may have been renamed already while the database commit is missing,
//! and torn temporary files are never seen.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use cairn_core::{ActivationRecord, Ticket};
use cairn_gossip::{
    BatchHeader, BundleHead, ChannelRecord, HeldBundle, NodeId, Origin, SignedBatch, VersionVector,
};
use cairn_merkle::Digest;

use super::bundle;
use super::chance::Chance;

/// Who asked for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Replica(u64),
    Agent(Ticket),
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Replica(cairn_gossip::Write),
    Agent(cairn_core::Write),
}

impl Change {
    /// Whether it is a file beside the database.
    pub(crate) fn is_file(&self) -> bool {
        use cairn_gossip::Write;
        matches!(self, Change::Replica(Write::Blob { .. } | Write::Envelope { .. }))
    }
}

/// What the power failure took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lost {
    /// Transactions that are gone.
    pub(crate) writes: u64,
    /// Files of one of them are there all the same.
    pub(crate) is_torn: bool,
}

/// One node's disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    log: Vec<SignedBatch>,
    channels: BTreeMap<String, ChannelRecord>,
    heads: BTreeMap<Digest, BundleHead>,
    envelopes: BTreeMap<Digest, Bytes>,
    blobs: BTreeMap<Digest, Bytes>,
    cursors: BTreeMap<String, VersionVector>,
    activations: BTreeMap<String, Vec<ActivationRecord>>,
    incarnation: u32,
    in_flight: VecDeque<(Asked, Vec<Change>)>,
}

impl Disk {
    /// Hands a transaction over. It is not durable yet.
    pub(crate) fn submit(&mut self, asked: Asked, changes: Vec<Change>) {
        self.in_flight.push_back((asked, changes));
    }

    /// The oldest transaction in flight is durable now.
    pub(crate) fn sync_one(&mut self) -> Option<Asked> {
        let (asked, changes) = self.in_flight.pop_front()?;
        changes.into_iter().for_each(|change| self.apply(change));
        Some(asked)
    }

    /// The power fails.
    pub(crate) fn crash(&mut self, chance: &mut Chance) -> Lost {
        for _ in 0..chance.below(self.in_flight.len() + 1) {
            self.sync_one();
        }
        let mut lost = Lost { writes: self.in_flight.len() as u64, is_torn: false };
        if let Some((_, changes)) = self.in_flight.pop_front() {
            for change in changes {
                if change.is_file() && chance.percent(50) {
                    self.apply(change);
                    lost.is_torn = true;
                }
            }
        }
        self.in_flight.clear();
        lost
    }

    fn apply(&mut self, change: Change) {
        use cairn_gossip::Write;
        match change {
            Change::Replica(Write::Batch { local, batch }) => {
                // The log is addressed by place: a gap would be a bug of the replica.
                debug_assert_eq!(local, self.log.len() as u64, "log places are contiguous");
                self.log.push(batch);
            }
            Change::Replica(Write::Channel { name, record }) => {
                self.channels.insert(name, record);
            }
            Change::Replica(Write::Head(head)) => {
                self.heads.insert(head.bundle.digest, head);
            }
            Change::Replica(Write::Envelope { digest, bytes }) => {
                self.envelopes.insert(digest, bytes);
            }
            Change::Replica(Write::Blob { digest, bytes }) => {
                self.blobs.insert(digest, bytes);
            }
            Change::Replica(Write::RemoveBundle { digest, blobs }) => {
                self.heads.remove(&digest);
                self.envelopes.remove(&digest);
                for blob in blobs {
                    self.blobs.remove(&blob);
                }
            }
            Change::Agent(cairn_core::Write::Cursor { name, cursor }) => {
                self.cursors.insert(name, cursor);
            }
            Change::Agent(cairn_core::Write::Activations { channel, records }) => {
                self.activations.insert(channel, records);
            }
        }
    }

    /// Stores a bundle's files at once and durably, as adding one locally does.
    pub(crate) fn add_bundle(&mut self, added: &bundle::Bundle) {
        let digest = added.head.bundle.digest;
        self.envelopes.insert(digest, added.envelope.clone());
        for (blob, bytes) in &added.blobs {
            self.blobs.insert(blob.digest, bytes.clone());
        }
    }

    /// An envelope by its bundle's digest, or a blob by its own.
    pub(crate) fn content(&self, digest: &Digest) -> Option<&Bytes> {
        self.envelopes.get(digest).or_else(|| self.blobs.get(digest))
    }

    /// A batch of the log.
    pub(crate) fn batch(&self, local: u64) -> Option<&SignedBatch> {
        self.log.get(usize::try_from(local).ok()?)
    }

    /// What a start finds. Counts the start durably.
    pub(crate) fn recover(&mut self, node: NodeId, origin: Origin) -> cairn_core::Recovered {
        self.incarnation += 1;
        let mut log = Vec::with_capacity(self.log.len());
        log.extend(self.log.iter().map_while(|batch| BatchHeader::read(batch).ok()));
        let bundles = self.envelopes.iter().filter_map(|(digest, envelope)| {
            Some(HeldBundle {
                digest: *digest,
                envelope_bytes: envelope.len() as u32,
                blobs: bundle::open(digest, envelope).ok()?,
            })
        });
        let replica = cairn_gossip::Recovered {
            node,
            origin,
            incarnation: self.incarnation,
            log,
            channels: self.channels.clone(),
            heads: self.heads.values().cloned().collect(),
            bundles: bundles.collect(),
            blobs: self.blobs.iter().map(|(digest, bytes)| (*digest, bytes.len() as u32)).collect(),
        };
        cairn_core::Recovered {
            replica,
            cursors: self.cursors.clone(),
            activations: self.activations.clone(),
        }
    }
}
