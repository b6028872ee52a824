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
use cairn_ruleset::lang::limits::{FILE_COUNT_MAX, SOURCE_BYTES_MAX};
use cairn_ruleset::lang::{self, Diagnostic, SUFFIX, Severity, Source, line_col};

/// Deepest nesting of folders; deeper ones are refused.
pub const FOLDER_DEPTH_MAX: usize = 16;

/// No Rust was written; whatever an earlier build wrote is still there.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// More files, or deeper folders, or longer files than a rule set may have.
    #[error("{path}: {what}, limit {limit}")]
    Limit {
        /// Where.
        path: PathBuf,
        /// Of what there is too much.
        what: &'static str,
        /// How much may be.
        limit: usize,
    },
    /// No `*.rules.hcl` below the folder.
    #[error("no *{SUFFIX} file in {path}")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
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
    let text = rust::module(&program(folder)?);
    std::fs::write(&path, text).map_err(|source| BuildError::Io { path: path.clone(), source })?;
    Ok(path)
}

/// The checked rules below a folder.
///
/// # Errors
/// See [`BuildError`].
pub fn program(folder: &Path) -> Result<Program, BuildError> {
    let mut sources = Vec::new();
    read(folder, folder, 0, &mut sources)?;
    if sources.is_empty() {
        return Err(BuildError::Empty { path: folder.to_owned() });
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    let checked = lang::check(&sources);
    let Some(program) = checked.program else {
        let mistakes = checked.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        let lines: Vec<_> =
            mistakes.map(|one| line(folder, &checked.files, &sources, one)).collect();
        return Err(BuildError::Rules(lines.join("\n")));
    };
    Ok(program)
}

/// `rules/crypt.rules.hcl:12:3: C0412: message; help`.
fn line(folder: &Path, files: &[String], sources: &[Source], one: &Diagnostic) -> String {
    let name = files.get(one.span.file as usize);
    let Some(source) = sources.iter().find(|source| Some(&source.name) == name) else {
        return format!("{}: {}", one.code, one.message);
    };
    let (line, column) = line_col(&source.text, one.span.start);
    let path = folder.join(&source.name);
    format!("{}:{line}:{column}: {}: {}; {}", path.display(), one.code, one.message, one.help)
}

fn read(
    root: &Path,
    folder: &Path,
    depth: usize,
    sources: &mut Vec<Source>,
) -> Result<(), BuildError> {
    let limit = |path: &Path, what, limit| BuildError::Limit { path: path.to_owned(), what, limit };
    if depth > FOLDER_DEPTH_MAX {
        return Err(limit(folder, "folders are nested too deeply", FOLDER_DEPTH_MAX));
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::Io { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(failed(&path))?;
        if kind.is_dir() {
            read(root, &path, depth + 1, sources)?;
        } else if kind.is_file() && entry.file_name().to_string_lossy().ends_with(SUFFIX) {
            if sources.len() == FILE_COUNT_MAX {
                return Err(limit(root, "too many rule files", FILE_COUNT_MAX));
            }
            let bytes = entry.metadata().map_err(failed(&path))?.len();
            if bytes > SOURCE_BYTES_MAX as u64 {
                return Err(limit(&path, "too many bytes", SOURCE_BYTES_MAX));
            }
            let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
            let inside = path.strip_prefix(root).unwrap_or(&path);
            let parts = inside.components().map(|part| part.as_os_str().to_string_lossy());
            sources.push(Source { name: parts.collect::<Vec<_>>().join("/"), text });
        }
    }
    Ok(())
}
