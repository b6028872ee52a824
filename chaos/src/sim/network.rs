//! One-way links between nodes: what travels, what is lost, what comes twice.
//!
//! A link is a TCP connection from one node to another. In it frames keep their order; between
//! links they overtake each other. Loss is a connection that breaks with what was in flight; a
//! partition dooms the connections it crosses. A shell that cannot know whether its last frames
//! arrived may send them again on the next connection.

use std::collections::VecDeque;
use std::time::Duration;

use cairn_gossip::{Frame, Time};

/// Frames that wait for a connection. More are dropped, as a full queue of a shell does.
const WAITING_MAX: usize = 1_024;
/// Frames that may be repeated on the next connection.
const RECENT_MAX: usize = 6;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Idle,
    Dialling,
    Up,
    /// Broken, and the sender has not noticed yet: what it sends is lost.
    Doomed,
}

/// The connection from one node to another.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) state: State,
    /// Grows with every connection: what belongs to an older one is void.
    pub(crate) epoch: u32,
    last_arrival: Time,
    waiting: VecDeque<Frame>,
    recent: VecDeque<Frame>,
    /// Flips bits in content.
    pub(crate) bad: bool,
}

impl Link {
    /// A new connection is being opened; returns its epoch.
    pub(crate) fn dial(&mut self) -> u32 {
        self.epoch += 1;
        self.state = State::Dialling;
        self.epoch
    }

    /// Keeps a frame until the connection stands.
    pub(crate) fn wait(&mut self, frame: Frame) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(frame);
        }
    }

    /// The connection stands: what to send over it first. With `repeat`, the last frames of the
    /// connection before come once more.
    pub(crate) fn up(&mut self, repeat: bool) -> Vec<Frame> {
        self.state = State::Up;
        let mut first: Vec<Frame> = Vec::new();
        if repeat {
            first.extend(self.recent.drain(..));
        }
        first.extend(self.waiting.drain(..));
        first
    }

    /// When a frame sent now arrives: never before the one sent before it.
    pub(crate) fn arrival(&mut self, now: Time, latency: Duration) -> Time {
        self.last_arrival = self.last_arrival.max(now.plus(latency));
        self.last_arrival
    }

    /// Remembers a frame that a nervous shell may send again.
    pub(crate) fn remember(&mut self, frame: &Frame) {
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(frame.clone());
    }

    /// Voids what is in flight.
    pub(crate) fn doom(&mut self) {
        self.epoch += 1;
        self.state = State::Doomed;
    }

    /// No connection, nothing waiting. In-flight frames of the last one may still arrive.
    pub(crate) fn idle(&mut self) {
        self.state = State::Idle;
        self.waiting.clear();
    }
}

/// All links, and which nodes a partition keeps apart.
#[derive(Debug)]
pub(crate) struct Network {
    nodes: usize,
    links: Vec<Link>,
    /// By node: which side of the partition it is on; all zero without one.
    pub(crate) side: Vec<u8>,
    /// With it, only what goes from side 1 to side 0 is blocked.
    pub(crate) one_way: bool,
}

impl Network {
    pub(crate) fn new(nodes: usize) -> Network {
        Network {
            nodes,
            links: (0..nodes * nodes).map(|_| Link::default()).collect(),
            side: vec![0; nodes],
            one_way: false,
        }
    }

    pub(crate) fn link(&mut self, from: usize, to: usize) -> &mut Link {
        &mut self.links[from * self.nodes + to]
    }

    /// Whether a partition stands between two nodes in this direction.
    pub(crate) fn blocked(&self, from: usize, to: usize) -> bool {
        let (from, to) = (self.side[from], self.side[to]);
        from != to && (!self.one_way || from > to)
    }
}
