//! The etcd coordinator on a real etcd: the conformance suite, and every way in which etcd goes
//! away, forgets or lies.
#![allow(clippy::disallowed_methods, reason = "real processes run on the real clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use cairn::coordinator::conformance::{generation_of, record, soon, suite, until, version};
use cairn::coordinator::etcd::{Etcd, EtcdConfig};
use cairn::coordinator::{
    Coordinator, CoordinatorError, Leadership, NodeRecord, Registered, WatchEvent,
};
use cairn_chaos::proxy::Proxy;
use cairn_gossip::NodeId;
use cairn_tests::etcd::EtcdServer;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::timeout;

const CHANNEL: &str = "hunt/prod";

fn at(endpoint: String, prefix: &str) -> Arc<Etcd> {
    let config = EtcdConfig { prefix: prefix.to_owned(), ..EtcdConfig::new(vec![endpoint]) };
    Etcd::new(config).expect("valid settings")
}

fn generation(event: &WatchEvent) -> Option<u64> {
    match event {
        WatchEvent::Channel { record, .. } => Some(generation_of(record)),
        _ => None,
    }
}

async fn until_generation(watch: &mut BoxStream<'static, WatchEvent>, wanted: u64) {
    until(watch, &format!("generation {wanted}"), |event| {
        (generation(&event) == Some(wanted)).then_some(())
    })
    .await;
}

async fn until_event(watch: &mut BoxStream<'static, WatchEvent>, what: &str, wanted: WatchEvent) {
    until(watch, what, |event| (event == wanted).then_some(())).await;
}

async fn until_unreachable(watch: &mut BoxStream<'static, WatchEvent>) {
    until(watch, "unreachable", |event| {
        matches!(event, WatchEvent::Unreachable { .. }).then_some(())
    })
    .await;
}

fn led(event: Leadership) -> Option<u64> {
    match event {
        Leadership::Leader { term } => Some(term),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_suite() -> Result<()> {
    let server = EtcdServer::start().await?;
    suite(&|space| at(server.endpoint(), &format!("/suite/{space}"))).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_survives_a_restart_of_etcd() -> Result<()> {
    let mut server = EtcdServer::start().await?;
    let store = at(server.endpoint(), "/cairn");
    let first = store.propose(CHANNEL, None, record(1, "x")).await?;
    let mut watch = store.watch();
    until_generation(&mut watch, 1).await;
    until_event(&mut watch, "the snapshot's end", WatchEvent::Synced { restored: false }).await;

    server.stop().await?;
    until_unreachable(&mut watch).await;
    let started = Instant::now();
    let away = store.propose(CHANNEL, Some(first), record(2, "x")).await;
    assert!(matches!(away, Err(CoordinatorError::Unreachable { .. })), "{away:?}");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());

    server.start_again().await?;
    until_event(&mut watch, "reachable", WatchEvent::Reachable).await;
    // Nothing changed, so nothing is told twice.
    let next = soon("the comparison's end", watch.next()).await;
    assert_eq!(next, Some(WatchEvent::Synced { restored: false }));
    let second = store.propose(CHANNEL, Some(first), record(2, "x")).await?;
    until_generation(&mut watch, 2).await;
    assert_ne!(first, second);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_survives_a_compaction_that_it_slept_through() -> Result<()> {
    let server = EtcdServer::start().await?;
    let proxy = Proxy::start(server.address(), 7).await?;
    let store = at(server.endpoint(), "/cairn");
    let behind = at(format!("http://{}", proxy.address()), "/cairn");
    let mut revision = store.propose(CHANNEL, None, record(1, "x")).await?;
    let mut watch = behind.watch();
    until_generation(&mut watch, 1).await;

    proxy.pause();
    proxy.cut_all();
    until_unreachable(&mut watch).await;
    for generation in 2..=30 {
        revision = store.propose(CHANNEL, Some(revision), record(generation, "x")).await?;
    }
    store.register_version(version("hunt", "1.0.0", b"a")).await?;
    server.compact().await?;
    proxy.resume();
    until_event(&mut watch, "reachable", WatchEvent::Reachable).await;
    until_generation(&mut watch, 30).await;
    until_event(&mut watch, "the version", WatchEvent::Version(version("hunt", "1.0.0", b"a")))
        .await;
    until_event(&mut watch, "no alarm", WatchEvent::Synced { restored: false }).await;
    store.propose(CHANNEL, Some(revision), record(31, "x")).await?;
    until_generation(&mut watch, 31).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_that_forgot_is_noticed_and_written_back_to() -> Result<()> {
    let mut server = EtcdServer::start().await?;
    let store = at(server.endpoint(), "/cairn");
    let mut revision = None;
    for generation in 1..=5 {
        revision = Some(store.propose(CHANNEL, revision, record(generation, "x")).await?);
    }
    let mut watch = store.watch();
    until_generation(&mut watch, 5).await;
    server.restart_empty().await?;
    until_event(&mut watch, "gone", WatchEvent::ChannelGone { channel: CHANNEL.to_owned() }).await;
    until_event(&mut watch, "the alarm", WatchEvent::Synced { restored: true }).await;
    // What is expected names content that is not there: no accidental success.
    let stale = store.propose(CHANNEL, revision, record(6, "x")).await;
    assert!(matches!(stale, Err(CoordinatorError::Conflict { actual: None, .. })), "{stale:?}");
    store.propose(CHANNEL, None, record(5, "x")).await?;
    until_generation(&mut watch, 5).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_etcd_is_unreachable_in_bounded_time() -> Result<()> {
    let server = EtcdServer::start().await?;
    let store = at(server.endpoint(), "/cairn");
    let first = store.propose(CHANNEL, None, record(1, "x")).await?;
    let mut watch = store.watch();
    until_generation(&mut watch, 1).await;
    let mut campaign = store.campaign("one".to_owned());
    until(&mut campaign, "leads", led).await;

    server.freeze().await?;
    let started = Instant::now();
    let frozen = store.propose(CHANNEL, Some(first), record(2, "x")).await;
    assert!(matches!(frozen, Err(CoordinatorError::Unreachable { .. })), "{frozen:?}");
    until_unreachable(&mut watch).await;
    until(&mut campaign, "lost", |event| match event {
        Leadership::Lost { .. } => Some(()),
        other => panic!("{other:?} on a frozen etcd"),
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());

    server.thaw().await?;
    until_event(&mut watch, "reachable", WatchEvent::Reachable).await;
    until(&mut campaign, "leads again", led).await;
    // The frozen proposal may have been carried out after all; asking again settles it.
    let second = store.propose(CHANNEL, Some(first), record(2, "x")).await?;
    assert_eq!(store.channel(CHANNEL).await?, Some((record(2, "x"), second)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_under_our_prefix_is_named_and_skipped() -> Result<()> {
    let server = EtcdServer::start().await?;
    let store = at(server.endpoint(), "/cairn");
    let mut raw = server.client().await?;
    let first = store.propose(CHANNEL, None, record(1, "x")).await?;
    raw.put("/cairn/v1/version/hunt/0.0.1", vec![0xff; 100], None).await?;
    raw.put("/cairn/v1/node/not-a-node", "?", None).await?;
    raw.put([b"/cairn/v1/channel/", &[0xff, 0xfe][..]].concat(), "?", None).await?;
    raw.put("/cairn/v1/channel/hunt/large", vec![1; 1_000_000], None).await?;
    let mut watch = store.watch();
    let mut corrupt = Vec::new();
    until(&mut watch, "the snapshot's end", |event| match event {
        WatchEvent::Corrupt { key, reason } => {
            corrupt.push((key, reason));
            None
        }
        WatchEvent::Synced { .. } => Some(()),
        _ => None,
    })
    .await;
    let expected = [
        ("/cairn/v1/version/hunt/0.0.1", "format 255"),
        ("/cairn/v1/node/not-a-node", "not a key of ours"),
        ("/cairn/v1/channel/", "not a key of ours"),
        ("/cairn/v1/channel/hunt/large", "1000000 bytes, limit 65536"),
    ];
    assert_eq!(corrupt.len(), expected.len(), "{corrupt:?}");
    for ((key, reason), (wanted_key, wanted_reason)) in corrupt.iter().zip(expected) {
        assert!(key.starts_with(wanted_key) && reason.contains(wanted_reason), "{key}: {reason}");
    }

    // Over a good value: named, the last good one stands, and a proposal can replace it.
    raw.put(format!("/cairn/v1/channel/{CHANNEL}"), "garbage", None).await?;
    let key = until(&mut watch, "corrupt", |event| match event {
        WatchEvent::Corrupt { key, .. } => Some(key),
        _ => None,
    })
    .await;
    assert_eq!(key, format!("/cairn/v1/channel/{CHANNEL}"));
    let stale = store.propose(CHANNEL, Some(first), record(2, "x")).await;
    assert!(matches!(stale, Err(CoordinatorError::Conflict { .. })), "{stale:?}");
    let Err(CoordinatorError::Corrupt { revision, .. }) = store.channel(CHANNEL).await else {
        panic!("a corrupt channel was read");
    };
    store.propose(CHANNEL, Some(revision), record(2, "x")).await?;
    until_generation(&mut watch, 2).await;
    assert_eq!(store.versions("hunt").await?, vec![]);
    assert_eq!(store.nodes().await?, vec![]);

    // A leader key that no controller wrote does not block elections.
    raw.put("/cairn/v1/leader", "nobody", None).await?;
    until(&mut store.campaign("one".to_owned()), "leads", led).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_stops_before_the_next_one_begins() -> Result<()> {
    let server = EtcdServer::start().await?;
    let proxy = Proxy::start(server.address(), 11).await?;
    let behind = at(format!("http://{}", proxy.address()), "/cairn");
    let store = at(server.endpoint(), "/cairn");
    let mut cut = behind.campaign("cut".to_owned());
    let term = until(&mut cut, "the one behind leads", led).await;
    let mut other = store.campaign("other".to_owned());
    until(&mut other, "the other follows", |event| {
        matches!(event, Leadership::Follower { .. }).then_some(())
    })
    .await;
    let node =
        NodeRecord { id: NodeId([1; 16]), name: "cut".to_owned(), addr: "127.0.0.1:1".to_owned() };
    let _registration = behind.register_node(node.clone()).await?;
    let mut watch = store.watch();
    until_event(&mut watch, "registered", WatchEvent::Node(node.clone())).await;

    // Silence, as when a machine dies: nobody is told, only time passes.
    proxy.pause();
    let lost = async {
        until(&mut cut, "lost", |event| matches!(event, Leadership::Lost { .. }).then_some(()))
            .await;
        Instant::now()
    };
    let takes_over = async {
        let next = until(&mut other, "the other leads", led).await;
        (Instant::now(), next)
    };
    let (stopped, (began, next)) = tokio::join!(lost, takes_over);
    assert!(stopped <= began, "two leaders for {:?}", stopped - began);
    assert!(next > term, "term {next} after {term}");
    until_event(&mut watch, "unregistered", WatchEvent::NodeGone { id: node.id }).await;

    proxy.resume();
    until(&mut cut, "follows", |event| match event {
        Leadership::Follower { leader } => {
            assert_eq!(leader, "other");
            Some(())
        }
        _ => None,
    })
    .await;
    // Registered again by itself.
    until_event(&mut watch, "registered again", WatchEvent::Node(node)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_endpoint_beside_a_good_one_costs_no_request() -> Result<()> {
    let server = EtcdServer::start().await?;
    let dead = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        format!("http://{}", listener.local_addr()?)
    };
    let store = Etcd::new(EtcdConfig::new(vec![dead, server.endpoint()]))?;
    for patch in 0..30 {
        let record = version("hunt", &format!("1.0.{patch}"), b"a");
        assert_eq!(store.register_version(record).await?, Registered::Created);
    }
    assert_eq!(store.versions("hunt").await?.len(), 30);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_checked_and_a_wrong_password_is_a_refusal() -> Result<()> {
    let server = EtcdServer::start().await?;
    let mut raw = server.client().await?;
    raw.user_add("root", "secret", None).await?;
    raw.role_add("root").await?;
    raw.user_grant_role("root", "root").await?;
    raw.auth_enable().await?;
    let with = |user: Option<&str>, password: Option<&str>| {
        Etcd::new(EtcdConfig {
            user: user.map(str::to_owned),
            password: password.map(|password| password.to_owned().into()),
            ..EtcdConfig::new(vec![server.endpoint()])
        })
    };
    let good = with(Some("root"), Some("secret"))?;
    let mut watch = good.watch();
    good.propose(CHANNEL, None, record(1, "x")).await?;
    until_generation(&mut watch, 1).await;
    for refused in [with(None, None)?, with(Some("root"), Some("wrong"))?] {
        let result = refused.channel(CHANNEL).await;
        assert!(matches!(result, Err(CoordinatorError::Refused { .. })), "{result:?}");
        // A watch says so as well, instead of being silent.
        until_unreachable(&mut refused.watch()).await;
    }
    // Agents start without etcd: settings are checked, nothing is dialled.
    let quick = timeout(Duration::from_secs(1), async { with(Some("root"), None).err() }).await?;
    assert!(matches!(quick, Some(CoordinatorError::Setting { .. })), "{quick:?}");
    Ok(())
}
