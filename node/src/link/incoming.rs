//! Connections that peers dialled: checked before anything is allocated for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_gossip::frame::{PROTOCOL, body_length};
use cairn_gossip::{Body, Frame, Hello};
use cairn_merkle::Digest;
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{LinkError, LinkEvent, LinkLimits};
use crate::telemetry::Metrics;

/// Pause after `accept` failed: the process is out of descriptors, and spinning frees none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a hello must say to be let in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    cluster: Digest,
}

impl Expected {
    pub(super) fn of(own: &Hello) -> Expected {
        Expected { cluster: own.cluster }
    }

    fn check(&self, peer: SocketAddr, frame: Frame) -> Result<Hello, LinkError> {
        let Body::Hello(hello) = frame.body else { return Err(LinkError::NoHello { peer }) };
        if hello.protocol != PROTOCOL {
            let (actual, expected) = (hello.protocol, PROTOCOL);
            return Err(LinkError::OtherProtocol { peer, actual, expected });
        }
        if hello.cluster != self.cluster {
            let (actual, expected) = (hello.cluster, self.cluster);
            return Err(LinkError::OtherCluster { peer, actual, expected });
        }
        Ok(hello)
    }
}

/// Accept until dropped.
pub(super) async fn accept(
    listener: TcpListener,
    expected: Expected,
    limits: LinkLimits,
    events: mpsc::Sender<LinkEvent>,
    metrics: Arc<Metrics>,
) {
    let free = Arc::new(Semaphore::new(limits.incoming_count_max));
    // Dropped with this task, and every connection with it.
    let mut serving = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a gossip connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            Some(_) = serving.join_next() => continue,
        };
        let Ok(place) = free.clone().try_acquire_owned() else {
            let limit = limits.incoming_count_max;
            tracing::warn!(%peer, limit, "gossip connection refused: too many are open");
            continue;
        };
        let (limits, events, metrics) = (limits.clone(), events.clone(), metrics.clone());
        serving.spawn(async move {
            let error = serve(stream, peer, expected, &limits, &events).await;
            if error.is_fault() {
                metrics.frame_refused();
                let hint = error.hint().unwrap_or_default();
                tracing::warn!(%peer, %error, hint, "gossip link closed");
            } else {
                tracing::debug!(%peer, %error, "gossip link ended");
            }
            drop(place);
        });
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    expected: Expected,
    limits: &LinkLimits,
    events: &mpsc::Sender<LinkEvent>,
) -> LinkError {
    let mut stream = BufReader::with_capacity(16 << 10, stream);
    let mut body = Vec::new();
    let greeted = match timeout(limits.connect_timeout, read(&mut stream, peer, &mut body)).await {
        Ok(frame) => frame.and_then(|frame| expected.check(peer, frame)),
        Err(_) => Err(LinkError::Timeout { peer, what: "greet", limit: limits.connect_timeout }),
    };
    let hello = match greeted {
        Ok(hello) => hello,
        Err(error) => return error,
    };
    let (from, addr) = (hello.node, hello.addr);
    loop {
        let frame = match timeout(limits.idle_timeout, read(&mut stream, peer, &mut body)).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => return error,
            Err(_) => {
                return LinkError::Timeout { peer, what: "speak", limit: limits.idle_timeout };
            }
        };
        // A full channel stops reading here, and TCP stops the peer: nothing else is buffered.
        if events.send(LinkEvent::Received { from, addr, frame }).await.is_err() {
            return LinkError::Closed { peer };
        }
    }
}

/// One frame. `body` is reused, so that a quiet link holds one small allocation.
async fn read(
    stream: &mut BufReader<TcpStream>,
    peer: SocketAddr,
    body: &mut Vec<u8>,
) -> Result<Frame, LinkError> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::UnexpectedEof => LinkError::Closed { peer },
        _ => LinkError::Io { peer, what: "read from", source },
    };
    let mut field = [0; 4];
    stream.read_exact(&mut field).await.map_err(failed)?;
    let length = body_length(peer, field)?;
    body.clear();
    body.resize(length, 0);
    stream.read_exact(body).await.map_err(failed)?;
    Ok(Frame::decode(peer, body)?)
}
