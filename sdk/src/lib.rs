//! How a game reads its rules: a mapped image, pinned versions, in-process evaluation.
//!
//! No tokio, no compiler, no network. [`Reader`] maps what the agent on the same machine activated;
//! [`Reader::tick`], called once a frame, is one atomic load while nothing changed;
//! [`Reader::pin`] hands out one [`Version`], which stays whole and mapped for as long as it is
//! held. [`Evaluator`] runs a version's rules in a sandbox: one per thread, about 15 ns a crossing
//! and no allocation on [`Evaluator::eval_raw`].
//!
//! ```no_run
//! use cairn_sdk::{Code, Context, Engine, Evaluator, Outcome, Pity, Reader};
//! # fn main() -> Result<(), cairn_sdk::Error> {
//! let state = std::path::Path::new("/var/lib/cairn");
//! let mut reader = Reader::open(state, "treasure_hunt/prod")?;
//! let engine = Engine::new()?;
//! let version = reader.pin();
//! let code = Code::open(&engine, state, &version)?;
//! let mut evaluator = Evaluator::new(&engine, &version, &code)?;
//! let mut context = Context::for_trigger(&version, "boss_kill")?;
//! context.set_text("zone", "crypt")?;
//! context.set_named("level", 50)?;
//! context.set_named("party", 3)?;
//! context.seed(7).player(1);
//! context.now_ms(1_700_000_000_000)?;
//! let mut outcome = Outcome::new();
//! evaluator.eval(&context, &mut outcome)?;
//! // What the player has waited for so far, from wherever the player is kept.
//! let mut pity = Pity::new(&version);
//! pity.set(&version, "crypt_rare", "lich_crown", 49)?;
//! let mut drops = Vec::new();
//! for emitted in outcome.emitted(&version) {
//!     if let Some(loot) = &emitted.loot {
//!         version.roll_request(loot, &mut pity, &mut drops)?;
//!     }
//! }
//! for (table, entry, misses) in pity.iter(&version) {
//!     println!("keep {misses} for {table}.{entry}");
//! }
//! if reader.tick()? {
//!     // A new version is live: pin it, load its code, make a new evaluator.
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where games run
//! A rule set may give a parameter other values by zone and shard. [`Reader::open_at`] and
//! [`Version::open_at`] take a [`Scope`]; the values are resolved once, when a version is loaded, so
//! [`Version::param_raw`] stays an index into a page and an evaluation costs what it did.
//! [`Evaluator::relocate`] moves an evaluator to another place, for a host of several shards.
//!
//! # Without a code generator
//! [`Evaluator::interpreted`] runs a version on the SDK's own interpreter: no agent, no machine
//! code, no engine, the same outcomes bit for bit, at the price of some ten nanoseconds a condition.
//! [`Code::open_or_interpret`] uses it for whatever the agent has no machine code for. Leave out the
//! default feature `wasmtime` for a host that cannot map executable memory.
//!
//! `unsafe` stands in `map.rs` (mapping files), `code/machine.rs` (loading machine code) and
//! `runner.rs` (where an instance's memory lies) alone.

mod code;
mod context;
mod counter;
#[cfg(feature = "wasmtime")]
pub mod engine;
mod error;
mod evaluator;
mod interpreter;
pub mod live;
mod map;
mod outcome;
mod pity;
mod private;
mod reader;
mod runner;
mod version;

pub use cairn_merkle::Digest;
pub use cairn_ruleset::ir::{Audience, On, OnFault, Slot, Type};
pub use cairn_ruleset::loot::{Drop, Roll};
pub use cairn_ruleset::page::Page;
pub use cairn_ruleset::pity::PityError;
pub use cairn_ruleset::scope::{Origin, Scope, ScopeError};
pub use cairn_ruleset::value::Value;
pub use code::Code;
#[cfg(feature = "wasmtime")]
pub use code::{path as code_path, seal as seal_code};
pub use context::Context;
pub use counter::{BUCKETS, Window};
#[cfg(feature = "wasmtime")]
pub use engine::Engine;
pub use error::Error;
pub use evaluator::Evaluator;
pub use map::ImageBytes;
pub use outcome::{Emitted, LootRequest, Outcome};
pub use pity::Pity;
pub use reader::Reader;
pub use version::Version;

/// What calls of this crate return.
pub type Result<T> = std::result::Result<T, Error>;
