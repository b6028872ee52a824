//! Publishing and activating on the fleet of `dev`, with the time that each step took.

use std::time::{Duration, Instant};

use cairn_gossip::directive::DIRECTIVE_FORMAT;
use cairn_gossip::{Directive, SignedDirective};
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::ir::Program;
use cairn_ruleset::key::SecretKey;
use cairn_ruleset::trust::Role;
use tokio::sync::watch;

use super::fleet::Fleet;
use super::report::{Activation, Report, Step};
use crate::agent::{AddBundleError, AgentHandle, ProposeError};
use crate::api::channels::Channel;
use crate::cli::directive::now_ms;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::{keys, local};
use crate::node::Node;
use crate::{compile, identity, trust};

/// How long a node may take to activate before the line says that it did not.
const ACTIVE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a proposal is made again because somebody (a rollback from another terminal) was
/// faster.
const PROPOSALS_MAX: usize = 8;

/// Makes and follows the generations of the fleet's channel.
pub(super) struct Releases<'a> {
    fleet: &'a Fleet,
    publisher: SecretKey,
    operator: SecretKey,
    changes: watch::Receiver<u64>,
    /// The patch number of the next version.
    next: u64,
    /// The newest generation that was reported.
    reported: u64,
    /// What was released last, and as which version.
    released: Option<(Program, String)>,
}

impl<'a> Releases<'a> {
    /// Reads the throwaway keys.
    pub(super) fn new(fleet: &'a Fleet) -> Result<Releases<'a>, Failure> {
        let key = |role| trust::secret(fleet.keys(), role).map_err(|error| keys::failed(&error));
        let first = first(fleet)?;
        Ok(Releases {
            publisher: key(Role::Publisher)?,
            operator: key(Role::Operator)?,
            changes: first.live_changes(),
            fleet,
            next: 1,
            reported: 0,
            released: None,
        })
    }

    /// Name of the rule set.
    pub(super) fn ruleset(&self) -> &str {
        self.fleet.channel().split('/').next().unwrap_or_default()
    }

    /// The version that is live on the first node.
    pub(super) fn live_version(&self) -> Option<String> {
        let live = self.fleet.nodes().first()?.agent().live(self.fleet.channel())?;
        Some(live.version().to_owned())
    }

    /// Whether `program` is what is live: only comments or layout were edited.
    pub(super) fn stands(&self, program: &Program) -> bool {
        let live = self.live_version();
        let same = |(released, version): &(Program, String)| {
            released == program && live.as_ref() == Some(version)
        };
        self.released.as_ref().is_some_and(same)
    }

    /// Publishes `program` as the next version and makes it live. Times count from `began`.
    pub(super) async fn release(
        &mut self,
        program: &Program,
        began: Instant,
        report: &Report,
    ) -> Result<(), Failure> {
        let agent = first(self.fleet)?;
        let (head, version) = loop {
            let version = format!("0.0.{}", self.next);
            self.next += 1;
            let step = Instant::now();
            let built = compile::bundle(program, &version, "").map_err(|error| {
                local::refused(std::path::Path::new("the folder"), &error.into())
            })?;
            let envelope = Envelope::seal(&built.manifest, &[&self.publisher])
                .map_err(|error| Failure::new(Exit::Findings, error.to_string()))?;
            let head = identity::seal_head(&envelope, &built.manifest, now_ms(), &self.publisher);
            report.say(&Step::Signed {
                version: &version,
                digest: envelope.digest(),
                bytes: built.manifest.total_bytes(),
                took: step.elapsed(),
            });
            let step = Instant::now();
            let blobs = built.blobs.into_values().collect();
            match agent.add_bundle(head.clone(), envelope.encode(), blobs).await {
                Ok(_) => {
                    let (node, took) = (agent.name(), step.elapsed());
                    report.say(&Step::Published { version: &version, node, took });
                    break (head, version);
                }
                // Somebody published that number from another terminal: take the next.
                Err(AddBundleError::VersionExists { .. }) => {}
                Err(error) => return Err(Failure::internal(error.to_string())),
            }
        };
        let generation = self.propose(agent, &head.bundle).await?;
        self.reported = generation;
        self.released = Some((program.clone(), version.clone()));
        let nodes = self.activations(generation, began).await;
        report.say(&Step::Activated { version: &version, generation, why: "edit", nodes: &nodes });
        if nodes.iter().any(|node| node.after.is_none()) {
            return Err(Failure::new(Exit::Timeout, format!("{version} is not active everywhere"))
                .hint("`cairn status` says why; RUST_LOG=info shows more"));
        }
        Ok(())
    }

    async fn propose(
        &self,
        agent: &AgentHandle,
        target: &cairn_gossip::BundleRef,
    ) -> Result<u64, Failure> {
        let mut last = None;
        for _ in 0..PROPOSALS_MAX {
            let record = agent
                .channel_record(self.fleet.channel())
                .await
                .map_err(|error| Failure::internal(error.to_string()))?;
            let now = Channel::of(self.fleet.channel(), record.as_ref())
                .map_err(|problem| Failure::internal(problem.to_string()))?;
            let signed = self.sign(&now, target)?;
            match agent.propose(signed, now.generation).await {
                Ok(generation) => return Ok(generation),
                Err(error @ ProposeError::Conflict { .. }) => last = Some(error),
                Err(error) => return Err(Failure::internal(error.to_string())),
            }
        }
        let error = last.map_or_else(String::new, |error| error.to_string());
        Err(Failure::new(Exit::Conflict, error))
    }

    fn sign(
        &self,
        now: &Channel,
        target: &cairn_gossip::BundleRef,
    ) -> Result<SignedDirective, Failure> {
        let directive = Directive {
            format: DIRECTIVE_FORMAT,
            channel: now.channel.clone(),
            generation: now.generation + 1,
            target: target.clone(),
            rollout: None,
            freeze: false,
            previous: now.chain.first().map(|step| step.directive),
            break_glass: false,
            actor: "dev".to_owned(),
            writer: "dev".to_owned(),
            reason: "edit".to_owned(),
            time_ms: now_ms(),
        };
        identity::sign_directive(&directive, &self.operator)
            .map_err(|fault| Failure::internal(fault.to_string()))
    }

    /// Completes with the generation when somebody else moves the channel.
    pub(super) async fn foreign(&mut self) -> u64 {
        loop {
            self.changes.mark_unchanged();
            let agent = self.fleet.nodes().first().map(Node::agent);
            let live = agent.and_then(|agent| agent.live(self.fleet.channel()));
            if let Some(live) = live.filter(|live| live.generation() > self.reported) {
                return live.generation();
            }
            if self.changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Reports a generation that came from elsewhere. Times count from when it was signed, by the
    /// clock of this machine: whoever signed with these keys sits at it.
    pub(super) async fn follow(&mut self, generation: u64, report: &Report) {
        self.reported = generation;
        let Ok(agent) = first(self.fleet) else { return };
        let record = agent.channel_record(self.fleet.channel()).await.ok().flatten();
        let channel = Channel::of(self.fleet.channel(), record.as_ref()).ok();
        let steps = channel.iter().flat_map(|channel| &channel.chain);
        let step = steps.into_iter().find(|step| step.generation == generation);
        let signed_ms = step.map_or_else(now_ms, |step| step.time_ms);
        let since = Duration::from_millis(now_ms().saturating_sub(signed_ms));
        let began = Instant::now().checked_sub(since).unwrap_or_else(Instant::now);
        let nodes = self.activations(generation, began).await;
        let version = self.live_version().unwrap_or_default();
        let why = step.map_or_else(String::new, |step| format!("{}: {}", step.actor, step.reason));
        report.say(&Step::Activated { version: &version, generation, why: &why, nodes: &nodes });
    }

    /// Waits until every node answers reads from `generation` or a later one.
    async fn activations(&self, generation: u64, began: Instant) -> Vec<Activation> {
        let waits = self.fleet.nodes().iter().map(|node| async move {
            let active = active(node.agent(), self.fleet.channel(), generation);
            let active = tokio::time::timeout(ACTIVE_TIMEOUT, active).await;
            let after = active.ok().map(|()| began.elapsed());
            Activation { name: node.agent().name().to_owned(), after }
        });
        futures::future::join_all(waits).await
    }
}

fn first(fleet: &Fleet) -> Result<&AgentHandle, Failure> {
    let node = fleet.nodes().first();
    node.map(Node::agent).ok_or_else(|| Failure::internal("the fleet has no node"))
}

async fn active(agent: &AgentHandle, channel: &str, generation: u64) {
    let mut changes = agent.live_changes();
    loop {
        changes.mark_unchanged();
        if agent.live(channel).is_some_and(|live| live.generation() >= generation) {
            return;
        }
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
