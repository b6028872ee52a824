//! Proves that a module is one of ours: it ends, its cost is known, it touches nothing outside.
//!
//! One pass over the bytes, linear in their number. Accepted is exactly the shape of design §3: no
//! imports, no loops nor any other control flow, calls only to functions with a higher index (so
//! there is no recursion), no table, no start, no globals, no `memory.grow`, no floats, one memory
//! of exactly 16 pages, the exports `memory` and `eval(ctx: i32, out: i32)`, and one custom section
//! `cairn` that describes the output. What remains is straight-line integer code, so the cost of a
//! call is the number of its instructions, and a bound on it is the last thing proved: forward
//! calls alone would still allow exponential cost.
//!
//! What is not proved is the absence of traps: a pointer outside memory or a division by zero traps
//! in the sandbox, and a host reports it as a failed evaluation.

use wasmparser::{
    ExternalKind, FuncValidatorAllocations, FunctionBody, Operator, Parser, Payload, ValType,
    ValidPayload, Validator, WasmFeatures,
};

use crate::layout::{CTX_SLOTS_MAX, MEMORY_PAGES, OUT_SLOTS_MAX, OutShape, PARAMS_MAX};
use crate::limits::CODE_BYTES_MAX;
use crate::meta::{FragmentMeta, MetaError, SECTION, Segment};

/// Most functions of a module.
pub const FUNCTIONS_MAX: u32 = 1_024;
/// Most locals of one function, besides its two arguments.
pub const LOCALS_MAX: u32 = 4_096;
/// Most types of a module; ours have one.
pub const TYPES_MAX: u32 = 16;
/// Most instructions that one call of `eval` may execute.
pub const COST_MAX: u64 = 1_000_000;
/// Most rules of a fragment.
pub const RULES_MAX: usize = 4_096;

/// Most outcomes of a rule, as the language has it. An outcome's index has eight bits.
pub const OUTCOMES_MAX: usize = 8;

/// A module is not one of ours. It was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhitelistError {
    /// More bytes than a fragment may have.
    #[error("module is {actual_bytes} bytes, limit {CODE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        actual_bytes: usize,
    },
    /// Not valid WebAssembly of the subset, trailing bytes included.
    #[error("not valid WebAssembly at offset {offset}: {reason}")]
    Invalid {
        /// Where, in bytes from the start.
        offset: usize,
        /// The validator's words.
        reason: String,
    },
    /// A section that no fragment has, or has twice.
    #[error("{section} at offset {offset} is not allowed in a fragment")]
    Section {
        /// Where.
        offset: usize,
        /// Which.
        section: String,
    },
    /// A section or an export that every fragment has.
    #[error("module lacks {what}")]
    Missing {
        /// What it lacks.
        what: &'static str,
    },
    /// The one memory has another size.
    #[error(
        "memory at offset {offset} is {minimum} to {maximum:?} pages, must be exactly {MEMORY_PAGES}"
    )]
    Memory {
        /// Where.
        offset: usize,
        /// Its minimum.
        minimum: u64,
        /// Its maximum.
        maximum: Option<u64>,
    },
    /// An export that no fragment has, or one of the wrong kind or type.
    #[error("export `{name}` at offset {offset} must not exist or has the wrong type")]
    Export {
        /// Where.
        offset: usize,
        /// Its name.
        name: String,
    },
    /// An instruction outside the whitelist.
    #[error("instruction {opcode} at offset {offset} in function {function} is not allowed")]
    Opcode {
        /// Where.
        offset: usize,
        /// Index of the function.
        function: u32,
        /// The instruction.
        opcode: String,
    },
    /// A call to the same or an earlier function.
    #[error(
        "function {function} calls function {callee} at offset {offset}; calls go forward only"
    )]
    BackwardCall {
        /// Where.
        offset: usize,
        /// Index of the caller.
        function: u32,
        /// Index of the callee.
        callee: u32,
    },
    /// Too many of something.
    #[error("{what}: {actual}, limit {max}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many.
        actual: u64,
        /// How many may be.
        max: u64,
    },
    /// The description does not decode.
    #[error(transparent)]
    Meta(#[from] MetaError),
}

/// What was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The description that the module carries, with its sizes checked against the layout.
    pub meta: FragmentMeta,
    /// Exactly how many instructions a call of `eval` executes.
    pub cost: u64,
}

/// Proves a module and returns its description.
///
/// # Errors
/// The first thing that is wrong, with its offset.
pub fn prove(wasm: &[u8]) -> Result<FragmentMeta, WhitelistError> {
    examine(wasm).map(|proof| proof.meta)
}

/// Proves a module and returns its description and cost.
///
/// # Errors
/// The first thing that is wrong, with its offset.
pub fn examine(wasm: &[u8]) -> Result<Proof, WhitelistError> {
    if wasm.len() > CODE_BYTES_MAX {
        return Err(WhitelistError::TooLong { actual_bytes: wasm.len() });
    }
    let mut examiner = Examiner::default();
    let mut validator = Validator::new_with_features(WasmFeatures::empty());
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(invalid)?;
        // Ours first: a forbidden section or a huge count is refused before it costs anything.
        examiner.payload(&payload)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
            let index = function.index;
            examiner.locals(&body)?;
            let mut checker = function.into_validator(allocations);
            checker.validate(&body).map_err(invalid)?;
            allocations = checker.into_allocations();
            examiner.body(index, &body)?;
        }
    }
    examiner.finish()
}

fn invalid(error: wasmparser::BinaryReaderError) -> WhitelistError {
    WhitelistError::Invalid { offset: error.offset(), reason: error.message().to_owned() }
}

fn limit(what: &'static str, actual: u64, max: u64) -> Result<(), WhitelistError> {
    if actual > max { Err(WhitelistError::Limit { what, actual, max }) } else { Ok(()) }
}

/// Instructions of one function: its own and the calls it makes.
#[derive(Default)]
struct Cost {
    own: u64,
    callees: Vec<u32>,
}

#[derive(Default)]
struct Examiner {
    /// Per type: whether it is `(i32, i32) -> ()`.
    types: Vec<bool>,
    /// Type of each function.
    functions: Vec<u32>,
    memory: bool,
    exports_memory: bool,
    eval: Option<u32>,
    meta: Option<FragmentMeta>,
    costs: Vec<Cost>,
}

impl Examiner {
    fn payload(&mut self, payload: &Payload<'_>) -> Result<(), WhitelistError> {
        let refuse = |section: &str, offset: usize| {
            Err(WhitelistError::Section { offset, section: section.to_owned() })
        };
        match payload {
            Payload::Version { .. } | Payload::CodeSectionEntry(_) | Payload::End(_) => Ok(()),
            Payload::TypeSection(section) => {
                limit("types", section.count().into(), TYPES_MAX.into())?;
                for ty in section.clone().into_iter_err_on_gc_types() {
                    let ty = ty.map_err(invalid)?;
                    let pair = ty.params() == [ValType::I32, ValType::I32];
                    self.types.push(pair && ty.results().is_empty());
                }
                Ok(())
            }
            Payload::FunctionSection(section) => {
                limit("functions", section.count().into(), FUNCTIONS_MAX.into())?;
                for ty in section.clone() {
                    self.functions.push(ty.map_err(invalid)?);
                }
                Ok(())
            }
            Payload::MemorySection(section) => {
                limit("memories", section.count().into(), 1)?;
                for memory in section.clone().into_iter_with_offsets() {
                    let (offset, memory) = memory.map_err(invalid)?;
                    let (minimum, maximum) = (memory.initial, memory.maximum);
                    let pages = u64::from(MEMORY_PAGES);
                    if minimum != pages || maximum != Some(pages) {
                        return Err(WhitelistError::Memory { offset, minimum, maximum });
                    }
                    self.memory = true;
                }
                Ok(())
            }
            Payload::ExportSection(section) => {
                limit("exports", section.count().into(), 2)?;
                for export in section.clone().into_iter_with_offsets() {
                    let (offset, export) = export.map_err(invalid)?;
                    match (export.name, export.kind) {
                        ("memory", ExternalKind::Memory) => self.exports_memory = true,
                        ("eval", ExternalKind::Func) if self.has_eval_type(export.index) => {
                            self.eval = Some(export.index);
                        }
                        (name, _) => {
                            let name = name.chars().take(128).collect();
                            return Err(WhitelistError::Export { offset, name });
                        }
                    }
                }
                Ok(())
            }
            Payload::CodeSectionStart { count, .. } => {
                limit("functions", u64::from(*count), FUNCTIONS_MAX.into())
            }
            Payload::CustomSection(section) if section.name() == SECTION => {
                if self.meta.is_some() {
                    return refuse("a second `cairn` section", section.data_offset());
                }
                self.meta = Some(FragmentMeta::decode(section.data())?);
                Ok(())
            }
            Payload::CustomSection(section) => {
                let name: String = section.name().chars().take(128).collect();
                refuse(&format!("custom section `{name}`"), section.data_offset())
            }
            Payload::ImportSection(section) => refuse("an import", section.range().start),
            Payload::TableSection(section) => refuse("a table", section.range().start),
            Payload::GlobalSection(section) => refuse("a global", section.range().start),
            Payload::ElementSection(section) => refuse("an element", section.range().start),
            Payload::DataSection(section) => refuse("a data segment", section.range().start),
            Payload::TagSection(section) => refuse("a tag", section.range().start),
            Payload::StartSection { range, .. } => refuse("a start function", range.start),
            Payload::DataCountSection { range, .. } => refuse("a data count", range.start),
            Payload::UnknownSection { id, range, .. } => {
                refuse(&format!("unknown section {id}"), range.start)
            }
            _ => refuse("a section of another kind of module", 0),
        }
    }

    fn has_eval_type(&self, function: u32) -> bool {
        self.functions
            .get(function as usize)
            .and_then(|ty| self.types.get(*ty as usize))
            .copied()
            .unwrap_or(false)
    }

    /// Checks the number of locals before the validator sees them: a few bytes can declare many.
    fn locals(&mut self, body: &FunctionBody<'_>) -> Result<(), WhitelistError> {
        let mut total = 0u64;
        for group in body.get_locals_reader().map_err(invalid)? {
            let (count, _) = group.map_err(invalid)?;
            total += u64::from(count);
            limit("locals of a function", total, LOCALS_MAX.into())?;
        }
        Ok(())
    }

    fn body(&mut self, index: u32, body: &FunctionBody<'_>) -> Result<(), WhitelistError> {
        let mut cost = Cost::default();
        let operators = body.get_operators_reader().map_err(invalid)?;
        for operator in operators.into_iter_with_offsets() {
            let (operator, offset) = operator.map_err(invalid)?;
            cost.own += 1;
            match operator {
                // Planted: a function may call itself.
                Operator::Call { function_index }
                    if cfg!(cairn_planted = "loader") && function_index == index =>
                {
                    cost.callees.push(function_index);
                }
                Operator::Call { function_index } if function_index <= index => {
                    let (function, callee) = (index, function_index);
                    return Err(WhitelistError::BackwardCall { offset, function, callee });
                }
                Operator::Call { function_index } => cost.callees.push(function_index),
                operator if allowed(&operator) => {}
                operator => {
                    let opcode = format!("{operator:?}").chars().take(128).collect();
                    return Err(WhitelistError::Opcode { offset, function: index, opcode });
                }
            }
        }
        self.costs.push(cost);
        Ok(())
    }

    fn finish(self) -> Result<Proof, WhitelistError> {
        let missing = |what| WhitelistError::Missing { what };
        if !self.memory || !self.exports_memory {
            return Err(missing("the export `memory`"));
        }
        let eval = self.eval.ok_or(missing("the export `eval(i32, i32)`"))?;
        let meta = self.meta.ok_or(missing("the custom section `cairn`"))?;

        // Backwards over the functions: a callee's total is known before its callers'.
        let mut totals = vec![0u64; self.costs.len()];
        for (index, cost) in self.costs.iter().enumerate().rev() {
            let callees = cost
                .callees
                .iter()
                .map(|callee| totals.get(*callee as usize).copied().unwrap_or(0));
            let total = callees.fold(cost.own, u64::saturating_add);
            if let Some(slot) = totals.get_mut(index) {
                *slot = total;
            }
        }
        let cost = totals.get(eval as usize).copied().unwrap_or(0);
        limit("instructions of one evaluation", cost, COST_MAX)?;

        limit("rules", meta.rules.len() as u64, RULES_MAX as u64)?;
        let outcomes = meta.rules.iter().map(|rule| rule.outcomes.len()).max().unwrap_or(0);
        limit("outcomes of a rule", outcomes as u64, OUTCOMES_MAX as u64)?;
        limit("context slots", meta.slots() as u64, CTX_SLOTS_MAX as u64)?;
        limit("parameters", meta.params.into(), PARAMS_MAX as u64)?;
        limit("output slots", OutShape::of(&meta).slots as u64, OUT_SLOTS_MAX as u64)?;
        Ok(Proof { meta, cost })
    }
}

/// Straight-line integer code. Division may trap and is allowed; see the module's head.
fn allowed(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::LocalGet { .. }
            | O::LocalSet { .. }
            | O::LocalTee { .. }
            | O::I32Const { .. }
            | O::I64Const { .. }
            | O::I64Load { .. }
            | O::I64Store { .. }
            | O::I32Eqz
            | O::I32And
            | O::I32Or
            | O::I32Xor
            | O::I64Eqz
            | O::I64Eq
            | O::I64Ne
            | O::I64LtS
            | O::I64LtU
            | O::I64LeS
            | O::I64GtS
            | O::I64GeS
            | O::I64Add
            | O::I64Sub
            | O::I64Mul
            | O::I64DivS
            | O::I64RemS
            | O::I64And
            | O::I64Or
            | O::I64Xor
            | O::I64Shl
            | O::I64ShrU
            | O::I64ExtendI32U
            | O::I32WrapI64
            | O::Select
            | O::End
    )
}
