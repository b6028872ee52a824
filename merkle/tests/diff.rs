//! Invariant I17: a diff equals the set difference, within its rounds and bytes; and what a
//! hostile replica can do to it.

use std::collections::BTreeMap;

use cairn_merkle::{
    ASKS_PER_FRAME, Diff, DiffError, DiffLimits, Difference, Digest, LEAVES_MAX, Prefix,
    SUMMARY_BYTES_MAX, Summary, Tag, Trie,
};
use proptest::prelude::*;

type Map = BTreeMap<Digest, Digest>;

struct Session {
    differs: Vec<Difference>,
    exact: bool,
    round_trips: usize,
    bytes: usize,
}

/// Runs a session to its end; bytes are those of questions and answers as postcard.
fn run(ours: &Trie, theirs: &Trie) -> Session {
    let (mut diff, mut ask) = Diff::start(ours, theirs.root());
    let mut session = Session { differs: Vec::new(), exact: true, round_trips: 0, bytes: 0 };
    while !ask.is_empty() {
        let told: Vec<_> = ask.iter().map(|prefix| theirs.summary(prefix)).collect();
        session.round_trips += 1;
        session.bytes += postcard::to_stdvec(&ask).unwrap().len();
        session.bytes += postcard::to_stdvec(&told).unwrap().len();
        for answer in &told {
            assert!(postcard::to_stdvec(answer).unwrap().len() <= SUMMARY_BYTES_MAX);
        }
        let step = diff.handle(ours, &told).unwrap();
        session.differs.extend(step.differs);
        assert_eq!(step.done, step.ask.is_empty());
        session.exact = step.exact;
        ask = step.ask;
    }
    session.differs.sort_unstable();
    session
}

fn brute_force(ours: &Map, theirs: &Map) -> Vec<Difference> {
    let mut keys: Vec<_> = ours.keys().chain(theirs.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .map(|key| Difference {
            key,
            local: ours.get(&key).copied(),
            remote: theirs.get(&key).copied(),
        })
        .filter(|difference| difference.local != difference.remote)
        .collect()
}

fn key() -> impl Strategy<Value = Digest> {
    prop_oneof![
        3 => any::<u16>().prop_map(|n| Digest::of(&n.to_le_bytes())),
        1 => (0usize..32, 0u8..4).prop_map(|(at, byte)| {
            let mut key = [0x77; 32];
            key[at] = byte;
            Digest(key)
        }),
        1 => any::<u8>().prop_map(|last| {
            let mut key = [0x55; 32];
            key[31] = last;
            Digest(key)
        }),
    ]
}

fn map(max: usize) -> impl Strategy<Value = Map> {
    prop::collection::btree_map(key(), (0u8..4).prop_map(|n| Digest([n; 32])), 0..max)
}

proptest! {
    #[test]
    fn equals_brute_force(common in map(900), ours in map(60), theirs in map(60)) {
        let mut a = common.clone();
        a.extend(ours);
        let mut b = common;
        b.extend(theirs);
        let session = run(&a.clone().into_iter().collect(), &b.clone().into_iter().collect());
        assert_eq!(session.differs, brute_force(&a, &b));
        assert!(session.exact);
        // Deep shared paths cost one round per nibble, hashed keys one per level.
        assert!(session.round_trips <= 64);
    }

    #[test]
    fn of_unrelated_sets(a in map(200), b in map(200)) {
        let session = run(&a.clone().into_iter().collect(), &b.clone().into_iter().collect());
        assert_eq!(session.differs, brute_force(&a, &b));
        assert!(session.exact);
    }

    /// Answers may come one by one and in another order.
    #[test]
    fn in_any_order(a in map(600), b in map(600), reverse in any::<bool>()) {
        let (ours, theirs): (Trie, Trie) =
            (a.clone().into_iter().collect(), b.clone().into_iter().collect());
        let (mut diff, mut open) = Diff::start(&ours, theirs.root());
        let mut differs = Vec::new();
        while !open.is_empty() {
            let prefix = if reverse { open.remove(0) } else { open.swap_remove(open.len() - 1) };
            let step = diff.handle(&ours, &[theirs.summary(&prefix)]).unwrap();
            differs.extend(step.differs);
            open.extend(step.ask);
        }
        differs.sort_unstable();
        assert_eq!(differs, brute_force(&a, &b));
    }

    /// Whatever is told: no panic, and the number of questions stays under its limit.
    #[test]
    fn lies_are_bounded(ours in map(300), seed in any::<u64>(), limit in 1usize..200) {
        let ours: Trie = ours.into_iter().collect();
        let limits = DiffLimits { asks_max: limit, differences_max: 50 };
        let (mut diff, mut open) = Diff::with_limits(&ours, Digest([9; 32]), limits);
        let (mut asked, mut differences, mut state) = (open.len(), 0, seed);
        while let Some(prefix) = open.pop() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let present = ((state >> 20) as u16).to_le_bytes().to_vec();
            let tags = vec![Tag::of(&Digest([state as u8; 32])); ((state >> 20) as u16).count_ones() as usize];
            let told = match state >> 60 {
                0..8 => ours.summary(&prefix),
                8..10 => Summary::Leaves { prefix, entries: Vec::new() },
                _ => Summary::Inner { prefix, levels: 1, present, tags },
            };
            match diff.handle(&ours, &[told]) {
                Ok(step) => {
                    assert!(!step.exact);
                    asked += step.ask.len();
                    differences += step.differs.len();
                    open.extend(step.ask);
                }
                Err(DiffError::Shape { .. } | DiffError::Misplaced { .. }) => break,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(asked <= limit && differences <= 50);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok((told, _)) = postcard::take_from_bytes::<Vec<Summary>>(&bytes) {
            let ours: Trie = (0u8..100).map(|n| (Digest::of(&[n]), Digest([n; 32]))).collect();
            let (mut diff, _) = Diff::start(&ours, Digest::default());
            let _ = diff.handle(&ours, &told);
        }
    }
}

fn numbered(range: std::ops::Range<u32>) -> Trie {
    range.map(|n| (Digest::of(&n.to_le_bytes()), Digest::of(b"value"))).collect()
}

/// The budget, at a tenth of its size; `benches/trie.rs` measures it whole.
#[test]
fn ten_of_a_hundred_thousand_take_four_round_trips() {
    let ours = numbered(0..100_000);
    let mut theirs = ours.clone();
    for n in 0..10u32 {
        theirs.insert(Digest::of(&(n * 7_919).to_le_bytes()), Digest::of(b"changed"));
    }
    let session = run(&ours, &theirs);
    assert_eq!(session.differs.len(), 10);
    assert!(session.exact);
    assert!(session.round_trips <= 4, "{} round trips", session.round_trips);
    assert!(session.bytes <= 20_000, "{} bytes", session.bytes);
}

/// Cost follows the difference, not the size.
#[test]
fn equal_tries_exchange_nothing() {
    let session = run(&numbered(0..5_000), &numbered(0..5_000));
    assert_eq!((session.round_trips, session.bytes), (0, 0));
}

#[test]
fn a_limit_cuts_short_and_the_next_session_goes_on() {
    let theirs = numbered(0..3_000);
    let mut ours = Trie::new();
    let limits = DiffLimits { asks_max: 64, differences_max: 500 };
    let mut sessions = 0;
    loop {
        let (mut diff, mut ask) = Diff::with_limits(&ours, theirs.root(), limits);
        sessions += 1;
        assert!(sessions < 100, "no progress");
        let mut exact = ask.is_empty();
        let mut found = Vec::new();
        while !ask.is_empty() {
            let told: Vec<_> = ask.iter().map(|prefix| theirs.summary(prefix)).collect();
            let step = diff.handle(&ours, &told).unwrap();
            found.extend(step.differs);
            exact = step.exact;
            ask = step.ask;
        }
        for difference in found {
            ours.insert(difference.key, difference.remote.unwrap());
        }
        if exact {
            break;
        }
    }
    assert_eq!(ours.root(), theirs.root());
}

#[test]
fn answers_to_a_frame_of_questions_fit_a_frame() {
    const { assert!(ASKS_PER_FRAME * SUMMARY_BYTES_MAX < 64 << 10) };
    let root = numbered(0..100_000).summary(&Prefix::ROOT);
    assert!(postcard::to_stdvec(&root).unwrap().len() <= SUMMARY_BYTES_MAX);
}

#[test]
fn hostile_summaries_are_refused() {
    let ours = numbered(0..1_000);
    let tag = Tag::of(&Digest::default());
    let elsewhere = Prefix::ROOT.child(3).unwrap();
    let prefix = Prefix::ROOT;
    let entry = |n: u8| (Digest([n; 32]), Digest::default());
    let inner = |levels, present: &[u8], tags| Summary::Inner {
        prefix,
        levels,
        present: present.to_vec(),
        tags: vec![tag; tags],
    };
    let leaves = |entries| Summary::Leaves { prefix, entries };
    let shape = |levels| DiffError::Shape { prefix, levels };
    let cases = [
        (
            Summary::Leaves { prefix: elsewhere, entries: vec![] },
            DiffError::Unasked { prefix: elsewhere },
        ),
        (inner(1, &[0, 0], 0), shape(1)),
        (inner(0, &[1, 0], 1), shape(0)),
        (inner(3, &[1, 0], 1), shape(3)),
        (inner(1, &[1], 1), shape(1)),
        (inner(1, &[1, 0, 0], 1), shape(1)),
        (inner(1, &[3, 0], 1), shape(1)),
        (inner(1, &[1, 0], 2), shape(1)),
        (inner(2, &[1, 0], 1), shape(2)),
        (inner(1, &[255, 255], 17), DiffError::TooMany { prefix, actual: 17, max: 16 }),
        (inner(2, &[255; 32], 300), DiffError::TooMany { prefix, actual: 300, max: 256 }),
        (leaves(vec![entry(2), entry(1)]), DiffError::Unsorted { prefix }),
        (leaves(vec![entry(2), entry(2)]), DiffError::Unsorted { prefix }),
        (
            leaves((0..100).map(entry).collect()),
            DiffError::TooMany { prefix, actual: 100, max: LEAVES_MAX },
        ),
    ];
    for (summary, expected) in cases {
        let (mut diff, ask) = Diff::start(&ours, Digest::default());
        assert_eq!(ask, [Prefix::ROOT]);
        assert_eq!(diff.handle(&ours, std::slice::from_ref(&summary)), Err(expected));
    }
    // An entry that lies elsewhere, and the same answer twice (a cycle).
    let (mut diff, _) = Diff::start(&ours, Digest::default());
    let step = diff.handle(&ours, &[inner(1, &[8, 0], 1)]).unwrap();
    assert_eq!(step.ask, [elsewhere]);
    assert_eq!(
        diff.handle(&ours, &[inner(1, &[8, 0], 1)]),
        Err(DiffError::Unasked { prefix: Prefix::ROOT })
    );
    assert_eq!(
        diff.handle(&ours, &[Summary::Leaves { prefix: elsewhere, entries: vec![entry(0x40)] }]),
        Err(DiffError::Misplaced { prefix: elsewhere })
    );
}

/// A replica that leads ever deeper runs out of key.
#[test]
fn depth_ends_at_the_key() {
    let ours = Trie::new();
    let (mut diff, mut ask) = Diff::start(&ours, Digest([1; 32]));
    let told = |prefix| Summary::Inner {
        prefix,
        levels: 1,
        present: vec![1, 0],
        tags: vec![Tag::of(&Digest([1; 32]))],
    };
    for depth in 0..64 {
        assert_eq!(ask.len(), 1, "at depth {depth}");
        ask = diff.handle(&ours, &[told(ask[0])]).unwrap().ask;
    }
    assert!(matches!(diff.handle(&ours, &[told(ask[0])]), Err(DiffError::Misplaced { .. })));
}
