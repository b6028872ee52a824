//! Bytes that may wait in the queue: whoever reads takes a share before it reads, and waits while
//! there is none; the share comes back when what it is for has been dealt with.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A number of bytes, shared out.
#[derive(Clone)]
pub(super) struct Budget(Arc<Inner>);

struct Inner {
    bytes_max: u64,
    taken_bytes: Mutex<u64>,
    freed: Condvar,
}

/// Some of the bytes; they come back when this goes.
pub(super) struct Share {
    of: Arc<Inner>,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(bytes_max: u64) -> Budget {
        Budget(Arc::new(Inner { bytes_max, taken_bytes: Mutex::new(0), freed: Condvar::new() }))
    }

    /// Takes bytes; waits until there are as many. More than there ever are count as all.
    pub(super) fn take(&self, bytes: u64) -> Share {
        let bytes = bytes.min(self.0.bytes_max);
        let taken = self.0.taken_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut u64| *taken + bytes > self.0.bytes_max;
        let mut taken =
            self.0.freed.wait_while(taken, full).unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Share { of: self.0.clone(), bytes }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.taken_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *taken -= self.bytes;
        self.of.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{TryRecvError, channel};

    use super::*;

    #[test]
    fn one_byte_more_than_there_is_waits() {
        let budget = Budget::new(10);
        let (first, second) = (budget.take(4), budget.take(6));
        let (send, receive) = channel();
        let waiting = std::thread::spawn({
            let budget = budget.clone();
            move || {
                let share = budget.take(5);
                send.send(share.bytes).unwrap();
            }
        });
        drop(first);
        // Four are free: whether or not it has come to wait by now, it cannot have got five.
        assert_eq!(receive.try_recv(), Err(TryRecvError::Empty));
        drop(second);
        assert_eq!(receive.recv().unwrap(), 5);
        waiting.join().unwrap();
        assert_eq!(budget.take(u64::MAX).bytes, 10);
    }
}
