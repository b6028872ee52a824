//! Operators: which types they join, and which inputs would break them.

use std::collections::BTreeSet;

use super::constant::{self, shorten};
use super::infer::{Checker, Ty, Val};
use super::interval::{self, Hazard};
use super::literal;
use super::names;
use super::session::At;
use super::tree::{BinOp, NodeKind, UnaryOp};
use super::{Code, Diagnostic, shape, witness};
use crate::ir::{BinaryOp, DECIMAL_ONE, Expr, Type};

impl Checker<'_, '_> {
    /// An operation whose types fit: its interval, or the input that breaks it.
    pub(super) fn operate(&mut self, at: At, op: BinaryOp, ty: Type, a: Val, b: Val) -> Val {
        if a.ty == Ty::Error || b.ty == Ty::Error {
            return self.broken(at);
        }
        match interval::binary(op, a.range, b.range) {
            Ok(range) => {
                let range = interval::with_itself(op, &a.ir, &b.ir).unwrap_or(range);
                let size = a.size.saturating_add(b.size).saturating_add(1);
                let ir = Expr::Binary(op, Box::new(a.ir), Box::new(b.ir));
                self.known(at, ty, range, ir, size)
            }
            Err(hazard) => {
                self.hazard(at, op, ty, &a, &b, hazard);
                self.broken(at)
            }
        }
    }

    /// Inputs for which `breaks` holds, in words; empty when none is found.
    pub(super) fn witness(&mut self, exprs: &[&Expr], breaks: impl Fn(&[i128]) -> bool) -> String {
        if self.session.may_search() {
            witness::find(self.scope, self.on, exprs, breaks)
        } else {
            String::new()
        }
    }

    fn hazard(&mut self, at: At, op: BinaryOp, ty: Type, a: &Val, b: &Val, hazard: Hazard) {
        let scope = self.scope;
        let shown = shorten(self.session.text(at));
        match hazard {
            Hazard::Zero if b.range.single() == Some(0) => {
                let divisor = shorten(self.session.text(b.at));
                self.error(
                    Code::DivisionByZero,
                    b.at,
                    format!("the divisor `{divisor}` is zero"),
                    "nothing can be divided by zero",
                    "divide by something else",
                );
            }
            Hazard::Zero => {
                let when = self.witness(&[&b.ir], |values| values == [0]);
                let range = match b.ty {
                    Ty::Known(ty) => format!(
                        "{} to {}",
                        scope.value_text(ty, b.range.min.into()),
                        scope.value_text(ty, b.range.max.into())
                    ),
                    _ => String::new(),
                };
                let divisor = shorten(self.session.text(b.at));
                let when = if when.is_empty() { when } else { format!(": when {when}") };
                self.error(
                    Code::DivisionByZero,
                    b.at,
                    format!("the divisor `{divisor}` can be zero{when}"),
                    format!("its values are {range}; both arms of a choice are computed, so `?:` does not protect"),
                    self.without_zero(b),
                );
            }
            Hazard::Overflow(min, max) => {
                let when = self.witness(&[&a.ir, &b.ir], |values| {
                    let [a, b] = values else { return false };
                    let raw = match op {
                        BinaryOp::MulDecimal => a.checked_mul(*b),
                        BinaryOp::DivDecimal => a.checked_mul(i128::from(DECIMAL_ONE)),
                        _ => interval::apply(op, *a, *b),
                    };
                    raw.is_none_or(|raw| i64::try_from(raw).is_err() || raw == i128::from(i64::MIN))
                });
                let when = if when.is_empty() { String::new() } else { format!(" when {when}") };
                let reach = if max > i128::from(i64::MAX) { max } else { min };
                let bound =
                    "narrow the ranges of the inputs, or bound a part with `min`, `max` or `clamp`";
                let most = i128::from(i64::MAX);
                let (reach, cause, help) = match (op, ty) {
                    // Before it is cut to six digits a product has twelve, and so has what is divided.
                    (BinaryOp::MulDecimal, _) => {
                        let (reach, most) = (twelve(ty, reach), twelve(ty, most));
                        (reach, format!("a product with a decimal must stay within ±{most}"), bound)
                    }
                    (BinaryOp::DivDecimal, _) => {
                        let (reach, most) = (twelve(ty, reach), twelve(ty, most));
                        (
                            format!("{reach} before it is divided"),
                            format!("what a decimal divides must stay within ±{most}"),
                            "narrow the ranges of the inputs, or multiply by the inverse: `x * 0.5` is `x / 2.0`",
                        )
                    }
                    (_, Type::Decimal) => {
                        let most = scope.value_text(ty, most);
                        (
                            scope.value_text(ty, reach),
                            format!("every value must stay within ±{most}"),
                            bound,
                        )
                    }
                    _ => {
                        (reach.to_string(), format!("every value must stay within ±{most}"), bound)
                    }
                };
                self.error(
                    Code::Overflow,
                    at,
                    format!("`{shown}` can overflow: it reaches {reach}{when}"),
                    cause,
                    help,
                );
            }
        }
    }

    /// How to divide by something that may be zero.
    fn without_zero(&self, divisor: &Val) -> String {
        let inputs = match self.session.kind(divisor.at) {
            NodeKind::Path => Vec::new(),
            _ => self.inputs(divisor.at),
        };
        let of = match &inputs[..] {
            [] => String::new(),
            [one] => format!(" of `{one}`"),
            some => {
                format!("s of {}", shape::list(&some.iter().map(|one| &**one).collect::<Vec<_>>()))
            }
        };
        let leaves = if inputs.len() > 1 { "they leave" } else { "it leaves" };
        let narrow = format!("narrow the range{of} so that {leaves} out zero");
        if divisor.range.max <= 0 {
            return narrow;
        }
        let least = match divisor.ty {
            Ty::Known(Type::Duration) => "\"1s\"",
            Ty::Known(Type::Decimal) => "0.01",
            _ => "1",
        };
        let text = self.session.text(divisor.at);
        let bounded = format!("max({}, {least})", if shorten(text) == text { text } else { "…" });
        let sense = match divisor.ty {
            Ty::Known(Type::Int) => "",
            _ => " with the smallest divisor that makes sense",
        };
        // What a function answers has no range that stands somewhere.
        let answer = self.session.kind(divisor.at) == NodeKind::Call;
        match (divisor.range.min < 0, answer) {
            (true, true) => format!("divide by `{bounded}`, which takes {least} for what is below"),
            (true, false) => {
                format!("{narrow}; `{bounded}` would take {least} for what is below")
            }
            (false, true) => format!("divide by `{bounded}`{sense}"),
            (false, false) => format!("divide by `{bounded}`{sense}, or {narrow}"),
        }
    }

    /// The fields and parameters that an expression names itself, each once; at most four.
    fn inputs(&self, at: At) -> Vec<String> {
        let (mut found, mut open) = (Vec::new(), vec![at]);
        while let Some(at) = open.pop() {
            let text = self.session.text(at);
            let input = text.starts_with("trigger.") || text.starts_with("param.");
            if self.session.kind(at) == NodeKind::Path && input && found.len() < 4 {
                let name = text.to_owned();
                if !found.contains(&name) {
                    found.push(name);
                }
            }
            open.extend(self.session.children(at).into_iter().rev());
        }
        found
    }

    pub(super) fn binary(&mut self, at: At, op: BinOp) -> Val {
        use Type::*;
        let (Some(left), Some(right)) = (self.session.child(at, 0), self.session.child(at, 1))
        else {
            return self.broken(at);
        };
        match op {
            BinOp::And | BinOp::Or => {
                let outer = std::mem::take(&mut self.leans);
                let a = self.infer(left, None);
                let a = self.expect_bool(a);
                let first = std::mem::take(&mut self.leans);
                let b = self.infer(right, None);
                let b = self.expect_bool(b);
                let second = std::mem::replace(&mut self.leans, outer);
                self.clause(&a);
                self.clause(&b);
                let (op, neutral) = match op {
                    BinOp::And => (BinaryOp::And, 1),
                    _ => (BinaryOp::Or, 0),
                };
                self.leans.extend(leaning(neutral, (&a, first), (&b, second)));
                let value = self.logic(at, op, a, b);
                self.clause(&value);
                value
            }
            BinOp::Equal
            | BinOp::NotEqual
            | BinOp::Less
            | BinOp::LessEqual
            | BinOp::Greater
            | BinOp::GreaterEqual => {
                let (a, b) = self.pair(left, right, None);
                let op = match op {
                    BinOp::Equal => BinaryOp::Eq,
                    BinOp::NotEqual => BinaryOp::Ne,
                    BinOp::Less => BinaryOp::Lt,
                    BinOp::LessEqual => BinaryOp::Le,
                    BinOp::Greater => BinaryOp::Gt,
                    _ => BinaryOp::Ge,
                };
                self.compare(at, op, a, b)
            }
            _ => {
                if self.joins_texts(left, right, op) {
                    let span = self.session.span(at);
                    self.session.report(
                        Diagnostic::error(Code::OperandType, span, "`+` with a text")
                            .cause("rules never build text: strings are names and short constants")
                            .help("give the value an attribute of its own in the payload"),
                    );
                    return self.broken(at);
                }
                let (x, y) = (self.computed(left, op), self.computed(right, op));
                // Draws are numbered in this order. Texts that are numbers have none, and what they are
                // beside says what was meant.
                let (a, b) = match (self.are_numbers(left), self.are_numbers(right)) {
                    (true, true) => (self.infer(left, None), self.infer(right, None)),
                    (true, false) => {
                        let b = self.infer(right, Some(y));
                        (self.in_quotes(left, (op, x), &b), b)
                    }
                    (false, true) => {
                        let a = self.infer(left, Some(x));
                        let b = self.in_quotes(right, (op, y), &a);
                        (a, b)
                    }
                    (false, false) => (self.infer(left, Some(x)), self.infer(right, Some(y))),
                };
                if a.ty == Ty::Text || b.ty == Ty::Text {
                    return self.mismatch(at, op.symbol(), &a, &b);
                }
                if a.ty == Ty::Error || b.ty == Ty::Error {
                    return self.broken(at);
                }
                let (a, b) = match (op, a.ty, b.ty) {
                    // A decimal times or over a whole number stays exact without widening.
                    (BinOp::Multiply, ..) | (BinOp::Divide, Ty::Known(Decimal), _) => (a, b),
                    _ => self.level(a, b),
                };
                let (Ty::Known(x), Ty::Known(y)) = (a.ty, b.ty) else {
                    return self.mismatch(at, op.symbol(), &a, &b);
                };
                let (ir_op, ty) = match (op, x, y) {
                    (BinOp::Add, Int | Decimal | Duration, _) if x == y => (BinaryOp::Add, x),
                    (BinOp::Add, Instant, Duration) | (BinOp::Add, Duration, Instant) => {
                        (BinaryOp::Add, Instant)
                    }
                    (BinOp::Subtract, Int | Decimal | Duration, _) if x == y => (BinaryOp::Sub, x),
                    (BinOp::Subtract, Instant, Duration) => (BinaryOp::Sub, Instant),
                    (BinOp::Subtract, Instant, Instant) => (BinaryOp::Sub, Duration),
                    (BinOp::Multiply, Int, Int | Decimal | Duration) => (BinaryOp::Mul, y),
                    (BinOp::Multiply, Decimal | Duration, Int) => (BinaryOp::Mul, x),
                    (BinOp::Multiply, Decimal, Decimal | Duration) => (BinaryOp::MulDecimal, y),
                    (BinOp::Multiply, Duration, Decimal) => (BinaryOp::MulDecimal, x),
                    (BinOp::Divide, Int | Decimal | Duration, Int) => (BinaryOp::Div, x),
                    (BinOp::Divide, Duration, Duration) => (BinaryOp::Div, Int),
                    (BinOp::Divide, Decimal | Duration, Decimal) => (BinaryOp::DivDecimal, x),
                    (BinOp::Remainder, Int | Decimal | Duration, _) if x == y => (BinaryOp::Rem, x),
                    _ => return self.mismatch(at, op.symbol(), &a, &b),
                };
                self.operate(at, ir_op, ty, a, b)
            }
        }
    }

    /// Whether an expression is made of strings alone that hold numbers: no unit, so no durations.
    /// Recursion is bounded by the height of expressions.
    pub(super) fn are_numbers(&self, at: At) -> bool {
        let parts = self.session.children(at);
        match self.session.kind(at) {
            NodeKind::Text => {
                !self.session.is_flawed(at) && literal::is_numeric(&self.session.string(at))
            }
            NodeKind::Unary(UnaryOp::Negate) => parts.iter().all(|part| self.are_numbers(*part)),
            NodeKind::Choice | NodeKind::Call => {
                self.is_only_text(at) && parts.iter().skip(1).all(|part| self.are_numbers(*part))
            }
            _ => false,
        }
    }

    /// Numbers in quotes: a duration with a mistake where one is added to a time, else texts.
    fn in_quotes(&mut self, at: At, (op, ty): (BinOp, Type), other: &Val) -> Val {
        let sum = matches!(op, BinOp::Add | BinOp::Subtract | BinOp::Remainder);
        match other.ty {
            // What was meant is known once the other side is.
            Ty::Error => self.broken(at),
            Ty::Known(Type::Duration | Type::Instant) if sum => self.infer(at, Some(ty)),
            // What `min` and the like answer is no text.
            _ if self.session.kind(at) == NodeKind::Call => {
                Val { ty: Ty::Text, literal: true, ..self.broken(at) }
            }
            _ => self.infer(at, None),
        }
    }

    /// What a string stands for in arithmetic: a duration, or in a sum or a difference an instant.
    fn computed(&self, at: At, op: BinOp) -> Type {
        if !(matches!(op, BinOp::Add | BinOp::Subtract) && self.is_only_text(at)) {
            return Type::Duration;
        }
        let mut text = at;
        while let Some(part) = self.session.children(text).last() {
            text = *part;
        }
        // A year, as in "2026-12-24T18:00:00Z".
        let text = self.session.string(text);
        let year = text.split_once('-').map_or("", |(year, _)| year);
        match year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Type::Instant,
            false => Type::Duration,
        }
    }

    /// Whether a sum is an attempt to join texts: one of the two is a string and no duration.
    fn joins_texts(&self, left: At, right: At, op: BinOp) -> bool {
        let text = |at: At| {
            self.session.kind(at) == NodeKind::Text
                && !self.session.is_flawed(at)
                && !self.session.string(at).starts_with(|c: char| c.is_ascii_digit())
                && !self.are_numbers(at)
        };
        op == BinOp::Add && (text(left) || text(right))
    }

    /// A comparison of values of one type.
    pub(super) fn compare(&mut self, at: At, op: BinaryOp, a: Val, b: Val) -> Val {
        if a.ty == Ty::Error || b.ty == Ty::Error {
            return self.broken(at);
        }
        let (a, b) = self.level(a, b);
        if a.ty == Ty::Text && b.ty == Ty::Text {
            self.error(
                Code::UntypedText,
                at,
                "two texts are compared",
                "a text has a meaning only beside a value whose type is known",
                "compare with a field or a parameter",
            );
            return self.broken(at);
        }
        let symbol = match op {
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            _ => ">=",
        };
        if a.ty != b.ty {
            return self.mismatch(at, symbol, &a, &b);
        }
        let ordered = !matches!(op, BinaryOp::Eq | BinaryOp::Ne);
        let unordered = matches!(a.ty, Ty::Known(Type::Bool | Type::Enum(_) | Type::Symbol));
        if ordered && unordered {
            let found = self.type_text(&a);
            self.error(
                Code::OperandType,
                at,
                format!("`{symbol}` compares values of {}", found.trim_start_matches("a ")),
                "only numbers, durations and instants have an order",
                "use `==`, `!=` or `one_of`",
            );
            return self.broken(at);
        }
        self.operate(at, op, Type::Bool, a, b)
    }

    /// `a && b` or `a || b` of checked yes-or-no values.
    pub(super) fn logic(&mut self, at: At, op: BinaryOp, a: Val, b: Val) -> Val {
        if a.ty == Ty::Error || b.ty == Ty::Error {
            return self.broken(at);
        }
        // `true && x` is `x`: nothing is computed for it.
        let neutral = i64::from(op == BinaryOp::And);
        if a.range.single() == Some(neutral) {
            return Val { at, ..b };
        }
        if b.range.single() == Some(neutral) {
            return Val { at, ..a };
        }
        self.operate(at, op, Type::Bool, a, b)
    }

    /// What is written there, in brackets where it needs them, or an ellipsis if it is long.
    fn shown(&self, value: &Val) -> String {
        let text = self.session.text(value.at);
        match self.session.kind(value.at) {
            _ if shorten(text) != text => "…".to_owned(),
            NodeKind::Path | NodeKind::Call | NodeKind::Text => text.to_owned(),
            _ => format!("({text})"),
        }
    }

    fn mismatch_help(&self, symbol: &str, a: &Val, b: &Val) -> String {
        let compares = matches!(symbol, "==" | "!=" | "<" | "<=" | ">" | ">=");
        let number = |side: &Val| self.session.kind(side.at) == NodeKind::Number;
        let (text, other) = match (a.ty, b.ty) {
            (Ty::Known(Type::Instant), Ty::Known(Type::Instant)) => {
                return "subtract them for the time between them, or add a duration to one".into();
            }
            (Ty::Known(Type::Duration), Ty::Known(Type::Instant)) if symbol == "-" => {
                let (first, second) = (self.shown(b), self.shown(a));
                return format!(
                    "how long ago an instant was is `since({first})`; `{first} - {second}` is an instant"
                );
            }
            (Ty::Known(Type::Duration), Ty::Known(Type::Instant))
            | (Ty::Known(Type::Instant), Ty::Known(Type::Duration))
                if compares =>
            {
                let instant = if a.ty == Ty::Known(Type::Instant) { a } else { b };
                return format!(
                    "`since({})` is a duration: how long ago it was",
                    self.shown(instant)
                );
            }
            (Ty::Known(Type::Duration), Ty::Known(Type::Int))
            | (Ty::Known(Type::Int), Ty::Known(Type::Duration))
                if compares && [a, b].iter().any(|side| number(side)) =>
            {
                let side = if number(a) { a } else { b };
                return match constant::units(self.session.text(side.at)) {
                    Some(units) if side.range.single() != Some(0) => units,
                    _ => "write a duration with its unit, as in \"0s\" or \"90m\"".to_owned(),
                };
            }
            (Ty::Known(Type::Enum(index)), Ty::Known(Type::Int))
            | (Ty::Known(Type::Int), Ty::Known(Type::Enum(index)))
                if compares =>
            {
                if !matches!(symbol, "==" | "!=") {
                    return "an enum has no order: use `==`, `!=` or `one_of`".to_owned();
                }
                let values = self.scope.enums.get(usize::from(index)).map(|def| &def.values);
                return match values.and_then(|values| values.first()) {
                    Some(value) => format!("compare with one of its values, as in \"{value}\""),
                    None => "make both sides the same type".to_owned(),
                };
            }
            (Ty::Known(Type::Bool), Ty::Known(Type::Int))
            | (Ty::Known(Type::Int), Ty::Known(Type::Bool))
                if compares && (number(a) || number(b)) =>
            {
                let side = if number(a) { a } else { b };
                let meant = match side.range.single() {
                    _ if !matches!(symbol, "==" | "!=") => {
                        return "true and false have no order: use `==` or `!=`".to_owned();
                    }
                    Some(0) => "false",
                    Some(1) => "true",
                    _ => {
                        return "a yes or no is true or false: compare it with one of them"
                            .to_owned();
                    }
                };
                return format!("write {meant} instead of {}", self.session.text(side.at));
            }
            (one, other) if one == other => {
                return "compute with numbers or durations".to_owned();
            }
            (Ty::Text, Ty::Known(Type::Bool)) | (Ty::Known(Type::Bool), Ty::Text)
                if compares && !matches!(symbol, "==" | "!=") =>
            {
                return "true and false have no order: use `==` or `!=`".to_owned();
            }
            (Ty::Text, other) => (a, other),
            (other, Ty::Text) => (b, other),
            _ => return "make both sides the same type".to_owned(),
        };
        let written = match self.session.kind(text.at) {
            NodeKind::Text => self.session.string(text.at),
            _ => String::new(),
        };
        let (fits, wanted) = match other {
            Ty::Known(Type::Bool) => (names::meant_bool(&written), "true or false"),
            Ty::Known(Type::Int | Type::Decimal) => {
                (literal::quoted_number(&written).map(|_| &*written), "a number")
            }
            Ty::Known(Type::Duration) if symbol == "/" && a.ty == Ty::Text => (None, "a duration"),
            Ty::Known(Type::Duration) if matches!(symbol, "*" | "/") => {
                (literal::quoted_number(&written).map(|_| &*written), "a number")
            }
            _ => return "make both sides the same type".to_owned(),
        };
        match fits {
            Some(meant) => format!("write {meant} without quotes"),
            None if compares || self.are_numbers(text.at) => {
                format!("write {wanted} instead of {}", self.shown(text))
            }
            None => format!("write {wanted} on both sides, or on neither"),
        }
    }

    pub(super) fn mismatch(&mut self, at: At, symbol: &str, a: &Val, b: &Val) -> Val {
        if a.ty == Ty::Error || b.ty == Ty::Error {
            return self.broken(at);
        }
        let (left, right) = (self.type_text(a), self.type_text(b));
        let span = self.session.span(at);
        let mut diagnostic = Diagnostic::error(
            Code::TypeMismatch,
            span,
            format!("`{symbol}` between {left} and {right}"),
        )
        .label(self.session.span(a.at), format!("this is {left}"))
        .label(self.session.span(b.at), format!("this is {right}"))
        .cause(match a.ty == b.ty {
            true => "there is no such operation on two values of this type",
            false => {
                "values of different types are never converted, except a whole number to a decimal"
            }
        })
        .help(self.mismatch_help(symbol, a, b));
        for side in [a, b] {
            if let Some((span, note)) = self.declaration(side.at) {
                diagnostic = diagnostic.label(span, note);
            }
        }
        if let Some(first) = self.uses.first() {
            diagnostic = diagnostic.label(self.session.span(*first), "it is used here");
        }
        self.session.report(diagnostic);
        self.broken(at)
    }
}

/// On which conditions a conjunction or a disjunction leans, when its sides lean on these: not on those
/// of a side that leaves all to the other one, nor of one that the other one settles.
fn leaning(
    neutral: i64,
    (a, first): (&Val, BTreeSet<usize>),
    (b, second): (&Val, BTreeSet<usize>),
) -> BTreeSet<usize> {
    let side = |value: &Val| value.range.single().map(|value| value == neutral);
    match (side(a), side(b)) {
        // Each of the two would do.
        (Some(false), Some(false)) if first.is_empty() || second.is_empty() => BTreeSet::new(),
        (Some(true), None | Some(false)) | (None, Some(false)) => second,
        (None | Some(false), Some(true)) | (Some(false), None) => first,
        _ => &first | &second,
    }
}

/// A product of millionths, or of milliseconds and millionths, in the words of the language.
fn twelve(ty: Type, value: i128) -> String {
    let value = value / i128::from(DECIMAL_ONE);
    match ty {
        Type::Duration => format!("\"{}\"", literal::duration_text(value)),
        _ => literal::decimal_text(value),
    }
}
