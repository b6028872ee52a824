//! Who this node is and whom it believes: ed25519 for the cores' [`Sign`] and [`Verify`].
//!
//! Three kinds of bytes are signed outside a bundle's manifest, each in a domain of its own, so
//! that a signature under one is worthless under another: event batches by their origin's key,
//! bundle heads by a publisher, directives by an operator.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use cairn_gossip::{
    Batch, BlobRef, BundleHead, BundleRef, Directive, Fault, Origin, Sign, Signature, SignedBatch,
    SignedDirective, Verify,
};
use cairn_merkle::Digest;
use cairn_ruleset::bundle_error::BundleError;
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::key::{self, PublicKey, SecretKey};
use cairn_ruleset::manifest::Manifest;
use cairn_ruleset::trust::{Role, Trust};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::store::{StateDir, StoreError};

const BATCH_DOMAIN: &str = "cairn 2026 event batch signature v1";
const HEAD_DOMAIN: &str = "cairn 2026 bundle head signature v1";
const DIRECTIVE_DOMAIN: &str = "cairn 2026 directive signature v1";

/// The format of a [`Package`] that this build writes, and the only one it reads.
pub const PACKAGE_FORMAT: u8 = 1;

/// The key of the events that are accepted here, kept in `STATE/origin.key`.
pub struct Identity {
    secret: SecretKey,
    public: [u8; 32],
}

/// The identity in a state directory cannot be used. Nothing was changed.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The key file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file holds something else.
    #[error("{} is not an origin's key: {reason}", path.display())]
    Malformed {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Identity {
    /// The key in the directory; drawn and made durable when there is none.
    pub fn load_or_create(dir: &StateDir) -> Result<Identity, IdentityError> {
        let path = dir.path("origin.key");
        let text = match fs::read_to_string(&path) {
            Ok(text) => Some(Zeroizing::new(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(StoreError::Io { what: "read", path, source }.into()),
        };
        let secret = match text {
            Some(text) => SecretKey::from_file(&text).map_err(|error| malformed(&path, &error))?,
            None => {
                let secret = SecretKey::from_seed(rand::random());
                dir.write_durable(&path, secret.to_file().as_bytes())?;
                secret
            }
        };
        let public = secret.public().to_bytes();
        Ok(Identity { secret, public })
    }

    /// The origin that this key is.
    pub fn origin(&self) -> Origin {
        Origin::of_key(&self.public)
    }
}

fn malformed(path: &Path, error: &dyn std::fmt::Display) -> IdentityError {
    IdentityError::Malformed { path: path.to_owned(), reason: error.to_string() }
}

impl Sign for Identity {
    fn key(&self) -> [u8; 32] {
        self.public
    }

    fn batch(&self, body: &[u8]) -> Signature {
        Signature(self.secret.sign(BATCH_DOMAIN, body).bytes)
    }
}

/// Whom this node believes.
pub struct Verifier {
    trust: Trust,
}

impl Verifier {
    /// Believe the pinned root and the keys that it listed.
    pub fn new(trust: Trust) -> Verifier {
        Verifier { trust }
    }

    fn role(
        &self,
        what: &'static str,
        role: Role,
        domain: &'static str,
        bytes: &[u8],
        by: &[u8; 32],
        signature: &Signature,
    ) -> Result<(), Fault> {
        let denied = |reason: String| Fault::KeyNotAllowed { what, reason };
        let key = PublicKey::from_bytes(by).map_err(|error| denied(error.to_string()))?;
        let signature = key::Signature { key: key.id(), bytes: signature.0 };
        self.trust.verify(role, domain, bytes, &[signature]).map_err(|error| match error {
            cairn_ruleset::trust::TrustError::BadSignature { .. } => Fault::BadSignature { what },
            other => denied(other.to_string()),
        })
    }
}

impl Verify for Verifier {
    fn directive(&self, signed: &SignedDirective) -> Result<Directive, Fault> {
        self.role(
            "directive",
            Role::Operator,
            DIRECTIVE_DOMAIN,
            &signed.body,
            &signed.key,
            &signed.signature,
        )?;
        Directive::decode(&signed.body)
    }

    fn head(&self, head: &BundleHead) -> Result<(), Fault> {
        let bytes = head.signed_bytes();
        self.role("bundle head", Role::Publisher, HEAD_DOMAIN, &bytes, &head.key, &head.signature)
    }

    fn batch(&self, signed: &SignedBatch) -> Result<Batch, Fault> {
        let what = "event batch";
        let key = PublicKey::from_bytes(&signed.key)
            .map_err(|error| Fault::KeyNotAllowed { what, reason: error.to_string() })?;
        if !key.verify(BATCH_DOMAIN, &signed.body, &signed.signature.0) {
            return Err(Fault::BadSignature { what });
        }
        let batch = Batch::decode(&signed.body)?;
        if Origin::of_key(&signed.key) != batch.stream.origin {
            return Err(Fault::WrongOrigin { stream: batch.stream });
        }
        Ok(batch)
    }
}

impl Verifier {
    /// Open an envelope that claims to be the bundle `digest`: its digest, its signatures, its
    /// manifest. Says what the bundle consists of beside the envelope.
    ///
    /// # Errors
    /// Why it is not to be believed, for people.
    pub fn open_envelope(&self, digest: &Digest, bytes: &[u8]) -> Result<Manifest, String> {
        let envelope = Envelope::decode(bytes).map_err(|error| error.to_string())?;
        let actual = envelope.digest();
        if actual != *digest {
            return Err(format!("the envelope of {digest} is that of {actual}"));
        }
        self.open(&envelope).map_err(|error| error.to_string())
    }

    /// Verify an envelope's signatures and read its manifest.
    ///
    /// # Errors
    /// `Untrusted`, or what is wrong with the manifest: a newer format, a limit.
    pub fn open(&self, envelope: &Envelope) -> Result<Manifest, BundleError> {
        envelope.open(&self.trust)
    }
}

/// The fragments of a bundle as the replica fetches them: each content once.
pub fn blobs_of(manifest: &Manifest) -> Vec<BlobRef> {
    let mut blobs: Vec<_> = manifest
        .fragments
        .iter()
        .map(|entry| BlobRef { digest: entry.digest, length_bytes: entry.length_bytes })
        .collect();
    blobs.sort_unstable();
    blobs.dedup();
    blobs
}

/// A publisher's announcement of a bundle.
pub fn seal_head(
    envelope: &Envelope,
    manifest: &Manifest,
    published_ms: u64,
    publisher: &SecretKey,
) -> BundleHead {
    let length = envelope.encode().len();
    let bundle = BundleRef {
        digest: envelope.digest(),
        version: manifest.version.clone(),
        // An envelope is a little over 1 MiB at most: its own limits say so.
        envelope_bytes: u32::try_from(length).unwrap_or(u32::MAX),
    };
    let mut head = BundleHead {
        bundle,
        ruleset: manifest.ruleset.clone(),
        published_ms,
        key: publisher.public().to_bytes(),
        signature: Signature::default(),
    };
    head.signature = Signature(publisher.sign(HEAD_DOMAIN, &head.signed_bytes()).bytes);
    head
}

/// An operator's directive, signed.
///
/// # Errors
/// The directive's own limits.
pub fn sign_directive(
    directive: &Directive,
    operator: &SecretKey,
) -> Result<SignedDirective, Fault> {
    let body = directive.encode()?;
    let signature = Signature(operator.sign(DIRECTIVE_DOMAIN, &body).bytes);
    Ok(SignedDirective { body, key: operator.public().to_bytes(), signature })
}

/// What a publisher uploads: the signed head, then the bundle as `cairn_ruleset` packs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The announcement.
    pub head: BundleHead,
    /// The packed envelope and fragments.
    pub upload: Bytes,
}

impl Package {
    /// A version byte, then postcard.
    pub fn encode(&self) -> Vec<u8> {
        // Serialising into memory has no failure of its own left but running out of it.
        postcard::to_extend(self, vec![PACKAGE_FORMAT]).unwrap_or_default()
    }

    /// Reads what [`Package::encode`] wrote; believes nothing yet. The caller has bounded the
    /// length of `bytes`.
    ///
    /// # Errors
    /// What is wrong with the bytes. Never panics.
    pub fn decode(bytes: &[u8]) -> Result<Package, Fault> {
        let what = "bundle upload";
        let Some((&format, body)) = bytes.split_first() else {
            return Err(Fault::Malformed { what, reason: "it is empty".into() });
        };
        if format != PACKAGE_FORMAT {
            let (actual, supported) = (u16::from(format), u16::from(PACKAGE_FORMAT));
            return Err(Fault::UnknownFormat { what, actual, supported });
        }
        let (package, rest) = postcard::take_from_bytes::<Package>(body)
            .map_err(|error| Fault::malformed(what, &error))?;
        if !rest.is_empty() {
            return Err(Fault::Trailing { what, extra_bytes: rest.len() });
        }
        Ok(package)
    }
}

/// Hashes a caller's idempotency key into the 16 bytes that an event carries.
pub(crate) fn idempotency(key: &str) -> [u8; 16] {
    let digest = Digest::derive("cairn 2026 idempotency key v1", &[key.as_bytes()]);
    let mut short = [0; 16];
    short.copy_from_slice(&digest.0[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_gossip::{Event, Stream, VersionVector};
    use cairn_ruleset::trust::{KeyEntry, KeyList, SignedKeyList};

    fn verifier(publisher: &SecretKey, operator: &SecretKey) -> Verifier {
        let root = SecretKey::from_seed([1; 32]);
        let entry = |key: &SecretKey, name: &str, role| KeyEntry {
            key: key.public(),
            name: name.to_owned(),
            roles: vec![role],
        };
        let entries = vec![
            entry(publisher, "publisher", Role::Publisher),
            entry(operator, "operator", Role::Operator),
        ];
        let list = SignedKeyList::sign(&root, &KeyList::new(1, entries)).unwrap();
        Verifier::new(Trust::open(root.public(), &list).unwrap())
    }

    fn head(publisher: &SecretKey) -> BundleHead {
        let (digest, version) = (Digest([7; 32]), "1.0.0".to_owned());
        let bundle = BundleRef { digest, version, envelope_bytes: 9 };
        let mut head = BundleHead {
            bundle,
            ruleset: "hunt".to_owned(),
            published_ms: 1,
            key: publisher.public().to_bytes(),
            signature: Signature::default(),
        };
        head.signature = Signature(publisher.sign(HEAD_DOMAIN, &head.signed_bytes()).bytes);
        head
    }

    #[test]
    fn each_role_signs_its_own_kind_and_no_other() {
        let (publisher, operator) = (SecretKey::from_seed([2; 32]), SecretKey::from_seed([3; 32]));
        let verifier = verifier(&publisher, &operator);
        assert_eq!(verifier.head(&head(&publisher)), Ok(()));
        assert!(matches!(verifier.head(&head(&operator)), Err(Fault::KeyNotAllowed { .. })));
        let stranger = SecretKey::from_seed([4; 32]);
        assert!(matches!(verifier.head(&head(&stranger)), Err(Fault::KeyNotAllowed { .. })));
        let later = BundleHead { published_ms: 2, ..head(&publisher) };
        assert!(matches!(verifier.head(&later), Err(Fault::BadSignature { .. })));
        let weak = BundleHead { key: [0; 32], ..head(&publisher) };
        assert!(matches!(verifier.head(&weak), Err(Fault::KeyNotAllowed { .. })));
    }

    #[test]
    fn a_batch_is_its_origins_alone() {
        let key = |seed| {
            let secret = SecretKey::from_seed([seed; 32]);
            let public = secret.public().to_bytes();
            Identity { secret, public }
        };
        let (own, other) = (key(5), key(6));
        let verifier = verifier(&SecretKey::from_seed([2; 32]), &SecretKey::from_seed([3; 32]));
        let stream = Stream { origin: own.origin(), incarnation: 1 };
        let event = Event {
            topic: "t".to_owned(),
            payload: Bytes::new(),
            key: None,
            idempotency: None,
            time_ms: 0,
        };
        let deps = VersionVector::new();
        let batch = Batch { stream, first_seq: 1, lamport: 1, deps, events: vec![event] };
        let body = batch.encode().unwrap();
        let by = |signer: &Identity| SignedBatch {
            body: body.clone(),
            key: signer.key(),
            signature: signer.batch(&body),
        };
        assert_eq!(verifier.batch(&by(&own)), Ok(batch));
        assert_eq!(verifier.batch(&by(&other)), Err(Fault::WrongOrigin { stream }));
        let stolen = SignedBatch { key: own.key(), ..by(&other) };
        assert!(matches!(verifier.batch(&stolen), Err(Fault::BadSignature { .. })));
    }

    #[test]
    fn a_package_is_refused_at_every_cut() {
        let head = head(&SecretKey::from_seed([2; 32]));
        let package = Package { head, upload: Bytes::from_static(b"upload") };
        let bytes = package.encode();
        assert_eq!(Package::decode(&bytes), Ok(package));
        for length in 0..bytes.len() {
            assert!(Package::decode(&bytes[..length]).is_err(), "{length}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(Package::decode(&longer), Err(Fault::Trailing { .. })));
        longer[0] = 9;
        assert!(matches!(Package::decode(&longer), Err(Fault::UnknownFormat { actual: 9, .. })));
    }
}
