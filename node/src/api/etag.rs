//! Conditional and held-back reads of what is live.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::Api;
use super::problem::Problem;
use crate::live::Live;

/// The tag that the client has, when it is still the current one.
pub fn matches(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|tag| {
            let tag = tag.trim().trim_start_matches("W/");
            tag == "*" || tag.trim_matches('"') == etag.trim_matches('"')
        })
    })
}

/// What a conditional read found.
pub enum Read {
    /// The client has something else, or nothing. The tag of what is live, too.
    Changed(Arc<Live>, String),
    /// The client has this.
    Unchanged(String),
}

/// An answer with its tag.
pub fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// What is live, held back for up to `wait` while the client's tag is the current one, which `tag`
/// makes of it.
///
/// The tag of the answer must be that of the version which was compared, in a 304 too: a tag of
/// a version that came since would make the client take its old body for that one, for ever.
///
/// # Errors
/// As [`Api::live`]; with `wait`, a channel without a version waits for its first one.
pub async fn changed(
    api: &Api,
    channel: Option<&str>,
    headers: &HeaderMap,
    wait: Duration,
    tag: impl Fn(&Live) -> Result<String, Problem>,
) -> Result<Read, Problem> {
    let deadline = tokio::time::Instant::now() + wait;
    let mut changes = api.agent.live_changes();
    loop {
        // Marked seen before the look: an activation between the two wakes us again.
        changes.mark_unchanged();
        let outcome = api.live(channel).and_then(|live| {
            let tag = tag(&live)?;
            Ok(match matches(headers, &tag) {
                true => Read::Unchanged(tag),
                false => Read::Changed(live, tag),
            })
        });
        match outcome {
            Ok(Read::Changed(live, tag)) => return Ok(Read::Changed(live, tag)),
            Err(problem) if problem.code != "nothing-live" => return Err(problem),
            Ok(Read::Unchanged(_)) | Err(_) => {}
        }
        let woken = tokio::select! {
            changed = changes.changed() => changed.is_ok(),
            () = tokio::time::sleep_until(deadline) => false,
            () = api.stopped() => false,
        };
        if !woken {
            return outcome;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_compare_weakly_and_in_lists() {
        let mut headers = HeaderMap::new();
        assert!(!matches(&headers, "\"a\""));
        headers.insert(IF_NONE_MATCH, "\"b\", W/\"a\"".parse().unwrap());
        assert!(matches(&headers, "\"a\""));
        assert!(!matches(&headers, "\"c\""));
        headers.insert(IF_NONE_MATCH, "*".parse().unwrap());
        assert!(matches(&headers, "\"c\""));
    }
}
