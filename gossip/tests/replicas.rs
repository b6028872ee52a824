//! A few replicas together: what is published arrives once everywhere, whatever is lost.

mod net;

use std::time::Duration;

use cairn_gossip::status::DOWN_KEPT;
use cairn_gossip::{
    Alarm, Batch, Body, EventKey, Frame, Input, Level, NodeId, Output, Publish, PublishError,
    SignedBatch,
};
use net::{Net, addr, directive, event, sign};

fn plain(_: &mut cairn_gossip::Config) {}

fn joined(count: u8) -> Net {
    let mut net = Net::new(count, plain);
    net.until(10_000, "all join", Net::joined);
    net
}

#[test]
fn an_event_reaches_everybody_at_once() {
    let mut net = joined(5);
    net.publish(3, 1, event("dragon"), Level::Local);
    let took = net
        .until(100, "all deliver", |net| net.nodes.values().all(|node| node.delivered.len() == 1));
    assert!(took <= 10, "two syncs and two hops took {took} ms");
    net.check_deliveries(1);
    assert!(net.vectors_agree());
}

#[test]
fn lost_frames_are_repaired() {
    let mut net = joined(5);
    net.lose_one_in = 3;
    for request in 0..300 {
        let n = u8::try_from(request % 3).unwrap() + 1;
        net.publish(n, request, event("t"), Level::Local);
        net.run(3);
    }
    net.until(10_000, "vectors agree", |net| {
        net.vectors_agree() && net.nodes.values().all(|node| node.delivered.len() == 300)
    });
    net.check_deliveries(300);
}

#[test]
fn a_partition_heals_and_nothing_comes_twice() {
    let mut net = joined(5);
    net.partition(&[1, 2], &[3, 4, 5]);
    for request in 0..200 {
        net.publish(if request % 2 == 0 { 1 } else { 4 }, request, event("t"), Level::Local);
        net.run(50);
    }
    net.cut.clear();
    net.until(15_000, "halves agree", |net| {
        net.vectors_agree() && net.nodes.values().all(|node| node.delivered.len() == 200)
    });
    net.check_deliveries(200);
    net.until(15_000, "halves are members again", Net::joined);
}

#[test]
fn a_crashed_node_comes_back_with_what_it_synced() {
    let mut net = joined(3);
    for request in 0..50 {
        net.publish(2, request, event("t"), Level::Local);
        net.run(1);
    }
    let disk = net.crash(2);
    let acknowledged = disk.log.len();
    assert!(acknowledged > 0);
    for request in 0..50 {
        net.publish(1, request, event("t"), Level::Local);
        net.run(1);
    }
    net.boot(2, disk);
    net.until(10_000, "agree", Net::vectors_agree);
    net.publish(2, 1_000, event("t"), Level::Local);
    net.run(20);
    assert_eq!(net.nodes[&2].replica.stream().incarnation, 2);
    net.until(1_000, "the new stream arrives", Net::vectors_agree);
}

#[test]
fn a_thousand_missed_events_are_repaired_once() {
    let mut net = joined(4);
    let disk = net.crash(4);
    let mut big = event("t");
    big.payload = vec![1; 4_000].into();
    for request in 0..1_000 {
        let n = u8::try_from(request % 3).unwrap() + 1;
        net.publish(n, request, big.clone(), Level::Local);
        if request % 10 == 0 {
            net.run(5);
        }
    }
    net.until(5_000, "the others agree", Net::vectors_agree);
    let before: u64 = net.nodes.values().map(|node| node.replica.stats().repaired).sum();
    net.boot(4, disk);
    let took = net.until(5_000, "agree", Net::vectors_agree);
    let batches = net.nodes[&1].disk.log.len() as u64;
    let repaired: u64 =
        net.nodes.values().map(|node| node.replica.stats().repaired).sum::<u64>() - before;
    assert!(repaired <= batches + batches / 4, "{repaired} batches sent for {batches} missed");
    assert!(took < 2_000, "took {took} ms");
    assert_eq!(net.nodes[&4].delivered.len(), 1_000);
}

#[test]
fn a_retry_gets_the_first_event() {
    let mut net = joined(3);
    let mut keyed = event("t");
    keyed.idempotency = Some([7; 16]);
    net.publish(1, 1, keyed.clone(), Level::Local);
    net.publish(1, 2, keyed.clone(), Level::Local);
    net.run(50);
    net.publish(1, 3, keyed.clone(), Level::Local);
    let first = net.nodes[&1].published[&1].clone().unwrap();
    assert!(!first.retry);
    for request in [2, 3] {
        let again = net.nodes[&1].published[&request].clone().unwrap();
        assert_eq!((again.dot, again.retry), (first.dot, true));
    }
    // Also after a restart; and a retry writes nothing.
    let disk = net.crash(1);
    let length = disk.log.len();
    net.boot(1, disk);
    net.publish(1, 4, keyed, Level::Local);
    assert_eq!(net.nodes[&1].published[&4].clone().unwrap().dot, first.dot);
    net.run(100);
    assert_eq!(net.nodes[&1].disk.log.len(), length);
}

#[test]
fn a_level_is_met_or_its_outcome_is_unknown() {
    let mut net = joined(3);
    net.publish(1, 1, event("t"), Level::Replicated { count: 2 });
    net.run(2);
    assert!(!net.nodes[&1].published.contains_key(&1), "two nodes cannot have synced yet");
    net.until(100, "confirmed", |net| net.nodes[&1].published.contains_key(&1));
    assert!(net.nodes[&1].published[&1].is_ok());
    net.publish(1, 2, event("t"), Level::Replicated { count: 3 });
    net.until(6_000, "time is over", |net| net.nodes[&1].published.contains_key(&2));
    let error = net.nodes[&1].published[&2].clone().unwrap_err();
    assert!(matches!(error, PublishError::Timeout { confirmed: 2, wanted: 3, .. }), "{error}");
    net.publish(1, 3, event("t"), Level::Replicated { count: 9 });
    let error = net.nodes[&1].published[&3].clone().unwrap_err();
    assert!(matches!(error, PublishError::LevelTooHigh { actual: 9, count_max: 7 }));
}

#[test]
fn a_lost_push_is_confirmed_through_repair() {
    let mut net = joined(3);
    net.lose_one_in = 1;
    net.publish(1, 1, event("t"), Level::Replicated { count: 2 });
    net.run(10);
    net.lose_one_in = 0;
    net.until(3_000, "confirmed", |net| net.nodes[&1].published.contains_key(&1));
    assert!(net.nodes[&1].published[&1].is_ok());
}

#[test]
fn a_retry_learns_what_peers_hold_although_nothing_differs() {
    let mut net = joined(3);
    let mut keyed = event("t");
    keyed.idempotency = Some([7; 16]);
    net.publish(1, 1, keyed.clone(), Level::Local);
    net.until(1_000, "all hold it", |net| net.nodes.values().all(|n| n.delivered.len() == 1));
    net.publish(1, 2, keyed, Level::Replicated { count: 2 });
    net.until(6_000, "answered", |net| net.nodes[&1].published.contains_key(&2));
    assert!(net.nodes[&1].published[&2].is_ok(), "{:?}", net.nodes[&1].published[&2]);
}

#[test]
fn a_proposal_behind_another_write_is_announced_at_once() {
    let mut net = joined(3);
    let head = net.add_bundle(1, 1, &[1]);
    net.run(100);
    let one = directive(None, 1, &head.bundle);
    let two = directive(Some(&one), 2, &head.bundle);
    // The others know the first record already, so nobody answers to it.
    net.cut.extend([(2, 1), (3, 1)]);
    net.input(2, Input::Propose { record: one.clone(), trace: None });
    net.run(50);
    net.cut.clear();
    let from = Input::Received {
        from: NodeId([2; 16]),
        addr: addr(2),
        frame: Frame::new(Body::Channel(one)),
    };
    net.input(1, from);
    net.input(1, Input::Propose { record: two, trace: None });
    let took = net.until(1_000, "all have it", |net| {
        let directive = |node: &net::Node| node.replica.directive("hunt/prod").cloned();
        net.nodes.values().all(|node| directive(node).is_some_and(|d| d.generation == 2))
    });
    assert!(took <= 20, "{took} ms: it waited for a pulse");
}

#[test]
fn a_rewound_node_is_believed_again() {
    let mut net = joined(3);
    let said = |net: &Net| {
        let status = net.nodes[&2].replica.status(&NodeId([1; 16]));
        status.map(|status| status.bytes.clone())
    };
    let old = net.nodes[&1].disk.clone();
    for text in ["one", "two", "three"] {
        net.input(1, Input::SetStatus(text.into()));
    }
    net.until(100, "told", |net| said(net) == Some("three".into()));
    net.crash(1);
    // The copy counts the same incarnation, and says less than the first one did.
    let mut old = old;
    old.incarnation -= 1;
    net.boot(1, old);
    net.input(1, Input::SetStatus("four".into()));
    net.until(10_000, "believed", |net| said(net) == Some("four".into()));
}

#[test]
fn a_context_that_is_not_here_is_waited_for() {
    let mut net = joined(3);
    net.partition(&[1], &[2, 3]);
    net.publish(2, 1, event("t"), Level::Local);
    net.run(50);
    let context = net.nodes[&2].replica.vector().clone();
    let publish = |request, timeout| Publish {
        request,
        event: event("after"),
        context: Some(context.clone()),
        level: Level::Local,
        timeout: Duration::from_millis(timeout),
        trace: None,
    };
    net.input(1, Input::Publish(publish(1, 100)));
    net.input(1, Input::Publish(publish(2, 20_000)));
    net.run(150);
    let error = net.nodes[&1].published[&1].clone().unwrap_err();
    assert!(matches!(error, PublishError::ContextAhead { missing: 1, .. }), "{error}");
    assert!(net.nodes[&1].disk.log.is_empty());
    net.cut.clear();
    net.until(15_000, "published", |net| net.nodes[&1].published.contains_key(&2));
    net.until(1_000, "agree", Net::vectors_agree);
    net.check_deliveries(2);
}

#[test]
fn one_copy_of_a_key_is_shown() {
    let mut net = joined(4);
    let mut fired = event("timer");
    fired.key = Some(EventKey { scope: "timer".into(), n: 1 });
    for n in 1..=4 {
        net.publish(n, 1, fired.clone(), Level::Local);
    }
    net.until(1_000, "all delivered", |net| {
        net.nodes.values().all(|node| node.delivered.len() == 4)
    });
    for node in net.nodes.values() {
        assert_eq!(node.shown.len(), 1);
        assert_eq!(node.replica.key_dots(&fired.key.clone().unwrap())[0], node.shown[0]);
    }
}

#[test]
fn equivocation_is_an_alarm_and_the_first_stays() {
    let mut net = joined(2);
    net.publish(1, 1, event("one"), Level::Local);
    net.until(100, "delivered", |net| net.nodes[&2].delivered.len() == 1);
    let first = net.nodes[&1].disk.log[0].clone();
    let mut batch = Batch::decode(&first.body).unwrap();
    batch.events[0].topic = "two".into();
    let body = batch.encode().unwrap();
    let forged = SignedBatch { signature: sign(&[3; 32], &body), body: body.clone(), key: [1; 32] };
    let second = SignedBatch { signature: sign(&first.key, &body), body, key: first.key };
    for (signed, expected) in [(forged, false), (second, true)] {
        let body = Body::Events { batches: vec![signed], repair: false, ack: false };
        let frame = Frame::new(body);
        net.input(2, Input::Received { from: NodeId([1; 16]), addr: addr(1), frame });
        let found = |alarm: &Alarm| matches!(alarm, Alarm::Equivocation { seq: 1, .. });
        assert_eq!(net.nodes[&2].alarms.iter().any(found), expected);
    }
    net.run(100);
    assert_eq!(net.nodes[&2].disk.log, vec![first]);
}

#[test]
fn a_rewound_disk_asks_for_a_new_origin() {
    let mut net = joined(3);
    net.publish(1, 1, event("t"), Level::Local);
    net.run(50);
    let old = net.nodes[&1].disk.clone();
    net.crash(1);
    net.boot(1, old.clone());
    net.until(10_000, "back", Net::joined);
    net.publish(1, 2, event("t"), Level::Local);
    net.until(1_000, "spread", |net| net.nodes[&2].delivered.len() == 2);
    // The snapshot from before that life is restored: it would count the same incarnation again.
    net.crash(1);
    net.boot(1, old);
    net.until(10_000, "noticed", |net| net.nodes[&1].new_origin.is_some());
    net.publish(1, 3, event("t"), Level::Local);
    let error = net.nodes[&1].published[&3].clone().unwrap_err();
    assert!(matches!(error, PublishError::OriginRetired { .. }));
}

#[test]
fn a_bundle_crosses_the_cluster_and_rollback_needs_no_byte() {
    let mut net = joined(5);
    let sizes = [0, 1, 100, 32 * 1024, 64 * 1024, 100_000];
    let first = net.add_bundle(1, 1, &sizes);
    net.until(5_000, "stored", |net| {
        net.nodes.values().all(|node| node.stored.contains(&first.bundle.digest))
    });
    let one = directive(None, 1, &first.bundle);
    net.input(2, Input::Propose { record: one.clone(), trace: None });
    let second = net.add_bundle(3, 2, &sizes);
    let two = directive(Some(&one), 2, &second.bundle);
    net.run(100);
    net.input(4, Input::Propose { record: two.clone(), trace: None });
    net.until(5_000, "agree", |net| {
        net.roots_agree() && net.nodes.values().all(|node| node.stored.len() == 2)
    });
    let asked: u64 = net.nodes.values().map(|node| node.asked).sum();
    let back = directive(Some(&two), 3, &first.bundle);
    net.input(5, Input::Propose { record: back.clone(), trace: None });
    let took = net.until(100, "rolled back", |net| {
        let current = |node: &net::Node| node.replica.directive("hunt/prod").unwrap().generation;
        net.nodes.values().all(|node| current(node) == 3)
    });
    assert!(took <= 12, "rollback took {took} ms");
    net.run(3_000);
    assert_eq!(net.nodes.values().map(|node| node.asked).sum::<u64>(), asked, "a byte was fetched");
    assert!(net.roots_agree());
    // Lower and broken records are refused.
    net.input(1, Input::Propose { record: two, trace: None });
    assert!(net.nodes[&1].refused[0].contains("generation 2"), "{:?}", net.nodes[&1].refused);
    let mut broken = directive(Some(&back), 4, &first.bundle);
    broken.chain.remove(1);
    net.input(1, Input::Propose { record: broken, trace: None });
    assert!(net.nodes[&1].refused[1].contains("predecessor"), "{:?}", net.nodes[&1].refused);
}

#[test]
fn a_bundle_is_announced_once_it_survives_a_crash() {
    let mut net = joined(2);
    let head = net.add_bundle(1, 1, &[10]);
    let disk = net.crash(1);
    net.run(100);
    assert!(net.nodes[&2].replica.bundle(&head.bundle.digest).is_none(), "it was not durable");
    net.boot(1, disk);
    net.until(10_000, "back", |net| net.joined() && net.roots_agree());
    assert!(net.nodes[&1].disk.envelopes.is_empty(), "nothing names it");
}

#[test]
fn heads_of_bundles_that_nobody_holds_are_replicated() {
    let mut net = joined(2);
    net.partition(&[1], &[2]);
    let (head, ..) = net::bundle(7, &[10]);
    let frame = Frame::new(Body::Head(head.clone()));
    net.input(1, Input::Received { from: NodeId([9; 16]), addr: addr(9), frame });
    net.run(50);
    net.cut.clear();
    net.until(15_000, "told", |net| net.nodes[&2].replica.bundle(&head.bundle.digest).is_some());
    assert!(net.roots_agree());
}

#[test]
fn a_late_node_gets_everything_through_the_trie() {
    let mut net = joined(3);
    let disk = net.crash(3);
    let mut record = None;
    for seed in 1..=20 {
        let head = net.add_bundle(1, seed, &[50_000, 10]);
        let next = directive(record.as_ref(), u64::from(seed), &head.bundle);
        net.input(1, Input::Propose { record: next.clone(), trace: None });
        record = Some(next);
        net.run(20);
    }
    net.until(10_000, "two agree", Net::roots_agree);
    // 16 newest; the 4 that the channel names are among them.
    assert_eq!(net.nodes[&2].replica.bundles().count(), 16);
    assert_eq!(net.nodes[&2].disk.envelopes.len(), 16);
    assert_eq!(net.nodes[&2].disk.blobs.len(), 32);
    net.boot(3, disk);
    net.until(10_000, "all agree", Net::roots_agree);
    assert_eq!(net.nodes[&3].disk.envelopes, net.nodes[&1].disk.envelopes);
}

#[test]
fn a_damaging_peer_is_left_for_another() {
    let mut net = joined(4);
    let (head, ..) = net::bundle(1, &[40_000, 70_000]);
    // Node 2 holds it in full but serves other bytes.
    net.partition(&[3, 4], &[1, 2]);
    net.add_bundle(1, 1, &[40_000, 70_000]);
    net.until(5_000, "2 has it", |net| net.nodes[&2].stored.contains(&head.bundle.digest));
    net.corrupt = Some(2);
    net.cut.clear();
    net.until(30_000, "all have it", |net| {
        net.nodes.values().all(|node| node.stored.contains(&head.bundle.digest))
    });
    assert!(net.roots_agree());
}

#[test]
fn content_that_nobody_can_serve_is_rejected_once() {
    let mut net = joined(3);
    net.corrupt = Some(1);
    let head = net.add_bundle(1, 1, &[40_000]);
    net.until(10_000, "rejected", |net| [2, 3].iter().all(|n| net.nodes[n].rejected.len() == 1));
    net.run(20_000);
    for n in [2, 3] {
        assert_eq!(net.nodes[&n].rejected.len(), 1);
        assert!(!net.nodes[&n].stored.contains(&head.bundle.digest));
        assert!(net.nodes[&n].disk.blobs.is_empty(), "only what was verified is written");
    }
}

#[test]
fn equal_inputs_give_equal_outputs() {
    let run = || {
        let mut net = joined(4);
        net.lose_one_in = 5;
        for request in 0..50 {
            net.publish(1, request, event("t"), Level::Local);
            net.run(7);
        }
        net.add_bundle(2, 1, &[10_000]);
        net.run(2_000);
        net.trace
    };
    assert_eq!(run(), run());
}

#[test]
fn an_idle_cluster_is_quiet() {
    let mut net = joined(5);
    net.run(10_000);
    let before = net.frames;
    net.run(10_000);
    let a_second = (net.frames - before) / 10 / 5;
    assert!(a_second <= 4, "{a_second} frames a second and node");
}

#[test]
fn the_planted_bugs_show() {
    // Deduplicate per connection: a batch that comes from two peers is delivered twice.
    let mut net = Net::new(4, |config| config.defects.dedupe_per_connection = true);
    net.until(10_000, "all join", Net::joined);
    net.publish(1, 1, event("t"), Level::Local);
    net.run(500);
    assert!(net.nodes.values().any(|node| node.delivered.len() > 1));
    // Seen before the fsync: acknowledged, then lost in a crash.
    let mut net = Net::new(1, |config| config.defects.seen_before_fsync = true);
    net.publish(1, 1, event("t"), Level::Local);
    assert!(net.nodes[&1].published[&1].is_ok());
    assert!(net.crash(1).log.is_empty());
    // A lower generation is taken.
    let mut net = Net::new(1, |config| config.defects.accept_lower_generation = true);
    let head = net.add_bundle(1, 1, &[1]);
    for generation in [2, 1] {
        let record = directive(None, generation, &head.bundle);
        net.input(1, Input::Propose { record, trace: None });
        net.run(50);
    }
    assert_eq!(net.nodes[&1].replica.directive("hunt/prod").unwrap().generation, 1);
}

#[test]
fn a_stranger_cannot_speak_for_a_member() {
    let mut net = joined(2);
    let mut out = Vec::new();
    let mut packets = Vec::new();
    net.run(10);
    // A packet that node 1 sends, on a connection that says it is node 7's.
    let replica = &mut net.nodes.get_mut(&1).unwrap().replica;
    replica.handle(Input::Start, net.now, &mut out);
    packets.extend(out.iter().filter_map(|output| match output {
        Output::Send { frame, .. } if matches!(frame.body, Body::Swim(_)) => Some(frame.clone()),
        _ => None,
    }));
    for frame in packets {
        let received = Input::Received { from: NodeId([7; 16]), addr: addr(7), frame };
        net.input(2, received);
    }
    assert_eq!(net.nodes[&2].replica.members().len(), 2);
}

/// Who is missing is told, by those who knew it, until it is back or an hour has gone.
#[test]
fn who_is_down_is_known_and_forgotten_in_the_end() {
    let down = |net: &Net, n: u8| -> Vec<NodeId> {
        net.nodes[&n].replica.down().iter().map(|(status, _)| status.node).collect()
    };
    let mut net = joined(3);
    net.input(3, Input::SetStatus("three".into()));
    net.run(100);
    assert_eq!(down(&net, 1), []);
    let disk = net.crash(3);
    net.until(60_000, "its loss is noticed", |net| down(net, 1).len() + down(net, 2).len() == 2);
    let (status, since) =
        (net.nodes[&1].replica.down()[0].0.clone(), net.nodes[&1].replica.down()[0].1);
    assert_eq!((status.node, status.bytes.as_ref()), (NodeId([3; 16]), &b"three"[..]));
    // A node that comes later never knew it.
    let other = net.crash(2);
    net.boot(2, other);
    net.until(10_000, "two is back", |net| net.nodes[&1].replica.members().len() == 2);
    net.run(5_000);
    assert_eq!(down(&net, 2), []);
    assert_eq!(net.nodes[&1].replica.down()[0].1, since, "since when does not move");
    // Back: nobody is down.
    net.boot(3, disk);
    net.until(20_000, "three is back", |net| down(net, 1).is_empty());
    // Away for good: forgotten.
    net.crash(3);
    net.until(60_000, "its loss is noticed", |net| !down(net, 1).is_empty());
    net.run(u64::try_from(DOWN_KEPT.as_millis()).unwrap() + 60_000);
    assert_eq!(down(&net, 1), []);
}

#[test]
fn fifty_nodes_hear_of_an_event_in_a_few_hops() {
    let mut net = joined(50);
    net.run(2_000);
    for request in 0..20 {
        let before = net.nodes[&7].delivered.len();
        net.publish(7, request, event("t"), Level::Local);
        let took = net.until(1_000, "all deliver", |net| {
            net.nodes.values().all(|node| node.delivered.len() == before + 1)
        });
        assert!(took <= 15, "{took} ms");
    }
    net.run(2_000);
    let repaired: u64 = net.nodes.values().map(|node| node.replica.stats().repaired).sum();
    assert_eq!(repaired, 0, "nothing was lost, so nothing is repaired");
}

#[test]
fn a_bundle_reaches_fifty_nodes_without_waiting_in_circles() {
    let mut net = joined(50);
    let head = net.add_bundle(3, 1, &[60_000; 16]);
    let took = net.until(5_000, "stored", |net| {
        net.nodes.values().all(|node| node.stored.contains(&head.bundle.digest))
    });
    let timeouts: u64 = net.nodes.values().map(|node| node.replica.stats().ask_timeouts).sum();
    assert_eq!(timeouts, 0);
    assert!(took <= 50, "{took} ms");
    // Sixteen blobs of one content are one blob: an envelope and two pieces a node.
    let asked: u64 = net.nodes.values().map(|node| node.asked).sum();
    assert!(asked <= 50 * 40, "{asked} pieces asked for");
}
