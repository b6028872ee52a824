//! `GET /v1/status`: what this node knows.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::Api;
use super::problem::Problem;

/// The node, its members, its channels and the coordinator as seen from here.
///
/// # Errors
/// 503 when the agent is stopping.
pub async fn read(State(api): State<Api>) -> Result<Response, Problem> {
    let status = api.agent.status().await.map_err(Problem::stopped)?;
    Ok(Json(status).into_response())
}
