//! The loop: one thing that happened goes into the core, what the core says is done.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use cairn_core::{Agent, Input, Output, SessionId};
use cairn_gossip::{Batch, NodeId, Origin};
use cairn_merkle::Digest;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::cache::Batches;
use super::config::Limits;
use super::coordination::Coordination;
use super::error::{AddBundleError, ConsumeError, ProposeError, PublishError};
use super::event::Event;
use super::publishing::Place;
use super::request::{Consumer, Delivery, Published};
use super::timers::{Clock, Due, Timers};
use crate::identity::Verifier;
use crate::link::{LinkEvent, Links};
use crate::live::LiveTable;
use crate::stage::Stager;
use crate::store::{Done, Persist, Store, StoreError, TicketId, Writer};
use crate::telemetry::Metrics;

/// Link events and requests handled before timers and the disk are looked at again.
const BURST_MAX: usize = 64;

/// A consumer's session as the loop knows it.
pub(super) struct Session {
    pub(super) name: String,
    pub(super) deliveries: mpsc::Sender<Delivery>,
    /// Until the core answers.
    pub(super) opening: Option<(oneshot::Sender<Result<Consumer, ConsumeError>>, Consumer)>,
}

/// A bundle that is on its way to the disk, or announced and not yet counted as held.
pub(super) struct Adding {
    pub(super) input: Option<cairn_gossip::Input>,
    pub(super) reply: oneshot::Sender<Result<(), AddBundleError>>,
}

/// A record that somebody waits for.
pub(super) struct Proposing {
    pub(super) place: Place,
    pub(super) reply: oneshot::Sender<Result<(), ProposeError>>,
}

/// A running agent: the core and everything that it cannot do itself.
pub(super) struct Running {
    pub(super) core: Agent,
    pub(super) clock: Clock,
    pub(super) timers: Timers,
    pub(super) node: NodeId,
    pub(super) origin: Origin,
    pub(super) incarnation: u32,
    pub(super) name: String,
    pub(super) gossip: SocketAddr,
    pub(super) channels: Vec<String>,
    pub(super) limits: Limits,
    pub(super) store: Store,
    pub(super) writer: Writer,
    pub(super) links: Links,
    pub(super) live: Arc<LiveTable>,
    pub(super) stager: Arc<Stager>,
    pub(super) verifier: Arc<Verifier>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) coordination: Coordination,
    /// What the loop tells itself from tasks and threads.
    pub(super) internal: mpsc::UnboundedSender<Event>,
    pub(super) tasks: JoinSet<()>,
    pub(super) batches: Batches,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) publishes: BTreeMap<u64, oneshot::Sender<Result<Published, PublishError>>>,
    pub(super) acks: BTreeMap<u64, (String, oneshot::Sender<Result<(), ConsumeError>>)>,
    pub(super) adding: BTreeMap<Digest, Vec<Adding>>,
    pub(super) adding_tickets: BTreeMap<u64, Digest>,
    pub(super) proposing: BTreeMap<String, Vec<Proposing>>,
    /// Trace of the newest directive per channel: staging and activation belong to it.
    pub(super) traces: BTreeMap<String, String>,
    pub(super) staging_since: BTreeMap<(String, u64), Instant>,
    pub(super) staged: BTreeMap<Digest, crate::stage::Staged>,
    pub(super) next_request: u64,
    pub(super) persists_count: usize,
    pub(super) inputs: VecDeque<Input>,
    /// Whether the core is being told right now, further up.
    pub(super) telling: bool,
    pub(super) outputs: Vec<Output>,
    pub(super) delivered_count: u64,
    pub(super) log_bytes: u64,
    pub(super) stopping: Option<String>,
}

impl Running {
    /// Run until told to stop, or until a write fails. Returns why it stopped.
    pub(super) async fn run(
        mut self,
        mut events: mpsc::Receiver<Event>,
        mut links: mpsc::Receiver<LinkEvent>,
        mut internal: mpsc::UnboundedReceiver<Event>,
    ) -> String {
        while self.stopping.is_none() {
            let next = self.timers.next();
            let due = next.map(|at| self.clock.instant(at));
            let sleep = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            // While the disk is behind, only what the disk, the clock and our own tasks say is
            // taken: peers and callers wait in their sockets and queues.
            let takes = self.persists_count < self.limits.persists_count_max;
            tokio::select! {
                Some(event) = internal.recv() => self.happened(event),
                () = sleep => self.fire(),
                Some(event) = links.recv(), if takes => {
                    self.happened(Event::Link(event));
                    for _ in 0..BURST_MAX {
                        let Ok(event) = links.try_recv() else { break };
                        self.happened(Event::Link(event));
                    }
                }
                event = events.recv(), if takes => {
                    // Nobody holds a handle any more: nobody can ask for a stop either.
                    self.happened(event.unwrap_or(Event::Shutdown));
                }
                Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => {}
            }
        }
        self.stop().await
    }

    async fn stop(mut self) -> String {
        let reason = self.stopping.take().unwrap_or_default();
        drop(self.links);
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        // Aborting a task does not end its thread: one that stages still writes.
        self.stager.finished().await;
        // What is queued is finished, so that an orderly stop loses nothing that was accepted.
        let writer = self.writer;
        let _ = tokio::task::spawn_blocking(move || writer.finish()).await;
        reason
    }

    /// Every timer that is due.
    fn fire(&mut self) {
        let now = self.clock.now();
        while let Some(due) = self.timers.due(now) {
            self.tell(match due {
                Due::Replica(token) => cairn_gossip::Input::Timer(token).into(),
                Due::Core => Input::Timer,
            });
        }
        self.refresh_metrics();
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Request(request) => self.asked(request),
            Event::Link(event) => self.linked(event),
            Event::Disk(done) => self.written(done),
            Event::Staged { channel, generation, digest, result } => {
                self.staged(channel, generation, digest, result);
            }
            Event::EnvelopeOpened { digest, result } => {
                self.tell(cairn_gossip::Input::EnvelopeOpened { digest, result }.into());
            }
            Event::Coordinator(event) => self.coordinated(event),
            Event::WrittenBack { channel, expected } => self.written_back(&channel, expected),
            Event::CorruptAt { channel, revision } => self.corrupt_at(&channel, revision),
            Event::Leadership(leadership) => self.led_by(leadership),
            Event::SessionDropped(session) => {
                if self.sessions.remove(&session).is_some() {
                    self.tell(Input::Close { session });
                }
            }
            Event::Shutdown => self.stopping = Some("it was asked to".to_owned()),
        }
    }

    /// Give the core an input, then do what it says. What doing it brings about is given to the
    /// core afterwards, in order: the core is never called from within itself.
    pub(super) fn tell(&mut self, input: Input) {
        self.inputs.push_back(input);
        if self.telling {
            return;
        }
        self.telling = true;
        while let Some(input) = self.inputs.pop_front() {
            let now = self.clock.now();
            let mut outputs = std::mem::take(&mut self.outputs);
            self.core.handle(input, now, &mut outputs);
            for output in outputs.drain(..) {
                self.perform(output);
            }
            self.outputs = outputs;
        }
        self.telling = false;
    }

    fn linked(&mut self, event: LinkEvent) {
        if !self.links.note(&event) {
            return;
        }
        match event {
            LinkEvent::Connected { peer, .. } => {
                self.tell(cairn_gossip::Input::Connected { peer }.into());
            }
            LinkEvent::Disconnected { peer, reason, .. } => {
                tracing::debug!(%peer, %reason, "link ended");
                self.tell(cairn_gossip::Input::Disconnected { peer }.into());
            }
            LinkEvent::Received { from, addr, mut frame } => {
                let hop = frame.trace.as_deref().map(|trace| {
                    let hop = tracing::info_span!("hop", node = self.name, %addr);
                    crate::telemetry::continued_from(&hop, Some(trace));
                    hop
                });
                let _entered = hop.as_ref().map(tracing::Span::enter);
                if let Some(next) = hop.as_ref().and_then(crate::telemetry::carried) {
                    frame.trace = Some(next);
                }
                if matches!(
                    frame.body,
                    cairn_gossip::Body::Pulse { .. }
                        | cairn_gossip::Body::Summary { .. }
                        | cairn_gossip::Body::Channel(_)
                ) {
                    self.live.heard().peer_spoke();
                }
                self.tell(cairn_gossip::Input::Received { from, addr, frame }.into());
            }
        }
    }

    fn written(&mut self, done: Done) {
        match done {
            Done::Durable(tickets) => {
                self.persists_count = self.persists_count.saturating_sub(tickets.len());
                for ticket in tickets {
                    match ticket {
                        TicketId::Replica(ticket) => {
                            self.tell(cairn_gossip::Input::Persisted { ticket }.into());
                        }
                        TicketId::Core(ticket) => self.tell(Input::Persisted { ticket }),
                        TicketId::Shell(ticket) => self.bundle_written(ticket),
                    }
                }
            }
            Done::Failed(error) => self.fail(&error),
        }
    }

    /// A write failed: whatever it was about is not known to be durable, so nothing more may be
    /// acknowledged. The next start goes by what is on disk.
    pub(super) fn fail(&mut self, error: &dyn std::error::Error) {
        let reason = crate::stage::with_sources(error);
        tracing::error!(reason, "a write failed: stopping, the next start recovers from disk");
        self.stopping = Some(reason);
    }

    pub(super) fn persist(&mut self, persist: Persist) {
        self.persists_count += 1;
        if let Err(error) = self.writer.persist(persist)
            && self.stopping.is_none()
        {
            self.fail(&error);
        }
    }

    pub(super) fn request(&mut self) -> u64 {
        self.next_request += 1;
        self.next_request
    }

    /// The batch at a place of the local order: from memory, or from the log. One that cannot be
    /// read stops the agent: to leave it out would lose events without a word.
    pub(super) fn batch(&mut self, local: u64) -> Option<Arc<Batch>> {
        if let Some(batch) = self.batches.find(local) {
            return Some(batch);
        }
        match self.read_batch(local) {
            Ok((batch, bytes)) => {
                self.batches.keep(local, batch.clone(), bytes);
                Some(batch)
            }
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    fn read_batch(&self, local: u64) -> Result<(Arc<Batch>, usize), StoreError> {
        let (table, key) = ("log", local.to_string());
        let Some(signed) = self.store.batch(local)? else {
            return Err(StoreError::Damaged { table, key, reason: "it is not there".to_owned() });
        };
        match Batch::decode(&signed.body) {
            Ok(batch) => Ok((Arc::new(batch), signed.body.len())),
            Err(fault) => Err(StoreError::Damaged { table, key, reason: fault.to_string() }),
        }
    }

    fn refresh_metrics(&self) {
        let stats = self.core.replica().stats();
        self.metrics.duplicates_total(stats.duplicates + stats.suppressed);
        self.metrics.queue_bytes(self.links.queued_bytes());
        self.metrics.members(self.core.replica().members().len().saturating_sub(1));
        self.metrics.divergence(self.core.replica().differs_for(self.clock.now()));
        self.metrics.log_bytes(self.log_bytes);
        self.metrics.root(&self.core.replica().root());
        self.metrics.coordinator(self.coordination.reachable());
    }
}
