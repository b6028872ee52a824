//! Making, signing and sending the next generation of a channel.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use cairn_gossip::directive::DIRECTIVE_FORMAT;
use cairn_gossip::{BundleRef, Directive};
use cairn_ruleset::trust::Role;
use hyper::Method;

use super::client::{Answer, Client};
use super::exit::Exit;
use super::failure::Failure;
use super::keys;
use super::node::KeyArgs;
use crate::agent::CoordinatorStatus;
use crate::api::channels::{Channel, Proposed};
use crate::{identity, trust};

/// The writer of what `cairn rollout` puts on record.
pub const ROLLOUT: &str = "cli rollout";
/// The writer of what `cairn rollback` puts on record: a later one knows what was fled from.
pub const ROLLBACK: &str = "cli rollback";

/// How long an agent may take to say whether it reaches its coordinator.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// What the next generation is to be.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The version to make live.
    pub target: BundleRef,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// Which verb wrote it, for the record: [`ROLLOUT`] or [`ROLLBACK`].
    pub writer: &'static str,
    /// Whether it goes straight into gossip.
    pub break_glass: bool,
}

/// The next generation after `channel`, signed by the operator's key and put on record.
///
/// # Errors
/// Exit code 7 when somebody else was first, 6 when the coordinator is needed and unreachable.
pub async fn propose(
    client: &Client,
    keys: &KeyArgs,
    channel: &Channel,
    intent: Intent,
) -> Result<Proposed, Failure> {
    let dir = key_dir(keys)?;
    let key = trust::secret(&dir, Role::Operator).map_err(|error| keys::failed(&error))?;
    let directive = Directive {
        format: DIRECTIVE_FORMAT,
        channel: channel.channel.clone(),
        generation: channel.generation + 1,
        target: intent.target,
        rollout: None,
        freeze: false,
        previous: channel.chain.first().map(|step| step.directive),
        break_glass: intent.break_glass,
        actor: intent.actor,
        writer: intent.writer.to_owned(),
        reason: intent.reason,
        time_ms: now_ms(),
    };
    let signed = identity::sign_directive(&directive, &key).map_err(|fault| {
        Failure::usage(format!("the directive does not fit: {fault}")).hint("shorten --reason")
    })?;
    let body = postcard::to_stdvec(&signed)
        .map_err(|error| Failure::internal(format!("cannot encode the directive: {error}")))?;
    let headers = [
        ("content-type", "application/octet-stream".to_owned()),
        ("if-match", format!("\"{}\"", channel.generation)),
    ];
    let path = format!("/v1/channels/{}", channel.channel);
    let sent = client.send(Method::POST, &path, &headers, Bytes::from(body)).await;
    let answered = sent.and_then(Answer::decode);
    match answered {
        Ok(proposed) => Ok(proposed),
        Err(failure) if intent.break_glass => Err(failure),
        Err(failure) => Err(undecided(client, failure).await),
    }
}

/// A change that was not decided in time, or not at all: when the reason is a coordinator that is
/// away, say so rather than that time ran out, and say what works without it.
pub async fn undecided(client: &Client, failure: Failure) -> Failure {
    const HINT: &str = "what is live stays live; going back works without it: \
        `cairn rollback --break-glass --reason TEXT`";
    match failure.exit {
        Exit::Unreachable => Failure { hint: failure.hint.or(Some(HINT.to_owned())), ..failure },
        Exit::Timeout => match coordinator_away(client).await {
            Some(detail) => Failure::new(
                Exit::Unreachable,
                format!("the coordinator is unreachable ({detail}): {}", failure.message),
            )
            .hint(HINT),
            None => failure,
        },
        _ => failure,
    }
}

/// Why the agent does not reach its coordinator; none when it does, or cannot be asked.
async fn coordinator_away(client: &Client) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Status {
        coordinator: CoordinatorStatus,
    }
    let status: Status = client.within(ASK_TIMEOUT).read("/v1/status").await.ok()?;
    let CoordinatorStatus { reachable, detail, .. } = status.coordinator;
    (!reachable).then(|| detail.unwrap_or_else(|| "no answer yet".to_owned()))
}

/// The directory with the operator's keys.
///
/// # Errors
/// Exit code 2 when the setting is missing.
pub fn key_dir(keys: &KeyArgs) -> Result<std::path::PathBuf, Failure> {
    keys.keys.clone().ok_or_else(|| {
        Failure::new(Exit::Usage, "the setting --keys (CAIRN_KEYS) is missing")
            .hint("it names the directory with your keys; `cairn dev` prints one")
    })
}

/// Milliseconds since the Unix epoch, for the record only.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
