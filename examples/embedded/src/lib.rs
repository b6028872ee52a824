//! The treasure hunt's rules inside a `no_std` crate: no agent, no WebAssembly, no allocation.
//!
//! `tests/embedded.rs` calls them, and holds them against the reference interpreter.
#![no_std]

include!(concat!(env!("OUT_DIR"), "/rules.rs"));
