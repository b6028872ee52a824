//! The steps of a channel, one at a time and in each other's way.

use cairn_gossip::BundleRef;

use super::*;

const CHANNEL: &str = "game/prod";

fn bundle(n: u8) -> Digest {
    Digest([n; 32])
}

fn directive(generation: u64, target: u8) -> Directive {
    Directive {
        format: 1,
        channel: CHANNEL.to_owned(),
        generation,
        target: BundleRef {
            digest: bundle(target),
            version: format!("{target}.0.0"),
            envelope_bytes: 1,
        },
        rollout: None,
        freeze: false,
        previous: None,
        break_glass: false,
        actor: String::new(),
        writer: String::new(),
        reason: String::new(),
        time_ms: 0,
    }
}

fn config() -> Config {
    Config::new(cairn_gossip::Config::new(([127, 0, 0, 1], 1).into()))
}

struct Bench {
    activation: Activation,
    out: Vec<Output>,
}

impl Bench {
    fn new(kept: &[(u64, u8)], stored: &[u8]) -> Bench {
        let records = kept.iter().map(|(generation, target)| ActivationRecord {
            generation: *generation,
            digest: bundle(*target),
            version: format!("{target}.0.0"),
        });
        let records: Vec<_> = records.collect();
        let mut channels = BTreeMap::new();
        if !records.is_empty() {
            channels.insert(CHANNEL.to_owned(), records);
        }
        let stored = stored.iter().map(|n| bundle(*n)).collect();
        Bench { activation: Activation::new(&config(), channels, stored), out: Vec::new() }
    }

    fn heard(&mut self, generation: u64, target: u8) {
        let directive = directive(generation, target);
        let digest = Digest([generation as u8; 32]);
        self.activation.heard(&directive, digest, &mut self.out);
    }

    fn stored(&mut self, target: u8) {
        self.activation.fetched(bundle(target), &mut self.out);
        self.activation.verified(bundle(target), &mut self.out);
        self.activation.stored(bundle(target), &mut self.out);
    }

    fn staged(&mut self, generation: u64, target: u8, works: bool) {
        let result = if works { Ok(()) } else { Err(fault()) };
        self.activation.staged(CHANNEL, generation, bundle(target), result, &mut self.out);
    }

    /// What came out since the last look; `n` for the ticket of each write.
    fn told(&mut self) -> Vec<String> {
        let tell = |output: Output| match output {
            Output::Stage { generation, digest, .. } => {
                format!("stage {generation}:{}", digest.0[0])
            }
            Output::Activate { record, .. } => {
                format!("activate {}:{}", record.generation, record.digest.0[0])
            }
            Output::Rejected { generation, fault, .. } => {
                format!("reject {generation} {}", fault.code)
            }
            Output::Persist { ticket, writes } => {
                let [Write::Activations { records, .. }] = writes.as_slice() else {
                    return format!("{writes:?}");
                };
                let kept: Vec<_> = records
                    .iter()
                    .map(|record| format!("{}:{}", record.generation, record.digest.0[0]))
                    .collect();
                format!("write {} [{}]", ticket.0 - TICKET_BIT, kept.join(" "))
            }
            other => format!("{other:?}"),
        };
        self.out.drain(..).map(tell).collect()
    }

    fn persisted(&mut self, n: u64) {
        let ticket = Ticket(TICKET_BIT + n);
        assert!(self.activation.persisted(ticket, &mut self.out));
    }

    fn pointers(&self) -> [u64; 6] {
        let pointers = self.activation.status()[0].pointers;
        [
            pointers.heard,
            pointers.fetched,
            pointers.verified,
            pointers.stored,
            pointers.staged,
            pointers.active,
        ]
    }
}

fn fault() -> StageFault {
    StageFault { code: "smoke".to_owned(), detail: "a rule trapped".to_owned() }
}

#[test]
fn each_step_waits_for_the_one_before_it() {
    let mut bench = Bench::new(&[], &[]);
    bench.heard(1, 10);
    assert_eq!(bench.told(), [""; 0]);
    assert_eq!(bench.pointers(), [1, 0, 0, 0, 0, 0]);
    bench.activation.fetched(bundle(10), &mut bench.out);
    assert_eq!(bench.pointers(), [1, 1, 0, 0, 0, 0]);
    bench.activation.verified(bundle(10), &mut bench.out);
    assert_eq!(bench.pointers(), [1, 1, 1, 0, 0, 0]);
    bench.activation.stored(bundle(10), &mut bench.out);
    assert_eq!(bench.told(), ["stage 1:10"]);
    bench.staged(1, 10, true);
    assert_eq!(bench.told(), ["write 1 [1:10]"]);
    assert_eq!(bench.pointers(), [1, 1, 1, 1, 1, 0]);
    bench.persisted(1);
    assert_eq!(bench.told(), ["activate 1:10"]);
    assert_eq!(bench.pointers(), [1; 6]);
}

#[test]
fn a_failed_candidate_leaves_what_is_live() {
    let mut bench = Bench::new(&[(1, 10)], &[10]);
    bench.activation.start(&mut bench.out);
    bench.heard(2, 20);
    bench.stored(20);
    bench.staged(2, 20, false);
    assert_eq!(bench.told(), ["activate 1:10", "stage 2:20", "reject 2 smoke"]);
    let status = &bench.activation.status()[0];
    assert_eq!(status.live.as_ref().map(|live| live.generation), Some(1));
    assert_eq!(status.rejected.as_ref().map(|rejected| rejected.generation), Some(2));
    assert!(status.candidate.is_none());
}

#[test]
fn going_back_needs_nothing_from_anybody() {
    let mut bench = Bench::new(&[(2, 20), (1, 10)], &[10, 20]);
    bench.activation.start(&mut bench.out);
    bench.heard(3, 10);
    bench.staged(3, 10, true);
    bench.persisted(1);
    let expected = ["activate 2:20", "stage 3:10", "write 1 [3:10 2:20]", "activate 3:10"];
    assert_eq!(bench.told(), expected);
}

#[test]
fn a_newer_directive_takes_the_place_at_any_step() {
    let mut bench = Bench::new(&[], &[10, 20, 30]);
    bench.heard(1, 10);
    bench.heard(2, 20);
    assert_eq!(bench.told(), ["stage 1:10", "stage 2:20"]);
    bench.staged(1, 10, true);
    assert_eq!(bench.told(), [""; 0], "the first was superseded while it was staged");
    bench.staged(2, 20, true);
    bench.heard(3, 30);
    bench.persisted(1);
    assert_eq!(bench.told(), ["write 1 [2:20]", "stage 3:30"]);
    bench.staged(3, 30, true);
    bench.persisted(2);
    assert_eq!(bench.told(), ["write 2 [3:30]", "activate 3:30"]);
}

#[test]
fn an_older_directive_is_not_heard() {
    let mut bench = Bench::new(&[], &[10, 20]);
    bench.heard(2, 20);
    bench.heard(1, 10);
    bench.heard(2, 20);
    assert_eq!(bench.told(), ["stage 2:20"]);
}

#[test]
fn a_restart_serves_the_last_version_before_anything_else() {
    let mut bench = Bench::new(&[(2, 20), (1, 10)], &[10, 20]);
    bench.activation.start(&mut bench.out);
    bench.heard(2, 20);
    assert_eq!(bench.told(), ["activate 2:20"]);
    assert_eq!(bench.pointers(), [2; 6]);
}

#[test]
fn a_lost_image_falls_back_and_is_built_again() {
    let mut bench = Bench::new(&[(2, 20), (1, 10)], &[10, 20]);
    bench.activation.start(&mut bench.out);
    bench.told();
    bench.activation.failed(CHANNEL, 2, fault(), &mut bench.out);
    assert_eq!(bench.told(), ["activate 1:10", "stage 2:20"]);
    bench.staged(2, 20, true);
    bench.persisted(1);
    assert_eq!(bench.told(), ["write 1 [2:20 1:10]", "activate 2:20"]);
}

#[test]
fn the_last_three_versions_are_kept() {
    let mut bench = Bench::new(&[(3, 30), (2, 20), (1, 10)], &[10, 20, 30, 40]);
    bench.activation.start(&mut bench.out);
    bench.heard(4, 40);
    bench.staged(4, 40, true);
    bench.persisted(1);
    assert_eq!(bench.activation.status()[0].kept.len(), 3);
    assert_eq!(bench.told()[2], "write 1 [4:40 3:30 2:20]");
}

#[test]
fn channels_that_are_not_ours_are_left_alone() {
    let mut config = config();
    config.channels = vec!["other/prod".to_owned()];
    let mut activation = Activation::new(&config, BTreeMap::new(), BTreeSet::from([bundle(1)]));
    let mut out = Vec::new();
    activation.heard(&directive(1, 1), Digest([1; 32]), &mut out);
    assert!(out.is_empty());
    assert!(activation.status().is_empty());
}
