//! What fell, in whole numbers that can be added in any order.

use std::collections::BTreeMap;

use super::wide::Wide;
use crate::loot::Drop;

/// What a simulation counts of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Rolls that gave it at least once.
    pub hits: u64,
    /// Times that it was given.
    pub drops: u64,
    /// Items that it gave.
    pub items: u64,
    /// Per length of a player's longest drought: how many players had it.
    pub droughts: BTreeMap<u32, u64>,
}

impl Row {
    /// The longest drought that a share of the players, in thousandths, did not exceed.
    #[must_use]
    pub fn drought(&self, thousandths: u64) -> u32 {
        let players: u64 = self.droughts.values().sum();
        let wanted = (players * thousandths).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (length, count) in &self.droughts {
            seen += count;
            if seen >= wanted {
                return *length;
            }
        }
        0
    }

    fn add(&mut self, other: &Row) {
        self.hits += other.hits;
        self.drops += other.drops;
        self.items += other.items;
        for (length, count) in &other.droughts {
            *self.droughts.entry(*length).or_default() += count;
        }
    }
}

/// What rolls were worth, in millionths. Nothing in it overflows or rounds: a roll gives less than
/// 2³¹ items of less than 2⁶³ millionths each, and there are at most 2³⁰ rolls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    /// Of all rolls.
    pub sum: i128,
    /// Of the squares, for the spread.
    pub squares: Wide,
}

/// What fell in some rolls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rolls counted.
    pub rolls: u64,
    /// By row.
    pub rows: Vec<Row>,
    /// What they were worth.
    pub worth: Worth,
    /// Row of each table and entry; tables without rows are empty.
    index: Vec<Vec<u32>>,
    /// Value of one item of each row, in millionths.
    values: Vec<i64>,
    /// Per row: the player's rolls since the last hit, and the longest run of them.
    waits: Vec<(u32, u32)>,
    /// Per row: number of the last roll of this tally that hit it, from 1.
    last: Vec<u64>,
}

const NONE: u32 = u32::MAX;

impl Tally {
    /// Nothing yet, for these rows and the value of one item of each (none for all without).
    #[must_use]
    pub fn new(rows: &[(u16, u16)], values: &[i64]) -> Tally {
        let mut index: Vec<Vec<u32>> = Vec::new();
        for (number, (table, entry)) in rows.iter().enumerate() {
            let (table, entry) = (usize::from(*table), usize::from(*entry));
            if index.len() <= table {
                index.resize(table + 1, Vec::new());
            }
            if index[table].len() <= entry {
                index[table].resize(entry + 1, NONE);
            }
            index[table][entry] = number as u32;
        }
        let mut values = values.to_vec();
        values.resize(rows.len(), 0);
        Tally {
            rows: vec![Row::default(); rows.len()],
            waits: vec![(0, 0); rows.len()],
            last: vec![0; rows.len()],
            index,
            values,
            ..Tally::default()
        }
    }

    /// Counts one roll of the player at hand.
    pub(super) fn roll(&mut self, drops: &[Drop<'_>]) {
        self.rolls += 1;
        let mut worth = 0_i128;
        for drop in drops {
            let row = self.index.get(usize::from(drop.table));
            let row = row.and_then(|table| table.get(usize::from(drop.entry)));
            let Some(at) = row.filter(|row| **row != NONE).map(|row| *row as usize) else {
                continue;
            };
            let row = &mut self.rows[at];
            row.drops += 1;
            row.items += u64::from(drop.count);
            worth += i128::from(self.values[at]) * i128::from(drop.count);
            if self.last[at] != self.rolls {
                self.last[at] = self.rolls;
                row.hits += 1;
            }
        }
        self.worth.sum += worth;
        self.worth.squares += Wide::square(worth);
        for (wait, last) in self.waits.iter_mut().zip(&self.last) {
            wait.0 = if *last == self.rolls { 0 } else { wait.0 + 1 };
            wait.1 = wait.1.max(wait.0);
        }
    }

    /// The next roll is another player's.
    pub(super) fn end_of_player(&mut self) {
        for (row, wait) in self.rows.iter_mut().zip(&mut self.waits) {
            *row.droughts.entry(wait.1).or_default() += 1;
            *wait = (0, 0);
        }
    }

    /// Adds what other players got.
    pub fn add(&mut self, other: &Tally) {
        self.rolls += other.rolls;
        self.worth.sum += other.worth.sum;
        self.worth.squares += other.worth.squares;
        for (row, other) in self.rows.iter_mut().zip(&other.rows) {
            row.add(other);
        }
    }

    /// Mean worth of a roll in millionths, and half the width of its interval for a `z`.
    #[must_use]
    pub fn mean_worth(&self, z: f64) -> (f64, f64) {
        let rolls = self.rolls.max(1);
        let mean = self.worth.sum as f64 / rolls as f64;
        // n·Σx² − (Σx)², whole, so that rolls of one worth have no spread at all.
        let spread = self.worth.squares.times(rolls) - Wide::square(self.worth.sum);
        let variance = spread.to_f64() / (rolls as f64 * rolls as f64);
        (mean, z * (variance / rolls as f64).sqrt())
    }
}
