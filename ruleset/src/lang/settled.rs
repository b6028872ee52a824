//! Conditions that are the same for every input, though no interval shows it.
//!
//! Parts joined by `&&` may leave an input no value at all, parts joined by `||` all of its values;
//! and a part may stand beside its own opposite. The second is the first of what is denied, so one
//! search finds both. What it finds is so; what it does not find may be so, too.

use std::collections::BTreeMap;

use super::scope::Scope;
use super::witness::Input;
use crate::ir::{BinaryOp, Expr, On, Type};

/// What is known of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// Always true, or else never.
    pub(super) always: bool,
    /// Which input settles it; `None` where a part and its opposite do.
    pub(super) input: Option<Input>,
    /// It is a conjunction that never holds, though each part that speaks of the input could.
    pub(super) contrary: bool,
}

impl Settled {
    /// The input about which parts that could each hold contradict each other.
    pub(super) fn contradicted(self, scope: &Scope, on: Option<On>) -> Option<String> {
        self.input.filter(|_| self.contrary).map(|input| input.name(scope, on))
    }
}

/// Pieces kept of one input's values; more are left out of the search.
const PIECE_COUNT_MAX: usize = 64;
/// Parts that are compared with one another.
const PAIRED_COUNT_MAX: usize = 16;

/// Values of one input: sorted, disjoint pieces, both ends inclusive.
type Pieces = Vec<(i64, i64)>;

/// What settles the condition `expr`. Linear in its size, but for what the bounds above allow.
pub(super) fn settled(scope: &Scope, on: Option<On>, mut expr: &Expr) -> Option<Settled> {
    let mut denied = false;
    while let Expr::Not(inner) = expr {
        expr = inner;
        denied = !denied;
    }
    [BinaryOp::And, BinaryOp::Or].into_iter().find_map(|op| {
        let always = (op == BinaryOp::Or) != denied;
        let input = joined(scope, on, (op, always), expr)?;
        let contrary = input.is_some_and(|input| {
            op == BinaryOp::And && !denied && each_could(scope, on, input, expr)
        });
        Some(Settled { always, input, contrary })
    })
}

/// Whether every part of a conjunction that speaks of one input alone could hold.
fn each_could(scope: &Scope, on: Option<On>, input: Input, expr: &Expr) -> bool {
    let range = input.range(scope, on).1;
    let mut open = vec![expr];
    while let Some(part) = open.pop() {
        match part {
            Expr::Binary(BinaryOp::And, a, b) => open.extend([a.as_ref(), b.as_ref()]),
            part => {
                let pieces = allowed(part).filter(|(of, _)| *of == input).map(|(_, pieces)| pieces);
                let empty =
                    |pieces: Pieces| intersect(&pieces, &[(range.min, range.max)]).is_empty();
                if pieces.is_some_and(empty) {
                    return false;
                }
            }
        }
    }
    true
}

/// Which input the parts of `expr` that `op` joins leave no value, or in a disjunction what denies them;
/// `Some(None)` for a part and its opposite. The whole would then be so `always`, or never.
fn joined(
    scope: &Scope,
    on: Option<On>,
    (op, always): (BinaryOp, bool),
    expr: &Expr,
) -> Option<Option<Input>> {
    let mut left: BTreeMap<Input, Pieces> = BTreeMap::new();
    let mut parts: Vec<&Expr> = Vec::new();
    let mut open = vec![expr];
    while let Some(part) = open.pop() {
        if let Expr::Binary(own, a, b) = part
            && *own == op
        {
            open.push(b);
            open.push(a);
            continue;
        }
        if parts.len() < PAIRED_COUNT_MAX {
            if parts.iter().any(|other| opposite(part, other)) {
                return Some(None);
            }
            parts.push(part);
        }
        let Some((input, mut allowed)) = allowed(part) else { continue };
        if op == BinaryOp::Or {
            allowed = complement(&allowed);
        }
        let (ty, range) = input.range(scope, on);
        // To name all values that an enum has today is no mistake: it may get more.
        let open = always && matches!(ty, Type::Enum(_));
        let max = if open { i64::MAX } else { range.max };
        let known = left.entry(input).or_insert_with(|| vec![(range.min, max)]);
        *known = intersect(known, &allowed);
        match (&known[..], known.len() > PIECE_COUNT_MAX) {
            ([], _) => return Some(Some(input)),
            // Too many to follow: without the gaps, values seem to be left that are not.
            ([first, .., last], true) => *known = vec![(first.0, last.1)],
            _ => {}
        }
    }
    None
}

/// Whether one of two conditions holds exactly when the other does not.
fn opposite(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Not(inner), other) | (other, Expr::Not(inner)) => **inner == *other,
        (Expr::Binary(op, a, b), Expr::Binary(other, c, d)) => denied(*op).is_some_and(|op| {
            (op == *other && a == c && b == d) || (mirrored(op) == *other && a == d && b == c)
        }),
        _ => false,
    }
}

/// The comparison that holds when `op` does not.
fn denied(op: BinaryOp) -> Option<BinaryOp> {
    use BinaryOp::*;
    Some(match op {
        Eq => Ne,
        Ne => Eq,
        Lt => Ge,
        Ge => Lt,
        Gt => Le,
        Le => Gt,
        _ => return None,
    })
}

/// The comparison that holds when the sides change places.
fn mirrored(op: BinaryOp) -> BinaryOp {
    use BinaryOp::*;
    match op {
        Lt => Gt,
        Le => Ge,
        Gt => Lt,
        Ge => Le,
        other => other,
    }
}

/// Exactly the values of one input for which `part` holds, if it speaks of one input alone.
fn allowed(part: &Expr) -> Option<(Input, Pieces)> {
    use BinaryOp::*;
    if let Some(input) = Input::of(part) {
        return Some((input, vec![(1, 1)]));
    }
    let (input, pieces) = match part {
        Expr::Not(inner) => {
            let (input, pieces) = allowed(inner)?;
            (input, complement(&pieces))
        }
        Expr::Binary(op @ (Or | And), a, b) => {
            let (left, mut pieces) = allowed(a)?;
            let (right, more) = allowed(b)?;
            if left != right {
                return None;
            }
            pieces = match op {
                And => intersect(&pieces, &more),
                _ => {
                    pieces.extend(more);
                    normal(pieces)
                }
            };
            (left, pieces)
        }
        Expr::Binary(op, a, b) => {
            let (line, value, op) = match (Line::of(a), &**b, Line::of(b), &**a) {
                (Some(line), Expr::Const(value), ..) => (line, *value, *op),
                (_, _, Some(line), Expr::Const(value)) => (line, *value, mirrored(*op)),
                _ => return None,
            };
            let (least, most) = (i64::MIN, i64::MAX);
            let below = value.checked_sub(1).map(|below| (least, below));
            let above = value.checked_add(1).map(|above| (above, most));
            let pieces = match op {
                Eq => [Some((value, value)), None],
                Ne => [below, above],
                Lt => [below, None],
                Le => [Some((least, value)), None],
                Gt => [above, None],
                Ge => [Some((value, most)), None],
                _ => return None,
            };
            let pieces = pieces.into_iter().flatten().map(|piece| line.back(piece));
            (line.input, normal(pieces.collect()))
        }
        _ => return None,
    };
    (pieces.len() <= PIECE_COUNT_MAX).then_some((input, pieces))
}

/// `factor · input + offset`, of which the interval analysis knows that it never overflows.
struct Line {
    input: Input,
    /// At least 1.
    factor: i128,
    offset: i128,
}

impl Line {
    fn of(expr: &Expr) -> Option<Line> {
        if let Some(input) = Input::of(expr) {
            return Some(Line { input, factor: 1, offset: 0 });
        }
        let Expr::Binary(op, a, b) = expr else { return None };
        let (inner, value) = match (&**a, &**b, op) {
            (inner, Expr::Const(value), BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul)
            | (Expr::Const(value), inner, BinaryOp::Add | BinaryOp::Mul) => (inner, *value),
            _ => return None,
        };
        let input = Input::of(inner)?;
        let value = i128::from(value);
        match op {
            BinaryOp::Add => Some(Line { input, factor: 1, offset: value }),
            BinaryOp::Sub => Some(Line { input, factor: 1, offset: -value }),
            _ => (value > 0).then_some(Line { input, factor: value, offset: 0 }),
        }
    }

    /// The values of the input that lead into a piece; a piece whose ends are the wrong way round
    /// when there are none.
    fn back(&self, (min, max): (i64, i64)) -> (i64, i64) {
        let limit = |value: i128| {
            value.clamp(i64::MIN.into(), i64::MAX.into()).try_into().unwrap_or_default()
        };
        let (min, max) = (i128::from(min) - self.offset, i128::from(max) - self.offset);
        let least = -(-min).div_euclid(self.factor);
        let (most, out) = (max.div_euclid(self.factor), i128::from(i64::MAX));
        match least > out || most < i128::from(i64::MIN) {
            true => (1, 0),
            false => (limit(least), limit(most)),
        }
    }
}

/// Sorted, disjoint pieces of which no two touch.
fn normal(mut pieces: Pieces) -> Pieces {
    pieces.retain(|piece| piece.0 <= piece.1);
    pieces.sort_unstable();
    let mut merged: Pieces = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match merged.last_mut() {
            Some(last) if piece.0 <= last.1.saturating_add(1) => last.1 = last.1.max(piece.1),
            _ => merged.push(piece),
        }
    }
    merged
}

/// Every other value. Linear.
fn complement(pieces: &[(i64, i64)]) -> Pieces {
    let mut gaps = Vec::with_capacity(pieces.len() + 1);
    let mut next = Some(i64::MIN);
    for (min, max) in pieces {
        if let Some(start) = next
            && start < *min
        {
            gaps.push((start, min - 1));
        }
        next = max.checked_add(1);
    }
    gaps.extend(next.map(|start| (start, i64::MAX)));
    gaps
}

/// What both lists hold. Linear.
fn intersect(left: &[(i64, i64)], right: &[(i64, i64)]) -> Pieces {
    let mut pieces = Vec::new();
    let (mut a, mut b) = (0, 0);
    while let (Some(x), Some(y)) = (left.get(a), right.get(b)) {
        let piece = (x.0.max(y.0), x.1.min(y.1));
        if piece.0 <= piece.1 {
            pieces.push(piece);
        }
        if x.1 < y.1 {
            a += 1;
        } else {
            b += 1;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_intersect() {
        let gaps = normal(vec![(7, 9), (1, 3), (4, 5), (9, 8), (8, 12)]);
        assert_eq!(gaps, [(1, 5), (7, 12)]);
        assert_eq!(
            intersect(&gaps, &[(2, 2), (5, 7), (11, 20)]),
            [(2, 2), (5, 5), (7, 7), (11, 12)]
        );
        assert_eq!(intersect(&gaps, &[(6, 6)]), []);
        assert_eq!(normal(vec![(i64::MIN, 3), (5, i64::MAX)]), [(i64::MIN, 3), (5, i64::MAX)]);
        assert_eq!(complement(&gaps), [(i64::MIN, 0), (6, 6), (13, i64::MAX)]);
        assert_eq!(complement(&[(i64::MIN, i64::MAX)]), []);
        assert_eq!(complement(&[]), [(i64::MIN, i64::MAX)]);
    }

    /// Conditions over the input number 0, small numbers everywhere.
    fn condition() -> impl Strategy<Value = Expr> {
        use BinaryOp::*;
        let binary = |op, a, b| Expr::Binary(op, Box::new(a), Box::new(b));
        let side =
            (0_u16..2, proptest::sample::select(vec![Add, Sub, Mul]), -3_i64..8, any::<bool>())
                .prop_map(move |(input, op, value, plain)| match plain {
                    true => Expr::Rate(input),
                    false => binary(op, Expr::Rate(input), Expr::Const(value)),
                });
        let compared = (side, -4_i64..20, proptest::sample::select(vec![Eq, Ne, Lt, Le, Gt, Ge]))
            .prop_map(move |(side, value, op)| match value % 2 {
                0 => binary(op, side, Expr::Const(value)),
                _ => binary(op, Expr::Const(value), side),
            });
        compared.prop_recursive(4, 24, 2, move |inner| {
            (inner.clone(), inner, 0_u8..5).prop_map(move |(a, b, kind)| match kind {
                0 => Expr::Not(Box::new(a)),
                1 | 2 => binary(And, a, b),
                _ => binary(Or, a, b),
            })
        })
    }

    #[test]
    fn the_ends_of_all_numbers_are_values_too() {
        use BinaryOp::*;
        let (least, most) = (i64::MIN, i64::MAX);
        for (op, value, expected) in [
            (Ne, most, vec![(least, most - 1)]),
            (Ne, least, vec![(least + 1, most)]),
            (Gt, most, vec![]),
            (Lt, least, vec![]),
            (Eq, most, vec![(most, most)]),
            (Ge, most, vec![(most, most)]),
            (Le, most, vec![(least, most)]),
        ] {
            let compared = Expr::Binary(op, Box::new(Expr::Rate(0)), Box::new(Expr::Const(value)));
            assert_eq!(allowed(&compared), Some((Input::Rate(0), expected)), "{op:?} {value}");
        }
    }

    proptest! {
        /// What is said to be settled is so for every value.
        #[test]
        fn what_is_settled_is_so(expr in condition()) {
            let counter = |name: &str| crate::ir::CounterDef {
                name: name.to_owned(), trigger: 0, window_ms: 1_000, max: 12,
            };
            let scope = Scope { counters: vec![counter("a"), counter("b")], ..Scope::default() };
            if let Some(settled) = settled(&scope, None, &expr) {
                for (a, b) in (0..=12).flat_map(|a| (0..=12).map(move |b| (a, b))) {
                    let values = BTreeMap::from([(Input::Rate(0), a), (Input::Rate(1), b)]);
                    let value = super::super::witness::eval(&expr, &values);
                    prop_assert_eq!(value, Some(settled.always.into()), "{} and {}", a, b);
                }
            }
        }

        /// And where one input alone is spoken of, nothing that is settled is missed.
        #[test]
        fn of_one_input_nothing_is_missed(expr in condition()) {
            let Some((input, pieces)) = allowed(&expr) else { return Ok(()) };
            for value in 0..=12 {
                let values = BTreeMap::from([(Input::Rate(0), value), (Input::Rate(1), value)]);
                let holds = super::super::witness::eval(&expr, &values);
                let inside = pieces.iter().any(|piece| (piece.0..=piece.1).contains(&value));
                prop_assert_eq!(holds, Some(inside.into()), "{:?} {}", input, value);
            }
        }
    }
}
