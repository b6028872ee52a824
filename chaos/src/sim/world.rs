//! The fleet, its clients and its fate, moved on one happening at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use cairn_core::{Delivery, SessionId};
use cairn_gossip::{Frame, Time, Token};
use cairn_merkle::Digest;

use super::chance::Chance;
use super::config::{Faults, SimConfig};
use super::consumer::{AckSent, Consumer};
use super::coordinator::Coordinator;
use super::network::Network;
use super::node::Node;
use super::publisher::Publisher;
use super::queue::Queue;
use super::trace::Trace;
use super::{Counts, Report};
use crate::history::{Happened, History};
use crate::invariant::Violation;

/// Something that will happen. `life` voids what belongs to a process that has died since.
#[derive(Debug)]
pub(super) enum Happening {
    Timer { node: usize, life: u32, token: Token },
    AgentTimer { node: usize, life: u32 },
    Connected { from: usize, to: usize, epoch: u32 },
    Arrived { from: usize, to: usize, epoch: u32, frame: Box<Frame> },
    LinkEnded { from: usize, to: usize, epoch: u32 },
    Synced { node: usize, life: u32 },
    Staged { node: usize, life: u32, channel: String, generation: u64, digest: Digest },
    Answered { node: usize, life: u32, answer: Box<cairn_gossip::Input> },
    Publisher { index: usize, wake: u32 },
    Consumer { index: usize, wake: u32 },
    Given { index: usize, session: SessionId, delivery: Box<Given> },
    AckNow { index: usize, session: SessionId },
    CloseSession { node: usize, life: u32, session: SessionId },
    Crash { node: usize, life: u32 },
    Restart { node: usize },
    Fault(Fault),
    Settle,
}

/// Happenings in a virtual second of one node, on average over a run, that no healthy fleet
/// needs: usual are about five. A run that has more ends.
const HAPPENINGS_MAX: u64 = 100;

/// Happenings to come that no healthy fleet of a few dozen nodes needs. A run that has more ends.
const AHEAD_MAX: usize = 50_000;

/// What the world does to the fleet, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    CutLink,
    Partition,
    Heal,
    Crash,
    CutSession,
    FireTimer,
    Rollout,
    Stale,
    CompareTries,
    End,
}

/// A delivery on its way to a consumer.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) delivery: Delivery,
    pub(super) payload: u64,
    pub(super) topic: String,
    pub(super) key: Option<cairn_gossip::EventKey>,
}

pub(super) struct World {
    pub(super) seed: u64,
    pub(super) config: SimConfig,
    pub(super) faults: Faults,
    pub(super) chance: Chance,
    pub(super) now: Time,
    pub(super) queue: Queue<Happening>,
    pub(super) network: Network,
    pub(super) nodes: Vec<Node>,
    pub(super) publishers: Vec<Publisher>,
    pub(super) consumers: Vec<Consumer>,
    pub(super) coordinator: Coordinator,
    /// Faults have ended.
    pub(super) calm: bool,
    pub(super) done: bool,
    /// When anything last reached a consumer or was answered to a publisher.
    pub(super) last_progress: Time,
    pub(super) requests: u64,
    pub(super) publishing: BTreeMap<u64, usize>,
    pub(super) acking: BTreeMap<u64, AckSent>,
    pub(super) sessions: BTreeMap<SessionId, usize>,
    pub(super) history: History,
    pub(super) trace: Trace,
    pub(super) counts: Counts,
    pub(super) violations: Vec<Violation>,
    /// Reused between calls of a core.
    pub(super) outputs: Vec<cairn_core::Output>,
    happenings: u64,
}

impl World {
    pub(super) fn new(seed: u64, config: &SimConfig) -> World {
        let mut chance = Chance::new(seed, 1);
        let faults = Faults::draw(&mut chance);
        let nodes = config.nodes.max(1) as usize;
        let mut world = World {
            seed,
            config: config.clone(),
            faults,
            now: Time::ZERO,
            queue: Queue::new(),
            network: Network::new(nodes),
            nodes: (0..nodes).map(|index| Node::new(seed, index)).collect(),
            publishers: Vec::new(),
            consumers: Vec::new(),
            coordinator: Coordinator::default(),
            calm: false,
            done: false,
            last_progress: Time::ZERO,
            requests: 0,
            publishing: BTreeMap::new(),
            acking: BTreeMap::new(),
            sessions: BTreeMap::new(),
            history: History::new(),
            trace: Trace::new(seed, config.verbose),
            counts: Counts::default(),
            violations: Vec::new(),
            outputs: Vec::new(),
            happenings: 0,
            chance,
        };
        world.trace.say(Time::ZERO, || format!("{:?}", world.faults));
        for node in 0..nodes {
            // Some nodes are late: the others must not need them.
            let after = Duration::from_millis(world.chance.between(0, 2_000));
            world.after(after, Happening::Restart { node });
        }
        world.add_clients();
        for fault in [
            Fault::CutLink,
            Fault::Partition,
            Fault::Crash,
            Fault::CutSession,
            Fault::FireTimer,
            Fault::Rollout,
            Fault::Stale,
            Fault::CompareTries,
        ] {
            world.arm_fault(fault);
        }
        world.after(config.duration, Happening::Fault(Fault::End));
        world
    }

    /// `what` will happen `by` later.
    pub(super) fn after(&mut self, by: Duration, what: Happening) {
        self.queue.add(self.now.plus(by), what);
    }

    pub(super) fn record(&mut self, happened: Happened) {
        self.trace.say(self.now, || format!("{happened:?}"));
        self.history.record(self.now, happened);
    }

    /// A number that no request had before.
    pub(super) fn request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    pub(super) fn run(mut self) -> Report {
        let node_seconds = self.config.duration.as_secs().max(1) * self.nodes.len() as u64;
        let happenings_max = node_seconds * HAPPENINGS_MAX;
        while !self.done
            && let Some((at, happening)) = self.queue.pop()
        {
            self.now = at;
            self.happenings += 1;
            self.happen(happening);
            let (count, ahead) = (self.happenings, self.queue.len());
            if count >= happenings_max || ahead >= AHEAD_MAX {
                let message = format!("traffic explodes: {count} happenings, {ahead} to come");
                self.violate("I13", message);
                break;
            }
        }
        Report {
            seed: self.seed,
            nodes: self.config.nodes,
            violations: self.violations,
            trace_hash: self.trace.hash(),
            virtual_time: self.now,
            happenings: self.happenings,
            counts: self.counts,
            history: self.history,
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Timer { node, life, token } => {
                if self.nodes[node].lives(life) {
                    self.trace.fold(self.now, 1, node as u64, token.0);
                    self.tell(node, cairn_gossip::Input::Timer(token));
                }
            }
            Happening::AgentTimer { node, life } => {
                if self.nodes[node].lives(life) {
                    self.trace.fold(self.now, 2, node as u64, 0);
                    self.handle(node, cairn_core::Input::Timer);
                }
            }
            Happening::Connected { from, to, epoch } => self.connected(from, to, epoch),
            Happening::Arrived { from, to, epoch, frame } => self.arrived(from, to, epoch, *frame),
            Happening::LinkEnded { from, to, epoch } => self.link_ended(from, to, epoch),
            Happening::Synced { node, life } => self.synced(node, life),
            Happening::Staged { node, life, channel, generation, digest } => {
                self.staged(node, life, channel, generation, digest)
            }
            Happening::Answered { node, life, answer } => {
                if self.nodes[node].lives(life) {
                    self.trace.fold(self.now, 11, node as u64, 0);
                    self.tell(node, *answer);
                }
            }
            Happening::Publisher { index, wake } => self.wake_publisher(index, wake),
            Happening::Consumer { index, wake } => self.wake_consumer(index, wake),
            Happening::Given { index, session, delivery } => self.given(index, session, *delivery),
            Happening::AckNow { index, session } => self.ack_now(index, session),
            Happening::CloseSession { node, life, session } => {
                if self.nodes[node].lives(life) {
                    self.handle(node, cairn_core::Input::Close { session });
                }
            }
            Happening::Crash { node, life } => {
                if self.nodes[node].lives(life) && !self.calm {
                    self.crash(node);
                }
            }
            Happening::Restart { node } => self.start(node),
            Happening::Fault(fault) => self.strike(fault),
            Happening::Settle => self.settle(),
        }
    }
}
