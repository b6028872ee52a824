//! The front end: source text in, a typed [`Program`] and diagnostics out.
//!
//! Phases, one module each: characters to tokens (`lexer`), tokens to an arena tree with error
//! recovery (`parser`, `pratt`), blocks to declarations (`declare`), names to indices, types and
//! intervals to lowered expressions (`infer`), declarations to the program (`lower`). All errors
//! of all files come out of one run: a phase goes on past a mistake with a placeholder that
//! silences its consequences. A declaration that could not be read whole is such a placeholder
//! (`damage`).
//!
//! Nothing here reads a clock, a file or a random source, and the order of the sources does not
//! matter. No input panics; every cap is in [`limits`].

mod blocks;
mod brackets;
mod budget;
mod builtins;
mod cases;
mod clauses;
mod code;
mod conditions;
mod constant;
mod cron;
mod damage;
mod dates;
mod declare;
mod diagnostic;
mod except;
mod flaws;
mod foreign;
mod format;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod ide;
mod idle;
mod imports;
mod index;
mod infer;
mod interval;
mod leftover;
mod lexer;
pub mod limits;
mod literal;
mod loot;
mod lower;
mod misnomer;
mod names;
mod operators;
mod outline;
mod overrides;
mod page;
mod params;
mod parser;
mod pity;
mod pratt;
mod refer;
mod repair;
mod scope;
mod session;
mod settled;
mod shape;
mod timers;
mod top;
mod trace;
mod tree;
mod triggers;
mod truth;
mod uses;
mod warnings;
mod witness;

pub use code::Code;
pub use diagnostic::{Diagnostic, Edit, Severity, Span, line_col};
pub use format::{FormatError, format};
pub use imports::imports;
pub(crate) use names::{Names, is_name};
pub use outline::{ConditionDef, Outline};
pub use page::{page, page_names};
pub use trace::{Clause, Owner, Part, Shape, TRACE_SIZE_MAX, Trace};

use crate::cases::Case;
use crate::ir::Program;
use index::Index;
use limits::{
    ERROR_COUNT_MAX, FILE_COUNT_MAX, NAME_BYTES_MAX, RULESET_BYTES_MAX, SOURCE_BYTES_MAX,
};
use scope::Scope;
use session::{File, Session};

/// One source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Path relative to the rule set's folder, with `/`, for example `crypt/bosses.rules.hcl`.
    pub name: String,
    /// Its contents.
    pub text: String,
}

/// What [`check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Names of the sources, sorted; [`Span::file`] is an index into it.
    pub files: Vec<String>,
    /// The program; absent when there is an error.
    pub program: Option<Program>,
    /// What the sources say in words that the program no longer has.
    pub outline: Outline,
    /// Everything found: what cannot be read first, then the rest, each by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Checked {
    /// What stops the build.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|found| found.severity == Severity::Error)
    }
}

/// What [`check_with_cases`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// The rule set, and everything found in rules and tests.
    pub checked: Checked,
    /// Every case of every test, in order of files and places; empty when there is an error.
    pub cases: Vec<Case>,
    /// Every expression with its place, when it was asked for and there is no error.
    pub trace: Option<Trace>,
}

/// How the name of a source file ends.
pub const SUFFIX: &str = ".rules.hcl";
/// How the name of a file ends that holds tests alone.
pub const TEST_SUFFIX: &str = ".test.hcl";

/// Compiles a rule set to its typed form, or says everything that is wrong with it.
///
/// Tests are parsed and left out: what comes out is the same with and without them. Time and
/// memory are bounded by [`limits`] whatever the sources hold.
pub fn check(sources: &[Source]) -> Checked {
    run(&sorted(sources), Record::default(), |_, _, _, _| ()).0
}

/// As [`check`], and reads the tests, too. They are judged once the rules are sound, because they
/// are about what the rules say.
pub fn check_with_cases(sources: &[Source]) -> Tested {
    tested(sources, false)
}

/// As [`check_with_cases`], with a table that says where every part of every expression was
/// written. Costs some times the memory of the program, bounded by [`TRACE_SIZE_MAX`].
pub fn check_with_trace(sources: &[Source]) -> Tested {
    tested(sources, true)
}

fn tested(sources: &[Source], traced: bool) -> Tested {
    let mut cases = Vec::new();
    let record = Record { index: false, trace: traced };
    let (checked, session, scope) =
        run(&sorted(sources), record, |session, scope, program, sound| {
            if sound {
                cases = cases::read(session, scope, program);
            }
        });
    let mut trace = None;
    match checked.program.is_some() {
        true => trace = session.recorder.as_ref().map(|r| trace::collect(&session, &scope, r)),
        false => cases.clear(),
    }
    Tested { checked, cases, trace }
}

/// What a run keeps beside the program.
#[derive(Clone, Copy, Default)]
struct Record {
    /// What names stand for.
    index: bool,
    /// Where expressions were written.
    trace: bool,
}

fn sorted(sources: &[Source]) -> Vec<&Source> {
    let mut sorted: Vec<&Source> = sources.iter().collect();
    sorted.sort();
    sorted
}

/// All phases; `sorted` is in order of names. The session keeps what `record` asks for. `then` reads
/// what is about the rules, and is told whether these are sound.
fn run<'a>(
    sorted: &[&'a Source],
    record: Record,
    then: impl FnOnce(&mut Session<'_>, &Scope, &Program, bool),
) -> (Checked, Session<'a>, Scope) {
    let files = sorted.iter().map(|source| source.name.clone()).collect();
    let mut found = Vec::new();
    let parsed = read(sorted, &mut found);
    let mut session = Session::new(parsed, found);
    session.index = record.index.then(Index::default);
    session.recorder = record.trace.then(trace::Recorder::new);
    let mut scope = declare::declare(&mut session);
    let program = lower::lower(&mut session, &mut scope);
    let sound = session.is_sound();
    // Before anything is read that only adds to the rules: a mistake there says nothing against
    // what is worth a look here.
    budget::judge(&mut session, &scope, &program);
    warnings::report(&mut session, &scope);
    then(&mut session, &scope, &program, sound);
    let outline = std::mem::take(&mut session.outline);
    let mut diagnostics = session.finish();
    // What cannot be read comes first: everything else may change once it can be.
    let key = |found: &Diagnostic| (!found.code.is_syntax(), found.span, found.code);
    diagnostics.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message)));
    let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
    let checked = Checked { files, program: (!failed).then_some(program), outline, diagnostics };
    (checked, session, scope)
}

/// Parses what is within the caps; the rest is reported and stands there empty, so that indices of
/// files stay what they are.
fn read<'a>(sorted: &[&'a Source], found: &mut Vec<Diagnostic>) -> Vec<File<'a>> {
    let mut files = Vec::new();
    let mut total = 0_usize;
    for (index, source) in sorted.iter().enumerate() {
        let Ok(number) = u32::try_from(index) else { break };
        let span = Span { file: number, start: 0, end: 0 };
        let size = source.text.len();
        let before = total;
        total = total.saturating_add(size);
        let refused = if index >= FILE_COUNT_MAX {
            // One report stands for all the rest.
            (index == FILE_COUNT_MAX).then(|| {
                (
                    Code::TooManyFiles,
                    format!("{} source files, limit {FILE_COUNT_MAX}", sorted.len()),
                    "join small files, or split the rule set",
                )
            })
        } else if size > SOURCE_BYTES_MAX {
            Some((
                Code::SourceTooLarge,
                format!("{} is {size} bytes, limit {SOURCE_BYTES_MAX}", source.name),
                "split it: all files of a folder make one rule set",
            ))
        } else if total > RULESET_BYTES_MAX {
            (before <= RULESET_BYTES_MAX).then(|| {
                (
                    Code::RulesetTooLarge,
                    format!("with {} the sources exceed {RULESET_BYTES_MAX} bytes", source.name),
                    "split the rule set",
                )
            })
        } else if index > 0 && sorted.get(index - 1).is_some_and(|p| p.name == source.name) {
            Some((
                Code::DuplicateFile,
                format!("{} is given twice", source.name),
                "pass each file once",
            ))
        } else {
            if !is_file_name(&source.name) {
                let name: String = source.name.chars().take(80).collect();
                let message = format!("\"{name}\" cannot name a source file");
                let help = match renamed(&source.name) {
                    Some(meant) => format!("rename it to {meant}"),
                    None => format!(
                        "use a relative path of a-z, A-Z, 0-9, `_`, `-`, `.` and `/` that ends in {SUFFIX}"
                    ),
                };
                found.push(
                    Diagnostic::error(Code::FileName, span, message)
                        .cause("fragments are named after their file")
                        .help(help),
                );
            }
            let mut parse = parser::parse(&source.text, number);
            if found.len() < ERROR_COUNT_MAX {
                found.append(&mut parse.errors);
            }
            files.push(File::new(source, parse));
            continue;
        };
        if let Some((code, message, help)) = refused {
            found.push(
                Diagnostic::error(code, span, message)
                    .cause("the compiler's memory and time are bounded")
                    .help(help),
            );
        }
        files.push(File::refused(source));
    }
    files
}

/// The nearest path that can name a source file.
fn renamed(name: &str) -> Option<String> {
    let stem = name.strip_suffix(SUFFIX).or(name.strip_suffix(".hcl")).unwrap_or(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let stem: String = stem.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    let meant = format!("{stem}{SUFFIX}");
    is_file_name(&meant).then_some(meant)
}

fn is_file_name(name: &str) -> bool {
    let stem = name.strip_suffix(SUFFIX).or(name.strip_suffix(TEST_SUFFIX)).unwrap_or("");
    // An imported file may stand beside the rule set's folder.
    let stem = stem.strip_prefix("../").unwrap_or(stem);
    name.len() <= NAME_BYTES_MAX
        && stem.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        })
}

#[cfg(test)]
mod tests;
