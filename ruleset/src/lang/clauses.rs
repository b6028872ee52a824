//! Parts of `&&` and `||` that are the same for every input: they decide nothing.
//!
//! A clause is read wherever its condition is used, for one trigger or another. It decides nothing
//! only if it is constant in all of them, and if the ranges of its inputs leave them a choice: what a
//! parameter, a field or an enum of a single value says is meant to be fixed for now.

use std::collections::{BTreeMap, BTreeSet};

use super::infer::{Checker, Keep, Ty, Val};
use super::scope::Scope;
use super::session::{At, Session};
use super::tree::{BinOp, NodeKind, UnaryOp};
use super::truth::Truth;
use super::{Code, Diagnostic};
use crate::ir::{On, Slot, Type};

impl Checker<'_, '_> {
    /// Remembers whether a part of `&&` or `||`, or the parts together, were constant in this use.
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

    /// The part of a condition that alone makes the whole so `always`, or never, and what it compares can
    /// be: "`trigger.level` is 1 to 100". The condition itself where that is no part of it.
    pub(super) fn decisive(&self, mut at: At, always: bool) -> (At, Option<String>) {
        let op = if always { BinOp::Or } else { BinOp::And };
        let decides = |part: &At| {
            let known = self.session.clauses.get(part);
            known.is_some_and(|truth| if always { truth.always } else { truth.never })
        };
        while self.session.kind(at) == NodeKind::Binary(op) {
            let Some(part) = self.session.children(at).into_iter().find(decides) else { break };
            at = part;
        }
        let compares = matches!(
            self.session.kind(at),
            NodeKind::Binary(
                BinOp::Equal
                    | BinOp::NotEqual
                    | BinOp::Less
                    | BinOp::LessEqual
                    | BinOp::Greater
                    | BinOp::GreaterEqual
            )
        );
        let sides = if compares { self.session.children(at) } else { Vec::new() };
        (at, sides.into_iter().find_map(|side| self.reach(side)))
    }

    /// What a field, a parameter or a counter can be, in words.
    fn reach(&self, at: At) -> Option<String> {
        let (scope, text) = (self.scope, self.session.text(at));
        let slot = match (self.session.kind(at), text.split_once('.')) {
            (NodeKind::Path, Some(("trigger", name))) => {
                let Some(On::Trigger(index)) = self.on else { return None };
                let trigger = scope.triggers.get(usize::from(index))?;
                trigger.fields.get(trigger.names.find(name)?)?.1?
            }
            (NodeKind::Path, Some(("param", name))) => {
                scope.params.get(scope.param_names.find(name)?)?.slot
            }
            (NodeKind::Call, _) if self.session.text(self.session.child(at, 0)?) == "rate" => {
                let name = self.session.text(self.session.child(at, 1)?);
                let max = scope.counters.get(scope.counter_names.find(name)?)?.max;
                Slot { ty: Type::Int, min: 0, max }
            }
            _ => return None,
        };
        let ranged = matches!(slot.ty, Type::Int | Type::Decimal | Type::Duration);
        let end = |value: i64| scope.value_text(slot.ty, value.into());
        ranged.then(|| format!("`{text}` is {} to {}", end(slot.min), end(slot.max)))
    }
}

/// Reports every clause that decides nothing, and every group of them that one of them decides.
pub(super) fn report(session: &mut Session<'_>, scope: &Scope) {
    let clauses = std::mem::take(&mut session.clauses);
    let groups = groups(session, &clauses);
    let fixed = fixed_fields(scope);
    for (at, truth) in clauses {
        if !truth.is_constant() || !is_alone(session, at) {
            continue;
        }
        let mut inputs = Inputs::default();
        inputs.walk(session, scope, &fixed, at);
        if inputs.fixed || inputs.count == 0 {
            continue;
        }
        let span = session.span(at);
        let shown = super::constant::shorten(session.text(at));
        let is = if truth.always { "always" } else { "never" };
        let decided = NodeKind::Binary(if truth.never { BinOp::And } else { BinOp::Or });
        let Some(group) = groups.get(&at).filter(|group| session.kind(**group) == decided) else {
            session.report(
                Diagnostic::warning(Code::ConstantClause, span, format!("`{shown}` is {is} true"))
                    .cause("the ranges of its inputs leave no other answer, so it decides nothing here")
                    .help("remove it, or compare with a value inside the ranges of its inputs"),
            );
            continue;
        };
        let (whole, text) = (session.span(*group), session.text(*group));
        let text = super::constant::shorten(text);
        session.report(
            Diagnostic::warning(Code::ConstantClause, whole, format!("`{text}` is {is} true"))
                .label(span, format!("because this is {is} true"))
                .cause("the ranges of its inputs leave no other answer, so nothing beside it decides")
                .help("compare with a value inside the ranges of its inputs, or remove all that it is joined with"),
        );
    }
}

/// The widest group that each clause makes constant if it is: a conjunction that is never true, and a
/// disjunction that always is, each with what it joins. Linear.
fn groups(session: &Session<'_>, clauses: &BTreeMap<At, Truth>) -> BTreeMap<At, At> {
    let mut all: Vec<(At, BinOp)> = (clauses.iter())
        .filter_map(|(at, truth)| match session.kind(*at) {
            NodeKind::Binary(op @ BinOp::And) if truth.never => Some((*at, op)),
            NodeKind::Binary(op @ BinOp::Or) if truth.always => Some((*at, op)),
            _ => None,
        })
        .collect();
    // What stands around another one comes first.
    all.sort_by_key(|(at, _)| {
        let span = session.span(*at);
        (span.file, span.start, std::cmp::Reverse(span.end))
    });
    let mut groups = BTreeMap::new();
    for (group, op) in all {
        // One inside another one of its kind belongs to that.
        if groups.get(&group).is_some_and(|outer| session.kind(*outer) == NodeKind::Binary(op)) {
            continue;
        }
        let mut open = vec![group];
        while let Some(at) = open.pop() {
            for part in session.children(at) {
                groups.insert(part, group);
                if session.kind(part) == NodeKind::Binary(op) {
                    open.push(part);
                }
            }
        }
    }
    groups
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

/// The fields that have a single value in some trigger, or one that is not known.
fn fixed_fields(scope: &Scope) -> BTreeSet<&str> {
    let fields = scope.triggers.iter().flat_map(|trigger| &trigger.fields);
    let fixed = fields.filter(|(_, slot)| slot.is_none_or(|slot| slot.min == slot.max));
    fixed.map(|(name, _)| name.as_str()).collect()
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
    fn walk(&mut self, session: &Session<'_>, scope: &Scope, fixed: &BTreeSet<&str>, at: At) {
        match session.kind(at) {
            NodeKind::Path => {
                self.count += 1;
                self.fixed |= match session.text(at).split_once('.') {
                    Some(("trigger", name)) => fixed.contains(name),
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
                    self.walk(session, scope, fixed, child);
                }
            }
        }
    }
}
