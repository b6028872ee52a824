//! Everything that is declared, by kind, as the checker sees it before lowering.

use std::collections::{BTreeMap, BTreeSet};

use super::Diagnostic;
use super::budget::Budget;
use super::names::Names;
use super::session::At;
use crate::ir::{CounterDef, EnumDef, ParamDef, PityDef, Slot, TimerDef, Type};

/// A trigger with its fields.
pub(super) struct Trigger {
    pub(super) name: String,
    /// `None` when the type is wrong and reported.
    pub(super) fields: Vec<(String, Option<Slot>)>,
    pub(super) names: Names,
    /// Its name or its fields could not all be read: it may have any.
    pub(super) broken: bool,
}

/// A condition; its expression is checked once for each place that uses it.
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) when: Option<At>,
    /// Part of a cycle, or leads into one: already reported.
    pub(super) cyclic: bool,
}

/// What a table's entry gives, before table names are resolved to indices.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) item: Option<String>,
    pub(super) table: Option<usize>,
    pub(super) weight: u32,
    pub(super) count: (u32, u32),
    pub(super) when: Option<At>,
    pub(super) guaranteed: bool,
    /// Something about it is wrong and reported.
    pub(super) broken: bool,
}

/// A loot table.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) entries: Vec<Entry>,
    pub(super) rolls: (u32, u32),
    pub(super) pities: Vec<PityDef>,
    pub(super) worst: Worst,
}

/// Entries given by rolls of a table in the worst case, nested tables included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Worst {
    /// By a request, however many rolls it asks for: the guaranteed entries.
    pub(super) request: u64,
    /// By each roll that is asked for.
    pub(super) roll: u64,
}

impl Worst {
    /// By a request for so many rolls.
    pub(super) fn of(self, rolls: u64) -> u64 {
        if rolls == 0 { 0 } else { self.request.saturating_add(self.roll.saturating_mul(rolls)) }
    }
}

/// A rule: a block that is read when its fragment is lowered.
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) at: At,
}

/// What has a name that cannot be taken, which is reported: no part of the program, and read all the
/// same, for what it says and for what it uses.
#[derive(Default)]
pub(super) struct Nameless {
    pub(super) rules: Vec<At>,
    /// `when` of conditions.
    pub(super) conditions: Vec<At>,
    /// `when` of the entries of loot tables.
    pub(super) entries: Vec<At>,
    /// How many loot tables.
    pub(super) tables: usize,
}

/// All declarations of the rule set. Names that could not be taken are absent.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) ruleset: String,
    pub(super) context: String,
    pub(super) budget: Budget,
    pub(super) enums: Vec<EnumDef>,
    pub(super) enum_names: Names,
    pub(super) triggers: Vec<Trigger>,
    pub(super) trigger_names: Names,
    /// The triggers that have a field, by its name, in order.
    pub(super) fields: BTreeMap<String, Vec<usize>>,
    /// Triggers whose fields could not be read, and that may have any.
    pub(super) broken_triggers: Vec<usize>,
    pub(super) params: Vec<ParamDef>,
    pub(super) param_names: Names,
    /// Parameters that games read, whether or not a rule does.
    pub(super) external: BTreeSet<String>,
    /// Where overrides apply, over all parameters.
    pub(super) places: BTreeSet<crate::scope::Scope>,
    /// Overrides without an effect: warnings, for a rule set without errors.
    pub(super) idle: Vec<Diagnostic>,
    pub(super) counters: Vec<CounterDef>,
    pub(super) counter_names: Names,
    pub(super) conditions: Vec<Condition>,
    pub(super) condition_names: Names,
    pub(super) timers: Vec<TimerDef>,
    pub(super) timer_names: Names,
    pub(super) tables: Vec<Table>,
    pub(super) table_names: Names,
    pub(super) rules: Vec<Rule>,
    pub(super) rule_names: Names,
    pub(super) nameless: Nameless,
}

impl Scope {
    /// Sorts the fields of all triggers by their names. Linear but for the sorting.
    pub(super) fn index_fields(&mut self) {
        for (index, trigger) in self.triggers.iter().enumerate() {
            if trigger.broken {
                self.broken_triggers.push(index);
                continue;
            }
            for (field, _) in &trigger.fields {
                self.fields.entry(field.clone()).or_default().push(index);
            }
        }
    }

    /// Whether some trigger has a field of this name. Linear in the triggers with a mistake.
    pub(super) fn has_field(&self, name: &str) -> bool {
        let mut broken = self.broken_triggers.iter().filter_map(|index| self.triggers.get(*index));
        self.fields.contains_key(name) || broken.any(|trigger| trigger.names.find(name).is_some())
    }

    /// Whether some trigger has a field of this name, or may have it.
    pub(super) fn may_have_field(&self, name: &str) -> bool {
        !self.broken_triggers.is_empty() || self.fields.contains_key(name)
    }

    /// A type in the words of the language.
    pub(super) fn type_name(&self, ty: Type) -> String {
        match ty {
            Type::Bool => "a bool".to_owned(),
            Type::Int => "an int".to_owned(),
            Type::Decimal => "a decimal".to_owned(),
            Type::Duration => "a duration".to_owned(),
            Type::Instant => "an instant".to_owned(),
            Type::Symbol => "a symbol".to_owned(),
            Type::Enum(index) => {
                let name = self.enums.get(usize::from(index)).map_or("?", |def| &def.name);
                format!("the enum {name}")
            }
        }
    }

    /// A value in the words of the language.
    pub(super) fn value_text(&self, ty: Type, value: i128) -> String {
        match ty {
            Type::Bool => (value != 0).to_string(),
            Type::Int | Type::Symbol => value.to_string(),
            Type::Decimal => super::literal::decimal_text(value),
            Type::Duration => format!("\"{}\"", super::literal::duration_text(value)),
            Type::Instant => {
                let text = i64::try_from(value).map(crate::value::instant_text);
                text.map_or_else(|_| format!("{value} ms"), |text| format!("\"{text}\""))
            }
            Type::Enum(index) => {
                let def = self.enums.get(usize::from(index));
                let name = usize::try_from(value).ok().and_then(|at| def?.values.get(at));
                name.map_or("?".to_owned(), |name| format!("\"{name}\""))
            }
        }
    }
}
