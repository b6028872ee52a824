//! Where games run: a zone, a shard, both or neither; and what of it decided a value.
//!
//! A name is compared byte by byte. Zones and shards are no declarations: which exist is the
//! fleet's affair, and a rule set may name one that nobody runs yet.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::limits::SCOPE_NAME_BYTES_MAX;

/// A zone, a shard, or a shard of a zone; the default is nowhere in particular.
///
/// Ordered by zone, then by shard, absent ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// For example `eu-west`.
    #[serde(deserialize_with = "bounded::optional_name")]
    pub zone: Option<String>,
    /// For example `eu-west-7`.
    #[serde(deserialize_with = "bounded::optional_name")]
    pub shard: Option<String>,
}

/// A text that names no zone and no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Nothing at all.
    #[error("the {what} has an empty name")]
    Empty {
        /// `zone` or `shard`.
        what: &'static str,
    },
    /// Longer than [`SCOPE_NAME_BYTES_MAX`].
    #[error("the name of the {what} is {actual_bytes} bytes, limit {SCOPE_NAME_BYTES_MAX}")]
    TooLong {
        /// `zone` or `shard`.
        what: &'static str,
        /// Its length.
        actual_bytes: usize,
    },
    /// A character that people cannot see, or a blank at an end.
    #[error("the name of the {what} has {character:?} where a printable character belongs")]
    Unprintable {
        /// `zone` or `shard`.
        what: &'static str,
        /// The first such character.
        character: char,
    },
}

impl Scope {
    /// A scope of checked names.
    ///
    /// # Errors
    /// An empty, long or unprintable name.
    pub fn new(zone: Option<&str>, shard: Option<&str>) -> Result<Scope, ScopeError> {
        let checked = |what, name: Option<&str>| match name {
            Some(name) => check_name(what, name).map(|()| Some(name.to_owned())),
            None => Ok(None),
        };
        Ok(Scope { zone: checked("zone", zone)?, shard: checked("shard", shard)? })
    }

    /// Neither a zone nor a shard.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        self.zone.is_none() && self.shard.is_none()
    }

    /// The names as a borrowed pair, which orders like the scope.
    #[must_use]
    pub fn names(&self) -> (Option<&str>, Option<&str>) {
        (self.zone.as_deref(), self.shard.as_deref())
    }

    /// What a scope of an override decides by.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::of(self.zone.is_some(), self.shard.is_some())
    }
}

/// `zone eu-west`, `shard eu-west-7`, `shard 7 of zone eu-west`; nothing for nowhere.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names() {
            (None, None) => Ok(()),
            (Some(zone), None) => write!(f, "zone {zone}"),
            (None, Some(shard)) => write!(f, "shard {shard}"),
            (Some(zone), Some(shard)) => write!(f, "shard {shard} of zone {zone}"),
        }
    }
}

/// Checks the name of a zone or a shard; `what` says which.
///
/// # Errors
/// See [`ScopeError`].
pub fn check_name(what: &'static str, name: &str) -> Result<(), ScopeError> {
    if name.is_empty() {
        return Err(ScopeError::Empty { what });
    }
    if name.len() > SCOPE_NAME_BYTES_MAX {
        return Err(ScopeError::TooLong { what, actual_bytes: name.len() });
    }
    let ends = [name.chars().next(), name.chars().next_back()];
    let blank = ends.into_iter().flatten().find(|c| c.is_whitespace());
    match name.chars().find(|c| is_hidden(*c) || *c == '\t').or(blank) {
        Some(character) => Err(ScopeError::Unprintable { what, character }),
        None => Ok(()),
    }
}

/// Characters that a reader cannot see or that reorder what is seen ("Trojan Source", 2021); a tab
/// is none of them.
pub(crate) fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// What decided a parameter's value, the least specific first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The rule set's default.
    #[default]
    Default,
    /// An override for the zone.
    Zone,
    /// An override for the shard, whatever its zone.
    Shard,
    /// An override for this shard of this zone.
    ZoneAndShard,
}

impl Origin {
    fn of(zone: bool, shard: bool) -> Origin {
        match (zone, shard) {
            (false, false) => Origin::Default,
            (true, false) => Origin::Zone,
            (false, true) => Origin::Shard,
            (true, true) => Origin::ZoneAndShard,
        }
    }

    /// For people and programs: `default`, `zone`, `shard`, `zone and shard`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::Zone => "zone",
            Origin::Shard => "shard",
            Origin::ZoneAndShard => "zone and shard",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_short() {
        for good in ["eu-west", "EU West 7", "größe", "7", &"a".repeat(SCOPE_NAME_BYTES_MAX)] {
            assert_eq!(check_name("zone", good), Ok(()), "{good}");
        }
        assert_eq!(check_name("zone", ""), Err(ScopeError::Empty { what: "zone" }));
        let long = "a".repeat(SCOPE_NAME_BYTES_MAX + 1);
        let too_long = ScopeError::TooLong { what: "shard", actual_bytes: long.len() };
        assert_eq!(Scope::new(None, Some(&long)), Err(too_long));
        for (bad, character) in
            [("a\nb", '\n'), (" a", ' '), ("a ", ' '), ("a\tb", '\t'), ("a\u{202e}b", '\u{202e}')]
        {
            let unprintable = ScopeError::Unprintable { what: "zone", character };
            assert_eq!(check_name("zone", bad), Err(unprintable), "{bad:?}");
        }
    }

    #[test]
    fn scopes_order_and_show() {
        let at = |zone, shard| Scope::new(zone, shard).unwrap();
        let ascending = [
            at(None, None),
            at(None, Some("a")),
            at(Some("a"), None),
            at(Some("a"), Some("a")),
            at(Some("b"), None),
        ];
        assert!(ascending.is_sorted());
        assert!(ascending.windows(2).all(|pair| pair[0].names() < pair[1].names()));
        let shown: Vec<String> = ascending.iter().map(Scope::to_string).collect();
        assert_eq!(shown, ["", "shard a", "zone a", "shard a of zone a", "zone b"]);
        assert!(ascending[0].is_nowhere() && !ascending[1].is_nowhere());
        let origins: Vec<&str> = ascending.iter().map(|scope| scope.origin().word()).collect();
        assert_eq!(origins, ["default", "shard", "zone", "zone and shard", "zone"]);
    }
}
