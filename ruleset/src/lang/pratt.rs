//! Expressions, by operator precedence (Pratt, "Top Down Operator Precedence", 1973).
//!
//! Recursion is bounded by `NESTING_MAX`; a chain of operators of
//! one level is a loop, its tree's height is bounded by
//! `EXPRESSION_HEIGHT_MAX`.

use super::blocks::is_block_start;
use super::builtins::BUILTINS;
use super::lexer::{Lexer, Token, TokenKind};
use super::limits::{EXPRESSION_HEIGHT_MAX, OPERATOR_COUNT_MAX};
use super::parser::{OperatorCount, Parsed, Parser};
use super::tree::{BinOp, NodeId, NodeKind, UnaryOp};
use super::{Code, Diagnostic, names};

/// Attributes whose value is a set of names with values, between braces.
const OBJECT_ATTRIBUTES: [&str; 9] =
    ["fields", "trigger", "params", "rates", "active", "pity", "payload", "loot", "misses"];

/// Precedences of HCL: `||` lowest, then `&&`, equality, order, sums, products.
fn binary(kind: TokenKind) -> Option<(u8, BinOp)> {
    use TokenKind::*;
    Some(match kind {
        Or => (1, BinOp::Or),
        And => (2, BinOp::And),
        Equal => (3, BinOp::Equal),
        NotEqual => (3, BinOp::NotEqual),
        Less => (4, BinOp::Less),
        LessEqual => (4, BinOp::LessEqual),
        Greater => (4, BinOp::Greater),
        GreaterEqual => (4, BinOp::GreaterEqual),
        Plus => (5, BinOp::Add),
        Minus => (5, BinOp::Subtract),
        Star => (6, BinOp::Multiply),
        Slash => (6, BinOp::Divide),
        Percent => (6, BinOp::Remainder),
        _ => return None,
    })
}

impl<'a> Parser<'a> {
    /// An expression with all that belongs to it.
    pub(super) fn expression(&mut self) -> Parsed<NodeId> {
        let outer = std::mem::take(&mut self.operators);
        let id = self.choice()?;
        let operand = outer.operand.max(self.operators.total());
        self.operators = OperatorCount { operand, ..outer };
        Ok(id)
    }

    fn choice(&mut self) -> Parsed<NodeId> {
        let start = self.token.start;
        let condition = self.operators(0)?;
        if !self.at(TokenKind::Question) {
            return Ok(condition);
        }
        self.operators = OperatorCount { chain: 0, operand: self.operators.total() };
        self.enter()?;
        self.advance();
        let then = self.expression()?;
        if !self.at(TokenKind::Colon) {
            let token = self.token;
            return self.fail(
                Code::ExpectedToken,
                (token.start, token.end),
                format!("{} where `:` belongs", self.shown()),
                "a choice is `condition ? value : other value`, both on one line or in brackets",
                "add `: other value`",
            );
        }
        self.advance();
        let otherwise = self.expression()?;
        self.nesting -= 1;
        self.node(NodeKind::Choice, start, &[condition, then, otherwise])
    }

    fn operators(&mut self, least: u8) -> Parsed<NodeId> {
        let start = self.token.start;
        let mut left = self.operand()?;
        let mut compared = false;
        while let Some((level, op)) = self.operator()? {
            if level < least {
                break;
            }
            let token = self.token;
            let comparison = matches!(level, 3 | 4);
            if comparison && compared {
                return self.fail(
                    Code::ChainedComparison,
                    (token.start, token.end),
                    format!("a second comparison, `{}`, in a row", op.symbol()),
                    "`a < b < c` would compare a yes or no with c",
                    "write `between(b, a, c)`, or join two comparisons with `&&`",
                );
            }
            compared = comparison;
            let words = if token.kind == TokenKind::Name { self.word_operator_count() } else { 1 };
            for _ in 0..words {
                self.advance();
            }
            if op == BinOp::Remainder && !self.begins_operand() {
                return self.percent(left, token);
            }
            if cfg!(cairn_planted = "parser") {
                // Planted: a line may end after an operator.
                self.skip_newlines();
            }
            if self.at(TokenKind::Newline) && self.goes_on() {
                let span = self.span(token.start, token.end);
                self.report(
                    Diagnostic::error(
                        Code::LineBreak,
                        span,
                        format!("the line ends after `{}`", op.symbol()),
                    )
                    .cause(
                        "as in HCL, the end of a line ends an expression unless a bracket is open",
                    )
                    .help("put the whole expression in parentheses"),
                );
                self.skip_newlines();
            }
            let right = self.operators(level + 1)?;
            self.operators.chain += 1;
            if self.operators.total() > OPERATOR_COUNT_MAX {
                return self.too_long(self.tree.bytes(left).0);
            }
            left = self.node(NodeKind::Binary(op), start, &[left, right])?;
        }
        Ok(left)
    }

    /// The operator at the current token. What other languages write for one is reported and read
    /// as what it means.
    fn operator(&mut self) -> Parsed<Option<(u8, BinOp)>> {
        let token = self.token;
        let (op, symbol) = match token.kind {
            TokenKind::Assign if self.lacks_braces() => return self.no_braces(),
            TokenKind::Assign => ((3, BinOp::Equal), "=="),
            TokenKind::Name => match (self.word(token), self.word_operator_count()) {
                ("and" | "AND" | "And", _) => ((2, BinOp::And), "&&"),
                ("or" | "OR" | "Or", _) => ((1, BinOp::Or), "||"),
                ("is" | "eq" | "equals", 1) => ((3, BinOp::Equal), "=="),
                ("is" | "ne", _) => ((3, BinOp::NotEqual), "!="),
                ("mod", _) => ((6, BinOp::Remainder), "%"),
                ("in" | "not", _) => {
                    return self.fail(
                        Code::ExpectedToken,
                        (token.start, token.end),
                        format!("`{}` is no operator", self.word(token)),
                        "there are no lists to search; a function compares with several values",
                        "write `one_of(value, \"a\", \"b\")`",
                    );
                }
                _ => return Ok(None),
            },
            kind => return Ok(binary(kind)),
        };
        if !self.is_spoiled() {
            let span = self.span(token.start, token.end);
            let word = self.word(token);
            self.report(
                Diagnostic::error(
                    Code::ExpectedToken,
                    span,
                    format!("`{word}` where `{symbol}` belongs"),
                )
                .cause(if word == "=" {
                    "`=` gives an attribute its value; values are compared with `==`"
                } else {
                    "operators are signs here, as in HCL"
                })
                .help(format!("write `{symbol}`")),
            );
        }
        Ok(Some(op))
    }

    /// Whether the `=` at hand stands behind a bare name, in an attribute that holds names with values.
    fn lacks_braces(&self) -> bool {
        let attribute = self.slice(self.attribute.0, self.attribute.1);
        let before = self.slice(self.attribute.1, self.previous_end);
        let name = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c))).next();
        OBJECT_ATTRIBUTES.contains(&attribute) && name.is_some_and(names::is_name)
    }

    fn no_braces<T>(&mut self) -> Parsed<T> {
        let attribute = self.slice(self.attribute.0, self.attribute.1);
        let token = self.token;
        self.fail(
            Code::ExpectedToken,
            (token.start, token.end),
            format!("`=` in a value of `{attribute}`, where no name begins"),
            "names with values stand between `{` and `}`",
            match self.quiet {
                true => "write `{` and `}` instead of the brackets around them",
                false => "write `{` before the name on its left, and `}` after the last value",
            },
        )
    }

    /// Words of the operator at the current word: `is not` has two.
    fn word_operator_count(&self) -> usize {
        let next = self.peek();
        let negated = self.word(self.token) == "is" && self.word(next) == "not";
        1 + usize::from(negated)
    }

    fn begins_operand(&self) -> bool {
        use TokenKind::*;
        matches!(
            self.token.kind,
            Number | Text | Name | ParenOpen | BracketOpen | BraceOpen | Not | Minus
        )
    }

    /// `not x` is read as `!x`, once reported.
    fn word_not(&mut self) -> bool {
        use TokenKind::*;
        let token = self.token;
        let word = self.word(token);
        if token.kind != Name || !matches!(word, "not" | "NOT" | "Not") {
            return false;
        }
        let next = self.peek();
        if !matches!(next.kind, Name | ParenOpen | Not) {
            return false;
        }
        if !self.is_spoiled() {
            let span = self.span(token.start, token.end);
            self.report(
                Diagnostic::error(Code::ExpectedToken, span, format!("`{word}` where `!` belongs"))
                    .cause("operators are signs here, as in HCL")
                    .help("write `!`, with brackets around more than one value: `!(a && b)`"),
            );
        }
        true
    }

    fn operand(&mut self) -> Parsed<NodeId> {
        use TokenKind::*;
        let mut token = self.token;
        if self.word_not() {
            token.kind = Not;
        }
        let id = match token.kind {
            Not | Minus => {
                self.enter()?;
                self.advance();
                if self.slice(token.end, self.token.start).contains('\n') {
                    return self.fail(
                        Code::LineBreak,
                        (token.start, token.end),
                        format!("the line ends after `{}`", self.word(token)),
                        "as in HCL, a sign stands on the line of its value, in brackets too",
                        "put the value on this line",
                    );
                }
                let operand = self.operand()?;
                self.nesting -= 1;
                let op = if token.kind == Not { UnaryOp::Not } else { UnaryOp::Negate };
                return self.node(NodeKind::Unary(op), token.start, &[operand]);
            }
            Number => self.leaf(NodeKind::Number)?,
            Text => self.leaf(NodeKind::Text)?,
            Name => self.name()?,
            ParenOpen => {
                self.enter()?;
                let outer = self.set_quiet(true);
                self.advance();
                let inner = self.expression()?;
                self.close(token.start, ParenClose, ")", outer)?;
                self.nesting -= 1;
                inner
            }
            BracketOpen => self.list()?,
            BraceOpen => self.object()?,
            _ => {
                let at = if matches!(token.kind, Newline | End) {
                    (self.previous_end.saturating_sub(1), self.previous_end)
                } else {
                    (token.start, token.end)
                };
                let help = match (token.kind, self.peek()) {
                    (Dot, next) if next.kind == Number => format!("write 0.{}", self.word(next)),
                    _ => "write the value".to_owned(),
                };
                return self.fail(
                    Code::ExpectedExpression,
                    at,
                    format!("{} where a value belongs", self.shown()),
                    "a value is a literal, a reference such as `trigger.level`, or a call",
                    help,
                );
            }
        };
        self.no_tail()?;
        Ok(id)
    }

    /// What HCL allows after an operand and this language does not.
    fn no_tail(&mut self) -> Parsed<()> {
        let token = self.token;
        match token.kind {
            TokenKind::BracketOpen => self.indexing(),
            TokenKind::Dot => {
                self.advance();
                let splat = self.at(TokenKind::Star);
                let (code, what) = if splat {
                    (Code::Splat, "a splat, `.*`")
                } else {
                    (Code::Indexing, "`.` after a value that has no parts")
                };
                self.fail(
                    code,
                    (token.start, self.token.end),
                    what,
                    "there are no lists and no objects to reach into",
                    "name the value: a parameter, a field, or a condition",
                )
            }
            TokenKind::Ellipsis => self.fail(
                Code::Splat,
                (token.start, token.end),
                "an expansion, `...`",
                "the number of arguments is fixed where the rule is written",
                "write the arguments out",
            ),
            _ => Ok(()),
        }
    }

    fn leaf(&mut self, kind: NodeKind) -> Parsed<NodeId> {
        let token = self.token;
        let id = self.add(kind, token.start, token.end)?;
        self.advance();
        Ok(id)
    }

    /// `true`, a reference, or a call.
    fn name(&mut self) -> Parsed<NodeId> {
        let first = self.token;
        match self.word(first) {
            "true" => return self.leaf(NodeKind::True),
            "false" => return self.leaf(NodeKind::False),
            "if" => {
                return self.fail(
                    Code::ExpectedExpression,
                    (first.start, first.end),
                    "`if` begins no value",
                    "a choice between two values is written with `?` and `:`",
                    "write `condition ? value : other value`",
                );
            }
            _ => {}
        }
        self.advance();
        if self.at(TokenKind::ParenOpen) && self.token.start == first.end {
            return self.call(first.start, first.end);
        }
        let mut end = first.end;
        while self.at(TokenKind::Dot) {
            let dot = self.token;
            self.advance();
            let part = self.token;
            if self.at(TokenKind::Star) {
                return self.fail(
                    Code::Splat,
                    (dot.start, part.end),
                    "a splat, `.*`",
                    "there are no lists here",
                    "name the one value that is meant",
                );
            }
            if part.kind != TokenKind::Name || dot.start != end || part.start != dot.end {
                let code = if part.kind == TokenKind::Number {
                    Code::Indexing
                } else {
                    Code::ExpectedToken
                };
                return self.fail(
                    code,
                    (dot.start, part.end.max(dot.end)),
                    format!("no name right after `{}.`", self.slice(first.start, end)),
                    "a reference is names joined by dots, without spaces: `trigger.level`",
                    "write the name after the dot",
                );
            }
            end = part.end;
            self.advance();
        }
        if self.at(TokenKind::ParenOpen) && self.token.start == end {
            let path = self.slice(first.start, end);
            let (value, name) = path.rsplit_once('.').unwrap_or(("", path));
            let reference = matches!(value, "trigger" | "param" | "condition");
            return self.fail(
                Code::ExpectedToken,
                (self.token.start, self.token.end),
                format!("`(` after `{path}`"),
                match reference {
                    true => "a reference is a value, not a function",
                    false => "values have no methods: functions take them as arguments",
                },
                match reference {
                    true => format!("write `{path}`"),
                    false => match BUILTINS.iter().find(|known| known.0 == name) {
                        Some((.., 1, _)) => format!("write `{name}({value})`"),
                        _ => format!("write `{name}({value}, …)`"),
                    },
                },
            );
        }
        self.add(NodeKind::Path, first.start, end)
    }

    fn call(&mut self, start: u32, end: u32) -> Parsed<NodeId> {
        let mut children = vec![self.add(NodeKind::Name, start, end)?];
        self.enter()?;
        let open = self.token.start;
        let outer = self.set_quiet(true);
        self.advance();
        while !self.at(TokenKind::ParenClose) {
            children.push(self.expression()?);
            if !self.at(TokenKind::Comma) {
                break;
            }
            self.advance();
        }
        self.close(open, TokenKind::ParenClose, ")", outer)?;
        self.nesting -= 1;
        self.node(NodeKind::Call, start, &children)
    }

    fn list(&mut self) -> Parsed<NodeId> {
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

    fn object(&mut self) -> Parsed<NodeId> {
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
                (true, Some(start)) if self.by_layout && further_left => {
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
                outside = Some((self.lexer, name, self.previous_end));
            }
            if name.kind == TokenKind::BraceOpen && !self.is_spoiled() {
                self.objects = 0;
                let comma = self.slice(0, name.start).trim_end().ends_with(',');
                let help = if comma { "add `}` before the comma there" } else { "add `}` there" };
                self.report(
                    Diagnostic::error(
                        Code::UnclosedBracket,
                        self.span(name.start, name.end),
                        "`{` stands where `}` belongs",
                    )
                    .label(self.span(open.start, open.end), "this bracket is still open")
                    .cause("between these braces stand `name = value` pairs; they end before this line")
                    .help(format!("{help}, at the end of the line above")),
                );
                return Err(super::parser::Failed);
            }
            if name.kind != TokenKind::Name {
                return self.fail(
                    Code::ExpectedToken,
                    (name.start, name.end),
                    format!("{} where a name belongs", self.shown()),
                    "between these braces stand `name = value` pairs",
                    "write `name = value`",
                );
            }
            if self.begins_block(name) {
                let here = (self.lexer, name, self.previous_end);
                return self.unclosed_before(open, outside.unwrap_or(here));
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
        let block = is_block_start(self.word(name))
            && matches!(self.peek().kind, TokenKind::Text | TokenKind::BraceOpen);
        match (self.indentation(self.attribute.0), self.indentation(name.start)) {
            (Some(outer), Some(inner)) => block && inner <= outer,
            _ => false,
        }
    }

    /// Whether a token begins a line that stands no further in than the attribute at hand.
    fn begins_line_outside(&self, token: Token) -> bool {
        match (self.indentation(self.attribute.0), self.indentation(token.start)) {
            (Some(outer), Some(inner)) => inner <= outer,
            _ => false,
        }
    }

    /// The braces that begin at `open` were not closed before the line at `start`, where reading goes on.
    fn unclosed_before<T>(&mut self, open: Token, start: (Lexer<'a>, Token, u32)) -> Parsed<T> {
        let token;
        (self.lexer, token, self.previous_end) = start;
        self.token = token;
        self.unclosed_bracket((open, "}"), token)
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
        Err(super::parser::Failed)
    }

    /// Something else than `=` after a name between the braces that begin at `open`. A block that begins
    /// there on a line of its own says that they may never have been closed.
    fn no_pair<T>(&mut self, open: Token, name: Token) -> Parsed<T> {
        if self.is_spoiled() {
            return Err(super::parser::Failed);
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
        Err(super::parser::Failed)
    }

    fn no_for(&mut self) -> Parsed<()> {
        let token = self.token;
        if token.kind == TokenKind::Name && self.word(token) == "for" {
            return self.fail(
                Code::ForExpression,
                (token.start, token.end),
                "a `for` expression",
                "rules have no loops, so that their cost is known before they run",
                "write the elements out",
            );
        }
        Ok(())
    }

    /// Consumes the bracket that pairs with the one at `open`, reading on with `outer`'s line
    /// breaks.
    fn close(&mut self, open: u32, kind: TokenKind, text: &str, outer: bool) -> Parsed<()> {
        self.set_quiet(outer);
        if self.at(kind) {
            self.advance();
            return Ok(());
        }
        if self.is_spoiled() {
            return Err(super::parser::Failed);
        }
        let token = self.token;
        let (span, pair) = (self.span(token.start, token.end), self.span(open, open + 1));
        let message = format!("{} where `{text}` belongs", self.shown());
        let begins = matches!(token.kind, TokenKind::Name | TokenKind::Text | TokenKind::Number)
            || token.kind == TokenKind::BraceOpen;
        let before = self.slice(0, self.previous_end);
        let typed = ["int", "decimal", "duration"].into_iter().find(|ty| before.ends_with(ty));
        let help = match (kind, typed) {
            (_, Some(ty)) if token.kind == TokenKind::Number => {
                format!("a type takes its range in round brackets, as in `{ty}(1, 100)`")
            }
            (TokenKind::BraceClose, _) if begins && self.peek().kind == TokenKind::Assign => {
                format!("add a comma before `{}`, or `}}`", self.word(token))
            }
            (TokenKind::BracketClose, _) if begins => {
                format!("add a comma before `{}`, or `]`", self.word(token))
            }
            _ => format!("add `{text}`, or the comma or operator that is missing"),
        };
        self.report(
            Diagnostic::error(Code::UnclosedBracket, span, message)
                .label(pair, "this bracket is still open")
                .cause("brackets come in pairs; elements are separated by commas")
                .help(help),
        );
        Err(super::parser::Failed)
    }

    /// A node over its children, from `start`: a bracket before the first of them belongs to it.
    fn node(&mut self, kind: NodeKind, start: u32, children: &[NodeId]) -> Parsed<NodeId> {
        let id = self.add(kind, start, self.previous_end)?;
        self.tree.adopt(id, children);
        if self.tree.height(id) > EXPRESSION_HEIGHT_MAX {
            return self.too_long(start);
        }
        Ok(id)
    }

    /// The expression that began at `start` is given up.
    fn too_long<T>(&mut self, start: u32) -> Parsed<T> {
        self.fail(
            Code::ExpressionTooLong,
            (start, self.previous_end),
            format!("an expression of more than {OPERATOR_COUNT_MAX} chained operators"),
            "what is read of an expression is bounded, as in other HCL tools",
            "put parts of it in brackets or name them as conditions, or use `one_of`, `min`, `max`",
        )
    }

    fn shown(&self) -> String {
        match self.token.kind {
            TokenKind::End => "the file ends".to_owned(),
            TokenKind::Newline => "the line ends".to_owned(),
            _ => {
                let text: String = self.word(self.token).chars().take(40).collect();
                format!("`{text}` stands")
            }
        }
    }
}
