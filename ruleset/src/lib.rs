//! The rule language, its compiler, the bundle and the image that games read.


pub mod rng;
pub mod ir;
#[cfg(feature = "compile")]
pub mod lang;
