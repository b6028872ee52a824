//! Everything that can happen to a running agent.

use bytes::Bytes;
use cairn_gossip::{BlobRef, BundleHead, ChannelRecord, EventKey, VersionVector};
use cairn_merkle::Digest;
use tokio::sync::oneshot;

use super::error::{AddBundleError, ConsumeError, ProposeError, PublishError};
use super::request::{ConsumeReply, ConsumeRequest, PublishEvent, Published, Readiness, Status};
use crate::coordinator::{Leadership, Revision, WatchEvent};
use crate::link::LinkEvent;
use crate::stage::Staged;
use crate::store::Done;

/// One thing that happened; the loop takes them one at a time.
pub(crate) enum Event {
    /// A caller asks something.
    Request(Request),
    /// A link has news.
    Link(LinkEvent),
    /// The writer finished a group.
    Disk(Done),
    /// A bundle went through staging.
    Staged {
        channel: String,
        generation: u64,
        digest: Digest,
        result: Result<Staged, cairn_core::StageFault>,
    },
    /// An envelope that a peer sent was checked.
    EnvelopeOpened { digest: Digest, result: Result<Vec<BlobRef>, String> },
    /// The coordinator has news.
    Coordinator(WatchEvent),
    /// Writing a record back to the coordinator ended.
    WrittenBack { channel: String, expected: Option<Revision> },
    /// What stands at the coordinator under a channel whose value is not ours.
    CorruptAt { channel: String, revision: Revision },
    /// Who leads.
    Leadership(Leadership),
    /// A consumer was dropped.
    SessionDropped(cairn_core::SessionId),
    /// Stop.
    Shutdown,
}

/// What a handle asks of the loop. A dropped answer means that the agent stopped.
pub(crate) enum Request {
    Publish {
        event: PublishEvent,
        trace: Option<String>,
        reply: oneshot::Sender<Result<Published, PublishError>>,
    },
    Consume {
        request: ConsumeRequest,
        reply: oneshot::Sender<ConsumeReply>,
    },
    Ack {
        name: String,
        cursor: VersionVector,
        reply: oneshot::Sender<Result<(), ConsumeError>>,
    },
    AddBundle {
        head: Box<BundleHead>,
        envelope: Bytes,
        blobs: Vec<(Digest, Bytes)>,
        refs: Vec<BlobRef>,
        trace: Option<String>,
        reply: oneshot::Sender<Result<(), AddBundleError>>,
    },
    Propose {
        record: ChannelRecord,
        channel: String,
        trace: Option<String>,
        reply: oneshot::Sender<Result<(), ProposeError>>,
    },
    Record {
        channel: String,
        reply: oneshot::Sender<Option<ChannelRecord>>,
    },
    KnownKeys {
        keys: Vec<EventKey>,
        reply: oneshot::Sender<Vec<bool>>,
    },
    Status {
        reply: oneshot::Sender<Status>,
    },
    Readiness {
        reply: oneshot::Sender<Readiness>,
    },
}
