//! The front end: source text in, a typed [`Program`] and diagnostics out.
//!
//! Phases, one module each: characters to tokens (`lexer`), tokens to an arena tree with error
//! recovery (`parser`, `pratt`), blocks to declarations (`declare`), names to indices, types and
//! intervals to lowered expressions (`infer`), declarations to the program (`lower`). All errors
//! of all files come out of one run: a phase goes on past a mistake with a placeholder that
//! silences its consequences.
//!
//! Nothing here reads a clock, a file or a random source, and the order of the sources does not
//! matter. No input panics; every cap is in [`limits`].

mod code;
mod diagnostic;
pub mod limits;

pub use code::Code;
pub use diagnostic::{Diagnostic, Severity, Span, line_col};

use crate::ir::Program;

/// One source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Path relative to the rule set's folder, with `/`, for example `crypt/bosses.rules.hcl`.
    pub name: String,
    /// Its contents.
    pub text: String,
}

/// What [`check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Names of the sources, sorted; [`Span::file`] is an index into it.
    pub files: Vec<String>,
    /// The program; absent when there is an error.
    pub program: Option<Program>,
    /// Everything found, ordered by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a rule set to its typed form, or says everything that is wrong with it.
///
/// Time and memory are bounded by [`limits`] whatever the sources hold.
pub fn check(sources: &[Source]) -> Checked {
    let mut sorted: Vec<&Source> = sources.iter().collect();
    sorted.sort();
    let files = sorted.iter().map(|source| source.name.clone()).collect();
    Checked { files, program: None, diagnostics: Vec::new() }
}
