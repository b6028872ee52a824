//! One function's instructions: expressions become straight-line code.
//!
//! A value that is read more than once (a slot, a rule's random state) is loaded at its first use
//! and kept in a local. There is no control flow, so the first use in program order comes before
//! every later one.

use std::collections::BTreeMap;

use wasm_encoder::{Function, Instruction, MemArg, ValType};

use crate::ir::{BinaryOp, DECIMAL_ONE, Expr};
use crate::layout::{NOW_AT, PARAMS_OFFSET, PLAYER_AT, SEED_AT, slot_at};
use crate::meta::FragmentMeta;
use crate::rng;

/// Local 0: the context's address.
const CTX: u32 = 0;
/// Local 1: the output's address.
const OUT: u32 = 1;

/// What a local may hold for reuse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    Slot(usize),
    Param(u16),
    Now,
    /// Random state of the seed.
    Seed,
    /// Random state of the player.
    Player,
    /// Random state of a rule under the seed.
    Rule(u64),
}

/// Collects one function `(ctx: i32, out: i32)`.
pub(super) struct Coder<'a> {
    meta: &'a FragmentMeta,
    ops: Vec<Instruction<'static>>,
    kept: BTreeMap<Kept, u32>,
    free: Vec<u32>,
    locals: u32,
}

impl<'a> Coder<'a> {
    pub(super) fn new(meta: &'a FragmentMeta) -> Coder<'a> {
        Coder { meta, ops: Vec::new(), kept: BTreeMap::new(), free: Vec::new(), locals: 0 }
    }

    /// The finished function.
    pub(super) fn finish(mut self) -> Function {
        self.ops.push(Instruction::End);
        let mut function = Function::new([(self.locals, ValType::I64)]);
        for op in &self.ops {
            function.instruction(op);
        }
        function
    }

    /// Calls another function with the same arguments.
    pub(super) fn call(&mut self, function: u32) {
        self.ops.extend([
            Instruction::LocalGet(CTX),
            Instruction::LocalGet(OUT),
            Instruction::Call(function),
        ]);
    }

    /// Stores what `value` pushes into an output slot.
    pub(super) fn store(&mut self, slot: usize, value: impl FnOnce(&mut Self)) {
        self.ops.push(Instruction::LocalGet(OUT));
        value(self);
        self.ops.push(Instruction::I64Store(word(slot as u64 * 8)));
    }

    /// Pushes an output slot that was stored before.
    pub(super) fn load_out(&mut self, slot: usize) {
        self.ops.extend([Instruction::LocalGet(OUT), Instruction::I64Load(word(slot as u64 * 8))]);
    }

    pub(super) fn constant(&mut self, value: i64) {
        self.ops.push(Instruction::I64Const(value));
    }

    /// Pushes up to 64 expressions of type bool as the bits of one word, the first lowest.
    pub(super) fn bits<'e>(&mut self, bits: impl Iterator<Item = &'e Expr>) {
        let mut constant = 0i64;
        let mut pushed = false;
        for (index, expr) in bits.enumerate() {
            if let Expr::Const(value) = expr {
                constant |= value << index;
                continue;
            }
            self.value(expr);
            if index > 0 {
                self.ops.extend([Instruction::I64Const(index as i64), Instruction::I64Shl]);
            }
            if pushed {
                self.ops.push(Instruction::I64Or);
            }
            pushed = true;
        }
        if !pushed || constant != 0 {
            self.constant(constant);
            if pushed {
                self.ops.push(Instruction::I64Or);
            }
        }
    }

    /// Pushes an expression as an `i64`.
    pub(super) fn value(&mut self, expr: &Expr) {
        match expr {
            Expr::Const(value) => self.constant(*value),
            Expr::Field(index) => self.slot(usize::from(*index)),
            Expr::Rate(index) => self.slot(self.meta.counter_slot(*index)),
            Expr::Active(index) => self.slot(self.meta.timer_slot(*index)),
            Expr::Param(index) => {
                let offset = u64::from(PARAMS_OFFSET) + u64::from(*index) * 8;
                self.keep(Kept::Param(*index), |coder| {
                    // A constant address: the compiler sees that it lies in memory and drops
                    // the bounds check.
                    coder
                        .ops
                        .extend([Instruction::I32Const(0), Instruction::I64Load(word(offset))]);
                });
            }
            Expr::Now => self.keep(Kept::Now, |coder| coder.context(NOW_AT.into())),
            Expr::Neg(inner) => {
                self.constant(0);
                self.value(inner);
                self.ops.push(Instruction::I64Sub);
            }
            Expr::Abs(inner) => {
                self.value(inner);
                let x = self.take();
                self.ops.extend([
                    Instruction::LocalTee(x),
                    Instruction::I64Const(0),
                    Instruction::LocalGet(x),
                    Instruction::I64Sub,
                    Instruction::LocalGet(x),
                    Instruction::I64Const(0),
                    Instruction::I64GeS,
                    Instruction::Select,
                ]);
                self.free.push(x);
            }
            Expr::Binary(op, left, right) => self.binary(*op, left, right, expr),
            Expr::Select(condition, then, otherwise) => {
                self.value(then);
                self.value(otherwise);
                self.bit(condition);
                self.ops.push(Instruction::Select);
            }
            Expr::Not(_) | Expr::Chance { .. } => {
                self.bit(expr);
                self.ops.push(Instruction::I64ExtendI32U);
            }
            Expr::Pick { n, rule_hash, draw } => {
                self.draw(*rule_hash, *draw);
                self.scale(|coder| coder.value(n));
            }
            Expr::Bucket { n, salt } => {
                self.keep(Kept::Player, |coder| {
                    coder.context(PLAYER_AT.into());
                    coder.constant(rng::GAMMA as i64);
                    coder.ops.push(Instruction::I64Add);
                    coder.mix();
                });
                self.constant(*salt as i64);
                self.ops.push(Instruction::I64Xor);
                self.mix();
                self.step(0);
                self.scale(|coder| coder.value(n));
            }
        }
    }

    /// Pushes an expression of type bool as an `i32`.
    fn bit(&mut self, expr: &Expr) {
        match expr {
            Expr::Const(value) => self.ops.push(Instruction::I32Const(i32::from(*value != 0))),
            Expr::Not(inner) => {
                self.bit(inner);
                self.ops.push(Instruction::I32Eqz);
            }
            Expr::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => {
                self.bit(left);
                self.bit(right);
                self.ops.push(match op {
                    BinaryOp::And => Instruction::I32And,
                    _ => Instruction::I32Or,
                });
            }
            Expr::Binary(op, left, right) => {
                let compare = match op {
                    BinaryOp::Eq => Instruction::I64Eq,
                    BinaryOp::Ne => Instruction::I64Ne,
                    BinaryOp::Lt => Instruction::I64LtS,
                    BinaryOp::Le => Instruction::I64LeS,
                    BinaryOp::Gt => Instruction::I64GtS,
                    BinaryOp::Ge => Instruction::I64GeS,
                    _ => {
                        self.value(expr);
                        self.ops.push(Instruction::I32WrapI64);
                        return;
                    }
                };
                self.value(left);
                self.value(right);
                self.ops.push(compare);
            }
            Expr::Chance { p, rule_hash, draw } => {
                self.draw(*rule_hash, *draw);
                self.scale(|coder| coder.constant(DECIMAL_ONE));
                self.value(p);
                self.ops.push(Instruction::I64LtS);
            }
            _ => {
                self.value(expr);
                self.ops.push(Instruction::I32WrapI64);
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, whole: &Expr) {
        let simple = match op {
            BinaryOp::Add => Instruction::I64Add,
            BinaryOp::Sub => Instruction::I64Sub,
            BinaryOp::Mul => Instruction::I64Mul,
            BinaryOp::Div => Instruction::I64DivS,
            BinaryOp::Rem => Instruction::I64RemS,
            BinaryOp::MulDecimal => {
                self.value(left);
                self.value(right);
                self.ops.push(Instruction::I64Mul);
                self.constant(DECIMAL_ONE);
                self.ops.push(Instruction::I64DivS);
                return;
            }
            BinaryOp::DivDecimal => {
                self.value(left);
                self.constant(DECIMAL_ONE);
                self.ops.push(Instruction::I64Mul);
                self.value(right);
                self.ops.push(Instruction::I64DivS);
                return;
            }
            BinaryOp::Min | BinaryOp::Max => {
                let compare = match op {
                    BinaryOp::Min => Instruction::I64LtS,
                    _ => Instruction::I64GtS,
                };
                self.value(left);
                let a = self.take();
                self.ops.push(Instruction::LocalTee(a));
                self.value(right);
                let b = self.take();
                self.ops.extend([
                    Instruction::LocalTee(b),
                    Instruction::LocalGet(a),
                    Instruction::LocalGet(b),
                    compare,
                    Instruction::Select,
                ]);
                self.free.extend([a, b]);
                return;
            }
            BinaryOp::Eq
            | BinaryOp::Ne
            | BinaryOp::Lt
            | BinaryOp::Le
            | BinaryOp::Gt
            | BinaryOp::Ge
            | BinaryOp::And
            | BinaryOp::Or => {
                self.bit(whole);
                self.ops.push(Instruction::I64ExtendI32U);
                return;
            }
        };
        self.value(left);
        self.value(right);
        self.ops.push(simple);
    }

    fn slot(&mut self, slot: usize) {
        self.keep(Kept::Slot(slot), |coder| coder.context(slot_at(slot) as u64));
    }

    fn context(&mut self, offset: u64) {
        self.ops.extend([Instruction::LocalGet(CTX), Instruction::I64Load(word(offset))]);
    }

    /// Pushes draw number `draw` of a rule, as [`rng::draw`].
    fn draw(&mut self, rule_hash: u64, draw: u32) {
        self.keep(Kept::Rule(rule_hash), |coder| {
            coder.keep(Kept::Seed, |coder| {
                coder.context(SEED_AT.into());
                coder.constant(rng::GAMMA as i64);
                coder.ops.push(Instruction::I64Add);
                coder.mix();
            });
            coder.constant(rule_hash as i64);
            coder.ops.push(Instruction::I64Xor);
            coder.mix();
        });
        self.step(draw);
    }

    /// From a rule's state to a draw.
    fn step(&mut self, draw: u32) {
        self.constant(rng::draw_step(draw) as i64);
        self.ops.push(Instruction::I64Add);
        self.mix();
    }

    /// [`rng::mix`] of the top of the stack.
    fn mix(&mut self) {
        let z = self.take();
        for (shift, multiplier) in [(30, Some(rng::MIX_1)), (27, Some(rng::MIX_2)), (31, None)] {
            self.ops.extend([
                Instruction::LocalTee(z),
                Instruction::LocalGet(z),
                Instruction::I64Const(shift),
                Instruction::I64ShrU,
                Instruction::I64Xor,
            ]);
            if let Some(multiplier) = multiplier {
                self.constant(multiplier as i64);
                self.ops.push(Instruction::I64Mul);
            }
        }
        self.free.push(z);
    }

    /// [`rng::scale`] of the top of the stack by what `n` pushes.
    fn scale(&mut self, n: impl FnOnce(&mut Self)) {
        self.ops.extend([Instruction::I64Const(32), Instruction::I64ShrU]);
        n(self);
        self.ops.extend([Instruction::I64Mul, Instruction::I64Const(32), Instruction::I64ShrU]);
    }

    /// Pushes a kept value, making it on its first use.
    fn keep(&mut self, what: Kept, make: impl FnOnce(&mut Self)) {
        if let Some(local) = self.kept.get(&what) {
            self.ops.push(Instruction::LocalGet(*local));
            return;
        }
        make(self);
        // Never from the free list's point of view again: it stays valid to the end.
        let local = self.take();
        self.ops.push(Instruction::LocalTee(local));
        self.kept.insert(what, local);
    }

    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.locals += 1;
            OUT + self.locals
        })
    }
}

fn word(offset: u64) -> MemArg {
    MemArg { offset, align: 3, memory_index: 0 }
}
