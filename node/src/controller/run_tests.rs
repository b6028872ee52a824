//! The loop on a node made of channels: its clock, its campaign and its log are the test's.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use cairn_merkle::Digest;
use cairn_ruleset::ir::{Except, Missed, Schedule, TimerDef};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::controller::firing::key;
use crate::controller::host::{Broadcast, View};
use crate::controller::timers::{Epoch, Skipped, Timer};

const CHANNEL: &str = "hunt/prod";
const START: i64 = 1_700_000_000_000;

/// What the loop did, as the test sees it.
#[derive(Debug, PartialEq, Eq)]
enum Did {
    Published(u64),
    Skipped(usize),
    Failed(i64),
}

struct Fake {
    now_ms: AtomicI64,
    did: mpsc::UnboundedSender<Did>,
    campaign: Mutex<Option<mpsc::UnboundedReceiver<Leadership>>>,
    changes: Mutex<Option<mpsc::UnboundedReceiver<()>>>,
    arrived: Mutex<BTreeSet<EventKey>>,
    /// Answers to the next publications, before they succeed.
    troubles: Mutex<Vec<NotPublished>>,
    epoch: Arc<Epoch>,
}

impl Host for Fake {
    fn campaign(&self) -> BoxStream<'static, Leadership> {
        received(self.campaign.lock().unwrap().take().unwrap())
    }

    fn led_by(&self, _: &Leadership) {}

    fn changes(&self) -> BoxStream<'static, ()> {
        received(self.changes.lock().unwrap().take().unwrap())
    }

    fn views(&self) -> BoxFuture<'_, Option<Vec<View>>> {
        let (channel, epoch) = (CHANNEL.to_owned(), self.epoch.clone());
        async move { Some(vec![View { channel, epoch, held_from_ms: None }]) }.boxed()
    }

    fn is_lowest(&self) -> BoxFuture<'_, bool> {
        async { false }.boxed()
    }

    fn broadcasts(&self, instant: &Instant) -> Result<Vec<Broadcast>, String> {
        let key = key(instant, "rule", "spawn", 0);
        Ok(vec![Broadcast { topic: "spawn".to_owned(), payload: Bytes::new(), key }])
    }

    fn known<'a>(&'a self, keys: &'a [EventKey]) -> BoxFuture<'a, Vec<bool>> {
        let arrived = self.arrived.lock().unwrap();
        let known = keys.iter().map(|key| arrived.contains(key)).collect();
        async move { known }.boxed()
    }

    fn publish(&self, broadcast: Broadcast) -> BoxFuture<'_, Result<(), NotPublished>> {
        let result = match self.troubles.lock().unwrap().pop() {
            Some(trouble) => Err(trouble),
            None => {
                let _ = self.did.send(Did::Published(broadcast.key.n));
                self.arrived.lock().unwrap().insert(broadcast.key);
                Ok(())
            }
        };
        async move { result }.boxed()
    }

    fn fired(&self, _: &Instant, _: i64, _: usize) {}

    fn skipped(&self, skipped: &Skipped) {
        let _ = self.did.send(Did::Skipped(skipped.count));
    }

    fn failed(&self, instant: &Instant, _: &str) {
        let _ = self.did.send(Did::Failed(instant.at_ms - START));
    }

    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }
}

fn received<T: Send + 'static>(receiver: mpsc::UnboundedReceiver<T>) -> BoxStream<'static, T> {
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
        .boxed()
}

struct Bench {
    host: Arc<Fake>,
    lead: mpsc::UnboundedSender<Leadership>,
    change: mpsc::UnboundedSender<()>,
    did: mpsc::UnboundedReceiver<Did>,
    task: tokio::task::JoinHandle<()>,
}

impl Bench {
    /// The loop on the node of [`Bench::prepare`].
    fn start(missed: Missed, seconds: i64) -> Bench {
        let mut bench = Bench::prepare(missed, seconds);
        bench.task = tokio::spawn(run(bench.host.clone()));
        bench
    }

    /// A one-second timer that began at `START`, the clock so many seconds later.
    fn prepare(missed: Missed, seconds: i64) -> Bench {
        let def = TimerDef {
            name: "tick".to_owned(),
            schedule: Schedule::Every { period_ms: 1_000 },
            duration_ms: 0,
            missed,
            jitter_ms: 0,
            except: Except::default(),
        };
        let timers = vec![Timer::new("hunt", &def).unwrap()];
        let digest = Digest::of(b"bundle");
        let epoch = Arc::new(Epoch { generation: 1, digest, since_ms: START + 1, timers });
        let (lead, campaign) = mpsc::unbounded_channel();
        let (change, changes) = mpsc::unbounded_channel();
        let (tell, did) = mpsc::unbounded_channel();
        let host = Arc::new(Fake {
            now_ms: AtomicI64::new(START + seconds * 1_000),
            did: tell,
            campaign: Mutex::new(Some(campaign)),
            changes: Mutex::new(Some(changes)),
            arrived: Mutex::default(),
            troubles: Mutex::default(),
            epoch,
        });
        Bench { host, lead, change, did, task: tokio::spawn(async {}) }
    }

    fn arrive(&self, second: i64) {
        let channel = CHANNEL.to_owned();
        let (timer, digest) = ("tick".to_owned(), self.host.epoch.digest);
        let at_ms = START + second * 1_000;
        let instant = Instant { channel, timer, at_ms, digest };
        self.host.arrived.lock().unwrap().insert(key(&instant, "rule", "spawn", 0));
    }

    fn set_clock(&self, seconds: i64) {
        self.host.now_ms.store(START + seconds * 1_000, Ordering::SeqCst);
    }

    async fn next(&mut self) -> Did {
        timeout(Duration::from_secs(20), self.did.recv()).await.expect("in time").expect("alive")
    }

    async fn published(&mut self, seconds: impl IntoIterator<Item = i64>) {
        for second in seconds {
            let n = u64::try_from(START + second * 1_000).unwrap();
            assert_eq!(self.next().await, Did::Published(n));
        }
    }
}

#[tokio::test]
async fn a_new_leader_goes_on_where_the_replicated_keys_end() {
    let mut bench = Bench::start(Missed::Fire, 5);
    (1..=3).for_each(|second| bench.arrive(second));
    bench.lead.send(Leadership::Leader { term: 1 }).unwrap();
    bench.published([4, 5]).await;
    bench.set_clock(7);
    bench.published([6, 7]).await;
    // Somebody else fires while we do not lead; then it is our turn again.
    bench.lead.send(Leadership::Lost { reason: "gone".to_owned() }).unwrap();
    bench.lead.send(Leadership::Follower { leader: "other".to_owned() }).unwrap();
    bench.arrive(8);
    bench.set_clock(9);
    bench.lead.send(Leadership::Leader { term: 3 }).unwrap();
    bench.published([9]).await;
    drop(bench.change);
    timeout(Duration::from_secs(20), bench.task).await.expect("ends with the agent").unwrap();
}

#[tokio::test]
async fn what_cannot_be_published_now_is_tried_again_in_order() {
    let mut bench = Bench::start(Missed::Fire, 3);
    let later = || NotPublished::Later("log is full".to_owned());
    *bench.host.troubles.lock().unwrap() = vec![later(), later()];
    bench.lead.send(Leadership::Leader { term: 1 }).unwrap();
    bench.published([1, 2, 3]).await;
    // What can never be published is put on the record and does not stop the rest.
    let never = NotPublished::Never("payload is 17000 bytes, limit 16384".to_owned());
    bench.host.troubles.lock().unwrap().push(never);
    bench.set_clock(5);
    assert_eq!(bench.next().await, Did::Failed(4_000));
    bench.published([5]).await;
}

#[tokio::test]
async fn missed_instants_of_a_skipping_timer_are_on_the_record() {
    let mut bench = Bench::start(Missed::Skip, 4);
    bench.arrive(1);
    bench.lead.send(Leadership::Leader { term: 1 }).unwrap();
    assert_eq!(bench.next().await, Did::Skipped(3));
    bench.set_clock(5);
    bench.published([5]).await;
}

#[tokio::test]
async fn who_follows_pauses_between_two_looks() {
    let bench = Bench::prepare(Missed::Fire, 5);
    let (mut campaign, mut changes) = (bench.host.campaign(), bench.host.changes());
    let mut run = Run::new(bench.host.clone());
    let before = Monotonic::now();
    assert!(run.step(&mut campaign, &mut changes).await);
    assert!(run.wake >= before + LOOK_AGAIN, "the next look is due at once");
}
