//! The coordinator as one agent sees it. Nothing here is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use cairn_gossip::{ChannelRecord, NodeId};
use futures::StreamExt;
use tokio::sync::mpsc;

use super::event::Event;
use super::publishing::{Place, believed, place};
use super::request::CoordinatorStatus;
use super::running::Running;
use crate::coordinator::{
    Coordinator, CoordinatorError, Leadership, NodeRecord, Revision, WatchEvent,
};
use crate::telemetry::of_directive;

/// What is known of the coordinator.
pub(super) struct Coordination {
    coordinator: Arc<dyn Coordinator>,
    node: NodeId,
    /// Set by the first `Synced`: before it, silence is not consent.
    synced: bool,
    unreachable: Option<String>,
    leader: Option<String>,
    /// What stands there per channel: revision, and the place of its newest directive.
    stored: BTreeMap<String, (Revision, Place)>,
    writing_back: BTreeSet<String>,
    /// Nodes in the registry: ways into the cluster.
    pub(super) seeds: BTreeMap<NodeId, SocketAddr>,
}

impl Coordination {
    pub(super) fn new(coordinator: Arc<dyn Coordinator>, node: NodeId) -> Coordination {
        Coordination {
            coordinator,
            node,
            synced: false,
            unreachable: None,
            leader: None,
            stored: BTreeMap::new(),
            writing_back: BTreeSet::new(),
            seeds: BTreeMap::new(),
        }
    }

    pub(super) fn reachable(&self) -> bool {
        self.synced && self.unreachable.is_none()
    }

    pub(super) fn status(&self) -> CoordinatorStatus {
        let waiting = || (!self.synced).then(|| "no answer yet".to_owned());
        CoordinatorStatus {
            reachable: self.reachable(),
            detail: self.unreachable.clone().or_else(waiting),
            leader: self.leader.clone(),
        }
    }

    fn led_by(&mut self, leadership: Leadership) {
        self.leader = match leadership {
            Leadership::Leader { .. } => Some(self.node.to_string()),
            Leadership::Follower { leader } => Some(leader),
            Leadership::Lost { .. } => None,
        };
    }

    /// Whether it is on this node to write back: the leader does, or anyone while nobody leads
    /// (compare-and-swap lets one of them win).
    fn is_ours_to_write(&self) -> bool {
        self.leader.as_ref().is_none_or(|leader| *leader == self.node.to_string())
    }
}

/// Forward the coordinator's watch into the loop and keep this node in its registry, until the
/// task is dropped. Goes through the bounded queue of requests: a coordinator that tells more than
/// the loop takes is read more slowly. Holds that queue only weakly, because an agent without a
/// handle ends.
pub(super) async fn follow(
    coordinator: Arc<dyn Coordinator>,
    node: NodeRecord,
    events: mpsc::WeakSender<Event>,
) {
    // The registration is kept until this task ends; registering goes on while etcd is away.
    let registered = coordinator.register_node(node).await;
    if let Err(error) = &registered {
        tracing::warn!(%error, hint = error.hint(), "this node is not in the registry");
    }
    let mut watch = coordinator.watch();
    while let Some(event) = watch.next().await {
        let Some(events) = events.upgrade() else { return };
        if events.send(Event::Coordinator(event)).await.is_err() {
            return;
        }
    }
}

impl Running {
    pub(super) fn coordinated(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Channel { channel, record, revision } => {
                // What nobody signed counts for nothing: it must not keep ours from going back.
                let stored = match believed(&self.verifier, &channel, &record) {
                    true => place(Some(&record)),
                    false => Place::default(),
                };
                self.coordination.stored.insert(channel.clone(), (revision, stored));
                let hop = tracing::info_span!("hop", node = self.name, addr = "coordinator");
                let of = record.newest().map(|newest| of_directive(&newest.digest()));
                crate::telemetry::continued_from(&hop, of.as_deref());
                let trace = crate::telemetry::carried(&hop);
                self.tell(cairn_gossip::Input::Propose { record, trace }.into());
                if let Some(record) = self.core.replica().channel(&channel).cloned() {
                    self.write_back_if_behind(&channel, &record);
                }
            }
            WatchEvent::ChannelGone { channel } => {
                self.coordination.stored.remove(&channel);
                if let Some(record) = self.core.replica().channel(&channel).cloned() {
                    self.write_back_if_behind(&channel, &record);
                }
            }
            WatchEvent::Synced { restored } => {
                self.coordination.synced = true;
                self.live.heard().coordinator(true);
                if restored {
                    tracing::warn!("the coordinator's history went back: the fleet's wins");
                }
                // What the fleet decided while it was away, or what it forgot.
                self.write_back_all();
            }
            WatchEvent::Unreachable { reason } => {
                tracing::warn!(reason, "coordinator unreachable: what is live stays live");
                self.coordination.unreachable = Some(reason);
                self.live.heard().coordinator(false);
            }
            WatchEvent::Reachable => {
                tracing::info!("coordinator reachable");
                self.coordination.unreachable = None;
            }
            WatchEvent::Corrupt { key, reason } => {
                self.metrics.alarm();
                tracing::error!(key, reason, "the coordinator holds a value that is not ours");
                self.look_at_corrupt(&key);
            }
            WatchEvent::Node(node) => self.registered(&node),
            WatchEvent::NodeGone { id } => {
                self.coordination.seeds.remove(&id);
            }
            WatchEvent::Version(_) => {}
        }
        self.metrics.coordinator(self.coordination.reachable());
    }

    /// A value that is not ours stands where a channel's record should: ask at which revision, so
    /// that ours can replace it.
    fn look_at_corrupt(&mut self, key: &str) {
        let channels: Vec<_> = self.core.replica().channels().map(str::to_owned).collect();
        for channel in channels.into_iter().filter(|channel| key.ends_with(channel.as_str())) {
            let coordinator = self.coordination.coordinator.clone();
            let internal = self.internal.clone();
            self.tasks.spawn(async move {
                if let Err(CoordinatorError::Corrupt { revision, .. }) =
                    coordinator.channel(&channel).await
                {
                    let _ = internal.send(Event::CorruptAt { channel, revision });
                }
            });
        }
    }

    /// Who leads changed: what the last leader did not write back is ours to write now.
    pub(super) fn led_by(&mut self, leadership: Leadership) {
        self.coordination.led_by(leadership);
        if self.coordination.is_ours_to_write() {
            self.write_back_all();
        }
    }

    fn write_back_all(&mut self) {
        let replica = self.core.replica();
        let ours = |name: &str| Some((name.to_owned(), replica.channel(name)?.clone()));
        let ours: Vec<_> = replica.channels().filter_map(ours).collect();
        for (channel, record) in ours {
            self.write_back_if_behind(&channel, &record);
        }
    }

    pub(super) fn corrupt_at(&mut self, channel: &str, revision: Revision) {
        self.coordination.stored.insert(channel.to_owned(), (revision, Place::default()));
        if let Some(record) = self.core.replica().channel(channel).cloned() {
            self.write_back_if_behind(channel, &record);
        }
    }

    /// A write back ended. What the watch told meanwhile was not compared, because one write of a
    /// channel is under way at a time: it is compared now. What it has yet to tell, it will.
    pub(super) fn written_back(&mut self, channel: &str, expected: Option<Revision>) {
        self.coordination.writing_back.remove(channel);
        let stored = self.coordination.stored.get(channel).map(|(revision, _)| *revision);
        if stored == expected {
            return;
        }
        if let Some(record) = self.core.replica().channel(channel).cloned() {
            self.write_back_if_behind(channel, &record);
        }
    }

    /// The fleet's higher signed generation wins over a coordinator that was restored from an
    /// old backup, or that was away during a break-glass rollback.
    pub(super) fn write_back_if_behind(&mut self, channel: &str, record: &ChannelRecord) {
        let known = &mut self.coordination;
        let stored = known.stored.get(channel);
        let behind = stored.map(|(_, stored)| *stored).unwrap_or_default() < place(Some(record));
        if !behind || !known.reachable() || !known.is_ours_to_write() {
            return;
        }
        if !known.writing_back.insert(channel.to_owned()) {
            return;
        }
        let expected = stored.map(|(revision, _)| *revision);
        let (coordinator, internal) = (known.coordinator.clone(), self.internal.clone());
        let (channel, record) = (channel.to_owned(), record.clone());
        self.tasks.spawn(async move {
            match coordinator.propose(&channel, expected, record).await {
                Ok(_) => tracing::info!(channel, "wrote our generation back to the coordinator"),
                // Somebody was faster, or it is away again: the watch tells, and we compare again.
                Err(error) => tracing::info!(channel, %error, "did not write back"),
            }
            let _ = internal.send(Event::WrittenBack { channel, expected });
        });
    }
}
