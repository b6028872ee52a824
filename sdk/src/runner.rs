//! Where fragments run: wasmtime's sandbox, or the SDK's own interpreter.
//!
//! Both keep 16 pages of memory a fragment and call `eval` on the same two addresses, so all that
//! an evaluator sees of either is bytes and failures.

#[cfg(feature = "wasmtime")]
use cairn_ruleset::layout::{CTX_OFFSET, MEMORY_BYTES, OUT_OFFSET};
#[cfg(feature = "wasmtime")]
use cairn_ruleset::whitelist::COST_MAX;
#[cfg(feature = "wasmtime")]
use wasmtime::{Instance, Store, TypedFunc};

#[cfg(feature = "wasmtime")]
use crate::Engine;
use crate::code::Loaded;
use crate::interpreter::{Machine, Trap};
use crate::{Error, Result};

/// Fuel of one evaluation. The whitelist bounds instructions; the engine charges one a piece.
#[cfg(feature = "wasmtime")]
const FUEL: u64 = 2 * COST_MAX;
/// Epochs that one evaluation may see pass.
#[cfg(feature = "wasmtime")]
const EPOCHS: u64 = 2;

/// Why a fragment failed.
#[derive(Debug)]
pub(crate) enum Failure {
    #[cfg(feature = "wasmtime")]
    Sandbox(wasmtime::Error),
    Interpreter(Trap),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            #[cfg(feature = "wasmtime")]
            Failure::Sandbox(error) => write!(f, "{error:#}"),
            Failure::Interpreter(trap) => trap.fmt(f),
        }
    }
}

/// An instance's memory, [`MEMORY_BYTES`] long. Asking the store for it costs two nanoseconds, twice
/// an evaluation.
#[cfg(feature = "wasmtime")]
pub(crate) struct Pages(std::ptr::NonNull<u8>);

// SAFETY: The bytes belong to a store, which is `Send`, and [`Sandbox`] moves with its runners: both
// are private parts of one evaluator. Nothing else ever holds the pointer.
#[cfg(feature = "wasmtime")]
unsafe impl Send for Pages {}
// SAFETY: Through a shared reference the bytes are only read, and they are written only under an
// exclusive reference to the sandbox, the code of its instances included.
#[cfg(feature = "wasmtime")]
unsafe impl Sync for Pages {}

/// One fragment, instantiated.
pub(crate) enum Runner {
    /// Lives in the store of the [`Sandbox`] that made it, and is never given to another one.
    #[cfg(feature = "wasmtime")]
    Sandboxed {
        pages: Pages,
        eval: TypedFunc<(u32, u32), ()>,
    },
    Interpreted(Box<Machine>),
}

/// What all fragments of one thread share: wasmtime's store, when there is an engine.
pub(crate) struct Sandbox {
    #[cfg(feature = "wasmtime")]
    store: Option<Store<()>>,
}

impl Sandbox {
    #[cfg(feature = "wasmtime")]
    pub(crate) fn new(engine: &Engine) -> Sandbox {
        let mut store = Store::new(&engine.inner, ());
        store.epoch_deadline_trap();
        Sandbox { store: Some(store) }
    }

    /// For interpreted fragments only.
    pub(crate) fn none() -> Sandbox {
        Sandbox {
            #[cfg(feature = "wasmtime")]
            store: None,
        }
    }

    /// Makes an instance, its memory all zeros.
    pub(crate) fn instantiate(&mut self, name: &str, loaded: &Loaded) -> Result<Runner> {
        let refuse = |what: &str, reason: String| Error::Sandbox {
            what: format!("{what} of `{name}`"),
            reason,
        };
        match loaded {
            Loaded::Interpreted(module) => Machine::new(module.clone())
                .map(|machine| Runner::Interpreted(Box::new(machine)))
                .ok_or_else(|| refuse("the registers", "there is no room".to_owned())),
            #[cfg(feature = "wasmtime")]
            Loaded::Machine(module) => {
                let Some(store) = &mut self.store else {
                    return Err(refuse("the machine code", "there is no engine".to_owned()));
                };
                let instance = Instance::new(&mut *store, module, &[])
                    .map_err(|error| refuse("an instance", format!("{error:#}")))?;
                let memory = instance
                    .get_memory(&mut *store, "memory")
                    .filter(|memory| memory.data_size(&*store) == MEMORY_BYTES as usize)
                    .ok_or_else(|| refuse("the memory", "it is not 16 pages".to_owned()))?;
                let eval = instance
                    .get_typed_func::<(u32, u32), ()>(&mut *store, "eval")
                    .map_err(|error| refuse("the function", format!("{error:#}")))?;
                let pages = std::ptr::NonNull::new(memory.data_ptr(&*store))
                    .ok_or_else(|| refuse("the memory", "it has no address".to_owned()))?;
                Ok(Runner::Sandboxed { pages: Pages(pages), eval })
            }
        }
    }

    /// The memory of a fragment that [`Sandbox::instantiate`] of this sandbox made.
    #[inline]
    pub(crate) fn memory<'a>(&'a self, runner: &'a Runner) -> &'a [u8] {
        match runner {
            Runner::Interpreted(machine) => machine.memory(),
            // SAFETY: `instantiate` made the runner in this sandbox's store, which keeps every
            // instance for as long as it lives, and `self` is borrowed. It checked the length; a
            // memory never shrinks, and where it lies changes in `memory.grow` alone, which the
            // whitelist proves away and the engine forbids (`memory_may_move`). Nobody writes:
            // instances run under `&mut self` only.
            #[cfg(feature = "wasmtime")]
            Runner::Sandboxed { pages, .. } => unsafe {
                std::slice::from_raw_parts(pages.0.as_ptr(), MEMORY_BYTES as usize)
            },
        }
    }

    /// The same, to be written.
    #[inline]
    pub(crate) fn memory_mut<'a>(&'a mut self, runner: &'a mut Runner) -> &'a mut [u8] {
        match runner {
            Runner::Interpreted(machine) => machine.memory_mut(),
            // SAFETY: As in `memory`; and `self` and `runner` are borrowed exclusively, so nothing
            // reads or writes these bytes while the slice lives, no instance runs, and no other
            // slice of them exists.
            #[cfg(feature = "wasmtime")]
            Runner::Sandboxed { pages, .. } => unsafe {
                std::slice::from_raw_parts_mut(pages.0.as_ptr(), MEMORY_BYTES as usize)
            },
        }
    }

    /// Calls `eval` on the context and the output at their usual places.
    #[inline]
    pub(crate) fn call(&mut self, runner: &mut Runner) -> std::result::Result<(), Failure> {
        match runner {
            Runner::Interpreted(machine) => machine.eval().map_err(Failure::Interpreter),
            #[cfg(feature = "wasmtime")]
            Runner::Sandboxed { eval, .. } => {
                let Some(store) = &mut self.store else { return Ok(()) };
                store.set_epoch_deadline(EPOCHS);
                store
                    .set_fuel(FUEL)
                    .and_then(|()| eval.call(store, (CTX_OFFSET, OUT_OFFSET)))
                    .map_err(Failure::Sandbox)
            }
        }
    }
}
