//! What must hold for all inputs: codecs round-trip, joins are joins, no bytes panic.

mod net;

use std::net::SocketAddr;

use bytes::Bytes;
use cairn_gossip::frame::{FRAME_BYTES_MAX, VectorPage, body_length, pack_events};
use cairn_gossip::{
    Body, ChannelRecord, Frame, FrameError, Hello, Input, NodeId, Origin, SignedBatch,
    SignedDirective, Stream, VersionVector,
};
use cairn_merkle::{Digest, Prefix, Trie};
use net::{Net, addr, bundle, directive, event, sign};
use proptest::prelude::*;

fn peer() -> SocketAddr {
    addr(1)
}

fn stream() -> impl Strategy<Value = Stream> {
    (0..6_u8, 0..3_u32).prop_map(|(n, incarnation)| Stream { origin: Origin([n; 16]), incarnation })
}

fn vector() -> impl Strategy<Value = VersionVector> {
    proptest::collection::vec((stream(), 1..9_u64), 0..12).prop_map(|v| v.into_iter().collect())
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<u64>().prop_map(|n| Digest::of(&n.to_le_bytes()))
}

fn content(max: usize) -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from)
}

fn signed_batch() -> impl Strategy<Value = SignedBatch> {
    (content(300), any::<[u8; 32]>()).prop_map(|(body, key)| SignedBatch {
        signature: sign(&key, &body),
        body,
        key,
    })
}

fn record() -> impl Strategy<Value = ChannelRecord> {
    let signed = (content(200), any::<[u8; 32]>()).prop_map(|(body, key)| SignedDirective {
        signature: sign(&key, &body),
        body,
        key,
    });
    proptest::collection::vec(signed, 0..4).prop_map(|chain| ChannelRecord { chain })
}

fn summaries() -> impl Strategy<Value = Vec<cairn_merkle::Summary>> {
    proptest::collection::vec(digest(), 0..80).prop_map(|keys| {
        let trie: Trie = keys.into_iter().map(|key| (key, Digest::of(&key.0))).collect();
        vec![trie.summary(&Prefix::ROOT)]
    })
}

fn body() -> impl Strategy<Value = Body> {
    let hello = (digest(), any::<u16>(), any::<[u8; 16]>(), ".{0,20}").prop_map(
        |(cluster, protocol, node, name)| {
            Body::Hello(Hello { cluster, protocol, node: NodeId(node), addr: addr(3), name })
        },
    );
    let page = (proptest::option::of(stream()), vector()).prop_map(|(after, entries)| VectorPage {
        after,
        through: None,
        entries,
    });
    let batches = proptest::collection::vec(signed_batch(), 0..5);
    prop_oneof![
        hello,
        content(100).prop_map(Body::Swim),
        (digest(), digest()).prop_map(|(root, vector)| Body::Pulse { root, vector }),
        (digest(), page, any::<bool>()).prop_map(|(root, page, reply)| Body::Summary {
            root,
            page,
            reply
        }),
        (batches, any::<bool>(), any::<bool>()).prop_map(|(batches, repair, ack)| Body::Events {
            batches,
            repair,
            ack
        }),
        record().prop_map(Body::Channel),
        any::<u8>().prop_map(|n| Body::Head(bundle(n, &[1, 2]).0)),
        (digest(), proptest::collection::vec((digest(), 0..9_usize), 0..20)).prop_map(
            |(root, keys)| Body::TrieAsk {
                root,
                prefixes: keys.iter().map(|(key, depth)| Prefix::of(key, *depth)).collect(),
            }
        ),
        (digest(), summaries()).prop_map(|(root, summaries)| Body::TrieTell { root, summaries }),
        proptest::collection::vec(digest(), 0..70).prop_map(|keys| Body::RecordAsk { keys }),
        record().prop_map(|record| Body::RecordTell {
            records: vec![cairn_gossip::frame::Record::Channel(record)],
        }),
        (digest(), any::<u32>(), any::<u32>()).prop_map(|(digest, offset, length)| Body::BlobAsk {
            digest,
            offset,
            length
        }),
        (digest(), any::<u32>(), any::<u32>(), content(100)).prop_map(
            |(digest, total, offset, bytes)| Body::BlobTell { digest, total, offset, bytes }
        ),
        digest().prop_map(|digest| Body::BlobNone { digest }),
        digest().prop_map(|digest| Body::Have { digest }),
        (stream(), any::<u64>()).prop_map(|(stream, seq)| Body::Durable { stream, seq }),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    (proptest::option::of("[0-9a-f-]{0,55}"), body())
        .prop_map(|(trace, body)| Frame { trace, body })
}

proptest! {
    #[test]
    fn frames_round_trip(frame in frame(), rest in content(10)) {
        let mut bytes = frame.encode(peer()).unwrap().to_vec();
        let length = bytes.len();
        bytes.extend_from_slice(&rest);
        let (read, taken) = Frame::take(peer(), &bytes).unwrap().unwrap();
        prop_assert_eq!(&read, &frame);
        prop_assert_eq!(taken, length);
        // Every shorter prefix asks for more and is no error.
        for cut in [0, 3, 4, length / 2, length - 1] {
            prop_assert_eq!(Frame::take(peer(), &bytes[..cut.min(length - 1)]).unwrap(), None);
        }
    }

    #[test]
    fn random_bytes_are_an_error_or_a_frame(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Frame::decode(peer(), &bytes);
        let mut versioned = bytes;
        versioned.insert(0, 1);
        let _ = Frame::decode(peer(), &versioned);
    }

    #[test]
    fn join_is_a_join(a in vector(), b in vector(), c in vector()) {
        let join = |a: &VersionVector, b: &VersionVector| {
            let mut joined = a.clone();
            joined.join(b);
            joined
        };
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(join(&a, &a), a.clone());
        let both = join(&a, &b);
        prop_assert!(both.dominates(&a) && both.dominates(&b));
        prop_assert_eq!(join(&b, &a.delta_from(&b)), both.clone());
        // What one lacks, applied to it, gives the join.
        let mut applied = b.clone();
        a.missing_from(&b).iter().for_each(|range| applied.advance(range.stream, range.last));
        prop_assert_eq!(applied.digest(), both.digest());
        prop_assert_eq!(a == b, a.digest() == b.digest());
        let bytes = postcard::to_stdvec(&a).unwrap();
        prop_assert_eq!(postcard::from_bytes::<VersionVector>(&bytes).unwrap(), a);
    }

    #[test]
    fn packed_events_keep_their_order_and_fit(sizes in proptest::collection::vec(0..49_000_usize, 0..12)) {
        let batch = |size| SignedBatch {
            body: Bytes::from(vec![1; size]),
            key: [0; 32],
            signature: cairn_gossip::Signature::default(),
        };
        let batches: Vec<_> = sizes.into_iter().map(batch).collect();
        let mut unpacked = Vec::new();
        for frame in pack_events(batches.clone(), true, true, Some(&"t".repeat(55))) {
            prop_assert!(frame.encode(peer()).is_ok());
            let Body::Events { batches, .. } = frame.body else { panic!("not events") };
            unpacked.extend(batches);
        }
        prop_assert_eq!(unpacked, batches);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a peer sends, a replica neither panics nor believes it.
    #[test]
    fn no_frame_harms_a_replica(frames in proptest::collection::vec((frame(), any::<u16>(), any::<u8>()), 1..40)) {
        let mut net = Net::new(1, |_| {});
        let head = net.add_bundle(1, 1, &[100]);
        let record = directive(None, 1, &head.bundle);
        net.input(1, Input::Propose { record, trace: None });
        net.publish(1, 1, event("t"), cairn_gossip::Level::Local);
        net.run(20);
        // A head with a good signature is news of a publisher and may count; the rest may not.
        let state = |net: &Net| {
            let replica = &net.nodes[&1].replica;
            let channel = replica.channel("hunt/prod").cloned();
            (channel, replica.bundle(&head.bundle.digest), replica.vector().clone())
        };
        let before = state(&net);
        for (frame, at, bit) in frames {
            let received = |frame| Input::Received { from: NodeId([2; 16]), addr: addr(2), frame };
            let mut bytes = frame.encode(peer()).unwrap().to_vec();
            net.input(1, received(frame));
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
            if let Ok(Some((frame, _))) = Frame::take(peer(), &bytes) {
                net.input(1, received(frame));
            }
        }
        net.run(5_000);
        prop_assert_eq!(state(&net), before);
    }

    /// Channel registers end equal in whatever order, and however often, directives come.
    #[test]
    fn registers_merge_in_any_order(order in proptest::collection::vec(0..6_usize, 6..18)) {
        let (a, b) = (bundle(1, &[]).0.bundle, bundle(2, &[]).0.bundle);
        let first = directive(None, 1, &a);
        let second = directive(Some(&first), 2, &b);
        let rival = directive(Some(&first), 2, &a);
        let third = directive(Some(&second), 3, &a);
        let late = directive(Some(&rival), 3, &b);
        let jump = directive(Some(&first), 2, &b);
        let records = [first, second, rival, third, late, jump];
        let merged = |order: &[usize]| {
            let mut net = Net::new(1, |_| {});
            for (place, which) in order.iter().enumerate() {
                let frame = Frame::new(Body::Channel(records[*which].clone()));
                net.input(1, Input::Received { from: NodeId([2; 16]), addr: addr(2), frame });
                net.run(u64::try_from(place % 3).unwrap());
            }
            net.run(100);
            (net.nodes[&1].replica.root(), net.nodes[&1].disk.channels.clone())
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let reversed: Vec<_> = sorted.iter().rev().copied().collect();
        let expected = merged(&order);
        prop_assert_eq!(&merged(&sorted), &expected);
        prop_assert_eq!(&merged(&reversed), &expected);
        prop_assert_eq!(expected.1.len(), 1);
    }
}

#[test]
fn four_gigabytes_and_unknown_versions_are_named() {
    let error = body_length(peer(), u32::MAX.to_le_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "frame from 10.0.0.1:7000 is 4294967295 bytes, limit 65536",);
    assert!(!error.hint().is_empty());
    assert!(Frame::take(peer(), &u32::MAX.to_le_bytes()).is_err(), "before any body is there");
    let error = Frame::decode(peer(), &[9, 0, 0]).unwrap_err();
    assert_eq!(error.to_string(), "frame from 10.0.0.1:7000 has version 9, this node reads 1");
    assert_eq!(body_length(peer(), [0; 4]), Err(FrameError::Empty { peer: peer() }));
    assert_eq!(body_length(peer(), 65_536_u32.to_le_bytes()), Ok(FRAME_BYTES_MAX));
    assert!(body_length(peer(), 65_537_u32.to_le_bytes()).is_err());
    assert!(Frame::decode(peer(), &vec![1; FRAME_BYTES_MAX + 1]).is_err());
    let long = Frame { trace: Some("x".repeat(65)), body: Body::Have { digest: Digest::of(b"") } };
    let bytes = long.encode(peer()).unwrap();
    let error = Frame::take(peer(), &bytes).unwrap_err().to_string();
    assert!(error.contains("trace context of 65 bytes, limit 64"), "{error}");
}

#[test]
fn a_vector_of_too_many_streams_is_refused() {
    let entry = |n: u32| (Stream { origin: Origin([0; 16]), incarnation: n }, 1_u64);
    let encoded = |count| postcard::to_stdvec(&(0..count).map(entry).collect::<Vec<_>>()).unwrap();
    assert!(postcard::from_bytes::<VersionVector>(&encoded(4_096)).is_ok());
    assert!(postcard::from_bytes::<VersionVector>(&encoded(4_097)).is_err());
    let twice = postcard::to_stdvec(&vec![entry(1), entry(1)]).unwrap();
    assert!(postcard::from_bytes::<VersionVector>(&twice).is_err());
    let zero = postcard::to_stdvec(&vec![(entry(1).0, 0_u64)]).unwrap();
    assert!(postcard::from_bytes::<VersionVector>(&zero).is_err());
}
