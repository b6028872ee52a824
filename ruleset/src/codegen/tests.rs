//! What is generated is held in golden files. `tests/codegen.rs` compiles and runs it.

use super::{Language, generate, schema_hash};
use crate::contents::Contents;
use crate::plan::tests as plan_tests;

const RULES: &str = r#"
ruleset "hunt_two" {
  dialect = 1
  context = "hunt@1"
}
enum "zone" { values = ["meadow", "crypt", "type"] }
trigger "boss_kill" {
  fields = {
    level = int(1, 100)
    zone  = zone
    first = bool
    took  = duration("0s", "2h")
    share = decimal(-1.0, 1.0)
    type  = int(-9223372036854775807, 9223372036854775807)
  }
}
trigger "empty" { fields = {} }
param "drop_bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  unit    = "times"
  doc     = "multiplies */ the <chance> & \"more\""
}
param "where" {
  type    = zone
  default = "crypt"
}
param "on" {
  type    = bool
  default = true
}
counter "claims" {
  on     = empty
  per    = player
  window = "1m"
}
timer "night_hunt" {
  every    = "1d"
  duration = "2h"
}
rule "drop" {
  on   = boss_kill
  when = trigger.level >= 10 && trigger.zone == "crypt" && rate(claims) < 5 && active(night_hunt)
  emit "drop" {
    n     = trigger.level * 2
    where = trigger.zone
    first = trigger.first
    took  = trigger.took
    share = trigger.share
    mood  = "glad"
    draw  = pick(1000)
    mine  = bucket(1000)
    late  = since("2026-01-01T00:00:00Z") > "1d"
  }
}
rule "more" {
  on = boss_kill
  emit "drop" { n = 1 }
  broadcast "dragon.spawn" {}
}
"#;

fn contents() -> Contents {
    plan_tests::contents(RULES, true)
}

const ALL: [(Language, &str); 5] = [
    (Language::Rust, "rs"),
    (Language::TypeScript, "ts"),
    (Language::Go, "go"),
    (Language::CSharp, "cs"),
    (Language::Cpp, "hpp"),
];

#[test]
fn golden_files_are_what_is_generated() {
    for (language, suffix) in ALL {
        let made = generate(&contents(), language);
        assert_eq!(made, generate(&contents(), language), "{suffix}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("codegen_{suffix}"), made);
        });
    }
}

#[test]
fn the_hash_follows_names_and_types_and_nothing_else() {
    let hash = |text: &str| schema_hash(&plan_tests::contents(text, false));
    let base = hash(RULES);
    for (from, to, same) in [
        ("default = 1.25", "default = 1.5", true),
        ("trigger.level >= 10", "trigger.level >= 11", true),
        ("doc     = \"multiplies", "doc     = \"divides", true),
        ("every    = \"1d\"", "every    = \"2d\"", true),
        ("int(1, 100)", "int(1, 101)", false),
        ("\"meadow\"", "\"moor\"", false),
        ("broadcast \"dragon.spawn\"", "broadcast \"dragon.spawned\"", false),
        ("unit    = \"times\"", "unit    = \"per cent\"", false),
        ("n     = trigger.level * 2", "m     = trigger.level * 2", false),
    ] {
        assert_eq!(RULES.matches(from).count(), 1, "{from}");
        assert_eq!(hash(&RULES.replace(from, to)) == base, same, "{from}");
    }
}
