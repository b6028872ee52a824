//! What a table declares: computed from its weights, not measured.
//!
//! Without pity all draws are independent, and one pass over the nested tables gives the chance
//! that a roll misses an entry and how often it gives it. With pity a draw depends on what the
//! player missed before, so a player's rolls are followed as a Markov chain over the counts of
//! misses, from none at all (`kernel`). Shares of weights are taken as exact; the roller scales 32
//! bits, which is off by at most 2⁻³² of the sum of the weights.

use std::collections::BTreeMap;

use super::kernel::{Chain, Stopped};
use super::{Plan, SimError};
use crate::loot::{DEPTH_MAX, Gives, Head, LootError, Tables};

/// Combinations of misses that are followed. More, and what is declared is left out.
pub const STATES_MAX: usize = 4_096;
/// Steps (a combination of misses that is looked at, for an entry or to be kept) that are taken for
/// all rows together: some seconds. More, and what is declared is left out.
pub const STEPS_MAX: u64 = 40_000_000;

/// What is declared of one row, for one roll averaged over all rolls of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Declared {
    /// Chance that a roll gives the entry at least once.
    pub share: f64,
    /// How often a roll gives it on average.
    pub drops: f64,
    /// How many of its items a roll gives on average.
    pub items: f64,
}

/// What the plan's table declares of each row; `None` when pities combine to more states than
/// [`STATES_MAX`], or to more steps than [`STEPS_MAX`].
///
/// # Errors
/// As the roller: a table that does not exist, nests too deeply or has nothing to give.
pub fn declared<T: Tables + ?Sized>(
    tables: &T,
    plan: &Plan,
    rows: &[(u16, u16)],
) -> Result<Option<Vec<Declared>>, SimError> {
    let mut steps = STEPS_MAX;
    declared_within(tables, plan, rows, &mut steps)
}

/// The same with a number of steps that several tables share; what was taken is subtracted.
///
/// # Errors
/// As [`declared`].
pub fn declared_within<T: Tables + ?Sized>(
    tables: &T,
    plan: &Plan,
    rows: &[(u16, u16)],
    steps: &mut u64,
) -> Result<Option<Vec<Declared>>, SimError> {
    let (missed, given) = (BTreeMap::new(), BTreeMap::new());
    let mut odds = Odds { tables, plan, missed, given, steps: *steps };
    let chain = Chain::new(&odds)?;
    let mut all = vec![Declared::default(); rows.len()];
    let mut followed = || {
        let occupied = chain.occupied(&mut odds)?;
        for (declared, row) in all.iter_mut().zip(rows) {
            let (missed, given) = chain.follow(&mut odds, &occupied, *row)?;
            declared.share = 1.0 - missed;
            (declared.drops, declared.items) = given;
            odds.missed.clear();
            odds.given.clear();
        }
        Ok(())
    };
    let followed = followed();
    *steps = odds.steps;
    match followed {
        Ok(()) => Ok(Some(all)),
        Err(Stopped::TooMany) => Ok(None),
        Err(Stopped::Loot(error)) => Err(error.into()),
    }
}

/// How often an entry is given by a request for `k` rolls: `once + each × k`, and its items.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given {
    once: (f64, f64),
    each: (f64, f64),
}

impl Given {
    pub(super) fn of(self, rolls: f64) -> (f64, f64) {
        (self.once.0 + self.each.0 * rolls, self.once.1 + self.each.1 * rolls)
    }
}

pub(super) struct Odds<'a, T: ?Sized> {
    pub(super) tables: &'a T,
    pub(super) plan: &'a Plan,
    /// For the row at hand, by table: the chance that its guaranteed entries, and that one roll,
    /// miss it.
    missed: BTreeMap<u16, (f64, f64)>,
    given: BTreeMap<u16, Given>,
    /// What is left of the steps.
    pub(super) steps: u64,
}

/// The numbers that a range holds, each as likely.
pub(super) fn each(range: (u32, u32)) -> impl Iterator<Item = (u32, f64)> {
    let count = f64::from(range.1.saturating_sub(range.0)) + 1.0;
    (range.0..=range.1).map(move |n| (n, 1.0 / count))
}

pub(super) fn mean(range: (u32, u32)) -> f64 {
    (f64::from(range.0) + f64::from(range.1)) / 2.0
}

impl<T: Tables + ?Sized> Odds<'_, T> {
    /// Counts steps.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Stopped> {
        self.steps = self.steps.checked_sub(steps as u64).ok_or(Stopped::TooMany)?;
        Ok(())
    }

    pub(super) fn head(&self, table: u16, depth: u32) -> Result<Head, LootError> {
        if depth > DEPTH_MAX {
            return Err(LootError::TooDeep { table });
        }
        self.tables.head(table).ok_or(LootError::NoTable { table })
    }

    /// Eligible entries of a table: the guaranteed ones, and the others with their weights.
    pub(super) fn open(&self, table: u16, head: &Head) -> Result<Open, LootError> {
        let mask = self.plan.mask(table);
        let (mut sure, mut drawn) = (Vec::new(), Vec::new());
        let mut weighted = 0;
        for index in 0..head.entry_count.min(64) {
            let guaranteed = head.guaranteed >> index & 1 == 1;
            weighted += usize::from(!guaranteed);
            match (mask >> index & 1 == 1, guaranteed) {
                (true, true) => sure.push(index),
                (true, false) => drawn.push((index, self.tables.weight(table, index))),
                _ => {}
            }
        }
        if weighted > 0 && drawn.iter().all(|(_, weight)| *weight == 0) {
            return Err(LootError::NothingEligible { table, mask });
        }
        Ok(Open { sure, drawn })
    }

    /// The chance that a request for `k` rolls does not give the row.
    pub(super) fn missed(
        &mut self,
        table: u16,
        k: u32,
        row: (u16, u16),
        depth: u32,
    ) -> Result<f64, Stopped> {
        let head = self.head(table, depth)?;
        if k == 0 {
            return Ok(1.0);
        }
        let (once, roll) = match self.missed.get(&table) {
            Some(known) => *known,
            None => {
                self.spend(head.entry_count)?;
                let open = self.open(table, &head)?;
                let mut once = 1.0;
                for index in &open.sure {
                    once *= self.missed_by(table, *index, row, depth)?;
                }
                let sum: f64 = open.drawn.iter().map(|(_, weight)| f64::from(*weight)).sum();
                let mut draw = 0.0;
                for (index, weight) in &open.drawn {
                    draw += f64::from(*weight) / sum * self.missed_by(table, *index, row, depth)?;
                }
                let roll = match open.drawn.is_empty() {
                    true => 1.0,
                    false => each(head.rolls).map(|(n, share)| share * power(draw, n)).sum(),
                };
                self.missed.insert(table, (once, roll));
                (once, roll)
            }
        };
        Ok(once * power(roll, k))
    }

    /// The chance that giving one entry does not give the row.
    fn missed_by(
        &mut self,
        table: u16,
        index: usize,
        row: (u16, u16),
        depth: u32,
    ) -> Result<f64, Stopped> {
        let Some(entry) = self.tables.entry(table, index) else { return Ok(1.0) };
        match entry.gives {
            Gives::Item(_) => Ok(f64::from(u8::from(row != (table, index as u16)))),
            Gives::Table(inner) => {
                let count = entry.count;
                let mut missed = 0.0;
                for (k, share) in each(count) {
                    missed += share * self.missed(inner, k, row, depth + 1)?;
                }
                Ok(missed)
            }
        }
    }

    /// How often a request gives the row, by its number of rolls.
    pub(super) fn given(
        &mut self,
        table: u16,
        row: (u16, u16),
        depth: u32,
    ) -> Result<Given, Stopped> {
        let head = self.head(table, depth)?;
        if let Some(known) = self.given.get(&table) {
            return Ok(*known);
        }
        self.spend(head.entry_count)?;
        let open = self.open(table, &head)?;
        let mut given = Given::default();
        for index in &open.sure {
            let (drops, items) = self.given_by(table, *index, row, depth)?;
            given.once = (given.once.0 + drops, given.once.1 + items);
        }
        let sum: f64 = open.drawn.iter().map(|(_, weight)| f64::from(*weight)).sum();
        for (index, weight) in &open.drawn {
            let share = f64::from(*weight) / sum * mean(head.rolls);
            let (drops, items) = self.given_by(table, *index, row, depth)?;
            given.each = (given.each.0 + share * drops, given.each.1 + share * items);
        }
        self.given.insert(table, given);
        Ok(given)
    }

    fn given_by(
        &mut self,
        table: u16,
        index: usize,
        row: (u16, u16),
        depth: u32,
    ) -> Result<(f64, f64), Stopped> {
        let Some(entry) = self.tables.entry(table, index) else { return Ok((0.0, 0.0)) };
        match entry.gives {
            Gives::Item(_) if row == (table, index as u16) => Ok((1.0, mean(entry.count))),
            Gives::Item(_) => Ok((0.0, 0.0)),
            // A request for no roll at all gives nothing; counts begin at 1.
            Gives::Table(inner) => Ok(self.given(inner, row, depth + 1)?.of(mean(entry.count))),
        }
    }
}

/// What can be given by one request.
pub(super) struct Open {
    pub(super) sure: Vec<usize>,
    pub(super) drawn: Vec<(usize, u32)>,
}

fn power(base: f64, exponent: u32) -> f64 {
    base.powi(i32::try_from(exponent).unwrap_or(i32::MAX))
}
