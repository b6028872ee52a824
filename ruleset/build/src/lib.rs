//! Rules as Rust source from a build script, for games that embed them.
//!
//! In `build.rs`:
//!
//! ```no_run
//! if let Err(error) = cairn_build::rules("rules") {
//!     panic!("{error}");
//! }
//! ```
//!
//! and in the crate, which may be `no_std`:
//!
//! ```ignore
//! include!(concat!(env!("OUT_DIR"), "/rules.rs"));
//! ```
//!
//! That gives one module, named like the rule set; see [`cairn_ruleset::emit::rust`].

use std::path::{Path, PathBuf};

use cairn_ruleset::emit::rust;
use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::{self, Diagnostic, Severity, Source, line_col};
use cairn_sources::{Found, SourcesError, Which};

/// No Rust was written; whatever an earlier build wrote is still there.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The module cannot be written.
    #[error("{path}: {source}")]
    Write {
        /// Where to.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The rules cannot be read; what `cairn build` says, too.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// Not run by cargo.
    #[error("OUT_DIR is not set: call this from a build script")]
    NoOutDir,
    /// The rules do not compile: every mistake, a line each. `cairn check` explains more.
    #[error("{0}")]
    Rules(String),
}

/// Compiles the rules below `folder` (relative to the crate) to `OUT_DIR/rules.rs`, and tells cargo
/// when to do it again.
///
/// # Errors
/// See [`BuildError`].
pub fn rules(folder: impl AsRef<Path>) -> Result<PathBuf, BuildError> {
    let folder = folder.as_ref();
    println!("cargo::rerun-if-changed={}", folder.display());
    let out = std::env::var_os("OUT_DIR").ok_or(BuildError::NoOutDir)?;
    let path = Path::new(&out).join("rules.rs");
    let found = cairn_sources::find(folder, Which::Rules)?;
    // A change below the folder is seen already; what is imported lies beside it.
    for beside in found.iter().filter(|found| found.source.name.starts_with("../")) {
        println!("cargo::rerun-if-changed={}", beside.path.display());
    }
    let text = rust::module(&compiled(&found)?);
    std::fs::write(&path, text)
        .map_err(|source| BuildError::Write { path: path.clone(), source })?;
    Ok(path)
}

/// The checked rules below a folder, and what they import from beside it.
///
/// # Errors
/// See [`BuildError`].
pub fn program(folder: &Path) -> Result<Program, BuildError> {
    compiled(&cairn_sources::find(folder, Which::Rules)?)
}

fn compiled(found: &[Found]) -> Result<Program, BuildError> {
    let sources: Vec<Source> = found.iter().map(|found| found.source.clone()).collect();
    let checked = lang::check(&sources);
    let Some(program) = checked.program else {
        let mistakes = checked.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        let lines: Vec<_> = mistakes.map(|one| line(&checked.files, found, one)).collect();
        return Err(BuildError::Rules(lines.join("\n")));
    };
    Ok(program)
}

/// `rules/crypt.rules.hcl:12:3: C0412: message; help`.
fn line(files: &[String], found: &[Found], one: &Diagnostic) -> String {
    let name = files.get(one.span.file as usize);
    let Some(found) = found.iter().find(|found| Some(&found.source.name) == name) else {
        return format!("{}: {}", one.code, one.message);
    };
    let (line, column) = line_col(&found.source.text, one.span.start);
    let path = cairn_sources::shown(&found.path);
    format!("{}:{line}:{column}: {}: {}; {}", path.display(), one.code, one.message, one.help)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\n";

    /// A folder above, and the rule folder `rules` in it.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join("rules").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn judged(dir: &tempfile::TempDir) -> Result<Program, String> {
        program(&dir.path().join("rules")).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn refused(dir: &tempfile::TempDir, part: &str) {
        let reason = judged(dir).expect_err("it was accepted");
        assert!(reason.contains(part), "no {part:?} in {reason}");
    }

    #[test]
    fn imports_are_followed_and_hidden_files_are_not_read() {
        let main = format!(
            "{MAIN}import \"../shared/t.rules.hcl\" {{}}\nrule \"r\" {{\n  on = kill\n  emit \"a\" {{}}\n}}\n"
        );
        let dir = folder(&[
            ("a.rules.hcl", &main),
            (".hidden.rules.hcl", "not a rule"),
            ("../shared/t.rules.hcl", "import \"u.rules.hcl\" {}\n"),
            ("../shared/u.rules.hcl", "trigger \"kill\" { fields = {} }\n"),
        ]);
        let found = judged(&dir).unwrap();
        assert_eq!(found.triggers.len(), 1);
        std::fs::remove_file(dir.path().join("shared/u.rules.hcl")).unwrap();
        refused(&dir, "C1003");
    }

    #[test]
    fn what_is_no_file_and_a_folder_without_rules_are_refused() {
        let dir = folder(&[("a.rules.hcl", MAIN), ("../other.rules.hcl", "")]);
        let link = dir.path().join("rules/b.rules.hcl");
        std::os::unix::fs::symlink(dir.path().join("other.rules.hcl"), link).unwrap();
        refused(&dir, "b.rules.hcl: not a regular file");
        refused(&folder(&[("README.md", "")]), "no *.rules.hcl file in");
        assert!(matches!(
            program(Path::new("/nowhere")),
            Err(BuildError::Sources(SourcesError::Missing { .. }))
        ));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let dir = folder(&[(
            "a.rules.hcl",
            &format!("{MAIN}rule \"r\" {{\n  on = kil\n  emit \"a\" {{}}\n}}\n"),
        )]);
        refused(&dir, "a.rules.hcl:6:8: C0405: ");
    }
}
