//! The replication core: membership, dissemination, version vectors, anti-entropy, transfer. No
//! I/O, no clock, no chance of its own: the same inputs give the same outputs.

pub mod config;
pub mod directive;
pub mod event;
pub mod frame;
pub mod head;
pub mod id;
pub mod input;
pub mod output;
pub mod recovered;
pub mod replica;
pub mod stats;
pub mod time;
pub mod vector;
pub mod verify;

pub use config::Config;
#[doc(hidden)]
pub use config::Defects;
pub use directive::{ChannelRecord, Directive, Rollout, SignedDirective};
pub use event::{Batch, Event, EventKey, SignedBatch};
pub use frame::{Body, Frame, FrameError, Hello};
pub use head::{BlobRef, BundleHead, BundleRef};
pub use id::{Dot, NodeId, Origin, Stream};
pub use input::{Input, Level, Publish, Token};
pub use output::{Alarm, Class, Output, ProposeError, PublishError, Published, Write};
pub use recovered::{BatchHeader, HeldBundle, Recovered};
pub use replica::{BundleProgress, Located, Member, Replica};
pub use stats::Stats;
pub use time::Time;
pub use vector::{DotRange, STREAMS_MAX, VersionVector};
pub use verify::{Fault, Sign, Signature, Verify};
