//! Whom a node believes: a pinned root key, and the list of keys that it signed.

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::key::{KeyId, PublicKey, SecretKey, Signature};
use crate::limits::{KEYS_MAX, SIGNATURES_MAX};

/// The key list format that this build writes, and the only one it reads.
pub const KEY_LIST_FORMAT: u8 = 1;

const KEY_LIST_DOMAIN: &str = "cairn 2026 key list v1";
const ROLES_MAX: usize = 8;
/// A list of [`KEYS_MAX`] keys with names of full length fits with room to spare.
const KEY_LIST_BYTES_MAX: usize = 32 << 10;

/// What a key may do. Append only: the position is the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Signs bundles.
    Publisher,
    /// Signs directives and rollout plans.
    Operator,
    /// Advances or aborts plans that an operator signed; fires timers.
    Controller,
}

/// One key of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// The key.
    pub key: PublicKey,
    /// Whose it is, for people.
    #[serde(deserialize_with = "bounded::name")]
    pub name: String,
    /// What it may do.
    #[serde(deserialize_with = "bounded::list::<ROLES_MAX, _, _>")]
    pub roles: Vec<Role>,
}

/// How many different keys must sign, for each role. One suffices by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// Under a bundle.
    pub publisher: u8,
    /// Under what an operator signs.
    pub operator: u8,
    /// Under what the controller signs.
    pub controller: u8,
}

impl Default for Threshold {
    fn default() -> Self {
        Threshold { publisher: 1, operator: 1, controller: 1 }
    }
}

impl Threshold {
    fn of(self, role: Role) -> usize {
        usize::from(match role {
            Role::Publisher => self.publisher,
            Role::Operator => self.operator,
            Role::Controller => self.controller,
        })
    }
}

/// The keys of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    /// Grows with every list that the root signs, so that an older list can be refused.
    pub serial: u64,
    /// The keys, each once.
    #[serde(deserialize_with = "bounded::list::<KEYS_MAX, _, _>")]
    pub entries: Vec<KeyEntry>,
    /// How many must sign.
    pub threshold: Threshold,
}

/// Why something signed is not believed. It was not acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// A key that the root did not list.
    #[error("key {key} is not in the key list")]
    UnknownKey {
        /// The key.
        key: KeyId,
    },
    /// A listed key that may not do this.
    #[error("key {key} does not have the role {role:?}")]
    WrongRole {
        /// The key.
        key: KeyId,
        /// The role that was needed.
        role: Role,
    },
    /// The signature does not match the bytes, the domain or the key.
    #[error("the signature of key {key} does not match")]
    BadSignature {
        /// The key.
        key: KeyId,
    },
    /// Signatures must be in ascending order of their keys, each key once.
    #[error("the signature of key {key} is repeated or out of order")]
    Order {
        /// The key.
        key: KeyId,
    },
    /// Fewer keys signed than the role demands.
    #[error("{have} of {need} signatures for the role {role:?}")]
    TooFew {
        /// The role.
        role: Role,
        /// How many were there.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// More signatures than anything may carry.
    #[error("{actual} signatures, limit {max}")]
    TooMany {
        /// How many.
        actual: usize,
        /// The limit.
        max: usize,
    },
    /// The file with the key list does not decode.
    #[error("the key list does not decode: {reason}")]
    MalformedList {
        /// What is wrong.
        reason: String,
    },
}

impl TrustError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "have the root key sign a key list that names this key",
            Self::WrongRole { .. } => "sign with a key that has the role, or extend the key list",
            Self::BadSignature { .. } => "it was altered after signing, or signed for another use",
            Self::Order { .. } => "write each key's signature once, sorted by key",
            Self::TooFew { .. } => {
                "collect more signatures, or lower the threshold in the key list"
            }
            Self::TooMany { .. } => "keep only the signatures that the threshold needs",
            Self::MalformedList { .. } => "export the key list again with the root key",
        }
    }
}

impl KeyList {
    /// A list with one key per entry and a threshold of one for every role.
    #[must_use]
    pub fn new(serial: u64, entries: Vec<KeyEntry>) -> KeyList {
        KeyList { serial, entries, threshold: Threshold::default() }
    }

    fn check(&self) -> Result<(), TrustError> {
        let malformed = |reason: &str| TrustError::MalformedList { reason: reason.to_owned() };
        let mut ids: Vec<_> = self.entries.iter().map(|entry| entry.key.id()).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(malformed("a key is listed twice"));
        }
        for role in [Role::Publisher, Role::Operator, Role::Controller] {
            if !(1..=SIGNATURES_MAX).contains(&self.threshold.of(role)) {
                return Err(malformed("a threshold is zero or above the most signatures allowed"));
            }
        }
        Ok(())
    }
}

/// A key list with the root's signature, as it lies in a trust directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedKeyList {
    /// Postcard of a [`KeyList`], as it was signed.
    list: Vec<u8>,
    /// The root's.
    signature: Signature,
}

impl SignedKeyList {
    /// Signs `list` with the root key.
    ///
    /// # Errors
    /// `MalformedList` when the list breaks its own rules.
    pub fn sign(root: &SecretKey, list: &KeyList) -> Result<SignedKeyList, TrustError> {
        list.check()?;
        let list = postcard::to_stdvec(list)
            .map_err(|error| TrustError::MalformedList { reason: error.to_string() })?;
        let signature = root.sign(KEY_LIST_DOMAIN, &list);
        Ok(SignedKeyList { list, signature })
    }

    /// A version byte, then postcard.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![KEY_LIST_FORMAT];
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes
    }

    /// Reads what [`SignedKeyList::encode`] wrote; believes nothing yet.
    ///
    /// # Errors
    /// `MalformedList`.
    pub fn decode(bytes: &[u8]) -> Result<SignedKeyList, TrustError> {
        let malformed = |reason: String| TrustError::MalformedList { reason };
        if bytes.len() > KEY_LIST_BYTES_MAX {
            return Err(malformed(format!("{} bytes, limit {KEY_LIST_BYTES_MAX}", bytes.len())));
        }
        let body = match bytes.split_first() {
            Some((&KEY_LIST_FORMAT, body)) => body,
            Some((other, _)) => {
                return Err(malformed(format!(
                    "format {other}, this build reads {KEY_LIST_FORMAT}"
                )));
            }
            None => return Err(malformed("it is empty".to_owned())),
        };
        let signed: SignedKeyList = take_all(body).map_err(malformed)?;
        if signed.encode() != bytes {
            return Err(malformed("not in canonical form".to_owned()));
        }
        Ok(signed)
    }

    /// Checks the root's signature, then reads the list.
    ///
    /// # Errors
    /// `UnknownKey` when another key signed, `BadSignature`, `MalformedList`.
    pub fn open(&self, root: &PublicKey) -> Result<KeyList, TrustError> {
        if self.signature.key != root.id() {
            return Err(TrustError::UnknownKey { key: self.signature.key });
        }
        if !root.verify(KEY_LIST_DOMAIN, &self.list, &self.signature.bytes) {
            return Err(TrustError::BadSignature { key: self.signature.key });
        }
        let list: KeyList =
            take_all(&self.list).map_err(|reason| TrustError::MalformedList { reason })?;
        list.check()?;
        Ok(list)
    }
}

fn take_all<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes after its end", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

/// What a node believes: the root key it was started with, and the list that key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The pinned key.
    pub root: PublicKey,
    /// The keys it listed.
    pub list: KeyList,
}

impl Trust {
    /// Opens `list` with the pinned `root`.
    ///
    /// # Errors
    /// As [`SignedKeyList::open`].
    pub fn open(root: PublicKey, list: &SignedKeyList) -> Result<Trust, TrustError> {
        Ok(Trust { root, list: list.open(&root)? })
    }

    /// Checks that enough keys with `role` signed `bytes` in `domain`. Strict: every signature
    /// must be listed, in the role, valid, and in ascending order of keys, so that no byte of
    /// something accepted can be changed.
    ///
    /// # Errors
    /// The first reason found.
    pub fn verify(
        &self,
        role: Role,
        domain: &'static str,
        bytes: &[u8],
        signatures: &[Signature],
    ) -> Result<(), TrustError> {
        if signatures.len() > SIGNATURES_MAX {
            return Err(TrustError::TooMany { actual: signatures.len(), max: SIGNATURES_MAX });
        }
        let need = self.list.threshold.of(role).max(1);
        if signatures.len() < need {
            return Err(TrustError::TooFew { role, have: signatures.len(), need });
        }
        let mut previous: Option<KeyId> = None;
        for signature in signatures {
            let key = signature.key;
            if previous.is_some_and(|previous| previous >= key) {
                return Err(TrustError::Order { key });
            }
            previous = Some(key);
            let entry = self.entry(key).ok_or(TrustError::UnknownKey { key })?;
            if !entry.roles.contains(&role) {
                return Err(TrustError::WrongRole { key, role });
            }
            if !entry.key.verify(domain, bytes, &signature.bytes) {
                return Err(TrustError::BadSignature { key });
            }
        }
        Ok(())
    }

    /// The listed key called `key`.
    #[must_use]
    pub fn entry(&self, key: KeyId) -> Option<&KeyEntry> {
        self.list.entries.iter().find(|entry| entry.key.id() == key)
    }
}
