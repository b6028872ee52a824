//! The rule language, its compiler, the bundle and the image that games read.


pub mod rng;
pub mod ir;
#[cfg(feature = "compile")]
pub mod lang;
pub mod layout;
pub mod meta;
pub mod schedule;
mod bounded;
pub mod bundle_error;
pub mod envelope;
pub mod inclusion;
pub mod key;
pub mod limits;
pub mod manifest;
pub mod trust;
pub mod context;
pub mod loot;
pub mod value;
pub mod whitelist;
pub mod image;
#[cfg(feature = "compile")]
pub mod emit;
#[cfg(feature = "compile")]
pub mod interp;
pub mod upload;
