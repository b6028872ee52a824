//! ed25519 keys: who signs, and how a signature is bound to what it is for.
//!
//! What is signed is never the bytes alone but [`Digest::derive`] of a domain and the bytes, so a
//! signature under a directive is worthless under a manifest. Verification is `verify_strict`
//! (no malleable signatures, no keys of small order).

use std::fmt;

use cairn_merkle::Digest;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, Zeroizing};

/// First line of a file with a secret key.
pub const SECRET_KEY_HEADER: &str = "cairn secret key v1";
/// First line of a file with a public key.
pub const PUBLIC_KEY_HEADER: &str = "cairn public key v1";

const KEY_ID_DOMAIN: &str = "cairn 2026 key id v1";

/// Names a public key: the first 16 bytes of its derived hash. Text is 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId(pub [u8; 16]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Text or bytes that are no key. Nothing was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The first line is not the expected header.
    #[error("the key file does not begin with {expected:?}")]
    Header {
        /// The line that this kind of file begins with.
        expected: &'static str,
    },
    /// The key is not 64 lower-case hex digits on one line.
    #[error("the line after {header:?} is not 64 lower-case hex digits and the end of the file")]
    Hex {
        /// The file's header.
        header: &'static str,
    },
    /// The 32 bytes are not a point that may be a public key.
    #[error("these 32 bytes are not a usable ed25519 public key")]
    Point,
}

/// A signature with the name of the key that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Whose.
    pub key: KeyId,
    /// The ed25519 signature.
    #[serde(with = "halves")]
    pub bytes: [u8; 64],
}

/// serde knows arrays up to 32: 64 bytes are two of them, without a length.
mod halves {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 64], s: S) -> Result<S::Ok, S::Error> {
        let (mut head, mut tail) = ([0u8; 32], [0u8; 32]);
        head.copy_from_slice(&bytes[..32]);
        tail.copy_from_slice(&bytes[32..]);
        (head, tail).serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 64], D::Error> {
        let (head, tail) = <([u8; 32], [u8; 32])>::deserialize(d)?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&head);
        bytes[32..].copy_from_slice(&tail);
        Ok(bytes)
    }
}

/// A public key that was checked to be a usable point. 32 bytes in every format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads the 32 bytes of a key.
    ///
    /// # Errors
    /// `Point` when they are no curve point, or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<PublicKey, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Point)?;
        if key.is_weak() { Err(KeyError::Point) } else { Ok(PublicKey(key)) }
    }

    /// The 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let digest = Digest::derive(KEY_ID_DOMAIN, &[self.0.as_bytes()]);
        let mut id = [0; 16];
        id.copy_from_slice(&digest.0[..16]);
        KeyId(id)
    }

    /// Whether `signature` is this key's, over `bytes` in `domain`. About 40 µs.
    #[must_use]
    pub fn verify(&self, domain: &'static str, bytes: &[u8], signature: &[u8; 64]) -> bool {
        let message = Digest::derive(domain, &[bytes]);
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(&message.0, &signature).is_ok()
    }

    /// Text for a file: a header line and a line of hex.
    #[must_use]
    pub fn to_file(&self) -> String {
        format!("{PUBLIC_KEY_HEADER}\n{}\n", Digest(self.to_bytes()))
    }

    /// Reads what [`PublicKey::to_file`] wrote.
    ///
    /// # Errors
    /// Any [`KeyError`].
    pub fn from_file(text: &str) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(&*read_file(PUBLIC_KEY_HEADER, text)?)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <[u8; 32]>::deserialize(deserializer)?;
        PublicKey::from_bytes(&bytes).map_err(de::Error::custom)
    }
}

/// A secret key. Its memory is overwritten when it is dropped; it has no `Debug` that shows it,
/// no `Clone` and no serde.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key of a seed of 32 random bytes, which the caller takes from the operating system.
    /// The argument is overwritten.
    #[must_use]
    pub fn from_seed(mut seed: [u8; 32]) -> SecretKey {
        let key = SecretKey(SigningKey::from_bytes(&seed));
        seed.zeroize();
        key
    }

    /// The other half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `bytes` in `domain`. Deterministic; about 20 µs.
    #[must_use]
    pub fn sign(&self, domain: &'static str, bytes: &[u8]) -> Signature {
        let message = Digest::derive(domain, &[bytes]);
        Signature { key: self.public().id(), bytes: self.0.sign(&message.0).to_bytes() }
    }

    /// Text for a file: a header line and a line of hex. Whoever writes it sets mode 0600.
    #[must_use]
    pub fn to_file(&self) -> Zeroizing<String> {
        // Written into its final size: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(SECRET_KEY_HEADER.len() + 66));
        text.push_str(SECRET_KEY_HEADER);
        text.push('\n');
        for byte in self.0.as_bytes() {
            for nibble in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(nibble), 16));
            }
        }
        text.push('\n');
        text
    }

    /// Reads what [`SecretKey::to_file`] wrote. Keep `text` in a [`Zeroizing`] too.
    ///
    /// # Errors
    /// `Header` or `Hex`; no error carries a part of the key.
    pub fn from_file(text: &str) -> Result<SecretKey, KeyError> {
        let seed = read_file(SECRET_KEY_HEADER, text)?;
        Ok(SecretKey(SigningKey::from_bytes(&seed)))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public().id())
    }
}

fn read_file(header: &'static str, text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let rest = text
        .strip_prefix(header)
        .and_then(|rest| rest.strip_prefix('\n').or_else(|| rest.strip_prefix("\r\n")));
    let Some(rest) = rest else { return Err(KeyError::Header { expected: header }) };
    let digits = rest.trim_ascii_end().as_bytes();
    if digits.len() != 64 {
        return Err(KeyError::Hex { header });
    }
    let mut bytes = Zeroizing::new([0u8; 32]);
    for (at, digit) in digits.iter().enumerate() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(KeyError::Hex { header }),
        };
        bytes[at / 2] = bytes[at / 2] << 4 | value;
    }
    Ok(bytes)
}
