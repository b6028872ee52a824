//! `PUT /v1/bundles`: take a bundle in. Verify, register (create-only), persist, announce.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cairn_ruleset::upload::Upload;
use tokio::sync::Semaphore;

use super::problem::Problem;
use super::{Api, body};
use crate::agent::AddBundleError;
use crate::identity::Package;

/// Largest upload: a bundle of 64 MiB, its manifest and signatures.
pub const UPLOAD_BYTES_MAX: usize = (64 << 20) + (2 << 20);

/// Uploads read at once; others wait. Each holds its bytes about three times until it is on disk.
const UPLOADS_MAX: usize = 2;
/// How long one may take to arrive: a client that stalls must not keep others from publishing.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);
static UPLOADING: Semaphore = Semaphore::const_new(UPLOADS_MAX);

/// Body: an encoded [`Package`]. 201 when it is new, 200 when the very same was there.
///
/// # Errors
/// 409 when the version exists with other content, 422 when something in the package does not
/// hold, 503 `coordinator-unreachable`.
pub async fn upload(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let _turn = UPLOADING.acquire().await.map_err(Problem::stopped)?;
    let arriving = body::read(&headers, body, UPLOAD_BYTES_MAX);
    let bytes = tokio::time::timeout(UPLOAD_TIMEOUT, arriving).await.map_err(|_| {
        Problem::of(StatusCode::REQUEST_TIMEOUT, "upload-slow", "the bundle did not arrive")
            .detail(format!("not whole within {UPLOAD_TIMEOUT:?}"))
    })??;
    let malformed = |reason: String, hint: &str| {
        Problem::of(StatusCode::UNPROCESSABLE_ENTITY, "bad-bundle", "the bundle does not hold")
            .detail(reason)
            .hint(hint)
    };
    let package = Package::decode(&bytes).map_err(|fault| {
        malformed(fault.to_string(), "upload with `cairn publish` of the agent's own version")
    })?;
    let upload = Upload::decode(&package.upload)
        .map_err(|error| malformed(error.to_string(), error.hint()))?;
    let stored = api
        .agent
        .add_bundle(package.head, upload.envelope.encode(), upload.blobs.into_values().collect())
        .await
        .map_err(|error| refused(&error))?;
    let status = if stored.already { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(stored)).into_response())
}

fn refused(error: &AddBundleError) -> Problem {
    let (status, code) = match error {
        AddBundleError::Rejected { .. } | AddBundleError::MissingFragment { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "bundle-rejected")
        }
        AddBundleError::VersionExists { .. } => (StatusCode::CONFLICT, "version-exists"),
        AddBundleError::Unreachable { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "coordinator-unreachable")
        }
        AddBundleError::Stopped(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
    };
    let mut problem = Problem::of(status, code, "the bundle was not published");
    problem.hint = error.hint().map(str::to_owned);
    problem.detail(error.to_string())
}
