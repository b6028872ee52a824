//! What is told of things that got another name.

use super::{BASE, between, lines};

/// Everything that can be renamed, with a rule that uses it.
const THINGS: &str = r#"
param "gift" {
  type    = int
  default = 3
  range   = [0, 9]
  doc     = "what a claim gives"
}
enum "mood" { values = ["calm", "wild"] }
counter "gifts" {
  on     = claim
  per    = player
  window = "1h"
}
timer "noon" {
  every    = "1d"
  duration = "1h"
  jitter   = "5m"
}
condition "few" { when = rate(gifts) < 3 }
condition "half" { when = bucket(2) == 0 }
loot_table "sack" {
  entry "nut" { weight = 3 }
  entry "fig" { weight = 1 }
  pity "nut" { after = 4 }
  pity "fig" { after = 9 }
}
trigger "greet" { fields = { mood = mood } }
rule "hello" {
  on   = greet
  when = trigger.mood == "wild"
  emit "hello" { n = param.gift }
}
rule "give" {
  on   = claim
  when = condition.few && condition.half && active(noon)
  emit "gift" {
    table = sack
    count = 1
  }
}
"#;

fn told(from: &str, to: &str, sources: bool) -> Vec<String> {
    let plan = between(from, to, sources);
    lines(&plan).into_iter().filter(|line| line.contains("renamed")).collect()
}

#[test]
fn a_rename_of_any_kind_is_told_as_one() {
    let from = format!("{BASE}{THINGS}");
    for (kind, was, is, what) in [
        ("param", "gift", "present", "renamed"),
        ("counter", "gifts", "presents", "renamed"),
        ("timer", "noon", "midday", "renamed, draws anew"),
        ("condition", "few", "seldom", "renamed"),
        ("condition", "half", "side", "renamed, draws anew"),
        ("loot_table", "sack", "bag", "renamed"),
        ("enum", "mood", "temper", "renamed"),
        ("trigger", "greet", "meet", "renamed"),
        ("rule", "hello", "hi", "renamed"),
        ("rule", "give", "hand", "renamed, draws anew"),
    ] {
        let uses = [
            (format!("{kind} \"{was}\""), format!("{kind} \"{is}\"")),
            (format!("param.{was}"), format!("param.{is}")),
            (format!("condition.{was}"), format!("condition.{is}")),
            (format!("rate({was})"), format!("rate({is})")),
            (format!("active({was})"), format!("active({is})")),
            (format!("table = {was}\n"), format!("table = {is}\n")),
            (format!("on   = {was}\n"), format!("on   = {is}\n")),
            (format!("= {was} }}"), format!("= {is} }}")),
        ];
        let to = uses.iter().fold(THINGS.to_owned(), |text, (a, b)| text.replace(a, b));
        let to = format!("{BASE}{to}");
        let ends = [was, is].map(|name| format!("{kind} {name} | {what} | {was} → {is}"));
        let mut found = told(&from, &to, true);
        found.sort();
        let mut ends = ends.to_vec();
        ends.sort();
        assert_eq!(found, ends, "{kind} {was}");
    }
}

#[test]
fn what_is_not_sure_is_not_told() {
    let rule = |name: &str, level: u8| {
        format!(
            "rule \"{name}\" {{\n  on = claim\n  when = trigger.level > {level}\n  emit \"more\" {{ n = trigger.level }}\n}}\n"
        )
    };
    let with = |rules: &[String]| format!("{BASE}\n{}", rules.concat());
    let more = with(&[rule("more", 5)]);
    assert_eq!(told(&more, &with(&[rule("extra", 5)]), true).len(), 2);
    // Another condition is another rule, and of two that are alike each may be the one.
    for to in [with(&[rule("extra", 6)]), with(&[rule("extra", 5), rule("other", 5)]), with(&[])] {
        assert_eq!(told(&more, &to, true), [""; 0]);
    }
    // A bundle does not tell conditions.
    assert_eq!(told(&more, &with(&[rule("extra", 5)]), false), [""; 0]);
    assert_eq!(told(&more, &with(&[rule("extra", 90)]), false), [""; 0]);
    // The order of pities is their precedence.
    let (from, to) = (format!("{BASE}{THINGS}"), THINGS.replace("\"sack\"", "\"bag\""));
    let (nut, fig) = ("  pity \"nut\" { after = 4 }\n", "  pity \"fig\" { after = 9 }\n");
    let to = to.replace("table = sack", "table = bag");
    let swapped = to.replace(&format!("{nut}{fig}"), &format!("{fig}{nut}"));
    assert_ne!(swapped, to);
    assert_eq!(told(&from, &format!("{BASE}{to}"), true).len(), 2);
    assert_eq!(told(&from, &format!("{BASE}{swapped}"), true), [""; 0]);
}
