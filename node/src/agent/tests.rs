//! Agents in one process.
