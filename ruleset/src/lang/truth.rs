//! Whether a condition is the same for every input, over all of its uses.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::Diagnostic;

/// Whether a condition held in all, in none or in some of its uses.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    pub(super) always: bool,
    pub(super) never: bool,
    /// Conditions named in it that were the same for every input: what it leans on.
    pub(super) leans: BTreeSet<usize>,
    /// The input about which its parts contradict each other.
    pub(super) contradicted: Option<String>,
    /// What an input can be, if that is why: "`trigger.level` is 1 to 100".
    pub(super) reach: Option<String>,
}

impl Truth {
    /// Whether it is the same for every input.
    pub(super) fn is_constant(&self) -> bool {
        self.always || self.never
    }

    /// Takes one more use of what stands under `key` into account.
    pub(super) fn note<K: Ord>(self, key: K, truths: &mut BTreeMap<K, Truth>) {
        match truths.entry(key) {
            Entry::Vacant(place) => drop(place.insert(self)),
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.always &= self.always;
                known.never &= self.never;
                if known.contradicted != self.contradicted {
                    known.contradicted = None;
                }
                if known.reach != self.reach {
                    known.reach = None;
                }
                known.leans.extend(self.leans);
            }
        }
    }
}

/// A `when` that is the same for every input, unless that comes of a condition that it names.
pub(super) struct Constant {
    pub(super) found: Diagnostic,
    pub(super) leans: BTreeSet<usize>,
}
