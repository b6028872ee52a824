//! From the typed program to WebAssembly fragments and a bundle, and to Rust source.

mod bundle;
mod code;
mod fragment;
pub mod rust;

pub use bundle::{BuildError, Built, bundle};
pub use fragment::{encode, fragment};
