//! What the writer makes durable together.

use cairn_gossip::SignedBatch;

/// Who asked for a write, and how the core names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketId {
    /// The replica.
    Replica(u64),
    /// The agent's core.
    Core(cairn_core::Ticket),
    /// The shell itself: a bundle that was uploaded here.
    Shell(u64),
}

/// Writes that are durable together or not at all.
#[derive(Debug)]
pub struct Persist {
    /// For the completion.
    pub ticket: TicketId,
    /// Of the replica.
    pub replica: Vec<cairn_gossip::Write>,
    /// Of the agent's core.
    pub core: Vec<cairn_core::Write>,
}

impl Persist {
    /// Whether it removes files.
    pub(super) fn removes(&self) -> bool {
        let removal = |write: &_| matches!(write, cairn_gossip::Write::RemoveBundle { .. });
        self.replica.iter().any(removal)
    }

    /// Roughly what it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        let replica = self.replica.iter().map(|write| match write {
            cairn_gossip::Write::Batch { batch, .. } => batch_bytes(batch),
            cairn_gossip::Write::Envelope { bytes, .. }
            | cairn_gossip::Write::Blob { bytes, .. } => bytes.len(),
            _ => 256,
        });
        replica.sum::<usize>() + self.core.len() * 256
    }
}

fn batch_bytes(batch: &SignedBatch) -> usize {
    batch.encoded_bytes_max()
}
