//! The elected one: fires the timers of every channel.
//!
//! | module | noun |
//! |---|---|
//! | [`timers`] | which instants are to be fired now (pure) |
//! | [`leading`] | whether this node fires them (pure) |
//! | [`firing`] | the keys and seeds of an instant's events (pure) |
//! | [`host`] | what the controller needs of its node |
//! | `run` | the loop between them |
//! | `agent_host` | the host that is an agent |
//!
//! Every node runs one. Who leads is elected by the coordinator; while nobody is elected (etcd is
//! away), the live node with the lowest id stands in. Two leaders at once are harmless: an
//! instant's events are a pure function of (digest, timer, instant) and carry a key, and the first
//! copy at a node is the only one that is delivered there.
//!
//! Writing the fleet's higher generation back to a coordinator that fell behind is the agent's
//! task: it sees both sides in its loop.

mod agent_host;
pub mod firing;
pub mod host;
pub mod leading;
mod run;
pub mod timers;

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::agent::AgentHandle;

/// A running controller. Dropping it stops it: it resigns, and another node takes over.
#[derive(Debug)]
#[must_use = "dropping the handle stops the controller"]
pub struct ControllerHandle {
    task: JoinHandle<()>,
}

impl Drop for ControllerHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Stand for controller on behalf of a running agent, until the handle is dropped or the agent
/// stops.
pub fn spawn(agent: AgentHandle) -> ControllerHandle {
    let host = Arc::new(agent_host::AgentHost::new(agent));
    ControllerHandle { task: tokio::spawn(run::run(host)) }
}
