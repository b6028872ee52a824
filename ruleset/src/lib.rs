//! The rule language, its compiler, the bundle and the image that games read.

mod bounded;
#[cfg(feature = "compile")]
pub mod breaking;
pub mod bundle_error;
#[cfg(feature = "compile")]
pub mod calendar;
#[cfg(feature = "compile")]
pub mod cases;
#[cfg(feature = "compile")]
pub mod codegen;
#[cfg(feature = "compile")]
pub mod contents;
pub mod context;
#[cfg(feature = "compile")]
pub mod cost;
#[cfg(feature = "compile")]
mod drawn;
#[cfg(feature = "compile")]
pub mod emit;
pub mod envelope;
#[cfg(feature = "compile")]
pub mod explain;
#[cfg(all(feature = "compile", any(test, fuzzing)))]
pub mod fuzz;
pub mod image;
#[cfg(feature = "compile")]
pub mod import;
pub mod inclusion;
#[cfg(feature = "compile")]
pub mod interp;
pub mod ir;
pub mod key;
#[cfg(feature = "compile")]
pub mod lang;
pub mod layout;
pub mod limits;
pub mod loot;
pub mod manifest;
pub mod meta;
pub mod page;
pub mod pity;
#[cfg(feature = "compile")]
pub mod plan;
pub mod reads;
pub mod rng;
pub mod schedule;
pub mod schema_hash;
pub mod scope;
#[cfg(feature = "compile")]
pub mod sim;
pub mod trust;
pub mod upload;
pub mod value;
pub mod whitelist;
