//! An input on which two versions decide differently.

use std::collections::BTreeMap;

use serde::Serialize;

use super::space::{Role, Space};
use crate::contents::Contents;

/// Whether two versions of a rule or condition decide differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Decision {
    /// They do, here for instance; both were run to see it.
    Differs(Box<Witness>),
    /// No input was found on which they do.
    NoDifferenceFound {
        /// How many were tried.
        inputs: u64,
    },
    /// Nothing was tried.
    NotCompared {
        /// Why.
        reason: String,
    },
}

/// The input, in terms of the source: what `cairn eval` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// What happens: a trigger, or `timer.NAME`.
    pub on: String,
    /// Every field of the trigger, as people write it. Text has quotes.
    pub context: Vec<(String, String)>,
    /// Counts of sliding windows that are not 0.
    pub counters: BTreeMap<String, i64>,
    /// Every timer that was looked at, and whether it counts as active.
    pub active: BTreeMap<String, bool>,
    /// What chance is drawn from.
    pub seed: u64,
    /// Whose evaluation it is.
    pub player: u64,
    /// The time, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Whether that makes a difference. Whether a timer counts as active is an input of its own.
    #[serde(skip)]
    pub timed: bool,
    /// What the old version does.
    pub old: String,
    /// What the new version does.
    pub new: String,
}

impl Witness {
    pub(super) fn new(
        space: &Space,
        point: &[i64],
        contents: (&Contents, &Contents),
        on: String,
        does: (String, String),
    ) -> Witness {
        let (old, new) = contents;
        let mut witness = Witness {
            on,
            context: Vec::new(),
            counters: BTreeMap::new(),
            active: BTreeMap::new(),
            seed: 0,
            player: 0,
            now_ms: 0,
            timed: true,
            old: does.0,
            new: does.1,
        };
        for (input, &value) in space.inputs.iter().zip(point) {
            match input.role {
                Role::Field => {
                    witness.context.push((input.name.clone(), input.text(value, new, old)));
                }
                Role::Counter if value != 0 => {
                    witness.counters.insert(input.name.clone(), value);
                }
                Role::Counter => {}
                Role::Timer => {
                    witness.active.insert(input.name.clone(), value != 0);
                }
                Role::Now => witness.now_ms = value,
                Role::Seed => witness.seed = value as u64,
                Role::Player => witness.player = value as u64,
            }
        }
        witness
    }

    /// On one line: `on boss_kill with zone = "crypt", level = 40, seed 7`.
    #[must_use]
    pub fn line(&self) -> String {
        let mut parts: Vec<String> =
            self.context.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        parts.extend(self.counters.iter().map(|(name, n)| format!("rate({name}) = {n}")));
        let active = self.active.iter().filter(|(_, active)| **active);
        parts.extend(active.map(|(name, _)| format!("active({name})")));
        if self.player != 0 {
            parts.push(format!("player {}", self.player));
        }
        parts.push(format!("seed {}", self.seed));
        if self.timed {
            parts.push(format!("at {}", crate::value::instant_text(self.now_ms)));
        }
        format!("on {} with {}: {} before, {} now", self.on, parts.join(", "), self.old, self.new)
    }
}
