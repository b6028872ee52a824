//! What handles ask of the loop.

use cairn_core::Input;
use cairn_gossip::{Event as GossipEvent, Publish, Write};
use tokio::sync::{mpsc, oneshot};

use super::error::{ConsumeError, PublishError};
use super::event::Request;
use super::perform::wall_ms;
use super::publishing::place;
use super::request::{ConsumeRequest, Consumer, PublishEvent, Published};
use super::running::{Adding, Proposing, Running, Session};
use crate::store::{Persist, TicketId};

impl Running {
    pub(super) fn asked(&mut self, request: Request) {
        match request {
            Request::Publish { event, trace, reply } => self.publish(event, trace, reply),
            Request::Consume { request, reply } => self.consume(request, reply),
            Request::Ack { name, cursor, reply } => {
                let request = self.request();
                self.acks.insert(request, (name.clone(), reply));
                self.tell(Input::Ack { request, name, cursor });
            }
            Request::AddBundle { head, envelope, blobs, refs, trace, reply } => {
                let digest = head.bundle.digest;
                let held = self.core.replica().bundle(&digest).is_some_and(|held| held.complete);
                if held {
                    let _ = reply.send(Ok(()));
                    return;
                }
                let ticket = self.request();
                // With its head: without one nothing claims the bundle after a crash, and it goes.
                let mut replica =
                    vec![Write::Envelope { digest, bytes: envelope }, Write::Head((*head).clone())];
                replica
                    .extend(blobs.into_iter().map(|(digest, bytes)| Write::Blob { digest, bytes }));
                let input = cairn_gossip::Input::BundleAdded { head: *head, blobs: refs, trace };
                let adding = Adding { input: Some(input), reply };
                // Callers that gave up waiting left theirs behind.
                self.adding.retain(|_, waiting| {
                    waiting.retain(|one| one.input.is_some() || !one.reply.is_closed());
                    !waiting.is_empty()
                });
                self.adding.entry(digest).or_default().push(adding);
                self.adding_tickets.insert(ticket, digest);
                let ticket = TicketId::Shell(ticket);
                self.persist(Persist { ticket, replica, core: Vec::new() });
            }
            Request::Propose { record, channel, trace, reply } => {
                let proposing = Proposing { place: place(Some(&record)), reply };
                let waiting = self.proposing.entry(channel.clone()).or_default();
                // Callers that gave up left theirs behind.
                waiting.retain(|waiting| !waiting.reply.is_closed());
                waiting.push(proposing);
                self.tell(cairn_gossip::Input::Propose { record, trace }.into());
                // The coordinator's watch may have brought it here first. Once it is durable, the
                // core has nothing more to say about it.
                self.answer_proposals(&channel);
            }
            Request::Record { channel, reply } => {
                let _ = reply.send(self.core.replica().channel(&channel).cloned());
            }
            Request::KnownKeys { keys, reply } => {
                let replica = self.core.replica();
                let known = |key| !replica.key_dots(key).is_empty();
                let _ = reply.send(keys.iter().map(known).collect());
            }
            Request::Status { reply } => {
                let _ = reply.send(self.status());
            }
            Request::Readiness { reply } => {
                let _ = reply.send(self.readiness());
            }
        }
    }

    /// Envelope and fragments of an uploaded bundle are durable: announce it.
    pub(super) fn bundle_written(&mut self, ticket: u64) {
        let Some(digest) = self.adding_tickets.remove(&ticket) else { return };
        let waiting = self
            .adding
            .get_mut(&digest)
            .and_then(|adding| adding.iter_mut().find_map(|adding| adding.input.take()));
        if let Some(input) = waiting {
            self.tell(input.into());
        }
        // The same bundle may have come from a peer meanwhile; then nothing more is said of it.
        if self.core.replica().bundle(&digest).is_some_and(|held| held.complete) {
            for waiting in self.adding.remove(&digest).unwrap_or_default() {
                let _ = waiting.reply.send(Ok(()));
            }
        }
    }

    fn publish(
        &mut self,
        event: PublishEvent,
        trace: Option<String>,
        reply: oneshot::Sender<Result<Published, PublishError>>,
    ) {
        // Callers that gave up leave their answers behind: collect them before adding one.
        if self.publishes.len() >= self.limits.requests_count_max {
            self.publishes.retain(|_, reply| !reply.is_closed());
        }
        let request = self.request();
        self.publishes.insert(request, reply);
        let PublishEvent { topic, payload, key, idempotency, context, level, timeout } = event;
        let idempotency = idempotency.as_deref().map(crate::identity::idempotency);
        let event = GossipEvent { topic, payload, key, idempotency, time_ms: wall_ms() };
        let publish = Publish { request, event, context, level, timeout, trace };
        self.tell(cairn_gossip::Input::Publish(publish).into());
    }

    fn consume(
        &mut self,
        request: ConsumeRequest,
        reply: oneshot::Sender<Result<Consumer, ConsumeError>>,
    ) {
        let ConsumeRequest { name, cursor, topics } = request;
        let session = self.request();
        let (deliveries, receiver) = mpsc::channel(self.limits.deliveries_count_max);
        let consumer = Consumer {
            name: name.clone(),
            cursor: Default::default(),
            deliveries: receiver,
            session,
            dropped: self.internal.clone(),
        };
        let opening = Some((reply, consumer));
        self.sessions.insert(session, Session { name: name.clone(), deliveries, opening });
        self.tell(Input::Open { session, name, cursor, topics });
    }
}
