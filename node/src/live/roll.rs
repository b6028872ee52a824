//! Rolling a loot table outside any rule.

use std::collections::BTreeMap;

use cairn_ruleset::layout::OutShape;
use cairn_ruleset::loot::{Drop, Gives, Roll, Tables as _};
use cairn_ruleset::rng;

use super::Live;
use super::error::EvalError;
use super::evaluate::{EvalRequest, Given};
use super::pity::{PityMap, UnknownPity};
use super::place::Place;

/// A table to roll.
#[derive(Debug, Clone, Default)]
pub struct RollRequest {
    /// Its name.
    pub table: String,
    /// Of every draw: one seed, one result.
    pub seed: u64,
    /// How often.
    pub count: u32,
    /// What happened, for entries with conditions. Without it they are left out.
    pub trigger: Option<String>,
    /// The trigger's fields.
    pub context: BTreeMap<String, Given>,
    /// Whose roll it is, for conditions that ask for a bucket.
    pub player: u64,
    /// When, in milliseconds since the Unix epoch. Default: now, by this machine's clock.
    pub now_ms: Option<i64>,
    /// Counters that the caller keeps; the others are 0.
    pub counters: BTreeMap<String, u64>,
    /// Timers that are open, or not; the others follow their schedule at `now_ms`.
    pub active: BTreeMap<String, bool>,
    /// What the player has missed so far.
    pub pity: PityMap,
    /// Where it happened.
    pub place: Place,
}

/// What a roll gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoils {
    /// What fell, in order.
    pub loot: Vec<Rolled>,
    /// What the player has missed now, for the caller to keep.
    pub pity: PityMap,
    /// What was given of misses that this version does not know.
    pub unknown_pity: Vec<UnknownPity>,
    /// Entries that could not fall.
    pub left_out: Vec<LeftOut>,
}

/// A conditional entry that takes no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its table.
    pub table: String,
    /// Its name there.
    pub entry: String,
    /// Whether its condition was looked at and does not hold. If not, no trigger was given, or no
    /// rule of the trigger rolls its table.
    pub judged: bool,
}

/// Who takes part in the rolls of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Eligible {
    /// Bit by entry.
    pub(crate) mask: u64,
    /// Whether conditions were looked at.
    pub(crate) judged: bool,
}

/// What fell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolled {
    /// Name of the item.
    pub item: String,
    /// How many.
    pub count: u32,
}

impl Rolled {
    pub(super) fn of(drop: &Drop<'_>) -> Rolled {
        Rolled { item: drop.item.to_owned(), count: drop.count }
    }
}

impl Live {
    /// Roll a table. Draws follow the table's own name, so a rule that rolls the same table with
    /// the same seed draws differently.
    pub fn roll(&self, request: &RollRequest) -> Result<Spoils, EvalError> {
        let (version, image) = (self.loaded.version(), self.image());
        let Some(table) = image.table_named(&request.table) else {
            let tables = 0..u16::try_from(image.table_count()).unwrap_or(u16::MAX);
            let known = tables.filter_map(|at| image.table(at)).map(|table| table.name);
            let name = &request.table;
            return Err(EvalError::unknown("unknown-table", "loot table", name, known).at(".table"));
        };
        let (mut pity, unknown_pity) = self.pity(&request.pity)?;
        let mut drops = Vec::new();
        let eligible = self.eligible(&EvalRequest {
            trigger: request.trigger.clone(),
            context: request.context.clone(),
            seed: request.seed,
            player: request.player,
            now_ms: request.now_ms,
            counters: request.counters.clone(),
            active: request.active.clone(),
            place: request.place.clone(),
            ..EvalRequest::default()
        })?;
        let masks = |table: u16| eligible.get(usize::from(table)).map_or(u64::MAX, |one| one.mask);
        let roll = Roll {
            table: table.index,
            count: request.count,
            seed: request.seed,
            rule_hash: rng::name_hash(&request.table),
            draw_base: 0,
            masks: &masks,
        };
        let rolled = version.roll_with(&roll, &mut pity, &mut drops);
        rolled.map_err(|error| EvalError::from_sdk(&error))?;
        let loot = drops.iter().map(Rolled::of).collect();
        let left_out = self.left_out(table.index, &eligible);
        Ok(Spoils { loot, pity: self.kept(&pity, &request.pity), unknown_pity, left_out })
    }

    /// Conditional entries that take no part in rolls of a table, or of those that it leads to.
    pub(crate) fn left_out(&self, table: u16, eligible: &[Eligible]) -> Vec<LeftOut> {
        let (image, mut found) = (self.image(), Vec::new());
        for (table, one) in self.reached(table, eligible) {
            let name = image.table(table).map_or("?", |table| table.name);
            for (index, entry) in image.entries(table).enumerate() {
                if one.mask >> index & 1 == 0 {
                    let (table, entry) = (name.to_owned(), entry.name.to_owned());
                    found.push(LeftOut { table, entry, judged: one.judged });
                }
            }
        }
        found
    }

    /// Whether what takes part in rolls of a table, or of those that it leads to, was settled by a
    /// condition.
    pub(crate) fn judges(&self, table: u16, eligible: &[Eligible]) -> bool {
        let (image, version) = (self.image(), self.loaded.version());
        self.reached(table, eligible).iter().any(|(table, one)| {
            let free = version.unconditional(*table);
            one.judged && (0..image.entries(*table).count()).any(|index| free >> index & 1 == 0)
        })
    }

    /// A table, and those that its entries lead to which take part.
    fn reached(&self, table: u16, eligible: &[Eligible]) -> Vec<(u16, Eligible)> {
        let image = self.image();
        let (mut open, mut seen, mut found) = (vec![table], vec![table], Vec::new());
        while let Some(table) = open.pop() {
            let Some(one) = eligible.get(usize::from(table)) else { continue };
            found.push((table, *one));
            for index in (0..image.entries(table).count()).filter(|at| one.mask >> at & 1 == 1) {
                if let Some(Gives::Table(inner)) = image.entry(table, index).map(|one| one.gives)
                    && !seen.contains(&inner)
                {
                    seen.push(inner);
                    open.push(inner);
                }
            }
        }
        found
    }

    /// Eligible entries of every table: as the fragments of the request's trigger see it. Without
    /// a trigger, and in a table that no rule of the trigger rolls, no condition is evaluated: what
    /// needs one is left out.
    pub(crate) fn eligible(&self, request: &EvalRequest) -> Result<Vec<Eligible>, EvalError> {
        self.eligible_reading(request, &|_| true)
    }

    /// The same where fields of the trigger that are not read may be left out.
    pub(crate) fn eligible_reading(
        &self,
        request: &EvalRequest,
        reads: &dyn Fn(u16) -> bool,
    ) -> Result<Vec<Eligible>, EvalError> {
        let version = self.loaded.version();
        let masks = match &request.trigger {
            Some(trigger) => self.masks_for(trigger, request, reads)?,
            None => BTreeMap::new(),
        };
        let tables = 0..u16::try_from(self.image().table_count()).unwrap_or(u16::MAX);
        let of = |table| match masks.get(&table) {
            Some(mask) => Eligible { mask: *mask, judged: true },
            None => Eligible { mask: version.unconditional(table), judged: false },
        };
        Ok(tables.map(of).collect())
    }

    fn masks_for(
        &self,
        trigger: &str,
        asked: &EvalRequest,
        reads: &dyn Fn(u16) -> bool,
    ) -> Result<BTreeMap<u16, u64>, EvalError> {
        let version = self.loaded.version();
        let on = self.trigger(trigger)?;
        let context = self.context_reading(on, asked, reads)?;
        let from_sdk = |error: cairn_sdk::Error| EvalError::from_sdk(&error);
        let bytes = context.bytes().map_err(from_sdk)?;
        let scope = self.scope(&asked.place)?;
        let evaluated = self.loaded.with(&scope, |evaluator| {
            let mut masks = BTreeMap::new();
            for fragment in version.fragments_on(on) {
                let out = evaluator.eval_raw(fragment, bytes)?;
                let Some(meta) = version.fragments().get(usize::from(fragment)) else { continue };
                let shape = OutShape::of(meta);
                for (index, table) in meta.masks.iter().enumerate() {
                    let at = shape.mask_slot(index) * 8;
                    let word = out.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
                    masks.insert(*table, word.map_or(0, u64::from_le_bytes));
                }
            }
            Ok(masks)
        });
        evaluated.and_then(|masks| masks).map_err(from_sdk)
    }
}
