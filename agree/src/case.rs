//! One seed's rule set with its inputs, its oracle's answers and what back ends run.

use cairn_ruleset::context::ContextView;
use cairn_ruleset::emit;
use cairn_ruleset::interp;
use cairn_ruleset::ir::{On, Program};
use cairn_ruleset::layout::OutShape;
use cairn_ruleset::meta::FragmentMeta;
use cairn_ruleset::scope::Scope;

use crate::draft::Draft;
use crate::input::{Input, inputs};

/// The output slots of one evaluation; `None` when it has no result.
pub type Answer = Option<Vec<i64>>;

/// One fragment of a case.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// What makes it run.
    pub on: On,
    /// Output slots.
    pub slots: usize,
    /// As WebAssembly.
    pub wasm: Vec<u8>,
    /// What it is evaluated on.
    pub inputs: Vec<Input>,
    /// What the reference interpreter says to each input.
    pub expected: Vec<Answer>,
}

/// One rule set.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where it comes from.
    pub seed: u64,
    pub(crate) draft: Draft,
    /// What back ends are made from: the checked program, unless a test planted something.
    pub subject: Program,
    /// Where its games run.
    pub scope: Scope,
    /// As Rust source.
    pub rust: String,
    /// Its fragments.
    pub units: Vec<Unit>,
    /// How many inputs each fragment has.
    pub input_count: usize,
}

impl Case {
    /// The rule set of a seed, on so many inputs a fragment.
    #[must_use]
    pub fn new(seed: u64, input_count: usize) -> Case {
        Case::planted(seed, input_count, &|_| {})
    }

    /// As [`Case::new`], with the rules repeated until one fragment has `rules` of them: more than 64
    /// need more than one word of the bit set. `None` when the seed's do not fit that often.
    #[must_use]
    pub fn wide(seed: u64, input_count: usize, rules: usize) -> Option<Case> {
        let (draft, program) = Draft::wide(seed, rules)?;
        Some(Case::build(seed, draft, &program, input_count, &|_| {}))
    }

    /// As [`Case::new`], where all back ends but the oracle get a program that `plant` changed: a
    /// miscompilation.
    #[must_use]
    pub fn planted(seed: u64, input_count: usize, plant: &dyn Fn(&mut Program)) -> Case {
        let (draft, program) = Draft::of(seed);
        Case::build(seed, draft, &program, input_count, plant)
    }

    pub(crate) fn build(
        seed: u64,
        draft: Draft,
        program: &Program,
        input_count: usize,
        plant: &dyn Fn(&mut Program),
    ) -> Case {
        let scope = Draft::place(seed);
        let params = program.page(&scope).values;
        let mut subject = program.clone();
        plant(&mut subject);
        let units = program.fragments.iter().zip(&subject.fragments).enumerate().map(
            |(index, (def, planted))| {
                let meta = FragmentMeta::of(program, def);
                let inputs = inputs(program, index, input_count, seed);
                let expected = inputs.iter().map(|input| {
                    let bytes = input.context(def.on);
                    let view = ContextView::new(&bytes, meta.slots())?;
                    interp::run(def, &meta, &view, &params).ok()
                });
                let expected = expected.collect();
                let slots = OutShape::of(&meta).slots;
                let wasm = emit::encode(&subject, planted);
                Unit { name: def.name.clone(), on: def.on, slots, wasm, inputs, expected }
            },
        );
        let units = units.collect();
        let rust = emit::rust::module(&subject);
        Case { seed, draft, subject, scope, rust, units, input_count }
    }

    /// The source text.
    #[must_use]
    pub fn source(&self) -> String {
        self.draft.text()
    }

    /// Rules that the generator made, and how many of them the compiler accepted.
    #[must_use]
    pub fn acceptance(&self) -> (usize, usize) {
        (Draft::wanted(self.seed), self.draft.rule_count())
    }

    /// How many evaluations it asks for.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.units.iter().map(|unit| unit.inputs.len()).sum()
    }

    /// Values of the parameters where the games run.
    #[must_use]
    pub fn params(&self) -> Vec<i64> {
        self.subject.page(&self.scope).values
    }
}
