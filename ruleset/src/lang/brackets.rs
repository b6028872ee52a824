//! Lists and objects, and the brackets that pair around them: which one is missing, and where.
//!
//! Indentation decides nothing about what is well-formed. Where a bracket is missing it says which line
//! the bracket was to stand before, so that what follows is read as what it is.

use super::blocks::is_block_start;
use super::constant::COMMENT;
use super::lexer::{Lexer, Token, TokenKind};
use super::parser::{Failed, Layout, Parsed, Parser};
use super::tree::{NodeId, NodeKind};
use super::{Code, Diagnostic, foreign, names};

/// Attributes whose value is a set of names with values, between braces.
const OBJECT_ATTRIBUTES: [&str; 9] =
    ["fields", "trigger", "params", "rates", "active", "pity", "payload", "loot", "misses"];

/// A token to which reading may go back.
#[derive(Clone, Copy)]
struct Place<'a> {
    lexer: Lexer<'a>,
    token: Token,
    previous_end: u32,
    /// Errors up to it, its own included.
    errors: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn list(&mut self) -> Parsed<NodeId> {
        let open = self.token;
        self.enter()?;
        let outer = self.set_quiet(true);
        self.advance();
        self.no_for()?;
        let mut children = Vec::new();
        while !self.at(TokenKind::BracketClose) {
            if self.begins_line_outside(self.token) && self.begins_statement() {
                return self.unclosed_bracket((open, "]"), self.token);
            }
            children.push(self.expression()?);
            if self.at(TokenKind::Comma) {
                self.advance();
            } else if !(self.begins_line_outside(self.token) && self.begins_statement()) {
                break;
            }
        }
        self.close(open.start, TokenKind::BracketClose, "]", outer)?;
        self.nesting -= 1;
        let id = self.add(NodeKind::List, open.start, self.previous_end)?;
        self.tree.adopt(id, &children);
        Ok(id)
    }

    pub(super) fn object(&mut self) -> Parsed<NodeId> {
        let open = self.token;
        self.enter()?;
        let outer = self.set_quiet(false);
        self.objects += 1;
        self.advance();
        self.skip_newlines();
        self.no_for()?;
        let mut children = Vec::new();
        let spoiled = self.is_spoiled();
        // The first line that does not stand further in than the attribute: the object may have been
        // meant to end before it.
        let mut outside = None;
        loop {
            let further_left = matches!(
                (self.indentation(self.attribute.0), self.indentation(self.token.start)),
                (Some(outer), Some(end)) if end < outer
            );
            match (self.at(TokenKind::BraceClose), outside) {
                // Only where a brace is missing anyway does layout say which.
                (true, Some(start)) if self.layout == Layout::Objects && further_left => {
                    return self.unclosed_before(open, start);
                }
                (true, _) => break,
                (false, _) => {}
            }
            if !spoiled {
                self.begin();
            }
            let name = self.token;
            if outside.is_none() && self.begins_line_outside(name) {
                outside = Some(self.here());
            }
            // Behind another element, or on a line of its own: the object before it has not ended.
            let before = self.slice(open.end, name.start).trim_end();
            let row = name.kind == TokenKind::BraceOpen && !before.is_empty();
            if row && !self.is_spoiled() {
                self.objects = 0;
                self.report(
                    Diagnostic::error(
                        Code::UnclosedBracket,
                        self.span(name.start, name.end),
                        "`{` stands where `}` belongs",
                    )
                    .label(self.span(open.start, open.end), "this bracket is still open")
                    .cause("between these braces stand `name = value` pairs, so they end before this one")
                    .help("add `}` at the end of what stands before it, before its comma"),
                );
                return Err(Failed);
            }
            if name.kind != TokenKind::Name {
                return self.fail(
                    Code::ExpectedToken,
                    (name.start, name.end),
                    format!("{} where a name belongs", self.shown()),
                    "between these braces stand `name = value` pairs",
                    match name.kind {
                        TokenKind::Text
                            if matches!(
                                self.peek().kind,
                                TokenKind::Comma | TokenKind::BraceClose
                            ) =>
                        {
                            "a list stands between `[` and `]`"
                        }
                        TokenKind::Text => "names have no quotes, and `=` stands before the value",
                        _ => "write `name = value`",
                    },
                );
            }
            if self.begins_block(name) {
                return self.unclosed_before(open, outside.unwrap_or_else(|| self.here()));
            }
            let name_id = self.add(NodeKind::Name, name.start, name.end)?;
            self.advance();
            if self.at(TokenKind::Colon) {
                self.colon(name, self.token);
                self.token.kind = TokenKind::Assign;
            }
            if !self.at(TokenKind::Assign) {
                return self.no_pair(open, name);
            }
            self.advance();
            let value = self.expression()?;
            let id = self.add(NodeKind::Attribute, name.start, self.previous_end)?;
            self.tree.adopt(id, &[name_id, value]);
            children.push(id);
            let mut separated = false;
            if self.at(TokenKind::Comma) {
                self.advance();
                separated = true;
            }
            if self.at(TokenKind::Newline) {
                self.skip_newlines();
                separated = true;
            }
            if !separated {
                break;
            }
        }
        self.close(open.start, TokenKind::BraceClose, "}", outer)?;
        self.objects -= 1;
        self.nesting -= 1;
        let id = self.add(NodeKind::Object, open.start, self.previous_end)?;
        self.tree.adopt(id, &children);
        Ok(id)
    }

    /// Whether a block begins at `name`, between the braces of an object, on a line of its own that
    /// stands no further in than the object's attribute: the braces were to be closed before it.
    fn begins_block(&self, name: Token) -> bool {
        is_block_start(self.word(name))
            && matches!(self.peek().kind, TokenKind::Text | TokenKind::BraceOpen)
            && self.begins_line_outside(name)
    }

    /// Whether a token begins a line that stands no further in than the attribute at hand.
    fn begins_line_outside(&self, token: Token) -> bool {
        match (self.indentation(self.attribute.0), self.indentation(token.start)) {
            (Some(outer), Some(inner)) => inner <= outer,
            _ => false,
        }
    }

    fn here(&self) -> Place<'a> {
        Place {
            lexer: self.lexer,
            token: self.token,
            previous_end: self.previous_end,
            errors: self.errors.len(),
        }
    }

    /// The braces that begin at `open` were not closed before the line at `start`, where reading goes on:
    /// what was found wrong since is found again.
    fn unclosed_before<T>(&mut self, open: Token, start: Place<'a>) -> Parsed<T> {
        (self.lexer, self.token) = (start.lexer, start.token);
        self.previous_end = start.previous_end;
        self.errors.truncate(start.errors);
        self.unclosed_bracket((open, "}"), start.token)
    }

    /// The bracket `open` was not closed before the line that begins with `name`, with which the next
    /// statement begins.
    fn unclosed_bracket<T>(&mut self, (open, pair): (Token, &str), name: Token) -> Parsed<T> {
        if !self.is_spoiled() {
            let span = self.span(name.start, name.end);
            let message = format!("{} where `{pair}` belongs", self.shown());
            self.report(
                Diagnostic::error(Code::UnclosedBracket, span, message)
                    .label(self.span(open.start, open.end), "this bracket is still open")
                    .cause("this line stands outside of what the bracket holds")
                    .help(format!("add `{pair}` on the line before")),
            );
        }
        self.resume = Some(name.start);
        Err(Failed)
    }

    /// Something else than `=` after a name between the braces that begin at `open`. A block that begins
    /// there on a line of its own says that they may never have been closed.
    fn no_pair<T>(&mut self, open: Token, name: Token) -> Parsed<T> {
        if self.is_spoiled() {
            return Err(Failed);
        }
        let word = self.word(name).to_owned();
        let begins = self.indentation(name.start).is_some() && is_block_start(&word);
        let block = matches!(self.token.kind, TokenKind::Text | TokenKind::BraceOpen);
        let span = self.span(self.token.start, self.token.end);
        let message = format!("{} where `=` belongs", self.shown());
        let found = Diagnostic::error(Code::ExpectedToken, span, message)
            .cause("between these braces stand `name = value` pairs");
        let pair = self.span(open.start, open.end);
        self.report(match begins && block {
            false => found.help(format!("write `{word} = value`")),
            true => found
                .label(pair, "these braces are still open")
                .help(format!("end the braces that are open with `}}`, or write `{word} = value`")),
        });
        Err(Failed)
    }

    /// Consumes the bracket that pairs with the one at `open`, reading on with `outer`'s line
    /// breaks.
    pub(super) fn close(
        &mut self,
        open: u32,
        kind: TokenKind,
        text: &str,
        outer: bool,
    ) -> Parsed<()> {
        self.set_quiet(outer);
        if self.at(kind) {
            self.advance();
            return Ok(());
        }
        if self.is_spoiled() {
            return Err(Failed);
        }
        let token = self.token;
        let (span, pair) = (self.span(token.start, token.end), self.span(open, open + 1));
        let message = format!("{} where `{text}` belongs", self.shown());
        let begins = matches!(token.kind, TokenKind::Name | TokenKind::Text | TokenKind::Number)
            || token.kind == TokenKind::BraceOpen;
        let named = token.kind == TokenKind::Name && self.peek().kind == TokenKind::Assign;
        let last = self.last_word();
        let typed = ["int", "decimal", "duration"].into_iter().find(|ty| *ty == last);
        let before = self.slice(0, self.previous_end);
        let line = before.rsplit('\n').next().unwrap_or("");
        // `values = (a, b)`
        let lists = ["values", "count", "rolls", "range"];
        let lists = lists.contains(&self.slice(self.attribute.0, self.attribute.1));
        let listed = self.slice(self.attribute.1, open).trim_start().strip_prefix('=');
        let listed = lists && listed.is_some_and(|gap| gap.trim().is_empty());
        let help = match (kind, typed) {
            _ if foreign::dashes(line) => COMMENT.to_owned(),
            (TokenKind::ParenClose, _) if listed && token.kind == TokenKind::Comma => {
                "a list stands between `[` and `]`".to_owned()
            }
            (_, Some(ty)) if token.kind == TokenKind::Number => {
                format!("a type takes its range in round brackets, as in `{ty}(1, 100)`")
            }
            (TokenKind::BraceClose, _) if named => {
                format!("add a comma before `{}`, or `}}`", self.word(token))
            }
            (TokenKind::BracketClose, _) if begins => {
                format!("add a comma before `{}`, or `]`", self.word(token))
            }
            _ if self.slice(self.previous_end, token.start).contains('\n') => {
                format!("add `{text}` above, or the comma or operator that is missing")
            }
            _ => format!("add `{text}`, or the comma or operator that is missing"),
        };
        self.report(
            Diagnostic::error(Code::UnclosedBracket, span, message)
                .label(pair, "this bracket is still open")
                .cause("brackets come in pairs; elements are separated by commas")
                .help(help),
        );
        Err(Failed)
    }

    /// The word before the current token, dots included; empty where it is none.
    pub(super) fn last_word(&self) -> &'a str {
        let before = self.slice(self.attribute.1, self.previous_end);
        before
            .rsplit(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c)))
            .next()
            .unwrap_or("")
    }

    /// Whether the `=` at hand stands behind a bare name, in an attribute that holds names with values and
    /// where no such name can begin.
    pub(super) fn lacks_braces(&self) -> bool {
        let attribute = self.slice(self.attribute.0, self.attribute.1);
        OBJECT_ATTRIBUTES.contains(&attribute)
            && names::is_name(self.last_word())
            && self.is_level('(', ')')
    }

    /// Whether as many brackets were closed in the attribute at hand as were opened.
    fn is_level(&self, open: char, close: char) -> bool {
        let before = self.slice(self.attribute.1, self.previous_end);
        before.matches(open).count() == before.matches(close).count()
    }

    /// Reports that; a list is passed over to its end.
    pub(super) fn no_braces<T>(&mut self) -> Parsed<T> {
        let attribute = self.slice(self.attribute.0, self.attribute.1);
        let (token, list) = (self.token, !self.is_level('[', ']'));
        // Of what a player has by table and entry there are sets in sets.
        let nested = self.objects == 1 && matches!(attribute, "pity" | "misses");
        let failed = self.fail(
            Code::ExpectedToken,
            (token.start, token.end),
            format!("`=` in a value of `{attribute}`, where no name begins"),
            "names with values stand between `{` and `}`",
            match (list, self.objects == 0 || nested) {
                (true, _) => "write `{` and `}` instead of the brackets around them",
                (_, true) => "write `{` before the name on its left, and `}` after the last value",
                (_, false) => "write one value, or a comma before the name on its left",
            },
        );
        let mut braces = 0_u32;
        while list && !self.at(TokenKind::End) {
            match self.token.kind {
                TokenKind::BracketClose => {
                    self.skip_token();
                    break;
                }
                TokenKind::BraceOpen => braces += 1,
                TokenKind::BraceClose if braces == 0 => break,
                TokenKind::BraceClose => braces -= 1,
                TokenKind::Name if self.begins_line_outside(self.token) => break,
                _ => {}
            }
            self.skip_token();
        }
        if list {
            self.resume = Some(self.token.start);
        }
        // The `}` that ends the line belongs to the `{` that is missing.
        let rest = self.text.get(self.token.start as usize..).unwrap_or("");
        let line = rest.lines().next().unwrap_or("").trim_end();
        let alone = self.objects == 0 && self.indentation(self.attribute.0).is_some();
        if !list && alone && line.ends_with('}') && !line.contains('{') {
            self.objects = 1;
        }
        failed
    }
}
