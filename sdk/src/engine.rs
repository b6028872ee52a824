//! The sandbox's engine: its one configuration, and the name of the machine code it accepts.

use crate::{Error, Result};

/// Version of [`config`]; a change here is a new cache directory.
const CONFIG_VERSION: u32 = 1;

/// Bytes of a fragment's memory, reserved and never moved.
const MEMORY_BYTES: u64 = 1 << 20;

/// The one configuration that machine code is compiled for and run under.
///
/// The compiling side (`cairn __compile`, a process of its own, because a compiler costs 10 MB)
/// adds nothing but the compiler itself. No signal handlers, so a game's crash reporter is left
/// alone; a reservation of 1 MiB instead of gigabytes of address space; fuel and epochs stay on
/// although the whitelist already proves termination: they are belts.
#[must_use]
pub fn config() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config
        .signals_based_traps(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .memory_reservation(MEMORY_BYTES)
        .memory_reservation_for_growth(0)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .memory_may_move(false)
        .memory_init_cow(false)
        .native_unwind_info(false)
        .generate_address_map(false)
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_bulk_memory(false)
        .wasm_multi_value(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .max_wasm_stack(256 << 10);
    config
}

/// Runs fragments. Cheap to clone; one per process is enough.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: wasmtime::Engine,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("key", &Engine::key()).finish()
    }
}

impl Engine {
    /// An engine with [`config`].
    ///
    /// # Errors
    /// The machine lacks something that the configuration wants.
    pub fn new() -> Result<Engine> {
        let inner = wasmtime::Engine::new(&config()).map_err(|error| Error::Sandbox {
            what: "its configuration".to_owned(),
            reason: format!("{error:#}"),
        })?;
        Ok(Engine { inner })
    }

    /// Names the machine code that this engine accepts: a directory below `STATE/code`.
    #[must_use]
    pub fn key() -> String {
        let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
        format!("wasmtime48-{arch}-{os}-{CONFIG_VERSION}")
    }

    /// Ends evaluations that run for two calls of this; a host may call it from a timer of some
    /// milliseconds. Without such a timer the fuel alone bounds an evaluation.
    pub fn advance_epoch(&self) {
        self.inner.increment_epoch();
    }
}
