//! What a part of the replica may do: append outputs, arm timers, open tickets, draw chance.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use cairn_merkle::Digest;
use rand::RngExt;
use rand::rngs::StdRng;

use crate::config::Config;
use crate::frame::{Body, Frame};
use crate::id::NodeId;
use crate::input::Token;
use crate::membership::Identity;
use crate::output::{Alarm, Class, Output, Write};
use crate::stats::Stats;
use crate::time::Time;
use crate::verify::Fault;

/// What an armed timer is for. A timer that fires after its reason went away changes nothing.
#[derive(Debug)]
pub(crate) enum Due {
    /// One of foca's own.
    Swim(foca::Timer<Identity>),
    /// Announce to the seeds that are no members.
    Announce,
    /// Spread news of members now instead of at foca's next period.
    SwimNews,
    /// Open the connection to a peer of the view again.
    Redial(SocketAddr),
    /// The slow heartbeat.
    Pulse,
    /// The heartbeat soon after a change.
    ChangePulse,
    /// Some publish's time is over.
    Publish,
    /// Repair towards this peer may have been lost.
    Repair(SocketAddr),
    /// A trie comparison may have stalled.
    Diff(SocketAddr, u64),
    /// A piece of content may have been lost.
    Fetch(Digest, u64),
    /// Look again for sources.
    Retry,
}

/// What a ticket makes durable.
#[derive(Debug)]
pub(crate) enum Done {
    /// A write of the event log.
    Journal,
    /// A channel's register.
    Channel(String),
    /// A blob.
    Blob(Digest),
    /// A bundle's envelope.
    Envelope(Digest),
    /// The head of a bundle that was added here, and its trace.
    Head(Digest, Option<String>),
    /// Nothing waits for it.
    Nothing,
}

/// Timers and tickets that are out. Both are bounded by what arms them: each part keeps a fixed
/// number per peer, member, publish, channel or blob.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    token: u64,
    ticket: u64,
    timers: BTreeMap<u64, Due>,
    tickets: BTreeMap<u64, Done>,
}

impl Pending {
    /// What the timer was for; `None` for one that was never given out or fired before.
    pub(crate) fn fired(&mut self, token: Token) -> Option<Due> {
        self.timers.remove(&token.0)
    }

    /// What the ticket was for; `None` as above.
    pub(crate) fn done(&mut self, ticket: u64) -> Option<Done> {
        self.tickets.remove(&ticket)
    }
}

/// The surroundings of one call.
pub(crate) struct Fx<'a> {
    pub(crate) now: Time,
    pub(crate) config: &'a Config,
    pub(crate) out: &'a mut Vec<Output>,
    pub(crate) pending: &'a mut Pending,
    pub(crate) rng: &'a mut StdRng,
    pub(crate) stats: &'a mut Stats,
}

impl Fx<'_> {
    /// Arms a timer.
    pub(crate) fn arm(&mut self, after: Duration, due: Due) {
        self.pending.token += 1;
        let token = Token(self.pending.token);
        self.pending.timers.insert(token.0, due);
        self.out.push(Output::Arm { token, at: self.now.plus(after) });
    }

    /// Asks for a durable write.
    pub(crate) fn persist(&mut self, writes: Vec<Write>, done: Done) {
        self.pending.ticket += 1;
        let ticket = self.pending.ticket;
        self.pending.tickets.insert(ticket, done);
        self.out.push(Output::Persist { ticket, writes });
    }

    /// Sends a message without a trace.
    pub(crate) fn send(&mut self, to: SocketAddr, body: Body, class: Class) {
        self.send_traced(to, body, class, None);
    }

    /// Sends a message.
    pub(crate) fn send_traced(
        &mut self,
        to: SocketAddr,
        body: Body,
        class: Class,
        trace: Option<&str>,
    ) {
        let frame = Frame { trace: trace.map(str::to_owned), body };
        self.out.push(Output::Send { to, frame, class });
    }

    /// Reports what no correct peer does.
    pub(crate) fn fault(&mut self, peer: Peer, fault: Fault) {
        self.stats.faults += 1;
        self.out.push(Output::Alarm(Alarm::PeerFault { from: peer.node, addr: peer.addr, fault }));
    }

    /// `base` lengthened by up to `base / part` at random, so that nodes do not act in step.
    pub(crate) fn jitter(&mut self, base: Duration, part: u32) -> Duration {
        let nanos = u64::try_from(base.as_nanos()).unwrap_or(u64::MAX) / u64::from(part.max(1));
        base.saturating_add(Duration::from_nanos(self.rng.random_range(0..=nanos)))
    }

    /// A number below `count`, 0 when there is none.
    pub(crate) fn pick(&mut self, count: usize) -> usize {
        if count < 2 { 0 } else { self.rng.random_range(0..count) }
    }
}

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) node: NodeId,
    pub(crate) addr: SocketAddr,
}

/// Surroundings for tests of single parts.
#[cfg(test)]
pub(crate) struct Surroundings {
    pub(crate) config: Config,
    pub(crate) out: Vec<Output>,
    pending: Pending,
    rng: StdRng,
    stats: Stats,
}

#[cfg(test)]
impl Surroundings {
    pub(crate) fn new() -> Surroundings {
        Surroundings {
            config: Config::new(SocketAddr::from(([127, 0, 0, 1], 7_000))),
            out: Vec::new(),
            pending: Pending::default(),
            rng: rand::SeedableRng::seed_from_u64(1),
            stats: Stats::default(),
        }
    }

    pub(crate) fn fx(&mut self, now: Time) -> Fx<'_> {
        Fx {
            now,
            config: &self.config,
            out: &mut self.out,
            pending: &mut self.pending,
            rng: &mut self.rng,
            stats: &mut self.stats,
        }
    }
}
