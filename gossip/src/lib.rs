//! The replication core: membership, dissemination, version vectors, anti-entropy, transfer. No
//! I/O, no clock, no chance of its own: the same inputs give the same outputs.

mod anti_entropy;
mod bundles;
mod channel;
pub mod config;
mod content;
mod core;
mod diff;
pub mod directive;
pub mod event;
mod events;
mod fetch;
pub mod frame;
mod fx;
pub mod head;
pub mod id;
pub mod input;
mod journal;
mod log;
mod membership;
pub mod output;
mod publish;
mod receive;
mod records;
pub mod recovered;
pub mod replica;
mod serve;
pub mod stats;
pub mod time;
mod transfer;
pub mod vector;
pub mod verify;
mod view;
mod window;

pub use bundles::BundleProgress;
pub use config::Config;
#[doc(hidden)]
pub use config::Defects;
pub use directive::{ChannelRecord, Directive, Rollout, SignedDirective};
pub use event::{Batch, Event, EventKey, SignedBatch};
pub use frame::{Body, Frame, FrameError, Hello};
pub use head::{BlobRef, BundleHead, BundleRef};
pub use id::{Dot, NodeId, Origin, Stream};
pub use input::{Input, Level, Publish, Token};
pub use log::Located;
pub use membership::Member;
pub use output::{Alarm, Class, Output, ProposeError, PublishError, Published, Write};
pub use recovered::{BatchHeader, HeldBundle, Recovered};
pub use replica::Replica;
pub use serve::piece;
pub use stats::Stats;
pub use time::Time;
pub use vector::{DotRange, STREAMS_MAX, VersionVector};
pub use verify::{Fault, Sign, Signature, Verify};
