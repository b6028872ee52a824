//! What can go wrong between a caller and an agent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cairn_merkle::Digest;
use thiserror::Error;

/// The agent did not start. Nothing runs and nothing is bound.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error("setting {setting} is {value}: {reason}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        reason: String,
    },
    /// Gossip without transport security stays on this machine.
    #[error("gossip address {addr} is not a loopback address")]
    NotLoopback {
        /// What was given.
        addr: SocketAddr,
    },
    /// The gossip socket could not be bound.
    #[error("cannot listen on {addr}")]
    Bind {
        /// Where.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The state directory could not be opened.
    #[error("state directory cannot be used")]
    Store(#[from] crate::store::StoreError),
    /// The identity in the state directory could not be used.
    #[error("identity in {} cannot be used: {reason}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The evaluation engine could not be made.
    #[error("evaluation engine cannot be made: {reason}")]
    Engine {
        /// Why.
        reason: String,
    },
}

impl StartError {
    /// What to do now.
    pub fn hint(&self) -> Option<String> {
        match self {
            StartError::NotLoopback { addr } => Some(format!(
                "gossip is not encrypted yet: use 127.0.0.1:{} (or [::1]) until transport security lands",
                addr.port()
            )),
            StartError::Bind { addr, .. } => Some(format!(
                "choose another address or port 0 instead of {addr}, or stop who holds it"
            )),
            StartError::Store(error) => error.hint(),
            StartError::Identity { .. } => Some(
                "an identity is never repaired in place: restore the file, or start with a new \
                 state directory (a new origin)"
                    .into(),
            ),
            StartError::Setting { .. } | StartError::Engine { .. } => None,
        }
    }
}

/// The agent is gone: it was shut down, or stopped itself after a failed write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the agent has stopped: {reason}")]
pub struct Stopped {
    /// Why.
    pub reason: String,
}

/// An event was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// The request itself is wrong. Nothing was stored.
    #[error("{what} is {actual}, limit {limit}")]
    Limit {
        /// Which part: `payload bytes`, `topic bytes`, `key scope bytes`.
        what: &'static str,
        /// What was given.
        actual: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The event was refused for another reason. Nothing was stored.
    #[error("event refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
        /// What to do now.
        hint: &'static str,
    },
    /// The log is full. Nothing was stored.
    #[error("event log holds {actual_bytes} bytes, limit {limit_bytes}")]
    LogFull {
        /// Bytes held.
        actual_bytes: u64,
        /// Bytes allowed.
        limit_bytes: u64,
    },
    /// The level was not reached in time: **the outcome is unknown**.
    #[error("level not reached within {timeout:?}: outcome unknown")]
    Timeout {
        /// How long it waited.
        timeout: Duration,
    },
    /// The core gave up waiting for the level: **the outcome is unknown**.
    #[error("outcome unknown: {reason}")]
    Unconfirmed {
        /// Who confirmed, and who was asked.
        reason: String,
    },
    /// The agent is gone: the outcome is unknown.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl PublishError {
    /// What to do now.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            PublishError::Timeout { .. }
            | PublishError::Unconfirmed { .. }
            | PublishError::Stopped(_) => {
                Some("retry with the same idempotency key: a retry returns the first id")
            }
            PublishError::Refused { hint, .. } => Some(hint),
            PublishError::LogFull { .. } => {
                Some("wait until retention makes room, or raise the log limit of this agent")
            }
            PublishError::Limit { .. } => {
                Some("put large content elsewhere and publish its address")
            }
        }
    }
}

/// A consumer could not be opened or acknowledged. The stored cursor is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConsumeError {
    /// The core refused it.
    #[error("consumer {name:?} refused: {reason}")]
    Refused {
        /// Whose.
        name: String,
        /// Why.
        reason: String,
        /// What to do now.
        hint: &'static str,
    },
    /// The agent is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl ConsumeError {
    /// What to do now.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ConsumeError::Refused { hint, .. } => Some(hint),
            ConsumeError::Stopped(_) => Some("restart the agent; the stored cursor is safe"),
        }
    }
}

/// A bundle was not taken. Nothing is announced; fragments that were written stay as garbage
/// that the next collection removes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddBundleError {
    /// Signature, format or limits of the envelope do not hold.
    #[error("bundle rejected: {reason}")]
    Rejected {
        /// Code, such as `bundle.signature`.
        code: String,
        /// Why.
        reason: String,
    },
    /// A fragment that the manifest names was not in the upload.
    #[error("fragment {name:?} ({digest}) is missing from the upload")]
    MissingFragment {
        /// Its name in the manifest.
        name: String,
        /// Its digest.
        digest: Digest,
    },
    /// The version exists with other content. Versions are create-only.
    #[error("{ruleset} {version} exists as {existing}, this bundle is {offered}")]
    VersionExists {
        /// Rule set.
        ruleset: String,
        /// Version.
        version: String,
        /// Digest on record.
        existing: Digest,
        /// Digest of this upload.
        offered: Digest,
    },
    /// The coordinator cannot be reached, so create-only cannot be promised.
    #[error("coordinator unreachable: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The agent is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl AddBundleError {
    /// What to do now.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            AddBundleError::VersionExists { .. } => {
                Some("choose the next version: a published version never changes")
            }
            AddBundleError::Unreachable { .. } => Some(
                "publishing a bundle needs the coordinator (events and reads do not): restore it \
                 and publish again, the same bundle is accepted twice",
            ),
            AddBundleError::MissingFragment { .. } => {
                Some("upload the envelope together with every fragment of its manifest")
            }
            _ => None,
        }
    }
}

/// A directive was not accepted. The channel is unchanged, unless the reply says unknown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProposeError {
    /// Somebody was faster, or the caller looked at an old state.
    #[error("channel {channel} is at generation {actual}, expected {expected}")]
    Conflict {
        /// Which.
        channel: String,
        /// What the caller expected.
        expected: u64,
        /// What is.
        actual: u64,
    },
    /// Signature, chain or content do not hold.
    #[error("directive refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The coordinator cannot be reached, and the directive is not a break-glass one.
    #[error("coordinator unreachable: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The agent is gone.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl ProposeError {
    /// What to do now.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ProposeError::Conflict { .. } => Some("read the channel again and decide again"),
            ProposeError::Unreachable { .. } => Some(
                "a break-glass rollback does not need the coordinator: cairn rollback --break-glass",
            ),
            _ => None,
        }
    }
}
