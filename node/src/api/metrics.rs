//! `GET /metrics`: the agent's figures in the text format that Prometheus reads.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::Api;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All figures.
pub async fn read(State(api): State<Api>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS)], api.agent.metrics().encode())
}
