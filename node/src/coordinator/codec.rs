//! The bytes of a coordinator's values and the parts of its keys.
//!
//! A value is one version byte and a postcard record. What is read is bounded, must be of a known
//! version and must end where the record ends; anything else is corrupt, never a crash.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CoordinatorError, NAME_BYTES_MAX, RECORD_BYTES_MAX};

/// Version of every value's layout.
pub const FORMAT: u8 = 1;

/// Encode a record, `what` for people.
///
/// # Errors
/// [`CoordinatorError::TooLarge`] beyond [`RECORD_BYTES_MAX`].
pub fn encode<T: Serialize>(what: &str, record: &T) -> Result<Vec<u8>, CoordinatorError> {
    let too_large = |actual_bytes| CoordinatorError::TooLarge {
        what: what.to_owned(),
        actual_bytes,
        limit_bytes: RECORD_BYTES_MAX,
    };
    // Serialising into a vector has no failure of its own left but running out of memory.
    let bytes = postcard::to_extend(record, vec![FORMAT]).map_err(|_| too_large(usize::MAX))?;
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(too_large(bytes.len()));
    }
    Ok(bytes)
}

/// Decode a value.
///
/// # Errors
/// What is wrong with the bytes, for people.
pub fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, String> {
    if value.len() > RECORD_BYTES_MAX {
        return Err(format!("{} bytes, limit {RECORD_BYTES_MAX}", value.len()));
    }
    let Some((&format, body)) = value.split_first() else {
        return Err("empty value".to_owned());
    };
    if format != FORMAT {
        return Err(format!("format {format}, this build knows {FORMAT}"));
    }
    let (record, rest) = postcard::take_from_bytes::<T>(body)
        .map_err(|error| format!("not a record of format {format}: {error}"))?;
    if !rest.is_empty() {
        return Err(format!("{} bytes after the record's end", rest.len()));
    }
    Ok(record)
}

/// Check one part of a key.
///
/// # Errors
/// [`CoordinatorError::Name`].
pub fn check_name(what: &'static str, value: &str) -> Result<(), CoordinatorError> {
    let wrong = |reason: String| CoordinatorError::Name {
        what,
        value: value.chars().take(64).collect(),
        reason,
    };
    if value.is_empty() {
        return Err(wrong("empty".to_owned()));
    }
    if value.len() > NAME_BYTES_MAX {
        return Err(wrong(format!("{} bytes, limit {NAME_BYTES_MAX}", value.len())));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    match value.chars().find(|&c| !allowed(c)) {
        Some(c) => Err(wrong(format!("{c:?} is not allowed"))),
        None => Ok(()),
    }
}

/// Check a channel, `<ruleset>/<name>`.
///
/// # Errors
/// [`CoordinatorError::Name`].
pub fn check_channel(channel: &str) -> Result<(), CoordinatorError> {
    match channel.split_once('/') {
        Some((ruleset, name)) => {
            check_name("rule set", ruleset)?;
            check_name("channel", name)
        }
        None => Err(CoordinatorError::Name {
            what: "channel",
            value: channel.chars().take(64).collect(),
            reason: "expected <ruleset>/<name>".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_round_trip_and_everything_else_is_named() {
        let bytes = encode("pair", &(7u32, "seven".to_owned())).unwrap();
        assert_eq!(decode::<(u32, String)>(&bytes), Ok((7, "seven".to_owned())));
        let refuse = |value: &[u8], part: &str| {
            let reason = decode::<(u32, String)>(value).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        };
        refuse(&[], "empty");
        refuse(b"\x02rest", "format 2");
        refuse(&bytes[..bytes.len() - 1], "not a record");
        refuse(&[bytes.as_slice(), b"x"].concat(), "1 bytes after");
        refuse(&vec![1; RECORD_BYTES_MAX + 1], "limit 65536");
        for cut in 0..bytes.len() {
            assert!(decode::<(u32, String)>(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn a_record_over_the_limit_is_refused_with_its_size() {
        let fits = vec![0u8; RECORD_BYTES_MAX - 4];
        assert_eq!(encode("blob", &fits).map(|bytes| bytes.len()), Ok(RECORD_BYTES_MAX));
        let error = encode("blob", &vec![0u8; RECORD_BYTES_MAX - 3]).unwrap_err();
        assert_eq!(error.to_string(), "blob is 65537 bytes, limit 65536");
    }

    #[test]
    fn names_cannot_leave_their_place_in_a_key() {
        for good in ["treasure_hunt/prod", "a/b", "x.y-z/1.2.3+7"] {
            assert_eq!(check_channel(good), Ok(()), "{good}");
        }
        for bad in ["", "prod", "/prod", "a/", "a/b/c", "a/b c", "a/é", "a\0/b"] {
            assert!(check_channel(bad).is_err(), "{bad:?}");
        }
        assert!(check_name("version", &"v".repeat(NAME_BYTES_MAX)).is_ok());
        assert!(check_name("version", &"v".repeat(NAME_BYTES_MAX + 1)).is_err());
    }
}
