//! `GET /v1/ruleset`: which version answers reads here.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::etag::Read;
use super::problem::Problem;
use super::query::Query;
use super::served::Served;
use super::{Api, etag, wait};
use crate::live::Live;

/// Query of the read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    channel: Option<String>,
    wait: Option<String>,
}

/// What answers reads.
#[derive(Debug, Serialize)]
struct Ruleset {
    #[serde(flatten)]
    served: Served,
    /// Equal to the constant in code that `cairn codegen` made for the same schema.
    schema: String,
}

/// Version, generation, digest, hash of the schema. With `If-None-Match` 304 when nothing changed; with `?wait=30s`
/// held back until it does. Only a change of what answers reads ends the wait.
///
/// # Errors
/// See [`Api::live`].
pub async fn read(
    State(api): State<Api>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let hold = wait::parse(which.wait.as_deref())?;
    let tag = |live: &Live| Ok(live.etag());
    let read = etag::changed(&api, which.channel.as_deref(), &headers, hold, tag).await?;
    Ok(match read {
        Read::Changed(live, tag) => {
            let schema = live.schema_hash().to_string();
            let body = Json(Ruleset { served: Served::of(&live), schema });
            etag::tagged(body.into_response(), &tag)
        }
        Read::Unchanged(tag) => etag::tagged(StatusCode::NOT_MODIFIED.into_response(), &tag),
    })
}
