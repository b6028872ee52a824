//! Tests of the timers' decisions: by hand, then every fail-over that chance can think of.

use std::collections::{BTreeMap, BTreeSet};

use cairn_ruleset::ir::{Days, Except, Schedule};
use proptest::prelude::*;

use super::*;
use crate::controller::firing::{Known, handled_up_to};

const CHANNEL: &str = "hunt/prod";
const START: i64 = 1_700_000_000_000;

fn timer(name: &str, period_ms: u64, missed: Missed) -> Timer {
    jittered(name, period_ms, missed, 0, Except::default())
}

fn jittered(name: &str, period_ms: u64, missed: Missed, jitter_ms: u64, except: Except) -> Timer {
    let schedule = Schedule::Every { period_ms };
    let def =
        TimerDef { name: name.to_owned(), schedule, duration_ms: 0, missed, jitter_ms, except };
    Timer::new("hunt", &def).unwrap()
}

fn epoch(generation: u64, since_ms: i64, timers: &[Timer]) -> Arc<Epoch> {
    let digest = Digest::of(&generation.to_le_bytes());
    Arc::new(Epoch { generation, digest, since_ms, timers: timers.to_vec() })
}

/// One node's timers, driven by hand.
struct Node {
    timers: Timers,
    queue: Vec<Instant>,
    skipped: Vec<Skipped>,
    wake: Option<i64>,
}

impl Node {
    fn new(limits: Limits) -> Node {
        let timers = Timers::new(limits);
        Node { timers, queue: Vec::new(), skipped: Vec::new(), wake: None }
    }

    fn tell(&mut self, input: Input, now_ms: i64) {
        let mut outputs = Vec::new();
        self.timers.handle(input, now_ms, &mut outputs);
        for output in outputs {
            match output {
                Output::Fire(instant) => self.queue.push(instant),
                Output::Skipped(skipped) => self.skipped.push(skipped),
                Output::Wake { at_ms } => self.wake = Some(at_ms),
            }
        }
    }

    fn live(&mut self, epoch: Arc<Epoch>, held_from_ms: Option<i64>, now_ms: i64) {
        let channel = CHANNEL.to_owned();
        self.tell(Input::Live { channel, epoch, held_from_ms }, now_ms);
    }

    fn handled(&mut self, timer: &str, at_ms: i64, now_ms: i64) {
        let (channel, timer) = (CHANNEL.to_owned(), timer.to_owned());
        self.tell(Input::Handled { channel, timer, at_ms }, now_ms);
    }

    /// Finish everything asked for; the instants, relative to `START`.
    fn drain(&mut self, now_ms: i64) -> Vec<(i64, String)> {
        let mut fired = Vec::new();
        while !self.queue.is_empty() {
            for instant in std::mem::take(&mut self.queue) {
                fired.push((instant.at_ms - START, instant.timer.clone()));
                self.handled(&instant.timer, instant.at_ms, now_ms);
            }
        }
        fired
    }
}

fn seconds(fired: &[(i64, String)]) -> Vec<i64> {
    fired.iter().map(|(at_ms, _)| at_ms / 1_000).collect()
}

#[test]
fn a_leader_fires_every_instant_once_in_order_and_knows_the_next() {
    let mut node = Node::new(Limits::default());
    let timers = [timer("one", 1_000, Missed::Skip), timer("two", 2_000, Missed::Fire)];
    node.live(epoch(1, START, &timers), None, START);
    assert_eq!(node.drain(START), [], "a follower fires nothing");
    node.tell(Input::Lead(true), START);
    // The version's own first instant passed before we led.
    let fired = node.drain(START);
    assert_eq!(fired, [(0, "two".to_owned())]);
    let mut all = Vec::new();
    for now in (START..=START + 4_000).step_by(250) {
        node.tell(Input::Tick, now);
        all.extend(node.drain(now));
    }
    let expected: Vec<_> = [(1, "one"), (2, "one"), (2, "two"), (3, "one"), (4, "one"), (4, "two")]
        .map(|(second, name)| (second * 1_000, name.to_owned()))
        .into();
    assert_eq!(all, expected);
    assert_eq!(node.wake, Some(START + 5_000));
}

#[test]
fn what_passed_while_nobody_led_is_fired_late_or_skipped_on_the_record() {
    let mut node = Node::new(Limits::default());
    let timers = [timer("late", 1_000, Missed::Fire), timer("skip", 1_000, Missed::Skip)];
    node.live(epoch(1, START, &timers), None, START);
    node.handled("late", START + 2_000, START + 2_000);
    node.handled("skip", START + 2_000, START + 2_000);
    let now = START + 5_500;
    node.tell(Input::Lead(true), now);
    let fired = node.drain(now);
    assert_eq!(seconds(&fired), [3, 4, 5]);
    assert!(fired.iter().all(|(_, timer)| timer == "late"));
    let expected = Skipped {
        channel: CHANNEL.to_owned(),
        timer: "skip".to_owned(),
        first_ms: START + 3_000,
        last_ms: START + 5_000,
        count: 3,
        more: false,
        why: Why::Declared,
    };
    assert_eq!(node.skipped, [expected]);
    // From here on both fire.
    node.tell(Input::Tick, START + 6_000);
    assert_eq!(seconds(&node.drain(START + 6_000)), [6, 6]);
}

/// A dozen hours with a fail-over in the middle: every instant that is not excepted happens once,
/// at the same moved time on every node, and `missed` decides about those that nobody led for.
#[test]
fn jitter_and_exceptions_hold_through_a_fail_over() {
    const HOUR: i64 = 3_600_000;
    let hour = |at_ms: i64| at_ms.div_euclid(HOUR);
    let midnight = (START / 86_400_000 + 1) * 86_400_000;
    let day = u32::try_from(midnight / 86_400_000).unwrap();
    let rest = Except { zone: "UTC".to_owned(), days: vec![Days { first: day, last: day }] };
    for missed in [Missed::Fire, Missed::Skip] {
        let timers = [jittered("hourly", 3_600_000, missed, 1_800_000, rest.clone())];
        let begin = midnight - 6 * HOUR;
        let epoch = epoch(1, begin, &timers);
        let (mut first, mut second) = (Node::new(Limits::default()), Node::new(Limits::default()));
        for node in [&mut first, &mut second] {
            node.live(epoch.clone(), None, begin);
        }
        first.tell(Input::Lead(true), begin);
        let mut fired = Vec::new();
        let mut now = begin;
        while let Some(wake) = first.wake.filter(|wake| *wake < begin + 3 * HOUR) {
            (now, first.wake) = (wake, None);
            first.tell(Input::Tick, now);
            fired.extend(first.drain(now).into_iter().map(|(at_ms, _)| START + at_ms));
            assert_eq!(fired.last(), Some(&now), "woken for nothing");
        }
        let before = fired.len();
        assert_eq!(before, 3);
        // The other hears of all that, and leads after two hours without anybody.
        fired.iter().for_each(|at_ms| second.handled("hourly", *at_ms, now));
        let late = begin + 5 * HOUR + 1_800_000;
        let missing = second.timers.unhandled(late).concat().len();
        second.tell(Input::Lead(true), late);
        fired.extend(second.drain(late).into_iter().map(|(at_ms, _)| START + at_ms));
        let skipped: usize = second.skipped.iter().map(|skipped| skipped.count).sum();
        match missed {
            Missed::Fire => assert_eq!((fired.len() - before, skipped), (missing, 0)),
            Missed::Skip => assert_eq!((fired.len() - before, skipped), (0, missing)),
        }
        // No hour of the excepted day, the first one after it.
        while second.wake.is_some_and(|wake| wake < midnight + 26 * HOUR) {
            let wake = second.wake.take().unwrap();
            second.tell(Input::Tick, wake);
            fired.extend(second.drain(wake).into_iter().map(|(at_ms, _)| START + at_ms));
        }
        let hours: Vec<i64> = fired.iter().map(|at_ms| hour(*at_ms) - hour(midnight)).collect();
        let all = [-6, -5, -4, -3, -2, -1, 24, 25];
        let left_out = if missed == Missed::Skip { skipped } else { 0 };
        let expected: Vec<i64> =
            all.into_iter().filter(|h| !(-3..-3 + left_out as i64).contains(h)).collect();
        assert_eq!(hours, expected);
        assert!(fired.iter().any(|at_ms| at_ms % HOUR != 0), "nothing was moved");
        assert!(fired.iter().all(|at_ms| at_ms % HOUR < 1_800_000));
    }
}

#[test]
fn a_jump_of_the_clock_fires_a_bounded_number_and_puts_the_rest_on_the_record() {
    let limits = Limits { late_per_timer_max: 10, late_per_channel_max: 15, ..Limits::default() };
    let mut node = Node::new(limits);
    let timers = [timer("a", 1_000, Missed::Fire), timer("b", 1_000, Missed::Fire)];
    node.live(epoch(1, START + 1, &timers), None, START);
    node.tell(Input::Lead(true), START);
    let year = START + 365 * 86_400_000;
    node.tell(Input::Tick, year);
    let fired = node.drain(year);
    assert_eq!(fired.len(), 15);
    let newest: Vec<i64> = fired.iter().rev().take(2).map(|(at_ms, _)| *at_ms).collect();
    assert_eq!(newest, [year - START, year - START]);
    assert!(node.skipped.iter().all(|skipped| skipped.why == Why::TooMany));
    for timer in ["a", "b"] {
        let of_timer = node.skipped.iter().filter(|skipped| skipped.timer == timer);
        assert!(of_timer.clone().any(|skipped| skipped.more), "more than were counted");
        assert!(of_timer.map(|skipped| skipped.count).sum::<usize>() > SKIPS_COUNTED_MAX);
    }
    // Back again: an instant happens once, so nothing fires until the clock has caught up.
    node.tell(Input::Tick, START + 10_000);
    assert_eq!(node.drain(START + 10_000), []);
    node.tell(Input::Tick, year + 1_000);
    assert_eq!(node.drain(year + 1_000).len(), 2);
}

#[test]
fn an_instant_belongs_to_the_version_in_force_then() {
    let mut node = Node::new(Limits::default());
    let timers = [timer("one", 1_000, Missed::Fire)];
    let (first, second) = (epoch(1, START + 1, &timers), epoch(2, START + 2_500, &timers));
    node.live(first.clone(), None, START);
    // The second was heard and is on its way: instants from its time on wait for it.
    let now = START + 4_000;
    node.live(first.clone(), Some(second.since_ms), now);
    node.tell(Input::Lead(true), now);
    let digests = |queue: &[Instant]| -> Vec<(i64, Digest)> {
        queue.iter().map(|instant| (instant.at_ms - START, instant.digest)).collect()
    };
    assert_eq!(digests(&node.queue), [(1_000, first.digest), (2_000, first.digest)]);
    node.drain(now);
    node.live(second.clone(), None, now);
    assert_eq!(digests(&node.queue), [(3_000, second.digest), (4_000, second.digest)]);
    node.drain(now);
    // A version that never comes holds them up for a bounded time.
    node.live(second.clone(), Some(START + 4_500), START + 5_000);
    assert_eq!(node.queue, []);
    node.tell(Input::Tick, START + 15_000);
    assert_eq!(digests(&node.queue), [(5_000, second.digest)]);
    // An older generation told late changes nothing.
    node.live(first, None, START + 15_000);
    assert!(digests(&node.queue)[1..].iter().all(|(_, digest)| *digest == second.digest));
}

#[test]
fn a_leadership_that_ends_in_the_middle_is_taken_up_again() {
    let mut node = Node::new(Limits::default());
    node.live(epoch(1, START + 1, &[timer("one", 1_000, Missed::Fire)]), None, START);
    node.tell(Input::Lead(true), START + 3_000);
    assert_eq!(node.queue.len(), 3);
    node.handled("one", START + 1_000, START + 3_000);
    node.tell(Input::Lead(false), START + 3_000);
    node.queue.clear();
    node.tell(Input::Tick, START + 4_000);
    assert_eq!(node.queue, [], "not ours now");
    node.tell(Input::Lead(true), START + 4_000);
    assert_eq!(seconds(&node.drain(START + 4_000)), [2, 3, 4]);
}

#[test]
fn a_timer_begins_with_its_version_and_a_skewed_directive_does_not_stop_it() {
    let mut node = Node::new(Limits::default());
    node.tell(Input::Lead(true), START);
    node.live(epoch(1, START + 1, &[timer("old", 1_000, Missed::Fire)]), None, START);
    let now = START + 3_000;
    let both = [timer("old", 1_000, Missed::Fire), timer("new", 1_000, Missed::Fire)];
    // Its writer's clock is a day ahead.
    node.live(epoch(2, now + 86_400_000, &both), None, now);
    let fired = node.drain(now);
    let of = |name: &str| fired.iter().filter(|(_, timer)| timer == name).count();
    assert_eq!((of("old"), of("new")), (3, 1));
    // One that is gone is forgotten once no remembered version has it.
    for generation in 3..=2 + EPOCHS_MAX as u64 {
        node.live(epoch(generation, now, &both[1..]), None, now);
    }
    assert_eq!(node.timers.channels[CHANNEL].cursors.keys().collect::<Vec<_>>(), ["new"]);
}

/// What may happen to a fleet.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes.
    Advance(i64),
    /// The leader publishes so many of what it was asked for.
    Publish(usize),
    /// The leader is cut off; the node with this number leads instead. It has not heard of the
    /// last so many events.
    Elect { node: usize, unheard: usize },
    /// Nobody leads.
    Lose,
    /// A new version, live everywhere at once.
    Release,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0i64..4_000).prop_map(Step::Advance),
        4 => (0usize..6).prop_map(Step::Publish),
        2 => (0usize..3, 0usize..4).prop_map(|(node, unheard)| Step::Elect { node, unheard }),
        1 => Just(Step::Lose),
        1 => Just(Step::Release),
    ];
    prop::collection::vec(step, 1..60)
}

struct Fleet {
    nodes: Vec<Node>,
    leader: Option<usize>,
    now: i64,
    versions: Vec<Arc<Epoch>>,
    /// Every event published, in order: (timer, instant) and the payload.
    events: Vec<((String, i64), Digest)>,
}

impl Fleet {
    fn new() -> Fleet {
        let limits =
            Limits { late_per_timer_max: 500, late_per_channel_max: 1_000, ..Limits::default() };
        let nodes = (0..3).map(|_| Node::new(limits)).collect();
        let (leader, now) = (None, START);
        let mut fleet = Fleet { nodes, leader, now, versions: Vec::new(), events: Vec::new() };
        fleet.release();
        fleet
    }

    fn release(&mut self) {
        let timers = [timer("fire", 1_000, Missed::Fire), timer("skip", 1_500, Missed::Skip)];
        let generation = self.versions.len() as u64 + 1;
        let epoch = epoch(generation, self.now + 1, &timers);
        self.versions.push(epoch.clone());
        for node in &mut self.nodes {
            node.live(epoch.clone(), None, self.now);
        }
    }

    fn publish(&mut self, count: usize) {
        let Some(leader) = self.leader else { return };
        for _ in 0..count {
            let node = &mut self.nodes[leader];
            if node.queue.is_empty() {
                return;
            }
            let instant = node.queue.remove(0);
            self.events.push(((instant.timer.clone(), instant.at_ms), instant.digest));
            node.handled(&instant.timer, instant.at_ms, self.now);
        }
    }

    fn lose(&mut self) {
        if let Some(leader) = self.leader.take() {
            self.nodes[leader].tell(Input::Lead(false), self.now);
            self.nodes[leader].queue.clear();
        }
    }

    fn elect(&mut self, node: usize, unheard: usize) {
        self.lose();
        let heard = self.events.len().saturating_sub(unheard);
        let keys: BTreeSet<_> = self.events[..heard].iter().map(|(key, _)| key.clone()).collect();
        for instants in self.nodes[node].timers.unhandled(self.now) {
            let timer = instants[0].timer.clone();
            let known = instants.iter().map(|instant| {
                let here = keys.contains(&(instant.timer.clone(), instant.at_ms));
                (instant.at_ms, if here { Known::All } else { Known::NotAll })
            });
            if let Some(at_ms) = handled_up_to(known) {
                self.nodes[node].handled(&timer, at_ms, self.now);
            }
        }
        self.nodes[node].tell(Input::Lead(true), self.now);
        self.leader = Some(node);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Advance(ms) => {
                self.now += ms;
                for node in &mut self.nodes {
                    node.tell(Input::Tick, self.now);
                }
            }
            Step::Publish(count) => self.publish(*count),
            Step::Elect { node, unheard } => self.elect(*node, *unheard),
            Step::Lose => self.lose(),
            Step::Release => self.release(),
        }
    }

    /// The version in force at an instant.
    fn expected(&self, at_ms: i64) -> Digest {
        let in_force = self.versions.iter().rev().find(|epoch| epoch.since_ms <= at_ms);
        in_force.unwrap_or(&self.versions[0]).digest
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whenever leaders die and whatever the next one has heard: one key never has two payloads,
    /// no instant of a `fire` timer is left out, and none of a `skip` timer is left out silently.
    #[test]
    fn a_fail_over_at_any_point_loses_nothing_and_contradicts_nothing(steps in steps()) {
        let mut fleet = Fleet::new();
        let mut since = vec![fleet.now];
        for step in &steps {
            // Versions are remembered up to a bound; what is older is not judged here.
            if matches!(step, Step::Release) && fleet.versions.len() >= EPOCHS_MAX {
                continue;
            }
            fleet.step(step);
            if matches!(step, Step::Release) {
                since.push(fleet.now);
            }
        }
        fleet.elect(0, 0);
        fleet.publish(usize::MAX);

        let mut payloads: BTreeMap<(String, i64), Digest> = BTreeMap::new();
        for (key, payload) in &fleet.events {
            prop_assert_eq!(*payload, fleet.expected(key.1), "{:?}", key);
            let first = payloads.entry(key.clone()).or_insert(*payload);
            prop_assert_eq!(first, payload, "{:?}", key);
        }
        let instants = |period: i64| (START / period + 1..=fleet.now / period).map(move |n| n * period);
        for at_ms in instants(1_000) {
            let fired = payloads.contains_key(&("fire".to_owned(), at_ms));
            prop_assert!(fired, "{} of {} left out", at_ms - START, fleet.now - START);
        }
        let skipped: Vec<_> = fleet.nodes.iter().flat_map(|node| &node.skipped).collect();
        for at_ms in instants(1_500) {
            let fired = payloads.contains_key(&("skip".to_owned(), at_ms));
            let told = skipped.iter().any(|one| (one.first_ms..=one.last_ms).contains(&at_ms));
            prop_assert!(fired || told, "{} left out silently", at_ms - START);
        }
        prop_assert!(skipped.iter().all(|one| one.timer == "skip" && one.why == Why::Declared));
    }
}
