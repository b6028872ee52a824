//! Conditions as a whole: cycles among them, those that nothing uses, those that are constant.

use std::collections::{BTreeMap, BTreeSet};

use super::infer::{Checker, Shared, Truth, Ty};
use super::lower::{EntryTruths, remember, unchecked};
use super::scope::{Scope, Trigger};
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
    /// Every part of it.
    parts: Vec<At>,
}

impl References {
    /// Recursion is bounded by the height of one expression.
    fn walk(&mut self, session: &Session<'_>, scope: &Scope, at: At) {
        self.parts.push(at);
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

    /// Follows the conditions, as far as the run may visit more. Returns them.
    fn follow(
        &mut self,
        session: &Session<'_>,
        scope: &Scope,
        shared: &mut Shared,
    ) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        while let Some((index, _)) = self.conditions.pop() {
            if seen.insert(index)
                && !shared.is_spent()
                && let Some(when) = scope.conditions.get(index).and_then(|condition| condition.when)
            {
                let walked = self.parts.len();
                self.walk(session, scope, when);
                shared.spend(self.parts.len() - walked);
            }
        }
        seen
    }
}

/// What no rule evaluates.
#[derive(Clone, Copy)]
enum Idle {
    /// A condition that nothing uses.
    Condition(usize),
    /// An entry of a table that no rule rolls.
    Entry(usize, usize),
    /// Something whose name cannot be taken.
    Nameless,
}

/// Checks what no rule evaluates.
pub(super) fn unused(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    truths: &mut EntryTruths,
) {
    for &when in &scope.nameless.whens {
        alone(session, scope, shared, truths, Idle::Nameless, when);
    }
    for (index, condition) in scope.conditions.iter().enumerate() {
        let Some(when) = condition.when else { continue };
        if !(condition.cyclic || shared.truths.contains_key(&index)) {
            alone(session, scope, shared, truths, Idle::Condition(index), when);
        }
    }
    for (table, entry) in unchecked(scope, truths) {
        let def = scope.tables.get(table).and_then(|table| table.entries.get(entry));
        if let Some(when) = def.and_then(|entry| entry.when) {
            alone(session, scope, shared, truths, Idle::Entry(table, entry), when);
        }
    }
}

/// Checks an expression for the triggers that have all the fields it reads. No rule says which of
/// them is meant: what is wrong with it, or the same for every input, has to be so for all. Mostly
/// the first of them settles that.
///
/// Of the conditions that it names nothing is learned: rules judge those that they use, and each of
/// the others is judged like this one, so that the order of declarations decides nothing.
fn alone(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    truths: &mut EntryTruths,
    idle: Idle,
    at: At,
) {
    let mut found = References::default();
    found.walk(session, scope, at);
    let own = found.parts.len();
    let named = found.follow(session, scope, shared);
    let (own, inner) = found.parts.split_at(own);
    let before = session.found_count();
    let mut mistakes = None;
    // Whether there was a trigger; one without a mistake; and one that leaves it a choice.
    let (mut tried, mut fits, mut good) = (false, false, false);
    for on in fitting(scope, &found.fields) {
        if fits && !shared.has_room() {
            // Nothing is claimed of the triggers that are left.
            good = true;
            idle.put(shared, truths, Some(Truth::default()));
            for part in own {
                session.clauses.entry(*part).and_modify(|truth| *truth = Truth::default());
            }
            break;
        }
        tried = true;
        let known = Known::of(session, shared, &named, inner);
        let (verdict, clauses) = (idle.get(shared, truths), Clauses::of(session, own));
        check(session, scope, shared, truths, (idle, on, at));
        known.restore(session, shared);
        if session.found_count() > before {
            let these = session.take_after(before);
            if shared.is_spent() {
                // What is over the limit is known, what is wrong is not.
                mistakes = Some(these);
                break;
            }
            // It may be that no rule will ever use it so.
            idle.put(shared, truths, verdict);
            clauses.restore(session);
            mistakes.get_or_insert(these);
            continue;
        }
        fits = true;
        good |= !idle.get(shared, truths).is_some_and(|truth| truth.is_constant());
        // A clause that decides nothing is worth a warning, no more.
        let clauses = own.iter().filter_map(|part| session.clauses.get(part));
        if good && !clauses.into_iter().any(Truth::is_constant) {
            break;
        }
    }
    if !tried {
        let known = |field: &String| scope.triggers.iter().any(|t| t.names.find(field).is_some());
        match found.fields.iter().all(known) {
            true => no_trigger(session, at, &found.fields),
            // Some field exists nowhere: the walk names it.
            false => {
                let known = Known::of(session, shared, &named, inner);
                check(session, scope, shared, truths, (idle, None, at));
                known.restore(session, shared);
            }
        }
    }
    if let Some(mistakes) = mistakes.filter(|_| !good) {
        // Wrong for one trigger and the same for every input of another: wrong is worse.
        idle.put(shared, truths, Some(Truth::default()));
        for mistake in mistakes {
            session.report(mistake);
        }
    }
}

impl Idle {
    /// What is known of it.
    fn get(self, shared: &Shared, truths: &EntryTruths) -> Option<Truth> {
        match self {
            Idle::Condition(index) => shared.truths.get(&index).cloned(),
            Idle::Entry(table, entry) => truths.get(&(table, entry)).cloned(),
            Idle::Nameless => None,
        }
    }

    fn put(self, shared: &mut Shared, truths: &mut EntryTruths, truth: Option<Truth>) {
        match self {
            Idle::Condition(index) => put(&mut shared.truths, index, truth),
            Idle::Entry(table, entry) => put(truths, (table, entry), truth),
            Idle::Nameless => {}
        }
    }
}

/// What was known of the parts of expressions.
struct Clauses(Vec<(At, Option<Truth>)>);

impl Clauses {
    fn of(session: &Session<'_>, parts: &[At]) -> Clauses {
        let known = parts.iter().map(|part| (*part, session.clauses.get(part).cloned()));
        Clauses(known.collect())
    }

    fn restore(self, session: &mut Session<'_>) {
        self.0.into_iter().for_each(|(part, known)| put(&mut session.clauses, part, known));
    }
}

/// What was known of conditions and their parts.
struct Known {
    conditions: Vec<(usize, Option<Truth>)>,
    clauses: Clauses,
}

impl Known {
    fn of(session: &Session<'_>, shared: &Shared, named: &BTreeSet<usize>, parts: &[At]) -> Known {
        let conditions = named.iter().map(|index| (*index, shared.truths.get(index).cloned()));
        Known { conditions: conditions.collect(), clauses: Clauses::of(session, parts) }
    }

    fn restore(self, session: &mut Session<'_>, shared: &mut Shared) {
        self.conditions
            .into_iter()
            .for_each(|(index, known)| put(&mut shared.truths, index, known));
        self.clauses.restore(session);
    }
}

fn put<K: Ord>(truths: &mut BTreeMap<K, Truth>, key: K, known: Option<Truth>) {
    match known {
        Some(truth) => drop(truths.insert(key, truth)),
        None => drop(truths.remove(&key)),
    }
}

/// Checks an expression for one trigger.
fn check(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    truths: &mut EntryTruths,
    (idle, on, at): (Idle, Option<On>, At),
) {
    let (rule_hash, salt) = match idle {
        Idle::Condition(index) => {
            let name = scope.conditions.get(index).map_or("", |condition| &condition.name);
            (Some(rng::name_hash(name)), rng::name_hash(name))
        }
        // Draws are not allowed in a table.
        Idle::Entry(table, _) => {
            let name = scope.tables.get(table).map_or("", |table| &table.name);
            (None, rng::name_hash(name))
        }
        Idle::Nameless => (Some(0), 0),
    };
    let mut checker = Checker::new(session, scope, shared, on, rule_hash, salt);
    let value = checker.infer(at, None);
    let value = checker.expect_bool(value);
    let leans = std::mem::take(&mut checker.leans);
    match idle {
        Idle::Condition(index) if value.ty != Ty::Error => {
            checker.truth(index, &value, leans);
            let name = scope.conditions.get(index).map_or("", |condition| &condition.name);
            session.outline.condition(name, session.text(at), on, &value.ir);
        }
        Idle::Entry(table, entry) if value.ty != Ty::Error => {
            remember(truths, scope, on, (table, entry), &value, leans);
        }
        Idle::Condition(_) | Idle::Entry(..) | Idle::Nameless => {}
    }
}

/// The triggers that have all of `fields`; none has to, where there are no fields.
fn fitting<'s>(
    scope: &'s Scope,
    fields: &'s BTreeSet<String>,
) -> impl Iterator<Item = Option<On>> + 's {
    let fits = |trigger: &Trigger| {
        trigger.broken || fields.iter().all(|field| trigger.names.find(field).is_some())
    };
    let triggers = scope.triggers.iter().enumerate();
    let fitting = triggers.filter(move |(_, trigger)| !fields.is_empty() && fits(trigger));
    let on = fitting.filter_map(|(index, _)| u16::try_from(index).ok().map(On::Trigger));
    fields.is_empty().then_some(None).into_iter().chain(on.map(Some))
}

/// Reports that no trigger has all of `fields`, though each is one's.
fn no_trigger(session: &mut Session<'_>, at: At, fields: &BTreeSet<String>) {
    let fields: Vec<&str> = fields.iter().map(String::as_str).take(8).collect();
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
}

/// Reports rules, conditions and entries whose `when` held always, or never, wherever it was used. What
/// comes of a condition that is reported is no mistake of its own.
pub(super) fn constant(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    entries: &EntryTruths,
) {
    let rules = std::mem::take(&mut shared.constants);
    let truths = &shared.truths;
    let follows = |leans: &BTreeSet<usize>| {
        leans.iter().any(|index| truths.get(index).is_some_and(Truth::is_constant))
    };
    for rule in rules {
        if !follows(&rule.leans) {
            session.report(rule.found);
        }
    }
    for (index, truth) in truths {
        let Some(condition) = scope.conditions.get(*index) else { continue };
        let Some(when) = condition.when.filter(|_| !follows(&truth.leans)) else { continue };
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
        let Some(when) = def.when.filter(|_| !follows(&truth.leans)) else { continue };
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
