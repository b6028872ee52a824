//! What a bundle must survive: every cut, every flipped bit, every limit, every wrong signer.

use std::collections::BTreeMap;

use cairn_merkle::Digest;
use cairn_ruleset::bundle_error::BundleError;
use cairn_ruleset::envelope::{Envelope, MANIFEST_DOMAIN};
use cairn_ruleset::inclusion::{self, Proof};
use cairn_ruleset::key::{KeyError, PublicKey, SecretKey, Signature};
use cairn_ruleset::limits::{
    CODE_BYTES_MAX, DATA_BYTES_MAX, FRAGMENTS_MAX, MANIFEST_BYTES_MAX, SIGNATURES_MAX,
};
use cairn_ruleset::manifest::{
    FragmentEntry, FragmentKind, MANIFEST_FORMAT, Manifest, Provenance, version_is_valid,
};
use cairn_ruleset::trust::{KeyEntry, KeyList, Role, SignedKeyList, Trust, TrustError};
use cairn_ruleset::upload::{UPLOAD_BYTES_MAX, Upload};
use proptest::prelude::*;

type Blobs = BTreeMap<Digest, Vec<u8>>;

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed([n; 32])
}

fn listed(n: u8, roles: &[Role]) -> KeyEntry {
    KeyEntry { key: key(n).public(), name: format!("key {n}"), roles: roles.to_vec() }
}

/// Root 1; publishers 2 and 3; operators 3 and 4; controller 5.
fn trust(threshold: u8) -> Trust {
    let mut list = KeyList::new(
        1,
        vec![
            listed(2, &[Role::Publisher]),
            listed(3, &[Role::Publisher, Role::Operator]),
            listed(4, &[Role::Operator]),
            listed(5, &[Role::Controller]),
        ],
    );
    list.threshold.publisher = threshold;
    let signed = SignedKeyList::sign(&key(1), &list).unwrap();
    let read = SignedKeyList::decode(&signed.encode()).unwrap();
    Trust::open(key(1).public(), &read).unwrap()
}

fn manifest_of(parts: &[(&str, FragmentKind, &[u8])]) -> (Manifest, Blobs) {
    let mut fragments: Vec<_> = parts
        .iter()
        .map(|(name, kind, bytes)| FragmentEntry {
            name: (*name).to_owned(),
            kind: *kind,
            digest: Digest::of(bytes),
            length_bytes: bytes.len() as u32,
        })
        .collect();
    fragments.sort_by(|a, b| a.name.cmp(&b.name));
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        ruleset: "treasure_hunt".to_owned(),
        version: "1.4.0".to_owned(),
        language: 1,
        context: "hunt@3".to_owned(),
        context_hash: Digest::of(b"context"),
        root: inclusion::root(&fragments),
        fragments,
        strings: vec!["meadow".to_owned()],
        provenance: Provenance { revision: "abc".to_owned(), builder: "cairn 0.1.0".to_owned() },
    };
    let blobs = parts.iter().map(|(_, _, bytes)| (Digest::of(bytes), bytes.to_vec())).collect();
    (manifest, blobs)
}

fn small() -> (Manifest, Blobs) {
    manifest_of(&[
        ("crypt/boss_kill", FragmentKind::Code, b"\0asm one"),
        ("crypt/chest_open", FragmentKind::Code, b"\0asm two"),
        ("params", FragmentKind::Params, b"pp"),
        ("timers", FragmentKind::Timers, b""),
    ])
}

fn small_file() -> Vec<u8> {
    let (manifest, blobs) = small();
    let envelope = Envelope::seal(&manifest, &[&key(2)]).unwrap();
    Upload::new(envelope, blobs).unwrap().encode()
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn round_trip() {
    let (manifest, blobs) = small();
    let bytes = small_file();
    let upload = Upload::open(&bytes, &trust(1)).unwrap();
    assert_eq!((&upload.manifest, &upload.blobs), (&manifest, &blobs));
    assert_eq!(Upload::decode(&bytes).unwrap(), upload);
    assert_eq!(upload.encode(), bytes);
    // The signatures are not part of the name.
    assert_eq!(upload.envelope.digest(), Digest::derive(MANIFEST_DOMAIN, &[&manifest.encode()]));
}

#[test]
fn every_truncation_is_an_error() {
    let (bytes, trust) = (small_file(), trust(1));
    for cut in 0..bytes.len() {
        assert!(Upload::open(&bytes[..cut], &trust).is_err(), "cut at {cut}");
        assert!(Upload::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(
        Upload::open(&longer, &trust),
        Err(BundleError::TrailingBytes { extra: 1, .. })
    ));
}

#[test]
fn every_flipped_bit_is_an_error() {
    let (bytes, trust) = (small_file(), trust(1));
    for bit in 0..bytes.len() * 8 {
        let error = Upload::open(&flipped(&bytes, bit), &trust).expect_err("accepted");
        assert!(!error.to_string().is_empty() && !error.hint().is_empty(), "bit {bit}");
    }
}

#[test]
fn envelope_and_key_list_refuse_every_flipped_bit() {
    let trust = trust(1);
    let envelope = Envelope::seal(&small().0, &[&key(2)]).unwrap().encode();
    for bit in 0..envelope.len() * 8 {
        let opened = Envelope::decode(&flipped(&envelope, bit)).and_then(|e| e.open(&trust));
        assert!(opened.is_err(), "bit {bit}");
    }
    let list = SignedKeyList::sign(&key(1), &trust.list).unwrap().encode();
    for bit in 0..list.len() * 8 {
        let opened = SignedKeyList::decode(&flipped(&list, bit)).and_then(|l| l.open(&trust.root));
        assert!(opened.is_err(), "bit {bit}");
    }
    for cut in 0..list.len() {
        assert!(SignedKeyList::decode(&list[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn unknown_formats_say_which() {
    let mut file = small_file();
    file[6] = 2;
    let error = Upload::open(&file, &trust(1)).unwrap_err();
    assert_eq!(error.to_string(), "the bundle file has format 2, this build reads format 1");
    let mut envelope = Envelope::seal(&small().0, &[&key(2)]).unwrap().encode();
    envelope[0] = 9;
    assert!(matches!(
        Envelope::decode(&envelope),
        Err(BundleError::UnknownFormat { found: 9, known: 1, .. })
    ));
    let mut manifest = small().0;
    manifest.format = 300;
    assert!(matches!(
        Manifest::decode(&manifest.encode()),
        Err(BundleError::UnknownFormat { found: 300, known: 1, .. })
    ));
}

#[test]
fn whole_files_over_the_limit_are_refused_by_length() {
    let too_large = |result: Result<(), BundleError>| {
        assert!(matches!(result, Err(BundleError::TooLarge { .. })), "{result:?}");
    };
    too_large(Upload::decode(&vec![0; UPLOAD_BYTES_MAX + 1]).map(drop));
    too_large(Manifest::decode(&vec![1; MANIFEST_BYTES_MAX + 1]).map(drop));
    let mut claims = b"cairn\0\x01".to_vec();
    claims.extend(u32::MAX.to_le_bytes());
    too_large(Upload::decode(&claims).map(drop));
}

#[test]
fn limits_hold_at_n_and_n_plus_one() {
    let sized = |kind, length: usize| {
        let mut manifest = small().0;
        manifest.fragments[0].kind = kind;
        manifest.fragments[0].length_bytes = length as u32;
        manifest.root = inclusion::root(&manifest.fragments);
        Manifest::decode(&manifest.encode()).map(drop)
    };
    assert_eq!(sized(FragmentKind::Code, CODE_BYTES_MAX), Ok(()));
    assert!(matches!(
        sized(FragmentKind::Code, CODE_BYTES_MAX + 1),
        Err(BundleError::TooLarge { actual: 65_537, max: 65_536, .. })
    ));
    assert_eq!(sized(FragmentKind::Loot, DATA_BYTES_MAX), Ok(()));
    assert!(sized(FragmentKind::Loot, DATA_BYTES_MAX + 1).is_err());

    let named = |length: usize| {
        let mut manifest = small().0;
        manifest.fragments[0].name = "a".repeat(length);
        manifest.root = inclusion::root(&manifest.fragments);
        Manifest::decode(&manifest.encode()).map(drop)
    };
    assert_eq!(named(128), Ok(()));
    assert!(named(129).is_err());

    // 64 MiB in fragments of 16 MiB, and one byte more.
    let total = |last: u32| {
        let mut fragments: Vec<_> = (0..5)
            .map(|n| FragmentEntry {
                name: format!("loot{n}"),
                kind: FragmentKind::Loot,
                digest: Digest::of(&[n]),
                length_bytes: DATA_BYTES_MAX as u32,
            })
            .collect();
        fragments[4].length_bytes = last;
        let root = inclusion::root(&fragments);
        Manifest { fragments, root, ..small().0 }.check()
    };
    assert_eq!(total(0), Ok(()));
    assert!(matches!(total(1), Err(BundleError::TooLarge { what: "the bundle", .. })));
}

/// A count is refused before anything is allocated for it.
#[test]
fn claimed_counts_are_refused() {
    let manifest = small().0;
    let bytes = manifest.encode();
    let head = postcard::to_stdvec(&(
        manifest.format,
        &manifest.ruleset,
        &manifest.version,
        manifest.language,
        &manifest.context,
        manifest.context_hash,
        manifest.root,
    ))
    .unwrap();
    assert_eq!(bytes[head.len()], 4, "the count of fragments");
    for count in [FRAGMENTS_MAX as u64 + 1, u64::from(u32::MAX), u64::MAX] {
        let mut lying = head.clone();
        lying.extend(postcard::to_stdvec(&count).unwrap());
        lying.extend(&bytes[head.len() + 1..]);
        assert!(matches!(Manifest::decode(&lying), Err(BundleError::Malformed { .. })));
    }
}

/// postcard reads a longer spelling of a number: what is signed must have one.
#[test]
fn other_spellings_are_not_canonical() {
    let bytes = small().0.encode();
    assert_eq!(bytes[0], 1);
    let longer = [&[0x81, 0x00], &bytes[1..]].concat();
    assert_eq!(Manifest::decode(&longer), Err(BundleError::NotCanonical { what: "the manifest" }));
}

#[test]
fn manifests_that_are_refused() {
    let check = |change: fn(&mut Manifest)| {
        let mut manifest = small().0;
        change(&mut manifest);
        Manifest::decode(&manifest.encode()).unwrap_err()
    };
    assert!(matches!(check(|m| m.fragments.swap(0, 1)), BundleError::Unsorted { index: 1, .. }));
    assert!(matches!(
        check(|m| m.fragments[1].name = m.fragments[0].name.clone()),
        BundleError::Unsorted { index: 1, .. }
    ));
    assert!(matches!(check(|m| m.root = Digest::default()), BundleError::WrongRoot { .. }));
    assert!(matches!(
        check(|m| m.fragments[2].digest = Digest::default()),
        BundleError::WrongRoot { .. }
    ));
    assert!(matches!(check(|m| m.version = "1.4".into()), BundleError::BadName { .. }));
    assert!(matches!(check(|m| m.ruleset = String::new()), BundleError::BadName { .. }));
    assert!(matches!(check(|m| m.ruleset = "a b".into()), BundleError::BadName { .. }));
}

#[test]
fn versions() {
    for good in ["0.0.0", "1.4.0", "10.20.30", "2.0.0-rc.1", "1.0.0-x-y.0+b.001", "1.0.0+20"] {
        assert!(version_is_valid(good), "{good}");
    }
    let bad = "|1|1.2|1.2.3.4|01.2.3|1.2.3-|1.2.3-01|1.2.3+|v1.2.3|1.2.x|1.2.3-a..b";
    for bad in bad.split('|') {
        assert!(!version_is_valid(bad), "{bad}");
    }
}

#[test]
fn who_may_sign() {
    let manifest = small().0;
    let open = |keys: &[&SecretKey], threshold| {
        Envelope::seal(&manifest, keys).unwrap().open(&trust(threshold)).map(drop)
    };
    let (publisher, both, operator, stranger) = (key(2), key(3), key(4), key(99));
    let untrusted = |error| Err(BundleError::Untrusted(error));
    assert_eq!(open(&[&publisher], 1), Ok(()));
    assert_eq!(open(&[&both], 1), Ok(()));
    assert_eq!(open(&[&both, &publisher], 2), Ok(()));
    let role = Role::Publisher;
    assert_eq!(
        open(&[&operator], 1),
        untrusted(TrustError::WrongRole { key: operator.public().id(), role })
    );
    assert_eq!(
        open(&[&stranger], 1),
        untrusted(TrustError::UnknownKey { key: stranger.public().id() })
    );
    // The root signs key lists and nothing else.
    assert!(open(&[&key(1)], 1).is_err());
    let few = |have, need| untrusted(TrustError::TooFew { role, have, need });
    assert_eq!(open(&[&publisher], 2), few(1, 2));
    assert_eq!(open(&[&publisher, &publisher], 2), few(1, 2));
    assert_eq!(open(&[], 1), few(0, 1));
    // A good signature does not carry a bad one along.
    assert!(open(&[&publisher, &stranger], 1).is_err());
}

#[test]
fn signatures_are_counted_and_ordered() {
    let trust = trust(1);
    let mut envelope = Envelope::seal(&small().0, &[&key(2), &key(3)]).unwrap();
    let untrusted = |envelope: &Envelope| match envelope.open(&trust) {
        Err(BundleError::Untrusted(error)) => error,
        other => panic!("{other:?}"),
    };
    envelope.signatures.swap(0, 1);
    assert!(matches!(untrusted(&envelope), TrustError::Order { .. }));
    envelope.signatures = vec![envelope.signatures[0]; 2];
    assert!(matches!(untrusted(&envelope), TrustError::Order { .. }));
    envelope.signatures = vec![envelope.signatures[0]; SIGNATURES_MAX + 1];
    assert_eq!(untrusted(&envelope), TrustError::TooMany { actual: 17, max: 16 });
    assert!(Envelope::decode(&envelope.encode()).is_err());
}

#[test]
fn a_signature_is_good_for_one_domain() {
    const DIRECTIVE: &str = "cairn 2026 directive v1";
    let (trust, bytes) = (trust(1), b"generation 7");
    let signature = key(4).sign(DIRECTIVE, bytes);
    let verify = |domain, bytes: &[u8]| trust.verify(Role::Operator, domain, bytes, &[signature]);
    assert_eq!(verify(DIRECTIVE, bytes), Ok(()));
    assert!(verify("cairn 2026 bundle head v1", bytes).is_err());
    assert!(verify(DIRECTIVE, b"generation 8").is_err());
    let relabelled = Signature { key: key(3).public().id(), ..signature };
    assert!(trust.verify(Role::Operator, DIRECTIVE, bytes, &[relabelled]).is_err());
}

#[test]
fn key_lists_need_the_pinned_root() {
    let list = trust(1).list;
    let forged = SignedKeyList::sign(&key(7), &list).unwrap();
    assert_eq!(
        forged.open(&key(1).public()),
        Err(TrustError::UnknownKey { key: key(7).public().id() })
    );
    let mut twice = list.clone();
    twice.entries.push(twice.entries[0].clone());
    assert!(matches!(SignedKeyList::sign(&key(1), &twice), Err(TrustError::MalformedList { .. })));
    let mut none = list;
    none.threshold.publisher = 0;
    assert!(SignedKeyList::sign(&key(1), &none).is_err());
}

#[test]
fn key_files() {
    let secret = key(2);
    let text = secret.to_file();
    assert_eq!(SecretKey::from_file(&text).unwrap().public(), secret.public());
    assert_eq!(PublicKey::from_file(&secret.public().to_file()).unwrap(), secret.public());
    // Neither kind passes for the other, and no debug text shows a key.
    assert!(matches!(PublicKey::from_file(&text), Err(KeyError::Header { .. })));
    assert!(SecretKey::from_file(&secret.public().to_file()).is_err());
    let digits = text.lines().nth(1).unwrap();
    assert!(!format!("{secret:?}").contains(&digits[..8]));
    for bad in ["", "cairn secret key v1", "cairn secret key v1\n", "cairn secret key v1\nzz\n"] {
        assert!(SecretKey::from_file(bad).is_err(), "{bad:?}");
    }
    assert!(SecretKey::from_file(&format!("{}{digits}", *text)).is_err());
    // All zero is a point of small order, under which anything can be made to verify.
    assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(KeyError::Point));
}

#[test]
fn blobs_must_be_those_of_the_manifest() {
    let (manifest, blobs) = small();
    let new = |change: &dyn Fn(&mut Blobs)| {
        let mut blobs = blobs.clone();
        change(&mut blobs);
        Upload::new(Envelope::seal(&manifest, &[&key(2)]).unwrap(), blobs).map(drop)
    };
    let first = manifest.fragments[0].digest;
    assert_eq!(new(&|_| ()), Ok(()));
    assert!(matches!(new(&|b| drop(b.remove(&first))), Err(BundleError::MissingBlob { .. })));
    let more = Digest::of(b"more");
    assert_eq!(
        new(&|b| drop(b.insert(more, b"more".to_vec()))),
        Err(BundleError::ExtraBlob { digest: more })
    );
    assert!(matches!(
        new(&|b| drop(b.insert(first, b"\0asm 0ne".to_vec()))),
        Err(BundleError::WrongDigest { .. })
    ));
    assert!(matches!(
        new(&|b| drop(b.insert(first, b"\0asm one!".to_vec()))),
        Err(BundleError::WrongLength { .. })
    ));
}

#[test]
fn equal_fragments_travel_once() {
    let same: &[u8] = &[7; 1_000];
    let (manifest, blobs) = manifest_of(&[
        ("a", FragmentKind::Code, same),
        ("b", FragmentKind::Code, same),
        ("c", FragmentKind::Code, b"c"),
    ]);
    let envelope = Envelope::seal(&manifest, &[&key(2)]).unwrap();
    let bytes = Upload::new(envelope, blobs.clone()).unwrap().encode();
    assert!(bytes.len() < 2_000);
    assert_eq!(Upload::open(&bytes, &trust(1)).unwrap().manifest, manifest);

    // The two entries disagree about the length of the one content.
    let mut lying = manifest;
    lying.fragments[1].length_bytes = 999;
    lying.root = inclusion::root(&lying.fragments);
    let envelope = Envelope::seal(&lying, &[&key(2)]).unwrap();
    let file = Upload { envelope, manifest: lying, blobs }.encode();
    assert!(matches!(Upload::decode(&file), Err(BundleError::WrongLength { .. })));
}

fn numbered(count: usize) -> Manifest {
    let parts: Vec<_> = (0..count).map(|n| (format!("f{n:05}"), n.to_le_bytes())).collect();
    let parts: Vec<_> =
        parts.iter().map(|(name, bytes)| (name.as_str(), FragmentKind::Code, &bytes[..])).collect();
    manifest_of(&parts).0
}

#[test]
fn proofs_verify_for_every_shape_of_tree() {
    for count in 1..=33 {
        let (manifest, larger) = (numbered(count), numbered(count + 1));
        for index in 0..count {
            let proof = manifest.proof(index).unwrap();
            let bytes = index.to_le_bytes();
            assert_eq!(proof.verify_bytes(&manifest.root, &bytes), Ok(()));
            assert!(proof.verify_bytes(&manifest.root, &[9; 8]).is_err());
            assert!(proof.verify(&larger.root).is_err());
            assert_eq!(manifest.verify_fragment(index, &bytes), Ok(()));
        }
        assert!(matches!(manifest.proof(count), Err(BundleError::NoSuchFragment { .. })));
        assert!(manifest.verify_fragment(count, &[]).is_err());
    }
}

/// What rs_merkle by itself lets pass.
#[test]
fn proofs_bind_index_count_and_length() {
    let manifest = numbered(13);
    let good = manifest.proof(5).unwrap();
    let check = |change: fn(&mut Proof)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof.verify(&manifest.root)
    };
    assert_eq!(check(|_| ()), Ok(()));
    assert!(matches!(check(|p| p.index = 13), Err(BundleError::NoSuchFragment { .. })));
    assert!(matches!(check(|p| p.index = u32::MAX), Err(BundleError::NoSuchFragment { .. })));
    assert!(matches!(check(|p| p.count = u32::MAX), Err(BundleError::TooMany { .. })));
    let changes: [fn(&mut Proof); 9] = [
        |p| p.index = 4,
        |p| p.count = 14,
        |p| p.count = 12,
        |p| p.path.push(Digest::default()),
        |p| {
            p.path.pop();
        },
        |p| p.path.swap(0, 1),
        |p| p.entry.length_bytes += 1,
        |p| p.entry.kind = FragmentKind::Loot,
        |p| p.entry.name.push('x'),
    ];
    for change in changes {
        assert!(matches!(check(change), Err(BundleError::BadProof { .. })));
    }
    let mut single = numbered(1).proof(0).unwrap();
    assert!(single.path.is_empty());
    single.index = 7;
    assert!(single.verify(&numbered(1).root).is_err());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let trust = trust(1);
        let after = |head: &[u8]| [head, &bytes].concat();
        let _ = Upload::open(&bytes, &trust);
        let _ = Upload::decode(&after(b"cairn\0\x01"));
        let _ = Manifest::decode(&bytes);
        let _ = Manifest::decode(&after(&[1]));
        let _ = Envelope::decode(&after(&[1])).map(|envelope| envelope.open(&trust));
        let _ = SignedKeyList::decode(&after(&[1]));
        let _ = postcard::from_bytes::<Proof>(&bytes).map(|proof| proof.verify(&Digest::of(b"root")));
        let text = String::from_utf8_lossy(&bytes);
        let _ = SecretKey::from_file(&text);
        let _ = PublicKey::from_file(&text);
    }

    #[test]
    fn damage_anywhere_is_refused(
        at in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let whole = small_file();
        let mut file = whole.clone();
        let at = at.index(file.len());
        let end = (at + with.len()).min(file.len());
        file.splice(at..end, with);
        if file != whole {
            prop_assert!(Upload::open(&file, &trust(1)).is_err());
        }
    }
}
