//! What hosts keep of players: how often each has missed what a pity owes, by table and entry.

use super::{Finding, Subject};
use crate::contents::Contents;
use crate::ir::TableDef;
use crate::plan::Kind;

pub(super) fn compare(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    for was in &old.tables {
        let is = new.tables.iter().find(|known| known.name == was.name);
        let mut subject = Subject { kind: Kind::LootTable, name: was.name.clone(), found };
        for entry in entries(was) {
            if is.is_some_and(|is| entries(is).any(|known| known == entry)) {
                continue;
            }
            subject.breaks(
                "pity-removed",
                format!("{entry} has no pity any more"),
                "hosts keep each player's misses under these names, and requests that state them \
                 are refused",
                "keep the table, the entry and its pity, and take the table out of the rules",
            );
        }
    }
}

fn entries(table: &TableDef) -> impl Iterator<Item = &str> {
    let entries = table.pities.iter().filter_map(|pity| table.entries.get(usize::from(pity.entry)));
    entries.map(|entry| entry.name.as_str())
}
