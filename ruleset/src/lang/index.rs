//! Where every name is declared and used, recorded while the checker resolves it.
//!
//! Tools never resolve a name a second time: whatever the checker took a name for is what it is.
//! A broken file is in here as far as it parses. An ordinary check records nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::Span;
use super::infer::Ty;
use super::interval::Interval;
use crate::ir::Type;

/// Something that has a name, by its position among its kind in the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Symbol {
    Enum(usize),
    /// Enum, then value.
    Value(usize, usize),
    Trigger(usize),
    /// Trigger, then field.
    Field(usize, usize),
    Param(usize),
    Counter(usize),
    Condition(usize),
    Timer(usize),
    Table(usize),
    /// Table, then entry.
    Entry(usize, usize),
    Rule(usize),
}

impl Symbol {
    /// The declaration number `index` of a kind of block; `None` for kinds that nothing refers to.
    pub(super) fn block(kind: &str, index: usize) -> Option<Symbol> {
        Some(match kind {
            "enum" => Symbol::Enum(index),
            "trigger" => Symbol::Trigger(index),
            "param" => Symbol::Param(index),
            "counter" => Symbol::Counter(index),
            "condition" => Symbol::Condition(index),
            "timer" => Symbol::Timer(index),
            "loot_table" => Symbol::Table(index),
            "rule" => Symbol::Rule(index),
            _ => return None,
        })
    }
}

/// Declarations, uses and expressions of one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    declared: BTreeMap<Symbol, Span>,
    /// A condition is checked once for each trigger that uses it, so one place may stand for the
    /// fields of several.
    used: BTreeSet<(Span, Symbol)>,
    values: BTreeMap<Span, (Type, Interval)>,
}

impl Index {
    /// Notes a declaration; `name` is where its name stands, quotes excluded.
    pub(super) fn declare(&mut self, symbol: Symbol, name: Span) {
        self.declared.entry(symbol).or_insert(name);
    }

    /// Notes a use.
    pub(super) fn refer(&mut self, symbol: Symbol, name: Span) {
        self.used.insert((name, symbol));
    }

    /// Notes what an expression may be; uses of one condition are joined.
    pub(super) fn value(&mut self, at: Span, ty: Ty, range: Interval) {
        if let Ty::Known(ty) = ty {
            let known = self.values.entry(at).or_insert((ty, range));
            known.1 = known.1.hull(range);
        }
    }

    /// Where a symbol is declared.
    pub(super) fn declaration(&self, symbol: Symbol) -> Option<Span> {
        self.declared.get(&symbol).copied()
    }

    /// All uses, in order of their places.
    pub(super) fn uses(&self) -> impl Iterator<Item = (Span, Symbol)> + '_ {
        self.used.iter().copied()
    }

    /// What the name at a place stands for, with the place of the name. Both ends count: the
    /// cursor stands between characters. Linear in the size of the index.
    pub(super) fn at(&self, file: u32, offset: u32) -> Option<(Span, Vec<Symbol>)> {
        let here = |span: &Span| span.file == file && (span.start..=span.end).contains(&offset);
        let used = self.used.iter().filter(|(span, _)| here(span)).copied();
        let declared = self.declared.iter().map(|(symbol, span)| (*span, *symbol));
        let mut found: Vec<(Span, Symbol)> =
            used.chain(declared.filter(|(span, _)| here(span))).collect();
        // Of two names that touch, the one that begins here was meant.
        let place = found.iter().map(|(span, _)| *span).max_by_key(|span| span.start)?;
        found.retain(|(span, _)| *span == place);
        Some((place, found.into_iter().map(|(_, symbol)| symbol).collect()))
    }

    /// The smallest expression around an offset, with its type and range.
    pub(super) fn expression(&self, file: u32, offset: u32) -> Option<(Span, Type, Interval)> {
        let here = |span: &Span| span.file == file && (span.start..=span.end).contains(&offset);
        let found = self.values.iter().filter(|(span, _)| here(span));
        let (span, (ty, range)) = found.min_by_key(|(span, _)| span.end - span.start)?;
        Some((*span, *ty, *range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_names_that_touch_the_one_that_begins_here_is_meant() {
        let span = |start, end| Span { file: 0, start, end };
        let mut index = Index::default();
        index.refer(Symbol::Param(0), span(0, 4));
        index.refer(Symbol::Param(1), span(4, 8));
        index.declare(Symbol::Rule(0), span(20, 24));
        assert_eq!(index.at(0, 4), Some((span(4, 8), vec![Symbol::Param(1)])));
        assert_eq!(index.at(0, 3), Some((span(0, 4), vec![Symbol::Param(0)])));
        assert_eq!(index.at(0, 24), Some((span(20, 24), vec![Symbol::Rule(0)])));
        assert_eq!((index.at(0, 9), index.at(1, 3)), (None, None));
    }

    #[test]
    fn the_ranges_of_all_uses_count() {
        let span = Span { file: 0, start: 3, end: 9 };
        let mut index = Index::default();
        index.value(span, Ty::Error, Interval::point(9));
        assert_eq!(index.expression(0, 5), None);
        for value in [3, 7] {
            index.value(span, Ty::Known(Type::Int), Interval::point(value));
        }
        assert_eq!(index.expression(0, 5), Some((span, Type::Int, Interval::new(3, 7))));
    }
}
