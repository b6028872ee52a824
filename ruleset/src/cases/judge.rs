//! What was expected against what came out, value by value.

use super::decide::{Decision, Emitted};
use super::{Case, Meant, RuleAt, Wanted};
use crate::ir::{EnumDef, On, Program, Type};
use crate::lang::Span;
use crate::loot::Tables as _;
use crate::reads::Reads;
use crate::value::{Names, Value};

/// One value that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is of, for example `credit.coins`.
    pub what: String,
    /// As the test says.
    pub expected: String,
    /// As it came out.
    pub actual: String,
    /// Where the test says it.
    pub span: Span,
}

/// Most rules that a message names.
const NAMES_SHOWN_MAX: usize = 8;

/// Everything in which a decision differs from what the case expects; empty when it passes.
#[must_use]
pub fn judge(program: &Program, case: &Case, decision: &Decision) -> Vec<Difference> {
    differences(program, case, decision, &|| true)
}

/// [`judge()`] for whoever may lose interest: `wanted` is asked before each outcome that may be
/// meant is looked at, and before the loot of each is rolled, which is at most
/// [`crate::loot::ROLLS_MAX`] entries. Once it says false it goes on saying so; `None` then.
#[must_use]
pub fn judge_while(
    program: &Program,
    case: &Case,
    decision: &Decision,
    wanted: &dyn Fn() -> bool,
) -> Option<Vec<Difference>> {
    let found = differences(program, case, decision, wanted);
    wanted().then_some(found)
}

fn differences(
    program: &Program,
    case: &Case,
    decision: &Decision,
    go_on: &dyn Fn() -> bool,
) -> Vec<Difference> {
    let judge = Judge { program, case, decision, fired: decision.fired(program), go_on };
    let mut found = Vec::new();
    let expect = &case.expect;
    for (rule, span) in &expect.fired {
        if !judge.fired.contains(rule) {
            found.push(judge.rule(*rule, "fires", "does not fire", *span));
        }
    }
    for (rule, span) in &expect.not_fired {
        if judge.fired.contains(rule) {
            found.push(judge.rule(*rule, "does not fire", "fires", *span));
        }
    }
    if let Some((rules, span)) = &expect.exactly {
        for rule in rules.iter().filter(|rule| !judge.fired.contains(rule)) {
            found.push(judge.rule(*rule, "fires", "does not fire", *span));
        }
        for rule in judge.fired.iter().filter(|rule| !rules.contains(rule)) {
            found.push(judge.rule(*rule, "does not fire", "fires", *span));
        }
    }
    for wanted in &expect.outcomes {
        judge.outcome(wanted, &mut found);
    }
    found
}

struct Judge<'a> {
    program: &'a Program,
    case: &'a Case,
    decision: &'a Decision,
    fired: Vec<RuleAt>,
    go_on: &'a dyn Fn() -> bool,
}

impl Judge<'_> {
    fn name(&self, at: RuleAt) -> &str {
        let fragment = self.program.fragments.get(at.fragment);
        fragment.and_then(|def| def.rules.get(at.rule)).map_or("?", |rule| &rule.name)
    }

    fn rule(&self, at: RuleAt, expected: &str, actual: &str, span: Span) -> Difference {
        let what = format!("rule {}", self.name(at));
        Difference { what, expected: expected.to_owned(), actual: actual.to_owned(), span }
    }

    /// One of the outcomes that may be meant must come out whole; else the one that came nearest
    /// is shown.
    fn outcome(&self, wanted: &Wanted, found: &mut Vec<Difference>) {
        let mut nearest: Option<Vec<Difference>> = None;
        for meant in &wanted.options {
            if !(self.go_on)() {
                return;
            }
            let (given, at) = (&self.case.given, (meant.at, meant.outcome));
            let emitted = self.decision.emitted(self.program, given, at, self.go_on);
            let Some(emitted) = emitted else { continue };
            let differences = self.compare(wanted, meant, &emitted);
            if differences.is_empty() {
                return;
            }
            if nearest.as_ref().is_none_or(|best| differences.len() < best.len()) {
                nearest = Some(differences);
            }
        }
        match nearest {
            Some(differences) => found.extend(differences),
            None => {
                let silent: Vec<&str> = (wanted.options.iter())
                    .map(|meant| self.name(meant.at))
                    .take(NAMES_SHOWN_MAX)
                    .collect();
                let more = wanted.options.len() - silent.len();
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                found.push(Difference {
                    what: format!("outcome {}", wanted.label),
                    expected: "comes out".to_owned(),
                    actual: format!("{}{more} did not fire", silent.join(", ")),
                    span: wanted.span,
                });
            }
        }
    }

    fn compare(&self, wanted: &Wanted, meant: &Meant, emitted: &Emitted) -> Vec<Difference> {
        let label = &wanted.label;
        let mut found = Vec::new();
        let mut differ = |what: String, expected: String, actual: String, span: Span| {
            if expected != actual {
                found.push(Difference { what, expected, actual, span });
            }
        };
        let def = (self.program.fragments.get(meant.at.fragment))
            .and_then(|def| def.rules.get(meant.at.rule)?.outcomes.get(meant.outcome));
        for (index, expected, span) in &meant.payload {
            let Some(value) = def.and_then(|def| def.payload.get(*index)) else { continue };
            let actual = emitted.payload.get(*index).copied().unwrap_or(0);
            let text = |raw| text(self.program, value.ty, raw);
            differ(format!("{label}.{}", value.name), text(*expected), text(actual), *span);
        }
        let fell = match &emitted.fell {
            Some(Ok(fell)) => Some(fell),
            Some(Err(error)) => {
                differ(format!("{label} loot"), "rolls".into(), error.to_string(), wanted.span);
                None
            }
            None => None,
        };
        if let Some((expected, span)) = meant.rolls {
            let actual = fell.map_or(0, |fell| fell.rolls);
            differ(format!("{label} rolls"), expected.to_string(), actual.to_string(), span);
        }
        for (item, (expected, span)) in &meant.loot {
            let items = fell.map_or(&[][..], |fell| &fell.items);
            let actual = items.iter().find(|(name, _)| name == item).map_or(0, |(_, n)| *n);
            let what = format!("{label} loot {item}");
            differ(what, expected.to_string(), actual.to_string(), *span);
        }
        for (slot, (expected, span)) in &meant.misses {
            let actual = fell.and_then(|fell| fell.misses.get(*slot)).copied().unwrap_or(0);
            let (table, entry) =
                self.program.tables.as_slice().pity_name(*slot).unwrap_or(("?", "?"));
            let what = format!("{label} misses {table}.{entry}");
            differ(what, expected.to_string(), actual.to_string(), *span);
        }
        for ((table, entry), (expected, span)) in &meant.eligible {
            let mask = self.decision.mask(self.program, meant.at.fragment, *table);
            let actual = *entry < 64 && mask >> entry & 1 == 1;
            let word = |yes: bool| if yes { "eligible" } else { "not eligible" }.to_owned();
            let name = self.program.tables.get(usize::from(*table)).map_or("?".into(), |table| {
                let entry = table.entries.get(*entry).map_or("?", |entry| &entry.name);
                format!("{}.{entry}", table.name)
            });
            differ(format!("{label} entry {name}"), word(*expected), word(actual), *span);
        }
        // As they are written.
        found.sort_by_key(|difference| (difference.span.file, difference.span.start));
        found
    }
}

/// The fields that a case leaves out, with the value that they have.
#[must_use]
pub fn left_out(program: &Program, case: &Case) -> Vec<(String, String)> {
    let On::Trigger(trigger) = case.on else { return Vec::new() };
    let fields = program.triggers.get(usize::from(trigger)).map_or(&[][..], |def| &def.fields);
    let left = case.given.left_out.iter().filter_map(|slot| fields.get(usize::from(*slot)));
    left.map(|field| (field.name.clone(), text(program, field.slot.ty, field.slot.min))).collect()
}

/// What rules of the case's trigger ask for beside fields, and the case does not say, with what it is
/// then: the time the beginning of 1970, a timer not active. Linear in the fragment.
#[must_use]
pub fn unsaid(program: &Program, case: &Case) -> Vec<(String, String)> {
    if case.given.now_ms.is_some() {
        return Vec::new();
    }
    let mut reads = Reads::default();
    for fragment in program.fragments.iter().filter(|fragment| fragment.on == case.on) {
        for rule in &fragment.rules {
            reads.add(&rule.when);
            for outcome in &rule.outcomes {
                outcome.payload.iter().for_each(|payload| reads.add(&payload.value));
                outcome.loot.iter().for_each(|loot| reads.add(&loot.count));
            }
        }
        fragment.masks.iter().flat_map(|mask| &mask.entries).for_each(|entry| reads.add(entry));
    }
    let said = |timer: u16| case.given.active.iter().any(|(known, _)| *known == timer);
    let time = reads.now.then(|| ("now".to_owned(), text(program, Type::Instant, 0)));
    let timers = reads.timers.iter().filter(|timer| !said(**timer));
    let timers = timers.filter_map(|timer| program.timers.get(usize::from(*timer)));
    let timers = timers.map(|timer| (format!("active({})", timer.name), "false".to_owned()));
    time.into_iter().chain(timers).collect()
}

/// A raw value in the words of the language.
pub(crate) fn text(program: &Program, ty: Type, raw: i64) -> String {
    Value::from_raw(ty, raw, &Words(program)).to_string()
}

/// Names behind indices, from a program.
pub(crate) struct Words<'a>(pub(crate) &'a Program);

impl Words<'_> {
    fn of(&self, index: u16) -> Option<&EnumDef> {
        self.0.enums.get(usize::from(index))
    }
}

impl Names for Words<'_> {
    fn enum_value(&self, of: u16, index: u32) -> Option<&str> {
        self.of(of)?.values.get(index as usize).map(String::as_str)
    }

    fn enum_index(&self, of: u16, name: &str) -> Option<u32> {
        let at = self.of(of)?.values.iter().position(|value| value == name)?;
        u32::try_from(at).ok()
    }

    fn symbol(&self, index: u32) -> Option<&str> {
        self.0.symbols.get(index as usize).map(String::as_str)
    }

    fn symbol_index(&self, name: &str) -> Option<u32> {
        let at = self.0.symbols.iter().position(|symbol| symbol == name)?;
        u32::try_from(at).ok()
    }
}
