//! Request bodies: limited while they arrive, then JSON with errors that name field and line.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// How long a body may take to arrive. The largest bundle takes seconds; a client that stops in the
/// middle would keep its place, and a shutdown, for ever.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(300);

/// Reads a body of at most `limit_bytes`. A body that announces more is refused unread.
///
/// # Errors
/// 413 with the limit, 408 when it does not arrive in time, 400 when the connection broke.
pub async fn read(headers: &HeaderMap, body: Body, limit_bytes: usize) -> Result<Bytes, Problem> {
    read_within(ARRIVAL_TIMEOUT, headers, body, limit_bytes).await
}

async fn read_within(
    timeout: Duration,
    headers: &HeaderMap,
    body: Body,
    limit_bytes: usize,
) -> Result<Bytes, Problem> {
    let limit = limit_bytes as u64;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(announced) = announced.filter(|announced: &u64| *announced > limit) {
        return Err(Problem::too_large("the body", Some(announced), limit));
    }
    let arrived = tokio::time::timeout(timeout, Limited::new(body, limit_bytes).collect()).await;
    let Ok(arrived) = arrived else {
        let problem = Problem::of(
            StatusCode::REQUEST_TIMEOUT,
            "slow-body",
            "the body did not arrive in time",
        );
        let limit = timeout.as_secs();
        return Err(problem
            .detail(format!("it was not whole after {limit} s, which is the limit"))
            .hint("send the body at once, and end it"));
    };
    match arrived {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(Problem::too_large("the body", None, limit))
        }
        Err(error) => Err(Problem::bad(
            "broken-body",
            "the body did not arrive",
            format!("the connection ended early: {error}"),
        )),
    }
}

/// Decodes JSON.
///
/// # Errors
/// 400 with the field, the line and the column.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut decoder = serde_json::Deserializer::from_slice(bytes);
    let decoded = serde_path_to_error::deserialize(&mut decoder);
    let value = decoded.map_err(|error| {
        let field = error.path().to_string();
        wrong(error.inner(), Some(field).filter(|field| field != "."))
    })?;
    decoder.end().map_err(|error| wrong(&error, None))?;
    Ok(value)
}

fn wrong(error: &serde_json::Error, field: Option<String>) -> Problem {
    let (code, title) = if error.is_data() {
        ("bad-request", "the request does not fit")
    } else {
        ("bad-json", "the body is not JSON")
    };
    let mut problem = Problem::bad(code, title, error.to_string());
    problem.place.field = field;
    problem.place.line = Some(error.line());
    problem.place.column = Some(error.column());
    problem
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::value::RawValue;
    use std::collections::BTreeMap;

    #[tokio::test]
    async fn a_body_that_does_not_end_is_given_up() {
        let headers = HeaderMap::new();
        let endless =
            Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let problem = read_within(Duration::ZERO, &headers, endless, 10).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (408, "slow-body"));
        // What is there is taken, however little time there is.
        let whole = read_within(Duration::ZERO, &headers, Body::from("{}"), 10).await.unwrap();
        assert_eq!(whole, "{}");
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        requests: Vec<Inner>,
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        seed: u64,
        context: BTreeMap<String, Box<RawValue>>,
    }

    #[test]
    fn numbers_keep_their_text() {
        let outer: Outer =
            json(br#"{"requests":[{"seed":7,"context":{"a":1.250000,"b":"x"}}]}"#).unwrap();
        assert_eq!(outer.requests[0].seed, 7);
        assert_eq!(outer.requests[0].context["a"].get(), "1.250000");
        assert_eq!(outer.requests[0].context["b"].get(), "\"x\"");
    }

    #[test]
    fn errors_name_field_line_and_column() {
        let problem = json::<Outer>(b"{\"requests\":[\n{\"seed\":-7}]}").unwrap_err();
        assert_eq!(problem.place.field.as_deref(), Some("requests[0].seed"));
        assert_eq!((problem.place.line, problem.code.as_str()), (Some(2), "bad-request"));
        let problem = json::<Outer>(b"{\"requests\": [").unwrap_err();
        assert_eq!((problem.place.line, problem.code.as_str()), (Some(1), "bad-json"));
        assert!(json::<Outer>(b"{\"requests\":[]} x").is_err());
        let nested = [b"{\"requests\":".as_slice(), &[b'['; 5_000]].concat();
        assert!(json::<Outer>(&nested).is_err());
    }
}
