//! The coordinator of one process: for `dev`, tests and a single machine.
//!
//! Agents of the process share it by `Arc`. With a directory, versions and channels survive a
//! restart: every accepted write replaces one file (temporary, fsync, rename, directory fsync)
//! before it is answered or seen by anybody. Registered nodes and the election live in memory:
//! they end with the process that they describe.

mod election;
mod file;
mod state;
mod watch;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_gossip::ChannelRecord;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::sync::watch as signal;

use self::file::File;
use self::state::{Durable, State};
use super::codec::{check_channel, check_name, decode, encode};
use super::{
    Coordinator, CoordinatorError, Leadership, NodeRecord, Registered, Registration, Revision,
    VersionRecord, WatchEvent,
};

/// Most versions of all rule sets that an embedded coordinator keeps; one more is refused. Each
/// write rewrites the file, so this bounds a write at a few megabytes.
pub const VERSIONS_MAX: usize = 4_096;

/// Most channels; one more is refused.
pub const CHANNELS_MAX: usize = 256;

/// How this backend names itself in errors.
const ENDPOINT: &str = "embedded";

/// See the [module](self). Clones of the `Arc` are handles on one store.
pub struct Embedded {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Held while a write is under way; never together with a wait for anything else.
    writer: Mutex<Writer>,
    /// Ticks after every change.
    changes: signal::Sender<u64>,
}

struct Writer {
    file: Option<File>,
    /// A write failed: what is on disk is the truth, and we do not know it any more.
    failed: Option<CoordinatorError>,
}

impl Embedded {
    /// One that forgets with the process.
    #[must_use]
    pub fn in_memory() -> Arc<Embedded> {
        Embedded::with(State::default(), None)
    }

    /// One that keeps its versions and channels in `directory`, which is created if absent. Only
    /// one process may have it open.
    ///
    /// # Errors
    /// [`CoordinatorError::Storage`] when the directory cannot be used, another process holds it,
    /// or the file in it is damaged; nothing is changed then.
    pub fn open(directory: &Path) -> Result<Arc<Embedded>, CoordinatorError> {
        let (file, mut durable) = File::open(directory)?;
        // Terms of this process are above all of earlier ones, without a write per election.
        durable.epoch += 1;
        file.replace(&durable)?;
        Ok(Embedded::with(State::recovered(durable), Some(file)))
    }

    fn with(state: State, file: Option<File>) -> Arc<Embedded> {
        let (changes, _) = signal::channel(0);
        Arc::new(Embedded {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                writer: Mutex::new(Writer { file, failed: None }),
                changes,
            }),
        })
    }

    /// Carry out one durable write off the async threads: it may fsync.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Durable) -> Result<Change<T>, CoordinatorError> + Send + 'static,
    ) -> Result<T, CoordinatorError> {
        let shared = self.shared.clone();
        let written = tokio::task::spawn_blocking(move || shared.write(change)).await;
        written.unwrap_or_else(|error| Err(refused("write", error.to_string())))
    }
}

/// What a write came to.
enum Change<T> {
    /// The state was changed and has to be made durable.
    Made(T),
    /// Nothing was changed.
    None(T),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one assignment, so a panicking holder leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn write<T>(
        &self,
        change: impl FnOnce(&mut Durable) -> Result<Change<T>, CoordinatorError>,
    ) -> Result<T, CoordinatorError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &writer.failed {
            return Err(error.clone());
        }
        let mut next = self.state().durable.clone();
        let answer = match change(&mut next)? {
            Change::None(answer) => return Ok(answer),
            Change::Made(answer) => answer,
        };
        // Durable first, visible second: nobody acts on what a power cut could take back.
        if let Some(file) = &writer.file
            && let Err(error) = file.replace(&next)
        {
            writer.failed = Some(error.clone());
            return Err(error);
        }
        self.state().durable = next;
        self.changed();
        Ok(answer)
    }
}

fn refused(what: &str, reason: String) -> CoordinatorError {
    CoordinatorError::Refused { endpoint: ENDPOINT.to_owned(), what: what.to_owned(), reason }
}

impl Coordinator for Embedded {
    fn register_version(
        &self,
        record: VersionRecord,
    ) -> BoxFuture<'_, Result<Registered, CoordinatorError>> {
        async move {
            check_name("rule set", &record.ruleset)?;
            check_name("version", &record.version)?;
            let value = encode("version record", &record)?;
            self.write(move |durable| {
                let key = (record.ruleset, record.version);
                if let Some(existing) = durable.versions.get(&key) {
                    let existing: VersionRecord =
                        existing.decode(&format!("{}/{}", key.0, key.1))?;
                    return Ok(Change::None(if existing.digest == record.digest {
                        Registered::AlreadySame
                    } else {
                        Registered::Conflict { existing: existing.digest }
                    }));
                }
                if durable.versions.len() >= VERSIONS_MAX {
                    let reason = format!("{VERSIONS_MAX} versions are kept at most");
                    return Err(refused("register a version", reason));
                }
                let stored = durable.store(value);
                durable.versions.insert(key, stored);
                Ok(Change::Made(Registered::Created))
            })
            .await
        }
        .boxed()
    }

    fn versions<'a>(
        &'a self,
        ruleset: &'a str,
    ) -> BoxFuture<'a, Result<Vec<VersionRecord>, CoordinatorError>> {
        let state = self.shared.state();
        let of_ruleset = state.durable.versions.iter().filter(|(key, _)| key.0 == ruleset);
        let versions = of_ruleset.filter_map(|(_, stored)| decode(&stored.value).ok()).collect();
        drop(state);
        async move { Ok(versions) }.boxed()
    }

    fn channel<'a>(
        &'a self,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Option<(ChannelRecord, Revision)>, CoordinatorError>> {
        async move {
            check_channel(channel)?;
            let stored = self.shared.state().durable.channels.get(channel).cloned();
            let Some(stored) = stored else { return Ok(None) };
            Ok(Some((stored.decode(channel)?, stored.revision())))
        }
        .boxed()
    }

    fn propose<'a>(
        &'a self,
        channel: &'a str,
        expected: Option<Revision>,
        record: ChannelRecord,
    ) -> BoxFuture<'a, Result<Revision, CoordinatorError>> {
        async move {
            check_channel(channel)?;
            let value = encode("channel record", &record)?;
            let channel = channel.to_owned();
            self.write(move |durable| {
                let actual = durable.channels.get(&channel);
                let actual_revision = actual.map(state::Stored::revision);
                if let (Some(actual), Some(revision)) = (actual, actual_revision)
                    && actual.value == value
                {
                    return Ok(Change::None(revision));
                }
                if actual_revision != expected {
                    let actual = actual_revision;
                    return Err(CoordinatorError::Conflict { channel, expected, actual });
                }
                if expected.is_none() && durable.channels.len() >= CHANNELS_MAX {
                    let reason = format!("{CHANNELS_MAX} channels are kept at most");
                    return Err(refused("create a channel", reason));
                }
                let stored = durable.store(value);
                let revision = stored.revision();
                durable.channels.insert(channel, stored);
                Ok(Change::Made(revision))
            })
            .await
        }
        .boxed()
    }

    fn watch(&self) -> BoxStream<'static, WatchEvent> {
        watch::stream(self.shared.clone())
    }

    fn campaign(&self, node: String) -> BoxStream<'static, Leadership> {
        election::stream(self.shared.clone(), node)
    }

    fn register_node(
        &self,
        node: NodeRecord,
    ) -> BoxFuture<'_, Result<Registration, CoordinatorError>> {
        async move {
            encode("node record", &node)?;
            let seat = self.shared.state().register(node);
            self.shared.changed();
            let (registration, dropped) = Registration::new();
            let shared = self.shared.clone();
            tokio::spawn(async move {
                let _ = dropped.await;
                shared.state().unregister(seat);
                shared.changed();
            });
            Ok(registration)
        }
        .boxed()
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeRecord>, CoordinatorError>> {
        let nodes = self.shared.state().nodes();
        async move { Ok(nodes) }.boxed()
    }
}
