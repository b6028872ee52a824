//! The SDK's own interpreter of the opcodes that the whitelist allows.
//!
//! For hosts without a code generator, for readers whose engine differs from the agent's, and for
//! those that run without an agent: nothing in here needs wasmtime. The same bytes come out, bit
//! for bit, traps included. A fragment is proved and translated once; an evaluation allocates
//! nothing, calls nothing outside and takes time in proportion to the instructions that the
//! whitelist counted.

mod machine;
mod op;
#[cfg(test)]
mod tests;
mod translate;

pub(crate) use machine::{Machine, Trap};
pub(crate) use translate::{Module, translate};
