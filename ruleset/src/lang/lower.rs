//! Declarations to the program: fragments, their rules, and the masks of their loot tables.

use std::collections::{BTreeMap, BTreeSet};

use super::constant::{self, shorten};
use super::declare::{named, reference};
use super::index::Symbol;
use super::infer::{Checker, Keep, Shared, Ty, Val};
use super::limits::*;
use super::scope::{Entry, Scope, Worst};
use super::session::{At, Session};
use super::settled::Settled;
use super::shape::{self, Block, Schema};
use super::truth::{Constant, Truth};
use super::{Code, Diagnostic, conditions, idle, settled};
use crate::ir::{
    Audience, BinaryOp, EntryDef, Expr, FieldDef, FragmentDef, Loot, LootDef, MaskDef, On, OnFault,
    OutcomeDef, PayloadDef, Program, RuleDef, Slot, TableDef, TriggerDef, Type,
};
use crate::rng;

pub(super) const RULE: Schema = Schema {
    kind: "rule",
    labels: 1,
    required: &["on"],
    optional: &["when", "on_fault"],
    open: false,
    blocks: &["emit", "broadcast"],
};

pub(super) const EMIT: Schema =
    Schema { kind: "emit", labels: 1, required: &[], optional: &[], open: true, blocks: &[] };
pub(super) const BROADCAST: Schema = Schema { kind: "broadcast", ..EMIT };

/// Draw numbers set aside for each loot outcome of a rule.
const LOOT_DRAWS_SHIFT: u32 = 28;

/// What the rules of one fragment refer to, with the place that refers to it first.
type Reached = BTreeMap<usize, At>;

/// The rules of one fragment, by index, with their blocks.
type Group = (On, Vec<(usize, Block)>);

/// Whether an entry's condition was constant, by table and entry.
pub(super) type EntryTruths = BTreeMap<(usize, usize), Truth>;

/// Checks all rules and makes the program. What is wrong is reported and left out of it.
pub(super) fn lower(session: &mut Session<'_>, scope: &mut Scope) -> Program {
    conditions::cycles(session, scope);
    let mut shared = Shared::default();
    let mut groups: BTreeMap<(u32, u8, u16), Group> = BTreeMap::new();
    for (index, rule) in scope.rules.iter().enumerate() {
        let block = shape::read(session, rule.at, &RULE);
        let on = block.value("on").and_then(|at| on(session, scope, at));
        // A rule on nothing is checked as far as that goes.
        let Some(on) = on else {
            let mut lost = Reached::new();
            lower_rule(session, scope, &mut shared, None, &rule.name, &block, &mut lost);
            continue;
        };
        let key = match on {
            On::Trigger(trigger) => (rule.at.file, 0, trigger),
            On::Timer(timer) => (rule.at.file, 1, timer),
        };
        groups.entry(key).or_insert_with(|| (on, Vec::new())).1.push((index, block));
    }
    for &at in &scope.nameless.rules {
        let block = shape::read(session, at, &RULE);
        let on = block.value("on").and_then(|at| on(session, scope, at));
        lower_rule(session, scope, &mut shared, on, "", &block, &mut Reached::new());
    }
    let mut truths = EntryTruths::new();
    let mut fragments = Vec::new();
    for ((file, ..), (on, rules)) in groups {
        fragments.push(fragment(session, scope, &mut shared, &mut truths, file, on, &rules));
    }
    idle::unused(session, scope, &mut shared, &mut truths);
    let scope = &*scope;
    conditions::constant(session, scope, &mut shared, &truths);
    for table in &scope.tables {
        for entry in &table.entries {
            if let Some(when) = entry.when {
                let text = session.text(when);
                session.outline.entry(&table.name, &entry.name, text);
            }
        }
    }
    fragments.sort_by(|a, b| a.name.cmp(&b.name));
    Program {
        ruleset: scope.ruleset.clone(),
        dialect: DIALECT as u32,
        context: scope.context.clone(),
        symbols: shared.symbols,
        enums: scope.enums.clone(),
        params: scope.params.clone(),
        triggers: scope
            .triggers
            .iter()
            .map(|trigger| {
                let fields = trigger.fields.iter().map(|(name, slot)| FieldDef {
                    name: name.clone(),
                    slot: slot.unwrap_or(Slot { ty: Type::Int, min: 0, max: 0 }),
                });
                TriggerDef { name: trigger.name.clone(), fields: fields.collect() }
            })
            .collect(),
        counters: scope.counters.clone(),
        timers: scope.timers.clone(),
        tables: scope
            .tables
            .iter()
            .map(|table| TableDef {
                name: table.name.clone(),
                entries: table.entries.iter().map(entry).collect(),
                rolls: table.rolls,
                pities: table.pities.clone(),
            })
            .collect(),
        fragments,
    }
}

fn entry(entry: &Entry) -> EntryDef {
    let loot = match (entry.table, &entry.item) {
        (Some(table), _) => Loot::Table(u16::try_from(table).unwrap_or(0)),
        (None, Some(item)) => Loot::Item(item.clone()),
        (None, None) => Loot::Item(entry.name.clone()),
    };
    EntryDef {
        name: entry.name.clone(),
        loot,
        weight: entry.weight,
        count: entry.count,
        conditional: entry.when.is_some(),
        guaranteed: entry.guaranteed,
    }
}

pub(super) fn on(session: &mut Session<'_>, scope: &Scope, at: At) -> Option<On> {
    if let Some(name) = session.text(at).strip_prefix("timer.") {
        if let Some(index) = scope.timer_names.find(name) {
            session.refers(at, Symbol::Timer(index));
            return u16::try_from(index).ok().map(On::Timer);
        }
        if session.is_lost_as("timer", name) {
            return None;
        }
        let meant = session.similar(name, scope.timer_names.iter());
        session.error(
            Code::UnknownName,
            at,
            format!("there is no `timer` called `{}`", shorten(name)),
            "no file of the rule set declares it",
            match &meant {
                Some(meant) => format!("did you mean `timer.{meant}`?"),
                None => format!("declare `timer \"{}\"`, or correct the name", shorten(name)),
            },
        );
        session.fix(at, meant.map(|meant| format!("timer.{meant}")));
        return None;
    }
    let text = session.text(at).trim_matches('"');
    // `night.timer` and `timers.night` are guesses that lie near.
    let part = text.split('.').find(|part| scope.timer_names.find(part).is_some());
    let name = part.filter(|_| text.contains('.')).unwrap_or(text);
    if scope.trigger_names.find(name).is_none() && scope.timer_names.find(name).is_some() {
        session.error(
            Code::MissingPrefix,
            at,
            format!("`{name}` is a timer"),
            "a bare name after `on` is a trigger",
            format!("write `on = timer.{name}`"),
        );
        session.fix(at, Some(format!("timer.{name}")));
        return None;
    }
    let index = reference(session, at, "trigger", &scope.trigger_names)?;
    u16::try_from(index).ok().map(On::Trigger)
}

fn fragment(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    truths: &mut EntryTruths,
    file: u32,
    on: On,
    rules: &[(usize, Block)],
) -> FragmentDef {
    let path = session.files.get(file as usize).map_or("", |file| file.name);
    let stem = path.strip_suffix(super::SUFFIX).unwrap_or(path);
    let name = match on {
        On::Trigger(index) => {
            let name = scope.triggers.get(usize::from(index)).map_or("", |def| &def.name);
            format!("{stem}/{name}")
        }
        On::Timer(index) => {
            let name = scope.timers.get(usize::from(index)).map_or("", |def| &def.name);
            format!("{stem}/timer.{name}")
        }
    };
    let first = rules.first().map(|(_, block)| block.header);
    let mut whole = |code, message: String, help: &str| {
        if let Some(span) = first {
            session.report(
                Diagnostic::error(code, span, message)
                    .cause("the rules of one file for one trigger or timer are one fragment")
                    .help(help),
            );
        }
    };
    if name.len() > NAME_BYTES_MAX {
        whole(
            Code::NameTooLong,
            format!("the fragment's name {name} is {} bytes, limit {NAME_BYTES_MAX}", name.len()),
            "shorten the path of the file or the name of the trigger",
        );
    }
    if rules.len() > FRAGMENT_RULE_COUNT_MAX {
        whole(
            Code::TooMany,
            format!(
                "the fragment {name} has {} rules, limit {FRAGMENT_RULE_COUNT_MAX}",
                rules.len()
            ),
            "move some of the rules to another file",
        );
    }
    let mut reached = Reached::new();
    let mut lowered = Vec::new();
    let mut nodes = 0_u32;
    for (index, block) in rules {
        let name = scope.rules.get(*index).map_or("", |rule| &rule.name);
        let (rule, size) = lower_rule(session, scope, shared, Some(on), name, block, &mut reached);
        nodes = nodes.saturating_add(size);
        lowered.push(rule);
    }
    let masks = masks(session, scope, shared, truths, on, reached, &mut nodes);
    if nodes > FRAGMENT_NODE_COUNT_MAX
        && let Some(span) = first
    {
        session.report(
            Diagnostic::error(
                Code::TooCostly,
                span,
                format!(
                    "the fragment {name} takes {nodes} operations, limit {FRAGMENT_NODE_COUNT_MAX}"
                ),
            )
            .cause("a fragment evaluates all its rules at once, and compiles to at most 64 KiB")
            .help("move some of the rules to another file"),
        );
    }
    FragmentDef { name, on, rules: lowered, masks }
}

/// Eligibility of the conditional entries of every table that `reached` leads to.
fn masks(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    truths: &mut EntryTruths,
    on: On,
    reached: Reached,
    nodes: &mut u32,
) -> Vec<MaskDef> {
    let mut all = Reached::new();
    let mut open: Vec<(usize, At)> = reached.into_iter().collect();
    while let Some((index, at)) = open.pop() {
        if all.insert(index, at).is_some() {
            continue;
        }
        let entries = scope.tables.get(index).map_or(&[][..], |table| &table.entries);
        open.extend(entries.iter().filter_map(|entry| entry.table).map(|inner| (inner, at)));
    }
    let mut masks = Vec::new();
    for (index, at) in all {
        let Some(table) = scope.tables.get(index) else { continue };
        if table.entries.iter().all(|entry| entry.when.is_none()) {
            continue;
        }
        let mut entries = Vec::new();
        for (number, entry) in table.entries.iter().enumerate() {
            let Some(when) = entry.when else {
                entries.push(Expr::Const(1));
                continue;
            };
            let salt = rng::name_hash(&table.name);
            let mut checker = Checker::new(session, scope, shared, Some(on), None, salt);
            checker.uses.push(at);
            let value = checker.judged(when);
            let here = checker.truth_of(&value);
            here.note((index, number), truths);
            *nodes = nodes.saturating_add(value.size);
            entries.push(value.ir);
        }
        let Ok(table) = u16::try_from(index) else { continue };
        masks.push(MaskDef { table, entries });
    }
    masks
}

fn lower_rule(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    on: Option<On>,
    name: &str,
    block: &Block,
    reached: &mut Reached,
) -> (RuleDef, u32) {
    let hash = rng::name_hash(name);
    let mut checker = Checker::new(session, scope, shared, on, Some(hash), hash);
    if on.is_none() {
        // What it uses is used by no rule that could be read.
        checker.keep = Keep::Nothing;
    }
    let (when, mut size) = match block.value("when") {
        None => (Expr::Const(1), 1),
        Some(at) => {
            if !name.is_empty() {
                let text = checker.session.text(at);
                checker.session.outline.rule(name, text);
            }
            let value = checker.judged(at);
            if value.ty != Ty::Error {
                constant_rule(&mut checker, &value);
            }
            (value.ir, value.size)
        }
    };
    let on_fault = match block.value("on_fault") {
        None => OnFault::Skip,
        Some(at) => match constant::text(checker.session, at, "`on_fault`").as_deref() {
            Some("fail") => OnFault::Fail,
            Some("skip") | None => OnFault::Skip,
            Some(other) => {
                let other = shorten(other);
                checker.error(
                    Code::UnknownValue,
                    at,
                    format!("`on_fault` is \"{other}\""),
                    "a rule that cannot be evaluated is left out, or fails the whole evaluation",
                    "write \"skip\" or \"fail\"",
                );
                OnFault::Skip
            }
        },
    };
    if block.blocks.is_empty() && !block.damaged {
        checker.session.report(
            Diagnostic::error(Code::NoOutcome, block.header, "this rule does nothing")
                .cause("a rule has at least one `emit` or `broadcast`")
                .help("add `emit \"name\" {` with what happens, or remove the rule"),
        );
    }
    if let Some((_, over)) = block.blocks.get(OUTCOME_COUNT_MAX) {
        checker.error(
            Code::TooMany,
            *over,
            format!("outcome {} of this rule, limit {OUTCOME_COUNT_MAX}", OUTCOME_COUNT_MAX + 1),
            "every evaluation has room for every outcome",
            "make a second rule with the same condition",
        );
    }
    let mut outcomes = Vec::new();
    for (number, (kind, at)) in block.blocks.iter().take(OUTCOME_COUNT_MAX).enumerate() {
        let place = (name, number);
        outcomes.push(outcome(&mut checker, place, kind, *at, reached, &mut size));
    }
    // Only now is it known how many draws the expressions take.
    let draws = checker.draw_count();
    let rolls = outcomes.iter_mut().filter_map(|outcome: &mut OutcomeDef| outcome.loot.as_mut());
    for (number, loot) in rolls.enumerate() {
        loot.draw_base = draws + ((number as u32) << LOOT_DRAWS_SHIFT);
    }
    (RuleDef { name: name.to_owned(), hash, when, outcomes, on_fault }, size)
}

/// What to do about parts that contradict each other.
pub(super) const CONTRARY: &str = "change one of the parts; if either of them will do, join them with `||`, in brackets beside others";

/// Notes a `when` that is the same for every input. It is reported once it is known which of the
/// conditions that it names are.
fn constant_rule(checker: &mut Checker<'_, '_>, value: &Val) {
    let span = checker.session.span(value.at);
    let mut part = None;
    let (always, about, cause, help) = match value.range.single() {
        Some(single) => {
            let always = single == 1;
            let (decisive, reach) = checker.decisive(value.at, always);
            part = Some(decisive).filter(|part| *part != value.at);
            let cause = match always {
                true => "it holds for every input that hosts may supply",
                false => "it fails for every input that hosts may supply",
            };
            let help = match (always, part) {
                (true, None) => "remove `when`: a rule without it always fires",
                (true, _) => "compare with a value that makes a difference, or remove `when`",
                (false, None) => "compare with the ranges of its inputs, or remove the rule",
                (false, _) => "compare with the ranges of its inputs, or remove this part",
            };
            let text = checker.session.text(decisive);
            let decimal = |part: &str| part.ends_with(|c: char| c.is_ascii_digit());
            let whole = text.contains('/') && !text.split('.').rev().skip(1).any(decimal);
            let help = match !always && text.starts_with("chance(") && whole {
                true => {
                    "`/` of whole numbers is a whole number: write a share as a decimal, as in `chance(0.1)`"
                }
                false => help,
            };
            let about = reach.map_or(String::new(), |reach| format!(": {reach}"));
            (always, about, cause, help)
        }
        None => {
            let settled = settled::settled(checker.scope, checker.on, &value.ir);
            let Some(settled @ Settled { always, input, .. }) = settled else { return };
            let input = input.map(|input| input.name(checker.scope, checker.on));
            let contradicted = settled.contradicted(checker.scope, checker.on);
            let (paired, contrary) = (input.is_none(), contradicted.is_some());
            let (about, cause) = match (input, contradicted) {
                (_, Some(input)) => (
                    format!(": its parts contradict each other about {input}"),
                    "no value of that input satisfies all parts joined by `&&`",
                ),
                (None, _) => {
                    (String::new(), "one of its parts holds exactly when another one does not")
                }
                (Some(input), None) => {
                    (format!(", whatever {input} is"), "no value of that input makes a difference")
                }
            };
            let either = matches!(value.ir, Expr::Binary(BinaryOp::Or, ..));
            let help = match always {
                true if paired => "change one of the parts, or remove `when`",
                true if either => {
                    "if both parts are meant, join them with `&&`; else remove `when`"
                }
                true => "compare with a value that it can have, or remove `when`",
                false if paired => "change one of the parts, or remove the rule",
                false if contrary => CONTRARY,
                false => "compare with a value that it can have, or remove the rule",
            };
            (always, about, cause, help)
        }
    };
    let (code, is) = if always { (Code::AlwaysTrue, "always") } else { (Code::NeverTrue, "never") };
    let found = match part {
        None => Diagnostic::error(code, span, format!("this `when` is {is} true{about}")),
        Some(part) => {
            let shown = shorten(checker.session.text(part));
            let message =
                format!("this `when` is {is} true, because `{shown}` is {is} true{about}");
            let part = checker.session.span(part);
            Diagnostic::error(code, part, message).label(span, format!("all of it is {is} true"))
        }
    };
    let found = found.cause(cause).help(help);
    let leans = std::mem::take(&mut checker.leans);
    checker.shared.constants.push(Constant { found, leans });
}

/// The outcome at `place`: of this rule, so many of its own before it.
fn outcome(
    checker: &mut Checker<'_, '_>,
    place: (&str, usize),
    kind: &str,
    at: At,
    reached: &mut Reached,
    size: &mut u32,
) -> OutcomeDef {
    let audience = if kind == "emit" { Audience::Caller } else { Audience::Cluster };
    let schema = if kind == "emit" { &EMIT } else { &BROADCAST };
    let block = shape::read(checker.session, at, schema);
    if audience == Audience::Caller && matches!(checker.on, Some(On::Timer(_))) {
        checker.session.report(
            Diagnostic::error(Code::EmitFromTimer, block.header, "`emit` when a timer fires")
                .cause("`emit` answers whoever asked for an evaluation; a timer has no caller")
                .help("write `broadcast`"),
        );
    }
    let mut name = String::new();
    if let Some(label) = block.labels.first() {
        name = checker.session.string(*label);
        let span = checker.session.span(*label);
        named(checker.session, span, &name, kind);
    }
    let loot = block.value("table").and_then(|at| {
        let table = reference(checker.session, at, "loot_table", &checker.scope.table_names)?;
        reached.entry(table).or_insert(at);
        let count = count(checker, at, block.value("count"), table);
        told(checker, place, "count", block.value("count"), &count.0);
        *size = size.saturating_add(count.1);
        Some(LootDef { table: u16::try_from(table).ok()?, count: count.0, draw_base: 0 })
    });
    let has_table = block.value("table").is_some();
    let mut payload = Vec::new();
    for (number, (name_at, at)) in block.attributes.iter().enumerate() {
        let key = checker.session.text(*name_at);
        if has_table && matches!(key, "table" | "count") {
            continue;
        }
        if payload.len() == PAYLOAD_COUNT_MAX {
            checker.error(
                Code::TooMany,
                *name_at,
                format!("value {} of this outcome, limit {PAYLOAD_COUNT_MAX}", number + 1),
                "every evaluation has room for every value",
                "send fewer values",
            );
            break;
        }
        let span = checker.session.span(*name_at);
        named(checker.session, span, key, "payload");
        let value = checker.infer(*at, Some(Type::Symbol));
        *size = size.saturating_add(value.size);
        told(checker, place, key, Some(*at), &value.ir);
        if let Ty::Known(ty) = value.ty {
            payload.push(PayloadDef { name: key.to_owned(), ty, value: value.ir });
        }
    }
    OutcomeDef { name, audience, loot, payload }
}

/// Keeps the text of a value that is computed.
fn told(
    checker: &mut Checker<'_, '_>,
    (rule, outcome): (&str, usize),
    name: &str,
    at: Option<At>,
    value: &Expr,
) {
    if let (Some(at), false) = (at, rule.is_empty() || matches!(value, Expr::Const(_))) {
        let text = checker.session.text(at);
        checker.session.outline.value(rule, outcome, name, text);
    }
}

/// How often the table named at `table_at` is rolled, with the size of the expression.
fn count(checker: &mut Checker<'_, '_>, table_at: At, at: Option<At>, table: usize) -> (Expr, u32) {
    let worst = checker.scope.tables.get(table).map_or_else(Worst::default, |table| table.worst);
    let Some(at) = at else {
        rolls(checker, table_at, worst.of(1));
        return (Expr::Const(1), 1);
    };
    let value = checker.infer(at, None);
    match value.ty {
        Ty::Error => {}
        Ty::Known(Type::Int) if value.range.within(0, LOOT_COUNT_MAX) => {
            rolls(checker, at, worst.of(u64::try_from(value.range.max).unwrap_or(u64::MAX)));
        }
        Ty::Known(Type::Int) => {
            let ends = ("0", "1000");
            checker.out_of(Code::CountRange, &value, "0 to 1000", ends, |value| {
                !(0..=i128::from(LOOT_COUNT_MAX)).contains(&value)
            });
        }
        _ => {
            let found = checker.type_text(&value);
            checker.error(
                Code::TypeMismatch,
                at,
                format!("`count` is {found}"),
                "it says how often the table is rolled",
                match value.ty {
                    Ty::Known(Type::Decimal) => {
                        "decimals never become whole numbers: compute with whole numbers alone"
                    }
                    _ => "write a whole number",
                },
            );
        }
    }
    (value.ir, value.size)
}

/// Reports an outcome that draws more than hosts do.
fn rolls(checker: &mut Checker<'_, '_>, at: At, worst: u64) {
    if worst > OUTCOME_DRAWS_MAX {
        checker.error(
            Code::TooManyRolls,
            at,
            format!("up to {worst} rolls, nested tables included, limit {OUTCOME_DRAWS_MAX}"),
            "what one outcome costs in the worst case is bounded",
            "lower this count, or the counts of the entries that roll on other tables",
        );
    }
}

/// Entries, by table and index, whose conditions no fragment has checked.
pub(super) fn unchecked(scope: &Scope, truths: &EntryTruths) -> BTreeSet<(usize, usize)> {
    let tables = scope.tables.iter().enumerate();
    tables
        .flat_map(|(index, table)| {
            let entries = table.entries.iter().enumerate();
            entries.filter(|(_, entry)| entry.when.is_some()).map(move |(at, _)| (index, at))
        })
        .filter(|key| !truths.contains_key(key))
        .collect()
}
