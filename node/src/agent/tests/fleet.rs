//! Agents in one process, with keys, a coordinator and bundles of their own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cairn_gossip::{BundleRef, ChannelRecord, Directive, Level, SignedDirective};
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::ir::Program;
use cairn_ruleset::key::SecretKey;
use cairn_ruleset::lang::Source;
use cairn_ruleset::trust::{KeyEntry, KeyList, Role, SignedKeyList, Trust};
use futures::StreamExt;

use crate::agent::{
    AgentConfig, AgentHandle, Compile, ConsumeRequest, Consumer, PublishEvent, Stored,
};
use crate::coordinator::embedded::Embedded;
use crate::coordinator::{Coordinator, WatchEvent};
use crate::identity::{seal_head, sign_directive};

pub(super) const CHANNEL: &str = "hunt/prod";

/// Long enough that only a bug runs into it.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Keys {
    pub(super) publisher: SecretKey,
    pub(super) operator: SecretKey,
    pub(super) trust: Trust,
}

impl Keys {
    pub(super) fn new() -> Keys {
        let root = SecretKey::from_seed([1; 32]);
        let publisher = SecretKey::from_seed([2; 32]);
        let operator = SecretKey::from_seed([3; 32]);
        let entry = |key: &SecretKey, name: &str, role| KeyEntry {
            key: key.public(),
            name: name.to_owned(),
            roles: vec![role],
        };
        let entries = vec![
            entry(&publisher, "publisher", Role::Publisher),
            entry(&operator, "operator", Role::Operator),
        ];
        let list = SignedKeyList::sign(&root, &KeyList::new(1, entries)).unwrap();
        let trust = Trust::open(root.public(), &list).unwrap();
        Keys { publisher, operator, trust }
    }
}

/// A rule set in which `bonus` tells the versions apart.
pub(super) struct Bundle {
    pub(super) head: cairn_gossip::BundleHead,
    pub(super) envelope: Vec<u8>,
    pub(super) blobs: Vec<Vec<u8>>,
}

impl Bundle {
    pub(super) fn new(keys: &Keys, version: &str, bonus: u32) -> Bundle {
        Bundle::published(keys, version, bonus, 1)
    }

    /// With the time of its publication, by which nodes know the newest bundles.
    pub(super) fn published(keys: &Keys, version: &str, bonus: u32, published_ms: u64) -> Bundle {
        Bundle::of(keys, &Bundle::program(bonus), version, published_ms)
    }

    pub(super) fn program(bonus: u32) -> Program {
        let text = format!(
            r#"
ruleset "hunt" {{
  dialect = 1
  context = "hunt@1"
}}
enum "zone" {{ values = ["meadow", "crypt"] }}
trigger "boss_kill" {{
  fields = {{ level = int(1, 100), zone = zone }}
}}
param "bonus" {{
  type    = decimal
  default = {bonus}
  range   = [0.0, 50.0]
  doc     = "multiplies"
}}
loot_table "chest" {{
  entry "gold"  {{ weight = 900 }}
  entry "crown" {{
    weight = 100
    when   = trigger.level >= 40
  }}
}}
rule "drop" {{
  on   = boss_kill
  when = trigger.level >= 10 && trigger.zone == "crypt"
  emit "loot" {{
    table = chest
    count = 2
  }}
}}
"#
        );
        let source = Source { name: "hunt.rules.hcl".to_owned(), text };
        let judged = crate::compile::judge_sources(vec![source]);
        let diagnostics = format!("{:?}", judged.diagnostics);
        judged.program.unwrap_or_else(|| panic!("{diagnostics}"))
    }

    pub(super) fn of(keys: &Keys, program: &Program, version: &str, published_ms: u64) -> Bundle {
        let built = crate::compile::bundle(program, version, "test").unwrap();
        let envelope = Envelope::seal(&built.manifest, &[&keys.publisher]).unwrap();
        let head = seal_head(&envelope, &built.manifest, published_ms, &keys.publisher);
        let blobs = built.blobs.into_values().collect();
        Bundle { head, envelope: envelope.encode(), blobs }
    }

    pub(super) async fn publish(&self, agent: &AgentHandle) -> Stored {
        agent
            .add_bundle(self.head.clone(), self.envelope.clone(), self.blobs.clone())
            .await
            .unwrap()
    }
}

pub(super) fn config(
    keys: &Keys,
    dir: &Path,
    coordinator: Arc<dyn Coordinator>,
    seeds: &[&AgentHandle],
) -> AgentConfig {
    let name = dir.file_name().unwrap().to_string_lossy().into_owned();
    let channels = vec![CHANNEL.to_owned()];
    let mut config =
        AgentConfig::new(dir.to_owned(), name, keys.trust.clone(), coordinator, channels);
    config.seeds = seeds.iter().map(|agent| agent.gossip_addr()).collect();
    config.compile = Compile::InProcess;
    config
}

pub(super) struct Fleet {
    pub(super) keys: Keys,
    pub(super) dir: tempfile::TempDir,
    pub(super) coordinator: Arc<dyn Coordinator>,
    pub(super) agents: Vec<AgentHandle>,
}

impl Fleet {
    pub(super) async fn start(count: usize) -> Fleet {
        let dir = tempfile::tempdir().unwrap();
        let coordinator: Arc<dyn Coordinator> = Embedded::in_memory();
        let mut fleet = Fleet { keys: Keys::new(), dir, coordinator, agents: Vec::new() };
        for index in 0..count {
            let agent = fleet.start_one(index).await;
            fleet.agents.push(agent);
        }
        fleet
    }

    pub(super) async fn start_one(&self, index: usize) -> AgentHandle {
        let seeds: Vec<_> = self.agents.iter().take(1).collect();
        let dir = self.dir.path().join(format!("node-{index}"));
        let config = config(&self.keys, &dir, self.coordinator.clone(), &seeds);
        crate::agent::start(config).await.unwrap()
    }

    /// Move the channel to a bundle, through one agent.
    pub(super) async fn roll_out(&self, agent: &AgentHandle, bundle: &Bundle) -> u64 {
        let record = agent.channel_record(CHANNEL).await.unwrap();
        let (signed, expected) = self.directive(record.as_ref(), bundle, false);
        agent.propose(signed, expected).await.unwrap()
    }

    /// The directive that follows a record, and the generation that it follows.
    pub(super) fn directive(
        &self,
        record: Option<&ChannelRecord>,
        bundle: &Bundle,
        break_glass: bool,
    ) -> (SignedDirective, u64) {
        let newest = record.and_then(|record| record.newest()).cloned();
        let expected =
            newest.as_ref().map_or(0, |d| Directive::decode(&d.body).unwrap().generation);
        let directive = Directive {
            format: cairn_gossip::directive::DIRECTIVE_FORMAT,
            channel: CHANNEL.to_owned(),
            generation: expected + 1,
            target: BundleRef { ..bundle.head.bundle.clone() },
            rollout: None,
            freeze: false,
            previous: newest.map(|newest| newest.digest()),
            break_glass,
            actor: "test".to_owned(),
            writer: "test".to_owned(),
            reason: "because".to_owned(),
            time_ms: 1,
        };
        (sign_directive(&directive, &self.keys.operator).unwrap(), expected)
    }

    /// Wait until the coordinator holds exactly this record.
    pub(super) async fn stands(&self, record: &ChannelRecord) {
        let mut watch = self.coordinator.watch();
        let told = async {
            while let Some(event) = watch.next().await {
                if matches!(&event, WatchEvent::Channel { record: told, .. } if told == record) {
                    return;
                }
            }
        };
        let told = tokio::time::timeout(PATIENCE, told).await;
        told.expect("the coordinator was not told in time");
    }

    pub(super) async fn shutdown(self) {
        for agent in self.agents {
            agent.shutdown().await;
        }
    }
}

/// Wait until an agent serves a generation.
pub(super) async fn active(agent: &AgentHandle, generation: u64) {
    let mut changes = agent.live_changes();
    let reached = async {
        loop {
            if agent.live(CHANNEL).is_some_and(|live| live.generation() >= generation) {
                return;
            }
            changes.changed().await.unwrap();
        }
    };
    if tokio::time::timeout(PATIENCE, reached).await.is_err() {
        panic!("generation {generation} is not active: {:#?}", agent.status().await);
    }
}

pub(super) fn event(topic: &str, payload: &str) -> PublishEvent {
    PublishEvent {
        topic: topic.to_owned(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        key: None,
        idempotency: None,
        context: None,
        level: Level::Local,
        timeout: PATIENCE,
    }
}

pub(super) async fn consumer(agent: &AgentHandle, name: &str) -> Consumer {
    let request = ConsumeRequest { name: name.to_owned(), cursor: None, topics: Vec::new() };
    agent.consume(request).await.unwrap()
}

pub(super) async fn next(consumer: &mut Consumer) -> crate::agent::Delivery {
    let delivery = tokio::time::timeout(PATIENCE, consumer.recv()).await;
    delivery.expect("no delivery in time").expect("the session ended")
}
