//! Virtual time: what happens next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cairn_gossip::Time;

/// Happenings in order of time; those of one instant in the order in which they were added.
///
/// The heap holds small fixed-size entries and the happenings stand apart, because moving them
/// around a heap would cost more than everything else here.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Reverse<(Time, u64, u32)>>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    added: u64,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Queue<T> {
        Queue { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), added: 0 }
    }

    /// `what` will happen at `at`.
    pub(crate) fn add(&mut self, at: Time, what: T) {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                (self.slots.len() - 1) as u32
            }
        };
        self.slots[slot as usize] = Some(what);
        self.heap.push(Reverse((at, self.added, slot)));
        self.added += 1;
    }

    /// How much is to come.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// What happens next, and when.
    pub(crate) fn pop(&mut self) -> Option<(Time, T)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        let what = self.slots[slot as usize].take()?;
        Some((at, what))
    }
}
