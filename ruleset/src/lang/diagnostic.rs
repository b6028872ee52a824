//! What the compiler reports: plain data, rendered by whoever shows it.

use super::Code;

/// A range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Index into [`super::Checked::files`].
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// Whether a diagnostic stops the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No program comes out.
    Error,
    /// Worth a look; the program is made all the same.
    Warning,
}

/// A piece of a file that another text takes the place of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// One mistake: what, where, why, and what to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind of mistake.
    pub code: Code,
    /// Whether it stops the build.
    pub severity: Severity,
    /// The mistake with the actual values, one line, no full stop.
    pub message: String,
    /// Where it is.
    pub span: Span,
    /// Other places that take part, each with a short note; the note about `span` itself is the
    /// message.
    pub labels: Vec<(Span, String)>,
    /// Why the language refuses this.
    pub cause: String,
    /// What to write instead.
    pub help: String,
    /// `help` as an edit, where it is a plain replacement that needs no thought.
    pub fix: Option<Edit>,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: clip(message.into()),
            span,
            labels: Vec::new(),
            cause: String::new(),
            help: String::new(),
            fix: None,
        }
    }

    pub(crate) fn warning(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, span, message) }
    }

    pub(crate) fn label(mut self, span: Span, note: impl Into<String>) -> Diagnostic {
        self.labels.push((span, clip(note.into())));
        self
    }

    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Diagnostic {
        self.cause = clip(cause.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = clip(help.into());
        self
    }

    /// The help as an edit: `text` in the place of `span`.
    pub(crate) fn edit(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.fix = Some(Edit { span, text: text.into() });
        self
    }
}

/// Most bytes of one text of a diagnostic. A text may quote a name, and a name that is too long
/// may be as long as its file: hundreds of diagnostics must not repeat it whole.
const TEXT_BYTES_MAX: usize = 1 << 10;

fn clip(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let mut end = TEXT_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// Line and column of a byte offset, both counted from 1; the column counts characters.
///
/// An offset past the end, or inside a character, counts as the nearest place before it. Linear in
/// the offset.
pub fn line_col(text: &str, offset: u32) -> (u32, u32) {
    let mut offset = (offset as usize).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    // A byte order mark takes no place in an editor.
    let column = before[start..].trim_start_matches('\u{feff}').chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{TEXT_BYTES_MAX, clip, line_col};

    #[test]
    fn texts_are_clipped_between_characters() {
        for length in [TEXT_BYTES_MAX - 1, TEXT_BYTES_MAX] {
            assert_eq!(clip("a".repeat(length)).len(), length);
        }
        let clipped = clip(format!("a{}", "é".repeat(TEXT_BYTES_MAX)));
        assert_eq!(clipped.len(), TEXT_BYTES_MAX - 1 + '…'.len_utf8());
        assert!(clipped.ends_with("é…"));
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let text = "ab\ncé=1\n";
        assert_eq!(line_col(text, 0), (1, 1));
        assert_eq!(line_col(text, 2), (1, 3));
        assert_eq!(line_col(text, 3), (2, 1));
        assert_eq!(line_col(text, 5), (2, 2), "inside a character");
        assert_eq!(line_col(text, 6), (2, 3));
        assert_eq!(line_col(text, 999), (3, 1));
    }
}
