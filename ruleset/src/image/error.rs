//! What can be wrong with an image or with the bundle it is built from.

use cairn_merkle::Digest;

use crate::bundle_error::BundleError;
use crate::limits::DIALECT;
use crate::manifest::FragmentKind;
use crate::meta::MetaError;
use crate::whitelist::WhitelistError;

/// An image cannot be opened, or none can be built. Nothing was written or mapped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ImageError {
    /// The file is not an image.
    #[error("not an image: it does not start with `CAIRNIMG`")]
    NotAnImage,
    /// Another format: rebuild the image from its bundle.
    #[error("image has format {actual}, this build reads {expected}; rebuild it from the bundle")]
    Format {
        /// The format found.
        actual: u32,
        /// The format read here.
        expected: u32,
    },
    /// Shorter or longer than its header says.
    #[error("image is {actual_bytes} bytes, its header says {stated_bytes}")]
    Length {
        /// Bytes present.
        actual_bytes: u64,
        /// Bytes stated.
        stated_bytes: u64,
    },
    /// A bit flipped on disk: rebuild the image from its bundle.
    #[error("image does not match its checksum; rebuild it from the bundle")]
    Checksum,
    /// A record refers to something outside the image.
    #[error("image is malformed: {what} {index}")]
    Malformed {
        /// Kind of record.
        what: &'static str,
        /// Its index.
        index: usize,
    },
    /// The bundle was written in a newer version of the rule language.
    #[error("the rules are in dialect {actual}, this build reads 1 to {DIALECT}; update it first")]
    Dialect {
        /// The dialect found.
        actual: u32,
    },
    /// A blob of the bundle is not there.
    #[error("fragment `{name}` ({digest}) is not in the store")]
    Missing {
        /// The fragment.
        name: String,
        /// Its digest.
        digest: Digest,
    },
    /// A blob is not what the manifest says.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A data segment does not decode.
    #[error("fragment `{name}` does not decode")]
    Segment {
        /// The fragment.
        name: String,
        /// Why.
        source: MetaError,
    },
    /// A code fragment is not one of ours.
    #[error("fragment `{name}` is refused by the loader")]
    Refused {
        /// The fragment.
        name: String,
        /// Why.
        source: WhitelistError,
    },
    /// A bundle has exactly one segment of each data kind.
    #[error("bundle has {count} segments of kind {kind:?}, must have 1")]
    Segments {
        /// The kind.
        kind: FragmentKind,
        /// How many there are.
        count: usize,
    },
    /// Two parts of the bundle contradict each other.
    #[error("bundle contradicts itself: {what} `{name}`: {reason}")]
    Contradiction {
        /// Kind of part.
        what: &'static str,
        /// Its name.
        name: String,
        /// How.
        reason: String,
    },
    /// More than 4 GiB, or more records than an index can name.
    #[error("image would be {bytes} bytes, limit 4 GiB")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
}
