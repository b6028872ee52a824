//! Random faults on a few replicas: when they end, everybody agrees and nothing came twice.

mod net;

use std::collections::BTreeSet;

use cairn_gossip::{Dot, EventKey, Level};
use net::{Net, directive, event};

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn soak(seed: u64) {
    let mut chance = Chance(seed);
    let mut net = Net::new(5, |_| {});
    net.lose_one_in = [0, 5, 20][usize::try_from(chance.below(3)).unwrap()];
    let mut down = Vec::new();
    let mut acknowledged: BTreeSet<Dot> = BTreeSet::new();
    let (mut record, mut bundles, mut request) = (None, 0, 0);
    for _ in 0..300 {
        net.run(chance.below(80));
        let n = u8::try_from(chance.below(5)).unwrap() + 1;
        let up = net.nodes.contains_key(&n);
        match chance.below(40) {
            0 if up && down.len() < 2 => {
                let published = net.nodes[&n].published.values();
                acknowledged.extend(published.filter_map(|r| r.as_ref().ok()).map(|p| p.dot));
                down.push((n, net.crash(n)));
            }
            1 | 2 => {
                if let Some((n, disk)) = down.pop() {
                    net.boot(n, disk);
                }
            }
            3 => net.partition(&[n], &[n % 5 + 1, (n + 1) % 5 + 1]),
            4 | 5 => net.cut.clear(),
            6 if up && bundles < 8 => {
                bundles += 1;
                let head = net.add_bundle(n, bundles, &[10_000, 70_000]);
                let next = directive(record.as_ref(), u64::from(bundles), &head.bundle);
                let proposal = cairn_gossip::Input::Propose { record: next.clone(), trace: None };
                net.input(n, proposal);
                record = Some(next);
            }
            _ if up => {
                request += 1;
                let mut event = event("t");
                if chance.below(5) == 0 {
                    event.key = Some(EventKey { scope: "k".into(), n: chance.below(10) });
                }
                net.publish(n, request, event, Level::Local);
            }
            _ => {}
        }
    }
    while let Some((n, disk)) = down.pop() {
        net.boot(n, disk);
    }
    net.cut.clear();
    net.lose_one_in = 0;
    let took = net.until(30_000, &format!("agreement, seed {seed}"), |net| {
        net.vectors_agree() && net.roots_agree()
    });
    assert!(took < 15_000, "seed {seed}: {took} ms");
    net.run(1_000);
    for (n, node) in &net.nodes {
        let published = node.published.values().filter_map(|r| r.as_ref().ok());
        acknowledged.extend(published.map(|p| p.dot));
        // The log of a node: each event once, each stream in order, dependencies first.
        let mut seen = cairn_gossip::VersionVector::new();
        for signed in &node.disk.log {
            let batch = cairn_gossip::Batch::decode(&signed.body).unwrap();
            assert_eq!(batch.first_seq, seen.get(&batch.stream) + 1, "seed {seed} node {n}");
            assert!(seen.dominates(&batch.deps), "seed {seed} node {n}: not causal");
            seen.advance(batch.stream, batch.last_seq());
        }
        assert_eq!(&seen, node.replica.vector());
        assert!(node.alarms.is_empty(), "seed {seed} node {n}: {:?}", node.alarms);
        assert!(node.new_origin.is_none());
    }
    let vector = net.nodes[&1].replica.vector();
    assert!(acknowledged.iter().all(|dot| vector.contains(dot)), "seed {seed}: an event is lost");
}

#[test]
fn faults_end_and_everybody_agrees() {
    let only = std::env::var("SOAK_SEED").ok().and_then(|seed| seed.parse().ok());
    let count = std::env::var("SOAK_SEEDS").ok().and_then(|count| count.parse().ok());
    match only {
        Some(seed) => soak(seed),
        None => (0..count.unwrap_or(40)).for_each(soak),
    }
}
