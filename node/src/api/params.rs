//! `/v1/params`: the parameters of what is live.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::etag::Read;
use super::evaluate::refused;
use super::problem::Problem;
use super::query::{Path, Query};
use super::served::{Scope, Served};
use super::value::{Shown, type_word};
use super::{Api, etag, wait};
use crate::live::{Live, ParamInfo, Place};
use crate::suggest;

/// Query of both reads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    channel: Option<String>,
    wait: Option<String>,
    zone: Option<String>,
    shard: Option<String>,
}

/// One parameter.
#[derive(Debug, Serialize)]
struct Param {
    #[serde(rename = "type")]
    ty: &'static str,
    value: Shown,
    /// What decided the value: `default`, `zone`, `shard`, `zone and shard`.
    origin: &'static str,
    default: Shown,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<Override>,
    min: Shown,
    max: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    doc: String,
}

#[derive(Debug, Serialize)]
struct Override {
    #[serde(flatten)]
    scope: Scope,
    value: Shown,
}

#[derive(Debug, Serialize)]
struct List {
    #[serde(flatten)]
    served: Served,
    #[serde(flatten)]
    scope: Scope,
    params: BTreeMap<String, Param>,
}

#[derive(Debug, Serialize)]
struct One {
    #[serde(flatten)]
    served: Served,
    #[serde(flatten)]
    scope: Scope,
    name: String,
    #[serde(flatten)]
    param: Param,
}

impl Param {
    fn of(info: ParamInfo) -> Param {
        Param {
            ty: type_word(&info.value),
            value: Shown(info.value),
            origin: info.origin.word(),
            default: Shown(info.default),
            overrides: info
                .overrides
                .into_iter()
                .map(|(scope, value)| Override { scope: Scope::of(&scope), value: Shown(value) })
                .collect(),
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
    let show = |live: &Live, at: &cairn_sdk::Scope| {
        let params = live.params(at).into_iter();
        let params = params.map(|info| (info.name.clone(), Param::of(info))).collect();
        let (served, scope) = (Served::of(live), Scope::of(at));
        Ok(Json(List { served, scope, params }).into_response())
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
    let show = |live: &Live, at: &cairn_sdk::Scope| {
        let Some(info) = live.param(&name, at) else {
            let known: Vec<_> = live.image().params().map(|param| param.name).collect();
            return Err(Problem::missing(
                "unknown-param",
                "there is no such parameter",
                format!("`{name}` in {} {}", live.ruleset(), live.version()),
            )
            .hint(suggest::hint(&name, known)));
        };
        let (served, scope) = (Served::of(live), Scope::of(at));
        let body = One { served, scope, name: info.name.clone(), param: Param::of(info) };
        Ok(Json(body).into_response())
    };
    answer(&api, &which, &headers, show).await
}

async fn answer(
    api: &Api,
    which: &Which,
    headers: &HeaderMap,
    show: impl Fn(&Live, &cairn_sdk::Scope) -> Result<Response, Problem>,
) -> Result<Response, Problem> {
    let hold = wait::parse(which.wait.as_deref())?;
    let channel = which.channel.as_deref();
    let place = Place { zone: which.zone.clone(), shard: which.shard.clone() };
    let scope = |live: &Live| match live.scope(&place) {
        Ok(scope) => Ok(scope.into_owned()),
        Err(error) => {
            let mut problem = refused(&error);
            // In the query there is no request around it.
            problem.place.field = error.field().map(|field| field.replacen('.', "", 1));
            Err(problem)
        }
    };
    // One zone must never be taken for another, by a cache or by a client.
    let tag = |live: &Live| Ok(live.etag_at(&scope(live)?));
    Ok(match etag::changed(api, channel, headers, hold, tag).await? {
        Read::Changed(live, tag) => etag::tagged(show(&live, &scope(&live)?)?, &tag),
        Read::Unchanged(tag) => etag::tagged(StatusCode::NOT_MODIFIED.into_response(), &tag),
    })
}
