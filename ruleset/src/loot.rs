//! Rolling loot: cumulative weights in declared order among the eligible entries.
//!
//! A roll is a pure function of (tables, seed, rule hash, first draw number, eligibility masks).
//! It consumes draws one after the other, depth first: one for the choice of each entry and one
//! more for its count when the count has a range. Cost is linear in entries looked at and bounded
//! by [`ROLLS_MAX`].

use crate::ir::{Loot, TableDef};
use crate::rng;

/// Most entries chosen by one call, nested rolls included; more is [`LootError::TooManyRolls`].
pub const ROLLS_MAX: u32 = 100_000;
/// Deepest nesting of tables; more is [`LootError::TooDeep`].
pub const DEPTH_MAX: u32 = 16;

/// A roll that cannot be finished. What was rolled until then stays in the caller's vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LootError {
    /// No table has this index.
    #[error("loot table {table} does not exist")]
    NoTable {
        /// The index.
        table: u16,
    },
    /// The mask excludes every entry: it was not made for this table.
    #[error("loot table {table} has no eligible entry under mask {mask:#x}")]
    NothingEligible {
        /// The table.
        table: u16,
        /// Its mask.
        mask: u64,
    },
    /// The product of nested counts is over the limit.
    #[error("more than {ROLLS_MAX} rolls; lower the counts of nested tables")]
    TooManyRolls,
    /// Tables nest deeper than the limit, or in a circle.
    #[error("loot table {table} is nested deeper than {DEPTH_MAX}")]
    TooDeep {
        /// The innermost table.
        table: u16,
    },
}

/// What one entry gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives<'a> {
    /// An item, by name.
    Item(&'a str),
    /// Rolls on another table.
    Table(u16),
}

/// One entry as the roller needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it gives.
    pub gives: Gives<'a>,
    /// Its weight.
    pub weight: u32,
    /// Fewest and most.
    pub count: (u32, u32),
}

/// Where tables come from: a slice of definitions or an image.
pub trait Tables {
    /// How many entries a table has; `None` when there is no such table.
    fn entry_count(&self, table: u16) -> Option<usize>;
    /// One entry; `None` past the end.
    fn entry(&self, table: u16, index: usize) -> Option<Entry<'_>>;
}

impl Tables for [TableDef] {
    fn entry_count(&self, table: u16) -> Option<usize> {
        self.get(usize::from(table)).map(|table| table.entries.len())
    }

    fn entry(&self, table: u16, index: usize) -> Option<Entry<'_>> {
        let entry = self.get(usize::from(table))?.entries.get(index)?;
        let gives = match &entry.loot {
            Loot::Item(name) => Gives::Item(name),
            Loot::Table(table) => Gives::Table(*table),
        };
        Some(Entry { gives, weight: entry.weight, count: entry.count })
    }
}

/// An item that fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drop<'a> {
    /// The table whose entry it was (the innermost one).
    pub table: u16,
    /// Index of the entry.
    pub entry: u16,
    /// Name of the item.
    pub item: &'a str,
    /// How many.
    pub count: u32,
}

/// A request to roll.
#[derive(Clone, Copy)]
pub struct Roll<'m> {
    /// The table.
    pub table: u16,
    /// How often.
    pub count: u32,
    /// The seed of the evaluation.
    pub seed: u64,
    /// The hash of the rule that asks (or of the table's name when no rule does).
    pub rule_hash: u64,
    /// First draw number.
    pub draw_base: u32,
    /// Eligible entries of each table, bit by entry; all ones where nothing is conditional.
    pub masks: &'m dyn Fn(u16) -> u64,
}

/// Rolls and appends what fell, in order.
///
/// # Errors
/// See [`LootError`]; an image made from a checked rule set only ever runs into
/// [`LootError::TooManyRolls`].
pub fn roll<'a, T: Tables + ?Sized>(
    tables: &'a T,
    request: &Roll<'_>,
    out: &mut Vec<Drop<'a>>,
) -> Result<(), LootError> {
    let state = rng::rule_state(rng::seed_state(request.seed), request.rule_hash);
    let mut roller =
        Roller { tables, masks: request.masks, state, draw: request.draw_base, rolls: 0, out };
    roller.table(request.table, request.count, 0)
}

struct Roller<'a, 'r, T: ?Sized> {
    tables: &'a T,
    masks: &'r dyn Fn(u16) -> u64,
    state: u64,
    draw: u32,
    rolls: u32,
    out: &'r mut Vec<Drop<'a>>,
}

impl<'a, T: Tables + ?Sized> Roller<'a, '_, T> {
    fn scaled(&mut self, n: u64) -> u64 {
        let bits = rng::mix(self.state.wrapping_add(rng::draw_step(self.draw)));
        self.draw = self.draw.wrapping_add(1);
        rng::scale(bits, n)
    }

    fn table(&mut self, table: u16, count: u32, depth: u32) -> Result<(), LootError> {
        if depth > DEPTH_MAX {
            return Err(LootError::TooDeep { table });
        }
        let entries = self.tables.entry_count(table).ok_or(LootError::NoTable { table })?;
        let mask = (self.masks)(table);
        let eligible = |index: usize| index < 64 && mask >> index & 1 == 1;
        let total: u64 = (0..entries)
            .filter(|index| eligible(*index))
            .filter_map(|index| self.tables.entry(table, index))
            .map(|entry| u64::from(entry.weight))
            .sum();
        if total == 0 {
            return Err(LootError::NothingEligible { table, mask });
        }
        for _ in 0..count {
            self.rolls += 1;
            if self.rolls > ROLLS_MAX {
                return Err(LootError::TooManyRolls);
            }
            // A total over 2³² cannot come out of the compiler; scaling would only be biased.
            let mut rest = self.scaled(total);
            let chosen = (0..entries).filter(|index| eligible(*index)).find_map(|index| {
                let entry = self.tables.entry(table, index)?;
                let weight = u64::from(entry.weight);
                if rest < weight {
                    return Some((index, entry));
                }
                rest -= weight;
                None
            });
            let Some((index, entry)) = chosen else {
                return Err(LootError::NothingEligible { table, mask });
            };
            let (few, many) = entry.count;
            let span = u64::from(many.saturating_sub(few)) + 1;
            let extra = if span > 1 { self.scaled(span) as u32 } else { 0 };
            let count = few.saturating_add(extra);
            match entry.gives {
                Gives::Item(item) => {
                    self.out.push(Drop { table, entry: index as u16, item, count });
                }
                Gives::Table(inner) => self.table(inner, count, depth + 1)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::EntryDef;

    fn entry(name: &str, loot: Loot, weight: u32, count: (u32, u32)) -> EntryDef {
        EntryDef { name: name.into(), loot, weight, count, conditional: false }
    }

    fn item(name: &str, weight: u32) -> EntryDef {
        entry(name, Loot::Item(name.into()), weight, (1, 1))
    }

    fn tables() -> Vec<TableDef> {
        vec![
            TableDef {
                name: "outer".into(),
                entries: vec![
                    item("gold", 900),
                    item("crown", 5),
                    entry("gems", Loot::Table(1), 95, (1, 3)),
                ],
            },
            TableDef { name: "gems".into(), entries: vec![item("ruby", 1), item("opal", 3)] },
        ]
    }

    fn roll_once(seed: u64, mask: u64) -> Vec<(String, u32)> {
        let tables = tables();
        let masks = |table: u16| if table == 0 { mask } else { u64::MAX };
        let request = Roll { table: 0, count: 1, seed, rule_hash: 42, draw_base: 3, masks: &masks };
        let mut out = Vec::new();
        roll(tables.as_slice(), &request, &mut out).unwrap();
        out.iter().map(|drop| (drop.item.to_owned(), drop.count)).collect()
    }

    #[test]
    fn distribution_follows_weights() {
        let (mut gold, mut crown, mut gems, mut ruby, mut opal) = (0u32, 0u32, 0u32, 0u32, 0u32);
        for seed in 0..100_000 {
            match roll_once(seed, u64::MAX).as_slice() {
                [(item, 1)] if item == "gold" => gold += 1,
                [(item, 1)] if item == "crown" => crown += 1,
                nested => {
                    gems += 1;
                    assert!((1..=3).contains(&nested.len()));
                    ruby += nested.iter().filter(|(item, _)| item == "ruby").count() as u32;
                    opal += nested.iter().filter(|(item, _)| item == "opal").count() as u32;
                }
            }
        }
        assert!((89_500..90_500).contains(&gold), "{gold}");
        assert!((400..600).contains(&crown), "{crown}");
        assert!((9_200..9_800).contains(&gems), "{gems}");
        let share = f64::from(ruby) / f64::from(ruby + opal);
        assert!((0.235..0.265).contains(&share), "{share}");
    }

    #[test]
    fn masks_exclude() {
        for seed in 0..2_000 {
            assert_eq!(roll_once(seed, 0b010), [("crown".to_owned(), 1)]);
        }
        let tables = tables();
        let request =
            Roll { table: 0, count: 1, seed: 1, rule_hash: 1, draw_base: 0, masks: &|_| 0 };
        assert_eq!(
            roll(tables.as_slice(), &request, &mut Vec::new()),
            Err(LootError::NothingEligible { table: 0, mask: 0 })
        );
    }

    #[test]
    fn hostile_tables_end() {
        let circle = vec![TableDef {
            name: "circle".into(),
            entries: vec![entry("self", Loot::Table(0), 1, (2, 2))],
        }];
        let all = |_| u64::MAX;
        let request = Roll { table: 0, count: 1, seed: 1, rule_hash: 1, draw_base: 0, masks: &all };
        assert!(matches!(
            roll(circle.as_slice(), &request, &mut Vec::new()),
            Err(LootError::TooDeep { .. })
        ));
        let many = Roll { table: 1, count: u32::MAX, ..request };
        let tables = tables();
        assert_eq!(roll(tables.as_slice(), &many, &mut Vec::new()), Err(LootError::TooManyRolls));
        let none = Roll { table: 9, ..request };
        assert!(matches!(
            roll(tables.as_slice(), &none, &mut Vec::new()),
            Err(LootError::NoTable { table: 9 })
        ));
    }
}
