//! Conditions as a whole: cycles among them, those that nothing uses, those that are constant.

use std::collections::{BTreeMap, BTreeSet};

use super::infer::{Checker, Shared, Truth, Ty};
use super::lower::{remember, unchecked};
use super::scope::Scope;
use super::session::{At, Session};
use super::tree::NodeKind;
use super::{Code, Diagnostic};
use crate::ir::On;
use crate::rng;

/// Reports cycles and marks what is in one or leads into one. Linear in the number of references.
pub(super) fn cycles(session: &mut Session<'_>, scope: &mut Scope) {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let edges: Vec<Vec<(usize, At)>> = (scope.conditions.iter())
        .map(|condition| {
            let mut found = References::default();
            if let Some(when) = condition.when {
                found.walk(session, scope, when);
            }
            found.conditions
        })
        .collect();
    let mut state = vec![State::New; edges.len()];
    for root in 0..edges.len() {
        if state[root] != State::New {
            continue;
        }
        state[root] = State::Open;
        let mut stack = vec![(root, 0)];
        while let Some((node, edge)) = stack.pop() {
            let Some(&(inner, at)) = edges[node].get(edge) else {
                state[node] = State::Done;
                let leads = edges[node].iter().any(|(inner, _)| scope.conditions[*inner].cyclic);
                scope.conditions[node].cyclic |= leads;
                continue;
            };
            stack.push((node, edge + 1));
            match state[inner] {
                State::New => {
                    state[inner] = State::Open;
                    stack.push((inner, 0));
                }
                State::Open => {
                    scope.conditions[node].cyclic = true;
                    let path: Vec<&str> = (stack.iter().map(|(node, _)| *node))
                        .skip_while(|node| *node != inner)
                        .take(8)
                        .map(|node| scope.conditions[node].name.as_str())
                        .collect();
                    let name = &scope.conditions[inner].name;
                    let span = session.span(at);
                    let mut diagnostic = Diagnostic::error(
                        Code::ConditionCycle,
                        span,
                        format!("conditions need each other: {} → {name}", path.join(" → ")),
                    )
                    .cause("none of them could be computed first")
                    .help("write out here what is meant instead of referring to the condition");
                    let links = stack.iter().skip_while(|(node, _)| *node != inner).take(8);
                    for &(node, next) in links {
                        // The stack holds the edge after the one that was taken.
                        let taken = edges[node].get(next.wrapping_sub(1));
                        if let Some(&(to, place)) = taken.filter(|(_, place)| *place != at) {
                            let (from, to) =
                                (&scope.conditions[node].name, &scope.conditions[to].name);
                            let place = session.span(place);
                            diagnostic = diagnostic.label(place, format!("{from} needs {to} here"));
                        }
                    }
                    session.report(diagnostic);
                }
                State::Done => {}
            }
        }
    }
}

/// What an expression refers to, conditions included but not followed.
#[derive(Default)]
struct References {
    conditions: Vec<(usize, At)>,
    fields: BTreeSet<String>,
}

impl References {
    /// Recursion is bounded by the height of one expression.
    fn walk(&mut self, session: &Session<'_>, scope: &Scope, at: At) {
        if session.kind(at) == NodeKind::Path {
            let text = session.text(at);
            if let Some(name) = text.strip_prefix("condition.") {
                if let Some(index) = scope.condition_names.find(name)
                    && index < scope.conditions.len()
                {
                    self.conditions.push((index, at));
                }
            } else if let Some(name) = text.strip_prefix("trigger.") {
                self.fields.insert(name.to_owned());
            }
        }
        for child in session.children(at) {
            self.walk(session, scope, child);
        }
    }
}

/// Checks what no rule uses, for the first trigger that has all the fields it reads.
pub(super) fn unused(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    truths: &mut BTreeMap<(usize, usize), Truth>,
) {
    for (index, condition) in scope.conditions.iter().enumerate() {
        let Some(when) = condition.when else { continue };
        if condition.cyclic || shared.truths.contains_key(&index) {
            continue;
        }
        let Some(on) = fitting(session, scope, shared, when) else { continue };
        let salt = rng::name_hash(&condition.name);
        let mut checker = Checker::new(session, scope, shared, on, Some(salt), salt);
        let value = checker.infer(when, None);
        let value = checker.expect_bool(value);
        if value.ty != Ty::Error {
            checker.truth(index, &value);
            let text = checker.session.text(when);
            checker.session.outline.condition(&condition.name, text, on, &value.ir);
        }
    }
    for (table, entry) in unchecked(scope, truths) {
        let Some(def) = scope.tables.get(table) else { continue };
        let Some(when) = def.entries.get(entry).and_then(|entry| entry.when) else { continue };
        let Some(on) = fitting(session, scope, shared, when) else { continue };
        let mut checker = Checker::new(session, scope, shared, on, None, rng::name_hash(&def.name));
        let value = checker.infer(when, None);
        let value = checker.expect_bool(value);
        remember(truths, scope, on, (table, entry), &value);
    }
}

/// The trigger to check `at` for: `Some(None)` when it reads no field; `None` when none fits, which
/// is reported.
fn fitting(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    at: At,
) -> Option<Option<On>> {
    let mut found = References::default();
    found.walk(session, scope, at);
    let mut seen = BTreeSet::new();
    while let Some((index, _)) = found.conditions.pop() {
        if seen.insert(index)
            && shared.visit()
            && let Some(when) = scope.conditions.get(index).and_then(|condition| condition.when)
        {
            found.walk(session, scope, when);
        }
    }
    if found.fields.is_empty() {
        return Some(None);
    }
    let fits = scope.triggers.iter().position(|trigger| {
        trigger.broken || found.fields.iter().all(|field| trigger.names.find(field).is_some())
    });
    if let Some(index) = fits {
        return u16::try_from(index).ok().map(|index| Some(On::Trigger(index)));
    }
    let known = |field: &String| scope.triggers.iter().any(|t| t.names.find(field).is_some());
    if found.fields.iter().all(known) {
        let fields: Vec<&str> = found.fields.iter().map(String::as_str).take(8).collect();
        let span = session.span(at);
        session.report(
            Diagnostic::error(
                Code::FieldNotInTrigger,
                span,
                format!("no trigger has all of {}", super::shape::list(&fields)),
            )
            .cause("a condition is checked for the trigger of each rule that uses it")
            .help("split it, or add the fields to one trigger"),
        );
        return None;
    }
    // Some field exists nowhere: the walk names it.
    Some(None)
}

/// Reports conditions that held always, or never, wherever they were used.
pub(super) fn constant(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &Shared,
    entries: &BTreeMap<(usize, usize), Truth>,
) {
    for (index, truth) in &shared.truths {
        let Some(condition) = scope.conditions.get(*index) else { continue };
        let Some(when) = condition.when else { continue };
        let name = &condition.name;
        if truth.always {
            session.error(
                Code::AlwaysTrue,
                when,
                format!("the condition {name} is always true"),
                "it holds for every input that hosts may supply, wherever it is used",
                "remove it, or compare with values inside the ranges of its inputs",
            );
        } else if truth.never {
            session.error(
                Code::NeverTrue,
                when,
                format!("the condition {name} is never true"),
                "it fails for every input that hosts may supply, wherever it is used",
                "widen it, or remove it with the rules that need it",
            );
        }
    }
    for ((table, entry), truth) in entries {
        let Some(def) = scope.tables.get(*table).and_then(|table| table.entries.get(*entry)) else {
            continue;
        };
        let Some(when) = def.when else { continue };
        if truth.always {
            session.error(
                Code::AlwaysTrue,
                when,
                format!("the `when` of the entry {} is always true", def.name),
                "it holds for every input that hosts may supply",
                "remove `when`: an entry without it is always eligible",
            );
        } else if truth.never {
            session.error(
                Code::NeverTrue,
                when,
                format!("the entry {} is never reached", def.name),
                "its `when` fails for every input that hosts may supply",
                "widen its `when`, or remove the entry",
            );
        }
    }
}
