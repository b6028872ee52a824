//! What a place means, for the reader who points at it.

use super::cursor::{self, Place};
use super::{Analysis, words};
use crate::lang::Span;
use crate::lang::lexer::{Lexer, TokenKind};

/// An explanation of a piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub span: Span,
    /// Markdown.
    pub text: String,
}

impl Analysis {
    /// Explains what stands at a place: a name with its resolved values, a word of the language, or
    /// the type and range of an expression. `now_ms` is where a timer's instants begin.
    pub fn hover(&self, file: u32, offset: u32, now_ms: i64) -> Option<Hover> {
        if let Some((span, symbols)) = self.index.at(file, offset) {
            let texts: Vec<String> =
                symbols.into_iter().filter_map(|symbol| self.describe(symbol, now_ms)).collect();
            return Some(Hover { span, text: texts.join("\n\n---\n\n") });
        }
        self.word(file, offset).or_else(|| self.expression(file, offset))
    }

    /// A word of the language.
    fn word(&self, file: u32, offset: u32) -> Option<Hover> {
        let text = self.text(file);
        let mut lexer = Lexer::new(text);
        let mut token = lexer.next();
        while token.kind != TokenKind::End && token.end <= offset {
            token = lexer.next();
        }
        if token.kind != TokenKind::Name || token.start > offset {
            return None;
        }
        let span = Span { file, start: token.start, end: token.end };
        let word = self.slice(span);
        let next = lexer.next();
        // At the word's end, so that it counts as what is being written.
        let cursor = cursor::read(text, token.end);
        let kind = cursor.around.last().map_or("", |block| block.kind);
        let text = match cursor.place {
            Place::Statement if matches!(next.kind, TokenKind::Assign) => {
                let (takes, doc) = words::attribute(kind, word)?;
                format!("```hcl\n{word} = {takes}\n```\n{doc}")
            }
            Place::Statement => {
                let doc = words::block_doc(word)?;
                format!("```hcl\n{word}\n```\n{doc}")
            }
            Place::Value { .. } if next.kind == TokenKind::ParenOpen => {
                if let Some((usage, doc)) = words::function(word) {
                    format!("```hcl\n{usage}\n```\n{doc}")
                } else {
                    let (name, _, doc) = words::TYPES.iter().find(|known| known.0 == word)?;
                    format!("```hcl\n{name}(smallest, largest)\n```\n{doc}")
                }
            }
            Place::Value { .. } => {
                let types = words::TYPES.iter().map(|(name, _, doc)| (*name, *doc));
                let (_, doc) =
                    words::ROOTS.iter().copied().chain(types).find(|(name, _)| *name == word)?;
                doc.to_owned()
            }
            _ => return None,
        };
        Some(Hover { span, text })
    }

    fn expression(&self, file: u32, offset: u32) -> Option<Hover> {
        let (span, ty, range) = self.index.expression(file, offset)?;
        Some(Hover { span, text: self.typed(ty, range) })
    }
}
