//! Tokens to a tree: statements and error recovery. Expressions are in `pratt`.
//!
//! A mistake costs its statement, never the file: the parser skips to where the next statement
//! seems to begin and goes on, so that one run reports them all.

use super::damage::Damage;
use super::flaws;
use super::foreign;
use super::lexer::{Lexer, Token, TokenKind};
use super::limits::{ERROR_COUNT_MAX, NESTING_MAX, TREE_BYTES_MAX};
use super::tree::{NodeId, NodeKind, Tree};
use super::{Code, Diagnostic, Span, repair};

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
    pub(super) text: &'a str,
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
    /// Start of the line before which a bracket was to be closed: the next statement.
    pub(super) resume: Option<u32>,
    /// The name of the attribute whose value is read.
    pub(super) attribute: (u32, u32),
    /// Binary operators of the expression at hand.
    pub(super) operators: OperatorCount,
    pub(super) tree: Tree,
    pub(super) errors: Vec<Diagnostic>,
    /// Errors before the current statement: one mistake in a statement is reported, what follows
    /// from it is not.
    errors_before: usize,
    /// Labels of blocks that were given up.
    pub(super) lost: Vec<String>,
    /// Statements at the top that were given up in part or whole.
    pub(super) damage: Damage,
    /// Something in the current statement at the top was given up.
    hurt: bool,
    /// Start of the last block of a known kind at the top.
    top_start: u32,
    /// Start of the current statement at the top.
    pub(super) statement_start: u32,
    /// What indentation may decide, see `is_sibling`.
    pub(super) layout: Layout,
    /// Start of a declaration before which a block was not closed, which is reported.
    unclosed_before: Option<u32>,
    /// A block that ends left of where it began, in the current statement at the top.
    pub(super) suspect: Option<(u32, u32)>,
    /// A block since the last declaration began whose brace stands further right than it begins, and
    /// that brace.
    pub(super) early: Option<((u32, u32), (u32, u32))>,
    /// Nothing more is read: the tree is full or the errors are too many.
    pub(super) stopped: bool,
    /// Tests at the top that end where they should.
    tests: Vec<(u32, u32)>,
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
    /// Where it could not be read.
    pub(super) damage: Damage,
    /// Tests whose mistakes, if any, end with them: bytes, in order.
    pub(super) tests: Vec<(u32, u32)>,
}

/// What indentation may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Nothing.
    Nothing,
    /// Which of two blocks was not closed.
    Blocks,
    /// And which of an object and the block around it.
    Objects,
}

/// Parses one file of at most [`super::limits::SOURCE_BYTES_MAX`] bytes. Linear in its length; lines on
/// which an object may have been meant to end are read again, at most `NESTING_MAX` times.
pub(super) fn parse(text: &str, file: u32) -> Parse {
    let parse = parse_once(text, file, Layout::Nothing);
    // Only where a brace is missing anyway does layout say which: what is accepted depends on it
    // nowhere.
    if parse.errors.iter().all(|found| found.code != Code::UnclosedBlock) {
        return parse;
    }
    let blocks = parse_once(text, file, Layout::Blocks);
    let objects = parse_once(text, file, Layout::Objects);
    // An object that only looks odd costs errors of its own.
    if objects.errors.len() <= blocks.errors.len() { objects } else { blocks }
}

fn parse_once(text: &str, file: u32, layout: Layout) -> Parse {
    let mut parser = Parser {
        text,
        file,
        lexer: Lexer::new(text),
        token: Token { kind: TokenKind::Newline, start: 0, end: 0, flaw: None },
        previous_end: 0,
        quiet: false,
        nesting: 0,
        objects: 0,
        resume: None,
        attribute: (0, 0),
        operators: OperatorCount::default(),
        tree: Tree::new(text.len() as u32),
        errors: Vec::new(),
        errors_before: 0,
        lost: Vec::new(),
        damage: Damage::default(),
        hurt: false,
        top_start: 0,
        statement_start: 0,
        layout,
        unclosed_before: None,
        suspect: None,
        early: None,
        stopped: false,
        tests: Vec::new(),
    };
    parser.advance();
    let mut statements = Vec::new();
    parser.body(None, &mut statements);
    parser.tree.adopt(Tree::ROOT, &statements);
    if parser.stopped {
        parser.damage.cut(parser.statement_start);
    }
    let Parser { tree, errors, lost, damage, tests, .. } = parser;
    Parse { tree, errors, lost, damage, tests }
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

    /// The mistake reported last was read as what it means: the next one of its statement is told as well.
    pub(super) fn read_as_meant(&mut self) {
        self.errors_before += 1;
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
                let (start, end) = (flaw.start, flaw.end);
                let (span, text) = (self.span(start, end), self.slice(start, end));
                if foreign::conflict(text) {
                    // Neither side of it was read.
                    self.damage.cut(self.statement_start);
                }
                self.report(match text.starts_with(';') {
                    true => self.semicolon(end, span),
                    false => flaws::describe(flaw.code, span, text, self.slice(0, start)),
                });
            }
            let skip = self.token.kind == TokenKind::Bad
                || (self.quiet && self.token.kind == TokenKind::Newline);
            if !skip {
                return;
            }
        }
    }

    /// Whether a block that was not closed, which is reported, ends before the current token.
    pub(super) fn ends_unclosed(&self) -> bool {
        self.unclosed_before == Some(self.token.start)
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
                (TokenKind::BraceClose, Some(open)) => {
                    if self.closes_further_left(open) {
                        self.suspect.get_or_insert(open);
                    }
                    if self.closes_early(open) {
                        self.early.get_or_insert((open, (token.start, token.end)));
                    }
                    self.advance();
                    return;
                }
                (TokenKind::BraceClose, None) => {
                    self.begin();
                    // Left over from a block that was given up, it is no mistake of its own.
                    if !self.damage.ends_at(self.previous_end) {
                        self.closes_nothing(token);
                    }
                    self.advance();
                    // What the block above has lost, and what stands here instead, is not known.
                    self.damage.add(self.top_start, token.end);
                }
                (_, Some(open)) if self.is_top_block_at_line_start() || self.is_sibling(open) => {
                    self.unclosed(open, Some(token));
                    self.unclosed_before = Some(token.start);
                    self.damaged(statements);
                    return;
                }
                _ => {
                    let (nesting, objects) = (self.nesting, self.objects);
                    let start = token.start;
                    // What follows on a statement that was given up may be a part of it.
                    let adrift = open.is_none() && {
                        let known = self.is_top_block();
                        if known {
                            self.top_start = start;
                        }
                        (self.hurt, self.suspect) = (false, None);
                        if known {
                            self.early = None;
                        }
                        self.statement_start = start;
                        !known && self.damage.ends_at(self.previous_end)
                    };
                    let is_test = open.is_none() && self.word(token) == "test";
                    let before = self.errors.len();
                    self.begin();
                    match self.statement(false).and_then(|id| self.finish_line().map(|()| id)) {
                        Ok(id) => {
                            statements.push(id);
                            if is_test && self.is_whole(before) {
                                self.tests.push((start, self.previous_end));
                            }
                        }
                        Err(Failed) => {
                            self.damaged(statements);
                            self.nesting = nesting;
                            self.recover();
                            self.objects = objects;
                        }
                    }
                    if open.is_none() && (self.hurt || adrift) {
                        self.damage.add(start, self.previous_end);
                    }
                }
            }
        }
    }

    /// Whether the block that was just read ends where it should, so far as the errors since tell.
    fn is_whole(&self, before: usize) -> bool {
        let errors = self.errors.get(before..).unwrap_or_default();
        let beyond = [Code::UnclosedBlock, Code::UnterminatedComment, Code::Heredoc];
        !self.stopped && errors.iter().all(|found| !beyond.contains(&found.code))
    }

    pub(super) fn damaged(&mut self, statements: &mut Vec<NodeId>) {
        self.hurt = true;
        let at = self.previous_end;
        statements.extend(self.tree.add(NodeKind::Damaged, at, at));
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
            TokenKind::Equal => {
                self.compared(name, next);
                self.attribute(true)
            }
            TokenKind::Dot if matches!(self.word(name), "trigger" | "param" | "condition") => {
                self.expression_alone(name)
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
        self.attribute = (name.start, name.end);
        self.advance();
        if assigned {
            self.advance();
        }
        let value = self.expression()?;
        let value = self.separated(value)?;
        let end = self.previous_end;
        let id = self.add(NodeKind::Attribute, name.start, end)?;
        self.tree.adopt(id, &[name_id, value]);
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
        if self.resume.take() == Some(self.token.start) {
            return;
        }
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

    pub(super) fn skip_token(&mut self) {
        self.previous_end = self.token.end;
        self.token = if self.stopped { self.end() } else { self.lexer.next() };
        while self.token.kind == TokenKind::Bad {
            self.token = self.lexer.next();
        }
    }

    pub(super) fn begins_statement(&self) -> bool {
        let token = self.token;
        if token.kind != TokenKind::Name {
            return false;
        }
        let next = self.peek().kind;
        matches!(next, TokenKind::Assign | TokenKind::Text | TokenKind::BraceOpen)
    }
}
