//! From a case to what the rules decide about it.

use std::collections::BTreeMap;

use super::{Case, Given, RuleAt};
use crate::context::{self, ContextView};
use crate::interp::{self, Fault};
use crate::ir::{On, Program};
use crate::layout::OutShape;
use crate::loot::{self, Drop, LootError, Roll, Tables};
use crate::meta::FragmentMeta;
use crate::pity::Misses;
use crate::schedule;

/// The context's bytes of a case, for every back end.
#[must_use]
pub fn context(program: &Program, case: &Case) -> Vec<u8> {
    let given = &case.given;
    let timers = program.timers.iter().zip(0_u16..).map(|(timer, index)| {
        let said = given.active.iter().find(|(of, _)| *of == index).map(|(_, active)| *active);
        let active = |now| schedule::active_at(&program.ruleset, timer, now);
        i64::from(said.unwrap_or_else(|| given.now_ms.is_some_and(active)))
    });
    let slots: Vec<i64> = given.fields.iter().chain(&given.rates).copied().chain(timers).collect();
    let (On::Trigger(index) | On::Timer(index)) = case.on;
    let mut bytes = Vec::new();
    let now_ms = given.now_ms.unwrap_or(0);
    context::write(&mut bytes, index.into(), now_ms, given.seed, given.player, &slots);
    bytes
}

/// The parameter page of a case: what holds where its game runs, then what it gives itself.
#[must_use]
pub fn params(program: &Program, case: &Case) -> Vec<i64> {
    let mut page = program.page(&case.given.scope).values;
    for (index, value) in &case.given.params {
        if let Some(slot) = page.get_mut(usize::from(*index)) {
            *slot = *value;
        }
    }
    page
}

/// The output slots of every fragment that ran, by its index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Per fragment, as [`crate::layout`] describes them.
    pub slots: BTreeMap<usize, Vec<i64>>,
}

/// Runs a case on the reference interpreter.
///
/// # Errors
/// [`Fault`], which a checked program never has.
pub fn interpret(program: &Program, case: &Case) -> Result<Decision, Fault> {
    let (bytes, page) = (context(program, case), params(program, case));
    let mut decision = Decision::default();
    for (index, fragment) in program.fragments.iter().enumerate() {
        if fragment.on != case.on {
            continue;
        }
        let meta = FragmentMeta::of(program, fragment);
        let Some(view) = ContextView::new(&bytes, meta.slots()) else { continue };
        decision.slots.insert(index, interp::run(fragment, &meta, &view, &page)?);
    }
    Ok(decision)
}

/// An item that fell, summed over the rolls of one outcome.
pub type Item = (String, u64);

/// What one outcome's rolls gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fell {
    /// How often its table was rolled.
    pub rolls: i64,
    /// Items with their counts, in order of their names.
    pub items: Vec<Item>,
    /// What the player has missed after them, by slot of [`Tables::pity`].
    pub misses: Vec<u32>,
}

/// One outcome of a rule that fired, as raw values.
pub(super) struct Emitted {
    pub(super) payload: Vec<i64>,
    pub(super) fell: Option<Result<Fell, LootError>>,
}

impl Decision {
    /// The rules that fired, in order.
    #[must_use]
    pub fn fired(&self, program: &Program) -> Vec<RuleAt> {
        let mut fired = Vec::new();
        for (&fragment, slots) in &self.slots {
            let rules = program.fragments.get(fragment).map_or(0, |def| def.rules.len());
            let bit = |rule: usize| slots.get(rule / 64).is_some_and(|w| w >> (rule % 64) & 1 == 1);
            fired.extend((0..rules).filter(|r| bit(*r)).map(|rule| RuleAt { fragment, rule }));
        }
        fired
    }

    /// The value of one outcome's record, with its loot rolled. `None` when its rule did not fire.
    /// What fell means nothing after `go_on` said false.
    pub(super) fn emitted(
        &self,
        program: &Program,
        given: &Given,
        (at, outcome): (RuleAt, usize),
        go_on: &dyn Fn() -> bool,
    ) -> Option<Emitted> {
        let slots = self.slots.get(&at.fragment)?;
        let def = program.fragments.get(at.fragment)?;
        if slots.get(at.rule / 64)? >> (at.rule % 64) & 1 == 0 {
            return None;
        }
        let rule = def.rules.get(at.rule)?;
        let meta = FragmentMeta::of(program, def);
        let shape = OutShape::of(&meta);
        let record = shape
            .records
            .iter()
            .find(|r| usize::from(r.rule) == at.rule && usize::from(r.outcome) == outcome)?;
        let count = rule.outcomes.get(outcome)?.payload.len();
        let payload = slots.get(record.payload_slot()..record.payload_slot() + count)?.to_vec();
        let fell = rule.outcomes.get(outcome)?.loot.as_ref().map(|_| {
            let (rolls, drops, misses) = self.rolled(program, given, (at, outcome), go_on)?;
            let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
            for drop in &drops {
                *sums.entry(drop.item).or_default() += u64::from(drop.count);
            }
            let items = sums.into_iter().map(|(item, count)| (item.to_owned(), count)).collect();
            Ok(Fell { rolls, items, misses })
        });
        Some(Emitted { payload, fell })
    }

    /// How often one outcome's table was rolled, what fell, and the misses after it. The player
    /// begins with those of the case; the rolls of earlier outcomes count.
    fn rolled<'a>(
        &self,
        program: &'a Program,
        given: &Given,
        (at, outcome): (RuleAt, usize),
        go_on: &dyn Fn() -> bool,
    ) -> Result<(i64, Vec<Drop<'a>>, Vec<u32>), LootError> {
        let tables = program.tables.as_slice();
        let mut misses = Misses::new(tables);
        for (slot, count) in &given.pity {
            if let Some(known) = misses.counts_mut().get_mut(*slot) {
                *known = *count;
            }
        }
        let mut drops = Vec::new();
        'fired: for earlier in self.fired(program) {
            let Some(def) = program.fragments.get(earlier.fragment) else { continue };
            let (Some(rule), Some(slots)) =
                (def.rules.get(earlier.rule), self.slots.get(&earlier.fragment))
            else {
                continue;
            };
            let shape = OutShape::of(&FragmentMeta::of(program, def));
            for record in shape.records.iter().filter(|r| usize::from(r.rule) == earlier.rule) {
                if !go_on() {
                    break 'fired;
                }
                let number = usize::from(record.outcome);
                let wanted = earlier == at && number == outcome;
                let loot = rule.outcomes.get(number).and_then(|outcome| outcome.loot.as_ref());
                // Only what counts misses changes what comes after it.
                let Some(loot) = loot.filter(|_| wanted || tables.pity_count() > 0) else {
                    continue;
                };
                let rolls = slots.get(record.slot as usize + 2).copied().unwrap_or(0);
                let masks = |table: u16| self.mask(program, earlier.fragment, table);
                let request = Roll {
                    table: loot.table,
                    count: u32::try_from(rolls).unwrap_or(0),
                    seed: given.seed,
                    rule_hash: rule.hash,
                    draw_base: loot.draw_base,
                    masks: &masks,
                };
                drops.clear();
                loot::roll(tables, &request, misses.counts_mut(), &mut drops)?;
                if wanted {
                    return Ok((rolls, drops, misses.counts_mut().to_vec()));
                }
            }
        }
        Ok((0, drops, misses.counts_mut().to_vec()))
    }

    /// Eligible entries of a table as one fragment sees them: all of a table without conditions.
    pub(super) fn mask(&self, program: &Program, fragment: usize, table: u16) -> u64 {
        let masks = program.fragments.get(fragment).map_or(&[][..], |def| &def.masks);
        let words = program.fragments.get(fragment).map_or(0, |def| def.rules.len().div_ceil(64));
        let at = masks.iter().position(|mask| mask.table == table).map(|at| words + at);
        let slot = at.and_then(|at| self.slots.get(&fragment)?.get(at));
        slot.map_or(u64::MAX, |mask| *mask as u64)
    }
}
