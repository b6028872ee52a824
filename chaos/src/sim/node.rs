//! One node's shell: what tokio, redb and the file system are in the binary.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cairn_core::{Agent, Input, Output, StageFault};
use cairn_gossip::{Batch, NodeId, Origin, Time};
use cairn_merkle::Digest;

use super::bundle;
use super::chance::Chance;
use super::disk::{Asked, Change, Disk};
use super::trace::hash_bytes;
use super::trust::{Signer, Verifier, origin_key};
use super::world::{Given, Happening, World};
use crate::history::Happened;

/// Ports count from here, so that an address names a node.
const PORT_FIRST: u16 = 7_000;

/// One machine: its disk survives, the rest does not.
pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) id: NodeId,
    key: [u8; 32],
    pub(crate) agent: Option<Agent>,
    /// Which process this is, counted from 1.
    pub(crate) life: u32,
    pub(crate) disk: Disk,
    /// When the last transaction in flight will be durable.
    disk_free: Time,
    /// What this process's clock shows at the start of the simulation.
    clock_offset: Duration,
    /// Delivered batches in the page cache, by place.
    batches: BTreeMap<u64, Arc<Batch>>,
    /// The power fails in the middle of its next write.
    pub(crate) ambushed: bool,
    /// With it, the write must be one of files: what is torn there survives the crash.
    pub(crate) ambushed_files: bool,
    /// What readers at this node see.
    pub(crate) live: BTreeMap<String, (u64, Digest)>,
}

pub(crate) fn address(node: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_FIRST + node as u16))
}

pub(crate) fn index_of(address: SocketAddr) -> usize {
    usize::from(address.port().saturating_sub(PORT_FIRST))
}

impl Node {
    pub(crate) fn new(seed: u64, index: usize) -> Node {
        let key = origin_key(seed, index as u32);
        Node {
            index,
            id: NodeId(Chance::new(seed, 1_000 + index as u64).bytes16()),
            key,
            agent: None,
            life: 0,
            disk: Disk::default(),
            disk_free: Time::ZERO,
            clock_offset: Duration::ZERO,
            batches: BTreeMap::new(),
            ambushed: false,
            ambushed_files: false,
            live: BTreeMap::new(),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.agent.is_some()
    }

    pub(crate) fn lives(&self, life: u32) -> bool {
        self.life == life && self.agent.is_some()
    }

    /// The batch at a place in the local order, from memory or from the log.
    fn batch(&mut self, local: u64) -> Option<Arc<Batch>> {
        if let Some(batch) = self.batches.get(&local) {
            return Some(Arc::clone(batch));
        }
        let batch = Arc::new(Batch::decode(&self.disk.batch(local)?.body).ok()?);
        self.batches.insert(local, Arc::clone(&batch));
        Some(batch)
    }
}

impl World {
    /// A process starts on what its disk holds.
    pub(super) fn start(&mut self, index: usize) {
        if self.nodes[index].is_up() {
            return;
        }
        let mut gossip = cairn_gossip::Config::new(address(index));
        // Everybody knows two others, as a seed list or a registry would say.
        let count = self.nodes.len();
        gossip.seeds = [index + 1, index + 2]
            .into_iter()
            .map(|seed| seed % count)
            .filter(|seed| *seed != index)
            .map(address)
            .collect();
        // Sparse periods: most of a simulated hour would be heartbeats otherwise.
        gossip.probe_period = Duration::from_secs(8);
        gossip.probe_rtt = Duration::from_millis(2_500);
        gossip.suspect_timeout = Duration::from_secs(25);
        gossip.swim_gossip_period = Duration::from_secs(10);
        gossip.pulse_period = Duration::from_secs(4);
        gossip.active_view_max = self.faults.view_max;
        gossip.defects = self.config.gossip_defects;
        let mut config = cairn_core::Config::new(gossip);
        config.unacked_max = 8;
        config.cursor_wait_max = Duration::from_secs(10);
        config.defects = self.config.core_defects;

        let clock_offset = Duration::from_millis(self.chance.between(0, 3_600_000));
        let seed = self.chance.next();
        let now = self.now;
        let node = &mut self.nodes[index];
        node.life += 1;
        node.clock_offset = clock_offset;
        node.disk_free = now;
        let recovered = node.disk.recover(node.id, Origin::of_key(&node.key));
        let (verify, sign) = (Box::new(Verifier), Box::new(Signer(node.key)));
        node.agent = Some(Agent::new(config, verify, sign, recovered, seed));
        let life = node.life;
        self.trace.fold(now, 3, index as u64, u64::from(life));
        self.trace.say(now, || format!("node {index} starts, life {life}"));
        self.tell(index, cairn_gossip::Input::Start);
    }

    /// The power fails: the process, its connections and its unsynced writes are gone.
    pub(super) fn crash(&mut self, index: usize) {
        self.count_stats(index);
        let (now, chance) = (self.now, &mut self.chance);
        let node = &mut self.nodes[index];
        node.agent = None;
        node.batches.clear();
        node.ambushed = false;
        node.live.clear();
        let lost = node.disk.crash(chance);
        self.counts.lost_writes += lost.writes;
        self.counts.torn_writes += u64::from(lost.is_torn);
        self.trace.fold(now, 4, index as u64, 0);
        self.counts.crashes += 1;
        self.record(Happened::Crashed { node: index as u32 });
        self.drop_links_of(index);
        self.drop_sessions_of(index);
        let down = self.chance.around(self.faults.down_for);
        self.after(down, Happening::Restart { node: index });
    }

    /// What a replica counted goes with its process.
    pub(super) fn count_stats(&mut self, index: usize) {
        if let Some(agent) = &self.nodes[index].agent {
            let stats = agent.replica().stats();
            self.counts.duplicates += stats.duplicates;
            self.counts.suppressed += stats.suppressed;
        }
    }

    /// Gives the node's replica something that happened.
    pub(super) fn tell(&mut self, index: usize, input: cairn_gossip::Input) {
        self.handle(index, Input::Gossip(input));
    }

    /// Gives the node's agent something that happened, and does what it says.
    pub(super) fn handle(&mut self, index: usize, input: Input) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let node = &mut self.nodes[index];
        let local_now = self.now.plus(node.clock_offset);
        if let Some(agent) = node.agent.as_mut() {
            agent.handle(input, local_now, &mut outputs);
        }
        for output in outputs.drain(..) {
            self.perform(index, output);
        }
        self.outputs = outputs;
    }

    /// What an alarm clock at this node set to `at` shows in simulated time.
    fn global(&self, index: usize, at: Time) -> Time {
        Time(at.0.saturating_sub(self.nodes[index].clock_offset.as_nanos() as u64)).max(self.now)
    }

    fn perform(&mut self, index: usize, output: Output) {
        let life = self.nodes[index].life;
        match output {
            Output::Gossip(output) => self.perform_gossip(index, output),
            Output::Arm { at } => {
                let at = self.global(index, at);
                self.queue.add(at, Happening::AgentTimer { node: index, life });
            }
            Output::Persist { ticket, writes } => {
                let changes = writes.into_iter().map(Change::Agent).collect();
                self.submit(index, Asked::Agent(ticket), changes);
            }
            Output::Opened { session, cursor } => self.opened(index, session, cursor),
            Output::Closed { session, reason } => self.closed(session, &reason),
            Output::Deliver { session, delivery } => {
                let Some(consumer) = self.sessions.get(&session).copied() else {
                    return;
                };
                let batch = self.nodes[index].batch(delivery.local);
                let Some(event) =
                    batch.as_ref().and_then(|batch| batch.events.get(delivery.index as usize))
                else {
                    self.violate("I2", format!("node {index} cannot read {}", delivery.dot));
                    return;
                };
                let given = Given {
                    payload: hash_bytes(&event.payload),
                    topic: event.topic.clone(),
                    key: event.key.clone(),
                    delivery,
                };
                // Fixed, so that deliveries of one session keep their order.
                let happening =
                    Happening::Given { index: consumer, session, delivery: Box::new(given) };
                self.after(Duration::from_micros(300), happening);
            }
            Output::Acked { request, result } => self.acked(index, request, result.is_ok()),
            Output::Stage { channel, generation, digest } => {
                let delay = self.chance.duration(self.faults.stage_delay);
                let happening =
                    Happening::Staged { node: index, life, channel, generation, digest };
                self.after(delay, happening);
            }
            Output::Activate { channel, record } => {
                let node = &mut self.nodes[index];
                let intact = bundle::stageable(&node.disk, &record.digest).is_ok();
                let live = (record.generation, record.digest);
                node.live.insert(channel.clone(), live);
                self.counts.activated += 1;
                self.trace.fold(self.now, 5, index as u64, record.generation);
                // Passed on to every member, as the shell does for the fleet's overview.
                let said = record.generation.to_le_bytes().to_vec();
                let answer = Box::new(cairn_gossip::Input::SetStatus(said.into()));
                let answered = Happening::Answered { node: index, life, answer };
                self.after(Duration::ZERO, answered);
                self.record(Happened::Activated {
                    node: index as u32,
                    channel,
                    generation: record.generation,
                    target: record.digest,
                    intact,
                });
            }
            Output::Rejected { fault, .. } => {
                self.counts.rejected += 1;
                self.trace.say(self.now, || format!("node {index} rejects: {fault}"));
            }
        }
    }

    fn perform_gossip(&mut self, index: usize, output: cairn_gossip::Output) {
        use cairn_gossip::Output;
        let life = self.nodes[index].life;
        match output {
            Output::Send { to, frame, .. } => self.send(index, index_of(to), frame),
            Output::SendEvents { to, stream, first_seq, last_seq } => {
                self.send_events(index, index_of(to), stream, first_seq, last_seq)
            }
            Output::SendBlob { to, digest, offset, length, trace } => {
                self.send_blob(index, index_of(to), digest, offset, length, trace)
            }
            Output::Connect { peer } => self.connect(index, index_of(peer)),
            // Idle connections cost nothing here and make more of a target.
            Output::Disconnect { .. } => {}
            Output::Arm { token, at } => {
                let at = self.global(index, at);
                let node = index;
                self.queue.add(at, Happening::Timer { node, life, token });
            }
            Output::Persist { ticket, writes } => {
                let changes = writes.into_iter().map(Change::Replica).collect();
                self.submit(index, Asked::Replica(ticket), changes);
            }
            Output::Delivered { local, batch, .. } => {
                self.nodes[index].batches.insert(local, batch);
            }
            Output::Published { request, result } => self.published(index, request, result),
            Output::ChannelChanged { channel, directive, .. } => self.record(Happened::Accepted {
                node: index as u32,
                channel,
                generation: directive.generation,
                target: directive.target.digest,
            }),
            Output::OpenEnvelope { digest, bytes } => {
                let result = bundle::open(&digest, &bytes);
                // Answered from the queue: a shell checks signatures on another thread.
                let input = cairn_gossip::Input::EnvelopeOpened { digest, result };
                let answer = Box::new(input);
                let node = index;
                let delay = Duration::from_micros(200);
                self.after(delay, Happening::Answered { node, life, answer });
            }
            Output::Alarm(alarm) => {
                self.counts.alarms += 1;
                self.trace.say(self.now, || format!("node {index} alarms: {alarm}"));
            }
            Output::NewOriginNeeded { seen } => self.violate(
                "I2",
                format!("node {index} believes that its disk was rewound: peers know {seen}"),
            ),
            Output::ProposalRefused { .. }
            | Output::BundleStored { .. }
            | Output::BundleRejected { .. } => {}
        }
    }

    fn submit(&mut self, index: usize, asked: Asked, changes: Vec<Change>) {
        let delay = self.chance.duration(self.faults.disk_delay);
        let node = &mut self.nodes[index];
        let is_target = !node.ambushed_files || changes.iter().any(Change::is_file);
        node.disk.submit(asked, changes);
        node.disk_free = node.disk_free.max(self.now).plus(delay);
        let (at, life) = (node.disk_free, node.life);
        self.queue.add(at, Happening::Synced { node: index, life });
        if is_target && std::mem::take(&mut self.nodes[index].ambushed) {
            let left = at.since(self.now);
            let into = self.chance.duration((Duration::ZERO, left));
            self.after(into, Happening::Crash { node: index, life });
        }
    }

    pub(super) fn synced(&mut self, index: usize, life: u32) {
        if !self.nodes[index].lives(life) {
            return;
        }
        self.trace.fold(self.now, 6, index as u64, 0);
        match self.nodes[index].disk.sync_one() {
            Some(Asked::Replica(ticket)) => {
                self.tell(index, cairn_gossip::Input::Persisted { ticket });
            }
            Some(Asked::Agent(ticket)) => self.handle(index, Input::Persisted { ticket }),
            None => {}
        }
    }

    pub(super) fn staged(
        &mut self,
        index: usize,
        life: u32,
        channel: String,
        generation: u64,
        digest: Digest,
    ) {
        if !self.nodes[index].lives(life) {
            return;
        }
        self.trace.fold(self.now, 7, index as u64, generation);
        let result = bundle::stageable(&self.nodes[index].disk, &digest).map_err(|detail| {
            let code = "smoke".to_owned();
            StageFault { code, detail }
        });
        let input = Input::Staged { channel, generation, digest, result };
        self.handle(index, input);
    }
}
