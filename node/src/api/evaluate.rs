//! `POST /v1/evaluate`: many evaluations on one version in one round trip.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cairn_ruleset::ir::Audience;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::pity::Unknown;
use super::problem::Problem;
use super::query::Query;
use super::served::Served;
use super::value::{Shown, given};
use super::{Api, body};
use crate::live::{EvalError, EvalRequest, Evaluated, Given, PityMap, Place};

/// Most evaluations in one request. One more is refused with the limit.
pub const REQUESTS_COUNT_MAX: usize = 1_024;

/// Query of the batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    channel: Option<String>,
}

impl Which {
    /// The channel that is named.
    pub fn channel(&self) -> Option<&str> {
        self.channel.as_deref()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    requests: Vec<Request>,
}

/// One evaluation, as a client asks for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What happened. May be left out when a rule is named.
    trigger: Option<String>,
    /// Only this rule.
    rule: Option<String>,
    /// The trigger's fields.
    #[serde(default)]
    context: BTreeMap<String, Box<RawValue>>,
    /// What chance is drawn from.
    #[serde(default)]
    seed: u64,
    /// Whose evaluation it is, for `bucket`.
    #[serde(default)]
    player: u64,
    /// Where it happened, for parameters with overrides: the node's own when left out, none for "".
    zone: Option<String>,
    /// The same for the shard.
    shard: Option<String>,
    /// Milliseconds since the Unix epoch; the node's clock when left out.
    now_ms: Option<i64>,
    /// Counts of the sliding windows; 0 when left out.
    #[serde(default)]
    counters: BTreeMap<String, u64>,
    /// Which timers count as active; by `now_ms` when left out.
    #[serde(default)]
    active: BTreeMap<String, bool>,
    /// What the player has missed so far: table, entry, misses.
    #[serde(default)]
    pity: PityMap,
}

/// The outcome of one evaluation.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Names of the rules that fired, in declared order.
    fired: Vec<String>,
    /// What they emit.
    outcomes: Vec<Emitted>,
    /// What the player has missed now.
    #[serde(skip_serializing_if = "PityMap::is_empty")]
    pity: PityMap,
    /// Misses that were given for what this version does not know; they are in `pity` as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_pity: Vec<Unknown>,
}

#[derive(Debug, Serialize)]
struct Emitted {
    rule: String,
    name: String,
    audience: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loot: Vec<Dropped>,
    payload: BTreeMap<String, Shown>,
}

/// An item of a loot roll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Its name.
    pub item: String,
    /// How many.
    pub count: u32,
}

#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    served: Served,
    results: Vec<Outcome>,
}

/// Evaluates the batch on one version.
///
/// # Errors
/// 400 naming the request and the field; nothing is evaluated twice or left out.
pub async fn evaluate(
    State(api): State<Api>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = body::read(&headers, body, super::BODY_BYTES_MAX).await?;
    let batch: Batch = body::json(&bytes)?;
    let count = batch.requests.len();
    if count > REQUESTS_COUNT_MAX {
        return Err(Problem::of(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-many",
            "the batch has too many requests",
        )
        .detail(format!("{count} requests, limit {REQUESTS_COUNT_MAX}"))
        .hint("split the batch")
        .field("requests"));
    }
    let live = api.live(which.channel())?;
    let mut requests = Vec::with_capacity(count);
    for (index, request) in batch.requests.into_iter().enumerate() {
        requests.push(request.convert().map_err(|(field, reason)| {
            Problem::bad("bad-value", "a value does not fit", reason)
                .field(format!("requests[{index}].{field}"))
        })?);
    }
    let mut results = Vec::with_capacity(count);
    for (index, result) in live.evaluate(&requests).into_iter().enumerate() {
        let evaluated = result.map_err(|error| {
            let problem = refused(&error);
            let field = problem.place.field.as_deref().unwrap_or_default();
            let place = format!("requests[{index}]{field}");
            problem.field(place)
        })?;
        results.push(Outcome::of(evaluated));
    }
    Ok(Json(Answer { served: Served::of(&live), results }).into_response())
}

impl Request {
    /// The same without JSON.
    ///
    /// # Errors
    /// The field, and what is wrong with it.
    pub fn convert(self) -> Result<EvalRequest, (String, String)> {
        Ok(EvalRequest {
            trigger: self.trigger,
            rule: self.rule,
            context: fields("context", &self.context)?,
            seed: self.seed,
            player: self.player,
            place: Place { zone: self.zone, shard: self.shard },
            now_ms: self.now_ms,
            counters: self.counters,
            active: self.active,
            pity: self.pity,
        })
    }
}

impl Outcome {
    /// As JSON.
    pub fn of(evaluated: Evaluated) -> Outcome {
        let outcomes = evaluated.outcomes.into_iter().map(|outcome| Emitted {
            rule: outcome.rule,
            name: outcome.name,
            audience: match outcome.audience {
                Audience::Caller => "caller",
                Audience::Cluster => "cluster",
            },
            loot: outcome
                .loot
                .into_iter()
                .map(|drop| Dropped { item: drop.item, count: drop.count })
                .collect(),
            payload: outcome
                .payload
                .into_iter()
                .map(|(name, value)| (name, Shown(value)))
                .collect(),
        });
        let unknown_pity = evaluated.unknown_pity.into_iter().map(Unknown::from).collect();
        let (fired, pity) = (evaluated.fired, evaluated.pity);
        Outcome { fired, outcomes: outcomes.collect(), pity, unknown_pity }
    }
}

/// Fields of a context without JSON.
///
/// # Errors
/// The field, and what is wrong with it.
pub fn fields(
    of: &str,
    raw: &BTreeMap<String, Box<RawValue>>,
) -> Result<BTreeMap<String, Given>, (String, String)> {
    raw.iter()
        .map(|(name, raw)| match given(raw) {
            Ok(value) => Ok((name.clone(), value)),
            Err(reason) => Err((format!("{of}.{name}"), reason)),
        })
        .collect()
}

/// An evaluation's error as a problem; its field is relative to the request.
pub fn refused(error: &EvalError) -> Problem {
    let mut problem =
        Problem::bad(error.code(), "the request does not fit the rule set", error.to_string());
    problem.hint = error.hint();
    problem.place.field = error.field();
    problem
}
