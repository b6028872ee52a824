//! Compares a back end with the oracle, and makes a difference small.

use std::fmt;

use cairn_ruleset::ir::Program;

use crate::backend::{Backend, BackendError};
use crate::case::{Answer, Case};
use crate::input::Input;

/// Most tries to make one difference smaller: each may be a run of `rustc`.
const TRIES_MAX: usize = 300;

/// A back end that answers differently from the reference interpreter.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Which.
    pub backend: Backend,
    /// The rule set's seed.
    pub seed: u64,
    /// How many inputs a fragment had.
    pub input_count: usize,
    /// The rule set, as small as it was made.
    pub source: String,
    /// How many expressions and blocks it has.
    pub size: usize,
    /// The fragment.
    pub fragment: String,
    /// The input.
    pub input: Input,
    /// The oracle's answer.
    pub expected: Answer,
    /// The back end's.
    pub actual: Answer,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { backend, seed, input_count, .. } = self;
        writeln!(f, "{} differs from the interpreter on seed {seed}", backend.name())?;
        writeln!(f, "\n{}", self.source)?;
        writeln!(f, "fragment {}", self.fragment)?;
        writeln!(f, "input    {:?}", self.input)?;
        writeln!(f, "expected {:?}", self.expected)?;
        writeln!(f, "actual   {:?}", self.actual)?;
        let name = backend.name();
        write!(
            f,
            "repeat: cargo xtask agree --seed {seed} --programs 1 --inputs {input_count} --backends {name}"
        )
    }
}

/// Every case whose answers differ, with the first input that shows it.
///
/// # Errors
/// The back end could not run.
pub fn compare(backend: Backend, cases: &[Case]) -> Result<Vec<Difference>, BackendError> {
    let mut answers = backend.answers(cases)?.into_iter();
    let mut found = Vec::new();
    for case in cases {
        let mut first = None;
        for unit in &case.units {
            for (input, expected) in unit.inputs.iter().zip(&unit.expected) {
                let actual = answers.next().flatten();
                if first.is_none() && actual != *expected {
                    first = Some(Difference {
                        backend,
                        seed: case.seed,
                        input_count: case.input_count,
                        source: case.source(),
                        size: case.draft.size(),
                        fragment: unit.name.clone(),
                        input: input.clone(),
                        expected: expected.clone(),
                        actual,
                    });
                }
            }
        }
        found.extend(first);
    }
    Ok(found)
}

/// Makes a difference smaller as long as a smaller rule set still shows one. `plant` is what made
/// the case wrong, when a test did.
///
/// # Errors
/// The back end could not run.
pub fn shrink(
    difference: Difference,
    case: &Case,
    plant: &dyn Fn(&mut Program),
) -> Result<Difference, BackendError> {
    let mut best = difference;
    let mut draft = case.draft.clone();
    let mut tries = 0;
    'again: loop {
        for smaller in draft.smaller() {
            if smaller.size() >= draft.size() || tries == TRIES_MAX {
                continue;
            }
            let Some(program) = smaller.compile() else { continue };
            tries += 1;
            let case = Case::build(best.seed, smaller.clone(), &program, case.input_count, plant);
            if let Some(less) = compare(best.backend, &[case])?.pop() {
                best = less;
                draft = smaller;
                continue 'again;
            }
        }
        return Ok(best);
    }
}
