//! A consumer's cursor as text: opaque to clients, valid at any agent.

use cairn_gossip::VersionVector;

use super::problem::Problem;

/// Format of the bytes inside. A cursor of another format is refused, never guessed at.
const FORMAT: u8 = 1;
/// Longest cursor that is read: a vector of all 4,096 streams fits.
pub const CURSOR_CHARS_MAX: usize = 256 << 10;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The cursor as base64url text, which may stand in a path, a query and a header.
pub fn encode(vector: &VersionVector) -> String {
    let mut bytes = vec![FORMAT];
    // Encoding into memory cannot fail; an empty rest would be refused when it is presented.
    bytes.extend(postcard::to_stdvec(vector).unwrap_or_default());
    to_base64url(&bytes)
}

/// The vector in a cursor.
///
/// # Errors
/// 400 for everything that this or another agent did not hand out.
pub fn decode(text: &str) -> Result<VersionVector, Problem> {
    let wrong = |reason: &str| {
        Problem::bad("bad-cursor", "the cursor is not one of ours", reason)
            .hint("present a cursor exactly as an agent gave it, or none to use the stored one")
    };
    if text.len() > CURSOR_CHARS_MAX {
        return Err(Problem::too_large(
            "the cursor",
            Some(text.len() as u64),
            CURSOR_CHARS_MAX as u64,
        ));
    }
    let bytes = from_base64url(text).ok_or_else(|| wrong("it is not base64url"))?;
    let Some((&format, rest)) = bytes.split_first() else {
        return Err(wrong("it is empty"));
    };
    if format != FORMAT {
        return Err(wrong(&format!("its format is {format}, this agent reads {FORMAT}")));
    }
    match postcard::take_from_bytes(rest) {
        Ok((vector, [])) => Ok(vector),
        Ok((_, rest)) => Err(wrong(&format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(wrong(&error.to_string())),
    }
}

/// Base64 with the URL alphabet and no padding (RFC 4648 §5).
pub fn to_base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = 0u32;
        for (index, byte) in chunk.iter().enumerate() {
            group |= u32::from(*byte) << (16 - 8 * index);
        }
        for index in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(group >> (18 - 6 * index)) as usize & 63]));
        }
    }
    text
}

/// The inverse of [`to_base64url`]; `None` for anything that it does not produce.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut group = 0u32;
        for (index, char) in chunk.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == char)?;
            group |= (value as u32) << (18 - 6 * index);
        }
        let count = chunk.len() - 1;
        bytes.extend(&group.to_be_bytes()[1..=count]);
        // One cursor has one text: bits that would be dropped must be zero.
        if group & ((1 << (8 * (3 - count))) - 1) != 0 {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_round_trips_and_is_canonical() {
        for (bytes, text) in
            [(&b""[..], ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"\xff\xfe", "__4")]
        {
            assert_eq!(to_base64url(bytes), text);
            assert_eq!(from_base64url(text).as_deref(), Some(bytes));
        }
        for text in ["Z", "Zh", "Zm9", "Zg==", "Z g"] {
            assert_eq!(from_base64url(text), None, "{text}");
        }
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        let empty = encode(&VersionVector::default());
        assert_eq!(decode(&empty), Ok(VersionVector::default()));
        for text in ["", "AQ", "Ag", "!!", &format!("{empty}AAAA")] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
