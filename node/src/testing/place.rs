//! Where something stands, for reports.

use std::fmt;

use cairn_ruleset::lang::{Source, Span, line_col};
use serde::Serialize;

/// A file and a line in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file's name, relative to the rule folder.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
}

impl Place {
    /// Of a span's beginning.
    #[must_use]
    pub fn of(sources: &[Source], span: Span) -> Place {
        let source = sources.get(span.file as usize);
        Place {
            file: source.map_or_else(String::new, |source| source.name.clone()),
            line: source.map_or(1, |source| line_col(&source.text, span.start).0),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.line)
    }
}
