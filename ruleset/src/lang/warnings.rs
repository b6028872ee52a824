//! What is worth a look and stops nothing. Warnings are given for rule sets without an error alone:
//! beside a mistake they would mostly be its consequences.

use std::collections::{BTreeMap, BTreeSet};

use super::constant::{self, shorten};
use super::literal::{self, Number};
use super::scope::Scope;
use super::session::{At, Session};
use super::tree::NodeKind;
use super::uses::{self, Kind, Use};
use super::{Code, Diagnostic, Span, clauses, cron, misnomer};

/// Best share of an entry below which its weight rounds to nothing: one in this many rolls.
const SHARE_MIN: u64 = 1_000_000;

/// A declaration on its way out.
struct Deprecated {
    text: String,
    /// Where that is said.
    span: Span,
}

/// Which declarations are on their way out, by kind and name; their blocks beside them.
#[derive(Default)]
struct Leaving {
    by_name: BTreeMap<(Kind, String), Deprecated>,
    blocks: BTreeSet<At>,
}

/// Reads what is deprecated, and once there is no error reports everything worth a look.
pub(super) fn report(session: &mut Session<'_>, scope: &Scope) {
    let leaving = leaving(session);
    if !session.is_sound() {
        return;
    }
    let uses = uses::all(session);
    deprecated(session, &leaving, &uses);
    unused(session, scope, &leaving, &uses);
    for warning in &scope.idle {
        session.report(warning.clone());
    }
    for (word, at) in uses::tops(session) {
        match word {
            "loot_table" => table(session, at),
            "rule" => misnomer::report(session, at),
            "timer" => timer(session, at),
            _ => {}
        }
    }
    clauses::report(session, scope);
}

/// A day of the month and a day of the week, which most readers take for both at once.
fn timer(session: &mut Session<'_>, at: At) {
    let Some(value) = uses::attribute(session, at, "cron") else { return };
    let expression = session.string(value);
    let Some((date, day)) = cron::either(&expression) else { return };
    let span = session.span(value);
    let message = format!("this fires on {date} of the month, and on every {day} as well");
    session.report(
        Diagnostic::warning(Code::EitherDay, span, message)
            .cause("as in every cron, a day of the month beside a day of the week means either of them")
            .help("for both at once keep one here, and ask for the other with `active` of a second timer"),
    );
}

fn leaving(session: &mut Session<'_>) -> Leaving {
    let mut leaving = Leaving::default();
    for (word, at) in uses::tops(session) {
        let Some(kind) = Kind::of_block(word) else { continue };
        let Some(value) = uses::attribute(session, at, "deprecated") else { continue };
        let Some(text) = constant::text(session, value, "`deprecated`") else { continue };
        if text.trim().is_empty() {
            session.error(
                Code::WrongShape,
                value,
                "`deprecated` says nothing",
                "whoever still uses it is told this text",
                "write what to use instead: deprecated = \"use drop_bonus\"",
            );
            continue;
        }
        let label = session.child(at, 1).filter(|label| session.kind(*label) == NodeKind::Text);
        let name = label.map(|label| session.string(label)).unwrap_or_default();
        let span = session.span(value);
        session.outline.deprecated.insert((kind.word(), name.clone()), text.clone());
        leaving.by_name.insert((kind, name), Deprecated { text, span });
        leaving.blocks.insert(at);
    }
    leaving
}

fn deprecated(session: &mut Session<'_>, leaving: &Leaving, uses: &[Use<'_>]) {
    for found in uses {
        // What leaves itself may lean on what leaves.
        if leaving.blocks.contains(&found.top) {
            continue;
        }
        let Some(known) = leaving.by_name.get(&(found.kind, found.name.to_owned())) else {
            continue;
        };
        let span = session.span(found.at);
        session.report(
            Diagnostic::warning(
                Code::Deprecated,
                span,
                format!("the {} {} is deprecated: {}", found.kind.word(), found.name, known.text),
            )
            .label(known.span, "it is marked here")
            .cause("its author means to remove it")
            .help(known.text.clone()),
        );
    }
}

fn unused(session: &mut Session<'_>, scope: &Scope, leaving: &Leaving, uses: &[Use<'_>]) {
    let used: BTreeSet<(Kind, &str)> = uses.iter().map(|found| (found.kind, found.name)).collect();
    let kinds = [
        (Kind::Enum, &scope.enum_names),
        (Kind::Param, &scope.param_names),
        (Kind::Counter, &scope.counter_names),
        (Kind::Condition, &scope.condition_names),
        (Kind::Timer, &scope.timer_names),
        (Kind::Table, &scope.table_names),
    ];
    for (kind, names) in kinds {
        for name in names.iter() {
            let leaves = leaving.by_name.contains_key(&(kind, name.to_owned()));
            let read_by_games = kind == Kind::Param && scope.external.contains(name);
            if leaves || used.contains(&(kind, name)) || read_by_games {
                continue;
            }
            let Some(span) = names.span(name) else { continue };
            let (word, help) = match kind {
                Kind::Param => (
                    "param",
                    "remove it; if games read it, say so with `external = true`".to_owned(),
                ),
                _ => (kind.word(), "remove it, or use it".to_owned()),
            };
            session.report(
                Diagnostic::warning(
                    Code::Unused,
                    span,
                    format!("nothing uses the {word} {}", shorten(name)),
                )
                .cause("what nothing uses costs every machine that holds it, and misleads readers")
                .help(help),
            );
        }
    }
}

/// An entry, as written.
struct Entry {
    label: At,
    weight: Option<(At, u64)>,
    conditional: bool,
    /// Whether a pity bounds how long it stays away.
    owed: bool,
    /// What it gives and when, attribute by attribute: equal texts without blanks give the same.
    gives: BTreeSet<String>,
}

fn table(session: &mut Session<'_>, at: At) {
    let labels = |word: &str| -> Vec<(At, At)> {
        let blocks = session.children(at).into_iter().filter(|child| {
            session.kind(*child) == NodeKind::Block
                && session.child(*child, 0).is_some_and(|name| session.text(name) == word)
        });
        blocks.filter_map(|block| Some((block, session.child(block, 1)?))).collect()
    };
    let owed: BTreeSet<String> =
        labels("pity").into_iter().map(|(_, label)| session.string(label)).collect();
    let entries: Vec<Entry> = labels("entry")
        .into_iter()
        .map(|(block, label)| entry(session, block, label, &owed))
        .collect();
    let draws = draws(session, at);
    tiny(session, &entries, draws);
    repeated(session, &entries);
}

/// Most entries that one roll of a table draws.
fn draws(session: &Session<'_>, at: At) -> u64 {
    let Some(value) = uses::attribute(session, at, "rolls") else { return 1 };
    let most = match session.kind(value) {
        NodeKind::List => session.children(value).into_iter().last(),
        _ => Some(value),
    };
    match most.map(|most| literal::number(session.text(most))) {
        Some(Some(Number::Int(count))) => u64::try_from(count).unwrap_or(1).max(1),
        _ => 1,
    }
}

fn entry(session: &Session<'_>, at: At, label: At, owed: &BTreeSet<String>) -> Entry {
    let weight = uses::attribute(session, at, "weight").and_then(|weight| {
        match literal::number(session.text(weight)) {
            Some(Number::Int(value)) => Some((weight, u64::try_from(value).ok()?)),
            _ => None,
        }
    });
    let (mut gives, mut conditional) = (BTreeSet::new(), false);
    for child in session.children(at) {
        let (Some(name), Some(value)) = (session.child(child, 0), session.child(child, 1)) else {
            continue;
        };
        let name = session.text(name);
        if session.kind(child) == NodeKind::Attribute && name != "weight" {
            let text: String = session.text(value).chars().filter(|c| !c.is_whitespace()).collect();
            conditional |= name == "when";
            gives.insert(format!("{name}={text}"));
        }
    }
    let named = ["item", "table"].iter().any(|key| uses::attribute(session, at, key).is_some());
    if !named {
        gives.insert(format!("item={}", session.text(label)));
    }
    Entry { label, weight, conditional, owed: owed.contains(&session.string(label)), gives }
}

fn tiny(session: &mut Session<'_>, entries: &[Entry], draws: u64) {
    let weight = |entry: &Entry| entry.weight.map_or(0, |(_, weight)| weight);
    let always: u64 = entries.iter().filter(|entry| !entry.conditional).map(weight).sum();
    // What is owed falls however little it weighs.
    for entry in entries.iter().filter(|entry| !entry.owed) {
        let Some((at, own)) = entry.weight else { continue };
        // At best only those without a condition stand beside it.
        let total = if entry.conditional { always.saturating_add(own) } else { always };
        let shown = own.saturating_mul(draws);
        if shown.saturating_mul(SHARE_MIN) >= total {
            continue;
        }
        let span = session.span(at);
        let name = shorten(&session.string(entry.label));
        session.report(
            Diagnostic::warning(
                Code::TinyWeight,
                span,
                format!("{name} falls in at most one of {} rolls", total / shown.max(1)),
            )
            .cause("a share under one in a million rounds to nothing in every report and forecast")
            .help("raise its weight, lower the others, or remove the entry"),
        );
    }
}

fn repeated(session: &mut Session<'_>, entries: &[Entry]) {
    let mut first: BTreeMap<&BTreeSet<String>, &Entry> = BTreeMap::new();
    // What is owed is counted by itself: to add it up with another would change what it is owed for.
    for entry in entries.iter().filter(|entry| !entry.owed) {
        let Some(earlier) = first.get(&entry.gives) else {
            first.insert(&entry.gives, entry);
            continue;
        };
        let (span, before) = (session.span(entry.label), session.span(earlier.label));
        let name = shorten(&session.string(entry.label));
        let other = shorten(&session.string(earlier.label));
        session.report(
            Diagnostic::warning(
                Code::RepeatedEntry,
                span,
                format!("{name} gives what {other} gives, under the same condition"),
            )
            .label(before, "the first one is here")
            .cause("two entries of one effect hide the chance that they add up to")
            .help("keep one of them with the sum of both weights"),
        );
    }
}
