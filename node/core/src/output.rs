//! Everything that an agent can ask of its shell.

use cairn_gossip::{Dot, Time, VersionVector};
use cairn_merkle::Digest;

use crate::activation::ActivationRecord;
use crate::error::ConsumerError;
use crate::input::{SessionId, StageFault};

/// Names one transaction of the agent's own (consumers and activation). The replica counts its
/// own, so the two never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Something to do. The order within one call matters: earlier ones come first.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most outputs are the replica's: a box would cost each of them an allocation"
)]
pub enum Output {
    /// Something that the replica asks for. Among what the shell must do for it there is nothing
    /// left to do for `Delivered`, `ChannelChanged`, `BundleStored` and `BundleRejected`: the
    /// agent has acted on them; they pass by for logs and metrics.
    Gossip(cairn_gossip::Output),
    /// Give [`Input::Timer`](crate::Input::Timer) at `at`. A later one replaces an earlier one.
    Arm {
        /// When.
        at: Time,
    },
    /// Make these durable in one transaction, then answer
    /// [`Input::Persisted`](crate::Input::Persisted). Transactions of the agent and of the
    /// replica become durable in the order in which they are asked for.
    Persist {
        /// For the answer.
        ticket: Ticket,
        /// What to write.
        writes: Vec<Write>,
    },
    /// A session stands; deliveries follow.
    Opened {
        /// Which.
        session: SessionId,
        /// Where it resumes.
        cursor: VersionVector,
    },
    /// A session was refused or has ended.
    Closed {
        /// Which.
        session: SessionId,
        /// Why.
        reason: ConsumerError,
    },
    /// One event for one session. The payload stands in the node's log.
    Deliver {
        /// To whom.
        session: SessionId,
        /// What.
        delivery: Delivery,
    },
    /// The answer to an ack, after the cursor's fsync.
    Acked {
        /// As asked.
        request: u64,
        /// Whether it holds.
        result: Result<(), ConsumerError>,
    },
    /// Build image and modules of a stored bundle and try them, then answer
    /// [`Input::Staged`](crate::Input::Staged). Cheap when they are there already.
    Stage {
        /// For which channel.
        channel: String,
        /// Of which directive.
        generation: u64,
        /// Which bundle.
        digest: Digest,
    },
    /// Make this version live with one atomic swap. Its record is durable.
    Activate {
        /// Where.
        channel: String,
        /// What.
        record: ActivationRecord,
    },
    /// A candidate failed; what is live stays.
    Rejected {
        /// Where.
        channel: String,
        /// Of which directive.
        generation: u64,
        /// Which bundle.
        digest: Digest,
        /// Why.
        fault: StageFault,
    },
}

/// One event for one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Place of its batch in this node's local order.
    pub local: u64,
    /// Place in that batch, from 0.
    pub index: u32,
    /// Its id.
    pub dot: Dot,
    /// Where the consumer is once it is done with this event and all before it.
    pub cursor: VersionVector,
}

/// A durable fact of the agent's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The cursor of a consumer; replaces the older one.
    Cursor {
        /// Whose.
        name: String,
        /// Where it is.
        cursor: VersionVector,
    },
    /// The versions that a channel keeps; replaces the older list.
    Activations {
        /// Which channel.
        channel: String,
        /// Newest first; the first is the one that goes live at a restart.
        records: Vec<ActivationRecord>,
    },
}
