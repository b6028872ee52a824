//! One agent process behind a proxy, with a state directory that survives kill -9.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use cairn_chaos::proxy::Proxy;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::http;

/// How to start an agent.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The binary.
    pub binary: PathBuf,
    /// Its name, unique in the fleet.
    pub name: String,
    /// Its state directory.
    pub state: PathBuf,
    /// Its trust directory.
    pub trust: PathBuf,
    /// Gossip addresses of some of its peers (their proxies).
    pub seeds: Vec<SocketAddr>,
    /// Arguments that choose the coordinator, for example `--etcd URL`.
    pub coordinator: Vec<String>,
    /// Channels to follow.
    pub channels: Vec<String>,
    /// Environment beside the inherited one.
    pub environment: Vec<(String, String)>,
}

/// An agent process, and the proxy that its peers reach it through.
#[derive(Debug)]
pub struct Agent {
    spec: Spec,
    proxy: Proxy,
    child: Option<Child>,
    api: watch::Sender<Option<SocketAddr>>,
    starts: u32,
}

impl Agent {
    /// Prepares an agent: its proxy listens, the process is not started yet.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub async fn prepare(spec: Spec, seed: u64) -> Result<Agent> {
        // Nothing listens on port 1: until the first start, peers are refused like by a dead host.
        let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], 1)), seed).await?;
        Ok(Agent { spec, proxy, child: None, api: watch::Sender::new(None), starts: 0 })
    }

    /// The address that peers use.
    #[must_use]
    pub fn gossip(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// The proxy in front of it.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its state directory.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.spec.state
    }

    /// Sets whom it asks first. Takes effect at the next start.
    pub fn seed_with(&mut self, seeds: Vec<SocketAddr>) {
        self.spec.seeds = seeds;
    }

    /// Where its API is, each time it moves; `None` while it is down.
    #[must_use]
    pub fn api_watch(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.api.subscribe()
    }

    /// Where its API is now.
    ///
    /// # Errors
    /// When it is not running.
    pub fn api(&self) -> Result<SocketAddr> {
        self.api.borrow().with_context(|| format!("{} is not running", self.spec.name))
    }

    /// The id of its process.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// The file that collects what it wrote to standard error, over all its lives.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.spec.state.with_extension("log")
    }

    /// Starts the process and waits until its API and its gossip listen.
    ///
    /// # Errors
    /// When it ended instead, with the end of its log.
    pub async fn start(&mut self) -> Result<()> {
        if self.child.is_some() {
            bail!("{} is running already", self.spec.name);
        }
        self.starts += 1;
        let ready = self.spec.state.with_extension(format!("ready{}.json", self.starts));
        let log = std::fs::File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&self.spec.binary);
        command
            .arg("agent")
            .args(["--name", &self.spec.name, "--gossip", "127.0.0.1:0", "--api", "127.0.0.1:0"])
            .arg("--state")
            .arg(&self.spec.state)
            .arg("--trust")
            .arg(&self.spec.trust)
            .args(["--advertise", &self.proxy.address().to_string()])
            .arg("--ready-file")
            .arg(&ready)
            .args(&self.spec.coordinator)
            .envs(self.spec.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        for seed in &self.spec.seeds {
            command.args(["--seed", &seed.to_string()]);
        }
        for channel in &self.spec.channels {
            command.args(["--channel", channel]);
        }
        let mut child = command.spawn().context("start the agent")?;
        // The agent prints one line when it listens; the end of the pipe means it ended.
        let stdout = child.stdout.take().context("the agent's standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let listening = loop {
            match lines.next_line().await? {
                Some(_) if ready.is_file() => break true,
                Some(_) => {}
                None => break ready.is_file(),
            }
        };
        if !listening {
            let status = child.wait().await?;
            bail!(
                "{} ended with {status} before it was ready:\n{}",
                self.spec.name,
                self.log_tail()
            );
        }
        // Keep the pipe drained, or the agent would block on it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let ready: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready)?)?;
        let api = address_of(&ready["api"], "api")?;
        self.proxy.retarget(address_of(&ready["gossip"], "gossip")?);
        self.child = Some(child);
        self.api.send_replace(Some(api));
        Ok(())
    }

    /// kill -9: no goodbye, nothing flushed.
    ///
    /// # Errors
    /// When it is not running.
    pub async fn kill(&mut self) -> Result<()> {
        let mut child =
            self.child.take().with_context(|| format!("{} is not running", self.spec.name))?;
        self.api.send_replace(None);
        child.kill().await?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits for the end.
    ///
    /// # Errors
    /// When it is not running.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        let mut child =
            self.child.take().with_context(|| format!("{} is not running", self.spec.name))?;
        self.api.send_replace(None);
        let id = child.id().context("the agent has ended by itself")?;
        let status = Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        if !status.success() {
            bail!("kill -TERM {id}: {status}");
        }
        Ok(child.wait().await?)
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// When it is down or does not answer.
    pub async fn status(&self) -> Result<serde_json::Value> {
        http::send(self.api()?, "GET", "/v1/status", &[], "").await?.ok()
    }

    /// The last 40 lines of its log, for a failure's message.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

fn address_of(value: &serde_json::Value, what: &str) -> Result<SocketAddr> {
    let text = value.as_str().with_context(|| format!("the ready file has no {what}: {value}"))?;
    let text = text.strip_prefix("http://").unwrap_or(text);
    text.parse().with_context(|| format!("the ready file's {what} is {text:?}"))
}
