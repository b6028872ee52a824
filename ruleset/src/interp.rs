//! The reference interpreter: small, obvious, and what every other back end is held against.
//!
//! It walks the typed tree and writes the same output bytes as a compiled fragment. Both arms of a
//! conditional are evaluated, as generated code does, so even a fault (which the checker excludes)
//! is the same fault.

use crate::context::ContextView;
use crate::ir::{BinaryOp, DECIMAL_ONE, Expr, FragmentDef, Program};
use crate::layout::OutShape;
use crate::meta::FragmentMeta;
use crate::rng;

/// An evaluation that has no result. The output holds whatever was written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A divisor of zero, or the one quotient that does not fit.
    #[error("division of {dividend} by {divisor} has no result")]
    Division {
        /// What was divided.
        dividend: i64,
        /// By what.
        divisor: i64,
    },
    /// No fragment has this index.
    #[error("fragment {index} does not exist")]
    NoFragment {
        /// The index.
        index: usize,
    },
    /// The output is shorter than the fragment's records.
    #[error("output holds {actual_bytes} bytes, the fragment writes {needed_bytes}")]
    ShortOutput {
        /// Bytes available.
        actual_bytes: usize,
        /// Bytes written.
        needed_bytes: usize,
    },
}

/// Evaluates one fragment, writing [`OutShape::bytes`] bytes to the front of `out`.
///
/// # Errors
/// See [`Fault`].
pub fn eval(
    program: &Program,
    fragment: usize,
    context: &ContextView<'_>,
    params: &[i64],
    out: &mut [u8],
) -> Result<(), Fault> {
    let def = program.fragments.get(fragment).ok_or(Fault::NoFragment { index: fragment })?;
    let meta = FragmentMeta::of(program, def);
    let slots = run(def, &meta, context, params)?;
    let (actual_bytes, needed_bytes) = (out.len(), slots.len() * 8);
    let Some(target) = out.get_mut(..needed_bytes) else {
        return Err(Fault::ShortOutput { actual_bytes, needed_bytes });
    };
    for (bytes, slot) in target.chunks_exact_mut(8).zip(&slots) {
        bytes.copy_from_slice(&slot.to_le_bytes());
    }
    Ok(())
}

/// Evaluates one fragment and returns its output slots.
///
/// # Errors
/// [`Fault::Division`].
pub fn run(
    fragment: &FragmentDef,
    meta: &FragmentMeta,
    context: &ContextView<'_>,
    params: &[i64],
) -> Result<Vec<i64>, Fault> {
    let scope = Scope { meta, context, params };
    let shape = OutShape::of(meta);
    let mut slots = vec![0i64; shape.words];
    for mask in &fragment.masks {
        let mut bits = 0i64;
        for (index, entry) in mask.entries.iter().enumerate() {
            bits |= scope.value(entry)? << (index % 64);
        }
        slots.push(bits);
    }
    for (index, rule) in fragment.rules.iter().enumerate() {
        let fired = scope.value(&rule.when)?;
        if let Some(word) = slots.get_mut(index / 64) {
            *word |= fired << (index % 64);
        }
        for outcome in &rule.outcomes {
            if let Some(loot) = &outcome.loot {
                let mask = meta
                    .masks
                    .iter()
                    .position(|table| *table == loot.table)
                    .and_then(|at| slots.get(shape.mask_slot(at)).copied())
                    .unwrap_or(-1);
                let count = scope.value(&loot.count)?;
                slots.extend([
                    index as i64,
                    i64::from(loot.table),
                    count,
                    mask,
                    i64::from(loot.draw_base),
                ]);
            }
            for value in &outcome.payload {
                let value = scope.value(&value.value)?;
                slots.push(value);
            }
        }
    }
    Ok(slots)
}

/// The value of one expression of a fragment.
///
/// # Errors
/// [`Fault::Division`].
pub fn value(
    expr: &Expr,
    meta: &FragmentMeta,
    context: &ContextView<'_>,
    params: &[i64],
) -> Result<i64, Fault> {
    Scope { meta, context, params }.value(expr)
}

struct Scope<'a> {
    meta: &'a FragmentMeta,
    context: &'a ContextView<'a>,
    params: &'a [i64],
}

impl Scope<'_> {
    fn value(&self, expr: &Expr) -> Result<i64, Fault> {
        Ok(match expr {
            Expr::Const(value) => *value,
            Expr::Field(index) => self.context.slot(usize::from(*index)),
            Expr::Param(index) => self.params.get(usize::from(*index)).copied().unwrap_or(0),
            Expr::Rate(index) => self.context.slot(self.meta.counter_slot(*index)),
            Expr::Active(index) => self.context.slot(self.meta.timer_slot(*index)),
            Expr::Now => self.context.now_ms(),
            Expr::Not(inner) => i64::from(self.value(inner)? == 0),
            Expr::Neg(inner) => self.value(inner)?.wrapping_neg(),
            Expr::Abs(inner) => self.value(inner)?.wrapping_abs(),
            Expr::Binary(op, left, right) => binary(*op, self.value(left)?, self.value(right)?)?,
            Expr::Select(condition, then, otherwise) => {
                let (then, otherwise) = (self.value(then)?, self.value(otherwise)?);
                if self.value(condition)? != 0 { then } else { otherwise }
            }
            Expr::Chance { p, rule_hash, draw } => {
                let bits = rng::draw(self.context.seed(), *rule_hash, *draw);
                i64::from(rng::chance(bits, self.value(p)?))
            }
            Expr::Pick { n, rule_hash, draw } => {
                let bits = rng::draw(self.context.seed(), *rule_hash, *draw);
                rng::scale(bits, self.value(n)? as u64) as i64
            }
            Expr::Bucket { n, salt } => {
                let bits = rng::draw(self.context.player(), *salt, 0);
                rng::scale(bits, self.value(n)? as u64) as i64
            }
        })
    }
}

fn binary(op: BinaryOp, a: i64, b: i64) -> Result<i64, Fault> {
    let fault = |dividend| Fault::Division { dividend, divisor: b };
    Ok(match op {
        BinaryOp::Add => a.wrapping_add(b),
        BinaryOp::Sub => a.wrapping_sub(b),
        BinaryOp::Mul => a.wrapping_mul(b),
        BinaryOp::MulDecimal => a.wrapping_mul(b) / DECIMAL_ONE,
        BinaryOp::Div => a.checked_div(b).ok_or(fault(a))?,
        BinaryOp::DivDecimal => {
            let scaled = a.wrapping_mul(DECIMAL_ONE);
            scaled.checked_div(b).ok_or(fault(scaled))?
        }
        BinaryOp::Rem if b == 0 => return Err(fault(a)),
        BinaryOp::Rem => a.wrapping_rem(b),
        BinaryOp::Eq => i64::from(a == b),
        BinaryOp::Ne => i64::from(a != b),
        BinaryOp::Lt => i64::from(a < b),
        BinaryOp::Le => i64::from(a <= b),
        BinaryOp::Gt => i64::from(a > b),
        BinaryOp::Ge => i64::from(a >= b),
        BinaryOp::And => a & b,
        BinaryOp::Or => a | b,
        BinaryOp::Min => a.min(b),
        BinaryOp::Max => a.max(b),
    })
}
