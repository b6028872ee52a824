//! Where the games of a request run, for parameters with overrides.

use std::borrow::Cow;

use cairn_sdk::{Page, Scope};

use super::Live;
use super::error::EvalError;

/// A zone and a shard as a request names them.
///
/// What is left out is the agent's own; an empty name stands for none, so that anybody can ask for
/// what holds nowhere in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The zone.
    pub zone: Option<String>,
    /// The shard.
    pub shard: Option<String>,
}

impl Place {
    /// No zone and no shard, whatever the agent's own are: what the whole fleet agrees on.
    pub fn nowhere() -> Place {
        Place { zone: Some(String::new()), shard: Some(String::new()) }
    }
}

impl Live {
    /// Where the agent's own games run.
    pub fn home(&self) -> &Scope {
        self.loaded.version().scope()
    }

    /// The scope that a request means.
    ///
    /// # Errors
    /// A name that no zone or shard can have.
    pub fn scope(&self, place: &Place) -> Result<Cow<'_, Scope>, EvalError> {
        let home = self.home();
        if place.zone.is_none() && place.shard.is_none() {
            return Ok(Cow::Borrowed(home));
        }
        let named = |asked: &Option<String>, own: &Option<String>, what: &'static str| {
            let Some(name) = asked else { return Ok(own.clone()) };
            if name.is_empty() {
                return Ok(None);
            }
            cairn_ruleset::scope::check_name(what, name)
                .map_err(|error| EvalError::scope(&error).at(format!(".{what}")))?;
            Ok(Some(name.clone()))
        };
        let zone = named(&place.zone, &home.zone, "zone")?;
        Ok(Cow::Owned(Scope { zone, shard: named(&place.shard, &home.shard, "shard")? }))
    }

    /// The parameters at a place.
    pub(super) fn page(&self, scope: &Scope) -> Cow<'_, Page> {
        match scope == self.home() {
            true => Cow::Borrowed(self.loaded.version().page()),
            false => Cow::Owned(self.image().page(scope)),
        }
    }
}
