//! How long one player has waited for what the loot tables owe.

use cairn_merkle::Digest;
use cairn_ruleset::pity::Misses;

use crate::{Error, Result, Version};

/// One player's misses under one version: for each `pity`, how often its entry stayed away.
///
/// Keep it with the player's record, as (table, entry) → misses: [`Pity::restore`] takes it in,
/// [`Pity::iter`] gives it out. In memory it is one count per pity; a roll changes it in place and
/// allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pity {
    bundle: Digest,
    pub(crate) misses: Misses,
}

impl Pity {
    /// A player who has not waited for anything. Allocates once; not at all when the version's
    /// tables have no pity.
    #[must_use]
    pub fn new(version: &Version) -> Pity {
        Pity { bundle: version.digest, misses: Misses::new(version.image()) }
    }

    /// Takes over one count. Linear in the version's pities.
    ///
    /// # Errors
    /// `OtherVersion`; `Pity` names what this version does not have, or a count over its limit.
    pub fn set(
        &mut self,
        version: &Version,
        table: &str,
        entry: &str,
        misses: u64,
    ) -> Result<&mut Pity> {
        self.check(version)?;
        self.misses.set(version.image(), table, entry, misses)?;
        Ok(self)
    }

    /// Takes over what is kept of a player, whichever version it was kept under, and returns what
    /// this version does not know, in the order given. Keep that as it is: after a rollback it is
    /// what the newer version counted. One pass over the version's pities, then logarithmic for
    /// each count.
    ///
    /// # Errors
    /// `OtherVersion`; `Pity` names the first count over its limit, known or not. Nothing is changed
    /// then.
    pub fn restore<'n>(
        &mut self,
        version: &Version,
        counts: impl IntoIterator<Item = (&'n str, &'n str, u64)>,
    ) -> Result<Vec<(&'n str, &'n str, u64)>> {
        self.check(version)?;
        Ok(self.misses.restore(version.image(), counts)?)
    }

    /// Table, entry and misses of every pity, in declared order; none for another version.
    pub fn iter<'a>(
        &'a self,
        version: &'a Version,
    ) -> impl Iterator<Item = (&'a str, &'a str, u32)> {
        let own = self.bundle == version.digest;
        own.then(|| self.misses.iter(version.image())).into_iter().flatten()
    }

    /// The same player under another version: what has its name there keeps its count, what is
    /// gone is forgotten. Allocates once.
    #[must_use]
    pub fn carry(&self, from: &Version, to: &Version) -> Pity {
        if self.bundle != from.digest {
            return Pity::new(to);
        }
        Pity { bundle: to.digest, misses: self.misses.carry(from.image(), to.image()) }
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.misses.clear();
    }

    pub(crate) fn check(&self, version: &Version) -> Result<()> {
        if self.bundle == version.digest {
            return Ok(());
        }
        Err(Error::OtherPity { pity: self.bundle, version: version.digest })
    }
}
