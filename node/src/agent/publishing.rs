//! The parts of publishing that need no loop: checks, signatures, the coordinator.

use bytes::Bytes;
use cairn_gossip::{BundleHead, ChannelRecord, Directive, SignedDirective, Verify};
use cairn_merkle::Digest;
use cairn_ruleset::bundle_error::BundleError;
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::manifest::{FragmentKind, Manifest};
use cairn_ruleset::whitelist;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;

use super::error::{AddBundleError, ProposeError, PublishError};
use super::event::Request;
use super::handle::AgentHandle;
use super::request::{PublishEvent, Stored};
use crate::coordinator::{CoordinatorError, Registered, Revision, VersionRecord};
use crate::identity::{Verifier, blobs_of};
use crate::telemetry::of_directive;

/// Most bytes of an idempotency key.
pub const IDEMPOTENCY_BYTES_MAX: usize = 256;

/// How long an uploaded bundle may take from the disk to being announced. Only one that is not
/// worth keeping takes longer.
const STORED_WITHIN: Duration = Duration::from_secs(30);

/// What is wrong with an event whatever the agent's state is.
pub(super) fn check(event: &PublishEvent) -> Result<(), PublishError> {
    let bytes = event.idempotency.as_ref().map_or(0, String::len);
    if bytes > IDEMPOTENCY_BYTES_MAX {
        let (what, limit) = ("idempotency key bytes", IDEMPOTENCY_BYTES_MAX as u64);
        return Err(PublishError::Limit { what, actual: bytes as u64, limit });
    }
    Ok(())
}

/// limits → verify → register the version → persist → announce.
pub(super) async fn add_bundle(
    agent: &AgentHandle,
    head: BundleHead,
    envelope: Vec<u8>,
    blobs: Vec<Vec<u8>>,
) -> Result<Stored, AddBundleError> {
    let span = tracing::info_span!("publish", version = head.bundle.version);
    let trace = crate::telemetry::carried(&span);
    let verifier = agent.shared.verifier.clone();
    // Hashing and proving 64 MiB takes a while: not on a thread that serves sockets.
    let checked = tokio::task::spawn_blocking(move || {
        verified(&verifier, &head, &envelope, blobs).map(|found| (head, envelope, found))
    });
    let (head, envelope, (manifest, blobs)) = match checked.await {
        Ok(checked) => checked?,
        Err(_) => return Err(AddBundleError::Stopped(agent.stopped())),
    };

    let mut stored = Stored {
        ruleset: head.ruleset.clone(),
        version: head.bundle.version.clone(),
        digest: head.bundle.digest,
        envelope_bytes: head.bundle.envelope_bytes,
        already: false,
        node: agent.node().to_string(),
    };
    // Create-only is the coordinator's promise, so it comes before anything is kept. A crash in
    // between leaves a registered version without content, which the same upload completes.
    let record = VersionRecord {
        ruleset: head.ruleset.clone(),
        version: head.bundle.version.clone(),
        digest: head.bundle.digest,
        envelope_bytes: head.bundle.envelope_bytes,
        published_ms: head.published_ms,
        head: postcard::to_stdvec(&head).unwrap_or_default(),
    };
    match agent.coordinator().register_version(record).await {
        Ok(Registered::Created) => {}
        Ok(Registered::AlreadySame) => stored.already = true,
        Ok(Registered::Conflict { existing }) => {
            return Err(AddBundleError::VersionExists {
                ruleset: stored.ruleset,
                version: stored.version,
                existing,
                offered: stored.digest,
            });
        }
        Err(error) => return Err(refused_bundle(&error)),
    }
    let (reply, answer) = oneshot::channel();
    let refs = blobs_of(&manifest);
    let envelope = Bytes::from(envelope);
    let head = Box::new(head);
    agent.send(Request::AddBundle { head, envelope, blobs, refs, trace, reply }).await?;
    match tokio::time::timeout(STORED_WITHIN, answer).await {
        Ok(answer) => answer.map_err(|_| agent.stopped())??,
        Err(_) => {
            let reason = format!(
                "it is on disk but was not kept within {STORED_WITHIN:?}: is it older than the \
                 newest bundles that every node keeps?"
            );
            return Err(AddBundleError::Rejected { code: "bundle.not-kept".into(), reason });
        }
    }
    Ok(stored)
}

type Verified = (Manifest, Vec<(Digest, Bytes)>);

fn verified(
    verifier: &Verifier,
    head: &BundleHead,
    envelope: &[u8],
    blobs: Vec<Vec<u8>>,
) -> Result<Verified, AddBundleError> {
    let rejected =
        |code: &str, reason: String| AddBundleError::Rejected { code: code.into(), reason };
    let opened =
        Envelope::decode(envelope).map_err(|e| rejected("bundle.format", e.to_string()))?;
    let digest = opened.digest();
    if digest != head.bundle.digest {
        let named = head.bundle.digest;
        return Err(rejected(
            "bundle.head",
            format!("the head names {named}, the envelope is {digest}"),
        ));
    }
    verifier.head(head).map_err(|e| rejected("bundle.head", e.to_string()))?;
    let manifest = verifier.open(&opened).map_err(|error| match error {
        BundleError::Untrusted(reason) => rejected("bundle.signature", reason.to_string()),
        error => rejected("bundle.format", format!("{error}; {}", error.hint())),
    })?;
    let named = (&head.ruleset, &head.bundle.version, u64::from(head.bundle.envelope_bytes));
    let found = (&manifest.ruleset, &manifest.version, envelope.len() as u64);
    if named != found {
        return Err(rejected(
            "bundle.head",
            format!("the head says {named:?}, the bundle is {found:?}"),
        ));
    }
    let mut given: BTreeMap<Digest, Vec<u8>> =
        blobs.into_iter().map(|bytes| (Digest::of(&bytes), bytes)).collect();
    let mut kept = BTreeMap::new();
    for entry in &manifest.fragments {
        let bytes = match given.remove(&entry.digest) {
            Some(bytes) => Bytes::from(bytes),
            None if kept.contains_key(&entry.digest) => continue,
            None => {
                let (name, digest) = (entry.name.clone(), entry.digest);
                return Err(AddBundleError::MissingFragment { name, digest });
            }
        };
        if bytes.len() as u64 != u64::from(entry.length_bytes) {
            let (name, signed, actual) = (&entry.name, entry.length_bytes, bytes.len());
            let reason = format!("fragment {name:?} is {actual} bytes, its manifest says {signed}");
            return Err(rejected("bundle.length", reason));
        }
        if entry.kind == FragmentKind::Code {
            let proved = whitelist::prove(&bytes);
            proved
                .map_err(|e| rejected("bundle.code", format!("fragment {:?}: {e}", entry.name)))?;
        }
        kept.insert(entry.digest, bytes);
    }
    if let Some(digest) = given.keys().next() {
        let reason = format!("the upload has content {digest} that its manifest does not name");
        return Err(rejected("bundle.extra", reason));
    }
    Ok((manifest, kept.into_iter().collect()))
}

fn refused_bundle(error: &CoordinatorError) -> AddBundleError {
    match error {
        CoordinatorError::Unreachable { .. } => {
            AddBundleError::Unreachable { reason: error.to_string() }
        }
        other => AddBundleError::Rejected { code: "coordinator".into(), reason: other.to_string() },
    }
}

/// Verify → compare with what stands → compare-and-swap at the coordinator → gossip.
pub(super) async fn propose(
    agent: &AgentHandle,
    signed: SignedDirective,
    expected: u64,
) -> Result<u64, ProposeError> {
    let refused = |reason: String| ProposeError::Refused { reason };
    let directive =
        agent.shared.verifier.directive(&signed).map_err(|fault| refused(fault.to_string()))?;
    let span = tracing::info_span!("publish", channel = directive.channel, directive.generation);
    crate::telemetry::continued_from(&span, Some(&of_directive(&signed.digest())));
    let trace = crate::telemetry::carried(&span);
    let channel = directive.channel.clone();
    if expected.checked_add(1) != Some(directive.generation) {
        let generation = directive.generation;
        return Err(refused(format!("generation {generation} does not follow {expected}")));
    }

    let known = agent.channel_record(&channel).await?;
    let record = if directive.break_glass {
        following(known.as_ref(), &directive, signed, expected)?
    } else {
        let (stored, revision) = standing(agent, &channel).await?;
        // After a restore, or a break-glass directive that met another one of its generation, the
        // coordinator stands behind the fleet: the higher one is the base. Of equal ones ours is
        // known to be whole.
        let base = if place(known.as_ref()) >= place(stored.as_ref()) { known } else { stored };
        let record = following(base.as_ref(), &directive, signed, expected)?;
        let proposed = agent.coordinator().propose(&channel, revision, record.clone()).await;
        proposed.map_err(|error| match error {
            CoordinatorError::Conflict { .. } => ProposeError::Conflict {
                channel: channel.clone(),
                expected,
                actual: directive.generation,
            },
            other => unreachable(&other),
        })?;
        record
    };
    let (reply, answer) = oneshot::channel();
    let generation = directive.generation;
    agent.send(Request::Propose { record, channel, trace, reply }).await?;
    answer.await.map_err(|_| agent.stopped())??;
    Ok(generation)
}

async fn standing(
    agent: &AgentHandle,
    channel: &str,
) -> Result<(Option<ChannelRecord>, Option<Revision>), ProposeError> {
    match agent.coordinator().channel(channel).await {
        Ok(Some((record, revision))) => {
            // What nobody signed is no base: it would stand in the way of every directive.
            let believed = believed(&agent.shared.verifier, channel, &record);
            Ok((believed.then_some(record), Some(revision)))
        }
        Ok(None) => Ok((None, None)),
        // Content is never the coordinator's: a good record replaces a bad one.
        Err(CoordinatorError::Corrupt { revision, .. }) => Ok((None, Some(revision))),
        Err(error) => Err(unreachable(&error)),
    }
}

fn unreachable(error: &CoordinatorError) -> ProposeError {
    match error {
        CoordinatorError::Unreachable { .. } => {
            ProposeError::Unreachable { reason: error.to_string() }
        }
        other => ProposeError::Refused { reason: other.to_string() },
    }
}

/// Whether a record that a coordinator told is what a replica would take: signed, whole, and for
/// `channel`. Its newest directive alone is not enough: on a record that lost its tail nothing can
/// follow, and it would stand in the way.
pub(super) fn believed(verifier: &Verifier, channel: &str, record: &ChannelRecord) -> bool {
    record.check(verifier).is_ok_and(|directive| directive.channel == channel)
}

/// Where a record stands in the order of its channel: generation, break-glass flag, digest. Of
/// two directives with one generation every node has the same one in force, by this order.
pub(super) type Place = (u64, bool, Digest);

/// The place of a record's newest directive; the lowest for none and for what does not decode.
pub(super) fn place(record: Option<&ChannelRecord>) -> Place {
    record
        .and_then(ChannelRecord::newest)
        .and_then(|newest| {
            let directive = Directive::decode(&newest.body).ok()?;
            Some((directive.generation, directive.break_glass, newest.digest()))
        })
        .unwrap_or_default()
}

/// The generation at the top of a record, 0 for none and for what does not decode.
pub(super) fn generation(record: Option<&ChannelRecord>) -> u64 {
    place(record).0
}

fn following(
    base: Option<&ChannelRecord>,
    directive: &Directive,
    signed: SignedDirective,
    expected: u64,
) -> Result<ChannelRecord, ProposeError> {
    let actual = generation(base);
    if actual != expected {
        let channel = directive.channel.clone();
        return Err(ProposeError::Conflict { channel, expected, actual });
    }
    let before = base.and_then(ChannelRecord::newest).map(SignedDirective::digest);
    if directive.previous != before {
        return Err(ProposeError::Refused {
            reason: format!("it does not follow the directive of generation {actual}"),
        });
    }
    Ok(ChannelRecord::following(base, signed))
}
