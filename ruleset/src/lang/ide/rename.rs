//! Renaming in all files at once, or a reason why not.
//!
//! Whether a name may be taken is not decided here a second time: the edits are made to a copy,
//! the copy is checked, and a mistake that was not there before refuses the rename.

use std::collections::{BTreeMap, BTreeSet};

use super::Analysis;
use crate::drawn::drawn_by;
use crate::lang::index::Symbol;
use crate::lang::limits::NAME_BYTES_MAX;
use crate::lang::{Code, Diagnostic, Edit, Severity, Source, Span, names};

/// Why nothing is renamed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    /// No name that a rule set declares stands there.
    #[error("nothing here can be renamed: put the cursor on the name of a declaration")]
    Nothing,
    /// The new name is none.
    #[error(
        "`{name}` is no name: names are a to z, 0 to 9 and `_`, begin with a letter, and have at most {NAME_BYTES_MAX} bytes"
    )]
    Malformed {
        /// Its beginning.
        name: String,
    },
    /// The rule set would have a mistake that it does not have now.
    #[error("renaming to `{name}` is refused: {message} ({code})")]
    Refused {
        /// The new name.
        name: String,
        /// The mistake.
        message: String,
        /// Its code.
        code: Code,
    },
}

impl Analysis {
    /// What a rename at this place would change: the place of the name, and the name.
    ///
    /// # Errors
    /// [`RenameError::Nothing`].
    pub fn prepare_rename(&self, file: u32, offset: u32) -> Result<(Span, String), RenameError> {
        let (span, symbols) = self.index.at(file, offset).ok_or(RenameError::Nothing)?;
        let declared = symbols.iter().any(|symbol| self.index.declaration(*symbol).is_some());
        if !declared {
            return Err(RenameError::Nothing);
        }
        Ok((span, self.slice(span).to_owned()))
    }

    /// The edits that give another name to what stands at a place, in all files, in order. Costs
    /// one check of the whole rule set.
    ///
    /// # Errors
    /// [`RenameError`]; nothing is edited then.
    pub fn rename(&self, file: u32, offset: u32, name: &str) -> Result<Vec<Edit>, RenameError> {
        let (_, old) = self.prepare_rename(file, offset)?;
        let edit = |span| Edit { span, text: name.to_owned() };
        let edits: Vec<Edit> = self.renamed(file, offset).into_iter().map(edit).collect();
        self.admits(&old, name, &edits)?;
        Ok(if old == name { Vec::new() } else { edits })
    }

    /// Every place that a rename at this place edits, in order; none where nothing can be renamed.
    pub fn renamed(&self, file: u32, offset: u32) -> BTreeSet<Span> {
        if self.prepare_rename(file, offset).is_err() {
            return BTreeSet::new();
        }
        let symbols = self.index.at(file, offset).map(|(_, symbols)| symbols).unwrap_or_default();
        self.occurrences(&self.tied(symbols), true)
    }

    /// Whether these edits, in order and apart, may rename `old` to `name`. Costs one check of the
    /// whole rule set.
    ///
    /// # Errors
    /// [`RenameError::Malformed`], [`RenameError::Refused`].
    pub fn admits(&self, old: &str, name: &str, edits: &[Edit]) -> Result<(), RenameError> {
        if !names::is_name(name) || name.len() > NAME_BYTES_MAX {
            return Err(RenameError::Malformed { name: name.chars().take(60).collect() });
        }
        if old == name {
            return Ok(());
        }
        let after = crate::lang::check_with_cases(&self.edited(edits)).checked;
        match added(self.diagnostics(), &after.diagnostics) {
            None => Ok(()),
            Some(mistake) => Err(RenameError::Refused {
                name: name.to_owned(),
                message: mistake.message.clone(),
                code: mistake.code,
            }),
        }
    }

    /// Whether these edits of the name at a place change what is drawn: `chance`, `pick` and loot
    /// follow the name of their rule, `bucket` that of what holds it, a timer's jitter that of the
    /// timer. Costs one check of the whole rule set. While that has errors nobody knows, and a name
    /// of a kind that draws can follow counts as one that they do.
    pub fn redraws(&self, file: u32, offset: u32, edits: &[Edit]) -> bool {
        let after = crate::lang::check(&self.edited(edits)).program;
        if let (Some(before), Some(after)) = (self.program(), after) {
            return drawn_by(before) != drawn_by(&after);
        }
        let symbols = self.index.at(file, offset).map(|(_, symbols)| symbols).unwrap_or_default();
        symbols.iter().any(|symbol| {
            matches!(
                symbol,
                Symbol::Rule(_) | Symbol::Condition(_) | Symbol::Table(_) | Symbol::Timer(_)
            )
        })
    }

    /// The sources with edits made, which must be in order and apart.
    pub fn edited(&self, edits: &[Edit]) -> Vec<Source> {
        let mut sources = self.sources.clone();
        for edit in edits.iter().rev() {
            let (start, end) = (edit.span.start as usize, edit.span.end as usize);
            if let Some(source) = sources.get_mut(edit.span.file as usize)
                && source.text.get(start..end).is_some()
            {
                source.text.replace_range(start..end, &edit.text);
            }
        }
        sources
    }
}

/// An error of a kind of which there are more than before. Messages quote names, so they cannot be
/// compared.
fn added<'d>(before: &[Diagnostic], after: &'d [Diagnostic]) -> Option<&'d Diagnostic> {
    let mut known: BTreeMap<Code, usize> = BTreeMap::new();
    let errors = |found: &&Diagnostic| found.severity == Severity::Error;
    for found in before.iter().filter(errors) {
        *known.entry(found.code).or_default() += 1;
    }
    let old: Vec<&str> = before.iter().map(|found| found.message.as_str()).collect();
    let mut counts: BTreeMap<Code, Vec<&Diagnostic>> = BTreeMap::new();
    for found in after.iter().filter(errors) {
        counts.entry(found.code).or_default().push(found);
    }
    counts.into_iter().find_map(|(code, found)| {
        if found.len() <= known.get(&code).copied().unwrap_or(0) {
            return None;
        }
        let fresh = found.iter().find(|found| !old.contains(&found.message.as_str()));
        fresh.or(found.first()).copied()
    })
}
