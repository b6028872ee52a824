//! Tokens to the parts that a layout arranges: statements, brackets, comments.
//!
//! The text has parsed without an error, so brackets pair and statements end where lines do; what
//! could not be is passed over, and the comparison of the syntax trees sees it.

use crate::lang::lexer::{Lexer, Token, TokenKind};

/// What stands between two braces, or in a file.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    /// Comments on the line of the opening brace.
    pub(super) head: Vec<String>,
    pub(super) items: Vec<Item<'a>>,
    /// The author broke a line in it.
    pub(super) broken: bool,
}

/// A statement, or comments on a line of their own.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// A blank line stands before it.
    pub(super) blank: bool,
    pub(super) kind: ItemKind<'a>,
    /// Comments after it on its last line.
    pub(super) trailing: Vec<String>,
}

#[derive(Debug)]
pub(super) enum ItemKind<'a> {
    Comments(Vec<String>),
    /// What stands before `=`, and the value.
    Attribute(Vec<Piece<'a>>, Vec<Piece<'a>>),
    /// What stands before `{`, and what inside.
    Block(Vec<Piece<'a>>, Body<'a>),
}

/// A part of an expression.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Token(TokenKind, &'a str),
    Comment(String),
    /// The author went to a new line; true when one was left blank.
    Break(bool),
    /// Elements of a list or arguments of a call, brackets left out.
    Elements(Bracket, Vec<Piece<'a>>),
    /// `name = value` pairs in braces.
    Object(Body<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    List,
    Call,
    Group,
}

/// A comment without blanks at its end and with `\n` as line end.
pub(super) fn comment(text: &str) -> String {
    text.trim_end().replace("\r\n", "\n")
}

/// Reads a file that has parsed without an error. Recursion is bounded by the parser's nesting.
pub(super) fn file(text: &str) -> Body<'_> {
    let mut lexer = Lexer::with_comments(text);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        tokens.push(token);
        if token.kind == TokenKind::End {
            break;
        }
    }
    Reader { text, tokens, at: 0 }.body()
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn kind(&self) -> TokenKind {
        self.tokens.get(self.at).map_or(TokenKind::End, |token| token.kind)
    }

    fn take(&mut self) -> &'a str {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
            .and_then(|token| self.text.get(token.start as usize..token.end as usize))
            .unwrap_or("")
    }

    /// Comments from here to something else.
    fn comments(&mut self) -> Vec<String> {
        let mut comments = Vec::new();
        while self.kind() == TokenKind::Comment {
            comments.push(comment(self.take()));
        }
        comments
    }

    fn at_line_end(&self) -> bool {
        matches!(self.kind(), TokenKind::Newline | TokenKind::End | TokenKind::BraceClose)
    }

    /// Statements up to the closing brace or the end of the file, which is not taken.
    fn body(&mut self) -> Body<'a> {
        let mut body = Body::default();
        let mut newlines = 0;
        loop {
            match self.kind() {
                TokenKind::End | TokenKind::BraceClose => return body,
                TokenKind::Newline => {
                    self.take();
                    newlines += 1;
                    body.broken = true;
                }
                TokenKind::Comment => {
                    let comments = self.comments();
                    let alone = self.at_line_end() || comments.iter().any(|c| c.contains('\n'));
                    let first = body.items.is_empty() && !body.broken;
                    if first && self.kind() == TokenKind::Newline {
                        body.head = comments;
                    } else if alone {
                        let blank = newlines > 1;
                        let (kind, trailing) = (ItemKind::Comments(comments), Vec::new());
                        body.items.push(Item { blank, kind, trailing });
                        newlines = 0;
                    } else {
                        let lead = comments.into_iter().map(Piece::Comment).collect();
                        self.statement(&mut body, lead, newlines > 1);
                        newlines = 0;
                    }
                }
                _ => {
                    self.statement(&mut body, Vec::new(), newlines > 1);
                    newlines = 0;
                }
            }
        }
    }

    fn statement(&mut self, body: &mut Body<'a>, mut key: Vec<Piece<'a>>, blank: bool) {
        loop {
            match self.kind() {
                TokenKind::Comment => key.push(Piece::Comment(comment(self.take()))),
                kind @ (TokenKind::Name | TokenKind::Text) => {
                    key.push(Piece::Token(kind, self.take()));
                }
                _ => break,
            }
        }
        let mut kind = if self.kind() == TokenKind::BraceOpen {
            self.take();
            let inner = self.body();
            self.take();
            ItemKind::Block(key, inner)
        } else {
            // The `=`.
            self.take();
            ItemKind::Attribute(key, self.pieces(false))
        };
        let mut trailing = self.comments();
        if let ItemKind::Attribute(_, value) = &mut kind {
            trailing.splice(0..0, trailing_comments(value));
        }
        // The comma between the pairs of an object; a comment after it is about the pair before.
        if self.kind() == TokenKind::Comma {
            self.take();
            let at = self.at;
            let after = self.comments();
            if self.at_line_end() {
                trailing.extend(after);
            } else {
                self.at = at;
            }
        }
        body.items.push(Item { blank, kind, trailing });
    }

    /// An expression; inside brackets it goes over lines and commas.
    fn pieces(&mut self, inside: bool) -> Vec<Piece<'a>> {
        use TokenKind::*;
        let mut pieces: Vec<Piece<'a>> = Vec::new();
        let mut newlines = 0;
        loop {
            let kind = self.kind();
            if kind == Newline && inside {
                self.take();
                newlines += 1;
                continue;
            }
            if matches!(kind, End | ParenClose | BracketClose | BraceClose)
                || (!inside && matches!(kind, Newline | Comma))
            {
                if newlines > 0 {
                    pieces.push(Piece::Break(false));
                }
                return pieces;
            }
            // A comma at the start of a line goes to the end of the one before, unless a comment
            // would swallow it.
            let line_comment =
                matches!(pieces.last(), Some(Piece::Comment(c)) if !c.starts_with("/*"));
            if newlines > 0 && (kind != Comma || line_comment) {
                pieces.push(Piece::Break(newlines > 1));
                newlines = 0;
            }
            match kind {
                Comment => pieces.push(Piece::Comment(comment(self.take()))),
                ParenOpen => {
                    let call = matches!(pieces.last(), Some(Piece::Token(Name, _)));
                    let bracket = if call { Bracket::Call } else { Bracket::Group };
                    pieces.push(self.elements(bracket));
                }
                BracketOpen => {
                    let list = self.elements(Bracket::List);
                    pieces.push(list);
                }
                BraceOpen => {
                    self.take();
                    let body = self.body();
                    self.take();
                    pieces.push(Piece::Object(body));
                }
                _ => {
                    let text = self.take();
                    pieces.push(Piece::Token(kind, text));
                }
            }
        }
    }

    fn elements(&mut self, bracket: Bracket) -> Piece<'a> {
        self.take();
        let pieces = self.pieces(true);
        self.take();
        Piece::Elements(bracket, pieces)
    }
}

/// Takes the comments off the end of a value.
fn trailing_comments(value: &mut Vec<Piece<'_>>) -> Vec<String> {
    let mut comments = Vec::new();
    while let Some(Piece::Comment(_)) = value.last() {
        if let Some(Piece::Comment(text)) = value.pop() {
            comments.insert(0, text);
        }
    }
    comments
}
