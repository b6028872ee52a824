//! What an editor asks of the language: one analysis of a whole rule set, and pure questions to it.
//!
//! Every answer comes from what the checker recorded (`super::index`) or, where a statement is
//! half written and the parser gave it up, from the tokens before the cursor (`cursor`). Places
//! are byte offsets; `lines` translates them to the positions that editors use. Nothing here
//! reads a file or a clock, and no offset in any text panics.

mod complete;
mod cursor;
mod describe;
mod hover;
mod lines;
mod navigate;
mod outline;
mod rename;
mod words;

pub use complete::{Completion, CompletionKind};
pub use hover::Hover;
pub use lines::{Encoding, LineStarts, Lines};
pub use outline::{Fold, Outline};
pub use rename::RenameError;
pub use words::{Vocabulary, vocabulary};

use super::index::Index;
use super::scope::Scope;
use super::tree::Tree;
use super::{Checked, Diagnostic, Source, Span};
use crate::cases::Case;
use crate::ir::Program;

/// A whole rule set, checked, with all that tools ask about it.
pub struct Analysis {
    sources: Vec<Source>,
    trees: Vec<Tree>,
    scope: Scope,
    index: Index,
    checked: Checked,
    cases: Vec<Case>,
}

impl Analysis {
    /// Checks a rule set. Costs what [`super::check`] costs, and a record per name and expression.
    pub fn new(mut sources: Vec<Source>) -> Analysis {
        sources.sort();
        let sorted: Vec<&Source> = sources.iter().collect();
        let mut cases = Vec::new();
        let (checked, mut session, scope) = super::run(
            &sorted,
            super::Record { index: true, trace: false },
            |session, scope, program, sound| {
                // Names in tests count while the rules are broken, too; what is wrong with the tests
                // is not known then.
                let found = session.found_count();
                cases = super::cases::read(session, scope, program);
                if !sound {
                    session.forget_after(found);
                }
            },
        );
        if checked.program.is_none() {
            cases.clear();
        }
        let index = session.index.take().unwrap_or_default();
        let trees = session.files.into_iter().map(|file| file.tree).collect();
        Analysis { sources, trees, scope, index, checked, cases }
    }

    /// The sources, in order of names: [`Span::file`] is an index into them.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Everything found.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.checked.diagnostics
    }

    /// The program, when there is no error.
    pub fn program(&self) -> Option<&Program> {
        self.checked.program.as_ref()
    }

    /// Every case of every test; none while there is an error.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The number of a file.
    pub fn file(&self, name: &str) -> Option<u32> {
        let at = self.sources.iter().position(|source| source.name == name)?;
        u32::try_from(at).ok()
    }

    /// The text of a file; empty when there is none.
    pub fn text(&self, file: u32) -> &str {
        self.sources.get(file as usize).map_or("", |source| source.text.as_str())
    }

    /// What stands at a span; empty when it is none of ours.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or("")
    }
}

#[cfg(test)]
mod tests;
