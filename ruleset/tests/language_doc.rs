//! The reference of the language is true: its examples compile, its mistakes are the ones it names,
//! its limits and codes are those of the compiler.

mod doc;
mod grammar;

use std::collections::BTreeSet;

use cairn_ruleset::lang::Code;
use cairn_ruleset::lang::limits::*;

const DOC: &str = include_str!("../../docs/language.md");

#[test]
fn every_example_compiles_or_fails_as_it_says() {
    let (mut complete, mut mistaken) = (0, 0);
    let blocks = doc::blocks("docs/language.md", DOC);
    for block in blocks.iter().filter(|block| block.mark != "ebnf") {
        let (codes, lines) = block.found();
        match block.mark.strip_prefix("hcl,error ") {
            Some(code) => {
                assert_eq!(codes, [code], "block at line {}\n{lines}", block.line);
                mistaken += 1;
            }
            None => {
                assert_eq!(block.mark, "hcl", "line {}", block.line);
                assert_eq!(codes, [""; 0], "block at line {}\n{lines}", block.line);
                complete += 1;
            }
        }
    }
    assert!(complete >= 10 && mistaken >= 8, "{complete} examples, {mistaken} mistakes");
}

#[test]
fn every_block_attribute_and_function_has_an_example() {
    let blocks = doc::blocks("docs/language.md", DOC);
    let examples: String = blocks
        .iter()
        .filter(|block| block.mark.starts_with("hcl"))
        .map(|block| block.text.as_str())
        .collect();
    let used: BTreeSet<&str> =
        examples.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let known = cairn_ruleset::lang::ide::vocabulary();
    for word in
        known.blocks.iter().chain(&known.attributes).chain(&known.functions).chain(&known.types)
    {
        assert!(used.contains(word), "no example in docs/language.md uses `{word}`");
    }
}

#[test]
fn limits_are_those_of_the_compiler() {
    for (what, limit) in LIMITS {
        let row = format!("| {what} | {} |", grouped(*limit));
        assert!(DOC.contains(&row), "docs/language.md lacks `{row}`");
    }
}

#[test]
fn every_code_is_listed() {
    for code in Code::ALL {
        let row = format!("| {code} | {} |", code.title());
        assert!(DOC.contains(&row), "docs/language.md lacks `{row}`");
    }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[rustfmt::skip]
const LIMITS: &[(&str, u64)] = &[
    ("bytes of a source file", SOURCE_BYTES_MAX as u64),
    ("bytes of all source files", RULESET_BYTES_MAX as u64),
    ("source files", FILE_COUNT_MAX as u64),
    ("bytes of a file's syntax tree", TREE_BYTES_MAX as u64),
    ("blocks, brackets, unary operators and choices inside one another", NESTING_MAX as u64),
    ("height of an expression's tree", EXPRESSION_HEIGHT_MAX as u64),
    ("operators chained in an expression, those inside an operand included", OPERATOR_COUNT_MAX as u64),
    ("height of an expression with its conditions put in", EXPANDED_HEIGHT_MAX as u64),
    ("bytes of a name", NAME_BYTES_MAX as u64),
    ("bytes of a string", STRING_BYTES_MAX as u64),
    ("enums", ENUM_COUNT_MAX as u64),
    ("values of an enum", ENUM_VALUE_COUNT_MAX as u64),
    ("triggers", TRIGGER_COUNT_MAX as u64),
    ("fields of a trigger", FIELD_COUNT_MAX as u64),
    ("parameters", PARAM_COUNT_MAX as u64),
    ("overrides of a parameter", OVERRIDE_COUNT_MAX as u64),
    ("zones, shards and shards of a zone that overrides name", SCOPE_COUNT_MAX as u64),
    ("bytes of the name of a zone or a shard", SCOPE_NAME_BYTES_MAX as u64),
    ("counters", COUNTER_COUNT_MAX as u64),
    ("timers", TIMER_COUNT_MAX as u64),
    ("conditions", CONDITION_COUNT_MAX as u64),
    ("loot tables", TABLE_COUNT_MAX as u64),
    ("entries of a loot table", ENTRY_COUNT_MAX as u64),
    ("sum of a table's weights", WEIGHT_SUM_MAX),
    ("count of an entry", ENTRY_ITEMS_MAX as u64),
    ("loot tables inside one another", TABLE_DEPTH_MAX as u64),
    ("draws of a table for each roll asked", TABLE_ROLLS_MAX as u64),
    ("pities of a loot table", PITY_COUNT_MAX as u64),
    ("misses after which a pity gives its entry", PITY_AFTER_MAX as u64),
    ("rolls that an outcome asks for", LOOT_COUNT_MAX as u64),
    ("entries drawn by an outcome, nested tables included", OUTCOME_DRAWS_MAX),
    ("rules", RULE_COUNT_MAX as u64),
    ("rules of one file on one trigger", FRAGMENT_RULE_COUNT_MAX as u64),
    ("outcomes of a rule", OUTCOME_COUNT_MAX as u64),
    ("payload values of an outcome", PAYLOAD_COUNT_MAX as u64),
    ("different symbols", SYMBOL_COUNT_MAX as u64),
    ("operations of a rule", RULE_NODE_COUNT_MAX as u64),
    ("operations of the rules of one file on one trigger", FRAGMENT_NODE_COUNT_MAX as u64),
    ("operations of a rule set", RULESET_NODE_COUNT_MAX as u64),
    ("count that a counter reaches", COUNTER_MAX as u64),
    ("milliseconds of a counter's window", WINDOW_MS_MAX as u64),
    ("milliseconds of a timer's period, least", PERIOD_MS_MIN as u64),
    ("milliseconds of a timer's period", PERIOD_MS_MAX as u64),
    ("milliseconds of a timer's duration", ACTIVE_MS_MAX as u64),
    ("milliseconds of a timer's jitter", JITTER_MS_MAX as u64),
    ("exceptions of a timer", EXCEPT_COUNT_MAX as u64),
    ("days of an exception", EXCEPT_DAYS_MAX as u64),
];
