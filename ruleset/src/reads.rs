//! What expressions read: what has to be given to evaluate them, and what another value of can
//! change their result.

use std::collections::BTreeSet;

use crate::ir::Expr;

/// By index, of all expressions that were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Fields of the trigger.
    pub fields: BTreeSet<u16>,
    /// Parameters.
    pub params: BTreeSet<u16>,
    /// Counters.
    pub counters: BTreeSet<u16>,
    /// Timers.
    pub timers: BTreeSet<u16>,
    /// The time.
    pub now: bool,
}

impl Reads {
    /// Adds what an expression reads, in either arm. Linear in it.
    pub fn add(&mut self, expr: &Expr) {
        let mut waiting = vec![expr];
        while let Some(expr) = waiting.pop() {
            match expr {
                Expr::Const(_) => {}
                Expr::Field(index) => drop(self.fields.insert(*index)),
                Expr::Param(index) => drop(self.params.insert(*index)),
                Expr::Rate(index) => drop(self.counters.insert(*index)),
                Expr::Active(index) => drop(self.timers.insert(*index)),
                Expr::Now => self.now = true,
                Expr::Not(inner)
                | Expr::Neg(inner)
                | Expr::Abs(inner)
                | Expr::Chance { p: inner, .. }
                | Expr::Pick { n: inner, .. }
                | Expr::Bucket { n: inner, .. } => waiting.push(inner),
                Expr::Binary(_, left, right) => waiting.extend([&**left, &**right]),
                Expr::Select(test, then, other) => waiting.extend([&**test, &**then, &**other]),
            }
        }
    }

    /// Adds what others read.
    pub fn join(&mut self, other: &Reads) {
        self.fields.extend(&other.fields);
        self.params.extend(&other.params);
        self.counters.extend(&other.counters);
        self.timers.extend(&other.timers);
        self.now |= other.now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::BinaryOp;

    #[test]
    fn every_part_is_read_in_either_arm() {
        let rate = Expr::Binary(BinaryOp::Lt, Box::new(Expr::Rate(3)), Box::new(Expr::Param(2)));
        let arms = (Box::new(Expr::Active(1)), Box::new(Expr::Not(Box::new(Expr::Field(4)))));
        let mut reads = Reads::default();
        reads.add(&Expr::Select(Box::new(rate), arms.0, arms.1));
        let one = |index| BTreeSet::from([index]);
        let (fields, params, counters, timers) = (one(4), one(2), one(3), one(1));
        assert_eq!(reads, Reads { fields, params, counters, timers, now: false });
        reads.add(&Expr::Bucket { n: Box::new(Expr::Now), salt: 0 });
        assert!(reads.now);
    }
}
