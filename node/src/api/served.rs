//! What every answer about a channel says about itself.

use cairn_merkle::Digest;
use serde::Serialize;

use crate::live::Live;

/// The version that an answer is of. One answer is of one version.
#[derive(Clone, Debug, Serialize)]
pub struct Served {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// Name of the rule set.
    pub ruleset: String,
    /// Its version.
    pub version: String,
    /// Position in the channel's history.
    pub generation: u64,
    /// Digest of the bundle.
    pub digest: Digest,
    /// Milliseconds since coordinator or peers last spoke about the channel.
    pub staleness_ms: u64,
}

impl Served {
    /// Of what is live.
    pub fn of(live: &Live) -> Served {
        Served {
            channel: live.channel().to_owned(),
            ruleset: live.ruleset().to_owned(),
            version: live.version().to_owned(),
            generation: live.generation(),
            digest: live.digest(),
            staleness_ms: live.staleness_ms(),
        }
    }
}

/// Where an answer holds; what there is none of is left out.
#[derive(Clone, Debug, Serialize)]
pub struct Scope {
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
}

impl Scope {
    /// As JSON.
    pub fn of(scope: &cairn_sdk::Scope) -> Scope {
        Scope { zone: scope.zone.clone(), shard: scope.shard.clone() }
    }
}
