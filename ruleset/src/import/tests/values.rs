//! Values by a mapping: exact, or listed.

use proptest::prelude::*;

use super::*;
use crate::ir::{Program, Type};

const GAME: &str = "\
spawn:
  wolf: {rate: 0.25, max: 12, night: true}
  bear: {rate: 1.5e-3, max: 3, night: false}
loot:
  crypt: {gold: 900, crown: 5}
  tomb: {gold: 1.5, bone: 0.25}
conditions:
  - {name: veteran, all: [{field: level, op: \">=\", value: 10}]}
  - name: night owl
    any:
      - {field: zone, op: in, value: [crypt, tomb]}
      - not: {field: elite, op: ==, value: true}
respawn: 90s
notes: {author: me}
";

const MAPPING: &str = "\
trigger:
  name: kill
  fields: {level: \"int(1, 100)\", elite: bool, zone: zone}
enums: {zone: [crypt, tomb]}
map:
  - {path: spawn.*.rate, param: \"{1}_rate\", type: decimal, range: [0, 10], unit: times, doc: \"how often a {1} comes\"}
  - {path: spawn.*.max, param: \"{1}_max\", type: int, range: [0, 50]}
  - {path: spawn.*.night, param: \"{1}_at_night\", type: bool}
  - {path: loot.*.*, weight: \"{1}.{2}\"}
  - {path: conditions.*, condition: \"{name}\"}
  - {path: respawn, param: respawn, type: duration, range: [\"1s\", \"1h\"]}
  - {path: notes.**, ignore: for people}
";

fn file(path: &str, text: &str) -> Input {
    Input { path: path.to_owned(), id: String::new(), text: text.to_owned() }
}

fn carried(text: &str, mapping: &str) -> Imported {
    crate::import::values(&file("game.yaml", text), &file("map.yaml", mapping), &target())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn param(program: &Program, name: &str) -> (Type, i64, i64, i64) {
    let param = program.params.iter().find(|param| param.name == name).unwrap();
    (param.slot.ty, param.value, param.slot.min, param.slot.max)
}

#[test]
fn parameters_weights_and_conditions_are_carried_over() {
    let imported = carried(GAME, MAPPING);
    let program = program(&imported);
    assert_eq!(param(&program, "wolf_rate"), (Type::Decimal, 250_000, 0, 10_000_000));
    assert_eq!(param(&program, "bear_rate"), (Type::Decimal, 1_500, 0, 10_000_000));
    assert_eq!(param(&program, "wolf_max"), (Type::Int, 12, 0, 50));
    assert_eq!(param(&program, "bear_at_night").1, 0);
    assert_eq!(param(&program, "respawn"), (Type::Duration, 90_000, 1_000, 3_600_000));
    assert_eq!(
        program.params.iter().find(|p| p.name == "wolf_rate").unwrap().doc,
        "how often a wolf comes"
    );
    let weights = |name: &str| -> Vec<(String, u32)> {
        let table = program.tables.iter().find(|table| table.name == name).unwrap();
        table.entries.iter().map(|entry| (entry.name.clone(), entry.weight)).collect()
    };
    assert_eq!(weights("crypt"), [("gold".to_owned(), 900), ("crown".to_owned(), 5)]);
    assert_eq!(weights("tomb"), [("gold".to_owned(), 150), ("bone".to_owned(), 25)]);
    let text: String = imported.files.iter().map(|file| file.text.as_str()).collect();
    assert!(text.contains("condition \"veteran\" { when = trigger.level >= 10 }"), "{text}");
    assert!(
        text.contains("one_of(trigger.zone, \"crypt\", \"tomb\") || !(trigger.elite)"),
        "{text}"
    );
    let left: Vec<&str> =
        imported.report.with(Fate::LeftOut).map(|item| item.pointer.as_str()).collect();
    assert_eq!(left, ["/notes"], "{:#?}", imported.report.items);
    let made =
        (imported.report.param_count, imported.report.table_count, imported.report.condition_count);
    assert_eq!(made, (7, 2, 2));
}

#[test]
fn numbers_are_exact_or_listed() {
    for (value, outcome) in [
        ("0.000001", "0.000001"),
        ("1e-6", "0.000001"),
        ("0.1", "0.1"),
        ("0.0000001", "has 7 decimals, limit 6"),
        ("123456789.123456", "123456789.123456"),
        ("9007199254740993", "9007199254740993.0"),
        ("99999999999999999999", "is too large for a decimal"),
        ("1000000000000000000000000000000000000000", "more than 30 digits"),
        (".nan", "is no decimal"),
        (".inf", "is no decimal"),
        ("yes", "is no decimal"),
        ("1_000", "is no decimal"),
        ("0x10", "16.0"),
    ] {
        let mapping =
            "map: [{path: a, param: a, type: decimal, range: [-9200000000000, 9200000000000]}]";
        let wide = "map: [{path: a, param: a, type: decimal, range: [-1, 9007199254740.993]}]";
        let mapping = if value.starts_with("9007") { wide } else { mapping };
        let imported = carried(&format!("a: {value}"), mapping);
        program(&imported);
        let item = &imported.report.items[0];
        let said = item.to.as_ref().or(item.reason.as_ref()).unwrap();
        if value == "9007199254740993" {
            assert!(said.contains("is outside") || said.contains("too large"), "{said}");
        } else {
            assert!(said.contains(outcome), "{value}: {said}");
        }
    }
    let int = |value: &str| {
        let imported = carried(
            &format!("a: {value}"),
            "map: [{path: a, param: a, type: int, range: [0, 9223372036854775807]}]",
        );
        let compiled = program(&imported);
        compiled.params.first().map(|param| param.value)
    };
    assert_eq!(int("9007199254740993"), Some(9_007_199_254_740_993));
    assert_eq!(int("9223372036854775807"), Some(i64::MAX));
    for refused in ["9223372036854775808", "1.5", "-1", "\"5\"", "true", "null", "[]"] {
        assert_eq!(int(refused), None, "{refused}");
    }
    assert_eq!(int("1.50e1"), Some(15));
}

#[test]
fn what_cannot_be_carried_over_has_its_place() {
    let mapping = "\
trigger: {name: kill, fields: {level: \"int(1, 100)\"}}
map:
  - {path: p.*, param: \"{1}\", type: int, range: [0, 10]}
  - {path: on, param: on, type: bool}
  - {path: w.*, weight: \"t.{1}\"}
  - {path: c.*, condition: \"{name}\"}
  - {path: nowhere, ignore: x}
";
    for (text, pointer, says) in [
        ("p: {a: 11}", "/p/a", "11 is outside 0 to 10"),
        ("p: {goldpile: 1, gold_pile: 2}", "/p/gold_pile", "looks like it"),
        ("p: {a: 1, a: 2}", "/p/a", "given again"),
        ("p: {a: [1]}", "/p/a/0", "no line of the mapping fits it"),
        ("on: yes", "/on", "text in YAML 1.2"),
        ("other: 1", "/other", "no line of the mapping fits it"),
        ("w: {a: 0, b: 1}", "/w/a", "is no weight"),
        ("w: {a: -1, b: 1}", "/w/a", "is no weight"),
        ("w: {a: 2147483648, b: 1}", "/w/a", "exceed 2147483648"),
        ("w: {a: 1, A: 2}", "/w/A", "has an entry a already"),
        (
            "c: [{name: x, field: nobody, op: '>', value: 1}]",
            "/c/0",
            "is no field of the mapping's trigger",
        ),
        ("c: [{name: x, field: level, op: '~', value: 1}]", "/c/0", "is no comparison"),
        ("c: [{name: x, all: []}]", "/c/0", "decides nothing"),
        ("c: [{name: x, script: y}]", "/c/0", "is one of all, any, not"),
        (
            "c: [{name: x, field: level, op: '>', value: 1, extra: 2}]",
            "/c/0/extra",
            "no line of the mapping",
        ),
    ] {
        let imported = carried(text, mapping);
        program(&imported);
        let items: Vec<&Item> =
            imported.report.items.iter().filter(|item| item.pointer == pointer).collect();
        let said = items
            .iter()
            .any(|item| item.reason.as_deref().is_some_and(|reason| reason.contains(says)));
        assert!(said, "{text}: {:#?}", imported.report.items);
        let unused =
            imported.report.items.iter().any(|item| item.path == "map.yaml" && item.line == 7);
        assert!(unused, "{text}");
    }
    // What the compiler alone can know is left out with its words.
    let many: Vec<String> = (0..65).map(|at| format!("i{at}x: 1")).collect();
    let imported = carried(&format!("w: {{{}}}", many.join(", ")), mapping);
    program(&imported);
    assert!(
        imported.report.items[0].reason.as_ref().unwrap().contains("limit 64"),
        "{:#?}",
        imported.report.items[0]
    );
}

#[test]
fn a_mapping_says_all_that_is_wrong_with_it() {
    let refused = |mapping: &str| {
        let result =
            crate::import::values(&file("g.yaml", "a: 1"), &file("m.yaml", mapping), &target());
        result.unwrap_err().to_string()
    };
    let errors = refused(
        "mop: 1\nmap:\n  - {path: a}\n  - {path: a..b, ignore: x}\n  - {path: a, param: b, type: float}\n  - {path: a, param: b, type: int}\n  - {path: a, weight: x}\n  - {path: \"**.a.**\", ignore: x}\n",
    );
    let lines: Vec<&str> = errors.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "m.yaml:1:6",
            "m.yaml:3:5",
            "m.yaml:4:5",
            "m.yaml:5:5",
            "m.yaml:6:5",
            "m.yaml:7:5",
            "m.yaml:8:5"
        ],
        "{errors}"
    );
    assert!(
        refused("map: []\ntrigger: {name: kill, fields: {zone: gone}}")
            .contains("its trigger or enums do not hold")
    );
    let lines = |count: usize| {
        let line = "  - {path: a, ignore: x}\n".repeat(count);
        crate::import::values(
            &file("g.yaml", "a: 1"),
            &file("m.yaml", &format!("map:\n{line}")),
            &target(),
        )
    };
    assert!(lines(LINE_COUNT_MAX).is_ok());
    assert!(lines(LINE_COUNT_MAX + 1).unwrap_err().to_string().contains("at most 1000"));
}

#[test]
fn a_suggested_mapping_carries_the_document_over() {
    let suggested = suggest(&file("game.yaml", GAME)).unwrap();
    let imported = carried(GAME, &suggested);
    program(&imported);
    let left: Vec<&str> =
        imported.report.with(Fate::LeftOut).map(|item| item.pointer.as_str()).collect();
    assert_eq!(left, ["/respawn", "/notes/author"], "{suggested}\n{:#?}", imported.report.items);
    assert_eq!(imported.report.condition_count, 2, "{suggested}");
    assert!(
        suggested.contains("{ path: \"spawn.*.rate\", param: \"{1}_rate\", type: decimal"),
        "{suggested}"
    );
    assert!(suggested.contains("weight: \"{1}.{2}\""), "{suggested}");
}

/// Documents of the words that mappings know.
fn document() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let word = || {
        prop::sample::select(vec![
            "a", "b", "spawn", "loot", "name", "all", "field", "op", "value", "level", ">=", "x.y",
            "a/b", "<<", "é",
        ])
    };
    let leaf = prop_oneof![
        (-5..2_000_i64).prop_map(|n| json!(n)),
        any::<i64>().prop_map(|n| json!(n)),
        prop_oneof![Just(0.5), Just(0.0000001), Just(1e20), Just(-0.25)].prop_map(|n| json!(n)),
        any::<bool>().prop_map(|yes| json!(yes)),
        Just(Value::Null),
        word().prop_map(|word| json!(word)),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((word(), inner), 0..5).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn nothing_is_dropped_with_a_suggested_mapping_or_any(document in document()) {
        let input = file("game.json", &document.to_string());
        let suggested = suggest(&input).unwrap();
        for mapping in [suggested.as_str(), MAPPING] {
            let imported = crate::import::values(&input, &file("map.yaml", mapping), &target());
            let imported = match imported {
                Ok(imported) => imported,
                Err(error) => return Err(TestCaseError::fail(format!("{error}\n{mapping}"))),
            };
            program(&imported);
            if let Err(error) = super::random::accounted(&imported, "game.json", &document) {
                return Err(TestCaseError::fail(format!("{error}\n{mapping}")));
            }
        }
    }

    #[test]
    fn no_text_panics(text in "[-a-c:{}\\[\\],&*!|>'\"#%@ \\n0-9.<]{0,80}", other in "\\PC{0,60}") {
        for text in [text, other] {
            let _ = suggest(&file("game.yaml", &text));
            let one = crate::import::values(&file("g.yaml", &text), &file("m.yaml", MAPPING), &target());
            if let Ok(imported) = one {
                program(&imported);
            }
            let _ = crate::import::values(&file("g.yaml", GAME), &file("m.yaml", &text), &target());
        }
    }
}
