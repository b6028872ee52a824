//! `test` blocks run from a lens, on the reference interpreter. What differs from what a test
//! expects shows where it is expected, until something is edited.

use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_ruleset::cases::{self, Case, Difference};
use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::Span;
use cairn_ruleset::lang::ide::Analysis;
use lsp_server::{ErrorCode, Message, Notification};
use lsp_types::notification::{self as told, Notification as _};
use lsp_types::{DiagnosticSeverity, ExecuteCommandParams, MessageType, ShowMessageParams, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::convert::Convert;
use super::root::Root;
use super::server::{Fault, Server, params};

/// The command of the lens.
pub(super) const COMMAND: &str = "cairn.runTest";
/// Differences that are kept of one run; more are counted.
const DIFFERENCE_COUNT_MAX: usize = 256;

/// What the lens hands over.
#[derive(Deserialize)]
struct Argument {
    uri: Uri,
    test: String,
}

/// How a test went.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Report {
    test: String,
    passed: usize,
    failed: usize,
    differences: Vec<String>,
    #[serde(skip)]
    places: Vec<(Span, String)>,
}

/// What failed, by rule set.
#[derive(Default)]
pub(super) struct Failures(BTreeMap<Root, Failed>);

/// What failed in one rule set.
struct Failed {
    /// The rule set that was run. When any of its texts is another one, edited or changed on disk,
    /// places have moved, and what failed may not any more.
    of: Arc<Analysis>,
    tests: BTreeMap<String, Vec<(Span, String)>>,
}

impl Failed {
    fn is_of(&self, analysis: &Analysis) -> bool {
        std::ptr::eq(self.of.as_ref(), analysis) || self.of.sources() == analysis.sources()
    }
}

impl Failures {
    /// Nobody has the rule set open any more.
    pub(super) fn forget(&mut self, root: &Root) {
        self.0.remove(root);
    }

    /// Keeps what a test found, in the place of what it found before.
    fn keep(&mut self, root: Root, of: Arc<Analysis>, test: String, found: Vec<(Span, String)>) {
        let known = self.0.remove(&root).filter(|known| known.is_of(&of));
        let mut tests = known.map(|known| known.tests).unwrap_or_default();
        tests.insert(test, found);
        self.0.insert(root, Failed { of, tests });
    }

    /// What failed, as diagnostics by what a file is known by. What was found in other texts is
    /// forgotten.
    pub(super) fn diagnostics(
        &mut self,
        root: &Root,
        convert: &Convert<'_>,
    ) -> Vec<(Uri, lsp_types::Diagnostic)> {
        let Some(failed) = self.0.get(root) else { return Vec::new() };
        if !failed.is_of(convert.analysis) {
            self.0.remove(root);
            return Vec::new();
        }
        let found = failed.tests.values().flatten().filter_map(|(span, message)| {
            let found = lsp_types::Diagnostic {
                range: convert.range(*span),
                severity: Some(DiagnosticSeverity::ERROR),
                source: Some("cairn test".to_owned()),
                message: message.clone(),
                ..lsp_types::Diagnostic::default()
            };
            Some((convert.key(span.file)?, found))
        });
        found.collect()
    }
}

impl Server {
    /// Carries out a command; what a person should read goes to `send`.
    pub(super) fn command(
        &mut self,
        value: Value,
        send: &mut Vec<Message>,
    ) -> Result<Value, Fault> {
        let params: ExecuteCommandParams = params(value)?;
        if params.command != COMMAND {
            return Err(Fault::invalid(format!(
                "there is no command `{}`; the only one is `{COMMAND}`",
                params.command
            )));
        }
        let first = params.arguments.into_iter().next().unwrap_or_default();
        let argument: Argument = super::server::params(first)?;
        let failed = |message: String| Fault { code: ErrorCode::RequestFailed, message };
        let here = self
            .here(&argument.uri)
            .ok_or_else(|| failed(format!("{} holds no rules", argument.uri.as_str())))?;
        let program = here.analysis.program().ok_or_else(|| {
            failed("the rule set has errors: tests run once they are corrected".to_owned())
        })?;
        let found: Vec<&Case> =
            here.analysis.cases().iter().filter(|case| case.test == argument.test).collect();
        if found.is_empty() {
            return Err(failed(format!("there is no test \"{}\"", argument.test)));
        }
        let report = run(program, &argument.test, &found);
        let (typ, message) = if report.failed == 0 {
            (MessageType::INFO, format!("{}: {} passed", report.test, report.passed))
        } else {
            let first = report.differences.first().map_or("", String::as_str);
            let (failed, of) = (report.failed, report.failed + report.passed);
            (MessageType::ERROR, format!("{}: {failed} of {of} failed: {first}", report.test))
        };
        let shown = ShowMessageParams { typ, message };
        send.push(Notification::new(told::ShowMessage::METHOD.to_owned(), shown).into());
        let value = serde_json::to_value(&report)
            .map_err(|error| Fault { code: ErrorCode::InternalError, message: error.to_string() });
        self.runs.keep(here.root, here.analysis.clone(), report.test, report.places);
        value
    }
}

fn run(program: &Program, test: &str, found: &[&Case]) -> Report {
    let mut report = Report { test: test.to_owned(), ..Report::default() };
    for case in found {
        let differences = match cases::interpret(program, case) {
            Ok(decision) => cases::judge(program, case, &decision),
            Err(fault) => vec![Difference {
                what: case.name(),
                expected: "a decision".to_owned(),
                actual: fault.to_string(),
                span: case.span,
            }],
        };
        if differences.is_empty() {
            report.passed += 1;
            continue;
        }
        report.failed += 1;
        for found in differences {
            if report.places.len() == DIFFERENCE_COUNT_MAX {
                break;
            }
            let message = format!(
                "{}: {}: expected {}, found {}",
                case.name(),
                found.what,
                found.expected,
                found.actual
            );
            report.differences.push(message.clone());
            report.places.push((found.span, message));
        }
    }
    report
}
