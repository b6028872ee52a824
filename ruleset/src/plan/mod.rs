//! What changes between two versions of a rule set, in the words of its designers.
//!
//! [`plan`] compares what two versions mean, not how they are written: layout, comments, the order
//! of files and the indices behind names do not count. For a rule or condition whose logic changed
//! it looks for a witness, an input on which the two versions decide differently, and checks it by
//! running both. Where both sources are at hand the search is led by the expressions (`guided`);
//! else by what the compiled fragments do (`compiled`).
//!
//! Pure: no clock, no files. Equal inputs give equal plans.

mod clauses;
mod compiled;
mod guided;
mod loot;
mod meaning;
mod odds;
mod renames;
mod rules;
mod schema;
mod seed;
mod space;
#[cfg(test)]
pub(crate) mod tests;
mod timers;
mod witness;
mod work;

use serde::Serialize;

use crate::breaking;
use crate::contents::Contents;
pub(crate) use compiled::type_name as type_text;
pub use rules::Interpreted;
pub(crate) use schema::slot as slot_text;
pub use witness::{Decision, Witness};

/// Runs the fragments of one version.
pub trait Machine {
    /// The output slots of one fragment (by its position in [`Contents::fragments`]) on a context.
    ///
    /// # Errors
    /// Why it did not run.
    fn run(&mut self, fragment: usize, context: &[u8]) -> Result<Vec<i64>, String>;
}

/// A version with the means to run it.
pub struct Version<'a> {
    /// What it holds.
    pub contents: &'a Contents,
    /// What runs it.
    pub machine: &'a mut dyn Machine,
}

/// What kind of thing changed, in the order in which a plan lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The rule set as a whole.
    Ruleset,
    /// A parameter.
    Parameter,
    /// An enum.
    Enum,
    /// A trigger.
    Trigger,
    /// A counter.
    Counter,
    /// A timer.
    Timer,
    /// A loot table.
    LootTable,
    /// The condition of an entry of a loot table, by table and entry.
    Entry,
    /// A named condition.
    Condition,
    /// A rule.
    Rule,
    /// The code of one file for one trigger, where no source says more.
    Fragment,
    /// An event or outcome, by its label.
    Outcome,
}

impl Kind {
    /// What rules may declare and refer to by name.
    const DECLARED: [Kind; 7] = [
        Kind::Parameter,
        Kind::Enum,
        Kind::Trigger,
        Kind::Counter,
        Kind::Timer,
        Kind::LootTable,
        Kind::Condition,
    ];

    /// In the words of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Ruleset => "ruleset",
            Kind::Parameter => "param",
            Kind::Enum => "enum",
            Kind::Trigger => "trigger",
            Kind::Counter => "counter",
            Kind::Timer => "timer",
            Kind::LootTable => "loot_table",
            Kind::Entry => "entry",
            Kind::Condition => "condition",
            Kind::Rule => "rule",
            Kind::Fragment => "fragment",
            Kind::Outcome => "outcome",
        }
    }
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Only the new version has it.
    Added,
    /// Both have it, and it means something else.
    Changed,
    /// Only the old version has it.
    Removed,
}

/// One aspect of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Which aspect; empty when the name of the change says it.
    pub what: String,
    /// How it was; absent for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// How it is; absent for what is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

impl Detail {
    fn changed(what: impl Into<String>, old: impl ToString, new: impl ToString) -> Detail {
        Detail { what: what.into(), old: Some(old.to_string()), new: Some(new.to_string()) }
    }

    fn added(what: impl Into<String>, new: impl ToString) -> Detail {
        Detail { what: what.into(), old: None, new: Some(new.to_string()) }
    }

    fn removed(what: impl Into<String>, old: impl ToString) -> Detail {
        Detail { what: what.into(), old: Some(old.to_string()), new: None }
    }
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What happened to it.
    pub action: Action,
    /// How.
    pub details: Vec<Detail>,
    /// What breaks for games or services that were built for the old version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<String>,
    /// Whether it decides differently; absent where nothing is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Not all that changed is a part of what was compared for that: what only one version has, another
    /// table or type, what happens on a fault.
    #[serde(skip)]
    pub partial: bool,
}

impl Change {
    fn new(kind: Kind, name: &str, action: Action, details: Vec<Detail>) -> Change {
        let breaks = Vec::new();
        Change {
            kind,
            name: name.to_owned(),
            action,
            details,
            breaks,
            decision: None,
            partial: false,
        }
    }
}

impl Change {
    /// Whether it tells something that no search for a difference looks at.
    fn is_beside(&self) -> bool {
        self.details.iter().any(|one| {
            let beside = matches!(one.what.as_str(), "on_fault" | "order of outcomes");
            beside || one.old.is_some() != one.new.is_some()
        })
    }
}

/// Everything that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// By kind, then by name.
    pub changes: Vec<Change>,
}

impl Plan {
    /// How many things changed in this way.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }

    /// How many rules, conditions and entries decide differently, with a witness each.
    #[must_use]
    pub fn differing(&self) -> usize {
        let decisions = self.changes.iter().filter_map(|change| change.decision.as_ref());
        decisions.filter(|decision| matches!(decision, Decision::Differs(_))).count()
    }

    /// How many things break for games or services: what `breaking` finds.
    #[must_use]
    pub fn breaking(&self) -> usize {
        self.changes.iter().map(|change| change.breaks.len()).sum()
    }

    /// The last line: what it comes to.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.changes.is_empty() {
            return "Plan: no change in meaning".to_owned();
        }
        let differing = match self.differing() {
            0 => String::new(),
            1 => "; 1 rule or condition decides differently".to_owned(),
            n => format!("; {n} rules or conditions decide differently"),
        };
        let breaking = match self.breaking() {
            0 => String::new(),
            n => format!("; {n} breaking"),
        };
        format!(
            "Plan: {} changed, {} added, {} removed{differing}{breaking}",
            self.count(Action::Changed),
            self.count(Action::Added),
            self.count(Action::Removed)
        )
    }
}

/// Compares two versions; `at_ms` is the time that timers are told from and witnesses are set in.
///
/// Cost is linear in what both hold, and for each changed rule or condition at most a fixed number
/// of evaluations; together these are bounded, too, and what was left out says so.
pub fn plan<'v>(mut old: Version<'v>, mut new: Version<'v>, at_ms: i64) -> Plan {
    let mut changes = schema::changes(old.contents, new.contents);
    changes.extend(timers::changes(old.contents, new.contents, at_ms));
    changes.extend(loot::changes(old.contents, new.contents));
    changes.extend(rules::changes(&mut old, &mut new, at_ms));
    for order in rules::orders(old.contents, new.contents) {
        match changes.iter_mut().find(|c| (c.kind, &c.name) == (order.kind, &order.name)) {
            Some(change) => change.details.extend(order.details),
            None => changes.push(order),
        }
    }
    for finding in breaking::compare(old.contents, new.contents) {
        let known = changes.iter_mut().find(|c| (c.kind, &c.name) == (finding.kind, &finding.name));
        match known {
            Some(change) => change.breaks.push(finding.what),
            // What breaks somebody is a change, whatever made it: an outcome is of many rules.
            None => {
                let mut change =
                    Change::new(finding.kind, &finding.name, Action::Changed, Vec::new());
                change.breaks.push(finding.what);
                changes.push(change);
            }
        }
    }
    renames::note(old.contents, new.contents, &mut changes);
    deprecated(old.contents, new.contents, &mut changes);
    changes.sort_by(|a, b| (a.kind, &a.name, a.action).cmp(&(b.kind, &b.name, b.action)));
    Plan { changes }
}

/// What is newly on its way out, or no longer; told where both versions have their sources.
fn deprecated(old: &Contents, new: &Contents, changes: &mut Vec<Change>) {
    let (Some(was), Some(is)) = (&old.source, &new.source) else { return };
    let (was, is) = (&was.outline.deprecated, &is.outline.deprecated);
    let names: std::collections::BTreeSet<_> = was.keys().chain(is.keys()).collect();
    for key in names {
        let (before, after) = (was.get(key), is.get(key));
        if before == after {
            continue;
        }
        let (word, name) = key;
        let Some(kind) = Kind::DECLARED.into_iter().find(|kind| kind.word() == *word) else {
            continue;
        };
        let detail =
            Detail { what: "deprecated".to_owned(), old: before.cloned(), new: after.cloned() };
        match changes.iter_mut().find(|change| (change.kind, &change.name) == (kind, name)) {
            // What is added or removed whole needs no second word.
            Some(change) if change.action == Action::Changed => change.details.push(detail),
            Some(_) => {}
            None => changes.push(Change::new(kind, name, Action::Changed, vec![detail])),
        }
    }
}

/// Pairs by name: every name of either side, in order, with what each side has.
fn paired<'a, T>(
    old: &'a [T],
    new: &'a [T],
    name: impl Fn(&T) -> &str,
) -> Vec<(String, Option<&'a T>, Option<&'a T>)> {
    let mut pairs = std::collections::BTreeMap::new();
    for item in old {
        pairs.insert(name(item).to_owned(), (Some(item), None));
    }
    for item in new {
        pairs.entry(name(item).to_owned()).or_insert((None, None)).1 = Some(item);
    }
    pairs.into_iter().map(|(name, (old, new))| (name, old, new)).collect()
}
