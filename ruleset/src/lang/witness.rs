//! Which input breaks an expression: the example in an error of the interval analysis.

use std::collections::BTreeMap;

use super::interval::{self, Interval};
use super::scope::Scope;
use crate::ir::{DECIMAL_ONE, Expr, INSTANT_MAX, On, Type};

/// Something that a game or an operator supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Input {
    Field(u16),
    Param(u16),
    Rate(u16),
    Active(u16),
    Now,
}

impl Input {
    /// The input that an expression is, if it is one.
    pub(super) fn of(expr: &Expr) -> Option<Input> {
        Some(match expr {
            Expr::Field(index) => Input::Field(*index),
            Expr::Param(index) => Input::Param(*index),
            Expr::Rate(index) => Input::Rate(*index),
            Expr::Active(index) => Input::Active(*index),
            Expr::Now => Input::Now,
            _ => return None,
        })
    }

    /// Its type and range.
    pub(super) fn range(self, scope: &Scope, on: Option<On>) -> (Type, Interval) {
        let slot = match self {
            Input::Field(index) => match on {
                Some(On::Trigger(trigger)) => (scope.triggers.get(usize::from(trigger)))
                    .and_then(|trigger| trigger.fields.get(usize::from(index)))
                    .and_then(|(_, slot)| *slot),
                _ => None,
            },
            Input::Param(index) => scope.params.get(usize::from(index)).map(|param| param.slot),
            Input::Rate(index) => {
                let max = scope.counters.get(usize::from(index)).map_or(0, |counter| counter.max);
                return (Type::Int, Interval::new(0, max));
            }
            Input::Active(_) => return (Type::Bool, interval::BOOL),
            Input::Now => return (Type::Instant, Interval::new(0, INSTANT_MAX)),
        };
        slot.map_or((Type::Int, Interval::point(0)), |slot| {
            (slot.ty, Interval::new(slot.min, slot.max))
        })
    }

    pub(super) fn name(self, scope: &Scope, on: Option<On>) -> String {
        let name = match self {
            Input::Field(index) => match on {
                Some(On::Trigger(trigger)) => (scope.triggers.get(usize::from(trigger)))
                    .and_then(|trigger| trigger.fields.get(usize::from(index)))
                    .map(|(name, _)| format!("trigger.{name}")),
                _ => None,
            },
            Input::Param(index) => {
                scope.params.get(usize::from(index)).map(|param| format!("param.{}", param.name))
            }
            Input::Rate(index) => (scope.counters.get(usize::from(index)))
                .map(|counter| format!("rate({})", counter.name)),
            Input::Active(index) => {
                scope.timers.get(usize::from(index)).map(|timer| format!("active({})", timer.name))
            }
            Input::Now => Some("the time".to_owned()),
        };
        name.unwrap_or_default()
    }
}

/// Operations spent on trying combinations of inputs.
const WORK_MAX: usize = 1 << 16;
/// Values tried for one input.
const CANDIDATE_COUNT_MAX: usize = 8;

/// Inputs for which `breaks` holds of the values of `exprs`, in words: "trigger.level is 100". An
/// empty string when the few combinations tried hold none.
pub(super) fn find(
    scope: &Scope,
    on: Option<On>,
    exprs: &[&Expr],
    breaks: impl Fn(&[i128]) -> bool,
) -> String {
    let mut inputs = BTreeMap::new();
    let mut constants = Vec::new();
    let mut size = 1;
    for expr in exprs {
        collect(expr, &mut inputs, &mut constants, &mut size);
    }
    for (input, candidates) in &mut inputs {
        let (_, range) = input.range(scope, on);
        let near = constants.iter().flat_map(|c: &i64| [*c, c.saturating_neg()]);
        for value in [range.max, range.min, 0].into_iter().chain(near) {
            let fits = range.min <= value && value <= range.max;
            if fits && !candidates.contains(&value) && candidates.len() < CANDIDATE_COUNT_MAX {
                candidates.push(value);
            }
        }
    }
    // Odometer over the candidates; the first positions turn fastest.
    let chosen: Vec<(Input, Vec<i64>)> = inputs.into_iter().collect();
    let mut turn = vec![0_usize; chosen.len()];
    for _ in 0..WORK_MAX / size {
        let values: BTreeMap<Input, i64> = (chosen.iter().zip(&turn))
            .map(|((input, candidates), at)| (*input, candidates.get(*at).copied().unwrap_or(0)))
            .collect();
        let results: Option<Vec<i128>> = exprs.iter().map(|expr| eval(expr, &values)).collect();
        if results.is_some_and(|results| breaks(&results)) {
            let parts: Vec<String> = (values.iter().take(6))
                .map(|(input, value)| {
                    let (ty, _) = input.range(scope, on);
                    let text = scope.value_text(ty, (*value).into());
                    format!("{} is {text}", input.name(scope, on))
                })
                .collect();
            return parts.join(" and ");
        }
        let mut at = 0;
        loop {
            let Some(digit) = turn.get_mut(at) else { return String::new() };
            *digit += 1;
            if *digit < chosen[at].1.len() {
                break;
            }
            *digit = 0;
            at += 1;
        }
    }
    String::new()
}

fn collect(
    expr: &Expr,
    inputs: &mut BTreeMap<Input, Vec<i64>>,
    constants: &mut Vec<i64>,
    size: &mut usize,
) {
    *size += 1;
    if let Some(input) = Input::of(expr) {
        inputs.entry(input).or_default();
        return;
    }
    match expr {
        Expr::Const(value) if constants.len() < CANDIDATE_COUNT_MAX => constants.push(*value),
        Expr::Not(a) | Expr::Neg(a) | Expr::Abs(a) => collect(a, inputs, constants, size),
        Expr::Binary(_, a, b) => {
            collect(a, inputs, constants, size);
            collect(b, inputs, constants, size);
        }
        Expr::Select(a, b, c) => {
            collect(a, inputs, constants, size);
            collect(b, inputs, constants, size);
            collect(c, inputs, constants, size);
        }
        Expr::Chance { p: n, .. } | Expr::Pick { n, .. } | Expr::Bucket { n, .. } => {
            collect(n, inputs, constants, size);
        }
        _ => {}
    }
}

/// The value of `expr`; a draw takes its highest outcome.
pub(super) fn eval(expr: &Expr, inputs: &BTreeMap<Input, i64>) -> Option<i128> {
    if let Some(input) = Input::of(expr) {
        return inputs.get(&input).map(|value| i128::from(*value));
    }
    Some(match expr {
        Expr::Const(value) => i128::from(*value),
        Expr::Not(a) => 1 - eval(a, inputs)?,
        Expr::Neg(a) => -eval(a, inputs)?,
        Expr::Abs(a) => eval(a, inputs)?.abs(),
        Expr::Binary(op, a, b) => interval::apply(*op, eval(a, inputs)?, eval(b, inputs)?)?,
        Expr::Select(c, a, b) => {
            if eval(c, inputs)? != 0 {
                eval(a, inputs)?
            } else {
                eval(b, inputs)?
            }
        }
        Expr::Chance { p, .. } => (eval(p, inputs)? >= i128::from(DECIMAL_ONE)).into(),
        Expr::Pick { n, .. } | Expr::Bucket { n, .. } => eval(n, inputs)? - 1,
        _ => return None,
    })
}
