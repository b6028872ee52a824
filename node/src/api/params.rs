//! `/v1/params`: the parameters of what is live.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::etag::Read;
use super::problem::Problem;
use super::query::{Path, Query};
use super::served::Served;
use super::value::{Shown, type_word};
use super::{Api, etag, wait};
use crate::live::{Live, ParamInfo};
use crate::suggest;

/// Query of both reads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    channel: Option<String>,
    wait: Option<String>,
}

/// One parameter.
#[derive(Debug, Serialize)]
struct Param {
    #[serde(rename = "type")]
    ty: &'static str,
    value: Shown,
    min: Shown,
    max: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    doc: String,
}

#[derive(Debug, Serialize)]
struct List {
    #[serde(flatten)]
    served: Served,
    params: BTreeMap<String, Param>,
}

#[derive(Debug, Serialize)]
struct One {
    #[serde(flatten)]
    served: Served,
    name: String,
    #[serde(flatten)]
    param: Param,
}

impl Param {
    fn of(info: ParamInfo) -> Param {
        Param {
            ty: type_word(&info.value),
            value: Shown(info.value),
            min: Shown(info.min),
            max: Shown(info.max),
            unit: info.unit,
            doc: info.doc,
        }
    }
}

/// All parameters, conditional and held back like `/v1/ruleset`.
///
/// # Errors
/// See [`Api::live`].
pub async fn list(
    State(api): State<Api>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let show = |live: &Live| {
        let params =
            live.params().into_iter().map(|info| (info.name.clone(), Param::of(info))).collect();
        Ok(Json(List { served: Served::of(live), params }).into_response())
    };
    answer(&api, &which, &headers, show).await
}

/// One parameter.
///
/// # Errors
/// 404 with the nearest name.
pub async fn read(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let show = |live: &Live| {
        let Some(info) = live.param(&name) else {
            let known = live.params();
            let known = known.iter().map(|info| info.name.as_str());
            return Err(Problem::missing(
                "unknown-param",
                "there is no such parameter",
                format!("`{name}` in {} {}", live.ruleset(), live.version()),
            )
            .hint(suggest::hint(&name, known)));
        };
        let served = Served::of(live);
        let body = One { served, name: info.name.clone(), param: Param::of(info) };
        Ok(Json(body).into_response())
    };
    answer(&api, &which, &headers, show).await
}

async fn answer(
    api: &Api,
    which: &Which,
    headers: &HeaderMap,
    show: impl Fn(&Live) -> Result<Response, Problem>,
) -> Result<Response, Problem> {
    let hold = wait::parse(which.wait.as_deref())?;
    let channel = which.channel.as_deref();
    let (mut response, tag) = match etag::changed(api, channel, headers, hold).await? {
        Read::Changed(live) => (show(&live)?, etag::header(&live)),
        Read::Unchanged(live) => (StatusCode::NOT_MODIFIED.into_response(), etag::header(&live)),
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
