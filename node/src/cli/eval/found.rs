//! What a name stands for that is to be explained: its expressions, trigger by trigger.

use std::collections::BTreeSet;
use std::fmt;

use cairn_ruleset::ir::{FieldDef, On, Program};
use cairn_ruleset::lang::{Clause, Owner, Part, Span, Trace};
use cairn_ruleset::reads::Reads;

use crate::cli::failure::Failure;
use crate::cli::roll::listed;

/// What is explained: its expressions, and what they are evaluated for.
pub(super) struct Found<'a> {
    pub(super) on: On,
    pub(super) parts: Vec<(String, &'a Part)>,
    /// What it does when it holds, and when it does not.
    pub(super) verb: (&'static str, &'static str),
}

impl Found<'_> {
    /// What its expressions with these names read, each part by itself.
    pub(super) fn reads(&self, of: impl Fn(&str) -> bool) -> Reads {
        let mut reads = Reads::default();
        let all = self.parts.iter().filter(|(what, _)| of(what));
        let mut waiting: Vec<&Part> = all.map(|(_, part)| *part).collect();
        while let Some(part) = waiting.pop() {
            reads.add(&part.ir);
            waiting.extend(&part.parts);
        }
        reads
    }
}

/// The trigger that something is judged for, among those that it could be judged for.
pub(super) struct Judged {
    pub(super) trigger: String,
    pub(super) at: usize,
    pub(super) names: Vec<String>,
}

impl Judged {
    pub(super) fn others(&self) -> impl Iterator<Item = &str> {
        let others = self.names.iter().enumerate().filter(|(at, _)| *at != self.at);
        others.map(|(_, name)| name.as_str())
    }

    /// A mistake in what was given for the trigger, which nobody named.
    pub(super) fn told(&self, mut failure: Failure) -> Failure {
        if self.names.len() > 1 {
            let hint = failure.hint.take().map_or(String::new(), |hint| format!("{hint}; "));
            failure.hint = Some(format!("{hint}judged for {self}"));
        }
        failure
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.trigger)?;
        let others: Vec<String> = self.others().map(|name| format!("--trigger {name}")).collect();
        match others.is_empty() {
            true => Ok(()),
            false => write!(out, "; for another: {}", listed(&others)),
        }
    }
}

/// Whether a name is one of a rule, and neither `condition.NAME` nor `TABLE.ENTRY`.
pub(super) fn is_rule(name: &str) -> bool {
    !name.contains('.')
}

/// What a trigger supplies.
pub(super) fn fields(program: &Program, on: On) -> &[FieldDef] {
    match on {
        On::Trigger(at) => program.triggers.get(usize::from(at)).map_or(&[], |def| &def.fields),
        On::Timer(_) => &[],
    }
}

/// All that the name stands for: one for each trigger, at least one.
pub(super) fn find<'a>(
    program: &Program,
    trace: &'a Trace,
    name: &str,
    wanted: Option<On>,
) -> Result<Vec<Found<'a>>, Failure> {
    let fits = |clause: &&Clause| wanted.is_none_or(|on| on == clause.on);
    if let Some(condition) = name.strip_prefix("condition.") {
        let Some((_, span)) = trace.conditions.iter().find(|(known, _)| known == condition) else {
            let known: Vec<&str> = trace.conditions.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Failure::usage(format!("there is no condition `{condition}`"))
                .hint(crate::suggest::hint(condition, known.iter().copied())));
        };
        let clauses = trace.clauses.iter().filter(fits);
        let within = clauses.filter_map(|clause| Some((clause.on, within(&clause.root, *span)?)));
        let found = each(within, ("holds", "does not hold"));
        if found.is_empty() {
            let at = at(program, wanted);
            return Err(Failure::usage(format!("no rule {at}uses the condition `{condition}`"))
                .hint("explain it for a trigger whose rules use it: --trigger NAME"));
        }
        return Ok(found);
    }
    if let Some((table, entry)) = name.split_once('.') {
        let owner = Owner::Entry(table.to_owned(), entry.to_owned());
        let clauses = trace.clauses.iter().filter(fits).filter(|clause| clause.owner == owner);
        let found =
            each(clauses.map(|clause| (clause.on, &clause.root)), ("may fall", "cannot fall"));
        if found.is_empty() {
            return Err(Failure::usage(format!(
                "no entry `{entry}` of `{table}` has a `when` that a rule {}reaches",
                at(program, wanted)
            ))
            .hint("an entry without `when` always takes part; is the name TABLE.ENTRY?"));
        }
        return Ok(found);
    }
    let rules = || program.fragments.iter().flat_map(|def| def.rules.iter().map(move |r| (def, r)));
    let Some((fragment, _)) = rules().find(|(_, rule)| rule.name == name) else {
        let known: Vec<&str> = rules().map(|(_, rule)| rule.name.as_str()).collect();
        let others = others(trace, name);
        let hint = match others.is_empty() {
            false => format!("did you mean {}?", others.join(" or ")),
            true => crate::suggest::hint(name, known.iter().copied()),
        };
        return Err(Failure::usage(format!("there is no rule `{name}`")).hint(hint));
    };
    if wanted.is_some_and(|on| on != fragment.on) {
        return Err(Failure::usage(format!(
            "the rule `{name}` is on {}",
            on_text(program, fragment.on)
        ))
        .hint("leave out --trigger"));
    }
    let owner = Owner::Rule(name.to_owned());
    let own = trace.clauses.iter().filter(|clause| clause.owner == owner);
    let parts = own.map(|clause| (clause.what.clone(), &clause.root)).collect();
    Ok(vec![Found { on: fragment.on, parts, verb: ("fires", "does not fire") }])
}

/// Names of other things than rules that are asked about.
const OTHERS_SHOWN_MAX: usize = 4;

/// The condition and the entries that are called so, as they are to be named.
fn others(trace: &Trace, name: &str) -> Vec<String> {
    let known = trace.conditions.iter().any(|(known, _)| known == name);
    let condition = known.then(|| format!("`condition.{name}`"));
    let entries: BTreeSet<String> = (trace.clauses.iter())
        .filter_map(|clause| match &clause.owner {
            Owner::Entry(table, entry) if entry == name => Some(format!("`{table}.{entry}`")),
            _ => None,
        })
        .collect();
    condition.into_iter().chain(entries).take(OTHERS_SHOWN_MAX).collect()
}

/// The first expression of each trigger.
fn each<'a>(
    all: impl Iterator<Item = (On, &'a Part)>,
    verb: (&'static str, &'static str),
) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'a>> = Vec::new();
    for (on, part) in all {
        if !found.iter().any(|known| known.on == on) {
            found.push(Found { on, parts: vec![("when".to_owned(), part)], verb });
        }
    }
    found
}

fn at(program: &Program, on: Option<On>) -> String {
    on.map_or_else(String::new, |on| format!("on {} ", on_text(program, on)))
}

fn within(part: &Part, span: Span) -> Option<&Part> {
    if part.span == span {
        return Some(part);
    }
    part.parts.iter().find_map(|inner| within(inner, span))
}

/// A trigger, or a timer as `timer.NAME`.
pub(super) fn on_named(program: &Program, name: &str) -> Result<On, Failure> {
    let index = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    let found = match name.strip_prefix("timer.") {
        Some(timer) => {
            program.timers.iter().position(|t| t.name == timer).map(|at| On::Timer(index(at)))
        }
        None => {
            program.triggers.iter().position(|t| t.name == name).map(|at| On::Trigger(index(at)))
        }
    };
    let known: Vec<&str> = program.triggers.iter().map(|trigger| trigger.name.as_str()).collect();
    found.ok_or_else(|| {
        Failure::usage(format!("there is no trigger `{name}`"))
            .hint(crate::suggest::hint(name, known.iter().copied()))
    })
}

/// As [`on_named`] reads it.
pub(super) fn on_text(program: &Program, on: On) -> String {
    match on {
        On::Trigger(at) => {
            program.triggers.get(usize::from(at)).map_or("?".into(), |t| t.name.clone())
        }
        On::Timer(at) => {
            program.timers.get(usize::from(at)).map_or("?".into(), |t| format!("timer.{}", t.name))
        }
    }
}
