//! Who decides the order of things: one small record per channel, create-only versions, one
//! elected controller.
//!
//! A coordinator is trusted for *order*, never for *content*: everything in it is signed, and what
//! comes out of it is verified like anything a peer sends. Bytes that do not decode are reported
//! by key and skipped. Nothing that serves a game waits for a coordinator; an agent that cannot
//! reach it goes on with what it has and says so.
//!
//! | backend | for |
//! |---|---|
//! | [`embedded`] | one process: `dev`, tests, a single machine (with a directory) |
//! | [`etcd`] | a fleet |
//!
//! Both pass the one suite in [`conformance`]. What it promises:
//! - a version, once registered, never changes;
//! - of several proposals that expect one [`Revision`], at most one succeeds;
//! - a watcher sees the whole state first and every later state in order; it may be spared an
//!   intermediate state (after a reconnection, a compaction), never the last one;
//! - at most one leader per term, and a leader whose handle drops is followed by another.

pub mod codec;
pub mod conformance;
pub mod embedded;
mod error;
pub mod etcd;
mod record;

pub use error::CoordinatorError;
pub use record::{
    Leadership, NodeRecord, Registered, Registration, Revision, VersionRecord, WatchEvent,
};

use cairn_gossip::ChannelRecord;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// Largest encoded record that a coordinator stores. Larger ones are refused before any I/O; what
/// is found to be larger is reported as corrupt. etcd itself stops at 1.5 MB.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// Longest name of a rule set, channel, version or node in a coordinator's key.
pub const NAME_BYTES_MAX: usize = 128;

/// Orders directives and versions, and elects the controller.
///
/// Every call ends in bounded time: a backend that does not answer is
/// [`CoordinatorError::Unreachable`]. Calls may be repeated after any error: all are idempotent or
/// compare-and-swap.
pub trait Coordinator: Send + Sync {
    /// Register a version, create-only. The same digest again is [`Registered::AlreadySame`] and
    /// leaves the first record, whatever else differs.
    fn register_version(
        &self,
        record: VersionRecord,
    ) -> BoxFuture<'_, Result<Registered, CoordinatorError>>;

    /// All versions of a rule set, by version text. Records that do not decode are left out (the
    /// watch reports them).
    fn versions<'a>(
        &'a self,
        ruleset: &'a str,
    ) -> BoxFuture<'a, Result<Vec<VersionRecord>, CoordinatorError>>;

    /// The record of channel `<ruleset>/<name>`, with what the next proposal has to expect.
    ///
    /// # Errors
    /// [`CoordinatorError::Corrupt`] carries the revision too, so that a good record can replace
    /// a bad one.
    fn channel<'a>(
        &'a self,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Option<(ChannelRecord, Revision)>, CoordinatorError>>;

    /// Replace the record of `channel` if it still is at `expected` (`None`: if there is none).
    ///
    /// Returns the new revision. Proposing what already stands there, byte for byte, succeeds with
    /// its revision: that is a retry whose answer was lost.
    ///
    /// # Errors
    /// [`CoordinatorError::Conflict`] when somebody was faster; nothing changed.
    fn propose<'a>(
        &'a self,
        channel: &'a str,
        expected: Option<Revision>,
        record: ChannelRecord,
    ) -> BoxFuture<'a, Result<Revision, CoordinatorError>>;

    /// Everything that is, then [`WatchEvent::Synced`], then every change. Never ends by itself;
    /// dropping it ends what serves it. A slow reader slows its own watch only.
    fn watch(&self) -> BoxStream<'static, WatchEvent>;

    /// Stand for controller under the name `node`, until the stream is dropped (which resigns).
    /// Never ends by itself: after [`Leadership::Lost`] it stands again.
    fn campaign(&self, node: String) -> BoxStream<'static, Leadership>;

    /// Put a node in the registry until the returned handle is dropped or this process dies.
    fn register_node(
        &self,
        node: NodeRecord,
    ) -> BoxFuture<'_, Result<Registration, CoordinatorError>>;

    /// The registered nodes, by id.
    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeRecord>, CoordinatorError>>;
}
