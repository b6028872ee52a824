//! Expressions, by operator precedence (Pratt, "Top Down Operator Precedence", 1973).
//!
//! Recursion is bounded by `NESTING_MAX`; a chain of operators of
//! one level is a loop, its tree's height is bounded by
//! `EXPRESSION_HEIGHT_MAX`.

use super::builtins::BUILTINS;
use super::constant::COMMENT;
use super::lexer::TokenKind;
use super::limits::{EXPRESSION_HEIGHT_MAX, OPERATOR_COUNT_MAX};
use super::parser::{OperatorCount, Parsed, Parser};
use super::tree::{BinOp, NodeId, NodeKind, UnaryOp};
use super::{Code, Diagnostic, foreign};

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

impl Parser<'_> {
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
        let span = self.span(token.start, token.end);
        // Every level of precedence that ends here asks for it again.
        let told = self.errors.last().is_some_and(|found| found.span == span);
        if !told && !self.is_spoiled() {
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
            self.read_as_meant();
        }
        Ok(Some(op))
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
            let line = self.slice(0, token.start).rsplit('\n').next().unwrap_or("");
            self.report(
                Diagnostic::error(Code::ExpectedToken, span, format!("`{word}` where `!` belongs"))
                    .cause("operators are signs here, as in HCL")
                    .help(match foreign::dashes(line) {
                        true => COMMENT,
                        false => "write `!`, with brackets around more than one value: `!(a && b)`",
                    }),
            );
            self.read_as_meant();
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
                    (Newline, _) if self.lists_below() => {
                        let name = self.slice(self.attribute.0, self.attribute.1);
                        format!("write `{name} = [a, b]`: a list stands between brackets")
                    }
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
                let weight = self.slice(self.attribute.0, self.attribute.1) == "weight";
                return self.fail(
                    Code::ExpectedExpression,
                    (first.start, first.end),
                    "`if` begins no value",
                    "a choice between two values is written with `?` and `:`",
                    match weight {
                        true => "a weight is one number: write two entries, each with a `when`",
                        false => "write `condition ? value : other value`",
                    },
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

    pub(super) fn no_for(&mut self) -> Parsed<()> {
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

    pub(super) fn shown(&self) -> String {
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
