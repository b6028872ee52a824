//! What a change touches: parameters and weights leave code alone.

use std::collections::BTreeMap;

use cairn_ruleset::emit::{self, BuildError};
use cairn_ruleset::ir::{
    Audience, EntryDef, Expr, FieldDef, FragmentDef, Loot, LootDef, On, OnFault, OutcomeDef,
    OverrideDef, ParamDef, PayloadDef, Program, RuleDef, Slot, TableDef, TriggerDef, Type,
};
use cairn_ruleset::manifest::{FragmentKind, Provenance};
use cairn_ruleset::rng::name_hash;
use cairn_ruleset::scope::Scope;
use cairn_ruleset::{image, whitelist};

fn slot(min: i64, max: i64) -> Slot {
    Slot { ty: Type::Int, min, max }
}

fn rule(name: &str, payload: usize) -> RuleDef {
    let chance = Expr::Chance { p: Box::new(Expr::Param(0)), rule_hash: name_hash(name), draw: 0 };
    let loot = LootDef { table: 0, count: Expr::Const(1), draw_base: 1 };
    let values = (0..payload).map(|index| PayloadDef {
        name: format!("v{index}"),
        ty: Type::Int,
        value: Expr::Select(
            Box::new(chance.clone()),
            Box::new(Expr::Field(0)),
            Box::new(Expr::Const(index as i64 * 1_000_003)),
        ),
    });
    let outcome = OutcomeDef {
        name: "drop".into(),
        audience: Audience::Caller,
        loot: Some(loot),
        payload: values.collect(),
    };
    RuleDef {
        name: name.into(),
        hash: name_hash(name),
        when: chance,
        outcomes: vec![outcome],
        on_fault: OnFault::Skip,
    }
}

fn program(rules: Vec<RuleDef>) -> Program {
    let entry = EntryDef {
        name: "gold".into(),
        loot: Loot::Item("gold".into()),
        weight: 9,
        count: (1, 1),
        conditional: false,
        guaranteed: false,
    };
    Program {
        ruleset: "hunt".into(),
        dialect: 1,
        context: "hunt@1".into(),
        symbols: Vec::new(),
        enums: Vec::new(),
        params: vec![ParamDef {
            name: "p".into(),
            slot: slot(0, 1_000_000),
            value: 5,
            overrides: Vec::new(),
            unit: None,
            doc: String::new(),
        }],
        triggers: vec![TriggerDef {
            name: "kill".into(),
            fields: vec![FieldDef { name: "level".into(), slot: slot(1, 100) }],
        }],
        counters: Vec::new(),
        timers: Vec::new(),
        tables: vec![TableDef {
            name: "rare".into(),
            entries: vec![entry],
            rolls: (1, 1),
            pities: Vec::new(),
        }],
        fragments: vec![FragmentDef {
            name: "f/kill".into(),
            on: On::Trigger(0),
            rules,
            masks: Vec::new(),
        }],
    }
}

fn digests(program: &Program) -> BTreeMap<FragmentKind, cairn_merkle::Digest> {
    let built = emit::bundle(program, "1.0.0", Provenance::default()).unwrap();
    built.manifest.fragments.iter().map(|entry| (entry.kind, entry.digest)).collect()
}

fn changed(change: impl FnOnce(&mut Program)) -> Vec<FragmentKind> {
    let mut program = program(vec![rule("a", 1)]);
    let before = digests(&program);
    change(&mut program);
    let after = digests(&program);
    before.into_iter().filter(|(kind, old)| after[kind] != *old).map(|(kind, _)| kind).collect()
}

#[test]
fn a_change_touches_only_its_part() {
    assert_eq!(changed(|_| {}), []);
    assert_eq!(changed(|p| p.params[0].value = 6), [FragmentKind::Params]);
    let place = |zone| Scope::new(Some(zone), None).unwrap();
    let over = |value| vec![OverrideDef { scope: place("eu"), value }];
    assert_eq!(changed(|p| p.params[0].overrides = over(6)), [FragmentKind::Params]);
    assert_eq!(changed(|p| p.tables[0].entries[0].weight = 10), [FragmentKind::Loot]);
    assert_eq!(changed(|p| p.params[0].doc = "new".into()), [FragmentKind::Schema]);
    assert_eq!(changed(|p| p.fragments[0].rules[0].when = Expr::Const(1)), [FragmentKind::Code]);
}

#[test]
fn a_bundle_makes_an_image() {
    let program = program(vec![rule("a", 3), rule("b", 0)]);
    let built = emit::bundle(&program, "1.2.3", Provenance::default()).unwrap();
    let bytes = image::build(&built.manifest, &|d| built.blobs.get(d).cloned()).unwrap();
    let image = image::Image::open(bytes).unwrap();
    assert_eq!(image.version(), "1.2.3");
    let fragment = image.fragment(0).unwrap();
    assert_eq!((fragment.name, fragment.on), ("f/kill", On::Trigger(0)));
    assert_eq!(whitelist::prove(fragment.wasm).unwrap(), fragment.meta().unwrap());
}

#[test]
fn an_oversized_fragment_is_named() {
    let rules = (0..80).map(|index| rule(&format!("rule_{index}"), 12)).collect();
    let error = emit::bundle(&program(rules), "1.0.0", Provenance::default()).unwrap_err();
    let BuildError::FragmentTooLarge { name, rules: 80, actual_bytes } = &error else {
        panic!("{error}")
    };
    assert_eq!(name, "f/kill");
    assert!(*actual_bytes > 65_536);
    assert!(error.to_string().contains("another file"), "{error}");
}

#[test]
fn a_bad_version_is_refused() {
    let error = emit::bundle(&program(Vec::new()), "one", Provenance::default()).unwrap_err();
    assert!(matches!(error, BuildError::Bundle(_)), "{error}");
}
