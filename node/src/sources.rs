//! Reading a rule folder: every `*.rules.hcl` below it, capped before a byte is read.
//!
//! Names are relative and use `/`, and the files come sorted by name, so that the same folder
//! gives the same rule set wherever it lies and in whatever order the disk lists it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use cairn_ruleset::lang::{self, SUFFIX, Source, TEST_SUFFIX};

/// Largest source file. A larger one is refused by its length, before it is read.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Largest sum of all source files of one rule set.
pub const FOLDER_BYTES_MAX: u64 = 16 << 20;
/// Most source files of one rule set; more is refused.
pub const FILE_COUNT_MAX: usize = 4_096;
/// Deepest nesting of folders; deeper ones are refused.
pub const FOLDER_DEPTH_MAX: usize = 16;

/// What is wrong with one file, so that it cannot be part of a rule set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file, or the folder as a whole, is over a limit.
    #[error("{path}: {actual_bytes} bytes of rules, limit {limit_bytes}")]
    TooLarge {
        /// Where.
        path: String,
        /// How much there is.
        actual_bytes: u64,
        /// How much may be.
        limit_bytes: u64,
    },
    /// Too many files.
    #[error("{path}: more than {limit} rule files")]
    TooMany {
        /// The folder.
        path: String,
        /// How many may be.
        limit: usize,
    },
    /// Folders nested too deeply.
    #[error("{path}: folders are nested deeper than {limit}")]
    TooDeep {
        /// The folder that is not entered.
        path: String,
        /// How deep they may be.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("{path}:{line}: byte {offset} is not UTF-8 but {byte:#04x}{}",
        if *utf16 { "; the file seems to be UTF-16" } else { "" })]
    NotText {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// Of the first wrong byte.
        offset: usize,
        /// The byte.
        byte: u8,
        /// It begins with the byte order mark of UTF-16.
        utf16: bool,
    },
    /// A symbolic link, a socket, a device.
    #[error("{path}: not a regular file")]
    NotAFile {
        /// What was found.
        path: String,
    },
    /// The system refused to read it.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        reason: String,
    },
}

impl Fault {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Fault::TooLarge { .. } => "split the rules into more files, or into two rule sets",
            Fault::TooMany { .. } => "merge small files, or split the rule set in two",
            Fault::TooDeep { .. } => "move the rules up; folders have no meaning to the compiler",
            Fault::NotText { utf16: true, .. } => {
                "save the file as UTF-8, which editors offer beside the name under \"save as\""
            }
            Fault::NotText { .. } => {
                "save the file as UTF-8; one letter in an older encoding is enough to stop here"
            }
            Fault::NotAFile { .. } => {
                "put the file itself there: what a link points to can change unseen"
            }
            Fault::Unreadable { .. } => "check the file's permissions",
        }
    }
}

/// Why a folder gives no sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourcesError {
    /// There is no such folder or file, or it cannot be listed.
    #[error("cannot read {path}: {reason}")]
    Missing {
        /// As given.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It holds no rules.
    #[error("no *.rules.hcl file in {path}")]
    Empty {
        /// As given.
        path: PathBuf,
    },
    /// Files that cannot be read: all of them, in order of their names.
    #[error("{}", join(.0))]
    Faults(Vec<Fault>),
}

fn join(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads a folder of rules, or one rule file.
///
/// # Errors
/// [`SourcesError`], with every unreadable file named at once. Nothing is half read: either all
/// sources come back or none.
pub fn read(path: &Path) -> Result<Vec<Source>, SourcesError> {
    read_ending(path, &[SUFFIX])
}

/// As [`read`], and the files that hold tests, too. Both count together.
///
/// # Errors
/// As [`read`].
pub fn read_with_tests(path: &Path) -> Result<Vec<Source>, SourcesError> {
    read_ending(path, &[SUFFIX, TEST_SUFFIX])
}

fn read_ending(path: &Path, suffixes: &'static [&str]) -> Result<Vec<Source>, SourcesError> {
    let missing = |error: std::io::Error| SourcesError::Missing {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let about = fs::metadata(path).map_err(missing)?;
    let mut walk = Walk { suffixes, ..Walk::default() };
    if about.is_dir() {
        // Listing the top folder itself must work; what lies below is judged entry by entry.
        fs::read_dir(path).map_err(missing)?;
        walk.folder(path, "", 0);
    } else {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        walk.file(path, name.unwrap_or_default());
    }
    walk.imported(path, about.is_dir()).map_err(missing)?;
    walk.sources.sort_by(|a, b| a.name.cmp(&b.name));
    walk.faults.sort_by_key(ToString::to_string);
    match (walk.faults.is_empty(), walk.sources.is_empty()) {
        (false, _) => Err(SourcesError::Faults(walk.faults)),
        (true, true) => Err(SourcesError::Empty { path: path.to_owned() }),
        (true, false) => Ok(walk.sources),
    }
}

/// Where a source that was read from `path`, a folder or a file, lies.
pub fn path_of(path: &Path, name: &str) -> PathBuf {
    if path.is_dir() {
        return import_path(path, name);
    }
    match path.parent() {
        Some(base) if path.file_name().is_none_or(|own| own != name) => import_path(base, name),
        _ => path.to_owned(),
    }
}

/// Where the file lies that a rule set in the folder `base` knows as `name`.
pub fn import_path(base: &Path, name: &str) -> PathBuf {
    match name.strip_prefix("../") {
        Some(beside) if base.is_absolute() => base.parent().unwrap_or(base).join(beside),
        Some(beside) => base.join("..").join(beside),
        None => base.join(name),
    }
}

/// Whether a path is one that [`read`] would take in.
pub fn is_source(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.ends_with(SUFFIX) && !name.starts_with('.')
    })
}

#[derive(Default)]
struct Walk {
    suffixes: &'static [&'static str],
    sources: Vec<Source>,
    faults: Vec<Fault>,
    total_bytes: u64,
}

impl Walk {
    fn folder(&mut self, path: &Path, prefix: &str, depth: usize) {
        if depth > FOLDER_DEPTH_MAX {
            let limit = FOLDER_DEPTH_MAX;
            return self.faults.push(Fault::TooDeep { path: prefix.to_owned(), limit });
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(prefix, &error),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.unreadable(prefix, &error),
            };
            let leaf = entry.file_name().to_string_lossy().into_owned();
            if leaf.starts_with('.') {
                continue;
            }
            let name = if prefix.is_empty() { leaf } else { format!("{prefix}/{leaf}") };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&entry.path(), &name, depth + 1),
                Ok(_) if self.suffixes.iter().any(|suffix| name.ends_with(suffix)) => {
                    if self.sources.len() >= FILE_COUNT_MAX {
                        let path = if prefix.is_empty() { ".".into() } else { prefix.to_owned() };
                        return self.faults.push(Fault::TooMany { path, limit: FILE_COUNT_MAX });
                    }
                    self.file(&entry.path(), name);
                }
                Ok(_) => {}
                Err(error) => self.unreadable(&name, &error),
            }
        }
    }

    /// Reads what the files import, and what that imports, each file once. What is not there is left
    /// to the compiler, which knows the line that asks for it.
    fn imported(&mut self, path: &Path, is_folder: bool) -> std::io::Result<()> {
        let path = fs::canonicalize(path)?;
        let base = if is_folder { &path } else { path.parent().unwrap_or(&path) };
        let root = base.parent().unwrap_or(base);
        let mut known: BTreeSet<String> =
            self.sources.iter().map(|source| source.name.clone()).collect();
        let mut next = 0;
        while let Some(source) = self.sources.get(next) {
            next += 1;
            for name in lang::imports(source) {
                if !known.insert(name.clone()) {
                    continue;
                }
                if self.sources.len() >= FILE_COUNT_MAX {
                    self.faults.push(Fault::TooMany { path: name, limit: FILE_COUNT_MAX });
                    return Ok(());
                }
                let at = import_path(base, &name);
                // A folder on the way may be a link to somewhere else.
                match fs::canonicalize(&at) {
                    Ok(real) if real.starts_with(root) => self.file(&at, name),
                    Ok(_) => self.faults.push(Fault::NotAFile { path: name }),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => self.unreadable(&name, &error),
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) {
        match self.text(path, &name) {
            Ok(text) => self.sources.push(Source { name, text }),
            Err(fault) => self.faults.push(fault),
        }
    }

    fn text(&mut self, path: &Path, name: &str) -> Result<String, Fault> {
        let unreadable = |error: std::io::Error| Fault::Unreadable {
            path: name.to_owned(),
            reason: error.to_string(),
        };
        let about = fs::symlink_metadata(path).map_err(unreadable)?;
        if !about.is_file() {
            return Err(Fault::NotAFile { path: name.to_owned() });
        }
        let too_large = |path: &str, actual_bytes, limit_bytes| Fault::TooLarge {
            path: path.to_owned(),
            actual_bytes,
            limit_bytes,
        };
        if about.len() > FILE_BYTES_MAX {
            return Err(too_large(name, about.len(), FILE_BYTES_MAX));
        }
        if self.total_bytes + about.len() > FOLDER_BYTES_MAX {
            return Err(too_large(name, self.total_bytes + about.len(), FOLDER_BYTES_MAX));
        }
        // The file may grow between the look and the read: the cap holds for what is read, too.
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(too_large(name, bytes.len() as u64, FILE_BYTES_MAX));
        }
        self.total_bytes += bytes.len() as u64;
        String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            not_text(name, error.as_bytes(), offset)
        })
    }

    fn unreadable(&mut self, name: &str, error: &std::io::Error) {
        let path = if name.is_empty() { ".".to_owned() } else { name.to_owned() };
        self.faults.push(Fault::Unreadable { path, reason: error.to_string() });
    }
}

/// What is wrong with the byte at `offset`, the first that is not UTF-8.
pub(crate) fn not_text(name: &str, bytes: &[u8], offset: usize) -> Fault {
    let before = bytes.get(..offset).unwrap_or_default();
    Fault::NotText {
        path: name.to_owned(),
        line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        offset,
        byte: bytes.get(offset).copied().unwrap_or_default(),
        utf16: bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        dir
    }

    #[test]
    fn sources_come_sorted_and_tests_and_hidden_files_stay_out() {
        let dir = folder(&[
            ("z.rules.hcl", b"z"),
            ("a/b.rules.hcl", b"b"),
            ("a.test.hcl", b"t"),
            (".hidden.rules.hcl", b"h"),
            ("README.md", b"r"),
        ]);
        let names: Vec<String> =
            read(dir.path()).unwrap().into_iter().map(|source| source.name).collect();
        assert_eq!(names, ["a/b.rules.hcl", "z.rules.hcl"]);
        let with_tests = read_with_tests(dir.path()).unwrap();
        let names: Vec<&str> = with_tests.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["a.test.hcl", "a/b.rules.hcl", "z.rules.hcl"]);
    }

    #[test]
    fn a_file_at_the_limit_is_read_and_one_byte_more_is_refused() {
        let limit = FILE_BYTES_MAX as usize;
        let dir = folder(&[("a.rules.hcl", &vec![b'#'; limit])]);
        assert_eq!(read(dir.path()).unwrap()[0].text.len(), limit);
        let dir = folder(&[("a.rules.hcl", &vec![b'#'; limit + 1])]);
        let error = read(dir.path()).unwrap_err();
        assert_eq!(error.to_string(), "a.rules.hcl: 1048577 bytes of rules, limit 1048576");
    }

    #[test]
    fn every_bad_file_is_named_at_once() {
        let dir = folder(&[("a.rules.hcl", b"ok \xff"), ("b.rules.hcl", b"fine")]);
        std::os::unix::fs::symlink("b.rules.hcl", dir.path().join("c.rules.hcl")).unwrap();
        let error = read(dir.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            "a.rules.hcl:1: byte 3 is not UTF-8 but 0xff\nc.rules.hcl: not a regular file"
        );
    }

    #[test]
    fn a_file_in_another_encoding_is_told_by_its_line() {
        let utf16 = [0xff, 0xfe, b'r', 0, b'u', 0];
        let dir = folder(&[("a.rules.hcl", b"# ok\n# gr\xf6n"), ("b.rules.hcl", &utf16)]);
        let error = read(dir.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            "a.rules.hcl:2: byte 9 is not UTF-8 but 0xf6\n\
             b.rules.hcl:1: byte 0 is not UTF-8 but 0xff; the file seems to be UTF-16"
        );
    }

    #[test]
    fn imported_files_are_read_once_and_nothing_beyond_the_folder_above() {
        let dir = folder(&[
            ("hunt/a.rules.hcl", b"import \"../shared/z.rules.hcl\" {}\nimport \"../away/x.rules.hcl\" {}\n"),
            ("shared/z.rules.hcl", b"import \"../hunt/b.rules.hcl\" {}\nimport \"y.rules.hcl\" {}\nimport \"z.rules.hcl\" {}\nimport \"gone.rules.hcl\" {}\n"),
            ("shared/y.rules.hcl", b"# y"),
        ]);
        let names = |path: &Path| -> Vec<String> {
            read(path).unwrap().into_iter().map(|source| source.name).collect()
        };
        let expected = ["../shared/y.rules.hcl", "../shared/z.rules.hcl", "a.rules.hcl"];
        assert_eq!(names(&dir.path().join("hunt")), expected);
        assert_eq!(names(&dir.path().join("hunt/a.rules.hcl")), expected);
        // A link leads out of the folder above: refused, not followed.
        let outside = folder(&[("x.rules.hcl", b"# x")]);
        std::os::unix::fs::symlink(outside.path(), dir.path().join("away")).unwrap();
        let error = read(&dir.path().join("hunt")).unwrap_err().to_string();
        assert_eq!(error, "../away/x.rules.hcl: not a regular file");
    }

    #[test]
    fn a_missing_or_empty_folder_says_so() {
        let dir = folder(&[]);
        assert!(matches!(read(dir.path()), Err(SourcesError::Empty { .. })));
        let gone = dir.path().join("gone");
        assert!(matches!(read(&gone), Err(SourcesError::Missing { .. })));
    }
}
