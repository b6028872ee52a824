//! The report for people: one line per case, what differs side by side, the summary last.

use std::fmt::Write as _;

use super::{CaseResult, Report};
use crate::diagnostics::plural;
use crate::duration;

/// Fields shown of those that a failed test leaves out.
const LEFT_OUT_SHOWN_MAX: usize = 8;

/// The report as lines, without a line break at the end.
#[must_use]
pub fn render(report: &Report<'_>) -> String {
    let mut text = String::new();
    for result in report.results {
        case(result, &mut text);
    }
    if report.failed() > 0 {
        text.push('\n');
    }
    if let Some(coverage) = &report.coverage {
        coverage.show(&mut text);
    }
    let count = plural(report.results.len(), "case");
    let took = duration::show(report.took);
    let _ = match report.failed() {
        0 => write!(text, "{count} of {} passed in {took}", report.ruleset),
        failed => write!(
            text,
            "{failed} of {count} of {} failed, {} passed, in {took}",
            report.ruleset,
            report.passed()
        ),
    };
    text
}

fn case<'r>(result: &'r CaseResult, text: &mut String) {
    if result.differences.is_empty() {
        let _ = writeln!(text, "ok    {}", result.name);
        return;
    }
    let _ = writeln!(text, "FAIL  {}  ({})", result.name, result.place);
    let width = |of: fn(&super::Differs) -> &str| {
        result.differences.iter().map(|d| of(d).chars().count()).max().unwrap_or(0)
    };
    let (what, expected) = (width(|d| &d.what), width(|d| &d.expected));
    let actual = width(|d| &d.actual);
    for d in &result.differences {
        let _ = writeln!(
            text,
            "        {:what$}  expected {:expected$}  actual {:actual$}  {}",
            d.what, d.expected, d.actual, d.place
        );
    }
    let count = result.unsaid.len() + result.left_out.len();
    if count > 0 {
        // Neither crowds out the other.
        let some = |all: &'r [(String, String)]| all.iter().take(LEFT_OUT_SHOWN_MAX);
        let mut shown: Vec<String> = some(&result.unsaid)
            .chain(some(&result.left_out))
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        let more = count - shown.len();
        if more > 0 {
            shown.push(format!("{more} more"));
        }
        let _ = writeln!(text, "        the test leaves out {}", shown.join(", "));
    }
}
