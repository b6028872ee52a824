//! Runs compact code: one loop over three-address operations.

use std::sync::Arc;

use cairn_ruleset::layout::{CTX_OFFSET, MEMORY_BYTES, OUT_OFFSET};

use super::op::{REGISTERS, Register, What};
use super::translate::Module;

/// Why an evaluation has no result. The words are those of WebAssembly's specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trap {
    /// A divisor was zero.
    #[error("integer divide by zero")]
    DivideByZero,
    /// The one quotient that does not fit.
    #[error("integer overflow")]
    Overflow,
    /// An address outside the 16 pages.
    #[error("out of bounds memory access at {address}, memory is {MEMORY_BYTES} bytes")]
    OutOfBounds {
        /// Where.
        address: u64,
    },
}

type Registers = [u64; REGISTERS];

/// One fragment, ready to run on one thread: 1 MiB of memory and half a MiB of registers, of which
/// the system hands out only the pages that are touched.
#[derive(Debug)]
pub(crate) struct Machine {
    module: Arc<Module>,
    registers: Box<Registers>,
    memory: Box<[u8]>,
    /// Where open calls go on; its capacity is the module's depth.
    returns: Vec<u32>,
}

impl Machine {
    /// `None` when memory for the registers is not to be had in one piece.
    pub(crate) fn new(module: Arc<Module>) -> Option<Machine> {
        let registers = vec![0u64; REGISTERS].into_boxed_slice();
        let mut registers: Box<Registers> = registers.try_into().ok()?;
        registers.get_mut(..module.constants.len())?.copy_from_slice(&module.constants);
        let memory = vec![0u8; MEMORY_BYTES as usize].into_boxed_slice();
        let returns = Vec::with_capacity(module.depth);
        Some(Machine { module, registers, memory, returns })
    }

    /// How many operations the module has.
    #[cfg(test)]
    pub(super) fn operations(&self) -> usize {
        self.module.ops.len()
    }

    pub(crate) fn memory_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// Copies a context to its place, calls [`Machine::eval`] and hands out so many bytes of the
    /// output; nothing of what does not fit there.
    ///
    /// # Errors
    /// See [`Trap`].
    pub(crate) fn eval_on(&mut self, context: &[u8], out_bytes: usize) -> Result<&mut [u8], Trap> {
        let (start, out) = (CTX_OFFSET as usize, OUT_OFFSET as usize);
        if let Some(target) = self.memory.get_mut(start..start + context.len()) {
            target.copy_from_slice(context);
        }
        self.eval()?;
        Ok(self.memory.get_mut(out..out + out_bytes).unwrap_or_default())
    }

    /// Calls `eval` on the context and the output at their usual places. Does not allocate; ends
    /// after as many operations as the whitelist proved, or fewer.
    ///
    /// # Errors
    /// See [`Trap`]; memory holds what was written until then.
    pub(crate) fn eval(&mut self) -> Result<(), Trap> {
        let Machine { module, registers, memory, returns } = self;
        let ops = &*module.ops;
        let [context, out] = module.arguments;
        registers[usize::from(context)] = CTX_OFFSET.into();
        registers[usize::from(out)] = OUT_OFFSET.into();
        returns.clear();
        let mut at = module.entry as usize;
        // An index is 16 bits wide and the file has 2¹⁶ registers: these are never out of bounds.
        let get = |registers: &Registers, index: Register| registers[usize::from(index)];
        while let Some(op) = ops.get(at) {
            at += 1;
            let (a, b, c) = (get(registers, op.a), get(registers, op.b), get(registers, op.c));
            let value = match op.what {
                What::Copy => a,
                What::Load => load(memory, a.wrapping_add(b))?,
                What::Store => {
                    store(memory, a.wrapping_add(b), c)?;
                    continue;
                }
                What::Select => {
                    if a != 0 {
                        b
                    } else {
                        c
                    }
                }
                What::Add => a.wrapping_add(b),
                What::Sub => a.wrapping_sub(b),
                What::Mul => a.wrapping_mul(b),
                What::Div => divide(a as i64, b as i64)? as u64,
                What::Rem if b == 0 => return Err(Trap::DivideByZero),
                What::Rem => (a as i64).wrapping_rem(b as i64) as u64,
                What::And => a & b,
                What::Or => a | b,
                What::Xor => a ^ b,
                What::Shl => a.wrapping_shl(b as u32),
                What::ShrU => a.wrapping_shr(b as u32),
                What::Eq => u64::from(a == b),
                What::Ne => u64::from(a != b),
                What::LtS => u64::from((a as i64) < b as i64),
                What::LtU => u64::from(a < b),
                What::LeS => u64::from(a as i64 <= b as i64),
                What::GtS => u64::from(a as i64 > b as i64),
                What::GeS => u64::from(a as i64 >= b as i64),
                What::Eqz => u64::from(a == 0),
                What::Wrap => a & u64::from(u32::MAX),
                What::XorShr => a ^ a.wrapping_shr(b as u32),
                What::OrShl => a | b.wrapping_shl(c as u32),
                What::Call => {
                    returns.push(at as u32);
                    at = usize::from(op.a) | usize::from(op.b) << 16;
                    continue;
                }
                What::Return => match returns.pop() {
                    Some(back) => {
                        at = back as usize;
                        continue;
                    }
                    None => break,
                },
            };
            registers[usize::from(op.to)] = value;
        }
        Ok(())
    }
}

fn divide(a: i64, b: i64) -> Result<i64, Trap> {
    match a.checked_div(b) {
        Some(quotient) => Ok(quotient),
        None if b == 0 => Err(Trap::DivideByZero),
        None => Err(Trap::Overflow),
    }
}

/// Addresses are below 2³³: two halves that are 32 bits wide.
fn load(memory: &[u8], address: u64) -> Result<u64, Trap> {
    let at = address as usize;
    match memory.get(at..at.wrapping_add(8)).and_then(|bytes| bytes.try_into().ok()) {
        Some(bytes) => Ok(u64::from_le_bytes(bytes)),
        None => Err(Trap::OutOfBounds { address }),
    }
}

fn store(memory: &mut [u8], address: u64, value: u64) -> Result<(), Trap> {
    let at = address as usize;
    match memory.get_mut(at..at.wrapping_add(8)) {
        Some(target) => {
            target.copy_from_slice(&value.to_le_bytes());
            Ok(())
        }
        None => Err(Trap::OutOfBounds { address }),
    }
}
