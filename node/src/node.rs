//! One whole node: an agent, its local API and, where it may lead, its controller.
//!
//! `cairn agent` runs one in a process, `cairn dev` several. Both start and stop here, so that
//! what is tried in `dev` is what runs in production.

use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use crate::agent::{self, AgentConfig, AgentHandle, StartError};
use crate::api::server::Bound;
use crate::api::{ApiConfig, ApiError, ApiServer};
use crate::controller::{self, ControllerHandle};

/// A node that runs.
pub struct Node {
    agent: AgentHandle,
    api: ApiServer,
    controller: Option<ControllerHandle>,
}

/// Why a node did not start. Nothing of it runs.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The API cannot listen.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The agent did not start.
    #[error("the agent did not start")]
    Agent(#[from] StartError),
}

impl NodeError {
    /// The whole story, causes included.
    pub fn describe(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            NodeError::Api(error) => Some(error.hint()),
            NodeError::Agent(error) => error.hint(),
        }
    }
}

/// Where a node is, as in a ready file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Node id, 32 hex digits.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// `http://127.0.0.1:PORT`.
    pub api: String,
    /// The Unix socket.
    pub socket: Option<String>,
    /// Where peers reach it.
    pub gossip: String,
}

impl Node {
    /// Binds the API, starts the agent, serves.
    ///
    /// # Errors
    /// Any [`NodeError`].
    pub async fn start(config: AgentConfig, api: ApiConfig) -> Result<Node, NodeError> {
        // Bound first: a wrong address is refused before anything is written.
        let bound = Bound::bind(&api).await?;
        let agent = match agent::start(config).await {
            Ok(agent) => agent,
            Err(error) => {
                bound.discard();
                return Err(error.into());
            }
        };
        let api = ApiServer::start(agent.clone(), bound);
        let controller = controller::spawn(agent.clone());
        Ok(Node { agent, api, controller: Some(controller) })
    }

    /// Its agent.
    pub fn agent(&self) -> &AgentHandle {
        &self.agent
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        Place {
            id: self.agent.node().to_string(),
            name: self.agent.name().to_owned(),
            api: format!("http://{}", self.api.addr()),
            socket: self.api.socket().map(|path| path.display().to_string()),
            gossip: self.gossip().to_string(),
        }
    }

    /// Where peers reach it.
    pub fn gossip(&self) -> SocketAddr {
        self.agent.gossip_addr()
    }

    /// Stops: first what asks, then what answers. Returns when nothing of it runs.
    pub async fn stop(mut self) {
        drop(self.controller.take());
        self.api.stop().await;
        self.agent.shutdown().await;
    }
}

/// Writes a ready file whole: whoever sees it sees all of it.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_ready<T: Serialize>(path: &Path, ready: &T) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(ready)?;
    text.push(b'\n');
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = Path::new(&draft);
    std::fs::write(draft, text)?;
    std::fs::rename(draft, path)
}
