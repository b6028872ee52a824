//! Options that say where games run, for parameters with overrides.

use cairn_ruleset::scope::{self, Scope};
use serde_json::{Map, Value};

/// A zone and a shard.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PlaceArgs {
    /// The zone where it happens, for parameters with overrides; without it, that of the agent
    #[arg(long, value_name = "NAME", value_parser = zone)]
    zone: Option<String>,
    /// The shard where it happens; without it, that of the agent
    #[arg(long, value_name = "NAME", value_parser = shard)]
    shard: Option<String>,
}

impl PlaceArgs {
    /// Adds them to a request of the API.
    pub fn put(&self, fields: &mut Map<String, Value>) {
        for (name, value) in [("zone", &self.zone), ("shard", &self.shard)] {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value.clone().into());
            }
        }
    }

    /// The options by name, and whether each is there.
    pub fn options(&self) -> [(&'static str, bool); 2] {
        [("--zone", self.zone.is_some()), ("--shard", self.shard.is_some())]
    }

    /// Where that is, for sources, which are of no agent.
    pub fn scope(&self) -> Scope {
        Scope { zone: self.zone.clone(), shard: self.shard.clone() }
    }
}

/// The name of a zone, from the command line or the environment.
pub fn zone(text: &str) -> Result<String, String> {
    name("zone", text)
}

/// The name of a shard.
pub fn shard(text: &str) -> Result<String, String> {
    name("shard", text)
}

fn name(what: &'static str, text: &str) -> Result<String, String> {
    scope::check_name(what, text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}
