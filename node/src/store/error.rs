//! What can go wrong with the disk.

use std::path::PathBuf;

use cairn_merkle::Digest;
use thiserror::Error;

/// The state directory failed, or holds what it must not.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process holds the directory. Nothing was touched.
    #[error("{} is in use by process {pid}", dir.display())]
    Locked {
        /// The state directory.
        dir: PathBuf,
        /// Who holds it, as it wrote itself down: `unknown` while it is just starting.
        pid: String,
    },
    /// Somebody else may read or write what only this user may. Nothing was touched.
    #[error("{} has mode {actual:04o}, expected {expected:04o}", path.display())]
    Mode {
        /// The file or directory.
        path: PathBuf,
        /// What it has.
        actual: u32,
        /// What it must have.
        expected: u32,
    },
    /// A system call failed.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// The attempted action, as a verb.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database failed.
    #[error("database: cannot {what}")]
    Database {
        /// The attempted action, as a verb.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
    /// The directory was written by another version of this program. Nothing was touched.
    #[error("{} has format {actual}, this program reads {expected}", dir.display())]
    Format {
        /// The state directory.
        dir: PathBuf,
        /// What is there.
        actual: u16,
        /// What this program reads.
        expected: u16,
    },
    /// The directory belongs to another origin key. Nothing was touched.
    #[error("{} was written by origin {stored}, the key beside it is {key}", dir.display())]
    OtherOrigin {
        /// The state directory.
        dir: PathBuf,
        /// Origin on record.
        stored: String,
        /// Origin of the key.
        key: String,
    },
    /// A stored record does not decode: the disk changed it. It is not used.
    #[error("record {key} of table {table} is damaged: {reason}")]
    Damaged {
        /// Table.
        table: &'static str,
        /// Key.
        key: String,
        /// What does not hold.
        reason: String,
    },
    /// A file's bytes are not what its name says: the disk changed them. It was set aside.
    #[error("file {expected} holds {actual}")]
    BlobDamaged {
        /// The digest that its name promises.
        expected: Digest,
        /// The digest of what is in it.
        actual: Digest,
    },
    /// The start counter ran out after four billion starts.
    #[error("{} was started {starts} times, which is all a counter of 32 bits holds", dir.display())]
    Incarnations {
        /// The state directory.
        dir: PathBuf,
        /// Starts so far.
        starts: u32,
    },
    /// The writer stopped after a failed write; what was queued behind it is not durable.
    #[error("the writer stopped: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// What to do now.
    pub fn hint(&self) -> Option<String> {
        match self {
            StoreError::Locked { dir, pid } => Some(format!(
                "stop process {pid}, or give this agent its own directory with --state; two \
                 agents never share {}",
                dir.display()
            )),
            StoreError::Mode { path, expected, .. } => {
                Some(format!("chmod {expected:04o} {}", path.display()))
            }
            StoreError::Format { actual, expected, .. } => Some(if actual > expected {
                "a newer cairn wrote this directory: run that version, or start with an empty \
                 directory and let the peers fill it"
                    .to_owned()
            } else {
                "start with an empty directory: the peers fill it".to_owned()
            }),
            StoreError::OtherOrigin { .. } | StoreError::Damaged { .. } => Some(
                "move the directory away and start with an empty one: the peers fill it; events \
                 that only this node had are lost"
                    .to_owned(),
            ),
            StoreError::Incarnations { .. } => {
                Some("move the directory away: the node takes a new origin".to_owned())
            }
            StoreError::Stopped { .. } => {
                Some("restart the agent: it recovers from what is on disk".to_owned())
            }
            StoreError::Io { .. }
            | StoreError::Database { .. }
            | StoreError::BlobDamaged { .. } => None,
        }
    }

    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io { what, path, source }
    }

    pub(crate) fn database<E: Into<redb::Error>>(
        what: &'static str,
    ) -> impl FnOnce(E) -> StoreError {
        move |source| StoreError::Database { what, source: Box::new(source.into()) }
    }
}
