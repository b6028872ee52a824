//! Why a stored bundle cannot go live.

use std::path::PathBuf;
use std::time::Duration;

use cairn_merkle::Digest;
use thiserror::Error;

use crate::store::StoreError;

/// A bundle failed a step between stored and staged. What is live stays live.
#[derive(Debug, Error)]
pub enum StageError {
    /// The envelope is not there (any more).
    #[error("envelope of {digest} is not in the store")]
    NoEnvelope {
        /// Which bundle.
        digest: Digest,
    },
    /// The envelope does not hold: signature, format or limits.
    #[error("envelope does not hold: {reason}")]
    Envelope {
        /// Why.
        reason: String,
    },
    /// A fragment is not there (any more).
    #[error("fragment {name:?} ({digest}) is not in the store")]
    NoFragment {
        /// Its name in the manifest.
        name: String,
        /// Its digest.
        digest: Digest,
    },
    /// A fragment does more than a fragment may.
    #[error("fragment {name:?} is not allowed to run: {reason}")]
    Whitelist {
        /// Its name in the manifest.
        name: String,
        /// What was found, and where.
        reason: String,
    },
    /// The rules are written in a newer version of the language than this agent reads.
    #[error(
        "rules are in dialect {actual}, this agent reads 1 to {known}; upgrade the agent, or publish rules in an older dialect"
    )]
    Dialect {
        /// The bundle's dialect.
        actual: u32,
        /// The newest that is read here.
        known: u32,
    },
    /// The image cannot be built or opened.
    #[error("image cannot be made: {reason}")]
    Image {
        /// Why.
        reason: String,
    },
    /// There is no image on disk (any more).
    #[error("image {} is not there", path.display())]
    NoImage {
        /// Where it would be.
        path: PathBuf,
    },
    /// The compiling child could not be started or awaited.
    #[error("compiler {} cannot be started", program.display())]
    CompileStart {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Compiling took too long; the child was killed.
    #[error("compiling {fragments} fragments took longer than {limit:?}")]
    CompileTimeout {
        /// How many fragments it was given.
        fragments: usize,
        /// The limit.
        limit: Duration,
    },
    /// Compiling failed.
    #[error("fragments cannot be compiled: {reason}")]
    Compile {
        /// Why.
        reason: String,
    },
    /// Machine code cannot be loaded.
    #[error("machine code {} cannot be loaded: {reason}", path.display())]
    Code {
        /// Where it is, or would be.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The sandbox cannot be set up on this machine.
    #[error("sandbox cannot be set up: {reason}")]
    Engine {
        /// Why.
        reason: String,
    },
    /// A fragment failed its trial run.
    #[error("fragment {name:?} failed its trial run: {reason}")]
    Smoke {
        /// Its name.
        name: String,
        /// How.
        reason: String,
    },
    /// The disk failed.
    #[error("disk")]
    Store(#[from] StoreError),
    /// A task of ours died.
    #[error("staging was interrupted: {reason}")]
    Interrupted {
        /// How.
        reason: String,
    },
}

impl StageError {
    /// Stable and short, for machines.
    pub fn code(&self) -> &'static str {
        match self {
            StageError::NoEnvelope { .. } => "stage.envelope-missing",
            StageError::Envelope { .. } => "stage.envelope",
            StageError::NoFragment { .. } => "stage.fragment-missing",
            StageError::Whitelist { .. } => "stage.whitelist",
            StageError::Dialect { .. } => "stage.dialect",
            StageError::Image { .. } => "stage.image",
            StageError::NoImage { .. } => "stage.image-missing",
            StageError::CompileStart { .. } => "stage.compile-start",
            StageError::CompileTimeout { .. } => "stage.compile-timeout",
            StageError::Compile { .. } => "stage.compile",
            StageError::Code { .. } => "stage.code",
            StageError::Engine { .. } => "stage.engine",
            StageError::Smoke { .. } => "stage.smoke",
            StageError::Store(_) => "stage.store",
            StageError::Interrupted { .. } => "stage.interrupted",
        }
    }
}
