//! What a crash, a torn file or a flipped bit leaves behind.

use std::fs;
use std::path::Path;
use std::sync::mpsc;

use bytes::Bytes;
use cairn_core::ActivationRecord;
use cairn_gossip::{
    Batch, BlobRef, BundleHead, BundleRef, ChannelRecord, Event, Sign, Signature, SignedBatch,
    SignedDirective, VersionVector, Write,
};
use cairn_gossip::{Origin, Stream};
use cairn_merkle::Digest;

use super::*;
use crate::identity::Identity;

/// A bundle whose envelope says which fragments it has: one digest and length after another.
fn opener(_: &Digest, envelope: &[u8]) -> Result<Vec<BlobRef>, String> {
    postcard::from_bytes::<Vec<BlobRef>>(envelope).map_err(|error| error.to_string())
}

struct Opened {
    store: Store,
    writer: Writer,
    done: mpsc::Receiver<Done>,
    recovered: Recovered,
    identity: Identity,
}

fn open(state: &Path) -> Result<Opened, StoreError> {
    let dir = Arc::new(StateDir::open(state)?);
    let identity = Identity::load_or_create(&dir).unwrap();
    let (store, recovered) = Store::open(dir, identity.origin(), &opener)?;
    let (tell, done) = mpsc::channel();
    let writer = store.writer(move |group| drop(tell.send(group)))?;
    Ok(Opened { store, writer, done, recovered, identity })
}

impl Opened {
    /// Write and wait until it is durable.
    fn write(&self, replica: Vec<Write>, core: Vec<cairn_core::Write>) {
        self.writer.persist(Persist { ticket: TicketId::Shell(1), replica, core }).unwrap();
        match self.done.recv().unwrap() {
            Done::Durable(tickets) => assert_eq!(tickets, [TicketId::Shell(1)]),
            Done::Failed(error) => panic!("{error}"),
        }
    }

    fn batch(&self, first_seq: u64) -> SignedBatch {
        let stream = Stream { origin: self.identity.origin(), incarnation: 1 };
        let event = Event {
            topic: "t".to_owned(),
            payload: Bytes::from(vec![first_seq as u8; 10]),
            key: None,
            idempotency: None,
            time_ms: 0,
        };
        let deps = VersionVector::new();
        let batch = Batch { stream, first_seq, lamport: first_seq, deps, events: vec![event; 2] };
        let body = batch.encode().unwrap();
        let signature = self.identity.batch(&body);
        SignedBatch { body, key: self.identity.key(), signature }
    }
}

fn record(generation: u8) -> ChannelRecord {
    let body = Bytes::from(vec![generation; 8]);
    ChannelRecord {
        chain: vec![SignedDirective { body, key: [0; 32], signature: Signature::default() }],
    }
}

fn bundle(content: &[u8]) -> (BundleHead, Bytes, BlobRef) {
    let length_bytes = content.len() as u32;
    let blob = BlobRef { digest: Digest::of(content), length_bytes };
    let envelope = Bytes::from(postcard::to_stdvec(&vec![blob]).unwrap());
    let head = BundleHead {
        bundle: BundleRef {
            digest: Digest::of(&envelope),
            version: "1.0.0".to_owned(),
            envelope_bytes: envelope.len() as u32,
        },
        ruleset: "hunt".to_owned(),
        published_ms: 0,
        key: [0; 32],
        signature: Signature::default(),
    };
    (head, envelope, blob)
}

#[test]
fn everything_that_was_durable_is_there_after_every_prefix() {
    const STEPS: usize = 6;
    for steps in 0..=STEPS {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let opened = open(&state).unwrap();
        let (head, envelope, blob) = bundle(b"fragment");
        let digest = head.bundle.digest;
        let cursor =
            VersionVector::from_iter([(Stream { origin: Origin([7; 16]), incarnation: 1 }, 5)]);
        let live = ActivationRecord { generation: 3, digest, version: "1.0.0".to_owned() };
        for step in 0..steps {
            match step {
                0 => opened.write(vec![Write::Batch { local: 0, batch: opened.batch(1) }], vec![]),
                1 => {
                    let name = "hunt/prod".to_owned();
                    opened.write(vec![Write::Channel { name, record: record(1) }], vec![]);
                }
                2 => opened.write(
                    vec![
                        Write::Envelope { digest, bytes: envelope.clone() },
                        Write::Blob { digest: blob.digest, bytes: Bytes::from_static(b"fragment") },
                        Write::Head(head.clone()),
                    ],
                    vec![],
                ),
                3 => opened.write(
                    vec![Write::Batch { local: 1, batch: opened.batch(3) }],
                    vec![cairn_core::Write::Cursor {
                        name: "game".to_owned(),
                        cursor: cursor.clone(),
                    }],
                ),
                4 => {
                    let (channel, records) = ("hunt/prod".to_owned(), vec![live.clone()]);
                    opened.write(vec![], vec![cairn_core::Write::Activations { channel, records }]);
                }
                _ => opened
                    .write(vec![Write::RemoveBundle { digest, blobs: vec![blob.digest] }], vec![]),
            }
        }
        let (node, origin) = (opened.recovered.replica.node, opened.identity.origin());
        assert_eq!(opened.recovered.replica.incarnation, 1);
        drop(opened);

        let again = open(&state).unwrap();
        let found = &again.recovered;
        assert_eq!((found.replica.node, found.replica.origin), (node, origin));
        assert_eq!(found.replica.incarnation, 2, "each start is a new life");
        let log: Vec<_> = found.replica.log.iter().map(|header| header.first_seq).collect();
        assert_eq!(log, [1, 3][..usize::from(steps > 0) + usize::from(steps > 3)]);
        assert_eq!(
            found.replica.channels.get("hunt/prod"),
            (steps > 1).then(|| record(1)).as_ref()
        );
        let held = (3..STEPS).contains(&steps);
        assert_eq!(found.replica.heads, if held { vec![head] } else { vec![] });
        assert_eq!(found.replica.bundles.len(), usize::from(held));
        assert_eq!(found.replica.blobs.contains_key(&blob.digest), held);
        assert_eq!(found.cursors.get("game"), (steps > 3).then_some(&cursor));
        assert_eq!(found.activations.get("hunt/prod"), (steps > 4).then(|| vec![live]).as_ref());
        if steps > 3 {
            let stream = Stream { origin, incarnation: 1 };
            assert_eq!(again.store.batches(stream, 1, 4).unwrap().len(), 2);
            assert_eq!(again.store.batches(stream, 3, 9).unwrap(), [again.batch(3)]);
            assert_eq!(again.store.batch(0).unwrap(), Some(again.batch(1)));
            assert_eq!(again.store.batch(2).unwrap(), None);
        }
    }
}

#[test]
fn a_flipped_bit_in_a_fragment_is_found_and_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (head, envelope, blob) = bundle(b"fragment");
    let opened = open(&state).unwrap();
    let digest = head.bundle.digest;
    opened.write(
        vec![
            Write::Envelope { digest, bytes: envelope },
            Write::Blob { digest: blob.digest, bytes: Bytes::from_static(b"fragment") },
            Write::Head(head),
        ],
        vec![],
    );
    let path = state.join("fragments").join(blob.digest.to_string());
    fs::write(&path, b"fragmenu").unwrap();
    // While running: refused when it is read whole, and gone afterwards.
    let error = opened.store.fragment(&blob.digest).unwrap_err();
    assert!(matches!(error, StoreError::BlobDamaged { .. }), "{error}");
    assert_eq!(opened.store.fragment(&blob.digest).unwrap(), None);
    // At start: not reported as held, so the replica fetches it.
    fs::write(&path, b"fragmenu").unwrap();
    drop(opened);
    let again = open(&state).unwrap();
    assert!(again.recovered.replica.blobs.is_empty());
    assert_eq!(again.recovered.replica.bundles.len(), 1);
    assert!(!path.exists());
}

#[test]
fn a_damaged_envelope_and_orphans_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (head, envelope, blob) = bundle(b"fragment");
    let opened = open(&state).unwrap();
    let digest = head.bundle.digest;
    opened.write(
        vec![
            Write::Envelope { digest, bytes: envelope },
            Write::Blob { digest: blob.digest, bytes: Bytes::from_static(b"fragment") },
        ],
        vec![],
    );
    drop(opened);
    fs::write(state.join("bundles").join(digest.to_string()), b"\xff\xff\xff").unwrap();
    let again = open(&state).unwrap();
    assert!(again.recovered.replica.bundles.is_empty());
    assert!(again.recovered.replica.blobs.is_empty());
    assert_eq!(fs::read_dir(state.join("fragments")).unwrap().count(), 0);
}

#[test]
fn a_damaged_log_is_an_error_and_not_a_guess() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let opened = open(&state).unwrap();
    opened.write(vec![Write::Batch { local: 1, batch: opened.batch(1) }], vec![]);
    drop(opened);
    // Place 0 is missing: what stood there is lost.
    let error = open(&state).err().unwrap();
    assert!(matches!(error, StoreError::Damaged { table: "log", .. }), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn another_origin_key_is_refused_and_a_retired_one_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let opened = open(&state).unwrap();
    let first = opened.identity.origin();
    drop(opened);
    fs::rename(state.join("origin.key"), dir.path().join("kept")).unwrap();
    let error = open(&state).err().unwrap();
    assert!(matches!(error, StoreError::OtherOrigin { .. }), "{error}");

    fs::rename(dir.path().join("kept"), state.join("origin.key")).unwrap();
    let opened = open(&state).unwrap();
    opened.store.retire_origin().unwrap();
    drop(opened);
    let again = open(&state).unwrap();
    assert_ne!(again.identity.origin(), first);
    assert_eq!(again.recovered.replica.incarnation, 3, "the counter goes on");
}

#[test]
fn a_failed_write_stops_the_writer_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let opened = open(&state).unwrap();
    fs::remove_dir_all(state.join("fragments")).unwrap();
    let blob = Write::Blob { digest: Digest::of(b"x"), bytes: Bytes::from_static(b"x") };
    let persist =
        |write| Persist { ticket: TicketId::Shell(1), replica: vec![write], core: vec![] };
    opened.writer.persist(persist(blob)).unwrap();
    assert!(matches!(opened.done.recv().unwrap(), Done::Failed(_)));
    // Nothing is acknowledged any more, whatever it is.
    let _ = opened
        .writer
        .persist(persist(Write::Channel { name: "a/b".to_owned(), record: record(1) }));
    assert!(opened.done.recv().is_err());
    drop(opened);
    fs::create_dir(state.join("fragments")).unwrap();
    fs::set_permissions(
        state.join("fragments"),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    assert!(open(&state).unwrap().recovered.replica.channels.is_empty());
}

#[test]
fn pieces_are_cut_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir.path().join("state")).unwrap();
    let digest = Digest::of(b"fragment");
    opened.write(vec![Write::Blob { digest, bytes: Bytes::from_static(b"fragment") }], vec![]);
    let piece = |offset, length| opened.store.piece(&digest, offset, length).unwrap().unwrap();
    assert_eq!(piece(0, 4), (8, Bytes::from_static(b"frag")));
    assert_eq!(piece(4, 100), (8, Bytes::from_static(b"ment")));
    assert_eq!(piece(9, 100), (8, Bytes::new()));
    assert_eq!(opened.store.piece(&Digest::of(b"?"), 0, 1).unwrap(), None);
}

#[test]
fn content_that_comes_back_right_after_its_removal_stays() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir.path().join("state")).unwrap();
    let bytes = Bytes::from_static(b"shared by two bundles");
    let (digest, old) = (Digest::of(&bytes), Digest([7; 32]));
    // Handed over at once, so that one group would take them together.
    for round in 0..50 {
        let put = Write::Blob { digest, bytes: bytes.clone() };
        let remove = Write::RemoveBundle { digest: old, blobs: vec![digest] };
        for (ticket, write) in [(1, put.clone()), (2, remove), (3, put)] {
            let ticket = TicketId::Shell(ticket);
            let (replica, core) = (vec![write], Vec::new());
            opened.writer.persist(Persist { ticket, replica, core }).unwrap();
        }
        let mut durable = 0;
        while durable < 3 {
            match opened.done.recv().unwrap() {
                Done::Durable(tickets) => durable += tickets.len(),
                Done::Failed(error) => panic!("{error}"),
            }
        }
        let held = opened.store.fragment(&digest).unwrap();
        assert_eq!(held.as_ref(), Some(&bytes), "round {round}");
    }
}

#[test]
fn what_is_spared_stays_when_its_bundle_goes() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir.path().join("state")).unwrap();
    let contents = [b"live".as_slice(), b"old"].map(Bytes::from_static);
    let [live, old] = contents.each_ref().map(|bytes| Digest::of(bytes));
    for (digest, bytes) in [(live, &contents[0]), (old, &contents[1])] {
        opened.write(vec![Write::Blob { digest, bytes: bytes.clone() }], Vec::new());
    }
    opened.store.spare(std::collections::BTreeSet::from([live]));
    let bundle = Digest([7; 32]);
    let remove = Write::RemoveBundle { digest: bundle, blobs: vec![live, old] };
    opened.write(vec![remove], Vec::new());
    assert!(opened.store.fragment(&live).unwrap().is_some());
    assert!(opened.store.fragment(&old).unwrap().is_none());
}
