//! Mutations that know a format, for inputs that byte by byte nobody would come upon: a module whose
//! lengths are still right after an instruction was put in, a manifest whose root still fits.
//!
//! Each takes an input and a seed and returns another input. What it has no opinion on it leaves to
//! the fuzzing engine's own mutator, which is given to it; equal arguments make equal inputs as
//! long as that mutator does.

mod dice;
mod formats;
mod module;
mod source;

pub use formats::formats;
pub use module::module;
pub use source::source;

/// The engine's own mutator: changes bytes without knowing what they mean, and leaves at most as many
/// as it is told.
pub type Plain<'a> = &'a mut dyn FnMut(&mut Vec<u8>, usize);

/// What makes an input of at most so many bytes from another one and a seed.
pub type Mutate = fn(&[u8], usize, u32, Plain<'_>) -> Vec<u8>;
