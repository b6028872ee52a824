//! What is due when: the core names its timers, the loop sleeps until the first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use cairn_gossip::{Time, Token};

/// The monotonic clock of one agent: nanoseconds since it started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    pub(super) fn now(&self) -> Time {
        Time(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn instant(&self, at: Time) -> tokio::time::Instant {
        (self.start + std::time::Duration::from_nanos(at.0)).into()
    }
}

/// Timers of the replica, and the one of the agent's core.
#[derive(Debug, Default)]
pub(super) struct Timers {
    replica: BinaryHeap<Reverse<(Time, Token)>>,
    core: Option<Time>,
}

/// A timer that is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Replica(Token),
    Core,
}

impl Timers {
    pub(super) fn arm(&mut self, token: Token, at: Time) {
        self.replica.push(Reverse((at, token)));
    }

    /// A later call replaces an earlier one.
    pub(super) fn arm_core(&mut self, at: Time) {
        self.core = Some(at);
    }

    pub(super) fn next(&self) -> Option<Time> {
        let replica = self.replica.peek().map(|Reverse((at, _))| *at);
        [replica, self.core].into_iter().flatten().min()
    }

    pub(super) fn due(&mut self, now: Time) -> Option<Due> {
        if self.core.is_some_and(|at| at <= now) {
            self.core = None;
            return Some(Due::Core);
        }
        match self.replica.peek() {
            Some(Reverse((at, token))) if *at <= now => {
                let token = *token;
                self.replica.pop();
                Some(Due::Replica(token))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_due_in_order_and_once() {
        let mut timers = Timers::default();
        timers.arm(Token(2), Time(20));
        timers.arm(Token(1), Time(10));
        timers.arm_core(Time(99));
        timers.arm_core(Time(15));
        assert_eq!(timers.next(), Some(Time(10)));
        assert_eq!(timers.due(Time(9)), None);
        assert_eq!(timers.due(Time(20)), Some(Due::Core));
        assert_eq!(timers.due(Time(20)), Some(Due::Replica(Token(1))));
        assert_eq!(timers.due(Time(20)), Some(Due::Replica(Token(2))));
        assert_eq!(timers.due(Time(99)), None);
        assert_eq!(timers.next(), None);
    }
}
