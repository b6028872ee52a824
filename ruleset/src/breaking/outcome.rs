//! What games and consumers receive, by label: several rules may emit one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Subject};
use crate::contents::Contents;
use crate::ir::Audience;
use crate::plan::{Kind, type_text};

/// All that is emitted under one label.
#[derive(Default)]
struct Label {
    /// How many outcomes have it.
    count: usize,
    /// How many of them roll loot.
    loot: usize,
    /// Per value: how many of them have it, and its types.
    values: BTreeMap<String, (usize, BTreeSet<String>)>,
}

type Labels = BTreeMap<(bool, String), Label>;

fn labels(contents: &Contents) -> Labels {
    let mut labels = Labels::new();
    let rules = contents.fragments.iter().flat_map(|code| &code.meta.rules);
    for outcome in rules.flat_map(|rule| &rule.outcomes) {
        let key = (outcome.audience == Audience::Cluster, outcome.name.clone());
        let label = labels.entry(key).or_default();
        label.count += 1;
        label.loot += usize::from(outcome.loot.is_some());
        for value in &outcome.payload {
            let known = label.values.entry(value.name.clone()).or_default();
            known.0 += 1;
            known.1.insert(type_text(contents, value.ty));
        }
    }
    labels
}

pub(super) fn compare(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    let (before, after) = (labels(old), labels(new));
    for ((cluster, name), was) in &before {
        let (verb, who) = match cluster {
            true => ("broadcast", "consumers of the event"),
            false => ("emit", "games that handle the outcome"),
        };
        let mut subject = Subject { kind: Kind::Outcome, name: format!("{verb} {name}"), found };
        let Some(is) = after.get(&(*cluster, name.clone())) else {
            subject.breaks(
                "outcome-removed",
                format!("no rule has {verb} \"{name}\" any more"),
                &format!("{who} wait in vain"),
                "keep a rule that gives it, or tell them first",
            );
            continue;
        };
        if was.loot == was.count && is.loot < is.count {
            subject.breaks(
                "loot-removed",
                "it rolled loot, and does not always now".to_owned(),
                &format!("{who} expect drops"),
                "use another label for an outcome without loot",
            );
        }
        for (value, (count, types)) in &was.values {
            let Some((now, types_now)) = is.values.get(value) else {
                subject.breaks(
                    "payload-field-removed",
                    format!("the value {value} is gone"),
                    &format!("{who} read it"),
                    "keep it, with a constant if need be",
                );
                continue;
            };
            if *count == was.count && *now < is.count {
                subject.breaks(
                    "payload-field-optional",
                    format!("the value {value} came always, and now in {now} of {}", is.count),
                    &format!("{who} read it without asking whether it is there"),
                    "give it in every outcome of that label, or use another label",
                );
            }
            let strange: Vec<&String> = types_now.difference(types).collect();
            if !strange.is_empty() {
                let list = |types: Vec<&String>| {
                    types.into_iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
                };
                let (a, b) = (list(types.iter().collect()), list(types_now.iter().collect()));
                subject.breaks(
                    "payload-type-changed",
                    format!("the value {value} was {a} and is {b}"),
                    &format!("{who} read it as {a}"),
                    "add a value of the new type under another name",
                );
            }
        }
    }
}
