//! What breaks for games and services that were built for an older version.
//!
//! A version may change any rule; it may not take away what others hold on to. Four contracts
//! count: the *context* (what games supply: triggers, fields, enums, counters, timers, each with
//! its dense index, so order counts, too), *outcomes* (what games and consumers receive, by label and
//! by item), *parameters* (what the SDK and the API read by name) and *players* (the misses that
//! hosts keep).
//!
//! The comparison is one-way: [`compare`] says what users of the first version lose in the second.

mod context;
mod item;
mod outcome;
mod param;
mod pity;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::contents::Contents;
use crate::plan::Kind;

/// One thing that breaks somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule that was broken, a stable word: `field-removed`.
    pub rule: &'static str,
    /// What kind of thing changed.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What changed.
    pub what: String,
    /// Whom it breaks, and how.
    pub why: String,
    /// How to get there without breaking anybody.
    pub instead: String,
}

/// Every rule with what it guards, in alphabetic order: for help and for tests.
pub const RULES: [(&str, &str); 31] = [
    ("context-lowered", "the version of the context does not fall"),
    ("context-renamed", "games go on supplying the same context"),
    ("counter-moved", "a counter keeps its index"),
    ("counter-removed", "a counter stays"),
    ("counter-trigger-changed", "a counter counts what it counted"),
    ("counter-window-changed", "a counter looks back as far as it did"),
    ("dialect-raised", "agents of today can read it"),
    ("enum-removed", "an enum stays"),
    ("enum-value-moved", "a value keeps its index"),
    ("enum-value-removed", "a value stays"),
    ("field-added", "games know all fields of a trigger"),
    ("field-moved", "a field keeps its slot"),
    ("field-range-narrowed", "what a game may supply, it may supply later"),
    ("field-removed", "a field stays"),
    ("field-type-changed", "a field keeps its type"),
    ("item-renamed", "what falls keeps its name"),
    ("loot-removed", "an outcome that rolls loot goes on to"),
    ("outcome-removed", "a label that was emitted is emitted"),
    ("param-range-narrowed", "a value that was allowed is allowed"),
    ("param-removed", "a parameter stays"),
    ("param-type-changed", "a parameter keeps its type"),
    ("param-unit-changed", "a parameter keeps its unit"),
    ("payload-field-optional", "a value that always came always comes"),
    ("payload-field-removed", "a value that came comes"),
    ("payload-type-changed", "a value keeps its type"),
    ("pity-removed", "a pity stays, so that what players have missed is known"),
    ("ruleset-renamed", "a rule set keeps its name"),
    ("timer-moved", "a timer keeps its index"),
    ("timer-removed", "a timer stays"),
    ("trigger-moved", "a trigger keeps its index"),
    ("trigger-removed", "a trigger stays"),
];

/// What users of `old` lose in `new`, by kind, name and rule. Linear in what both hold.
#[must_use]
pub fn compare(old: &Contents, new: &Contents) -> Vec<Finding> {
    let mut found = Vec::new();
    context::compare(old, new, &mut found);
    param::compare(old, new, &mut found);
    outcome::compare(old, new, &mut found);
    item::compare(old, new, &mut found);
    pity::compare(old, new, &mut found);
    found.sort_by(|a, b| {
        (a.kind, &a.name, a.rule, &a.what).cmp(&(b.kind, &b.name, b.rule, &b.what))
    });
    found
}

/// Names one subject and collects what is found about it.
struct Subject<'f> {
    kind: Kind,
    name: String,
    found: &'f mut Vec<Finding>,
}

impl Subject<'_> {
    fn breaks(&mut self, rule: &'static str, what: String, why: &str, instead: &str) {
        self.found.push(Finding {
            rule,
            kind: self.kind,
            name: self.name.clone(),
            what,
            why: why.to_owned(),
            instead: instead.to_owned(),
        });
    }
}
