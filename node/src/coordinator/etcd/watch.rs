//! Watching etcd through restarts, compactions and restored backups.
//!
//! An etcd watch never resumes by itself, falls silent after a compaction, and falls silent when
//! it starts at a revision that a restored server has not reached yet. So after every break the
//! whole state is read again at one revision and compared with what was told: only differences
//! are told, and no case is special. The state is small (one record per channel, version and
//! node), and breaks are rare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cairn_gossip::NodeId;
use cairn_merkle::Digest;
use etcd_client::{EventType, GetOptions, KeyValue, ResponseHeader, WatchOptions, WatchStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::keys::{Place, shown};
use super::link::{Failure, Link, limited};
use crate::coordinator::codec::decode;
use crate::coordinator::{Revision, WatchEvent};

/// Keys per range request. With values at etcd's own limit of 1.5 MB this stays below
/// [`MESSAGE_BYTES_MAX`].
const PAGE_KEYS: i64 = 32;

/// Largest message accepted from etcd.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Pauses between attempts to reach etcd again.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Where etcd's history stood when it last spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct History {
    cluster: u64,
    raft_term: u64,
    revision: i64,
}

impl History {
    fn of(header: Option<&ResponseHeader>) -> History {
        header.map_or(History { cluster: 0, raft_term: 0, revision: 0 }, |header| History {
            cluster: header.cluster_id(),
            raft_term: header.raft_term(),
            revision: header.revision(),
        })
    }

    /// Whether `self` cannot be a later state of `before`: another cluster, or one that was
    /// restored from a backup (it counts revisions from there and raft terms from the start).
    fn went_back(&self, before: &History) -> bool {
        self.cluster != before.cluster
            || self.revision < before.revision
            || self.raft_term < before.raft_term
    }
}

/// What was told about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    revision: i64,
    content: Digest,
}

/// One watch. Ends when nobody listens.
pub(super) struct Watch {
    link: Arc<Link>,
    tell: mpsc::Sender<WatchEvent>,
    told: BTreeMap<Vec<u8>, Told>,
    history: Option<History>,
    reachable: bool,
}

/// Nobody listens any more.
struct Closed;

impl From<mpsc::error::SendError<WatchEvent>> for Closed {
    fn from(_: mpsc::error::SendError<WatchEvent>) -> Closed {
        Closed
    }
}

impl Watch {
    pub(super) fn new(link: Arc<Link>, tell: mpsc::Sender<WatchEvent>) -> Watch {
        Watch { link, tell, told: BTreeMap::new(), history: None, reachable: true }
    }

    pub(super) async fn run(mut self) {
        let listening = self.tell.clone();
        tokio::select! {
            _ = self.serve() => {}
            () = listening.closed() => {}
        }
    }

    async fn serve(&mut self) -> Result<(), Closed> {
        let mut pause = PAUSE_MIN;
        loop {
            let before = self.history;
            let reason = match self.round().await? {
                Ended::Compacted => continue,
                Ended::Broken(reason) => reason,
            };
            if self.reachable {
                self.reachable = false;
                self.tell.send(WatchEvent::Unreachable { reason }).await?;
            }
            // A round that got anywhere starts the pauses anew.
            pause = if before == self.history { (pause * 2).min(PAUSE_MAX) } else { PAUSE_MIN };
            sleep(pause).await;
        }
    }

    /// Read everything, tell the differences, then tell changes until something breaks.
    async fn round(&mut self) -> Result<Ended, Closed> {
        let (snapshot, history) = match self.list().await {
            Ok(listed) => listed,
            Err(reason) => return Ok(Ended::Broken(reason)),
        };
        if !self.reachable {
            self.reachable = true;
            self.tell.send(WatchEvent::Reachable).await?;
        }
        let restored = self.history.is_some_and(|before| history.went_back(&before));
        if restored {
            tracing::warn!(?history, before = ?self.history, "etcd's history went back");
        }
        self.compare(snapshot).await?;
        self.history = Some(history);
        self.tell.send(WatchEvent::Synced { restored }).await?;
        let mut stream = match open(&self.link, self.link.keys.root(), history.revision + 1).await {
            Ok(stream) => stream,
            Err(reason) => return Ok(Ended::Broken(reason)),
        };
        self.follow(&mut stream).await
    }

    /// All keys under our prefix, at one revision.
    async fn list(&self) -> Result<(BTreeMap<Vec<u8>, KeyValue>, History), String> {
        let root = self.link.keys.root();
        let end = range_end(root);
        let mut found = BTreeMap::new();
        let mut start = root.as_bytes().to_vec();
        let mut at: Option<History> = None;
        loop {
            let revision = at.map_or(0, |history| history.revision);
            let options = GetOptions::new()
                .with_range(end.clone())
                .with_limit(PAGE_KEYS)
                .with_revision(revision);
            let from = start.clone();
            let page = self.link.attempt(|client| async move {
                let mut kv = client.kv_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
                kv.get(from, Some(options)).await
            });
            let mut page = page.await.map_err(|failure| match failure {
                Failure::Passing(reason) | Failure::Final(reason) => reason,
            })?;
            let history = *at.get_or_insert_with(|| History::of(page.header()));
            let more = page.more();
            for kv in page.take_kvs() {
                start = [kv.key(), &[0]].concat();
                found.insert(kv.key().to_vec(), kv);
            }
            if !more {
                return Ok((found, history));
            }
        }
    }

    /// Tell how `snapshot` differs from what was told.
    async fn compare(&mut self, snapshot: BTreeMap<Vec<u8>, KeyValue>) -> Result<(), Closed> {
        let gone: Vec<_> =
            self.told.keys().filter(|key| !snapshot.contains_key(*key)).cloned().collect();
        for key in gone {
            self.gone(&key).await?;
        }
        let mut present: Vec<_> = snapshot.into_values().collect();
        present.sort_by_key(KeyValue::mod_revision);
        for kv in present {
            self.present(&kv).await?;
        }
        Ok(())
    }

    async fn follow(&mut self, stream: &mut WatchStream) -> Result<Ended, Closed> {
        loop {
            let response = match stream.message().await {
                Ok(Some(response)) => response,
                Ok(None) => return Ok(Ended::Broken("watch closed by the server".to_owned())),
                Err(error) => return Ok(Ended::Broken(limited(&error.to_string()))),
            };
            if response.canceled() {
                return Ok(if response.compact_revision() > 0 {
                    Ended::Compacted
                } else {
                    Ended::Broken(format!("watch canceled: {}", limited(response.cancel_reason())))
                });
            }
            for event in response.events() {
                let Some(kv) = event.kv() else { continue };
                match event.event_type() {
                    EventType::Put => self.present(kv).await?,
                    EventType::Delete => self.gone(kv.key()).await?,
                }
            }
            if let Some(header) = response.header() {
                self.history = Some(History::of(Some(header)));
            }
        }
    }

    async fn present(&mut self, kv: &KeyValue) -> Result<(), Closed> {
        let told = Told { revision: kv.mod_revision(), content: Digest::of(kv.value()) };
        if self.told.insert(kv.key().to_vec(), told) == Some(told) {
            return Ok(());
        }
        let value = kv.value();
        let event = match self.link.keys.place(kv.key()) {
            Place::Leader => return Ok(()),
            Place::Unknown => Err("not a key of ours".to_owned()),
            Place::Version => decode(value).map(WatchEvent::Version),
            Place::Channel(channel) => decode(value).map(|record| WatchEvent::Channel {
                channel,
                record,
                revision: revision_of(kv),
            }),
            Place::Node(_) => decode(value).map(WatchEvent::Node),
        };
        let event = event.unwrap_or_else(|reason| {
            let key = shown(kv.key());
            tracing::warn!(key, reason, "value in etcd is not one of ours; skipped");
            WatchEvent::Corrupt { key, reason }
        });
        Ok(self.tell.send(event).await?)
    }

    async fn gone(&mut self, key: &[u8]) -> Result<(), Closed> {
        if self.told.remove(key).is_none() {
            return Ok(());
        }
        let event = match self.link.keys.place(key) {
            Place::Channel(channel) => WatchEvent::ChannelGone { channel },
            Place::Node(id) => node_gone(id),
            Place::Version | Place::Leader | Place::Unknown => return Ok(()),
        };
        Ok(self.tell.send(event).await?)
    }
}

fn node_gone(id: NodeId) -> WatchEvent {
    WatchEvent::NodeGone { id }
}

enum Ended {
    /// What we wanted to see next is compacted away: read everything again.
    Compacted,
    Broken(String),
}

/// The revision of a stored value.
pub(super) fn revision_of(kv: &KeyValue) -> Revision {
    Revision::new(u64::try_from(kv.mod_revision()).unwrap_or(0), kv.value())
}

/// Resolves when `key` changed at or after `revision`.
///
/// # Errors
/// Why that cannot be known any more.
pub(super) async fn changes_of_key(link: &Link, key: &str, revision: i64) -> Result<(), String> {
    let mut stream = open_with(link, key, WatchOptions::new(), revision).await?;
    loop {
        match stream.message().await {
            // Compacted: it may well have changed.
            Ok(Some(response)) if response.compact_revision() > 0 => return Ok(()),
            Ok(Some(response)) if response.canceled() => {
                return Err(format!("watch canceled: {}", limited(response.cancel_reason())));
            }
            Ok(Some(response)) if !response.events().is_empty() => return Ok(()),
            Ok(Some(_)) => {}
            Ok(None) => return Err("watch closed by the server".to_owned()),
            Err(error) => return Err(limited(&error.to_string())),
        }
    }
}

async fn open(link: &Link, root: &str, revision: i64) -> Result<WatchStream, String> {
    open_with(link, root, WatchOptions::new().with_prefix(), revision).await
}

async fn open_with(
    link: &Link,
    key: &str,
    options: WatchOptions,
    revision: i64,
) -> Result<WatchStream, String> {
    let options = options.with_start_revision(revision);
    let opened = timeout(link.config.attempt_timeout, async {
        let client = link.client().await?;
        let mut watch = client.watch_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
        watch.watch(key, Some(options)).await
    });
    match opened.await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(limited(&error.to_string())),
        Err(_) => Err("no answer to a watch".to_owned()),
    }
}

/// The key after all keys that begin with `prefix`.
pub(super) fn range_end(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    // Our prefixes end in '/', so the last byte always has a successor.
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_goes_back_when_any_of_its_counts_does() {
        let before = History { cluster: 1, raft_term: 5, revision: 100 };
        let check = |cluster, raft_term, revision, expect| {
            let now = History { cluster, raft_term, revision };
            assert_eq!(now.went_back(&before), expect, "{now:?}");
        };
        check(1, 5, 100, false);
        check(1, 6, 101, false);
        check(2, 6, 101, true);
        check(1, 5, 99, true);
        check(1, 2, 200, true);
    }
}
