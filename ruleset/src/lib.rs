//! The rule language, its compiler, the bundle and the image that games read.

pub mod ir;
pub mod rng;
