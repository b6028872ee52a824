//! Tables as games have them, and what cannot be carried over.

use std::collections::BTreeMap;

use serde_json::Value;

use super::odds::{Document, Fall, differ, ours};
use super::*;

/// A chest: two pools, ranges, an empty entry.
const CRYPT: &str = r#"{
  "type": "minecraft:chest",
  "pools": [
    {
      "rolls": {"type": "minecraft:uniform", "min": 2.0, "max": 5.0},
      "bonus_rolls": 0.0,
      "entries": [
        {"type": "minecraft:item", "name": "minecraft:gold_nugget", "weight": 20,
         "functions": [{"function": "minecraft:set_count", "count": {"type": "minecraft:uniform", "min": 1.0, "max": 8.0}}]},
        {"type": "minecraft:item", "name": "minecraft:iron_sword", "weight": 5},
        {"type": "minecraft:empty", "weight": 15}
      ]
    },
    {
      "rolls": {"type": "minecraft:binomial", "n": 3, "p": 0.125},
      "entries": [{"type": "minecraft:item", "name": "minecraft:diamond"}, {"type": "minecraft:item", "name": "mod:ruby", "weight": 3}]
    }
  ],
  "random_sequence": "minecraft:chests/crypt"
}"#;

/// A creature: a count that may be zero, a rare drop with conditions and a looting level.
const GHOUL: &str = r#"{
  "type": "minecraft:entity",
  "pools": [
    {"rolls": 1, "entries": [{"type": "minecraft:item", "name": "minecraft:bone", "functions": [
      {"function": "minecraft:set_count", "count": {"min": 0, "max": 2}, "add": false},
      {"function": "minecraft:looting_enchant", "count": {"min": 0, "max": 1}}]}]},
    {"rolls": 1,
     "conditions": [{"condition": "minecraft:killed_by_player"},
                    {"condition": "minecraft:random_chance_with_looting", "chance": 0.025, "looting_multiplier": 0.01}],
     "entries": [{"type": "minecraft:item", "name": "minecraft:ingot"}, {"type": "minecraft:item", "name": "minecraft:carrot", "weight": 2}]}
  ]
}"#;

/// Fishing: tables inside tables, a place that matters, a chance of seven decimals.
const FISHING: &str = r#"{
  "type": "minecraft:fishing",
  "pools": [{"rolls": 1, "bonus_rolls": 0, "entries": [
    {"type": "minecraft:loot_table", "weight": 10, "quality": -2, "value": "minecraft:gameplay/fishing/junk"},
    {"type": "minecraft:loot_table", "weight": 5, "quality": 2, "value": "minecraft:gameplay/fishing/treasure",
     "conditions": [{"condition": "minecraft:entity_properties", "entity": "this", "predicate": {"in_open_water": true}}]},
    {"type": "minecraft:item", "weight": 85, "name": "minecraft:cod"}]}]
}"#;
const JUNK: &str = r#"{"pools": [{"rolls": {"min": 1, "max": 2}, "entries": [{"type": "alternatives", "children": [
    {"type": "item", "name": "lily", "conditions": [{"condition": "location_check", "predicate": {"biome": "swamp"}}]},
    {"type": "item", "name": "boot"}]},
  {"type": "item", "name": "string", "weight": 4}]}]}"#;
const TREASURE: &str = r#"{"pools": [
  {"rolls": 1, "entries": [{"type": "item", "name": "bow", "weight": 2}, {"type": "item", "name": "saddle"}]},
  {"rolls": 1, "conditions": [{"condition": "random_chance", "chance": 0.0666667}], "entries": [{"type": "item", "name": "shell"}]}]}"#;

fn realistic() -> Imported {
    import(&[
        ("minecraft:chests/crypt", CRYPT),
        ("minecraft:entities/ghoul", GHOUL),
        ("minecraft:gameplay/fishing", FISHING),
        ("minecraft:gameplay/fishing/junk", JUNK),
        ("minecraft:gameplay/fishing/treasure", TREASURE),
    ])
}

#[test]
fn realistic_tables_keep_their_odds() {
    let imported = realistic();
    let program = program(&imported);
    let parsed = |text| serde_json::from_str::<Value>(text).unwrap();
    let tables = BTreeMap::from([
        ("chests/crypt".to_owned(), parsed(CRYPT)),
        ("entities/ghoul".to_owned(), parsed(GHOUL)),
        ("gameplay/fishing".to_owned(), parsed(FISHING)),
        ("gameplay/fishing/junk".to_owned(), parsed(JUNK)),
        ("gameplay/fishing/treasure".to_owned(), parsed(TREASURE)),
    ]);
    let questions = ["killed_by_player", "entity_properties", "location_check"];
    for bits in 0..8 {
        let answers = questions.into_iter().enumerate();
        let world: BTreeMap<String, bool> =
            answers.map(|(at, name)| (name.to_owned(), bits >> at & 1 == 1)).collect();
        for looting in [0, 3, 255] {
            let document = Document { tables: &tables, world: &world, looting: looting as f64 };
            for id in tables.keys() {
                let trigger = id.replace('/', "_");
                let mut theirs = document.table(id);
                // Names with a namespace of their own keep it.
                if let Some(ruby) = theirs.remove("mod:ruby") {
                    theirs.insert("mod_ruby".to_owned(), ruby);
                }
                let ours = ours(&program, &trigger, &world, looting);
                assert_eq!(differ(&ours, &theirs), None, "{id}, {world:?}, looting {looting}");
            }
        }
    }
    // By hand: 2 to 5 rolls, half of them nuggets, 4.5 each; 3 tries of 1/8, 1 in 4 a diamond.
    let crypt = ours(&program, "chests_crypt", &BTreeMap::new(), 0);
    let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(near(crypt["gold_nugget"].items, 3.5 * 0.5 * 4.5), "{crypt:?}");
    assert!(near(crypt["diamond"].none, (1.0 - 0.125 * 0.25_f64).powi(3)), "{crypt:?}");
    let Fall { items, none } = ours(&program, "entities_ghoul", &BTreeMap::new(), 0)["bone"];
    assert!(near(items, 1.0) && near(none, 1.0 / 3.0), "{items} {none}");
}

#[test]
fn what_is_left_out_has_its_place_and_its_effect() {
    let imported = realistic();
    let left: Vec<String> = (imported.report.with(Fate::LeftOut))
        .map(|i| {
            format!("{}:{}:{} {} {}", i.path, i.line, i.column, i.pointer, i.effect.unwrap().word())
        })
        .collect();
    assert_eq!(
        left,
        [
            "crypt.json:19:22 /random_sequence nothing",
            "fishing.json:4:63 /pools/0/entries/0/quality odds",
            "fishing.json:5:62 /pools/0/entries/1/quality odds",
            "ghoul.json:6:7 /pools/0/entries/0/functions/1 odds",
        ]
    );
}

fn single(text: &str) -> Imported {
    import(&[("minecraft:a", text)])
}

/// Pointers of what was left out of one document.
fn left(imported: &Imported) -> Vec<&str> {
    imported.report.with(Fate::LeftOut).map(|item| item.pointer.as_str()).collect()
}

#[test]
fn nothing_is_dropped_silently() {
    let pool = |rest: &str| format!(r#"{{"pools": [{{"rolls": 1, {rest}}}]}}"#);
    let entry = |rest: &str| {
        pool(&format!(
            r#""entries": [{{"type": "item", "name": "x", {rest}}}, {{"type": "empty"}}]"#
        ))
    };
    for (text, expected) in [
        ("[]".to_owned(), ""),
        (r#"{"recipe": 1}"#.to_owned(), ""),
        (r#"{"pools": [], "functions": [{"function": "x"}]}"#.to_owned(), "/functions/0"),
        (r#"{"pools": [{"rolls": {"type": "score", "score": "x"}, "entries": [{"type": "empty"}]}]}"#.to_owned(), "/pools/0"),
        (r#"{"pools": [{"entries": []}]}"#.to_owned(), "/pools/0"),
        (r#"{"pools": [{"rolls": 101, "entries": [{"type": "empty"}]}]}"#.to_owned(), "/pools/0"),
        (pool(r#""bonus_rolls": 1, "entries": [{"type": "empty"}]"#), "/pools/0/bonus_rolls"),
        (pool(r#""later": 1, "entries": [{"type": "empty"}]"#), "/pools/0/later"),
        (pool(r#""entries": [{"type": "empty"}, {"type": "slots"}]"#), "/pools/0/entries/1"),
        (pool(r#""entries": [{"type": "loot_table", "name": "elsewhere"}]"#), "/pools/0/entries/0/name"),
        (pool(r#""entries": [{"type": "tag", "name": "x", "expand": true}]"#), "/pools/0/entries/0/expand"),
        (entry(r#""quality": 2"#), "/pools/0/entries/0/quality"),
        (entry(r#""weight": 0"#), "/pools/0/entries/0/weight"),
        (entry(r#""weight": 1.5"#), "/pools/0/entries/0"),
        (entry(r#""weight": 2147483648"#), "/pools/0"),
        (entry(r#""weight": 9223372036854775808"#), "/pools/0/entries/0"),
        (entry(r#""functions": [{"function": "furnace_smelt"}]"#), "/pools/0/entries/0/functions/0"),
        (entry(r#""functions": [{"function": "set_count", "count": 1001}]"#), "/pools/0"),
        (entry(r#""functions": [{"function": "set_count", "count": {"min": 1, "max": 2}}, {"function": "limit_count", "limit": 1}]"#), "/pools/0/entries/0/functions/1"),
        (entry(r#""conditions": [{"condition": "random_chance_with_looting", "chance": 0.5, "looting_multiplier": 0.1}]"#), "/pools/0/entries/0"),
        (entry(r#""conditions": [{"chance": 0.5}]"#), "/pools/0/entries/0/conditions/0"),
        (entry(r#""weight": 1, "weight": 2"#), "/pools/0/entries/0/weight"),
    ] {
        let imported = single(&text);
        program(&imported);
        assert!(left(&imported).contains(&expected), "{text}: {:#?}", imported.report.items);
    }
}

#[test]
fn counts_and_functions_are_joined_as_the_game_joins_them() {
    let with = |functions: &str| {
        let text = format!(
            r#"{{"functions": [{{"function": "set_count", "count": 1, "add": true}}],
            "pools": [{{"rolls": 1, "entries": [{{"type": "item", "name": "x", "functions": [{functions}]}}]}}]}}"#
        );
        let imported = single(&text);
        assert_eq!(left(&imported), [""; 0], "{text}");
        let falls = ours(&program(&imported), "a", &BTreeMap::new(), 0);
        falls.get("x").copied().unwrap_or(Fall { items: 0.0, none: 1.0 })
    };
    for (functions, items, none) in [
        ("", 2.0, 0.0),
        (r#"{"function": "set_count", "count": {"min": 1.4, "max": 2.5}}"#, 3.0, 0.0),
        (r#"{"function": "limit_count", "limit": {"min": 4}}"#, 5.0, 0.0),
        (r#"{"function": "set_count", "count": -3}"#, 0.0, 1.0),
        (r#"{"function": "set_count", "count": {"min": -2, "max": 1}}"#, 3.0 / 4.0, 0.5),
    ] {
        assert_eq!(with(functions), Fall { items, none }, "{functions}");
    }
}

#[test]
fn names_stay_apart() {
    let text = r#"{"pools": [{"rolls": 1, "entries": [
        {"type": "item", "name": "mod:gold_pile"}, {"type": "item", "name": "mod_gold:pile"},
        {"type": "item", "name": "modgold_pile"}, {"type": "item", "name": "Nothing"},
        {"type": "item", "name": "mod:gold_pile", "weight": 2}]}]}"#;
    let imported = single(text);
    let program = program(&imported);
    let entries: Vec<(&str, String, u32)> = (program.tables[0].entries.iter())
        .map(|entry| (entry.name.as_str(), format!("{:?}", entry.loot), entry.weight))
        .collect();
    assert_eq!(
        entries,
        [
            ("mod_gold_pile", "Item(\"mod_gold_pile\")".to_owned(), 3),
            ("mod_gold_pile_2", "Item(\"mod_gold_pile_2\")".to_owned(), 1),
            ("modgold_pile_3", "Item(\"modgold_pile\")".to_owned(), 1),
            ("nothing_2", "Item(\"nothing_2\")".to_owned(), 1),
        ]
    );
    let adapted: Vec<&str> =
        imported.report.with(Fate::Adapted).map(|item| item.value.as_str()).collect();
    let renamed = ["\"mod:gold_pile\"", "\"mod_gold:pile\"", "\"Nothing\"", "\"mod:gold_pile\""];
    assert_eq!(adapted, renamed);
}

#[test]
fn circles_end_and_are_listed() {
    let on = |name: &str| {
        format!(
            r#"{{"pools": [{{"rolls": 1, "entries": [{{"type": "item", "name": "x"}}, {{"type": "loot_table", "value": "{name}"}}]}}]}}"#
        )
    };
    let imported = import(&[
        ("minecraft:a", &on("b")),
        ("minecraft:b", &on("c")),
        ("minecraft:c", &on("a")),
        ("minecraft:d", &on("d")),
    ]);
    program(&imported);
    let left: Vec<String> = imported
        .report
        .with(Fate::LeftOut)
        .map(|item| format!("{}{}", item.path, item.pointer))
        .collect();
    assert_eq!(left, ["c.json/pools/0/entries/1/value", "d.json/pools/0/entries/1/value"]);
}

#[test]
fn a_table_that_the_compiler_refuses_is_left_out_with_its_words() {
    // Seventeen tables inside one another, limit 16.
    let chain = |length: usize| {
        let texts: Vec<(String, String)> = (0..length)
            .map(|at| (format!("minecraft:t{at}x"), format!(r#"{{"pools": [{{"rolls": 1, "entries": [{{"type": "loot_table", "value": "t{}x"}}, {{"type": "item", "name": "x"}}]}}]}}"#, at + 1)))
            .chain([("minecraft:last".to_owned(), r#"{"pools": [{"rolls": 1, "entries": [{"type": "item", "name": "y"}]}]}"#.to_owned())])
            .collect();
        let files: Vec<(&str, String)> = (texts.iter())
            .map(|(id, text)| (id.as_str(), text.replace(&format!("t{length}x"), "last")))
            .collect();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(id, text)| (*id, text.as_str())).collect();
        import(&files)
    };
    assert_eq!(left(&chain(15)), [""; 0]);
    let imported = chain(16);
    program(&imported);
    let reason = imported.report.with(Fate::LeftOut).next().unwrap().reason.clone().unwrap();
    assert!(reason.contains("nested deeper than 16"), "{reason}");
}

#[test]
fn many_entries_and_conditions_are_bounded() {
    let entries = |count: usize, rest: &str| {
        let all: Vec<String> = (0..count)
            .map(|at| {
                format!(
                    r#"{{"type": "item", "name": "i{at}x", "weight": {}{}}}"#,
                    at + 1,
                    rest.replace("N", &at.to_string())
                )
            })
            .collect();
        single(&format!(r#"{{"pools": [{{"rolls": 1, "entries": [{}]}}]}}"#, all.join(",")))
    };
    // More entries than a table may have go to tables inside it, with the same odds.
    for count in [64, 65, 200] {
        let imported = entries(count, "");
        assert_eq!(left(&imported), [""; 0]);
        let falls = ours(&program(&imported), "a", &BTreeMap::new(), 0);
        let sum = (count * (count + 1) / 2) as f64;
        assert_eq!(falls.len(), count);
        assert!((falls["i9x"].items - 10.0 / sum).abs() < 1e-12);
    }
    let drawing = r#", "conditions": [{"condition": "random_chance", "chance": 0.5}]"#;
    assert_eq!(left(&entries(ATOM_COUNT_MAX, drawing)), [""; 0]);
    assert_eq!(left(&entries(ATOM_COUNT_MAX + 1, drawing)), ["/pools/0"]);
    let asking = r#", "conditions": [{"condition": "askN"}]"#;
    assert_eq!(left(&entries(CASE_COUNT_MAX, asking)), [""; 0]);
    assert_eq!(left(&entries(CASE_COUNT_MAX + 1, asking)), ["/pools/0"]);
}

#[test]
fn documents_that_cannot_be_read_are_all_named() {
    let input = |id: &str, text: &str| Input {
        path: format!("{id}.json"),
        id: format!("minecraft:{id}"),
        text: text.to_owned(),
    };
    let error = loot_tables(
        &[input("a", "{\n  \"pools\": [\n}"), input("b", "nope"), input("c", "{}")],
        &target(),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "a.json:3:1: a value belongs here, not `}`\nb.json:1:1: `nope` is not a value of JSON"
    );
    let padded = |length: usize| {
        loot_tables(&[input("a", &format!("{{}}{}", " ".repeat(length - 2)))], &target())
    };
    assert!(padded(DOCUMENT_BYTES_MAX).is_ok());
    assert!(padded(DOCUMENT_BYTES_MAX + 1).unwrap_err().to_string().contains("limit 1048576"));
    let many = |count: usize| {
        let all: Vec<Input> = (0..count).map(|at| input(&at.to_string(), "{}")).collect();
        loot_tables(&all, &target())
    };
    assert!(many(DOCUMENT_COUNT_MAX).is_ok());
    assert_eq!(
        many(DOCUMENT_COUNT_MAX + 1),
        Err(ImportError::TooMany { actual: DOCUMENT_COUNT_MAX + 1 })
    );
    let big: Vec<Input> = (0..17).map(|at| input(&at.to_string(), &" ".repeat(1 << 20))).collect();
    assert!(matches!(loot_tables(&big, &target()), Err(ImportError::TooLarge { .. })));
    let twice = loot_tables(&[input("a", "{}"), input("a", "{}")], &target());
    assert!(matches!(twice, Err(ImportError::Twice { .. })));
    for (ruleset, context) in [("Bad", "a@1"), ("a", "a"), ("a", "a@x"), ("a", "A@1"), ("", "a@1")]
    {
        let target = Target { ruleset: ruleset.to_owned(), context: context.to_owned() };
        assert!(
            matches!(loot_tables(&[], &target), Err(ImportError::Name { .. })),
            "{ruleset} {context}"
        );
    }
}

#[test]
fn the_same_documents_give_the_same_files_in_any_order() {
    let one = realistic();
    let mut inputs: Vec<(&str, &str)> = vec![
        ("minecraft:gameplay/fishing/treasure", TREASURE),
        ("minecraft:gameplay/fishing/junk", JUNK),
        ("minecraft:gameplay/fishing", FISHING),
        ("minecraft:entities/ghoul", GHOUL),
        ("minecraft:chests/crypt", CRYPT),
    ];
    assert_eq!(import(&inputs), one);
    inputs.rotate_left(2);
    assert_eq!(import(&inputs), one);
}

#[test]
fn references_find_the_only_table_that_can_be_meant() {
    let on = |name: &str| {
        format!(
            r#"{{"pools": [{{"rolls": 1, "entries": [{{"type": "loot_table", "value": "{name}"}}]}}]}}"#
        )
    };
    let fate = |name: &str, ids: &[&str]| {
        let from = on(name);
        let gives = r#"{"pools": [{"rolls": 1, "entries": [{"type": "item", "name": "x"}]}]}"#;
        let mut files: Vec<(&str, &str)> = ids.iter().map(|id| (*id, gives)).collect();
        files.push(("minecraft:from", &from));
        let imported = import(&files);
        program(&imported);
        let mut items = imported.report.items.into_iter();
        items
            .find(|item| item.path == "from.json" && item.pointer.ends_with("/value"))
            .unwrap()
            .fate
    };
    assert_eq!(fate("junk", &["minecraft:junk"]), Fate::Carried);
    assert_eq!(fate("minecraft:junk", &["minecraft:junk", "hunt:junk"]), Fate::Carried);
    assert_eq!(fate("minecraft:fishing/junk", &["minecraft:junk"]), Fate::Adapted);
    assert_eq!(fate("hunt:junk", &["minecraft:fishing/junk"]), Fate::Adapted);
    assert_eq!(fate("junk", &["minecraft:a/junk", "minecraft:b/junk"]), Fate::LeftOut);
    assert_eq!(fate("junk", &["minecraft:bigjunk"]), Fate::LeftOut);
}
