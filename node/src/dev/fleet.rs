//! The fleet of `dev`: its directory, its keys, its coordinator and its nodes.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use cairn_ruleset::scope::Scope;
use cairn_ruleset::trust::Trust;
use tempfile::TempDir;

use super::Options;
use super::report::{Report, Step};
use crate::agent::{AgentConfig, Compile, Limits};
use crate::api::ApiConfig;
use crate::cli::agent::refused;
use crate::cli::failure::Failure;
use crate::cli::keys;
use crate::coordinator::Coordinator;
use crate::coordinator::embedded::Embedded;
use crate::node::Node;
use crate::trust;

/// Longest path of a Unix socket that systems take. Under a deeper `TMPDIR` nodes have none.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// Nodes, keys and files that live as long as `dev` does.
pub(super) struct Fleet {
    dir: TempDir,
    keys: PathBuf,
    trust: Trust,
    coordinator: Arc<dyn Coordinator>,
    channel: String,
    nodes: Vec<Node>,
}

impl Fleet {
    /// The directory and the keys; nothing runs yet.
    pub(super) fn new() -> Result<Fleet, Failure> {
        let dir = tempfile::Builder::new().prefix("cairn-dev-").tempdir().map_err(|error| {
            Failure::internal(format!("cannot make a temporary directory: {error}"))
                .hint("set TMPDIR to a directory that you may write to")
        })?;
        let keys = dir.path().join("keys");
        let trust = trust::create(&keys).map_err(|error| keys::failed(&error))?;
        let coordinator = Embedded::in_memory();
        Ok(Fleet { dir, keys, trust, coordinator, channel: String::new(), nodes: Vec::new() })
    }

    /// Starts the nodes, each seeded with the ones before it.
    pub(super) async fn start(
        &mut self,
        ruleset: &str,
        options: &Options,
        report: &Report,
    ) -> Result<(), Failure> {
        self.channel = format!("{ruleset}/dev");
        report.say(&Step::Keys { dir: &self.keys });
        for number in 1..=options.node_count {
            let started = Instant::now();
            let name = format!("node-{number}");
            let home = self.dir.path().join(&name);
            let zone = options.zones.iter().cycle().nth(number - 1).cloned();
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let config = AgentConfig {
                state_dir: home.join("state"),
                name,
                scope: Scope { zone, shard: None },
                gossip_listen: any,
                gossip_advertise: None,
                seeds: self.nodes.iter().map(Node::gossip).collect(),
                trust: self.trust.clone(),
                coordinator: Arc::clone(&self.coordinator),
                channels: vec![self.channel.clone()],
                // Machine code is the same for all of them: the first one compiles it.
                code_cache: Some(self.dir.path().join("code")),
                compile: Compile::default(),
                limits: Limits::default(),
                metrics: None,
                defects: options.defects,
            };
            std::fs::create_dir_all(&home).map_err(|error| {
                Failure::internal(format!("cannot make {}: {error}", home.display()))
            })?;
            let socket = home.join("api.sock");
            let fits = socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX;
            let api = ApiConfig { listen: any, socket: fits.then_some(socket) };
            let node = Node::start(config, api).await.map_err(|error| refused(&error))?;
            report.say(&Step::Started { place: &node.place(), took: started.elapsed() });
            self.nodes.push(node);
        }
        Ok(())
    }

    /// The channel that every node serves.
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    /// The directory with the throwaway keys.
    pub(super) fn keys(&self) -> &Path {
        &self.keys
    }

    /// The nodes, in the order in which they started.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Completes with the reason when a node stops by itself.
    pub(super) async fn any_stopped(&self) -> String {
        let stops = self.nodes.iter().map(|node| {
            let agent = node.agent().clone();
            Box::pin(async move { agent.wait_stopped().await })
        });
        futures::future::select_all(stops).await.0
    }

    /// Stops every node and removes every file.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        futures::future::join_all(self.nodes.into_iter().map(Node::stop)).await;
        let path = self.dir.path().to_owned();
        self.dir.close().map_err(|error| {
            Failure::internal(format!("cannot remove {}: {error}", path.display()))
                .hint("remove it by hand; it holds throwaway keys and stores only")
        })
    }
}
