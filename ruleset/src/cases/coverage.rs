//! Which clauses the tests have exercised: each condition, each side of `&&` and `||` and each arm
//! of `? :`, seen both ways.
//!
//! A condition counts once for each rule that uses it, because each rule is a reason of its own to
//! test it.

use std::collections::BTreeMap;

use super::decide::{context, params};
use super::{Case, RuleAt};
use crate::context::ContextView;
use crate::interp::{self, Fault};
use crate::ir::{Expr, Program};
use crate::lang::{Clause, Owner, Part, Shape, Span, Trace};
use crate::meta::FragmentMeta;

/// What a clause is to the expression around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The whole of a `when`.
    Whole,
    /// A side of `&&` or `||`.
    Side,
    /// What chooses between the arms of `? :`.
    Choice,
}

/// One clause of one rule or entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clausal {
    /// Whose it is: a rule, or `table.entry`.
    pub owner: String,
    /// What it is there.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
    /// Cases in which it was true.
    pub trues: u64,
    /// Cases in which it was false.
    pub falses: u64,
    ir: Expr,
}

/// What all cases together have exercised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// In order of owners, then of places.
    pub clauses: Vec<Clausal>,
    /// Clauses to look at, by fragment.
    by_fragment: BTreeMap<usize, Vec<usize>>,
}

impl Coverage {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(program: &Program, trace: &Trace) -> Coverage {
        let mut rules: BTreeMap<&str, RuleAt> = BTreeMap::new();
        for (fragment, def) in program.fragments.iter().enumerate() {
            for (rule, def) in def.rules.iter().enumerate() {
                rules.insert(&def.name, RuleAt { fragment, rule });
            }
        }
        let mut coverage = Coverage::default();
        for clause in &trace.clauses {
            let (owner, fragments) = match &clause.owner {
                Owner::Rule(name) => (
                    name.clone(),
                    rules.get(name.as_str()).map(|at| at.fragment).into_iter().collect(),
                ),
                Owner::Entry(table, entry) => {
                    (format!("{table}.{entry}"), rolling(program, clause, table))
                }
            };
            coverage.add(&clause.root, &owner, clause.what == "when", &fragments);
        }
        coverage
    }

    fn add(&mut self, part: &Part, owner: &str, whole: bool, fragments: &Vec<usize>) {
        if whole {
            self.point(part, owner, Kind::Whole, fragments);
        }
        for (index, inner) in part.parts.iter().enumerate() {
            match part.shape {
                // A chain `a && b && c` has three sides, not four.
                Shape::And | Shape::Or if inner.shape != part.shape => {
                    self.point(inner, owner, Kind::Side, fragments);
                }
                Shape::Choice if index == 0 => self.point(inner, owner, Kind::Choice, fragments),
                _ => {}
            }
            self.add(inner, owner, false, fragments);
        }
    }

    fn point(&mut self, part: &Part, owner: &str, kind: Kind, fragments: &Vec<usize>) {
        // What the compiler proved to be constant cannot be seen both ways.
        if matches!(part.ir, Expr::Const(_)) {
            return;
        }
        let known = self.clauses.iter().position(|known| {
            known.span == part.span && known.owner == owner && known.ir == part.ir
        });
        let at = known.unwrap_or(self.clauses.len());
        if known.is_none() {
            let (owner, span, ir) = (owner.to_owned(), part.span, part.ir.clone());
            self.clauses.push(Clausal { owner, kind, span, trues: 0, falses: 0, ir });
        }
        for fragment in fragments {
            let points = self.by_fragment.entry(*fragment).or_default();
            if !points.contains(&at) {
                points.push(at);
            }
        }
    }

    /// Evaluates every clause for one case.
    ///
    /// # Errors
    /// [`Fault`], which a checked program never has.
    pub fn see(&mut self, program: &Program, case: &Case) -> Result<(), Fault> {
        let (bytes, page) = (context(program, case), params(program, case));
        for (fragment, points) in &self.by_fragment {
            let Some(def) = program.fragments.get(*fragment).filter(|def| def.on == case.on) else {
                continue;
            };
            let meta = FragmentMeta::of(program, def);
            let Some(view) = ContextView::new(&bytes, meta.slots()) else { continue };
            for at in points {
                let Some(clause) = self.clauses.get_mut(*at) else { continue };
                match interp::value(&clause.ir, &meta, &view, &page)? {
                    0 => clause.falses += 1,
                    _ => clause.trues += 1,
                }
            }
        }
        Ok(())
    }

    /// Ways that were seen, and ways that there are: two for each clause.
    #[must_use]
    pub fn seen(&self) -> (usize, usize) {
        let seen =
            |clause: &Clausal| usize::from(clause.trues > 0) + usize::from(clause.falses > 0);
        (self.clauses.iter().map(seen).sum(), 2 * self.clauses.len())
    }
}

/// The fragments on a clause's trigger in which a table is rolled with conditions. One is enough:
/// they see the same.
fn rolling(program: &Program, clause: &Clause, table: &str) -> Vec<usize> {
    let rolls = |fragment: &crate::ir::FragmentDef| {
        fragment.on == clause.on
            && fragment.masks.iter().any(|mask| {
                program.tables.get(usize::from(mask.table)).is_some_and(|def| def.name == table)
            })
    };
    program.fragments.iter().position(rolls).into_iter().collect()
}
