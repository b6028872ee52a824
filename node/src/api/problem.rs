//! RFC 9457 problem documents: every error of the API.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

/// One error, as `application/problem+json`. Its `type` is `urn:cairn:problem:` and the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// The kind of error in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, with the values.
    pub detail: String,
    /// A stable word for programs.
    pub code: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where in the request. Apart, because most results that could hold a problem hold none.
    #[serde(flatten)]
    pub place: Box<Place>,
}

/// A place in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In its body or query: `requests[3].context.level`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Line of the body, from 1, when it is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// What goes over the wire.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    problem: &'a Problem,
}

impl Problem {
    /// A problem without detail.
    pub fn of(status: StatusCode, code: &str, title: &str) -> Problem {
        Problem {
            title: title.to_owned(),
            status: status.as_u16(),
            detail: String::new(),
            code: code.to_owned(),
            hint: None,
            place: Box::default(),
        }
    }

    /// The request is wrong (400).
    pub fn bad(code: &str, title: &str, detail: impl Into<String>) -> Problem {
        Problem::of(StatusCode::BAD_REQUEST, code, title).detail(detail)
    }

    /// Something that the request names does not exist (404).
    pub fn missing(code: &str, title: &str, detail: impl Into<String>) -> Problem {
        Problem::of(StatusCode::NOT_FOUND, code, title).detail(detail)
    }

    /// More than a limit (413).
    pub fn too_large(what: &str, actual_bytes: Option<u64>, limit_bytes: u64) -> Problem {
        let detail = match actual_bytes {
            Some(actual) => format!("{what} is {actual} bytes, limit {limit_bytes}"),
            None => format!("{what} is more than {limit_bytes} bytes"),
        };
        Problem::of(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the request is too large")
            .detail(detail)
            .hint("send less in one request")
    }

    /// The agent is shutting down, or stopped itself (503).
    pub fn stopped(reason: impl std::fmt::Display) -> Problem {
        Problem::of(StatusCode::SERVICE_UNAVAILABLE, "stopped", "the agent is stopping")
            .detail(reason.to_string())
            .hint("ask again when it is back, or ask another agent")
    }

    /// The same with what happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = detail.into();
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the place in the request body.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Problem {
        self.place.field = Some(field.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = format!("urn:cairn:problem:{}", self.code);
        let document = Document { kind, problem: &self };
        let text = serde_json::to_string(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
