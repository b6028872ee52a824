//! The state directory: layout, modes, the lock, and files that appear whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::StoreError;

/// Mode of the state directory and of every directory in it.
const DIR_MODE: u32 = 0o700;
/// Mode of every file in it.
const FILE_MODE: u32 = 0o600;

/// An opened and locked state directory.
///
/// ```text
/// STATE/lock                        held for as long as the agent runs; holds its process id
/// STATE/origin.key                  ed25519 key of the events accepted here
/// STATE/cairn.redb                  journal, cursors, directives
/// STATE/bundles/<digest>            signed envelopes
/// STATE/fragments/<digest>          fragments, by the digest of their bytes
/// STATE/images/<digest>.img         what readers map
/// STATE/code/<engine>/<digest>.cwasm machine code, a cache
/// STATE/live/<channel>.live, .gen   what is live, for readers
/// STATE/tmp/                        files that are being written; emptied at start
/// ```
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
    /// Keeps the lock; closing the file releases it, also when the process is killed.
    _lock: File,
    temp: AtomicU64,
}

impl StateDir {
    /// Create what is missing, check modes, take the lock, drop what a crash left half-written.
    pub fn open(root: &Path) -> Result<StateDir, StoreError> {
        create_dir(root)?;
        check_mode(root, DIR_MODE)?;
        let lock = take_lock(root)?;
        for name in ["bundles", "fragments", "images", "live", "tmp"] {
            let dir = root.join(name);
            create_dir(&dir)?;
            check_mode(&dir, DIR_MODE)?;
        }
        for name in ["origin.key", "cairn.redb"] {
            let file = root.join(name);
            if file.exists() {
                check_mode(&file, FILE_MODE)?;
            }
        }
        let dir = StateDir { root: root.to_owned(), _lock: lock, temp: AtomicU64::new(0) };
        dir.drop_torn()?;
        sync_dir(root)?;
        Ok(dir)
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Write a file so that it is there whole or not at all, without making its *name* durable:
    /// call `sync_dir` on its directory before relying on it. Replaces what is there.
    pub fn write_whole(&self, target: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let number = self.temp.fetch_add(1, Ordering::Relaxed);
        let temp = self.root.join("tmp").join(format!("{number}"));
        write_new(&temp, bytes)?;
        fs::rename(&temp, target).map_err(StoreError::io("rename into", target))
    }

    /// [`StateDir::write_whole`], and the name is durable too.
    pub fn write_durable(&self, target: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_whole(target, bytes)?;
        match target.parent() {
            Some(parent) => sync_dir(parent),
            None => Ok(()),
        }
    }

    /// Remove what was being written when the process ended.
    fn drop_torn(&self) -> Result<(), StoreError> {
        let tmp = self.root.join("tmp");
        for entry in fs::read_dir(&tmp).map_err(StoreError::io("list", &tmp))? {
            let path = entry.map_err(StoreError::io("list", &tmp))?.path();
            tracing::info!(path = %path.display(), "dropped a file that was never finished");
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }
}

/// Create a private directory, parents included, if it is not there.
pub(crate) fn create_dir(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIR_MODE)
        .create(path)
        .map_err(StoreError::io("create", path))
}

/// Make the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(StoreError::io("sync", path))
}

/// Create or replace a private file and make its bytes durable.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(StoreError::io("create", path))?;
    file.write_all(bytes).map_err(StoreError::io("write", path))?;
    file.sync_all().map_err(StoreError::io("sync", path))
}

fn check_mode(path: &Path, expected: u32) -> Result<(), StoreError> {
    let meta = fs::metadata(path).map_err(StoreError::io("inspect", path))?;
    let actual = meta.permissions().mode() & 0o7777;
    // Stricter is fine (0500 on a read-only mount fails later, with its own error); only bits
    // for group and others are refused.
    if actual & 0o077 != 0 {
        return Err(StoreError::Mode { path: path.to_owned(), actual, expected });
    }
    Ok(())
}

fn take_lock(root: &Path) -> Result<File, StoreError> {
    let path = root.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The file is ours to read at most a pid from; anything else is shown as unknown.
            let _ = (&mut file).take(32).read_to_string(&mut holder);
            let pid = match holder.trim().parse::<u32>() {
                Ok(pid) => pid.to_string(),
                Err(_) => "unknown".to_owned(),
            };
            return Err(StoreError::Locked { dir: root.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => {
            return Err(StoreError::Io { what: "lock", path, source });
        }
    }
    let pid = std::process::id().to_string();
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(pid.as_bytes()))
        .map_err(StoreError::io("write", &path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_open_names_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let held = StateDir::open(&state).unwrap();
        let error = StateDir::open(&state).unwrap_err();
        let pid = std::process::id().to_string();
        assert!(matches!(&error, StoreError::Locked { pid: p, .. } if *p == pid), "{error}");
        assert!(error.hint().unwrap().contains(&pid));
        drop(held);
        StateDir::open(&state).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        drop(StateDir::open(&state).unwrap());
        fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
        let error = StateDir::open(&state).unwrap_err();
        assert!(matches!(error, StoreError::Mode { actual: 0o755, .. }), "{error}");
        assert!(error.hint().unwrap().starts_with("chmod 0700"));
    }

    #[test]
    fn half_written_files_are_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        drop(StateDir::open(&state).unwrap());
        fs::write(state.join("tmp/7"), b"half").unwrap();
        drop(StateDir::open(&state).unwrap());
        assert_eq!(fs::read_dir(state.join("tmp")).unwrap().count(), 0);
    }
}
