//! A bundle from a program: code and data segments, sorted, hashed, named by a manifest.

use std::collections::BTreeMap;

use cairn_merkle::Digest;

use crate::bundle_error::BundleError;
use crate::inclusion;
use crate::ir::Program;
use crate::limits::CODE_BYTES_MAX;
use crate::manifest::{FragmentEntry, FragmentKind, MANIFEST_FORMAT, Manifest, Provenance};
use crate::meta::{self, Segment, Segments};
use crate::whitelist::WhitelistError;

/// A program that cannot become a bundle. Nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// One fragment is too large: split its source file.
    #[error(
        "fragment `{name}` compiles to {actual_bytes} bytes for {rules} rules, limit {CODE_BYTES_MAX}; move some of its rules to another file"
    )]
    FragmentTooLarge {
        /// The fragment.
        name: String,
        /// How many rules it has.
        rules: usize,
        /// What they compile to.
        actual_bytes: usize,
    },
    /// One fragment would be refused by every loader.
    #[error(
        "fragment `{name}` is over a limit of the loader; move some of its rules to another file"
    )]
    Refused {
        /// The fragment.
        name: String,
        /// The limit.
        source: WhitelistError,
    },
    /// The manifest would be refused: a name, the version, a count.
    #[error("the bundle is over a limit")]
    Bundle(#[from] BundleError),
}

/// A manifest with everything that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// What the bundle holds.
    pub manifest: Manifest,
    /// Fragments by digest.
    pub blobs: BTreeMap<Digest, Vec<u8>>,
}

/// Builds a bundle. Equal programs, versions and provenance make equal bytes.
///
/// # Errors
/// See [`BuildError`].
pub fn bundle(
    program: &Program,
    version: &str,
    provenance: Provenance,
) -> Result<Built, BuildError> {
    let mut parts = Vec::with_capacity(program.fragments.len() + 4);
    for def in &program.fragments {
        let wasm = super::fragment(program, def)?;
        parts.push((def.name.clone(), FragmentKind::Code, wasm));
    }
    let segments = Segments::of(program);
    let context_hash = meta::context_hash(&segments.schema, &segments.timers);
    // Code fragments have a slash in their names, so these are free.
    parts.extend([
        ("schema".to_owned(), FragmentKind::Schema, segments.schema.encode()),
        ("params".to_owned(), FragmentKind::Params, segments.params.encode()),
        ("loot".to_owned(), FragmentKind::Loot, segments.loot.encode()),
        ("timers".to_owned(), FragmentKind::Timers, segments.timers.encode()),
    ]);
    parts.sort_by(|a, b| a.0.cmp(&b.0));

    let mut blobs = BTreeMap::new();
    let mut fragments = Vec::with_capacity(parts.len());
    for (name, kind, bytes) in parts {
        let digest = Digest::of(&bytes);
        let length_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        fragments.push(FragmentEntry { name, kind, digest, length_bytes });
        blobs.insert(digest, bytes);
    }
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        ruleset: program.ruleset.clone(),
        version: version.to_owned(),
        language: program.dialect,
        context: program.context.clone(),
        context_hash,
        root: inclusion::root(&fragments),
        fragments,
        strings: Vec::new(),
        provenance,
    };
    manifest.check()?;
    Ok(Built { manifest, blobs })
}
