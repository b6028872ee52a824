//! How much looking for witnesses may cost, over all changes of one plan.

use std::collections::BTreeSet;

use super::guided::{self, Found, TRIES_MAX};
use super::space::Space;
use super::witness::Decision;
use crate::contents::Contents;
use crate::interp;
use crate::ir::Expr;

/// Expression nodes that all searches of one plan may evaluate together: about a second.
const WORK_MAX: u64 = 100_000_000;

/// What the searches of one plan have left.
pub(super) struct Work {
    pub(super) at_ms: i64,
    left: u64,
}

impl Work {
    /// All of it.
    pub(super) fn new(at_ms: i64) -> Work {
        Work { at_ms, left: WORK_MAX }
    }

    /// Runs a search within what is left, and pays for it.
    pub(super) fn search(
        &mut self,
        space: &Space,
        exprs: &[&Expr],
        run: impl FnOnce(u64) -> Result<Found, interp::Fault>,
    ) -> Result<Vec<i64>, Decision> {
        if let Some(input) = space.closed() {
            let reason = format!("no value of {input} suits both versions");
            return Err(Decision::NotCompared { reason });
        }
        let mut size = 1;
        for expr in exprs {
            guided::walk(expr, &mut |_| size += 1);
        }
        let tries = TRIES_MAX.min(self.left / size);
        if tries == 0 {
            let reason = "the plan has spent its searches on the changes above".to_owned();
            return Err(Decision::NotCompared { reason });
        }
        match run(tries) {
            Ok(Found::Point(point)) => Ok(point),
            Ok(Found::Nothing(inputs)) => {
                self.left = self.left.saturating_sub(inputs.saturating_mul(size));
                Err(Decision::NoDifferenceFound { inputs })
            }
            Err(fault) => Err(Decision::NotCompared { reason: fault.to_string() }),
        }
    }
}

/// Numbers that a decision may turn at.
pub(super) fn constants(exprs: &[&Expr], old: &Contents, new: &Contents) -> BTreeSet<i64> {
    /// More of them than candidates are tried is of no use.
    const CONSTANTS_MAX: usize = 256;
    let mut found = BTreeSet::new();
    for expr in exprs {
        guided::walk(expr, &mut |part| {
            if found.len() >= CONSTANTS_MAX {
                return;
            }
            match part {
                Expr::Const(value) => {
                    found.insert(*value);
                }
                Expr::Param(index) => {
                    for contents in [old, new] {
                        found.extend(contents.params.values.get(usize::from(*index)));
                    }
                }
                _ => {}
            }
        });
    }
    found
}
