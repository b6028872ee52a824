//! Frames: what travels between two agents.
//!
//! On the wire a frame is `[u32 LE length][u8 version = 1][postcard Frame]`, the length counting
//! the version byte and the rest. The length is checked before anything is allocated.
//!
//! Links are one-way: our connection to a peer carries our frames, the peer's connection to us
//! carries the peer's. The first frame on each is [`Body::Hello`], written and consumed by the
//! shell; everything after it goes through [`crate::Replica`].

use std::net::SocketAddr;

use bytes::Bytes;
use cairn_merkle::{Digest, Prefix};
use serde::{Deserialize, Serialize};

use crate::directive::ChannelRecord;
use crate::event::SignedBatch;
use crate::head::{BundleHead, BundleRef};
use crate::id::{NodeId, Stream};
use crate::status::NodeStatus;
use crate::vector::VersionVector;

/// Most bytes that a frame's length field may announce. A longer frame is refused unread and the
/// connection is closed.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// The frame version that this crate reads and writes.
pub const FRAME_VERSION: u8 = 1;
/// Most bytes of a trace context (a W3C `traceparent` is 55). A longer one is refused.
pub const TRACE_BYTES_MAX: usize = 64;
/// Protocol that [`Hello`] announces; peers of another one are refused.
pub const PROTOCOL: u16 = 1;
/// Most bytes of batches that one [`Body::Events`] is packed with.
pub const EVENTS_BYTES_MAX: usize = 56 * 1024;
/// Most bytes of content in one [`Body::BlobTell`].
pub const CHUNK_BYTES_MAX: u32 = 32 * 1024;

/// Bytes from a peer that are not a frame. Our state is unchanged; the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The announced length is beyond the limit; nothing was allocated for it.
    #[error("frame from {peer} is {actual_bytes} bytes, limit {frame_bytes_max}")]
    TooLarge {
        /// Who sent it.
        peer: SocketAddr,
        /// What its length field says.
        actual_bytes: u64,
        /// [`FRAME_BYTES_MAX`].
        frame_bytes_max: usize,
    },
    /// A frame without a version byte.
    #[error("frame from {peer} is empty")]
    Empty {
        /// Who sent it.
        peer: SocketAddr,
    },
    /// A frame of another version than we read.
    #[error("frame from {peer} has version {actual}, this node reads {supported}")]
    UnknownVersion {
        /// Who sent it.
        peer: SocketAddr,
        /// The version given.
        actual: u8,
        /// [`FRAME_VERSION`].
        supported: u8,
    },
    /// The version is ours but the rest is not a frame.
    #[error("frame of {actual_bytes} bytes from {peer} is malformed: {reason}")]
    Malformed {
        /// Who sent it.
        peer: SocketAddr,
        /// Its length.
        actual_bytes: usize,
        /// What the decoder said.
        reason: String,
    },
}

impl FrameError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            FrameError::TooLarge { .. } | FrameError::Empty { .. } => {
                "the other side is not a Cairn agent, or something between damages the stream"
            }
            FrameError::UnknownVersion { .. } => {
                "the two agents run incompatible releases: update the older one"
            }
            FrameError::Malformed { .. } => {
                "the other side is broken or runs an incompatible release; it is redialled"
            }
        }
    }
}

/// One message and the trace it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// W3C `traceparent` of what caused it; travels with events, directives and blobs.
    pub trace: Option<String>,
    /// The message.
    pub body: Body,
}

/// Who opens a connection. The receiver closes it unless cluster and protocol are its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Digest of the root key that the cluster trusts.
    pub cluster: Digest,
    /// [`PROTOCOL`].
    pub protocol: u16,
    /// The sender.
    pub node: NodeId,
    /// Where the sender listens: answers go there.
    pub addr: SocketAddr,
    /// The sender's name, for people.
    pub name: String,
}

/// A run of a version vector's entries that fits a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VectorPage {
    /// The page covers the streams after this one; absent: from the first.
    pub after: Option<Stream>,
    /// The page covers the streams up to and including this one; absent: to the last.
    pub through: Option<Stream>,
    /// The entries in that range. A stream of the range without an entry is at 0.
    pub entries: VersionVector,
}

/// A record that a trie difference asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The register of a channel.
    Channel(ChannelRecord),
    /// A bundle that the sender holds in full.
    Bundle(BundleHead),
    /// A bundle that the sender holds in full because a channel names it; it knows no head.
    Named(BundleRef),
    /// The head of a bundle that the sender keeps, and may not hold.
    Head(BundleHead),
}

/// The messages. Append-only: the position of a variant is its wire format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// First on every connection; the shell's business.
    Hello(Hello),
    /// A foca packet.
    Swim(Bytes),
    /// The heartbeat of anti-entropy: two digests. Whoever sees a difference acts.
    Pulse {
        /// Content root.
        root: Digest,
        /// [`VersionVector::digest`].
        vector: Digest,
    },
    /// What the sender has durably, one page of it.
    Summary {
        /// Content root.
        root: Digest,
        /// Part of the vector.
        page: VectorPage,
        /// Whether the receiver should answer with its own page when the sender has more.
        reply: bool,
    },
    /// Event batches, each [`SignedBatch`] as its origin signed it.
    Events {
        /// In stream order.
        batches: Vec<SignedBatch>,
        /// Sent because the receiver lacked them, not because they are new: not relayed, and
        /// acknowledged with [`Body::Durable`].
        repair: bool,
        /// The sender wants a [`Body::Durable`] once they are.
        ack: bool,
    },
    /// A channel's register.
    Channel(ChannelRecord),
    /// A bundle exists and the sender holds or fetches it.
    Head(BundleHead),
    /// Asks for the summaries of these trie nodes.
    TrieAsk {
        /// The root the asker is comparing with.
        root: Digest,
        /// Which nodes.
        prefixes: Vec<Prefix>,
    },
    /// The answer to [`Body::TrieAsk`].
    TrieTell {
        /// The root the summaries were taken from; another one than asked ends the session.
        root: Digest,
        /// In the order asked.
        summaries: Vec<cairn_merkle::Summary>,
    },
    /// Asks for the records behind these trie keys.
    RecordAsk {
        /// Which keys.
        keys: Vec<Digest>,
    },
    /// The answer to [`Body::RecordAsk`]; what is gone is left out.
    RecordTell {
        /// The records.
        records: Vec<Record>,
    },
    /// Asks for a piece of content.
    BlobAsk {
        /// Of a bundle's envelope or of a blob.
        digest: Digest,
        /// From this byte on.
        offset: u32,
        /// At most [`CHUNK_BYTES_MAX`].
        length: u32,
    },
    /// The answer to [`Body::BlobAsk`].
    BlobTell {
        /// Which content.
        digest: Digest,
        /// Its whole length.
        total: u32,
        /// Where these bytes stand.
        offset: u32,
        /// The bytes.
        bytes: Bytes,
    },
    /// The sender does not have it and is not about to.
    BlobNone {
        /// Which content.
        digest: Digest,
    },
    /// The sender now holds this bundle in full.
    Have {
        /// Which bundle.
        digest: Digest,
    },
    /// Everything of the stream up to here is durable at the sender.
    Durable {
        /// Which stream.
        stream: Stream,
        /// Up to which sequence number.
        seq: u64,
    },
    /// What nodes say about themselves: at most [`crate::status::STATUSES_MAX`] records that the
    /// sender has news of, or, on a new connection, knows.
    Status(Vec<NodeStatus>),
}

impl Frame {
    /// A frame without a trace.
    pub fn new(body: Body) -> Frame {
        Frame { trace: None, body }
    }

    /// The whole frame with its length, ready to be written.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] names our own address when we made a frame that no peer reads:
    /// the senders in this crate keep below the limit.
    pub fn encode(&self, own: SocketAddr) -> Result<Bytes, FrameError> {
        let head = vec![0, 0, 0, 0, FRAME_VERSION];
        let mut bytes = postcard::to_extend(self, head).map_err(|e| FrameError::Malformed {
            peer: own,
            actual_bytes: 0,
            reason: e.to_string(),
        })?;
        let length = bytes.len() - 4;
        let announced = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        bytes[..4].copy_from_slice(&announced);
        body_length(own, announced)?;
        Ok(Bytes::from(bytes))
    }

    /// Decodes what follows the length field.
    ///
    /// # Errors
    /// A [`FrameError`] with the peer and the values. Never panics, allocates at most a small
    /// multiple of `body`.
    pub fn decode(peer: SocketAddr, body: &[u8]) -> Result<Frame, FrameError> {
        let actual_bytes = body.len();
        if actual_bytes > FRAME_BYTES_MAX {
            return Err(too_large(peer, actual_bytes as u64));
        }
        let (version, rest) = body.split_first().ok_or(FrameError::Empty { peer })?;
        if *version != FRAME_VERSION {
            let (actual, supported) = (*version, FRAME_VERSION);
            return Err(FrameError::UnknownVersion { peer, actual, supported });
        }
        let malformed = |reason: String| FrameError::Malformed { peer, actual_bytes, reason };
        let (frame, rest) =
            postcard::take_from_bytes::<Frame>(rest).map_err(|e| malformed(e.to_string()))?;
        if !rest.is_empty() {
            return Err(malformed(format!("{} bytes after its end", rest.len())));
        }
        match &frame.trace {
            Some(trace) if trace.len() > TRACE_BYTES_MAX => Err(malformed(format!(
                "trace context of {} bytes, limit {TRACE_BYTES_MAX}",
                trace.len()
            ))),
            _ => Ok(frame),
        }
    }

    /// Takes the first whole frame off `buffer`: the frame and how many bytes it took, or `None`
    /// until more arrived.
    ///
    /// # Errors
    /// As [`Frame::decode`]; a length beyond the limit is refused as soon as its field is there.
    pub fn take(peer: SocketAddr, buffer: &[u8]) -> Result<Option<(Frame, usize)>, FrameError> {
        let Some((head, rest)) = buffer.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = body_length(peer, *head)?;
        match rest.get(..length) {
            Some(body) => Ok(Some((Frame::decode(peer, body)?, 4 + length))),
            None => Ok(None),
        }
    }
}

/// Checks a frame's length field: how many bytes to read after it.
///
/// # Errors
/// [`FrameError::TooLarge`] or [`FrameError::Empty`], before anything is allocated.
pub fn body_length(peer: SocketAddr, field: [u8; 4]) -> Result<usize, FrameError> {
    let actual_bytes = u64::from(u32::from_le_bytes(field));
    match usize::try_from(actual_bytes) {
        Ok(0) => Err(FrameError::Empty { peer }),
        Ok(length) if length <= FRAME_BYTES_MAX => Ok(length),
        _ => Err(too_large(peer, actual_bytes)),
    }
}

fn too_large(peer: SocketAddr, actual_bytes: u64) -> FrameError {
    FrameError::TooLarge { peer, actual_bytes, frame_bytes_max: FRAME_BYTES_MAX }
}

/// Packs batches into as few [`Body::Events`] as keep below the frame limit, in order.
pub fn pack_events(
    batches: impl IntoIterator<Item = SignedBatch>,
    repair: bool,
    ack: bool,
    trace: Option<&str>,
) -> Vec<Frame> {
    let frame = |batches| Frame {
        trace: trace.map(str::to_owned),
        body: Body::Events { batches, repair, ack },
    };
    let (mut frames, mut packed, mut packed_bytes) = (Vec::new(), Vec::new(), 0);
    for batch in batches {
        let bytes = batch.encoded_bytes_max();
        if !packed.is_empty() && packed_bytes + bytes > EVENTS_BYTES_MAX {
            frames.push(frame(std::mem::take(&mut packed)));
            packed_bytes = 0;
        }
        packed_bytes += bytes;
        packed.push(batch);
    }
    if !packed.is_empty() {
        frames.push(frame(packed));
    }
    frames
}
