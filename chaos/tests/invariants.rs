//! Each invariant on a hand-made history: it sees the broken one and lets the good one pass.

use cairn_chaos::history::{Happened, History, Keeping};
use cairn_chaos::invariant::{self, i17_merkle_diff, i18_same_trace};
use cairn_gossip::{Dot, EventKey, Origin, Stream, Time, VersionVector};
use cairn_merkle::{Digest, Trie};

fn dot(origin: u8, seq: u64) -> Dot {
    let origin = Origin([origin; 16]);
    let stream = Stream { origin, incarnation: 1 };
    Dot { stream, seq }
}

fn upto(dots: &[Dot]) -> VersionVector {
    dots.iter().map(|dot| (dot.stream, dot.seq)).collect()
}

fn published(attempt: u128, dot: Dot, context: &[Dot]) -> Happened {
    Happened::Published {
        node: 0,
        attempt,
        dot,
        payload: dot.seq,
        topic: "t".to_owned(),
        key: None,
        context: upto(context),
    }
}

fn opened(session: u64, keeping: Keeping, from: &[Dot]) -> Happened {
    Happened::SessionOpened {
        consumer: 0,
        session,
        node: 0,
        keeping,
        from: upto(from),
        topics: Vec::new(),
    }
}

fn delivered(session: u64, dot: Dot) -> Happened {
    keyed(session, dot, None)
}

fn keyed(session: u64, dot: Dot, n: Option<u64>) -> Happened {
    Happened::Delivered {
        consumer: 0,
        session,
        dot,
        payload: dot.seq,
        topic: "t".to_owned(),
        key: n.map(|n| EventKey { scope: "s".to_owned(), n }),
    }
}

fn acked(dots: &[Dot]) -> Happened {
    Happened::Acked { consumer: 0, node: 0, cursor: upto(dots) }
}

fn activated(generation: u64, intact: bool) -> Happened {
    Happened::Activated {
        node: 0,
        channel: "c".to_owned(),
        generation,
        target: Digest::of(b"bundle"),
        intact,
    }
}

fn settled(node: u32, root: &[u8]) -> Happened {
    Happened::Settled {
        node,
        root: Digest::of(root),
        vector: VersionVector::new(),
        live: Default::default(),
    }
}

/// Which invariants a history breaks, in order and each once.
fn broken(happened: Vec<Happened>) -> Vec<&'static str> {
    let mut history = History::new();
    for (second, happened) in (0..).zip(happened) {
        history.record(Time::from_millis(second * 1_000), happened);
    }
    let mut names: Vec<_> =
        invariant::check(&history).into_iter().map(|violation| violation.invariant).collect();
    names.dedup();
    names
}

use Keeping::{ByNode, WithEffect};

#[test]
fn i1_sees_duplicates_in_a_session_over_sessions_and_below_acks() {
    let (a, b) = (dot(1, 1), dot(1, 2));
    let once = vec![opened(1, ByNode, &[]), delivered(1, a), delivered(1, b)];
    assert_eq!(broken(once), [""; 0]);
    let twice = vec![opened(1, ByNode, &[]), delivered(1, a), delivered(1, a)];
    assert_eq!(broken(twice), ["I1", "I3"]);
    let again = |keeping| {
        vec![opened(1, keeping, &[]), delivered(1, a), opened(2, keeping, &[]), delivered(2, a)]
    };
    assert_eq!(broken(again(ByNode)), [""; 0], "it was not acked");
    assert_eq!(broken(again(WithEffect)), ["I1"]);
    let mut below = again(ByNode);
    below.insert(2, acked(&[a]));
    assert_eq!(broken(below), ["I1"]);
    let copies =
        vec![opened(1, ByNode, &[]), keyed(1, dot(1, 1), Some(9)), keyed(1, dot(2, 1), Some(9))];
    assert_eq!(broken(copies), ["I1"]);
}

#[test]
fn i2_sees_what_never_came() {
    let (a, b) = (dot(1, 1), dot(2, 1));
    let lost =
        vec![opened(1, ByNode, &[]), published(1, a, &[]), published(2, b, &[]), delivered(1, a)];
    assert_eq!(broken(lost), ["I2"]);
    let behind = vec![opened(1, ByNode, &[a]), published(1, a, &[])];
    assert_eq!(broken(behind), [""; 0], "it was before its first session");
}

#[test]
fn i3_sees_disorder() {
    let (a, b) = (dot(1, 1), dot(2, 1));
    let order = |first, second| {
        vec![
            published(1, a, &[]),
            published(2, b, &[a]),
            opened(1, ByNode, &[]),
            delivered(1, first),
            delivered(1, second),
        ]
    };
    assert_eq!(broken(order(a, b)), [""; 0]);
    assert_eq!(broken(order(b, a)), ["I3"]);
    let back = vec![opened(1, ByNode, &[]), delivered(1, dot(1, 2)), delivered(1, dot(1, 1))];
    assert_eq!(broken(back), ["I3"]);
}

#[test]
fn i4_and_i5_see_a_dot_and_a_retry_that_changed() {
    let a = dot(1, 1);
    let mut other = delivered(1, a);
    if let Happened::Delivered { payload, .. } = &mut other {
        *payload = 99;
    }
    let changed = vec![published(1, a, &[]), opened(1, ByNode, &[]), other];
    assert_eq!(broken(changed), ["I4"]);
    let retry = vec![published(1, a, &[]), published(1, dot(1, 2), &[])];
    assert_eq!(broken(retry), ["I5"]);
}

#[test]
fn i7_and_i9_see_what_must_not_go_live() {
    assert_eq!(broken(vec![activated(1, true), activated(2, true)]), [""; 0]);
    assert_eq!(broken(vec![activated(1, false)]), ["I7"]);
    assert_eq!(broken(vec![activated(2, true), activated(1, true)]), ["I9"]);
}

#[test]
fn i10_sees_nodes_that_differ() {
    assert_eq!(broken(vec![settled(0, b"x"), settled(1, b"x")]), [""; 0]);
    assert_eq!(broken(vec![settled(0, b"x"), settled(1, b"y")]), ["I10"]);
}

#[test]
fn i17_and_i18_look_at_structures() {
    let (mut one, mut other) = (Trie::default(), Trie::default());
    for n in 0_u32..300 {
        let key = Digest::of(&n.to_le_bytes());
        one.insert(key, Digest::of(b"same"));
        other.insert(key, Digest::of(if n % 50 == 0 { b"else" } else { b"same" }));
    }
    let mut found = Vec::new();
    i17_merkle_diff::check(&one, &other, Time::ZERO, &mut found);
    i17_merkle_diff::check(&one, &Trie::default(), Time::ZERO, &mut found);
    i17_merkle_diff::check(&Trie::default(), &one, Time::ZERO, &mut found);
    i18_same_trace::check(1, 7, 7, Time::ZERO, &mut found);
    assert_eq!(found, []);
    i18_same_trace::check(1, 7, 8, Time::ZERO, &mut found);
    assert_eq!(found.len(), 1);
}
