//! What the tests have exercised, clause by clause.

use std::fmt::Write as _;

use cairn_ruleset::cases::{Case, Coverage as Seen, Kind};
use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::{Source, Trace};
use serde::Serialize;

use super::{Place, words};
use crate::cli::failure::Failure;

/// A clause that was not seen both ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its rule, or `table.entry`.
    pub owner: String,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// As it is written, on one line; an ellipsis stands for what is too much.
    pub text: String,
    /// What it is: `when`, `side` of `&&` or `||`, or `choice`.
    pub kind: &'static str,
    /// Whether a case saw it true.
    pub seen_true: bool,
    /// Whether a case saw it false.
    pub seen_false: bool,
}

/// What all cases of a run have exercised together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Ways that were seen.
    pub seen: usize,
    /// Ways that there are: every clause true, and false.
    pub ways: usize,
    /// Clauses that lack one, or both.
    pub missing: Vec<Missing>,
}

impl Coverage {
    /// Evaluates every clause for every case.
    ///
    /// # Errors
    /// When the rule set is too large for it.
    pub fn of(
        program: &Program,
        sources: &[Source],
        trace: &Trace,
        cases: &[Case],
    ) -> Result<Coverage, Failure> {
        if !trace.complete {
            return Err(Failure::usage("the rule set is too large for --coverage")
                .hint("run it on a folder that holds fewer of its files"));
        }
        let mut seen = Seen::new(program, trace);
        for case in cases {
            seen.see(program, case).map_err(|fault| Failure::internal(fault.to_string()))?;
        }
        let (count, ways) = seen.seen();
        let missing = seen.clauses.iter().filter(|clause| clause.trues == 0 || clause.falses == 0);
        let missing = missing.map(|clause| Missing {
            owner: clause.owner.clone(),
            place: Place::of(sources, clause.span),
            text: words(sources, clause.span),
            kind: match clause.kind {
                Kind::Whole => "when",
                Kind::Side => "side",
                Kind::Choice => "choice",
            },
            seen_true: clause.trues > 0,
            seen_false: clause.falses > 0,
        });
        Ok(Coverage { seen: count, ways, missing: missing.collect() })
    }

    /// For people: what is missing, by rule; a rule that no case reaches is one line.
    pub(super) fn show(&self, text: &mut String) {
        let mut rest = &self.missing[..];
        while let Some(first) = rest.first() {
            let count = rest.iter().take_while(|one| one.owner == first.owner).count();
            let (own, others) = rest.split_at(count);
            rest = others;
            let never = |one: &&Missing| !one.seen_true && !one.seen_false;
            if own.iter().all(|one| never(&one)) {
                let _ = writeln!(text, "{}: no test reaches it  ({})", first.owner, first.place);
                continue;
            }
            let _ = writeln!(text, "{}:", first.owner);
            for one in own {
                let lacks = match (one.seen_true, one.seen_false) {
                    (true, _) => "never false",
                    (_, true) => "never true",
                    _ => "never seen",
                };
                let _ = writeln!(text, "        {}  {lacks}  {}", one.place, one.text);
            }
        }
        let percent = (100 * self.seen).checked_div(self.ways).unwrap_or(100);
        let _ = writeln!(
            text,
            "\ncoverage: {} of {} ways of clauses, {percent} %; each may be true and false",
            self.seen, self.ways
        );
    }
}
