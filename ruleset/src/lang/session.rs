//! What one run reads and what it has found so far.

use std::collections::{BTreeMap, BTreeSet};

use super::damage::Damage;
use super::index::{Index, Symbol};
use super::limits::ERROR_COUNT_MAX;
use super::outline::Outline;
use super::parser::Parse;
use super::trace::Recorder;
use super::tree::{NodeId, NodeKind, Tree};
use super::truth::Truth;
use super::{Code, Diagnostic, Edit, Severity, Source, Span, TEST_SUFFIX, literal, names};

/// Warnings reported for one run; the rest comes up once these are mended.
const WARNING_COUNT_MAX: usize = 200;

/// Places that one diagnostic names beside its own, where uses add to them.
const LABEL_COUNT_MAX: usize = 8;

/// One parsed file.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) tree: Tree,
    /// Names of blocks that could not be read.
    pub(super) lost: Vec<String>,
    /// What could not be read of it.
    pub(super) damage: Damage,
    /// Tests whose mistakes, if any, end with them: bytes, in order.
    tests: Vec<(u32, u32)>,
}

impl<'a> File<'a> {
    pub(super) fn new(source: &'a Source, parse: Parse) -> File<'a> {
        let Parse { tree, errors: _, lost, damage, tests } = parse;
        File { name: &source.name, text: &source.text, tree, lost, damage, tests }
    }

    /// A file that is over a limit: nothing of it is known.
    pub(super) fn refused(source: &'a Source) -> File<'a> {
        let mut damage = Damage::default();
        damage.cut(0);
        let (tree, lost, tests) = (Tree::new(0), Vec::new(), Vec::new());
        File { name: &source.name, text: "", tree, lost, damage, tests }
    }

    /// Whether it holds tests alone, so that the rules lack nothing of what it lacks.
    pub(super) fn is_test(&self) -> bool {
        self.name.ends_with(TEST_SUFFIX)
    }

    /// Whether a byte lies in a test that ends where it should.
    fn is_in_test(&self, at: u32) -> bool {
        let index = self.tests.partition_point(|test| test.1 < at);
        self.tests.get(index).is_some_and(|test| test.0 <= at)
    }
}

/// A node of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) file: u32,
    pub(super) node: NodeId,
}

/// All files with the diagnostics about them.
pub(super) struct Session<'a> {
    pub(super) files: Vec<File<'a>>,
    /// Grows while declarations are lowered.
    pub(super) outline: Outline,
    found: Vec<Diagnostic>,
    /// Spelling searches left; they are the one thing whose cost is not linear.
    searches: u32,
    /// Names of declarations that could not be read: what refers to them is no mistake of its own.
    lost: BTreeSet<String>,
    /// Kinds of which a declaration has no name, which is reported.
    unnamed: BTreeSet<String>,
    /// A file of tests declares something beside tests, which rules may use.
    misplaced: bool,
    /// Searches for an input that breaks an expression left.
    witnesses: u32,
    /// Whether each part of `&&` and `||` was constant wherever it was read.
    pub(super) clauses: BTreeMap<At, Truth>,
    /// What names stand for, for tools that ask.
    pub(super) index: Option<Index>,
    /// Expressions with their places, for tools that explain.
    pub(super) recorder: Option<Recorder>,
}

impl<'a> Session<'a> {
    pub(super) fn new(mut files: Vec<File<'a>>, found: Vec<Diagnostic>) -> Session<'a> {
        // A file of tests declares nothing that could be missed.
        let rules = files.iter_mut().filter(|file| !file.is_test());
        let lost = rules.flat_map(|file| std::mem::take(&mut file.lost)).collect();
        Session {
            files,
            outline: Outline::default(),
            found,
            searches: 64,
            lost,
            unnamed: BTreeSet::new(),
            misplaced: false,
            witnesses: 256,
            clauses: BTreeMap::new(),
            index: None,
            recorder: None,
        }
    }

    fn file(&self, at: At) -> &File<'a> {
        // An `At` is made from the files of this session alone.
        &self.files[at.file as usize]
    }

    pub(super) fn kind(&self, at: At) -> NodeKind {
        self.file(at).tree.kind(at.node)
    }

    pub(super) fn span(&self, at: At) -> Span {
        let (start, end) = self.file(at).tree.bytes(at.node);
        Span { file: at.file, start, end }
    }

    pub(super) fn text(&self, at: At) -> &'a str {
        let file = self.file(at);
        let (start, end) = file.tree.bytes(at.node);
        file.text.get(start as usize..end as usize).unwrap_or("")
    }

    /// Whether `--` stands before a node, as before comments of other languages.
    pub(super) fn follows_dashes(&self, at: At) -> bool {
        let file = self.file(at);
        let before = file.text.get(..file.tree.bytes(at.node).0 as usize).unwrap_or("");
        before.trim_end_matches([' ', '\t']).ends_with("--")
    }

    /// The meaning of a string literal.
    pub(super) fn string(&self, at: At) -> String {
        literal::string(self.text(at))
    }

    pub(super) fn children(&self, at: At) -> Vec<At> {
        let children = self.file(at).tree.children(at.node);
        children.map(|node| At { file: at.file, node }).collect()
    }

    pub(super) fn child(&self, at: At, index: usize) -> Option<At> {
        self.file(at).tree.child(at.node, index).map(|node| At { file: at.file, node })
    }

    /// Where the name in a node stands: a path's last part, a text without its quotes.
    fn name_span(&self, at: At) -> Span {
        let (mut span, text) = (self.span(at), self.text(at));
        match self.kind(at) {
            NodeKind::Text if text.len() >= 2 && text.starts_with('"') && text.ends_with('"') => {
                span.start += 1;
                span.end -= 1;
            }
            NodeKind::Path => {
                span.start += text.rfind('.').map_or(0, |dot| dot as u32 + 1);
            }
            _ => {}
        }
        span
    }

    /// Notes that the name in a node declares a symbol.
    pub(super) fn declares(&mut self, at: At, symbol: impl Into<Option<Symbol>>) {
        let span = self.name_span(at);
        if let (Some(index), Some(symbol)) = (&mut self.index, symbol.into()) {
            index.declare(symbol, span);
        }
    }

    /// Notes that the name in a node refers to a symbol.
    pub(super) fn refers(&mut self, at: At, symbol: impl Into<Option<Symbol>>) {
        let span = self.name_span(at);
        if let (Some(index), Some(symbol)) = (&mut self.index, symbol.into()) {
            index.refer(symbol, span);
        }
    }

    /// Notes that the first part of a path refers to a symbol.
    pub(super) fn refers_root(&mut self, at: At, symbol: Symbol) {
        let (span, text) = (self.span(at), self.text(at));
        let length = text.find('.').unwrap_or(text.len()) as u32;
        if let Some(index) = &mut self.index {
            index.refer(symbol, Span { end: span.start + length, ..span });
        }
    }

    /// Takes back what was reported since `found` things were.
    pub(super) fn forget_after(&mut self, found: usize) {
        self.found.truncate(found);
    }

    /// Adds a place that takes part to what was reported since `found` things were.
    pub(super) fn label_after(&mut self, found: usize, span: Span, note: &str) {
        for diagnostic in self.found.iter_mut().skip(found) {
            diagnostic.labels.push((span, note.to_owned()));
        }
    }

    /// How many things were reported.
    pub(super) fn found_count(&self) -> usize {
        self.found.len()
    }

    /// A literal that the lexer has reported: what it means is not known.
    pub(super) fn is_flawed(&self, at: At) -> bool {
        let text = self.text(at);
        match self.kind(at) {
            NodeKind::Number => literal::number(text).is_none(),
            NodeKind::Damaged => true,
            NodeKind::Text => {
                // A word is meant as such whatever its quotes.
                let word = || names::is_dotted(&literal::string(text));
                let closed = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
                !(closed || word()) || text.contains("${") || text.contains("%{")
            }
            NodeKind::Unary(_) => self
                .child(at, 0)
                .is_some_and(|inner| self.kind(inner) == NodeKind::Number && self.is_flawed(inner)),
            _ => false,
        }
    }

    /// Whether the declaration around a node could not be read whole, which is reported.
    pub(super) fn is_damaged(&self, at: At) -> bool {
        let file = self.file(at);
        file.damage.holds(file.tree.bytes(at.node).0)
    }

    /// Whether some file of rules was not read to its end: what seems not to be declared may stand
    /// there.
    pub(super) fn is_cut(&self) -> bool {
        self.files.iter().any(|file| file.damage.is_cut() && !file.is_test())
    }

    /// Whether a mistake in the syntax explains this.
    fn follows(&self, diagnostic: &Diagnostic) -> bool {
        use Code::*;
        let file = self.files.get(diagnostic.span.file as usize);
        let damaged = file.is_some_and(|file| file.damage.holds(diagnostic.span.start));
        let undeclared = matches!(
            diagnostic.code,
            NoRuleset | UnknownName | UnknownField | FieldNotInTrigger | ImportMissing
        );
        damaged || (undeclared && self.is_cut())
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if self.follows(&diagnostic) {
            return;
        }
        // Conditions are checked once per use: their mistakes come up as often.
        // Warnings never push the run over its limit of errors.
        let limit = match diagnostic.severity {
            Severity::Error => 2 * ERROR_COUNT_MAX,
            Severity::Warning => WARNING_COUNT_MAX,
        };
        let room = self.count(diagnostic.severity) < limit;
        // Many fragments may be over one budget, which stands in one place.
        let differs = |known: &Diagnostic| {
            known.code == Code::OverBudget && known.message != diagnostic.message
        };
        let repeated = self.found.iter_mut().find(|known| {
            known.code == diagnostic.code && known.span == diagnostic.span && !differs(known)
        });
        match repeated {
            // One more field that the trigger of this use lacks is no second mistake.
            Some(known) if known.code == Code::FieldNotInTrigger => {
                let first = diagnostic.labels.into_iter().next();
                let more = first.filter(|(span, _)| known.labels.iter().all(|(at, _)| at != span));
                known.labels.extend(more.filter(|_| known.labels.len() < LABEL_COUNT_MAX));
            }
            Some(_) => {}
            None if room => self.found.push(diagnostic),
            None => {}
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|found| found.severity == severity).count()
    }

    /// How many errors were found so far.
    pub(super) fn error_count(&self) -> usize {
        self.count(Severity::Error)
    }

    /// Whether no error was found so far that says something against the rules.
    pub(super) fn is_sound(&self) -> bool {
        let mut errors = self.found.iter().filter(|found| found.severity == Severity::Error);
        // Where there are many, some were not kept.
        let kept = self.error_count() < ERROR_COUNT_MAX;
        kept && !self.misplaced && errors.all(|error| self.is_aside(error))
    }

    /// Whether a mistake is one of the tests, and leaves the rules as they are.
    fn is_aside(&self, error: &Diagnostic) -> bool {
        let Some(file) = self.files.get(error.span.file as usize) else { return false };
        // These are about more than the place that they name.
        let wide = matches!(
            error.code,
            Code::NoRuleset | Code::FileName | Code::TooManyFiles | Code::RulesetTooLarge
        );
        let unread = file.is_test() && error.code.is_syntax();
        // What declares something there is misplaced.
        let stray = matches!(
            error.code,
            Code::UnknownBlock | Code::UnknownAttribute | Code::MisplacedBlock
        );
        let unread = unread || (file.is_test() && stray);
        // A conflict that was not resolved may have swallowed more than the test that it begins in.
        let inside = file.is_in_test(error.span.start) && !file.damage.is_cut();
        !wide && (unread || inside)
    }

    /// Reports one error at a node.
    pub(super) fn error(
        &mut self,
        code: Code,
        at: At,
        message: impl Into<String>,
        cause: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = self.span(at);
        self.report(Diagnostic::error(code, span, message).cause(cause).help(help));
    }

    /// Remembers the name of a declaration that could not be read.
    pub(super) fn lose(&mut self, name: &str) {
        self.lost.insert(name.to_owned());
    }

    /// Remembers that a file of tests declares something beside tests.
    pub(super) fn misplace(&mut self) {
        self.misplaced = true;
    }

    /// Whether as many errors are known as are told.
    pub(super) fn is_full(&self) -> bool {
        self.error_count() >= 2 * ERROR_COUNT_MAX
    }

    /// Remembers that a declaration of this kind has no name.
    pub(super) fn lose_name(&mut self, kind: &str) {
        self.unnamed.insert(kind.to_owned());
    }

    /// Whether what is declared as a `kind` of this name may be what could not be read.
    pub(super) fn is_lost_as(&self, kind: &str, name: &str) -> bool {
        self.is_lost(name) || self.unnamed.contains(kind)
    }

    /// Whether a declaration of this name could not be read, which is reported.
    pub(super) fn is_lost(&self, name: &str) -> bool {
        self.lost.contains(name)
    }

    /// Makes the fix of what was just reported at a node an edit: `text` in its place.
    pub(super) fn fix(&mut self, at: At, text: Option<String>) {
        let (span, Some(text)) = (self.span(at), text) else { return };
        let last = self.found.iter_mut().rfind(|found| found.span == span);
        if let Some(found) = last.filter(|found| found.fix.is_none()) {
            found.fix = Some(Edit { span, text });
        }
    }

    /// The candidate that `word` seems to mean.
    pub(super) fn similar<'n>(
        &mut self,
        word: &str,
        candidates: impl Iterator<Item = &'n str>,
    ) -> Option<String> {
        self.searches = self.searches.checked_sub(1)?;
        names::similar(word, candidates.take(4_096))
    }

    /// Whether one more search for a witness may be made; errors are many only in files that
    /// nobody meant.
    pub(super) fn may_search(&mut self) -> bool {
        let left = self.witnesses > 0;
        self.witnesses = self.witnesses.saturating_sub(1);
        left
    }

    /// All that was found; when it was cut short, the last one says so.
    pub(super) fn finish(&mut self) -> Vec<Diagnostic> {
        if self.is_full() {
            let span = self.found.last().map_or(Span { file: 0, start: 0, end: 0 }, |d| d.span);
            self.found.push(
                Diagnostic::error(
                    Code::TooManyErrors,
                    span,
                    format!("more than {} errors; the rest is not listed", 2 * ERROR_COUNT_MAX),
                )
                .cause("the compiler's memory and time are bounded")
                .help("correct those above and run the check again"),
            );
        }
        std::mem::take(&mut self.found)
    }
}
