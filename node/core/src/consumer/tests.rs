//! What a consumer is promised, on a hand-made local order.

use bytes::Bytes;
use cairn_gossip::{Batch, Event, EventKey, Origin, Stream};

use super::*;
use crate::output::Write;

fn stream(origin: u8) -> Stream {
    Stream { origin: Origin([origin; 16]), incarnation: 1 }
}

fn dot(origin: u8, seq: u64) -> Dot {
    Dot { stream: stream(origin), seq }
}

fn vector(entries: &[(u8, u64)]) -> VersionVector {
    entries.iter().map(|(origin, seq)| (stream(*origin), *seq)).collect()
}

/// A node with consumers over a log that the test fills.
struct Bench {
    log: Log,
    consumers: Consumers,
    out: Vec<Output>,
    now: Time,
}

impl Bench {
    fn new(stored: &[(&str, VersionVector)]) -> Bench {
        let mut config = Config::new(cairn_gossip::Config::new(([127, 0, 0, 1], 1).into()));
        config.unacked_max = 3;
        config.sessions_max = 2;
        config.consumers_max = 3;
        let stored = stored.iter().map(|(name, cursor)| ((*name).to_owned(), cursor.clone()));
        Bench {
            log: Log::default(),
            consumers: Consumers::new(&config, stored.collect()),
            out: Vec::new(),
            now: Time::ZERO,
        }
    }

    /// One event arrives; a suppressed one is another copy of its key.
    fn event(&mut self, dot: Dot, topic: &str, key: Option<u64>, suppressed: bool) {
        let batch = Batch {
            stream: dot.stream,
            first_seq: dot.seq,
            lamport: 1,
            deps: VersionVector::new(),
            events: vec![Event {
                topic: topic.to_owned(),
                payload: Bytes::new(),
                key: key.map(|n| EventKey { scope: "timer".to_owned(), n }),
                idempotency: None,
                time_ms: 0,
            }],
        };
        let local = self.log.end() as u64;
        self.log.push(local, &batch, &[suppressed]);
        self.consumers.pump(&self.log, &mut self.out);
    }

    fn events(&mut self, origin: u8, seqs: std::ops::RangeInclusive<u64>) {
        for seq in seqs {
            self.event(dot(origin, seq), "spawn", None, false);
        }
    }

    fn open(&mut self, session: SessionId, name: &str, cursor: Option<VersionVector>) {
        self.open_topics(session, name, cursor, &[]);
    }

    fn open_topics(
        &mut self,
        session: SessionId,
        name: &str,
        cursor: Option<VersionVector>,
        topics: &[&str],
    ) {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let (log, out) = (&self.log, &mut self.out);
        self.consumers.open(session, name.to_owned(), cursor, topics, log, self.now, out);
    }

    fn ack(&mut self, request: u64, name: &str, cursor: VersionVector) {
        self.consumers.ack(request, name, &cursor, &self.log, &mut self.out);
    }

    fn persisted(&mut self, ticket: u64) {
        let out = &mut self.out;
        assert!(self.consumers.persisted(Ticket(ticket), &self.log, out));
    }

    /// What came out since the last look, a word or two each.
    fn told(&mut self) -> Vec<String> {
        let tell = |output: Output| match output {
            Output::Opened { session, .. } => format!("opened {session}"),
            Output::Closed { session, reason } => format!("closed {session}: {reason:?}")
                .split([' ', '{'])
                .take(3)
                .collect::<Vec<_>>()
                .join(" "),
            Output::Deliver { session, delivery } => {
                assert!(delivery.cursor.contains(&delivery.dot));
                let dot = delivery.dot;
                format!("{session} gets {}/{}", dot.stream.origin.0[0], dot.seq)
            }
            Output::Acked { request, result } => match result {
                Ok(()) => format!("acked {request}"),
                Err(error) => format!("refused {request}: {error:?}")
                    .split([' ', '{'])
                    .take(3)
                    .collect::<Vec<_>>()
                    .join(" "),
            },
            Output::Persist { ticket, writes } => match writes.as_slice() {
                [Write::Cursor { cursor, .. }] => {
                    let sum: u64 = cursor.iter().map(|(_, seq)| seq).sum();
                    format!("write {} at {sum}", ticket.0)
                }
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        };
        self.out.drain(..).map(tell).collect()
    }
}

#[test]
fn a_new_consumer_starts_now_once_that_is_durable() {
    let mut bench = Bench::new(&[]);
    bench.events(1, 1..=2);
    bench.open(7, "a", None);
    assert_eq!(bench.told(), ["write 1 at 2"]);
    bench.events(1, 3..=3);
    assert_eq!(bench.told(), [""; 0]);
    bench.persisted(1);
    assert_eq!(bench.told(), ["opened 7", "7 gets 1/3"]);
}

#[test]
fn an_empty_cursor_asks_for_everything() {
    let mut bench = Bench::new(&[]);
    bench.events(1, 1..=2);
    bench.open(7, "a", Some(VersionVector::new()));
    bench.persisted(1);
    assert_eq!(bench.told(), ["write 1 at 0", "opened 7", "7 gets 1/1", "7 gets 1/2"]);
}

#[test]
fn a_known_consumer_resumes_where_it_acked() {
    let mut bench = Bench::new(&[("a", vector(&[(1, 1)]))]);
    bench.events(1, 1..=2);
    bench.open(7, "a", None);
    assert_eq!(bench.told(), ["opened 7", "7 gets 1/2"]);
}

#[test]
fn a_presented_cursor_wins_over_the_stored_one() {
    for presented in [vector(&[(1, 1)]), vector(&[(1, 3)])] {
        let mut bench = Bench::new(&[("a", vector(&[(1, 2)]))]);
        bench.events(1, 1..=4);
        let first = presented.get(&stream(1)) + 1;
        bench.open(7, "a", Some(presented));
        let told = bench.told();
        assert_eq!(told[..2], ["opened 7".to_owned(), format!("7 gets 1/{first}")]);
    }
}

#[test]
fn the_window_stops_at_its_limit_and_an_ack_moves_it() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.open(7, "a", None);
    bench.events(1, 1..=5);
    assert_eq!(bench.told(), ["opened 7", "7 gets 1/1", "7 gets 1/2", "7 gets 1/3"]);
    bench.ack(50, "a", vector(&[(1, 2)]));
    assert_eq!(bench.told(), ["write 1 at 2", "7 gets 1/4", "7 gets 1/5"]);
}

#[test]
fn an_ack_is_answered_after_the_fsync_and_later_ones_share_the_next_write() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.events(1, 1..=3);
    bench.open(7, "a", None);
    bench.told();
    bench.ack(50, "a", vector(&[(1, 1)]));
    bench.ack(51, "a", vector(&[(1, 3)]));
    bench.ack(52, "a", vector(&[(1, 2)]));
    assert_eq!(bench.told(), ["write 1 at 1"]);
    bench.persisted(1);
    // The third ack came out of order and moves nothing back.
    assert_eq!(bench.told(), ["write 2 at 3", "acked 50"]);
    bench.persisted(2);
    assert_eq!(bench.told(), ["acked 51", "acked 52"]);
}

#[test]
fn deliveries_alone_move_no_stored_cursor() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.events(1, 1..=2);
    bench.open(7, "a", None);
    bench.consumers.close(7);
    bench.told();
    bench.open(8, "a", None);
    assert_eq!(bench.told(), ["opened 8", "8 gets 1/1", "8 gets 1/2"]);
}

#[test]
fn other_topics_count_as_delivered() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.event(dot(1, 1), "noise", None, false);
    bench.event(dot(1, 2), "spawn", None, false);
    bench.open_topics(7, "a", None, &["spawn"]);
    let cursor = bench.out.iter().find_map(|output| match output {
        Output::Deliver { delivery, .. } => Some(delivery.cursor.clone()),
        _ => None,
    });
    assert_eq!(cursor, Some(vector(&[(1, 2)])));
    assert_eq!(bench.told(), ["opened 7", "7 gets 1/2"]);
}

#[test]
fn one_copy_of_a_key_is_enough_here_and_elsewhere() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.event(dot(1, 1), "timer", Some(9), false);
    bench.event(dot(2, 1), "timer", Some(9), true);
    bench.open(7, "a", None);
    assert_eq!(bench.told(), ["opened 7", "7 gets 1/1"]);
    // This one saw the other copy at another node, where that one came first.
    bench.open(8, "b", Some(vector(&[(2, 1)])));
    bench.persisted(1);
    assert_eq!(bench.told(), ["write 1 at 1", "opened 8"]);
    bench.event(dot(1, 2), "timer", Some(10), false);
    assert_eq!(bench.told(), ["7 gets 1/2", "8 gets 1/2"]);
}

#[test]
fn a_cursor_from_another_node_waits_until_this_one_has_caught_up() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.events(1, 1..=1);
    bench.open(7, "a", Some(vector(&[(1, 2), (2, 1)])));
    assert_eq!(bench.told(), ["opened 7"]);
    bench.events(2, 1..=2);
    assert_eq!(bench.told(), [""; 0], "still behind on the first stream");
    bench.events(1, 2..=2);
    assert_eq!(bench.told(), ["7 gets 2/2"]);
}

#[test]
fn waiting_for_an_unknown_cursor_ends() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.open(7, "a", Some(vector(&[(9, 1)])));
    let at = bench.consumers.wakes_at().unwrap();
    bench.told();
    let before = Time(at.0 - 1);
    bench.consumers.expire(&bench.log, before, &mut bench.out);
    assert_eq!(bench.told(), [""; 0]);
    bench.consumers.expire(&bench.log, at, &mut bench.out);
    assert_eq!(bench.told(), ["closed 7: CursorAhead"]);
    assert_eq!(bench.consumers.wakes_at(), None);
}

#[test]
fn acks_that_cannot_be_are_refused() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.events(1, 1..=1);
    bench.ack(50, "a", vector(&[(1, 2)]));
    bench.ack(51, "nobody", vector(&[(1, 1)]));
    assert_eq!(bench.told(), ["refused 50: CursorAhead", "refused 51: UnknownConsumer"]);
}

#[test]
fn a_second_session_takes_the_place_of_the_first() {
    let mut bench = Bench::new(&[("a", VersionVector::new())]);
    bench.open(7, "a", None);
    bench.open(8, "a", None);
    assert_eq!(bench.told(), ["opened 7", "closed 7: Superseded", "opened 8"]);
    // The late news that the first connection broke must not end the second.
    bench.consumers.close(7);
    bench.events(1, 1..=1);
    assert_eq!(bench.told(), ["8 gets 1/1"]);
}

#[test]
fn limits_hold() {
    let mut bench = Bench::new(&[("a", VersionVector::new()), ("b", VersionVector::new())]);
    bench.open(1, "", None);
    bench.open(2, &"x".repeat(NAME_BYTES_MAX + 1), None);
    bench.open_topics(3, "a", None, &["t"; TOPICS_MAX + 1]);
    assert_eq!(
        bench.told(),
        ["closed 1: NameLength", "closed 2: NameLength", "closed 3: TooManyTopics"]
    );
    bench.open(4, "a", None);
    bench.open(4, "b", None);
    bench.open(5, "b", None);
    bench.open(6, "c", None);
    assert_eq!(
        bench.told(),
        ["opened 4", "closed 4: SessionInUse", "opened 5", "closed 6: TooManySessions"]
    );
    bench.consumers.close(5);
    bench.open(7, "c", None);
    bench.consumers.close(7);
    bench.told();
    bench.open(8, "d", None);
    assert_eq!(bench.told(), ["closed 8: TooManyConsumers"]);
}
