//! `test` blocks run from a lens, on the reference interpreter. What differs from what a test
//! expects shows where it is expected, until something is edited.

use std::collections::BTreeMap;

use cairn_ruleset::cases::{self, Case, Difference};
use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::Span;
use lsp_server::{ErrorCode, Message, Notification};
use lsp_types::notification::{self as told, Notification as _};
use lsp_types::{DiagnosticSeverity, ExecuteCommandParams, MessageType, ShowMessageParams, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::convert::Convert;
use super::rulesets::Root;
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

/// What failed, by rule set and test.
#[derive(Default)]
pub(super) struct Failures(BTreeMap<Root, BTreeMap<String, Vec<Failure>>>);

/// One difference, where the test expects something else.
struct Failure {
    /// By name: the numbers of files change when one comes or goes.
    file: String,
    span: Span,
    message: String,
}

impl Failures {
    /// Something was edited: places have moved, and what failed may not any more.
    pub(super) fn forget(&mut self, root: &Root) {
        self.0.remove(root);
    }

    /// What failed, as diagnostics.
    pub(super) fn diagnostics(
        &self,
        root: &Root,
        convert: &Convert<'_>,
    ) -> Vec<(Uri, lsp_types::Diagnostic)> {
        let failed = self.0.get(root).into_iter().flat_map(BTreeMap::values).flatten();
        failed
            .filter_map(|failure| {
                let file = convert.analysis.file(&failure.file)?;
                let span = Span { file, ..failure.span };
                let found = lsp_types::Diagnostic {
                    range: convert.range(span),
                    severity: Some(DiagnosticSeverity::ERROR),
                    source: Some("cairn test".to_owned()),
                    message: failure.message.clone(),
                    ..lsp_types::Diagnostic::default()
                };
                Some((convert.uri(file)?, found))
            })
            .collect()
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
        let tests = self.runs.0.entry(here.root).or_default();
        let sources = here.analysis.sources();
        let kept = report.places.into_iter().filter_map(|(span, message)| {
            let file = sources.get(span.file as usize)?.name.clone();
            Some(Failure { file, span, message })
        });
        tests.insert(report.test, kept.collect());
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
