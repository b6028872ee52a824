//! From entries with conditions to tables of the language, with the same odds.
//!
//! A condition of an entry may not draw here, so a pool in which entries draw becomes a tree: a
//! table that draws between two others, one for each way the draw came out. Where every entry has a
//! condition, a table of guaranteed entries asks one condition after the other. A count that may be
//! zero shares its weight with `nothing`. All of it is exact: whole weights, no rounding.

use std::collections::{BTreeMap, BTreeSet};

use super::cond::Cond;
use super::entry::{Leaf, NOTHING};
use super::provider::{Dist, Share, gcd};
use super::{ATOM_COUNT_MAX, CASE_COUNT_MAX, Carry, Chance};
use crate::import::document::Node;
use crate::import::source::{Entry, Gives, Table};
use crate::lang::limits::{
    ENTRY_COUNT_MAX, ENTRY_ITEMS_MAX, TABLE_COUNT_MAX, TABLE_ROLLS_MAX, WEIGHT_SUM_MAX,
};

/// How often one entry's count may be zero in how many cases; more are left out.
const SPAN_MAX: u64 = 1_000_000;

/// What an entry gives and how much of it.
type Given = (Gives, (u32, u32));

fn nothing() -> Gives {
    Gives::Item(NOTHING.to_owned())
}

impl<'a> Carry<'a> {
    /// Makes the table `name`, and those that it needs, for so many draws of these entries.
    pub(super) fn build(
        &mut self,
        name: String,
        rolls: (u32, u32),
        leaves: Vec<Leaf<'a>>,
    ) -> Result<(), String> {
        let draws: BTreeSet<usize> = leaves.iter().flat_map(|leaf| leaf.cond.draws()).collect();
        if draws.len() > ATOM_COUNT_MAX {
            let count = draws.len();
            return Err(format!(
                "its entries draw {count} chances for each roll, limit {ATOM_COUNT_MAX}"
            ));
        }
        let Some(first) = draws.first().copied() else {
            return self.weighted(name, rolls, leaves);
        };
        let Some(Chance::Share(share)) = self.draws.get(first).cloned() else {
            return Err("a chance that follows a level cannot decide inside a table".to_owned());
        };
        let (yes, no) = (given(&leaves, first, true), given(&leaves, first, false));
        let yes = self.side(&format!("{name}_if"), yes)?;
        let no = self.side(&format!("{name}_else"), no)?;
        let Share { part, whole } = share;
        self.two_ways(name, rolls, (yes, part), (no, whole - part))
    }

    fn two_ways(
        &mut self,
        name: String,
        rolls: (u32, u32),
        yes: (Given, u64),
        no: (Given, u64),
    ) -> Result<(), String> {
        let entry = |((gives, count), weight): (Given, u64)| Entry {
            gives,
            weight: Some(weight),
            count,
            when: None,
            fields: Vec::new(),
        };
        let entries = match yes.0 == no.0 {
            true => vec![entry((yes.0, 1))],
            false => vec![entry(yes), entry(no)],
        };
        self.make(Table { name, rolls, entries })
    }

    /// What one draw of these entries gives: themselves when that is simple, else a table.
    fn side(&mut self, wanted: &str, leaves: Vec<Leaf<'a>>) -> Result<Given, String> {
        match &leaves[..] {
            [] => return Ok((nothing(), (1, 1))),
            [Leaf { gives, count, cond: Cond::Always, .. }] => {
                if let Some(count) = plain(*count) {
                    return Ok((gives.clone(), count));
                }
            }
            _ => {}
        }
        let name = self.tables.fresh(wanted);
        self.build(name.clone(), (1, 1), leaves)?;
        Ok((Gives::Table(name), (1, 1)))
    }

    /// A table of entries whose conditions do not draw.
    fn weighted(
        &mut self,
        name: String,
        rolls: (u32, u32),
        leaves: Vec<Leaf<'a>>,
    ) -> Result<(), String> {
        if !leaves.is_empty() && leaves.iter().all(|leaf| leaf.cond != Cond::Always) {
            return self.cases(name, rolls, leaves);
        }
        // Where a count may be zero, all weights grow so that each number of it has a whole one.
        let mut factor = 1_u64;
        for leaf in &leaves {
            let span = span(leaf.count);
            factor = factor / gcd(factor, span) * span;
            if factor > SPAN_MAX {
                return Err(
                    "its counts may be zero in too many ways to be said in weights".to_owned()
                );
            }
        }
        let mut merged: BTreeMap<(Given, Cond), u64> = BTreeMap::new();
        let mut order = Vec::new();
        let mut add = |given: Given, cond: Cond, weight: u64| {
            if weight > 0 {
                let key = (given, cond);
                if !merged.contains_key(&key) {
                    order.push(key.clone());
                }
                *merged.entry(key).or_default() += weight;
            }
        };
        for leaf in leaves {
            let weight = leaf.weight.saturating_mul(factor);
            match leaf.count {
                Dist::Range(low, high) => {
                    let span = span(leaf.count);
                    let some = u64::try_from((high - low.max(1) + 1).max(0)).unwrap_or(0);
                    let zero = if low < 1 { span - some.min(span) } else { 0 };
                    add((nothing(), (1, 1)), leaf.cond.clone(), weight / span * zero);
                    let count = (low.max(1), high);
                    let some = if low < 1 { weight / span * some } else { weight };
                    if some > 0 {
                        let count = fits(count).ok_or_else(|| {
                            format!("a count of up to {high}, limit {ENTRY_ITEMS_MAX}")
                        })?;
                        add((leaf.gives, count), leaf.cond, some);
                    }
                }
                Dist::Tries(tries, share) => {
                    let gives = self.tries(&name, leaf.gives, tries, share)?;
                    add((gives, (1, 1)), leaf.cond, weight);
                }
            }
        }
        let mut entries: Vec<(Given, Cond, u64)> = order
            .into_iter()
            .filter_map(|key| {
                let weight = merged.get(&key).copied()?;
                let (given, cond) = key;
                Some((given, cond, weight))
            })
            .collect();
        if entries.is_empty() {
            entries.push(((nothing(), (1, 1)), Cond::Always, 1));
        }
        let sum = entries.iter().fold(0_u64, |sum, (_, _, weight)| sum.saturating_add(*weight));
        if sum > WEIGHT_SUM_MAX {
            return Err(format!("its weights add up to {sum}, limit {WEIGHT_SUM_MAX}"));
        }
        let entries = self.chunked(&name, entries)?;
        let entries = entries.into_iter().map(|((gives, count), cond, weight)| Entry {
            gives,
            weight: Some(weight),
            count,
            when: when(&cond),
            fields: cond.fields().into_iter().collect(),
        });
        let entries = entries.collect();
        self.make(Table { name, rolls, entries })
    }

    /// Entries without a condition move to tables of their own when there are too many.
    fn chunked(
        &mut self,
        name: &str,
        entries: Vec<(Given, Cond, u64)>,
    ) -> Result<Vec<(Given, Cond, u64)>, String> {
        if entries.len() <= ENTRY_COUNT_MAX {
            return Ok(entries);
        }
        let (free, mut kept): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(_, cond, _)| *cond == Cond::Always);
        for chunk in free.chunks(ENTRY_COUNT_MAX) {
            let inner = self.tables.fresh(&format!("{name}_part"));
            let weight = chunk.iter().map(|(_, _, weight)| weight).sum();
            let entries = chunk.iter().map(|((gives, count), _, weight)| Entry {
                gives: gives.clone(),
                weight: Some(*weight),
                count: *count,
                when: None,
                fields: Vec::new(),
            });
            let entries = entries.collect();
            self.make(Table { name: inner.clone(), rolls: (1, 1), entries })?;
            kept.push(((Gives::Table(inner), (1, 1)), Cond::Always, weight));
        }
        match kept.len() {
            count if count > ENTRY_COUNT_MAX => Err(format!(
                "{count} entries with conditions of their own, limit {ENTRY_COUNT_MAX}"
            )),
            _ => Ok(kept),
        }
    }

    /// A table that gives one for each try that succeeds.
    fn tries(
        &mut self,
        base: &str,
        gives: Gives,
        tries: u32,
        share: Share,
    ) -> Result<Gives, String> {
        if tries > TABLE_ROLLS_MAX {
            return Err(format!("a count of {tries} tries, limit {TABLE_ROLLS_MAX}"));
        }
        let name = self.tables.fresh(&format!("{base}_tries"));
        let Share { part, whole } = share;
        let (yes, no) = ((gives, (1, 1)), (nothing(), (1, 1)));
        self.two_ways(name.clone(), (tries, tries), (yes, part), (no, whole - part))?;
        Ok(Gives::Table(name))
    }

    /// Every entry has a condition: the first that holds decides which table is drawn from, in
    /// which it has none any more.
    fn cases(
        &mut self,
        name: String,
        rolls: (u32, u32),
        leaves: Vec<Leaf<'a>>,
    ) -> Result<(), String> {
        let mut distinct: Vec<Cond> = Vec::new();
        for leaf in &leaves {
            if !distinct.contains(&leaf.cond) {
                distinct.push(leaf.cond.clone());
            }
        }
        if distinct.len() > CASE_COUNT_MAX {
            let count = distinct.len();
            return Err(format!(
                "none of its entries is without a condition, and they have {count} different ones, limit {CASE_COUNT_MAX}"
            ));
        }
        let mut entries = Vec::new();
        for (index, cond) in distinct.iter().enumerate() {
            let (before, after) = distinct.split_at(index);
            let here = Cond::all(
                before.iter().cloned().map(Cond::negate).chain(std::iter::once(cond.clone())),
            );
            let here = here.settled();
            if here == Cond::Never {
                continue;
            }
            let inner: Vec<Leaf<'a>> = leaves
                .iter()
                .filter(|leaf| after.contains(&leaf.cond))
                .cloned()
                .map(|mut leaf| {
                    if leaf.cond == *cond {
                        leaf.cond = Cond::Always;
                    }
                    leaf
                })
                .collect();
            let table = self.tables.fresh(&format!("{name}_case"));
            self.weighted(table.clone(), rolls, inner)?;
            entries.push(guaranteed(Gives::Table(table), &here));
        }
        entries.push(guaranteed(nothing(), &Cond::Always));
        self.make(Table { name, rolls: (1, 1), entries })
    }

    /// One table that gives all of these, each while its condition holds.
    pub(super) fn together(
        &mut self,
        name: String,
        parts: &[(Cond, Gives, &'a Node)],
    ) -> Result<(), String> {
        let mut entries = Vec::new();
        for (cond, gives, node) in parts {
            if cond.draws().is_empty() {
                entries.push(guaranteed(gives.clone(), cond));
                continue;
            }
            let inner = self.gate(&format!("{name}_chance"), cond, gives, node)?;
            entries.push(guaranteed(inner, &Cond::Always));
        }
        if entries.iter().all(|entry| entry.when.is_some()) {
            entries.push(guaranteed(nothing(), &Cond::Always));
        }
        self.make(Table { name, rolls: (1, 1), entries })
    }

    /// A table that gives something while a condition holds, draws included; `wanted` is its name
    /// when there is none yet that does the same.
    pub(super) fn gate(
        &mut self,
        wanted: &str,
        cond: &Cond,
        gives: &Gives,
        node: &'a Node,
    ) -> Result<Gives, String> {
        let key = (cond.clone(), gives.clone());
        if let Some(known) = self.gates.get(&key)
            && self.made.iter().any(|(_, table)| table.name == *known)
        {
            return Ok(Gives::Table(known.clone()));
        }
        let name = self.tables.fresh(wanted);
        let (cond, gives) = key.clone();
        let leaf = Leaf { gives, weight: 1, count: Dist::Range(1, 1), cond, node };
        self.build(name.clone(), (1, 1), vec![leaf])?;
        self.gates.insert(key, name.clone());
        Ok(Gives::Table(name))
    }

    fn make(&mut self, table: Table) -> Result<(), String> {
        if self.made.len() >= TABLE_COUNT_MAX {
            return Err(format!(
                "the rule set has {TABLE_COUNT_MAX} loot tables without it, its limit"
            ));
        }
        self.made.push((self.at, table));
        Ok(())
    }
}

fn given<'a>(leaves: &[Leaf<'a>], draw: usize, yes: bool) -> Vec<Leaf<'a>> {
    let known = leaves.iter().cloned().map(|mut leaf| {
        leaf.cond = leaf.cond.given(draw, yes).settled();
        leaf
    });
    known.filter(|leaf| leaf.cond != Cond::Never).collect()
}

/// A count that is never zero.
fn plain(count: Dist) -> Option<(u32, u32)> {
    match count {
        Dist::Range(low, high) if low >= 1 => fits((low, high)),
        _ => None,
    }
}

fn fits((low, high): (i64, i64)) -> Option<(u32, u32)> {
    let fit = |n: i64| u32::try_from(n).ok().filter(|n| (1..=ENTRY_ITEMS_MAX).contains(n));
    Some((fit(low)?, fit(high)?))
}

/// Into how many parts a weight is split: one for each number, when zero is among them.
fn span(count: Dist) -> u64 {
    match count {
        Dist::Range(low, high) if low < 1 && high >= 1 => {
            u64::try_from(high - low + 1).unwrap_or(1)
        }
        _ => 1,
    }
}

fn when(cond: &Cond) -> Option<String> {
    (*cond != Cond::Always).then(|| cond.text(&|_| "false".to_owned()))
}

fn guaranteed(gives: Gives, cond: &Cond) -> Entry {
    Entry {
        gives,
        weight: None,
        count: (1, 1),
        when: when(cond),
        fields: cond.fields().into_iter().collect(),
    }
}
