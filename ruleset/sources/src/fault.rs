//! Why files give no sources, all of them at once, each with what to do about it.

use std::path::PathBuf;

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
    /// It is a file of tests, or a folder that holds no rules beside its tests.
    #[error("{path} {}", if *.is_folder { "holds tests, and no *.rules.hcl file" } else { "is a test file" })]
    TestsOnly {
        /// As given.
        path: PathBuf,
        /// Whether it is a folder.
        is_folder: bool,
    },
    /// Files that cannot be read: all of them, in order of their names.
    #[error("{}", join(.0))]
    Faults(Vec<Fault>),
}

fn join(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What is wrong with the byte at `offset`, the first that is not UTF-8.
pub fn not_text(name: &str, bytes: &[u8], offset: usize) -> Fault {
    let before = bytes.get(..offset).unwrap_or_default();
    Fault::NotText {
        path: name.to_owned(),
        line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        offset,
        byte: bytes.get(offset).copied().unwrap_or_default(),
        utf16: bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]),
    }
}
