//! Counters of what a replica did, for metrics.

/// Monotone counters since the start, and two gauges. Reading them is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events published here that are durable.
    pub published: u64,
    /// Events delivered here, own ones included.
    pub delivered: u64,
    /// Copies of a key that were suppressed.
    pub suppressed: u64,
    /// Batches that arrived although they were known.
    pub duplicates: u64,
    /// Batches relayed to other peers.
    pub relayed: u64,
    /// Batches from peers dropped because a window was full; they come again.
    pub window_dropped: u64,
    /// Batches that peers asked us to repair.
    pub repaired: u64,
    /// Trie comparisons started.
    pub diffs: u64,
    /// Pieces of content served to peers.
    pub chunks_served: u64,
    /// Pieces of content received.
    pub chunks_received: u64,
    /// Pieces asked for again because nothing came.
    pub ask_timeouts: u64,
    /// Things that no correct peer sends.
    pub faults: u64,
    /// Gauge: bytes of batches that wait for what they depend on.
    pub window_bytes: u64,
    /// Gauge: bytes of content being put together.
    pub assembly_bytes: u64,
}
