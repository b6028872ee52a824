//! The agent's decisions without I/O: consumers, activation, and the replica they stand on.
