//! The coordinator of a fleet: etcd.
//!
//! Used for order alone: transactions that create or compare-and-swap, one watch, leases. No etcd
//! locks, and nothing that has to be kept secret. Losing etcd loses no service: agents go on with
//! what they have. Losing its *content* loses nothing either: the fleet's signed records are
//! written back (see `controller::reconcile`).

mod config;
mod election;
mod keys;
mod lease;
mod link;
mod registry;
mod watch;

use std::sync::Arc;

use cairn_gossip::ChannelRecord;
use etcd_client::{Compare, CompareOp, GetOptions, KeyValue, Txn, TxnOp};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

pub use self::config::EtcdConfig;
use self::keys::shown;
use self::link::Link;
use self::watch::{MESSAGE_BYTES_MAX, range_end, revision_of};
use super::codec::{check_channel, check_name, decode, encode};
use super::{
    Coordinator, CoordinatorError, Leadership, NodeRecord, Registered, Registration, Revision,
    VersionRecord, WatchEvent,
};

/// Events that wait for a slow watcher before its watch stops reading.
const WATCH_QUEUE_MAX: usize = 256;

/// How often a create that found the key neither absent nor present is repeated.
const CREATE_ATTEMPTS_MAX: usize = 8;

/// See the [module](self).
pub struct Etcd {
    link: Arc<Link>,
}

impl Etcd {
    /// Check the settings and read their files. Connects on first use: etcd may be away.
    ///
    /// # Errors
    /// [`CoordinatorError::Setting`] or [`CoordinatorError::Name`]; no socket was opened.
    pub fn new(config: EtcdConfig) -> Result<Arc<Etcd>, CoordinatorError> {
        Ok(Arc::new(Etcd { link: Arc::new(Link::new(config)?) }))
    }

    /// The value of one key.
    async fn get(&self, what: &str, key: &str) -> Result<Option<KeyValue>, CoordinatorError> {
        let response = self
            .link
            .request(what, |client| async move {
                let mut kv = client.kv_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
                kv.get(key, None).await
            })
            .await;
        Ok(response?.take_kvs().pop())
    }

    /// Put `value` if the condition holds; the revision of the write, or `None`.
    async fn put_if(
        &self,
        what: &str,
        condition: &Compare,
        key: &str,
        value: &[u8],
    ) -> Result<Option<u64>, CoordinatorError> {
        let response = self
            .link
            .request(what, |mut client| {
                let put = TxnOp::put(key, value, None);
                let transaction = Txn::new().when([condition.clone()]).and_then([put]);
                async move { client.txn(transaction).await }
            })
            .await?;
        let revision = response.header().map_or(0, |header| header.revision());
        Ok(response.succeeded().then(|| u64::try_from(revision).unwrap_or(0)))
    }

    /// All values whose keys begin with `prefix`, those that do not decode left out.
    async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        prefix: &str,
    ) -> Result<Vec<T>, CoordinatorError> {
        let mut found = Vec::new();
        let mut start = prefix.as_bytes().to_vec();
        loop {
            let from = &start;
            let response = self.link.request(what, |client| async move {
                let options = GetOptions::new().with_range(range_end(prefix)).with_limit(32);
                let mut kv = client.kv_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
                kv.get(from.clone(), Some(options)).await
            });
            let mut page = response.await?;
            let more = page.more();
            for kv in page.take_kvs() {
                start = [kv.key(), &[0]].concat();
                match decode(kv.value()) {
                    Ok(record) => found.push(record),
                    Err(reason) => {
                        let key = shown(kv.key());
                        tracing::warn!(key, reason, "value in etcd is not one of ours; skipped");
                    }
                }
            }
            if !more {
                return Ok(found);
            }
        }
    }
}

fn read<T: DeserializeOwned>(kv: &KeyValue) -> Result<T, CoordinatorError> {
    decode(kv.value()).map_err(|reason| CoordinatorError::Corrupt {
        key: shown(kv.key()),
        revision: revision_of(kv),
        reason,
    })
}

impl Coordinator for Etcd {
    fn register_version(
        &self,
        record: VersionRecord,
    ) -> BoxFuture<'_, Result<Registered, CoordinatorError>> {
        async move {
            const WHAT: &str = "register a version";
            check_name("rule set", &record.ruleset)?;
            check_name("version", &record.version)?;
            let value = encode("version record", &record)?;
            let key = self.link.keys.version(&record.ruleset, &record.version);
            let absent = Compare::version(key.as_str(), CompareOp::Equal, 0);
            for _ in 0..CREATE_ATTEMPTS_MAX {
                if self.put_if(WHAT, &absent, &key, &value).await?.is_some() {
                    return Ok(Registered::Created);
                }
                // Deleted by hand between the two requests: try again.
                let Some(kv) = self.get(WHAT, &key).await? else { continue };
                let existing: VersionRecord = read(&kv)?;
                // After a lost answer our own first attempt is found here: the same, already.
                return Ok(if existing.digest == record.digest {
                    Registered::AlreadySame
                } else {
                    Registered::Conflict { existing: existing.digest }
                });
            }
            Err(CoordinatorError::Refused {
                endpoint: self.link.endpoint(),
                what: WHAT.to_owned(),
                reason: format!("{key} comes and goes"),
            })
        }
        .boxed()
    }

    fn versions<'a>(
        &'a self,
        ruleset: &'a str,
    ) -> BoxFuture<'a, Result<Vec<VersionRecord>, CoordinatorError>> {
        async move {
            check_name("rule set", ruleset)?;
            self.list("list versions", &self.link.keys.versions(ruleset)).await
        }
        .boxed()
    }

    fn channel<'a>(
        &'a self,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Option<(ChannelRecord, Revision)>, CoordinatorError>> {
        async move {
            check_channel(channel)?;
            match self.get("read a channel", &self.link.keys.channel(channel)).await? {
                Some(kv) => Ok(Some((read(&kv)?, revision_of(&kv)))),
                None => Ok(None),
            }
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
            const WHAT: &str = "change a channel";
            check_channel(channel)?;
            let value = encode("channel record", &record)?;
            let key = self.link.keys.channel(channel);
            let conflict = |actual| CoordinatorError::Conflict {
                channel: channel.to_owned(),
                expected,
                actual,
            };
            let condition = match expected {
                None => Compare::version(key.as_str(), CompareOp::Equal, 0),
                Some(expected) => {
                    // The revision number alone may name another value in a restored etcd, so the
                    // content is compared too; what changes in between fails on the number.
                    let found = self.get(WHAT, &key).await?;
                    let actual = found.as_ref().map(revision_of);
                    match found {
                        // Proposed before, and the answer was lost.
                        Some(kv) if kv.value() == value => return Ok(revision_of(&kv)),
                        _ if actual != Some(expected) => return Err(conflict(actual)),
                        _ => {}
                    }
                    let number = i64::try_from(expected.number).unwrap_or(i64::MAX);
                    Compare::mod_revision(key.as_str(), CompareOp::Equal, number)
                }
            };
            if let Some(number) = self.put_if(WHAT, &condition, &key, &value).await? {
                return Ok(Revision::new(number, &value));
            }
            match self.get(WHAT, &key).await? {
                // Our own write, whose answer was lost.
                Some(kv) if kv.value() == value => Ok(revision_of(&kv)),
                found => Err(conflict(found.map(|kv| revision_of(&kv)))),
            }
        }
        .boxed()
    }

    fn watch(&self) -> BoxStream<'static, WatchEvent> {
        let (tell, told) = mpsc::channel(WATCH_QUEUE_MAX);
        tokio::spawn(watch::Watch::new(self.link.clone(), tell).run());
        stream::unfold(told, |mut told| async move { Some((told.recv().await?, told)) }).boxed()
    }

    fn campaign(&self, node: String) -> BoxStream<'static, Leadership> {
        let (tell, told) = mpsc::channel(8);
        tokio::spawn(election::run(self.link.clone(), node, tell));
        stream::unfold(told, |mut told| async move { Some((told.recv().await?, told)) }).boxed()
    }

    fn register_node(
        &self,
        node: NodeRecord,
    ) -> BoxFuture<'_, Result<Registration, CoordinatorError>> {
        async move {
            let value = encode("node record", &node)?;
            let key = self.link.keys.node(node.id);
            let lease = match registry::put(&self.link, &key, &value).await {
                Ok(lease) => Some(lease),
                // An agent starts without etcd; its registration follows when etcd is back.
                Err(CoordinatorError::Unreachable { .. }) => None,
                Err(error) => return Err(error),
            };
            let (registration, dropped) = Registration::new();
            tokio::spawn(registry::keep(self.link.clone(), key, value, lease, dropped));
            Ok(registration)
        }
        .boxed()
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeRecord>, CoordinatorError>> {
        async move { self.list("list nodes", &self.link.keys.nodes()).await }.boxed()
    }
}
