//! Tokens to a tree: statements and error recovery. Expressions are in `pratt`.
//!
//! A mistake costs its statement, never the file: the parser skips to where the next statement
//! seems to begin and goes on, so that one run reports them all.

use super::flaws;
use super::lexer::{Lexer, Token, TokenKind};
use super::limits::{ERROR_COUNT_MAX, NESTING_MAX, TREE_BYTES_MAX};
use super::tree::{NodeId, NodeKind, Tree};
use super::{Code, Diagnostic, Span, literal, repair};

/// A mistake that has been reported; the statement is given up.
#[derive(Debug)]
pub(super) struct Failed;

pub(super) type Parsed<T> = Result<T, Failed>;

/// Blocks that stand at the top of a file; seen inside another block at the start of a line they
/// mean that a brace is missing.
pub(super) const TOP_BLOCKS: [&str; 11] = [
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
    "import",
];

/// Blocks that stand inside others.
pub(super) const INNER_BLOCKS: [&str; 6] =
    ["entry", "pity", "emit", "broadcast", "budget", "override"];

pub(super) struct Parser<'a> {
    text: &'a str,
    file: u32,
    pub(super) lexer: Lexer<'a>,
    pub(super) token: Token,
    /// End of the token before `token`.
    pub(super) previous_end: u32,
    /// Inside parentheses or brackets, where line breaks mean nothing.
    pub(super) quiet: bool,
    pub(super) nesting: u32,
    /// Braces of objects open in the current statement.
    pub(super) objects: u32,
    /// Binary operators of the expression at hand.
    pub(super) operators: OperatorCount,
    pub(super) tree: Tree,
    pub(super) errors: Vec<Diagnostic>,
    /// Errors before the current statement: one mistake in a statement is reported, what follows
    /// from it is not.
    errors_before: usize,
    /// Labels of blocks that were given up.
    lost: Vec<String>,
    /// Nothing more is read: the tree is full or the errors are too many.
    stopped: bool,
}

/// Binary operators on a way through an expression, as HCL tools bound them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OperatorCount {
    /// Those chained without brackets so far.
    pub(super) chain: u32,
    /// The most on a way inside one of the operands.
    pub(super) operand: u32,
}

impl OperatorCount {
    pub(super) fn total(self) -> u32 {
        self.chain + self.operand
    }
}

/// What came of one file.
pub(super) struct Parse {
    pub(super) tree: Tree,
    pub(super) errors: Vec<Diagnostic>,
    /// Names of blocks that could not be read.
    pub(super) lost: Vec<String>,
}

/// Parses one file of at most [`super::limits::SOURCE_BYTES_MAX`] bytes. Linear in its length.
pub(super) fn parse(text: &str, file: u32) -> Parse {
    let mut parser = Parser {
        text,
        file,
        lexer: Lexer::new(text),
        token: Token { kind: TokenKind::Newline, start: 0, end: 0, flaw: None },
        previous_end: 0,
        quiet: false,
        nesting: 0,
        objects: 0,
        operators: OperatorCount::default(),
        tree: Tree::new(text.len() as u32),
        errors: Vec::new(),
        errors_before: 0,
        lost: Vec::new(),
        stopped: false,
    };
    parser.advance();
    let mut statements = Vec::new();
    parser.body(None, &mut statements);
    parser.tree.adopt(Tree::ROOT, &statements);
    Parse { tree: parser.tree, errors: parser.errors, lost: parser.lost }
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

    /// Whether the current statement has a reported mistake: what is odd after it follows from it.
    pub(super) fn is_spoiled(&self) -> bool {
        self.errors.len() > self.errors_before
    }

    /// Reports one mistake, unless the statement has one already, and gives up on the statement.
    pub(super) fn fail<T>(
        &mut self,
        code: Code,
        (start, end): (u32, u32),
        message: impl Into<String>,
        cause: &str,
        help: impl Into<String>,
    ) -> Parsed<T> {
        if !self.is_spoiled() {
            let span = self.span(start, end);
            self.report(Diagnostic::error(code, span, message).cause(cause).help(help));
        }
        Err(Failed)
    }

    /// A new statement begins at the current token, whose own flaw is its first mistake.
    pub(super) fn begin(&mut self) {
        self.errors_before =
            self.errors.len().saturating_sub(usize::from(self.token.flaw.is_some()));
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
    pub(super) fn peek(&self) -> Token {
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
    pub(super) fn body(&mut self, open: Option<(u32, u32)>, statements: &mut Vec<NodeId>) {
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
                    self.begin();
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
                    self.begin();
                    match self.statement(false).and_then(|id| self.finish_line().map(|()| id)) {
                        Ok(id) => statements.push(id),
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

    pub(super) fn damaged(&mut self, statements: &mut Vec<NodeId>) {
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
    pub(super) fn is_top_block_at_line_start(&self) -> bool {
        let token = self.token;
        let line_start = token.start == 0 || self.slice(token.start - 1, token.start) == "\n";
        token.kind == TokenKind::Name
            && line_start
            && TOP_BLOCKS.contains(&self.word(token))
            && self.peek().kind == TokenKind::Text
    }

    /// An attribute or a block.
    pub(super) fn statement(&mut self, one_line: bool) -> Parsed<NodeId> {
        let name = self.token;
        if name.kind != TokenKind::Name {
            return self.not_a_statement();
        }
        let next = self.peek();
        if next.kind != TokenKind::Assign
            && let Some(help) = repair::control(self.word(name))
        {
            return self.fail(
                Code::ExpectedStatement,
                (name.start, name.end),
                format!("`{}` begins no declaration", self.word(name)),
                "rules have no statements: each says with `when` whether it fires",
                help,
            );
        }
        match next.kind {
            TokenKind::Assign => self.attribute(true),
            _ if self.lacks_assign(name, next) => {
                let word = self.word(name);
                let message = format!("`=` is missing after `{word}`");
                if !self.is_spoiled() {
                    self.report(
                        Diagnostic::error(
                            Code::ExpectedToken,
                            self.span(name.start, next.end),
                            message,
                        )
                        .cause("attributes are written `name = value`")
                        .help(format!("write `{word} = …`")),
                    );
                }
                self.attribute(false)
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
            TokenKind::Colon => {
                self.colon(name, next);
                self.attribute(true)
            }
            _ => self.fail(
                Code::ExpectedStatement,
                (name.start, name.end),
                format!("`{}` is neither an attribute nor a block", self.word(name)),
                "a line begins with `name = value` or with `kind \"name\" {`",
                format!("write `{} = value`, or remove it", self.word(name)),
            ),
        }
    }

    /// `name = value`; the sign is missing when not `assigned`.
    fn attribute(&mut self, assigned: bool) -> Parsed<NodeId> {
        let name = self.token;
        let name_id = self.add(NodeKind::Name, name.start, name.end)?;
        self.advance();
        if assigned {
            self.advance();
        }
        let value = self.expression()?;
        let end = self.previous_end;
        let id = self.add(NodeKind::Attribute, name.start, end)?;
        self.tree.adopt(id, &[name_id, value]);
        Ok(id)
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
                        .help(format!("write `{} \"{word}\" {{`", self.word(name))),
                    );
                }
            }
            children.push(self.add(NodeKind::Text, label.start, label.end)?);
            self.advance();
        }
        let open = self.token;
        if open.kind != TokenKind::BraceOpen {
            let labels = children.iter().skip(1).map(|id| self.tree.bytes(*id));
            let labels: Vec<String> =
                labels.map(|(start, end)| literal::string(self.slice(start, end))).collect();
            self.lost.extend(labels);
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
    pub(super) fn recover(&mut self) {
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
