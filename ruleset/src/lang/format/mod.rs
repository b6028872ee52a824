//! The canonical layout of a source file. Layout alone changes: the syntax tree and the comments
//! are compared before the result is handed out.
//!
//! - Two spaces for each level. No blanks at the ends of lines, `\n` between them and one at the
//!   end of the file.
//! - Consecutive attributes of one line each align their `=`, and their comments. Blocks of one
//!   line inside another block align their `{`.
//! - At the top of a file one blank line stands beside every block of several lines. Elsewhere
//!   blank lines are the author's, at most one in a row.
//! - Where the author broke lines inside brackets they stay broken: the brackets stand at the ends
//!   of lines, lists and calls get a trailing comma, braces one pair a line.

mod read;
mod write;

use super::lexer::{Lexer, TokenKind};
use super::limits::SOURCE_BYTES_MAX;
use super::parser::{Parse, parse};
use super::{Code, Diagnostic, Span};

/// Why a file has no canonical layout. The file is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It does not parse, so nobody knows what belongs together; spans point into file 0.
    #[error("the file has {} in its syntax", if .0.len() == 1 { "a mistake" } else { "mistakes" })]
    Syntax(Vec<Diagnostic>),
    /// Indented as it should be, it would be over the limit of a source file.
    #[error("formatted, the file would be {actual_bytes} bytes, limit {SOURCE_BYTES_MAX}")]
    TooLarge {
        /// How large it would be.
        actual_bytes: usize,
    },
    /// A bug in the formatter: the result would not mean the same.
    #[error("the formatted file would not mean the same; please report this file")]
    Unfaithful,
}

/// The canonical layout of `text`; equal to `text` when it is formatted already.
///
/// Linear in the text, which is at most [`SOURCE_BYTES_MAX`] bytes. Names and types are not
/// looked at: a file that means nothing is formatted as long as it parses.
///
/// # Errors
/// [`FormatError`].
pub fn format(text: &str) -> Result<String, FormatError> {
    if text.len() > SOURCE_BYTES_MAX {
        let message = format!("the file is {} bytes, limit {SOURCE_BYTES_MAX}", text.len());
        let found =
            Diagnostic::error(Code::SourceTooLarge, Span { file: 0, start: 0, end: 0 }, message)
                .cause("the compiler's memory and time are bounded")
                .help("split it: all files of a folder make one rule set");
        return Err(FormatError::Syntax(vec![found]));
    }
    let Parse { tree, errors, .. } = parse(text, 0);
    if !errors.is_empty() {
        return Err(FormatError::Syntax(errors));
    }
    let result = write::file(&read::file(text));
    if result.len() > SOURCE_BYTES_MAX {
        return Err(FormatError::TooLarge { actual_bytes: result.len() });
    }
    let Parse { tree: again, errors, .. } = parse(&result, 0);
    let same = errors.is_empty() && tree.same(text, &again, &result);
    if same && comments(text).eq(comments(&result)) {
        Ok(result)
    } else {
        Err(FormatError::Unfaithful)
    }
}

/// The comments of a file in order, without what layout may change in them.
fn comments(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut lexer = Lexer::with_comments(text);
    std::iter::from_fn(move || {
        loop {
            let token = lexer.next();
            match token.kind {
                TokenKind::End => return None,
                TokenKind::Comment => {
                    let text = text.get(token.start as usize..token.end as usize);
                    return Some(read::comment(text.unwrap_or("")));
                }
                _ => {}
            }
        }
    })
}
