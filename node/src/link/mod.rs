//! TCP between agents.
//!
//! Links are one-way: what this node says leaves on the connection that it dialled, what a peer
//! says arrives on the one that the peer dialled. The first frame on each is a `Hello`. A frame is
//! `[u32 LE length][version][postcard]`; the length is checked before anything is allocated.
//!
//! Nothing waits on a timer: a frame that the core sends is written as soon as the socket takes
//! it, together with whatever else is waiting. A peer that reads too slowly overflows its queue
//! and is dropped; anti-entropy repairs it when the core connects again.

mod error;
mod incoming;
mod outgoing;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cairn_gossip::{Body, Class, Frame, Hello, NodeId};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use error::LinkError;
use queue::Queue;

use crate::agent::StartError;
use crate::telemetry::Metrics;

/// What a link tells the loop.
#[derive(Debug)]
pub enum LinkEvent {
    /// Our connection to a peer is up; its `Hello` is written.
    Connected {
        /// Where.
        peer: SocketAddr,
        /// Which attempt: one that was given up must not speak for its successor.
        attempt: u64,
    },
    /// Our connection to a peer ended, or could not be made.
    Disconnected {
        /// Where.
        peer: SocketAddr,
        /// Which attempt.
        attempt: u64,
        /// Why.
        reason: LinkError,
    },
    /// A peer said something on its connection to us.
    Received {
        /// The peer that its `Hello` named.
        from: NodeId,
        /// Where that peer is dialled, by its `Hello`.
        addr: SocketAddr,
        /// What it said.
        frame: Frame,
    },
}

/// Bounds of the links.
#[derive(Debug, Clone)]
pub struct LinkLimits {
    /// Bytes queued for one peer.
    pub peer_queue_bytes_max: usize,
    /// Bytes queued for all peers. Beyond it a peer that has not read everything is disconnected.
    pub queue_bytes_max: usize,
    /// Connections accepted at once.
    pub incoming_count_max: usize,
    /// Silence before an incoming connection is closed.
    pub idle_timeout: Duration,
    /// Time to connect, to be greeted, and to write one portion.
    pub connect_timeout: Duration,
}

/// Bind the gossip port.
///
/// # Errors
/// [`StartError::NotLoopback`] before anything is bound: frames are not encrypted yet.
pub async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    if !addr.ip().is_loopback() {
        return Err(StartError::NotLoopback { addr });
    }
    let bind = |source| StartError::Bind { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(bind)?;
    let bound = listener.local_addr().map_err(bind)?;
    Ok((listener, bound))
}

/// All links of one agent.
pub struct Links {
    hello: Bytes,
    limits: LinkLimits,
    events: mpsc::Sender<LinkEvent>,
    out: BTreeMap<SocketAddr, Outgoing>,
    next_attempt: u64,
    queued_bytes: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
    accepting: JoinHandle<()>,
}

struct Outgoing {
    attempt: u64,
    up: bool,
    queue: Arc<Queue>,
    kept: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Links {
    /// Accept on `listener` and be ready to dial. `hello` is our first frame on every link; peers
    /// that greet us for another cluster are refused.
    ///
    /// # Errors
    /// A hello that no frame holds.
    pub fn start(
        listener: TcpListener,
        hello: Hello,
        limits: LinkLimits,
        events: mpsc::Sender<LinkEvent>,
        metrics: Arc<Metrics>,
    ) -> Result<Links, LinkError> {
        let expected = incoming::Expected::of(&hello);
        let accepting = tokio::spawn(incoming::accept(
            listener,
            expected,
            limits.clone(),
            events.clone(),
            metrics.clone(),
        ));
        Ok(Links {
            hello: error::encode(&Frame::new(Body::Hello(hello)))?,
            limits,
            events,
            out: BTreeMap::new(),
            next_attempt: 0,
            queued_bytes: Arc::default(),
            metrics,
            accepting,
        })
    }

    /// Dial a peer. Ends in a `Connected` or a `Disconnected`; a link that is up or under way is
    /// left alone.
    pub fn connect(&mut self, peer: SocketAddr) {
        self.queue(peer);
        if let Some(link) = self.out.get(&peer) {
            link.kept.store(true, Ordering::Relaxed);
        }
    }

    /// A link need not be kept any more: it closes itself once it has nothing to say.
    pub fn release(&mut self, peer: SocketAddr) {
        if let Some(link) = self.out.get(&peer) {
            link.kept.store(false, Ordering::Relaxed);
        }
    }

    /// What may be written to a peer from elsewhere than the loop; the peer is dialled for it.
    pub fn queue(&mut self, peer: SocketAddr) -> LinkQueue {
        if let Some(link) = self.out.get(&peer) {
            return LinkQueue(link.queue.clone());
        }
        self.next_attempt += 1;
        let attempt = self.next_attempt;
        let queue = Arc::new(Queue::new(
            self.limits.peer_queue_bytes_max,
            self.queued_bytes.clone(),
            self.limits.queue_bytes_max,
        ));
        let kept = Arc::new(AtomicBool::new(false));
        let link = outgoing::Dial {
            peer,
            attempt,
            hello: self.hello.clone(),
            queue: queue.clone(),
            kept: kept.clone(),
            idle: self.limits.idle_timeout / 2,
            timeout: self.limits.connect_timeout,
            events: self.events.clone(),
        };
        let task = tokio::spawn(link.run());
        self.out.insert(peer, Outgoing { attempt, up: false, queue: queue.clone(), kept, task });
        LinkQueue(queue)
    }

    /// Give up a link. No `Disconnected` follows: the caller knows.
    fn disconnect(&mut self, peer: SocketAddr) {
        if let Some(link) = self.out.remove(&peer) {
            link.task.abort();
        }
    }

    /// Queue a frame; a peer without a link is dialled for it.
    ///
    /// # Errors
    /// [`LinkError::Slow`] when the peer's queue is full; its link is then gone, and the caller
    /// owes the core a `Disconnected`.
    pub fn send(&mut self, peer: SocketAddr, class: Class, frame: &Frame) -> Result<(), LinkError> {
        let bytes = error::encode(frame)?;
        if let Err(full) = self.queue(peer).0.push(class, bytes) {
            self.disconnect(peer);
            self.metrics.link_dropped();
            return Err(LinkError::Slow {
                peer,
                queued_bytes: full.queued_bytes,
                bytes_max: full.bytes_max,
            });
        }
        Ok(())
    }

    /// Whether an event of a link still counts, and keep the books. Call once per event, before
    /// the core hears of it.
    pub fn note(&mut self, event: &LinkEvent) -> bool {
        match event {
            LinkEvent::Connected { peer, attempt } => match self.out.get_mut(peer) {
                Some(link) if link.attempt == *attempt => {
                    link.up = true;
                    true
                }
                _ => false,
            },
            LinkEvent::Disconnected { peer, attempt, .. } => {
                let current = self.out.get(peer).is_some_and(|link| link.attempt == *attempt);
                if current {
                    self.out.remove(peer);
                }
                current
            }
            LinkEvent::Received { .. } => true,
        }
    }

    /// Whether our link to a peer is up.
    pub fn is_up(&self, peer: SocketAddr) -> bool {
        self.out.get(&peer).is_some_and(|link| link.up)
    }

    /// Bytes waiting for all peers.
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }
}

/// The writing end of one link, for tasks that read the disk on behalf of a peer.
pub struct LinkQueue(Arc<Queue>);

impl LinkQueue {
    /// Queue frames in order, up to the first that does not fit: what is dropped is asked for
    /// again.
    pub fn offer(&self, class: Class, frames: &[Frame]) {
        for frame in frames {
            let pushed = error::encode(frame).map(|bytes| self.0.push(class, bytes));
            if !matches!(pushed, Ok(Ok(()))) {
                tracing::debug!("a link is full: the rest waits to be asked for again");
                return;
            }
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.accepting.abort();
        for link in self.out.values() {
            link.task.abort();
        }
    }
}
