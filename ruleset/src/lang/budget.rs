//! `budget { … }` in the `ruleset` block: what the rule set may cost, and who costs most when it is
//! over.

use super::constant;
use super::declare::schema;
use super::scope::Scope;
use super::session::{At, Session};
use super::shape::{self, Schema};
use super::{Code, Diagnostic, Span};
use crate::cost::{self, COUNTER_BYTES, FragmentCost};
use crate::ir::Program;

pub(super) const BUDGET: Schema = Schema {
    labels: 0,
    ..schema("budget", &[], &["fragment_operations", "fragment_bytes", "player_bytes"], &[])
};

/// Contributors that an error names, the most costly first.
const CONTRIBUTOR_COUNT_MAX: usize = 5;

/// A limit as written, with its place.
type Limit = Option<(u64, Span)>;

/// What the author allows.
#[derive(Default)]
pub(super) struct Budget {
    fragment_operations: Limit,
    fragment_bytes: Limit,
    player_bytes: Limit,
}

/// Reads the block at `at`.
pub(super) fn read(session: &mut Session<'_>, at: At) -> Budget {
    let block = shape::read(session, at, &BUDGET);
    let mut limit = |name: &str| {
        let at = block.value(name)?;
        let value = constant::integer(session, at, &format!("`{name}`"))?;
        let Ok(value) = u64::try_from(value) else {
            session.error(
                Code::OutOfRange,
                at,
                format!("a budget of {value}"),
                "a budget is what may be spent, at least nothing",
                "write a whole number from 0",
            );
            return None;
        };
        Some((value, session.span(at)))
    };
    Budget {
        fragment_operations: limit("fragment_operations"),
        fragment_bytes: limit("fragment_bytes"),
        player_bytes: limit("player_bytes"),
    }
}

/// Reports every fragment that is over budget, and counters that are. Nothing is computed for a
/// budget that nobody set.
pub(super) fn judge(session: &mut Session<'_>, scope: &Scope, program: &Program) {
    let budget = &scope.budget;
    if !session.is_sound() {
        return;
    }
    if budget.fragment_operations.is_some() || budget.fragment_bytes.is_some() {
        for def in &program.fragments {
            let cost = cost::fragment(program, def);
            if let Some((limit, span)) = budget.fragment_operations {
                over(session, scope, &cost, (cost.operations, limit), "operations", span);
            }
            if let Some((limit, span)) = budget.fragment_bytes {
                over(session, scope, &cost, (cost.wasm_bytes, limit), "bytes", span);
            }
        }
    }
    let bytes = program.counters.len() as u64 * COUNTER_BYTES;
    if let Some((limit, span)) = budget.player_bytes.filter(|(limit, _)| bytes > *limit) {
        let mut diagnostic = Diagnostic::error(
            Code::OverBudget,
            span,
            format!("the counters take {bytes} bytes per player, budget {limit}"),
        )
        .cause(format!("an evaluator keeps {COUNTER_BYTES} bytes for each counter of each player"))
        .help("remove a counter, or raise the budget");
        for counter in program.counters.iter().take(CONTRIBUTOR_COUNT_MAX) {
            if let Some(span) = scope.counter_names.span(&counter.name) {
                diagnostic = diagnostic.label(span, format!("{COUNTER_BYTES} bytes per player"));
            }
        }
        session.report(diagnostic);
    }
}

fn over(
    session: &mut Session<'_>,
    scope: &Scope,
    cost: &FragmentCost,
    (actual, limit): (u64, u64),
    unit: &str,
    span: Span,
) {
    if actual <= limit {
        return;
    }
    let name = &cost.name;
    let mut diagnostic = Diagnostic::error(
        Code::OverBudget,
        span,
        format!("the fragment {name} takes {actual} {unit}, budget {limit}"),
    )
    .cause("all rules of a file on one trigger are evaluated together, whichever of them fire")
    .help("simplify the rules named here, move some to another file, or raise the budget");
    for rule in cost.rules.iter().take(CONTRIBUTOR_COUNT_MAX) {
        if let Some(span) = scope.rule_names.span(&rule.name) {
            diagnostic = diagnostic.label(span, format!("{} operations", rule.operations));
        }
    }
    session.report(diagnostic);
}
