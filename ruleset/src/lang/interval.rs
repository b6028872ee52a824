//! Intervals: the smallest and largest value that an expression can take.
//!
//! Bounds are exact integers in the representation of the type, computed in 128 bits from operands
//! of 64, so nothing in here overflows. The analysis ignores paths: both arms of a choice count.

use crate::ir::{BinaryOp, DECIMAL_ONE, Expr};

/// An inclusive range; `min ≤ max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) min: i64,
    pub(super) max: i64,
}

/// What an operation may do to some input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hazard {
    /// It may leave the 64 bits, before or after rescaling; the bounds it would need.
    Overflow(i128, i128),
    /// The divisor may be zero.
    Zero,
}

pub(super) const BOOL: Interval = Interval { min: 0, max: 1 };

impl Interval {
    pub(super) fn point(value: i64) -> Interval {
        Interval { min: value, max: value }
    }

    pub(super) fn new(min: i64, max: i64) -> Interval {
        Interval { min, max: max.max(min) }
    }

    /// The value, when there is only one.
    pub(super) fn single(self) -> Option<i64> {
        (self.min == self.max).then_some(self.min)
    }

    pub(super) fn hull(self, other: Interval) -> Interval {
        Interval { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    pub(super) fn within(self, min: i64, max: i64) -> bool {
        self.min >= min && self.max <= max
    }

    pub(super) fn abs(self) -> Interval {
        // `fit` keeps `i64::MIN` out of every interval.
        let (a, b) = (self.min.saturating_abs(), self.max.saturating_abs());
        let least = if self.min <= 0 && self.max >= 0 { 0 } else { a.min(b) };
        Interval { min: least, max: a.max(b) }
    }

    pub(super) fn negated(self) -> Interval {
        Interval { min: self.max.saturating_neg(), max: self.min.saturating_neg() }
    }
}

/// Bounds as an interval. `i64::MIN` counts as overflow: negating it, or dividing it by -1, would.
fn fit(min: i128, max: i128) -> Result<Interval, Hazard> {
    match (i64::try_from(min), i64::try_from(max)) {
        (Ok(least), Ok(most)) if least > i64::MIN => Ok(Interval { min: least, max: most }),
        _ => Err(Hazard::Overflow(min, max)),
    }
}

fn corners(left: Interval, right: Interval, of: impl Fn(i128, i128) -> i128) -> (i128, i128) {
    let mut bounds: Option<(i128, i128)> = None;
    for a in [left.min, left.max] {
        for b in [right.min, right.max] {
            let value = of(a.into(), b.into());
            let (min, max) = bounds.unwrap_or((value, value));
            bounds = Some((min.min(value), max.max(value)));
        }
    }
    bounds.unwrap_or((0, 0))
}

/// What `left op right` can be.
pub(super) fn binary(op: BinaryOp, left: Interval, right: Interval) -> Result<Interval, Hazard> {
    let one = i128::from(DECIMAL_ONE);
    let compare = |always: bool, never: bool| match (always, never) {
        (true, _) => Interval::point(1),
        (_, true) => Interval::point(0),
        _ => BOOL,
    };
    let (a, b) = (left, right);
    let bounds = match op {
        BinaryOp::Add => corners(a, b, |a, b| a + b),
        BinaryOp::Sub => corners(a, b, |a, b| a - b),
        BinaryOp::Mul => corners(a, b, |a, b| a * b),
        BinaryOp::MulDecimal => {
            let (min, max) = corners(a, b, |a, b| a * b);
            fit(min, max)?;
            (min / one, max / one)
        }
        BinaryOp::Div | BinaryOp::DivDecimal => {
            if b.min <= 0 && b.max >= 0 {
                return Err(Hazard::Zero);
            }
            let scale = if op == BinaryOp::Div { 1 } else { one };
            fit(i128::from(a.min) * scale, i128::from(a.max) * scale)?;
            // The divisor keeps one sign, so the quotient is monotonic in each operand.
            corners(a, b, |a, b| a * scale / b)
        }
        BinaryOp::Rem => {
            // Planted: forgets the divisors that end at zero.
            let reaches = if cfg!(cairn_planted = "compiler") { b.max > 0 } else { b.max >= 0 };
            if b.min <= 0 && reaches {
                return Err(Hazard::Zero);
            }
            if let (Some(a), Some(b)) = (a.single(), b.single()) {
                let rest = i128::from(a) % i128::from(b);
                return fit(rest, rest);
            }
            let most = i128::from(b.abs().max) - 1;
            let min = if a.min >= 0 { 0 } else { (-most).max(a.min.into()) };
            let max = if a.max <= 0 { 0 } else { most.min(a.max.into()) };
            (min, max)
        }
        BinaryOp::Eq | BinaryOp::Ne => {
            let apart = a.max < b.min || b.max < a.min;
            let same = a.single().is_some() && a.single() == b.single();
            return Ok(if op == BinaryOp::Eq {
                compare(same, apart)
            } else {
                compare(apart, same)
            });
        }
        BinaryOp::Lt => return Ok(compare(a.max < b.min, a.min >= b.max)),
        BinaryOp::Le => return Ok(compare(a.max <= b.min, a.min > b.max)),
        BinaryOp::Gt => return Ok(compare(a.min > b.max, a.max <= b.min)),
        BinaryOp::Ge => return Ok(compare(a.min >= b.max, a.max < b.min)),
        BinaryOp::And => return Ok(Interval::new(a.min & b.min, a.max & b.max)),
        BinaryOp::Or => return Ok(Interval::new(a.min | b.min, a.max | b.max)),
        BinaryOp::Min => (a.min.min(b.min).into(), a.max.min(b.max).into()),
        BinaryOp::Max => (a.min.max(b.min).into(), a.max.max(b.max).into()),
    };
    fit(bounds.0, bounds.1)
}

/// What a comparison says of one and the same value on both sides, whatever the value is. Draws
/// are told apart by their numbers. Linear in the smaller expression.
pub(super) fn with_itself(op: BinaryOp, left: &Expr, right: &Expr) -> Option<Interval> {
    let holds = match op {
        BinaryOp::Eq | BinaryOp::Le | BinaryOp::Ge => 1,
        BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Gt => 0,
        _ => return None,
    };
    (left == right).then(|| Interval::point(holds))
}

/// One operation on values; `None` where the interval analysis would have refused it.
pub(super) fn apply(op: BinaryOp, a: i128, b: i128) -> Option<i128> {
    let one = i128::from(DECIMAL_ONE);
    Some(match op {
        BinaryOp::Add => a.checked_add(b)?,
        BinaryOp::Sub => a.checked_sub(b)?,
        BinaryOp::Mul => a.checked_mul(b)?,
        BinaryOp::MulDecimal => a.checked_mul(b)? / one,
        BinaryOp::Div => a.checked_div(b)?,
        BinaryOp::DivDecimal => a.checked_mul(one)?.checked_div(b)?,
        BinaryOp::Rem => a.checked_rem(b)?,
        BinaryOp::Eq => (a == b).into(),
        BinaryOp::Ne => (a != b).into(),
        BinaryOp::Lt => (a < b).into(),
        BinaryOp::Le => (a <= b).into(),
        BinaryOp::Gt => (a > b).into(),
        BinaryOp::Ge => (a >= b).into(),
        BinaryOp::And => a & b,
        BinaryOp::Or => a | b,
        BinaryOp::Min => a.min(b),
        BinaryOp::Max => a.max(b),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bound() -> impl Strategy<Value = i64> {
        prop_oneof![-5_i64..5, -3_000_000_i64..3_000_000, (i64::MIN + 1)..=i64::MAX]
    }

    proptest! {
        /// What the interval promises holds for every value inside the operands' intervals.
        #[test]
        fn intervals_are_sound(
            op in proptest::sample::select(&BinaryOp::ALL[..]),
            (a, b, c, d) in (bound(), bound(), bound(), bound()),
            (s, t) in (0_u64..=1_000, 0_u64..=1_000),
        ) {
            let (mut left, mut right) =
                (Interval::new(a.min(b), a.max(b)), Interval::new(c.min(d), c.max(d)));
            if matches!(op, BinaryOp::And | BinaryOp::Or) {
                left = Interval::new(a.min(b) & 1, a.max(b) & 1);
                right = Interval::new(c.min(d) & 1, c.max(d) & 1);
            }
            let inside = |i: Interval, s: u64| {
                let width = i128::from(i.max) - i128::from(i.min);
                i128::from(i.min) + width * i128::from(s) / 1_000
            };
            if let Ok(result) = binary(op, left, right) {
                let value = apply(op, inside(left, s), inside(right, t));
                let value = value.expect("a safe operation has a value");
                prop_assert!(
                    i128::from(result.min) <= value && value <= i128::from(result.max),
                    "{op:?} {left:?} {right:?} = {value}, not in {result:?}"
                );
            }
        }
    }

    #[test]
    fn hazards_are_found() {
        let whole = Interval::new(i64::MIN + 1, i64::MAX);
        let small = Interval::new(-2, 3);
        assert!(matches!(binary(BinaryOp::Add, whole, small), Err(Hazard::Overflow(..))));
        assert_eq!(binary(BinaryOp::Div, small, small), Err(Hazard::Zero));
        assert_eq!(binary(BinaryOp::Rem, small, Interval::point(0)), Err(Hazard::Zero));
        let big = Interval::point(4_000_000_000_000);
        assert!(matches!(binary(BinaryOp::MulDecimal, big, big), Err(Hazard::Overflow(..))));
        assert!(matches!(
            binary(BinaryOp::DivDecimal, whole, Interval::point(5)),
            Err(Hazard::Overflow(..))
        ));
    }
}
