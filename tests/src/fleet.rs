//! A fleet of agent processes on one real etcd, in one temporary directory.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::process::Command;

use crate::agent::{Agent, Spec};
use crate::etcd::EtcdServer;

/// The channel that fleets follow.
pub const CHANNEL: &str = "treasure_hunt/prod";

/// A fleet. Dropping it ends every process and removes every file.
pub struct Fleet {
    /// The agents.
    pub agents: Vec<Agent>,
    /// Their coordinator.
    pub etcd: EtcdServer,
    /// The binary under test.
    pub binary: PathBuf,
    directory: TempDir,
}

impl Fleet {
    /// Makes keys, starts etcd and `count` agents, each behind a proxy seeded from `seed`.
    ///
    /// # Errors
    /// The first thing that did not start, with its log.
    pub async fn start(
        binary: &Path,
        count: usize,
        seed: u64,
        environment: &[(&str, &str)],
    ) -> Result<Fleet> {
        let directory = tempfile::Builder::new().prefix("cairn-fleet").tempdir()?;
        let etcd = EtcdServer::start().await?;
        let trust = directory.path().join("trust");
        let made = Command::new(binary).args(["keys", "new"]).arg(&trust).output().await?;
        if !made.status.success() {
            bail!("cairn keys new: {}", String::from_utf8_lossy(&made.stderr));
        }
        let mut agents = Vec::new();
        for index in 0..count {
            let name = format!("node-{index}");
            let spec = Spec {
                binary: binary.to_owned(),
                state: directory.path().join(&name),
                name,
                trust: trust.clone(),
                seeds: Vec::new(),
                coordinator: vec!["--etcd".to_owned(), etcd.endpoint()],
                channels: vec![CHANNEL.to_owned()],
                environment: environment
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
            };
            agents.push(Agent::prepare(spec, seed.wrapping_add(index as u64)).await?);
        }
        let seeds: Vec<_> = agents.iter().map(Agent::gossip).collect();
        for agent in &mut agents {
            let own = agent.gossip();
            agent.seed_with(seeds.iter().copied().filter(|seed| *seed != own).take(3).collect());
            agent.start().await?;
        }
        Ok(Fleet { agents, etcd, binary: binary.to_owned(), directory })
    }

    /// The directory that everything is in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a verb of the command line against agent `index` with the operator's keys.
    ///
    /// # Errors
    /// When the process cannot be started; its own failure is in the output.
    pub async fn cairn(&self, index: usize, arguments: &[&str]) -> Result<Output> {
        let output = Command::new(&self.binary)
            .args(arguments)
            .env("CAIRN_ADDR", format!("http://{}", self.agents[index].api()?))
            .env("CAIRN_KEYS", self.directory.path().join("trust"))
            .output()
            .await?;
        Ok(output)
    }

    /// Like [`Fleet::cairn`], and must exit with 0.
    ///
    /// # Errors
    /// Both streams of a failed run.
    pub async fn cairn_ok(&self, index: usize, arguments: &[&str]) -> Result<String> {
        let output = self.cairn(index, arguments).await?;
        if !output.status.success() {
            bail!(
                "cairn {} ended with {}:\n{}{}",
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        String::from_utf8(output.stdout).context("the command's output")
    }

    /// Publishes a rule set folder as `version` and makes it live on the whole channel.
    ///
    /// # Errors
    /// What the command line said.
    pub async fn release(&self, rules: &Path, version: &str) -> Result<()> {
        let rules = rules.to_str().context("a path in UTF-8")?;
        self.cairn_ok(0, &["publish", rules, "--version", version]).await?;
        self.cairn_ok(0, &["rollout", version, "--channel", CHANNEL, "--reason", "test"]).await?;
        Ok(())
    }
}

/// The example rule set of the repository.
#[must_use]
pub fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/treasure-hunt")
}
