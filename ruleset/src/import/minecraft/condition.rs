//! Conditions of loot tables.
//!
//! What draws or joins others exists here. What asks about the game's world becomes a field of the
//! trigger: the game knows the answer when it asks for loot, and the rules keep the shape.

use super::cond::Cond;
use super::provider::Odds;
use super::{Carry, Chance};
use crate::import::document::Node;
use crate::import::naming::bare;
use crate::import::number::decimal;
use crate::import::report::Effect;

/// The fields of triggers that are levels of an enchantment, as the game limits them.
pub(super) const LEVEL: &str = "int(0, 255)";
/// Largest number in a chance that follows a level, in millionths.
const MILLIONTHS_MAX: i128 = 1_000_000_000_000;

impl<'a> Carry<'a> {
    /// All conditions of a table, pool, entry or function together.
    pub(super) fn conditions(&mut self, holder: &'a Node) -> Cond {
        let Some(node) = holder.get("conditions") else { return Cond::Always };
        if !node.is_list() {
            self.malformed(node, "a list of conditions belongs here");
            return Cond::Never;
        }
        if node.list().is_empty() {
            self.marks().carried(node, "no condition");
        }
        let terms: Vec<Cond> = node.list().iter().map(|node| self.condition(node)).collect();
        Cond::all(terms)
    }

    fn malformed(&mut self, node: &'a Node, reason: &str) {
        let hint = "mend the document; what it guards never falls";
        self.marks().left_out(node, Effect::Odds, reason, hint);
    }

    /// One condition. Nested as deeply as the document at most.
    fn condition(&mut self, node: &'a Node) -> Cond {
        let named = node.get("condition").and_then(|kind| Some((kind, kind.text()?)));
        let Some((kind, name)) = named else {
            self.malformed(node, "a condition without its name in `condition`");
            return Cond::Never;
        };
        let carried = match bare(name) {
            "random_chance" => self.chance(node),
            "random_chance_with_looting" => self.with_looting(node),
            "random_chance_with_enchanted_bonus" => self.with_enchantment(node),
            "inverted" => node.get("term").map(|term| self.condition(term).negate()),
            "all_of" => self.terms(node).map(Cond::all),
            "any_of" | "alternative" => self.terms(node).map(Cond::any),
            "killed_by_player" => return self.killed(node, kind),
            _ => None,
        };
        match carried {
            Some(cond) => {
                self.marks().carried(kind, bare(name));
                cond
            }
            None => self.world(node, bare(name)),
        }
    }

    fn terms(&mut self, node: &'a Node) -> Option<Vec<Cond>> {
        let terms = node.get("terms").filter(|terms| terms.is_list())?;
        if terms.list().is_empty() {
            self.marks().carried(terms, "no condition");
        }
        Some(terms.list().iter().map(|term| self.condition(term)).collect())
    }

    fn chance(&mut self, node: &'a Node) -> Option<Cond> {
        let mut value = node.get("chance")?;
        if value.is_map() {
            let kind =
                value.get("type").filter(|kind| kind.text().map(bare) == Some("constant"))?;
            self.marks().carried(kind, "a chance");
            value = value.get("value")?;
        }
        let (odds, exact) = Odds::of(Self::exact(value)?)?;
        let cond = self.draw_of(odds);
        let to = match odds {
            Odds::Share(share) => format!("{} of {}", share.part, share.whole),
            Odds::Always => "always".to_owned(),
            Odds::Never => "never".to_owned(),
        };
        match exact {
            true => self.marks().carried(value, to),
            false => self.rounded(value, &to),
        }
        Some(cond)
    }

    fn draw_of(&mut self, odds: Odds) -> Cond {
        match odds {
            Odds::Never => Cond::Never,
            Odds::Always => Cond::Always,
            Odds::Share(share) => self.draw(Chance::Share(share)),
        }
    }

    /// A new draw.
    pub(super) fn draw(&mut self, chance: Chance) -> Cond {
        self.draws.push(chance);
        Cond::Draw(self.draws.len() - 1)
    }

    /// In millionths, when it can be said in them exactly.
    fn millionths(node: &Node) -> Option<i128> {
        let number = Self::exact(node).filter(|number| number.scale() <= 6)?;
        number.units(6).filter(|units| units.abs() <= MILLIONTHS_MAX)
    }

    /// `chance + level × looting_multiplier`.
    fn with_looting(&mut self, node: &'a Node) -> Option<Cond> {
        let (base, step) = (node.get("chance")?, node.get("looting_multiplier")?);
        let (from, by) = (Self::millionths(base)?, Self::millionths(step)?);
        let field = self.level("looting");
        let text = format!("{} + {} * trigger.{field}", decimal(from), decimal(by));
        self.levelled(&[base, step], field, &text)
    }

    /// One chance without the enchantment, another that grows with its level.
    fn with_enchantment(&mut self, node: &'a Node) -> Option<Cond> {
        let (without, with) = (node.get("unenchanted_chance")?, node.get("enchanted_chance")?);
        let enchantment = node.get("enchantment")?;
        let plain = Self::millionths(without)?;
        let name = bare(enchantment.text()?).to_owned();
        let mut nodes = vec![without, enchantment];
        let (base, step) = match with.is_map() {
            false => {
                nodes.push(with);
                (Self::millionths(with)?, 0)
            }
            true => {
                let kind =
                    with.get("type").filter(|kind| kind.text().map(bare) == Some("linear"))?;
                let (base, step) = (with.get("base")?, with.get("per_level_above_first")?);
                nodes.extend([kind, base, step]);
                (Self::millionths(base)?, Self::millionths(step)?)
            }
        };
        let field = self.level(&name);
        let grown = match step {
            0 => decimal(base),
            step => format!("{} + {} * (trigger.{field} - 1)", decimal(base), decimal(step)),
        };
        let text = format!("trigger.{field} > 0 ? {grown} : {}", decimal(plain));
        self.levelled(&nodes, field, &text)
    }

    fn levelled(&mut self, nodes: &[&'a Node], field: String, text: &str) -> Option<Cond> {
        let text = format!("chance(clamp({text}, 0.0, 1.0))");
        for node in nodes {
            let reason = format!("the chance follows the level of {field}, which the game knows");
            let hint = format!("let the game say it in the trigger's field `{field}`");
            self.marks().adapted(node, text.clone(), reason, hint);
        }
        Some(self.draw(Chance::Levelled { text, field }))
    }

    /// The trigger's field for the level of an enchantment.
    fn level(&mut self, enchantment: &str) -> String {
        let known = self.worlds.get(&format!("level {enchantment}")).cloned();
        known.unwrap_or_else(|| {
            let field = self.fields.fresh(enchantment);
            self.worlds.insert(format!("level {enchantment}"), field.clone());
            self.types.insert(field.clone(), (LEVEL.to_owned(), None));
            field
        })
    }

    fn killed(&mut self, node: &'a Node, kind: &'a Node) -> Cond {
        let field = self.field("killed_by_player", "killed_by_player", None);
        let reason = "it asks about the game's world, which rules do not see";
        let hint = format!("let the game say it in the trigger's field `{field}`");
        self.marks().adapted(kind, format!("trigger.{field}"), reason, hint);
        let cond = Cond::Field(field);
        match node.get("inverse").map(|inverse| (inverse, &inverse.value)) {
            Some((inverse, crate::import::document::Value::Bool(yes))) => {
                self.marks().carried(inverse, if *yes { "`!`" } else { "as it is" });
                if *yes { cond.negate() } else { cond }
            }
            _ => cond,
        }
    }

    /// The trigger's yes-or-no field for a question; equal questions have one.
    fn field(&mut self, question: &str, wanted: &str, remark: Option<String>) -> String {
        if let Some(known) = self.worlds.get(question) {
            return known.clone();
        }
        let field = self.fields.fresh(wanted);
        self.worlds.insert(question.to_owned(), field.clone());
        self.types.insert(field.clone(), ("bool".to_owned(), remark));
        field
    }

    /// Anything that the game has to answer.
    fn world(&mut self, node: &'a Node, name: &str) -> Cond {
        let question = node.canonical();
        let field = self.field(&question, name, Some(question.clone()));
        let reason = match name {
            "survives_explosion" | "table_bonus" | "random_chance" => {
                "the game draws it by numbers that rules do not see; here one answer holds for the whole event"
            }
            _ => "it asks about the game's world, which rules do not see",
        };
        let hint = format!("let the game answer it in the trigger's field `{field}`");
        self.marks().adapted(node, format!("trigger.{field}"), reason, hint);
        Cond::Field(field)
    }
}
