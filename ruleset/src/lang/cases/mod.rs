//! `test` blocks to cases: names resolved, values in their ranges, mistakes reported.
//!
//! A row of `cases` starts from what the test gives and expects, and changes it. All of it is read
//! after the program, so a test can neither change the program nor fail its build.

pub(super) mod expect;
mod given;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::scope::Scope;
use super::session::{At, Session};
use super::shape::{self, Block, Schema};
use super::tree::{NodeKind, Tree};
use super::{Code, Diagnostic, Span, TEST_SUFFIX, constant, names};
use crate::cases::{
    CASE_COUNT_MAX, CASES_READ_MAX, CASES_SIZE_MAX, Case, EXPECT_COUNT_MAX, Expect, Given,
    ROW_COUNT_MAX, RuleAt, TEST_COUNT_MAX, TEST_NAME_BYTES_MAX,
};
use crate::ir::{On, Program};

pub(super) const TEST: Schema = Schema {
    kind: "test",
    labels: 1,
    required: &["on"],
    optional: &[
        "trigger",
        "params",
        "rates",
        "active",
        "seed",
        "player",
        "zone",
        "shard",
        "pity",
        "now",
        "fired",
        "not_fired",
        "fired_exactly",
        "cases",
    ],
    open: false,
    blocks: &["expect"],
};

pub(super) const ROW: Schema = Schema {
    kind: "cases",
    labels: 0,
    required: &[],
    optional: &[
        "name",
        "trigger",
        "params",
        "rates",
        "active",
        "seed",
        "player",
        "zone",
        "shard",
        "pity",
        "now",
        "fired",
        "not_fired",
        "fired_exactly",
        "payload",
        "rolls",
        "loot",
        "eligible",
        "not_eligible",
        "misses",
    ],
    open: false,
    blocks: &[],
};

/// Whether a node stands in a file of tests.
pub(super) fn is_test_file(session: &Session<'_>, at: At) -> bool {
    session.files.get(at.file as usize).is_some_and(|file| file.is_test())
}

/// Reports a declaration of the rule set in a file of tests.
pub(super) fn not_a_test(session: &mut Session<'_>, at: At) {
    let name = session.text(at);
    session.error(
        Code::NotATest,
        at,
        format!("`{name}` in a test file"),
        format!(
            "files that end in {TEST_SUFFIX} are left out of the build, so they hold tests alone"
        ),
        format!("move it to a file that ends in {}", super::SUFFIX),
    );
}

/// Reads every test of every file.
pub(super) fn read(session: &mut Session<'_>, scope: &Scope, program: &Program) -> Vec<Case> {
    let mut reader = Reader::new(session, scope, program);
    let mut seen: BTreeMap<String, At> = BTreeMap::new();
    let mut count = 0;
    for file in 0..reader.session.files.len() as u32 {
        for at in reader.session.children(At { file, node: Tree::ROOT }) {
            let is_test = reader.session.kind(at) == NodeKind::Block
                && (reader.session.child(at, 0))
                    .is_some_and(|name| reader.session.text(name) == "test");
            if !is_test {
                continue;
            }
            count += 1;
            if count > TEST_COUNT_MAX {
                reader.too_many(at, "test", TEST_COUNT_MAX);
                return reader.cases;
            }
            if reader.test(at, &mut seen).is_err() {
                return reader.cases;
            }
        }
    }
    reader.cases
}

pub(super) struct Reader<'c, 'a> {
    session: &'c mut Session<'a>,
    scope: &'c Scope,
    program: &'c Program,
    rules: Rc<BTreeMap<&'c str, RuleAt>>,
    /// The outcomes of the rules on each trigger and timer.
    outcomes: BTreeMap<On, Rc<ByName<'c>>>,
    cases: Vec<Case>,
    /// See [`Case::size`].
    size: usize,
    /// Most that the `expect` blocks of the test or the row that is read may come to.
    open: usize,
    /// The same of all tests so far.
    read: usize,
    /// Every `expect` block of the test could be read.
    whole: bool,
    full: bool,
    /// What tables lead to.
    reached: BTreeMap<u16, Rc<Reach>>,
    /// The tables that give each item.
    givers: Option<Rc<BTreeMap<&'c str, BTreeSet<u16>>>>,
    /// Errors that were found before the test or the row that is read.
    before: usize,
}

/// The loot tables that a table leads to, itself included: one bit each.
#[derive(Default)]
struct Reach(Vec<u64>);

impl Reach {
    /// False when it was there.
    fn insert(&mut self, table: u16) -> bool {
        let (word, bit) = (usize::from(table / 64), 1 << (table % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let word = self.0.get_mut(word);
        word.is_some_and(|word| std::mem::replace(word, *word | bit) & bit == 0)
    }

    fn has(&self, table: u16) -> bool {
        self.0.get(usize::from(table / 64)).is_some_and(|word| word >> (table % 64) & 1 == 1)
    }
}

/// Outcomes of the program by their name.
type ByName<'c> = BTreeMap<&'c str, Vec<(RuleAt, usize)>>;

fn said(size: usize) -> String {
    format!("with this all cases name {size} rules, outcomes and values, limit {CASES_SIZE_MAX}")
}

/// The cases are as many, or say as much, as they may, or as many errors are known as are told; that
/// is reported, and no more are read.
struct Full;

impl<'c, 'a> Reader<'c, 'a> {
    fn new(session: &'c mut Session<'a>, scope: &'c Scope, program: &'c Program) -> Self {
        let mut rules = BTreeMap::new();
        let mut outcomes: BTreeMap<On, ByName<'_>> = BTreeMap::new();
        for (fragment, def) in program.fragments.iter().enumerate() {
            let outcomes = outcomes.entry(def.on).or_default();
            for (rule, def) in def.rules.iter().enumerate() {
                let at = RuleAt { fragment, rule };
                rules.insert(def.name.as_str(), at);
                for (outcome, def) in def.outcomes.iter().enumerate() {
                    outcomes.entry(def.name.as_str()).or_default().push((at, outcome));
                }
            }
        }
        let outcomes = outcomes.into_iter().map(|(on, by_name)| (on, Rc::new(by_name))).collect();
        let rules = Rc::new(rules);
        let (size, open, full, givers, before) = (0, 0, false, None, 0);
        let (cases, reached) = (Vec::new(), BTreeMap::new());
        Reader {
            session,
            scope,
            program,
            rules,
            outcomes,
            cases,
            size,
            open,
            read: 0,
            whole: true,
            full,
            reached,
            givers,
            before,
        }
    }

    /// Whether the test or the row has a mistake: what follows from it is not reported.
    fn failed(&self) -> bool {
        self.session.error_count() > self.before
    }

    fn too_many(&mut self, at: At, what: &str, limit: usize) {
        self.session.error(
            Code::TooMany,
            at,
            format!("one {what} more than the limit of {limit}"),
            "what one run of the tests costs is bounded",
            "remove some, or split the rule set",
        );
    }

    fn test(&mut self, at: At, seen: &mut BTreeMap<String, At>) -> Result<(), Full> {
        if self.session.is_full() {
            return Err(Full);
        }
        self.before = self.session.error_count();
        (self.open, self.whole) = (0, true);
        let block = shape::read(self.session, at, &TEST);
        let name = block.labels.first().and_then(|label| self.name(*label, seen));
        let Some(on) =
            block.value("on").and_then(|at| super::lower::on(self.session, self.scope, at))
        else {
            return Ok(());
        };
        let mut given = self.blank(on);
        self.given(&block, on, &mut given);
        let mut expect = Expect::default();
        self.rules_of(&block, on, &mut expect);
        if let Some((_, over)) = block.blocks.get(EXPECT_COUNT_MAX) {
            self.too_many(*over, "`expect` of this test", EXPECT_COUNT_MAX);
        }
        for (_, inner) in block.blocks.iter().take(EXPECT_COUNT_MAX) {
            let wanted = self.wanted(*inner, on);
            self.whole &= wanted.is_some();
            expect.outcomes.extend(wanted);
            if self.full {
                return Err(Full);
            }
        }
        let test = name.unwrap_or_default();
        match block.value("cases") {
            None => {
                self.contrary(&expect);
                if block.damaged {
                    return Ok(());
                }
                self.push(Case { test, row: None, span: block.header, on, given, expect })
            }
            Some(rows) => self.rows(rows, &test, on, &given, &expect),
        }
    }

    fn rows(
        &mut self,
        at: At,
        test: &str,
        on: On,
        given: &Given,
        expect: &Expect,
    ) -> Result<(), Full> {
        let rows = self.session.children(at);
        let is_table = self.session.kind(at) == NodeKind::List
            && !rows.is_empty()
            && rows.iter().all(|row| self.session.kind(*row) == NodeKind::Object);
        if !is_table {
            self.session.error(
                Code::WrongShape,
                at,
                "`cases` is not a list of rows",
                "each row changes what the test gives and expects",
                "write `cases = [ { trigger = { level = 50 }, fired = [crypt_drop] } ]`",
            );
            return Ok(());
        }
        if let Some(over) = rows.get(ROW_COUNT_MAX) {
            self.too_many(*over, "row of this test", ROW_COUNT_MAX);
        }
        let mut names: BTreeMap<String, At> = BTreeMap::new();
        let failed = self.failed();
        let mut clear = true;
        for (number, row_at) in rows.into_iter().take(ROW_COUNT_MAX).enumerate() {
            if self.session.is_full() {
                return Err(Full);
            }
            // What is missing from the test may be missing from its rows.
            if clear && !failed {
                self.before = self.session.error_count();
            }
            let row = shape::object(self.session, row_at, &ROW);
            let (mut given, mut expect) = (given.clone(), expect.clone());
            self.given(&row, on, &mut given);
            self.rules_of(&row, on, &mut expect);
            // How many blocks there are is one mistake, however many rows meet it.
            if clear {
                self.open = 0;
                clear = self.complete(&row, &mut expect);
                if self.full {
                    return Err(Full);
                }
            }
            self.contrary(&expect);
            let name = match row.value("name") {
                Some(at) => self.name(at, &mut names),
                None => None,
            };
            let name = name.unwrap_or_else(|| (number + 1).to_string());
            let (test, span) = (test.to_owned(), self.session.span(row_at));
            self.push(Case { test, row: Some(name), span, on, given, expect })?;
        }
        Ok(())
    }

    fn push(&mut self, case: Case) -> Result<(), Full> {
        let expect = &case.expect;
        let nothing = expect.fired.is_empty()
            && expect.not_fired.is_empty()
            && expect.exactly.is_none()
            && expect.outcomes.is_empty();
        if nothing && !self.failed() {
            self.session.report(
                Diagnostic::error(Code::NoExpectation, case.span, "this test expects nothing")
                    .cause("it would pass whatever the rules do")
                    .help("add `fired = […]`, `not_fired = […]`, `fired_exactly = […]` or an `expect` block"),
            );
        }
        self.size = self.size.saturating_add(case.size());
        let over = if self.cases.len() == CASE_COUNT_MAX {
            format!("one case more than the limit of {CASE_COUNT_MAX}")
        } else if self.size > CASES_SIZE_MAX {
            said(self.size)
        } else {
            self.cases.push(case);
            return Ok(());
        };
        self.over(case.span, over);
        Err(Full)
    }

    fn over(&mut self, span: Span, message: String) {
        self.session.report(
            Diagnostic::error(Code::TooMany, span, message)
                .cause("what one run of the tests costs is bounded")
                .help(
                    "say with `rule = …` which rule's outcome an `expect` means, or split the rule set",
                ),
        );
    }

    /// Whether `more` may still be said in all, before any of it is kept; reported when not.
    fn affords(&mut self, at: At, more: usize) -> bool {
        self.open = self.open.saturating_add(more);
        self.read = self.read.saturating_add(more);
        let size = self.size.saturating_add(self.open);
        let over = if size > CASES_SIZE_MAX {
            said(size)
        } else if self.read > CASES_READ_MAX {
            let read = self.read;
            format!(
                "with this all cases could mean {read} outcomes and values, limit {CASES_READ_MAX}"
            )
        } else {
            return !self.full;
        };
        if !self.full {
            self.full = true;
            let span = self.session.span(at);
            self.over(span, over);
        }
        !self.full
    }

    /// A name in a person's words, once.
    fn name(&mut self, at: At, seen: &mut BTreeMap<String, At>) -> Option<String> {
        let name = constant::text(self.session, at, "the name")?;
        let plain = name.trim() == name && !name.is_empty() && !name.chars().any(char::is_control);
        if !plain || name.len() > TEST_NAME_BYTES_MAX {
            let message = if plain {
                format!("a test name of {} bytes, limit {TEST_NAME_BYTES_MAX}", name.len())
            } else {
                format!("\"{}\" is no name for a test", constant::shorten(&name))
            };
            self.session.error(
                Code::TestName,
                at,
                message,
                "the name is the line that a person reads when the test fails",
                "say in a few words what holds, for example \"a lich outside the crypt gives nothing\"",
            );
            return None;
        }
        if let Some(first) = seen.get(&name) {
            let (first, span) = (self.session.span(*first), self.session.span(at));
            self.session.report(
                Diagnostic::error(
                    Code::DuplicateTest,
                    span,
                    format!("a second test is called \"{}\"", constant::shorten(&name)),
                )
                .label(first, "the first one is here")
                .cause("a report could not say which of them failed")
                .help("say in the name in what they differ"),
            );
        }
        seen.insert(name.clone(), at);
        Some(name)
    }

    fn unknown<'n>(
        &mut self,
        at: At,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        self.unknown_but(at, what, name, None, known);
    }

    /// Reports an unknown name; what is `meant` by it may be known.
    fn unknown_but<'n>(
        &mut self,
        at: At,
        what: &str,
        name: &str,
        meant: Option<&str>,
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        // `chest.gem`, where `gem` is meant, is a guess that lies near.
        let last = name.rsplit('.').next().unwrap_or(name);
        // And so is `gem` for `chest.gem`.
        let within = |known: &&str| known.rsplit_once('.').is_some_and(|(_, own)| own == name);
        let near = known.clone().find(|known| *known == last);
        let meant = match meant.or(near).or_else(|| known.clone().find(within)) {
            Some(known) => Some(known.to_owned()),
            None => self.session.similar(name, known.clone()),
        };
        let all: Vec<&str> = known.clone().take(8).collect();
        let name = constant::shorten(name);
        self.session.error(
            Code::UnknownInTest,
            at,
            match what.strip_prefix("field of ") {
                Some(owner) => format!("there is no field `{name}` of {owner}"),
                None => format!("there is no {what} `{name}`"),
            },
            match (all.is_empty(), known.count() > all.len()) {
                (true, _) => "there is none at all here".to_owned(),
                (false, true) => format!("there is for example {}", shape::list(&all)),
                (false, false) => format!("there is {}", shape::list(&all)),
            },
            match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "correct the name, or remove it".to_owned(),
            },
        );
    }

    /// The pairs of `name = { a = 1, b = 2 }`.
    fn pairs(&mut self, block: &Block, name: &str) -> Vec<(At, At)> {
        match block.value(name) {
            Some(at) => self.pairs_of(at, name),
            None => Vec::new(),
        }
    }

    fn pairs_of(&mut self, at: At, name: &str) -> Vec<(At, At)> {
        if self.session.kind(at) != NodeKind::Object {
            let shown = constant::shorten(self.session.text(at));
            self.session.error(
                Code::WrongShape,
                at,
                format!("`{name}` is `{shown}`, not a set of names with values"),
                "each name stands beside its value, between braces",
                format!("write `{name} = {{ name = value }}`"),
            );
            return Vec::new();
        }
        let mut pairs: Vec<(At, At)> = Vec::new();
        for pair in self.session.children(at) {
            let (Some(name), Some(value)) =
                (self.session.child(pair, 0), self.session.child(pair, 1))
            else {
                continue;
            };
            let text = self.session.text(name);
            if let Some((first, _)) = pairs.iter().find(|(n, _)| self.session.text(*n) == text) {
                let (first, span) = (self.session.span(*first), self.session.span(name));
                self.session.report(
                    Diagnostic::error(
                        Code::DuplicateAttribute,
                        span,
                        format!("`{text}` is given twice"),
                    )
                    .label(first, "given here first")
                    .cause("only one of the values could hold")
                    .help("remove one of them"),
                );
                continue;
            }
            pairs.push((name, value));
        }
        pairs
    }

    /// The bare names of `name = [a, b]`.
    fn names(&mut self, block: &Block, name: &str) -> Option<(Vec<At>, At)> {
        let at = block.value(name)?;
        let elements = self.session.children(at);
        let bare = elements.iter().all(|at| self.session.kind(*at) == NodeKind::Path);
        if self.session.kind(at) != NodeKind::List || !bare {
            let shown = constant::shorten(self.session.text(at));
            let meant = match self.session.kind(at) {
                NodeKind::List => self.meant_names(&elements),
                _ => self.meant_names(&[at]),
            };
            self.session.error(
                Code::WrongShape,
                at,
                format!("`{name}` is `{shown}`, not a list of names"),
                "what is named here stands between brackets, without quotes",
                format!("write `{name} = [{}]`", meant.unwrap_or_else(|| "crypt_drop".to_owned())),
            );
            return None;
        }
        Some((elements, at))
    }

    /// The names that are written there, some of them as strings; `None` where there is none, or too
    /// much to show.
    fn meant_names(&self, elements: &[At]) -> Option<String> {
        let name = |at: &At| {
            let kind = self.session.kind(*at);
            let name = match kind {
                NodeKind::Path => self.session.text(*at).to_owned(),
                NodeKind::Text => self.session.string(*at),
                _ => return None,
            };
            let yes_or_no = match kind {
                NodeKind::Path => names::meant_bool(&name).is_some(),
                _ => matches!(name.as_str(), "true" | "false"),
            };
            (names::is_dotted(&name) && !yes_or_no).then_some(name)
        };
        let named: Option<Vec<String>> = elements.iter().map(name).collect();
        let all = named.filter(|all| !all.is_empty())?.join(", ");
        (all.len() <= 80).then_some(all)
    }
}
