//! Numbers that are drawn: fixed, evenly between two, or successes of so many tries.

use super::Carry;
use crate::import::document::{Node, Value};
use crate::import::naming::bare;
use crate::import::number::Exact;

/// Largest number that is looked at, either side of zero.
const NUMBER_MAX: i64 = 1_000_000;
/// Decimals of a chance that are kept; weights hold them exactly.
const SHARE_SCALE_MAX: u32 = 9;

/// `part` of `whole`, reduced; strictly between never and always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Share {
    pub(super) part: u64,
    pub(super) whole: u64,
}

/// A chance as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odds {
    Never,
    Always,
    Share(Share),
}

impl Odds {
    /// The chance, and whether it is exactly what was written.
    pub(super) fn of(number: Exact) -> Option<(Odds, bool)> {
        let scale = number.scale().min(SHARE_SCALE_MAX);
        let exact = number.scale() <= SHARE_SCALE_MAX;
        let whole = 10_i128.pow(scale);
        let part = number.rounded(scale)?;
        let odds = match part {
            ..=0 => Odds::Never,
            part if part >= whole => Odds::Always,
            part => {
                let (part, whole) = (u64::try_from(part).ok()?, u64::try_from(whole).ok()?);
                let common = gcd(part, whole);
                Odds::Share(Share { part: part / common, whole: whole / common })
            }
        };
        Some((odds, exact))
    }
}

pub(super) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// How a whole number is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dist {
    /// Evenly between two, both included.
    Range(i64, i64),
    /// Successes of so many tries.
    Tries(u32, Share),
}

impl<'a> Carry<'a> {
    /// A number of the document; `None` when it is none that is looked at.
    pub(super) fn exact(node: &Node) -> Option<Exact> {
        Exact::parse(node.number()?).ok()
    }

    /// A number provider as whole numbers, each of its leaves marked with what it became. What
    /// cannot be carried over is not marked at all.
    pub(super) fn dist(&mut self, node: &'a Node, to: &str) -> Option<Dist> {
        if node.number().is_some() {
            let number = self.whole(node, to)?;
            return Some(Dist::Range(number, number));
        }
        let kind = node.get("type");
        let word = match kind {
            Some(kind) => bare(kind.text()?),
            None => "uniform",
        };
        let dist = match word {
            "constant" => {
                let number = self.whole(node.get("value")?, to)?;
                Dist::Range(number, number)
            }
            "uniform" => {
                let (low, high) = (node.get("min")?, node.get("max")?);
                // Before either is marked: both are there, and both can be carried over.
                let _ = (Self::fixed(low)?, Self::fixed(high)?);
                let (low, high) = (self.constant(low, to)?, self.constant(high, to)?);
                // The game takes the least when there is nothing between the two.
                Dist::Range(low, high.max(low))
            }
            "binomial" => {
                let (tries, chance) = (node.get("n")?, node.get("p")?);
                let count = u32::try_from(Self::fixed(tries)?).ok()?;
                let (odds, exact) = Odds::of(Self::exact(chance)?)?;
                self.constant(tries, to)?;
                match exact {
                    true => self.marks().carried(chance, to),
                    false => self.rounded(chance, to),
                }
                match odds {
                    Odds::Never => Dist::Range(0, 0),
                    Odds::Always => Dist::Range(count.into(), count.into()),
                    Odds::Share(_) if count == 0 => Dist::Range(0, 0),
                    Odds::Share(share) => Dist::Tries(count, share),
                }
            }
            _ => return None,
        };
        if let Some(kind) = kind {
            self.marks().carried(kind, to);
        }
        Some(dist)
    }

    /// A chance with more decimals than are kept.
    pub(super) fn rounded(&mut self, node: &'a Node, to: &str) {
        let reason = format!("it has more than {SHARE_SCALE_MAX} decimals and is rounded");
        self.marks().adapted(node, to, reason, "nothing, unless so little matters");
    }

    /// What [`Carry::constant`] will give.
    fn fixed(node: &Node) -> Option<i64> {
        let number = match &node.value {
            Value::Map(_) if node.get("type")?.text().map(bare)? == "constant" => {
                node.get("value")?
            }
            Value::Map(_) => return None,
            _ => node,
        };
        Self::exact(number)?.nearest().filter(|number| number.abs() <= NUMBER_MAX)
    }

    /// A number, or a provider of a fixed one.
    fn constant(&mut self, node: &'a Node, to: &str) -> Option<i64> {
        let number = Self::fixed(node)?;
        match (node.get("type"), node.get("value")) {
            (Some(kind), Some(value)) => {
                self.marks().carried(kind, to);
                self.whole(value, to)?;
            }
            _ => {
                self.whole(node, to)?;
            }
        }
        Some(number)
    }

    /// A whole number, rounded as the game rounds it.
    fn whole(&mut self, node: &'a Node, to: &str) -> Option<i64> {
        let exact = Self::exact(node)?;
        let number = exact.nearest().filter(|number| number.abs() <= NUMBER_MAX)?;
        match exact.scale() {
            0 => self.marks().carried(node, to),
            _ => {
                let reason = format!("the game rounds it to {number}, and so does this");
                self.marks().adapted(node, to, reason, "nothing");
            }
        }
        Some(number)
    }
}
