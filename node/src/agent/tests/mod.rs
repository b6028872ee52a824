//! Agents in one process: real sockets, real disk, no other process.

mod fleet;
mod newer;

use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_gossip::{ChannelRecord, Level};

use super::event::Request;
use super::{AddBundleError, AgentHandle, ConsumeRequest, ProposeError, StartError};
use crate::coordinator::Coordinator;
use crate::coordinator::embedded::Embedded;
use crate::live::{EvalRequest, Given, RollRequest};
use fleet::{Bundle, CHANNEL, Fleet, active, config, consumer, event, next};

fn bonus(agent: &AgentHandle) -> String {
    let live = agent.live(CHANNEL).unwrap();
    live.param("bonus", live.home()).unwrap().value.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_every_consumer_once_and_in_order() {
    let fleet = Fleet::start(3).await;
    let mut consumers = Vec::new();
    for agent in &fleet.agents {
        consumers.push(consumer(agent, "game").await);
    }
    for index in 0..30 {
        let agent = &fleet.agents[index % 3];
        let published = agent.publish_event(event("spawn", &index.to_string())).await.unwrap();
        assert!(!published.repeated);
    }
    for consumer in &mut consumers {
        let mut per_origin: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for _ in 0..30 {
            let delivery = next(consumer).await;
            per_origin.entry(delivery.dot.stream).or_default().push(delivery.dot.seq);
        }
        assert_eq!(per_origin.len(), 3);
        for seqs in per_origin.values() {
            assert_eq!(*seqs, (1..=10).collect::<Vec<_>>());
        }
        assert!(consumer.try_recv().is_none());
    }
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_returns_the_first_id_and_replication_is_waited_for() {
    let fleet = Fleet::start(2).await;
    let agent = &fleet.agents[0];
    let mut first = event("spawn", "dragon");
    first.idempotency = Some("spawn-7".to_owned());
    first.level = Level::Replicated { count: 1 };
    let published = agent.publish_event(first.clone()).await.unwrap();
    let again = agent.publish_event(first).await.unwrap();
    assert_eq!(again.dot, published.dot);
    assert!(again.repeated && !published.repeated);
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_cursor_outlives_the_agent() {
    let mut fleet = Fleet::start(1).await;
    let agent = fleet.agents.remove(0);
    let mut session = consumer(&agent, "game").await;
    for index in 0..4 {
        agent.publish_event(event("spawn", &index.to_string())).await.unwrap();
    }
    let mut deliveries = Vec::new();
    for _ in 0..4 {
        deliveries.push(next(&mut session).await);
    }
    agent.ack("game", deliveries[1].cursor.clone()).await.unwrap();
    agent.shutdown().await;
    assert!(session.recv().await.is_none());

    let agent = fleet.start_one(0).await;
    let mut session = consumer(&agent, "game").await;
    assert_eq!(next(&mut session).await.event.payload, "2");
    assert_eq!(next(&mut session).await.event.payload, "3");
    // A cursor that the client presents wins over the stored one.
    let request = ConsumeRequest {
        name: "game".to_owned(),
        cursor: Some(deliveries[2].cursor.clone()),
        topics: Vec::new(),
    };
    let mut session = agent.consume(request).await.unwrap();
    assert_eq!(next(&mut session).await.event.payload, "3");
    agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_becomes_active_everywhere_and_goes_back_without_a_download() {
    let fleet = Fleet::start(3).await;
    let (one, two) = (Bundle::new(&fleet.keys, "1.0.0", 1), Bundle::new(&fleet.keys, "1.1.0", 2));
    let stored = one.publish(&fleet.agents[0]).await;
    assert!(!stored.already);
    assert!(one.publish(&fleet.agents[1]).await.already);
    assert_eq!(fleet.roll_out(&fleet.agents[0], &one).await, 1);
    for agent in &fleet.agents {
        active(agent, 1).await;
        assert_eq!(bonus(agent), "1");
    }
    two.publish(&fleet.agents[1]).await;
    fleet.roll_out(&fleet.agents[2], &two).await;
    for agent in &fleet.agents {
        active(agent, 2).await;
        assert_eq!(bonus(agent), "2");
    }
    let etag = fleet.agents[0].live(CHANNEL).unwrap().etag();
    // Back: a new generation that names the old bundle.
    fleet.roll_out(&fleet.agents[2], &one).await;
    for agent in &fleet.agents {
        active(agent, 3).await;
        assert_eq!(bonus(agent), "1");
        assert_ne!(agent.live(CHANNEL).unwrap().etag(), etag);
    }
    let status = fleet.agents[1].status().await.unwrap();
    assert_eq!(status.channels[0].active_generation, 3);
    assert_eq!(status.channels[0].staged, ["1.0.0", "1.1.0"]);
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_knows_what_the_others_serve() {
    let fleet = Fleet::start(3).await;
    let bundle = Bundle::new(&fleet.keys, "1.0.0", 1);
    bundle.publish(&fleet.agents[0]).await;
    fleet.roll_out(&fleet.agents[1], &bundle).await;
    let asked = &fleet.agents[2];
    let all_active = async {
        loop {
            let status = asked.status().await.unwrap();
            let active = |member: &super::MemberStatus| {
                member.channels.iter().any(|channel| channel.active_generation == 1)
            };
            if status.members.len() == 2 && status.members.iter().all(active) {
                return status;
            }
            // Nothing tells when a member's record arrives: ask again, as the command line does.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let status = tokio::time::timeout(fleet::PATIENCE, all_active).await.unwrap();
    let mut names: Vec<_> =
        status.members.iter().filter_map(|member| member.name.as_deref()).collect();
    names.sort_unstable();
    assert_eq!(names, ["node-0", "node-1"]);
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_is_a_way_into_the_cluster() {
    let mut fleet = Fleet::start(1).await;
    let dir = fleet.dir.path().join("node-1");
    // No seeds at all: only the coordinator knows the other one.
    let config = config(&fleet.keys, &dir, fleet.coordinator.clone(), &[]);
    fleet.agents.push(super::start(config).await.unwrap());
    let mut session = consumer(&fleet.agents[1], "game").await;
    fleet.agents[0].publish_event(event("spawn", "dragon")).await.unwrap();
    assert_eq!(next(&mut session).await.event.payload, "dragon");
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_one_by_one() {
    let fleet = Fleet::start(1).await;
    let bundle = Bundle::new(&fleet.keys, "1.0.0", 1);
    bundle.publish(&fleet.agents[0]).await;
    fleet.roll_out(&fleet.agents[0], &bundle).await;
    active(&fleet.agents[0], 1).await;
    let live = fleet.agents[0].live(CHANNEL).unwrap();
    let request = |level: &str, zone: &str| EvalRequest {
        trigger: Some("boss_kill".to_owned()),
        context: BTreeMap::from([
            ("level".to_owned(), Given::Number(level.to_owned())),
            ("zone".to_owned(), Given::Text(zone.to_owned())),
        ]),
        seed: 7,
        ..EvalRequest::default()
    };
    let mut missing = request("50", "crypt");
    missing.context.remove("level");
    let answers = live.evaluate(&[
        request("50", "crypt"),
        request("5", "crypt"),
        request("500", "crypt"),
        request("50", "cript"),
        missing,
        EvalRequest { trigger: Some("bos_kill".to_owned()), ..EvalRequest::default() },
        EvalRequest { rule: Some("drop".to_owned()), trigger: None, ..request("50", "crypt") },
    ]);
    let first = answers[0].as_ref().unwrap();
    assert_eq!(first.fired, ["drop"]);
    assert_eq!(first.outcomes[0].loot.len(), 2);
    assert!(answers[1].as_ref().unwrap().fired.is_empty());
    let codes: Vec<_> =
        answers[2..6].iter().map(|answer| answer.as_ref().unwrap_err().code()).collect();
    assert_eq!(codes, ["out-of-range", "bad-value", "missing-field", "unknown-trigger"]);
    let unknown = answers[5].as_ref().unwrap_err();
    assert!(unknown.hint().unwrap().contains("boss_kill"));
    assert_eq!(answers[6].as_ref().unwrap(), first);

    let roll = RollRequest { table: "chest".to_owned(), seed: 1, count: 50, ..Default::default() };
    let drops = live.roll(&roll).unwrap().loot;
    assert!(drops.iter().all(|drop| drop.item == "gold"));
    let context = request("50", "crypt").context;
    let asked = RollRequest { trigger: Some("boss_kill".to_owned()), context, ..roll };
    assert!(live.roll(&asked).unwrap().loot.iter().any(|drop| drop.item == "crown"));
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_serves_the_last_known_good_without_anybody() {
    let mut fleet = Fleet::start(1).await;
    let bundle = Bundle::new(&fleet.keys, "1.0.0", 3);
    let agent = fleet.agents.remove(0);
    bundle.publish(&agent).await;
    fleet.roll_out(&agent, &bundle).await;
    active(&agent, 1).await;
    agent.shutdown().await;

    // No coordinator to speak of, no peers: it knows nothing of this channel.
    let empty: Arc<dyn Coordinator> = Embedded::in_memory();
    let dir = fleet.dir.path().join("node-0");
    let agent = super::start(config(&fleet.keys, &dir, empty, &[])).await.unwrap();
    // At once: no waiting for anything.
    assert_eq!(agent.live(CHANNEL).unwrap().version(), "1.0.0");
    assert_eq!(bonus(&agent), "3");
    assert!(agent.readiness().await.unwrap().ready);
    agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_live_outlives_everything_that_failed_after_it() {
    let mut fleet = Fleet::start(1).await;
    let agent = fleet.agents.remove(0);
    let live = Bundle::new(&fleet.keys, "1.0.0", 3);
    live.publish(&agent).await;
    fleet.roll_out(&agent, &live).await;
    active(&agent, 1).await;
    // As many directives as a record holds, for a version that nobody has, and more than enough
    // newer bundles: nothing names the live one any more.
    let lost = Bundle::new(&fleet.keys, "1.1.0", 4);
    for _ in 0..cairn_gossip::directive::CHAIN_MAX {
        fleet.roll_out(&agent, &lost).await;
    }
    for newer in 0..20 {
        let version = format!("2.{newer}.0");
        // Each newer than the one before: of bundles of one moment, nodes keep those of high digest.
        let published_ms = 2 + u64::from(newer);
        Bundle::published(&fleet.keys, &version, newer, published_ms).publish(&agent).await;
    }
    agent.shutdown().await;

    for _ in 0..2 {
        let agent = fleet.start_one(0).await;
        assert_eq!(agent.live(CHANNEL).map(|live| live.version().to_owned()).unwrap(), "1.0.0");
        assert_eq!(bonus(&agent), "3");
        agent.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_images_and_machine_code_are_made_again() {
    let mut fleet = Fleet::start(1).await;
    let bundle = Bundle::new(&fleet.keys, "1.0.0", 3);
    let agent = fleet.agents.remove(0);
    bundle.publish(&agent).await;
    fleet.roll_out(&agent, &bundle).await;
    active(&agent, 1).await;
    agent.shutdown().await;

    let state = fleet.dir.path().join("node-0");
    let code = state.join("code").join(cairn_sdk::Engine::key());
    for folder in [state.join("images"), code] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
        let agent = fleet.start_one(0).await;
        active(&agent, 1).await;
        assert_eq!(bonus(&agent), "3");
        agent.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_no_thread_behind_and_a_start_no_half_made_code() {
    let mut fleet = Fleet::start(1).await;
    for round in 0..6 {
        let agent = fleet.agents.remove(0);
        let bundle = Bundle::new(&fleet.keys, &format!("1.{round}.0"), round);
        bundle.publish(&agent).await;
        fleet.roll_out(&agent, &bundle).await;
        // Staging is under way, or about to be.
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(round) * 3)).await;
        agent.shutdown().await;
        let code = fleet.dir.path().join("node-0/code").join(cairn_sdk::Engine::key());
        std::fs::create_dir_all(code.join("part-of-a-crash")).unwrap();
        // Locked, if anything still worked in there.
        let agent = fleet.start_one(0).await;
        assert!(!code.join("part-of-a-crash").exists());
        fleet.agents.push(agent);
    }
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_reads_what_is_active_from_the_files() {
    let fleet = Fleet::start(1).await;
    let (one, two) = (Bundle::new(&fleet.keys, "1.0.0", 1), Bundle::new(&fleet.keys, "1.1.0", 2));
    let agent = &fleet.agents[0];
    one.publish(agent).await;
    fleet.roll_out(agent, &one).await;
    active(agent, 1).await;
    let state = fleet.dir.path().join("node-0");
    let mut reader = cairn_sdk::Reader::open(&state, CHANNEL).unwrap();
    assert_eq!(reader.pin().version, "1.0.0");
    assert!(!reader.tick().unwrap());
    two.publish(agent).await;
    fleet.roll_out(agent, &two).await;
    active(agent, 2).await;
    assert!(reader.tick().unwrap());
    assert_eq!(reader.pin().generation, 2);
    let engine = cairn_sdk::Engine::new().unwrap();
    cairn_sdk::Code::open(&engine, &state, &reader.pin()).unwrap();
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_create_only_and_generations_follow_each_other() {
    let fleet = Fleet::start(1).await;
    let agent = &fleet.agents[0];
    let (one, other) = (Bundle::new(&fleet.keys, "1.0.0", 1), Bundle::new(&fleet.keys, "1.0.0", 9));
    one.publish(agent).await;
    let refused = agent.add_bundle(other.head.clone(), other.envelope.clone(), other.blobs.clone());
    assert!(matches!(refused.await, Err(AddBundleError::VersionExists { .. })));
    let refused = agent.add_bundle(one.head.clone(), one.envelope.clone(), Vec::new());
    assert!(matches!(refused.await, Err(AddBundleError::MissingFragment { .. })));
    let refused = agent.add_bundle(other.head, one.envelope.clone(), one.blobs.clone());
    assert!(matches!(refused.await, Err(AddBundleError::Rejected { .. })));

    fleet.roll_out(agent, &one).await;
    let record = agent.channel_record(CHANNEL).await.unwrap().unwrap();
    let newest = record.newest().unwrap().clone();
    let stale = agent.propose(newest.clone(), 0).await;
    assert!(matches!(stale, Err(ProposeError::Conflict { actual: 1, .. })), "{stale:?}");
    let mut forged = newest;
    forged.signature.0[0] ^= 1;
    assert!(matches!(agent.propose(forged, 0).await, Err(ProposeError::Refused { .. })));
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_forgot_is_told_what_the_fleet_decided() {
    let mut fleet = Fleet::start(1).await;
    let bundle = Bundle::new(&fleet.keys, "1.0.0", 1);
    let agent = fleet.agents.remove(0);
    bundle.publish(&agent).await;
    fleet.roll_out(&agent, &bundle).await;
    let record = agent.channel_record(CHANNEL).await.unwrap().unwrap();
    agent.shutdown().await;

    fleet.coordinator = Embedded::in_memory();
    let agent = fleet.start_one(0).await;
    fleet.stands(&record).await;
    assert_eq!(fleet.roll_out(&agent, &bundle).await, 2);
    agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_answered_once_it_is_durable_and_not_by_a_lower_one() {
    let fleet = Fleet::start(1).await;
    let agent = &fleet.agents[0];
    let (one, two) = (Bundle::new(&fleet.keys, "1.0.0", 1), Bundle::new(&fleet.keys, "1.1.0", 2));
    one.publish(agent).await;
    two.publish(agent).await;
    fleet.roll_out(agent, &two).await;
    let mut standing = agent.channel_record(CHANNEL).await.unwrap().unwrap();
    for round in 0..32 {
        let (back, _) = fleet.directive(Some(&standing), &one, true);
        let next = ChannelRecord::following(Some(&standing), back);
        let propose = |record: ChannelRecord| {
            let (reply, answer) = tokio::sync::oneshot::channel();
            let (channel, trace) = (CHANNEL.to_owned(), None);
            (Request::Propose { record, channel, trace, reply }, answer)
        };
        // The lower one is handled while the higher one is on its way to disk.
        let (higher, durable) = propose(next.clone());
        let (lower, again) = propose(standing.clone());
        let (higher, lower) = tokio::join!(agent.send(higher), agent.send(lower));
        higher.unwrap();
        lower.unwrap();
        durable.await.unwrap().unwrap();
        let found = agent.channel_record(CHANNEL).await.unwrap().unwrap();
        assert_eq!(found, next, "round {round}");
        assert_eq!(again.await.unwrap(), Ok(()));
        standing = next;
    }
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_a_tie_is_told_so() {
    let fleet = Fleet::start(1).await;
    let agent = &fleet.agents[0];
    let (one, two) = (Bundle::new(&fleet.keys, "1.0.0", 1), Bundle::new(&fleet.keys, "1.1.0", 2));
    one.publish(agent).await;
    two.publish(agent).await;
    fleet.roll_out(agent, &two).await;
    let first = agent.channel_record(CHANNEL).await.unwrap();
    let (loser, expected) = fleet.directive(first.as_ref(), &two, false);
    let (winner, _) = fleet.directive(first.as_ref(), &one, true);
    let loser = ChannelRecord::following(first.as_ref(), loser);
    assert_eq!(agent.propose(winner, expected).await, Ok(2));
    let (reply, answer) = tokio::sync::oneshot::channel();
    let (channel, trace) = (CHANNEL.to_owned(), None);
    agent.send(Request::Propose { record: loser, channel, trace, reply }).await.unwrap();
    let beaten = ProposeError::Conflict { channel: CHANNEL.to_owned(), expected: 1, actual: 2 };
    assert_eq!(answer.await.unwrap(), Err(beaten));
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_holds_the_loser_of_a_tie_is_told_the_winner() {
    let fleet = Fleet::start(1).await;
    let agent = &fleet.agents[0];
    let (one, two) = (Bundle::new(&fleet.keys, "1.0.0", 1), Bundle::new(&fleet.keys, "1.1.0", 2));
    one.publish(agent).await;
    two.publish(agent).await;
    fleet.roll_out(agent, &two).await;
    let first = agent.channel_record(CHANNEL).await.unwrap().unwrap();
    // Break-glass goes back, while somebody else's rollout reaches the coordinator.
    let (back, expected) = fleet.directive(Some(&first), &one, true);
    assert_eq!(agent.propose(back, expected).await, Ok(2));
    let winner = agent.channel_record(CHANNEL).await.unwrap().unwrap();
    fleet.stands(&winner).await;
    let (loser, _) = fleet.directive(Some(&first), &two, false);
    let (_, revision) = fleet.coordinator.channel(CHANNEL).await.unwrap().unwrap();
    let loser = ChannelRecord::following(Some(&first), loser);
    fleet.coordinator.propose(CHANNEL, Some(revision), loser).await.unwrap();

    fleet.stands(&winner).await;
    assert_eq!(fleet.roll_out(agent, &two).await, 3);
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_signed_does_not_stand_in_the_way() {
    let fleet = Fleet::start(1).await;
    let agent = &fleet.agents[0];
    let bundle = Bundle::new(&fleet.keys, "1.0.0", 1);
    bundle.publish(agent).await;
    fleet.roll_out(agent, &bundle).await;
    let record = agent.channel_record(CHANNEL).await.unwrap().unwrap();
    let (mut forged, _) = fleet.directive(Some(&record), &bundle, true);
    forged.signature.0[0] ^= 1;
    let (_, revision) = fleet.coordinator.channel(CHANNEL).await.unwrap().unwrap();
    let forged = ChannelRecord::following(Some(&record), forged);
    fleet.coordinator.propose(CHANNEL, Some(revision), forged).await.unwrap();

    fleet.stands(&record).await;
    assert_eq!(fleet.roll_out(agent, &bundle).await, 2);
    fleet.shutdown().await;
}

/// The newest directive is signed and higher, the record below it is cut off: no replica takes it,
/// so it must neither stand nor be a base.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_lost_its_tail_does_not_stand_in_the_way() {
    let fleet = Fleet::start(1).await;
    let agent = &fleet.agents[0];
    let bundle = Bundle::new(&fleet.keys, "1.0.0", 1);
    bundle.publish(agent).await;
    fleet.roll_out(agent, &bundle).await;
    let record = agent.channel_record(CHANNEL).await.unwrap().unwrap();
    let (next, _) = fleet.directive(Some(&record), &bundle, false);
    let (_, revision) = fleet.coordinator.channel(CHANNEL).await.unwrap().unwrap();
    let cut = ChannelRecord { chain: vec![next] };
    fleet.coordinator.propose(CHANNEL, Some(revision), cut).await.unwrap();

    fleet.stands(&record).await;
    assert_eq!(fleet.roll_out(agent, &bundle).await, 2);
    fleet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gossip_stays_on_this_machine() {
    let fleet = Fleet::start(0).await;
    let dir = fleet.dir.path().join("open");
    let mut config = config(&fleet.keys, &dir, fleet.coordinator.clone(), &[]);
    config.gossip_listen = "0.0.0.0:0".parse().unwrap();
    let error = super::start(config).await.err().unwrap();
    assert!(matches!(error, StartError::NotLoopback { .. }));
    assert!(error.hint().unwrap().contains("127.0.0.1"));
    // Nothing was touched: it is refused before the directory is opened.
    assert!(!dir.exists());
}
