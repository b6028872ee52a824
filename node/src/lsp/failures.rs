//! What differs from what tests expect, shown where it is expected until something is edited.

use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_ruleset::lang::Span;
use cairn_ruleset::lang::ide::Analysis;
use lsp_types::{DiagnosticSeverity, Uri};

use super::convert::Convert;
use super::job::{self, Report};
use super::root::Root;

/// What failed, by rule set.
#[derive(Default)]
pub(super) struct Failures(BTreeMap<Root, Failed>);

/// What failed in one rule set.
struct Failed {
    /// The rule set that was run.
    of: Arc<Analysis>,
    tests: BTreeMap<String, Vec<(Span, String)>>,
}

impl Failures {
    /// Forgets rule sets that nobody has open any more.
    pub(super) fn retain(&mut self, open: &[Root]) {
        self.0.retain(|root, _| open.contains(root));
    }

    /// Keeps what a test found, in the place of what it found before.
    pub(super) fn keep(&mut self, root: Root, of: Arc<Analysis>, report: Report) {
        let known = self.0.remove(&root).filter(|known| job::same(&known.of, &of));
        let mut tests = known.map(|known| known.tests).unwrap_or_default();
        tests.insert(report.test, report.places);
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
        if !job::same(&failed.of, convert.analysis) {
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
