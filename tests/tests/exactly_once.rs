//! The test that is the reason for Cairn: twenty identical dragons must never come out of one cave.
//!
//! Five agent processes on a real etcd, a consumer on each, 5,000 events from three origins, while
//! proxies cut TCP connections several times a second, an agent that is an origin gets kill -9 and
//! restarts, the leading controller gets kill -9 while a one-second timer fires, and etcd
//! restarts. Every consumer must receive every event exactly once, causes first, and every node
//! must end on the same content root and vector. What was seen is judged by the checkers that
//! judge the simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use cairn_chaos::history::{Happened, History};
use cairn_chaos::invariant;
use cairn_gossip::VersionVector;
use cairn_tests::consumer::{Consumer, Seen};
use cairn_tests::fleet::{CHANNEL, Fleet, example};
use cairn_tests::publisher::{Plan, publish};
use cairn_tests::recorder::{Recorder, vector};
use cairn_tests::seed::seed;
use tokio::task::JoinSet;

const NODE_COUNT: u32 = 5;
const ORIGIN_COUNT: u32 = 3;
const EVENT_COUNT: usize = 5_000;
/// Cuts a second at each of the five proxies.
const CUTS_PER_SECOND: u32 = 2;
/// Ticks within which the nodes must agree once the faults end (I10 allows 30 s).
const SETTLE_TICKS_MAX: usize = 30;

/// What one run of the ordeal showed.
struct Ordeal {
    /// What an observer saw, up to the state on which all nodes ended.
    history: History,
    /// What each consumer received up to then, in order.
    seen: Vec<Vec<Seen>>,
    /// Connections cut.
    cut_count: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_exactly_once_through_kills_cuts_and_restarts() -> Result<()> {
    let seed = seed()?;
    let ordeal = run(seed, EVENT_COUNT, &[]).await?;
    ensure!(
        ordeal.cut_count >= 20,
        "only {} connections were cut: nothing was survived",
        ordeal.cut_count
    );
    let (published, delivered) = count(&ordeal.history);
    ensure!(published == EVENT_COUNT, "{published} of {EVENT_COUNT} events acked");
    ensure!(
        delivered >= EVENT_COUNT * NODE_COUNT as usize,
        "{delivered} deliveries of {EVENT_COUNT} events to {NODE_COUNT} consumers"
    );
    let faults = judge(&ordeal);
    ensure!(faults.is_empty(), "seed {seed}:\n{}", faults.join("\n"));
    Ok(())
}

/// The bug of the field notes, put back: a node that remembers what it has seen per connection
/// only. A test that stays green here could not fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deduplication_per_connection_is_caught() -> Result<()> {
    let seed = seed()?;
    let ordeal = run(seed, 600, &[("CAIRN_TEST_DEFECT", "dedupe-per-connection")]).await?;
    let faults = judge(&ordeal);
    ensure!(
        faults.iter().any(|fault| fault.starts_with("I1 ")),
        "seed {seed}: the planted bug was not seen; faults: {faults:?}"
    );
    Ok(())
}

async fn run(seed: u64, event_count: usize, environment: &[(&str, &str)]) -> Result<Ordeal> {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_cairn-under-test"));
    let mut fleet = Fleet::start(&binary, NODE_COUNT as usize, seed, environment).await?;
    let outcome = ordeal(&mut fleet, event_count).await;
    if outcome.is_err() {
        for agent in &fleet.agents {
            eprintln!("--- {}:\n{}", agent.name(), agent.log_tail());
        }
    }
    outcome
}

async fn ordeal(fleet: &mut Fleet, event_count: usize) -> Result<Ordeal> {
    fleet.release(&example(), "1.0.0").await?;
    let recorder = Recorder::default();
    let mut consumers: Vec<_> = (0..)
        .zip(&fleet.agents)
        .map(|(number, agent)| Consumer::start(number, agent.api_watch(), recorder.clone()))
        .collect();
    // A new consumer starts from now: each has begun, and the one-second timer runs, before the
    // trouble starts.
    for consumer in &mut consumers {
        tick_beyond(consumer, None).await?;
    }

    for agent in &fleet.agents {
        agent.proxy().storm(CUTS_PER_SECOND);
    }
    let done = Arc::new(AtomicUsize::new(0));
    let mut publishers = JoinSet::new();
    for (node, (consumer, agent)) in (0..ORIGIN_COUNT).zip(consumers.iter().zip(&fleet.agents)) {
        let share = event_count / ORIGIN_COUNT as usize;
        let rest = usize::from((node as usize) < event_count % ORIGIN_COUNT as usize);
        let plan = Plan {
            node,
            event_count: share + rest,
            seen: consumer.effects.clone(),
            recorder: recorder.clone(),
        };
        publishers.spawn(publish(plan, agent.api_watch(), Arc::clone(&done)));
    }

    // An origin dies in the middle of its publishing and comes back.
    at_progress(&done, event_count / 4, &mut consumers[0]).await?;
    fleet.agents[1].kill().await?;
    fleet.agents[1].start().await?;
    // The leader dies while its timer fires; another one must take over before it comes back.
    at_progress(&done, event_count / 2, &mut consumers[0]).await?;
    let leader = leader(fleet).await?;
    fleet.agents[leader].kill().await?;
    let witness = (leader + 1) % NODE_COUNT as usize;
    let before = last_tick(&consumers[witness].effects.all());
    tick_beyond(&mut consumers[witness], before).await?;
    fleet.agents[leader].start().await?;
    // etcd goes away and comes back with its data.
    at_progress(&done, event_count * 3 / 4, &mut consumers[0]).await?;
    fleet.etcd.restart().await?;

    while let Some(publisher) = publishers.join_next().await {
        publisher.context("a publisher")??;
    }
    // A tick after the last restart proves that somebody leads again.
    let before = last_tick(&consumers[0].effects.all());
    tick_beyond(&mut consumers[0], before).await?;
    let mut cut_count = 0;
    for agent in &fleet.agents {
        agent.proxy().storm(0);
        cut_count += agent.proxy().cut_count();
    }
    recorder.record(Happened::FaultsEnded);

    let settled = settle(fleet, &mut consumers[0], &recorder).await?;
    for consumer in &mut consumers {
        consumer.covers(&settled).await?;
    }
    let within = |seen: &Seen| settled.contains(&seen.dot);
    let seen = consumers
        .iter()
        .map(|consumer| consumer.effects.all().into_iter().filter(within).collect())
        .collect();
    Ok(Ordeal { history: recorder.history_until(&settled), seen, cut_count })
}

/// Waits until `count` events are acked; every delivery is an occasion to look.
async fn at_progress(done: &AtomicUsize, count: usize, consumer: &mut Consumer) -> Result<()> {
    while done.load(Ordering::Relaxed) < count {
        let have = consumer.effects.count();
        consumer.beyond(have).await?;
    }
    Ok(())
}

/// The example's `every = "1s"` timer.
const TICK_TIMER: &str = "tide_tick";

/// The instant of the one-second timer that an event stands for, in milliseconds.
fn tick(seen: &Seen) -> Option<u64> {
    seen.key.as_ref().filter(|key| key.scope.contains(TICK_TIMER)).map(|key| key.n)
}

fn last_tick(seen: &[Seen]) -> Option<u64> {
    seen.iter().filter_map(tick).max()
}

/// Waits for a tick later than `before`.
async fn tick_beyond(consumer: &mut Consumer, before: Option<u64>) -> Result<()> {
    loop {
        let seen = consumer.effects.all();
        if last_tick(&seen) > before {
            return Ok(());
        }
        consumer.beyond(seen.len()).await?;
    }
}

/// Which agent leads, as the agents say.
async fn leader(fleet: &Fleet) -> Result<usize> {
    for (index, agent) in fleet.agents.iter().enumerate() {
        let status = agent.status().await?;
        if status["coordinator"]["leader"] == status["node"] {
            return Ok(index);
        }
    }
    bail!("no agent says that it leads")
}

/// Waits until every node reports one root and one vector, records those states and returns the
/// vector. The timer goes on, so the next event is the occasion to look again.
async fn settle(
    fleet: &Fleet,
    consumer: &mut Consumer,
    recorder: &Recorder,
) -> Result<VersionVector> {
    let mut states = Vec::new();
    for _ in 0..SETTLE_TICKS_MAX {
        states.clear();
        for agent in &fleet.agents {
            let status = agent.status().await?;
            ensure!(
                status["channels"][0]["channel"] == CHANNEL,
                "{} does not follow {CHANNEL}: {status}",
                agent.name()
            );
            states.push(status);
        }
        let distinct: BTreeSet<_> =
            states.iter().map(|s| (s["root"].to_string(), s["vector"].to_string())).collect();
        if distinct.len() == 1 {
            break;
        }
        let have = consumer.effects.count();
        consumer.beyond(have).await?;
    }
    // If they never agreed, I10 says so with the values.
    let mut all = VersionVector::default();
    for (node, status) in (0..).zip(&states) {
        recorder.settle(node, status)?;
        all.join(&vector(status)?);
    }
    Ok(all)
}

/// Distinct events acked, and deliveries.
fn count(history: &History) -> (usize, usize) {
    let mut published = BTreeSet::new();
    let mut delivered = 0;
    for entry in history.entries() {
        match &entry.happened {
            Happened::Published { dot, .. } => {
                published.insert(*dot);
            }
            Happened::Delivered { .. } => delivered += 1,
            _ => {}
        }
    }
    (published.len(), delivered)
}

/// Every way in which a promise was broken, in words.
fn judge(ordeal: &Ordeal) -> Vec<String> {
    let mut faults: Vec<_> =
        invariant::check(&ordeal.history).iter().map(ToString::to_string).collect();
    faults.extend(judge_causes(&ordeal.seen));
    faults.extend(judge_ticks(&ordeal.seen));
    faults
}

/// An event that names a cause comes after it, whatever the vectors say.
fn judge_causes(seen: &[Vec<Seen>]) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, seen) in seen.iter().enumerate() {
        let mut have = BTreeSet::new();
        for event in seen {
            have.insert(event.identity());
            if let Some(cause) = event.payload["cause"].as_str()
                && !have.contains(cause)
            {
                let dot = event.dot;
                faults.push(format!("consumer {number} received {dot} before its cause {cause}"));
            }
        }
    }
    faults
}

/// Ticks: none left out (the timer says `missed = "fire"`), one payload each everywhere.
fn judge_ticks(seen: &[Vec<Seen>]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut payloads: BTreeMap<u64, &serde_json::Value> = BTreeMap::new();
    for (number, seen) in seen.iter().enumerate() {
        let instants: BTreeSet<u64> = seen.iter().filter_map(tick).collect();
        for (at, next) in instants.iter().zip(instants.iter().skip(1)) {
            if next - at != 1_000 {
                faults.push(format!("consumer {number}: no tick between {at} and {next}"));
            }
        }
        for event in seen {
            if let Some(instant) = tick(event) {
                let first = payloads.entry(instant).or_insert(&event.payload);
                if **first != event.payload {
                    faults.push(format!("the tick at {instant} has two payloads"));
                }
            }
        }
    }
    faults
}

/// What the shared checkers do not look at must be seen by the ones of this file.
#[test]
fn causes_and_ticks_are_judged() -> Result<()> {
    let event = |n: u64, payload: serde_json::Value, tick: Option<u64>| -> Result<Seen> {
        Ok(Seen {
            dot: format!("{}-1-{n}", "0a".repeat(16)).parse()?,
            topic: "test.event".to_owned(),
            payload,
            key: tick.map(|n| cairn_gossip::EventKey { scope: format!("timer/{TICK_TIMER}/r"), n }),
            cursor: VersionVector::default(),
        })
    };
    let first = event(1, serde_json::json!({}), None)?;
    let second = event(2, serde_json::json!({ "cause": first.identity() }), None)?;
    ensure!(judge_causes(&[vec![first.clone(), second.clone()]]).is_empty());
    ensure!(judge_causes(&[vec![second, first]]).len() == 1);
    // Another node may have delivered another copy of a tick: the key is what both have.
    let copy = event(3, serde_json::json!({}), Some(1_000))?;
    let other = event(4, serde_json::json!({}), Some(1_000))?;
    let third = event(5, serde_json::json!({ "cause": copy.identity() }), None)?;
    ensure!(judge_causes(&[vec![copy, third.clone()], vec![other, third]]).is_empty());
    let tick = |n, at: u64, payload: u64| event(n, serde_json::json!(payload), Some(at));
    ensure!(judge_ticks(&[vec![tick(1, 1_000, 1)?, tick(2, 2_000, 2)?]]).is_empty());
    ensure!(judge_ticks(&[vec![tick(1, 1_000, 1)?, tick(2, 3_000, 2)?]]).len() == 1);
    ensure!(judge_ticks(&[vec![tick(1, 1_000, 1)?], vec![tick(1, 1_000, 2)?]]).len() == 1);
    Ok(())
}
