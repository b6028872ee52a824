//! The one suite that every [`Coordinator`] passes.
//!
//! Panics with what was expected, as a test does. Every wait is bounded, so a backend that loses
//! an event fails instead of hanging.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cairn_gossip::{ChannelRecord, NodeId, Signature, SignedDirective};
use cairn_merkle::Digest;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::BoxStream;
use tokio::time::timeout;

use super::{
    Coordinator, CoordinatorError, Leadership, NodeRecord, RECORD_BYTES_MAX, Registered, Revision,
    VersionRecord, WatchEvent,
};

/// Opens one more handle on the space with this name: same name, same store; other name, nothing
/// in common.
pub type Open<'a> = &'a (dyn Fn(&str) -> Arc<dyn Coordinator> + Sync);

/// Longest wait for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every case, one after another.
///
/// # Panics
/// When a case fails.
pub async fn suite(open: Open<'_>) {
    versions_are_create_only(open).await;
    channels_change_by_compare_and_swap(open).await;
    what_cannot_be_a_key_or_a_record_is_refused(open).await;
    a_watch_begins_with_everything(open).await;
    two_watchers_see_every_last_state(open).await;
    one_proposer_wins_each_generation(open).await;
    leadership_passes_on(open).await;
    a_term_has_one_leader(open).await;
    registrations_end_with_their_handles(open).await;
}

/// A record of this generation; `tag` tells proposers apart. Coordinators never look inside.
#[must_use]
pub fn record(generation: u64, tag: &str) -> ChannelRecord {
    let body = Bytes::from(format!("{generation}:{tag}"));
    let signed = SignedDirective { body, key: [0; 32], signature: Signature::default() };
    ChannelRecord { chain: vec![signed] }
}

/// The generation of a [`record`].
///
/// # Panics
/// When it is not one.
#[must_use]
pub fn generation_of(record: &ChannelRecord) -> u64 {
    let body = String::from_utf8_lossy(&record.chain[0].body).into_owned();
    let (generation, _) = body.split_once(':').expect("a record of this suite");
    generation.parse().expect("a record of this suite")
}

/// A version record that differs by `content`.
#[must_use]
pub fn version(ruleset: &str, version: &str, content: &[u8]) -> VersionRecord {
    VersionRecord {
        ruleset: ruleset.to_owned(),
        version: version.to_owned(),
        digest: Digest::of(content),
        envelope_bytes: 1_000,
        published_ms: 1_700_000_000_000,
        head: content.to_vec(),
    }
}

/// Wait, but not for ever.
///
/// # Panics
/// After 30 s, naming `what`.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing within {PATIENCE:?}"),
    }
}

/// The next item that `wanted` accepts; those before are skipped.
///
/// # Panics
/// When the stream ends, or after 30 s, naming `what`.
pub async fn until<I, T>(
    stream: &mut BoxStream<'static, I>,
    what: &str,
    mut wanted: impl FnMut(I) -> Option<T>,
) -> T {
    soon(what, async {
        loop {
            match stream.next().await.map(&mut wanted) {
                Some(Some(found)) => return found,
                Some(None) => {}
                None => panic!("{what}: the stream ended"),
            }
        }
    })
    .await
}

async fn versions_are_create_only(open: Open<'_>) {
    let (one, two) = (open("versions"), open("versions"));
    let first = version("hunt", "1.0.0", b"a");
    assert_eq!(one.register_version(first.clone()).await, Ok(Registered::Created));
    assert_eq!(two.register_version(first.clone()).await, Ok(Registered::AlreadySame));
    let other = version("hunt", "1.0.0", b"b");
    let conflict = Registered::Conflict { existing: first.digest };
    assert_eq!(two.register_version(other).await, Ok(conflict));
    // The same bundle published later is the same version; the first record stays.
    let later = VersionRecord { published_ms: 1, ..first.clone() };
    assert_eq!(one.register_version(later).await, Ok(Registered::AlreadySame));
    let second = version("hunt", "1.1.0", b"c");
    assert_eq!(two.register_version(second.clone()).await, Ok(Registered::Created));
    let elsewhere = version("hunt2", "1.0.0", b"d");
    assert_eq!(two.register_version(elsewhere).await, Ok(Registered::Created));
    assert_eq!(one.versions("hunt").await, Ok(vec![first, second]));
    assert_eq!(one.versions("nothing").await, Ok(vec![]));

    // Of many publishers of one version with different content, one creates it.
    let handles: Vec<_> = (0..8u8).map(|i| (i, open("versions"))).collect();
    let outcomes = join_all(handles.iter().map(|(i, handle)| async move {
        handle.register_version(version("race", "1.0.0", &[*i])).await.expect("reachable")
    }))
    .await;
    let created = outcomes.iter().filter(|outcome| **outcome == Registered::Created).count();
    assert_eq!(created, 1, "{outcomes:?}");
}

async fn channels_change_by_compare_and_swap(open: Open<'_>) {
    let (one, two) = (open("channels"), open("channels"));
    let channel = "hunt/prod";
    assert_eq!(one.channel(channel).await, Ok(None));
    let first = one.propose(channel, None, record(1, "one")).await.expect("created");
    assert_eq!(two.channel(channel).await, Ok(Some((record(1, "one"), first))));

    // Created once; the same proposal again is a retry.
    let conflict = two.propose(channel, None, record(1, "two")).await;
    assert_conflict(conflict, None, Some(first));
    assert_eq!(one.propose(channel, None, record(1, "one")).await, Ok(first));

    let second = two.propose(channel, Some(first), record(2, "two")).await.expect("swapped");
    assert_ne!(first, second);
    let conflict = one.propose(channel, Some(first), record(2, "one")).await;
    assert_conflict(conflict, Some(first), Some(second));
    assert_eq!(two.propose(channel, Some(first), record(2, "two")).await, Ok(second), "a retry");
    assert_eq!(one.channel(channel).await, Ok(Some((record(2, "two"), second))));

    // Number and content both count: a restored store may give a number a second time.
    let forged = Revision { content: Digest::of(b"other"), ..second };
    let conflict = one.propose(channel, Some(forged), record(3, "one")).await;
    assert_conflict(conflict, Some(forged), Some(second));

    // Expecting a revision where nothing is, is a conflict as well.
    let conflict = one.propose("hunt/staging", Some(second), record(1, "one")).await;
    assert_conflict(conflict, Some(second), None);
}

fn assert_conflict(
    result: Result<Revision, CoordinatorError>,
    expect_expected: Option<Revision>,
    expect_actual: Option<Revision>,
) {
    match result {
        Err(CoordinatorError::Conflict { expected, actual, .. }) => {
            assert_eq!((expected, actual), (expect_expected, expect_actual));
        }
        other => panic!("a conflict was expected: {other:?}"),
    }
}

async fn what_cannot_be_a_key_or_a_record_is_refused(open: Open<'_>) {
    let one = open("refused");
    for channel in ["", "prod", "a/b/c", "a/ b", "../x/y", "hunt/\0"] {
        let result = one.propose(channel, None, record(1, "x")).await;
        assert!(matches!(result, Err(CoordinatorError::Name { .. })), "{channel:?}: {result:?}");
    }
    let result = one.register_version(version("a/b", "1.0.0", b"a")).await;
    assert!(matches!(result, Err(CoordinatorError::Name { .. })), "{result:?}");
    let mut large = record(1, "x");
    large.chain[0].body = Bytes::from(vec![0; RECORD_BYTES_MAX]);
    let result = one.propose("hunt/prod", None, large).await;
    match result {
        Err(CoordinatorError::TooLarge { actual_bytes, limit_bytes, .. }) => {
            assert!(actual_bytes > limit_bytes && limit_bytes == RECORD_BYTES_MAX);
        }
        other => panic!("too large was expected: {other:?}"),
    }
    assert_eq!(one.channel("hunt/prod").await, Ok(None));
}

async fn a_watch_begins_with_everything(open: Open<'_>) {
    let (writer, reader) = (open("snapshot"), open("snapshot"));
    let mut empty = reader.watch();
    let first = soon("first event of an empty store", empty.next()).await;
    assert_eq!(first, Some(WatchEvent::Synced { restored: false }));

    let one = version("hunt", "1.0.0", b"a");
    writer.register_version(one.clone()).await.expect("reachable");
    let revision = writer.propose("hunt/prod", None, record(1, "x")).await.expect("created");
    let mut watch = reader.watch();
    let mut seen = Vec::new();
    until(&mut watch, "the snapshot", |event| {
        let synced = event == WatchEvent::Synced { restored: false };
        seen.push(event);
        synced.then_some(())
    })
    .await;
    let channel =
        WatchEvent::Channel { channel: "hunt/prod".to_owned(), record: record(1, "x"), revision };
    let synced = WatchEvent::Synced { restored: false };
    assert_eq!(seen, [WatchEvent::Version(one.clone()), channel.clone(), synced]);

    // The watch that began earlier is told the same as changes.
    let next = soon("a version", empty.next()).await;
    assert_eq!(next, Some(WatchEvent::Version(one)));
    assert_eq!(soon("a channel", empty.next()).await, Some(channel));

    // What a watch names can be proposed against.
    let swapped = reader.propose("hunt/prod", Some(revision), record(2, "x")).await;
    assert!(swapped.is_ok(), "{swapped:?}");
}

async fn two_watchers_see_every_last_state(open: Open<'_>) {
    const LAST: u64 = 20;
    let writer = open("watchers");
    let mut watches = [open("watchers").watch(), open("watchers").watch()];
    let mut at = None;
    for generation in 1..=LAST {
        let proposed = writer.propose("hunt/prod", at, record(generation, "x")).await;
        at = Some(proposed.expect("nobody else proposes"));
    }
    for watch in &mut watches {
        let mut last = 0;
        until(watch, "the last generation", |event| {
            let WatchEvent::Channel { record, .. } = event else { return None };
            let generation = generation_of(&record);
            assert!(generation > last, "{generation} after {last}");
            last = generation;
            (generation == LAST).then_some(())
        })
        .await;
    }
}

async fn one_proposer_wins_each_generation(open: Open<'_>) {
    const LAST: u64 = 10;
    let proposers = ["a", "b", "c", "d", "e"].map(|name| (name, open("race")));
    let wins = join_all(proposers.iter().map(|(name, handle)| async move {
        let mut won = Vec::new();
        loop {
            let now = handle.channel("hunt/prod").await.expect("reachable");
            let (generation, at) =
                now.map_or((0, None), |(record, at)| (generation_of(&record), Some(at)));
            if generation == LAST {
                return won;
            }
            match handle.propose("hunt/prod", at, record(generation + 1, name)).await {
                Ok(_) => won.push(generation + 1),
                Err(CoordinatorError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }));
    let wins = soon("the race", wins).await;
    let mut winners: BTreeMap<u64, usize> = BTreeMap::new();
    for generation in wins.into_iter().flatten() {
        *winners.entry(generation).or_default() += 1;
    }
    let expected: BTreeMap<u64, usize> = (1..=LAST).map(|generation| (generation, 1)).collect();
    assert_eq!(winners, expected);
}

async fn leadership_passes_on(open: Open<'_>) {
    let (one, two) = (open("election"), open("election"));
    let mut first = one.campaign("one".to_owned());
    let led = |event| match event {
        Leadership::Leader { term } => Some(term),
        _ => None,
    };
    let term = until(&mut first, "one leads", led).await;
    let mut second = two.campaign("two".to_owned());
    let leader = until(&mut second, "two follows", |event| match event {
        Leadership::Follower { leader } => Some(leader),
        Leadership::Leader { .. } => panic!("two leads while one does"),
        Leadership::Lost { .. } => None,
    })
    .await;
    assert_eq!(leader, "one");
    drop(first);
    let next = until(&mut second, "two leads", led).await;
    assert!(next > term, "term {next} after {term}");
    // The one that resigned may stand again.
    let mut again = one.campaign("one".to_owned());
    let leader = until(&mut again, "one follows", |event| match event {
        Leadership::Follower { leader } => Some(leader),
        _ => None,
    })
    .await;
    assert_eq!(leader, "two");
}

async fn a_term_has_one_leader(open: Open<'_>) {
    let candidates = ["a", "b", "c", "d"];
    let terms = join_all(candidates.map(|name| {
        let handle = open("terms");
        async move {
            let mut stream = handle.campaign(name.to_owned());
            until(&mut stream, "each leads once", |event| match event {
                // Dropping the stream with this return resigns.
                Leadership::Leader { term } => Some(term),
                _ => None,
            })
            .await
        }
    }))
    .await;
    let mut distinct = terms.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), candidates.len(), "{terms:?}");
}

async fn registrations_end_with_their_handles(open: Open<'_>) {
    let (one, two) = (open("registry"), open("registry"));
    let mut watch = two.watch();
    let node = |id: u8, addr: &str| NodeRecord {
        id: NodeId([id; 16]),
        name: format!("node-{id}"),
        addr: addr.to_owned(),
    };
    let first = one.register_node(node(1, "127.0.0.1:1")).await.expect("registered");
    let second = two.register_node(node(2, "127.0.0.1:2")).await.expect("registered");
    let both = vec![node(1, "127.0.0.1:1"), node(2, "127.0.0.1:2")];
    assert_eq!(one.nodes().await, Ok(both));
    for id in [1, 2] {
        until(&mut watch, "a node registers", |event| match event {
            WatchEvent::Node(node) => {
                assert_eq!(node.id, NodeId([id; 16]));
                Some(())
            }
            _ => None,
        })
        .await;
    }
    drop(first);
    until(&mut watch, "the first leaves", |event| match event {
        WatchEvent::NodeGone { id } => {
            assert_eq!(id, NodeId([1; 16]));
            Some(())
        }
        _ => None,
    })
    .await;
    assert_eq!(two.nodes().await, Ok(vec![node(2, "127.0.0.1:2")]));
    // A node that moved registers again; the end of its old registration does not end the new.
    let moved = one.register_node(node(2, "127.0.0.1:22")).await.expect("registered");
    until(&mut watch, "the second moves", |event| match event {
        WatchEvent::Node(node) => {
            assert_eq!(node.addr, "127.0.0.1:22");
            Some(())
        }
        _ => None,
    })
    .await;
    drop(second);
    // Observed through a third: changes are told in order, and no end of node 2 came before it.
    let third = one.register_node(node(3, "127.0.0.1:3")).await.expect("registered");
    until(&mut watch, "the third registers", |event| match event {
        WatchEvent::Node(node) => {
            assert_eq!(node.id, NodeId([3; 16]));
            Some(())
        }
        WatchEvent::NodeGone { id } => panic!("{id} left"),
        _ => None,
    })
    .await;
    drop((moved, third));
}
