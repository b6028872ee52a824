//! Tokens to a tree: statements and error recovery. Expressions are in `pratt`.
//!
//! A mistake costs its statement, never the file: the parser skips to where the next statement
//! seems to begin and goes on, so that one run reports them all.

use super::flaws;
use super::lexer::{Lexer, Token, TokenKind};
use super::limits::{ERROR_COUNT_MAX, NESTING_MAX, TREE_BYTES_MAX};
use super::tree::{NodeId, NodeKind, Tree};
use super::{Code, Diagnostic, Span};

/// A mistake that has been reported; the statement is given up.
#[derive(Debug)]
pub(super) struct Failed;

pub(super) type Parsed<T> = Result<T, Failed>;

/// Blocks that stand at the top of a file; seen inside another block at the start of a line they
/// mean that a brace is missing.
pub(super) const TOP_BLOCKS: [&str; 10] = [
    "ruleset",
    "enum",
    "trigger",
    "param",
    "counter",
    "condition",
    "timer",
    "loot_table",
    "rule",
    "test",
];

pub(super) struct Parser<'a> {
    text: &'a str,
    file: u32,
    lexer: Lexer<'a>,
    pub(super) token: Token,
    /// End of the token before `token`.
    pub(super) previous_end: u32,
    /// Inside parentheses or brackets, where line breaks mean nothing.
    quiet: bool,
    pub(super) nesting: u32,
    /// Braces of objects open in the current statement.
    pub(super) objects: u32,
    pub(super) tree: Tree,
    errors: Vec<Diagnostic>,
    /// Nothing more is read: the tree is full or the errors are too many.
    stopped: bool,
}

/// Parses one file of at most [`super::limits::SOURCE_BYTES_MAX`] bytes. Linear in its length.
pub(super) fn parse(text: &str, file: u32) -> (Tree, Vec<Diagnostic>) {
    let mut parser = Parser {
        text,
        file,
        lexer: Lexer::new(text),
        token: Token { kind: TokenKind::Newline, start: 0, end: 0, flaw: None },
        previous_end: 0,
        quiet: false,
        nesting: 0,
        objects: 0,
        tree: Tree::new(text.len() as u32),
        errors: Vec::new(),
        stopped: false,
    };
    parser.advance();
    let mut statements = Vec::new();
    parser.body(None, &mut statements);
    parser.tree.adopt(Tree::ROOT, &statements);
    (parser.tree, parser.errors)
}

impl<'a> Parser<'a> {
    pub(super) fn slice(&self, start: u32, end: u32) -> &'a str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    pub(super) fn word(&self, token: Token) -> &'a str {
        self.slice(token.start, token.end)
    }

    pub(super) fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if self.stopped {
            return;
        }
        self.errors.push(diagnostic);
        if self.errors.len() >= ERROR_COUNT_MAX {
            let span = self.span(self.token.start, self.token.end);
            self.errors.push(
                Diagnostic::error(
                    Code::TooManyErrors,
                    span,
                    format!("more than {ERROR_COUNT_MAX} errors; the rest of the file is not read"),
                )
                .cause("the compiler's memory and time are bounded")
                .help("correct those above and run the check again"),
            );
            self.stopped = true;
            self.token = self.end();
        }
    }

    /// Reports one mistake and gives up on the statement.
    pub(super) fn fail<T>(
        &mut self,
        code: Code,
        (start, end): (u32, u32),
        message: impl Into<String>,
        cause: &str,
        help: impl Into<String>,
    ) -> Parsed<T> {
        let span = self.span(start, end);
        self.report(Diagnostic::error(code, span, message).cause(cause).help(help));
        Err(Failed)
    }

    fn end(&self) -> Token {
        let end = self.text.len() as u32;
        Token { kind: TokenKind::End, start: end, end, flaw: None }
    }

    /// Goes to the next token, reporting what is wrong with it.
    pub(super) fn advance(&mut self) {
        self.previous_end = self.token.end;
        loop {
            if self.stopped {
                self.token = self.end();
                return;
            }
            self.token = self.lexer.next();
            if let Some(flaw) = self.token.flaw {
                let span = self.span(flaw.start, flaw.end);
                let diagnostic =
                    flaws::describe(flaw.code, span, self.word_of(flaw.start, flaw.end));
                self.report(diagnostic);
            }
            let skip = self.token.kind == TokenKind::Bad
                || (self.quiet && self.token.kind == TokenKind::Newline);
            if !skip {
                return;
            }
        }
    }

    fn word_of(&self, start: u32, end: u32) -> &'a str {
        self.slice(start, end)
    }

    /// The token after the current one, unreported.
    fn peek(&self) -> Token {
        let mut lexer = self.lexer;
        loop {
            let token = lexer.next();
            let skip =
                token.kind == TokenKind::Bad || (self.quiet && token.kind == TokenKind::Newline);
            if !skip {
                return token;
            }
        }
    }

    pub(super) fn at(&self, kind: TokenKind) -> bool {
        self.token.kind == kind
    }

    /// Sets whether line breaks are skipped; returns what it was. Set it before the token that it
    /// concerns is read.
    pub(super) fn set_quiet(&mut self, quiet: bool) -> bool {
        std::mem::replace(&mut self.quiet, quiet)
    }

    pub(super) fn skip_newlines(&mut self) {
        while self.at(TokenKind::Newline) {
            self.advance();
        }
    }

    /// One node more, or the statement is given up because the tree is full.
    pub(super) fn add(&mut self, kind: NodeKind, start: u32, end: u32) -> Parsed<NodeId> {
        if let Some(id) = self.tree.add(kind, start, end) {
            return Ok(id);
        }
        let span = self.span(start, end);
        self.report(
            Diagnostic::error(
                Code::TreeTooLarge,
                span,
                format!(
                    "the syntax tree of this file reaches its limit of {TREE_BYTES_MAX} bytes here"
                ),
            )
            .cause("the compiler's memory is bounded for every file")
            .help("move some declarations to another file; the rule set stays the same"),
        );
        self.stopped = true;
        self.token = self.end();
        Err(Failed)
    }

    /// One level deeper; every successful call is undone by `self.nesting -= 1`.
    pub(super) fn enter(&mut self) -> Parsed<()> {
        if self.nesting >= NESTING_MAX {
            let token = self.token;
            return self.fail(
                Code::NestingTooDeep,
                (token.start, token.end),
                format!("this is nested deeper than {NESTING_MAX} levels"),
                "blocks, brackets, `!`, `-` and `?:` may stand inside one another up to a limit",
                "name an inner part as a condition and refer to it",
            );
        }
        self.nesting += 1;
        Ok(())
    }

    /// Statements up to the end of the file, or up to the brace that closes the block opened at
    /// `open`.
    fn body(&mut self, open: Option<(u32, u32)>, statements: &mut Vec<NodeId>) {
        loop {
            self.skip_newlines();
            let token = self.token;
            match (token.kind, open) {
                (TokenKind::End, None) => return,
                (TokenKind::End, Some(open)) => {
                    self.unclosed(open, None);
                    self.damaged(statements);
                    return;
                }
                (TokenKind::BraceClose, Some(_)) => {
                    self.advance();
                    return;
                }
                (TokenKind::BraceClose, None) => {
                    let _: Parsed<()> = self.fail(
                        Code::UnexpectedClosing,
                        (token.start, token.end),
                        "this `}` closes nothing",
                        "every block before it is closed already",
                        "remove it, or look for a block above that was closed too early",
                    );
                    self.advance();
                }
                (_, Some(open)) if self.is_top_block_at_line_start() => {
                    self.unclosed(open, Some(token));
                    self.damaged(statements);
                    return;
                }
                _ => {
                    let (nesting, objects) = (self.nesting, self.objects);
                    match self.statement(false) {
                        Ok(id) => {
                            statements.push(id);
                            self.finish_line();
                        }
                        Err(Failed) => {
                            self.damaged(statements);
                            self.nesting = nesting;
                            self.recover();
                            self.objects = objects;
                        }
                    }
                }
            }
        }
    }

    fn damaged(&mut self, statements: &mut Vec<NodeId>) {
        let at = self.previous_end;
        statements.extend(self.tree.add(NodeKind::Damaged, at, at));
    }

    fn unclosed(&mut self, open: (u32, u32), before: Option<Token>) {
        if self.stopped {
            return;
        }
        let span = self.span(open.0, open.1);
        let mut diagnostic = Diagnostic::error(
            Code::UnclosedBlock,
            span,
            "this block has no closing `}`",
        )
        .cause("the file, or a declaration that stands at the top, begins before the block ends")
        .help("add a `}` on a line of its own after the block's last line");
        if let Some(token) = before {
            let span = self.span(token.start, token.end);
            diagnostic = diagnostic.label(span, "this declaration begins inside the open block");
        }
        self.report(diagnostic);
    }

    /// `rule "x" {` at the very start of a line, inside another block.
    fn is_top_block_at_line_start(&self) -> bool {
        let token = self.token;
        let line_start = token.start == 0 || self.slice(token.start - 1, token.start) == "\n";
        token.kind == TokenKind::Name
            && line_start
            && TOP_BLOCKS.contains(&self.word(token))
            && self.peek().kind == TokenKind::Text
    }

    /// An attribute or a block.
    fn statement(&mut self, one_line: bool) -> Parsed<NodeId> {
        let name = self.token;
        if name.kind != TokenKind::Name {
            return self.not_a_statement();
        }
        let next = self.peek();
        match next.kind {
            TokenKind::Assign => {
                let name_id = self.add(NodeKind::Name, name.start, name.end)?;
                self.advance();
                self.advance();
                let value = self.expression()?;
                let end = self.previous_end;
                let id = self.add(NodeKind::Attribute, name.start, end)?;
                self.tree.adopt(id, &[name_id, value]);
                Ok(id)
            }
            TokenKind::Text | TokenKind::BraceOpen | TokenKind::Name => {
                if one_line {
                    return self.fail(
                        Code::OneLineBlock,
                        (name.start, next.end),
                        "a block cannot stand inside a one-line block",
                        "as in HCL, a block on one line holds at most one attribute",
                        "start a new line after the outer `{`",
                    );
                }
                self.block()
            }
            TokenKind::Colon => self.fail(
                Code::ExpectedToken,
                (next.start, next.end),
                format!("`:` after `{}`, where `=` belongs", self.word(name)),
                "attributes are written `name = value`",
                format!("write `{} = …`", self.word(name)),
            ),
            _ => self.fail(
                Code::ExpectedStatement,
                (name.start, name.end),
                format!("`{}` is neither an attribute nor a block", self.word(name)),
                "a line begins with `name = value` or with `kind \"name\" {`",
                format!("write `{} = value`, or remove it", self.word(name)),
            ),
        }
    }

    fn not_a_statement<T>(&mut self) -> Parsed<T> {
        use TokenKind::*;
        let token = self.token;
        let text = self.word(token);
        let operator = matches!(
            token.kind,
            And | Or
                | Plus
                | Star
                | Slash
                | Percent
                | Question
                | Colon
                | Equal
                | NotEqual
                | Less
                | LessEqual
                | Greater
                | GreaterEqual
        );
        if operator {
            return self.fail(
                Code::LineBreak,
                (token.start, token.end),
                format!("a line begins with `{text}`"),
                "as in HCL, the end of a line ends an expression unless a bracket is open",
                "put the whole expression in parentheses: `when = (a\\n && b)`",
            );
        }
        self.fail(
            Code::ExpectedStatement,
            (token.start, token.end),
            format!("`{text}` does not begin a declaration"),
            "a line begins with `name = value` or with `kind \"name\" {`",
            "write a declaration here, or remove it",
        )
    }

    fn block(&mut self) -> Parsed<NodeId> {
        let name = self.token;
        let mut children = vec![self.add(NodeKind::Name, name.start, name.end)?];
        self.advance();
        while matches!(self.token.kind, TokenKind::Text | TokenKind::Name) {
            let label = self.token;
            if label.kind == TokenKind::Name {
                let word = self.word(label).to_owned();
                let span = self.span(label.start, label.end);
                self.report(
                    Diagnostic::error(
                        Code::Labels,
                        span,
                        format!("the label {word} has no quotes"),
                    )
                    .cause("labels of blocks are strings, so that names and keywords stay apart")
                    .help(format!("write `{} \"{word}\" {{`", self.word(name))),
                );
            }
            children.push(self.add(NodeKind::Text, label.start, label.end)?);
            self.advance();
        }
        let open = self.token;
        if open.kind != TokenKind::BraceOpen {
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
                "add `{`, or write `name = value` if an attribute was meant",
            );
        }
        let header = (name.start, open.end);
        let id = self.add(NodeKind::Block, header.0, header.1)?;
        self.enter()?;
        self.advance();
        if matches!(self.token.kind, TokenKind::Newline | TokenKind::End) {
            self.body(Some(header), &mut children);
        } else if self.at(TokenKind::BraceClose) {
            self.advance();
        } else {
            self.one_line_body(header, &mut children)?;
        }
        self.nesting -= 1;
        self.tree.adopt(id, &children);
        Ok(id)
    }

    /// `{ name = value }`.
    fn one_line_body(&mut self, header: (u32, u32), children: &mut Vec<NodeId>) -> Parsed<()> {
        let (nesting, objects) = (self.nesting, self.objects);
        let attribute = self.statement(true);
        if attribute.is_err() {
            self.damaged(children);
            self.nesting = nesting;
            self.quiet = false;
        }
        if let Ok(id) = attribute {
            children.push(id);
            if self.at(TokenKind::BraceClose) {
                self.advance();
                return Ok(());
            }
            let span = self.span(header.0, self.token.end.max(header.1));
            let span = if self.at(TokenKind::Newline) || self.at(TokenKind::End) {
                self.span(header.0, header.1)
            } else {
                Span { start: self.token.start, ..span }
            };
            self.report(
                Diagnostic::error(
                    Code::OneLineBlock,
                    span,
                    "a block that begins on the line of its `{` holds one attribute and ends there",
                )
                .cause("as in HCL, attributes are separated by line breaks")
                .help("start a new line after `{` and after each attribute"),
            );
        }
        // Read on as if the line breaks were there.
        let inside = self.objects > objects;
        if inside || !(self.at(TokenKind::BraceClose) || self.at(TokenKind::Newline)) {
            self.recover();
        }
        self.objects = objects;
        self.body(Some(header), children);
        Ok(())
    }

    /// After a statement: the line ends here.
    fn finish_line(&mut self) {
        let token = self.token;
        match token.kind {
            TokenKind::Newline | TokenKind::End => {}
            TokenKind::BraceClose => {
                let _: Parsed<()> = self.fail(
                    Code::SeveralOnLine,
                    (token.start, token.end),
                    "this `}` stands on the line of a statement",
                    "as in HCL, a block over several lines is closed on a line of its own",
                    "put the `}` on the next line",
                );
            }
            // The block before it was never closed, which is reported.
            _ if self.is_top_block_at_line_start() => {}
            _ => {
                let message = match token.kind {
                    TokenKind::Name => {
                        format!("`{}` begins a second statement on this line", self.word(token))
                    }
                    _ => format!("`{}` is left over at the end of the statement", self.word(token)),
                };
                let _: Parsed<()> = self.fail(
                    Code::SeveralOnLine,
                    (token.start, token.end),
                    message,
                    "one statement takes one line; only brackets go over several",
                    "start a new line, or join the two parts with an operator",
                );
                self.recover();
            }
        }
    }

    /// Whether the next line goes on with the expression that this one ends in the middle of.
    pub(super) fn goes_on(&self) -> bool {
        use TokenKind::*;
        let mut lexer = self.lexer;
        let mut token = lexer.next();
        while matches!(token.kind, Newline | Bad) {
            token = lexer.next();
        }
        match token.kind {
            Number | Not | Minus | ParenOpen => true,
            Text => !matches!(lexer.next().kind, BraceOpen),
            Name => !matches!(lexer.next().kind, Assign | Text | BraceOpen | Colon),
            _ => false,
        }
    }

    /// Skips to the start of what looks like the next statement, or to the brace that closes the
    /// block. Tokens passed over are not reported: their statement is given up already.
    fn recover(&mut self) {
        use TokenKind::*;
        self.quiet = false;
        let mut depth = std::mem::take(&mut self.objects);
        // A name on a fresh line may be where an unclosed bracket was noticed.
        let fresh = self.slice(self.previous_end, self.token.start).contains('\n');
        if fresh && depth == 0 && self.begins_statement() {
            return;
        }
        loop {
            match self.token.kind {
                End => return,
                BraceOpen => depth += 1,
                BraceClose if depth == 0 => return,
                BraceClose => depth -= 1,
                _ => {}
            }
            let newline = self.token.kind == Newline;
            self.skip_token();
            if newline && self.begins_statement() {
                // An object's braces cannot hold a block: the object was never closed.
                let block = self.is_top_block_at_line_start();
                if depth == 0 || block {
                    return;
                }
            }
            if newline && depth == 0 && self.at(BraceClose) {
                return;
            }
        }
    }

    fn skip_token(&mut self) {
        self.previous_end = self.token.end;
        self.token = if self.stopped { self.end() } else { self.lexer.next() };
        while self.token.kind == TokenKind::Bad {
            self.token = self.lexer.next();
        }
    }

    fn begins_statement(&self) -> bool {
        let token = self.token;
        if token.kind != TokenKind::Name {
            return false;
        }
        let next = self.peek().kind;
        matches!(next, TokenKind::Assign | TokenKind::Text | TokenKind::BraceOpen)
    }
}
