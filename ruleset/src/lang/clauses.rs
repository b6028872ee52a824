//! Parts of `&&` and `||` that are the same for every input: they decide nothing.
//!
//! A clause is read wherever its condition is used, for one trigger or another. It decides nothing
//! only if it is constant in all of them, and if the ranges of its inputs leave them a choice: what a
//! parameter, a field or an enum of a single value says is meant to be fixed for now.

use std::collections::BTreeMap;

use super::infer::{Checker, Keep, Truth, Ty, Val};
use super::scope::Scope;
use super::session::{At, Session};
use super::tree::{BinOp, NodeKind, UnaryOp};
use super::{Code, Diagnostic, Span};

impl Checker<'_, '_> {
    /// Remembers whether a part of `&&` or `||` was constant in this use.
    pub(super) fn clause(&mut self, value: &Val) {
        let kept = match self.keep {
            Keep::All => true,
            Keep::Own => self.uses.is_empty(),
            Keep::Nothing => false,
        };
        if !kept {
            return;
        }
        let single = value.range.single().filter(|_| value.ty != Ty::Error);
        let (always, never) = (single == Some(1), single == Some(0));
        let here = Truth { always, never, ..Truth::default() };
        here.note(value.at, &mut self.session.clauses);
    }
}

/// Reports every clause that decides nothing, and every group of them that one of them decides.
pub(super) fn report(session: &mut Session<'_>, scope: &Scope) {
    let clauses = std::mem::take(&mut session.clauses);
    let (dead, sure) = (
        Groups::of(session, &clauses, BinOp::And, |truth| truth.never),
        Groups::of(session, &clauses, BinOp::Or, |truth| truth.always),
    );
    for (at, truth) in clauses {
        if !truth.is_constant() || !is_alone(session, at) {
            continue;
        }
        let mut inputs = Inputs::default();
        inputs.walk(session, scope, at);
        if inputs.fixed || inputs.count == 0 {
            continue;
        }
        let span = session.span(at);
        let shown = super::constant::shorten(session.text(at));
        let is = if truth.always { "always" } else { "never" };
        let group = if truth.never { dead.around(span) } else { sure.around(span) };
        let Some((whole, text)) = group else {
            session.report(
                Diagnostic::warning(Code::ConstantClause, span, format!("`{shown}` is {is} true"))
                    .cause("the ranges of its inputs leave no other answer, so it decides nothing here")
                    .help("remove it, or compare with a value inside the ranges of its inputs"),
            );
            continue;
        };
        let text = super::constant::shorten(text);
        session.report(
            Diagnostic::warning(Code::ConstantClause, whole, format!("`{text}` is {is} true"))
                .label(span, format!("because this is {is} true"))
                .cause("the ranges of its inputs leave no other answer, so nothing beside it decides")
                .help("compare with a value inside the ranges of its inputs, or remove all that it is joined with"),
        );
    }
}

/// The widest groups of clauses that one of their clauses makes constant, in order; none overlap.
struct Groups<'s>(Vec<(Span, &'s str)>);

impl<'s> Groups<'s> {
    fn of(
        session: &Session<'s>,
        clauses: &BTreeMap<At, Truth>,
        op: BinOp,
        settled: fn(&Truth) -> bool,
    ) -> Groups<'s> {
        let groups = clauses
            .iter()
            .filter(|(at, truth)| settled(truth) && session.kind(**at) == NodeKind::Binary(op));
        let mut all: Vec<_> =
            groups.map(|(at, _)| (session.span(*at), session.text(*at))).collect();
        all.sort_by_key(|(span, _)| (span.file, span.start, std::cmp::Reverse(span.end)));
        let mut widest: Vec<(Span, &str)> = Vec::new();
        for (span, text) in all {
            if widest
                .last()
                .is_none_or(|(last, _)| last.file != span.file || last.end <= span.start)
            {
                widest.push((span, text));
            }
        }
        Groups(widest)
    }

    /// The group that holds a clause.
    fn around(&self, clause: Span) -> Option<(Span, &'s str)> {
        let key = (clause.file, clause.start);
        let before = self.0.partition_point(|(span, _)| (span.file, span.start) <= key);
        let group = before.checked_sub(1).and_then(|at| self.0.get(at)).copied()?;
        (group.0.file == clause.file && clause.end <= group.0.end).then_some(group)
    }
}

/// Neither made of clauses nor a choice: its parts are looked at by themselves.
fn is_alone(session: &Session<'_>, at: At) -> bool {
    match session.kind(at) {
        NodeKind::Binary(BinOp::And | BinOp::Or) | NodeKind::Choice => false,
        NodeKind::Unary(UnaryOp::Not) => {
            session.child(at, 0).is_some_and(|inner| is_alone(session, inner))
        }
        _ => true,
    }
}

/// What a clause reads.
#[derive(Default)]
struct Inputs {
    count: usize,
    /// One of them has a single value, or is a condition, which may differ by its use.
    fixed: bool,
}

impl Inputs {
    /// Recursion is bounded by the height of one expression.
    fn walk(&mut self, session: &Session<'_>, scope: &Scope, at: At) {
        match session.kind(at) {
            NodeKind::Path => {
                self.count += 1;
                self.fixed |= match session.text(at).split_once('.') {
                    Some(("trigger", name)) => scope.triggers.iter().any(|trigger| {
                        let field = trigger.names.find(name).and_then(|i| trigger.fields.get(i));
                        field.is_some_and(|(_, slot)| slot.is_none_or(|s| s.min == s.max))
                    }),
                    Some(("param", name)) => (scope.param_names.find(name))
                        .and_then(|index| scope.params.get(index))
                        .is_none_or(|param| param.slot.min == param.slot.max),
                    Some(_) => true,
                    // What a function names: a counter, a timer.
                    None => false,
                };
            }
            kind => {
                // The first part of a call is its name.
                let skipped = usize::from(kind == NodeKind::Call);
                for child in session.children(at).into_iter().skip(skipped) {
                    self.walk(session, scope, child);
                }
            }
        }
    }
}
