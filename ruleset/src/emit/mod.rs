//! From the typed program to WebAssembly fragments and a bundle.

mod bundle;
mod code;
mod fragment;

pub use bundle::{BuildError, Built, bundle};
pub use fragment::{encode, fragment};
