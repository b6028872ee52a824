//! The file of an embedded coordinator: one format byte, BLAKE3 of the rest, the state in postcard.
//!
//! Replaced whole: temporary file → fsync → rename → fsync of the directory. A crash at any step
//! leaves the old file or the new one. A failed fsync is never repeated: the kernel may have
//! dropped the pages that it could not write and call the second attempt a success.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cairn_merkle::Digest;

use super::state::Durable;
use crate::coordinator::CoordinatorError;

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 1 + 32;
/// Larger files are damaged or not ours: versions and channels are bounded far below.
const FILE_BYTES_MAX: u64 = 512 << 20;

#[derive(Debug)]
pub(super) struct File {
    directory: PathBuf,
    path: PathBuf,
    /// Locked for as long as we live; the operating system releases it when we die.
    _lock: fs::File,
}

impl File {
    pub(super) fn open(directory: &Path) -> Result<(File, Durable), CoordinatorError> {
        let mut maker = fs::DirBuilder::new();
        maker.recursive(true).mode(0o700);
        maker.create(directory).map_err(|error| storage(directory, &error.to_string()))?;
        let lock_path = directory.join("coordinator.lock");
        let lock = create(&lock_path).map_err(|error| storage(&lock_path, &error.to_string()))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => storage(&lock_path, "held by another process"),
            fs::TryLockError::Error(error) => storage(&lock_path, &error.to_string()),
        })?;
        let path = directory.join("coordinator.state");
        let durable = match read(&path) {
            Ok(Some(bytes)) => decode(&bytes).map_err(|reason| storage(&path, &reason))?,
            Ok(None) => Durable::default(),
            Err(error) => return Err(storage(&path, &error.to_string())),
        };
        Ok((File { directory: directory.to_owned(), path, _lock: lock }, durable))
    }

    /// Make `durable` what the next start finds. On an error either state may be on disk.
    pub(super) fn replace(&self, durable: &Durable) -> Result<(), CoordinatorError> {
        let bytes = encode(durable).map_err(|reason| storage(&self.path, &reason))?;
        self.write(&bytes).map_err(|error| storage(&self.path, &error.to_string()))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.path.with_extension("state.new");
        let mut file = create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, &self.path)?;
        fs::File::open(&self.directory)?.sync_all()
    }
}

/// Create or empty a file that only we may read.
fn create(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if length > FILE_BYTES_MAX {
        let reason = format!("{length} bytes, limit {FILE_BYTES_MAX}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    fs::read(path).map(Some)
}

fn encode(durable: &Durable) -> Result<Vec<u8>, String> {
    let body = postcard::to_stdvec(durable).map_err(|error| error.to_string())?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(Digest::of(&body).as_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Durable, String> {
    if bytes.len() < HEADER_BYTES {
        return Err(format!("damaged: {} bytes, at least {HEADER_BYTES} expected", bytes.len()));
    }
    let (header, body) = bytes.split_at(HEADER_BYTES);
    if header[0] != FORMAT {
        return Err(format!("format {}, this build knows {FORMAT}", header[0]));
    }
    if Digest::of(body).as_bytes() != &header[1..] {
        return Err("damaged: its checksum does not match".to_owned());
    }
    match postcard::take_from_bytes(body) {
        Ok((durable, [])) => Ok(durable),
        Ok((_, rest)) => Err(format!("damaged: {} bytes after its end", rest.len())),
        Err(error) => Err(format!("damaged: {error}")),
    }
}

fn storage(path: &Path, reason: &str) -> CoordinatorError {
    CoordinatorError::Storage { path: path.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn sample() -> Durable {
        let mut durable = Durable { epoch: 3, ..Durable::default() };
        let stored = durable.store(vec![1, 2, 3]);
        durable.channels.insert("hunt/prod".to_owned(), stored);
        durable
    }

    #[test]
    fn any_cut_and_any_flipped_bit_is_damage() {
        let bytes = encode(&sample()).unwrap();
        assert_eq!(decode(&bytes), Ok(sample()));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn what_was_written_is_found_and_a_second_opener_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (file, found) = File::open(directory.path()).unwrap();
        assert_eq!(found, Durable::default());
        file.replace(&sample()).unwrap();
        for entry in fs::read_dir(directory.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
        let error = File::open(directory.path()).unwrap_err();
        assert!(error.to_string().contains("held by another process"), "{error}");
        drop(file);
        assert_eq!(File::open(directory.path()).unwrap().1, sample());
    }
}
