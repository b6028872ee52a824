//! `/v1/channels/RULESET/NAME`: what should be live, and the signed step to something else.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use cairn_gossip::directive::DIRECTIVE_BYTES_MAX;
use cairn_gossip::{ChannelRecord, Directive, SignedDirective};
use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::query::Path;
use super::{Api, body};
use crate::agent::ProposeError;

const IF_MATCH_HINT: &str =
    "send If-Match: \"N\" with the generation that GET of this path answers";

/// Largest body of a proposal: a directive, its key and its signature.
const PROPOSAL_BYTES_MAX: usize = DIRECTIVE_BYTES_MAX + 256;

/// The state of a channel as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// Newest generation, 0 before the first directive.
    pub generation: u64,
    /// What should be live.
    pub version: Option<String>,
    /// Its digest.
    pub digest: Option<Digest>,
    /// The last directives, newest first: the versions that nodes keep.
    pub chain: Vec<Step>,
}

/// One generation of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Position in the history.
    pub generation: u64,
    /// Digest of the directive: what the next one names as its predecessor.
    pub directive: Digest,
    /// The version that it made live.
    pub version: String,
    /// Its digest.
    pub digest: Digest,
    /// Bytes of its envelope.
    pub envelope_bytes: u32,
    /// Who asked for it.
    pub actor: String,
    /// Which program wrote it.
    pub writer: String,
    /// Why.
    pub reason: String,
    /// When, by the writer's clock.
    pub time_ms: u64,
    /// Whether it went straight into gossip.
    pub break_glass: bool,
}

/// What a proposal led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// The generation that is now on record.
    pub generation: u64,
}

impl Channel {
    /// Reads a record that this node has verified.
    ///
    /// # Errors
    /// 500 when it does not decode after all.
    pub fn of(name: &str, record: Option<&ChannelRecord>) -> Result<Channel, Problem> {
        let mut chain = Vec::new();
        for signed in record.into_iter().flat_map(|record| &record.chain) {
            let directive = Directive::decode(&signed.body).map_err(|fault| {
                Problem::of(StatusCode::INTERNAL_SERVER_ERROR, "corrupt", "a record is corrupt")
                    .detail(fault.to_string())
            })?;
            chain.push(Step {
                generation: directive.generation,
                directive: signed.digest(),
                version: directive.target.version,
                digest: directive.target.digest,
                envelope_bytes: directive.target.envelope_bytes,
                actor: directive.actor,
                writer: directive.writer,
                reason: directive.reason,
                time_ms: directive.time_ms,
                break_glass: directive.break_glass,
            });
        }
        let newest = chain.first();
        Ok(Channel {
            channel: name.to_owned(),
            generation: newest.map_or(0, |step| step.generation),
            version: newest.map(|step| step.version.clone()),
            digest: newest.map(|step| step.digest),
            chain,
        })
    }
}

/// `GET`: the channel's history as this node knows it. The `ETag` is the generation, for
/// `If-Match` of a proposal.
///
/// # Errors
/// 404 for a channel that this agent does not serve.
pub async fn read(
    State(api): State<Api>,
    Path((ruleset, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let named = format!("{ruleset}/{name}");
    let channel = api.channel(Some(&named))?;
    let record = api.agent.channel_record(channel).await.map_err(Problem::stopped)?;
    let shown = Channel::of(channel, record.as_ref())?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", shown.generation));
    let mut response = Json(shown).into_response();
    if let Ok(tag) = tag {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// `POST`: a signed directive (postcard of [`SignedDirective`]) with `If-Match: "generation"`.
///
/// # Errors
/// 428 without `If-Match`, 400 for one that is no generation, 412 when the channel is elsewhere, 503 `coordinator-unreachable`,
/// 403 when the signature or the chain does not hold.
pub async fn propose(
    State(api): State<Api>,
    Path((ruleset, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let named = format!("{ruleset}/{name}");
    let channel = api.channel(Some(&named))?;
    let expected = headers
        .get(IF_MATCH)
        .ok_or_else(|| {
            Problem::of(
                StatusCode::PRECONDITION_REQUIRED,
                "generation-missing",
                "the expected generation must be named",
            )
            .hint(IF_MATCH_HINT)
        })
        .and_then(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.trim_matches('"').parse::<u64>().map_err(|_| {
                let shown: String = text.chars().take(64).collect();
                let detail = format!("If-Match is `{shown}`");
                Problem::bad("bad-generation", "the expected generation is no number", detail)
                    .hint(IF_MATCH_HINT)
            })
        })?;
    let bytes = body::read(&headers, body, PROPOSAL_BYTES_MAX).await?;
    let malformed = |reason: String| {
        Problem::bad("bad-directive", "the body is no signed directive", reason)
            .hint("use `cairn rollout` or `cairn rollback` of the agent's own version")
    };
    let signed = match postcard::take_from_bytes::<SignedDirective>(&bytes) {
        Ok((signed, [])) => signed,
        Ok((_, rest)) => return Err(malformed(format!("{} bytes are left over", rest.len()))),
        Err(error) => return Err(malformed(error.to_string())),
    };
    let directive =
        Directive::decode(&signed.body).map_err(|fault| malformed(fault.to_string()))?;
    if directive.channel != channel {
        let detail =
            format!("the directive is for `{}`, the path names `{channel}`", directive.channel);
        return Err(malformed(detail));
    }
    let generation = api.agent.propose(signed, expected).await.map_err(refused)?;
    Ok(Json(Proposed { channel: channel.to_owned(), generation }).into_response())
}

fn refused(error: ProposeError) -> Problem {
    let (status, code) = match &error {
        ProposeError::Conflict { .. } => (StatusCode::PRECONDITION_FAILED, "conflict"),
        ProposeError::Refused { .. } => (StatusCode::FORBIDDEN, "directive-refused"),
        ProposeError::Unreachable { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "coordinator-unreachable")
        }
        ProposeError::Stopped(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
    };
    let mut problem = Problem::of(status, code, "the channel was not changed");
    problem.hint = error.hint().map(str::to_owned);
    problem.detail(error.to_string())
}
