//! The search for an input on which two expressions decide differently, led by how far each is
//! from deciding.
//!
//! The distance of an expression from true or false is the branch distance of search-based testing
//! (Korel 1990; Tracey et al. 1998): a comparison is as far as its sides are apart, `&&` adds, `||`
//! takes the nearer side. The search is the alternating variable method: one input after the other
//! is moved to whichever of its values brings the goal nearest, until nothing helps, then again
//! from another place. Seeds are not searched for but solved, see [`super::seed`].

use std::collections::BTreeSet;

use super::seed;
use super::space::{Role, Side, Space};
use crate::context::ContextView;
use crate::interp::{self, Fault};
use crate::ir::{BinaryOp, Expr};
use crate::meta::FragmentMeta;
use crate::rng;

/// Inputs tried for one change.
pub(super) const TRIES_MAX: u64 = 20_000;

/// Added for a part that cannot be told how far it is off.
const STEP: u64 = 1 << 10;

/// One side of a comparison.
pub(super) struct Subject<'a> {
    /// Whether it decides for or against.
    pub(super) when: &'a Expr,
    /// Values that matter when it decides for.
    pub(super) values: Vec<&'a Expr>,
    pub(super) frame: &'a FragmentMeta,
    pub(super) params: &'a [i64],
}

/// What is wanted.
pub(super) enum Goal<'a> {
    /// One side decides for, the other against.
    Decides,
    /// Both decide for, and some pair of values is not the same by this judgement.
    Gives(&'a dyn Fn(usize, i64, i64) -> bool),
}

/// What came of a search.
pub(super) enum Found {
    /// A point that does it, made as plain as it stays.
    Point(Vec<i64>),
    /// None within so many tries.
    Nothing(u64),
}

pub(super) struct Search<'a> {
    pub(super) space: &'a Space,
    pub(super) old: Subject<'a>,
    pub(super) new: Subject<'a>,
    pub(super) goal: Goal<'a>,
    tries: u64,
    tries_max: u64,
    buffers: (Vec<u8>, Vec<u8>),
}

/// A draw whose outcome a seed can be solved for.
struct Draw<'a> {
    n: &'a Expr,
    chance: bool,
    player: bool,
    hash: u64,
    number: u32,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        space: &'a Space,
        old: Subject<'a>,
        new: Subject<'a>,
        goal: Goal<'a>,
        tries_max: u64,
    ) -> Search<'a> {
        let buffers = (Vec::new(), Vec::new());
        Search { space, old, new, goal, tries: 0, tries_max, buffers }
    }

    /// Searches, at most `tries_max` inputs long.
    ///
    /// # Errors
    /// A fault of the interpreter, which the checker excludes.
    pub(super) fn run(&mut self) -> Result<Found, Fault> {
        let relevant = self.relevant();
        let mut round = 0u32;
        while self.tries < self.tries_max {
            let mut point = self.start(round, &relevant);
            let mut best = self.distance(&point)?;
            loop {
                let before = best;
                for &input in &relevant {
                    for value in self.moves(&point, input)? {
                        if best == 0 || self.tries >= self.tries_max {
                            break;
                        }
                        let Some(known) = point.get_mut(input) else { continue };
                        let stood = std::mem::replace(known, value);
                        let here = self.distance(&point)?;
                        if here < best {
                            best = here;
                        } else if let Some(known) = point.get_mut(input) {
                            *known = stood;
                        }
                    }
                }
                if best == 0 {
                    return self.plainer(point).map(Found::Point);
                }
                if best >= before || self.tries >= self.tries_max {
                    break;
                }
            }
            if relevant.is_empty() {
                // Nothing that a game supplies can make a difference.
                break;
            }
            round += 1;
        }
        Ok(Found::Nothing(self.tries))
    }

    /// Inputs that either side reads.
    fn relevant(&self) -> Vec<usize> {
        let mut found = BTreeSet::new();
        for (subject, side) in [(&self.old, Side::Old), (&self.new, Side::New)] {
            for expr in std::iter::once(subject.when).chain(subject.values.iter().copied()) {
                walk(expr, &mut |part| {
                    found.extend(self.space.input_of(part, side, subject.frame));
                    match part {
                        Expr::Chance { .. } | Expr::Pick { .. } => {
                            found.insert(self.space.position(Role::Seed));
                        }
                        Expr::Bucket { .. } => {
                            found.insert(self.space.position(Role::Player));
                        }
                        _ => {}
                    }
                });
            }
        }
        found.into_iter().collect()
    }

    /// The plainest point first, then others, the same in every run.
    fn start(&self, round: u32, relevant: &[usize]) -> Vec<i64> {
        let mut point = self.space.plain();
        for &index in relevant.iter().filter(|_| round > 0) {
            let Some(input) = self.space.inputs.get(index) else { continue };
            let bits = rng::draw(u64::from(round), index as u64, 0);
            let at = rng::scale(bits, input.candidates.len() as u64) as usize;
            if let (Some(known), Some(value)) = (point.get_mut(index), input.candidates.get(at)) {
                *known = *value;
            }
        }
        point
    }

    /// Where one input may go from a point: its candidates, what the comparisons at hand ask for,
    /// steps of every size.
    fn moves(&mut self, point: &[i64], index: usize) -> Result<Vec<i64>, Fault> {
        let Some(input) = self.space.inputs.get(index) else { return Ok(Vec::new()) };
        let mut moves = input.candidates.clone();
        let here = point.get(index).copied().unwrap_or(0);
        let drawn = matches!(input.role, Role::Seed | Role::Player);
        self.place(point);
        for (subject, side) in [(&self.old, Side::Old), (&self.new, Side::New)] {
            let bytes = if side == Side::Old { &self.buffers.0 } else { &self.buffers.1 };
            let Some(context) = self.space.view(bytes, side) else { continue };
            let value = |expr: &Expr| interp::value(expr, subject.frame, &context, subject.params);
            let mut fault = None;
            for expr in std::iter::once(subject.when).chain(subject.values.iter().copied()) {
                walk(expr, &mut |part| {
                    let offered = match part {
                        _ if drawn => draws(part)
                            .filter(|draw| draw.player == (input.role == Role::Player))
                            .map(|draw| self.landings(&draw, &value))
                            .unwrap_or(Ok(Vec::new())),
                        Expr::Binary(op, a, b) if compares(*op) => {
                            let is = |side_of: &Expr| {
                                self.space.input_of(side_of, side, subject.frame) == Some(index)
                            };
                            let other = if is(a) {
                                Some(b)
                            } else if is(b) {
                                Some(a)
                            } else {
                                None
                            };
                            other.map_or(Ok(Vec::new()), |other| {
                                let to = value(other)?;
                                Ok(vec![to, to.saturating_sub(1), to.saturating_add(1)])
                            })
                        }
                        _ => Ok(Vec::new()),
                    };
                    match offered {
                        Ok(offered) => moves.extend(offered),
                        Err(error) => fault = Some(error),
                    }
                });
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        if !drawn {
            for shift in 0..63 {
                moves.extend([here.saturating_add(1 << shift), here.saturating_sub(1 << shift)]);
            }
        }
        moves.retain(|value| *value != here && input.accepts(*value));
        moves.truncate(512);
        Ok(moves)
    }

    /// Seeds on both sides of where a draw is decided at this point. The low bits of a seed's draw
    /// are free: a few choices of them give other draws a chance, too.
    fn landings(
        &self,
        draw: &Draw<'_>,
        value: &impl Fn(&Expr) -> Result<i64, Fault>,
    ) -> Result<Vec<i64>, Fault> {
        let n = value(draw.n)?;
        let (n, targets) = if draw.chance {
            (1_000_000, vec![n, n.saturating_sub(1), 0, 999_999])
        } else {
            let edges = self.space.constants.iter().flat_map(|c| [*c, c.saturating_sub(1)]);
            let near: Vec<i64> = edges.filter(|edge| (0..n).contains(edge)).take(32).collect();
            (n, [vec![0, n.saturating_sub(1), n / 2], near].concat())
        };
        let targets = targets.into_iter().filter(|to| (0..n).contains(to));
        let seeds = targets.flat_map(|to| {
            let low = |choice: u32| choice.wrapping_mul(0x9E37_79B9);
            (0..6).map(move |choice| (to, low(choice)))
        });
        Ok(seeds
            .map(|(to, low)| seed::landing(to as u64, n as u64, low, draw.hash, draw.number) as i64)
            .collect())
    }

    /// Sets every input back to its plain value where the difference stays.
    fn plainer(&mut self, mut point: Vec<i64>) -> Result<Vec<i64>, Fault> {
        for index in 0..point.len() {
            let Some(plain) = self.space.inputs.get(index).map(super::space::Input::plain) else {
                continue;
            };
            let stood = std::mem::replace(&mut point[index], plain);
            if stood != plain && self.distance(&point)? != 0 {
                point[index] = stood;
            }
        }
        Ok(point)
    }

    fn place(&mut self, point: &[i64]) {
        self.space.write(point, Side::Old, &mut self.buffers.0);
        self.space.write(point, Side::New, &mut self.buffers.1);
    }

    /// How far a point is from the goal; 0 when it is there.
    fn distance(&mut self, point: &[i64]) -> Result<u64, Fault> {
        self.tries += 1;
        self.place(point);
        let (Some(before), Some(after)) = (
            self.space.view(&self.buffers.0, Side::Old),
            self.space.view(&self.buffers.1, Side::New),
        ) else {
            return Ok(u64::MAX);
        };
        let old = |want| distance(self.old.when, want, &self.old, &before);
        let new = |want| distance(self.new.when, want, &self.new, &after);
        match &self.goal {
            Goal::Decides => {
                let gone = old(true)?.saturating_add(new(false)?);
                let come = old(false)?.saturating_add(new(true)?);
                Ok(gone.min(come))
            }
            Goal::Gives(same) => {
                let both = old(true)?.saturating_add(new(true)?);
                let mut nearest = STEP << 4;
                let pairs = self.old.values.iter().zip(&self.new.values).enumerate();
                for (index, (a, b)) in pairs {
                    let was = interp::value(a, self.old.frame, &before, self.old.params)?;
                    let is = interp::value(b, self.new.frame, &after, self.new.params)?;
                    if !same(index, was, is) {
                        return Ok(both);
                    }
                    let sides = ((&self.old, &before), (&self.new, &after));
                    nearest = nearest.min(gap(a, b, sides)?.max(1));
                }
                Ok(both.saturating_add(nearest))
            }
        }
    }
}

/// Calls `see` for every part of an expression.
pub(super) fn walk<'a>(expr: &'a Expr, see: &mut dyn FnMut(&'a Expr)) {
    see(expr);
    match expr {
        Expr::Not(a) | Expr::Neg(a) | Expr::Abs(a) => walk(a, see),
        Expr::Binary(_, a, b) => {
            walk(a, see);
            walk(b, see);
        }
        Expr::Select(a, b, c) => {
            walk(a, see);
            walk(b, see);
            walk(c, see);
        }
        Expr::Chance { p: n, .. } | Expr::Pick { n, .. } | Expr::Bucket { n, .. } => walk(n, see),
        Expr::Const(_)
        | Expr::Field(_)
        | Expr::Param(_)
        | Expr::Rate(_)
        | Expr::Active(_)
        | Expr::Now => {}
    }
}

/// Whether what comes of it follows the time itself, and not only whether a timer is active.
pub(super) fn reads_now(expr: &Expr) -> bool {
    let mut reads = false;
    walk(expr, &mut |part| reads |= matches!(part, Expr::Now));
    reads
}

fn draws(expr: &Expr) -> Option<Draw<'_>> {
    let (chance, player) = (false, false);
    match expr {
        Expr::Chance { p, rule_hash, draw } => {
            Some(Draw { n: p, chance: true, player, hash: *rule_hash, number: *draw })
        }
        Expr::Pick { n, rule_hash, draw } => {
            Some(Draw { n, chance, player, hash: *rule_hash, number: *draw })
        }
        Expr::Bucket { n, salt } => Some(Draw { n, chance, player: true, hash: *salt, number: 0 }),
        _ => None,
    }
}

fn compares(op: BinaryOp) -> bool {
    use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
    matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
}

/// How far two expressions that give one value are from giving two: as far as the nearest of their
/// choices is from being taken differently.
fn gap(
    old: &Expr,
    new: &Expr,
    sides: ((&Subject<'_>, &ContextView<'_>), (&Subject<'_>, &ContextView<'_>)),
) -> Result<u64, Fault> {
    let ((before, old_context), (after, new_context)) = sides;
    Ok(match (old, new) {
        (Expr::Select(c, a, b), Expr::Select(d, x, y)) => {
            let old = |want| distance(c, want, before, old_context);
            let new = |want| distance(d, want, after, new_context);
            let gone = old(true)?.saturating_add(new(false)?);
            let come = old(false)?.saturating_add(new(true)?);
            gone.min(come).min(gap(a, x, sides)?).min(gap(b, y, sides)?)
        }
        (Expr::Binary(op, a, b), Expr::Binary(other, x, y)) if op == other => {
            gap(a, x, sides)?.min(gap(b, y, sides)?)
        }
        _ => STEP << 4,
    })
}

/// How far a yes-or-no expression is from what is wanted; 0 exactly when it is that.
fn distance(
    expr: &Expr,
    want: bool,
    of: &Subject<'_>,
    context: &ContextView<'_>,
) -> Result<u64, Fault> {
    let value = |expr: &Expr| interp::value(expr, of.frame, context, of.params);
    let part = |expr: &Expr, want| distance(expr, want, of, context);
    let all = |a: u64, b: u64| a.saturating_add(b);
    Ok(match expr {
        Expr::Not(inner) => part(inner, !want)?,
        Expr::Binary(BinaryOp::And, a, b) | Expr::Binary(BinaryOp::Or, a, b) => {
            let (a, b) = (part(a, want)?, part(b, want)?);
            let both = matches!(expr, Expr::Binary(BinaryOp::And, ..)) == want;
            if both { all(a, b) } else { a.min(b) }
        }
        Expr::Select(condition, then, otherwise) => {
            let then = all(part(condition, true)?, part(then, want)?);
            then.min(all(part(condition, false)?, part(otherwise, want)?))
        }
        Expr::Binary(op, a, b) if compares(*op) => {
            let (a, b) = (value(a)?, value(b)?);
            let (lesser, greater) = if a < b { (a, b) } else { (b, a) };
            let apart = greater.abs_diff(lesser);
            let held = match op {
                BinaryOp::Eq => a == b,
                BinaryOp::Ne => a != b,
                BinaryOp::Lt => a < b,
                BinaryOp::Le => a <= b,
                BinaryOp::Gt => a > b,
                _ => a >= b,
            };
            // What does not hold is off by at least one, and so is equality that must go.
            if held == want { 0 } else { scaled(apart.saturating_add(1)) }
        }
        other => {
            if (value(other)? != 0) == want {
                0
            } else {
                STEP
            }
        }
    })
}

/// Keeps the order of distances and makes them fit to be added: the exponent and ten bits more.
fn scaled(distance: u64) -> u64 {
    let exponent = 63 - u64::from(distance.max(1).leading_zeros());
    let mantissa = (distance << (63 - exponent)) >> 53 & 0x3FF;
    (exponent << 10 | mantissa) + 1
}
