//! An agent as the controller's host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cairn_gossip::{Directive, EventKey, Level};
use cairn_ruleset::ir::Audience;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use serde::Serialize;

use super::firing::{key, seed};
use super::host::{Broadcast, Host, NotPublished, View};
use super::timers::{EPOCHS_MAX, Epoch, Instant, Skipped, Timer};
use crate::agent::AgentHandle;
use crate::agent::PublishError;
use crate::agent::{ChannelStatus, Progress, PublishEvent};
use crate::api::value::Shown;
use crate::coordinator::Leadership;
use crate::live::{EvalRequest, Live, PityMap, Place};

/// For one event to become durable here.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// See the [module](self).
pub(super) struct AgentHost {
    agent: AgentHandle,
    /// Versions that were live since we run, newest first, by channel: late instants belong to
    /// the version that was in force then. At most [`EPOCHS_MAX`] each.
    versions: Mutex<BTreeMap<String, Vec<Version>>>,
}

struct Version {
    live: Arc<Live>,
    /// Parsed once: schedules are not cheap to parse.
    epoch: Arc<Epoch>,
}

impl AgentHost {
    pub(super) fn new(agent: AgentHandle) -> AgentHost {
        AgentHost { agent, versions: Mutex::default() }
    }

    async fn view(&self, status: &ChannelStatus) -> Option<View> {
        let channel = status.channel.clone();
        let live = self.agent.live(&channel)?;
        let record = self.agent.channel_record(&channel).await.ok()?;
        let chain = record.map(|record| record.chain).unwrap_or_default();
        let directives: Vec<Directive> =
            chain.iter().filter_map(|signed| Directive::decode(&signed.body).ok()).collect();
        let newer = directives.first().filter(|newest| newest.generation > live.generation());
        let awaited = newer.filter(|_| status.progress != Progress::Rejected);
        let held_from_ms = awaited.map(|directive| milliseconds(directive.time_ms));
        let epoch = self.epoch(live, &directives);
        Some(View { channel, epoch, held_from_ms })
    }

    /// What a live version is to the timers.
    fn epoch(&self, live: Arc<Live>, directives: &[Directive]) -> Arc<Epoch> {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let held = versions.entry(live.channel().to_owned()).or_default();
        let generation = live.generation();
        if let Some(found) = held.iter().find(|held| held.live.generation() == generation) {
            return found.epoch.clone();
        }
        let ours = directives.iter().find(|one| one.generation == generation);
        // A version from before what the chain remembers has been in force all along.
        let since_ms = ours.map_or(0, |directive| milliseconds(directive.time_ms));
        let (digest, timers) = (live.digest(), timers(&live));
        let epoch = Arc::new(Epoch { generation, digest, since_ms, timers });
        held.insert(0, Version { live, epoch: epoch.clone() });
        held.truncate(EPOCHS_MAX);
        epoch
    }

    fn version(&self, instant: &Instant) -> Option<Arc<Live>> {
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = versions.get(&instant.channel)?.iter();
        held.find(|held| held.live.digest() == instant.digest).map(|held| held.live.clone())
    }
}

fn timers(live: &Live) -> Vec<Timer> {
    let parsed = live.timers().into_iter().map(|def| {
        Timer::new(live.ruleset(), &def).inspect_err(|error| {
            // The compiler refuses these; a bundle from elsewhere may hold one.
            tracing::error!(timer = def.name, %error, "timer cannot be scheduled");
        })
    });
    parsed.filter_map(Result::ok).collect()
}

fn milliseconds(time_ms: u64) -> i64 {
    i64::try_from(time_ms).unwrap_or(i64::MAX)
}

/// The payload of an event that a timer caused. Field order is part of the format.
#[derive(Serialize)]
struct Payload<'a> {
    rule: &'a str,
    name: &'a str,
    timer: &'a str,
    instant_ms: i64,
    version: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loot: Vec<Dropped<'a>>,
    payload: BTreeMap<&'a str, Shown>,
}

#[derive(Serialize)]
struct Dropped<'a> {
    item: &'a str,
    count: u32,
}

impl Host for AgentHost {
    fn campaign(&self) -> BoxStream<'static, Leadership> {
        self.agent.coordinator().campaign(self.agent.node().to_string())
    }

    fn led_by(&self, leadership: &Leadership) {
        self.agent.report_leadership(leadership);
    }

    fn changes(&self) -> BoxStream<'static, ()> {
        let changes = self.agent.live_changes();
        stream::unfold(changes, |mut changes| async move {
            changes.changed().await.ok()?;
            changes.mark_unchanged();
            Some(((), changes))
        })
        .boxed()
    }

    fn views(&self) -> BoxFuture<'_, Option<Vec<View>>> {
        async move {
            let status = self.agent.status().await.ok()?;
            let mut views = Vec::with_capacity(status.channels.len());
            for channel in &status.channels {
                views.extend(self.view(channel).await);
            }
            Some(views)
        }
        .boxed()
    }

    fn is_lowest(&self) -> BoxFuture<'_, bool> {
        async move {
            let Ok(status) = self.agent.status().await else { return false };
            let mut alive = status.members.iter().filter(|member| member.alive);
            alive.all(|member| member.node > status.node)
        }
        .boxed()
    }

    fn broadcasts(&self, instant: &Instant) -> Result<Vec<Broadcast>, String> {
        let Some(live) = self.version(instant) else {
            return Err(format!("version {} is not here any more", instant.digest.short()));
        };
        let request = EvalRequest {
            trigger: Some(format!("timer.{}", instant.timer)),
            rule: None,
            context: BTreeMap::new(),
            seed: seed(&instant.digest, &instant.timer, instant.at_ms),
            player: 0,
            // Whoever leads, wherever it runs: the whole fleet gets the same broadcast.
            place: Place::nowhere(),
            now_ms: Some(instant.at_ms),
            counters: BTreeMap::new(),
            active: BTreeMap::new(),
            pity: PityMap::new(),
        };
        let Some(evaluated) = live.evaluate(&[request]).pop() else {
            return Err("no answer to an evaluation".to_owned());
        };
        let evaluated = evaluated.map_err(|error| error.to_string())?;
        let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut broadcasts = Vec::new();
        for outcome in &evaluated.outcomes {
            if outcome.audience != Audience::Cluster {
                continue;
            }
            let index = seen.entry((&outcome.rule, &outcome.name)).or_default();
            let key = key(instant, &outcome.rule, &outcome.name, *index);
            *index += 1;
            let payload = Payload {
                rule: &outcome.rule,
                name: &outcome.name,
                timer: &instant.timer,
                instant_ms: instant.at_ms,
                version: live.version(),
                loot: outcome
                    .loot
                    .iter()
                    .map(|drop| Dropped { item: &drop.item, count: drop.count })
                    .collect(),
                payload: outcome
                    .payload
                    .iter()
                    .map(|(name, value)| (name.as_str(), Shown(value.clone())))
                    .collect(),
            };
            let payload = serde_json::to_vec(&payload).map_err(|error| error.to_string())?;
            let (topic, payload) = (outcome.name.clone(), Bytes::from(payload));
            broadcasts.push(Broadcast { topic, payload, key });
        }
        Ok(broadcasts)
    }

    fn known<'a>(&'a self, keys: &'a [EventKey]) -> BoxFuture<'a, Vec<bool>> {
        async move { self.agent.known_keys(keys.to_vec()).await.unwrap_or_default() }.boxed()
    }

    fn publish(&self, broadcast: Broadcast) -> BoxFuture<'_, Result<(), NotPublished>> {
        async move {
            let key = broadcast.key;
            let event = PublishEvent {
                topic: broadcast.topic,
                payload: broadcast.payload,
                // A retry of ours whose first attempt went through gets that one's id.
                idempotency: Some(format!("{}@{}", key.scope, key.n)),
                key: Some(key),
                context: None,
                level: Level::Local,
                timeout: PUBLISH_TIMEOUT,
            };
            match self.agent.publish_event(event).await {
                Ok(_) => Ok(()),
                Err(PublishError::Stopped(_)) => Err(NotPublished::Stopped),
                Err(error @ (PublishError::Timeout { .. } | PublishError::LogFull { .. })) => {
                    Err(NotPublished::Later(error.to_string()))
                }
                Err(error) => Err(NotPublished::Never(error.to_string())),
            }
        }
        .boxed()
    }

    fn fired(&self, instant: &Instant, late_ms: i64, count: usize) {
        let Instant { channel, timer, at_ms, .. } = instant;
        tracing::info!(channel, timer, at_ms, late_ms, count, "timer fired");
        self.agent.metrics().timers_fired(1);
    }

    fn skipped(&self, skipped: &Skipped) {
        let Skipped { channel, timer, first_ms, last_ms, count, more, why } = skipped;
        tracing::warn!(
            channel,
            timer,
            first_ms,
            last_ms,
            count,
            more,
            ?why,
            "timer instants were missed and are not fired"
        );
        self.agent.metrics().timers_skipped(u64::try_from(*count).unwrap_or(u64::MAX));
    }

    fn failed(&self, instant: &Instant, reason: &str) {
        let Instant { channel, timer, at_ms, .. } = instant;
        tracing::error!(channel, timer, at_ms, reason, "timer instant cannot be fired");
        self.agent.metrics().timers_skipped(1);
    }

    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
