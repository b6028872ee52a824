//! How long a player has waited: for each `pity` of the tables, how often its entry missed.
//!
//! The state belongs to whoever owns the player: a game server keeps it with the player's record,
//! gives it to every roll and keeps what comes back. By name it is a small map, (table, entry) to
//! misses; in memory it is one count per pity of one version, and moves to another version by name.

use std::collections::BTreeMap;

use crate::limits::MISSES_MAX;
use crate::loot::Tables;

/// A player's state cannot be taken over. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PityError {
    /// No table of this name has a pity.
    #[error("no loot table `{table}` has a pity")]
    NoTable {
        /// The name.
        table: String,
    },
    /// The table has no pity for this entry.
    #[error("loot table `{table}` has no pity for an entry `{entry}`")]
    NoEntry {
        /// The table.
        table: String,
        /// The entry.
        entry: String,
    },
    /// More misses than anybody can have.
    #[error("`{table}.{entry}` has {misses} misses, limit {MISSES_MAX}")]
    TooMany {
        /// The table.
        table: String,
        /// The entry.
        entry: String,
        /// What was given.
        misses: u64,
    },
}

/// One player's misses under one version's tables: a count per pity, 0 at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misses {
    counts: Vec<u32>,
}

impl Misses {
    /// Nobody has missed anything. Allocates unless the tables have no pity.
    #[must_use]
    pub fn new<T: Tables + ?Sized>(tables: &T) -> Misses {
        Misses { counts: vec![0; tables.pity_count()] }
    }

    /// The counts, for [`crate::loot::roll`].
    #[must_use]
    pub fn counts_mut(&mut self) -> &mut [u32] {
        &mut self.counts
    }

    /// Forgets all misses, keeping the memory.
    pub fn clear(&mut self) {
        self.counts.fill(0);
    }

    /// Takes over one count by name. Linear in the pities of the tables.
    ///
    /// # Errors
    /// See [`PityError`].
    pub fn set<T: Tables + ?Sized>(
        &mut self,
        tables: &T,
        table: &str,
        entry: &str,
        misses: u64,
    ) -> Result<(), PityError> {
        let names = |slot: usize| tables.pity_name(slot).unwrap_or_default();
        let slots = 0..self.counts.len();
        let Some(slot) = slots.clone().find(|slot| names(*slot) == (table, entry)) else {
            let table = clip(table);
            return Err(match slots.into_iter().any(|slot| names(slot).0 == table) {
                true => PityError::NoEntry { table, entry: clip(entry) },
                false => PityError::NoTable { table },
            });
        };
        let count = u32::try_from(misses).ok().filter(|count| *count <= MISSES_MAX);
        match (count, self.counts.get_mut(slot)) {
            (Some(count), Some(known)) => *known = count,
            _ => {
                let (table, entry) = (table.to_owned(), entry.to_owned());
                return Err(PityError::TooMany { table, entry, misses });
            }
        }
        Ok(())
    }

    /// Takes over what is kept of a player, whichever version it was kept under, and returns what
    /// these tables do not know, in the order given: a caller keeps that as it is, for the version
    /// that knows it. One pass over the pities of the tables, then logarithmic for each count.
    ///
    /// # Errors
    /// `TooMany`, of the first such count, known or not; nothing is changed then.
    pub fn restore<'n, T: Tables + ?Sized>(
        &mut self,
        tables: &T,
        counts: impl IntoIterator<Item = (&'n str, &'n str, u64)>,
    ) -> Result<Vec<(&'n str, &'n str, u64)>, PityError> {
        let slots = slots(tables);
        let (mut taken, mut unknown) = (self.clone(), Vec::new());
        for (table, entry, misses) in counts {
            if misses > MISSES_MAX.into() {
                let (table, entry) = (clip(table), clip(entry));
                return Err(PityError::TooMany { table, entry, misses });
            }
            match slots.get(&(table, entry)) {
                Some(slot) => taken.put(*slot, misses as u32),
                None => unknown.push((table, entry, misses)),
            }
        }
        *self = taken;
        Ok(unknown)
    }

    fn put(&mut self, slot: usize, misses: u32) {
        if let Some(known) = self.counts.get_mut(slot) {
            *known = misses;
        }
    }

    /// Table, entry and misses of every pity, in declared order.
    pub fn iter<'a, T: Tables + ?Sized>(
        &'a self,
        tables: &'a T,
    ) -> impl Iterator<Item = (&'a str, &'a str, u32)> {
        self.counts.iter().enumerate().filter_map(|(slot, count)| {
            let (table, entry) = tables.pity_name(slot)?;
            Some((table, entry, *count))
        })
    }

    /// The same player under the tables of another version: what is called the same there keeps
    /// its count, what is gone is forgotten, what is new begins at 0.
    #[must_use]
    pub fn carry<A: Tables + ?Sized, B: Tables + ?Sized>(&self, from: &A, to: &B) -> Misses {
        let mut carried = Misses::new(to);
        let slots = slots(to);
        for (table, entry, count) in self.iter(from).filter(|(_, _, count)| *count > 0) {
            if let Some(slot) = slots.get(&(table, entry)) {
                carried.put(*slot, count);
            }
        }
        carried
    }
}

/// The slot of each pity by its table and entry.
fn slots<T: Tables + ?Sized>(tables: &T) -> BTreeMap<(&str, &str), usize> {
    let names = (0..tables.pity_count()).filter_map(|slot| Some((tables.pity_name(slot)?, slot)));
    names.collect()
}

/// As much of a name as an error repeats.
fn clip(name: &str) -> String {
    name.chars().take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{EntryDef, Loot, PityDef, TableDef};

    fn table(name: &str, entries: &[&str], pities: &[u16]) -> TableDef {
        let entry = |name: &&str| EntryDef {
            name: (*name).into(),
            loot: Loot::Item((*name).into()),
            weight: 1,
            count: (1, 1),
            conditional: false,
            guaranteed: false,
        };
        let pity = |entry: &u16| PityDef { entry: *entry, after: 9, soft_from: 0, soft_step: 0 };
        TableDef {
            name: name.into(),
            entries: entries.iter().map(entry).collect(),
            rolls: (1, 1),
            pities: pities.iter().map(pity).collect(),
        }
    }

    #[test]
    fn counts_are_named_bounded_and_carried_to_the_next_version() {
        let old = [table("a", &["x", "y"], &[1, 0]), table("b", &["x"], &[0])];
        let old = old.as_slice();
        let mut misses = Misses::new(old);
        misses.set(old, "a", "x", 7).unwrap();
        misses.set(old, "b", "x", u64::from(MISSES_MAX)).unwrap();
        let named: Vec<_> = misses.iter(old).collect();
        assert_eq!(named, [("a", "y", 0), ("a", "x", 7), ("b", "x", MISSES_MAX)]);

        let refused = misses.clone();
        for (table, entry, count, expected) in [
            ("a", "x", u64::from(MISSES_MAX) + 1, "`a.x` has 1000001 misses, limit 1000000"),
            ("a", "z", 1, "loot table `a` has no pity for an entry `z`"),
            ("c", "x", 1, "no loot table `c` has a pity"),
        ] {
            let error = misses.set(old, table, entry, count).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        assert_eq!(misses, refused);

        let kept = [("a", "z", 9), ("a", "y", 4), ("c", "x", u64::from(MISSES_MAX))];
        let mut restored = Misses::new(old);
        assert_eq!(restored.restore(old, kept), Ok(vec![kept[0], kept[2]]));
        let named: Vec<_> = restored.iter(old).collect();
        assert_eq!(named, [("a", "y", 4), ("a", "x", 0), ("b", "x", 0)]);
        // One that nobody knows here would be refused by the version that does.
        let error = misses.restore(old, [("a", "x", 1), ("c", "x", 1_000_001)]).unwrap_err();
        assert_eq!(error.to_string(), "`c.x` has 1000001 misses, limit 1000000");
        assert_eq!(misses, refused);

        let new = [table("c", &["x"], &[0]), table("a", &["w", "x"], &[0, 1])];
        let carried = misses.carry(old, new.as_slice());
        let named: Vec<_> = carried.iter(new.as_slice()).collect();
        assert_eq!(named, [("c", "x", 0), ("a", "w", 0), ("a", "x", 7)]);
    }
}
