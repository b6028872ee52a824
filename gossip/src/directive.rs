//! Directives: the signed, whole desired state of a channel, and the chain of the last of them.

use bytes::Bytes;
use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use crate::head::BundleRef;
use crate::verify::{Fault, Signature};

/// The directive format that this crate reads and writes.
pub const DIRECTIVE_FORMAT: u16 = 1;
/// Most bytes of an encoded directive. A larger one is refused.
pub const DIRECTIVE_BYTES_MAX: usize = 4 * 1024;
/// Most directives in a channel record: the versions that nodes keep, so that going back to one
/// of them needs no download.
pub const CHAIN_MAX: usize = 4;
/// Most bytes of a channel's name. A longer one is refused.
pub const CHANNEL_BYTES_MAX: usize = 256;

/// How a change reaches the nodes. Reserved: a directive without one moves the whole channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// What nodes outside the canary stay on.
    pub from: Digest,
    /// Percentages to go through, each 1 to 100.
    pub stages: Vec<u8>,
    /// The percentage in force.
    pub percent: u8,
    /// Mixed with the node id to choose the canary.
    pub salt: u64,
}

/// The whole desired state of a channel at one generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directive {
    /// [`DIRECTIVE_FORMAT`].
    pub format: u16,
    /// `<ruleset>/<name>`, at most [`CHANNEL_BYTES_MAX`] bytes.
    pub channel: String,
    /// Position in the channel's history, from 1; only ever grows.
    pub generation: u64,
    /// What should be live.
    pub target: BundleRef,
    /// Absent: the whole channel moves at once.
    pub rollout: Option<Rollout>,
    /// No further change is accepted from the controller while set.
    pub freeze: bool,
    /// Digest of the directive this one follows; absent for the first.
    pub previous: Option<Digest>,
    /// Signed straight into gossip while the coordinator was away.
    pub break_glass: bool,
    /// Who asked for it.
    pub actor: String,
    /// Which program wrote it.
    pub writer: String,
    /// Why.
    pub reason: String,
    /// The writer's wall clock, milliseconds since the Unix epoch. Informative only.
    pub time_ms: u64,
}

impl Directive {
    /// The bytes that are signed.
    ///
    /// # Errors
    /// [`Fault::OverLimit`] above [`DIRECTIVE_BYTES_MAX`] or [`CHANNEL_BYTES_MAX`].
    pub fn encode(&self) -> Result<Bytes, Fault> {
        let bytes = postcard::to_stdvec(self).map_err(|e| Fault::malformed("directive", &e))?;
        self.check(bytes.len())?;
        Ok(Bytes::from(bytes))
    }

    /// Reads and checks the form of a directive; who signed it is the caller's question.
    ///
    /// # Errors
    /// A [`Fault`] that names what was wrong, the value and the limit. Never panics.
    pub fn decode(bytes: &[u8]) -> Result<Directive, Fault> {
        over("directive bytes", bytes.len(), DIRECTIVE_BYTES_MAX)?;
        // The format leads, so that a newer one is named as such and not as garbage.
        let (format, _) = postcard::take_from_bytes::<u16>(bytes)
            .map_err(|e| Fault::malformed("directive", &e))?;
        if format != DIRECTIVE_FORMAT {
            let what = "directive";
            return Err(Fault::UnknownFormat { what, actual: format, supported: DIRECTIVE_FORMAT });
        }
        let (directive, rest) = postcard::take_from_bytes::<Directive>(bytes)
            .map_err(|e| Fault::malformed("directive", &e))?;
        if !rest.is_empty() {
            return Err(Fault::Trailing { what: "directive", extra_bytes: rest.len() });
        }
        directive.check(bytes.len())?;
        Ok(directive)
    }

    fn check(&self, encoded_bytes: usize) -> Result<(), Fault> {
        over("directive bytes", encoded_bytes, DIRECTIVE_BYTES_MAX)?;
        over("channel name bytes", self.channel.len(), CHANNEL_BYTES_MAX)
    }
}

fn over(what: &'static str, actual: usize, max: usize) -> Result<(), Fault> {
    if actual <= max {
        return Ok(());
    }
    Err(Fault::OverLimit { what, actual: actual as u64, max: max as u64 })
}

/// A directive as it is sent and stored: the bytes as received, never encoded again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDirective {
    /// The encoded [`Directive`], at most [`DIRECTIVE_BYTES_MAX`] bytes.
    pub body: Bytes,
    /// Names the key that signed it; what the bytes mean is the verifier's business.
    pub key: [u8; 32],
    /// Over `body`.
    pub signature: Signature,
}

impl SignedDirective {
    /// What [`Directive::previous`] names. Covers the body alone: two signatures over one body
    /// are one directive.
    pub fn digest(&self) -> Digest {
        Digest::derive("cairn 2026 directive v1", &[&self.body])
    }
}

/// The register of one channel: its directives, newest first.
///
/// The newest one decides the order of two records; the rest follows from it, because each names
/// the digest of its predecessor and a chain holds [`CHAIN_MAX`] directives or goes back to the
/// first. So equal heads mean equal records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRecord {
    /// 1 to [`CHAIN_MAX`] directives, newest first.
    pub chain: Vec<SignedDirective>,
}

impl ChannelRecord {
    /// The record that follows `before` with `newest` on top. `newest` must name the digest of
    /// `before`'s newest directive as its predecessor, or none when `before` is absent;
    /// otherwise nodes refuse the record.
    pub fn following(before: Option<&ChannelRecord>, newest: SignedDirective) -> ChannelRecord {
        let older = before.map_or(&[][..], |record| &record.chain);
        let chain = std::iter::once(&newest).chain(older).take(CHAIN_MAX).cloned().collect();
        ChannelRecord { chain }
    }

    /// The directive in force.
    pub fn newest(&self) -> Option<&SignedDirective> {
        self.chain.first()
    }
}
