//! Reading a rule folder: every `*.rules.hcl` below it, and what they import, capped before a byte
//! is read.
//!
//! The command line, the language server, `dev` and build scripts all read through this one door,
//! so that the same folder is the same rule set to each of them. Names are relative and use `/`,
//! and the files come sorted by name: where the folder lies and in which order the disk lists it
//! makes no difference.
//!
//! Paths are made real once, at the start: `..` behind a symbolic link means what the system means
//! by it, and a file that is found in two ways has one path.

mod fault;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use cairn_ruleset::lang::{self, SUFFIX, Source, TEST_SUFFIX, limits};
use rustix::fs::OFlags;

pub use fault::{Fault, SourcesError, not_text};

/// Largest source file. A larger one is refused by its length, before it is read.
pub const FILE_BYTES_MAX: u64 = limits::SOURCE_BYTES_MAX as u64;
/// Largest sum of all source files of one rule set.
pub const FOLDER_BYTES_MAX: u64 = limits::RULESET_BYTES_MAX as u64;
/// Most source files of one rule set; more is refused.
pub const FILE_COUNT_MAX: usize = limits::FILE_COUNT_MAX;
/// Deepest nesting of folders; deeper ones are refused.
pub const FOLDER_DEPTH_MAX: usize = 16;

/// Which files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The rules, and what they import.
    Rules,
    /// The rules, what they import, and the tests. All count together.
    RulesAndTests,
    /// The rules and the tests that lie there. Imports are not followed.
    Here,
    /// As `Here`, without the folders farther down.
    Flat,
}

/// A source and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What the compiler reads.
    pub source: Source,
    /// Absolute, without symbolic links: two names of one file have one path.
    pub path: PathBuf,
}

/// Reads a folder of rules, or one rule file.
///
/// # Errors
/// [`SourcesError`], with every unreadable file named at once. Nothing is half read: either all
/// sources come back or none.
pub fn read(path: &Path) -> Result<Vec<Source>, SourcesError> {
    Ok(sources(find(path, Which::Rules)?))
}

/// As [`read`], and the files that hold tests, too. Both count together.
///
/// # Errors
/// As [`read`].
pub fn read_with_tests(path: &Path) -> Result<Vec<Source>, SourcesError> {
    Ok(sources(find(path, Which::RulesAndTests)?))
}

/// The rules and tests that lie in a folder itself: nothing farther down, nothing imported.
///
/// # Errors
/// As [`read`].
pub fn read_flat(path: &Path) -> Result<Vec<Source>, SourcesError> {
    Ok(sources(find(path, Which::Flat)?))
}

/// Reads one file that a rule set in the folder `base` imports as `name`; `None` when it is not
/// there.
///
/// # Errors
/// [`Fault`]: it cannot be part of the rule set.
pub fn read_import(base: &Path, name: &str) -> Result<Option<String>, Fault> {
    let unreadable = |error: std::io::Error| Fault::Unreadable {
        path: name.to_owned(),
        reason: error.to_string(),
    };
    let base = real_base(base, true).map_err(unreadable)?;
    let mut walk = Walk::new(Which::Rules);
    walk.import(&base, name.to_owned());
    match walk.faults.pop() {
        Some(fault) => Err(fault),
        None => Ok(walk.found.pop().map(|found| found.source.text)),
    }
}

fn sources(found: Vec<Found>) -> Vec<Source> {
    found.into_iter().map(|found| found.source).collect()
}

/// As [`read`], with the place of every file.
///
/// # Errors
/// As [`read`].
pub fn find(path: &Path, which: Which) -> Result<Vec<Found>, SourcesError> {
    let missing = |error: std::io::Error| SourcesError::Missing {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let is_folder = fs::metadata(path).map_err(missing)?.is_dir();
    let base = real_base(path, is_folder).map_err(missing)?;
    let mut walk = Walk::new(which);
    if is_folder {
        // Listing the top folder itself must work; what lies below is judged entry by entry.
        fs::read_dir(&base).map_err(missing)?;
        walk.folder(&base, "", 0);
    } else if let Some(name) = path.file_name() {
        walk.file(base.join(name), name.to_string_lossy().into_owned());
    }
    if !matches!(which, Which::Here | Which::Flat) {
        walk.imported(&base);
    }
    walk.found.sort_by(|a, b| a.source.name.cmp(&b.source.name));
    walk.faults.sort_by_key(ToString::to_string);
    let lie_there = matches!(which, Which::Here | Which::Flat);
    let is_test = |found: &Found| found.source.name.ends_with(TEST_SUFFIX);
    let path = path.to_owned();
    match (walk.faults.is_empty(), walk.found.is_empty()) {
        (false, _) => Err(SourcesError::Faults(walk.faults)),
        (true, true) => Err(SourcesError::Empty { path }),
        // The compiler would ask for a `ruleset` block, which has no place among tests.
        (true, false) if !lie_there && walk.found.iter().all(is_test) => {
            Err(SourcesError::TestsOnly { path, is_folder })
        }
        (true, false) => Ok(walk.found),
    }
}

/// The folder that names count from, of a rule set that is a folder or one file, without symbolic
/// links.
///
/// # Errors
/// The system's: it is not there, say.
pub fn base(path: &Path) -> std::io::Result<PathBuf> {
    real_base(path, fs::metadata(path)?.is_dir())
}

fn real_base(path: &Path, is_folder: bool) -> std::io::Result<PathBuf> {
    let folder = if is_folder { path } else { path.parent().unwrap_or(path) };
    fs::canonicalize(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// Where the file lies that a rule set in the folder `base` knows as `name`. The folder is absolute;
/// where symbolic links may be on the way to it, it comes from [`base`].
pub fn import_path(base: &Path, name: &str) -> PathBuf {
    match name.strip_prefix("../") {
        Some(beside) => base.parent().unwrap_or(base).join(beside),
        None => base.join(name),
    }
}

/// A path as people and tools of a repository read it: relative when it lies below the working
/// directory, else as it is.
pub fn shown(path: &Path) -> &Path {
    let here = std::env::current_dir().and_then(fs::canonicalize);
    here.ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}

/// Whether a path is one that [`read`] would take in.
pub fn is_source(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.ends_with(SUFFIX) && !name.starts_with('.')
    })
}

/// Whether a file has the name of rules or of tests; it may be a hidden one.
pub fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [SUFFIX, TEST_SUFFIX].iter().any(|suffix| name.ends_with(suffix))
}

struct Walk {
    which: Which,
    found: Vec<Found>,
    faults: Vec<Fault>,
    total_bytes: u64,
}

impl Walk {
    fn new(which: Which) -> Walk {
        Walk { which, found: Vec::new(), faults: Vec::new(), total_bytes: 0 }
    }

    fn takes(&self, name: &str) -> bool {
        name.ends_with(SUFFIX) || self.which != Which::Rules && name.ends_with(TEST_SUFFIX)
    }

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
                Ok(kind) if kind.is_dir() && self.which == Which::Flat => {}
                Ok(kind) if kind.is_dir() => self.folder(&entry.path(), &name, depth + 1),
                Ok(_) if self.takes(&name) => {
                    if self.found.len() >= FILE_COUNT_MAX {
                        let path = if prefix.is_empty() { ".".into() } else { prefix.to_owned() };
                        return self.faults.push(Fault::TooMany { path, limit: FILE_COUNT_MAX });
                    }
                    self.file(entry.path(), name);
                }
                Ok(_) => {}
                Err(error) => self.unreadable(&name, &error),
            }
        }
    }

    /// Reads what the files import, and what that imports, each file once. What is not there is left
    /// to the compiler, which knows the line that asks for it.
    fn imported(&mut self, base: &Path) {
        let mut known: BTreeSet<String> =
            self.found.iter().map(|found| found.source.name.clone()).collect();
        let mut next = 0;
        while let Some(found) = self.found.get(next) {
            next += 1;
            for name in lang::imports(&found.source) {
                if !known.insert(name.clone()) {
                    continue;
                }
                if self.found.len() >= FILE_COUNT_MAX {
                    self.faults.push(Fault::TooMany { path: name, limit: FILE_COUNT_MAX });
                    return;
                }
                self.import(base, name);
            }
        }
    }

    /// Reads a file that a rule set in `base` imports; nothing outside the folder above is read.
    fn import(&mut self, base: &Path, name: String) {
        let root = base.parent().unwrap_or(base);
        let at = import_path(base, &name);
        // A folder on the way may be a link to somewhere else; the file itself may not be
        // one, so its own name is not followed.
        let folder = at.parent().map_or(Ok(PathBuf::new()), fs::canonicalize);
        match (folder, at.file_name()) {
            (Ok(folder), Some(leaf)) if folder.starts_with(root) => {
                let at = folder.join(leaf);
                let is_missing = fs::symlink_metadata(&at)
                    .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
                if !is_missing {
                    self.file(at, name);
                }
            }
            (Ok(_), _) => self.faults.push(Fault::NotAFile { path: name }),
            (Err(error), _) if error.kind() == std::io::ErrorKind::NotFound => {}
            (Err(error), _) => self.unreadable(&name, &error),
        }
    }

    fn file(&mut self, path: PathBuf, name: String) {
        match self.text(&path, &name) {
            Ok(text) => self.found.push(Found { source: Source { name, text }, path }),
            Err(fault) => self.faults.push(fault),
        }
    }

    fn text(&mut self, path: &Path, name: &str) -> Result<String, Fault> {
        let unreadable = |error: std::io::Error| Fault::Unreadable {
            path: name.to_owned(),
            reason: error.to_string(),
        };
        let too_large = |actual_bytes, limit_bytes| Fault::TooLarge {
            path: name.to_owned(),
            actual_bytes,
            limit_bytes,
        };
        let file = open(path).map_err(unreadable)?;
        // Of what is open, not of what stands under the name by now.
        let about = match &file {
            Some(file) => file.metadata().map_err(unreadable)?,
            None => return Err(Fault::NotAFile { path: name.to_owned() }),
        };
        let Some(file) = file.filter(|_| about.is_file()) else {
            return Err(Fault::NotAFile { path: name.to_owned() });
        };
        if about.len() > FILE_BYTES_MAX {
            return Err(too_large(about.len(), FILE_BYTES_MAX));
        }
        // The file may grow while it is read: the caps hold for what is read. One byte more than
        // allowed shows that there is more.
        let left = FOLDER_BYTES_MAX.saturating_sub(self.total_bytes);
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX.min(left) + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let read = bytes.len() as u64;
        if read > FILE_BYTES_MAX {
            return Err(too_large(read, FILE_BYTES_MAX));
        }
        if read > left {
            return Err(too_large(self.total_bytes + about.len().max(read), FOLDER_BYTES_MAX));
        }
        self.total_bytes += read;
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

/// Opens a file for reading; `None` when a symbolic link or a socket stands there. A pipe that
/// nobody writes to is opened without waiting.
fn open(path: &Path) -> std::io::Result<Option<File>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // The flags that the system has are the low bits of a C integer.
    let flags = flags.bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) => match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => Ok(None),
            _ => Err(error),
        },
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
    fn a_link_to_the_folder_and_dots_behind_it_mean_what_the_system_means() {
        let dir = folder(&[
            ("p/hunt/a.rules.hcl", b"import \"../shared/z.rules.hcl\" {}\n"),
            ("p/hunt/sub/note", b""),
            ("p/shared/z.rules.hcl", b"# right"),
            ("q/shared/z.rules.hcl", b"# wrong"),
            ("p/hunt/shared/z.test.hcl", b"# a test"),
        ]);
        let home = fs::canonicalize(dir.path()).unwrap();
        std::os::unix::fs::symlink("../p/hunt", dir.path().join("q/link")).unwrap();
        for way in ["p/hunt", "q/link", "p/hunt/sub/..", "q/link/a.rules.hcl"] {
            let found = find(&dir.path().join(way), Which::Rules).unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|found| {
                    let path = found.path.strip_prefix(&home).unwrap().to_str().unwrap();
                    (found.source.name.as_str(), path, found.source.text.as_str())
                })
                .collect();
            let (imported, own) = (found[0], found[1]);
            assert_eq!(imported, ("../shared/z.rules.hcl", "p/shared/z.rules.hcl", "# right"));
            assert_eq!((own.0, own.1), ("a.rules.hcl", "p/hunt/a.rules.hcl"), "{way}");
        }
        let here = find(&dir.path().join("q/link"), Which::Here).unwrap();
        let here: Vec<_> = here.iter().map(|found| found.source.name.as_str()).collect();
        assert_eq!(here, ["a.rules.hcl", "shared/z.test.hcl"]);
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let dir = folder(&[("a.rules.hcl", b"# a")]);
        let pipe = dir.path().join("b.rules.hcl");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [dir.path(), &pipe] {
            let error = read(path).unwrap_err().to_string();
            assert_eq!(error, "b.rules.hcl: not a regular file");
        }
    }

    #[test]
    fn depth_number_and_bytes_are_limited() {
        let deep = |depth: usize| folder(&[(&format!("{}a.rules.hcl", "d/".repeat(depth)), b"")]);
        assert_eq!(read(deep(FOLDER_DEPTH_MAX).path()).unwrap().len(), 1);
        let error = read(deep(FOLDER_DEPTH_MAX + 1).path()).unwrap_err().to_string();
        assert!(error.ends_with("folders are nested deeper than 16"), "{error}");

        let dir = folder(&[]);
        let at = |number: usize| dir.path().join(format!("f{number}.rules.hcl"));
        (0..FILE_COUNT_MAX).for_each(|number| fs::write(at(number), "").unwrap());
        assert_eq!(read(dir.path()).unwrap().len(), FILE_COUNT_MAX);
        fs::write(at(FILE_COUNT_MAX), "").unwrap();
        let error = read(dir.path()).unwrap_err().to_string();
        assert_eq!(error, ".: more than 1024 rule files");

        let dir = folder(&[]);
        let full = vec![b'#'; FILE_BYTES_MAX as usize];
        for number in 0..16 {
            fs::write(dir.path().join(format!("f{number:02}.rules.hcl")), &full).unwrap();
        }
        assert_eq!(read(dir.path()).unwrap().len(), 16);
        fs::write(dir.path().join("more.rules.hcl"), "#").unwrap();
        let error = read(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("16777217 bytes of rules, limit 16777216"), "{error}");
    }

    #[test]
    fn tests_alone_are_no_rule_set_and_are_read_where_they_lie() {
        let dir = folder(&[("a.test.hcl", b"t"), ("b/b.test.hcl", b"t")]);
        let file = dir.path().join("a.test.hcl");
        for (path, is_folder) in [(dir.path().to_owned(), true), (file.clone(), false)] {
            let error = SourcesError::TestsOnly { path: path.clone(), is_folder };
            assert_eq!(find(&path, Which::RulesAndTests), Err(error));
            assert!(find(&path, Which::Here).is_ok());
        }
        assert!(matches!(read(&file), Err(SourcesError::TestsOnly { is_folder: false, .. })));
        assert!(matches!(read(dir.path()), Err(SourcesError::Empty { .. })));
        assert_eq!(read_flat(dir.path()).unwrap().len(), 1);
        fs::write(dir.path().join("b/b.rules.hcl"), "r").unwrap();
        assert_eq!(read_with_tests(dir.path()).unwrap().len(), 3);
    }

    #[test]
    fn a_missing_or_empty_folder_says_so() {
        let dir = folder(&[]);
        assert!(matches!(read(dir.path()), Err(SourcesError::Empty { .. })));
        let gone = dir.path().join("gone");
        assert!(matches!(read(&gone), Err(SourcesError::Missing { .. })));
    }
}
