//! What an agent's core can be told, and the defects that tests put back.

use std::time::Duration;

/// Knobs of the agent's core. [`Config::new`] is what ships.
#[derive(Clone, Debug)]
pub struct Config {
    /// The replica's own knobs.
    pub gossip: cairn_gossip::Config,
    /// Channels that this node makes live, as `<ruleset>/<name>`; empty means every channel.
    ///
    /// Other channels are still replicated: a node carries what its neighbours need.
    pub channels: Vec<String>,
    /// Deliveries that a session may have without an ack.
    ///
    /// More keeps a distant consumer busy, fewer bounds what it is given again after a crash.
    /// When full, the session waits; nothing is dropped. 256 is a guess until it is measured.
    pub unacked_max: usize,
    /// Sessions open at a time. One more is refused with
    /// [`ConsumerError::TooManySessions`](crate::ConsumerError::TooManySessions).
    pub sessions_max: usize,
    /// Named consumers whose cursors are kept. One more is refused with
    /// [`ConsumerError::TooManyConsumers`](crate::ConsumerError::TooManyConsumers); cursors are
    /// never dropped by age, because a dropped one would lose events silently.
    pub consumers_max: usize,
    /// Acks of one consumer that wait for a cursor write. One more is refused with
    /// [`ConsumerError::TooManyAcks`](crate::ConsumerError::TooManyAcks) and may be sent again.
    pub acks_waiting_max: usize,
    /// How long a session waits for events that its cursor has seen elsewhere and this node has
    /// not. Longer survives a slow link; then the session ends and says which stream is behind.
    pub cursor_wait_max: Duration,
    /// Versions that stay staged per channel, the live one included, so that going back to one of
    /// them needs no download and no compilation.
    pub versions_kept: usize,
    /// Bugs that the tests put back.
    #[doc(hidden)]
    pub defects: Defects,
}

impl Config {
    /// What ships, over a replica with these knobs.
    #[must_use]
    pub fn new(gossip: cairn_gossip::Config) -> Config {
        Config {
            gossip,
            channels: Vec::new(),
            unacked_max: 256,
            sessions_max: 1_024,
            consumers_max: 4_096,
            acks_waiting_max: 1_024,
            cursor_wait_max: Duration::from_secs(30),
            versions_kept: 3,
            defects: Defects::default(),
        }
    }
}

/// Fixed bugs, put back one at a time to prove that the checkers see them. Never set outside tests.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects {
    /// Answers an ack when the cursor's write is handed over, not when it is durable.
    pub ack_before_fsync: bool,
    /// Never writes a cursor.
    pub cursor_in_memory: bool,
    /// Makes a version live when its directive arrives.
    pub activate_before_verify: bool,
}
