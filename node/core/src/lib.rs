//! The agent's decisions without I/O: consumers, activation, and the replica they stand on.
//!
//! [`Agent::handle`] takes one thing that happened ([`Input`]) and says what to do ([`Output`]).
//! Time, chance, disk and network are arguments and data: the same struct runs under tokio in
//! the binary and under a seeded event queue in the simulation.
//!
//! - A *consumer* has a durable cursor that moves on acks only ([`Input::Ack`]); a *session*
//!   streams what the cursor does not cover, in the node's causal local order.
//! - A *channel* goes from a directive to a live version step by step; see
//!   [`Pointers`].
//!
//! What is not here: payloads (a [`Delivery`] names a place in the node's log), bundle contents
//! (the shell stages them and says whether that worked), sockets, files, clocks.

mod activation;
mod agent;
mod config;
mod consumer;
mod cursor;
mod error;
mod input;
mod log;
mod output;
mod status;

pub use activation::{ActivationRecord, Pointers};
pub use agent::{Agent, Recovered};
pub use config::Config;
#[doc(hidden)]
pub use config::Defects;
pub use error::ConsumerError;
pub use input::{Input, NAME_BYTES_MAX, SessionId, StageFault, TOPICS_MAX};
pub use output::{Delivery, Output, Ticket, Write};
pub use status::{ChannelStatus, ConsumerStatus, Rejection, Status};
