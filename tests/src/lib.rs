//! End-to-end tests on real processes: agents, etcd, proxies, stock clients.
//!
//! Each piece starts what it needs on free loopback ports in temporary directories, and ends it
//! when it is dropped, also on failure.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "real processes run on the real clock"
)]

pub mod agent;
pub mod consumer;
pub mod etcd;
pub mod fleet;
pub mod http;
pub mod publisher;
pub mod recorder;
pub mod seed;
