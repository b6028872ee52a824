//! The report for programs.

use serde_json::{Value, json};

use super::Report;

/// One JSON document with everything that the other reports hold.
#[must_use]
pub fn document(report: &Report<'_>) -> Value {
    let cases: Vec<Value> = (report.results.iter())
        .map(|result| {
            let differences: Vec<Value> = (result.differences.iter())
                .map(|d| {
                    json!({
                        "what": d.what,
                        "expected": d.expected,
                        "actual": d.actual,
                        "file": d.place.file,
                        "line": d.place.line,
                    })
                })
                .collect();
            let pairs = |all: &[(String, String)]| {
                let each = all.iter().map(|(name, value)| (name.clone(), value.clone().into()));
                each.collect::<serde_json::Map<String, Value>>()
            };
            json!({
                "name": result.name,
                "test": result.test,
                "row": result.row,
                "file": result.place.file,
                "line": result.place.line,
                "passed": result.differences.is_empty(),
                "differences": differences,
                "left_out": pairs(&result.left_out),
                "unsaid": pairs(&result.unsaid),
            })
        })
        .collect();
    let mut document = json!({
        "ruleset": report.ruleset,
        "passed": report.passed(),
        "failed": report.failed(),
        "took_ms": report.took.as_secs_f64() * 1_000.0,
        "cases": cases,
    });
    if let Some(coverage) = &report.coverage {
        document["coverage"] = serde_json::to_value(coverage).unwrap_or_default();
    }
    document
}
