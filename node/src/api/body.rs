//! Request bodies: limited while they arrive, then JSON with errors that name field and line.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Reads a body of at most `limit_bytes`. A body that announces more is refused unread.
///
/// # Errors
/// 413 with the limit, 400 when the connection broke.
pub async fn read(headers: &HeaderMap, body: Body, limit_bytes: usize) -> Result<Bytes, Problem> {
    let limit = limit_bytes as u64;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(announced) = announced.filter(|announced: &u64| *announced > limit) {
        return Err(Problem::too_large("the body", Some(announced), limit));
    }
    match Limited::new(body, limit_bytes).collect().await {
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
