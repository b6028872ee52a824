//! Blocks: labels, braces, and where a brace is missing.
//!
//! Indentation decides nothing about a file that is well-formed. Where one brace is missing it says
//! which one was meant, so that the mistake is reported where it is and what follows is read.

use super::lexer::{Token, TokenKind};
use super::parser::{Layout, Parsed, Parser, TOP_BLOCKS};
use super::repair::is_block_word;
use super::tree::{NodeId, NodeKind};
use super::{Code, Diagnostic, literal, names};

/// Blocks that hold no other blocks.
const LEAF_BLOCKS: [&str; 6] = ["entry", "pity", "emit", "broadcast", "budget", "expect"];

/// Whether blocks begin with this word.
pub(super) fn is_block_start(word: &str) -> bool {
    is_block_word(word) || LEAF_BLOCKS.contains(&word)
}

/// Blanks before a line's first word that are looked at.
const INDENTATION_MAX: usize = 256;

impl Parser<'_> {
    pub(super) fn block(&mut self) -> Parsed<NodeId> {
        let name = self.token;
        let mut children = vec![self.add(NodeKind::Name, name.start, name.end)?];
        self.advance();
        while matches!(self.token.kind, TokenKind::Text | TokenKind::Name) {
            let label = self.token;
            if label.kind == TokenKind::Name {
                if is_block_word(self.word(name)) && self.peek().kind == TokenKind::Assign {
                    let mut lexer = self.lexer;
                    lexer.next();
                    // `entry ruby = {` has a label.
                    if lexer.next().kind != TokenKind::BraceOpen {
                        break;
                    }
                }
                let end = self.label_end(name, label);
                let word = self.slice(label.start, end).to_owned();
                let span = self.span(label.start, end);
                while self.token.end < end {
                    self.skip_token();
                }
                if !self.is_spoiled() {
                    self.report(
                        Diagnostic::error(
                            Code::Labels,
                            span,
                            format!("the label {word} has no quotes"),
                        )
                        .cause(
                            "labels of blocks are strings, so that names and keywords stay apart",
                        )
                        .help(format!("write `{} \"{word}\" {{`", self.word(name)))
                        .edit(span, format!("\"{word}\"")),
                    );
                }
            }
            let end = self.token.end;
            children.push(self.add(NodeKind::Text, label.start, end)?);
            self.advance();
        }
        let Some(braced) = self.open_brace(name) else {
            let labels = children.iter().skip(1).map(|id| self.tree.bytes(*id));
            let labels: Vec<String> =
                labels.map(|(start, end)| literal::string(self.slice(start, end))).collect();
            self.lost.extend(labels);
            let open = self.token;
            let at = if open.kind == TokenKind::Newline {
                (name.start, self.previous_end)
            } else {
                (open.start, open.end)
            };
            return self.fail(
                Code::ExpectedToken,
                at,
                format!("the block `{}` has no `{{` on this line", self.word(name)),
                "a block is `kind \"name\" {` with the brace on the same line",
                match open.kind {
                    TokenKind::Colon => {
                        "write `{` in place of the `:`, and `}` below the block's last line"
                    }
                    _ => "add `{`, or write `name = value` if an attribute was meant",
                },
            );
        };
        let header = (name.start, if braced { self.token.end } else { self.previous_end });
        let id = self.add(NodeKind::Block, header.0, header.1)?;
        self.enter()?;
        if braced {
            self.advance();
        }
        if matches!(self.token.kind, TokenKind::Newline | TokenKind::End) {
            self.body(Some(header), &mut children);
            self.begin();
        } else if self.at(TokenKind::BraceClose) {
            self.advance();
        } else {
            self.one_line_body(header, &mut children)?;
        }
        self.nesting -= 1;
        self.tree.adopt(id, &children);
        Ok(id)
    }

    /// Where a label without quotes ends: what outcomes are called may have dots.
    fn label_end(&self, name: Token, label: Token) -> u32 {
        let rest = self.slice(label.end, self.text.len() as u32);
        let dotted = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let length = rest.find(|c| !dotted(c)).unwrap_or(rest.len());
        let whole = rest.get(length..).is_some_and(|more| !more.starts_with(['-', '"']));
        let (end, outcome) = (label.end + length as u32, ["emit", "broadcast", "expect"]);
        match outcome.contains(&self.word(name)) && whole {
            true if names::is_dotted(self.slice(label.start, end)) => end,
            _ => label.end,
        }
    }

    /// Goes to the `{` of the block that begins at `name`: true when it is the current token, false
    /// when it was forgotten and the current token is the first inside. Where it does not stand as it
    /// should, that is reported. `None` when there is no block.
    fn open_brace(&mut self, name: Token) -> Option<bool> {
        use TokenKind::*;
        let token = self.token;
        let header = self.slice(name.start, self.previous_end);
        let (message, help, edit, braced) = match token.kind {
            BraceOpen => return Some(true),
            Assign if self.peek().kind == BraceOpen => (
                format!("`=` between `{header}` and its `{{`"),
                format!("remove the `=`: write `{header} {{`"),
                (self.span(token.start, token.end), ""),
                true,
            ),
            Newline => {
                let next = self.after_newlines();
                let braced = next.kind == BraceOpen;
                if !(braced || self.is_inside(name, next)) {
                    return None;
                }
                let end = if braced { next.end } else { self.previous_end };
                (
                    format!("the block `{}` has no `{{` on this line", self.word(name)),
                    format!("write `{header} {{`"),
                    (self.span(self.previous_end, end), " {"),
                    braced,
                )
            }
            Name if self.peek().kind == Assign => (
                format!("`{{` is missing after `{header}`"),
                format!("write `{header} {{`"),
                (self.span(self.previous_end, self.previous_end), " {"),
                false,
            ),
            _ => return None,
        };
        if !self.is_spoiled() {
            let span = match token.kind {
                Assign => self.span(token.start, token.end),
                _ => self.span(name.start, self.previous_end),
            };
            self.report(
                Diagnostic::error(Code::ExpectedToken, span, message)
                    .cause("a block is `kind \"name\" {` with the brace on the same line")
                    .help(help)
                    .edit(edit.0, edit.1),
            );
        }
        if braced {
            self.advance();
            self.skip_newlines();
        }
        Some(braced)
    }

    /// The first token on a later line that is not empty, unreported.
    pub(super) fn after_newlines(&self) -> Token {
        let mut lexer = self.lexer;
        loop {
            let token = lexer.next();
            if !matches!(token.kind, TokenKind::Newline | TokenKind::Bad) {
                return token;
            }
        }
    }

    /// Whether the next line is an element of a list as in YAML.
    pub(super) fn lists_below(&self) -> bool {
        let next = self.after_newlines();
        next.kind == TokenKind::Minus && self.slice(next.end, next.end + 1) == " "
    }

    /// Whether the statement at `token` stands further in than the block at `name`.
    fn is_inside(&self, name: Token, token: Token) -> bool {
        let further = match (self.indentation(name.start), self.indentation(token.start)) {
            (Some(outer), Some(inner)) => inner > outer,
            _ => false,
        };
        further && token.kind == TokenKind::Name
    }

    /// Blanks before the first word of a line; `None` when something stands before it.
    pub(super) fn indentation(&self, at: u32) -> Option<usize> {
        let before = self.slice(0, at).bytes().rev();
        let count = before.take(INDENTATION_MAX).take_while(|b| matches!(b, b' ' | b'\t')).count();
        let start = (at as usize).checked_sub(count + 1);
        start.is_none_or(|at| self.slice(at as u32, at as u32 + 1) == "\n").then_some(count)
    }

    /// Whether the `}` at hand stands further left than the block that it closes begins.
    pub(super) fn closes_further_left(&self, open: (u32, u32)) -> bool {
        match (self.indentation(self.token.start), self.indentation(open.0)) {
            (Some(end), Some(start)) => end < start,
            _ => false,
        }
    }

    /// Whether the `}` at hand stands further right than the block that it closes begins, and what
    /// follows it stands no further left than it does: as if the block went on.
    pub(super) fn closes_early(&self, open: (u32, u32)) -> bool {
        let next = self.after_newlines();
        let indentations = (
            self.indentation(self.token.start),
            self.indentation(open.0),
            self.indentation(next.start),
        );
        match indentations {
            (Some(end), Some(start), Some(next_start)) => {
                end > start && next_start >= end && next.kind == TokenKind::Name
            }
            _ => false,
        }
    }

    /// Reports a `}` too many: where layout says which one it is, that one.
    pub(super) fn closes_nothing(&mut self, token: Token) {
        let span = self.span(token.start, token.end);
        let found = Diagnostic::error(Code::UnexpectedClosing, span, "this `}` closes nothing")
            .cause("every block before it is closed already");
        let found = match self.early.take() {
            Some((open, brace)) => found
                .label(self.span(open.0, open.1), "this block was to go on, it seems")
                .label(self.span(brace.0, brace.1), "but this `}` has closed it")
                .help("remove the `}` that stands too far in"),
            None => found.help("remove it, or look for a block above that was closed too early"),
        };
        if !self.is_spoiled() {
            self.report(found);
        }
    }

    /// `entry "x" {` no further in than the open block, which holds no blocks.
    pub(super) fn is_sibling(&self, open: (u32, u32)) -> bool {
        let token = self.token;
        if self.layout == Layout::Nothing
            || token.kind != TokenKind::Name
            || !LEAF_BLOCKS.contains(&self.word(token))
        {
            return false;
        }
        let header = self.slice(open.0, open.1);
        let outer = header.split([' ', '\t', '"', '{']).next().unwrap_or("");
        let not_further = match (self.indentation(open.0), self.indentation(token.start)) {
            (Some(outer), Some(inner)) => inner <= outer,
            _ => false,
        };
        LEAF_BLOCKS.contains(&outer) && not_further && self.peek().kind == TokenKind::Text
    }

    /// Reports that the block opened at `open` does not end before the file does, or before the
    /// declaration at `before`.
    pub(super) fn unclosed(&mut self, open: (u32, u32), before: Option<Token>) {
        if self.stopped {
            return;
        }
        // A `}` that stands too far left was meant for a block around the one that it closed.
        let open = self.suspect.filter(|inner| inner.0 > open.0).unwrap_or(open);
        let span = self.span(open.0, open.1);
        let mut diagnostic = Diagnostic::error(
            Code::UnclosedBlock,
            span,
            "this block has no closing `}`",
        )
        .cause("the file, or a declaration that cannot stand inside, begins before the block ends")
        .help("add a `}` on a line of its own after the block's last line");
        if let Some(token) = before {
            let span = self.span(token.start, token.end);
            diagnostic = diagnostic.label(span, "this declaration begins inside the open block");
        }
        self.report(diagnostic);
    }

    /// `rule "x"`: a block that may stand at the top.
    pub(super) fn is_top_block(&self) -> bool {
        self.at(TokenKind::Name)
            && TOP_BLOCKS.contains(&self.word(self.token))
            && self.peek().kind == TokenKind::Text
    }

    /// `rule "x" {` at the very start of a line, inside another block.
    pub(super) fn is_top_block_at_line_start(&self) -> bool {
        let start = self.token.start;
        let line_start = start == 0 || self.slice(start - 1, start) == "\n";
        line_start && self.is_top_block()
    }
}
