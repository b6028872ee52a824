//! Expressions in 128 bits: the interval analysis promised that nothing leaves 64.
//!
//! Written from the language's definition, not from the interpreter: nothing here wraps, and every
//! promise that the checker makes (no overflow, no zero divisor, chances and counts in range) is
//! an assertion at the place where it would break.

use crate::context::ContextView;
use crate::ir::{BinaryOp, DECIMAL_ONE, Expr};
use crate::meta::FragmentMeta;
use crate::rng;

pub(super) struct Exact<'a> {
    pub(super) meta: &'a FragmentMeta,
    pub(super) context: &'a ContextView<'a>,
    pub(super) params: &'a [i64],
}

/// A value that fits, as the analysis promised.
fn fits(value: i128, expr: &Expr) -> i128 {
    assert!(i64::try_from(value).is_ok(), "{value} leaves 64 bits in {expr:?}");
    value
}

impl Exact<'_> {
    pub(super) fn value(&self, expr: &Expr) -> i128 {
        let value = match expr {
            Expr::Const(value) => (*value).into(),
            Expr::Field(index) => self.context.slot(usize::from(*index)).into(),
            Expr::Param(index) => self.params[usize::from(*index)].into(),
            Expr::Rate(index) => self.context.slot(self.meta.counter_slot(*index)).into(),
            Expr::Active(index) => self.context.slot(self.meta.timer_slot(*index)).into(),
            Expr::Now => self.context.now_ms().into(),
            Expr::Not(inner) => 1 - self.bool(inner),
            Expr::Neg(inner) => -self.value(inner),
            Expr::Abs(inner) => self.value(inner).abs(),
            Expr::Binary(op, left, right) => self.binary(*op, left, right, expr),
            Expr::Select(condition, then, otherwise) => {
                let (then, otherwise) = (self.value(then), self.value(otherwise));
                if self.bool(condition) == 1 { then } else { otherwise }
            }
            Expr::Chance { p, rule_hash, draw } => {
                let p = self.value(p);
                assert!((0..=i128::from(DECIMAL_ONE)).contains(&p), "chance of {p} in {expr:?}");
                let bits = rng::draw(self.context.seed(), *rule_hash, *draw);
                // 32 bits of randomness scaled to a million.
                let million = (u128::from(bits >> 32) * 1_000_000) >> 32;
                i128::from((million as i128) < p)
            }
            Expr::Pick { n, rule_hash, draw } => {
                self.scaled(rng::draw(self.context.seed(), *rule_hash, *draw), n)
            }
            Expr::Bucket { n, salt } => self.scaled(rng::draw(self.context.player(), *salt, 0), n),
        };
        fits(value, expr)
    }

    fn scaled(&self, bits: u64, n: &Expr) -> i128 {
        let n = self.value(n);
        assert!((1..=1 << 31).contains(&n), "a choice among {n}");
        (i128::from(bits >> 32) * n) >> 32
    }

    pub(super) fn bool(&self, expr: &Expr) -> i128 {
        let value = self.value(expr);
        assert!(value == 0 || value == 1, "{value} where yes or no belongs: {expr:?}");
        value
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr, whole: &Expr) -> i128 {
        let one = i128::from(DECIMAL_ONE);
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            let (a, b) = (self.bool(left), self.bool(right));
            return if op == BinaryOp::And { a * b } else { a.max(b) };
        }
        let (a, b) = (self.value(left), self.value(right));
        if matches!(op, BinaryOp::Div | BinaryOp::DivDecimal | BinaryOp::Rem) {
            assert!(b != 0, "division of {a} by zero in {whole:?}");
        }
        match op {
            BinaryOp::Add => a + b,
            BinaryOp::Sub => a - b,
            BinaryOp::Mul => a * b,
            BinaryOp::MulDecimal => fits(a * b, whole) / one,
            BinaryOp::Div => a / b,
            BinaryOp::DivDecimal => fits(a * one, whole) / b,
            BinaryOp::Rem => a % b,
            BinaryOp::Eq => (a == b).into(),
            BinaryOp::Ne => (a != b).into(),
            BinaryOp::Lt => (a < b).into(),
            BinaryOp::Le => (a <= b).into(),
            BinaryOp::Gt => (a > b).into(),
            BinaryOp::Ge => (a >= b).into(),
            BinaryOp::Min => a.min(b),
            BinaryOp::Max => a.max(b),
            BinaryOp::And | BinaryOp::Or => unreachable!("answered above"),
        }
    }
}
