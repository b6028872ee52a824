//! Rules where a version came without its sources: what its compiled fragments do.
//!
//! Fragments with equal digests decide alike under equal parameters and are not run. For the others
//! inputs are drawn from the same space as in the guided search, with the numbers that stand in
//! both modules; from inputs on which a rule fires, one input after the other is varied. All rules
//! of a fragment are judged by each run.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{Operator, Parser, Payload};

use super::guided::TRIES_MAX;
use super::seed;
use super::space::{Role, Side, Space};
use super::witness::{Decision, Witness};
use super::{Action, Change, Detail, Kind, Version, paired};
use crate::contents::{Code, Contents};
use crate::ir::{Audience, On, OnFault, Type};
use crate::layout::OutShape;
use crate::meta::{FragmentMeta, OutcomeMeta, RuleMeta};
use crate::rng;
use crate::value::Value;

/// Bytes of modules that all searches of one plan may run together.
const WORK_MAX: u64 = 2_000_000_000;
/// Inputs on which a rule fires that are kept to vary.
const NEAR_COUNT_MAX: usize = 4;
/// Numbers taken from a module.
const CONSTANTS_MAX: usize = 256;

pub(super) fn changes<'v>(old: &mut Version<'v>, new: &mut Version<'v>, at_ms: i64) -> Vec<Change> {
    let (before, after) = (old.contents, new.contents);
    let (rules_old, rules_new) = (before.rules(), after.rules());
    let mut found = Vec::new();
    let mut shared: BTreeMap<(usize, usize), Vec<Pending<'_>>> = BTreeMap::new();
    let rule = |contents: &'_ Contents, (fragment, rule): (usize, usize)| -> Option<RuleMeta> {
        contents.fragments.get(fragment)?.meta.rules.get(rule).cloned()
    };
    let names: BTreeSet<&str> = rules_old.keys().chain(rules_new.keys()).copied().collect();
    for name in names {
        match (rules_old.get(name), rules_new.get(name)) {
            (None, Some(&at)) => {
                found.push(Change::new(Kind::Rule, name, Action::Added, place(after, at)));
            }
            (Some(&at), None) => {
                let details = place(before, at).into_iter();
                let details = details.map(|d| Detail { what: d.what, old: d.new, new: None });
                found.push(Change::new(Kind::Rule, name, Action::Removed, details.collect()));
            }
            (Some(&was), Some(&is)) => {
                let (Some(a), Some(b)) = (rule(before, was), rule(after, is)) else { continue };
                let details = aspects((before, was, &a), (after, is, &b));
                if !details.is_empty() {
                    found.push(Change::new(Kind::Rule, name, Action::Changed, details));
                }
                let pending = Pending { name, old: was.1, new: is.1, seen: None, near: Vec::new() };
                shared.entry((was.0, is.0)).or_default().push(pending);
            }
            (None, None) => {}
        }
    }
    let mut left = WORK_MAX;
    for ((was, is), mut pending) in shared {
        let (Some(a), Some(b)) = (before.fragments.get(was), after.fragments.get(is)) else {
            continue;
        };
        if a.digest == b.digest && named_alike(before, after, &a.meta) {
            continue;
        }
        let inputs = compare((old, was, a), (new, is, b), &mut pending, at_ms, &mut left);
        report(&mut found, &b.meta.name, pending, inputs);
    }
    found
}

/// Whether what equal code reads and writes by index has equal names in both versions. What was
/// added after that does not matter.
fn named_alike(old: &Contents, new: &Contents, meta: &FragmentMeta) -> bool {
    fn alike<T, N: PartialEq>(old: &[T], new: &[T], name: impl Fn(&T) -> N) -> bool {
        old.iter().zip(new).all(|(a, b)| name(a) == name(b))
    }
    let (a, b) = (&old.schema, &new.schema);
    let params = usize::from(meta.params).min(a.params.len());
    let values = a.enums.iter().zip(&b.enums);
    alike(&a.params[..params], &b.params, |param| param.name.clone())
        && alike(&a.symbols, &b.symbols, String::clone)
        && alike(&a.enums, &b.enums, |def| def.name.clone())
        && values.into_iter().all(|(a, b)| alike(&a.values, &b.values, String::clone))
        && alike(&a.counters, &b.counters, |def| def.name.clone())
        && alike(&old.timers, &new.timers, |timer| timer.name.clone())
        && alike(&old.tables, &new.tables, |table| table.name.clone())
        && old.on_name(meta.on) == new.on_name(meta.on)
        && match meta.on {
            On::Timer(_) => true,
            On::Trigger(at) => {
                let fields = |contents: &Contents| {
                    let trigger = contents.schema.triggers.get(usize::from(at));
                    trigger.map(|trigger| trigger.fields.clone()).unwrap_or_default()
                };
                alike(&fields(old), &fields(new), |field| field.name.clone())
            }
        }
}

/// A rule that was not seen to differ so far.
struct Pending<'a> {
    name: &'a str,
    old: usize,
    new: usize,
    seen: Option<Witness>,
    /// Points where it fires in either version.
    near: Vec<Vec<i64>>,
}

fn report(
    found: &mut Vec<Change>,
    fragment: &str,
    pending: Vec<Pending<'_>>,
    inputs: Result<u64, String>,
) {
    let mut alike = 0;
    let undecided = match &inputs {
        Ok(inputs) => Decision::NoDifferenceFound { inputs: *inputs },
        Err(reason) => Decision::NotCompared { reason: reason.clone() },
    };
    for rule in pending {
        let at = found.iter().position(|c| c.kind == Kind::Rule && c.name == rule.name);
        match (rule.seen, at.and_then(|at| found.get_mut(at))) {
            (Some(witness), Some(change)) => {
                change.decision = Some(Decision::Differs(Box::new(witness)))
            }
            (Some(witness), None) => {
                let mut change = Change::new(Kind::Rule, rule.name, Action::Changed, Vec::new());
                change.decision = Some(Decision::Differs(Box::new(witness)));
                found.push(change);
            }
            (None, Some(change)) => {
                change.decision = Some(undecided.clone());
                change.partial = change.is_beside();
            }
            (None, None) => alike += 1,
        }
    }
    if alike > 0 {
        let what = match alike {
            1 => "its code, or a name that it refers to, changed; 1 rule is not known to differ"
                .to_owned(),
            n => format!(
                "its code, or a name that it refers to, changed; {n} rules are not known to differ"
            ),
        };
        let details = vec![Detail { what, old: None, new: None }];
        let mut change = Change::new(Kind::Fragment, fragment, Action::Changed, details);
        change.decision = Some(undecided);
        found.push(change);
    }
}

fn place(contents: &Contents, at: (usize, usize)) -> Vec<Detail> {
    let Some(code) = contents.fragments.get(at.0) else { return Vec::new() };
    let mut details = vec![Detail::added("on", contents.on_name(code.meta.on))];
    for (label, outcome) in code.meta.rules.get(at.1).map(outcomes).unwrap_or_default() {
        details.push(Detail::added(label, shape(contents, outcome).join(", ")));
    }
    details
}

/// Outcomes by label; a label that is used again has its number.
fn outcomes(rule: &RuleMeta) -> BTreeMap<String, &OutcomeMeta> {
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

fn shape(contents: &Contents, outcome: &OutcomeMeta) -> Vec<String> {
    let mut shown = Vec::new();
    if let Some(loot) = &outcome.loot {
        let table = contents.tables.get(usize::from(loot.table));
        shown.push(format!("table = {}", table.map_or("?", |table| &table.name)));
    }
    let ty = |ty| type_name(contents, ty);
    shown.extend(outcome.payload.iter().map(|value| format!("{} = {}", value.name, ty(value.ty))));
    shown
}

/// A type without a range.
pub(crate) fn type_name(contents: &Contents, ty: Type) -> String {
    match ty {
        Type::Bool => "bool".to_owned(),
        Type::Int => "int".to_owned(),
        Type::Decimal => "decimal".to_owned(),
        Type::Duration => "duration".to_owned(),
        Type::Instant => "instant".to_owned(),
        Type::Symbol => "symbol".to_owned(),
        Type::Enum(index) => {
            let def = contents.schema.enums.get(usize::from(index));
            def.map_or_else(|| format!("enum #{index}"), |def| def.name.clone())
        }
    }
}

/// What the descriptions alone say of a change.
fn aspects(
    was: (&Contents, (usize, usize), &RuleMeta),
    is: (&Contents, (usize, usize), &RuleMeta),
) -> Vec<Detail> {
    let mut details = Vec::new();
    let on = |contents: &Contents, at: (usize, usize)| {
        contents.fragments.get(at.0).map(|code| contents.on_name(code.meta.on)).unwrap_or_default()
    };
    let (a, b) = (on(was.0, was.1), on(is.0, is.1));
    if a != b {
        details.push(Detail::changed("on", a, b));
    }
    let fault = |rule: &RuleMeta| match rule.on_fault {
        OnFault::Skip => "skip",
        OnFault::Fail => "fail",
    };
    if fault(was.2) != fault(is.2) {
        details.push(Detail::changed("on_fault", fault(was.2), fault(is.2)));
    }
    let list = |contents, rule| -> Vec<(String, String)> {
        let outcomes = outcomes(rule).into_iter();
        outcomes.map(|(label, outcome)| (label, shape(contents, outcome).join(", "))).collect()
    };
    let (a, b) = (list(was.0, was.2), list(is.0, is.2));
    for (label, a, b) in paired(&a, &b, |(label, _)| label) {
        let (a, b) = (a.map(|(_, shape)| shape.clone()), b.map(|(_, shape)| shape.clone()));
        if a != b {
            details.push(Detail { what: label, old: a, new: b });
        }
    }
    details
}

/// What a rule gives, from the output of its fragment: `emit drop: count` → `2`.
pub(super) fn given(
    contents: &Contents,
    meta: &FragmentMeta,
    shape: &OutShape,
    rule: usize,
    slots: &[i64],
) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    let Some(def) = meta.rules.get(rule) else { return given };
    let labels = outcomes(def);
    let slot = |at: usize| slots.get(at).copied().unwrap_or(0);
    for record in shape.records.iter().filter(|record| usize::from(record.rule) == rule) {
        let Some(outcome) = def.outcomes.get(usize::from(record.outcome)) else { continue };
        let label = labels.iter().find(|(_, known)| std::ptr::eq(**known, outcome));
        let Some((label, _)) = label else { continue };
        if record.loot {
            let at = record.slot as usize;
            given.insert(format!("{label}: count"), slot(at + 2).to_string());
            given.insert(
                format!("{label}: eligible"),
                eligible(contents, slot(at + 1), slot(at + 3)),
            );
        }
        for (index, value) in outcome.payload.iter().enumerate() {
            let raw = slot(record.payload_slot() + index);
            let shown = Value::from_raw(value.ty, raw, contents).to_string();
            given.insert(format!("{label}: {}", value.name), shown);
        }
    }
    given
}

/// The entries that a mask lets through, when the table has conditions.
fn eligible(contents: &Contents, table: i64, mask: i64) -> String {
    let table = usize::try_from(table).ok().and_then(|at| contents.tables.get(at));
    let Some(table) = table.filter(|table| table.entries.iter().any(|e| e.conditional)) else {
        return "all".to_owned();
    };
    let entries = table.entries.iter().enumerate();
    let names = entries.filter(|(at, _)| mask >> (at % 64) & 1 == 1).map(|(_, e)| e.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

/// Runs two fragments side by side. Returns the number of inputs tried.
fn compare<'v>(
    old: (&mut Version<'v>, usize, &Code),
    new: (&mut Version<'v>, usize, &Code),
    pending: &mut [Pending<'_>],
    at_ms: i64,
    left: &mut u64,
) -> Result<u64, String> {
    let (before, after) = (old.0.contents, new.0.contents);
    let on = after.on_name(new.2.meta.on);
    if before.on_name(old.2.meta.on) != on {
        return Err("it runs on something else".to_owned());
    }
    let mut constants = mined(&old.2.wasm);
    constants.extend(mined(&new.2.wasm));
    for contents in [before, after] {
        constants.extend(contents.params.values.iter().take(CONSTANTS_MAX));
    }
    let space =
        Space::new((before, Some(old.2.meta.on)), (after, Some(new.2.meta.on)), &constants, at_ms);
    if let Some(input) = space.closed() {
        return Err(format!("no value of {input} suits both versions"));
    }
    let bytes = (old.2.wasm.len() + new.2.wasm.len()).max(1) as u64;
    let tries_max = TRIES_MAX.min(*left / bytes);
    if tries_max == 0 {
        return Err("the plan has spent its searches on the changes above".to_owned());
    }
    let shapes = (OutShape::of(&old.2.meta), OutShape::of(&new.2.meta));
    let mut bench = Bench { old, new, space, shapes, on, tries: 0, buffer: Vec::new() };
    let result = bench.search(pending, tries_max);
    *left = left.saturating_sub(bench.tries.saturating_mul(bytes));
    result.map(|()| bench.tries)
}

struct Bench<'b, 'v> {
    old: (&'b mut Version<'v>, usize, &'b Code),
    new: (&'b mut Version<'v>, usize, &'b Code),
    space: Space,
    shapes: (OutShape, OutShape),
    on: String,
    tries: u64,
    buffer: Vec<u8>,
}

impl Bench<'_, '_> {
    fn search(&mut self, pending: &mut [Pending<'_>], tries_max: u64) -> Result<(), String> {
        let seeds = self.seeds(pending);
        // Half for looking around, half for varying what was found.
        let mut round = 0;
        while self.tries < tries_max / 2 && pending.iter().any(|rule| rule.seen.is_none()) {
            let point = self.anywhere(round, &seeds);
            self.look(&point, pending)?;
            round += 1;
        }
        for index in 0..pending.len() {
            let near = pending.get(index).map(|rule| rule.near.clone()).unwrap_or_default();
            for point in near {
                self.vary(&point, index, pending, &seeds, tries_max)?;
            }
        }
        Ok(())
    }

    /// Seeds under which a draw of a rule lands at an edge or at a number of its module.
    fn seeds(&self, pending: &[Pending<'_>]) -> Vec<i64> {
        const ONE: u64 = 1_000_000;
        let mut targets: Vec<u64> = (0..64).map(|part| part * (ONE / 64)).collect();
        targets.push(ONE - 1);
        for constant in &self.space.constants {
            let near = [*constant, constant.saturating_sub(1)].into_iter();
            targets.extend(near.filter_map(|to| u64::try_from(to).ok()).filter(|to| *to < ONE));
        }
        targets.truncate(512);
        let mut seeds = Vec::new();
        for rule in pending.iter().take(512) {
            let hash = rng::name_hash(rule.name);
            for draw in 0..2 {
                for to in &targets {
                    let low = rng::draw(*to, hash, draw) as u32;
                    seeds.push(seed::landing(*to, ONE, low, hash, draw) as i64);
                }
            }
        }
        seeds
    }

    fn anywhere(&self, round: u64, seeds: &[i64]) -> Vec<i64> {
        if round == 0 {
            return self.space.plain();
        }
        let mut point = Vec::with_capacity(self.space.inputs.len());
        for (index, input) in self.space.inputs.iter().enumerate() {
            let bits = rng::draw(round, index as u64, 1);
            let from: &[i64] = match input.role {
                Role::Seed if bits & 1 == 1 && !seeds.is_empty() => seeds,
                Role::Seed | Role::Player => {
                    point.push(bits as i64);
                    continue;
                }
                _ => &input.candidates,
            };
            let at = rng::scale(bits, from.len() as u64) as usize;
            point.push(from.get(at).copied().unwrap_or_else(|| input.plain()));
        }
        point
    }

    /// Tries every value of every input in turn, from a point where a rule fires.
    fn vary(
        &mut self,
        from: &[i64],
        rule: usize,
        pending: &mut [Pending<'_>],
        seeds: &[i64],
        tries_max: u64,
    ) -> Result<(), String> {
        let mut point = from.to_vec();
        for index in 0..point.len() {
            let Some(input) = self.space.inputs.get(index) else { continue };
            let here = point[index];
            let mut values = input.candidates.clone();
            match input.role {
                Role::Seed => values.extend(seeds.iter().take(4_096)),
                Role::Player => values.extend((8..256).map(|n| rng::mix(n) as i64)),
                _ => {
                    let steps = (0..63).flat_map(|shift| {
                        [here.saturating_add(1 << shift), here.saturating_sub(1 << shift)]
                    });
                    values.extend(steps.filter(|value| input.accepts(*value)));
                }
            }
            for value in values {
                if self.tries >= tries_max || pending.get(rule).is_none_or(|r| r.seen.is_some()) {
                    return Ok(());
                }
                point[index] = value;
                self.look(&point, pending)?;
            }
            point[index] = here;
        }
        Ok(())
    }

    /// Runs both versions at a point and notes what each pending rule did there.
    fn look(&mut self, point: &[i64], pending: &mut [Pending<'_>]) -> Result<(), String> {
        let (before, after) = self.run(point)?;
        for index in 0..pending.len() {
            let Some(rule) = pending.get_mut(index).filter(|rule| rule.seen.is_none()) else {
                continue;
            };
            let fired = (bit(&before, rule.old), bit(&after, rule.new));
            if (fired.0 || fired.1) && rule.near.len() < NEAR_COUNT_MAX {
                rule.near.push(point.to_vec());
            }
            if self.does(rule.old, rule.new, &before, &after).is_some() {
                let witness = self.witness(point, rule.old, rule.new)?;
                if let Some(rule) = pending.get_mut(index) {
                    rule.seen = Some(witness);
                }
            }
        }
        Ok(())
    }

    fn run(&mut self, point: &[i64]) -> Result<(Vec<i64>, Vec<i64>), String> {
        self.tries += 1;
        self.space.write(point, Side::Old, &mut self.buffer);
        let before = self.old.0.machine.run(self.old.1, &self.buffer)?;
        self.space.write(point, Side::New, &mut self.buffer);
        let after = self.new.0.machine.run(self.new.1, &self.buffer)?;
        Ok((before, after))
    }

    /// What a rule did before and does now, when that is not the same.
    fn does(
        &self,
        old: usize,
        new: usize,
        before: &[i64],
        after: &[i64],
    ) -> Option<(String, String)> {
        let fired = (bit(before, old), bit(after, new));
        let word = |fired| if fired { "fires" } else { "does not fire" };
        if fired.0 != fired.1 {
            return Some((word(fired.0).to_owned(), word(fired.1).to_owned()));
        }
        if !fired.0 {
            return None;
        }
        let (a, b) = (self.old.0.contents, self.new.0.contents);
        let was = given(a, &self.old.2.meta, &self.shapes.0, old, before);
        let is = given(b, &self.new.2.meta, &self.shapes.1, new, after);
        // A value that only one version gives is in the rule's description.
        let differs = was.iter().find(|(name, value)| is.get(*name).is_some_and(|n| n != *value));
        differs.and_then(|(name, value)| {
            Some((format!("{name} = {value}"), format!("{name} = {}", is.get(name)?)))
        })
    }

    /// The point, made as plain as the difference allows.
    fn witness(&mut self, point: &[i64], old: usize, new: usize) -> Result<Witness, String> {
        let mut point = point.to_vec();
        for index in 0..point.len() {
            let Some(plain) = self.space.inputs.get(index).map(super::space::Input::plain) else {
                continue;
            };
            let stood = std::mem::replace(&mut point[index], plain);
            if stood == plain {
                continue;
            }
            let (before, after) = self.run(&point)?;
            if self.does(old, new, &before, &after).is_none() {
                point[index] = stood;
            }
        }
        let (before, after) = self.run(&point)?;
        let does = self.does(old, new, &before, &after).unwrap_or_default();
        let contents = (self.old.0.contents, self.new.0.contents);
        Ok(Witness::new(&self.space, &point, contents, self.on.clone(), does))
    }
}

fn bit(slots: &[i64], rule: usize) -> bool {
    slots.get(rule / 64).is_some_and(|word| word >> (rule % 64) & 1 == 1)
}

/// The numbers that stand in a module: those that its rules compare with are among them.
fn mined(wasm: &[u8]) -> BTreeSet<i64> {
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { continue };
        let Ok(operators) = body.get_operators_reader() else { continue };
        for operator in operators {
            if let Ok(Operator::I64Const { value }) = operator
                && found.len() < CONSTANTS_MAX
            {
                found.insert(value);
            }
        }
    }
    found
}
