//! Blocks to declarations: names first, so that order never matters, then what they hold.

use super::constant::{self, shorten};
use super::index::Symbol;
use super::limits::*;
use super::names::{self, Names, Taken};
use super::scope::{Condition, Rule, Scope};
use super::session::{At, Session};
use super::shape::{self, Block, Schema};
use super::tree::{NodeKind, Tree};
use super::{Code, Diagnostic, Span, flaws, imports, loot, params, timers, top, triggers};
use crate::ir::{CounterDef, EnumDef};

pub(super) const fn schema(
    kind: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    blocks: &'static [&'static str],
) -> Schema {
    Schema { kind, labels: 1, required, optional, open: false, blocks }
}

pub(super) const ENUM: Schema = schema("enum", &["values"], &["deprecated"], &[]);
pub(super) const COUNTER: Schema =
    schema("counter", &["on", "per", "window"], &["deprecated"], &[]);
pub(super) const CONDITION: Schema = schema("condition", &["when"], &["deprecated"], &[]);

/// Reads every declaration of every file.
pub(super) fn declare(session: &mut Session<'_>) -> Scope {
    let mut scope = Scope::default();
    let mut found: Vec<Vec<At>> = vec![Vec::new(); super::parser::TOP_BLOCKS.len()];
    for file in 0..session.files.len() as u32 {
        for at in session.children(At { file, node: Tree::ROOT }) {
            top::sort(session, at, &mut found);
        }
    }
    let [
        rulesets,
        enums,
        triggers,
        params,
        counters,
        conditions,
        timers,
        tables,
        rules,
        _,
        imports,
    ] = &found[..]
    else {
        return scope;
    };
    for &at in imports {
        imports::read(session, at);
    }
    top::ruleset(session, rulesets, &mut scope);
    for &at in enums {
        enumeration(session, at, &mut scope);
    }
    triggers::triggers(session, triggers, &mut scope);
    params::params(session, params, &mut scope);
    for &at in counters {
        counter(session, at, &mut scope);
    }
    timers::timers(session, timers, &mut scope);
    for &at in conditions {
        let block = shape::read(session, at, &CONDITION);
        let index = scope.conditions.len();
        let when = block.value("when").filter(|_| !session.is_damaged(at));
        if let Some(name) = label(
            session,
            &block,
            "condition",
            &mut scope.condition_names,
            index,
            CONDITION_COUNT_MAX,
        ) {
            scope.conditions.push(Condition { name, when, cyclic: false });
        } else if index < CONDITION_COUNT_MAX {
            scope.nameless.conditions.extend(when);
        }
    }
    loot::tables(session, tables, &mut scope);
    for &at in rules {
        // The block's inside is read when its fragment is lowered.
        let name = session.child(at, 1).filter(|label| session.kind(*label) == NodeKind::Text);
        let header = session.span(at);
        let labels = name.into_iter().collect();
        let block = Block::bare(header, labels);
        let index = scope.rules.len();
        if let Some(name) =
            label(session, &block, "rule", &mut scope.rule_names, index, RULE_COUNT_MAX)
        {
            scope.rules.push(Rule { name, at });
        } else if index < RULE_COUNT_MAX {
            scope.nameless.rules.push(at);
        }
    }
    scope
}

/// The block's only label as a new name of its kind. `None` when it cannot be used; it is reported.
pub(super) fn label(
    session: &mut Session<'_>,
    block: &Block,
    kind: &str,
    names: &mut Names,
    index: usize,
    count_max: usize,
) -> Option<String> {
    let Some(&at) = block.labels.first() else {
        if kind == "rule" {
            session.report(
                Diagnostic::error(
                    Code::Labels,
                    block.header,
                    "`rule` with 0 labels, where 1 belongs",
                )
                .cause("the label is the name of what is declared")
                .help("write `rule \"name\" {`"),
            );
        }
        session.lose_name(kind);
        return None;
    };
    let name = session.string(at);
    if index >= count_max {
        session.lose(&name);
        session.error(
            Code::TooMany,
            at,
            format!("one `{kind}` more than the limit of {count_max}"),
            "what a rule set makes every machine hold is bounded",
            "split the rule set, or remove some",
        );
        return None;
    }
    let span = session.span(at);
    if !named(session, span, &name, kind) {
        // Nothing refers to a rule.
        if kind != "rule" {
            session.lose(&name);
            session.lose(&name.to_ascii_lowercase());
            session.lose(&names::snake(&name));
        }
        return None;
    }
    unique(session, span, &name, kind, names, index).then(|| {
        session.declares(at, Symbol::block(kind, index));
        name
    })
}

/// Whether a name is well-formed; reported when not.
pub(super) fn named(session: &mut Session<'_>, span: Span, name: &str, kind: &str) -> bool {
    if name.len() > NAME_BYTES_MAX {
        session.report(
            Diagnostic::error(
                Code::NameTooLong,
                span,
                format!("a name of {} bytes, limit {NAME_BYTES_MAX}", name.len()),
            )
            .cause("names travel in every bundle and in every answer")
            .help("shorten it"),
        );
        return false;
    }
    let dotted = matches!(kind, "emit" | "broadcast");
    if names::is_name(name) || (dotted && names::is_dotted(name)) {
        return true;
    }
    if !name.is_ascii() && !name.contains(char::is_whitespace) {
        session.report(flaws::non_ascii(span, name, "\""));
        return false;
    }
    let meant = match dotted {
        true => name.split('.').map(names::snake).collect::<Vec<_>>().join("."),
        false => names::snake(name),
    };
    let fits = names::is_name(&meant) || (dotted && names::is_dotted(&meant));
    session.report(
        Diagnostic::error(
            Code::BadName,
            span,
            format!("\"{}\" is no name for `{kind}`", shorten(name)),
        )
        .cause(if dotted {
            "names are a to z, 0 to 9 and `_`, begin with a letter, and may be joined by dots"
        } else {
            "names are a to z, 0 to 9 and `_`, and begin with a letter"
        })
        .help(match fits && meant.len() <= NAME_BYTES_MAX {
            // What stands before `=` has no quotes.
            true if matches!(kind, "field" | "payload") => format!("write `{meant}`"),
            true => format!("write \"{meant}\""),
            false => "write for example \"crypt_drop\"".to_owned(),
        }),
    );
    false
}

/// Takes a name; reported when it is taken or looks like one that is.
pub(super) fn unique(
    session: &mut Session<'_>,
    span: Span,
    name: &str,
    kind: &str,
    names: &mut Names,
    index: usize,
) -> bool {
    match names.add(name, index, span) {
        Ok(()) => true,
        Err(Taken::Same(first)) => {
            session.report(
                Diagnostic::error(
                    Code::DuplicateName,
                    span,
                    format!("a second `{kind}` with the name `{name}`"),
                )
                .label(first, "the first one is here")
                .cause(match kind {
                    "entry" => {
                        "the entries of a table have different names; two may give one `item`"
                    }
                    "value" => "the values of an enum are different",
                    "field" => "the fields of a trigger have different names",
                    _ => "all files of a rule set share one set of names",
                })
                .help("rename or remove one of them"),
            );
            false
        }
        Err(Taken::Alike(other, first)) => {
            session.report(
                Diagnostic::error(
                    Code::ConfusableName,
                    span,
                    format!("`{name}` looks like `{other}`"),
                )
                .label(first, "the other name is here")
                .cause("names that differ only in `_`, or in l, 1, i or 0, o, are taken for each other")
                .help("rename one of them so that nobody confuses them"),
            );
            true
        }
    }
}

fn enumeration(session: &mut Session<'_>, at: At, scope: &mut Scope) {
    let block = shape::read(session, at, &ENUM);
    let index = scope.enums.len();
    let name = label(session, &block, "enum", &mut scope.enum_names, index, ENUM_COUNT_MAX);
    let mut values = Vec::new();
    let mut seen = Names::default();
    let mut whole = true;
    if let Some(list) = block.value("values") {
        let elements = session.children(list);
        if session.kind(list) != NodeKind::List || elements.is_empty() {
            session.error(
                Code::WrongShape,
                list,
                "`values` is not a list of names",
                "an enum has at least one value",
                "write `values = [\"meadow\", \"forest\"]`",
            );
        } else if elements.len() > ENUM_VALUE_COUNT_MAX {
            session.error(
                Code::TooMany,
                list,
                format!("{} values, limit {ENUM_VALUE_COUNT_MAX}", elements.len()),
                "what a rule set makes every machine hold is bounded",
                "split the enum",
            );
        } else {
            let bare = |element: &&At| session.kind(**element) == NodeKind::Path;
            if let Some(first) = elements.iter().find(bare).copied() {
                // One slip of the pen, however long the list is.
                let shown = shorten(session.text(first));
                let others = elements.iter().filter(bare).count() > 1;
                let help = match (names::is_name(&shown), others) {
                    (true, false) => format!("write \"{shown}\""),
                    (true, true) => format!("write \"{shown}\", and quotes around the others"),
                    (false, _) => "write `values = [\"meadow\", \"forest\"]`".to_owned(),
                };
                session.error(
                    Code::WrongShape,
                    first,
                    format!("the value `{shown}` has no quotes"),
                    "the values of an enum are strings",
                    help,
                );
            }
            for element in elements {
                if session.kind(element) == NodeKind::Path {
                    values.push(session.text(element).to_owned());
                    continue;
                }
                let value = constant::text(session, element, "a value");
                let span = session.span(element);
                let value = value.filter(|value| named(session, span, value, "value"));
                whole &= value.is_some();
                let Some(value) = value else { continue };
                if unique(session, span, &value, "value", &mut seen, values.len()) {
                    session.declares(element, Symbol::Value(index, values.len()));
                    values.push(value);
                }
            }
        }
    }
    if !whole || session.is_damaged(at) {
        // Without values it has any.
        values.clear();
    }
    if let Some(name) = name {
        scope.enums.push(EnumDef { name, values });
    }
}

fn counter(session: &mut Session<'_>, at: At, scope: &mut Scope) {
    let block = shape::read(session, at, &COUNTER);
    let index = scope.counters.len();
    let name =
        label(session, &block, "counter", &mut scope.counter_names, index, COUNTER_COUNT_MAX);
    let trigger =
        block.value("on").and_then(|at| reference(session, at, "trigger", &scope.trigger_names));
    if let Some(at) = block.value("per")
        && session.text(at) != "player"
    {
        let shown = shorten(session.text(at));
        session.error(
            Code::UnknownName,
            at,
            format!("counters cannot be kept per `{shown}`"),
            "a counter is kept per player",
            "write `per = player`",
        );
    }
    let window = block.value("window").and_then(|at| {
        let window = constant::duration(session, at, "`window`")?;
        timers::bounded(session, at, Code::WindowRange, "the window", window, 1_000, WINDOW_MS_MAX)
    });
    if let Some(name) = name {
        let trigger = trigger.and_then(|index| u16::try_from(index).ok()).unwrap_or(0);
        let window_ms = window.unwrap_or(1_000).unsigned_abs();
        scope.counters.push(CounterDef { name, trigger, window_ms, max: COUNTER_MAX });
    }
}

/// A bare name of something of one kind, as an index.
pub(super) fn reference(
    session: &mut Session<'_>,
    at: At,
    kind: &str,
    names: &Names,
) -> Option<usize> {
    if session.kind(at) != NodeKind::Path {
        let shown = shorten(session.text(at));
        let unquoted = shown.trim_matches('"');
        let bare = unquoted.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.'));
        let unquoted = bare.unwrap_or(unquoted);
        let help = if names::is_name(unquoted) {
            format!("write {unquoted} without quotes")
        } else {
            format!("write the name of a `{kind}`")
        };
        session.error(
            Code::WrongShape,
            at,
            format!("`{shown}` does not name a `{kind}`"),
            "references are bare names; strings are values",
            help,
        );
        return None;
    }
    let name = session.text(at);
    if let Some(index) = names.find(name) {
        session.refers(at, Symbol::block(kind, index));
        return Some(index);
    }
    if session.is_lost_as(kind, name) || session.is_flawed(at) {
        return None;
    }
    // `trigger.kill` and `loot_table.chest` are guesses that lie near.
    let bare = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.'));
    let meant = match bare.filter(|bare| names.find(bare).is_some()) {
        Some(bare) => Some(bare.to_owned()),
        None => session.similar(name, names.iter()),
    };
    session.error(
        Code::UnknownName,
        at,
        format!("there is no `{kind}` called `{}`", shorten(name)),
        "no file of the rule set declares it",
        match &meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("declare `{kind} \"{}\"`, or correct the name", shorten(name)),
        },
    );
    session.fix(at, meant);
    None
}
