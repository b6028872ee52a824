//! Digests and the incremental Merkle trie that finds what a replica misses.

mod digest;

pub use digest::{DIGEST_BYTES, Digest, ParseDigestError};
