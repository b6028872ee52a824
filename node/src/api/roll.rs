//! `POST /v1/roll`: roll a loot table.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::evaluate::{Dropped, Which, fields, refused};
use super::pity::Unknown;
use super::problem::Problem;
use super::query::Query;
use super::served::Served;
use super::{Api, body};
use crate::live::{LeftOut, PityMap, Place, RollRequest, Spoils};

/// A roll, as a client asks for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    table: String,
    #[serde(default)]
    seed: u64,
    #[serde(default = "once")]
    count: u32,
    /// With a trigger and its fields, conditional entries are judged; without, they are left out.
    trigger: Option<String>,
    #[serde(default)]
    context: BTreeMap<String, Box<RawValue>>,
    /// Whose roll it is, for `bucket`.
    #[serde(default)]
    player: u64,
    /// Milliseconds since the Unix epoch; the node's clock when left out.
    now_ms: Option<i64>,
    /// Counts of the sliding windows; 0 when left out.
    #[serde(default)]
    counters: BTreeMap<String, u64>,
    /// Which timers count as active; by `now_ms` when left out.
    #[serde(default)]
    active: BTreeMap<String, bool>,
    /// Where it happened, for parameters with overrides: the node's own when left out, none for "".
    zone: Option<String>,
    /// The same for the shard.
    shard: Option<String>,
    /// What the player has missed so far: table, entry, misses.
    #[serde(default)]
    pity: PityMap,
}

fn once() -> u32 {
    1
}

#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    served: Served,
    table: String,
    seed: u64,
    #[serde(flatten)]
    fallen: Fallen,
}

/// What a roll gives, as JSON.
#[derive(Debug, Serialize)]
pub struct Fallen {
    loot: Vec<Dropped>,
    /// What the player has missed now.
    #[serde(skip_serializing_if = "PityMap::is_empty")]
    pity: PityMap,
    /// Misses that were given for what this version does not know; they are in `pity` as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_pity: Vec<Unknown>,
    /// Conditional entries that could not fall.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<Absent>,
}

/// An entry that could not fall, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Absent {
    table: String,
    entry: String,
    /// False when no rule of the given trigger rolls its table, or no trigger was given.
    judged: bool,
}

impl From<LeftOut> for Absent {
    fn from(out: LeftOut) -> Absent {
        Absent { table: out.table, entry: out.entry, judged: out.judged }
    }
}

impl From<Spoils> for Fallen {
    fn from(spoils: Spoils) -> Fallen {
        let loot = spoils.loot.into_iter();
        Fallen {
            loot: loot.map(|drop| Dropped { item: drop.item, count: drop.count }).collect(),
            pity: spoils.pity,
            unknown_pity: spoils.unknown_pity.into_iter().map(Unknown::from).collect(),
            left_out: spoils.left_out.into_iter().map(Absent::from).collect(),
        }
    }
}

/// Rolls: the same seed on the same version gives the same loot, everywhere.
///
/// # Errors
/// 400 naming the field, with the nearest name of a table.
pub async fn roll(
    State(api): State<Api>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = body::read(&headers, body, super::BODY_BYTES_MAX).await?;
    let request: Request = body::json(&bytes)?;
    let live = api.live(which.channel())?;
    let (table, seed) = (request.table().to_owned(), request.seed());
    let request = request.convert().map_err(|(field, reason)| {
        Problem::bad("bad-value", "a value does not fit", reason).field(field)
    })?;
    let fallen = live.roll(&request).map_err(|error| refused(&error))?.into();
    Ok(Json(Answer { served: Served::of(&live), table, seed, fallen }).into_response())
}

impl Request {
    /// The table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The same without JSON.
    ///
    /// # Errors
    /// The field, and what is wrong with it.
    pub fn convert(self) -> Result<RollRequest, (String, String)> {
        Ok(RollRequest {
            table: self.table,
            seed: self.seed,
            count: self.count,
            trigger: self.trigger,
            context: fields("context", &self.context)?,
            player: self.player,
            now_ms: self.now_ms,
            counters: self.counters,
            active: self.active,
            pity: self.pity,
            place: Place { zone: self.zone, shard: self.shard },
        })
    }
}
