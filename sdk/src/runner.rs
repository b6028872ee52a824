//! Where fragments run: wasmtime's sandbox, or the SDK's own interpreter.
//!
//! Both keep 16 pages of memory a fragment and call `eval` on the same two addresses, so all that
//! an evaluator sees of either is bytes and failures.

use cairn_ruleset::layout::{ABI, CTX_OFFSET, MEMORY_BYTES, OUT_OFFSET, PARAMS_OFFSET};
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
    /// The context is too short, or of another layout.
    Context {
        actual_bytes: usize,
        needed_bytes: usize,
    },
    #[cfg(feature = "wasmtime")]
    Sandbox(wasmtime::Error),
    Interpreter(Trap),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Context { actual_bytes, needed_bytes } => {
                write!(f, "a context of {actual_bytes} bytes, {needed_bytes} are needed")
            }
            #[cfg(feature = "wasmtime")]
            Failure::Sandbox(error) => write!(f, "{error:#}"),
            Failure::Interpreter(trap) => trap.fmt(f),
        }
    }
}

/// How much of its memory one evaluation of a fragment touches, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) context: usize,
    pub(crate) out: usize,
}

impl Extent {
    /// Whether both lie where [`cairn_ruleset::layout`] has room for them.
    fn fits(self) -> bool {
        self.context <= (OUT_OFFSET - CTX_OFFSET) as usize
            && self.out <= (MEMORY_BYTES - OUT_OFFSET) as usize
    }
}

/// An instance's memory, [`MEMORY_BYTES`] long. Asking the store for it costs two nanoseconds, twice
/// an evaluation.
#[cfg(feature = "wasmtime")]
struct Pages(std::ptr::NonNull<u8>);

// SAFETY: The bytes belong to a store, which is `Send`, and [`Sandbox`] moves with its runners: both
// are private parts of one evaluator. Nothing else ever holds the pointer.
#[cfg(feature = "wasmtime")]
unsafe impl Send for Pages {}
// SAFETY: Through a shared reference there is no way to the bytes.
#[cfg(feature = "wasmtime")]
unsafe impl Sync for Pages {}

#[cfg(feature = "wasmtime")]
impl Pages {
    /// Some of the bytes.
    ///
    /// # Safety
    /// `start + bytes` is at most [`MEMORY_BYTES`]. The sandbox whose store the pages belong to is
    /// borrowed exclusively for as long as the slice lives, so that no instance runs and no other
    /// slice exists.
    ///
    /// `instantiate` checked the memory's length; a memory never shrinks, and where it lies changes
    /// in `memory.grow` alone, which the whitelist proves away and the engine forbids
    /// (`memory_may_move`). The store keeps every instance for as long as it lives.
    #[inline]
    unsafe fn slice_mut(&mut self, start: usize, bytes: usize) -> &mut [u8] {
        // SAFETY: As above.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_ptr().add(start), bytes) }
    }
}

/// One fragment, instantiated.
pub(crate) struct Runner {
    /// Checked by [`Sandbox::instantiate`], the only maker.
    extent: Extent,
    code: Ready,
}

enum Ready {
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
    pub(crate) fn instantiate(
        &mut self,
        name: &str,
        loaded: &Loaded,
        extent: Extent,
    ) -> Result<Runner> {
        let refuse = |what: &str, reason: String| Error::Sandbox {
            what: format!("{what} of `{name}`"),
            reason,
        };
        if !extent.fits() {
            let Extent { context, out } = extent;
            let reason = format!("{context} bytes of context and {out} of output do not fit it");
            return Err(refuse("the memory", reason));
        }
        let code = match loaded {
            Loaded::Interpreted(module) => Machine::new(module.clone())
                .map(|machine| Ready::Interpreted(Box::new(machine)))
                .ok_or_else(|| refuse("the registers", "there is no room".to_owned()))?,
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
                Ready::Sandboxed { pages: Pages(pages), eval }
            }
        };
        Ok(Runner { extent, code })
    }

    /// So many bytes of the parameter page of a fragment that [`Sandbox::instantiate`] of this
    /// sandbox made, or all of the page when there are fewer.
    pub(crate) fn params_mut<'a>(
        &'a mut self,
        runner: &'a mut Runner,
        bytes: usize,
    ) -> &'a mut [u8] {
        let start = PARAMS_OFFSET as usize;
        let end = start + bytes.min((CTX_OFFSET - PARAMS_OFFSET) as usize);
        match &mut runner.code {
            Ready::Interpreted(machine) => machine.memory_mut().get_mut(start..end),
            // SAFETY: See `Pages::slice_mut`; the page lies within the memory.
            #[cfg(feature = "wasmtime")]
            Ready::Sandboxed { pages, .. } => Some(unsafe { pages.slice_mut(start, end - start) }),
        }
        .unwrap_or_default()
    }

    /// Copies a context in, calls `eval` on it and hands out what that wrote. The context is as long
    /// as the fragment reads, or longer.
    #[inline(always)]
    pub(crate) fn eval<'a>(
        &'a mut self,
        runner: &'a mut Runner,
        context: &[u8],
    ) -> std::result::Result<&'a mut [u8], Failure> {
        let Extent { context: read, out: written } = runner.extent;
        let known = context.first_chunk() == Some(&ABI.to_le_bytes());
        let Some(source) = context.get(..read).filter(|_| known) else {
            let (actual_bytes, needed_bytes) = (context.len(), read);
            return Err(Failure::Context { actual_bytes, needed_bytes });
        };
        match &mut runner.code {
            Ready::Interpreted(machine) => {
                machine.eval_on(source, written).map_err(Failure::Interpreter)
            }
            #[cfg(feature = "wasmtime")]
            Ready::Sandboxed { pages, eval } => {
                let Some(store) = &mut self.store else { return Ok(&mut []) };
                // SAFETY: See `Pages::slice_mut`; `instantiate` checked the extent.
                unsafe { pages.slice_mut(CTX_OFFSET as usize, read) }.copy_from_slice(source);
                store.set_epoch_deadline(EPOCHS);
                store
                    .set_fuel(FUEL)
                    .and_then(|()| eval.call(store, (CTX_OFFSET, OUT_OFFSET)))
                    .map_err(Failure::Sandbox)?;
                // SAFETY: As above, and the instance has returned.
                Ok(unsafe { pages.slice_mut(OUT_OFFSET as usize, written) })
            }
        }
    }
}
