//! Finding what another replica has that differs, by asking for summaries.

use std::collections::BTreeSet;
use std::fmt;

use crate::digest::Digest;
use crate::prefix::{DEPTH_MAX, Prefix};
use crate::summary::{LEAVES_MAX, Summary, Tag};
use crate::trie::Trie;

/// How many answers fit into one frame of 64 KiB whatever they hold: split longer lists of
/// questions into frames of this many.
pub const ASKS_PER_FRAME: usize = 18;

/// How much one session may do.
///
/// What a session found before it stopped is valid: whoever started it applies that, and starts
/// the next one from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffLimits {
    /// Questions in one session. A full comparison of n keys takes about n / 14.
    pub asks_max: usize,
    /// Differences in one session.
    pub differences_max: usize,
}

impl Default for DiffLimits {
    /// Guesses: about 4 MiB of answers, and 80 ms for the check of the root at the end.
    fn default() -> Self {
        DiffLimits { asks_max: 8_192, differences_max: 16_384 }
    }
}

/// A key whose values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The key.
    pub key: Digest,
    /// Our value; `None` when we lack the key.
    pub local: Option<Digest>,
    /// The other's value; `None` when it lacks the key.
    pub remote: Option<Digest>,
}

/// What a [`Diff`] learned from some summaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What to ask next, ascending. The answers may come in any number of parts.
    pub ask: Vec<Prefix>,
    /// Differences found in this step, ascending within each summary. No key comes twice in a
    /// session.
    pub differs: Vec<Difference>,
    /// Nothing more is outstanding: the session is over.
    pub done: bool,
    /// Only when `done`: our trie with every difference applied has the root that the session
    /// was started with. False when a limit cut the session short, when either side changed
    /// meanwhile, or when the other lied: apply what was found and compare roots again later.
    pub exact: bool,
}

/// The other side broke the protocol. The session should be dropped; what earlier steps found
/// stays valid, and nothing of the offending summary was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffError {
    /// A summary of a part that was not asked for, or was answered already.
    Unasked {
        /// The part.
        prefix: Prefix,
    },
    /// More in one summary than it may hold.
    TooMany {
        /// The part.
        prefix: Prefix,
        /// How many children or entries it holds.
        actual: usize,
        /// The limit.
        max: usize,
    },
    /// Entries not ascending, or one twice.
    Unsorted {
        /// The part.
        prefix: Prefix,
    },
    /// An entry that lies elsewhere, or children below the end of a key.
    Misplaced {
        /// The part.
        prefix: Prefix,
    },
    /// An inner part without children, with a number of levels that does not exist, or with
    /// another number of tags than of children.
    Shape {
        /// The part.
        prefix: Prefix,
        /// The number of levels.
        levels: u8,
    },
}

impl fmt::Display for DiffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked { prefix } => write!(f, "a summary of {prefix}, which was not asked for"),
            Self::TooMany { prefix, actual, max } => {
                write!(f, "the summary of {prefix} has {actual} parts, limit {max}")
            }
            Self::Unsorted { prefix } => write!(f, "the summary of {prefix} is not in order"),
            Self::Misplaced { prefix } => {
                write!(f, "the summary of {prefix} has a part that lies elsewhere")
            }
            Self::Shape { prefix, levels } => {
                write!(f, "the summary of {prefix} does not fit its {levels} levels")
            }
        }
    }
}

impl std::error::Error for DiffError {}

/// One session of the side that pulls. It holds no trie: ours is an argument and may change
/// between steps, as may the other's.
#[derive(Clone, Debug)]
pub struct Diff {
    remote_root: Digest,
    limits: DiffLimits,
    outstanding: BTreeSet<Prefix>,
    asked_count: usize,
    found: Vec<(Digest, Option<Digest>)>,
    cut_short: bool,
}

impl Diff {
    /// Starts a session against a replica that has `remote_root`, with the default limits, and
    /// says what to ask first: nothing when the roots are equal.
    #[must_use]
    pub fn start(local: &Trie, remote_root: Digest) -> (Diff, Vec<Prefix>) {
        Diff::with_limits(local, remote_root, DiffLimits::default())
    }

    /// As [`Diff::start`].
    #[must_use]
    pub fn with_limits(
        local: &Trie,
        remote_root: Digest,
        limits: DiffLimits,
    ) -> (Diff, Vec<Prefix>) {
        let mut diff = Diff {
            remote_root,
            limits,
            outstanding: BTreeSet::new(),
            asked_count: 0,
            found: Vec::new(),
            cut_short: false,
        };
        let mut ask = Vec::new();
        if local.root() != remote_root {
            diff.ask(Prefix::ROOT, &mut ask);
        }
        (diff, ask)
    }

    /// How many answers are still to come.
    #[must_use]
    pub fn outstanding_count(&self) -> usize {
        self.outstanding.len()
    }

    /// Takes in answers, in any order and any number.
    ///
    /// Every answer uses up one question, questions only go deeper and their number is limited,
    /// so a session ends whatever the other side says.
    ///
    /// # Errors
    /// The first summary that breaks the protocol; see [`DiffError`].
    pub fn handle(&mut self, local: &Trie, told: &[Summary]) -> Result<Step, DiffError> {
        let mut step = Step::default();
        for summary in told {
            check(summary)?;
            if !self.outstanding.remove(summary.prefix()) {
                return Err(DiffError::Unasked { prefix: *summary.prefix() });
            }
            match summary {
                Summary::Inner { prefix, levels, present, tags } => {
                    let bits = present.iter().flat_map(|byte| (0..8).map(move |at| byte >> at));
                    let mut tags = tags.iter().copied();
                    for (below, bit) in Summary::slots(prefix, *levels).zip(bits) {
                        // `check` counted a tag for every bit, and refused too long a path.
                        let remote = if bit & 1 == 1 { tags.next() } else { None };
                        if let Some(below) = below {
                            self.compare_child(local, below, remote, &mut step);
                        }
                    }
                }
                Summary::Leaves { prefix, entries } => {
                    self.compare_entries(local, prefix, entries, &mut step.differs);
                }
            }
        }
        step.ask.sort_unstable();
        step.done = self.outstanding.is_empty();
        step.exact = step.done && !self.cut_short && self.reaches_remote_root(local);
        Ok(step)
    }

    fn compare_child(
        &mut self,
        local: &Trie,
        prefix: Prefix,
        remote: Option<Tag>,
        step: &mut Step,
    ) {
        match (local.tag(&prefix), remote) {
            (ours, theirs) if ours == theirs => {}
            (_, Some(_)) => self.ask(prefix, &mut step.ask),
            (_, None) => self.compare_entries(local, &prefix, &[], &mut step.differs),
        }
    }

    /// Merges two ascending lists.
    fn compare_entries(
        &mut self,
        local: &Trie,
        prefix: &Prefix,
        remote: &[(Digest, Digest)],
        differs: &mut Vec<Difference>,
    ) {
        let mut ours = local.entries(prefix).peekable();
        let mut theirs = remote.iter().copied().peekable();
        loop {
            let key = match (ours.peek(), theirs.peek()) {
                (None, None) => return,
                (Some(a), None) => a.0,
                (None, Some(b)) => b.0,
                (Some(a), Some(b)) => a.0.min(b.0),
            };
            let local = ours.next_if(|entry| entry.0 == key).map(|entry| entry.1);
            let remote = theirs.next_if(|entry| entry.0 == key).map(|entry| entry.1);
            if local == remote {
                continue;
            }
            if self.found.len() >= self.limits.differences_max {
                self.cut_short = true;
                return;
            }
            self.found.push((key, remote));
            differs.push(Difference { key, local, remote });
        }
    }

    fn ask(&mut self, prefix: Prefix, ask: &mut Vec<Prefix>) {
        let full = self.asked_count >= self.limits.asks_max
            || self.found.len() >= self.limits.differences_max;
        if full {
            self.cut_short = true;
            return;
        }
        self.asked_count += 1;
        self.outstanding.insert(prefix);
        ask.push(prefix);
    }

    /// O(found × log n) hashes on a clone, which shares all other nodes.
    fn reaches_remote_root(&self, local: &Trie) -> bool {
        let mut trie = local.clone();
        for (key, remote) in &self.found {
            match remote {
                Some(value) => trie.insert(*key, *value),
                None => trie.remove(key),
            };
        }
        trie.root() == self.remote_root
    }
}

/// Everything that can be wrong with a summary by itself.
fn check(summary: &Summary) -> Result<(), DiffError> {
    match summary {
        Summary::Inner { prefix, levels, present, tags } => {
            let prefix = *prefix;
            let places = match levels {
                1 => 16,
                2 => 256,
                _ => return Err(DiffError::Shape { prefix, levels: *levels }),
            };
            if prefix.depth() + usize::from(*levels) > DEPTH_MAX {
                return Err(DiffError::Misplaced { prefix });
            }
            if tags.len() > places {
                return Err(DiffError::TooMany { prefix, actual: tags.len(), max: places });
            }
            let bits: usize = present.iter().map(|byte| byte.count_ones() as usize).sum();
            if present.len() * 8 != places || bits != tags.len() || bits == 0 {
                return Err(DiffError::Shape { prefix, levels: *levels });
            }
        }
        Summary::Leaves { prefix, entries } => {
            let prefix = *prefix;
            if entries.len() > LEAVES_MAX {
                return Err(DiffError::TooMany { prefix, actual: entries.len(), max: LEAVES_MAX });
            }
            if entries.iter().any(|(key, _)| !prefix.contains(key)) {
                return Err(DiffError::Misplaced { prefix });
            }
            if !entries.is_sorted_by(|a, b| a.0 < b.0) {
                return Err(DiffError::Unsorted { prefix });
            }
        }
    }
    Ok(())
}
