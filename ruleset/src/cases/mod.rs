//! Tests of a rule set: what is given, what is expected, and what differed.
//!
//! A `test` block of the sources becomes one [`Case`] for each row of its table (or one, without a
//! table); names are resolved and values are in range by then, see
//! [`crate::lang::check_with_cases`]. [`interpret`] runs a case on the reference interpreter, and
//! [`judge()`] compares what any back end answered with what was expected. Nothing here reads a
//! clock: a test without `now` stands at the beginning of 1970.

mod coverage;
mod decide;
mod judge;

pub use coverage::{Clausal, Coverage, Kind};
pub use decide::{Decision, Fell, Item, context, interpret, params};
pub(crate) use judge::text;
pub use judge::{Difference, judge, judge_while, left_out, unsaid};

use std::collections::BTreeMap;

use crate::ir::On;
use crate::lang::Span;
use crate::scope::Scope;

/// Tests of one rule set.
pub const TEST_COUNT_MAX: usize = 4_096;
/// Rows of one test's `cases`.
pub const ROW_COUNT_MAX: usize = 1_024;
/// Cases of one rule set, rows counted.
pub const CASE_COUNT_MAX: usize = 16_384;
/// What all cases of one rule set say, counted by [`Case::size`].
pub const CASES_SIZE_MAX: usize = 1 << 20;
/// Most outcomes that `expect` blocks could mean, times the values that they name, in one run; those of
/// tests with a mistake count as well.
pub const CASES_READ_MAX: usize = 16 * CASES_SIZE_MAX;
/// `expect` blocks of one test.
pub const EXPECT_COUNT_MAX: usize = 32;
/// Bytes of a test's name.
pub const TEST_NAME_BYTES_MAX: usize = 128;

/// One input with what should come out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The test's name.
    pub test: String,
    /// The row's name, or its number from 1; absent when the test has no table.
    pub row: Option<String>,
    /// The test's first line, or the row.
    pub span: Span,
    /// What happens.
    pub on: On,
    /// With which inputs.
    pub given: Given,
    /// What should follow.
    pub expect: Expect,
}

impl Case {
    /// How much the case says: parameters, timers and misses that it gives, rules that should fire or
    /// not, and for each outcome that it expects every outcome of the program that could be meant, with
    /// its values. A row says again what its test says. Linear in the number of outcomes.
    #[must_use]
    pub fn size(&self) -> usize {
        let (given, expect) = (&self.given, &self.expect);
        let rules = expect.fired.len()
            + expect.not_fired.len()
            + expect.exactly.as_ref().map_or(0, |(rules, _)| rules.len());
        let options = expect.outcomes.iter().flat_map(|wanted| &wanted.options);
        let values = options.map(|meant| {
            let (payload, loot) = (meant.payload.len(), meant.loot.len());
            1 + payload + loot + meant.eligible.len() + meant.misses.len()
        });
        let inputs = given.params.len() + given.active.len() + given.pity.len();
        inputs + rules + values.sum::<usize>()
    }

    /// `test`, or `test › row`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.row {
            None => self.test.clone(),
            Some(row) => format!("{} › {row}", self.test),
        }
    }
}

/// The inputs of one evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The trigger's fields in slot order; what the test leaves out is at its smallest.
    pub fields: Vec<i64>,
    /// Fields that the test leaves out, by slot.
    pub left_out: Vec<u16>,
    /// Parameters that differ from what they are where the game runs, by slot, each once.
    pub params: Vec<(u16, i64)>,
    /// Every counter's count, 0 where the test says nothing.
    pub rates: Vec<i64>,
    /// Timers that the test opens or closes, by index; the others follow their schedule at `now`.
    pub active: Vec<(u16, bool)>,
    /// The seed.
    pub seed: u64,
    /// The player.
    pub player: u64,
    /// Where the game runs.
    pub scope: Scope,
    /// Misses before the evaluation, by slot of [`crate::loot::Tables::pity`]; 0 where the test says
    /// nothing.
    pub pity: Vec<(usize, u32)>,
    /// The time in milliseconds; without one, no timer is active unless the test says so.
    pub now_ms: Option<i64>,
}

/// One rule of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleAt {
    /// Index of its fragment.
    pub fragment: usize,
    /// Its index there.
    pub rule: usize,
}

/// What should follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// Rules that fire.
    pub fired: Vec<(RuleAt, Span)>,
    /// Rules that do not.
    pub not_fired: Vec<(RuleAt, Span)>,
    /// All rules that fire, and no other.
    pub exactly: Option<(Vec<RuleAt>, Span)>,
    /// Outcomes that come out.
    pub outcomes: Vec<Wanted>,
}

/// One outcome that should come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its label.
    pub label: String,
    /// Where it is expected.
    pub span: Span,
    /// The outcomes of the program that could be meant; one of them must come out as expected.
    pub options: Vec<Meant>,
}

/// An outcome of the program, with the values that are expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// The rule.
    pub at: RuleAt,
    /// Index of the outcome in its rule.
    pub outcome: usize,
    /// Payload values by their index.
    pub payload: Vec<(usize, i64, Span)>,
    /// How often its table is rolled.
    pub rolls: Option<(i64, Span)>,
    /// How many of an item fall in all.
    pub loot: BTreeMap<String, (u64, Span)>,
    /// Whether entries, by table and index, may fall.
    pub eligible: BTreeMap<(u16, usize), (bool, Span)>,
    /// Misses after its rolls, by slot of [`crate::loot::Tables::pity`].
    pub misses: BTreeMap<usize, (u32, Span)>,
}
