//! What a roll gives, before and after: the odds that `cairn sim` declares.
//!
//! Shares of weights (`loot`) say what one draw gives. A roll may draw more than once, gives its
//! guaranteed entries, rolls on the tables that entries give, and knows pity. So a table of which
//! one of these is true is told twice: per draw, and per roll.

use std::collections::{BTreeMap, BTreeSet};

use super::loot::significant;
use super::{Detail, paired};
use crate::contents::Contents;
use crate::image::Image;
use crate::ir::{Loot, TableDef};
use crate::rng;
use crate::sim::{self, ROLLS_PER_PLAYER, odds};

/// Steps that all tables of one plan may take together: about two seconds, see
/// [`odds::STEPS_MAX`].
const STEPS_MAX: u64 = 10_000_000;
/// Rows of one table that are told.
const ROWS_MAX: usize = 512;

/// Whether one roll of a table is one draw by weight that gives an item, and nothing else.
pub(super) fn plain(table: &TableDef) -> bool {
    let item = |loot: &Loot| matches!(loot, Loot::Item(_));
    table.rolls == (1, 1)
        && table.pities.is_empty()
        && table.entries.iter().all(|entry| !entry.guaranteed && item(&entry.loot))
}

/// One version with what its odds may still cost.
pub(super) struct Side<'a> {
    contents: &'a Contents,
    image: Option<Image<&'a [u8]>>,
}

impl<'a> Side<'a> {
    pub(super) fn new(contents: &'a Contents) -> Side<'a> {
        // Contents hold no image but one that was checked.
        Side { contents, image: Image::open(contents.image.as_slice()).ok() }
    }

    /// The tables that a roll of this one may roll on, itself included.
    fn reached(&self, table: &TableDef) -> BTreeSet<&'a str> {
        let tables = &self.contents.tables;
        let mut open: Vec<&TableDef> =
            tables.iter().filter(|known| known.name == table.name).collect();
        let mut reached = BTreeSet::new();
        while let Some(next) = open.pop() {
            if !reached.insert(next.name.as_str()) {
                continue;
            }
            for entry in &next.entries {
                if let Loot::Table(inner) = &entry.loot {
                    open.extend(tables.get(usize::from(*inner)));
                }
            }
        }
        reached
    }

    /// Per row of the table, in its order: what a roll gives of it.
    fn told(&self, table: &TableDef, steps: &mut u64) -> Result<Vec<(String, String)>, String> {
        let unreadable = || "its image cannot be read".to_owned();
        let image = self.image.as_ref().ok_or_else(unreadable)?;
        let index = image.table_named(&table.name).ok_or_else(unreadable)?.index;
        let plan = sim::Plan {
            table: index,
            hash: rng::name_hash(&table.name),
            runs: u64::from(ROLLS_PER_PLAYER),
            rolls_per_player: ROLLS_PER_PLAYER,
            seed: 0,
            masks: Vec::new(),
        };
        let rows = plan.rows(image).map_err(|error| error.to_string())?;
        if rows.len() > ROWS_MAX {
            return Err(format!("{} entries can fall from it, limit {ROWS_MAX}", rows.len()));
        }
        let declared = odds::declared_within(image, &plan, &rows, steps);
        let declared = declared.map_err(|error| error.to_string())?;
        let declared = declared.ok_or("the pities combine to too many states")?;
        let told = rows.iter().zip(&declared).map(|((of, entry), odds)| {
            let inner = self.contents.tables.get(usize::from(*of));
            let name = inner.and_then(|inner| inner.entries.get(usize::from(*entry)));
            let name = name.map_or("?", |entry| entry.name.as_str());
            let label = match inner.filter(|_| *of != index) {
                Some(inner) => format!("{}.{name}", inner.name),
                None => name.to_owned(),
            };
            (label, text(*odds))
        });
        Ok(told.collect())
    }
}

/// A share of rolls, and how many items they give on average where that says more.
fn text(odds: odds::Declared) -> String {
    // Millionths of a per cent and of an item; neither is negative, and both are far below 2^64.
    let share = significant((odds.share * 1e8).round() as u128);
    let items = significant((odds.items * 1e6).round() as u128);
    let percent = if share.contains('.') { share } else { format!("{share}.0") };
    match (odds.items - odds.share).abs() > 1e-9 {
        true => format!("{percent} %, {items} on average"),
        false => format!("{percent} %"),
    }
}

/// Details per table: what a roll of it gives, where that changed.
///
/// `changed` are the tables that differ by themselves; others change through them.
pub(super) fn changes(
    old: &Contents,
    new: &Contents,
    changed: &BTreeSet<String>,
) -> BTreeMap<String, Vec<Detail>> {
    let (before, after) = (Side::new(old), Side::new(new));
    let mut steps = STEPS_MAX;
    let mut found = BTreeMap::new();
    for (name, was, is) in paired(&old.tables, &new.tables, |table| &table.name) {
        let mut through: Vec<&str> = was
            .map_or(BTreeSet::new(), |was| before.reached(was))
            .union(&is.map_or(BTreeSet::new(), |is| after.reached(is)))
            .copied()
            .filter(|table| changed.contains(*table))
            .collect();
        if through.is_empty() || was.is_none_or(plain) && is.is_none_or(plain) {
            continue;
        }
        let mut details = rows(
            was.map(|was| before.told(was, &mut steps)),
            is.map(|is| after.told(is, &mut steps)),
        );
        if !changed.contains(&name) && !details.is_empty() {
            through.retain(|table| *table != name);
            let tables: Vec<String> =
                through.iter().map(|table| format!("loot_table {table}")).collect();
            let what = format!("through {}", tables.join(", "));
            details.insert(0, Detail { what, old: None, new: None });
        }
        found.insert(name, details);
    }
    found
}

type Told = Result<Vec<(String, String)>, String>;

/// In the order of the new version; what is gone comes last.
fn rows(was: Option<Told>, is: Option<Told>) -> Vec<Detail> {
    let (was, is) = match (was.transpose(), is.transpose()) {
        (Ok(was), Ok(is)) => (was, is),
        (Err(reason), _) | (_, Err(reason)) => {
            let what = format!("odds per roll are not compared: {reason}");
            return vec![Detail { what, old: None, new: None }];
        }
    };
    let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
    let of = |rows: &[(String, String)], label: &str| {
        rows.iter().find(|row| row.0 == label).map(|row| row.1.clone())
    };
    let gone = was.iter().filter(|row| of(&is, &row.0).is_none());
    let labels = is.iter().chain(gone).map(|row| &row.0);
    let details = labels.map(|label| Detail {
        what: format!("{label} per roll"),
        old: of(&was, label),
        new: of(&is, label),
    });
    details.filter(|detail| detail.old != detail.new).collect()
}
