//! The agent, its coordinators, its local API and the command line of Cairn.
//!
//! This crate is the shell around the pure cores: it owns sockets, disk, clock and etcd, and it
//! carries out what `cairn_core` decides. Decisions are made in `cairn_gossip` and `cairn_core`;
//! nothing here chooses what is accepted, in which order, or when a version becomes live.
//!
//! | module | noun |
//! |---|---|
//! | [`agent`] | one running node: configuration, loop, and the handle that callers hold |
//! | [`store`] | what survives a power cut: the redb journal and the files beside it |
//! | [`link`] | TCP between agents: framing, bounded queues, limits |
//! | [`stage`] | from a stored bundle to something that may go live |
//! | [`live`] | what is live now, and evaluation on it |
//! | [`identity`] | who this node is and whom it believes |
//! | [`coordinator`] | who decides the order of directives: embedded or etcd |
//! | [`controller`] | the elected one: timers |
//! | [`api`], [`cli`], [`dev`] | what people and game servers talk to |
//! | [`lsp`] | the language server for editors |
//! | [`telemetry`] | logs, traces, metrics |
//! | [`sources`], [`diagnostics`] | reading a rule folder, showing what is wrong with it |
//! | [`testing`] | running the tests of a rule set, and their reports |
//! | [`trust`] | the directory of keys |
//! | [`duration`] | `500ms`, `30s` |
//! | [`suggest`] | did you mean |
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the shell is where the real clock and the system's randomness enter"
)]

pub mod agent;
pub mod api;
pub mod cli;
pub mod compile;
pub mod controller;
pub mod coordinator;
pub mod dev;
pub mod diagnostics;
pub mod duration;
pub mod github;
pub mod identity;
pub mod link;
pub mod live;
pub mod lsp;
pub mod node;
pub mod sarif;
pub mod stage;
pub mod store;
pub mod suggest;
pub mod telemetry;
pub mod testing;
pub mod trust;

pub use cairn_sources as sources;
