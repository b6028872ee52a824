//! Compiling on this machine, with mistakes shown as they should be.

use std::path::Path;

use cairn_merkle::Digest;
use cairn_ruleset::emit::Built;
use cairn_ruleset::envelope::MANIFEST_DOMAIN;
use cairn_ruleset::ir::Program;
use cairn_ruleset::upload::Upload;

use super::exit::Exit;
use super::failure::Failure;
use super::opened;
use crate::compile::{self, CompileError, Judged};
use crate::diagnostics::{self, Tally};
use crate::live::Live;
use crate::sources::{Fault, SourcesError};

/// The program of a folder or a file.
///
/// # Errors
/// Exit code 3 with every finding, 2 when there is nothing to read.
pub fn program(path: &Path) -> Result<Program, Failure> {
    let judged = compile::judge(path).map_err(|error| unreadable(path, &error))?;
    judged.program().map_err(|error| refused(path, &error))
}

/// A folder, a rule file or a bundle file, ready to be asked.
///
/// # Errors
/// As [`program`]; exit code 3 for a bundle that does not hold, too.
pub fn live(path: &Path, evaluates: bool) -> Result<Live, Failure> {
    if let Some(upload) = opened::upload(path)? {
        return of_upload(upload, evaluates);
    }
    let program = program(path)?;
    let built =
        compile::bundle(&program, "0.0.0", "").map_err(|error| refused(path, &error.into()))?;
    let digest = Digest::derive(MANIFEST_DOMAIN, &[&built.manifest.encode()]);
    Live::local(&built, digest, evaluates).map_err(Failure::internal)
}

/// A bundle, ready to be asked.
///
/// # Errors
/// Exit code 3 for what a node would refuse.
pub fn of_upload(upload: Upload, evaluates: bool) -> Result<Live, Failure> {
    let built = Built { manifest: upload.manifest, blobs: upload.blobs };
    let digest = Digest::derive(MANIFEST_DOMAIN, &[&built.manifest.encode()]);
    Live::local(&built, digest, evaluates).map_err(|reason| {
        Failure::new(Exit::Findings, format!("a node would refuse this version: {reason}"))
            .hint("build it again with this version of cairn")
    })
}

/// A failed compilation.
pub fn refused(path: &Path, error: &CompileError) -> Failure {
    match error {
        CompileError::Sources(error) => unreadable(path, error),
        CompileError::Rules(judged) => wrong(path, judged),
        CompileError::Build(error) => {
            Failure::new(Exit::Findings, format!("{} cannot be built: {error}", path.display()))
                .hint("split the rules into more files, or into two rule sets")
        }
    }
}

/// Rules with errors.
pub fn wrong(path: &Path, judged: &Judged) -> Failure {
    let tally = Tally::of(&judged.diagnostics);
    let mut failure =
        Failure::new(Exit::Findings, format!("{} has {}", path.display(), tally.show()))
            .hint("mend what is shown above");
    if let Some(explain) = diagnostics::explain(&judged.diagnostics) {
        failure = failure.hint(format!("mend what is shown above\n  {explain}"));
    }
    failure.findings = diagnostics::findings(&judged.sources, &judged.diagnostics);
    failure.shown = Some(diagnostics::render(&judged.sources, &judged.diagnostics, false));
    failure
}

/// A folder that could not be read.
pub fn unreadable(path: &Path, error: &SourcesError) -> Failure {
    match error {
        SourcesError::Missing { .. } => Failure::usage(error.to_string())
            .hint("name a folder with *.rules.hcl files, or one such file"),
        SourcesError::Empty { .. } => {
            Failure::usage(error.to_string()).hint("rules live in files that end in .rules.hcl")
        }
        SourcesError::TestsOnly { is_folder: true, .. } => Failure::usage(error.to_string())
            .hint("give the folder of the rules; their tests lie there, or in folders below"),
        SourcesError::TestsOnly { path, is_folder: false } => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            Failure::usage(error.to_string()).hint(format!(
                "give the folder of its rules: `{}`",
                folder.unwrap_or(Path::new(".")).display()
            ))
        }
        SourcesError::Faults(faults) => {
            let first = faults.first().map_or("", Fault::hint);
            let message = format!("{} cannot be read:\n{error}", path.display());
            Failure::new(Exit::Findings, message).hint(first)
        }
    }
}
