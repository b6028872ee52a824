//! Rules, where both versions have their sources.

use std::collections::{BTreeMap, BTreeSet};

use super::guided::{self, Goal, Search, Subject};
use super::meaning::{Meaning, draws};
use super::space::{Side, Space, frame};
use super::witness::{Decision, Witness};
use super::work::{Work, constants};
use super::{Action, Change, Detail, Kind, Machine, Version, clauses, compiled, paired};
use crate::contents::{self, Contents};
use crate::context::ContextView;
use crate::interp;
use crate::ir::{Audience, Expr, On, OnFault, OutcomeDef, RuleDef, Type};
use crate::layout::OutShape;
use crate::value::Value;

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
    let mut work = Work::new(at_ms);
    let mut found = clauses::conditions((before, was), (after, is), &mut work);
    let names: Vec<String> = found.iter().map(|change| change.name.clone()).collect();
    let changed = names.iter().collect();
    found.extend(clauses::entries((before, was), (after, is), &changed, &mut work));
    found.extend(rules(old, was, new, is, &changed, &mut work));
    found
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
    /// What its outcomes give in the source's words, where that is computed.
    values: &'a [BTreeMap<String, String>],
}

fn placed<'a>(contents: &'a Contents, source: &'a contents::Written) -> Vec<Placed<'a>> {
    let places = contents.rules();
    let mut found = Vec::new();
    for def in &source.program.fragments {
        for rule in &def.rules {
            let Some(&(fragment, index)) = places.get(rule.name.as_str()) else { continue };
            let text = source.outline.rules.get(&rule.name).map_or("always", String::as_str);
            let values = source.outline.values.get(&rule.name).map_or(&[][..], Vec::as_slice);
            found.push(Placed { contents, on: def.on, fragment, index, rule, text, values });
        }
    }
    found
}

fn rules(
    old: &mut Version<'_>,
    was: &contents::Written,
    new: &mut Version<'_>,
    is: &contents::Written,
    conditions: &BTreeSet<&String>,
    work: &mut Work,
) -> Vec<Change> {
    let (before, after) = (placed(old.contents, was), placed(new.contents, is));
    let mut found = Vec::new();
    for (name, was, is) in paired(&before, &after, |placed| &placed.rule.name) {
        let change = match (was, is) {
            (None, Some(is)) => {
                Change::new(Kind::Rule, &name, Action::Added, whole(is, Detail::added))
            }
            (Some(was), None) => {
                Change::new(Kind::Rule, &name, Action::Removed, whole(was, Detail::removed))
            }
            (Some(was), Some(is)) => {
                let Some(change) = changed(was, is, conditions, (old, new), work) else {
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
    if placed.rule.on_fault == OnFault::Fail {
        details.push(detail("on_fault".to_owned(), "fail".to_owned()));
    }
    for (label, (_, values)) in &written(placed).given {
        details.push(detail(label.clone(), listed(values)));
    }
    details
}

/// The label of each outcome, in order; one that is used again has its number.
fn labels(rule: &RuleDef) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for outcome in &rule.outcomes {
        let verb = match outcome.audience {
            Audience::Caller => "emit",
            Audience::Cluster => "broadcast",
        };
        let mut label = format!("{verb} {}", outcome.name);
        let mut number = 1;
        while found.contains(&label) {
            number += 1;
            label = format!("{verb} {} ({number})", outcome.name);
        }
        found.push(label);
    }
    found
}

/// Outcomes by label, with how many stand before each.
fn outcomes(rule: &RuleDef) -> BTreeMap<String, (usize, &OutcomeDef)> {
    labels(rule).into_iter().zip(rule.outcomes.iter().enumerate()).collect()
}

/// What an outcome gives under one name.
struct Given {
    /// In the source's words; a constant as what it is.
    shown: String,
    /// In the words of the language.
    ty: &'static str,
    /// See [`Meaning::of`].
    means: String,
}

impl Given {
    /// How it changed, if it did; `relinked` is whether draws of it are shared with other values than
    /// before. `changed` are the conditions that changed.
    fn against(
        &self,
        is: &Given,
        what: &str,
        relinked: bool,
        changed: &BTreeSet<&String>,
    ) -> Option<Detail> {
        if self.ty != is.ty {
            let shown = |given: &Given| format!("{} ({})", given.shown, given.ty);
            return Some(Detail::changed(what, shown(self), shown(is)));
        }
        if self.means == is.means && relinked && self.shown == is.shown {
            let what = format!("{what}, its draws are shared with other values than before");
            return Some(Detail { what, old: None, new: None });
        }
        let same = self.means == is.means && !relinked;
        (!same).then(|| clauses::reworded(what, (&self.shown, &is.shown), changed))
    }
}

/// The name of a type, whatever its ranges and values are.
fn word(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Decimal => "decimal",
        Type::Duration => "duration",
        Type::Instant => "instant",
        Type::Enum(_) => "enum",
        Type::Symbol => "symbol",
    }
}

/// What a rule decides and gives.
struct Written<'a> {
    when: Given,
    /// By the label of the outcome.
    given: BTreeMap<String, (&'a OutcomeDef, BTreeMap<String, Given>)>,
    /// What each expression means and its draws, by its place, see [`draws`].
    drawn: BTreeMap<String, (String, Vec<u32>)>,
}

impl Written<'_> {
    /// Which draws of the expression at `place` are draws of others, by position in each: of those that
    /// mean the same in `other`. What changed is told by itself, and its positions say nothing.
    fn links(&self, place: &str, other: &Written<'_>) -> BTreeSet<(usize, &str, usize)> {
        let own = self.drawn.get(place).map_or(&[][..], |(_, draws)| draws);
        let mut links = BTreeSet::new();
        for (name, (means, theirs)) in &self.drawn {
            if name == place || other.drawn.get(name).is_none_or(|(known, _)| known != means) {
                continue;
            }
            for (at, draw) in own.iter().enumerate() {
                let there = theirs.iter().position(|known| known == draw);
                links.extend(there.map(|there| (at, name.as_str(), there)));
            }
        }
        links
    }

    fn is_relinked(&self, place: &str, is: &Written<'_>) -> bool {
        self.links(place, is) != is.links(place, self)
    }
}

fn written<'a>(placed: &Placed<'a>) -> Written<'a> {
    let outcomes = outcomes(placed.rule);
    let mut drawn = BTreeMap::new();
    let meaning = Meaning::new(placed.contents, Some(placed.on));
    let given = |shown: String, expr: &Expr, ty| Given {
        shown,
        ty: word(ty),
        means: meaning.of(expr, Some(ty)),
    };
    let when = given(placed.text.to_owned(), &placed.rule.when, Type::Bool);
    drawn.insert("when".to_owned(), (when.means.clone(), draws(&placed.rule.when)));
    let mut found = BTreeMap::new();
    for (label, (number, outcome)) in outcomes {
        let mut valued = |name: &str, expr: &Expr, ty| {
            let text = || placed.values.get(number)?.get(name).cloned();
            let shown = match expr {
                Expr::Const(raw) => Value::from_raw(ty, *raw, placed.contents).to_string(),
                _ => text().unwrap_or_else(|| "computed".to_owned()),
            };
            let given = given(shown, expr, ty);
            drawn.insert(format!("{label}: {name}"), (given.means.clone(), draws(expr)));
            given
        };
        let mut values = BTreeMap::new();
        if let Some(loot) = &outcome.loot {
            let table = placed.contents.tables.get(usize::from(loot.table));
            let shown = table.map_or("?".to_owned(), |table| table.name.clone());
            let means = shown.clone();
            values.insert("table".to_owned(), Given { shown, ty: "table", means });
            values.insert("count".to_owned(), valued("count", &loot.count, Type::Int));
        }
        for value in &outcome.payload {
            values.insert(value.name.clone(), valued(&value.name, &value.value, value.ty));
        }
        found.insert(label, (outcome, values));
    }
    Written { when, given: found, drawn }
}

/// Triggers and timers whose rules changed places, those left out that only one version has: of several
/// that roll one table, a pity that is due goes to the first. Files go by their names.
pub(super) fn orders(old: &Contents, new: &Contents) -> Vec<Change> {
    let (Some(was), Some(is)) = (&old.source, &new.source) else { return Vec::new() };
    fn rules<'a>(
        contents: &Contents,
        source: &'a contents::Written,
    ) -> BTreeMap<String, Vec<&'a str>> {
        let mut rules: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for fragment in &source.program.fragments {
            let names = fragment.rules.iter().map(|rule| rule.name.as_str());
            rules.entry(contents.on_name(fragment.on)).or_default().extend(names);
        }
        rules
    }
    let (before, after) = (rules(old, was), rules(new, is));
    let mut found = Vec::new();
    for (on, a) in &before {
        let Some(b) = after.get(on) else { continue };
        let kept = |list: &[&str], other: &[&str]| {
            let other: BTreeSet<&&str> = other.iter().collect();
            let kept = list.iter().filter(|name| other.contains(name));
            kept.copied().collect::<Vec<_>>().join(", ")
        };
        let (was, is) = (kept(a, b), kept(b, a));
        if was != is {
            let (kind, name) = match on.strip_prefix("timer.") {
                Some(timer) => (Kind::Timer, timer),
                None => (Kind::Trigger, on.as_str()),
            };
            let details = vec![Detail::changed("order of rules", was, is)];
            found.push(Change::new(kind, name, Action::Changed, details));
        }
    }
    found
}

fn listed(values: &BTreeMap<String, Given>) -> String {
    let shown = values.iter().map(|(name, given)| format!("{name} = {}", given.shown));
    let shown: Vec<String> = shown.collect();
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
    let (before, after) = (written(was), written(is));
    let relinked = before.is_relinked("when", &after);
    details.extend(before.when.against(&after.when, "when", relinked, conditions));
    let decides = before.when.means != after.when.means;
    // Whether all that changed is searched for a difference.
    let mut whole = !relinked;
    let fault = |rule: &RuleDef| match rule.on_fault {
        OnFault::Skip => "skip",
        OnFault::Fail => "fail",
    };
    if fault(was.rule) != fault(is.rule) {
        details.push(Detail::changed("on_fault", fault(was.rule), fault(is.rule)));
    }
    let mut pairs = Vec::new();
    for (label, (outcome, b)) in &after.given {
        let Some((known, a)) = before.given.get(label) else {
            details.push(Detail::added(label.clone(), listed(b)));
            continue;
        };
        let mut changed = BTreeSet::new();
        let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for name in names {
            let what = format!("{label}: {name}");
            match (a.get(name), b.get(name)) {
                (Some(a), Some(b)) => {
                    let relinked = before.is_relinked(&what, &after);
                    details.extend(a.against(b, &what, relinked, conditions));
                    whole &= a.ty == b.ty && (a.ty != "table" || a.means == b.means) && !relinked;
                    if a.ty == b.ty && a.means != b.means {
                        changed.insert(what);
                    }
                }
                (None, None) => {}
                (Some(a), None) => details.push(Detail::removed(what, &a.shown)),
                (None, Some(b)) => details.push(Detail::added(what, &b.shown)),
            }
        }
        pairs.extend(pair(label, known, outcome).into_iter().filter(|p| changed.contains(&p.name)));
    }
    for (label, (_, values)) in &before.given {
        if !after.given.contains_key(label) {
            details.push(Detail::removed(label.clone(), listed(values)));
        }
    }
    let order = |rule: &RuleDef, others: &Written<'_>| {
        let labels = labels(rule).into_iter().filter(|label| others.given.contains_key(label));
        labels.collect::<Vec<_>>().join(", ")
    };
    let (a, b) = (order(was.rule, &after), order(is.rule, &before));
    if a != b {
        details.push(Detail::changed("order of outcomes", a, b));
    }
    if details.is_empty() {
        return None;
    }
    let mut change = Change::new(Kind::Rule, &is.rule.name, Action::Changed, details);
    change.partial = !whole || change.is_beside();
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
    let mut witness = Witness::new(space, point, (was.contents, is.contents), on, does);
    let values = pairs.unwrap_or_default().iter().flat_map(|pair| [pair.old, pair.new]);
    let mut read = [&was.rule.when, &is.rule.when].into_iter().chain(values);
    witness.timed = read.any(guided::reads_now);
    Decision::Differs(Box::new(witness))
}
