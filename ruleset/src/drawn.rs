//! The names that draws follow: `chance`, `pick` and the rolls of a rule follow the rule's name,
//! `bucket` that of what holds it, a timer's jitter the timer's. Under another name the odds are the
//! same and the results are not.

use std::collections::BTreeSet;

use crate::ir::{Expr, Program};
use crate::rng;

/// Their hashes, see [`rng::name_hash`]. Linear in the program.
pub(crate) fn drawn_by(program: &Program) -> BTreeSet<u64> {
    let jittered = program.timers.iter().filter(|timer| timer.jitter_ms > 0);
    let mut found: BTreeSet<u64> = jittered.map(|timer| rng::name_hash(&timer.name)).collect();
    let mut waiting: Vec<&Expr> = Vec::new();
    for fragment in &program.fragments {
        waiting.extend(fragment.masks.iter().flat_map(|mask| &mask.entries));
        for rule in &fragment.rules {
            waiting.push(&rule.when);
            for outcome in &rule.outcomes {
                waiting.extend(outcome.payload.iter().map(|payload| &payload.value));
                if let Some(loot) = &outcome.loot {
                    found.insert(rule.hash);
                    waiting.push(&loot.count);
                }
            }
        }
    }
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::Chance { p: inner, rule_hash: salt, .. }
            | Expr::Pick { n: inner, rule_hash: salt, .. }
            | Expr::Bucket { n: inner, salt } => {
                found.insert(*salt);
                waiting.push(inner);
            }
            Expr::Not(inner) | Expr::Neg(inner) | Expr::Abs(inner) => waiting.push(inner),
            Expr::Binary(_, left, right) => waiting.extend([&**left, &**right]),
            Expr::Select(test, then, other) => waiting.extend([&**test, &**then, &**other]),
            Expr::Const(_)
            | Expr::Field(_)
            | Expr::Param(_)
            | Expr::Rate(_)
            | Expr::Active(_)
            | Expr::Now => {}
        }
    }
    found
}
