//! Envelopes and fragments: files named by digest, checked whenever they are read whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use cairn_gossip::{BlobRef, HeldBundle};
use cairn_merkle::Digest;

use super::dir::{StateDir, sync_dir};
use super::error::StoreError;

/// Bytes of fragments that are hashed at start. Enough for three bundles of the largest size;
/// what is beyond it is checked when it is loaded.
const CHECKED_BYTES_MAX: u64 = 192 << 20;

/// The folder of a kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bundle,
    Fragment,
}

impl Kind {
    pub(super) fn folder(self) -> &'static str {
        match self {
            Kind::Bundle => "bundles",
            Kind::Fragment => "fragments",
        }
    }
}

/// Checks an envelope: that it is the bundle of this digest, signed by whom this node believes.
/// Says what it consists of.
pub type OpenEnvelope<'a> = &'a dyn Fn(&Digest, &[u8]) -> Result<Vec<BlobRef>, String>;

impl StateDir {
    /// Where a fragment is, if it is there.
    pub fn fragment_path(&self, digest: &Digest) -> PathBuf {
        self.content(Kind::Fragment, digest)
    }

    pub(super) fn content(&self, kind: Kind, digest: &Digest) -> PathBuf {
        self.root().join(kind.folder()).join(digest.to_string())
    }

    /// Place content under its name. The name is durable once its folder was synced.
    pub(super) fn put(&self, kind: Kind, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_whole(&self.content(kind, digest), bytes)
    }

    pub(super) fn sync(&self, kind: Kind) -> Result<(), StoreError> {
        sync_dir(&self.root().join(kind.folder()))
    }

    /// Remove content; what is gone already is fine.
    pub(super) fn remove(&self, kind: Kind, digest: &Digest) -> Result<(), StoreError> {
        remove_if_there(self.content(kind, digest))
    }

    /// Remove the machine code of a fragment that is gone. A cache shared between agents is not
    /// ours to clean.
    pub(super) fn remove_code(&self, digest: &Digest) -> Result<(), StoreError> {
        let Ok(engines) = fs::read_dir(self.root().join("code")) else { return Ok(()) };
        for engine in engines.flatten() {
            remove_if_there(engine.path().join(format!("{digest}.cwasm")))?;
        }
        Ok(())
    }

    /// A whole envelope, `None` when it is not there. Its digest is its reader's to check.
    pub(super) fn envelope(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        read(self.content(Kind::Bundle, digest))
    }

    /// A whole fragment, hashed again. A damaged one is removed, so that the next start fetches it.
    pub(super) fn fragment(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let Some(bytes) = read(self.content(Kind::Fragment, digest))? else { return Ok(None) };
        let actual = Digest::of(&bytes);
        if actual == *digest {
            return Ok(Some(bytes));
        }
        self.remove(Kind::Fragment, digest)?;
        Err(StoreError::BlobDamaged { expected: *digest, actual })
    }

    /// A piece of an envelope or fragment and its whole length; receivers verify what they get.
    pub(super) fn piece(
        &self,
        digest: &Digest,
        offset: u32,
        length: u32,
    ) -> Result<Option<(u32, Bytes)>, StoreError> {
        for kind in [Kind::Bundle, Kind::Fragment] {
            let path = self.content(kind, digest);
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(source) => return Err(StoreError::Io { what: "open", path, source }),
            };
            let meta = file.metadata().map_err(StoreError::io("inspect", &path))?;
            // Nothing that large was ever stored; such a file is not ours.
            let Ok(total) = u32::try_from(meta.len()) else { return Ok(None) };
            let here = length.min(total.saturating_sub(offset));
            let mut bytes = vec![0; here as usize];
            file.read_exact_at(&mut bytes, u64::from(offset))
                .map_err(StoreError::io("read", &path))?;
            return Ok(Some((total, Bytes::from(bytes))));
        }
        Ok(None)
    }

    /// What is there after a start, as far as it can be believed. The rest is removed: the peers
    /// bring it again.
    pub(super) fn recover(
        &self,
        open: OpenEnvelope<'_>,
    ) -> Result<(Vec<HeldBundle>, BTreeMap<Digest, u32>), StoreError> {
        let mut bundles = Vec::new();
        let mut wanted = BTreeMap::new();
        for (digest, path) in self.listed(Kind::Bundle)? {
            let bytes = read(path)?.unwrap_or_default();
            match (open(&digest, &bytes), u32::try_from(bytes.len())) {
                (Ok(blobs), Ok(envelope_bytes)) => {
                    wanted.extend(blobs.iter().map(|blob| (blob.digest, blob.length_bytes)));
                    bundles.push(HeldBundle { digest, envelope_bytes, blobs });
                }
                (opened, _) => {
                    let reason = opened.err().unwrap_or_else(|| "too long".to_owned());
                    tracing::warn!(%digest, reason, "removed an envelope that does not hold");
                    self.remove(Kind::Bundle, &digest)?;
                }
            }
        }
        let mut blobs = BTreeMap::new();
        let mut checked_bytes = 0;
        for (digest, path) in self.listed(Kind::Fragment)? {
            let length = fs::metadata(&path).map_err(StoreError::io("inspect", &path))?.len();
            let Some(&expected) = wanted.get(&digest) else {
                // Left behind by a removal that a crash cut short.
                self.remove(Kind::Fragment, &digest)?;
                continue;
            };
            let mut holds = length == u64::from(expected);
            if holds && checked_bytes + length <= CHECKED_BYTES_MAX {
                checked_bytes += length;
                holds = read(path)?.is_some_and(|bytes| Digest::of(&bytes) == digest);
            }
            if holds {
                blobs.insert(digest, expected);
            } else {
                tracing::warn!(%digest, length, expected, "removed a damaged fragment");
                self.remove(Kind::Fragment, &digest)?;
            }
        }
        Ok((bundles, blobs))
    }

    fn listed(&self, kind: Kind) -> Result<Vec<(Digest, PathBuf)>, StoreError> {
        let folder = self.root().join(kind.folder());
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).map_err(StoreError::io("list", &folder))? {
            let path = entry.map_err(StoreError::io("list", &folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            // A name that is no digest is not ours: left alone, never read.
            if let Some(digest) = name.and_then(|name| Digest::from_str(name).ok()) {
                found.push((digest, path));
            }
        }
        found.sort();
        Ok(found)
    }
}

pub(super) fn remove_if_there(path: PathBuf) -> Result<(), StoreError> {
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::Io { what: "remove", path, source: error })
        }
        _ => Ok(()),
    }
}

fn read(path: PathBuf) -> Result<Option<Bytes>, StoreError> {
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::Io { what: "open", path, source }),
    };
    let mut bytes = Vec::new();
    // Nothing we store is longer; a longer file fails its digest instead of filling memory.
    file.take(u64::from(cairn_gossip::head::ENVELOPE_BYTES_MAX) + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", &path))?;
    Ok(Some(Bytes::from(bytes)))
}
