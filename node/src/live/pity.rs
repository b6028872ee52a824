//! A player's misses, by name on the outside and by slot on the inside.

use std::collections::{BTreeMap, BTreeSet};

use cairn_ruleset::loot::Tables as _;
use cairn_sdk::Pity;

use super::Live;
use super::error::EvalError;
use crate::suggest;

/// Loot table → entry → misses: what a host keeps with each player.
pub type PityMap = BTreeMap<String, BTreeMap<String, u64>>;

/// Names that an answer lists of those that the version does not know.
const UNKNOWN_COUNT_SHOWN: usize = 16;

/// A count that was given for what this version does not know: a mistake in a name, or the state of
/// a player who met a newer version before a rollback. It changes nothing and is handed back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPity {
    /// The loot table.
    pub table: String,
    /// The entry.
    pub entry: String,
    /// The nearest name that this version knows, or what there is.
    pub hint: String,
}

impl Live {
    /// Takes over what a caller keeps, and says what this version does not know of it, the first
    /// few by name; what is left out has missed nothing.
    pub(super) fn pity(&self, given: &PityMap) -> Result<(Pity, Vec<UnknownPity>), EvalError> {
        let version = self.loaded.version();
        let mut pity = Pity::new(version);
        if given.is_empty() {
            return Ok((pity, Vec::new()));
        }
        let counts = given.iter().flat_map(|(table, entries)| {
            entries.iter().map(move |(entry, misses)| (table.as_str(), entry.as_str(), *misses))
        });
        let unknown = pity.restore(version, counts).map_err(|error| match &error {
            cairn_sdk::Error::Pity(why) => EvalError::from_pity(why),
            other => EvalError::from_sdk(other),
        })?;
        if unknown.is_empty() {
            return Ok((pity, Vec::new()));
        }
        let known = self.pities();
        let named = unknown.into_iter().take(UNKNOWN_COUNT_SHOWN);
        let named = named.map(|(table, entry, _)| UnknownPity {
            table: table.to_owned(),
            entry: entry.to_owned(),
            hint: match known.get(table) {
                Some(entries) => suggest::hint(entry, entries.iter().copied()),
                None => suggest::hint(table, known.keys().copied()),
            },
        });
        Ok((pity, named.collect()))
    }

    /// Every table with a pity, and the entries that it is for.
    fn pities(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let image = self.image();
        let mut known = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (table, entry) in (0..image.pity_count()).filter_map(|slot| image.pity_name(slot)) {
            known.entry(table).or_default().insert(entry);
        }
        known
    }

    /// What the caller is to keep: every count that was given, and every other that is not 0. So a
    /// caller may replace what it keeps, or take over only what is named.
    pub(super) fn kept(&self, pity: &Pity, given: &PityMap) -> PityMap {
        let mut kept = given.clone();
        for (table, entry, misses) in pity.iter(self.loaded.version()) {
            let known = given.get(table).is_some_and(|known| known.contains_key(entry));
            if misses > 0 || known {
                let entries = kept.entry(table.to_owned()).or_default();
                entries.insert(entry.to_owned(), misses.into());
            }
        }
        kept
    }
}
