//! What can go wrong with a coordinator.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::record::Revision;

/// A call on a coordinator failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CoordinatorError {
    /// No endpoint answered in time. A write may have happened: repeat it (all are idempotent or
    /// compare-and-swap).
    #[error("coordinator at {endpoint} unreachable for {waited:?}: {reason}")]
    Unreachable {
        /// The endpoints that were tried.
        endpoint: String,
        /// How long.
        waited: Duration,
        /// The last failure.
        reason: String,
    },
    /// Somebody else changed the channel first. Nothing changed.
    #[error("channel {channel} is at revision {}, expected {}", shown(actual), shown(expected))]
    Conflict {
        /// Which channel.
        channel: String,
        /// What the caller expected.
        expected: Option<Revision>,
        /// What stands there.
        actual: Option<Revision>,
    },
    /// The coordinator answered and said no: credentials, permissions, quota. Nothing changed.
    #[error("coordinator at {endpoint} refused to {what}: {reason}")]
    Refused {
        /// Who.
        endpoint: String,
        /// What was asked.
        what: String,
        /// Its answer.
        reason: String,
    },
    /// A stored value is not one of ours. It is never used and never deleted by us.
    #[error("value of {key} is corrupt: {reason}")]
    Corrupt {
        /// Its key.
        key: String,
        /// What a proposal that replaces it has to expect.
        revision: Revision,
        /// What is wrong with it.
        reason: String,
    },
    /// Our own record is too large. Nothing was sent.
    #[error("{what} is {actual_bytes} bytes, limit {limit_bytes}")]
    TooLarge {
        /// Which record.
        what: String,
        /// Its size.
        actual_bytes: usize,
        /// What is allowed.
        limit_bytes: usize,
    },
    /// A name cannot be part of a key. Nothing was sent.
    #[error("{what} {value:?} is not a valid name: {reason}")]
    Name {
        /// What kind of name.
        what: &'static str,
        /// What was given, cut at 64 characters.
        value: String,
        /// Why not.
        reason: String,
    },
    /// A setting is missing or wrong. Nothing was opened or sent.
    #[error("setting {setting}: {reason}")]
    Setting {
        /// Its name, as the user writes it.
        setting: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The embedded coordinator could not read or write its directory. After a failed write it
    /// refuses everything until it is opened again: what is on disk is the truth.
    #[error("coordinator file {}: {reason}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
}

impl CoordinatorError {
    /// What to do now.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            CoordinatorError::Unreachable { .. } => {
                "check that the endpoint is right and its server runs; what is live stays live, and a \
                 write may be repeated safely"
            }
            CoordinatorError::Conflict { .. } => "read the channel again and decide again",
            CoordinatorError::Refused { .. } => {
                "check the coordinator's user, its permissions on our prefix, and its space quota"
            }
            CoordinatorError::Corrupt { .. } => {
                "somebody else writes under our prefix: find out who; the next accepted directive \
                 replaces the value"
            }
            CoordinatorError::TooLarge { .. } => {
                "records hold heads and directives, never content: shorten reason and actor"
            }
            CoordinatorError::Name { .. } => {
                "use letters, digits, '.', '_', '-' and '+', at most 128 bytes"
            }
            CoordinatorError::Setting { .. } => "set it, or remove it altogether",
            CoordinatorError::Storage { .. } => {
                "check space and permissions of the directory, then start again"
            }
        }
    }
}

fn shown(revision: &Option<Revision>) -> String {
    revision.map_or_else(|| "none".to_owned(), |revision| revision.to_string())
}
