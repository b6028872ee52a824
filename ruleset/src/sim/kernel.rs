//! A player's misses as a Markov chain: the exact odds of tables with pity.

use std::collections::BTreeMap;

use super::odds::{Odds, STATES_MAX, each};
use crate::loot::{Gives, LootError, Pity, Tables};

/// How likely each combination of misses is, in the order of the chain's pities. With a row that
/// must be missed, what is left of 1.
pub(super) type Distribution = BTreeMap<Vec<u32>, f64>;

/// The pities that the plan's table can reach and whose entries are eligible.
pub(super) struct Chain {
    /// With their tables; the position is that among the misses.
    pities: Vec<(u16, Pity)>,
    /// Tables from which one of them can be reached.
    stateful: Vec<u16>,
}

/// What a walk through one roll keeps an eye on.
pub(super) struct Walk {
    /// The row it is about, and whether what gives it leaves the distribution.
    row: Option<((u16, u16), bool)>,
    /// How often the row was given, and its items.
    given: (f64, f64),
}

/// Why a walk ended early.
pub(super) enum Stopped {
    Loot(LootError),
    /// More than [`STATES_MAX`], or no step is left.
    TooMany,
}

impl From<LootError> for Stopped {
    fn from(error: LootError) -> Stopped {
        Stopped::Loot(error)
    }
}

impl Chain {
    pub(super) fn new<T: Tables + ?Sized>(odds: &Odds<'_, T>) -> Result<Chain, LootError> {
        let mut chain = Chain { pities: Vec::new(), stateful: Vec::new() };
        chain.reach(odds, odds.plan.table, 0, &mut Vec::new())?;
        Ok(chain)
    }

    /// Depth first; a table is stateful when it or one that it leads to has a pity.
    fn reach<T: Tables + ?Sized>(
        &mut self,
        odds: &Odds<'_, T>,
        table: u16,
        depth: u32,
        seen: &mut Vec<u16>,
    ) -> Result<bool, LootError> {
        let head = odds.head(table, depth)?;
        if seen.contains(&table) {
            return Ok(self.stateful.contains(&table));
        }
        seen.push(table);
        let open = odds.open(table, &head)?;
        let mut stateful = false;
        for slot in head.pity_first..head.pity_first + head.pity_count {
            let Some(pity) = odds.tables.pity(slot) else { continue };
            if open.drawn.iter().any(|(index, _)| *index == usize::from(pity.entry)) {
                self.pities.push((table, pity));
                stateful = true;
            }
        }
        for index in open.sure.into_iter().chain(open.drawn.into_iter().map(|(index, _)| index)) {
            if let Some(Gives::Table(inner)) = odds.tables.entry(table, index).map(|e| e.gives) {
                stateful |= self.reach(odds, inner, depth + 1, seen)?;
            }
        }
        if stateful {
            self.stateful.push(table);
        }
        Ok(stateful)
    }

    /// How likely each combination of misses is before a roll, averaged over all rolls of all
    /// players.
    pub(super) fn occupied<T: Tables + ?Sized>(
        &self,
        odds: &mut Odds<'_, T>,
    ) -> Result<Distribution, Stopped> {
        if self.pities.is_empty() {
            // Every roll is like the first.
            return Ok(Distribution::from([(Vec::new(), 1.0)]));
        }
        let plan = odds.plan;
        let each = u64::from(plan.rolls_per_player.max(1));
        let (whole, rest) = (plan.runs / each, plan.runs % each);
        let mut state = Distribution::from([(vec![0; self.pities.len()], 1.0)]);
        let mut occupied = Distribution::new();
        let mut walk = Walk { row: None, given: (0.0, 0.0) };
        for roll in 0..if whole > 0 { each } else { rest } {
            // The last player has the first `rest` rolls alone.
            let players = whole + u64::from(roll < rest);
            let weight = players as f64 / plan.runs as f64;
            for (misses, share) in &state {
                *occupied.entry(misses.clone()).or_default() += weight * share;
            }
            state = self.request(odds, &mut walk, state, plan.table, 1, 0)?;
        }
        Ok(occupied)
    }

    /// One roll from `start`: the chance that it does not give the row, and how often it does.
    pub(super) fn follow<T: Tables + ?Sized>(
        &self,
        odds: &mut Odds<'_, T>,
        start: &Distribution,
        row: (u16, u16),
    ) -> Result<(f64, (f64, f64)), Stopped> {
        let table = odds.plan.table;
        let mut missing = Walk { row: Some((row, true)), given: (0.0, 0.0) };
        let left = self.request(odds, &mut missing, start.clone(), table, 1, 0)?;
        let mut counting = Walk { row: Some((row, false)), given: (0.0, 0.0) };
        self.request(odds, &mut counting, start.clone(), table, 1, 0)?;
        Ok((left.values().sum(), counting.given))
    }

    /// The distribution after a request for `k` rolls of a table.
    fn request<T: Tables + ?Sized>(
        &self,
        odds: &mut Odds<'_, T>,
        walk: &mut Walk,
        mut state: Distribution,
        table: u16,
        k: u32,
        depth: u32,
    ) -> Result<Distribution, Stopped> {
        let head = odds.head(table, depth)?;
        if k == 0 {
            return Ok(state);
        }
        if !self.stateful.contains(&table) {
            return self.closed(odds, walk, state, table, (k, k), depth);
        }
        let open = odds.open(table, &head)?;
        for index in &open.sure {
            state = self.give(odds, walk, state, table, *index, depth)?;
        }
        if open.drawn.is_empty() {
            return Ok(state);
        }
        for _ in 0..k {
            let mut after = Distribution::new();
            let (few, many) = head.rolls;
            // After each draw that may be the last one, an equal share of those left ends here.
            for drawn in 0..=many {
                if drawn >= few {
                    let ends = 1.0 / f64::from(many - drawn + 1);
                    merge(odds, &mut after, &state, ends)?;
                    state.values_mut().for_each(|share| *share *= 1.0 - ends);
                }
                if drawn < many {
                    state = self.draw(odds, walk, state, table, &open.drawn, depth)?;
                }
            }
            state = after;
        }
        Ok(state)
    }

    /// A request for rolls of a table without pities, as many as the range draws: it changes no
    /// misses.
    fn closed<T: Tables + ?Sized>(
        &self,
        odds: &mut Odds<'_, T>,
        walk: &mut Walk,
        mut state: Distribution,
        table: u16,
        rolls: (u32, u32),
        depth: u32,
    ) -> Result<Distribution, Stopped> {
        odds.spend(state.len())?;
        match walk.row {
            None => {}
            Some((row, true)) => {
                let mut missed = 0.0;
                for (k, likely) in each(rolls) {
                    odds.spend(1)?;
                    missed += likely * odds.missed(table, k, row, depth)?;
                }
                state.values_mut().for_each(|share| *share *= missed);
            }
            Some((row, false)) => {
                let mass: f64 = state.values().sum();
                let (drops, items) = odds.given(table, row, depth)?.of(super::odds::mean(rolls));
                walk.given.0 += mass * drops;
                walk.given.1 += mass * items;
            }
        }
        Ok(state)
    }

    /// One draw, by pity or by weight.
    fn draw<T: Tables + ?Sized>(
        &self,
        odds: &mut Odds<'_, T>,
        walk: &mut Walk,
        state: Distribution,
        table: u16,
        open: &[(usize, u32)],
        depth: u32,
    ) -> Result<Distribution, Stopped> {
        // Per entry: the misses after it was drawn.
        let mut by_entry: Vec<Distribution> = vec![Distribution::new(); open.len()];
        for (misses, share) in state {
            odds.spend(open.len())?;
            let own = || self.pities.iter().zip(&misses).filter(|((of, _), _)| *of == table);
            let due = own().find(|((_, pity), missed)| **missed >= pity.after);
            let due = due.map(|((_, pity), _)| usize::from(pity.entry));
            let weight = |(index, weight): &(usize, u32)| {
                let extra = own()
                    .find(|((_, pity), _)| usize::from(pity.entry) == *index)
                    .map_or(0, |((_, pity), missed)| pity.extra(*missed));
                u64::from(*weight) as f64 + extra as f64
            };
            let sum: f64 = open.iter().map(weight).sum();
            for (entry, after) in open.iter().zip(&mut by_entry) {
                let chance = match due {
                    Some(due) => f64::from(u8::from(due == entry.0)),
                    None => weight(entry) / sum,
                };
                if chance == 0.0 {
                    continue;
                }
                let mut next = misses.clone();
                for ((of, pity), missed) in self.pities.iter().zip(&mut next) {
                    if *of == table {
                        *missed = if usize::from(pity.entry) == entry.0 { 0 } else { *missed + 1 };
                    }
                }
                *after.entry(next).or_default() += share * chance;
            }
        }
        let mut after = Distribution::new();
        for ((index, _), drawn) in open.iter().zip(by_entry) {
            if !drawn.is_empty() {
                let given = self.give(odds, walk, drawn, table, *index, depth)?;
                merge(odds, &mut after, &given, 1.0)?;
            }
        }
        Ok(after)
    }

    fn give<T: Tables + ?Sized>(
        &self,
        odds: &mut Odds<'_, T>,
        walk: &mut Walk,
        mut state: Distribution,
        table: u16,
        index: usize,
        depth: u32,
    ) -> Result<Distribution, Stopped> {
        let Some(entry) = odds.tables.entry(table, index) else { return Ok(state) };
        match entry.gives {
            Gives::Item(_) => {
                if let Some((row, leaves)) = walk.row
                    && row == (table, index as u16)
                {
                    let mass: f64 = state.values().sum();
                    walk.given.0 += mass;
                    walk.given.1 += mass * super::odds::mean(entry.count);
                    if leaves {
                        state.clear();
                    }
                }
                Ok(state)
            }
            Gives::Table(inner) if entry.count.0 == entry.count.1 => {
                self.request(odds, walk, state, inner, entry.count.0, depth + 1)
            }
            Gives::Table(inner) if !self.stateful.contains(&inner) => {
                odds.head(inner, depth + 1)?;
                self.closed(odds, walk, state, inner, entry.count, depth + 1)
            }
            Gives::Table(inner) => {
                let mut after = Distribution::new();
                for (k, likely) in each(entry.count) {
                    odds.spend(state.len())?;
                    let part = state.iter().map(|(misses, share)| (misses.clone(), share * likely));
                    let part = part.collect();
                    let given = self.request(odds, walk, part, inner, k, depth + 1)?;
                    merge(odds, &mut after, &given, 1.0)?;
                }
                Ok(after)
            }
        }
    }
}

/// Adds `share` of one distribution to another. Each combination is a step.
fn merge<T: Tables + ?Sized>(
    odds: &mut Odds<'_, T>,
    into: &mut Distribution,
    from: &Distribution,
    share: f64,
) -> Result<(), Stopped> {
    odds.spend(from.len())?;
    for (misses, likely) in from {
        *into.entry(misses.clone()).or_default() += share * likely;
    }
    if into.len() > STATES_MAX { Err(Stopped::TooMany) } else { Ok(()) }
}
