//! What no rule evaluates: conditions that nothing uses, entries of tables that no rule rolls.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::References;
use super::infer::{Checker, Shared, Truth, Ty};
use super::lower::{EntryTruths, remember, unchecked};
use super::scope::{Scope, Trigger};
use super::session::{At, Session};
use super::{Code, Diagnostic};
use crate::ir::On;
use crate::rng;

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
