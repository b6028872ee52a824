//! What other formats say, as source of the rule language.
//!
//! Text in; rule files and a [`Report`] out. Every leaf of what came in has one item in the report:
//! carried over, carried over in another form, or left out with the reason. Nothing else can
//! happen to it, because what the importer never looked at is found by a walk over the whole
//! document and listed as left out. Values pass from text to text: no number becomes a float.
//!
//! What comes out is laid out as `fmt` would and has been checked. A table that the compiler would
//! refuse (it needs a limit that is not there) is left out like anything else, with the compiler's
//! words. Time and memory are bounded by the limits below whatever comes in.

mod document;
mod minecraft;
mod naming;
mod number;
mod report;
mod source;
#[cfg(test)]
mod tests;
mod values;

pub use document::{DOCUMENT_BYTES_MAX, DocumentError, NESTING_MAX, NODE_COUNT_MAX};
pub use minecraft::{ATOM_COUNT_MAX, CASE_COUNT_MAX, loot_tables};
pub use report::{Effect, Fate, Item, Report};
pub use values::{LINE_COUNT_MAX, suggest, values};

use crate::lang::Source;

/// Most documents of one import; each becomes a file, and a rule set has one of its own.
pub const DOCUMENT_COUNT_MAX: usize = 1_000;
/// Bytes of all documents of one import.
pub const IMPORT_BYTES_MAX: usize = 16 << 20;

/// A document to be carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its path, as it is to be shown.
    pub path: String,
    /// What other documents call it: `minecraft:chests/crypt`.
    pub id: String,
    /// Its contents.
    pub text: String,
}

/// Names of the rule set that is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The rule set's name.
    pub ruleset: String,
    /// Its context, for example `hunt@3`.
    pub context: String,
}

/// The result of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// A whole rule set, in order of names; formatted and checked.
    pub files: Vec<Source>,
    /// What became of everything.
    pub report: Report,
}

/// Why nothing could be carried over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Too many documents.
    #[error("{actual} documents, limit {DOCUMENT_COUNT_MAX}")]
    TooMany {
        /// How many there are.
        actual: usize,
    },
    /// Together they are too large.
    #[error("{actual_bytes} bytes of documents, limit {IMPORT_BYTES_MAX}")]
    TooLarge {
        /// Sum of their lengths.
        actual_bytes: usize,
    },
    /// Two documents have one id.
    #[error("{second} and {first} are both `{id}`")]
    Twice {
        /// The id.
        id: String,
        /// The path that has it.
        first: String,
        /// The other path.
        second: String,
    },
    /// Documents that cannot be read: all of them, each with its place.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Unreadable(Vec<DocumentError>),
    /// The name of the rule set or of its context cannot be taken.
    #[error("`{name}` cannot name a {what}")]
    Name {
        /// As given.
        name: String,
        /// What it should name.
        what: &'static str,
    },
    /// What was made does not compile although it should: a bug in the importer.
    #[error("what was made of the documents does not compile, which is a bug: {first}")]
    Unsound {
        /// The first mistake that the compiler found.
        first: String,
    },
}

impl ImportError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            ImportError::TooMany { .. } | ImportError::TooLarge { .. } => {
                "import in several steps, each to a rule set of its own"
            }
            ImportError::Twice { .. } => "name one of them, or the folder that holds `data`",
            ImportError::Unreadable(_) => "mend the documents; nothing was written",
            ImportError::Name { .. } => {
                "names are of a-z, 0-9 and `_` and begin with a letter; a context is like `hunt@1`"
            }
            ImportError::Unsound { .. } => {
                "please report it with the documents; nothing was written"
            }
        }
    }
}

/// Refuses what is over the limits before anything is read.
fn admit(inputs: &[Input], target: &Target) -> Result<(), ImportError> {
    let actual = inputs.len();
    if actual > DOCUMENT_COUNT_MAX {
        return Err(ImportError::TooMany { actual });
    }
    let actual_bytes = inputs.iter().map(|input| input.text.len()).sum();
    if actual_bytes > IMPORT_BYTES_MAX {
        return Err(ImportError::TooLarge { actual_bytes });
    }
    let named = |name: &str| name.len() <= 64 && crate::lang::is_name(name);
    if !named(&target.ruleset) {
        return Err(ImportError::Name { name: target.ruleset.clone(), what: "rule set" });
    }
    let (name, version) = target.context.split_once('@').unwrap_or(("", ""));
    if !named(name) || version.starts_with('0') || version.parse::<u32>().is_err() {
        return Err(ImportError::Name { name: target.context.clone(), what: "context" });
    }
    Ok(())
}
