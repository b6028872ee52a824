//! The record of what is live on a channel, and where it lies.
//!
//! `STATE/live/<channel>.live` names the version and its image; it is replaced by renaming.
//! `STATE/live/<channel>.gen` holds the generation as eight little-endian bytes, written in place
//! after the rename; readers map it. The word only tells a reader to look: what counts is the
//! record, so a torn or late word does no harm.

use std::path::{Path, PathBuf};

use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

/// Version of the record.
pub const LIVE_FORMAT: u8 = 1;
/// Longest record read.
pub const LIVE_BYTES_MAX: u64 = 4 << 10;

/// What is live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRecord {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// Position in the channel's history.
    pub generation: u64,
    /// The bundle.
    pub digest: Digest,
    /// Its semantic version.
    pub version: String,
    /// Name of the image file in `STATE/images`.
    pub image: String,
}

impl LiveRecord {
    /// A format byte, then postcard.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Plain data in a growing vector cannot fail to serialise.
        postcard::to_extend(self, vec![LIVE_FORMAT]).unwrap_or_default()
    }

    /// Reads all of the bytes.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<LiveRecord, String> {
        let record = match bytes.split_first() {
            Some((&LIVE_FORMAT, rest)) => match postcard::take_from_bytes::<LiveRecord>(rest) {
                Ok((record, [])) => record,
                Ok((_, rest)) => return Err(format!("{} bytes follow its end", rest.len())),
                Err(error) => return Err(error.to_string()),
            },
            Some((format, _)) => {
                return Err(format!("format {format}, this build reads {LIVE_FORMAT}"));
            }
            None => return Err("empty".to_owned()),
        };
        // A path out of the image directory would be followed later.
        if record.image.contains(['/', '\0']) || record.image.starts_with('.') {
            return Err(format!("image name `{}` is not a plain file name", record.image));
        }
        Ok(record)
    }
}

/// The channel's name as a file name: `/` becomes `_`.
#[must_use]
pub fn file_stem(channel: &str) -> String {
    channel.replace('/', "_")
}

/// `STATE/live/<channel>.live`.
#[must_use]
pub fn record_path(state: &Path, channel: &str) -> PathBuf {
    state.join("live").join(format!("{}.live", file_stem(channel)))
}

/// `STATE/live/<channel>.gen`.
#[must_use]
pub fn generation_path(state: &Path, channel: &str) -> PathBuf {
    state.join("live").join(format!("{}.gen", file_stem(channel)))
}

/// `STATE/images/<image>`.
#[must_use]
pub fn image_path(state: &Path, image: &str) -> PathBuf {
    state.join("images").join(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LiveRecord {
        LiveRecord {
            channel: "hunt/prod".into(),
            generation: 7,
            digest: Digest::of(b"x"),
            version: "1.2.3".into(),
            image: "abc.img".into(),
        }
    }

    #[test]
    fn round_trips() {
        assert_eq!(LiveRecord::decode(&record().encode()), Ok(record()));
    }

    #[test]
    fn refuses_damage() {
        let bytes = record().encode();
        for end in 0..bytes.len() {
            assert!(LiveRecord::decode(&bytes[..end]).is_err());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(LiveRecord::decode(&longer).is_err());
        let mut other = bytes;
        other[0] = 9;
        assert!(LiveRecord::decode(&other).is_err());
        let escape = LiveRecord { image: "../../etc/passwd".into(), ..record() };
        assert!(LiveRecord::decode(&escape.encode()).is_err());
    }
}
