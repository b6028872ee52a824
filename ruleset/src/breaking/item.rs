//! What falls, by the name under which games know it.
//!
//! Which items fall is a rule, and a version may change any rule: an item that comes or goes breaks
//! nobody. One that takes another's place is the same item under a name that no game knows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Subject};
use crate::contents::Contents;
use crate::ir::{EntryDef, Loot, TableDef};
use crate::plan::Kind;

/// All of an entry but its names.
type Rest = (u32, (u32, u32), bool, bool);

pub(super) fn compare(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    let (before, after) = (items(&old.tables), items(&new.tables));
    for was in &old.tables {
        let Some(is) = new.tables.iter().find(|known| known.name == was.name) else { continue };
        let mut subject = Subject { kind: Kind::LootTable, name: was.name.clone(), found };
        let fresh = apart(is, &before);
        for (rest, gone) in apart(was, &after) {
            let fresh = fresh.get(&rest).map_or(&[][..], Vec::as_slice);
            // In declared order. Where their numbers differ, nobody can tell which became which.
            if gone.len() != fresh.len() {
                continue;
            }
            for (a, b) in gone.iter().zip(fresh) {
                subject.breaks(
                    "item-renamed",
                    format!("what fell as {a} falls as {b}"),
                    "games get a name that they do not know, and wait for the old one in vain",
                    &format!(
                        "keep the item: an entry may have another name, with `item = \"{a}\"`"
                    ),
                );
            }
        }
    }
}

fn item(entry: &EntryDef) -> Option<&str> {
    match &entry.loot {
        Loot::Item(item) => Some(item),
        Loot::Table(_) => None,
    }
}

fn items(tables: &[TableDef]) -> BTreeSet<&str> {
    tables.iter().flat_map(|table| &table.entries).filter_map(item).collect()
}

/// Items of a table that are not among the `known`, by what else their entries say.
fn apart<'a>(table: &'a TableDef, known: &BTreeSet<&str>) -> BTreeMap<Rest, Vec<&'a str>> {
    let mut found: BTreeMap<Rest, Vec<&str>> = BTreeMap::new();
    for entry in &table.entries {
        if let Some(item) = item(entry).filter(|item| !known.contains(item)) {
            let rest = (entry.weight, entry.count, entry.conditional, entry.guaranteed);
            found.entry(rest).or_default().push(item);
        }
    }
    found
}
