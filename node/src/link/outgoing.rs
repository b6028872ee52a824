//! Our connection to one peer: dial, greet, then write what the queue holds.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::queue::Queue;
use super::{LinkError, LinkEvent};

/// Frames handed to one vectored write.
const SLICES_MAX: usize = 64;

pub(super) struct Dial {
    pub(super) peer: SocketAddr,
    pub(super) attempt: u64,
    pub(super) hello: Bytes,
    pub(super) queue: Arc<Queue>,
    /// Whether the core wants this link to stay while it has nothing to say.
    pub(super) kept: Arc<AtomicBool>,
    /// Silence after which a link that need not stay is closed.
    pub(super) idle: Duration,
    pub(super) timeout: Duration,
    pub(super) events: mpsc::Sender<LinkEvent>,
}

impl Dial {
    pub(super) async fn run(self) {
        let reason = match self.open().await {
            Ok((read, write)) => {
                let (peer, attempt) = (self.peer, self.attempt);
                if self.events.send(LinkEvent::Connected { peer, attempt }).await.is_err() {
                    return;
                }
                tokio::select! {
                    reason = self.write(write) => reason,
                    reason = closed(self.peer, read) => reason,
                }
            }
            Err(reason) => reason,
        };
        let (peer, attempt) = (self.peer, self.attempt);
        // The loop is gone only when the agent stops: then nobody needs to know.
        let _ = self.events.send(LinkEvent::Disconnected { peer, attempt, reason }).await;
    }

    async fn open(&self) -> Result<(OwnedReadHalf, OwnedWriteHalf), LinkError> {
        let failed = |source| LinkError::Io { peer: self.peer, what: "connect to", source };
        let late = |_| LinkError::Timeout { peer: self.peer, what: "connect", limit: self.timeout };
        let stream = timeout(self.timeout, TcpStream::connect(self.peer))
            .await
            .map_err(late)?
            .map_err(failed)?;
        // What is sent first must leave first: waiting for more to coalesce is our decision.
        stream.set_nodelay(true).map_err(failed)?;
        let (read, mut write) = stream.into_split();
        self.flush(&mut write, &mut [self.hello.clone()]).await?;
        Ok((read, write))
    }

    async fn write(&self, mut stream: OwnedWriteHalf) -> LinkError {
        let mut taken = Vec::new();
        loop {
            // A wait that ends with nothing took nothing.
            if timeout(self.idle, self.queue.take(&mut taken)).await.is_err() {
                if self.kept.load(Ordering::Relaxed) {
                    continue;
                }
                return LinkError::Idle { peer: self.peer };
            }
            if let Err(error) = self.flush(&mut stream, &mut taken).await {
                return error;
            }
        }
    }

    /// Write all of `frames`. Bounded in time: a peer that takes nothing is as good as gone.
    async fn flush(
        &self,
        stream: &mut OwnedWriteHalf,
        mut frames: &mut [Bytes],
    ) -> Result<(), LinkError> {
        while !frames.is_empty() {
            let slices: Vec<IoSlice<'_>> =
                frames.iter().take(SLICES_MAX).map(|frame| IoSlice::new(frame)).collect();
            let written = timeout(self.timeout, stream.write_vectored(&slices))
                .await
                .map_err(|_| LinkError::Timeout {
                    peer: self.peer,
                    what: "write",
                    limit: self.timeout,
                })?
                .map_err(|source| LinkError::Io { peer: self.peer, what: "write to", source })?;
            if written == 0 {
                return Err(LinkError::Closed { peer: self.peer });
            }
            frames = advance(frames, written);
        }
        Ok(())
    }
}

/// Drop `written` bytes from the front; frames that are written whole leave the slice.
fn advance(frames: &mut [Bytes], mut written: usize) -> &mut [Bytes] {
    let mut whole = 0;
    for frame in frames.iter_mut() {
        if written < frame.len() {
            frame.advance(written);
            break;
        }
        written -= frame.len();
        whole += 1;
    }
    &mut frames[whole..]
}

/// Wait until the peer closes. Links are one-way, so it has nothing else to say here.
async fn closed(peer: SocketAddr, mut stream: OwnedReadHalf) -> LinkError {
    let mut byte = [0; 1];
    match stream.read(&mut byte).await {
        Ok(0) => LinkError::Closed { peer },
        Ok(_) => LinkError::WrongWay { peer },
        Err(source) => LinkError::Io { peer, what: "read from", source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_write_leaves_exactly_the_rest() {
        let whole = b"abcdefghij";
        for written in 0..=whole.len() {
            let mut frames = [
                Bytes::from_static(b"abc"),
                Bytes::from_static(b"defg"),
                Bytes::from_static(b"hij"),
            ];
            let rest: Vec<u8> = advance(&mut frames, written).concat();
            assert_eq!(rest, &whole[written..], "{written}");
        }
    }
}
