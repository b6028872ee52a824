//! A player's misses, by name on the outside and by slot on the inside.

use std::collections::BTreeMap;

use cairn_ruleset::loot::Tables as _;
use cairn_sdk::Pity;

use super::Live;
use super::error::EvalError;

/// Loot table → entry → misses: what a host keeps with each player.
pub type PityMap = BTreeMap<String, BTreeMap<String, u64>>;

impl Live {
    /// Takes over what a caller keeps; what is left out has missed nothing.
    pub(super) fn pity(&self, given: &PityMap) -> Result<Pity, EvalError> {
        let (version, image) = (self.loaded.version(), self.image());
        let mut pity = Pity::new(version);
        let counts = given.iter().flat_map(|(table, entries)| {
            entries.iter().map(move |(entry, misses)| (table.as_str(), entry.as_str(), *misses))
        });
        pity.set_all(version, counts).map_err(|error| match &error {
            cairn_sdk::Error::Pity(why) => {
                let slots = 0..image.pity_count();
                EvalError::from_pity(why, slots.filter_map(|slot| image.pity_name(slot)))
            }
            other => EvalError::from_sdk(other),
        })?;
        Ok(pity)
    }

    /// What the caller is to keep: every count that was given, and every other that is not 0. So a
    /// caller may replace what it keeps, or take over only what is named.
    pub(super) fn kept(&self, pity: &Pity, given: &PityMap) -> PityMap {
        let mut kept = PityMap::new();
        for (table, entry, misses) in pity.iter(self.loaded.version()) {
            if misses > 0 || given.get(table).is_some_and(|known| known.contains_key(entry)) {
                let entries = kept.entry(table.to_owned()).or_default();
                entries.insert(entry.to_owned(), misses.into());
            }
        }
        kept
    }
}
