//! The replication core of Cairn: membership, dissemination, version vectors, anti-entropy and
//! transfer. No I/O, no clock, no chance of its own.
//!
//! [`Replica::handle`] takes one [`Input`] and the time and appends [`Output`]s: data that say
//! what to send, persist, arm or deliver. Completion comes back as an input, so the order of
//! fsync and send is visible here and testable. The same seed, store and inputs give the same
//! outputs in every process.
//!
//! # Protocol
//! - **Links** are one-way TCP connections that carry [`Frame`]s of at most 64 KiB. Answers go
//!   over the answerer's own link.
//! - **Membership** is SWIM (Das, Gupta, Motivala, DSN 2002) by `foca`, in our frames. Each node
//!   keeps links to a bounded *view*: ring neighbours by node id and some random members.
//! - **Events** stand in streams: (origin, incarnation), sequence numbers from 1. An origin
//!   signs what one group commit made durable as a [`Batch`] and pushes it eagerly to its view;
//!   whoever hears of a batch for the first time passes it on before its own fsync. A batch is
//!   delivered after everything in its causal context, once it is fsynced: *seen* means fsynced.
//! - **Anti-entropy** repairs what the push lost: pulses of two digests find a difference, version
//!   vectors (Parker et al., IEEE TSE 1983) say which events a peer lacks, and a diff of Merkle
//!   tries ([`cairn_merkle`]) says which records. See Demers et al., *Epidemic algorithms for
//!   replicated database maintenance* (PODC 1987).
//! - **Channels** are registers: the directive that is highest by (generation, break-glass,
//!   digest) wins, whole. **Bundles** are kept when a channel's last directives name them or they
//!   are among the newest; their content is pulled by digest from whoever has it, and checked
//!   before it is written, used or passed on.
//!
//! # State
//! Channels, heads and held bundles make the content root; events make the version vector. Both are
//! join-semilattices: merging is commutative, associative and idempotent, so nodes that heard the
//! same things are equal, whatever the order. Equal [root](Replica::root) and equal
//! [vector](Replica::vector) mean equal state.
//!
//! # Absences
//! Nothing here learns what a rule is, reads a clock, draws from the system's randomness, or
//! prunes what it has seen by age. No queue or map grows without a limit of [`Config`] or a
//! constant beside it that says what happens when it is full.

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
pub mod status;
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
pub use status::NodeStatus;
pub use time::Time;
pub use vector::{DotRange, STREAMS_MAX, VersionVector};
pub use verify::{Fault, Sign, Signature, Verify};
