//! Why a bundle was refused.

use cairn_merkle::Digest;

use crate::trust::TrustError;

/// A bundle, or a part of one, that is not accepted. Nothing was kept of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The sender's or builder's fault: more than one bundle may hold.
    #[error("{what} is {actual} bytes, limit {max}")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size, as claimed or found.
        actual: u64,
        /// The limit.
        max: u64,
    },
    /// More items than one bundle may hold.
    #[error("{actual} {what}, limit {max}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many.
        actual: usize,
        /// The limit.
        max: usize,
    },
    /// Written by a newer Cairn, or not by Cairn at all.
    #[error("{what} has format {found}, this build reads format {known}")]
    UnknownFormat {
        /// Which part.
        what: &'static str,
        /// The version found.
        found: u64,
        /// The version that this build reads.
        known: u16,
    },
    /// The bytes end before the part does.
    #[error("{what} is cut short: {actual} of {expected} bytes")]
    Truncated {
        /// Which part.
        what: &'static str,
        /// Bytes present.
        actual: usize,
        /// Bytes needed.
        expected: usize,
    },
    /// Bytes follow where the part should end.
    #[error("{extra} bytes after the end of {what}")]
    TrailingBytes {
        /// Which part.
        what: &'static str,
        /// How many.
        extra: usize,
    },
    /// The bytes do not decode.
    #[error("{what} does not decode: {reason}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The bytes decode, but are not the bytes that the encoder writes for that value.
    #[error("{what} is not in canonical form")]
    NotCanonical {
        /// Which part.
        what: &'static str,
    },
    /// A name that is empty, too long or has characters outside its alphabet.
    #[error("{what} {text:?} is not allowed: {reason}")]
    BadName {
        /// What it names.
        what: &'static str,
        /// The name, cut to 128 bytes.
        text: String,
        /// What is expected instead.
        reason: &'static str,
    },
    /// Fragments must be sorted by name, each name once.
    #[error("fragment {name:?} at position {index} is not after its predecessor")]
    Unsorted {
        /// The fragment's name.
        name: String,
        /// Its position.
        index: usize,
    },
    /// The manifest's root is not that of its fragments.
    #[error("the fragments have the root {actual}, the manifest says {stated}")]
    WrongRoot {
        /// What the manifest states.
        stated: Digest,
        /// What its list gives.
        actual: Digest,
    },
    /// A fragment's bytes are not those that the manifest names.
    #[error("fragment {name:?} has digest {actual}, the manifest says {stated}")]
    WrongDigest {
        /// The fragment's name.
        name: String,
        /// What the manifest states.
        stated: Digest,
        /// What the bytes hash to.
        actual: Digest,
    },
    /// A fragment's bytes are not as long as the manifest says.
    #[error("fragment {name:?} is {actual} bytes, the manifest says {stated}")]
    WrongLength {
        /// The fragment's name.
        name: String,
        /// What the manifest states.
        stated: u64,
        /// What was given.
        actual: u64,
    },
    /// A fragment that the manifest names is not there.
    #[error("fragment {name:?} ({digest}) is missing")]
    MissingBlob {
        /// The fragment's name.
        name: String,
        /// Its digest.
        digest: Digest,
    },
    /// Content that the manifest does not name.
    #[error("blob {digest} is not named by the manifest")]
    ExtraBlob {
        /// Its digest.
        digest: Digest,
    },
    /// A position outside the list of fragments.
    #[error("fragment {index} of {count}")]
    NoSuchFragment {
        /// The position.
        index: u64,
        /// How many there are.
        count: u64,
    },
    /// An inclusion proof that does not lead to the signed root.
    #[error("the proof for fragment {name:?} does not lead to the signed root")]
    BadProof {
        /// The fragment's name.
        name: String,
    },
    /// Not signed as this node demands.
    #[error("the bundle is not trusted")]
    Untrusted(#[from] TrustError),
}

impl BundleError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                "split the rule set, or move data out of it: the limits are fixed"
            }
            Self::UnknownFormat { .. } => "upgrade this agent, or build with an older Cairn",
            Self::Truncated { .. } | Self::TrailingBytes { .. } | Self::WrongLength { .. } => {
                "the file or the transfer is damaged: fetch it again"
            }
            Self::Malformed { .. }
            | Self::NotCanonical { .. }
            | Self::Unsorted { .. }
            | Self::WrongRoot { .. } => "build the bundle again with `cairn build`",
            Self::BadName { .. } => "rename it in the source and build again",
            Self::WrongDigest { .. } | Self::BadProof { .. } => {
                "the sender altered or damaged it: fetch it from another peer"
            }
            Self::MissingBlob { .. } | Self::ExtraBlob { .. } => {
                "send exactly the fragments that the manifest names"
            }
            Self::NoSuchFragment { .. } => "ask for a position below the signed count",
            Self::Untrusted(error) => error.hint(),
        }
    }
}
