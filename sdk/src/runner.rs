//! Where fragments run: wasmtime's sandbox, or the SDK's own interpreter.
//!
//! Both keep 16 pages of memory a fragment and call `eval` on the same two addresses, so all that
//! an evaluator sees of either is bytes and failures.

#[cfg(feature = "wasmtime")]
use cairn_ruleset::layout::{CTX_OFFSET, MEMORY_BYTES, OUT_OFFSET};
#[cfg(feature = "wasmtime")]
use cairn_ruleset::whitelist::COST_MAX;
#[cfg(feature = "wasmtime")]
use wasmtime::{Instance, Memory, Store, TypedFunc};

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

/// One fragment, instantiated.
pub(crate) enum Runner {
    /// Lives in the store of the [`Sandbox`] that made it.
    #[cfg(feature = "wasmtime")]
    Sandboxed {
        memory: Memory,
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
                Ok(Runner::Sandboxed { memory, eval })
            }
        }
    }

    /// A fragment's memory.
    #[inline]
    pub(crate) fn memory<'a>(&'a self, runner: &'a Runner) -> &'a [u8] {
        match runner {
            Runner::Interpreted(machine) => machine.memory(),
            // `instantiate` made the runner from this store, so there is one.
            #[cfg(feature = "wasmtime")]
            Runner::Sandboxed { memory, .. } => {
                self.store.as_ref().map_or(&[], |store| memory.data(store))
            }
        }
    }

    /// A fragment's memory, to be written.
    #[inline]
    pub(crate) fn memory_mut<'a>(&'a mut self, runner: &'a mut Runner) -> &'a mut [u8] {
        match runner {
            Runner::Interpreted(machine) => machine.memory_mut(),
            #[cfg(feature = "wasmtime")]
            Runner::Sandboxed { memory, .. } => {
                self.store.as_mut().map_or(&mut [], |store| memory.data_mut(store))
            }
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
