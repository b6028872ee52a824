//! The local API: HTTP/1.1 over loopback and over a Unix socket, for game services, people and
//! the command line. One file per noun.
//!
//! It stays on this machine: another address is refused until transport security lands, and a
//! request over TCP must name a loopback host, so that a web page cannot reach it by DNS tricks.
//! Errors are problem documents, see [`problem`]. Every answer about a channel carries version,
//! generation, digest and staleness.

pub mod body;
pub mod bundle;
pub mod bundles;
pub mod channels;
mod connections;
pub mod consumers;
pub mod cursor;
pub mod etag;
pub mod evaluate;
pub mod events;
pub mod health;
pub mod host;
pub mod metrics;
pub mod number;
pub mod params;
pub mod pity;
pub mod problem;
pub mod query;
pub mod roll;
pub mod ruleset;
pub mod served;
pub mod server;
pub mod status;
pub mod value;
pub mod versions;
pub mod wait;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use tokio::sync::watch;

use crate::agent::AgentHandle;
use crate::live::Live;
use crate::suggest;
use problem::Problem;

pub use server::{ApiConfig, ApiError, ApiServer};

/// Largest body of a request, but for an upload of a bundle ([`bundles::UPLOAD_BYTES_MAX`]).
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// What every handler sees.
#[derive(Clone)]
pub struct Api {
    /// The agent that answers.
    pub agent: AgentHandle,
    /// Turns true when the server stops: whoever holds an answer back gives it now.
    pub stopping: watch::Receiver<bool>,
}

impl Api {
    /// The name of the channel that a request means: the one it names, else the only one.
    ///
    /// # Errors
    /// 400 when there are several and none is named, 404 when this agent does not serve it.
    pub fn channel<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str, Problem> {
        let channels = self.agent.channels();
        let known = || channels.iter().map(String::as_str);
        match (named, channels) {
            (Some(name), _) if channels.iter().any(|channel| channel == name) => Ok(name),
            (Some(name), _) => Err(Problem::missing(
                "unknown-channel",
                "this agent does not serve the channel",
                format!("channel `{name}`"),
            )
            .hint(suggest::hint(name, known()))),
            (None, [only]) => Ok(only),
            (None, _) => Err(Problem::bad(
                "channel-missing",
                "the channel must be named",
                format!("this agent serves {} channels", channels.len()),
            )
            .hint(format!("add ?channel=; {}", suggest::hint("", known())))),
        }
    }

    /// What answers reads on a channel.
    ///
    /// # Errors
    /// As [`Api::channel`]; 503 before the first activation.
    pub fn live(&self, named: Option<&str>) -> Result<Arc<Live>, Problem> {
        let channel = self.channel(named)?;
        self.agent.live(channel).ok_or_else(|| {
            Problem::of(StatusCode::SERVICE_UNAVAILABLE, "nothing-live", "no version is live yet")
                .detail(format!("channel `{channel}` has never been activated on this node"))
                .hint("publish a version and roll it out; GET /v1/status says how far it is")
        })
    }

    /// Completes when the server stops.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // An error means that the server is gone already.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}

/// All routes.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/ruleset", get(ruleset::read))
        .route("/v1/params", get(params::list))
        .route("/v1/params/{name}", get(params::read))
        .route("/v1/evaluate", post(evaluate::evaluate))
        .route("/v1/roll", post(roll::roll))
        .route("/v1/events", get(events::consume).post(events::publish))
        .route("/v1/consumers/{name}/ack", post(consumers::ack))
        .route("/v1/bundle", get(bundle::read))
        .route("/v1/bundles", put(bundles::upload))
        .route("/v1/channels/{ruleset}/{name}", get(channels::read).post(channels::propose))
        .route("/v1/versions", get(versions::list))
        .route("/v1/status", get(status::read))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::read))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(axum::middleware::from_fn(host::guard))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api)
}

const PATHS: [&str; 15] = [
    "/v1/ruleset",
    "/v1/params",
    "/v1/evaluate",
    "/v1/roll",
    "/v1/events",
    "/v1/consumers/NAME/ack",
    "/v1/bundle",
    "/v1/bundles",
    "/v1/channels/RULESET/NAME",
    "/v1/versions",
    "/v1/status",
    "/livez",
    "/readyz",
    "/metrics",
    "/v1/params/NAME",
];

async fn unknown_path(uri: axum::http::Uri) -> Problem {
    Problem::missing("unknown-path", "there is nothing at this path", uri.path())
        .hint(suggest::hint(uri.path(), PATHS))
}

async fn unknown_method(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    Problem::of(StatusCode::METHOD_NOT_ALLOWED, "unknown-method", "the path has no such method")
        .detail(format!("{method} {}", uri.path()))
}
