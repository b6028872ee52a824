//! Digests and the incremental Merkle trie that finds what a replica misses.
//!
//! # The trie
//! A hash tree (Merkle, *A Digital Signature Based on a Conventional Encryption Function*, CRYPTO
//! 1987) over a radix trie of 16-way nodes. Its shape follows from the set of keys alone, so
//! replicas that hold the same entries have the same root, in whatever order they got them: the
//! property that Auvolat and Taïani require of a state for anti-entropy (*Merkle Search Trees:
//! Efficient State-Based CRDTs in Open Networks*, SRDS 2019). Their trees keep arbitrary keys in
//! order; ours are hashes already, so a trie is balanced without any rule for it.
//!
//! An update rehashes one path: O(log₁₆ n). The tree of the `rs_merkle` crate only appends, and
//! rebuilds for a change.
//!
//! # The exchange
//! [`Diff`] is the side that pulls, [`Trie::summary`] the side that answers. Nothing here sends:
//!
//! ```
//! use cairn_merkle::{Diff, Digest, Trie};
//!
//! let entry = |n: u32| (Digest::of(&n.to_le_bytes()), Digest::of(b"value"));
//! let ours: Trie = (0..1_000).map(entry).collect();
//! let theirs: Trie = (1..1_001).map(entry).collect();
//!
//! let (mut diff, mut ask) = Diff::start(&ours, theirs.root());
//! let mut differs = Vec::new();
//! while !ask.is_empty() {
//!     let told: Vec<_> = ask.iter().map(|prefix| theirs.summary(prefix)).collect();
//!     let step = diff.handle(&ours, &told)?;
//!     differs.extend(step.differs);
//!     ask = step.ask;
//! }
//! assert_eq!(differs.len(), 2);
//! # Ok::<(), cairn_merkle::DiffError>(())
//! ```
//!
//! A diff of d among n keys takes O(d log n) bytes and at most one round trip for each of the
//! ⌈log₁₆ n⌉ levels. Two devices lower that: the root tells two levels at once, and a part of at
//! most [`LEAVES_MAX`] entries is told in full. A difference of 10 among 10⁶ keys takes four
//! round trips and under 20 KB (`benches/trie.rs`).
//!
//! Whatever the other side answers, a session ends: each answer uses up a question, questions only
//! go deeper, and [`DiffLimits`] bounds their number.

mod diff;
mod digest;
mod node;
mod prefix;
mod summary;
mod trie;

pub use diff::{ASKS_PER_FRAME, Diff, DiffError, DiffLimits, Difference, Step};
pub use digest::{DIGEST_BYTES, Digest, ParseDigestError};
pub use prefix::{DEPTH_MAX, Prefix};
pub use summary::{LEAVES_MAX, SHALLOW_LEAVES_MAX, SUMMARY_BYTES_MAX, Summary, Tag};
pub use trie::Trie;
