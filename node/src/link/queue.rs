//! What waits to be written to one peer: bounded in bytes, ordered by class.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use cairn_gossip::Class;
use tokio::sync::Notify;

/// Bytes written in one go: small enough that a directive never waits behind more bulk than this,
/// large enough that a burst of small frames is one system call.
const COALESCE_BYTES_MAX: usize = 128 << 10;

/// The queue between the agent's loop and one peer's writer.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Notify,
    bytes_max: usize,
    /// Bytes over all peers.
    total_bytes: Arc<AtomicUsize>,
    total_bytes_max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Member, directive, event, bulk.
    classes: [VecDeque<Bytes>; 4],
    bytes: usize,
}

/// The frame did not fit: the peer reads more slowly than it is told things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) queued_bytes: usize,
    pub(crate) bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(
        bytes_max: usize,
        total_bytes: Arc<AtomicUsize>,
        total_bytes_max: usize,
    ) -> Queue {
        let (waiting, filled) = (Mutex::default(), Notify::new());
        Queue { waiting, filled, bytes_max, total_bytes, total_bytes_max }
    }

    /// Add an encoded frame. On `Full` nothing was added.
    pub(crate) fn push(&self, class: Class, frame: Bytes) -> Result<(), Full> {
        {
            let mut waiting = self.lock();
            if waiting.bytes + frame.len() > self.bytes_max {
                return Err(Full { queued_bytes: waiting.bytes, bytes_max: self.bytes_max });
            }
            // Whoever has read everything so far is served in any case: a crowd of slow peers must
            // not silence the others. Each of those adds at most one frame.
            let total = self.total_bytes.load(Ordering::Relaxed);
            if waiting.bytes > 0 && total + frame.len() > self.total_bytes_max {
                return Err(Full { queued_bytes: total, bytes_max: self.total_bytes_max });
            }
            waiting.bytes += frame.len();
            self.total_bytes.fetch_add(frame.len(), Ordering::Relaxed);
            waiting.classes[rank(class)].push_back(frame);
        }
        self.filled.notify_one();
        Ok(())
    }

    /// Wait until something is there, then take what is written next: by class, then by age.
    /// Never empty. Cancel-safe: nothing is taken before the wait is over.
    pub(crate) async fn take(&self, taken: &mut Vec<Bytes>) {
        loop {
            if self.take_now(taken) {
                return;
            }
            self.filled.notified().await;
        }
    }

    fn take_now(&self, taken: &mut Vec<Bytes>) -> bool {
        taken.clear();
        let mut waiting = self.lock();
        let mut bytes = 0;
        for class in 0..waiting.classes.len() {
            while let Some(frame) = waiting.classes[class].front() {
                if !taken.is_empty() && bytes + frame.len() > COALESCE_BYTES_MAX {
                    break;
                }
                bytes += frame.len();
                if let Some(frame) = waiting.classes[class].pop_front() {
                    taken.push(frame);
                }
            }
        }
        waiting.bytes -= bytes;
        self.total_bytes.fetch_sub(bytes, Ordering::Relaxed);
        !taken.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // A panic while holding it is a bug elsewhere; the plain data inside is still whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let bytes = self.lock().bytes;
        self.total_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

fn rank(class: Class) -> usize {
    match class {
        Class::Member => 0,
        Class::Directive => 1,
        Class::Event => 2,
        Class::Bulk => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(bytes_max: usize) -> (Queue, Arc<AtomicUsize>) {
        let total = Arc::new(AtomicUsize::new(0));
        (Queue::new(bytes_max, total.clone(), 1 << 30), total)
    }

    #[tokio::test]
    async fn members_go_before_directives_before_events_before_bulk() {
        let (queue, total) = queue(1_000);
        queue.push(Class::Bulk, Bytes::from_static(b"bulk")).unwrap();
        queue.push(Class::Event, Bytes::from_static(b"event")).unwrap();
        queue.push(Class::Directive, Bytes::from_static(b"directive")).unwrap();
        queue.push(Class::Member, Bytes::from_static(b"member")).unwrap();
        queue.push(Class::Event, Bytes::from_static(b"event 2")).unwrap();
        let mut taken = Vec::new();
        queue.take(&mut taken).await;
        assert_eq!(taken, ["member", "directive", "event", "event 2", "bulk"]);
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn bulk_leaves_in_bounded_portions() {
        let (queue, _) = queue(1 << 20);
        for _ in 0..10 {
            queue.push(Class::Bulk, Bytes::from(vec![0; 60_000])).unwrap();
        }
        let mut taken = Vec::new();
        queue.take(&mut taken).await;
        assert_eq!(taken.len(), 2);
        queue.push(Class::Directive, Bytes::from_static(b"directive")).unwrap();
        queue.take(&mut taken).await;
        assert_eq!(taken[0], "directive");
    }

    #[test]
    fn slow_peers_share_one_limit_and_silence_nobody_else() {
        let total = Arc::new(AtomicUsize::new(0));
        let queues = [0, 1, 2].map(|_| Queue::new(10, total.clone(), 16));
        queues[0].push(Class::Bulk, Bytes::from_static(b"12345678")).unwrap();
        queues[1].push(Class::Bulk, Bytes::from_static(b"1234")).unwrap();
        let full = queues[1].push(Class::Bulk, Bytes::from_static(b"12345")).unwrap_err();
        assert_eq!(full, Full { queued_bytes: 12, bytes_max: 16 });
        queues[2].push(Class::Member, Bytes::from_static(b"12345")).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_is_lost_or_counted() {
        let (queue, total) = queue(10);
        queue.push(Class::Event, Bytes::from_static(b"12345678")).unwrap();
        let full = queue.push(Class::Member, Bytes::from_static(b"123")).unwrap_err();
        assert_eq!(full, Full { queued_bytes: 8, bytes_max: 10 });
        assert_eq!(total.load(Ordering::Relaxed), 8);
        drop(queue);
        assert_eq!(total.load(Ordering::Relaxed), 0);
    }
}
