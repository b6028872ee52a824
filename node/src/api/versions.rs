//! `GET /v1/versions`: what has been published.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use super::Api;
use super::problem::Problem;
use super::query::Query;
use crate::coordinator::CoordinatorError;

/// Query of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    ruleset: Option<String>,
    channel: Option<String>,
}

/// One published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// As published.
    pub version: String,
    /// Digest of the bundle.
    pub digest: Digest,
    /// Bytes of its envelope: part of what a directive names.
    pub envelope_bytes: u32,
    /// When, by the publisher's clock, in milliseconds since the Unix epoch.
    pub published_ms: u64,
}

/// All versions of one rule set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The rule set.
    pub ruleset: String,
    /// Oldest publication first.
    pub versions: Vec<Version>,
}

/// The versions of the rule set of the only channel, of `?channel=` or of `?ruleset=`.
///
/// # Errors
/// 503 `coordinator-unreachable`: which versions exist is the coordinator's to say.
pub async fn list(State(api): State<Api>, Query(which): Query<Which>) -> Result<Response, Problem> {
    let ruleset = match &which.ruleset {
        Some(ruleset) => ruleset.clone(),
        None => {
            let channel = api.channel(which.channel.as_deref())?;
            channel.split('/').next().unwrap_or(channel).to_owned()
        }
    };
    let records = api.agent.coordinator().versions(&ruleset).await;
    let mut versions: Vec<Version> = records
        .map_err(|error| coordinator(&error))?
        .into_iter()
        .map(|record| Version {
            version: record.version,
            digest: record.digest,
            envelope_bytes: record.envelope_bytes,
            published_ms: record.published_ms,
        })
        .collect();
    versions.sort_by(|a, b| (a.published_ms, &a.version).cmp(&(b.published_ms, &b.version)));
    Ok(Json(Versions { ruleset, versions }).into_response())
}

/// A coordinator's error as a problem.
pub fn coordinator(error: &CoordinatorError) -> Problem {
    let (status, code) = match error {
        CoordinatorError::Unreachable { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "coordinator-unreachable")
        }
        CoordinatorError::Conflict { .. } => (StatusCode::CONFLICT, "conflict"),
        CoordinatorError::Name { .. } | CoordinatorError::TooLarge { .. } => {
            (StatusCode::BAD_REQUEST, "bad-request")
        }
        _ => (StatusCode::BAD_GATEWAY, "coordinator-failed"),
    };
    Problem::of(status, code, "the coordinator did not do it")
        .detail(error.to_string())
        .hint(error.hint())
}
