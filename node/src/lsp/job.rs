//! One `test` block to be run on the reference interpreter, and how it went.

use std::sync::Arc;

use cairn_ruleset::cases::{self, Case, Difference};
use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::Span;
use cairn_ruleset::lang::ide::Analysis;
use serde::Serialize;

/// Differences that are kept of one run; more are counted.
pub(super) const DIFFERENCE_COUNT_MAX: usize = 256;

/// A test of a rule set as it was when it was asked for.
#[derive(Clone)]
pub(super) struct Job {
    /// The rule set; it has no error, and the test has cases.
    analysis: Arc<Analysis>,
    test: String,
}

/// Why a test cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoJob {
    #[error("the rule set has errors: tests run once they are corrected")]
    Broken,
    #[error("there is no test \"{0}\"")]
    Unknown(String),
}

/// How a test went.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    pub(super) test: String,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) differences: Vec<String>,
    /// Where they are.
    #[serde(skip)]
    pub(super) places: Vec<(Span, String)>,
}

impl Job {
    /// A test by its name.
    pub(super) fn new(analysis: Arc<Analysis>, test: String) -> Result<Job, NoJob> {
        if analysis.program().is_none() {
            return Err(NoJob::Broken);
        }
        if !analysis.cases().iter().any(|case| case.test == test) {
            return Err(NoJob::Unknown(test));
        }
        Ok(Job { analysis, test })
    }

    pub(super) fn test(&self) -> &str {
        &self.test
    }

    /// Whether the rule set is still the one of the job. When any of its texts is another one,
    /// edited or changed on disk, places have moved, and what failed may not any more.
    pub(super) fn is_of(&self, analysis: &Analysis) -> bool {
        same(&self.analysis, analysis)
    }

    /// Runs every case. `wanted` is asked before each, and within a case before loot is rolled;
    /// once it says no it goes on saying so, and there is no report. `percent` is told of each new
    /// hundredth that is done, the last one left out.
    pub(super) fn run(
        &self,
        wanted: &dyn Fn() -> bool,
        percent: &mut dyn FnMut(u32),
    ) -> Option<Report> {
        let program = self.analysis.program()?;
        let found: Vec<&Case> =
            self.analysis.cases().iter().filter(|case| case.test == self.test).collect();
        let mut report = Report { test: self.test.clone(), ..Report::default() };
        let mut told = 0;
        for (case, done) in found.iter().zip(1_usize..) {
            if !wanted() {
                return None;
            }
            report.add(case, differences(program, case, wanted)?);
            let hundredths = u32::try_from(done * 100 / found.len()).unwrap_or(100);
            if hundredths > told && done < found.len() {
                told = hundredths;
                percent(told);
            }
        }
        Some(report)
    }
}

/// Whether two rule sets are the same, text by text.
pub(super) fn same(one: &Analysis, other: &Analysis) -> bool {
    std::ptr::eq(one, other) || one.sources() == other.sources()
}

fn differences(
    program: &Program,
    case: &Case,
    wanted: &dyn Fn() -> bool,
) -> Option<Vec<Difference>> {
    match cases::interpret(program, case) {
        Ok(decision) => cases::judge_while(program, case, &decision, wanted),
        Err(fault) => Some(vec![Difference {
            what: case.name(),
            expected: "a decision".to_owned(),
            actual: fault.to_string(),
            span: case.span,
        }]),
    }
}

impl Report {
    fn add(&mut self, case: &Case, differences: Vec<Difference>) {
        if differences.is_empty() {
            self.passed += 1;
            return;
        }
        self.failed += 1;
        let room = DIFFERENCE_COUNT_MAX - self.places.len();
        for found in differences.into_iter().take(room) {
            let Difference { what, expected, actual, span } = found;
            let message = format!("{}: {what}: expected {expected}, found {actual}", case.name());
            self.differences.push(message.clone());
            self.places.push((span, message));
        }
    }

    /// In one line.
    pub(super) fn summary(&self) -> String {
        if self.failed == 0 {
            return format!("{}: {} passed", self.test, self.passed);
        }
        let first = self.differences.first().map_or("", String::as_str);
        let of = self.failed + self.passed;
        format!("{}: {} of {of} failed: {first}", self.test, self.failed)
    }
}
