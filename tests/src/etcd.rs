//! A real etcd server of our own: own ports, own data, own name, ended with its owner.
//!
//! A fixed port once wrote into somebody else's etcd, so nothing is written before *our* child
//! has answered with *our* member name.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use etcd_client::{Client, CompactionOptions, ConnectOptions};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long a start may take before it is a failure. A loaded machine needs a few seconds.
const START_MAX: Duration = Duration::from_secs(60);

/// How often a start is repeated with other ports when somebody was faster.
const PORT_ATTEMPTS_MAX: usize = 10;

/// Between two looks at a starting server; its readiness cannot be awaited otherwise.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One etcd server. Dropping it kills the process and removes its data.
pub struct EtcdServer {
    name: String,
    client_port: u16,
    peer_port: u16,
    generation: u32,
    directory: TempDir,
    child: Option<Child>,
}

impl EtcdServer {
    /// Start a server with empty data on free loopback ports and wait until it answers.
    ///
    /// # Errors
    /// No etcd on this machine (the message says how to get one), or it does not start.
    pub async fn start() -> Result<EtcdServer> {
        let directory = TempDir::with_prefix("cairn-etcd-").context("temporary directory")?;
        let unique: u64 = rand::random();
        let mut server = EtcdServer {
            name: format!("cairn-test-{}-{unique:016x}", std::process::id()),
            client_port: 0,
            peer_port: 0,
            generation: 0,
            directory,
            child: None,
        };
        for attempt in 1.. {
            (server.client_port, server.peer_port) = free_ports()?;
            match server.start_again().await {
                Ok(()) => break,
                // Somebody took a port between our look and etcd's bind.
                Err(error) if attempt < PORT_ATTEMPTS_MAX && error.is::<PortTaken>() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(server)
    }

    /// The client endpoint, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The client address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.client_port))
    }

    /// The process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// End the process as a crash does; data stays.
    ///
    /// # Errors
    /// The process cannot be killed.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await.context("kill etcd")?;
        }
        Ok(())
    }

    /// Start on the same ports with the data that is there, and wait until it answers.
    ///
    /// # Errors
    /// It does not start; its log is in the message.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "etcd runs already");
        let program = program()?;
        let log = std::fs::File::create(self.log()).context("log of etcd")?;
        let client = self.endpoint();
        let peer = format!("http://127.0.0.1:{}", self.peer_port);
        let mut command = Command::new(&program);
        for (variable, _) in std::env::vars_os() {
            // Settings of another etcd on this machine are not ours.
            if variable.to_string_lossy().starts_with("ETCD_") {
                command.env_remove(&variable);
            }
        }
        command
            .args(["--name", &self.name])
            .arg("--data-dir")
            .arg(self.directory.path().join(format!("data-{}", self.generation)))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("{}={peer}", self.name)])
            .args(["--heartbeat-interval", "50", "--election-timeout", "500"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("log of etcd")?)
            .stderr(log)
            .kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        self.child = Some(child);
        let started = self.answers().await;
        if started.is_err() {
            self.stop().await?;
        }
        started
    }

    /// [`Self::stop`], then [`Self::start_again`].
    ///
    /// # Errors
    /// Those of the two.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.start_again().await
    }

    /// Stop, and start with empty data: what a restore from a very old backup looks like.
    ///
    /// # Errors
    /// Those of [`Self::restart`].
    pub async fn restart_empty(&mut self) -> Result<()> {
        self.stop().await?;
        self.generation += 1;
        self.start_again().await
    }

    /// Forget all history up to now.
    ///
    /// # Errors
    /// etcd's own.
    pub async fn compact(&self) -> Result<()> {
        let mut client = self.client().await?;
        let now = client.get("cairn-test-revision", None).await?;
        let revision = now.header().context("etcd answered without a header")?.revision();
        client.compact(revision, Some(CompactionOptions::new().with_physical())).await?;
        Ok(())
    }

    /// Stop the process from running without ending it: connections stay open and are silent.
    ///
    /// # Errors
    /// It does not run, or cannot be signalled.
    pub async fn freeze(&self) -> Result<()> {
        self.signal("STOP").await
    }

    /// Undo [`Self::freeze`].
    ///
    /// # Errors
    /// As there.
    pub async fn thaw(&self) -> Result<()> {
        self.signal("CONT").await
    }

    /// A plain client, for what tests do beside the product.
    ///
    /// # Errors
    /// etcd-client's own.
    pub async fn client(&self) -> Result<Client> {
        let options = ConnectOptions::new()
            .with_timeout(Duration::from_secs(10))
            .with_connect_timeout(Duration::from_secs(2))
            .with_keep_alive(Duration::from_secs(3), Duration::from_secs(2));
        Ok(Client::connect([self.endpoint()], Some(options)).await?)
    }

    async fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.pid().context("etcd does not run")?;
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {pid}")])
            .status()
            .await
            .context("run kill")?;
        ensure!(status.success(), "kill -{signal} {pid} failed: {status}");
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("etcd.log")
    }

    /// Wait until our child answers with our name.
    async fn answers(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        loop {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait().context("look at etcd")?
            {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                if log.contains("address already in use") {
                    return Err(anyhow!(PortTaken));
                }
                bail!("etcd ended with {status}:\n{log}");
            }
            let why = match self.member_names().await {
                Ok(names) if names.contains(&self.name) => return Ok(()),
                // Somebody else's server on our port: our own child cannot have bound it.
                Ok(names) if !names.is_empty() => return Err(anyhow!(PortTaken)),
                Ok(_) => "no members yet".to_owned(),
                Err(error) => error.to_string(),
            };
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                bail!("etcd does not answer after {START_MAX:?}: {why}\n{log}");
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn member_names(&self) -> Result<Vec<String>> {
        let options = ConnectOptions::new()
            .with_timeout(Duration::from_secs(1))
            .with_connect_timeout(Duration::from_secs(1));
        let mut client = Client::connect([self.endpoint()], Some(options)).await?;
        // A linearizable read as well: answering about members does not need a leader, working does.
        client.get("cairn-test-ready", None).await?;
        let members = client.member_list().await?;
        Ok(members.members().iter().map(|member| member.name().to_owned()).collect())
    }
}

/// A port that was free is not any more.
#[derive(Debug)]
struct PortTaken;

impl std::fmt::Display for PortTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a port of etcd was taken by another process")
    }
}

impl std::error::Error for PortTaken {}

fn free_ports() -> Result<(u16, u16)> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port");
    // Both held at once, so that they differ.
    let (client, peer) = (bind()?, bind()?);
    Ok((client.local_addr()?.port(), peer.local_addr()?.port()))
}

/// The etcd program: `CAIRN_ETCD`, then `PATH`, then what `cargo xtask verify` unpacked.
fn program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("CAIRN_ETCD") {
        return Ok(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&path).map(|dir| dir.join("etcd")).find(is_file) {
        return Ok(found);
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), |target| workspace.join(target));
    let unpacked = target.join("tools/etcd/usr/bin/etcd");
    if is_file(&unpacked) {
        return Ok(unpacked);
    }
    bail!("no etcd on PATH: run `cargo xtask verify`, which gets one, or set CAIRN_ETCD")
}

#[expect(clippy::ptr_arg, reason = "the shape that Iterator::find wants")]
fn is_file(path: &PathBuf) -> bool {
    path.is_file()
}
