//! `/v1/consumers/NAME/ack`: say that everything up to a cursor has taken effect.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::query::Path;
use super::{Api, body, cursor};
use crate::agent::ConsumeError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ack {
    cursor: String,
}

#[derive(Debug, Serialize)]
struct Acked {
    consumer: String,
    cursor: String,
}

/// Moves the stored cursor; answers once that is fsynced. It never moves back.
///
/// # Errors
/// 400 for a cursor that is not one of ours.
pub async fn ack(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = body::read(&headers, body, super::BODY_BYTES_MAX).await?;
    let request: Ack = body::json(&bytes)?;
    let vector = cursor::decode(&request.cursor)?;
    api.agent.ack(&name, vector).await.map_err(refused)?;
    Ok(Json(Acked { consumer: name, cursor: request.cursor }).into_response())
}

/// A consumer's error as a problem.
pub fn refused(error: ConsumeError) -> Problem {
    let (status, code) = match &error {
        ConsumeError::Refused { .. } => (StatusCode::BAD_REQUEST, "consumer-refused"),
        ConsumeError::Stopped(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
    };
    let mut problem = Problem::of(status, code, "the consumer cannot do this");
    problem.hint = error.hint().map(str::to_owned);
    problem.detail(error.to_string())
}
