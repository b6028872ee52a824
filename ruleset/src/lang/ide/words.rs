//! The words of the language, each with what an editor says about it.
//!
//! Which attributes and blocks exist is read from the schemas that the checker holds blocks
//! against, which functions exist from the table that it calls: a test fails when one of them has
//! no words here.

use crate::lang::builtins::BUILTINS;
use crate::lang::parser::TOP_BLOCKS;
use crate::lang::shape::Schema;
use crate::lang::{
    budget, cases, declare, imports, loot, lower, overrides, params, pity, timers, top, triggers,
};

/// Every kind of block.
pub(super) const SCHEMAS: [&Schema; 19] = [
    &top::RULESET,
    &imports::IMPORT,
    &budget::BUDGET,
    &declare::ENUM,
    &triggers::TRIGGER,
    &params::PARAM,
    &overrides::OVERRIDE,
    &declare::COUNTER,
    &declare::CONDITION,
    &timers::TIMER,
    &loot::TABLE,
    &lower::RULE,
    &loot::ENTRY,
    &pity::PITY,
    &lower::EMIT,
    &lower::BROADCAST,
    &cases::TEST,
    &cases::ROW,
    &cases::expect::EXPECT,
];

/// The schema of a kind of block.
pub(super) fn schema(kind: &str) -> Option<&'static Schema> {
    SCHEMAS.into_iter().find(|schema| schema.kind == kind)
}

/// Kind of block, what it is, and what a snippet puts between its braces.
const BLOCKS: &[(&str, &str, &str)] = &[
    (
        "import",
        "Makes a file beside the rule set's folder part of it; the label is its path from this file.",
        "",
    ),
    (
        "budget",
        "What the rule set may cost. Over it is an error that marks who costs most.",
        "  fragment_operations = ${2:2000}\n",
    ),
    (
        "ruleset",
        "Names the rule set, the version of the language and the context that games supply. Exactly one in all files.",
        "  dialect = 1\n  context = \"${2:game}@1\"\n",
    ),
    (
        "enum",
        "A closed list of values, such as the zones of a game.",
        "  values = [\"${2:first}\"]\n",
    ),
    (
        "trigger",
        "Something that happens in one game instance; its fields are what the instance supplies.",
        "  fields = {\n    ${2:level} = ${3:int(1, 100)}\n  }\n",
    ),
    (
        "param",
        "A number to turn without touching a rule.",
        "  type    = ${2:decimal}\n  default = ${3:1.0}\n  range   = [${4:0.0}, ${5:10.0}]\n  doc     = \"${6}\"\n",
    ),
    (
        "override",
        "Another value of this parameter for games that run in a zone or a shard. The most specific one wins: shard of a zone, shard, zone, default.",
        "  zone  = \"${2:eu-west}\"\n  value = ${3:1.0}\n",
    ),
    (
        "counter",
        "How often a trigger happened to a player in a sliding window. Read it with `rate(name)`.",
        "  on     = ${2:trigger_name}\n  per    = player\n  window = \"${3:1m}\"\n",
    ),
    (
        "condition",
        "A named yes or no, checked for each trigger that uses it.",
        "  when = ${2:true}\n",
    ),
    (
        "timer",
        "Fires by a cron expression in a time zone, or every so often; with a duration it is active after each instant.",
        "  cron     = \"${2:0 20 * * FRI}\"\n  zone     = \"${3:Europe/Paris}\"\n  duration = \"${4:2h}\"\n",
    ),
    (
        "loot_table",
        "Entries drawn by weight, in proportion to the sum of the weights that are eligible.",
        "  entry \"${2:name}\" { weight = ${3:1} }\n",
    ),
    (
        "rule",
        "Fires on a trigger or a timer and answers with one to eight outcomes.",
        "  on   = ${2:trigger_name}\n  when = ${3:true}\n  emit \"${4:name}\" {}\n",
    ),
    ("entry", "One thing that a table gives, with its weight.", "  weight = ${2:1}\n"),
    ("pity", "Bounds how long a player waits for an entry of this table.", "  after = ${2:50}\n"),
    (
        "emit",
        "Answers the caller. Attributes are the values of the payload; `table` and `count` ask for loot.",
        "  $2\n",
    ),
    (
        "broadcast",
        "A cluster event, once for the whole fleet. Attributes are the values of the payload; `table` and `count` ask for loot.",
        "  $2\n",
    ),
    (
        "test",
        "Says what is decided about one input. Left out of the build.",
        "  on      = ${2:trigger_name}\n  trigger = { $3 }\n  fired   = [$4]\n",
    ),
    ("expect", "An outcome that comes out, by its label, with its values.", "  payload = { $2 }\n"),
];

/// Kind of block, attribute, what it takes, what it means.
const ATTRIBUTES: &[(&str, &str, &str, &str)] = &[
    ("budget", "fragment_operations", "whole number", "Most operations of one evaluation."),
    ("budget", "fragment_bytes", "whole number", "Most bytes of a compiled fragment."),
    ("budget", "player_bytes", "whole number", "Most bytes of counters per player."),
    ("ruleset", "dialect", "whole number", "Version of the language; this compiler reads 1."),
    (
        "ruleset",
        "context",
        "\"name@version\"",
        "The context schema that games supply, for example `\"hunt@3\"`.",
    ),
    (
        "enum",
        "values",
        "[\"name\", …]",
        "The values, at most 4,096. Their order is their number: append, never reorder.",
    ),
    (
        "trigger",
        "fields",
        "{ name = type, … }",
        "What an instance supplies, each with its type and range; hosts enforce the range.",
    ),
    ("override", "zone", "\"name\"", "The zone where it holds, as agents and games are started."),
    ("override", "shard", "\"name\"", "The shard where it holds; with `zone`, only there."),
    ("override", "value", "literal", "The value there, within the parameter's range."),
    ("param", "type", "type", "`bool`, `int`, `decimal`, `duration`, `instant` or an enum."),
    (
        "param",
        "default",
        "literal",
        "The value until somebody turns it. Changing it leaves every compiled fragment as it is.",
    ),
    (
        "param",
        "range",
        "[smallest, largest]",
        "Both ends included. What the compiler proves, it proves for the whole range.",
    ),
    ("param", "unit", "\"text\"", "The unit, for people."),
    ("param", "doc", "\"text\"", "What turning it does, for people."),
    ("param", "external", "true or false", "Whether games read it though no rule does."),
    ("enum", "deprecated", "\"text\"", "What to use instead; every use becomes a warning."),
    ("trigger", "deprecated", "\"text\"", "What to use instead; every use becomes a warning."),
    ("param", "deprecated", "\"text\"", "What to use instead; every use becomes a warning."),
    ("counter", "deprecated", "\"text\"", "What to use instead; every use becomes a warning."),
    ("condition", "deprecated", "\"text\"", "What to use instead; every use becomes a warning."),
    ("timer", "deprecated", "\"text\"", "What to use instead; every use becomes a warning."),
    ("loot_table", "deprecated", "\"text\"", "What to use instead; every use becomes a warning."),
    ("counter", "on", "trigger", "What is counted."),
    ("counter", "per", "player", "Whose hits are counted together."),
    (
        "counter",
        "window",
        "\"duration\"",
        "Length of the sliding window, one second to seven days.",
    ),
    ("condition", "when", "expression, bool", "The expression that it stands for."),
    (
        "timer",
        "cron",
        "\"m h dom mon dow\"",
        "Five fields: minute, hour, day of month, month, day of week.",
    ),
    (
        "timer",
        "zone",
        "\"IANA name\"",
        "The time zone that `cron` is read in, for example `\"Europe/Paris\"`.",
    ),
    (
        "timer",
        "every",
        "\"duration\"",
        "A period from one second to a year, instead of `cron` and `zone`.",
    ),
    ("timer", "duration", "\"duration\"", "How long `active(name)` holds after each instant."),
    (
        "timer",
        "missed",
        "\"skip\" or \"fire\"",
        "What happens with an instant that passed while nobody could fire it. Default `\"skip\"`.",
    ),
    (
        "timer",
        "jitter",
        "\"duration\"",
        "Each instant is moved by less than this, by the same on every node.",
    ),
    (
        "timer",
        "except",
        "[\"date\", \"date..date\"]",
        "Local dates on which the timer does not fire.",
    ),
    (
        "loot_table",
        "rolls",
        "n or [fewest, most]",
        "How many entries are drawn for each roll that is asked for. Default 1.",
    ),
    (
        "entry",
        "guaranteed",
        "true or false",
        "Given once per request in addition to what is drawn; has no weight.",
    ),
    ("pity", "after", "whole number", "After so many misses the next draw gives the entry."),
    ("pity", "soft_from", "whole number", "From so many misses on the entry weighs more."),
    (
        "pity",
        "soft_step",
        "whole number",
        "What each miss from `soft_from` on adds to the entry's weight.",
    ),
    ("entry", "weight", "whole number", "Its share of the sum of all eligible weights."),
    ("entry", "item", "\"name\"", "The item given; without it, the entry's own name."),
    ("entry", "table", "loot table", "The table that is rolled instead of giving an item."),
    (
        "entry",
        "count",
        "n or [fewest, most]",
        "How many are given, or how often the table is rolled. Default 1.",
    ),
    (
        "entry",
        "when",
        "expression, bool",
        "The entry takes part only while this holds. It cannot draw.",
    ),
    ("rule", "on", "trigger or timer.name", "What makes the rule run."),
    (
        "rule",
        "when",
        "expression, bool",
        "The rule fires only while this holds; without it, always.",
    ),
    (
        "rule",
        "on_fault",
        "\"skip\" or \"fail\"",
        "What a host does should the rule's fragment fail to run. Default `\"skip\"`.",
    ),
    ("emit", "table", "loot table", "The table that is rolled."),
    ("emit", "count", "expression, int", "How often it is rolled, 0 to 1,000. Default 1."),
    ("broadcast", "table", "loot table", "The table that is rolled."),
    ("broadcast", "count", "expression, int", "How often it is rolled, 0 to 1,000. Default 1."),
    ("test", "on", "trigger or timer.name", "What happens."),
    (
        "test",
        "trigger",
        "{ field = value, … }",
        "Fields of the trigger; what is left out is at its smallest.",
    ),
    ("test", "params", "{ name = value, … }", "Parameters that differ from their defaults."),
    ("test", "rates", "{ counter = hits, … }", "Counts of counters; 0 where nothing is said."),
    (
        "test",
        "active",
        "{ timer = bool, … }",
        "Timers that are open or closed; others follow their schedule at `now`.",
    ),
    ("test", "seed", "whole number", "The seed that draws follow. Default 0."),
    ("test", "player", "whole number", "The player that buckets follow. Default 0."),
    ("test", "zone", "\"name\"", "Where the game runs, for parameters with overrides."),
    ("test", "shard", "\"name\"", "Which shard it is, for parameters with overrides."),
    (
        "test",
        "pity",
        "{ table = { entry = misses, … }, … }",
        "What the player has missed so far; 0 where nothing is said.",
    ),
    ("test", "now", "\"instant\"", "The time; without one, no timer is active."),
    ("test", "fired", "[rule, …]", "Rules that fire."),
    ("test", "not_fired", "[rule, …]", "Rules that do not."),
    ("test", "fired_exactly", "[rule, …]", "All rules that fire, and no other."),
    ("test", "cases", "[{ … }, …]", "Rows, each of which changes what the test gives and expects."),
    (
        "expect",
        "rule",
        "rule",
        "The rule whose outcome is meant, when several have one of this name.",
    ),
    ("expect", "payload", "{ name = value, … }", "Values of the outcome."),
    ("expect", "rolls", "whole number", "How often its table is rolled."),
    ("expect", "loot", "{ item = count, … }", "How many of an item fall in all."),
    ("expect", "eligible", "[entry, …]", "Entries that may fall."),
    ("expect", "not_eligible", "[entry, …]", "Entries that may not."),
    (
        "expect",
        "misses",
        "{ table = { entry = misses, … }, … }",
        "What the player has missed after its rolls.",
    ),
    ("cases", "name", "\"text\"", "What the row is about; without it, its number."),
    (
        "cases",
        "trigger",
        "{ field = value, … }",
        "Fields of the trigger; what is left out is at its smallest.",
    ),
    ("cases", "params", "{ name = value, … }", "Parameters that differ from their defaults."),
    ("cases", "rates", "{ counter = hits, … }", "Counts of counters; 0 where nothing is said."),
    (
        "cases",
        "active",
        "{ timer = bool, … }",
        "Timers that are open or closed; others follow their schedule at `now`.",
    ),
    ("cases", "seed", "whole number", "The seed that draws follow. Default 0."),
    ("cases", "player", "whole number", "The player that buckets follow. Default 0."),
    ("cases", "zone", "\"name\"", "Where the game runs, for parameters with overrides."),
    ("cases", "shard", "\"name\"", "Which shard it is, for parameters with overrides."),
    (
        "cases",
        "pity",
        "{ table = { entry = misses, … }, … }",
        "What the player has missed so far; 0 where nothing is said.",
    ),
    ("cases", "now", "\"instant\"", "The time; without one, no timer is active."),
    ("cases", "fired", "[rule, …]", "Rules that fire."),
    ("cases", "not_fired", "[rule, …]", "Rules that do not."),
    ("cases", "fired_exactly", "[rule, …]", "All rules that fire, and no other."),
    ("cases", "payload", "{ name = value, … }", "Values of the outcome."),
    ("cases", "rolls", "whole number", "How often its table is rolled."),
    ("cases", "loot", "{ item = count, … }", "How many of an item fall in all."),
    ("cases", "eligible", "[entry, …]", "Entries that may fall."),
    ("cases", "not_eligible", "[entry, …]", "Entries that may not."),
    (
        "cases",
        "misses",
        "{ table = { entry = misses, … }, … }",
        "What the player has missed after its rolls.",
    ),
];

/// Function and what it gives.
const FUNCTIONS: &[(&str, &str)] = &[
    ("min", "The smallest of 2 to 16 values of one type."),
    ("max", "The largest of 2 to 16 values of one type."),
    ("clamp", "The value, kept between the two bounds."),
    ("abs", "The value without its sign."),
    ("between", "Whether the value lies between the bounds, both included."),
    ("one_of", "Whether the value equals one of up to 64."),
    ("rate", "Hits of the player in the counter's window."),
    ("active", "Whether the timer is in its duration."),
    ("since", "The duration from the instant to now."),
    ("chance", "True with this probability, a decimal from 0 to 1; follows the evaluation's seed."),
    ("pick", "A whole number from 0 to n − 1, drawn evenly; follows the evaluation's seed."),
    (
        "bucket",
        "The player's own number from 0 to n − 1, always the same: for splitting players into groups.",
    ),
];

/// Types: name, what a completion inserts, what it holds.
pub(super) const TYPES: &[(&str, &str, &str)] = &[
    ("bool", "bool", "`true` or `false`."),
    ("int", "int(${1:1}, ${2:100})", "Whole numbers in the range, both ends included."),
    ("decimal", "decimal(${1:0.0}, ${2:1.0})", "Numbers with six decimals, exact, never a float."),
    ("duration", "duration(\"${1:0s}\", \"${2:1h}\")", "Milliseconds."),
    ("instant", "instant", "Milliseconds since 1970, up to the year 9999."),
];

/// The first parts of references.
pub(super) const ROOTS: &[(&str, &str)] = &[
    ("trigger", "A field of the trigger that the rule is on: `trigger.level`."),
    ("param", "The value of a parameter: `param.drop_bonus`."),
    ("condition", "A named condition: `condition.veteran`."),
    ("timer", "A timer, after `on`: `timer.night_hunt`."),
];

/// What a kind of block is.
pub(super) fn block_doc(kind: &str) -> Option<&'static str> {
    BLOCKS.iter().find(|(known, ..)| *known == kind).map(|(_, doc, _)| *doc)
}

/// What a snippet puts between a block's braces.
pub(super) fn block_body(kind: &str) -> &'static str {
    BLOCKS.iter().find(|(known, ..)| *known == kind).map_or("  $2\n", |(_, _, body)| *body)
}

/// What an attribute takes and means.
pub(super) fn attribute(kind: &str, name: &str) -> Option<(&'static str, &'static str)> {
    let found = ATTRIBUTES.iter().find(|(block, known, ..)| *block == kind && *known == name);
    found.map(|(_, _, takes, doc)| (*takes, *doc))
}

/// How a function is called, and what it gives.
pub(super) fn function(name: &str) -> Option<(&'static str, &'static str)> {
    let (.., usage) = BUILTINS.iter().find(|known| known.0 == name)?;
    let doc = FUNCTIONS.iter().find(|(known, _)| *known == name).map_or("", |(_, doc)| *doc);
    Some((usage, doc))
}

/// Every word that the language knows, for tools that colour text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Kinds of blocks.
    pub blocks: Vec<&'static str>,
    /// Attributes of any block.
    pub attributes: Vec<&'static str>,
    /// Functions.
    pub functions: Vec<&'static str>,
    /// Types.
    pub types: Vec<&'static str>,
    /// First parts of references.
    pub roots: Vec<&'static str>,
    /// Values that are words.
    pub constants: Vec<&'static str>,
}

/// The language's words, from the tables that the compiler itself uses.
pub fn vocabulary() -> Vocabulary {
    let sorted = |words: &mut Vec<&'static str>| {
        words.sort_unstable();
        words.dedup();
    };
    let mut blocks: Vec<&str> = TOP_BLOCKS.to_vec();
    let mut attributes = Vec::new();
    for schema in SCHEMAS {
        blocks.extend(schema.blocks);
        attributes.extend(schema.required.iter().chain(schema.optional));
    }
    sorted(&mut blocks);
    sorted(&mut attributes);
    Vocabulary {
        blocks,
        attributes,
        functions: BUILTINS.iter().map(|known| known.0).collect(),
        types: TYPES.iter().map(|known| known.0).collect(),
        roots: ROOTS.iter().map(|known| known.0).collect(),
        constants: vec!["true", "false"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_language_is_without_words() {
        let known = vocabulary();
        for kind in &known.blocks {
            assert!(schema(kind).is_some(), "no schema of `{kind}` in SCHEMAS");
            assert!(block_doc(kind).is_some(), "no words about the block `{kind}`");
        }
        for schema in SCHEMAS {
            for name in schema.required.iter().chain(schema.optional) {
                let kind = schema.kind;
                assert!(attribute(kind, name).is_some(), "no words about `{name}` of `{kind}`");
            }
        }
        for name in known.functions {
            assert!(function(name).is_some_and(|(_, doc)| !doc.is_empty()), "no words: {name}");
        }
    }

    #[test]
    fn the_reference_lists_every_attribute() {
        let reference = include_str!("../../../../docs/language.md");
        let mut table = String::new();
        for schema in SCHEMAS {
            let payload: &[&str] = if schema.open { &["table", "count"] } else { &[] };
            let required = schema.required.iter().map(|name| (name, "required"));
            let optional = schema.optional.iter().chain(payload).map(|name| (name, "optional"));
            for (name, need) in required.chain(optional) {
                let (takes, doc) = attribute(schema.kind, name).unwrap();
                let row = format!("| `{}` | `{name}` | {need} | {takes} | {doc} |\n", schema.kind);
                // A row of `cases` takes what its test takes.
                if schema.kind != "cases" && !table.contains(&row) {
                    table.push_str(&row);
                }
            }
        }
        assert!(reference.contains(&table), "docs/language.md should list\n{table}");
    }

    #[test]
    fn no_words_about_what_is_not_there() {
        for (kind, name, ..) in ATTRIBUTES {
            let schema = schema(kind).unwrap();
            let mut known = schema.required.iter().chain(schema.optional);
            let payload = schema.open && matches!(*name, "table" | "count");
            assert!(payload || known.any(|known| known == name), "{kind} has no {name}");
        }
        assert!(BLOCKS.iter().all(|(kind, ..)| schema(kind).is_some()));
        assert!(FUNCTIONS.iter().all(|(name, _)| function(name).is_some()));
    }
}
