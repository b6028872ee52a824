//! Everything that can happen to an agent.

use cairn_gossip::VersionVector;
use cairn_merkle::Digest;

use crate::output::Ticket;

/// Names one connection of one consumer; chosen by the shell, never used twice while it runs.
pub type SessionId = u64;

/// Most bytes of a consumer's name.
pub const NAME_BYTES_MAX: usize = 128;
/// Most topics that one session may ask for.
pub const TOPICS_MAX: usize = 64;

/// Something that happened. Give it to [`Agent::handle`](crate::Agent::handle).
#[derive(Clone, Debug)]
pub enum Input {
    /// Something that concerns the replica.
    /// [`Start`](cairn_gossip::Input::Start) among them comes first and once.
    Gossip(cairn_gossip::Input),
    /// A timer that [`Output::Arm`](crate::Output::Arm) asked for.
    Timer,
    /// A consumer asks for events. Answered by [`Output::Opened`](crate::Output::Opened) or
    /// [`Output::Closed`](crate::Output::Closed).
    Open {
        /// The shell's number for this session.
        session: SessionId,
        /// The consumer. An older session of the same name ends.
        name: String,
        /// Where to resume; wins over the stored cursor. Without either, the consumer starts with
        /// what is published from now on.
        cursor: Option<VersionVector>,
        /// Topics it wants; empty means all. Others count as delivered.
        topics: Vec<String>,
    },
    /// A consumer is done with everything up to `cursor`. Answered by
    /// [`Output::Acked`](crate::Output::Acked) after the cursor's fsync.
    Ack {
        /// The shell's number for the answer.
        request: u64,
        /// The consumer.
        name: String,
        /// A cursor that came with a delivery.
        cursor: VersionVector,
    },
    /// The session's connection is gone. Not answered.
    Close {
        /// Which.
        session: SessionId,
    },
    /// The writes of an [`Output::Persist`](crate::Output::Persist) are durable.
    Persisted {
        /// Which.
        ticket: Ticket,
    },
    /// The answer to an [`Output::Stage`](crate::Output::Stage).
    Staged {
        /// As asked.
        channel: String,
        /// As asked.
        generation: u64,
        /// As asked.
        digest: Digest,
        /// Whether image and modules are there and passed the smoke evaluation.
        result: Result<(), StageFault>,
    },
    /// What [`Output::Activate`](crate::Output::Activate) named cannot be mapped after a restart:
    /// its image is gone or damaged. An older version is tried and this one is staged again.
    ActivationFailed {
        /// As asked.
        channel: String,
        /// As asked.
        generation: u64,
        /// Why.
        fault: StageFault,
    },
}

impl From<cairn_gossip::Input> for Input {
    fn from(input: cairn_gossip::Input) -> Input {
        Input::Gossip(input)
    }
}

/// Why a version cannot go live. The live one stays.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct StageFault {
    /// Stable and short, for machines: for example `image`, `compile`, `smoke`.
    pub code: String,
    /// What exactly, for people.
    pub detail: String,
}
