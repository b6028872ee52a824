//! How a link fails.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use cairn_gossip::{Frame, FrameError};
use cairn_merkle::Digest;
use thiserror::Error;

/// A link ended. What was queued on it is lost; anti-entropy brings it again.
#[derive(Debug, Error)]
pub enum LinkError {
    /// A peer sent what is not a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A peer did not begin with a hello.
    #[error("{peer} began with another frame than a hello")]
    NoHello {
        /// Who.
        peer: SocketAddr,
    },
    /// A peer belongs to another cluster.
    #[error("{peer} belongs to cluster {}, this node to {}", actual.short(), expected.short())]
    OtherCluster {
        /// Who.
        peer: SocketAddr,
        /// Digest of the root key it trusts.
        actual: Digest,
        /// Digest of the root key that this node trusts.
        expected: Digest,
    },
    /// A peer speaks another protocol.
    #[error("{peer} speaks protocol {actual}, this node {expected}")]
    OtherProtocol {
        /// Who.
        peer: SocketAddr,
        /// Its protocol.
        actual: u16,
        /// Ours.
        expected: u16,
    },
    /// A peer reads more slowly than it is told things.
    #[error("{peer} leaves {queued_bytes} bytes unread, limit {bytes_max}")]
    Slow {
        /// Who.
        peer: SocketAddr,
        /// Bytes waiting.
        queued_bytes: usize,
        /// Bytes allowed to wait.
        bytes_max: usize,
    },
    /// A peer wrote on the connection that is ours to write on.
    #[error("{peer} wrote on a link that only carries our frames")]
    WrongWay {
        /// Who.
        peer: SocketAddr,
    },
    /// Something took too long.
    #[error("{peer} took longer than {limit:?} to {what}")]
    Timeout {
        /// Who.
        peer: SocketAddr,
        /// What: `connect`, `write`, `greet`, `speak`.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// We had nothing to say on a link that need not stay.
    #[error("the link to {peer} was idle")]
    Idle {
        /// Who.
        peer: SocketAddr,
    },
    /// The peer closed the connection.
    #[error("{peer} closed the link")]
    Closed {
        /// Who.
        peer: SocketAddr,
    },
    /// A system call failed.
    #[error("cannot {what} {peer}")]
    Io {
        /// Who.
        peer: SocketAddr,
        /// The attempted action, as a verb.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl LinkError {
    /// Whether the other side broke a rule, rather than the network or its patience.
    pub fn is_fault(&self) -> bool {
        matches!(
            self,
            LinkError::Frame(_)
                | LinkError::NoHello { .. }
                | LinkError::OtherCluster { .. }
                | LinkError::OtherProtocol { .. }
                | LinkError::WrongWay { .. }
        )
    }

    /// What to do now.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            LinkError::Frame(error) => Some(error.hint()),
            LinkError::NoHello { .. } | LinkError::WrongWay { .. } => {
                Some("the other side is not a Cairn agent, or is broken")
            }
            LinkError::OtherCluster { .. } => {
                Some("check that both agents were given the same root.pub, and the seed addresses")
            }
            LinkError::OtherProtocol { .. } => Some("update the older of the two agents"),
            _ => None,
        }
    }
}

/// Encode a frame of ours. Its size is bounded by the cores; an error is a bug of ours.
pub(super) fn encode(frame: &Frame) -> Result<Bytes, LinkError> {
    let own = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    Ok(frame.encode(own)?)
}
