//! Expressions: names to indices, types, intervals, and the lowered form, in one walk.
//!
//! A condition is walked again at each use, for the trigger of the rule that uses it. Within one
//! rule every `chance` and `pick` in the text has one draw number, so a condition that is named
//! twice has one value.

use std::collections::{BTreeMap, BTreeSet};

use super::constant::{self, shorten};
use super::interval::Interval;
use super::limits::*;
use super::literal::{self, Number};
use super::scope::Scope;
use super::session::{At, Session};
use super::settled::{self, Settled};
use super::trace::{self, Part};
use super::tree::{NodeKind, UnaryOp};
use super::truth::{Constant, Truth};
use super::{Code, Diagnostic};
use crate::ir::{BinaryOp, DECIMAL_ONE, Expr, On, Type};

/// Operations of named conditions that are looked through in one run for what settles them. More only
/// leaves something unseen.
const SEARCH_SIZE_MAX: u32 = 1 << 22;

/// What the checker knows of an expression's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    /// Wrong and reported; silences what depends on it.
    Error,
    /// A string literal whose meaning depends on what it meets.
    Text,
    Known(Type),
}

/// A checked expression.
#[derive(Clone, Debug)]
pub(super) struct Val {
    pub(super) at: At,
    pub(super) ty: Ty,
    pub(super) range: Interval,
    pub(super) ir: Expr,
    /// Nodes of `ir`.
    pub(super) size: u32,
    /// Made of string literals: may take another type on a second look.
    pub(super) literal: bool,
}

/// What outlives one rule.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) symbols: Vec<String>,
    symbol_index: BTreeMap<String, i64>,
    /// Per condition that was used.
    pub(super) truths: BTreeMap<usize, Truth>,
    /// Rules that fire always, or never.
    pub(super) constants: Vec<Constant>,
    /// What settles a condition, per trigger or timer.
    settled: BTreeMap<(usize, Option<On>), Option<Settled>>,
    /// Operations looked through for that.
    searched: u32,
    /// Expressions visited in the whole run.
    nodes: u32,
}

impl Shared {
    /// Counts one visit; false when the run has made all that it may.
    pub(super) fn visit(&mut self) -> bool {
        self.nodes = self.nodes.saturating_add(1);
        !self.is_spent()
    }

    /// Visits so far.
    pub(super) fn visits(&self) -> u32 {
        self.nodes
    }

    /// Does in another way what was done since there were `before` visits: the more expensive of the
    /// two counts.
    pub(super) fn again(&mut self, before: u32, work: impl FnOnce(&mut Shared)) {
        let once = std::mem::replace(&mut self.nodes, before);
        work(self);
        self.nodes = self.nodes.max(once);
    }

    /// Counts what was read since there were `before` visits, at a quarter of a visit each, where that is
    /// more than the visits. It leaves room for one: whoever makes it is told that there is no more.
    pub(super) fn read(&mut self, before: u32, parts: usize) {
        let parts = u32::try_from(parts / 4).unwrap_or(u32::MAX);
        self.nodes = self.nodes.max(before.saturating_add(parts).min(RULESET_NODE_COUNT_MAX));
    }

    /// Whether the run has made all visits that it may.
    pub(super) fn is_spent(&self) -> bool {
        self.nodes > RULESET_NODE_COUNT_MAX
    }

    /// What settles a condition; looked for once under each key, and no longer when conditions that
    /// name each other have made it too much.
    pub(super) fn settled(
        &mut self,
        scope: &Scope,
        on: Option<On>,
        key: Option<(usize, Option<On>)>,
        value: &Val,
    ) -> Option<Settled> {
        if let Some(known) = key.and_then(|key| self.settled.get(&key)) {
            return *known;
        }
        self.searched = self.searched.saturating_add(value.size);
        let within = self.searched <= SEARCH_SIZE_MAX;
        let settled = within.then(|| settled::settled(scope, on, &value.ir)).flatten();
        if let Some(key) = key {
            self.settled.insert(key, settled);
        }
        settled
    }
}

/// What is learned from an expression, of it and of the conditions that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// It is evaluated so.
    All,
    /// It is judged by itself: of the conditions that it names nothing, since no rule uses them so.
    Own,
    /// It is looked at for mistakes alone.
    Nothing,
}

/// Walks the expressions of one rule, or of one loot table for one fragment.
pub(super) struct Checker<'c, 'a> {
    pub(super) session: &'c mut Session<'a>,
    pub(super) scope: &'c Scope,
    pub(super) shared: &'c mut Shared,
    /// What is evaluated; `None` for what no rule uses and no trigger fits.
    pub(super) on: Option<On>,
    pub(super) keep: Keep,
    /// Hash of the rule's name; `None` where draws are not allowed.
    pub(super) rule_hash: Option<u64>,
    /// Hash of the name of the declaration that is being read.
    pub(super) salt: u64,
    /// Where each condition, or the table, is named; outermost first.
    pub(super) uses: Vec<At>,
    /// Conditions named so far that were the same for every input here.
    pub(super) leans: BTreeSet<usize>,
    draws: BTreeMap<At, u32>,
    depth: u32,
    pub(super) nodes: u32,
    exhausted: bool,
}

/// What is too much in one rule.
fn operations() -> String {
    format!("more than {RULE_NODE_COUNT_MAX} operations once conditions are put in their places")
}

impl<'c, 'a> Checker<'c, 'a> {
    pub(super) fn new(
        session: &'c mut Session<'a>,
        scope: &'c Scope,
        shared: &'c mut Shared,
        on: Option<On>,
        rule_hash: Option<u64>,
        salt: u64,
    ) -> Checker<'c, 'a> {
        Checker {
            session,
            scope,
            shared,
            on,
            keep: Keep::All,
            rule_hash,
            salt,
            uses: Vec::new(),
            leans: BTreeSet::new(),
            draws: BTreeMap::new(),
            depth: 0,
            nodes: 0,
            exhausted: false,
        }
    }

    /// Draw numbers given out so far.
    pub(super) fn draw_count(&self) -> u32 {
        self.draws.len() as u32
    }

    pub(super) fn draw(&mut self, at: At) -> u32 {
        let next = self.draws.len() as u32;
        *self.draws.entry(at).or_insert(next)
    }

    /// Reports an error, and beside it the use that it comes up in.
    pub(super) fn error(
        &mut self,
        code: Code,
        at: At,
        message: impl Into<String>,
        cause: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = self.session.span(at);
        let mut diagnostic = Diagnostic::error(code, span, message).cause(cause).help(help);
        if let Some(first) = self.uses.first() {
            diagnostic = diagnostic.label(self.session.span(*first), "it is used here");
        }
        self.session.report(diagnostic);
    }

    pub(super) fn broken(&self, at: At) -> Val {
        let range = Interval::point(0);
        Val { at, ty: Ty::Error, range, ir: Expr::Const(0), size: 1, literal: false }
    }

    /// A value of a known type; a single possible value becomes a constant.
    pub(super) fn known(&mut self, at: At, ty: Type, range: Interval, ir: Expr, size: u32) -> Val {
        let (ir, size) = match range.single() {
            Some(value) => (Expr::Const(value), 1),
            None => (ir, size),
        };
        if size > RULE_NODE_COUNT_MAX {
            self.too_costly(at, operations());
            return self.broken(at);
        }
        Val { at, ty: Ty::Known(ty), range, ir, size, literal: false }
    }

    /// Reports the limit that was hit, once.
    fn too_costly(&mut self, at: At, over: String) {
        if !self.exhausted {
            self.exhausted = true;
            self.error(
                Code::TooCostly,
                at,
                over,
                "what rules cost in the worst case is bounded before they run",
                "split the rule, or let conditions share fewer parts",
            );
        }
    }

    pub(super) fn type_text(&self, value: &Val) -> String {
        match value.ty {
            Ty::Known(ty) => self.scope.type_name(ty),
            Ty::Text => "a text".to_owned(),
            Ty::Error => "an error".to_owned(),
        }
    }

    /// Checks the expression at `at`; `hint` is what a string literal in it stands for.
    pub(super) fn infer(&mut self, at: At, hint: Option<Type>) -> Val {
        self.nodes += 1;
        let within = self.shared.visit();
        if self.exhausted {
            return self.broken(at);
        }
        let over = if self.nodes > RULE_NODE_COUNT_MAX {
            Some(operations())
        } else if !within {
            Some(format!(
                "more than {RULESET_NODE_COUNT_MAX} operations in all rules together, once conditions are put in their places"
            ))
        } else if self.depth >= EXPANDED_HEIGHT_MAX {
            Some(format!(
                "operations inside one another more than {EXPANDED_HEIGHT_MAX} deep, once conditions are put in their places"
            ))
        } else {
            None
        };
        if let Some(over) = over {
            let at = self.uses.first().copied().unwrap_or(at);
            self.too_costly(at, over);
            return self.broken(at);
        }
        self.depth += 1;
        if let Some(recorder) = &mut self.session.recorder {
            recorder.enter();
        }
        let value = self.node(at, hint);
        self.depth -= 1;
        if self.session.recorder.is_some() {
            self.record(at, &value);
        }
        let span = self.session.span(at);
        if let Some(index) = &mut self.session.index {
            index.value(span, value.ty, value.range);
        }
        value
    }

    /// Keeps an expression with its place, for explanations.
    fn record(&mut self, at: At, value: &Val) {
        let keeps = self.session.recorder.as_ref().is_some_and(trace::Recorder::keeps);
        let (span, shape) = (self.session.span(at), trace::shape(self.session, at));
        let part = match value.ty {
            Ty::Known(ty) if keeps => {
                Some(Part { span, shape, ty, ir: value.ir.clone(), parts: Vec::new() })
            }
            Ty::Known(_) | Ty::Text | Ty::Error => None,
        };
        let (on, size) = (self.on, value.size);
        if let Some(recorder) = &mut self.session.recorder {
            recorder.leave(at, on, part, size);
        }
    }

    fn node(&mut self, at: At, hint: Option<Type>) -> Val {
        match self.session.kind(at) {
            NodeKind::True => self.constant(at, Type::Bool, 1),
            NodeKind::False => self.constant(at, Type::Bool, 0),
            NodeKind::Number => match literal::number(self.session.text(at)) {
                Some(Number::Int(value)) => self.constant(at, Type::Int, value),
                Some(Number::Decimal(value)) => self.constant(at, Type::Decimal, value),
                None => self.broken(at),
            },
            NodeKind::Text => self.text(at, hint),
            NodeKind::Path => self.path(at),
            NodeKind::Call => self.call(at, hint),
            NodeKind::Unary(op) => self.unary(at, op),
            NodeKind::Binary(op) => self.binary(at, op),
            NodeKind::Choice => self.choice(at, hint),
            NodeKind::Damaged => self.broken(at),
            _ => {
                let shown = shorten(self.session.text(at));
                self.error(
                    Code::WrongShape,
                    at,
                    format!("`{shown}` is not a single value"),
                    "expressions compute one value; lists and braces stand in declarations alone",
                    match self.session.kind(at) {
                        NodeKind::Object => {
                            "write each of its values as `name = value`, directly in the block"
                        }
                        _ => "write one value; to compare with several use `one_of(x, a, b)`",
                    },
                );
                self.broken(at)
            }
        }
    }

    fn constant(&mut self, at: At, ty: Type, value: i64) -> Val {
        self.known(at, ty, Interval::point(value), Expr::Const(value), 1)
    }

    fn text(&mut self, at: At, hint: Option<Type>) -> Val {
        if self.session.is_flawed(at) {
            return self.broken(at);
        }
        let text = self.session.string(at);
        let (ty, value) = match hint {
            Some(Type::Duration) => {
                (Type::Duration, constant::duration_of(self.session, at, &text))
            }
            Some(Type::Instant) => (Type::Instant, constant::instant_of(self.session, at, &text)),
            Some(Type::Enum(index)) => (
                Type::Enum(index),
                constant::enum_value(self.session, self.scope, index, at, &text),
            ),
            Some(Type::Symbol) => (Type::Symbol, self.symbol(at, &text)),
            Some(Type::Bool | Type::Int | Type::Decimal) | None => {
                return Val { ty: Ty::Text, literal: true, ..self.broken(at) };
            }
        };
        match value {
            Some(value) => Val { literal: true, ..self.constant(at, ty, value) },
            None => self.broken(at),
        }
    }

    fn symbol(&mut self, at: At, text: &str) -> Option<i64> {
        if let Some(index) = self.shared.symbol_index.get(text) {
            return Some(*index);
        }
        if text.len() > NAME_BYTES_MAX {
            self.error(
                Code::NameTooLong,
                at,
                format!("a symbol of {} bytes, limit {NAME_BYTES_MAX}", text.len()),
                "symbols are names that games know, not prose",
                "shorten it",
            );
            return None;
        }
        if self.shared.symbols.len() >= SYMBOL_COUNT_MAX {
            self.error(
                Code::TooMany,
                at,
                format!("one symbol more than the limit of {SYMBOL_COUNT_MAX}"),
                "what a rule set makes every machine hold is bounded",
                "use fewer different strings",
            );
            return None;
        }
        let index = self.shared.symbols.len() as i64;
        self.shared.symbols.push(text.to_owned());
        self.shared.symbol_index.insert(text.to_owned(), index);
        Some(index)
    }

    fn unary(&mut self, at: At, op: UnaryOp) -> Val {
        let Some(operand) = self.session.child(at, 0) else { return self.broken(at) };
        let duration = op == UnaryOp::Negate && !self.are_numbers(operand);
        let hint = duration.then_some(Type::Duration);
        let value = self.infer(operand, hint);
        let range = value.range;
        match (op, value.ty) {
            (_, Ty::Error) => self.broken(at),
            (UnaryOp::Not, Ty::Known(Type::Bool)) => {
                let range = Interval::new(1 - range.max, 1 - range.min);
                self.known(at, Type::Bool, range, Expr::Not(Box::new(value.ir)), value.size + 1)
            }
            (UnaryOp::Negate, Ty::Known(ty @ (Type::Int | Type::Decimal | Type::Duration))) => {
                let ir = Expr::Neg(Box::new(value.ir));
                self.known(at, ty, range.negated(), ir, value.size + 1)
            }
            _ => {
                let (symbol, wants) = match op {
                    UnaryOp::Not => ("!", "yes-or-no values"),
                    UnaryOp::Negate => ("-", "numbers and durations"),
                };
                let found = self.type_text(&value);
                let help = match (op, value.ty) {
                    _ if self.are_numbers(operand) => "write the number without quotes",
                    (UnaryOp::Not, Ty::Known(_)) => {
                        "compare the value with something, and put that in brackets: `!(a > b)`"
                    }
                    _ => "remove it, or compare the value with something first",
                };
                self.error(
                    Code::OperandType,
                    operand,
                    format!("`{symbol}` before {found}"),
                    format!("`{symbol}` works on {wants}"),
                    help,
                );
                self.broken(at)
            }
        }
    }

    /// Two expressions that meet: text in one takes the type of the other.
    pub(super) fn pair(&mut self, left: At, right: At, hint: Option<Type>) -> (Val, Val) {
        let (left_text, right_text) = (self.is_only_text(left), self.is_only_text(right));
        // A text beside a value is of the value's type, whatever stands around both.
        let beside = |value: &Val| match value.ty {
            Ty::Known(ty) => Some(ty),
            Ty::Error | Ty::Text => hint,
        };
        let (mut a, mut b);
        if left_text && !right_text {
            b = self.infer(right, hint);
            a = self.infer(left, beside(&b));
        } else {
            a = self.infer(left, hint);
            let same = hint.filter(|_| left_text == right_text);
            b = self.infer(right, same.or_else(|| beside(&a)));
        }
        if a.ty != b.ty {
            match (a.literal, b.ty, b.literal, a.ty) {
                (true, Ty::Known(ty), false, _) => a = self.infer(left, Some(ty)),
                (false, _, true, Ty::Known(ty)) => b = self.infer(right, Some(ty)),
                _ => {}
            }
        }
        (a, b)
    }

    /// Whether an expression is made of string literals alone, so that its type is that of what it
    /// meets. Recursion is bounded by the height of expressions.
    pub(super) fn is_only_text(&self, at: At) -> bool {
        let children = || self.session.children(at).into_iter();
        match self.session.kind(at) {
            NodeKind::Text => true,
            NodeKind::Choice => children().skip(1).all(|part| self.is_only_text(part)),
            NodeKind::Call => {
                let name = self.session.child(at, 0).map_or("", |name| self.session.text(name));
                matches!(name, "min" | "max" | "clamp" | "abs")
                    && children().skip(1).all(|part| self.is_only_text(part))
            }
            _ => false,
        }
    }

    /// A whole number as a decimal, exactly.
    pub(super) fn widen(&mut self, value: Val) -> Val {
        let at = value.at;
        let one = Val { size: 1, ..self.constant(at, Type::Int, DECIMAL_ONE) };
        self.operate(at, BinaryOp::Mul, Type::Decimal, value, one)
    }

    /// Makes both sides decimals when one is.
    pub(super) fn level(&mut self, a: Val, b: Val) -> (Val, Val) {
        match (a.ty, b.ty) {
            (Ty::Known(Type::Int), Ty::Known(Type::Decimal)) => (self.widen(a), b),
            (Ty::Known(Type::Decimal), Ty::Known(Type::Int)) => {
                let b = self.widen(b);
                (a, b)
            }
            _ => (a, b),
        }
    }

    /// The value itself if it is a yes or no; reported when not.
    pub(super) fn expect_bool(&mut self, value: Val) -> Val {
        match value.ty {
            Ty::Known(Type::Bool) | Ty::Error => value,
            _ => {
                let found = self.type_text(&value);
                let span = self.session.span(value.at);
                let mut diagnostic = Diagnostic::error(
                    Code::ExpectedBool,
                    span,
                    format!("{found} where a yes or no belongs"),
                )
                .cause("conditions are true or false; nothing else counts as either")
                .help(match value.ty {
                    Ty::Text => {
                        "say what is compared with it, as in `x == \"a\"` or `one_of(x, \"a\", \"b\")`; a condition has no quotes"
                    }
                    _ => "compare the value with something, for example `x > 0`",
                });
                if let Some((span, note)) = self.declaration(value.at) {
                    diagnostic = diagnostic.label(span, note);
                }
                if let Some(first) = self.uses.first() {
                    diagnostic = diagnostic.label(self.session.span(*first), "it is used here");
                }
                self.session.report(diagnostic);
                self.broken(value.at)
            }
        }
    }

    /// The condition at `at`, which is judged as a whole: of what it joins, none is a clause more.
    pub(super) fn judged(&mut self, at: At) -> Val {
        let value = self.infer(at, None);
        let value = self.expect_bool(value);
        self.session.clauses.remove(&at);
        value
    }

    fn choice(&mut self, at: At, hint: Option<Type>) -> Val {
        let parts = self.session.children(at);
        let [condition, then, otherwise] = parts[..] else { return self.broken(at) };
        let condition = self.infer(condition, None);
        let condition = self.expect_bool(condition);
        let (a, b) = self.pair(then, otherwise, hint);
        let (a, b) = self.level(a, b);
        let literal = a.literal && b.literal;
        match (condition.ty, a.ty, b.ty) {
            (_, Ty::Error, _) | (_, _, Ty::Error) | (Ty::Error, ..) => self.broken(at),
            (_, Ty::Text, Ty::Text) => Val { ty: Ty::Text, literal: true, ..self.broken(at) },
            (_, Ty::Known(ty), other) if other == Ty::Known(ty) => {
                let value = match condition.range.single() {
                    Some(1) => Val { at, ..a },
                    Some(_) => Val { at, ..b },
                    None => {
                        let size = condition.size.saturating_add(a.size).saturating_add(b.size);
                        let ir =
                            Expr::Select(Box::new(condition.ir), Box::new(a.ir), Box::new(b.ir));
                        self.known(at, ty, a.range.hull(b.range), ir, size.saturating_add(1))
                    }
                };
                Val { literal, ..value }
            }
            _ => self.mismatch(at, "?:", &a, &b),
        }
    }
}
