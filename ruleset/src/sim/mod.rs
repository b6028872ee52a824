//! Loot by the million: what falls, how often, and after how long a wait, beside what the table
//! declares.
//!
//! A simulation is a number of rolls, each of which asks for one roll of a table with a seed of its
//! own, as `cairn roll` would. Players roll one after the other, so many times each, and carry
//! their pity from roll to roll. All rolls go through [`crate::loot::roll`], the roller of the SDK.
//! Sums are of whole numbers, so players may be simulated in any order and on any number of
//! threads: the tally is the same.
//!
//! What is declared is computed exactly by [`odds`], not measured. [`interval`] says how far the
//! two may be apart, and [`plot`] draws both.

pub mod interval;
mod kernel;
pub mod odds;
pub mod plot;
mod tally;
#[cfg(test)]
mod tests;
mod wide;

pub use tally::{Row, Tally, Worth};
pub use wide::Wide;

use std::ops::Range;

use crate::loot::{self, Gives, LootError, Roll, Tables};
use crate::{pity, rng};

/// Rolls of one simulation.
pub const RUNS_MAX: u64 = 1_000_000_000;
/// Rolls of one player.
pub const ROLLS_PER_PLAYER_MAX: u32 = 1_000_000;
/// Rolls of one player where nobody says how many: enough to see a long pity at work.
pub const ROLLS_PER_PLAYER: u32 = 1_000;
/// Entries that give an item and can be reached from one table.
pub const ROWS_MAX: usize = 4_096;

/// What is simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The table.
    pub table: u16,
    /// Hash of its name, as rolls outside a rule use it.
    pub hash: u64,
    /// Rolls in all, at most [`RUNS_MAX`].
    pub runs: u64,
    /// Rolls of each player, the last of whom may have fewer; from 1 to
    /// [`ROLLS_PER_PLAYER_MAX`].
    pub rolls_per_player: u32,
    /// Decides every draw.
    pub seed: u64,
    /// Eligible entries by table.
    pub masks: Vec<u64>,
}

/// A table that cannot be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// The roller refuses.
    #[error(transparent)]
    Loot(#[from] LootError),
    /// Too many different entries.
    #[error("{actual} entries can fall from this table, limit {ROWS_MAX}")]
    TooManyRows {
        /// How many there are.
        actual: usize,
    },
}

impl Plan {
    /// How many players roll.
    #[must_use]
    pub fn players(&self) -> u64 {
        self.runs.div_ceil(u64::from(self.rolls_per_player.max(1)))
    }

    /// The seed of one roll, counted from 0. Different rolls have different seeds.
    #[must_use]
    pub fn seed_of(&self, roll: u64) -> u64 {
        rng::rule_state(rng::seed_state(self.seed), roll)
    }

    /// Eligible entries of a table.
    #[must_use]
    pub fn mask(&self, table: u16) -> u64 {
        self.masks.get(usize::from(table)).copied().unwrap_or(u64::MAX)
    }

    /// The entries that give items and can be reached, by table and entry: the rows of every
    /// result.
    ///
    /// # Errors
    /// A table that does not exist, nesting that is too deep, or too many entries.
    pub fn rows<T: Tables + ?Sized>(&self, tables: &T) -> Result<Vec<(u16, u16)>, SimError> {
        let mut rows = Vec::new();
        let mut open = vec![(self.table, 0)];
        let mut seen = vec![self.table];
        while let Some((table, depth)) = open.pop() {
            if depth > loot::DEPTH_MAX {
                return Err(LootError::TooDeep { table }.into());
            }
            let head = tables.head(table).ok_or(LootError::NoTable { table })?;
            for index in 0..head.entry_count.min(64) {
                if self.mask(table) >> index & 1 == 0 {
                    continue;
                }
                match tables.entry(table, index).map(|entry| entry.gives) {
                    Some(Gives::Item(_)) => rows.push((table, index as u16)),
                    Some(Gives::Table(inner)) if !seen.contains(&inner) => {
                        seen.push(inner);
                        open.push((inner, depth + 1));
                    }
                    _ => {}
                }
            }
        }
        // The table itself first, then those it leads to.
        rows.sort_by_key(|(table, entry)| (*table != self.table, *table, *entry));
        match rows.len() {
            actual if actual > ROWS_MAX => Err(SimError::TooManyRows { actual }),
            _ => Ok(rows),
        }
    }
}

/// Simulates some of the plan's players and adds what fell to the tally. Time is linear in their
/// rolls; nothing is allocated but the tally's own growth.
///
/// # Errors
/// The roller's; what was rolled until then is in the tally.
pub fn players<T: Tables + ?Sized>(
    tables: &T,
    plan: &Plan,
    players: Range<u64>,
    tally: &mut Tally,
) -> Result<(), LootError> {
    let masks = |table| plan.mask(table);
    let mut misses = pity::Misses::new(tables);
    let mut drops = Vec::new();
    let each = u64::from(plan.rolls_per_player.max(1));
    for player in players {
        misses.clear();
        let first = player.saturating_mul(each);
        for roll in first..first.saturating_add(each).min(plan.runs) {
            drops.clear();
            let request = Roll {
                table: plan.table,
                count: 1,
                seed: plan.seed_of(roll),
                rule_hash: plan.hash,
                draw_base: 0,
                masks: &masks,
            };
            loot::roll(tables, &request, misses.counts_mut(), &mut drops)?;
            tally.roll(&drops);
        }
        tally.end_of_player();
    }
    Ok(())
}
