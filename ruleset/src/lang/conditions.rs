//! Conditions as a whole: cycles among them, those that are constant.

use std::collections::BTreeSet;

use super::infer::Shared;
use super::limits::RULE_NODE_COUNT_MAX;
use super::lower::{CONTRARY, EntryTruths};
use super::scope::Scope;
use super::session::{At, Session};
use super::tree::NodeKind;
use super::truth::Truth;
use super::{Code, Diagnostic};

/// Reports cycles and marks what is in one or leads into one. Linear in the number of references.
pub(super) fn cycles(session: &mut Session<'_>, scope: &mut Scope) {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let edges: Vec<Vec<(usize, At)>> = (scope.conditions.iter())
        .map(|condition| {
            let mut found = References::default();
            if let Some(when) = condition.when {
                found.walk(session, scope, when);
            }
            found.conditions
        })
        .collect();
    let mut state = vec![State::New; edges.len()];
    for root in 0..edges.len() {
        if state[root] != State::New {
            continue;
        }
        state[root] = State::Open;
        let mut stack = vec![(root, 0)];
        while let Some((node, edge)) = stack.pop() {
            let Some(&(inner, at)) = edges[node].get(edge) else {
                state[node] = State::Done;
                let leads = edges[node].iter().any(|(inner, _)| scope.conditions[*inner].cyclic);
                scope.conditions[node].cyclic |= leads;
                continue;
            };
            stack.push((node, edge + 1));
            match state[inner] {
                State::New => {
                    state[inner] = State::Open;
                    stack.push((inner, 0));
                }
                State::Open => {
                    scope.conditions[node].cyclic = true;
                    let path: Vec<&str> = (stack.iter().map(|(node, _)| *node))
                        .skip_while(|node| *node != inner)
                        .take(8)
                        .map(|node| scope.conditions[node].name.as_str())
                        .collect();
                    let name = &scope.conditions[inner].name;
                    let span = session.span(at);
                    let mut diagnostic = Diagnostic::error(
                        Code::ConditionCycle,
                        span,
                        format!("conditions need each other: {} → {name}", path.join(" → ")),
                    )
                    .cause("none of them could be computed first")
                    .help("write out here what is meant instead of referring to the condition");
                    let links = stack.iter().skip_while(|(node, _)| *node != inner).take(8);
                    for &(node, next) in links {
                        // The stack holds the edge after the one that was taken.
                        let taken = edges[node].get(next.wrapping_sub(1));
                        if let Some(&(to, place)) = taken.filter(|(_, place)| *place != at) {
                            let (from, to) =
                                (&scope.conditions[node].name, &scope.conditions[to].name);
                            let place = session.span(place);
                            diagnostic = diagnostic.label(place, format!("{from} needs {to} here"));
                        }
                    }
                    session.report(diagnostic);
                }
                State::Done => {}
            }
        }
    }
}

/// Parts after which no more are looked for. An operation has at most four: a call, its name, and
/// what it compares.
const PART_COUNT_MAX: usize = 8 * RULE_NODE_COUNT_MAX as usize;

/// What an expression refers to.
#[derive(Default)]
pub(super) struct References {
    conditions: Vec<(usize, At)>,
    pub(super) fields: BTreeSet<String>,
    /// How many parts it has.
    pub(super) parts: usize,
}

impl References {
    /// What an expression refers to itself, and through the conditions that it names; not all of what
    /// has more parts than a rule may have, whose check ends with that.
    pub(super) fn of(session: &Session<'_>, scope: &Scope, at: At) -> References {
        let mut found = References::default();
        found.walk(session, scope, at);
        let mut seen = BTreeSet::new();
        while let Some((index, _)) = found.conditions.pop() {
            let condition = scope.conditions.get(index).filter(|condition| !condition.cyclic);
            if let Some(when) = condition.and_then(|condition| condition.when)
                && found.parts <= PART_COUNT_MAX
                && seen.insert(index)
            {
                found.walk(session, scope, when);
            }
        }
        found
    }

    /// What the expression itself refers to. Recursion is bounded by the height of one expression.
    fn walk(&mut self, session: &Session<'_>, scope: &Scope, at: At) {
        self.parts += 1;
        if session.kind(at) == NodeKind::Path {
            let text = session.text(at);
            if let Some(name) = text.strip_prefix("condition.") {
                if let Some(index) = scope.condition_names.find(name)
                    && index < scope.conditions.len()
                {
                    self.conditions.push((index, at));
                }
            } else if let Some(name) = text.strip_prefix("trigger.") {
                self.fields.insert(name.to_owned());
            }
        }
        for child in session.children(at) {
            self.walk(session, scope, child);
        }
    }
}

/// Reports rules, conditions and entries whose `when` held always, or never, wherever it was used. What
/// comes of a condition that is reported is no mistake of its own.
pub(super) fn constant(
    session: &mut Session<'_>,
    scope: &Scope,
    shared: &mut Shared,
    entries: &EntryTruths,
) {
    let rules = std::mem::take(&mut shared.constants);
    let truths = &shared.truths;
    let follows = |leans: &BTreeSet<usize>| {
        leans.iter().any(|index| truths.get(index).is_some_and(Truth::is_constant))
    };
    for rule in rules {
        if !follows(&rule.leans) {
            session.report(rule.found);
        }
    }
    for (index, truth) in truths {
        let Some(condition) = scope.conditions.get(*index) else { continue };
        let Some(when) = condition.when.filter(|_| !follows(&truth.leans)) else { continue };
        let name = &condition.name;
        if truth.always {
            session.error(
                Code::AlwaysTrue,
                when,
                format!("the condition {name} is always true{}", reach(truth)),
                "it holds for every input that hosts may supply, wherever it is used",
                "remove it, or compare with values inside the ranges of its inputs",
            );
        } else if truth.never {
            let (about, help) =
                contrary(truth, "widen it, or remove it with the rules that need it");
            session.error(
                Code::NeverTrue,
                when,
                format!("the condition {name} is never true{about}"),
                "it fails for every input that hosts may supply, wherever it is used",
                help,
            );
        }
    }
    for ((table, entry), truth) in entries {
        let Some(def) = scope.tables.get(*table).and_then(|table| table.entries.get(*entry)) else {
            continue;
        };
        let Some(when) = def.when.filter(|_| !follows(&truth.leans)) else { continue };
        if truth.always {
            session.error(
                Code::AlwaysTrue,
                when,
                format!("the `when` of the entry {} is always true{}", def.name, reach(truth)),
                "it holds for every input that hosts may supply",
                "remove `when`: an entry without it is always eligible",
            );
        } else if truth.never {
            let (about, help) = contrary(truth, "widen its `when`, or remove the entry");
            session.error(
                Code::NeverTrue,
                when,
                format!("the entry {} is never reached{about}", def.name),
                "its `when` fails for every input that hosts may supply",
                help,
            );
        }
    }
}

/// What to add to what is said of something that never holds, and what to do about it; `widen` where no
/// contradiction is known.
fn contrary<'h>(truth: &Truth, widen: &'h str) -> (String, &'h str) {
    match &truth.contradicted {
        Some(input) => (format!(": its parts contradict each other about {input}"), CONTRARY),
        None => (reach(truth), widen),
    }
}

/// What the input can be that settles it.
fn reach(truth: &Truth) -> String {
    truth.reach.as_ref().map_or(String::new(), |reach| format!(": {reach}"))
}
