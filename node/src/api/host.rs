//! A request must name this machine, whatever name led it here.
//!
//! A web page can make a browser resolve the page's own name to 127.0.0.1 and so reach services
//! on loopback (DNS rebinding). Such a request still carries the page's name in `Host`.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;

/// Lets a request through if `Host`, and `Origin` where a browser sent one, name loopback.
pub async fn guard(request: Request, next: Next) -> Response {
    for name in [HOST, ORIGIN] {
        let Some(value) = request.headers().get(&name) else { continue };
        let text = String::from_utf8_lossy(value.as_bytes());
        if !is_local(&text) {
            return Problem::of(
                StatusCode::FORBIDDEN,
                "foreign-host",
                "this API answers to this machine only",
            )
            .detail(format!("the request's {name} is `{}`", cut(&text)))
            .hint("use http://127.0.0.1:PORT, http://localhost:PORT or the Unix socket")
            .into_response();
        }
    }
    next.run(request).await
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
    use super::is_local;

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
