//! Seeded simulation of the agent cores, the history checker, and a TCP proxy that breaks connections.
//!
//! - [`proxy`] stands between real processes and breaks their connections.

pub mod proxy;
