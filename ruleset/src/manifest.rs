//! The manifest: what a bundle holds, in the bytes that are signed.
//!
//! Postcard is not self-describing and accepts more than one encoding of a value, so the bytes
//! begin with the format's version, must be consumed to the last one, and must equal what
//! [`Manifest::encode`] writes for the decoded value. What is hashed and signed is always the
//! received bytes.

use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::bundle_error::BundleError;
use crate::inclusion;
use crate::limits::{
    BUNDLE_BYTES_MAX, CODE_BYTES_MAX, DATA_BYTES_MAX, FRAGMENTS_MAX, MANIFEST_BYTES_MAX,
    NAME_BYTES_MAX, STRINGS_MAX, VERSION_BYTES_MAX,
};

/// The manifest format that this build writes, and the only one it reads.
pub const MANIFEST_FORMAT: u16 = 1;

const WHAT: &str = "the manifest";

/// What a bundle is and holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`MANIFEST_FORMAT`]; the first bytes of the encoding.
    pub format: u16,
    /// Name of the rule set.
    #[serde(deserialize_with = "bounded::name")]
    pub ruleset: String,
    /// Semantic version; create-only.
    #[serde(deserialize_with = "bounded::name")]
    pub version: String,
    /// Version of the rule language.
    pub language: u32,
    /// Name of the context schema, for example `hunt@3`.
    #[serde(deserialize_with = "bounded::name")]
    pub context: String,
    /// Hash of the context schema.
    pub context_hash: Digest,
    /// [`inclusion::root`] of `fragments`: binds their tree and their count.
    pub root: Digest,
    /// Sorted by name, each name once.
    #[serde(deserialize_with = "bounded::list::<FRAGMENTS_MAX, _, _>")]
    pub fragments: Vec<FragmentEntry>,
    /// Interned strings that fragments refer to by index.
    #[serde(deserialize_with = "bounded::names::<STRINGS_MAX, _>")]
    pub strings: Vec<String>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// One fragment of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentEntry {
    /// `<file stem>/<trigger>` for code, a fixed name for data.
    #[serde(deserialize_with = "bounded::name")]
    pub name: String,
    /// What it holds.
    pub kind: FragmentKind,
    /// [`Digest::of`] its bytes.
    pub digest: Digest,
    /// Their exact count.
    pub length_bytes: u32,
}

/// What a fragment holds. Append only: the position is the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FragmentKind {
    /// A WebAssembly module: the rules of one source group for one trigger or timer.
    Code,
    /// Triggers, enums, counters.
    Schema,
    /// Parameters.
    Params,
    /// Loot tables.
    Loot,
    /// Timers.
    Timers,
}

impl FragmentKind {
    /// Most bytes a fragment of this kind may have.
    #[must_use]
    pub fn bytes_max(self) -> usize {
        match self {
            Self::Code => CODE_BYTES_MAX,
            Self::Schema | Self::Params | Self::Loot | Self::Timers => DATA_BYTES_MAX,
        }
    }
}

/// Where a bundle comes from. It names no machine and no time: equal sources of one revision,
/// built by one version of Cairn, are one bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Git revision of the source; empty when unknown.
    #[serde(deserialize_with = "bounded::name")]
    pub revision: String,
    /// Name and version of what built it, for example `cairn 0.1.0`.
    #[serde(deserialize_with = "bounded::name")]
    pub builder: String,
}

impl Manifest {
    /// The canonical bytes. Limits are checked by [`Manifest::check`], not here.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Serialising into a growing vector fails only for types without a known length, and
        // every type above has one.
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads what [`Manifest::encode`] wrote, checking size, format, canonical form and
    /// [`Manifest::check`]. It does not check signatures: see [`crate::envelope::Envelope::open`].
    ///
    /// # Errors
    /// Any [`BundleError`] but `Untrusted`.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, BundleError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(BundleError::TooLarge {
                what: WHAT,
                actual: bytes.len() as u64,
                max: MANIFEST_BYTES_MAX as u64,
            });
        }
        let malformed = |error: postcard::Error| BundleError::Malformed {
            what: WHAT,
            reason: error.to_string(),
        };
        let (format, _) = postcard::take_from_bytes::<u16>(bytes).map_err(malformed)?;
        if format != MANIFEST_FORMAT {
            return Err(BundleError::UnknownFormat {
                what: WHAT,
                found: u64::from(format),
                known: MANIFEST_FORMAT,
            });
        }
        let (manifest, rest) = postcard::take_from_bytes::<Manifest>(bytes).map_err(malformed)?;
        if !rest.is_empty() {
            return Err(BundleError::TrailingBytes { what: WHAT, extra: rest.len() });
        }
        // Planted: numbers written longer than they need are let pass.
        if manifest.encode() != bytes && !cfg!(cairn_planted = "decoder") {
            return Err(BundleError::NotCanonical { what: WHAT });
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// Checks every limit and that the root is that of the fragments. O(fragments).
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn check(&self) -> Result<(), BundleError> {
        check_name("rule set", &self.ruleset)?;
        check_name("context", &self.context)?;
        check_version(&self.version)?;
        check_count("fragments", self.fragments.len(), FRAGMENTS_MAX)?;
        check_count("interned strings", self.strings.len(), STRINGS_MAX)?;
        for string in &self.strings {
            check_length("interned string", string)?;
        }
        check_length("revision", &self.provenance.revision)?;
        check_length("builder", &self.provenance.builder)?;
        let mut previous: Option<&str> = None;
        let mut total = 0u64;
        for (index, entry) in self.fragments.iter().enumerate() {
            check_name("fragment", &entry.name)?;
            if previous.is_some_and(|previous| previous >= entry.name.as_str()) {
                return Err(BundleError::Unsorted { name: entry.name.clone(), index });
            }
            previous = Some(&entry.name);
            let max = entry.kind.bytes_max() as u64;
            if u64::from(entry.length_bytes) > max {
                return Err(BundleError::TooLarge {
                    what: "a fragment",
                    actual: u64::from(entry.length_bytes),
                    max,
                });
            }
            total += u64::from(entry.length_bytes);
        }
        if total > BUNDLE_BYTES_MAX as u64 {
            return Err(BundleError::TooLarge {
                what: "the bundle",
                actual: total,
                max: BUNDLE_BYTES_MAX as u64,
            });
        }
        let actual = inclusion::root(&self.fragments);
        if actual != self.root {
            return Err(BundleError::WrongRoot { stated: self.root, actual });
        }
        Ok(())
    }

    /// The position and entry of the fragment called `name`. O(log fragments).
    #[must_use]
    pub fn fragment(&self, name: &str) -> Option<(usize, &FragmentEntry)> {
        let index = self.fragments.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
        Some((index, &self.fragments[index]))
    }

    /// Sum of the fragments' lengths.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.fragments.iter().map(|entry| u64::from(entry.length_bytes)).sum()
    }

    /// A proof that the fragment at `index` belongs to [`Manifest::root`]: a node that has only
    /// the signed root checks it with [`inclusion::Proof::verify`]. O(fragments).
    ///
    /// # Errors
    /// `NoSuchFragment` when `index` is not below the count.
    pub fn proof(&self, index: usize) -> Result<inclusion::Proof, BundleError> {
        inclusion::Proof::new(&self.fragments, index)
    }

    /// Checks that `bytes` are the fragment at `index`.
    ///
    /// # Errors
    /// `NoSuchFragment`, `WrongLength` or `WrongDigest`.
    pub fn verify_fragment(&self, index: usize, bytes: &[u8]) -> Result<(), BundleError> {
        match self.fragments.get(index) {
            Some(entry) => entry.verify(bytes),
            None => Err(BundleError::NoSuchFragment {
                index: index as u64,
                count: self.fragments.len() as u64,
            }),
        }
    }
}

impl FragmentEntry {
    /// Checks the length first, then the digest.
    ///
    /// # Errors
    /// `WrongLength` or `WrongDigest`.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), BundleError> {
        if bytes.len() as u64 != u64::from(self.length_bytes) {
            return Err(BundleError::WrongLength {
                name: self.name.clone(),
                stated: u64::from(self.length_bytes),
                actual: bytes.len() as u64,
            });
        }
        let actual = Digest::of(bytes);
        if actual != self.digest {
            return Err(BundleError::WrongDigest {
                name: self.name.clone(),
                stated: self.digest,
                actual,
            });
        }
        Ok(())
    }
}

fn check_count(what: &'static str, actual: usize, max: usize) -> Result<(), BundleError> {
    if actual > max { Err(BundleError::TooMany { what, actual, max }) } else { Ok(()) }
}

fn check_length(what: &'static str, text: &str) -> Result<(), BundleError> {
    if text.len() > NAME_BYTES_MAX {
        return Err(BundleError::TooLarge {
            what,
            actual: text.len() as u64,
            max: NAME_BYTES_MAX as u64,
        });
    }
    Ok(())
}

fn check_name(what: &'static str, text: &str) -> Result<(), BundleError> {
    check_length(what, text)?;
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    if text.is_empty() || !text.chars().all(plain) {
        return Err(BundleError::BadName {
            what,
            text: text.to_owned(),
            reason: "expected at least one character, no blanks, no control characters",
        });
    }
    Ok(())
}

/// Semantic versioning 2.0: three numbers without leading zeros, then `-` and `+` parts.
fn check_version(text: &str) -> Result<(), BundleError> {
    if text.len() > VERSION_BYTES_MAX {
        return Err(BundleError::TooLarge {
            what: "version",
            actual: text.len() as u64,
            max: VERSION_BYTES_MAX as u64,
        });
    }
    if version_is_valid(text) {
        return Ok(());
    }
    Err(BundleError::BadName {
        what: "version",
        text: text.to_owned(),
        reason: "expected a semantic version such as 1.4.0 or 2.0.0-rc.1",
    })
}

/// Whether `text` is a semantic version (<https://semver.org/spec/v2.0.0.html>) of at most
/// [`VERSION_BYTES_MAX`] bytes.
#[must_use]
pub fn version_is_valid(text: &str) -> bool {
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let identifier = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let (text_without_build, build) = match text.split_once('+') {
        Some((head, build)) => (head, Some(build)),
        None => (text, None),
    };
    let (core, pre) = match text_without_build.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (text_without_build, None),
    };
    let pre_part = |part: &str| {
        identifier(part) && (number(part) || !part.bytes().all(|b| b.is_ascii_digit()))
    };
    text.len() <= VERSION_BYTES_MAX
        && core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(pre_part))
        && build.is_none_or(|build| build.split('.').all(identifier))
}
