//! Running the cases of a rule set, and reports of what came of them.
//!
//! Every case is decided twice: by the reference interpreter, and by the compiled fragments that
//! ship, in the evaluator that games run. A case passes when both decide the same and it is what
//! the test expects.

mod coverage;
pub mod json;
pub mod junit;
mod place;
pub mod text;
mod words;

use std::time::{Duration, Instant};

use cairn_merkle::Digest;
use cairn_ruleset::cases::{self, Case, Decision};
use cairn_ruleset::emit::Built;
use cairn_ruleset::envelope::MANIFEST_DOMAIN;
use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::Source;

pub use coverage::{Coverage, Missing};
pub use place::Place;
pub use words::words;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::compile;
use crate::live::Live;

/// What came of one case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The test's name.
    pub test: String,
    /// The row's, when the test has a table.
    pub row: Option<String>,
    /// Both, for people.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What is not as expected; empty when the case passed.
    pub differences: Vec<Differs>,
    /// Fields that the test leaves out, with the value that they had.
    pub left_out: Vec<(String, String)>,
    /// Of a test that failed, the time and the timers that rules ask for and it does not say.
    pub unsaid: Vec<(String, String)>,
    /// How long both back ends took.
    pub took: Duration,
}

/// One value that is not as expected.
#[derive(Clone, Debug)]
pub struct Differs {
    /// What it is of.
    pub what: String,
    /// As the test says.
    pub expected: String,
    /// As it came out.
    pub actual: String,
    /// Where the test says it.
    pub place: Place,
}

/// One run.
#[derive(Debug)]
pub struct Report<'a> {
    /// The rule set.
    pub ruleset: &'a str,
    /// Every case, in order of files and places.
    pub results: &'a [CaseResult],
    /// What the cases have exercised, when it was asked for.
    pub coverage: Option<Coverage>,
    /// How long it took, compilation included.
    pub took: Duration,
}

impl Report<'_> {
    /// Cases that did not pass.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.differences.is_empty()).count()
    }

    /// Cases that passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.results.len() - self.failed()
    }
}

/// Runs every case on both back ends.
///
/// # Errors
/// When the rules do not fit into a bundle, or the back ends cannot run.
pub fn run_cases(
    program: &Program,
    sources: &[Source],
    cases: &[Case],
) -> Result<Vec<CaseResult>, Failure> {
    let compiled = Compiled::new(program)?;
    cases.iter().map(|case| one(program, sources, case, &compiled)).collect()
}

fn one(
    program: &Program,
    sources: &[Source],
    case: &Case,
    compiled: &Compiled<'_>,
) -> Result<CaseResult, Failure> {
    let began = Instant::now();
    let place = |span| Place::of(sources, span);
    let decided = cases::interpret(program, case)
        .map_err(|fault| Failure::internal(format!("{}: {fault}", case.name())))?;
    let mut differences: Vec<Differs> = (cases::judge(program, case, &decided).into_iter())
        .map(|found| Differs {
            what: found.what,
            expected: found.expected,
            actual: found.actual,
            place: place(found.span),
        })
        .collect();
    let shipped = compiled.decide(case)?;
    if shipped != decided {
        // A bug in us: no test of a designer is to blame, and none may pass over it.
        differences.push(Differs {
            what: "compiled fragments".to_owned(),
            expected: "decide as the reference interpreter".to_owned(),
            actual: "decide otherwise; please report this rule set".to_owned(),
            place: place(case.span),
        });
    }
    let unsaid = match differences.is_empty() {
        true => Vec::new(),
        false => cases::unsaid(program, case),
    };
    Ok(CaseResult {
        test: case.test.clone(),
        row: case.row.clone(),
        name: case.name(),
        place: place(case.span),
        differences,
        left_out: cases::left_out(program, case),
        unsaid,
        took: began.elapsed(),
    })
}

/// The compiled fragments.
struct Compiled<'a> {
    program: &'a Program,
    live: Live,
}

impl<'a> Compiled<'a> {
    fn new(program: &'a Program) -> Result<Compiled<'a>, Failure> {
        let built = bundle(program)?;
        let digest = Digest::derive(MANIFEST_DOMAIN, &[&built.manifest.encode()]);
        let live = Live::local(&built, digest, true).map_err(Failure::internal)?;
        Ok(Compiled { program, live })
    }

    fn decide(&self, case: &Case) -> Result<Decision, Failure> {
        let bytes = cases::context(self.program, case);
        let params = cases::params(self.program, case);
        let outputs = self.live.outputs(case.on, &bytes, &params).map_err(Failure::internal)?;
        let mut decision = Decision::default();
        for (name, slots) in outputs {
            let index = self.program.fragments.iter().position(|def| def.name == name);
            let index = index.ok_or_else(|| {
                Failure::internal(format!("the bundle holds a fragment {name} of no source"))
            })?;
            decision.slots.insert(index, slots);
        }
        Ok(decision)
    }
}

fn bundle(program: &Program) -> Result<Built, Failure> {
    compile::bundle(program, "0.0.0", "").map_err(|error| {
        Failure::new(Exit::Findings, format!("the rules cannot be built: {error}"))
            .hint("split the rules into more files, or into two rule sets")
    })
}
