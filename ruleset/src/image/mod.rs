//! The local image of one version: what readers map.
//!
//! A header, a table of sections, then sections of fixed-size little-endian records with alignment
//! one, so a mapping at any address is read in place. [`build()`] makes it from a manifest and its
//! blobs after proving every module and checking every cross reference; [`Image::open`] checks the
//! checksum and every reference once, in linear time, and after that no accessor can fail. An image
//! is immutable, named by its bundle's digest, and never travels: machines rebuild it.

mod build;
mod check;
mod error;
#[cfg(all(feature = "compile", any(test, fuzzing)))]
pub(crate) mod fuzz;
mod record;
#[cfg(test)]
mod tests;
mod view;

use cairn_merkle::Digest;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

pub use build::build;
pub use error::ImageError;
pub use view::{
    EntryView, FieldView, FragmentView, OverrideView, ParamView, TableView, TriggerView,
};

use crate::limits::DIALECT;
use record::{CHECKED_FROM, Header, Info, MAGIC, SECTIONS, Section, Text};

/// Version of the format that this build writes, and the only one it reads.
pub const IMAGE_FORMAT: u32 = 3;

/// A checked image over bytes: a mapping, a vector, a slice.
#[derive(Clone, Debug)]
pub struct Image<B> {
    bytes: B,
    /// Start and end of each section; checked to lie in `bytes`.
    sections: [(usize, usize); SECTIONS],
    bundle: Digest,
}

impl<B: AsRef<[u8]>> Image<B> {
    /// Checks an image once. Linear in its bytes; allocates only while it decodes the fragments'
    /// descriptions.
    ///
    /// # Errors
    /// `NotAnImage`, `Format`, `Length`, `Checksum` or `Malformed`.
    pub fn open(bytes: B) -> Result<Image<B>, ImageError> {
        let all = bytes.as_ref();
        if !all.starts_with(&MAGIC) {
            return Err(ImageError::NotAnImage);
        }
        let format = all.get(8..12).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes);
        let short = ImageError::Length {
            actual_bytes: all.len() as u64,
            stated_bytes: size_of::<Header>() as u64,
        };
        match format {
            None => return Err(short),
            Some(IMAGE_FORMAT) => {}
            Some(actual) => {
                return Err(ImageError::Format { actual, expected: IMAGE_FORMAT });
            }
        }
        let Ok((header, _)) = Header::ref_from_prefix(all) else { return Err(short) };
        let (actual_bytes, stated_bytes) = (all.len() as u64, header.length.get());
        if actual_bytes != stated_bytes {
            return Err(ImageError::Length { actual_bytes, stated_bytes });
        }
        let sum = all.get(CHECKED_FROM..).map(Digest::of);
        if sum != Some(Digest(header.checksum)) || header.sections.get() as usize != SECTIONS {
            return Err(ImageError::Checksum);
        }
        let mut sections = [(0, 0); SECTIONS];
        for (index, (range, span)) in sections.iter_mut().zip(&header.table).enumerate() {
            let start = span.offset.get() as usize;
            let end = start.saturating_add(span.length.get() as usize);
            if end > all.len() {
                return Err(ImageError::Malformed { what: "section", index });
            }
            *range = (start, end);
        }
        let bundle = Digest(header.bundle);
        let image = Image { bytes, sections, bundle };
        // An agent may be newer than the game that maps its images.
        let dialect = image.dialect();
        if dialect > DIALECT {
            return Err(ImageError::Dialect { actual: dialect });
        }
        check::check(&image)?;
        Ok(image)
    }

    fn section(&self, section: Section) -> &[u8] {
        let (start, end) = self.sections.get(section as usize).copied().unwrap_or((0, 0));
        self.bytes.as_ref().get(start..end).unwrap_or(&[])
    }

    fn records<R>(&self, section: Section) -> &[R]
    where
        R: FromBytes + KnownLayout + Immutable + Unaligned,
    {
        <[R]>::ref_from_bytes(self.section(section)).unwrap_or(&[])
    }

    fn group<R>(&self, section: Section, first: u32, count: u32) -> &[R]
    where
        R: FromBytes + KnownLayout + Immutable + Unaligned,
    {
        let first = first as usize;
        self.records(section).get(first..first.saturating_add(count as usize)).unwrap_or(&[])
    }

    fn text(&self, text: Text) -> &str {
        let start = text.offset.get() as usize;
        let end = start.saturating_add(text.length.get() as usize);
        let bytes = self.section(Section::Texts).get(start..end).unwrap_or(&[]);
        std::str::from_utf8(bytes).unwrap_or("")
    }

    fn info(&self) -> Option<&Info> {
        self.records(Section::Info).first()
    }

    /// Digest of the bundle; the image's name.
    #[must_use]
    pub fn bundle(&self) -> Digest {
        self.bundle
    }

    /// Name of the rule set.
    #[must_use]
    pub fn ruleset(&self) -> &str {
        self.info().map_or("", |info| self.text(info.ruleset))
    }

    /// Semantic version.
    #[must_use]
    pub fn version(&self) -> &str {
        self.info().map_or("", |info| self.text(info.version))
    }

    /// Name of the context schema.
    #[must_use]
    pub fn context(&self) -> &str {
        self.info().map_or("", |info| self.text(info.context))
    }

    /// Hash of the context schema: equal hashes mean equal slots.
    #[must_use]
    pub fn context_hash(&self) -> Digest {
        self.info().map_or(Digest([0; 32]), |info| Digest(info.context_hash))
    }

    /// Version of the language.
    #[must_use]
    pub fn dialect(&self) -> u32 {
        self.info().map_or(0, |info| info.dialect.get())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}
