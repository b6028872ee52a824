//! Pools: how often entries are drawn, and under which conditions at all.

use super::cond::Cond;
use super::entry::{Leaf, Pooled};
use super::function::Op;
use super::provider::Dist;
use super::{Carry, Chance, POOL_COUNT_MAX};
use crate::import::document::Node;
use crate::import::report::Effect;
use crate::import::source::Gives;
use crate::lang::limits::TABLE_ROLLS_MAX;

/// A pool that became a table.
#[derive(Clone, Debug)]
pub(super) struct Pool<'a> {
    /// When it is rolled at all; may draw.
    pub(super) cond: Cond,
    /// Its table.
    pub(super) gives: Gives,
    pub(super) node: &'a Node,
}

impl<'a> Carry<'a> {
    /// The pools of a table of this name; those that cannot be carried over are listed.
    pub(super) fn table(&mut self, node: &'a Node, name: &str) -> Vec<Pool<'a>> {
        if let Some(kind) = node.get("type").filter(|kind| kind.text().is_some()) {
            self.marks().carried(kind, format!("a remark beside loot_table {name}"));
        }
        if let Some(sequence) = node.get("random_sequence") {
            let hint = "nothing; the same seed gives the same loot";
            let reason = "the seed is an input of every evaluation here";
            self.marks().left_out(sequence, Effect::Nothing, reason, hint);
        }
        let ops = self.functions(node);
        let Some(pools) = node.get("pools") else { return Vec::new() };
        if pools.is_list() && pools.list().is_empty() {
            self.marks().carried(pools, "a table that gives nothing");
        }
        let mut made = Vec::new();
        for (index, pool) in pools.list().iter().enumerate() {
            let name = match pools.list().len() {
                1 => name.to_owned(),
                _ => self.tables.fresh(&format!("{name}_{}", index + 1)),
            };
            // What a pool made before it turned out that it cannot be carried over goes again.
            let before = self.made.len();
            let result = match index {
                0..POOL_COUNT_MAX => self.pool(pool, name, &ops),
                _ => Err(format!("pool {} of its table, limit {POOL_COUNT_MAX}", index + 1)),
            };
            match result {
                Ok(pool) => made.extend(pool),
                Err(reason) => {
                    self.made.truncate(before);
                    let hint = "write a loot table for this pool by hand";
                    self.marks().left_out(pool, Effect::Odds, reason, hint);
                }
            }
        }
        made
    }

    fn pool(
        &mut self,
        node: &'a Node,
        name: String,
        outer: &[Op<'a>],
    ) -> Result<Option<Pool<'a>>, String> {
        if !node.is_map() {
            return Err("a pool belongs here".to_owned());
        }
        let rolls = node.get("rolls").ok_or("a pool without `rolls`")?;
        let to = format!("loot_table {name}: rolls");
        let drawn = self
            .dist(rolls, &to)
            .ok_or("how often it is rolled depends on what rules do not see")?;
        // Drawn first, so that what an entry draws is asked only where there is a roll.
        let (rolls, chance) = match drawn {
            Dist::Range(few, many) => ((few, many), None),
            Dist::Tries(tries, share) => {
                ((tries.into(), tries.into()), Some(self.draw(Chance::Share(share))))
            }
        };
        self.bonus(node);
        let cond = self.conditions(node);
        let mut ops = self.functions(node);
        ops.extend(outer);
        let mut pooled = Pooled { base: &name, ops: &ops, leaves: Vec::new(), parts: 0 };
        let entries = node.get("entries").ok_or("a pool without `entries`")?;
        if entries.is_list() && entries.list().is_empty() {
            self.marks().carried(entries, "a pool that gives nothing");
        }
        for entry in entries.list() {
            self.entry(entry, Cond::Always, &mut pooled)?;
        }
        let mut leaves = pooled.leaves;
        for leaf in &mut leaves {
            leaf.cond = std::mem::replace(&mut leaf.cond, Cond::Never).settled();
        }
        leaves.retain(|leaf| leaf.cond != Cond::Never);
        let cond = self.hoist(cond, rolls, &mut leaves).settled();
        if let Some(chance) = chance {
            // Each try that fails is a roll that gives nothing.
            for leaf in &mut leaves {
                leaf.cond = Cond::all([leaf.cond.clone(), chance.clone()]);
            }
        }
        if leaves.is_empty() || rolls.1 <= 0 || cond == Cond::Never {
            return Ok(None);
        }
        let fit = |n: i64| u32::try_from(n).ok().filter(|n| *n <= TABLE_ROLLS_MAX);
        let (Some(few), Some(many)) = (fit(rolls.0), fit(rolls.1)) else {
            let (few, many) = rolls;
            return Err(format!("{few} to {many} rolls, allowed are 0 to {TABLE_ROLLS_MAX}"));
        };
        self.levels(&mut leaves);
        self.build(name.clone(), (few, many), leaves)?;
        Ok(Some(Pool { cond, gives: Gives::Table(name), node }))
    }

    fn bonus(&mut self, node: &'a Node) {
        let Some(bonus) = node.get("bonus_rolls") else { return };
        match Self::exact(bonus).map(|number| number.whole()) {
            Some(Some(0)) => self.marks().carried(bonus, "no luck, as here"),
            _ => self.marks().left_out(
                bonus,
                Effect::Odds,
                "it adds rolls with the player's luck, which does not exist here",
                "ask for more rolls with `count` in a rule if your game has luck; without luck the rolls are as here",
            ),
        }
    }

    /// Conditions that all entries share are conditions of the pool: there they may draw. A draw
    /// moves only when there is one roll, which asks it once.
    fn hoist(&mut self, cond: Cond, rolls: (i64, i64), leaves: &mut [Leaf<'a>]) -> Cond {
        let Some(first) = leaves.first().map(|leaf| leaf.cond.clone()) else { return cond };
        let shared = leaves.iter().all(|leaf| leaf.cond == first);
        if !shared || !(first.draws().is_empty() || rolls == (1, 1)) {
            return cond;
        }
        for leaf in leaves {
            leaf.cond = Cond::Always;
        }
        Cond::all([cond, first])
    }

    /// Entries with a chance that follows a level: such a chance is not a weight.
    fn levels(&mut self, leaves: &mut Vec<Leaf<'a>>) {
        let levelled: Vec<usize> = self
            .draws
            .iter()
            .enumerate()
            .filter(|(_, chance)| matches!(chance, Chance::Levelled { .. }))
            .map(|(index, _)| index)
            .collect();
        let mut lost = Vec::new();
        leaves.retain(|leaf| {
            let kept = leaf.cond.draws().iter().all(|draw| !levelled.contains(draw));
            if !kept {
                lost.push(leaf.node);
            }
            kept
        });
        for node in lost {
            self.marks().left_out(
                node,
                Effect::Odds,
                "its chance follows an enchantment's level, and entries of a table cannot draw",
                "give it a rule of its own, where `chance(...)` may use the trigger's field",
            );
        }
    }
}
