//! Misses of what the live version does not know, as JSON.

use serde::{Deserialize, Serialize};

use crate::live::UnknownPity;

/// A count that changed nothing and was handed back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// The loot table that was named.
    pub table: String,
    /// The entry that was named.
    pub entry: String,
    /// The nearest name that is known.
    pub hint: String,
}

impl From<UnknownPity> for Unknown {
    fn from(UnknownPity { table, entry, hint }: UnknownPity) -> Unknown {
        Unknown { table, entry, hint }
    }
}
