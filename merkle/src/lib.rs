//! Digests and the incremental Merkle trie that finds what a replica misses.
