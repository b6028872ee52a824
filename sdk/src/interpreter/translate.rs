//! From a proved module to compact code, once per fragment.
//!
//! The whitelist leaves straight-line code, so one pass over the stack machine names every value:
//! reading and writing a local, widening an `i32` and the constants cost nothing at run time. A
//! second pass over each function, backwards, drops what nobody reads, and a third gives values
//! registers, reusing those whose last reader has passed. Calls go forward only: no function is
//! ever active twice, so each has registers of its own and a call copies arguments and jumps.
//!
//! Linear in the module's bytes, but for the ordered map of constants.

use std::collections::BTreeMap;

use cairn_ruleset::whitelist::{self, WhitelistError};
use wasmparser::{BinaryReaderError, FunctionBody, Operator, Parser, Payload, ValType};

use super::op::{Op, REGISTERS, Register, What};

/// A module that cannot be interpreted. Nothing was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TranslateError {
    /// Not one of ours.
    #[error(transparent)]
    Refused(#[from] WhitelistError),
    /// More values at once than there are registers. No module of the compiler comes near.
    #[error("the module needs {actual} registers, limit {REGISTERS}")]
    Registers {
        /// How many it needs.
        actual: usize,
    },
    /// The proof holds, yet the stack does not add up: a bug in one of the two.
    #[error("function {function} of a proved module cannot be translated")]
    Inconsistent {
        /// Which.
        function: u32,
    },
}

impl From<BinaryReaderError> for TranslateError {
    fn from(error: BinaryReaderError) -> TranslateError {
        let reason = error.message().to_owned();
        TranslateError::Refused(WhitelistError::Invalid { offset: error.offset(), reason })
    }
}

/// A fragment as compact code.
#[derive(Debug)]
pub(crate) struct Module {
    pub(super) ops: Box<[Op]>,
    /// Where `eval` starts.
    pub(super) entry: u32,
    /// Registers of the context's and the output's address.
    pub(super) arguments: [Register; 2],
    /// What the first registers hold; nothing writes there.
    pub(super) constants: Box<[u64]>,
    /// Most calls that are open at once.
    pub(super) depth: usize,
}

/// A value during translation: a constant of the module, or number so many of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Constant(u32),
    Value(u32),
}

/// An operation before registers are known.
#[derive(Clone, Copy, Debug)]
enum Step {
    Plain {
        what: What,
        to: Option<u32>,
        uses: [Option<Id>; 3],
    },
    /// Argument number `index` of a function about to be called.
    Argument {
        function: u32,
        index: u32,
        from: Id,
    },
    Call {
        function: u32,
    },
    /// What the call returned.
    Returned {
        function: u32,
        to: u32,
    },
    /// The result of the function itself.
    Result {
        from: Id,
    },
}

impl Step {
    fn uses(&self) -> [Option<Id>; 3] {
        match self {
            Step::Plain { uses, .. } => *uses,
            Step::Argument { from, .. } | Step::Result { from } => [Some(*from), None, None],
            Step::Call { .. } | Step::Returned { .. } => [None; 3],
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Signature {
    /// Per parameter, whether it is an `i32`.
    params: Vec<bool>,
    result: Option<bool>,
}

#[derive(Default)]
struct Function {
    signature: Signature,
    steps: Vec<Step>,
    /// How many values it has, parameters first.
    values: u32,
}

#[derive(Default)]
struct Translator {
    types: Vec<Signature>,
    type_of: Vec<u32>,
    eval: u32,
    /// Index of each constant in `pool`.
    constants: BTreeMap<u64, u32>,
    pool: Vec<u64>,
    reachable: Vec<bool>,
    functions: Vec<Option<Function>>,
}

/// Proves a module and translates it.
///
/// # Errors
/// See [`TranslateError`].
pub(crate) fn translate(wasm: &[u8]) -> Result<Module, TranslateError> {
    whitelist::examine(wasm)?;
    let mut translator = Translator::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    let ty = ty?;
                    let narrow = |ty: &ValType| *ty == ValType::I32;
                    let params = ty.params().iter().map(narrow).collect();
                    let result = ty.results().first().map(narrow);
                    translator.types.push(Signature { params, result });
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    translator.type_of.push(ty?);
                }
                translator.reachable = vec![false; translator.type_of.len()];
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.name == "eval" {
                        translator.eval = export.index;
                        translator.mark(export.index);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let function = translator.functions.len() as u32;
                // Calls go forward, so whoever calls this one was translated before.
                let reached = translator.reachable.get(function as usize) == Some(&true);
                let made = if reached { Some(translator.function(function, &body)?) } else { None };
                translator.functions.push(made);
            }
            _ => {}
        }
    }
    translator.assemble()
}

impl Translator {
    fn mark(&mut self, function: u32) {
        if let Some(reachable) = self.reachable.get_mut(function as usize) {
            *reachable = true;
        }
    }

    fn signature(&self, function: u32) -> Option<&Signature> {
        let ty = self.type_of.get(function as usize)?;
        self.types.get(*ty as usize)
    }

    fn constant(&mut self, value: u64) -> Id {
        let next = self.pool.len() as u32;
        let index = *self.constants.entry(value).or_insert(next);
        if index == next {
            self.pool.push(value);
        }
        Id::Constant(index)
    }

    fn function(
        &mut self,
        index: u32,
        body: &FunctionBody<'_>,
    ) -> Result<Function, TranslateError> {
        let inconsistent = TranslateError::Inconsistent { function: index };
        let signature = self.signature(index).cloned().ok_or(inconsistent.clone())?;
        let mut coder = Coder::new(signature);
        let zero = self.constant(0);
        for group in body.get_locals_reader()? {
            let (count, _) = group?;
            coder.locals.extend((0..count).map(|_| zero));
        }
        for operator in body.get_operators_reader()? {
            self.step(&mut coder, &operator?).ok_or(inconsistent.clone())?;
        }
        Ok(coder.function)
    }

    /// Translates one instruction; `None` when the stack does not hold what it takes.
    fn step(&mut self, coder: &mut Coder, operator: &Operator<'_>) -> Option<()> {
        use Operator as O;
        let what = match operator {
            O::LocalGet { local_index } => {
                let value = *coder.locals.get(*local_index as usize)?;
                coder.stack.push(value);
                return Some(());
            }
            O::LocalSet { local_index } => {
                let value = coder.stack.pop()?;
                *coder.locals.get_mut(*local_index as usize)? = value;
                return Some(());
            }
            O::LocalTee { local_index } => {
                let value = *coder.stack.last()?;
                *coder.locals.get_mut(*local_index as usize)? = value;
                return Some(());
            }
            O::I32Const { value } => {
                let constant = self.constant(u64::from(*value as u32));
                coder.stack.push(constant);
                return Some(());
            }
            O::I64Const { value } => {
                let constant = self.constant(*value as u64);
                coder.stack.push(constant);
                return Some(());
            }
            O::I64ExtendI32U => return Some(()),
            O::I32WrapI64 => {
                let value = coder.stack.pop()?;
                if let Some(narrow) = self.wrapped(coder, value) {
                    coder.stack.push(narrow);
                } else {
                    coder.push(What::Wrap, [Some(value), None, None]);
                }
                return Some(());
            }
            O::I64Load { memarg } => {
                let offset = self.constant(memarg.offset);
                let base = coder.stack.pop()?;
                coder.push(What::Load, [Some(base), Some(offset), None]);
                return Some(());
            }
            O::I64Store { memarg } => {
                let offset = self.constant(memarg.offset);
                let (value, base) = (coder.stack.pop()?, coder.stack.pop()?);
                let uses = [Some(base), Some(offset), Some(value)];
                coder.function.steps.push(Step::Plain { what: What::Store, to: None, uses });
                return Some(());
            }
            O::Select => {
                let (test, otherwise) = (coder.stack.pop()?, coder.stack.pop()?);
                let then = coder.stack.pop()?;
                coder.push(What::Select, [Some(test), Some(then), Some(otherwise)]);
                return Some(());
            }
            O::I32Eqz | O::I64Eqz => {
                let value = coder.stack.pop()?;
                coder.push(What::Eqz, [Some(value), None, None]);
                return Some(());
            }
            O::Call { function_index } => return self.call(coder, *function_index),
            O::End => return coder.end(),
            O::I64Add => What::Add,
            O::I64Sub => What::Sub,
            O::I64Mul => What::Mul,
            O::I64DivS => What::Div,
            O::I64RemS => What::Rem,
            O::I32And | O::I64And => What::And,
            O::I32Or | O::I64Or => What::Or,
            O::I32Xor | O::I64Xor => What::Xor,
            O::I64Shl => What::Shl,
            O::I64ShrU => What::ShrU,
            O::I64Eq => What::Eq,
            O::I64Ne => What::Ne,
            O::I64LtS => What::LtS,
            O::I64LtU => What::LtU,
            O::I64LeS => What::LeS,
            O::I64GtS => What::GtS,
            O::I64GeS => What::GeS,
            // The whitelist allows nothing else.
            _ => return None,
        };
        let (b, a) = (coder.stack.pop()?, coder.stack.pop()?);
        coder.binary(what, a, b);
        Some(())
    }

    /// The lower half of a value without an operation, when there is one.
    fn wrapped(&mut self, coder: &Coder, value: Id) -> Option<Id> {
        match value {
            Id::Value(number) => coder.narrow.get(number as usize)?.then_some(value),
            Id::Constant(at) => {
                let narrow = self.pool.get(at as usize)? & u64::from(u32::MAX);
                Some(self.constant(narrow))
            }
        }
    }

    fn call(&mut self, coder: &mut Coder, function: u32) -> Option<()> {
        self.mark(function);
        let signature = self.signature(function)?.clone();
        let first = coder.stack.len().checked_sub(signature.params.len())?;
        for (from, index) in coder.stack.drain(first..).zip(0u32..) {
            coder.function.steps.push(Step::Argument { function, index, from });
        }
        coder.function.steps.push(Step::Call { function });
        if let Some(narrow) = signature.result {
            let to = coder.value(narrow);
            coder.function.steps.push(Step::Returned { function, to });
            coder.stack.push(Id::Value(to));
        }
        Some(())
    }

    /// Gives every value a register and puts the functions behind each other.
    fn assemble(self) -> Result<Module, TranslateError> {
        // Parameters and results first: callers need to know them.
        let mut next = self.pool.len();
        let mut frames = Vec::with_capacity(self.functions.len());
        for function in &self.functions {
            let params = function.as_ref().map_or(0, |function| function.signature.params.len());
            frames.push(Frame { first: next, result: next + params });
            next += params + usize::from(function.is_some());
        }
        let mut ops = Vec::new();
        let mut starts = vec![0u32; self.functions.len()];
        // Callees first, so that a call knows where to go. Depth grows the same way.
        let mut depths = vec![0usize; self.functions.len()];
        for (index, function) in self.functions.iter().enumerate().rev() {
            let Some(function) = function else { continue };
            let start = ops.len() as u32;
            let callees = function.steps.iter().filter_map(|step| match step {
                Step::Call { function } => depths.get(*function as usize).copied(),
                _ => None,
            });
            let depth = callees.max().map_or(0, |deepest| deepest + 1);
            let allocation = Allocation { frames: &frames, starts: &starts, ops: &mut ops };
            next = allocation.run(function, index, next);
            if let (Some(at), Some(of)) = (starts.get_mut(index), depths.get_mut(index)) {
                (*at, *of) = (start, depth);
            }
        }
        if next > REGISTERS {
            return Err(TranslateError::Registers { actual: next });
        }
        let eval = self.eval as usize;
        let inconsistent = || TranslateError::Inconsistent { function: self.eval };
        let first = frames.get(eval).ok_or_else(inconsistent)?.first;
        Ok(Module {
            entry: *starts.get(eval).ok_or_else(inconsistent)?,
            depth: *depths.get(eval).ok_or_else(inconsistent)?,
            arguments: [first as Register, (first + 1) as Register],
            ops: ops.into(),
            constants: self.pool.into(),
        })
    }
}

/// One function on its way from the stack machine to named values.
struct Coder {
    function: Function,
    stack: Vec<Id>,
    locals: Vec<Id>,
    /// Per value, whether its upper half is known to be zero.
    narrow: Vec<bool>,
    /// Per value, the step that makes it.
    made_by: Vec<Option<usize>>,
}

impl Coder {
    fn new(signature: Signature) -> Coder {
        let narrow = signature.params.clone();
        let locals: Vec<_> = (0..narrow.len() as u32).map(Id::Value).collect();
        let values = locals.len() as u32;
        let made_by = vec![None; narrow.len()];
        let function = Function { signature, steps: Vec::new(), values };
        Coder { function, stack: Vec::new(), locals, narrow, made_by }
    }

    fn value(&mut self, narrow: bool) -> u32 {
        let number = self.function.values;
        self.function.values += 1;
        self.narrow.push(narrow);
        self.made_by.push(Some(self.function.steps.len()));
        number
    }

    fn is_narrow(&self, id: Id) -> bool {
        // A constant may be wide; asking costs more than a `Wrap` that never occurs.
        matches!(id, Id::Value(number) if self.narrow.get(number as usize) == Some(&true))
    }

    fn push(&mut self, what: What, uses: [Option<Id>; 3]) {
        let passes_on = match what {
            What::And | What::Or | What::Xor => uses.iter().flatten().all(|id| self.is_narrow(*id)),
            What::Select => uses.iter().skip(1).flatten().all(|id| self.is_narrow(*id)),
            _ => false,
        };
        let to = self.value(passes_on || what.is_narrow());
        self.function.steps.push(Step::Plain { what, to: Some(to), uses });
        self.stack.push(Id::Value(to));
    }

    /// Pushes `a what b`, joined with the shift that made `b` where one operation does both. The
    /// shift stays for whoever else reads it and is dropped when nobody does.
    fn binary(&mut self, what: What, a: Id, b: Id) {
        let shift = match b {
            Id::Value(number) => self.made_by.get(number as usize).copied().flatten(),
            Id::Constant(_) => None,
        };
        let shift = match shift.and_then(|at| self.function.steps.get(at)) {
            Some(Step::Plain { what, uses: [Some(of), Some(by), _], .. }) => {
                Some((*what, *of, *by))
            }
            _ => None,
        };
        match (what, shift) {
            (What::Xor, Some((What::ShrU, of, by))) if of == a => {
                self.push(What::XorShr, [Some(a), Some(by), None]);
            }
            (What::Or, Some((What::Shl, of, by))) => {
                self.push(What::OrShl, [Some(a), Some(of), Some(by)]);
            }
            _ => self.push(what, [Some(a), Some(b), None]),
        }
    }

    fn end(&mut self) -> Option<()> {
        if self.function.signature.result.is_some() {
            let from = self.stack.pop()?;
            self.function.steps.push(Step::Result { from });
        }
        let uses = [None; 3];
        self.function.steps.push(Step::Plain { what: What::Return, to: None, uses });
        Some(())
    }
}

/// Where callers put a function's arguments and find its result.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// Register of the first parameter; the others follow.
    first: usize,
    result: usize,
}

/// Per step, whether it must run; per value, the last step that reads it.
fn liveness(function: &Function) -> (Vec<bool>, Vec<Option<usize>>) {
    let mut needed = vec![true; function.steps.len()];
    let mut last_use = vec![None; function.values as usize];
    for (at, step) in function.steps.iter().enumerate().rev() {
        if let Step::Plain { what, to: Some(to), .. } = step
            && !what.has_effect()
            && last_use.get(*to as usize) == Some(&None)
        {
            if let Some(slot) = needed.get_mut(at) {
                *slot = false;
            }
            continue;
        }
        for id in step.uses().into_iter().flatten() {
            let Id::Value(number) = id else { continue };
            if let Some(slot) = last_use.get_mut(number as usize) {
                slot.get_or_insert(at);
            }
        }
    }
    (needed, last_use)
}

/// Registers for one function's values.
struct Allocation<'a> {
    frames: &'a [Frame],
    starts: &'a [u32],
    ops: &'a mut Vec<Op>,
}

impl Allocation<'_> {
    /// Appends the function's operations; answers with the first register that is still free.
    fn run(self, function: &Function, index: usize, first_free: usize) -> usize {
        let (needed, last_use) = liveness(function);
        let params = function.signature.params.len();
        let frame = |function: usize| self.frames.get(function).copied().unwrap_or_default();
        let own = frame(index);
        let mut registers = vec![0usize; function.values as usize];
        for (param, register) in registers.iter_mut().take(params).enumerate() {
            *register = own.first + param;
        }
        let mut free: Vec<usize> = Vec::new();
        let mut next = first_free;
        for (at, step) in function.steps.iter().enumerate() {
            if needed.get(at) != Some(&true) {
                continue;
            }
            let uses = step.uses();
            let read = uses.map(|id| match id {
                Some(Id::Value(number)) => registers.get(number as usize).copied().unwrap_or(0),
                Some(Id::Constant(constant)) => constant as usize,
                None => 0,
            });
            // What is read here for the last time may be written here: operands are read first.
            for (position, id) in uses.iter().enumerate() {
                let Some(Id::Value(number)) = id else { continue };
                let again = uses.iter().take(position).any(|earlier| earlier == id);
                let ends = last_use.get(*number as usize) == Some(&Some(at));
                if ends && !again && *number as usize >= params {
                    free.extend(registers.get(*number as usize));
                }
            }
            let mut take = |number: u32| {
                let register = free.pop().unwrap_or_else(|| {
                    next += 1;
                    next - 1
                });
                if let Some(slot) = registers.get_mut(number as usize) {
                    *slot = register;
                }
                if last_use.get(number as usize) == Some(&None) {
                    free.push(register);
                }
                register
            };
            let (what, to, [a, b, c]) = match step {
                Step::Plain { what, to, .. } => (*what, to.map_or(0, take), read),
                Step::Argument { function, index, .. } => {
                    (What::Copy, frame(*function as usize).first + *index as usize, read)
                }
                Step::Call { function } => {
                    let start = self.starts.get(*function as usize).copied().unwrap_or(0) as usize;
                    (What::Call, 0, [start & 0xFFFF, start >> 16, 0])
                }
                Step::Returned { function, to } => {
                    (What::Copy, take(*to), [frame(*function as usize).result, 0, 0])
                }
                Step::Result { .. } => (What::Copy, own.result, read),
            };
            // Indices past the file are refused by the caller before anything runs.
            let [to, a, b, c] = [to, a, b, c].map(|register| register as Register);
            self.ops.push(Op { what, to, a, b, c });
        }
        next
    }
}
