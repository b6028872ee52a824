//! Clients that consume: one kind trusts the node with its cursor, the other commits it together
//! with its effect and wanders.

use std::time::Duration;

use cairn_core::{ConsumerError, Input, SessionId};
use cairn_gossip::VersionVector;

use super::world::{Given, Happening, World};
use crate::history::{Happened, Keeping};

/// One consumer.
#[derive(Debug)]
pub(crate) struct Consumer {
    name: String,
    keeping: Keeping,
    node: usize,
    topics: Vec<String>,
    session: Option<SessionId>,
    opened: bool,
    /// What it has done, with its effect.
    done: VersionVector,
    /// Whether it ever held a cursor.
    began: bool,
    ack_planned: bool,
    wake: u32,
}

impl Consumer {
    /// What it has been given so far: the causal context of what it publishes.
    pub(crate) fn seen(&self) -> &VersionVector {
        &self.done
    }

    pub(crate) fn is_streaming(&self) -> bool {
        self.session.is_some() && self.opened
    }
}

/// An ack on its way.
#[derive(Clone, Debug)]
pub(crate) struct AckSent {
    consumer: usize,
    cursor: VersionVector,
}

/// How long a consumer waits for a session before it asks elsewhere.
const PATIENCE: Duration = Duration::from_secs(12);

impl World {
    pub(super) fn add_consumers(&mut self) {
        let nodes = self.nodes.len();
        for index in 0..nodes + 2 {
            let wanders = index >= nodes;
            // One looks only at some topics: the others count as delivered for it.
            let topics = match index {
                1 => vec!["spawn".to_owned(), "timer".to_owned()],
                _ => Vec::new(),
            };
            self.consumers.push(Consumer {
                name: format!("consumer-{index}"),
                keeping: if wanders { Keeping::WithEffect } else { Keeping::ByNode },
                node: index % nodes,
                topics,
                session: None,
                opened: false,
                done: VersionVector::new(),
                began: false,
                ack_planned: false,
                wake: 0,
            });
            let first = Duration::from_millis(self.chance.between(100, 3_000));
            self.wake_consumer_in(index, first);
        }
    }

    fn wake_consumer_in(&mut self, index: usize, by: Duration) {
        let consumer = &mut self.consumers[index];
        consumer.wake += 1;
        let wake = consumer.wake;
        self.after(by, Happening::Consumer { index, wake });
    }

    /// Opens a session when there is none.
    pub(super) fn wake_consumer(&mut self, index: usize, wake: u32) {
        let consumer = &self.consumers[index];
        if consumer.wake != wake || consumer.is_streaming() {
            return;
        }
        if consumer.keeping == Keeping::WithEffect {
            let node = self.chance.below(self.nodes.len());
            self.consumers[index].node = node;
        }
        let node = self.consumers[index].node;
        if !self.nodes[node].is_up() {
            let later = self.chance.around(Duration::from_millis(500));
            self.wake_consumer_in(index, later);
            return;
        }
        let session = self.request();
        let consumer = &mut self.consumers[index];
        if let Some(older) = consumer.session.replace(session) {
            self.sessions.remove(&older);
        }
        consumer.opened = false;
        consumer.ack_planned = false;
        let presents = consumer.keeping == Keeping::WithEffect && consumer.began;
        let open = Input::Open {
            session,
            name: consumer.name.clone(),
            cursor: presents.then(|| consumer.done.clone()),
            topics: consumer.topics.clone(),
        };
        self.sessions.insert(session, index);
        self.trace.fold(self.now, 13, index as u64, session);
        self.wake_consumer_in(index, PATIENCE);
        self.handle(node, open);
    }

    pub(super) fn opened(&mut self, node: usize, session: SessionId, cursor: VersionVector) {
        let Some(index) = self.sessions.get(&session).copied() else {
            return;
        };
        let consumer = &mut self.consumers[index];
        if consumer.session != Some(session) {
            return;
        }
        consumer.opened = true;
        consumer.began = true;
        consumer.done = cursor.clone();
        let happened = Happened::SessionOpened {
            consumer: index as u32,
            session,
            node: node as u32,
            keeping: consumer.keeping,
            from: cursor,
            topics: consumer.topics.clone(),
        };
        self.record(happened);
    }

    pub(super) fn closed(&mut self, session: SessionId, reason: &ConsumerError) {
        let Some(index) = self.sessions.remove(&session) else {
            return;
        };
        self.trace.say(self.now, || format!("session {session} of consumer {index}: {reason}"));
        if self.consumers[index].session == Some(session) {
            self.lose_session(index);
        }
    }

    /// The consumer notices that its session is gone and comes back a little later.
    fn lose_session(&mut self, index: usize) {
        let consumer = &mut self.consumers[index];
        if let Some(session) = consumer.session.take() {
            self.sessions.remove(&session);
        }
        self.consumers[index].opened = false;
        let longest = if self.calm { 200 } else { 2_000 };
        let pause = Duration::from_millis(self.chance.between(1, longest));
        self.wake_consumer_in(index, pause);
    }

    pub(super) fn given(&mut self, index: usize, session: SessionId, given: Given) {
        let consumer = &mut self.consumers[index];
        // What arrives after the session broke was never seen: no effect, no cursor.
        if consumer.session != Some(session) {
            return;
        }
        let Given { delivery, payload, topic, key } = given;
        consumer.done = delivery.cursor;
        let plan = !std::mem::replace(&mut consumer.ack_planned, true);
        self.last_progress = self.now;
        self.counts.delivered += 1;
        self.trace.fold(self.now, 14, index as u64, delivery.dot.seq ^ payload);
        self.record(Happened::Delivered {
            consumer: index as u32,
            session,
            dot: delivery.dot,
            payload,
            topic,
            key,
        });
        if plan {
            let pause = Duration::from_millis(self.chance.between(1, 150));
            self.after(pause, Happening::AckNow { index, session });
        }
    }

    pub(super) fn ack_now(&mut self, index: usize, session: SessionId) {
        let request = self.request();
        let consumer = &mut self.consumers[index];
        if consumer.session != Some(session) {
            return;
        }
        consumer.ack_planned = false;
        let (node, name, cursor) = (consumer.node, consumer.name.clone(), consumer.done.clone());
        let sent = AckSent { consumer: index, cursor: cursor.clone() };
        self.acking.insert(request, sent);
        self.trace.fold(self.now, 15, index as u64, request);
        let ack = Input::Ack { request, name, cursor };
        self.handle(node, ack);
    }

    pub(super) fn acked(&mut self, node: usize, request: u64, is_kept: bool) {
        let Some(sent) = self.acking.remove(&request) else {
            return;
        };
        if is_kept {
            self.record(Happened::Acked {
                consumer: sent.consumer as u32,
                node: node as u32,
                cursor: sent.cursor,
            });
        }
    }

    /// The connection of some session breaks. The node may notice late, even after the consumer
    /// is back.
    pub(super) fn cut_session(&mut self) {
        let index = self.chance.below(self.consumers.len());
        let consumer = &self.consumers[index];
        let Some(session) = consumer.session else {
            return;
        };
        let node = consumer.node;
        let life = self.nodes[node].life;
        self.counts.session_cuts += 1;
        self.lose_session(index);
        let noticed = Duration::from_millis(self.chance.between(0, 3_000));
        let closed = Happening::CloseSession { node, life, session };
        self.after(noticed, closed);
    }

    /// A node died: so did the sessions at it.
    pub(super) fn drop_sessions_of(&mut self, node: usize) {
        for index in 0..self.consumers.len() {
            let consumer = &self.consumers[index];
            if consumer.node == node && consumer.session.is_some() {
                self.lose_session(index);
            }
        }
    }
}
