//! What the controller needs of the node that it runs on.

use bytes::Bytes;
use cairn_gossip::EventKey;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::timers::{Epoch, Instant, Skipped};
use crate::coordinator::Leadership;

/// A channel as it is live here.
#[derive(Debug, Clone)]
pub struct View {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// What is in force.
    pub epoch: std::sync::Arc<Epoch>,
    /// The time of a newer directive whose version is on its way, see
    /// [`super::timers::Input::Live`].
    pub held_from_ms: Option<i64>,
}

/// One event that an instant causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// The outcome's name: the event's topic.
    pub topic: String,
    /// Canonical: equal instants give equal bytes.
    pub payload: Bytes,
    /// Suppresses what another node publishes of the same instant.
    pub key: EventKey,
}

/// Why an event was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPublished {
    /// It may go later: the log is full, the outcome is unknown.
    Later(String),
    /// It never will: what the rule set makes of the instant is over a limit.
    Never(String),
    /// The agent is gone.
    Stopped,
}

/// A node, to its controller. One implementation runs on an agent, one in the tests.
pub trait Host: Send + Sync + 'static {
    /// Stand for controller.
    fn campaign(&self) -> BoxStream<'static, Leadership>;

    /// Tell the node who leads.
    fn led_by(&self, leadership: &Leadership);

    /// Ticks when what is live on any channel may have changed. Ends with the agent.
    fn changes(&self) -> BoxStream<'static, ()>;

    /// The channels that are live here. `None` when the agent is gone.
    fn views(&self) -> BoxFuture<'_, Option<Vec<View>>>;

    /// Whether no live node has a lower id than this one.
    fn is_lowest(&self) -> BoxFuture<'_, bool>;

    /// The events of an instant.
    ///
    /// # Errors
    /// For people: the version is not here any more, or a rule refuses.
    fn broadcasts(&self, instant: &Instant) -> Result<Vec<Broadcast>, String>;

    /// Which of these keys have arrived here, in order. All false when the agent is gone.
    fn known<'a>(&'a self, keys: &'a [EventKey]) -> BoxFuture<'a, Vec<bool>>;

    /// Publish, durable here when it returns.
    fn publish(&self, broadcast: Broadcast) -> BoxFuture<'_, Result<(), NotPublished>>;

    /// Put on the record that an instant was fired, `late_ms` after its time, as `count` events.
    fn fired(&self, instant: &Instant, late_ms: i64, count: usize);

    /// Put on the record that instants were left out.
    fn skipped(&self, skipped: &Skipped);

    /// Put on the record that an instant could not be fired at all.
    fn failed(&self, instant: &Instant, reason: &str);

    /// The wall clock, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
}
