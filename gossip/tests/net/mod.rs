//! A few replicas on virtual time: a network that delays and loses, disks that sync late.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use cairn_gossip::{
    Alarm, Batch, BatchHeader, BlobRef, Body, BundleHead, BundleRef, ChannelRecord, Config,
    Directive, Dot, Event, Fault, Frame, HeldBundle, Input, Level, NodeId, Origin, Output, Publish,
    PublishError, Published, Recovered, Replica, Sign, Signature, SignedBatch, SignedDirective,
    Time, Token, Verify, VersionVector, Write, frame, piece,
};
use cairn_merkle::Digest;

/// Signs by a hash that everybody can make: enough to see whether the core asks.
#[derive(Clone)]
pub(crate) struct Keys(pub [u8; 32]);

pub(crate) fn sign(key: &[u8; 32], body: &[u8]) -> Signature {
    let half = Digest::derive("cairn test signature", &[key, body]).0;
    let mut both = [0; 64];
    both[..32].copy_from_slice(&half);
    both[32..].copy_from_slice(&half);
    Signature(both)
}

impl Sign for Keys {
    fn key(&self) -> [u8; 32] {
        self.0
    }

    fn batch(&self, body: &[u8]) -> Signature {
        sign(&self.0, body)
    }
}

impl Verify for Keys {
    fn directive(&self, signed: &SignedDirective) -> Result<Directive, Fault> {
        check("directive", &signed.key, &signed.body, signed.signature)?;
        Directive::decode(&signed.body)
    }

    fn head(&self, head: &BundleHead) -> Result<(), Fault> {
        check("head", &head.key, &head.signed_bytes(), head.signature)
    }

    fn batch(&self, signed: &SignedBatch) -> Result<Batch, Fault> {
        check("batch", &signed.key, &signed.body, signed.signature)?;
        let batch = Batch::decode(&signed.body)?;
        if Origin::of_key(&signed.key) != batch.stream.origin {
            return Err(Fault::WrongOrigin { stream: batch.stream });
        }
        Ok(batch)
    }
}

fn check(what: &'static str, key: &[u8; 32], body: &[u8], by: Signature) -> Result<(), Fault> {
    if sign(key, body) == by { Ok(()) } else { Err(Fault::BadSignature { what }) }
}

/// What survives a crash.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    pub(crate) incarnation: u32,
    pub(crate) log: Vec<SignedBatch>,
    pub(crate) channels: BTreeMap<String, ChannelRecord>,
    pub(crate) heads: BTreeMap<Digest, BundleHead>,
    pub(crate) envelopes: BTreeMap<Digest, Bytes>,
    pub(crate) blobs: BTreeMap<Digest, Bytes>,
}

impl Disk {
    fn apply(&mut self, write: Write) {
        match write {
            Write::Batch { local, batch } => {
                assert_eq!(local, self.log.len() as u64, "the log has no gaps");
                self.log.push(batch);
            }
            Write::Channel { name, record } => {
                self.channels.insert(name, record);
            }
            Write::Head(head) => {
                self.heads.insert(head.bundle.digest, head);
            }
            Write::Envelope { digest, bytes } => {
                self.envelopes.insert(digest, bytes);
            }
            Write::Blob { digest, bytes } => {
                self.blobs.insert(digest, bytes);
            }
            Write::RemoveBundle { digest, blobs } => {
                self.heads.remove(&digest);
                self.envelopes.remove(&digest);
                blobs.iter().for_each(|blob| drop(self.blobs.remove(blob)));
            }
        }
    }

    pub(crate) fn recovered(&self, n: u8) -> Recovered {
        let key = [n; 32];
        let bundles = self.envelopes.iter().map(|(digest, bytes)| HeldBundle {
            digest: *digest,
            envelope_bytes: u32::try_from(bytes.len()).unwrap(),
            blobs: postcard::from_bytes(bytes).unwrap(),
        });
        let length =
            |(digest, bytes): (&Digest, &Bytes)| (*digest, u32::try_from(bytes.len()).unwrap());
        Recovered {
            incarnation: self.incarnation,
            log: self.log.iter().map(|signed| BatchHeader::read(signed).unwrap()).collect(),
            channels: self.channels.clone(),
            heads: self.heads.values().cloned().collect(),
            bundles: bundles.collect(),
            blobs: self.blobs.iter().map(length).collect(),
            ..Recovered::empty(NodeId([n; 16]), Origin::of_key(&key))
        }
    }
}

enum Happening {
    Input(Box<Input>),
    /// A write reaches the disk, and only then its completion the replica.
    Synced(u64, Vec<Write>),
}

pub(crate) struct Node {
    pub(crate) replica: Replica,
    pub(crate) disk: Disk,
    pub(crate) delivered: Vec<Dot>,
    pub(crate) shown: Vec<Dot>,
    pub(crate) published: BTreeMap<u64, Result<Published, PublishError>>,
    pub(crate) stored: BTreeSet<Digest>,
    pub(crate) rejected: Vec<(Digest, String)>,
    pub(crate) alarms: Vec<Alarm>,
    pub(crate) refused: Vec<String>,
    pub(crate) new_origin: Option<Dot>,
    pub(crate) asked: u64,
    life: u64,
}

pub(crate) struct Net {
    pub(crate) nodes: BTreeMap<u8, Node>,
    pub(crate) now: Time,
    queue: BTreeMap<(Time, u64), (u8, u64, Happening)>,
    order: u64,
    pub(crate) cut: BTreeSet<(u8, u8)>,
    links: BTreeSet<(u8, u8)>,
    /// One frame in so many is lost; 0 for none.
    pub(crate) lose_one_in: u64,
    chance: u64,
    pub(crate) frames: u64,
    pub(crate) configure: fn(&mut Config),
    pub(crate) corrupt: Option<u8>,
    pub(crate) trace: Vec<u64>,
}

pub(crate) fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 7000))
}

fn number(addr: SocketAddr) -> u8 {
    match addr.ip() {
        std::net::IpAddr::V4(ip) => ip.octets()[3],
        std::net::IpAddr::V6(_) => 0,
    }
}

impl Net {
    pub(crate) fn new(count: u8, configure: fn(&mut Config)) -> Net {
        let mut net = Net {
            nodes: BTreeMap::new(),
            now: Time::ZERO,
            queue: BTreeMap::new(),
            order: 0,
            cut: BTreeSet::new(),
            links: BTreeSet::new(),
            lose_one_in: 0,
            chance: 88_172_645_463_325_252,
            frames: 0,
            configure,
            corrupt: None,
            trace: Vec::new(),
        };
        (1..=count).for_each(|n| net.boot(n, Disk::default()));
        net
    }

    pub(crate) fn boot(&mut self, n: u8, mut disk: Disk) {
        disk.incarnation += 1;
        let mut config = Config::new(addr(n));
        config.seeds = vec![addr(1), addr(2)];
        (self.configure)(&mut config);
        let keys = Keys([n; 32]);
        let recovered = disk.recovered(n);
        let life = self.order;
        let seed = u64::from(n) * 1_000 + u64::from(disk.incarnation);
        let replica = Replica::new(config, Box::new(keys.clone()), Box::new(keys), recovered, seed);
        let node = Node {
            replica,
            disk,
            delivered: Vec::new(),
            shown: Vec::new(),
            published: BTreeMap::new(),
            stored: BTreeSet::new(),
            rejected: Vec::new(),
            alarms: Vec::new(),
            refused: Vec::new(),
            new_origin: None,
            asked: 0,
            life,
        };
        self.nodes.insert(n, node);
        self.order += 1;
        self.input(n, Input::Start);
    }

    /// The node stops; what was not synced is lost.
    pub(crate) fn crash(&mut self, n: u8) -> Disk {
        let node = self.nodes.remove(&n).unwrap();
        let broken: Vec<_> =
            self.links.iter().filter(|(a, b)| *a == n || *b == n).copied().collect();
        for (a, b) in broken {
            self.links.remove(&(a, b));
            if a != n {
                self.later(
                    a,
                    1_000,
                    Happening::Input(Box::new(Input::Disconnected { peer: addr(b) })),
                );
            }
        }
        node.disk
    }

    pub(crate) fn partition(&mut self, a: &[u8], b: &[u8]) {
        for (x, y) in a.iter().flat_map(|x| b.iter().map(|y| (*x, *y))) {
            for (x, y) in [(x, y), (y, x)] {
                self.cut.insert((x, y));
                if self.links.remove(&(x, y)) {
                    self.later(
                        x,
                        1_000,
                        Happening::Input(Box::new(Input::Disconnected { peer: addr(y) })),
                    );
                }
            }
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % below
    }

    fn later(&mut self, n: u8, micros: u64, happening: Happening) {
        let Some(node) = self.nodes.get(&n) else { return };
        let at = self.now.plus(Duration::from_micros(micros));
        self.order += 1;
        self.queue.insert((at, self.order), (n, node.life, happening));
    }

    pub(crate) fn run(&mut self, millis: u64) {
        let end = self.now.plus(Duration::from_millis(millis));
        while let Some(entry) = self.queue.first_entry() {
            let at = entry.key().0;
            if at > end {
                break;
            }
            let (n, life, happening) = entry.remove();
            self.now = at;
            if self.nodes.get(&n).is_none_or(|node| node.life != life) {
                continue;
            }
            match happening {
                Happening::Input(input) => self.input(n, *input),
                Happening::Synced(ticket, writes) => {
                    let disk = &mut self.nodes.get_mut(&n).unwrap().disk;
                    writes.into_iter().for_each(|write| disk.apply(write));
                    self.input(n, Input::Persisted { ticket });
                }
            }
        }
        self.now = end;
    }

    /// Runs until `done`, at most `millis`; panics after that.
    pub(crate) fn until(&mut self, millis: u64, what: &str, done: impl Fn(&Net) -> bool) -> u64 {
        for elapsed in 0..millis {
            if done(self) {
                return elapsed;
            }
            self.run(1);
        }
        panic!("not within {millis} ms: {what}");
    }

    pub(crate) fn input(&mut self, n: u8, input: Input) {
        let mut out = Vec::new();
        let now = self.now;
        self.nodes.get_mut(&n).unwrap().replica.handle(input, now, &mut out);
        for output in out {
            self.output(n, output);
        }
    }

    fn output(&mut self, n: u8, output: Output) {
        match output {
            Output::Send { to, frame, .. } => self.send(n, number(to), frame),
            Output::SendEvents { to, stream, first_seq, last_seq } => {
                let wanted = |signed: &&SignedBatch| {
                    let batch = Batch::decode(&signed.body).unwrap();
                    batch.stream == stream && (first_seq..=last_seq).contains(&batch.first_seq)
                };
                let log = &self.nodes[&n].disk.log;
                let batches: Vec<_> = log.iter().filter(wanted).cloned().collect();
                for frame in frame::pack_events(batches, true, true, None) {
                    self.send(n, number(to), frame);
                }
            }
            Output::SendBlob { to, digest, offset, length, trace } => {
                let disk = &self.nodes[&n].disk;
                let content = disk.envelopes.get(&digest).or(disk.blobs.get(&digest)).cloned();
                let mut content = content.expect("a held blob is on disk");
                if self.corrupt == Some(n) {
                    let mut damaged = content.to_vec();
                    damaged.iter_mut().for_each(|byte| *byte ^= 1);
                    content = Bytes::from(damaged);
                }
                let body = piece(digest, &content, offset, length);
                let body = body.unwrap_or(Body::BlobNone { digest });
                self.send(n, number(to), Frame { trace, body });
            }
            Output::Connect { peer } => self.connect(n, number(peer)),
            Output::Disconnect { .. } => {}
            Output::Arm { token, at } => self.arm(n, token, at),
            Output::Persist { ticket, writes } => {
                let delay = 1_000 + self.random(1_000);
                // Writes are applied in the order they were asked for.
                self.later(n, delay.max(1), Happening::Synced(ticket, Vec::new()));
                let last = self.order;
                let at = self.now.plus(Duration::from_micros(delay));
                let queued = self.queue.iter().filter(|(_, (who, _, _))| *who == n);
                let after = queued
                    .filter(|(key, (_, _, h))| key.1 != last && matches!(h, Happening::Synced(..)))
                    .map(|(key, _)| key.0)
                    .max();
                let entry = self.queue.remove(&(at, last)).unwrap();
                let at = after.map_or(at, |after| after.max(at));
                let happening = Happening::Synced(ticket, writes);
                self.queue.insert((at, last), (entry.0, entry.1, happening));
            }
            Output::Delivered { local, batch, suppressed, .. } => {
                let node = self.nodes.get_mut(&n).unwrap();
                let _ = local;
                for (index, suppressed) in suppressed.iter().enumerate() {
                    node.delivered.push(batch.dot(index));
                    if !suppressed {
                        node.shown.push(batch.dot(index));
                    }
                }
            }
            Output::Published { request, result } => {
                self.nodes.get_mut(&n).unwrap().published.insert(request, result);
            }
            Output::ChannelChanged { .. } => {}
            Output::ProposalRefused { error, .. } => {
                self.nodes.get_mut(&n).unwrap().refused.push(error.to_string());
            }
            Output::OpenEnvelope { digest, bytes } => {
                let result = if bundle_digest(&bytes) == digest {
                    postcard::from_bytes::<Vec<BlobRef>>(&bytes).map_err(|e| e.to_string())
                } else {
                    Err("wrong envelope".to_owned())
                };
                let opened = Input::EnvelopeOpened { digest, result };
                self.later(n, 100, Happening::Input(Box::new(opened)));
            }
            Output::BundleStored { digest, .. } => {
                self.nodes.get_mut(&n).unwrap().stored.insert(digest);
            }
            Output::BundleRejected { digest, reason } => {
                self.nodes.get_mut(&n).unwrap().rejected.push((digest, reason));
            }
            Output::NewOriginNeeded { seen } => {
                self.nodes.get_mut(&n).unwrap().new_origin = Some(seen);
            }
            Output::Alarm(alarm) => self.nodes.get_mut(&n).unwrap().alarms.push(alarm),
        }
    }

    fn arm(&mut self, n: u8, token: Token, at: Time) {
        let micros = u64::try_from(at.since(self.now).as_micros()).unwrap() + 1;
        self.later(n, micros, Happening::Input(Box::new(Input::Timer(token))));
    }

    fn connect(&mut self, n: u8, peer: u8) {
        let reachable = self.nodes.contains_key(&peer) && !self.cut.contains(&(n, peer));
        let input = if reachable {
            if !self.links.insert((n, peer)) {
                return;
            }
            Input::Connected { peer: addr(peer) }
        } else {
            Input::Disconnected { peer: addr(peer) }
        };
        self.later(n, 1_000, Happening::Input(Box::new(input)));
    }

    fn send(&mut self, n: u8, to: u8, frame: Frame) {
        self.frames += 1;
        if matches!(frame.body, Body::BlobAsk { .. }) {
            self.nodes.get_mut(&n).unwrap().asked += 1;
        }
        // Through the codec, so that every frame is known to fit and to survive.
        let bytes = frame.encode(addr(n)).expect("frames fit");
        let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        self.trace.push(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv));
        let (frame, taken) = Frame::take(addr(n), &bytes).unwrap().unwrap();
        assert_eq!(taken, bytes.len());
        let lost = self.lose_one_in > 0 && self.random(self.lose_one_in) == 0;
        if lost || self.cut.contains(&(n, to)) {
            return;
        }
        if !self.links.contains(&(n, to)) {
            self.connect(n, to);
        }
        let delay = 500 + self.random(500);
        let received = Input::Received { from: NodeId([n; 16]), addr: addr(n), frame };
        self.later(to, delay, Happening::Input(Box::new(received)));
    }

    pub(crate) fn publish(&mut self, n: u8, request: u64, event: Event, level: Level) {
        let publish = Publish {
            request,
            event,
            context: None,
            level,
            timeout: Duration::from_secs(5),
            trace: None,
        };
        self.input(n, Input::Publish(publish));
    }

    pub(crate) fn vectors_agree(&self) -> bool {
        let mut vectors = self.nodes.values().map(|node| node.replica.vector());
        let first = vectors.next().cloned().unwrap_or_default();
        vectors.all(|vector| *vector == first)
    }

    pub(crate) fn roots_agree(&self) -> bool {
        let mut roots = self.nodes.values().map(|node| node.replica.root());
        let first = roots.next();
        roots.all(|root| Some(root) == first)
    }

    pub(crate) fn joined(&self) -> bool {
        self.nodes.values().all(|node| {
            node.replica.members().len() == self.nodes.len()
                && node.replica.view().iter().all(|(_, up)| *up)
                && !node.replica.view().is_empty()
        })
    }

    /// Every node delivered every event once, in an order that respects each stream.
    pub(crate) fn check_deliveries(&self, expected: usize) {
        for (n, node) in &self.nodes {
            let mut seen = VersionVector::new();
            for dot in &node.delivered {
                assert_eq!(dot.seq, seen.get(&dot.stream) + 1, "node {n}: {dot} out of order");
                seen.advance(dot.stream, dot.seq);
            }
            assert_eq!(node.delivered.len(), expected, "node {n}");
        }
    }
}

pub(crate) fn event(topic: &str) -> Event {
    let payload = Bytes::from_static(b"payload");
    Event { topic: topic.to_owned(), payload, key: None, idempotency: None, time_ms: 0 }
}

pub(crate) fn bundle_digest(envelope: &[u8]) -> Digest {
    Digest::derive("cairn test bundle", &[envelope])
}

/// A bundle of blobs filled by `seed`: its head, what it consists of, its content.
pub(crate) fn bundle(seed: u8, sizes: &[usize]) -> (BundleHead, Vec<BlobRef>, Bytes, Vec<Bytes>) {
    let contents: Vec<Bytes> = (0_u8..)
        .zip(sizes)
        .map(|(i, size)| {
            let mix = |n: usize| seed ^ i ^ u8::try_from(n % 251).unwrap();
            Bytes::from((0..*size).map(mix).collect::<Vec<u8>>())
        })
        .collect();
    let blobs: Vec<BlobRef> = (contents.iter())
        .map(|content| BlobRef {
            digest: Digest::of(content),
            length_bytes: u32::try_from(content.len()).unwrap(),
        })
        .collect();
    let envelope = Bytes::from(postcard::to_stdvec(&blobs).unwrap());
    let mut head = BundleHead {
        bundle: BundleRef {
            digest: bundle_digest(&envelope),
            version: format!("1.0.{seed}"),
            envelope_bytes: u32::try_from(envelope.len()).unwrap(),
        },
        ruleset: "hunt".into(),
        published_ms: u64::from(seed),
        key: [9; 32],
        signature: Signature::default(),
    };
    head.signature = sign(&head.key, &head.signed_bytes());
    (head, blobs, envelope, contents)
}

pub(crate) fn directive(
    before: Option<&ChannelRecord>,
    generation: u64,
    target: &BundleRef,
) -> ChannelRecord {
    let previous = before.and_then(ChannelRecord::newest).map(SignedDirective::digest);
    let directive = Directive {
        format: 1,
        channel: "hunt/prod".into(),
        generation,
        target: target.clone(),
        rollout: None,
        freeze: false,
        previous,
        break_glass: false,
        actor: "test".into(),
        writer: "test".into(),
        reason: "test".into(),
        time_ms: 0,
    };
    let body = directive.encode().unwrap();
    let key = [8; 32];
    let signature = sign(&key, &body);
    ChannelRecord::following(before, SignedDirective { body, key, signature })
}

impl Net {
    /// Puts a bundle on a node's disk and announces it.
    pub(crate) fn add_bundle(&mut self, n: u8, seed: u8, sizes: &[usize]) -> BundleHead {
        let (head, blobs, envelope, contents) = bundle(seed, sizes);
        let disk = &mut self.nodes.get_mut(&n).unwrap().disk;
        disk.envelopes.insert(head.bundle.digest, envelope);
        for (blob, content) in blobs.iter().zip(contents) {
            disk.blobs.insert(blob.digest, content);
        }
        self.input(n, Input::BundleAdded { head: head.clone(), blobs, trace: None });
        head
    }
}
