//! Rules and conditions, where both versions have their sources.

use std::collections::{BTreeMap, BTreeSet};

use super::express;
use super::guided::{self, Found, Goal, Search, Subject, TRIES_MAX};
use super::space::{Side, Space, frame};
use super::witness::{Decision, Witness};
use super::{Action, Change, Detail, Kind, Machine, Version, compiled, paired};
use crate::contents::{Contents, Written};
use crate::context::ContextView;
use crate::interp;
use crate::ir::{Audience, Expr, On, OnFault, OutcomeDef, RuleDef, Type};
use crate::layout::OutShape;
use crate::rng;
use crate::value::Value;

/// Expression nodes that all searches of one plan may evaluate together: about a second.
const WORK_MAX: u64 = 100_000_000;

/// Runs a version's fragments with the reference interpreter.
pub struct Interpreted<'a>(
    /// The version. Without sources nothing runs.
    pub &'a Contents,
);

impl Machine for Interpreted<'_> {
    fn run(&mut self, fragment: usize, context: &[u8]) -> Result<Vec<i64>, String> {
        let code = self.0.fragments.get(fragment).ok_or("there is no such fragment")?;
        let source = self.0.source.as_ref().ok_or("there are no sources")?;
        let mut defs = source.program.fragments.iter();
        let def = defs.find(|def| def.name == code.meta.name).ok_or("the sources lack it")?;
        let view = ContextView::new(context, code.meta.slots()).ok_or("the context is short")?;
        interp::run(def, &code.meta, &view, &self.0.params.values)
            .map_err(|fault| fault.to_string())
    }
}

pub(super) fn changes<'v>(old: &mut Version<'v>, new: &mut Version<'v>, at_ms: i64) -> Vec<Change> {
    let (before, after) = (old.contents, new.contents);
    let (Some(was), Some(is)) = (&before.source, &after.source) else {
        return compiled::changes(old, new, at_ms);
    };
    let mut work = Work { at_ms, left: WORK_MAX };
    let mut found = conditions((before, was), (after, is), &mut work);
    found.extend(entries((before, was), (after, is), &mut work));
    found.extend(rules(old, was, new, is, &mut work));
    found
}

/// What the searches of one plan have left.
struct Work {
    at_ms: i64,
    left: u64,
}

/// A condition, or the `when` of an entry, of one side.
struct Clause<'a> {
    contents: &'a Contents,
    on: Option<On>,
    /// Renumbered, so that its draws depend on its own name alone.
    expr: Expr,
}

fn conditions(
    old: (&Contents, &Written),
    new: (&Contents, &Written),
    work: &mut Work,
) -> Vec<Change> {
    let mut found = Vec::new();
    let names: BTreeSet<&String> =
        old.1.outline.conditions.keys().chain(new.1.outline.conditions.keys()).collect();
    let text =
        |contents, def: &crate::lang::ConditionDef| express::text(contents, def.on, &def.expr);
    let changed: BTreeSet<&String> = names
        .iter()
        .copied()
        .filter(|name| {
            let (was, is) =
                (old.1.outline.conditions.get(*name), new.1.outline.conditions.get(*name));
            was.map(|def| text(old.0, def)) != is.map(|def| text(new.0, def))
        })
        .collect();
    for name in &changed {
        let defs = (old.1.outline.conditions.get(*name), new.1.outline.conditions.get(*name));
        let change = match defs {
            (None, Some(is)) => Change::new(
                Kind::Condition,
                name,
                Action::Added,
                vec![Detail::added("when", &is.text)],
            ),
            (Some(was), None) => {
                let details = vec![Detail::removed("when", &was.text)];
                Change::new(Kind::Condition, name, Action::Removed, details)
            }
            (Some(was), Some(is)) => {
                let details = when((&was.text, &is.text), &changed);
                let mut change = Change::new(Kind::Condition, name, Action::Changed, details);
                let clause = |contents, def: &crate::lang::ConditionDef| Clause {
                    contents,
                    on: def.on,
                    expr: renumbered(&def.expr, rng::name_hash(name)),
                };
                change.decision = Some(clauses(&clause(old.0, was), &clause(new.0, is), work));
                change
            }
            (None, None) => continue,
        };
        found.push(change);
    }
    found
}

/// How a `when` changed: its own words, or what stands behind them.
fn when(texts: (&str, &str), changed: &BTreeSet<&String>) -> Vec<Detail> {
    let (was, is) = texts;
    if was != is {
        return vec![Detail::changed("when", was, is)];
    }
    let through: Vec<String> = words(is)
        .filter_map(|word| word.strip_prefix("condition."))
        .filter(|name| changed.iter().any(|known| known == name))
        .map(|name| format!("condition.{name}"))
        .collect();
    let why = if through.is_empty() {
        "the same words, other ranges of what it reads".to_owned()
    } else {
        format!("through {}", through.join(", "))
    };
    vec![Detail { what: why, old: None, new: None }]
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
}

/// Conditions of the entries of loot tables, in the fragments that both versions roll them in.
fn entries(old: (&Contents, &Written), new: (&Contents, &Written), work: &mut Work) -> Vec<Change> {
    type Known<'a> = BTreeMap<(&'a str, &'a str), (On, &'a Expr)>;
    fn known<'a>(contents: &'a Contents, source: &'a Written) -> Known<'a> {
        let mut known = Known::new();
        for fragment in &source.program.fragments {
            for mask in &fragment.masks {
                let Some(table) = contents.tables.get(usize::from(mask.table)) else { continue };
                for (entry, expr) in table.entries.iter().zip(&mask.entries) {
                    if entry.conditional {
                        let key = (table.name.as_str(), entry.name.as_str());
                        known.entry(key).or_insert((fragment.on, expr));
                    }
                }
            }
        }
        known
    }
    let (before, after) = (known(old.0, old.1), known(new.0, new.1));
    let mut found = Vec::new();
    for (key, (on_old, was)) in &before {
        let Some((on_new, is)) = after.get(key) else { continue };
        let texts =
            (express::text(old.0, Some(*on_old), was), express::text(new.0, Some(*on_new), is));
        if texts.0 == texts.1 {
            continue;
        }
        let (table, entry) = key;
        let name = format!("{table}.{entry}");
        let hash = rng::name_hash(table);
        let clause = |contents, on: On, expr: &Expr| Clause {
            contents,
            on: Some(on),
            expr: renumbered(expr, hash),
        };
        let details = vec![Detail::changed("when", &texts.0, &texts.1)];
        let mut change = Change::new(Kind::Condition, &name, Action::Changed, details);
        let (was, is) = (clause(old.0, *on_old, was), clause(new.0, *on_new, is));
        change.decision = Some(clauses(&was, &is, work));
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
        (Some(was), Some(is)) if was != is => Decision::Differs(Box::new(Witness::new(
            &space,
            &point,
            (old.contents, new.contents),
            on,
            (was, is),
        ))),
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

impl Work {
    /// Runs a search within what is left, and pays for it.
    fn search(
        &mut self,
        space: &Space,
        exprs: &[&Expr],
        run: impl FnOnce(u64) -> Result<Found, interp::Fault>,
    ) -> Result<Vec<i64>, Decision> {
        if let Some(input) = space.closed() {
            let reason = format!("no value of {input} suits both versions");
            return Err(Decision::NotCompared { reason });
        }
        let mut size = 1;
        for expr in exprs {
            guided::walk(expr, &mut |_| size += 1);
        }
        let tries = TRIES_MAX.min(self.left / size);
        if tries == 0 {
            let reason = "the plan has spent its searches on the changes above".to_owned();
            return Err(Decision::NotCompared { reason });
        }
        match run(tries) {
            Ok(Found::Point(point)) => Ok(point),
            Ok(Found::Nothing(inputs)) => {
                self.left = self.left.saturating_sub(inputs.saturating_mul(size));
                Err(Decision::NoDifferenceFound { inputs })
            }
            Err(fault) => Err(Decision::NotCompared { reason: fault.to_string() }),
        }
    }
}

/// Numbers that a decision may turn at.
fn constants(exprs: &[&Expr], old: &Contents, new: &Contents) -> BTreeSet<i64> {
    /// More of them than candidates are tried is of no use.
    const CONSTANTS_MAX: usize = 256;
    let mut found = BTreeSet::new();
    for expr in exprs {
        guided::walk(expr, &mut |part| {
            if found.len() >= CONSTANTS_MAX {
                return;
            }
            match part {
                Expr::Const(value) => {
                    found.insert(*value);
                }
                Expr::Param(index) => {
                    for contents in [old, new] {
                        found.extend(contents.params.values.get(usize::from(*index)));
                    }
                }
                _ => {}
            }
        });
    }
    found
}

/// The same expression with draws that follow one name, numbered from the left.
fn renumbered(expr: &Expr, hash: u64) -> Expr {
    fn go(expr: &Expr, hash: u64, next: &mut u32) -> Expr {
        let mut inner = |expr: &Expr| Box::new(go(expr, hash, next));
        match expr {
            Expr::Not(a) => Expr::Not(inner(a)),
            Expr::Neg(a) => Expr::Neg(inner(a)),
            Expr::Abs(a) => Expr::Abs(inner(a)),
            Expr::Binary(op, a, b) => Expr::Binary(*op, inner(a), inner(b)),
            Expr::Select(a, b, c) => Expr::Select(inner(a), inner(b), inner(c)),
            Expr::Bucket { n, salt } => Expr::Bucket { n: inner(n), salt: *salt },
            Expr::Chance { p, .. } => {
                let p = inner(p);
                *next += 1;
                Expr::Chance { p, rule_hash: hash, draw: *next - 1 }
            }
            Expr::Pick { n, .. } => {
                let n = inner(n);
                *next += 1;
                Expr::Pick { n, rule_hash: hash, draw: *next - 1 }
            }
            plain => plain.clone(),
        }
    }
    go(expr, hash, &mut 0)
}

/// A rule of one side with its place.
struct Placed<'a> {
    contents: &'a Contents,
    on: On,
    fragment: usize,
    index: usize,
    rule: &'a RuleDef,
    /// Its `when` in the source's words.
    text: &'a str,
}

fn placed<'a>(contents: &'a Contents, source: &'a Written) -> Vec<Placed<'a>> {
    let places = contents.rules();
    let mut found = Vec::new();
    for def in &source.program.fragments {
        for rule in &def.rules {
            let Some(&(fragment, index)) = places.get(rule.name.as_str()) else { continue };
            let text = source.outline.rules.get(&rule.name).map_or("always", String::as_str);
            found.push(Placed { contents, on: def.on, fragment, index, rule, text });
        }
    }
    found
}

fn rules(
    old: &mut Version<'_>,
    was: &Written,
    new: &mut Version<'_>,
    is: &Written,
    work: &mut Work,
) -> Vec<Change> {
    let (before, after) = (placed(old.contents, was), placed(new.contents, is));
    let mut found = Vec::new();
    let conditions: BTreeSet<&String> = is.outline.conditions.keys().collect();
    for (name, was, is) in paired(&before, &after, |placed| &placed.rule.name) {
        let change = match (was, is) {
            (None, Some(is)) => {
                Change::new(Kind::Rule, &name, Action::Added, whole(is, Detail::added))
            }
            (Some(was), None) => {
                Change::new(Kind::Rule, &name, Action::Removed, whole(was, Detail::removed))
            }
            (Some(was), Some(is)) => {
                let Some(change) = changed(was, is, &conditions, (old, new), work) else {
                    continue;
                };
                change
            }
            (None, None) => continue,
        };
        found.push(change);
    }
    found
}

fn whole(placed: &Placed<'_>, detail: impl Fn(String, String) -> Detail) -> Vec<Detail> {
    let mut details = vec![
        detail("on".to_owned(), placed.contents.on_name(placed.on)),
        detail("when".to_owned(), placed.text.to_owned()),
    ];
    for (label, outcome) in outcomes(placed.rule) {
        details.push(detail(label, given(placed, outcome)));
    }
    details
}

/// Outcomes by label; a label that is used again has its number.
fn outcomes(rule: &RuleDef) -> BTreeMap<String, &OutcomeDef> {
    let mut found = BTreeMap::new();
    for outcome in &rule.outcomes {
        let verb = match outcome.audience {
            Audience::Caller => "emit",
            Audience::Cluster => "broadcast",
        };
        let mut label = format!("{verb} {}", outcome.name);
        let mut number = 1;
        while found.contains_key(&label) {
            number += 1;
            label = format!("{verb} {} ({number})", outcome.name);
        }
        found.insert(label, outcome);
    }
    found
}

/// What an outcome gives, by name: expressions as text.
fn values(placed: &Placed<'_>, outcome: &OutcomeDef) -> BTreeMap<String, String> {
    let text = |expr| express::text(placed.contents, Some(placed.on), expr);
    let mut values = BTreeMap::new();
    if let Some(loot) = &outcome.loot {
        let table = placed.contents.tables.get(usize::from(loot.table));
        values.insert("table".to_owned(), table.map_or("?".to_owned(), |table| table.name.clone()));
        values.insert("count".to_owned(), text(&loot.count));
    }
    for value in &outcome.payload {
        let shown = match &value.value {
            Expr::Const(raw) => Value::from_raw(value.ty, *raw, placed.contents).to_string(),
            expr => express::typed(placed.contents, Some(placed.on), expr, Some(value.ty)),
        };
        values.insert(value.name.clone(), shown);
    }
    values
}

fn given(placed: &Placed<'_>, outcome: &OutcomeDef) -> String {
    let values = values(placed, outcome);
    let shown: Vec<String> = values.iter().map(|(name, text)| format!("{name} = {text}")).collect();
    if shown.is_empty() { "nothing more".to_owned() } else { shown.join(", ") }
}

fn changed(
    was: &Placed<'_>,
    is: &Placed<'_>,
    conditions: &BTreeSet<&String>,
    versions: (&mut Version<'_>, &mut Version<'_>),
    work: &mut Work,
) -> Option<Change> {
    let mut details = Vec::new();
    let on = (was.contents.on_name(was.on), is.contents.on_name(is.on));
    let moved = on.0 != on.1;
    if moved {
        details.push(Detail::changed("on", &on.0, &on.1));
    }
    let text =
        |placed: &Placed<'_>| express::text(placed.contents, Some(placed.on), &placed.rule.when);
    let decides = text(was) != text(is);
    if decides {
        details.extend(when((was.text, is.text), conditions));
    }
    let fault = |rule: &RuleDef| match rule.on_fault {
        OnFault::Skip => "skip",
        OnFault::Fail => "fail",
    };
    if fault(was.rule) != fault(is.rule) {
        details.push(Detail::changed("on_fault", fault(was.rule), fault(is.rule)));
    }
    let (before, after) = (outcomes(was.rule), outcomes(is.rule));
    let mut pairs = Vec::new();
    for (label, outcome) in &after {
        let Some(known) = before.get(label) else {
            details.push(Detail::added(label.clone(), given(is, outcome)));
            continue;
        };
        let (a, b) = (values(was, known), values(is, outcome));
        let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for name in names {
            if a.get(name) != b.get(name) {
                let what = format!("{label}: {name}");
                details.push(Detail { what, old: a.get(name).cloned(), new: b.get(name).cloned() });
            }
        }
        pairs.extend(pair(label, known, outcome));
    }
    for (label, outcome) in &before {
        if !after.contains_key(label) {
            details.push(Detail::removed(label.clone(), given(was, outcome)));
        }
    }
    if details.is_empty() {
        return None;
    }
    let mut change = Change::new(Kind::Rule, &is.rule.name, Action::Changed, details);
    pairs.retain(|pair| {
        let text = |placed: &Placed<'_>, expr, ty| {
            express::typed(placed.contents, Some(placed.on), expr, Some(ty))
        };
        text(was, pair.old, pair.ty_old) != text(is, pair.new, pair.ty_new)
    });
    change.decision = if moved {
        Some(Decision::NotCompared { reason: "it runs on something else".to_owned() })
    } else if decides || !pairs.is_empty() {
        Some(decision(was, is, decides, &pairs, versions, work))
    } else {
        None
    };
    Some(change)
}

/// A value that both versions of an outcome give.
struct Pair<'a> {
    name: String,
    old: &'a Expr,
    new: &'a Expr,
    ty_old: Type,
    ty_new: Type,
}

fn pair<'a>(label: &str, was: &'a OutcomeDef, is: &'a OutcomeDef) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    if let (Some(old), Some(new)) = (&was.loot, &is.loot) {
        let (ty_old, ty_new) = (Type::Int, Type::Int);
        let name = format!("{label}: count");
        pairs.push(Pair { name, old: &old.count, new: &new.count, ty_old, ty_new });
    }
    for new in &is.payload {
        if let Some(old) = was.payload.iter().find(|old| old.name == new.name) {
            pairs.push(Pair {
                name: format!("{label}: {}", new.name),
                old: &old.value,
                new: &new.value,
                ty_old: old.ty,
                ty_new: new.ty,
            });
        }
    }
    pairs
}

fn decision(
    was: &Placed<'_>,
    is: &Placed<'_>,
    decides: bool,
    pairs: &[Pair<'_>],
    versions: (&mut Version<'_>, &mut Version<'_>),
    work: &mut Work,
) -> Decision {
    let (old, new) = (was.contents, is.contents);
    let (frame_old, frame_new) = (frame(old, Some(was.on)), frame(new, Some(is.on)));
    let mut exprs = vec![&was.rule.when, &is.rule.when];
    exprs.extend(pairs.iter().flat_map(|pair| [pair.old, pair.new]));
    let constants = constants(&exprs, old, new);
    let space = Space::new((old, Some(was.on)), (new, Some(is.on)), &constants, work.at_ms);
    let shown = |pair: &Pair<'_>, old_raw: i64, new_raw: i64| {
        let a = Value::from_raw(pair.ty_old, old_raw, old).to_string();
        (a, Value::from_raw(pair.ty_new, new_raw, new).to_string())
    };
    let same = |index: usize, a: i64, b: i64| {
        pairs.get(index).is_none_or(|pair| {
            let (a, b) = shown(pair, a, b);
            a == b
        })
    };
    let mut last = Decision::NoDifferenceFound { inputs: 0 };
    let goals = [(decides, false), (!pairs.is_empty(), true)];
    for (_, gives) in goals.into_iter().filter(|(wanted, _)| *wanted) {
        let search = |tries| {
            let (goal, values): (Goal<'_>, (Vec<&Expr>, Vec<&Expr>)) = if gives {
                let old = pairs.iter().map(|pair| pair.old).collect();
                (Goal::Gives(&same), (old, pairs.iter().map(|pair| pair.new).collect()))
            } else {
                (Goal::Decides, Default::default())
            };
            let (when, params) = (&was.rule.when, &old.params.values);
            let before = Subject { when, values: values.0, frame: &frame_old, params };
            let (when, params) = (&is.rule.when, &new.params.values);
            let after = Subject { when, values: values.1, frame: &frame_new, params };
            Search::new(&space, before, after, goal, tries).run()
        };
        match work.search(&space, &exprs, search) {
            Ok(point) => {
                return verified(was, is, &space, &point, gives.then_some(pairs), versions);
            }
            Err(decision) => last = added(last, decision),
        }
    }
    last
}

fn added(first: Decision, second: Decision) -> Decision {
    match (first, second) {
        (Decision::NoDifferenceFound { inputs: a }, Decision::NoDifferenceFound { inputs: b }) => {
            Decision::NoDifferenceFound { inputs: a + b }
        }
        (_, second) => second,
    }
}

/// Runs both versions whole, by other code than the search, and says what each did.
fn verified(
    was: &Placed<'_>,
    is: &Placed<'_>,
    space: &Space,
    point: &[i64],
    pairs: Option<&[Pair<'_>]>,
    versions: (&mut Version<'_>, &mut Version<'_>),
) -> Decision {
    let run = |version: &mut Version<'_>, placed: &Placed<'_>, side| -> Result<_, String> {
        let mut bytes = Vec::new();
        space.write(point, side, &mut bytes);
        let slots = version.machine.run(placed.fragment, &bytes)?;
        let word = slots.get(placed.index / 64).copied().unwrap_or(0);
        let fired = word >> (placed.index % 64) & 1 == 1;
        let meta = placed.contents.fragments.get(placed.fragment).map(|code| &code.meta);
        let names = (placed.contents, placed.on);
        let given = meta
            .map(|meta| compiled::given(names.0, meta, &OutShape::of(meta), placed.index, &slots));
        Ok((fired, given.unwrap_or_default()))
    };
    let ran = run(versions.0, was, Side::Old)
        .and_then(|before| run(versions.1, is, Side::New).map(|after| (before, after)));
    let ((fired_old, given_old), (fired_new, given_new)) = match ran {
        Ok(ran) => ran,
        Err(reason) => return Decision::NotCompared { reason },
    };
    let does = match pairs {
        None => {
            let word = |fired| if fired { "fires" } else { "does not fire" };
            (word(fired_old).to_owned(), word(fired_new).to_owned())
        }
        Some(pairs) => {
            let shown = |given: &BTreeMap<String, String>, name: &str| {
                let value = given.get(name).map_or("nothing", String::as_str);
                format!("{name} = {value}")
            };
            let differs = pairs.iter().find(|p| given_old.get(&p.name) != given_new.get(&p.name));
            match differs.filter(|_| fired_old && fired_new) {
                Some(pair) => (shown(&given_old, &pair.name), shown(&given_new, &pair.name)),
                None => (String::new(), String::new()),
            }
        }
    };
    if does.0 == does.1 {
        let reason = "running both does not confirm what the search found".to_owned();
        return Decision::NotCompared { reason };
    }
    let on = is.contents.on_name(is.on);
    let witness = Witness::new(space, point, (was.contents, is.contents), on, does);
    Decision::Differs(Box::new(witness))
}
