//! Seeded simulation of the agent cores, the history checker, and a TCP proxy that breaks connections.
//!
//! - [`history`] is what an observer outside the nodes saw; [`invariant`] judges it, one promise
//!   a file. Both serve the simulation and tests over real processes.
//! - [`sim`] runs the shipping cores in virtual time under seeded faults.
//! - [`proxy`] stands between real processes and breaks their connections.

pub mod history;
pub mod invariant;
pub mod proxy;
pub mod sim;
