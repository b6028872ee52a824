//! From a rule folder to a program, and from a program to a bundle, with everything that can be
//! wrong on the way. The command line and `dev` build through this one door.

use std::path::Path;

use cairn_ruleset::cases::Case;
use cairn_ruleset::emit::{self, BuildError, Built};
use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::{self, Diagnostic, Outline, Source, Trace};
use cairn_ruleset::manifest::Provenance;

use crate::sources::{self, SourcesError};

/// A folder that was read and judged.
#[derive(Debug)]
pub struct Judged {
    /// The files, sorted by name: what spans point into.
    pub sources: Vec<Source>,
    /// Everything found, warnings included.
    pub diagnostics: Vec<Diagnostic>,
    /// The program; absent when there is an error.
    pub program: Option<Program>,
    /// What its words are.
    pub outline: Outline,
}

/// Why a folder gives no bundle.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The files could not be read.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// The rules are wrong.
    #[error("the rules have errors")]
    Rules(Box<Judged>),
    /// The rules are right and do not fit into a bundle.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Reads and checks a folder or a file.
///
/// # Errors
/// When a file cannot be read. Mistakes in the rules are in [`Judged::diagnostics`].
pub fn judge(path: &Path) -> Result<Judged, SourcesError> {
    Ok(judge_sources(sources::read(path)?))
}

/// Checks sources that were read.
pub fn judge_sources(mut sources: Vec<Source>) -> Judged {
    // Spans count files in order of their names.
    sources.sort();
    let checked = lang::check(&sources);
    Judged {
        sources,
        diagnostics: checked.diagnostics,
        program: checked.program,
        outline: checked.outline,
    }
}

/// Checks sources that were read, tests included.
pub fn judge_sources_with_cases(mut sources: Vec<Source>) -> (Judged, Vec<Case>) {
    sources.sort();
    let lang::Tested { checked, cases, .. } = lang::check_with_cases(&sources);
    let judged = Judged {
        sources,
        diagnostics: checked.diagnostics,
        program: checked.program,
        outline: checked.outline,
    };
    (judged, cases)
}

/// As [`judge_sources`], with a table of where everything was written; absent when there is an
/// error.
pub fn judge_sources_with_trace(sources: Vec<Source>) -> (Judged, Option<Trace>) {
    let (judged, tested) = judge_traced(sources);
    (judged, tested.1)
}

/// Rules, tests and the table of where everything was written.
pub fn judge_traced(mut sources: Vec<Source>) -> (Judged, (Vec<Case>, Option<Trace>)) {
    sources.sort();
    let lang::Tested { checked, cases, trace } = lang::check_with_trace(&sources);
    let judged = Judged {
        sources,
        diagnostics: checked.diagnostics,
        program: checked.program,
        outline: checked.outline,
    };
    (judged, (cases, trace))
}

impl Judged {
    /// The program, or the diagnostics as an error.
    ///
    /// # Errors
    /// [`CompileError::Rules`].
    pub fn program(self) -> Result<Program, CompileError> {
        match self.program {
            Some(program) => Ok(program),
            None => Err(CompileError::Rules(Box::new(self))),
        }
    }
}

/// Builds the bundle of one version. Equal sources, version and revision give equal bytes.
///
/// # Errors
/// When the rules do not fit a limit of the bundle.
pub fn bundle(program: &Program, version: &str, revision: &str) -> Result<Built, BuildError> {
    let builder = concat!("cairn ", env!("CARGO_PKG_VERSION")).to_owned();
    emit::bundle(program, version, Provenance { revision: revision.to_owned(), builder })
}
