//! Entries of a pool, with the conditions under which each takes part.

use super::cond::Cond;
use super::function::Op;
use super::provider::Dist;
use super::{CONDITION_PARTS_MAX, Carry};
use crate::import::document::{Node, Value};
use crate::import::naming::{bare, word};
use crate::import::report::Effect;
use crate::import::source::Gives;
use crate::lang::limits::WEIGHT_SUM_MAX;

/// What an item is called that stands for nothing.
pub(super) const NOTHING: &str = "nothing";

/// An entry that can be drawn.
#[derive(Clone, Debug)]
pub(super) struct Leaf<'a> {
    pub(super) gives: Gives,
    pub(super) weight: u64,
    pub(super) count: Dist,
    pub(super) cond: Cond,
    pub(super) node: &'a Node,
}

/// Where entries of one pool go.
pub(super) struct Pooled<'a, 'p> {
    /// Name of the pool's table.
    pub(super) base: &'p str,
    /// Functions of the pool, then of the table.
    pub(super) ops: &'p [Op<'a>],
    pub(super) leaves: Vec<Leaf<'a>>,
    /// Parts of the conditions made so far.
    pub(super) parts: usize,
}

impl<'a> Carry<'a> {
    /// Adds what an entry gives while `path` holds. Returns when the entry counts as taken, which
    /// `alternatives` and `sequence` ask.
    pub(super) fn entry(
        &mut self,
        node: &'a Node,
        path: Cond,
        pooled: &mut Pooled<'a, '_>,
    ) -> Result<Cond, String> {
        pooled.parts += path.size();
        if pooled.parts > CONDITION_PARTS_MAX {
            return Err(format!(
                "its conditions have more than {CONDITION_PARTS_MAX} parts together"
            ));
        }
        let kind = node.get("type").and_then(|kind| Some((kind, bare(kind.text()?))));
        let Some((kind, word)) = kind else {
            self.no_entry(node, "an entry without its kind in `type`");
            return Ok(Cond::Never);
        };
        let own = match word {
            "group" | "alternatives" | "sequence" | "item" | "empty" | "loot_table" | "tag"
            | "dynamic" => self.conditions(node),
            _ => {
                self.no_entry(node, "entries of this kind have no counterpart");
                return Ok(Cond::Never);
            }
        };
        self.marks().carried(kind, word);
        let path = Cond::all([path, own.clone()]);
        let children = node.get("children");
        if let ("group" | "alternatives" | "sequence", Some(list)) = (word, children)
            && list.is_list()
            && list.list().is_empty()
        {
            self.marks().carried(list, "no entry");
        }
        let children = children.map_or(&[][..], Node::list);
        match word {
            "group" => {
                for child in children {
                    self.entry(child, path.clone(), pooled)?;
                }
                Ok(own)
            }
            "alternatives" | "sequence" => {
                // Whether it goes on to the next child.
                let mut open = Cond::Always;
                for child in children {
                    let here = Cond::all([path.clone(), open.clone()]);
                    let taken = self.entry(child, here, pooled)?;
                    let goes_on = if word == "sequence" { taken } else { taken.negate() };
                    open = Cond::all([open, goes_on]);
                }
                let all = if word == "sequence" { open } else { open.negate() };
                Ok(Cond::all([own, all]))
            }
            _ => {
                self.leaf(node, word, path, pooled);
                Ok(own)
            }
        }
    }

    fn no_entry(&mut self, node: &'a Node, reason: &str) {
        let hint = "write an entry for it by hand; until then the others share its place";
        self.marks().left_out(node, Effect::Odds, reason, hint);
    }

    fn leaf(&mut self, node: &'a Node, kind: &str, cond: Cond, pooled: &mut Pooled<'a, '_>) {
        let mut ops = self.functions(node);
        let gives = match kind {
            "item" => self.item_entry(node),
            "loot_table" => self.table_entry(node, pooled.base),
            "tag" => self.tag_entry(node),
            "dynamic" => self.dynamic_entry(node),
            _ => Some(Gives::Item(NOTHING.to_owned())),
        };
        let Some(gives) = gives else { return };
        let count = match kind {
            "item" => {
                ops.extend(pooled.ops);
                self.count(&ops)
            }
            _ => {
                self.no_functions(&ops, "another table");
                Dist::Range(1, 1)
            }
        };
        let name = match &gives {
            Gives::Item(name) | Gives::Table(name) => name.clone(),
            Gives::Document(index) => self.names.get(*index).cloned().unwrap_or_default(),
        };
        let to = format!("loot_table {}: entry {name}", pooled.base);
        let Some(weight) = self.weight(node, &to) else { return };
        self.quality(node);
        if weight > 0 {
            pooled.leaves.push(Leaf { gives, weight, count, cond, node });
        }
    }

    fn weight(&mut self, node: &'a Node, to: &str) -> Option<u64> {
        let Some(weight) = node.get("weight") else { return Some(1) };
        match Self::exact(weight).and_then(|number| number.whole()) {
            Some(number) if number <= 0 => {
                let hint = "nothing; give it a weight if it should fall";
                let reason = "without luck an entry of this weight is never drawn";
                self.marks().left_out(weight, Effect::Odds, reason, hint);
                Some(0)
            }
            Some(number) if number.unsigned_abs() <= WEIGHT_SUM_MAX => {
                self.marks().carried(weight, format!("{to}, weight"));
                Some(number.unsigned_abs())
            }
            _ => {
                let reason = format!("a weight is a whole number from 1 to {WEIGHT_SUM_MAX}");
                self.no_entry(node, &reason);
                None
            }
        }
    }

    fn quality(&mut self, node: &'a Node) {
        let Some(quality) = node.get("quality") else { return };
        match Self::exact(quality).and_then(|number| number.whole()) {
            Some(0) => self.marks().carried(quality, "no luck, as here"),
            _ => self.marks().left_out(
                quality,
                Effect::Odds,
                "it changes the weight with the player's luck, which does not exist here",
                "add an entry with a `when` if your game has luck; without luck the weight is as here",
            ),
        }
    }

    fn item_entry(&mut self, node: &'a Node) -> Option<Gives> {
        let named = node.get("name").and_then(|name| Some((name, name.text()?)));
        let Some((name, id)) = named else {
            self.no_entry(node, "an entry without the item's `name`");
            return None;
        };
        let item = self.item(id);
        if item == bare(id) {
            self.marks().carried(name, format!("item {item}"));
        } else {
            let hint = format!("let the game know the item as `{item}`");
            let reason = "names are of a-z, 0-9 and `_`";
            self.marks().adapted(name, format!("item {item}"), reason, hint);
        }
        Some(Gives::Item(item))
    }

    /// What an item is called here: equal ids have one name, different ids never.
    fn item(&mut self, id: &str) -> String {
        let id = if id.contains(':') { id.to_owned() } else { format!("minecraft:{id}") };
        if let Some(known) = self.items.get(&id) {
            return known.clone();
        }
        let wanted = word(bare(&id));
        let mut name = wanted.clone();
        let mut number = 2;
        while !self.item_names.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        self.items.insert(id, name.clone());
        name
    }

    fn table_entry(&mut self, node: &'a Node, base: &str) -> Option<Gives> {
        let value = node.get("value").or_else(|| node.get("name"));
        let Some(value) = value.filter(|value| value.is_map() || value.text().is_some()) else {
            self.no_entry(node, "an entry without the table's name in `value`");
            return None;
        };
        let Some(id) = value.text() else {
            let name = self.tables.fresh(&format!("{base}_inner"));
            let plan = self.table(value, &name);
            return Some(self.whole_table(&plan, &name));
        };
        let to = |index: usize, names: &[String]| {
            format!("loot_table {}", names.get(index).map_or("", String::as_str))
        };
        let (reason, hint) = match self.ids.resolve(id) {
            Some((index, _)) if self.apart.contains(&(self.at, index)) => {
                ("tables would contain each other", "give items here instead")
            }
            Some((index, _)) if self.excluded.contains_key(&index) => {
                ("that table could not be carried over", "see what is said of it")
            }
            Some((index, exact)) => {
                let to = to(index, &self.names);
                match exact {
                    true => self.marks().carried(value, to),
                    false => self.marks().adapted(
                        value,
                        to,
                        "no document has this id; one whose path ends like it was taken",
                        "check that it is the one that is meant",
                    ),
                }
                return Some(Gives::Document(index));
            }
            None => ("no document has this id", "import that table as well"),
        };
        let item = self.item(&format!("table_{}", bare(id)));
        let hint = format!("{hint}; the item `{item}` stands in its place");
        self.marks().left_out(value, Effect::Odds, reason, hint);
        Some(Gives::Item(item))
    }

    fn tag_entry(&mut self, node: &'a Node) -> Option<Gives> {
        let named = node.get("name").and_then(|name| Some((name, name.text()?)));
        let Some((name, id)) = named else {
            self.no_entry(node, "an entry without the tag's `name`");
            return None;
        };
        let item = self.item(&format!("tag_{}", bare(id)));
        let hint = format!("let the game give them for the item `{item}`, or write the entries");
        let to = format!("item {item}");
        self.marks().adapted(name, to, "which items a tag holds is not in a loot table", hint);
        match node.get("expand").map(|expand| (expand, &expand.value)) {
            Some((expand, Value::Bool(false))) => {
                self.marks().carried(expand, "all items of the tag at once");
            }
            Some((expand, _)) => self.marks().left_out(
                expand,
                Effect::Odds,
                "each item of the tag would have this weight; here the tag has it once",
                "multiply the weight by the number of the tag's items, or write the entries",
            ),
            None => {}
        }
        Some(Gives::Item(item))
    }

    fn dynamic_entry(&mut self, node: &'a Node) -> Option<Gives> {
        let id = node.get("name").and_then(Node::text).unwrap_or("contents");
        let item = self.item(&format!("dynamic_{}", bare(id)));
        if let Some(name) = node.get("name") {
            let hint = format!("let the game give them for the item `{item}`");
            let reason = "what a block or entity holds is known to the game alone";
            self.marks().adapted(name, format!("item {item}"), reason, hint);
        }
        Some(Gives::Item(item))
    }
}
