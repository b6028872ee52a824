//! What a test expects: rules that fire, outcomes with their values, loot.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Reach, Reader};
use crate::cases::{Expect, Meant, RuleAt, Wanted};
use crate::ir::{Loot, On, OutcomeDef, Slot, Type};
use crate::lang::index::Symbol;
use crate::lang::limits::LOOT_COUNT_MAX;
use crate::lang::session::At;
use crate::lang::shape::{self, Block, Schema};
use crate::lang::{Code, Diagnostic, Span};

pub(in crate::lang) const EXPECT: Schema = Schema {
    kind: "expect",
    labels: 1,
    required: &[],
    optional: &["rule", "payload", "rolls", "loot", "eligible", "not_eligible", "misses"],
    open: false,
    blocks: &[],
};

/// Entries that a misspelt one is compared with.
const KNOWN_COUNT_MAX: usize = 4_096;

/// Most items of one name that one outcome may give: rolls × items of an entry, nested.
const ITEMS_MAX: i64 = 1_000_000_000;

impl<'c> Reader<'c, '_> {
    /// `fired`, `not_fired` and `fired_exactly` of a test or a row.
    pub(super) fn rules_of(&mut self, block: &Block, on: On, expect: &mut Expect) {
        if let Some((names, _)) = self.names(block, "fired") {
            let rules: Vec<_> = names.into_iter().filter_map(|at| self.rule(at, on)).collect();
            expect.fired.extend(rules);
        }
        if let Some((names, _)) = self.names(block, "not_fired") {
            let rules: Vec<_> = names.into_iter().filter_map(|at| self.rule(at, on)).collect();
            expect.not_fired.extend(rules);
        }
        if let Some((names, at)) = self.names(block, "fired_exactly") {
            let rules = names.into_iter().filter_map(|at| self.rule(at, on));
            let rules = rules.map(|(rule, _)| rule).collect();
            expect.exactly = Some((rules, self.session.span(at)));
        }
    }

    /// A rule that can fire in this test.
    fn rule(&mut self, at: At, on: On) -> Option<(RuleAt, Span)> {
        let name = self.session.text(at);
        let Some(rule) = self.rules.get(name).copied() else {
            let rules = Rc::clone(&self.rules);
            self.unknown(at, "rule", name, rules.keys().copied());
            return None;
        };
        self.session.refers(at, self.scope.rule_names.find(name).map(Symbol::Rule));
        let own = self.program.fragments.get(rule.fragment).map(|def| def.on);
        if own != Some(on) {
            let (own, on) =
                (own.map_or_else(String::new, |own| self.on_text(own)), self.on_text(on));
            self.session.error(
                Code::NotOfThisTest,
                at,
                format!("the rule {name} is on {own}, and this test is on {on}"),
                "only the rules of the test's own trigger or timer are evaluated",
                format!("name a rule on {on}, or write `on = {own}`"),
            );
            return None;
        }
        Some((rule, self.session.span(at)))
    }

    fn on_text(&self, on: On) -> String {
        match on {
            On::Trigger(index) => {
                self.program.triggers.get(usize::from(index)).map_or("?".into(), |t| t.name.clone())
            }
            On::Timer(index) => (self.program.timers.get(usize::from(index)))
                .map_or("?".into(), |timer| format!("timer.{}", timer.name)),
        }
    }

    /// Reads an `expect` block.
    pub(super) fn wanted(&mut self, at: At, on: On) -> Option<Wanted> {
        let block = shape::read(self.session, at, &EXPECT);
        let label_at = *block.labels.first()?;
        let label = self.session.string(label_at);
        let rule = match block.value("rule") {
            None => None,
            Some(at) => Some(self.rule(at, on)?.0),
        };
        let by_name = self.outcomes.get(&on).map(Rc::clone).unwrap_or_default();
        let ours = |at: &RuleAt| rule.is_none_or(|rule| rule == *at);
        let meant = by_name.get(label.as_str()).map_or(&[][..], Vec::as_slice);
        let meant = meant.iter().filter(|(at, _)| ours(at));
        if !self.affords(label_at, meant.clone().count()) {
            return None;
        }
        let options: Vec<Meant> = meant
            .map(|(at, outcome)| Meant {
                at: *at,
                outcome: *outcome,
                payload: Vec::new(),
                rolls: None,
                loot: BTreeMap::new(),
                eligible: BTreeMap::new(),
                misses: BTreeMap::new(),
            })
            .collect();
        if options.is_empty() {
            let known = by_name.iter().filter(|(_, meant)| meant.iter().any(|(at, _)| ours(at)));
            let what = match rule {
                Some(_) => "outcome of this rule called".to_owned(),
                None => format!("outcome of a rule on {} called", self.on_text(on)),
            };
            self.unknown(label_at, &what, &label, known.map(|(name, _)| *name));
            return None;
        }
        let mut wanted = Wanted { label, span: self.session.span(label_at), options };
        self.values(&block, &mut wanted).then_some(wanted)
    }

    /// What a row adds to the test's only `expect` block; false when there is no such block.
    pub(super) fn complete(&mut self, row: &Block, expect: &mut Expect) -> bool {
        let adds = ["payload", "rolls", "loot", "eligible", "not_eligible", "misses"];
        let Some(first) = adds.iter().find_map(|name| row.value(name)) else { return true };
        if !self.whole {
            // It may be the block that is meant which could not be read.
            return true;
        }
        let [wanted] = &mut expect.outcomes[..] else {
            if !self.failed() {
                let count = expect.outcomes.len();
                self.session.error(
                    Code::UnclearCase,
                    first,
                    format!(
                        "a row with values for an outcome, in a test with {count} `expect` blocks"
                    ),
                    "the values of a row complete the one `expect` block of its test",
                    "leave exactly one `expect \"name\" {}` beside `cases`, or split the test",
                );
            }
            return false;
        };
        let mut completed = wanted.clone();
        if self.values(row, &mut completed) {
            *wanted = completed;
        }
        true
    }

    /// Puts expected values on every outcome that can have them; those that cannot are no longer
    /// meant. False when none is left, which is reported.
    fn values(&mut self, block: &Block, wanted: &mut Wanted) -> bool {
        let lists = ["payload", "loot", "eligible", "not_eligible", "misses"];
        let lists = lists.iter().filter_map(|name| block.value(name));
        let count = lists.map(|at| self.session.children(at).len()).sum::<usize>();
        if let Some((at, _)) = block.attributes.first()
            && !self.affords(*at, count.saturating_mul(wanted.options.len()))
        {
            return false;
        }
        for (name_at, value_at) in self.pairs(block, "payload") {
            let name = self.session.text(name_at);
            let has = |reader: &Self, meant: &Meant| {
                reader.def(meant)?.payload.iter().position(|value| value.name == name)
            };
            let mut known: Vec<&str> = Vec::new();
            for def in wanted.options.iter().filter_map(|meant| self.def(meant)) {
                known.extend(def.payload.iter().map(|value| value.name.as_str()));
            }
            wanted.options.retain(|meant| has(self, meant).is_some());
            let Some(first) = wanted.options.first() else {
                known.sort_unstable();
                known.dedup();
                let what = format!("payload value of {} called", wanted.label);
                self.unknown(name_at, &what, name, known.into_iter());
                return false;
            };
            // Rules may give one name different types: the first one's is what a test may say.
            let ty = has(self, first).and_then(|at| self.def(first)?.payload.get(at)).map(|v| v.ty);
            let Some(ty) = ty else { return false };
            let Some(value) = self.literal(value_at, ty, name) else { return false };
            let span = self.session.span(value_at);
            let mut options = std::mem::take(&mut wanted.options);
            options.retain_mut(|meant| {
                let Some(at) = has(self, meant) else { return false };
                let own = self.def(meant).and_then(|def| def.payload.get(at)).map(|v| v.ty);
                meant.payload.retain(|(of, ..)| *of != at);
                meant.payload.push((at, value, span));
                own == Some(ty)
            });
            wanted.options = options;
        }
        self.loot(block, wanted)
    }

    fn def(&self, meant: &Meant) -> Option<&'c OutcomeDef> {
        let rules = &self.program.fragments.get(meant.at.fragment)?.rules;
        rules.get(meant.at.rule)?.outcomes.get(meant.outcome)
    }

    fn loot(&mut self, block: &Block, wanted: &mut Wanted) -> bool {
        let asks = ["rolls", "loot", "eligible", "not_eligible", "misses"];
        let Some(first) = asks.iter().find_map(|name| block.value(name)) else { return true };
        let rolls = |reader: &Self, meant: &Meant| {
            reader.def(meant).and_then(|def| def.loot.as_ref()).map(|loot| loot.table)
        };
        wanted.options.retain(|meant| rolls(self, meant).is_some());
        let Some(table) = wanted.options.first().and_then(|meant| rolls(self, meant)) else {
            self.session.error(
                Code::NotOfThisTest,
                first,
                format!("the outcome {} rolls no loot table", wanted.label),
                "an outcome rolls a table when it has `table = …`",
                "expect `payload` values, or name the outcome that rolls",
            );
            return false;
        };
        if let Some(at) = block.value("rolls") {
            let slot = Slot { ty: Type::Int, min: 0, max: LOOT_COUNT_MAX };
            let Some(value) = self.ranged(at, &slot, "rolls") else { return false };
            let span = self.session.span(at);
            wanted.options.iter_mut().for_each(|meant| meant.rolls = Some((value, span)));
        }
        for (name_at, value_at) in self.pairs(block, "loot") {
            let name = self.session.text(name_at);
            let givers = self.givers();
            let gives =
                |reach: &Reach, tables: &BTreeSet<u16>| tables.iter().any(|t| reach.has(*t));
            let mut options = std::mem::take(&mut wanted.options);
            options.retain(|meant| {
                let Some(table) = rolls(self, meant) else { return false };
                givers.get(name).is_some_and(|tables| gives(&self.reach(table), tables))
            });
            wanted.options = options;
            if wanted.options.is_empty() {
                let reach = self.reach(table);
                let known = givers.iter().filter(|(_, tables)| gives(&reach, tables));
                let known: Vec<&str> = known.map(|(item, _)| *item).collect();
                // An entry is named where its item belongs.
                let entries = self.program.tables.get(usize::from(table));
                let entry = entries.and_then(|def| def.entries.iter().find(|e| e.name == name));
                let item = entry.and_then(|entry| match &entry.loot {
                    Loot::Item(item) => Some(item.as_str()),
                    Loot::Table(_) => None,
                });
                let what = format!("item in {} called", self.table(table));
                self.unknown_but(name_at, &what, name, item, known.into_iter());
                return false;
            }
            let slot = Slot { ty: Type::Int, min: 0, max: ITEMS_MAX };
            let Some(count) = self.ranged(value_at, &slot, name) else { return false };
            let span = self.session.span(value_at);
            for meant in &mut wanted.options {
                meant.loot.insert(name.to_owned(), (count.unsigned_abs(), span));
            }
        }
        for (slot, count, at) in self.misses(block, "misses") {
            let span = self.session.span(at);
            for meant in &mut wanted.options {
                meant.misses.insert(slot, (count, span));
            }
        }
        for (attribute, may) in [("eligible", true), ("not_eligible", false)] {
            let Some((names, _)) = self.names(block, attribute) else { continue };
            for at in names {
                if !self.entry(at, table, may, wanted) {
                    return false;
                }
            }
        }
        true
    }

    /// `entry` of the outcome's table, or `table.entry` of one that it leads to.
    fn entry(&mut self, at: At, table: u16, may: bool, wanted: &mut Wanted) -> bool {
        let text = self.session.text(at);
        let (inner, name) = match text.split_once('.') {
            Some((inner, name)) => (Some(inner), name),
            None => (None, text),
        };
        let program = self.program;
        let span = self.session.span(at);
        let mut named = None;
        let mut options = std::mem::take(&mut wanted.options);
        options.retain_mut(|meant| {
            let Some(own) = self.def(meant).and_then(|def| def.loot.as_ref()) else { return false };
            let of = match inner {
                None => Some(own.table),
                Some(inner) => (self.scope.table_names.find(inner))
                    .and_then(|index| u16::try_from(index).ok())
                    .filter(|inner| self.reach(own.table).has(*inner)),
            };
            let found = of.and_then(|of| {
                let entries = &program.tables.get(usize::from(of))?.entries;
                Some((of, entries.iter().position(|entry| entry.name == name)?))
            });
            if let Some((of, entry)) = found {
                meant.eligible.insert((of, entry), (may, span));
            }
            named = found.or(named);
            found.is_some()
        });
        wanted.options = options;
        if let Some((table, entry)) = named {
            let table = usize::from(table);
            self.session.refers(at, Symbol::Entry(table, entry));
            if inner.is_some() {
                self.session.refers_root(at, Symbol::Table(table));
            }
        }
        if wanted.options.is_empty() {
            let reach = self.reach(table);
            let mut reached: Vec<_> =
                (0..).zip(&program.tables).filter(|(of, _)| reach.has(*of)).collect();
            reached.sort_by_key(|(of, _)| *of != table);
            let known: Vec<String> = (reached.into_iter().flat_map(|(of, def)| {
                def.entries.iter().map(move |entry| match of == table {
                    true => entry.name.clone(),
                    false => format!("{}.{}", def.name, entry.name),
                })
            }))
            .take(KNOWN_COUNT_MAX)
            .collect();
            let def = program.tables.get(usize::from(table));
            let gives = |entry: &&crate::ir::EntryDef| matches!(&entry.loot, Loot::Item(item) if item == text);
            let meant = def.and_then(|def| def.entries.iter().find(gives));
            let meant = meant.map(|entry| entry.name.as_str());
            let what = format!("entry in {} called", self.table(table));
            self.unknown_but(at, &what, text, meant, known.iter().map(String::as_str));
            return false;
        }
        true
    }

    fn table(&self, index: u16) -> &'c str {
        self.program.tables.get(usize::from(index)).map_or("?", |table| &table.name)
    }

    /// What a table leads to; looked for once. Editors ask while tables lead back to themselves, too.
    fn reach(&mut self, table: u16) -> Rc<Reach> {
        let program = self.program;
        let find = || {
            let mut reach = Reach::default();
            let mut open = vec![table];
            while let Some(next) = open.pop() {
                let entries = program.tables.get(usize::from(next)).map(|def| &def.entries);
                let entries = entries.filter(|_| reach.insert(next)).into_iter().flatten();
                open.extend(entries.filter_map(|entry| match entry.loot {
                    Loot::Table(inner) => Some(inner),
                    Loot::Item(_) => None,
                }));
            }
            Rc::new(reach)
        };
        Rc::clone(self.reached.entry(table).or_insert_with(find))
    }

    /// The tables that give each item, by its name; looked for once.
    fn givers(&mut self) -> Rc<BTreeMap<&'c str, BTreeSet<u16>>> {
        let program = self.program;
        let find = || {
            let mut givers: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
            for (index, def) in (0..).zip(&program.tables) {
                for entry in &def.entries {
                    if let Loot::Item(item) = &entry.loot {
                        givers.entry(item).or_default().insert(index);
                    }
                }
            }
            Rc::new(givers)
        };
        Rc::clone(self.givers.get_or_insert_with(find))
    }

    /// Reports rules that should both fire and not fire.
    pub(super) fn contrary(&mut self, expect: &Expect) {
        if self.failed() {
            // What was left out may be what would agree.
            return;
        }
        // The first of several counts.
        let silent: BTreeMap<RuleAt, Span> = expect.not_fired.iter().rev().copied().collect();
        let exactly = expect.exactly.iter().flat_map(|(rules, _)| rules);
        let exactly: BTreeSet<RuleAt> = exactly.copied().collect();
        let is_exactly = |rule: &RuleAt| exactly.contains(rule);
        let quiet = |rule: &RuleAt| -> Option<Span> {
            let named = silent.get(rule).copied();
            let outside = expect.exactly.as_ref().filter(|_| !is_exactly(rule));
            named.or(outside.map(|(_, span)| *span))
        };
        let mut contrary = None;
        for (rule, span) in &expect.fired {
            contrary = contrary.or_else(|| quiet(rule).map(|other| (*span, other)));
        }
        for (rule, span) in &expect.not_fired {
            let exactly = expect.exactly.as_ref().filter(|_| is_exactly(rule));
            contrary = contrary.or(exactly.map(|(_, other)| (*span, *other)));
        }
        for wanted in &expect.outcomes {
            let silent: Option<Vec<Span>> =
                wanted.options.iter().map(|meant| quiet(&meant.at)).collect();
            let silent = silent.and_then(|spans| spans.first().copied());
            contrary = contrary.or(silent.map(|other| (wanted.span, other)));
        }
        if let Some((span, other)) = contrary {
            let cause = "no decision can meet both, so the test could never pass";
            self.session.report(
                Diagnostic::error(
                    Code::ContraryTest,
                    span,
                    "a rule should fire here and stay silent",
                )
                .label(other, "it should not fire, says this")
                .cause(cause)
                .help("remove one of the two"),
            );
        }
    }
}
