//! The parameter page at one place: every parameter's value there, and what decided it.
//!
//! Resolution is a pure function of the defaults, the overrides and a [`Scope`]; it happens when a
//! version is loaded, so a read stays an index into a page. The most specific override wins: for
//! this shard of this zone, then for the shard, then for the zone, then the default.

use crate::ir::Program;
use crate::meta::{Override, Params};
use crate::scope::{Origin, Scope};

/// The values of every parameter at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// One per parameter, in slot order.
    pub values: Vec<i64>,
    /// What decided each of them.
    pub origins: Vec<Origin>,
    /// Which scopes have overrides that apply here: a version's pages with equal keys are equal.
    pub key: Key,
}

/// Which of a version's scopes apply at a place, by their index: the zone, the shard, both.
pub type Key = [Option<u16>; 3];

/// What a page is resolved from.
pub(crate) trait Overrides {
    /// Index of a scope that has overrides.
    fn scope_index(&self, zone: Option<&str>, shard: Option<&str>) -> Option<u16>;
    /// Parameter and value of each override of a scope.
    fn of_scope(&self, scope: u16) -> impl Iterator<Item = (u16, i64)>;
}

impl Page {
    /// The values at a place. Costs a copy of the defaults, three binary searches, and a store for
    /// each override that applies.
    pub(crate) fn resolve(
        values: Vec<i64>,
        overrides: &impl Overrides,
        zone: Option<&str>,
        shard: Option<&str>,
    ) -> Page {
        let key = key(overrides, zone, shard);
        let origins = vec![Origin::Default; values.len()];
        let mut page = Page { values, origins, key };
        // Ascending in precedence: a later one covers an earlier one.
        for (scope, origin) in
            key.into_iter().zip([Origin::Zone, Origin::Shard, Origin::ZoneAndShard])
        {
            let Some(scope) = scope else { continue };
            for (param, value) in overrides.of_scope(scope) {
                let at = usize::from(param);
                if let (Some(slot), Some(from)) =
                    (page.values.get_mut(at), page.origins.get_mut(at))
                {
                    (*slot, *from) = (value, origin);
                }
            }
        }
        page
    }
}

/// Which scopes apply at a place.
pub(crate) fn key(overrides: &impl Overrides, zone: Option<&str>, shard: Option<&str>) -> Key {
    let find = |zone: Option<&str>, shard: Option<&str>| overrides.scope_index(zone, shard);
    [
        zone.and_then(|zone| find(Some(zone), None)),
        shard.and_then(|shard| find(None, Some(shard))),
        zone.zip(shard).and_then(|(zone, shard)| find(Some(zone), Some(shard))),
    ]
}

impl Overrides for Params {
    fn scope_index(&self, zone: Option<&str>, shard: Option<&str>) -> Option<u16> {
        let found = self.scopes.binary_search_by(|scope| scope.names().cmp(&(zone, shard)));
        u16::try_from(found.ok()?).ok()
    }

    fn of_scope(&self, scope: u16) -> impl Iterator<Item = (u16, i64)> {
        let first = self.overrides.partition_point(|known| known.scope < scope);
        let own = self.overrides.get(first..).unwrap_or(&[]);
        own.iter()
            .take_while(move |known| known.scope == scope)
            .map(|Override { param, value, .. }| (*param, *value))
    }
}

impl Program {
    /// Values and overrides as a bundle carries them.
    #[must_use]
    pub fn params(&self) -> Params {
        Params::of(self.params.iter().map(|param| {
            (param.value, param.overrides.iter().map(|known| (&known.scope, &known.value)))
        }))
    }

    /// The parameters where games run.
    #[must_use]
    pub fn page(&self, scope: &Scope) -> Page {
        self.params().at(scope)
    }
}

impl Params {
    /// The values where games run.
    #[must_use]
    pub fn at(&self, scope: &Scope) -> Page {
        Page::resolve(self.values.clone(), self, scope.zone.as_deref(), scope.shard.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// What the documentation says, word for word: of the overrides that name nothing else than
    /// where the games run, the one that names most; the shard before the zone.
    fn model(default: i64, overrides: &BTreeMap<Scope, i64>, at: &Scope) -> (i64, Origin) {
        let fits = |own: &Option<String>, here: &Option<String>| own.is_none() || own == here;
        let fitting = overrides
            .iter()
            .filter(|(scope, _)| fits(&scope.zone, &at.zone) && fits(&scope.shard, &at.shard));
        fitting
            .max_by_key(|(scope, _)| (scope.shard.is_some(), scope.zone.is_some()))
            .map_or((default, Origin::Default), |(scope, value)| (*value, scope.origin()))
    }

    fn scope() -> impl Strategy<Value = Scope> {
        let name = || proptest::option::of(prop::sample::select(vec!["a", "b", "c"]));
        (name(), name()).prop_map(|(zone, shard)| Scope::new(zone, shard).unwrap())
    }

    proptest! {
        #[test]
        fn resolution_is_the_models(
            params in prop::collection::vec(
                (any::<i64>(), prop::collection::btree_map(scope(), any::<i64>(), 0..12)),
                0..6,
            ),
            places in prop::collection::vec(scope(), 1..8),
        ) {
            let params: Vec<_> = params
                .into_iter()
                .map(|(default, mut overrides)| {
                    overrides.remove(&Scope::default());
                    (default, overrides)
                })
                .collect();
            let segment = Params::of(
                params.iter().map(|(default, overrides)| (*default, overrides.iter())),
            );
            prop_assert_eq!(segment.check(), Ok(()));
            for at in &places {
                let page = segment.at(at);
                for (index, (default, overrides)) in params.iter().enumerate() {
                    let (value, origin) = model(*default, overrides, at);
                    prop_assert_eq!(page.values[index], value);
                    prop_assert_eq!(page.origins[index], origin);
                }
            }
            for a in &places {
                for b in &places {
                    if segment.at(a).key == segment.at(b).key {
                        prop_assert_eq!(segment.at(a), segment.at(b));
                    }
                }
            }
        }
    }
}
