//! Every limit is forced once: the error names value and limit, and nothing else breaks.

mod net;

use bytes::Bytes;
use cairn_gossip::{
    Alarm, Batch, Body, Event, Frame, Input, Level, NodeId, Origin, PublishError, SignedBatch,
    Stream, VersionVector,
};
use net::{Net, addr, directive, event, sign};

fn refused(net: &Net, request: u64) -> PublishError {
    net.nodes[&1].published[&request].clone().unwrap_err()
}

#[test]
fn events_are_refused_by_size_and_by_a_full_log() {
    let mut net = Net::new(1, |config| config.log_events_max = 2);
    let long = "x".repeat(129);
    let payload = |bytes: usize| Event { payload: Bytes::from(vec![0; bytes]), ..event("t") };
    let wrong = [
        (payload(16 * 1024 + 1), "event payload is 16385 bytes, limit 16384"),
        (event(&long), "event topic is 129 bytes, limit 128"),
        (event(""), "event has an empty topic"),
    ];
    for (request, (event, expected)) in (10..).zip(wrong) {
        net.publish(1, request, event, Level::Local);
        let error = refused(&net, request);
        assert_eq!(error.to_string(), expected);
        assert!(!error.hint().is_empty());
    }
    for request in 0..3 {
        net.publish(1, request, payload(16 * 1024), Level::Local);
        net.run(20);
    }
    assert_eq!(net.nodes[&1].disk.log.len(), 2);
    assert!(matches!(refused(&net, 2), PublishError::LogFull { events: 2, events_max: 2, .. }));
}

#[test]
fn too_many_waiting_publishes_are_refused() {
    let mut net = Net::new(1, |config| config.publish_waiting_max = 3);
    (0..4).for_each(|request| net.publish(1, request, event("t"), Level::Local));
    assert!(matches!(refused(&net, 3), PublishError::QueueFull { waiting: 3, waiting_max: 3 }));
    net.run(50);
    assert_eq!(net.nodes[&1].delivered.len(), 3);
}

#[test]
fn without_a_window_order_comes_from_repair() {
    let mut net = Net::new(3, |config| config.window_batches_max = 0);
    net.until(10_000, "all join", Net::joined);
    net.lose_one_in = 4;
    for request in 0..200 {
        net.publish(1, request, event("t"), Level::Local);
        net.run(2);
    }
    net.lose_one_in = 0;
    net.until(10_000, "agree", |net| net.nodes.values().all(|node| node.delivered.len() == 200));
    net.check_deliveries(200);
    assert!(net.nodes.values().any(|node| node.replica.stats().window_dropped > 0));
}

/// A batch of one event by the origin that `seed` makes.
fn foreign(seed: u32, first_seq: u64, deps: VersionVector) -> SignedBatch {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&seed.to_le_bytes());
    let stream = Stream { origin: Origin::of_key(&key), incarnation: 1 };
    let batch = Batch { stream, first_seq, lamport: 1, deps, events: vec![event("t")] };
    let body = batch.encode().unwrap();
    SignedBatch { signature: sign(&key, &body), body, key }
}

fn receive(net: &mut Net, batches: Vec<SignedBatch>) {
    let frame = Frame::new(Body::Events { batches, repair: false, ack: false });
    net.input(1, Input::Received { from: NodeId([9; 16]), addr: addr(9), frame });
}

#[test]
fn one_stream_too_many_is_refused_and_nothing_is_forgotten() {
    let mut net = Net::new(1, |_| {});
    for seed in 0..4_097 {
        receive(&mut net, vec![foreign(seed, 1, VersionVector::new())]);
        if seed % 512 == 0 {
            net.run(20);
        }
    }
    net.run(100);
    let node = &net.nodes[&1];
    assert_eq!(node.replica.vector().len(), 4_096);
    assert!(matches!(node.alarms[..], [Alarm::StreamLimit { streams_max: 4_096, .. }]));
    net.publish(1, 1, event("t"), Level::Local);
    assert!(matches!(refused(&net, 1), PublishError::StreamLimit { actual: 4_096, .. }));
    receive(&mut net, vec![foreign(7, 2, VersionVector::new())]);
    net.run(50);
    assert_eq!(net.nodes[&1].delivered.len(), 4_097, "known streams go on");
}

#[test]
fn what_waits_cannot_become_streams_too_many() {
    let mut net = Net::new(1, |_| {});
    for seed in 0..4_094 {
        receive(&mut net, vec![foreign(seed, 1, VersionVector::new())]);
        if seed % 512 == 0 {
            net.run(20);
        }
    }
    let late = foreign(9_000, 1, VersionVector::new());
    let on_late = [(Batch::decode(&late.body).unwrap().stream, 1)];
    let waiting = [9_001, 9_002, 9_003].map(|seed| foreign(seed, 1, on_late.into_iter().collect()));
    receive(&mut net, waiting.to_vec());
    net.publish(1, 1, event("t"), Level::Local);
    receive(&mut net, vec![late]);
    net.run(100);
    let node = &net.nodes[&1];
    assert_eq!(node.replica.vector().len(), 4_096);
    assert_eq!(node.replica.stats().window_bytes, 0);
}

#[test]
fn a_claim_to_the_end_of_lamport_time_stops_nobody() {
    let mut net = Net::new(1, |_| {});
    let mut batch = Batch::decode(&foreign(5, 1, VersionVector::new()).body).unwrap();
    batch.lamport = u64::MAX;
    let body = batch.encode().unwrap();
    let mut key = [0; 32];
    key[0] = 5;
    receive(&mut net, vec![SignedBatch { signature: sign(&key, &body), body, key }]);
    net.run(20);
    for request in 0..2 {
        net.publish(1, request, event("t"), Level::Local);
        net.run(20);
        assert!(net.nodes[&1].published[&request].is_ok());
    }
}

#[test]
fn a_flood_of_batches_that_wait_stays_bounded() {
    let mut net = Net::new(1, |config| config.window_bytes_max = 10_000);
    let never: VersionVector =
        [(Stream { origin: Origin([7; 16]), incarnation: 1 }, 9)].into_iter().collect();
    for seed in 0..1_000 {
        receive(&mut net, vec![foreign(seed, 1, never.clone())]);
    }
    let stats = net.nodes[&1].replica.stats();
    assert!(stats.window_bytes <= 10_000, "{}", stats.window_bytes);
    assert!(stats.window_dropped > 500);
    assert_eq!(stats.relayed + stats.window_dropped, 1_000, "what is dropped is not relayed");
    receive(&mut net, vec![foreign(5_000, 1, VersionVector::new())]);
    net.run(50);
    assert_eq!(net.nodes[&1].delivered.len(), 1, "what is ready needs no room");
}

#[test]
fn a_batch_that_depends_on_itself_is_a_fault() {
    let mut net = Net::new(1, |_| {});
    let own = Batch::decode(&foreign(1, 1, VersionVector::new()).body).unwrap().stream;
    receive(&mut net, vec![foreign(1, 1, [(own, 1)].into_iter().collect())]);
    assert!(matches!(net.nodes[&1].alarms[..], [Alarm::PeerFault { .. }]));
}

#[test]
fn one_channel_too_many_is_refused() {
    let mut net = Net::new(1, |config| config.channels_max = 0);
    let head = net.add_bundle(1, 1, &[1]);
    let record = directive(None, 1, &head.bundle);
    net.input(1, Input::Propose { record: record.clone(), trace: None });
    assert_eq!(net.nodes[&1].refused, ["channel `hunt/prod` would be one more than the limit 0"]);
    let frame = Frame::new(Body::Channel(record));
    net.input(1, Input::Received { from: NodeId([9; 16]), addr: addr(9), frame });
    assert!(matches!(net.nodes[&1].alarms[..], [Alarm::ChannelLimit { channels_max: 0, .. }]));
}
