//! Random well-typed rule sets, and the proof that every back end evaluates them alike.
//!
//! A seed makes a rule set as *source text*, with every type, operator, function, edge value,
//! counter, timer, parameter and loot mask of the language, so the whole compiler is exercised. It
//! is evaluated on random inputs by the reference interpreter, and by
//!
//! - wasmtime, as agents and games do;
//! - the SDK's own interpreter of the whitelisted opcodes;
//! - the emitted Rust, compiled by `rustc` as `no_std` with every warning an error;
//! - Node's own WebAssembly.
//!
//! Every bit of every output must be equal. A difference is made smaller and printed with its seed
//! and the command that repeats it. `cargo xtask agree` is the long run; the tests are the short
//! one, and prove that a planted miscompilation is found.

mod backend;
mod case;
mod draft;
mod input;
mod run;
mod stream;

pub use backend::{Backend, BackendError};
pub use case::{Answer, Case, Unit};
pub use input::{Input, inputs};
pub use run::{Difference, compare, shrink};
pub use stream::Stream;
