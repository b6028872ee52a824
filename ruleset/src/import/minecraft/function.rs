//! Functions of loot tables: those that set how many fall exist here, the others change the item.

use super::Carry;
use super::provider::Dist;
use crate::import::document::{Node, Value};
use crate::import::naming::bare;
use crate::import::report::Effect;

/// What a function does to the count.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Set(Dist),
    Add(Dist),
    Limit(i64, i64),
}

/// A function that is carried over, with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op<'a> {
    pub(super) act: Act,
    node: &'a Node,
}

impl<'a> Carry<'a> {
    /// The functions of a table, pool or entry that change counts; the others are listed.
    pub(super) fn functions(&mut self, holder: &'a Node) -> Vec<Op<'a>> {
        let mut ops = Vec::new();
        let Some(node) = holder.get("functions") else { return ops };
        if node.is_list() && node.list().is_empty() {
            self.marks().carried(node, "no function");
        }
        for function in node.list() {
            match self.function(function) {
                Some(act) => ops.push(Op { act, node: function }),
                None => self.no_function(function),
            }
        }
        ops
    }

    fn function(&mut self, node: &'a Node) -> Option<Act> {
        let kind = node.get("function")?;
        if !node.get("conditions").is_none_or(|found| found.is_list() && found.list().is_empty()) {
            return None;
        }
        let act = match bare(kind.text()?) {
            "set_count" => {
                let dist = self.dist(node.get("count")?, "count")?;
                match node.get("add").map(|add| (add, &add.value)) {
                    Some((add, Value::Bool(adds))) => {
                        self.marks().carried(add, "count");
                        if *adds { Act::Add(dist) } else { Act::Set(dist) }
                    }
                    None => Act::Set(dist),
                    Some(_) => return None,
                }
            }
            "limit_count" => {
                let limit = node.get("limit")?;
                let (low, high) = match limit.is_map() {
                    false => match self.dist(limit, "count")? {
                        Dist::Range(low, high) if low == high => (low, high),
                        _ => return None,
                    },
                    true => {
                        let mut end = |key: &str, none: i64| match limit.get(key) {
                            None => Some(none),
                            Some(node) => match self.dist(node, "count")? {
                                Dist::Range(low, high) if low == high => Some(low),
                                _ => None,
                            },
                        };
                        (end("min", i64::MIN)?, end("max", i64::MAX)?)
                    }
                };
                Act::Limit(low, high)
            }
            _ => return None,
        };
        self.marks().carried(kind, "count");
        if let Some(conditions) = node.get("conditions") {
            self.marks().carried(conditions, "no condition");
        }
        Some(act)
    }

    /// Lists a function that has no counterpart.
    fn no_function(&mut self, node: &'a Node) {
        let name = node.get("function").and_then(Node::text).map_or("", bare);
        let (effect, reason, hint) = match name {
            "set_count" | "limit_count" => (
                Effect::Odds,
                "this count depends on what rules do not see",
                "write the count by hand; until then it is as without the function",
            ),
            "looting_enchant" | "enchanted_count_increase" | "apply_bonus" => (
                Effect::Odds,
                "the count grows with an enchantment; without it, it is as here",
                "add rules on the trigger for the enchanted case, if your game has one",
            ),
            "explosion_decay" => (
                Effect::Odds,
                "some of the items are lost in an explosion",
                "let the game remove them",
            ),
            "" => (Effect::Item, "a function without its name in `function`", "mend the document"),
            _ => (
                Effect::Item,
                "it changes the item, and rules only name items",
                "let the game do it, or give the finished item a name of its own",
            ),
        };
        self.marks().left_out(node, effect, reason, hint);
    }

    /// Functions of an entry that gives no item of its own.
    pub(super) fn no_functions(&mut self, ops: &[Op<'a>], what: &str) {
        for op in ops {
            let reason = format!("it would change the count of each item of {what}");
            let hint = "set the counts where the items are";
            self.marks().left_out(op.node, Effect::Odds, reason, hint);
        }
    }

    /// The count after all functions, innermost first. One that cannot be joined with those before
    /// it is listed and left out.
    pub(super) fn count(&mut self, ops: &[Op<'a>]) -> Dist {
        let mut count = Dist::Range(1, 1);
        for op in ops {
            let next = match (op.act, count) {
                (Act::Set(dist), _) => Some(dist),
                (Act::Add(Dist::Range(a, b)), Dist::Range(c, d)) if a == b || c == d => {
                    Some(Dist::Range(a + c, b + d))
                }
                (Act::Limit(low, high), Dist::Range(a, b)) if low <= a && b <= high => {
                    Some(Dist::Range(a, b))
                }
                (Act::Limit(low, high), Dist::Range(a, b)) if a == b && low <= high => {
                    Some(Dist::Range(a.clamp(low, high), a.clamp(low, high)))
                }
                _ => None,
            };
            match next {
                Some(next) => count = next,
                None => self.marks().left_out(
                    op.node,
                    Effect::Odds,
                    "together with the functions before it the counts are not evenly spread",
                    "write the count by hand; until then it is as without the function",
                ),
            }
        }
        count
    }
}
