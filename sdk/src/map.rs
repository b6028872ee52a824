//! Mapping files: the image and the generation word.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use memmap2::{Mmap, MmapOptions};

use crate::{Error, Result, private};

/// The bytes of an image: mapped, or owned by a host that built them itself.
#[derive(Debug)]
pub struct ImageBytes(Source);

#[derive(Debug)]
enum Source {
    Owned(Vec<u8>),
    Mapped(Mmap),
}

impl AsRef<[u8]> for ImageBytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Source::Owned(bytes) => bytes,
            Source::Mapped(map) => map,
        }
    }
}

impl From<Vec<u8>> for ImageBytes {
    fn from(bytes: Vec<u8>) -> ImageBytes {
        ImageBytes(Source::Owned(bytes))
    }
}

impl ImageBytes {
    /// Maps an image file after checking its owner and mode.
    ///
    /// # Errors
    /// `Read`, `Owner` or `Mode`.
    pub fn map(path: &Path) -> Result<ImageBytes> {
        let fail = |source| Error::Read { path: path.to_owned(), source };
        let file = private::open(path)?
            .ok_or_else(|| fail(std::io::Error::from(std::io::ErrorKind::NotFound)))?;
        // SAFETY: A mapping is sound while nobody changes the file under it. The file belongs to
        // this user or root and nobody else may write to it (checked on the open descriptor), and
        // the agent never writes to an image again once it has its name: it writes a temporary
        // file, renames it, and replaces by renaming, which leaves this mapping's pages alone.
        let map = unsafe { MmapOptions::new().map(&file) }.map_err(fail)?;
        Ok(ImageBytes(Source::Mapped(map)))
    }
}

/// The word that tells a reader, in one load, whether anything changed.
#[derive(Debug)]
pub(crate) struct GenerationWord(Mmap);

/// Bytes of the generation file.
const WORD_BYTES: usize = 8;

impl GenerationWord {
    /// Maps the file; `None` when it does not exist.
    pub(crate) fn map(path: &Path) -> Result<Option<GenerationWord>> {
        let fail = |source| Error::Read { path: path.to_owned(), source };
        let Some(file) = private::open(path)? else { return Ok(None) };
        let actual_bytes = file.metadata().map_err(fail)?.len();
        if actual_bytes != WORD_BYTES as u64 {
            return Err(Error::Generation { path: path.to_owned(), actual_bytes });
        }
        // SAFETY: As above for owner and mode. This file does change while it is mapped: that is
        // its purpose. It is therefore never viewed as a slice, only through the atomic load in
        // `load`. The agent never truncates it.
        let map = unsafe { MmapOptions::new().len(WORD_BYTES).map(&file) }.map_err(fail)?;
        Ok(Some(GenerationWord(map)))
    }

    /// The word now. Whatever the agent wrote before it is visible after.
    #[inline]
    pub(crate) fn load(&self) -> u64 {
        // SAFETY: The mapping is `WORD_BYTES` long, lives as long as `self`, and starts at a page
        // boundary, so the pointer is valid and aligned for a `u64`. This process only loads. A
        // relaxed atomic load of 8 bytes is allowed on read-only memory on every 64-bit target.
        let word = unsafe { &*self.0.as_ptr().cast::<AtomicU64>() }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        u64::from_le(word)
    }
}
