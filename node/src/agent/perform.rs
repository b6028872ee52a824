//! Doing what the core says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cairn_core::{Input, Output};
use cairn_gossip::frame::pack_events;
use cairn_gossip::{Body, Class, Frame, Write};
use cairn_merkle::Digest;

use super::error::{AddBundleError, ConsumeError, ProposeError, PublishError};
use super::event::Event;
use super::publishing::place;
use super::request::{Delivery, Published};
use super::running::Running;
use crate::identity::blobs_of;
use crate::store::{Persist, TicketId};

impl Running {
    pub(super) fn perform(&mut self, output: Output) {
        match output {
            Output::Gossip(output) => self.perform_gossip(output),
            Output::Arm { at } => self.timers.arm_core(at),
            Output::Persist { ticket, writes } => {
                let ticket = TicketId::Core(ticket);
                self.persist(Persist { ticket, replica: Vec::new(), core: writes });
            }
            Output::Opened { session, cursor } => {
                let Some(open) = self.sessions.get_mut(&session) else { return };
                if let Some((reply, mut consumer)) = open.opening.take() {
                    consumer.cursor = cursor;
                    // A caller that went away drops the consumer, and that closes the session.
                    let _ = reply.send(Ok(consumer));
                }
            }
            Output::Closed { session, reason } => {
                let Some(closed) = self.sessions.remove(&session) else { return };
                match closed.opening {
                    Some((reply, _)) => {
                        let _ = reply.send(Err(refused(&closed.name, &reason)));
                    }
                    None => tracing::info!(consumer = closed.name, %reason, "session ended"),
                }
            }
            Output::Deliver { session, delivery } => self.deliver(session, &delivery),
            Output::Acked { request, result } => {
                if let Some((name, reply)) = self.acks.remove(&request) {
                    let _ = reply.send(result.map_err(|reason| refused(&name, &reason)));
                }
            }
            Output::Stage { channel, generation, digest } => {
                self.stage(channel, generation, digest);
            }
            Output::Activate { channel, record } => self.activate(channel, record),
            Output::Rejected { channel, generation, digest, fault } => {
                self.staging_since.remove(&(channel.clone(), generation));
                tracing::error!(
                    channel, generation, %digest, code = fault.code, detail = fault.detail,
                    "version rejected; what was live stays live"
                );
                self.live.rejected();
                self.report_status();
            }
        }
    }

    fn perform_gossip(&mut self, output: cairn_gossip::Output) {
        use cairn_gossip::Output;
        match output {
            Output::Send { to, frame, class } => {
                if let Err(error) = self.links.send(to, class, &frame) {
                    tracing::warn!(%to, %error, "link dropped");
                    self.tell(cairn_gossip::Input::Disconnected { peer: to }.into());
                }
            }
            Output::SendEvents { to, stream, first_seq, last_seq } => {
                if self.tasks.len() >= self.limits.reads_count_max {
                    return;
                }
                let (store, queue) = (self.store.clone(), self.links.queue(to));
                self.tasks.spawn_blocking(move || {
                    match store.batches(stream, first_seq, last_seq) {
                        Ok(batches) => {
                            queue.offer(Class::Event, &pack_events(batches, true, true, None));
                        }
                        Err(error) => tracing::error!(%error, "cannot read events for a peer"),
                    }
                });
            }
            Output::SendBlob { to, digest, offset, length, trace } => {
                if self.tasks.len() >= self.limits.reads_count_max {
                    return;
                }
                let (store, queue) = (self.store.clone(), self.links.queue(to));
                self.tasks.spawn_blocking(move || {
                    let body = match store.piece(&digest, offset, length) {
                        Ok(Some((total, bytes))) => Body::BlobTell { digest, total, offset, bytes },
                        Ok(None) => Body::BlobNone { digest },
                        Err(error) => {
                            tracing::error!(%error, "cannot read content for a peer");
                            Body::BlobNone { digest }
                        }
                    };
                    queue.offer(Class::Bulk, &[Frame { trace, body }]);
                });
            }
            Output::Connect { peer } => self.links.connect(peer),
            Output::Disconnect { peer } => self.links.release(peer),
            Output::Arm { token, at } => self.timers.arm(token, at),
            Output::Persist { ticket, writes } => {
                for write in &writes {
                    if let Write::Batch { batch, .. } = write {
                        self.log_bytes += batch.encoded_bytes_max() as u64;
                    }
                }
                if writes.iter().any(|write| matches!(write, Write::RemoveBundle { .. })) {
                    self.store.spare(self.kept_content());
                }
                let ticket = TicketId::Replica(ticket);
                self.persist(Persist { ticket, replica: writes, core: Vec::new() });
            }
            Output::Delivered { local, batch, suppressed, trace } => {
                let count = suppressed.iter().filter(|suppressed| !**suppressed).count() as u64;
                self.delivered_count += count;
                self.metrics.delivered(count);
                if batch.stream.origin != self.origin {
                    let hop = tracing::debug_span!("delivered", stream = %batch.stream, local);
                    crate::telemetry::continued_from(&hop, trace.as_deref());
                    if let Some(event) = batch.events.first() {
                        self.metrics.propagated(since(event.time_ms));
                    }
                }
                let bytes = batch.events.iter().map(|event| event.payload.len() + 64).sum();
                self.batches.keep(local, batch, bytes);
            }
            Output::Published { request, result } => {
                if let Some(reply) = self.publishes.remove(&request) {
                    let published = result.map(|done| Published {
                        dot: done.dot,
                        level: done.level,
                        repeated: done.retry,
                    });
                    let _ = reply.send(published.map_err(|error| publish_error(&error)));
                }
            }
            Output::ChannelChanged { channel, directive, record, trace } => {
                tracing::info!(
                    channel,
                    generation = directive.generation,
                    version = directive.target.version,
                    actor = directive.actor,
                    reason = directive.reason,
                    "directive accepted"
                );
                self.metrics.propagated(since(directive.time_ms));
                if let Some(trace) = trace {
                    self.traces.insert(channel.clone(), trace);
                }
                self.answer_proposals(&channel);
                self.report_status();
                self.write_back_if_behind(&channel, &record);
            }
            Output::ProposalRefused { channel, directive, error } => {
                self.proposal_refused(&channel, directive, &error);
            }
            Output::OpenEnvelope { digest, bytes } => {
                let (verifier, internal) = (self.verifier.clone(), self.internal.clone());
                self.tasks.spawn_blocking(move || {
                    let opened = verifier.open_envelope(&digest, &bytes);
                    let result = opened.map(|manifest| blobs_of(&manifest));
                    let _ = internal.send(Event::EnvelopeOpened { digest, result });
                });
            }
            Output::BundleStored { digest, .. } => {
                tracing::info!(%digest, "bundle stored");
                for waiting in self.adding.remove(&digest).unwrap_or_default() {
                    let _ = waiting.reply.send(Ok(()));
                }
            }
            Output::BundleRejected { digest, reason } => {
                tracing::error!(%digest, reason, "bundle rejected");
                for waiting in self.adding.remove(&digest).unwrap_or_default() {
                    let code = "bundle".to_owned();
                    let reason = reason.clone();
                    let _ = waiting.reply.send(Err(AddBundleError::Rejected { code, reason }));
                }
                self.report_status();
            }
            Output::NewOriginNeeded { seen } => self.retire_origin(seen),
            Output::Alarm(alarm) => {
                self.metrics.alarm();
                tracing::warn!(%alarm, "alarm");
            }
        }
    }

    fn deliver(&mut self, session: cairn_core::SessionId, delivery: &cairn_core::Delivery) {
        let Some(batch) = self.batch(delivery.local) else { return };
        let Some(event) = batch.events.get(delivery.index as usize) else { return };
        let Some(open) = self.sessions.get(&session) else { return };
        let delivery =
            Delivery { dot: delivery.dot, event: event.clone(), cursor: delivery.cursor.clone() };
        // The channel holds as many as the core leaves unacked, so it is closed or has room.
        if open.deliveries.try_send(delivery).is_err() {
            self.sessions.remove(&session);
            self.tell(Input::Close { session });
        }
    }

    /// Answer those whose directive became durable, and those whom another one beat. What is still
    /// on its way to disk answers nobody.
    pub(super) fn answer_proposals(&mut self, channel: &str) {
        let Some(waiting) = self.proposing.get_mut(channel) else { return };
        let durable = self.core.replica().channel(channel);
        let highest = place(durable);
        let holds = |digest| {
            durable.is_some_and(|record| record.chain.iter().any(|d| d.digest() == digest))
        };
        for proposing in std::mem::take(waiting) {
            let (generation, _, digest) = proposing.place;
            let answer = if holds(digest) {
                Ok(())
            } else if highest > proposing.place {
                let (expected, actual) = (generation.saturating_sub(1), highest.0);
                Err(ProposeError::Conflict { channel: channel.to_owned(), expected, actual })
            } else {
                waiting.push(proposing);
                continue;
            };
            let _ = proposing.reply.send(answer);
        }
    }

    fn proposal_refused(
        &mut self,
        channel: &str,
        directive: Option<Digest>,
        error: &cairn_gossip::ProposeError,
    ) {
        match error {
            // It came by the coordinator's watch or by gossip first, or another one beat it: which
            // of the two is known once the higher one is durable.
            cairn_gossip::ProposeError::NotHigher { .. } => {
                self.answer_proposals(channel);
                if let Some(record) = self.core.replica().channel(channel).cloned() {
                    self.write_back_if_behind(channel, &record);
                }
            }
            other => {
                tracing::warn!(channel, error = %other, "directive refused");
                let all = self.proposing.values_mut().flat_map(|waiting| {
                    waiting.extract_if(.., |waiting| Some(waiting.place.2) == directive)
                });
                for refused in all {
                    let reason = other.to_string();
                    let _ = refused.reply.send(Err(ProposeError::Refused { reason }));
                }
            }
        }
    }
}

fn refused(name: &str, reason: &cairn_core::ConsumerError) -> ConsumeError {
    ConsumeError::Refused { name: name.to_owned(), reason: reason.to_string(), hint: reason.hint() }
}

fn publish_error(error: &cairn_gossip::PublishError) -> PublishError {
    use cairn_gossip::PublishError as Core;
    match error {
        Core::TooLarge { what, actual_bytes, bytes_max } => {
            PublishError::Limit { what, actual: *actual_bytes as u64, limit: *bytes_max as u64 }
        }
        Core::LogFull { bytes, bytes_max, .. } => {
            PublishError::LogFull { actual_bytes: *bytes, limit_bytes: *bytes_max }
        }
        Core::Timeout { .. } => PublishError::Unconfirmed { reason: error.to_string() },
        other => PublishError::Refused { reason: other.to_string(), hint: other.hint() },
    }
}

/// Milliseconds since the Unix epoch, by this machine's clock. For people and figures only.
pub(super) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn since(time_ms: u64) -> Duration {
    Duration::from_millis(wall_ms().saturating_sub(time_ms))
}
