//! What survives a power cut.
//!
//! A redb database holds what is small and ordered (the event log, directives, heads, cursors,
//! activations); envelopes and fragments are files named by digest. One thread writes: whatever
//! waits becomes one transaction and one fsync. Reads never wait for it.
//!
//! Recovery is a pure function of what is on disk. Order makes it so: a file is synced before its
//! name is, its name before the transaction that refers to it, and removal comes after the
//! transaction that no longer does. A failed write is final: nothing more is acknowledged, the
//! agent stops, and the next start goes by what is on disk.

mod content;
mod dir;
mod error;
mod journal;
mod record;
#[cfg(test)]
mod tests;
mod write;
mod writer;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use cairn_core::Recovered;
use cairn_gossip::{Origin, SignedBatch, Stream};
use cairn_merkle::Digest;

pub use content::OpenEnvelope;
pub use dir::StateDir;
pub(crate) use dir::{create_dir, sync_dir, write_new};
pub use error::StoreError;
use journal::Journal;
pub use write::{Persist, TicketId};
pub use writer::{Done, Writer};

/// The state of one agent on disk. Cheap to clone; all clones read, one [`Writer`] writes.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dir: Arc<StateDir>,
    journal: Journal,
    /// See [`Store::spare`].
    spared: Mutex<BTreeSet<Digest>>,
}

impl Store {
    /// Read what is on disk, after the next incarnation is durable.
    ///
    /// Envelopes are opened again with `open` and fragments hashed again; what does not hold is
    /// removed and comes back from the peers. A damaged journal is an error: nobody else may know
    /// what it said.
    pub fn open(
        dir: Arc<StateDir>,
        origin: Origin,
        open: OpenEnvelope<'_>,
    ) -> Result<(Store, Recovered), StoreError> {
        let (journal, recorded) = Journal::open(dir.root(), origin)?;
        let (bundles, blobs) = dir.recover(open)?;
        let replica = cairn_gossip::Recovered {
            node: recorded.node,
            origin,
            incarnation: recorded.incarnation,
            log: recorded.log,
            channels: recorded.channels,
            heads: recorded.heads,
            bundles,
            blobs,
        };
        let recovery =
            Recovered { replica, cursors: recorded.cursors, activations: recorded.activations };
        Ok((Store { inner: Arc::new(Inner { dir, journal, spared: Mutex::default() }) }, recovery))
    }

    /// Start the one writer. `done` is called on its thread.
    pub fn writer(&self, done: impl FnMut(Done) + Send + 'static) -> Result<Writer, StoreError> {
        Writer::start(self.inner.clone(), done)
    }

    /// Forget which origin this directory belongs to and set its key aside, so that the next start
    /// draws a new one. The start counter goes on, so a crash in between repeats no dot.
    pub fn retire_origin(&self) -> Result<(), StoreError> {
        self.inner.journal.commit(|tx| tx.forget_origin())?;
        let dir = &self.inner.dir;
        let (key, aside) = (dir.path("origin.key"), dir.path("origin.key.retired"));
        std::fs::rename(&key, &aside).map_err(StoreError::io("rename", &key))?;
        sync_dir(dir.root())
    }

    /// Files of these digests (bundles, fragments, images, machine code) stay where they are when
    /// their bundle is removed: they answer reads here, whatever the fleet has moved on to. Holds
    /// for removals from now on, until the next call; what was spared goes at a later start.
    pub fn spare(&self, digests: BTreeSet<Digest>) {
        *self.inner.spared.lock().unwrap_or_else(PoisonError::into_inner) = digests;
    }

    /// The directory.
    pub fn dir(&self) -> &Arc<StateDir> {
        &self.inner.dir
    }

    /// A batch by its place in the local order.
    pub fn batch(&self, local: u64) -> Result<Option<SignedBatch>, StoreError> {
        self.inner.journal.batch(local)
    }

    /// The batches of a stream whose first sequence is in `first..=last`, in order.
    pub fn batches(
        &self,
        stream: Stream,
        first: u64,
        last: u64,
    ) -> Result<Vec<SignedBatch>, StoreError> {
        self.inner.journal.batches(stream, first, last)
    }

    /// A whole envelope, `None` when it is not there.
    pub fn envelope(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        self.inner.dir.envelope(digest)
    }

    /// A whole fragment, hashed again; `None` when it is not there.
    pub fn fragment(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        self.inner.dir.fragment(digest)
    }

    /// A piece of an envelope or fragment, and its whole length.
    pub fn piece(
        &self,
        digest: &Digest,
        offset: u32,
        length: u32,
    ) -> Result<Option<(u32, Bytes)>, StoreError> {
        self.inner.dir.piece(digest, offset, length)
    }
}
