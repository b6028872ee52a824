//! The trust directory: whom a node believes, and, for operators, the keys they sign with.
//!
//! | file | who needs it |
//! |---|---|
//! | `root.pub` | everybody: the pinned root key |
//! | `keys.list` | everybody: the keys that the root listed, signed |
//! | `root.key` | nobody in daily work: it lists keys; keep it offline |
//! | `publisher.key` | who publishes bundles |
//! | `operator.key` | who rolls out and rolls back |
//! | `controller.key` | agents that may lead |

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cairn_ruleset::key::{PublicKey, SecretKey};
use cairn_ruleset::trust::{KeyEntry, KeyList, Role, SignedKeyList, Trust};
use zeroize::Zeroizing;

/// Largest file that is read from a trust directory.
const FILE_BYTES_MAX: u64 = 64 << 10;

const ROOT_PUB: &str = "root.pub";
const ROOT_KEY: &str = "root.key";
const KEYS_LIST: &str = "keys.list";

/// Why a trust directory cannot be used. Nothing was changed, but files that were written before
/// the failing one stay.
#[derive(Debug, thiserror::Error)]
pub enum TrustDirError {
    /// A file is missing, unreadable or cannot be written.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong, without a byte of a key.
        reason: String,
    },
    /// A secret key that others on this machine can read.
    #[error("{} has mode {mode:04o}: others can read this secret key", path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The directory for new keys has something in it.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// Which.
        path: PathBuf,
    },
}

impl TrustDirError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            TrustDirError::File { .. } => {
                "point --keys (CAIRN_KEYS) or --trust (CAIRN_TRUST) at a directory made by \
                 `cairn keys new DIR`"
                    .to_owned()
            }
            TrustDirError::Content { .. } => "restore the file from where it was made".to_owned(),
            TrustDirError::Exposed { path, .. } => {
                format!("chmod 600 {} and consider the key leaked", path.display())
            }
            TrustDirError::NotEmpty { .. } => {
                "choose a new directory: keys are never overwritten".to_owned()
            }
        }
    }
}

/// A secret key by what it may do.
pub fn key_file(role: Role) -> &'static str {
    match role {
        Role::Publisher => "publisher.key",
        Role::Operator => "operator.key",
        Role::Controller => "controller.key",
    }
}

/// Makes a root key, one key per role and the signed list, in a directory of mode 0700 that is
/// empty or does not exist.
///
/// # Errors
/// `NotEmpty`, or the file that could not be written.
pub fn create(dir: &Path) -> Result<Trust, TrustDirError> {
    let failed = |error: std::io::Error| TrustDirError::File {
        path: dir.to_owned(),
        reason: error.to_string(),
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    if fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(TrustDirError::NotEmpty { path: dir.to_owned() });
    }
    let root = SecretKey::from_seed(rand::random());
    let mut entries = Vec::new();
    for role in [Role::Publisher, Role::Operator, Role::Controller] {
        let key = SecretKey::from_seed(rand::random());
        let name = key_file(role).trim_end_matches(".key").to_owned();
        write(&dir.join(key_file(role)), key.to_file().as_bytes())?;
        entries.push(KeyEntry { key: key.public(), name, roles: vec![role] });
    }
    let wrong = |error: &dyn std::fmt::Display| TrustDirError::Content {
        path: dir.join(KEYS_LIST),
        reason: error.to_string(),
    };
    let list = SignedKeyList::sign(&root, &KeyList::new(1, entries)).map_err(|e| wrong(&e))?;
    write(&dir.join(ROOT_KEY), root.to_file().as_bytes())?;
    write(&dir.join(ROOT_PUB), root.public().to_file().as_bytes())?;
    write(&dir.join(KEYS_LIST), &list.encode())?;
    Trust::open(root.public(), &list).map_err(|e| wrong(&e))
}

/// Reads the pinned root key and the list it signed.
///
/// # Errors
/// `File` or `Content`; a list that another root signed is `Content`.
pub fn open(dir: &Path) -> Result<Trust, TrustDirError> {
    let path = dir.join(ROOT_PUB);
    let text = String::from_utf8_lossy(&read(&path)?).into_owned();
    let root = PublicKey::from_file(&text).map_err(|error| content(&path, &error))?;
    let path = dir.join(KEYS_LIST);
    let list = SignedKeyList::decode(&read(&path)?).map_err(|error| content(&path, &error))?;
    Trust::open(root, &list).map_err(|error| content(&path, &error))
}

/// Reads the secret key of a role. A file that others can read is refused.
///
/// # Errors
/// Any [`TrustDirError`]; none carries a part of the key.
pub fn secret(dir: &Path, role: Role) -> Result<SecretKey, TrustDirError> {
    let path = dir.join(key_file(role));
    let source = File::open(&path).map_err(|error| file(&path, &error))?;
    // Of the file that is read, whatever the path names by now.
    let about = source.metadata().map_err(|error| file(&path, &error))?;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(TrustDirError::Exposed { path, mode });
    }
    let bytes = Zeroizing::new(read_from(source, &path)?);
    let text = std::str::from_utf8(&bytes).map_err(|error| content(&path, &error))?;
    SecretKey::from_file(text).map_err(|error| content(&path, &error))
}

fn read(path: &Path) -> Result<Vec<u8>, TrustDirError> {
    read_from(File::open(path).map_err(|error| file(path, &error))?, path)
}

fn read_from(source: File, path: &Path) -> Result<Vec<u8>, TrustDirError> {
    let mut bytes = Vec::new();
    let read = source.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| file(path, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(content(path, &format!("more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Creates a file of mode 0600 that did not exist, and fsyncs it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), TrustDirError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut target| target.write_all(bytes).and_then(|()| target.sync_all()))
        .map_err(|error| file(path, &error))
}

fn file(path: &Path, error: &std::io::Error) -> TrustDirError {
    TrustDirError::File { path: path.to_owned(), reason: error.to_string() }
}

fn content(path: &Path, reason: &dyn std::fmt::Display) -> TrustDirError {
    TrustDirError::Content { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_are_private_listed_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("keys");
        let made = create(&dir).unwrap();
        assert_eq!(open(&dir).unwrap(), made);
        for role in [Role::Publisher, Role::Operator, Role::Controller] {
            let key = secret(&dir, role).unwrap();
            assert_eq!(made.entry(key.public().id()).unwrap().roles, [role]);
        }
        for entry in fs::read_dir(&dir).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
        assert!(matches!(create(&dir), Err(TrustDirError::NotEmpty { .. })));
    }

    #[test]
    fn an_exposed_key_and_a_foreign_list_are_refused() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        create(one.path()).unwrap();
        create(two.path()).unwrap();
        let key = one.path().join("operator.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let error = secret(one.path(), Role::Operator).unwrap_err();
        assert!(matches!(error, TrustDirError::Exposed { mode: 0o640, .. }));
        fs::copy(two.path().join("keys.list"), one.path().join("keys.list")).unwrap();
        assert!(matches!(open(one.path()), Err(TrustDirError::Content { .. })));
    }
}
