//! Sessions: who is streaming what, and how far each may run ahead of its acks.
//!
//! A session first waits until this node has everything that its cursor has seen elsewhere, then
//! walks the local order: first what was there when it came, skipping what the cursor covers,
//! then every new event once, because the local order never repeats one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use cairn_gossip::{Dot, STREAMS_MAX, Time, VersionVector};

use crate::config::Config;
use crate::cursor::{Cursors, Waiting};
use crate::error::ConsumerError;
use crate::input::{NAME_BYTES_MAX, SessionId, TOPICS_MAX};
use crate::log::Log;
use crate::output::{Delivery, Output, Ticket};

#[derive(Debug)]
struct Session {
    name: String,
    topics: Vec<String>,
    /// What the consumer has been given, or need not be given.
    cursor: VersionVector,
    /// What it has acked in this session, from where it resumed.
    acked: VersionVector,
    phase: Phase,
    /// Next place in the local order.
    position: usize,
    /// Places below it were there when streaming began: only they can be covered by the cursor.
    history_end: usize,
    unacked: VecDeque<Dot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A new consumer's first cursor is on its way to the disk.
    Opening {
        give_up: Time,
    },
    /// The cursor is ahead of this node.
    Behind {
        give_up: Time,
    },
    Streaming,
}

/// All sessions and cursors of this node.
#[derive(Debug)]
pub(crate) struct Consumers {
    sessions: BTreeMap<SessionId, Session>,
    by_name: BTreeMap<String, SessionId>,
    cursors: Cursors,
    tickets: u64,
    unacked_max: usize,
    sessions_max: usize,
    cursor_wait_max: Duration,
}

impl Consumers {
    pub(crate) fn new(config: &Config, stored: BTreeMap<String, VersionVector>) -> Consumers {
        Consumers {
            sessions: BTreeMap::new(),
            by_name: BTreeMap::new(),
            cursors: Cursors::new(
                stored,
                config.consumers_max,
                config.acks_waiting_max,
                config.defects,
            ),
            tickets: 0,
            unacked_max: config.unacked_max.max(1),
            sessions_max: config.sessions_max,
            cursor_wait_max: config.cursor_wait_max,
        }
    }

    /// See [`Input::Open`](crate::Input::Open).
    #[expect(clippy::too_many_arguments, reason = "the fields of one input, and its surroundings")]
    pub(crate) fn open(
        &mut self,
        session: SessionId,
        name: String,
        presented: Option<VersionVector>,
        topics: Vec<String>,
        log: &Log,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        if let Err(reason) = self.admit(session, &name, presented.as_ref(), &topics) {
            out.push(Output::Closed { session, reason });
            return;
        }
        if let Some(older) = self.by_name.get(&name).copied() {
            self.end(older, ConsumerError::Superseded { name: name.clone() }, out);
        }
        let stored = self.cursors.get(&name).cloned();
        let is_new = stored.is_none();
        let from = presented.or(stored).unwrap_or_else(|| log.delivered().clone());
        let give_up = now.plus(self.cursor_wait_max);
        self.by_name.insert(name.clone(), session);
        self.sessions.insert(
            session,
            Session {
                name: name.clone(),
                topics,
                cursor: from.clone(),
                acked: from.clone(),
                phase: Phase::Behind { give_up },
                position: 0,
                history_end: 0,
                unacked: VecDeque::new(),
            },
        );
        if !is_new {
            out.push(Output::Opened { session, cursor: from });
            self.pump_one(session, log, out);
            return;
        }
        // The first cursor must survive a crash too: without it, a consumer that has acked
        // nothing yet would start at a later "now" and lose what was published in between.
        if let Some(opened) = self.sessions.get_mut(&session) {
            opened.phase = Phase::Opening { give_up };
        }
        let waiting = Waiting::Open(session);
        let written = self.cursors.advance(&name, from, waiting, &mut self.tickets, out);
        if let Err(reason) = written {
            self.end(session, reason, out);
        }
    }

    fn admit(
        &self,
        session: SessionId,
        name: &str,
        presented: Option<&VersionVector>,
        topics: &[String],
    ) -> Result<(), ConsumerError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(ConsumerError::NameLength {
                actual_bytes: name.len(),
                bytes_max: NAME_BYTES_MAX,
            });
        }
        if topics.len() > TOPICS_MAX {
            return Err(ConsumerError::TooManyTopics { actual: topics.len(), max: TOPICS_MAX });
        }
        if let Some(cursor) = presented
            && cursor.len() > STREAMS_MAX
        {
            return Err(ConsumerError::CursorTooLarge { actual: cursor.len() });
        }
        if self.sessions.contains_key(&session) {
            return Err(ConsumerError::SessionInUse { session });
        }
        if self.sessions.len() >= self.sessions_max && !self.by_name.contains_key(name) {
            return Err(ConsumerError::TooManySessions { max: self.sessions_max });
        }
        Ok(())
    }

    /// See [`Input::Ack`](crate::Input::Ack).
    pub(crate) fn ack(
        &mut self,
        request: u64,
        name: &str,
        cursor: &VersionVector,
        log: &Log,
        out: &mut Vec<Output>,
    ) {
        if let Err(error) = self.try_ack(request, name, cursor, log, out) {
            out.push(Output::Acked { request, result: Err(error) });
        }
    }

    fn try_ack(
        &mut self,
        request: u64,
        name: &str,
        cursor: &VersionVector,
        log: &Log,
        out: &mut Vec<Output>,
    ) -> Result<(), ConsumerError> {
        let Some(stored) = self.cursors.get(name) else {
            return Err(ConsumerError::UnknownConsumer { name: name.to_owned() });
        };
        if let Some(ahead) = ahead(cursor, log.delivered()) {
            return Err(ahead);
        }
        let session = self.by_name.get(name).copied();
        // A session resumes where the consumer said, which may be below what was stored: from
        // there its own acks count. An ack out of order never moves it back.
        let mut at = session
            .and_then(|session| self.sessions.get(&session))
            .map_or_else(|| stored.clone(), |session| session.acked.clone());
        at.join(cursor);
        self.cursors.advance(name, at.clone(), Waiting::Ack(request), &mut self.tickets, out)?;
        if let Some(session) = session {
            if let Some(open) = self.sessions.get_mut(&session) {
                open.unacked.retain(|dot| !at.contains(dot));
                open.acked = at;
            }
            self.pump_one(session, log, out);
        }
        Ok(())
    }

    /// See [`Input::Close`](crate::Input::Close).
    pub(crate) fn close(&mut self, session: SessionId) {
        if let Some(closed) = self.sessions.remove(&session)
            && self.by_name.get(&closed.name) == Some(&session)
        {
            self.by_name.remove(&closed.name);
        }
    }

    fn end(&mut self, session: SessionId, reason: ConsumerError, out: &mut Vec<Output>) {
        self.close(session);
        out.push(Output::Closed { session, reason });
    }

    /// A transaction is durable. False when it was not one of ours.
    pub(crate) fn persisted(&mut self, ticket: Ticket, log: &Log, out: &mut Vec<Output>) -> bool {
        let Some(told) = self.cursors.persisted(ticket, &mut self.tickets, out) else {
            return false;
        };
        for waiting in told {
            match waiting {
                Waiting::Ack(request) => out.push(Output::Acked { request, result: Ok(()) }),
                Waiting::Open(session) => {
                    let Some(opened) = self.sessions.get_mut(&session) else {
                        continue;
                    };
                    if let Phase::Opening { give_up } = opened.phase {
                        opened.phase = Phase::Behind { give_up };
                    }
                    out.push(Output::Opened { session, cursor: opened.cursor.clone() });
                    self.pump_one(session, log, out);
                }
            }
        }
        true
    }

    /// The local order grew: every session that may is given more.
    pub(crate) fn pump(&mut self, log: &Log, out: &mut Vec<Output>) {
        let unacked_max = self.unacked_max;
        for (id, session) in &mut self.sessions {
            session.pump(*id, unacked_max, log, out);
        }
    }

    fn pump_one(&mut self, id: SessionId, log: &Log, out: &mut Vec<Output>) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.pump(id, self.unacked_max, log, out);
        }
    }

    /// Ends sessions that waited too long for this node to catch up.
    pub(crate) fn expire(&mut self, log: &Log, now: Time, out: &mut Vec<Output>) {
        let expired: Vec<_> = self
            .sessions
            .iter()
            .filter(
                |(_, session)| matches!(session.phase, Phase::Behind { give_up } if give_up <= now),
            )
            .filter_map(|(id, session)| Some((*id, ahead(&session.cursor, log.delivered())?)))
            .collect();
        for (id, reason) in expired {
            self.end(id, reason, out);
        }
    }

    /// When [`Consumers::expire`] has something to do.
    pub(crate) fn wakes_at(&self) -> Option<Time> {
        self.sessions
            .values()
            .filter_map(|session| match session.phase {
                Phase::Behind { give_up } => Some(give_up),
                Phase::Opening { .. } | Phase::Streaming => None,
            })
            .min()
    }

    /// Every consumer with its cursor and whether it has a session.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &VersionVector, bool)> {
        self.cursors.iter().map(|(name, cursor)| (name, cursor, self.by_name.contains_key(name)))
    }
}

impl Session {
    fn pump(&mut self, id: SessionId, unacked_max: usize, log: &Log, out: &mut Vec<Output>) {
        match self.phase {
            Phase::Opening { .. } => return,
            Phase::Behind { .. } => {
                if !log.delivered().dominates(&self.cursor) {
                    return;
                }
                self.phase = Phase::Streaming;
                self.history_end = log.end();
            }
            Phase::Streaming => {}
        }
        while self.unacked.len() < unacked_max
            && let Some(item) = log.item(self.position)
        {
            let covered = self.position < self.history_end && self.cursor.contains(&item.dot);
            self.position += 1;
            if covered {
                continue;
            }
            let concerned = log.concerns(item, &self.topics, &self.cursor);
            self.cursor.advance(item.dot.stream, item.dot.seq);
            if !concerned {
                continue;
            }
            self.unacked.push_back(item.dot);
            out.push(Output::Deliver {
                session: id,
                delivery: Delivery {
                    local: item.local,
                    index: item.index,
                    dot: item.dot,
                    cursor: self.cursor.clone(),
                },
            });
        }
    }
}

/// The first stream of which `cursor` has seen more than `delivered` holds.
fn ahead(cursor: &VersionVector, delivered: &VersionVector) -> Option<ConsumerError> {
    cursor.iter().find(|(stream, seq)| delivered.get(stream) < **seq).map(|(stream, seq)| {
        ConsumerError::CursorAhead {
            stream: *stream,
            cursor_seq: *seq,
            node_seq: delivered.get(stream),
        }
    })
}

#[cfg(test)]
mod tests;
