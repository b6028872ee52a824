//! Checks before trust: who owns a file, who may write to it.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::{Error, Result};

/// Refuses what another user owns or may write to. Root is trusted: it could replace us.
fn check(path: &Path, metadata: &Metadata, wanted: u32) -> Result<()> {
    let (owner, expected) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != expected && owner != 0 {
        return Err(Error::Owner { path: path.to_owned(), owner, expected });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(Error::Mode { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

/// Checks a directory.
pub(crate) fn check_dir(path: &Path) -> Result<()> {
    let metadata =
        std::fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    check(path, &metadata, 0o700)
}

/// Opens a regular file for reading and checks it; `None` when it does not exist.
pub(crate) fn open(path: &Path) -> Result<Option<File>> {
    let fail = |source| Error::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    // Of the opened file, not of the path: nobody can swap it in between.
    let metadata = file.metadata().map_err(fail)?;
    if !metadata.is_file() {
        return Err(fail(std::io::Error::other("not a regular file")));
    }
    check(path, &metadata, 0o600)?;
    Ok(Some(file))
}

/// Reads a checked file of at most `bytes_max` bytes; `None` when it does not exist.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let fail = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > bytes_max {
        return Err(fail(std::io::Error::other(format!("longer than {bytes_max} bytes"))));
    }
    Ok(Some(bytes))
}
