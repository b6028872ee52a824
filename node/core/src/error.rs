//! What a consumer can be told instead of events.

use cairn_gossip::{STREAMS_MAX, Stream};

/// Why a consumer's request was refused or its session ended. The stored cursor is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsumerError {
    /// The name is empty or too long.
    #[error("consumer name is {actual_bytes} bytes, allowed are 1 to {bytes_max}")]
    NameLength {
        /// Its length.
        actual_bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// More topics than one session may ask for.
    #[error("{actual} topics, limit {max}")]
    TooManyTopics {
        /// How many were asked for.
        actual: usize,
        /// What is allowed.
        max: usize,
    },
    /// The node has as many sessions as it may have.
    #[error("{max} sessions are open, which is the limit")]
    TooManySessions {
        /// The limit.
        max: usize,
    },
    /// The node keeps as many cursors as it may keep.
    #[error("{max} consumers are known, which is the limit")]
    TooManyConsumers {
        /// The limit.
        max: usize,
    },
    /// Acks arrive faster than cursors can be written.
    #[error("{max} acks of consumer `{name}` wait for the disk, which is the limit")]
    TooManyAcks {
        /// Whose.
        name: String,
        /// The limit.
        max: usize,
    },
    /// Nobody of that name ever opened a session here.
    #[error("consumer `{name}` is unknown at this node")]
    UnknownConsumer {
        /// The name.
        name: String,
    },
    /// The cursor has seen an event that this node does not have.
    #[error("cursor is at {cursor_seq} of stream {stream}, this node at {node_seq}")]
    CursorAhead {
        /// The stream that is behind here; one of possibly several.
        stream: Stream,
        /// Where the cursor is.
        cursor_seq: u64,
        /// Where this node is.
        node_seq: u64,
    },
    /// More streams than a cursor may name.
    #[error("cursor names {actual} streams, limit {STREAMS_MAX}")]
    CursorTooLarge {
        /// How many it names.
        actual: usize,
    },
    /// Another session of the same consumer took its place.
    #[error("another session of consumer `{name}` was opened")]
    Superseded {
        /// The name.
        name: String,
    },
    /// The session's number is in use.
    #[error("session {session} is already open")]
    SessionInUse {
        /// The number.
        session: u64,
    },
}

impl ConsumerError {
    /// What to do now, for people.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            ConsumerError::NameLength { .. } => "choose a shorter, non-empty name",
            ConsumerError::TooManyTopics { .. } => {
                "ask for fewer topics, or for all by naming none"
            }
            ConsumerError::TooManySessions { .. } => "close sessions that are no longer used",
            ConsumerError::TooManyConsumers { .. } => "reuse a consumer name of yours",
            ConsumerError::TooManyAcks { .. } => "ack the newest cursor only, then retry",
            ConsumerError::UnknownConsumer { .. } => "open a session before acking",
            ConsumerError::CursorAhead { .. } => {
                "retry, or go to a node that has caught up; a cursor of another cluster never works"
            }
            ConsumerError::CursorTooLarge { .. } => "present a cursor that a node gave you",
            ConsumerError::Superseded { .. } => "run one instance per consumer name and node",
            ConsumerError::SessionInUse { .. } => "this is a bug in the shell",
        }
    }
}
