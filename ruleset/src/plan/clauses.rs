//! Named conditions and the conditions of loot entries, where both versions have their sources.

use std::collections::{BTreeMap, BTreeSet};

use super::guided::{self, Goal, Search, Subject};
use super::meaning::Meaning;
use super::space::{Side, Space, frame};
use super::witness::{Decision, Witness};
use super::work::{Work, constants};
use super::{Action, Change, Detail, Kind};
use crate::contents::{Contents, Written};
use crate::interp;
use crate::ir::{Expr, On, Type};
use crate::lang::ConditionDef;
use crate::rng;

/// A condition, or the `when` of an entry, of one side.
struct Clause<'a> {
    contents: &'a Contents,
    on: Option<On>,
    /// Renumbered, so that its draws depend on its own name alone.
    expr: Expr,
}

fn meaning(contents: &Contents, on: Option<On>, expr: &Expr) -> String {
    Meaning::new(contents, on).of(expr, Some(Type::Bool))
}

/// Uses of one thing on triggers and timers.
type Uses<'a> = Vec<(Option<On>, &'a Expr)>;

fn uses(def: &ConditionDef) -> Uses<'_> {
    def.uses.iter().map(|(on, expr)| (*on, expr)).collect()
}

/// Compares uses on what has one name in both versions: `None` if they mean the same, and else what was
/// found out. `same` says whether the words are equal, `whole` whether all uses are at hand.
fn compared(
    (old, was): (&Contents, &Uses<'_>),
    (new, is): (&Contents, &Uses<'_>),
    (same, whole): (bool, bool),
    hash: u64,
    work: &mut Work,
) -> Option<Decision> {
    let name = |contents: &Contents, on: Option<On>| on.map(|on| contents.on_name(on));
    let clause = |contents, on, expr| Clause { contents, on, expr: renumbered(expr, hash) };
    let mut met = false;
    let mut decision = None;
    for (on_old, before) in was {
        let of = name(old, *on_old);
        let Some((on_new, after)) = is.iter().find(|(on, _)| name(new, *on) == of) else {
            continue;
        };
        met = true;
        if meaning(old, *on_old, before) == meaning(new, *on_new, after) {
            continue;
        }
        let (a, b) = (clause(old, *on_old, before), clause(new, *on_new, after));
        let found = clauses(&a, &b, work);
        if matches!(found, Decision::Differs(_)) {
            return Some(found);
        }
        decision = Some(match decision {
            None => found,
            Some(before) => both(before, found),
        });
    }
    let all = whole || same;
    if decision.is_some() && all || same || (met && whole) {
        return decision;
    }
    match (was.first(), is.first()) {
        (Some((on_old, before)), Some((on_new, after))) if !met => {
            Some(clauses(&clause(old, *on_old, before), &clause(new, *on_new, after), work))
        }
        (Some(_), Some(_)) => {
            let reason = "it is used on more than is compared".to_owned();
            Some(Decision::NotCompared { reason })
        }
        _ => {
            let reason = "no rule rolls this table in both versions".to_owned();
            Some(Decision::NotCompared { reason })
        }
    }
}

/// What came of two searches that found no difference: what was not compared is the answer of both.
fn both(first: Decision, second: Decision) -> Decision {
    match (first, second) {
        (Decision::NoDifferenceFound { inputs: a }, Decision::NoDifferenceFound { inputs: b }) => {
            Decision::NoDifferenceFound { inputs: a + b }
        }
        (first @ Decision::NotCompared { .. }, _) => first,
        (_, second) => second,
    }
}

/// Conditions by name: added, removed, or meaning something else.
pub(super) fn conditions(
    old: (&Contents, &Written),
    new: (&Contents, &Written),
    work: &mut Work,
) -> Vec<Change> {
    let mut found = Vec::new();
    let (before, after) = (&old.1.outline.conditions, &new.1.outline.conditions);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changed = BTreeMap::new();
    for name in names {
        match (before.get(name), after.get(name)) {
            (None, Some(is)) => {
                let details = vec![Detail::added("when", &is.text)];
                found.push(Change::new(Kind::Condition, name, Action::Added, details));
            }
            (Some(was), None) => {
                let details = vec![Detail::removed("when", &was.text)];
                found.push(Change::new(Kind::Condition, name, Action::Removed, details));
            }
            (Some(was), Some(is)) => {
                let (same, whole) = (was.text == is.text, !was.more && !is.more);
                let (old, new, hash) = (old.0, new.0, rng::name_hash(name));
                let (a, b) = ((old, &uses(was)), (new, &uses(is)));
                if let Some(decision) = compared(a, b, (same, whole), hash, work) {
                    changed.insert(name, (was, is, decision));
                }
            }
            (None, None) => {}
        }
    }
    let all = changed.keys().copied().chain(found.iter().map(|change| &change.name));
    let all: BTreeSet<String> = all.cloned().collect();
    let all: BTreeSet<&String> = all.iter().collect();
    for (name, (was, is, decision)) in changed {
        let details = vec![reworded("when", (&was.text, &is.text), &all)];
        let mut change = Change::new(Kind::Condition, name, Action::Changed, details);
        change.decision = Some(decision);
        found.push(change);
    }
    found
}

/// How a `when` or a value changed: its own words, or what stands behind them. `changed` are the
/// conditions that changed.
pub(super) fn reworded(what: &str, (was, is): (&str, &str), changed: &BTreeSet<&String>) -> Detail {
    if was != is {
        return Detail::changed(what, was, is);
    }
    let through: Vec<String> = words(is)
        .filter_map(|word| word.strip_prefix("condition."))
        .filter(|name| changed.iter().any(|known| known == name))
        .map(|name| format!("condition.{name}"))
        .collect();
    let why = if through.is_empty() {
        "the same words, other types or ranges of what it reads".to_owned()
    } else {
        format!("through {}", through.join(", "))
    };
    let what = if what == "when" { why } else { format!("{what}, {why}") };
    Detail { what, old: None, new: None }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
}

/// Conditions that entries of loot tables have in both versions, seen in the fragments that roll
/// them. `changed` are the conditions that changed.
pub(super) fn entries(
    old: (&Contents, &Written),
    new: (&Contents, &Written),
    changed: &BTreeSet<&String>,
    work: &mut Work,
) -> Vec<Change> {
    type Known<'a> = BTreeMap<(&'a str, &'a str), Uses<'a>>;
    fn known<'a>(contents: &'a Contents, source: &'a Written) -> Known<'a> {
        let mut known = Known::new();
        for fragment in &source.program.fragments {
            for mask in &fragment.masks {
                let Some(table) = contents.tables.get(usize::from(mask.table)) else { continue };
                for (entry, expr) in table.entries.iter().zip(&mask.entries) {
                    let uses = known.entry((table.name.as_str(), entry.name.as_str())).or_default();
                    // Fragments of several files on one trigger see it alike.
                    if entry.conditional && uses.iter().all(|(on, _)| *on != Some(fragment.on)) {
                        uses.push((Some(fragment.on), expr));
                    }
                }
            }
        }
        known
    }
    let (before, after) = (known(old.0, old.1), known(new.0, new.1));
    let none = Uses::new();
    let mut found = Vec::new();
    for (key, was_text) in &old.1.outline.entries {
        let Some(is_text) = new.1.outline.entries.get(key) else { continue };
        let (table, entry) = (key.0.as_str(), key.1.as_str());
        let used = |known: &'_ Known<'_>| known.get(&(table, entry)).is_some_and(|u| !u.is_empty());
        let both = used(&before) && used(&after);
        let was = before.get(&(table, entry)).filter(|_| both).unwrap_or(&none);
        let is = after.get(&(table, entry)).filter(|_| both).unwrap_or(&none);
        let words = (was_text == is_text, true);
        let hash = rng::name_hash(table);
        let Some(decision) = compared((old.0, was), (new.0, is), words, hash, work) else {
            continue;
        };
        let details = vec![reworded("when", (was_text, is_text), changed)];
        let name = format!("{table}.{entry}");
        let mut change = Change::new(Kind::Entry, &name, Action::Changed, details);
        change.decision = Some(decision);
        found.push(change);
    }
    found
}

/// Searches an input on which two clauses differ.
fn clauses(old: &Clause<'_>, new: &Clause<'_>, work: &mut Work) -> Decision {
    let names =
        (old.on.map(|on| old.contents.on_name(on)), new.on.map(|on| new.contents.on_name(on)));
    // What reads no field is at home on every trigger.
    let (on_old, on_new) = match &names {
        (Some(a), Some(b)) if a != b => {
            let reason = format!("it was first used on {a}, and is on {b}");
            match (same(old.contents, b), same(new.contents, a)) {
                (Some(on), _) if reads(&old.expr, old, b) => (Some(on), new.on),
                (_, Some(on)) if reads(&new.expr, new, a) => (old.on, Some(on)),
                _ => return Decision::NotCompared { reason },
            }
        }
        (Some(a), None) => (old.on, same(new.contents, a)),
        (None, Some(b)) => (same(old.contents, b), new.on),
        _ => (old.on, new.on),
    };
    let (frame_old, frame_new) = (frame(old.contents, on_old), frame(new.contents, on_new));
    let constants = constants(&[&old.expr, &new.expr], old.contents, new.contents);
    let space = Space::new((old.contents, on_old), (new.contents, on_new), &constants, work.at_ms);
    let subject = |clause: &'_ Clause<'_>| clause.contents.params.values.clone();
    let (params_old, params_new) = (subject(old), subject(new));
    let search = |tries| {
        let was =
            Subject { when: &old.expr, values: Vec::new(), frame: &frame_old, params: &params_old };
        let is =
            Subject { when: &new.expr, values: Vec::new(), frame: &frame_new, params: &params_new };
        Search::new(&space, was, is, Goal::Decides, tries).run()
    };
    let point = match work.search(&space, &[&old.expr, &new.expr], search) {
        Ok(point) => point,
        Err(decision) => return decision,
    };
    let value = |side, clause: &Clause<'_>, frame, params: &[i64]| {
        let mut bytes = Vec::new();
        space.write(&point, side, &mut bytes);
        let view = space.view(&bytes, side)?;
        interp::value(&clause.expr, frame, &view, params).ok().map(|value| (value != 0).to_string())
    };
    let was = value(Side::Old, old, &frame_old, &params_old);
    let is = value(Side::New, new, &frame_new, &params_new);
    let on = names.1.or(names.0).unwrap_or_else(|| "any trigger".to_owned());
    match (was, is) {
        (Some(was), Some(is)) if was != is => {
            let contents = (old.contents, new.contents);
            let mut witness = Witness::new(&space, &point, contents, on, (was, is));
            witness.timed = [&old.expr, &new.expr].into_iter().any(guided::reads_now);
            Decision::Differs(Box::new(witness))
        }
        _ => {
            Decision::NotCompared { reason: "the interpreter disagrees with the search".to_owned() }
        }
    }
}

/// The trigger or timer of that name.
fn same(contents: &Contents, name: &str) -> Option<On> {
    let at = |position: Option<usize>| position.and_then(|at| u16::try_from(at).ok());
    match name.strip_prefix("timer.") {
        Some(timer) => {
            at(contents.timers.iter().position(|known| known.name == timer)).map(On::Timer)
        }
        None => at(contents.schema.triggers.iter().position(|known| known.name == name))
            .map(On::Trigger),
    }
}

/// Whether the slots that a clause reads are the same ones on another trigger.
fn reads(expr: &Expr, clause: &Clause<'_>, name: &str) -> bool {
    let fields = |on: Option<On>| match on {
        Some(On::Trigger(index)) => {
            let trigger = clause.contents.schema.triggers.get(usize::from(index));
            trigger.map_or(&[][..], |trigger| trigger.fields.as_slice())
        }
        _ => &[],
    };
    let (here, there) = (fields(clause.on), fields(same(clause.contents, name)));
    let mut equal = true;
    guided::walk(expr, &mut |part| {
        if let Expr::Field(index) = part {
            let at = usize::from(*index);
            equal &= here.get(at).is_some() && here.get(at) == there.get(at);
        }
    });
    equal
}

/// The same expression with draws that follow one name, numbered from the left; one that is used twice
/// stays one.
fn renumbered(expr: &Expr, hash: u64) -> Expr {
    fn go(expr: &Expr, hash: u64, known: &mut BTreeMap<u32, u32>) -> Expr {
        let mut inner = |expr: &Expr| Box::new(go(expr, hash, known));
        match expr {
            Expr::Not(a) => Expr::Not(inner(a)),
            Expr::Neg(a) => Expr::Neg(inner(a)),
            Expr::Abs(a) => Expr::Abs(inner(a)),
            Expr::Binary(op, a, b) => Expr::Binary(*op, inner(a), inner(b)),
            Expr::Select(a, b, c) => Expr::Select(inner(a), inner(b), inner(c)),
            Expr::Bucket { n, salt } => Expr::Bucket { n: inner(n), salt: *salt },
            Expr::Chance { p, draw, .. } => {
                let p = inner(p);
                let next = known.len() as u32;
                Expr::Chance { p, rule_hash: hash, draw: *known.entry(*draw).or_insert(next) }
            }
            Expr::Pick { n, draw, .. } => {
                let n = inner(n);
                let next = known.len() as u32;
                Expr::Pick { n, rule_hash: hash, draw: *known.entry(*draw).or_insert(next) }
            }
            plain => plain.clone(),
        }
    }
    go(expr, hash, &mut BTreeMap::new())
}
