//! The one thread that writes: whatever waits becomes one transaction and one fsync.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use cairn_merkle::Digest;

use super::Inner;
use super::content::{Kind, remove_if_there};
use super::error::StoreError;
use super::write::{Persist, TicketId};

/// Requests in one transaction at most: bounds what one commit holds in memory.
const GROUP_COUNT_MAX: usize = 512;
/// Bytes in one transaction at most, beyond the request that crosses it.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// How a group of writes ended.
#[derive(Debug)]
pub enum Done {
    /// All of these are durable.
    Durable(Vec<TicketId>),
    /// A write failed. Nothing is known of what it was about; the writer has stopped for good,
    /// because a failed fsync may have dropped what it was asked to keep.
    Failed(StoreError),
}

/// The writing side of a store.
#[derive(Debug)]
pub struct Writer {
    queue: Option<mpsc::Sender<Persist>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        inner: Arc<Inner>,
        mut done: impl FnMut(Done) + Send + 'static,
    ) -> Result<Writer, StoreError> {
        let (queue, requests) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                while let Some(group) = next_group(&requests) {
                    match inner.write_group(&group) {
                        Ok(()) => {
                            done(Done::Durable(group.iter().map(|one| one.ticket).collect()));
                        }
                        Err(error) => {
                            done(Done::Failed(error));
                            return;
                        }
                    }
                }
            })
            .map_err(|source| StoreError::Stopped { reason: source.to_string() })?;
        Ok(Writer { queue: Some(queue), thread: Some(thread) })
    }

    /// Hand writes over. They become durable in the order in which they are handed over.
    ///
    /// The queue itself is not bounded: the loop stops taking input while more than
    /// `Limits::persists_count_max` are under way.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] after a failed write.
    pub fn persist(&self, persist: Persist) -> Result<(), StoreError> {
        let stopped = || StoreError::Stopped { reason: "a write failed before this one".into() };
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(persist).map_err(|_| stopped())
    }

    /// Finish what is queued, then end the thread.
    pub fn finish(mut self) {
        self.close();
    }

    fn close(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there is a bug, was printed, and leaves nothing to finish.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn next_group(requests: &mpsc::Receiver<Persist>) -> Option<Vec<Persist>> {
    let first = requests.recv().ok()?;
    let mut bytes = first.bytes();
    let mut removes = first.removes();
    let mut group = vec![first];
    // Files are removed last. What comes after a removal may bring the same content again, so it
    // belongs to the next group.
    while group.len() < GROUP_COUNT_MAX && bytes < GROUP_BYTES_MAX && !removes {
        let Ok(next) = requests.try_recv() else { break };
        bytes += next.bytes();
        removes = next.removes();
        group.push(next);
    }
    Some(group)
}

impl Inner {
    /// Files first, each synced, then their names, then the one transaction that refers to them,
    /// then the removal of what it no longer refers to: a crash at any point leaves at most files
    /// that nothing names.
    pub(super) fn write_group(&self, group: &[Persist]) -> Result<(), StoreError> {
        use cairn_gossip::Write;

        let mut folders = BTreeSet::new();
        for write in group.iter().flat_map(|one| &one.replica) {
            let (kind, digest, bytes) = match write {
                Write::Envelope { digest, bytes } => (Kind::Bundle, digest, bytes),
                Write::Blob { digest, bytes } => (Kind::Fragment, digest, bytes),
                _ => continue,
            };
            self.dir.put(kind, digest, bytes)?;
            folders.insert(kind as u8);
        }
        for kind in [Kind::Bundle, Kind::Fragment] {
            if folders.contains(&(kind as u8)) {
                self.dir.sync(kind)?;
            }
        }
        let rows = |write: &Write| !matches!(write, Write::Envelope { .. } | Write::Blob { .. });
        let any = group.iter().any(|one| !one.core.is_empty() || one.replica.iter().any(rows));
        if any {
            self.commit_group(group)?;
        }
        for write in group.iter().flat_map(|one| &one.replica) {
            if let Write::RemoveBundle { digest, blobs } = write {
                self.remove_files(digest, blobs)?;
            }
        }
        Ok(())
    }

    fn remove_files(&self, digest: &Digest, blobs: &[Digest]) -> Result<(), StoreError> {
        let spared = self.spared.lock().unwrap_or_else(PoisonError::into_inner);
        for blob in blobs.iter().filter(|blob| !spared.contains(*blob)) {
            self.dir.remove(Kind::Fragment, blob)?;
            self.dir.remove_code(blob)?;
        }
        if !spared.contains(digest) {
            self.dir.remove(Kind::Bundle, digest)?;
            remove_if_there(self.dir.path(&format!("images/{digest}.img")))?;
        }
        Ok(())
    }

    fn commit_group(&self, group: &[Persist]) -> Result<(), StoreError> {
        use cairn_gossip::Write;

        self.journal.commit(|tx| {
            for one in group {
                for write in &one.replica {
                    match write {
                        Write::Batch { local, batch } => tx.batch(*local, batch)?,
                        Write::Channel { name, record } => tx.channel(name, record)?,
                        Write::Head(head) => tx.head(head)?,
                        Write::RemoveBundle { digest, .. } => tx.remove_head(digest)?,
                        Write::Envelope { .. } | Write::Blob { .. } => {}
                    }
                }
                for write in &one.core {
                    match write {
                        cairn_core::Write::Cursor { name, cursor } => tx.cursor(name, cursor)?,
                        cairn_core::Write::Activations { channel, records } => {
                            tx.activations(channel, records)?;
                        }
                    }
                }
            }
            Ok(())
        })
    }
}
