//! Every rule, in the direction in which it breaks and in the one in which it does not.

use super::{RULES, compare};
use crate::contents::Contents;
use crate::plan;

fn contents(text: &str) -> Contents {
    plan::tests::contents(text, false)
}

const HEAD: &str = r#"
ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
enum "zone" { values = ["meadow", "crypt"] }
enum "mood" { values = ["glad", "sad"] }
trigger "kill" { fields = { level = int(1, 100), zone = zone } }
trigger "claim" { fields = { level = int(1, 100) } }
param "bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  unit    = "times"
}
param "cap" {
  type    = int
  default = 5
  range   = [0, 10]
}
counter "kills" {
  on     = kill
  per    = player
  window = "1m"
}
counter "claims" {
  on     = claim
  per    = player
  window = "1m"
}
timer "night" { every = "1h" }
timer "day" { every = "2h" }
loot_table "rare" {
  entry "gold"  { weight = 1 }
  entry "crown" { weight = 1 }
  pity "crown" { after = 9 }
}
rule "drop" {
  on = kill
  emit "drop" {
    table = rare
    bonus = 1.5
    where = trigger.zone
  }
}
rule "drop_too" {
  on = claim
  emit "drop" {
    table = rare
    bonus = 2.5
  }
  broadcast "spawn" { hp = 5 }
}
"#;

#[test]
fn every_rule_finds_its_break_and_nothing_else() {
    // What is replaced, by what, what that breaks, what the way back breaks.
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        // Whoever reads the parameter expects its range, wherever that is.
        (
            "  range   = [0, 10]\n",
            "  range   = [0, 10]\n  override {\n    zone  = \"eu\"\n    value = 10\n  }\n",
            &[],
            &[],
        ),
        ("ruleset \"hunt\"", "ruleset \"chase\"", &["ruleset-renamed"], &["ruleset-renamed"]),
        ("enum \"mood\" { values = [\"glad\", \"sad\"] }\n", "", &["enum-removed"], &[]),
        ("\"glad\", \"sad\"", "\"glad\"", &["enum-value-removed"], &[]),
        (
            "\"glad\", \"sad\"",
            "\"sad\", \"glad\"",
            &["enum-value-moved", "enum-value-moved"],
            &["enum-value-moved", "enum-value-moved"],
        ),
        ("\"glad\", \"sad\"", "\"glad\", \"sad\", \"mad\"", &[], &["enum-value-removed"]),
        (
            "level = int(1, 100), zone = zone",
            "level = int(1, 100), zone = zone, party = int(1, 5)",
            &["field-added"],
            &["field-removed"],
        ),
        (
            "level = int(1, 100), zone = zone",
            "zone = zone, level = int(1, 100)",
            &["field-moved", "field-moved"],
            &["field-moved", "field-moved"],
        ),
        ("int(1, 100), zone", "int(1, 90), zone", &["field-range-narrowed"], &[]),
        (
            "int(1, 100), zone",
            "int(2, 101), zone",
            &["field-range-narrowed"],
            &["field-range-narrowed"],
        ),
        (
            "int(1, 100), zone",
            "decimal(1.0, 100.0), zone",
            &["field-type-changed"],
            &["field-type-changed"],
        ),
        (
            "zone = zone",
            "zone = mood",
            &["field-type-changed", "payload-type-changed"],
            &["field-type-changed", "payload-type-changed"],
        ),
        (
            "trigger \"kill\"",
            "trigger \"nothing\" { fields = {} }\ntrigger \"kill\"",
            &["trigger-moved", "trigger-moved"],
            &["trigger-moved", "trigger-moved", "trigger-removed"],
        ),
        (
            "type    = decimal\n  default = 1.25\n  range   = [0.0, 5.0]",
            "type    = int\n  default = 1\n  range   = [0, 5]",
            &["param-type-changed"],
            &["param-type-changed"],
        ),
        ("[0, 10]", "[0, 9]", &["param-range-narrowed"], &[]),
        (
            "unit    = \"times\"",
            "unit    = \"per cent\"",
            &["param-unit-changed"],
            &["param-unit-changed"],
        ),
        ("param \"cap\"", "param \"lid\"", &["param-removed"], &["param-removed"]),
        ("default = 5", "default = 6", &[], &[]),
        (
            "on     = claim",
            "on     = kill",
            &["counter-trigger-changed"],
            &["counter-trigger-changed"],
        ),
        ("counter \"kills\"", "counter \"hits\"", &["counter-removed"], &["counter-removed"]),
        (
            "counter \"kills\"",
            "counter \"first\" {\n  on = kill\n  per = player\n  window = \"1m\"\n}\ncounter \"kills\"",
            &["counter-moved", "counter-moved"],
            &["counter-moved", "counter-moved", "counter-removed"],
        ),
        (
            "on     = claim\n  per    = player\n  window = \"1m\"",
            "on     = claim\n  per    = player\n  window = \"2m\"",
            &["counter-window-changed"],
            &["counter-window-changed"],
        ),
        ("hunt@1", "hunt@2", &[], &["context-lowered"]),
        ("hunt@1", "raid@1", &["context-renamed"], &["context-renamed"]),
        ("  pity \"crown\" { after = 9 }\n", "", &["pity-removed"], &[]),
        ("after = 9", "after = 4", &[], &[]),
        ("timer \"day\" { every = \"2h\" }\n", "", &["timer-removed"], &[]),
        (
            "timer \"night\"",
            "timer \"dawn\" { every = \"3h\" }\ntimer \"night\"",
            &["timer-moved", "timer-moved"],
            &["timer-moved", "timer-moved", "timer-removed"],
        ),
        (
            "broadcast \"spawn\"",
            "broadcast \"spawned\"",
            &["outcome-removed"],
            &["outcome-removed"],
        ),
        ("hp = 5 ", "hp = 5.5 ", &["payload-type-changed"], &["payload-type-changed"]),
        ("hp = 5 ", "hp = 6 ", &[], &[]),
        ("hp = 5 ", "\n    hp = 5\n    at = trigger.level\n  ", &[], &["payload-field-removed"]),
        ("    where = trigger.zone\n", "", &["payload-field-removed"], &[]),
        ("    bonus = 2.5\n", "", &["payload-field-optional"], &[]),
        ("    table = rare\n    bonus = 2.5", "    bonus = 2.5", &["loot-removed"], &[]),
        ("every = \"2h\"", "every = \"3h\"", &[], &[]),
        // An item under another name; an entry under another name; an item that comes or goes.
        (
            "entry \"gold\"  { weight = 1 }",
            "entry \"coin\" { weight = 1 }",
            &["item-renamed"],
            &["item-renamed"],
        ),
        (
            "entry \"gold\"  { weight = 1 }",
            "entry \"coin\" {\n    weight = 1\n    item   = \"gold\"\n  }",
            &[],
            &[],
        ),
        ("entry \"gold\"  { weight = 1 }", "entry \"coin\" { weight = 2 }", &[], &[]),
        (
            "entry \"gold\"  { weight = 1 }",
            "entry \"coin\" { weight = 1 }\n  entry \"gem\" { weight = 1 }",
            &[],
            &[],
        ),
    ];
    let mut seen: Vec<&str> = Vec::new();
    for (from, to, forth, back) in cases {
        assert_eq!(HEAD.matches(from).count(), 1, "{from}");
        let (old, new) = (contents(HEAD), contents(&HEAD.replace(from, to)));
        for (a, b, expected) in [(&old, &new, forth), (&new, &old, back)] {
            let findings = compare(a, b);
            let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule).collect();
            rules.sort_unstable();
            assert_eq!(&rules, expected, "{from:?} → {to:?}: {findings:#?}");
            for finding in &findings {
                assert!(!finding.why.is_empty() && !finding.instead.is_empty());
                seen.push(finding.rule);
            }
        }
    }
    // One trigger that goes altogether, with what hangs on it.
    let without = HEAD
        .replace("trigger \"claim\" { fields = { level = int(1, 100) } }\n", "")
        .replace("on     = claim", "on     = kill")
        .replace("on = claim", "on = kill");
    seen.extend(compare(&contents(HEAD), &contents(&without)).iter().map(|f| f.rule));
    let mut newer = contents(HEAD);
    newer.schema.dialect += 1;
    seen.extend(compare(&contents(HEAD), &newer).iter().map(|finding| finding.rule));
    assert_eq!(compare(&newer, &contents(HEAD)), []);
    for (rule, _) in RULES {
        assert!(seen.contains(&rule), "no case for {rule}");
    }
    assert!(RULES.is_sorted());
    for rule in seen {
        assert!(RULES.iter().any(|(known, _)| *known == rule), "{rule} is not listed");
    }
}

/// What `instead` says is done, so it must break nothing itself.
#[test]
fn a_trigger_beside_the_old_one_breaks_nothing_and_the_version_excuses_nothing() {
    let field = ("zone = zone } }", "zone = zone, party = int(1, 5) } }");
    let raised = HEAD.replace("hunt@1", "hunt@2");
    let found = compare(&contents(HEAD), &contents(&raised.replace(field.0, field.1)));
    let [found] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(found.rule, "field-added");
    assert!(found.why.contains("whatever the version of the context"), "{found:#?}");
    assert!(found.instead.contains("declare another trigger after the old ones"), "{found:#?}");
    let beside = format!(
        "{raised}trigger \"kill_by\" {{ fields = {{ level = int(1, 100), zone = zone, party = int(1, 5) }} }}\n\
         rule \"by\" {{\n  on = kill_by\n  emit \"by\" {{}}\n}}\n"
    );
    assert_eq!(compare(&contents(HEAD), &contents(&beside)), []);
    // A field at the end is one that is added: where it stands is no way out.
    let moved = HEAD
        .replace("{ level = int(1, 100), zone = zone }", "{ zone = zone, level = int(1, 100) }");
    for found in compare(&contents(HEAD), &contents(&moved)) {
        assert!(!found.instead.contains("at the end"), "{found:#?}");
    }
}

#[test]
fn nothing_breaks_between_equal_versions() {
    assert_eq!(compare(&contents(HEAD), &contents(HEAD)), []);
}
