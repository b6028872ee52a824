//! The hash that generated code holds is the one that a game reads from the version it loads.

mod support;

use cairn_ruleset::codegen::{Language, generate, schema_hash};
use cairn_ruleset::contents::Contents;
use cairn_ruleset::lang::{self, Source};
use cairn_sdk::Version;
use support::{build, image_of};

const RULES: &str = r#"ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}

enum "zone" { values = ["meadow", "crypt"] }

trigger "kill" {
  fields = { level = int(1, 100), zone = zone }
}

param "bonus" {
  type    = int
  default = 3
  range   = [0, 9]
  unit    = "coins"
  doc     = "what a kill is worth"
}

rule "pay" {
  on   = kill
  when = trigger.level >= 10
  emit "credit" {
    coins = param.bonus
    where = trigger.zone
  }
}

rule "more" {
  on   = kill
  when = trigger.level >= 50
  emit "credit" { coins = param.bonus * 2 }
  broadcast "seen" { level = trigger.level }
}
"#;

/// The hash that `cairn codegen` writes for a source, and the one of the version that it builds.
fn hashes(text: &str) -> (String, String) {
    let checked = lang::check(&[Source { name: "hunt.rules.hcl".into(), text: text.into() }]);
    let program = checked.program.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let built = build(&program);
    let contents = Contents::of_sources(program, checked.outline, &built).unwrap();
    let generated = schema_hash(&contents).to_string();
    assert!(generate(&contents, Language::Rust).contains(&generated));
    (generated, Version::open(1, image_of(&built)).unwrap().schema_hash().to_string())
}

#[test]
fn a_game_sees_whether_its_generated_code_fits() {
    let (generated, loaded) = hashes(RULES);
    assert_eq!(generated, loaded);
    // Another value is another version of the same schema; another name is not.
    let retuned = hashes(&RULES.replace("default = 3", "default = 4"));
    assert_eq!(retuned, (generated.clone(), loaded));
    let renamed = hashes(&RULES.replace("coins = param.bonus * 2", "money = param.bonus * 2"));
    assert_eq!(renamed.0, renamed.1);
    assert_ne!(renamed.0, generated);
}
