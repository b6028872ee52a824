//! What no rule evaluates: conditions that nothing uses, entries of tables that no rule rolls.
//!
//! No rule says for which trigger such an expression is meant, so what is said of it has to be so for
//! all that have the fields it reads. Two looks are enough to say nothing else, however many triggers
//! they are: what holds always, or never, where each field may have any value between those that the
//! triggers allow, does so for each of them; and what is wrong where a field may only have the values
//! that all of them allow is wrong for each. The second look is taken where the first one found mistakes.
//! What both miss is told once a rule says for which trigger it is.
//!
//! Of the conditions that it names nothing is learned: rules judge those that they use, and each of the
//! others is judged like this one, so that the order of declarations decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::conditions::References;
use super::infer::{Checker, Keep, Shared, Ty};
use super::limits::FIELD_COUNT_MAX;
use super::lower::{EntryTruths, unchecked};
use super::scope::Scope;
use super::session::{At, Session};
use super::{Code, Diagnostic};
use crate::ir::{On, Slot};
use crate::rng;

/// What no rule evaluates.
#[derive(Clone, Copy)]
enum Idle {
    /// A condition that nothing uses.
    Condition(usize),
    /// An entry of a table that no rule rolls.
    Entry(usize, usize),
    /// A condition whose name cannot be taken.
    NamelessCondition,
    /// An entry of a table whose name cannot be taken.
    NamelessEntry,
}

/// Checks what no rule evaluates. The scope is left as it was.
pub(super) fn unused(
    session: &mut Session<'_>,
    scope: &mut Scope,
    shared: &mut Shared,
    truths: &mut EntryTruths,
) {
    let mut all = Vec::new();
    all.extend(scope.nameless.conditions.iter().map(|when| (Idle::NamelessCondition, *when)));
    all.extend(scope.nameless.entries.iter().map(|when| (Idle::NamelessEntry, *when)));
    for (index, condition) in scope.conditions.iter().enumerate() {
        let used = condition.cyclic || shared.truths.contains_key(&index);
        all.extend(condition.when.filter(|_| !used).map(|when| (Idle::Condition(index), when)));
    }
    for (table, entry) in unchecked(scope, truths) {
        let def = scope.tables.get(table).and_then(|table| table.entries.get(entry));
        let when = def.and_then(|entry| entry.when);
        all.extend(when.map(|when| (Idle::Entry(table, entry), when)));
    }
    // What is alike in all that read the same fields.
    let mut fits: BTreeMap<BTreeSet<String>, Rc<Fit>> = BTreeMap::new();
    for (idle, at) in all {
        // That the run may visit no more is reported.
        if shared.is_spent() {
            return;
        }
        let (before, references) = (shared.visits(), References::of(session, scope, at));
        let mut fields = references.fields;
        let named = fields.len();
        fields.retain(|field| scope.may_have_field(field));
        let fit = match fits.get(&fields) {
            Some(known) => Rc::clone(known),
            None => Rc::new(Fit::of(scope, &fields)),
        };
        if matches!(*fit, Fit::None) && !fields.is_empty() && fields.len() == named {
            no_trigger(session, at, &fields);
        }
        let few = fields.len() <= FIELD_COUNT_MAX && fits.len() < FIT_COUNT_MAX;
        if few && matches!(*fit, Fit::Some { .. }) {
            fits.entry(fields).or_insert_with(|| Rc::clone(&fit));
        }
        alone(session, scope, shared, truths, (idle, at), &fit);
        shared.read(before, references.parts);
    }
}

/// The triggers that have all fields of an expression.
enum Fit {
    None,
    /// So many that they are not compared.
    Many,
    /// Some, of which `first` is one, with the slots of these fields: for every value that one of the
    /// triggers allows, and for every value that all of them do.
    Some {
        first: usize,
        any: Slots,
        common: Slots,
    },
}

impl Fit {
    fn of(scope: &Scope, fields: &BTreeSet<String>) -> Fit {
        let Some(fitting) = fitting(scope, fields) else { return Fit::Many };
        let Some(&first) = fitting.first() else { return Fit::None };
        let slots = |join| slots(scope, first, &fitting, fields, join);
        Fit::Some { first, any: slots(any), common: slots(common) }
    }
}

/// Sets of fields of which it is remembered which triggers fit.
const FIT_COUNT_MAX: usize = 1 << 10;
/// Most fields of fitting triggers that are compared for one expression.
const COMPARED_COUNT_MAX: usize = 1 << 12;

/// The triggers that have all these fields, those that only may last; `None` where there are too many
/// to compare.
fn fitting(scope: &Scope, fields: &BTreeSet<String>) -> Option<Vec<usize>> {
    let none = Vec::new();
    let each: Vec<&Vec<usize>> =
        fields.iter().map(|field| scope.fields.get(field).unwrap_or(&none)).collect();
    let Some(fewest) = each.iter().min_by_key(|triggers| triggers.len()) else {
        return Some(Vec::new());
    };
    let most = fewest.len() + scope.broken_triggers.len();
    if most.saturating_mul(fields.len()) > COMPARED_COUNT_MAX {
        return None;
    }
    let has = |trigger: &&usize| each.iter().all(|known| known.binary_search(trigger).is_ok());
    Some(fewest.iter().filter(has).chain(&scope.broken_triggers).copied().collect())
}

/// Checks one expression.
fn alone(
    session: &mut Session<'_>,
    scope: &mut Scope,
    shared: &mut Shared,
    truths: &mut EntryTruths,
    (idle, at): (Idle, At),
    fit: &Fit,
) {
    let Fit::Some { first, any, common } = fit else {
        check(session, scope, shared, truths, (idle, None, at), Keep::Own);
        return;
    };
    let (found, visits) = (session.found_count(), shared.visits());
    let on = u16::try_from(*first).ok().map(On::Trigger);
    let own = exchange(scope, *first, any.clone());
    check(session, scope, shared, truths, (idle, on, at), Keep::Own);
    if session.found_count() > found && any != common && !shared.is_spent() {
        session.forget_after(found);
        exchange(scope, *first, common.clone());
        // An editor is told of the wider ranges.
        let (index, recorder) = (session.index.take(), session.recorder.take());
        shared.again(visits, |shared| {
            check(session, scope, shared, truths, (idle, on, at), Keep::Nothing);
        });
        (session.index, session.recorder) = (index, recorder);
    }
    exchange(scope, *first, own);
}

/// Slots of fields of one trigger, by index.
type Slots = Vec<(usize, Option<Slot>)>;

/// The slots of `fields` as `join` makes them of those of all `fitting` triggers, by their index in
/// `trigger`: `None` where the types differ, where one is not known, and where `join` makes none.
fn slots(
    scope: &Scope,
    trigger: usize,
    fitting: &[usize],
    fields: &BTreeSet<String>,
    join: fn(Slot, Slot) -> Option<Slot>,
) -> Slots {
    let slot = |at: usize, field: &String| {
        let trigger = scope.triggers.get(at)?;
        trigger.fields.get(trigger.names.find(field)?)?.1
    };
    let joined = |field: &String| {
        let mut all = fitting.iter().map(|at| slot(*at, field));
        let first = all.next()??;
        all.try_fold(first, |known, slot| {
            slot.filter(|slot| slot.ty == known.ty).and_then(|slot| join(known, slot))
        })
    };
    let place = |field: &String| scope.triggers.get(trigger)?.names.find(field);
    fields.iter().filter_map(|field| Some((place(field)?, joined(field)))).collect()
}

/// A slot for every value that one of two allows.
fn any(a: Slot, b: Slot) -> Option<Slot> {
    Some(Slot { ty: a.ty, min: a.min.min(b.min), max: a.max.max(b.max) })
}

/// A slot for every value that both allow.
fn common(a: Slot, b: Slot) -> Option<Slot> {
    let (min, max) = (a.min.max(b.min), a.max.min(b.max));
    (min <= max).then_some(Slot { ty: a.ty, min, max })
}

/// Gives fields of a trigger other slots. Returns those that they had.
fn exchange(scope: &mut Scope, trigger: usize, slots: Slots) -> Slots {
    let Some(trigger) = scope.triggers.get_mut(trigger) else { return Slots::new() };
    let change = |(field, slot)| {
        let place: &mut (String, Option<Slot>) = trigger.fields.get_mut(field)?;
        Some((field, std::mem::replace(&mut place.1, slot)))
    };
    slots.into_iter().filter_map(change).collect()
}

/// Looks at an expression for one trigger, once.
fn check(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    truths: &mut EntryTruths,
    (idle, on, at): (Idle, Option<On>, At),
    keep: Keep,
) {
    let found = session.found_count();
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
        Idle::NamelessCondition => (Some(0), 0),
        Idle::NamelessEntry => (None, 0),
    };
    let mut checker = Checker::new(session, scope, shared, on, rule_hash, salt);
    checker.keep = keep;
    let value = checker.judged(at);
    let sound = value.ty != Ty::Error && checker.session.found_count() == found;
    let sound = sound && !checker.shared.is_spent();
    match idle {
        Idle::Condition(index) if sound && keep == Keep::Own => {
            let leans = std::mem::take(&mut checker.leans);
            let here = checker.truth(index, &value, leans);
            here.note(index, &mut checker.shared.truths);
            let name = scope.conditions.get(index).map_or("", |condition| &condition.name);
            session.outline.condition(name, session.text(at), on, &value.ir);
        }
        Idle::Entry(table, entry) if sound && keep == Keep::Own => {
            let here = checker.truth_of(&value);
            here.note((table, entry), truths);
        }
        // Whether it is constant is not known.
        Idle::Condition(index) => drop(shared.truths.entry(index).or_default()),
        Idle::Entry(table, entry) => drop(truths.entry((table, entry)).or_default()),
        Idle::NamelessCondition | Idle::NamelessEntry => {}
    }
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
