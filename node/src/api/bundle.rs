//! `GET /v1/bundle`: the live version whole, for tools that compare with it.

use std::collections::VecDeque;
use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use cairn_merkle::Digest;
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::manifest::Manifest;
use cairn_ruleset::upload;
use futures::stream;

use super::evaluate::Which;
use super::problem::Problem;
use super::query::Query;
use super::{Api, etag};
use crate::store::Store;

/// The type of an answer: the bytes of [`cairn_ruleset::upload`].
pub const MEDIA_TYPE: &str = "application/vnd.cairn.bundle";

/// Bytes read from disk at a time: what a slow client makes us hold.
const PIECE_BYTES: u32 = 64 << 10;

/// A fragment that is still to be sent, from an offset on.
struct Rest {
    digest: Digest,
    offset: u32,
    length: u32,
}

/// The bundle that was live when the answer began. The reader checks it: every byte of it is
/// covered by a digest that the signed manifest names.
///
/// # Errors
/// See [`Api::live`]; 500 when the disk no longer has what is live, which the log tells, too.
pub async fn read(
    State(api): State<Api>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let live = api.live(which.channel())?;
    let digest = live.digest();
    let tag = format!("\"{digest}\"");
    if etag::matches(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let store = api.agent.store().clone();
    let opened = tokio::task::spawn_blocking({
        let store = store.clone();
        move || open(&store, digest)
    });
    let (head, fragments) =
        opened.await.map_err(Problem::stopped)?.map_err(|reason| lost(digest, &reason))?;
    let length: u64 =
        head.len() as u64 + fragments.iter().map(|rest| u64::from(rest.length)).sum::<u64>();
    let body = Body::from_stream(stream::try_unfold(
        (store, Some(head), fragments),
        |(store, head, mut rest)| async move {
            if let Some(head) = head {
                return Ok::<_, io::Error>(Some((head, (store, None, rest))));
            }
            let Some(next) = rest.pop_front() else { return Ok(None) };
            let reading = tokio::task::spawn_blocking({
                let store = store.clone();
                move || piece(&store, next)
            });
            // An error ends the connection before the announced length: the client sees a bundle
            // that is cut short, never a wrong one.
            let (bytes, left) = reading.await.map_err(io::Error::other)??;
            if let Some(left) = left {
                rest.push_front(left);
            }
            Ok(Some((bytes, (store, None, rest))))
        },
    ));
    let mut response = body.into_response();
    let answer = response.headers_mut();
    answer.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    answer.insert(CONTENT_LENGTH, HeaderValue::from(length));
    answer.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.insert(ETAG, tag);
    }
    Ok(response)
}

fn open(store: &Store, digest: Digest) -> Result<(Bytes, VecDeque<Rest>), String> {
    let bytes = store
        .envelope(&digest)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| "its manifest is gone".to_owned())?;
    let envelope = Envelope::decode(&bytes).map_err(|error| error.to_string())?;
    if envelope.digest() != digest {
        return Err(format!("what lies there is {}", envelope.digest()));
    }
    let manifest = Manifest::decode(&envelope.manifest).map_err(|error| error.to_string())?;
    let rest = upload::distinct(&manifest).map(|entry| Rest {
        digest: entry.digest,
        offset: 0,
        length: entry.length_bytes,
    });
    Ok((Bytes::from(upload::head(&bytes)), rest.collect()))
}

fn piece(store: &Store, next: Rest) -> io::Result<(Bytes, Option<Rest>)> {
    let Rest { digest, offset, length } = next;
    let read = store.piece(&digest, offset, PIECE_BYTES).map_err(io::Error::other)?;
    let Some((total, bytes)) = read.filter(|(total, _)| *total == length) else {
        return Err(io::Error::other(format!("fragment {digest} is gone or damaged")));
    };
    // A fragment without bytes has no piece after its first, either.
    let offset = offset.saturating_add(bytes.len() as u32);
    let left = (offset < total && !bytes.is_empty()).then_some(Rest { digest, offset, length });
    Ok((bytes, left))
}

fn lost(digest: Digest, reason: &str) -> Problem {
    tracing::error!(%digest, reason, "the live bundle cannot be read");
    Problem::of(StatusCode::INTERNAL_SERVER_ERROR, "bundle-lost", "the live bundle cannot be read")
        .detail(format!("{digest}: {reason}"))
        .hint("what is live still answers; publish the version again, its content is known")
}
