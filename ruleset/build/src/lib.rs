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
use cairn_ruleset::lang::limits::{FILE_COUNT_MAX, RULESET_BYTES_MAX, SOURCE_BYTES_MAX};
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
    /// A symbolic link, a socket, a device: what is behind it can change unseen.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// Which.
        path: PathBuf,
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
    let mut walk = Walk { root: folder, sources: Vec::new(), bytes: 0 };
    walk.folder(folder, 0)?;
    walk.imports()?;
    let mut sources = walk.sources;
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

/// The sources that were read so far.
struct Walk<'a> {
    root: &'a Path,
    sources: Vec<Source>,
    bytes: u64,
}

fn limit(path: &Path, what: &'static str, limit: usize) -> BuildError {
    BuildError::Limit { path: path.to_owned(), what, limit }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::Io { path, source }
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), BuildError> {
        if depth > FOLDER_DEPTH_MAX {
            return Err(limit(folder, "folders are nested too deeply", FOLDER_DEPTH_MAX));
        }
        for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
            let entry = entry.map_err(failed(folder))?;
            let path = entry.path();
            let leaf = entry.file_name().to_string_lossy().into_owned();
            // As `cairn build` reads a folder.
            if leaf.starts_with('.') {
                continue;
            }
            let kind = entry.file_type().map_err(failed(&path))?;
            if kind.is_dir() {
                self.folder(&path, depth + 1)?;
            } else if leaf.ends_with(SUFFIX) {
                let inside = path.strip_prefix(self.root).unwrap_or(&path);
                let parts = inside.components().map(|part| part.as_os_str().to_string_lossy());
                let name = parts.collect::<Vec<_>>().join("/");
                self.file(&path, name)?;
            }
        }
        Ok(())
    }

    /// What the files import, and what that imports, each file once. What is not there is left to
    /// the compiler, which knows the line that asks for it.
    fn imports(&mut self) -> Result<(), BuildError> {
        let real = |path: &Path| std::fs::canonicalize(path);
        let root = real(self.root).map_err(failed(self.root))?;
        let above = root.parent().unwrap_or(&root).to_owned();
        let mut next = 0;
        while let Some(source) = self.sources.get(next) {
            next += 1;
            for name in lang::imports(source) {
                if self.sources.iter().any(|known| known.name == name) {
                    continue;
                }
                let path = match name.strip_prefix("../") {
                    Some(beside) => above.join(beside),
                    None => root.join(&name),
                };
                match real(&path) {
                    // A folder on the way may be a link to somewhere else.
                    Ok(place) if !place.starts_with(&above) => {
                        return Err(BuildError::NotAFile { path });
                    }
                    Ok(_) => {
                        println!("cargo::rerun-if-changed={}", path.display());
                        self.file(&path, name)?;
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(&path)(error)),
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) -> Result<(), BuildError> {
        if self.sources.len() == FILE_COUNT_MAX {
            return Err(limit(self.root, "too many rule files", FILE_COUNT_MAX));
        }
        let about = std::fs::symlink_metadata(path).map_err(failed(path))?;
        if !about.is_file() {
            return Err(BuildError::NotAFile { path: path.to_owned() });
        }
        if about.len() > SOURCE_BYTES_MAX as u64 {
            return Err(limit(path, "too many bytes", SOURCE_BYTES_MAX));
        }
        self.bytes += about.len();
        if self.bytes > RULESET_BYTES_MAX as u64 {
            return Err(limit(self.root, "too many bytes of rules", RULESET_BYTES_MAX));
        }
        let text = std::fs::read_to_string(path).map_err(failed(path))?;
        self.sources.push(Source { name, text });
        Ok(())
    }
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
    fn depth_is_limited() {
        let deep = |depth: usize| {
            let name = format!("{}a.rules.hcl", "d/".repeat(depth));
            folder(&[("main.rules.hcl", MAIN), (&name, "")])
        };
        judged(&deep(FOLDER_DEPTH_MAX)).unwrap();
        refused(&deep(FOLDER_DEPTH_MAX + 1), "nested too deeply, limit 16");
    }

    #[test]
    fn files_are_limited_in_number_and_bytes() {
        let dir = folder(&[("main.rules.hcl", MAIN)]);
        let at = |name: String| dir.path().join("rules").join(name);
        for number in 1..FILE_COUNT_MAX {
            std::fs::write(at(format!("f{number}.rules.hcl")), "").unwrap();
        }
        judged(&dir).unwrap();
        std::fs::write(at("more.rules.hcl".to_owned()), "").unwrap();
        refused(&dir, "too many rule files, limit 1024");

        let long =
            |bytes: usize| folder(&[("a.rules.hcl", MAIN), ("b.rules.hcl", &"#".repeat(bytes))]);
        judged(&long(SOURCE_BYTES_MAX)).unwrap();
        refused(&long(SOURCE_BYTES_MAX + 1), "too many bytes, limit 1048576");

        let whole = |last: usize| {
            let dir = folder(&[("a.rules.hcl", MAIN)]);
            let bytes = |count: usize| "#".repeat(count);
            for number in 0..15 {
                let name = format!("rules/b{number}.rules.hcl");
                std::fs::write(dir.path().join(name), bytes(SOURCE_BYTES_MAX)).unwrap();
            }
            std::fs::write(dir.path().join("rules/c.rules.hcl"), bytes(last)).unwrap();
            dir
        };
        judged(&whole(SOURCE_BYTES_MAX - MAIN.len())).unwrap();
        refused(
            &whole(SOURCE_BYTES_MAX - MAIN.len() + 1),
            "too many bytes of rules, limit 16777216",
        );
    }

    #[test]
    fn what_is_no_file_and_a_folder_without_rules_are_refused() {
        let dir = folder(&[("a.rules.hcl", MAIN), ("../other.rules.hcl", "")]);
        let link = dir.path().join("rules/b.rules.hcl");
        std::os::unix::fs::symlink(dir.path().join("other.rules.hcl"), link).unwrap();
        refused(&dir, "b.rules.hcl is not a regular file");
        refused(&folder(&[("README.md", "")]), "no *.rules.hcl file in");
        assert!(matches!(program(Path::new("/nowhere")), Err(BuildError::Io { .. })));
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
