//! `/livez` and `/readyz`: for supervisors and for people who want to know why.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::Api;
use super::problem::Problem;
use super::query::Query;

/// Query of `/readyz`.
#[derive(Debug, Deserialize)]
pub struct Verbosity {
    verbose: Option<String>,
}

/// The process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// Whether a last-good rule set answers reads on every channel. Never whether the coordinator is
/// reachable: that is one of the lines that `?verbose` adds.
///
/// # Errors
/// 503 when it is not ready, with the same body as a success.
pub async fn ready(
    State(api): State<Api>,
    Query(query): Query<Verbosity>,
) -> Result<Response, Problem> {
    let readiness = api.agent.readiness().await.map_err(Problem::stopped)?;
    let status = match readiness.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let word = if readiness.ready { "ok\n" } else { "not ready\n" };
    Ok(match query.verbose {
        Some(_) => (status, Json(readiness)).into_response(),
        None => (status, word).into_response(),
    })
}
