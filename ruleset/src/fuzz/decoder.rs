//! Everything that comes from a file or a peer: what is accepted survives its own encoding.

use std::fmt::Debug;

use crate::envelope::Envelope;
use crate::image;
use crate::inclusion::Proof;
use crate::key::{PublicKey, SecretKey};
use crate::manifest::Manifest;
use crate::meta::{FragmentMeta, LootTables, PARAMS_FORMAT, Params, Schema, Segment, Timers};
use crate::trust::SignedKeyList;
use crate::upload::Upload;

pub(super) fn run(data: &[u8]) {
    let Some((format, bytes)) = data.split_first() else { return };
    match format {
        b'M' => same(Manifest::decode(bytes), bytes, Manifest::encode),
        b'E' => same(Envelope::decode(bytes), bytes, Envelope::encode),
        b'U' => same(Upload::decode(bytes), bytes, Upload::encode),
        b'K' => same(SignedKeyList::decode(bytes), bytes, SignedKeyList::encode),
        b'F' => segment::<FragmentMeta>(bytes),
        b'S' => segment::<Schema>(bytes),
        b'P' if bytes.first() == Some(&PARAMS_FORMAT) => {
            same(Params::decode(bytes), bytes, Segment::encode);
        }
        b'P' => segment::<Params>(bytes),
        b'L' => segment::<LootTables>(bytes),
        b'T' => segment::<Timers>(bytes),
        b'I' => image::fuzz::image(bytes),
        b'X' => proof(bytes),
        b'Y' => keys(bytes),
        _ => {}
    }
}

/// A canonical format: exactly one sequence of bytes per value.
fn same<T, E>(decoded: Result<T, E>, bytes: &[u8], encode: impl Fn(&T) -> Vec<u8>) {
    if let Ok(value) = decoded {
        assert_eq!(encode(&value), bytes, "accepted bytes are the canonical ones");
    }
}

/// A format whose bytes are named by their digest: the value survives, the bytes may differ (a
/// number may be written longer than it needs).
fn segment<T: Segment + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        let encoded = value.encode();
        assert!(encoded.len() <= bytes.len(), "{} grows when written again", T::WHAT);
        assert_eq!(T::decode(&encoded).as_ref(), Ok(&value));
        assert!(T::decode(&[bytes, &[0]].concat()).is_err(), "{}: a byte may follow", T::WHAT);
    }
}

/// A proof of inclusion never fits a root that was not made from it.
fn proof(bytes: &[u8]) {
    let Ok((proof, _)) = postcard::take_from_bytes::<Proof>(bytes) else { return };
    let root = crate::inclusion::root(std::slice::from_ref(&proof.entry));
    let alone = proof.index == 0 && proof.count == 1 && proof.path.is_empty();
    assert_eq!(proof.verify(&root).is_ok(), alone, "{proof:?}");
}

fn keys(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(key) = PublicKey::from_file(&text) {
        assert_eq!(PublicKey::from_file(&key.to_file()).ok(), Some(key));
    }
    if let Ok(key) = SecretKey::from_file(&text) {
        assert_eq!(*key.to_file(), *SecretKey::from_file(&key.to_file()).expect("ours").to_file());
    }
}
