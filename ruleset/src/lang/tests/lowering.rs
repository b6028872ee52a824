//! What comes out of sources without a mistake.

use super::{BASE, GAME, program, source};
use crate::ir::*;
use crate::rng::name_hash;

fn rule<'p>(program: &'p Program, name: &str) -> &'p RuleDef {
    let rules = program.fragments.iter().flat_map(|fragment| &fragment.rules);
    rules.into_iter().find(|rule| rule.name == name).expect("the rule")
}

#[test]
fn a_text_beside_an_instant_is_one_whatever_is_done_with_both() {
    let day = |when: &str| {
        let text = format!(
            "ruleset \"hunt\" {{\n  dialect = 1\n  context = \"hunt@1\"\n}}\n\
             trigger \"kill\" {{\n  fields = {{ born = instant, took = duration(\"0s\", \"2h\"), on = bool }}\n}}\n\
             rule \"r\" {{\n  on = kill\n  when = {when}\n  emit \"a\" {{}}\n}}\n"
        );
        rule(&program(&[source("a.rules.hcl", &text)]), "r").when.clone()
    };
    let first = "\"2026-01-01T00:00:00Z\"";
    let last = "\"2026-12-31T00:00:00Z\"";
    for (with, without) in [
        (
            format!("clamp(trigger.born, {first}, {last}) - \"1h\" > {first}"),
            format!("clamp(trigger.born, {first}, {last}) > \"2026-01-01T01:00:00Z\""),
        ),
        (format!("max({first}, trigger.born) - \"1h\" > {first}"), String::new()),
        (format!("min(trigger.born, max({first}, {last})) + \"1h\" < {last}"), String::new()),
        (format!("(trigger.on ? trigger.born : {first}) - \"1h\" > {first}"), String::new()),
        (format!("(trigger.on ? {first} : trigger.born) - \"1h\" > {first}"), String::new()),
        (format!("max(trigger.on ? {first} : {last}, trigger.born) > {first}"), String::new()),
        // Durations stay durations.
        ("max(trigger.took, \"1h\") - \"1m\" > \"90m\"".to_owned(), String::new()),
        ("min(\"3h\", \"1h\") - trigger.took > \"2m\"".to_owned(), String::new()),
        ("(trigger.on ? \"1h\" : \"2h\") - trigger.took > \"2m\"".to_owned(), String::new()),
    ] {
        let lowered = day(&with);
        assert!(!matches!(lowered, Expr::Const(_)), "{with}: {lowered:?}");
        if !without.is_empty() {
            assert_ne!(lowered, day(&without), "{with}");
        }
    }
}

#[test]
fn the_designs_example_becomes_a_program() {
    let program = program(&[source("game.rules.hcl", GAME)]);
    assert_eq!((program.ruleset.as_str(), program.context.as_str()), ("treasure_hunt", "hunt@3"));
    let names: Vec<&str> = program.fragments.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["game/boss_kill", "game/loot_claim", "game/timer.night_hunt"]);
    assert_eq!(program.params[0].value, 1_250_000);
    assert_eq!(program.params[1].value, 90_000);
    assert_eq!(program.params[2].slot, Slot { ty: Type::Enum(0), min: 0, max: 2 });
    assert_eq!(program.timers[0].duration_ms, 7_200_000);
    assert_eq!(program.timers[1].schedule, Schedule::Every { period_ms: 1_000 });
    assert_eq!(program.timers[1].missed, Missed::Fire);
    assert_eq!(program.counters[0].window_ms, 60_000);
    assert_eq!(program.symbols, ["double", "single", "crypt"]);
    assert_eq!(program.tables[1].entries[1].loot, Loot::Table(0));
    assert_eq!(program.tables[1].entries[1].count, (2, 2));

    let drop = rule(&program, "crypt_drop");
    let hash = name_hash("crypt_drop");
    let level =
        Box::new(Expr::Binary(BinaryOp::Ge, Box::new(Expr::Field(0)), Box::new(Expr::Const(10))));
    let crypt =
        Box::new(Expr::Binary(BinaryOp::Eq, Box::new(Expr::Field(1)), Box::new(Expr::Const(2))));
    let calm =
        Box::new(Expr::Binary(BinaryOp::Lt, Box::new(Expr::Rate(0)), Box::new(Expr::Const(5))));
    let veteran = Box::new(Expr::Binary(
        BinaryOp::And,
        Box::new(Expr::Binary(BinaryOp::And, level, crypt)),
        calm,
    ));
    let p = Box::new(Expr::Binary(
        BinaryOp::MulDecimal,
        Box::new(Expr::Const(50_000)),
        Box::new(Expr::Param(0)),
    ));
    let chance = Box::new(Expr::Chance { p, rule_hash: hash, draw: 0 });
    assert_eq!(drop.when, Expr::Binary(BinaryOp::And, veteran, chance));
    assert_eq!(drop.hash, hash);
    let loot = drop.outcomes[0].loot.as_ref().expect("loot");
    assert_eq!((loot.table, loot.draw_base), (1, 1));
    let two =
        Expr::Select(Box::new(Expr::Active(0)), Box::new(Expr::Const(2)), Box::new(Expr::Const(1)));
    assert_eq!(loot.count, two);

    let mask = &program.fragments[0].masks;
    assert_eq!(mask.len(), 1);
    assert_eq!(mask[0].table, 1);
    assert_eq!(mask[0].entries[..2], [Expr::Const(1), Expr::Const(1)]);
    assert_ne!(mask[0].entries[2], Expr::Const(1));

    let claim = rule(&program, "claim");
    let bases: Vec<u32> =
        claim.outcomes.iter().filter_map(|o| o.loot.as_ref()).map(|loot| loot.draw_base).collect();
    // One chance in the condition and one pick in the payload come first.
    assert_eq!(bases, [2, 2 + (1 << 28)]);
    let types: Vec<Type> = claim.outcomes[0].payload.iter().map(|value| value.ty).collect();
    use Type::*;
    assert_eq!(types, [Decimal, Decimal, Int, Symbol, Duration, Enum(0)]);
    assert_eq!(program.fragments[2].on, On::Timer(0));
    assert_eq!(rule(&program, "dragon_night").outcomes[0].audience, Audience::Cluster);
}

#[test]
fn a_condition_named_twice_has_one_value() {
    let text = r#"
condition "lucky" { when = chance(0.5) }
rule "r" {
  on   = kill
  when = condition.lucky && chance(0.5)
  emit "e" { twice = condition.lucky }
}
rule "s" {
  on   = kill
  when = condition.lucky
  emit "e" { }
}
"#;
    let program = program(&[source("base.rules.hcl", BASE), source("c.rules.hcl", text)]);
    let fragment = &program.fragments[0];
    let chance = |rule: &str, draw| Expr::Chance {
        p: Box::new(Expr::Const(500_000)),
        rule_hash: name_hash(rule),
        draw,
    };
    assert_eq!(
        fragment.rules[0].when,
        Expr::Binary(BinaryOp::And, Box::new(chance("r", 0)), Box::new(chance("r", 1)))
    );
    assert_eq!(fragment.rules[0].outcomes[0].payload[0].value, chance("r", 0));
    assert_eq!(fragment.rules[1].when, chance("s", 0));
}

#[test]
fn buckets_are_salted_by_the_declaration_that_holds_them() {
    let text = r#"
condition "cohort" { when = bucket(10) < 3 }
rule "r" {
  on   = kill
  when = condition.cohort
  emit "e" { own = bucket(4) }
}
"#;
    let program = program(&[source("base.rules.hcl", BASE), source("c.rules.hcl", text)]);
    let rule = &program.fragments[0].rules[0];
    let bucket = |n, name| Expr::Bucket { n: Box::new(Expr::Const(n)), salt: name_hash(name) };
    let cohort =
        Expr::Binary(BinaryOp::Lt, Box::new(bucket(10, "cohort")), Box::new(Expr::Const(3)));
    assert_eq!(rule.when, cohort);
    assert_eq!(rule.outcomes[0].payload[0].value, bucket(4, "r"));
}

#[test]
fn the_order_of_sources_does_not_matter() {
    let parts: Vec<&str> = GAME.split_inclusive("\n}\n").collect();
    let mut sources: Vec<_> = (parts.iter().enumerate())
        .map(|(index, part)| source(&format!("part_{:02}.rules.hcl", (index * 7) % 31), part))
        .collect();
    let first = program(&sources);
    for turn in 0..sources.len() {
        sources.rotate_left(1);
        if turn % 3 == 0 {
            sources.reverse();
        }
        assert_eq!(program(&sources), first);
    }
}

#[test]
fn whole_numbers_meet_decimals_exactly() {
    let text = r#"
rule "r" {
  on   = kill
  when = trigger.bonus > 1
  emit "e" {
    a = trigger.bonus * trigger.level
    b = trigger.bonus + trigger.level
    c = trigger.level / 2.5
    d = 0 - 7 / 2
    e = -7 % 3
    f = true && false
  }
}
"#;
    let program = program(&[source("base.rules.hcl", BASE), source("c.rules.hcl", text)]);
    let rule = &program.fragments[0].rules[0];
    let (level, bonus) = (|| Box::new(Expr::Field(0)), || Box::new(Expr::Field(2)));
    let one = || Box::new(Expr::Const(DECIMAL_ONE));
    assert_eq!(rule.when, Expr::Binary(BinaryOp::Gt, bonus(), one()));
    let values: Vec<&Expr> = rule.outcomes[0].payload.iter().map(|value| &value.value).collect();
    let wide = || Box::new(Expr::Binary(BinaryOp::Mul, level(), one()));
    assert_eq!(*values[0], Expr::Binary(BinaryOp::Mul, bonus(), level()));
    assert_eq!(*values[1], Expr::Binary(BinaryOp::Add, bonus(), wide()));
    let half = Box::new(Expr::Const(2_500_000));
    assert_eq!(*values[2], Expr::Binary(BinaryOp::DivDecimal, wide(), half));
    assert_eq!([values[3], values[4], values[5]], [-3, -1, 0].map(Expr::Const).each_ref());
}

#[test]
fn a_byte_order_mark_changes_nothing() {
    let marked = program(&[source("game.rules.hcl", &format!("\u{feff}{GAME}"))]);
    assert_eq!(marked, program(&[source("game.rules.hcl", GAME)]));
}

#[test]
fn draws_are_numbered_as_they_stand_there() {
    let text = "ruleset \"r\" {\n  dialect = 1\n  context = \"r@1\"\n}\ntrigger \"t\" { fields = { a = bool } }\n\
        rule \"r\" {\n  on = t\n  emit \"x\" { d = (chance(0.5) ? \"1s\" : \"2s\") * pick(1000) }\n}\n";
    let checked = super::check(&[source("a.rules.hcl", text)]);
    let program = checked.program.unwrap();
    let payload = &program.fragments[0].rules[0].outcomes[0].payload[0];
    let Expr::Binary(BinaryOp::Mul, left, right) = &payload.value else { panic!("{payload:?}") };
    let Expr::Select(asked, ..) = left.as_ref() else { panic!("{left:?}") };
    assert!(matches!(asked.as_ref(), Expr::Chance { draw: 0, .. }), "{asked:?}");
    assert!(matches!(right.as_ref(), Expr::Pick { draw: 1, .. }), "{right:?}");
}

#[test]
fn what_the_reference_says_of_the_order_of_draws_holds() {
    let text = r#"ruleset "r" {
  dialect = 1
  context = "r@1"
}
trigger "t" { fields = { took = duration("0s", "1h") } }
loot_table "lt" {
  entry "coin" { weight = 1 }
}
rule "counts" {
  on = t
  emit "x" {
    v     = pick(1000)
    table = lt
    count = pick(5)
  }
}
rule "texts" {
  on   = t
  when = (chance(0.5) ? "1h" : "2h") > trigger.took + pick(9) * "1ms"
  emit "y" {}
}
"#;
    let program = super::check(&[source("a.rules.hcl", text)]).program.unwrap();
    let counts = &rule(&program, "counts").outcomes[0];
    assert!(
        matches!(counts.loot.as_ref().unwrap().count, Expr::Pick { draw: 0, .. }),
        "{counts:?}"
    );
    assert!(matches!(counts.payload[0].value, Expr::Pick { draw: 1, .. }), "{counts:?}");
    let texts = format!("{:?}", rule(&program, "texts").when);
    let (chance, pick) = (texts.find("Chance").unwrap(), texts.find("Pick").unwrap());
    assert!(chance < pick, "{texts}");
    let drawn = |from: usize| texts[from..].split_once("draw: ").unwrap().1.as_bytes()[0];
    assert_eq!((drawn(chance), drawn(pick)), (b'1', b'0'), "{texts}");
}
