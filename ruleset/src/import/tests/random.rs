//! Random documents: what is made always compiles, every leaf is accounted for, odds are kept.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::odds::{Document, differ, ours};
use super::{import, program};
use crate::import::{Effect, Fate, Imported, Input, Target, loot_tables};

/// Leaves of a document, by their pointers; empty lists and maps are leaves.
pub(super) fn leaves(value: &Value, pointer: &str, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Array(values) if !values.is_empty() => {
            for (index, inner) in values.iter().enumerate() {
                leaves(inner, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(values) if !values.is_empty() => {
            for (key, inner) in values {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(inner, &format!("{pointer}/{key}"), found);
            }
        }
        leaf => {
            found.insert(pointer.to_owned(), leaf.clone());
        }
    }
}

/// Each leaf has exactly one item: its own, or that of a part that was left out or adapted whole.
pub(super) fn accounted(imported: &Imported, path: &str, value: &Value) -> Result<(), String> {
    let mut found = BTreeMap::new();
    leaves(value, "", &mut found);
    let items: Vec<_> = imported.report.items.iter().filter(|item| item.path == path).collect();
    for (leaf, value) in &found {
        let of: Vec<_> = items
            .iter()
            .filter(|item| *leaf == item.pointer || leaf.starts_with(&format!("{}/", item.pointer)))
            .collect();
        let [item] = &of[..] else { return Err(format!("{path}{leaf} = {value}: {of:#?}")) };
        if item.fate == Fate::Carried && item.pointer != *leaf {
            return Err(format!("{path}{leaf} is said to be carried with all of {}", item.pointer));
        }
        let shown = value.to_string();
        if item.pointer == *leaf && (value.is_boolean() || value.is_i64()) && item.value != shown {
            return Err(format!("{path}{leaf} = {value} is reported as {}", item.value));
        }
        if item.fate != Fate::Carried && (item.reason.is_none() || item.hint.is_none()) {
            return Err(format!("{path}{leaf} has no reason: {item:?}"));
        }
    }
    Ok(())
}

fn number(low: i64, high: i64) -> BoxedStrategy<Value> {
    prop_oneof![
        3 => (low..=high).prop_map(|n| json!(n)),
        2 => (low..=high, 0..4_i64).prop_map(|(low, more)| json!({"min": low, "max": low + more})),
        1 => (0..4_i64, 0..5_i64).prop_map(|(n, p)| {
            json!({"type": "minecraft:binomial", "n": n, "p": p as f64 / 4.0})
        }),
    ]
    .boxed()
}

fn condition() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => prop_oneof![Just(0.25), Just(0.5), Just(0.0725), Just(0.1234567), Just(1.0)]
            .prop_map(|p| json!({"condition": "minecraft:random_chance", "chance": p})),
        4 => prop_oneof![Just("killed_by_player"), Just("minecraft:rain"), Just("night")]
            .prop_map(|name| json!({"condition": name})),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        let terms = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            inner.prop_map(|term| json!({"condition": "minecraft:inverted", "term": term})),
            terms.clone().prop_map(|terms| json!({"condition": "any_of", "terms": terms})),
            terms.prop_map(|terms| json!({"condition": "all_of", "terms": terms})),
        ]
    })
}

fn conditions() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!([])),
        2 => prop::collection::vec(condition(), 1..2).prop_map(Value::Array),
        1 => prop::collection::vec(condition(), 2..3).prop_map(Value::Array),
    ]
}

/// An entry of document `at` of three; it may roll on those behind it.
fn entry(at: usize) -> impl Strategy<Value = Value> {
    let item = (
        prop_oneof![Just("coin"), Just("minecraft:gem"), Just("crown"), Just("ring")],
        number(-1, 3),
    )
        .prop_map(|(name, count)| {
            json!({"type": "minecraft:item", "name": name,
                   "functions": [{"function": "set_count", "count": count}]})
        });
    let plain = prop_oneof![Just("coin"), Just("gem")]
        .prop_map(|name| json!({"type": "item", "name": name}));
    let table = (at + 1..=at + 1).prop_map(|to| match to {
        1 => json!({"type": "loot_table", "value": "b"}),
        2 => json!({"type": "minecraft:loot_table", "name": "minecraft:c"}),
        _ => json!({"type": "empty"}),
    });
    let leaf = (prop_oneof![item, plain, table], 1..6_i64, conditions()).prop_map(
        |(mut entry, weight, conditions)| {
            entry["weight"] = json!(weight);
            entry["conditions"] = conditions;
            entry
        },
    );
    leaf.prop_recursive(2, 5, 3, |inner| {
        let kind = prop_oneof![Just("group"), Just("alternatives"), Just("minecraft:sequence")];
        (kind, prop::collection::vec(inner, 1..3), conditions()).prop_map(
            |(kind, children, conditions)| {
                json!({"type": kind, "children": children, "conditions": conditions})
            },
        )
    })
}

fn table(at: usize) -> impl Strategy<Value = Value> {
    let pool = (number(0, 3), prop::collection::vec(entry(at), 1..4), conditions()).prop_map(
        |(rolls, entries, conditions)| {
            json!({"rolls": rolls, "entries": entries, "conditions": conditions, "bonus_rolls": 0})
        },
    );
    prop::collection::vec(pool, 0..3).prop_map(|pools| json!({"type": "chest", "pools": pools}))
}

/// Any JSON, with the words of the format in it.
fn chaos() -> impl Strategy<Value = Value> {
    let word = || {
        prop::sample::select(vec![
            "pools",
            "rolls",
            "entries",
            "type",
            "item",
            "name",
            "weight",
            "conditions",
            "condition",
            "random_chance",
            "chance",
            "functions",
            "function",
            "set_count",
            "count",
            "min",
            "max",
            "n",
            "p",
            "children",
            "group",
            "alternatives",
            "loot_table",
            "value",
            "minecraft:a",
            "inverted",
            "term",
            "terms",
            "any_of",
            "quality",
            "bonus_rolls",
            "tag",
            "expand",
            "uniform",
            "binomial",
            "é/~",
            "killed_by_player",
            "inverse",
            "limit_count",
            "limit",
            "add",
            "random_chance_with_looting",
            "looting_multiplier",
            "constant",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-5..200_i64).prop_map(|n| json!(n)),
        any::<i64>().prop_map(|n| json!(n)),
        prop_oneof![Just(0.5), Just(1.5), Just(1e300), Just(-0.25)].prop_map(|n| json!(n)),
        word().prop_map(|word| json!(word)),
    ];
    leaf.prop_recursive(8, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((word(), inner), 0..6).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

/// A sound table in which one value was replaced by anything.
fn broken() -> impl Strategy<Value = Value> {
    (table(0), any::<prop::sample::Index>(), chaos()).prop_map(|(mut table, at, other)| {
        let mut found = BTreeMap::new();
        leaves(&table, "", &mut found);
        let pointers: Vec<String> = found.into_keys().collect();
        if let Some(value) = table.pointer_mut(&pointers[at.index(pointers.len())]) {
            *value = other;
        }
        table
    })
}

#[test]
fn odds_are_kept() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) };
    let compared = Cell::new(0);
    let all = (table(0), table(1), table(2), 0..8_usize);
    let result = TestRunner::new(config).run(&all, |(a, b, c, bits)| {
        let tables =
            BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b), ("c".to_owned(), c)]);
        let texts: Vec<(String, String)> = tables
            .iter()
            .map(|(id, table)| (format!("minecraft:{id}"), table.to_string()))
            .collect();
        let files: Vec<(&str, &str)> =
            texts.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
        let imported = import(&files);
        for (id, table) in &tables {
            accounted(&imported, &format!("{id}.json"), table).map_err(TestCaseError::fail)?;
        }
        // What changes the odds is said; then there is nothing to compare.
        if imported.report.items.iter().any(|item| item.effect == Some(Effect::Odds)) {
            return Ok(());
        }
        compared.set(compared.get() + 1);
        let program = program(&imported);
        let questions = ["killed_by_player", "rain", "night"].into_iter().enumerate();
        let world: BTreeMap<String, bool> =
            questions.map(|(at, name)| (name.to_owned(), bits >> at & 1 == 1)).collect();
        let document = Document { tables: &tables, world: &world, looting: 0.0 };
        for id in tables.keys() {
            let (ours, theirs) = (ours(&program, id, &world, 0), document.table(id));
            if let Some(error) = differ(&ours, &theirs) {
                let shown: Vec<&str> = imported.files.iter().map(|f| f.text.as_str()).collect();
                let error = format!("{id}: {error}\n{}\n{:#}", shown.concat(), tables[id]);
                return Err(TestCaseError::fail(error));
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(compared.get() > 200, "only {} of 400 could be compared", compared.get());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn nothing_is_dropped_and_all_compiles(table in prop_oneof![broken(), chaos()]) {
        let imported = import(&[("minecraft:a", &table.to_string())]);
        program(&imported);
        if let Err(error) = accounted(&imported, "a.json", &table) {
            prop_assert!(false, "{error}\n{table:#}");
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}", at in any::<prop::sample::Index>(), table in table(0)) {
        let target = Target { ruleset: "imported".to_owned(), context: "imported@1".to_owned() };
        let mut cut = table.to_string();
        let at = (0..=at.index(cut.len() + 1)).rev().find(|at| cut.is_char_boundary(*at)).unwrap_or(0);
        cut.insert_str(at, &text);
        for text in [text, cut] {
            let input = Input { path: "a.json".to_owned(), id: "minecraft:a".to_owned(), text };
            if let Ok(imported) = loot_tables(&[input], &target) {
                program(&imported);
            }
        }
    }
}
