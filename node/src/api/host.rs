//! A request must name this machine, whatever name led it here.
//!
//! A web page can make a browser resolve the page's own name to 127.0.0.1 and so reach services
//! on loopback (DNS rebinding). Such a request still carries the page's name in `Host`.

use axum::extract::Request;
use axum::http::header::{HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;

/// Lets a request through if `Host`, and `Origin` where a browser sent one, name loopback.
pub async fn guard(request: Request, next: Next) -> Response {
    match foreign(request.headers()) {
        Some((name, value)) => Problem::of(
            StatusCode::FORBIDDEN,
            "foreign-host",
            "this API answers to this machine only",
        )
        .detail(format!("the request's {name} is `{}`", cut(&value)))
        .hint("use http://127.0.0.1:PORT, http://localhost:PORT or the Unix socket")
        .into_response(),
        None => next.run(request).await,
    }
}

/// The header that shows that a request comes from elsewhere.
///
/// A page's plain link or image carries no `Origin`, but every browser of today says in
/// `Sec-Fetch-Site` that it comes from another site: a GET of `/v1/events` would end the session
/// of a real consumer.
fn foreign(headers: &HeaderMap) -> Option<(HeaderName, String)> {
    let refused = |name: HeaderName, passes: fn(&str) -> bool| {
        let texts = headers.get_all(&name).iter();
        let mut texts = texts.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let text = texts.find(|text| !passes(text))?;
        Some((name, text))
    };
    refused(HOST, is_local)
        .or_else(|| refused(ORIGIN, is_local))
        .or_else(|| refused(HeaderName::from_static("sec-fetch-site"), is_own_site))
}

fn is_own_site(text: &str) -> bool {
    matches!(text, "same-origin" | "none")
}

fn is_local(text: &str) -> bool {
    let text = text.strip_prefix("http://").unwrap_or(text);
    let host = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => text.split(':').next().unwrap_or_default(),
    };
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_header_counts() {
        let check = |pairs: &[(&'static str, &'static str)], refused: Option<&str>| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            let found = foreign(&headers).map(|(_, value)| value);
            assert_eq!(found.as_deref(), refused, "{pairs:?}");
        };
        check(&[("host", "localhost:1")], None);
        check(&[("host", "localhost:1"), ("host", "evil.example")], Some("evil.example"));
        check(&[("host", "localhost:1"), ("sec-fetch-site", "none")], None);
        check(&[("host", "localhost:1"), ("sec-fetch-site", "same-origin")], None);
        check(&[("host", "localhost:1"), ("sec-fetch-site", "cross-site")], Some("cross-site"));
        check(&[("host", "localhost:1"), ("origin", "null")], Some("null"));
    }

    #[test]
    fn only_loopback_names_pass() {
        for host in
            ["127.0.0.1:7600", "localhost", "LOCALHOST:1", "[::1]:7600", "http://127.0.0.1:1"]
        {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "evil.example:7600", "127.0.0.1.evil.example", "10.0.0.1", "null", "[::2]"]
        {
            assert!(!is_local(host), "{host}");
        }
    }
}
