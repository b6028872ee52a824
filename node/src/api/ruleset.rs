//! `GET /v1/ruleset`: which version answers reads here.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::problem::Problem;
use super::served::Served;
use super::{Api, etag, wait};

/// Query of the read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    channel: Option<String>,
    wait: Option<String>,
}

/// Version, generation, digest. With `If-None-Match` 304 when nothing changed; with `?wait=30s`
/// held back until it does. Only a change of what answers reads wakes it.
///
/// # Errors
/// See [`Api::live`].
pub async fn read(
    State(api): State<Api>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let hold = wait::parse(which.wait.as_deref())?;
    let changed = etag::changed(&api, which.channel.as_deref(), &headers, hold).await?;
    let live = match &changed {
        Some(live) => std::sync::Arc::clone(live),
        None => api.live(which.channel.as_deref())?,
    };
    let mut response = match changed {
        Some(live) => Json(Served::of(&live)).into_response(),
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    if let Ok(tag) = HeaderValue::from_str(&etag::header(&live)) {
        response.headers_mut().insert(ETAG, tag);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
