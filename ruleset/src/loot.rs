//! Rolling loot: guaranteed entries, then cumulative weights in declared order among the eligible
//! entries, with pity for who waited long enough.
//!
//! A roll is a pure function of (tables, seed, rule hash, first draw number, eligibility masks,
//! misses). It consumes draws one after the other, depth first. A request for rolls of a table
//! 1. gives each eligible guaranteed entry once, in declared order;
//! 2. for each roll asked: draws how many entries when the table's `rolls` has a range, then draws
//!    that many entries. An entry takes one draw, whether a pity overrules it or not, and one more
//!    when its count has a range. An entry that gives a table is a request for rolls of that table.
//!
//! A pity counts the draws of its own table that missed its entry while that was eligible. The
//! first declared one that has missed often enough decides the next draw; because each `after` is
//! at least the number of pities of its table, one that waits behind others misses at most one
//! draw more for each pity declared before it. Cost is linear in entries looked at and bounded by
//! [`ROLLS_MAX`]; nothing is allocated but what falls.

use crate::ir::{Loot, TableDef};
use crate::limits::{MISSES_MAX, PITIES_MAX};
use crate::rng;

/// Most entries given by one call, nested rolls included; more is [`LootError::TooManyRolls`].
pub const ROLLS_MAX: u32 = 100_000;
/// Deepest nesting of tables; more is [`LootError::TooDeep`].
pub const DEPTH_MAX: u32 = 16;

/// A roll that cannot be finished. What was rolled until then stays in the caller's vector, and
/// was counted in the caller's misses.
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
    /// The misses are those of other tables. Nothing was rolled.
    #[error("{actual_count} counts of misses for tables with {expected_count} pities")]
    OtherMisses {
        /// Counts given.
        actual_count: usize,
        /// Pities there are.
        expected_count: usize,
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
    /// Its weight; 0 for a guaranteed one.
    pub weight: u32,
    /// Fewest and most.
    pub count: (u32, u32),
}

/// One table as the roller needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many entries it has.
    pub entry_count: usize,
    /// Bit by entry: the guaranteed ones.
    pub guaranteed: u64,
    /// Fewest and most draws for each roll asked.
    pub rolls: (u32, u32),
    /// Slot of its first pity among those of all tables.
    pub pity_first: usize,
    /// How many pities it has.
    pub pity_count: usize,
}

/// One pity as the roller needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pity {
    /// Index of the entry in the pity's table.
    pub entry: u16,
    /// Misses after which the next draw gives it.
    pub after: u32,
    /// Misses from which it weighs more.
    pub soft_from: u32,
    /// How much more for each.
    pub soft_step: u32,
}

impl Pity {
    /// What it adds to its entry's weight after so many misses.
    #[must_use]
    pub fn extra(&self, misses: u32) -> u64 {
        match misses.checked_sub(self.soft_from) {
            Some(over) => u64::from(self.soft_step) * (u64::from(over) + 1),
            None => 0,
        }
    }
}

/// Where tables come from: a slice of definitions or an image.
pub trait Tables {
    /// The shape of a table; `None` when there is no such table.
    fn head(&self, table: u16) -> Option<Head>;
    /// The weight of an entry; 0 past the end.
    fn weight(&self, table: u16, index: usize) -> u32;
    /// One entry; `None` past the end.
    fn entry(&self, table: u16, index: usize) -> Option<Entry<'_>>;
    /// How many pities all tables have: the length of what a player's misses take.
    fn pity_count(&self) -> usize;
    /// The pity at a slot, tables in order, pities in declared order; `None` past the end.
    fn pity(&self, slot: usize) -> Option<Pity>;
    /// Names of the table and of the entry of the pity at a slot.
    fn pity_name(&self, slot: usize) -> Option<(&str, &str)>;
}

impl Tables for [TableDef] {
    fn head(&self, table: u16) -> Option<Head> {
        let (before, rest) = self.split_at_checked(usize::from(table))?;
        let table = rest.first()?;
        let guaranteed = (table.entries.iter().take(64).enumerate())
            .fold(0, |mask, (at, entry)| mask | u64::from(entry.guaranteed) << at);
        Some(Head {
            entry_count: table.entries.len(),
            guaranteed,
            rolls: table.rolls,
            pity_first: before.pity_count(),
            pity_count: table.pities.len(),
        })
    }

    fn weight(&self, table: u16, index: usize) -> u32 {
        let table = self.get(usize::from(table));
        table.and_then(|table| table.entries.get(index)).map_or(0, |entry| entry.weight)
    }

    fn entry(&self, table: u16, index: usize) -> Option<Entry<'_>> {
        let entry = self.get(usize::from(table))?.entries.get(index)?;
        let gives = match &entry.loot {
            Loot::Item(name) => Gives::Item(name),
            Loot::Table(table) => Gives::Table(*table),
        };
        Some(Entry { gives, weight: entry.weight, count: entry.count })
    }

    fn pity_count(&self) -> usize {
        self.iter().map(|table| table.pities.len()).sum()
    }

    fn pity(&self, slot: usize) -> Option<Pity> {
        let pity = self.iter().flat_map(|table| &table.pities).nth(slot)?;
        Some(Pity {
            entry: pity.entry,
            after: pity.after,
            soft_from: pity.soft_from,
            soft_step: pity.soft_step,
        })
    }

    fn pity_name(&self, slot: usize) -> Option<(&str, &str)> {
        let all = self.iter().flat_map(|table| table.pities.iter().map(move |p| (table, p)));
        let (table, pity) = all.into_iter().nth(slot)?;
        let entry = table.entries.get(usize::from(pity.entry))?;
        Some((&table.name, &entry.name))
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
    /// How often; 0 gives nothing at all.
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

/// Rolls and appends what fell, in order. `misses` is the player's state, one count per pity as
/// [`crate::pity::Misses`] keeps them, and is brought up to date.
///
/// # Errors
/// See [`LootError`]; an image made from a checked rule set, with misses of its own, only ever
/// runs into [`LootError::TooManyRolls`].
pub fn roll<'a, T: Tables + ?Sized>(
    tables: &'a T,
    request: &Roll<'_>,
    misses: &mut [u32],
    out: &mut Vec<Drop<'a>>,
) -> Result<(), LootError> {
    let (actual_count, expected_count) = (misses.len(), tables.pity_count());
    if actual_count != expected_count {
        return Err(LootError::OtherMisses { actual_count, expected_count });
    }
    let state = rng::rule_state(rng::seed_state(request.seed), request.rule_hash);
    let mut roller = Roller {
        tables,
        masks: request.masks,
        state,
        draw: request.draw_base,
        rolls: 0,
        misses,
        out,
    };
    roller.request(request.table, request.count, 0)
}

struct Roller<'a, 'r, T: ?Sized> {
    tables: &'a T,
    masks: &'r dyn Fn(u16) -> u64,
    state: u64,
    draw: u32,
    rolls: u32,
    misses: &'r mut [u32],
    out: &'r mut Vec<Drop<'a>>,
}

/// The weighted entries of one table that are eligible.
#[derive(Clone, Copy)]
struct Open {
    table: u16,
    head: Head,
    /// Bit by entry.
    mask: u64,
    /// Sum of their weights.
    total: u64,
}

/// The positions of the ones, lowest first.
fn ones(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let index = (mask != 0).then(|| mask.trailing_zeros() as usize);
        mask &= mask.wrapping_sub(1);
        index
    })
}

impl<'a, T: Tables + ?Sized> Roller<'a, '_, T> {
    fn scaled(&mut self, n: u64) -> u64 {
        let bits = rng::mix(self.state.wrapping_add(rng::draw_step(self.draw)));
        self.draw = self.draw.wrapping_add(1);
        rng::scale(bits, n)
    }

    /// A number between two, both included; takes a draw only when they differ.
    fn between(&mut self, (few, many): (u32, u32)) -> u32 {
        let span = u64::from(many.saturating_sub(few)) + 1;
        let extra = if span > 1 { self.scaled(span) as u32 } else { 0 };
        few.saturating_add(extra)
    }

    fn request(&mut self, table: u16, count: u32, depth: u32) -> Result<(), LootError> {
        if depth > DEPTH_MAX {
            return Err(LootError::TooDeep { table });
        }
        let head = self.tables.head(table).ok_or(LootError::NoTable { table })?;
        if count == 0 {
            return Ok(());
        }
        let mask = (self.masks)(table);
        let entries = u64::MAX.checked_shr(64 - head.entry_count.min(64) as u32).unwrap_or(0);
        for index in ones(mask & entries & head.guaranteed) {
            self.give(table, index, depth)?;
        }
        let weighted = entries & !head.guaranteed;
        if weighted == 0 && entries != 0 {
            return Ok(());
        }
        let eligible = mask & weighted;
        let total = ones(eligible).map(|at| u64::from(self.tables.weight(table, at))).sum();
        if total == 0 {
            return Err(LootError::NothingEligible { table, mask });
        }
        let open = Open { table, head, mask: eligible, total };
        for _ in 0..count {
            for _ in 0..self.between(head.rolls) {
                let index = self.choose(&open)?;
                self.give(table, index, depth)?;
            }
        }
        Ok(())
    }

    /// Chooses an entry by pity or by weight, and counts what it missed.
    fn choose(&mut self, open: &Open) -> Result<usize, LootError> {
        if open.head.pity_count == 0 {
            return self.weighted(open, &[]);
        }
        let mut due = None;
        // Entries that weigh more by now, with by how much.
        let mut heavier = [(0, 0); PITIES_MAX];
        let mut heavier_count = 0;
        for (pity, misses) in self.pities(open) {
            let index = usize::from(pity.entry);
            if misses >= pity.after {
                due = due.or(Some(index));
            } else if pity.extra(misses) > 0
                && let Some(slot) = heavier.get_mut(heavier_count)
            {
                *slot = (index, pity.extra(misses));
                heavier_count += 1;
            }
        }
        let chosen = match due {
            Some(index) => {
                // The number that would have decided: what follows is drawn as ever.
                self.draw = self.draw.wrapping_add(1);
                index
            }
            None => self.weighted(open, heavier.get(..heavier_count).unwrap_or(&[]))?,
        };
        for at in 0..open.head.pity_count {
            let slot = open.head.pity_first + at;
            let Some(pity) = self.tables.pity(slot) else { continue };
            let (index, eligible) = (usize::from(pity.entry), open.has(pity.entry));
            if let Some(misses) = self.misses.get_mut(slot).filter(|_| eligible) {
                *misses = if index == chosen { 0 } else { (*misses).min(MISSES_MAX - 1) + 1 };
            }
        }
        Ok(chosen)
    }

    /// The pities of a table whose entries are eligible, with their misses.
    fn pities(&self, open: &Open) -> impl Iterator<Item = (Pity, u32)> {
        let slots = (0..open.head.pity_count).map(move |at| open.head.pity_first + at);
        slots.filter_map(|slot| {
            let pity = self.tables.pity(slot).filter(|pity| open.has(pity.entry))?;
            Some((pity, self.misses.get(slot).copied()?))
        })
    }

    fn weighted(&mut self, open: &Open, heavier: &[(usize, u64)]) -> Result<usize, LootError> {
        let extra = |index: usize| -> u64 {
            heavier.iter().filter(|(at, _)| *at == index).map(|(_, extra)| *extra).sum()
        };
        let total = open.total + heavier.iter().map(|(_, extra)| *extra).sum::<u64>();
        // A total over 2³² cannot come out of the compiler; scaling would only be biased.
        let mut rest = self.scaled(total);
        for index in ones(open.mask) {
            let weight = u64::from(self.tables.weight(open.table, index)) + extra(index);
            if rest < weight {
                return Ok(index);
            }
            rest -= weight;
        }
        Err(LootError::NothingEligible { table: open.table, mask: open.mask })
    }

    fn give(&mut self, table: u16, index: usize, depth: u32) -> Result<(), LootError> {
        self.rolls += 1;
        if self.rolls > ROLLS_MAX {
            return Err(LootError::TooManyRolls);
        }
        let Some(entry) = self.tables.entry(table, index) else { return Ok(()) };
        let count = self.between(entry.count);
        match entry.gives {
            Gives::Item(item) => {
                self.out.push(Drop { table, entry: index as u16, item, count });
                Ok(())
            }
            Gives::Table(inner) => self.request(inner, count, depth + 1),
        }
    }
}

impl Open {
    fn has(&self, entry: u16) -> bool {
        entry < 64 && self.mask >> entry & 1 == 1
    }
}

#[cfg(test)]
mod tests;
