//! The bytes of a record in the database: one format byte, eight bytes of checksum, postcard.
//!
//! redb checks its own pages only when it repairs itself; the checksum finds a bit that the disk
//! changed in between, before its record is believed.

use cairn_merkle::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format of every record that this build writes, and the only one it reads.
const RECORD_FORMAT: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
const HEAD_BYTES: usize = 1 + CHECKSUM_BYTES;

/// Encode a record. Fails only when memory runs out or a map has no known length; ours have.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, String> {
    let mut bytes = postcard::to_extend(record, vec![0; HEAD_BYTES]).map_err(|e| e.to_string())?;
    bytes[0] = RECORD_FORMAT;
    let sum = checksum(&bytes[HEAD_BYTES..]);
    bytes[1..HEAD_BYTES].copy_from_slice(&sum);
    Ok(bytes)
}

/// Decode a record, or say what does not hold. Never panics.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let Some((head, body)) = bytes.split_at_checked(HEAD_BYTES) else {
        return Err(format!("{} bytes, at least {HEAD_BYTES} expected", bytes.len()));
    };
    if head[0] != RECORD_FORMAT {
        return Err(format!("record format {}, this program reads {RECORD_FORMAT}", head[0]));
    }
    if head[1..] != checksum(body) {
        return Err("its checksum does not match".to_owned());
    }
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        Ok((_, rest)) => Err(format!("{} bytes after its end", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Digest::of(body);
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest.0[..CHECKSUM_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let record = ("treasure_hunt/prod".to_owned(), 7u64, vec![1u8, 2, 3]);
        let bytes = encode(&record).unwrap();
        assert_eq!(decode(&bytes), Ok(record));
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(decode::<(String, u64, Vec<u8>)>(&flipped).is_err(), "bit {at}");
        }
        for length in 0..bytes.len() {
            assert!(decode::<(String, u64, Vec<u8>)>(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
