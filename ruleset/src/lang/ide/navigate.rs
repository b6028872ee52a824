//! From a name to its declaration and to all its uses.

use std::collections::BTreeSet;

use super::Analysis;
use crate::lang::Span;
use crate::lang::index::Symbol;

impl Analysis {
    /// Where the name at a place is declared. Several places only where a condition reads a field
    /// that several triggers have.
    pub fn definition(&self, file: u32, offset: u32) -> Vec<Span> {
        let Some((_, symbols)) = self.index.at(file, offset) else { return Vec::new() };
        symbols.into_iter().filter_map(|symbol| self.index.declaration(symbol)).collect()
    }

    /// Every use of the name at a place, in order; with its declaration if `declaration`.
    pub fn references(&self, file: u32, offset: u32, declaration: bool) -> Vec<Span> {
        match self.index.at(file, offset) {
            Some((_, symbols)) => {
                let symbols = symbols.into_iter().collect();
                self.occurrences(&symbols, declaration).into_iter().collect()
            }
            None => Vec::new(),
        }
    }

    /// Every occurrence in the same file.
    pub fn highlights(&self, file: u32, offset: u32) -> Vec<Span> {
        let mut found = self.references(file, offset, true);
        found.retain(|span| span.file == file);
        found
    }

    pub(super) fn occurrences(&self, symbols: &BTreeSet<Symbol>, declared: bool) -> BTreeSet<Span> {
        let uses = self.index.uses().filter(|(_, symbol)| symbols.contains(symbol));
        let mut found: BTreeSet<Span> = uses.map(|(span, _)| span).collect();
        if declared {
            found.extend(symbols.iter().filter_map(|symbol| self.index.declaration(*symbol)));
        }
        found
    }

    /// What must be renamed together with `symbols`: a condition that reads `trigger.level` for two
    /// triggers ties their fields to each other.
    pub(super) fn tied(&self, symbols: Vec<Symbol>) -> BTreeSet<Symbol> {
        let mut all: BTreeSet<Symbol> = symbols.into_iter().collect();
        loop {
            let places = self.occurrences(&all, false);
            let more = self.index.uses().filter(|(span, _)| places.contains(span));
            let before = all.len();
            all.extend(more.map(|(_, symbol)| symbol).collect::<Vec<_>>());
            // At least one symbol more each time, of finitely many.
            if all.len() == before {
                return all;
            }
        }
    }
}
