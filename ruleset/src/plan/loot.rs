//! Loot tables as odds: what a designer means by a weight.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, Detail, Kind, odds, paired};
use crate::contents::Contents;
use crate::ir::{EntryDef, Loot, PityDef, TableDef};

pub(super) fn changes(old: &Contents, new: &Contents) -> Vec<Change> {
    let mut found = BTreeMap::new();
    for (name, was, is) in paired(&old.tables, &new.tables, |table| &table.name) {
        let (action, details) = match (was, is) {
            (None, Some(is)) => (Action::Added, lines(new, is, Detail::added)),
            (Some(was), None) => (Action::Removed, lines(old, was, Detail::removed)),
            (Some(was), Some(is)) => (Action::Changed, entries(old, was, new, is)),
            (None, None) => continue,
        };
        if action != Action::Changed || !details.is_empty() {
            let change = Change::new(Kind::LootTable, &name, action, details);
            found.insert(name, change);
        }
    }
    let changed: BTreeSet<String> = found.keys().cloned().collect();
    for (name, details) in odds::changes(old, new, &changed) {
        match found.get_mut(&name) {
            Some(change) => change.details.extend(details),
            None if details.is_empty() => {}
            None => {
                let change = Change::new(Kind::LootTable, &name, Action::Changed, details);
                found.insert(name, change);
            }
        }
    }
    found.into_values().collect()
}

/// Sum of the weights when every condition holds.
fn total(table: &TableDef) -> u64 {
    table.entries.iter().map(|entry| u64::from(entry.weight)).sum()
}

/// A share with four significant digits, in integers: `3.5 %`, `0.0512 %`.
fn percent(weight: u32, total: u64) -> String {
    let total = u128::from(total.max(1));
    // Millionths of a per cent, rounded half up.
    let parts = (u128::from(weight) * 100_000_000 + total / 2) / total;
    let text = significant(parts);
    if text.contains('.') { format!("{text} %") } else { format!("{text}.0 %") }
}

/// Millionths as a decimal of four significant digits.
pub(super) fn significant(parts: u128) -> String {
    let digits = parts.checked_ilog10().unwrap_or(0);
    let unit = 10u128.pow(digits.saturating_sub(3));
    let parts = (parts + unit / 2) / unit * unit;
    crate::value::decimal_text(i64::try_from(parts).unwrap_or(i64::MAX))
}

fn lines(
    contents: &Contents,
    table: &TableDef,
    detail: impl Fn(String, String) -> Detail,
) -> Vec<Detail> {
    let total = total(table);
    let label = |entry: &EntryDef| label(entry, odds::plain(table));
    let mut details = Vec::new();
    if table.rolls != (1, 1) {
        details.push(detail("draws".to_owned(), range(table.rolls)));
    }
    for entry in &table.entries {
        details.push(detail(label(entry), whole(contents, table, entry, total)));
    }
    details
}

/// The name of an entry, and what its share is a share of where that needs to be said.
fn label(entry: &EntryDef, plain: bool) -> String {
    if plain || entry.guaranteed { entry.name.clone() } else { format!("{} per draw", entry.name) }
}

/// The odds of one draw by weight, or that an entry is given without one.
fn share(entry: &EntryDef, total: u64) -> String {
    if entry.guaranteed { "guaranteed".to_owned() } else { percent(entry.weight, total) }
}

fn pity_of<'t>(table: &'t TableDef, entry: &EntryDef) -> Option<&'t PityDef> {
    table.pities.iter().find(|pity| {
        table.entries.get(usize::from(pity.entry)).is_some_and(|known| known.name == entry.name)
    })
}

/// Whether two pities mean the same: a step counts by its share of the table's weights.
fn same_pity((was, before): (Option<&PityDef>, u64), (is, after): (Option<&PityDef>, u64)) -> bool {
    match (was, is) {
        (Some(a), Some(b)) => {
            let soft = |pity: &PityDef| (pity.soft_step > 0).then_some(pity.soft_from);
            let steps = u128::from(a.soft_step) * u128::from(after)
                == u128::from(b.soft_step) * u128::from(before);
            (a.after, soft(a)) == (b.after, soft(b)) && steps
        }
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// How long an entry stays away at most, and how its weight grows until then.
fn pity(table: &TableDef, entry: &EntryDef) -> String {
    match pity_of(table, entry) {
        None => "none".to_owned(),
        Some(pity) if pity.soft_step == 0 && pity.after == 1 => "after 1 miss".to_owned(),
        Some(pity) if pity.soft_step == 0 => format!("after {} misses", pity.after),
        Some(pity) => format!(
            "after {} misses, from {} on {} heavier each",
            pity.after, pity.soft_from, pity.soft_step
        ),
    }
}

fn range((few, many): (u32, u32)) -> String {
    if few == many { few.to_string() } else { format!("{few} to {many}") }
}

/// An entry in full: odds, what it gives, on which condition.
fn whole(contents: &Contents, table: &TableDef, entry: &EntryDef, total: u64) -> String {
    let mut text = share(entry, total);
    let gives = gives(contents, entry);
    if gives != entry.name {
        text.push_str(&format!(" {gives}"));
    }
    if entry.count != (1, 1) {
        text.push_str(&format!(" × {}", count(entry)));
    }
    if pity_of(table, entry).is_some() {
        text.push_str(&format!(", at the latest {}", pity(table, entry)));
    }
    if entry.conditional {
        text.push_str(&format!(" when {}", when(contents, table, entry)));
    }
    text
}

fn gives(contents: &Contents, entry: &EntryDef) -> String {
    match &entry.loot {
        Loot::Item(item) => item.clone(),
        Loot::Table(index) => {
            let table = contents.tables.get(usize::from(*index));
            format!("loot_table {}", table.map_or("?", |table| &table.name))
        }
    }
}

fn count(entry: &EntryDef) -> String {
    range(entry.count)
}

/// The condition in words, where sources have them.
fn when(contents: &Contents, table: &TableDef, entry: &EntryDef) -> String {
    if !entry.conditional {
        return "always".to_owned();
    }
    let key = (table.name.clone(), entry.name.clone());
    let text = contents.source.as_ref().and_then(|source| source.outline.entries.get(&key));
    text.cloned().unwrap_or_else(|| "its condition holds".to_owned())
}

fn entries(old: &Contents, was: &TableDef, new: &Contents, is: &TableDef) -> Vec<Detail> {
    let mut details = Vec::new();
    let (before, after) = (total(was), total(is));
    if was.rolls != is.rolls {
        details.push(Detail::changed("draws", range(was.rolls), range(is.rolls)));
    }
    let plain = odds::plain(was) && odds::plain(is);
    // In the order in which the new table lists them; what is gone comes last.
    for entry in &is.entries {
        let Some(known) = was.entries.iter().find(|known| known.name == entry.name) else {
            details.push(Detail::added(label(entry, plain), whole(new, is, entry, after)));
            continue;
        };
        let mut compare = |what: String, a: String, b: String| {
            if a != b {
                details.push(Detail::changed(what, a, b));
            }
        };
        let same_share = known.guaranteed == entry.guaranteed
            && u128::from(known.weight) * u128::from(after)
                == u128::from(entry.weight) * u128::from(before);
        if !same_share {
            let (a, b) = (share(known, before), share(entry, after));
            // Too small a change to show in the odds is still one.
            let close = a == b;
            let with = |text: String, weight: u32, total: u64| {
                if close { format!("{text} ({weight} of {total})") } else { text }
            };
            let (a, b) = (with(a, known.weight, before), with(b, entry.weight, after));
            compare(label(entry, plain || known.guaranteed), a, b);
        }
        compare(format!("{} gives", entry.name), gives(old, known), gives(new, entry));
        compare(format!("{} count", entry.name), count(known), count(entry));
        if !same_pity((pity_of(was, known), before), (pity_of(is, entry), after)) {
            let (a, b) = (pity(was, known), pity(is, entry));
            // The same step beside other weights.
            let step = |table, total| pity_of(table, entry).map(|p| percent(p.soft_step, total));
            let parts = (step(was, before), step(is, after));
            let with = |text: &String, table: &TableDef, total| match pity_of(table, entry) {
                // Too small a change to show is still one.
                Some(pity) if a == b && parts.0 == parts.1 => {
                    format!("{text} ({} of all weights, {total})", pity.soft_step)
                }
                Some(pity) if a == b => {
                    format!("{text} ({} of all weights)", percent(pity.soft_step, total))
                }
                _ => text.clone(),
            };
            let (a, b) = (with(&a, was, before), with(&b, is, after));
            compare(format!("{} pity", entry.name), a, b);
        }
        // What it says otherwise is told by itself, with an input on which it differs, and needs both
        // sources.
        if known.conditional != entry.conditional {
            let (a, b) = (when(old, was, known), when(new, is, entry));
            compare(format!("{} when", entry.name), a, b);
        }
    }
    for entry in &was.entries {
        if !is.entries.iter().any(|known| known.name == entry.name) {
            details.push(Detail::removed(label(entry, plain), whole(old, was, entry, before)));
        }
    }
    let order = |list: &TableDef, other: &TableDef| -> Vec<String> {
        let kept = list.entries.iter().filter(|e| other.entries.iter().any(|o| o.name == e.name));
        kept.map(|entry| entry.name.clone()).collect()
    };
    let pities = |list: &TableDef, other: &TableDef| -> Vec<String> {
        let named = |table: &TableDef| -> Vec<String> {
            let entries =
                table.pities.iter().filter_map(|p| table.entries.get(usize::from(p.entry)));
            entries.map(|entry| entry.name.clone()).collect()
        };
        let others = named(other);
        named(list).into_iter().filter(|name| others.contains(name)).collect()
    };
    let (a, b) = (pities(was, is), pities(is, was));
    if a != b {
        // Of several that are due, the one declared first comes first.
        details.push(Detail::changed("order of pities", a.join(", "), b.join(", ")));
    }
    let (a, b) = (order(was, is), order(is, was));
    if a != b {
        // Draws go through entries in order: one seed gives another item, the odds are the same.
        details.push(Detail::changed("order of entries", a.join(", "), b.join(", ")));
    }
    details
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_have_four_digits_and_no_float() {
        for (weight, total, text) in [
            (35, 1_000, "3.5 %"),
            (20, 1_000, "2.0 %"),
            (5, 905, "0.5525 %"),
            (900, 905, "99.45 %"),
            (1, 3, "33.33 %"),
            (2, 3, "66.67 %"),
            (1, 1, "100.0 %"),
            (1, 2_147_483_648, "0.0 %"),
            (1, 1_000_000_000, "0.0 %"),
            (1, 100_000_000, "0.000001 %"),
        ] {
            assert_eq!(percent(weight, total), text, "{weight} of {total}");
        }
    }
}
