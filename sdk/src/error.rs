//! What can go wrong when a game reads its rules.

use std::io;
use std::path::PathBuf;

use cairn_merkle::Digest;
use cairn_ruleset::image::ImageError;
use cairn_ruleset::loot::LootError;
use cairn_ruleset::pity::PityError;
use cairn_ruleset::value::ValueError;

/// A read or an evaluation failed. Whatever version was pinned before stays pinned and usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the agent's state cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing is live on the channel here: the agent has not activated any version yet.
    #[error(
        "channel `{channel}` has no live version in {state}; is the agent running with this state directory?"
    )]
    NotLive {
        /// The channel.
        channel: String,
        /// The state directory.
        state: PathBuf,
    },
    /// A file or directory belongs to somebody else.
    #[error(
        "{path} belongs to user {owner}, expected user {expected} or root; refusing to trust it"
    )]
    Owner {
        /// Which.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        expected: u32,
    },
    /// A file or directory that others may write to.
    #[error("{path} has mode {mode:o} and others may write to it; set it to {wanted:o}")]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What it should be.
        wanted: u32,
    },
    /// The record of what is live does not decode.
    #[error("{path} is malformed: {reason}")]
    Live {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The generation file is not eight bytes.
    #[error("{path} is {actual_bytes} bytes, must be 8")]
    Generation {
        /// Which file.
        path: PathBuf,
        /// Its length.
        actual_bytes: u64,
    },
    /// The image is not usable.
    #[error("the image is not usable")]
    Image {
        /// Why.
        source: Box<ImageError>,
    },
    /// The image is not the one that the live record names.
    #[error("image holds bundle {actual}, the channel runs {expected}")]
    WrongImage {
        /// What the record names.
        expected: Digest,
        /// What the image holds.
        actual: Digest,
    },
    /// There is no machine code for a fragment.
    #[error(
        "no machine code for fragment `{fragment}` ({digest}); the agent compiles it when it stages a version"
    )]
    NoCode {
        /// The fragment.
        fragment: String,
        /// Its digest.
        digest: Digest,
    },
    /// Machine code that is damaged or was made for another fragment.
    #[error(
        "machine code for {digest} is refused: {reason}; delete the cache and restart the agent"
    )]
    BadCode {
        /// The fragment's digest.
        digest: Digest,
        /// Why.
        reason: String,
    },
    /// A fragment's WebAssembly is not one of the compiler's; the interpreter did not load it.
    #[error("fragment {digest} is refused: {reason}")]
    Refused {
        /// Its digest.
        digest: Digest,
        /// Why.
        reason: String,
    },
    /// The sandbox cannot be set up.
    #[error("the sandbox refused {what}: {reason}")]
    Sandbox {
        /// What was tried.
        what: String,
        /// The engine's words.
        reason: String,
    },
    /// A fragment trapped or ran over its budget; the fault of whoever built the bundle.
    #[error("fragment `{fragment}` failed: {reason}")]
    Trap {
        /// The fragment.
        fragment: String,
        /// The engine's words.
        reason: String,
    },
    /// A slot's value is outside its declared range.
    #[error("`{name}` is {value}, allowed are {min} to {max}")]
    OutOfRange {
        /// The slot.
        name: String,
        /// What was given, in the slot's representation.
        value: i64,
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// A page has another number of values than the version has parameters.
    #[error("{actual} values for {expected} parameters of {ruleset} {version}")]
    Page {
        /// Values given.
        actual: usize,
        /// Parameters.
        expected: usize,
        /// The rule set.
        ruleset: String,
        /// The version.
        version: String,
    },
    /// A text is not a value of its slot.
    #[error("`{name}`: {reason}")]
    Value {
        /// The slot.
        name: String,
        /// Why.
        reason: Box<ValueError>,
    },
    /// Fields of the trigger were not set.
    #[error("field `{name}` of `{on}` is not set ({missing} missing)")]
    Unset {
        /// The first one.
        name: String,
        /// The trigger.
        on: String,
        /// How many.
        missing: usize,
    },
    /// There is no such thing in this version.
    #[error("no {what} `{name}` in {ruleset} {version}")]
    Unknown {
        /// Kind of thing.
        what: &'static str,
        /// Its name or index.
        name: String,
        /// The rule set.
        ruleset: String,
        /// The version.
        version: String,
    },
    /// A context was made for another version than the evaluator.
    #[error("context was made for bundle {context}, the evaluator runs {evaluator}")]
    OtherVersion {
        /// The context's.
        context: Digest,
        /// The evaluator's.
        evaluator: Digest,
    },
    /// A player's misses were made for another version; see [`crate::Pity::carry`].
    #[error("misses were made for bundle {pity}, the version is {version}")]
    OtherPity {
        /// The misses'.
        pity: Digest,
        /// The version's.
        version: Digest,
    },
    /// A player's misses cannot be taken over.
    #[error(transparent)]
    Pity(#[from] PityError),
    /// Raw context bytes have the wrong length or layout version.
    #[error(
        "context is {actual_bytes} bytes, fragment `{fragment}` reads {needed_bytes} of layout {abi}"
    )]
    RawContext {
        /// The fragment.
        fragment: String,
        /// Bytes given.
        actual_bytes: usize,
        /// Bytes needed.
        needed_bytes: usize,
        /// The layout version.
        abi: u32,
    },
    /// A loot roll cannot be finished.
    #[error(transparent)]
    Loot(#[from] LootError),
    /// Exported counter bytes that are not one.
    #[error("exported counter is malformed: {reason}")]
    Counter {
        /// Why.
        reason: &'static str,
    },
}
