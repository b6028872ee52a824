//! Plans of small edits to one rule set, with each witness run again on both versions.

mod loot;
mod renames;
mod sameness;
mod witnesses;

use super::*;
use crate::emit;
use crate::lang::{self, Source};
use crate::manifest::Provenance;

const BASE: &str = r#"
ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
enum "zone" { values = ["meadow", "forest", "crypt"] }
trigger "boss_kill" {
  fields = { level = int(1, 100), zone = zone, party = int(1, 5), took = duration("0s", "2h"), gold = decimal(0.0, 1000.0), born = instant }
}
trigger "claim" { fields = { level = int(1, 100) } }
param "drop_bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  unit    = "times"
  doc     = "multiplies the chance of a crypt drop"
}
counter "claims" {
  on     = claim
  per    = player
  window = "1m"
}
timer "night_hunt" {
  cron     = "0 20 * * FRI"
  zone     = "Europe/Paris"
  duration = "2h"
}
condition "veteran" { when = trigger.level >= 10 && trigger.zone == "crypt" && rate(claims) < 5 }
loot_table "crypt_rare" {
  entry "gold_pile" { weight = 980 }
  entry "sword" { weight = 20 }
  entry "crown" {
    weight = 5
    when   = trigger.level >= 40
  }
}
rule "crypt_drop" {
  on   = boss_kill
  when = condition.veteran && chance(0.05 * param.drop_bonus)
  emit "drop" {
    table = crypt_rare
    count = active(night_hunt) ? 2 : 1
    bonus = param.drop_bonus
    mood  = "glad"
  }
}
rule "group" {
  on   = boss_kill
  when = bucket(100) < 20 && since(trigger.born) > "1d"
  emit "look" { colour = trigger.level * trigger.party > 200 ? "gold" : "grey" }
}
rule "dragon" {
  on = timer.night_hunt
  broadcast "dragon.spawn" { hp = 500 }
}
"#;

/// 2026-12-01, a Tuesday.
const AT: i64 = 1_796_083_200_000;

pub(crate) fn contents(text: &str, sources: bool) -> Contents {
    let source = Source { name: "hunt.rules.hcl".to_owned(), text: text.to_owned() };
    let checked = lang::check(&[source]);
    let program = checked.program.unwrap_or_else(|| panic!("{:#?}\n{text}", checked.diagnostics));
    let built = emit::bundle(&program, "1.0.0", Provenance::default()).unwrap();
    match sources {
        true => Contents::of_sources(program, checked.outline, &built).unwrap(),
        false => Contents::of_bundle(&built.manifest, &built.blobs).unwrap(),
    }
}

/// Stands in for the SDK's evaluator, which this crate cannot see: bundles are opened without their
/// sources, and run by the interpreter of a program that was compiled again.
struct Hidden(Contents);

impl Machine for Hidden {
    fn run(&mut self, fragment: usize, context: &[u8]) -> Result<Vec<i64>, String> {
        Interpreted(&self.0).run(fragment, context)
    }
}

fn between(old: &str, new: &str, sources: bool) -> Plan {
    let (before, after) = (contents(old, sources), contents(new, sources));
    let (mut a, mut b) = (Hidden(contents(old, true)), Hidden(contents(new, true)));
    plan(
        Version { contents: &before, machine: &mut a },
        Version { contents: &after, machine: &mut b },
        AT,
    )
}

fn edited(from: &str, to: &str) -> String {
    assert_eq!(BASE.matches(from).count(), 1, "{from}");
    BASE.replace(from, to)
}

/// One line per detail, as the command line shows it without its layout.
fn lines(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &plan.changes {
        for detail in &change.details {
            let old = detail.old.as_deref().unwrap_or("-");
            let new = detail.new.as_deref().unwrap_or("-");
            let kind = change.kind.word();
            lines.push(format!("{kind} {} | {} | {old} → {new}", change.name, detail.what));
        }
    }
    lines
}

#[track_caller]
fn says(from: &str, to: &str, expected: &[&str]) -> Plan {
    let plan = between(BASE, &edited(from, to), true);
    let lines = lines(&plan);
    for line in expected {
        assert!(lines.iter().any(|known| known == line), "no {line:?} in {lines:#?}");
    }
    plan
}

fn told(old: &str, new: &str) -> Vec<String> {
    lines(&between(old, new, true))
}

#[test]
fn layout_comments_and_order_have_no_meaning() {
    let moved = BASE.replace("trigger.level >= 10 && ", "(trigger.level >= 10) /* old */\n && ");
    assert_ne!(moved, BASE);
    let moved = moved.replace("when = condition", "when =\tcondition");
    // The error of a stray newline outside brackets would show here.
    let moved = moved.replace(
        "(trigger.level >= 10) /* old */\n && trigger.zone == \"crypt\" && rate(claims) < 5",
        "((trigger.level >= 10) # old\n && trigger.zone == \"crypt\" && rate(claims) < 5)",
    );
    for sources in [true, false] {
        let plan = between(BASE, &moved, sources);
        assert_eq!(plan.changes, [], "{sources}");
        assert_eq!(plan.summary(), "Plan: no change in meaning");
    }
    // A parameter in front moves every index behind names and nothing else.
    let shifted = edited(
        "param \"drop_bonus\"",
        "param \"another\" { \n type = int\n default = 1\n range = [0, 2]\n}\nparam \"drop_bonus\"",
    );
    let plan = between(BASE, &shifted, true);
    assert_eq!(plan.summary(), "Plan: 0 changed, 1 added, 0 removed");
}

#[test]
fn parameters_counters_and_enums_in_words() {
    says("default = 1.25", "default = 1.5", &["param drop_bonus |  | 1.25 → 1.5 times"]);
    says("window = \"1m\"", "window = \"90s\"", &["counter claims | window | 1m → 1m30s"]);
    let plan = says(
        "[\"meadow\", \"forest\", \"crypt\"]",
        "[\"meadow\", \"moor\", \"crypt\"]",
        &["enum zone | value | forest → -", "enum zone | value | - → moor"],
    );
    assert_eq!(plan.changes[0].breaks, ["the value forest is gone"]);
    assert!(plan.summary().ends_with("; 1 breaking"), "{}", plan.summary());
    let plan = says(
        "level = int(1, 100), zone",
        "level = int(1, 90), zone",
        &["trigger boss_kill | field level | int(1, 100) → int(1, 90)"],
    );
    assert_eq!(plan.changes[0].breaks.len(), 1);
}

#[test]
fn overrides_are_told_by_place() {
    let with = |overrides: &str| {
        BASE.replace("  unit    = \"times\"\n", &format!("  unit    = \"times\"\n{overrides}"))
    };
    let at = |place: &str, value: &str| {
        format!("  override {{\n    {place}\n    value = {value}\n  }}\n")
    };
    let told = |old: &str, new: &str| {
        let plan = between(&with(old), &with(new), true);
        let [change] = &plan.changes[..] else { panic!("{plan:?}") };
        assert_eq!((change.kind, change.name.as_str()), (Kind::Parameter, "drop_bonus"));
        assert_eq!((change.action, &change.breaks[..]), (Action::Changed, &[][..]));
        assert_eq!(change.decision, None, "no rule was written otherwise");
        let shown = change.details.iter().map(|detail| {
            let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
            format!("{}: {} → {}", detail.what, side(&detail.old), side(&detail.new))
        });
        shown.collect::<Vec<_>>()
    };
    let (zone, shard) = ("zone = \"eu-west\"", "shard = \"7\"");
    let both = "zone = \"eu-west\"\n    shard = \"7\"";
    assert_eq!(told(&at(zone, "1.5"), &at(zone, "2.0")), ["in zone eu-west: 1.5 → 2 times"]);
    assert_eq!(told("", &at(shard, "2.0")), ["in shard 7: - → 2 times"]);
    assert_eq!(told(&at(both, "2.0"), ""), ["in shard 7 of zone eu-west: 2 times → -"]);
    let (old, new) = (at(zone, "1.5") + &at(shard, "3.0"), at(shard, "2.5") + &at(zone, "1.75"));
    assert_eq!(
        told(&old, &new),
        ["in shard 7: 3 → 2.5 times", "in zone eu-west: 1.5 → 1.75 times"]
    );
    let (old, new) = (at(zone, "1.5") + &at(shard, "3.0"), at(shard, "3.0") + &at(zone, "1.5"));
    assert_eq!(between(&with(&old), &with(&new), true).changes, [], "the order says nothing");
}

#[test]
fn timers_are_told_with_their_next_instants() {
    says(
        "0 20 * * FRI",
        "30 20 * * SAT",
        &[
            "timer night_hunt | schedule | 0 20 * * FRI Europe/Paris → 30 20 * * SAT Europe/Paris",
            // On the clock of the timer's zone.
            "timer night_hunt | next | Fri 2026-12-04 20:00 +01:00, Fri 2026-12-11 20:00 +01:00, \
             Fri 2026-12-18 20:00 +01:00 → Sat 2026-12-05 20:30 +01:00, Sat 2026-12-12 20:30 +01:00, \
             Sat 2026-12-19 20:30 +01:00",
        ],
    );
}

#[test]
fn times_are_written_as_rules_write_them() {
    let noon = "\"2026-12-24T12:00:00.000Z\"";
    let eve = "\"2026-11-24T12:00:00.000Z\"";
    let rule = |value: &str| {
        format!(
            "{BASE}\nparam \"lead\" {{\n  type    = duration\n  default = \"1h\"\n  \
             range   = [\"1h\", \"9h\"]\n}}\nrule \"late\" {{\n  on = boss_kill\n  \
             emit \"late\" {{ v = {value} }}\n}}\n"
        )
    };
    let before = rule("trigger.level > 5");
    for value in [
        "since(trigger.born) > \"2d\"".to_owned(),
        "since(\"1d\" + trigger.born) > \"2d\"".to_owned(),
        "since(trigger.born) / \"1h\" > 3".to_owned(),
        "since(trigger.born) / 2 > \"3h\"".to_owned(),
        format!("since({noon}) > \"2d\""),
        format!("since({noon} - param.lead) > \"2d\""),
        format!("since(param.lead + {noon}) > \"2d\""),
        format!("since({noon} + param.lead) > \"1d\""),
        format!("since(max({noon} + param.lead, {eve})) > \"1d\""),
        format!("trigger.born - {noon} > \"1d\""),
        format!("trigger.born - {noon} > param.lead"),
        format!("trigger.born - {noon} + \"1d\" > param.lead"),
        format!("{noon} - trigger.born - param.lead > \"2d\""),
        format!("trigger.born + param.lead - \"1h\" > {noon}"),
        format!("trigger.born > {noon} + param.lead"),
        format!("trigger.born - ({noon} + param.lead) > \"1d\""),
        format!("{noon} + param.lead < trigger.born"),
        format!("{noon} - param.lead < trigger.born"),
        format!("param.lead + {noon} == trigger.born"),
        "param.lead + \"1d\" > \"1d2h\"".to_owned(),
        format!("(trigger.level > 3 ? {noon} : {eve}) + param.lead < trigger.born"),
        format!("max({eve} + param.lead, trigger.born) > {noon}"),
    ] {
        let lines = lines(&between(&before, &rule(&value), true)).join("\n");
        assert!(lines.contains(&format!(" → {value}")), "{value}\n{lines}");
    }
}

#[test]
fn added_and_removed_things_are_named_in_full() {
    let more = format!(
        "{BASE}\nrule \"more\" {{\n  on = claim\n  emit \"more\" {{ n = trigger.level }}\n}}\n"
    );
    let plan = between(BASE, &more, true);
    assert_eq!(
        lines(&plan),
        [
            "rule more | on | - → claim",
            "rule more | when | - → always",
            "rule more | emit more | - → n = trigger.level",
        ]
    );
    assert_eq!(between(&more, BASE, true).count(Action::Removed), 1);
    assert_eq!(between(&more, BASE, false).count(Action::Removed), 1);
}

#[test]
fn an_enum_that_was_reordered_is_matched_by_name() {
    let new = edited("[\"meadow\", \"forest\", \"crypt\"]", "[\"crypt\", \"meadow\", \"forest\"]");
    let plan = between(BASE, &new, true);
    let kinds: Vec<Kind> = plan.changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [Kind::Enum], "no rule means anything else");
    assert_eq!(plan.changes[0].breaks.len(), 3);
}

#[test]
fn a_field_of_another_type_is_not_compared() {
    let new = edited("party = int(1, 5)", "party = decimal(1.0, 5.0)")
        .replace("trigger.level * trigger.party > 200", "trigger.party * 1.5 > 2.0");
    let plan = between(BASE, &new, true);
    let group = plan.changes.iter().find(|change| change.name == "group").unwrap();
    assert_eq!(
        group.decision,
        Some(Decision::NotCompared { reason: "no value of party suits both versions".to_owned() })
    );
}

/// Everything that may stand in a rule set and is no rule.
const WHOLE: &str = r#"
ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
trigger "kill" {
  fields = { level = int(1, 100) }
}
param "bonus" {
  type    = int
  default = 1
  range   = [0, 9]
  doc     = "more of it"
}
counter "kills" {
  on     = kill
  per    = player
  window = "1m"
}
timer "night" {
  cron     = "0 20 * * FRI"
  zone     = "Europe/Paris"
  duration = "2h"
  missed   = "fire"
  jitter   = "5m"
  except   = ["2026-12-04"]
}
condition "veteran" { when = trigger.level >= 10 }
loot_table "gems" {
  entry "ruby" { weight = 1 }
  entry "opal" { weight = 3 }
}
loot_table "chest" {
  rolls = [2, 3]
  entry "token" { guaranteed = true }
  entry "gold" {
    weight = 900
    count  = [10, 50]
  }
  entry "pouch" {
    weight = 80
    table  = gems
  }
  entry "crown" {
    weight = 20
    when   = trigger.level >= 40
  }
  pity "crown" {
    after     = 20
    soft_from = 10
    soft_step = 10
  }
  pity "pouch" { after = 6 }
}
rule "drop" {
  on       = kill
  when     = condition.veteran && rate(kills) < 5 && !active(night) && param.bonus < 9
  on_fault = "fail"
  emit "drop" {
    table = chest
    count = 2
    level = trigger.level
  }
}
"#;

#[test]
fn every_aspect_of_every_block_is_told() {
    for (from, to, expected) in [
        (
            "context = \"hunt@1\"",
            "context = \"hunt@2\"",
            "ruleset hunt | context | hunt@1 → hunt@2",
        ),
        ("range   = [0, 9]", "range   = [0, 10]", "param bonus | type | int(0, 9) → int(0, 10)"),
        ("\"more of it\"", "\"less of it\"", "param bonus | doc | \"more of it\" → \"less of it\""),
        ("doc     =", "unit    = \"times\"\n  doc     =", "param bonus | unit | none → times"),
        ("window = \"1m\"", "window = \"2m\"", "counter kills | window | 1m → 2m"),
        ("duration = \"2h\"", "duration = \"3h\"", "timer night | duration | 2h → 3h"),
        ("\"fire\"", "\"skip\"", "timer night | missed | fire → skip"),
        ("jitter   = \"5m\"", "jitter   = \"6m\"", "timer night | jitter | 5m → 6m"),
        (
            "\"2026-12-04\"",
            "\"2026-12-05..2026-12-11\"",
            "timer night | exceptions | 2026-12-04 (Europe/Paris) → 2026-12-05..2026-12-11 (Europe/Paris)",
        ),
        ("rolls = [2, 3]", "rolls = 2", "loot_table chest | draws | 2 to 3 → 2"),
        ("guaranteed = true", "weight = 1000", "loot_table chest | token | guaranteed → 50.0 %"),
        ("count  = [10, 50]", "count  = 10", "loot_table chest | gold count | 10 to 50 → 10"),
        (
            "table  = gems",
            "item   = \"bag\"",
            "loot_table chest | pouch gives | loot_table gems → bag",
        ),
        (
            "after     = 20",
            "after     = 19",
            "loot_table chest | crown pity | after 20 misses, from 10 on 10 heavier each → after 19 misses, from 10 on 10 heavier each",
        ),
        (
            "pity \"pouch\" { after = 6 }",
            "",
            "loot_table chest | pouch pity | after 6 misses → none",
        ),
        ("\"fail\"", "\"skip\"", "rule drop | on_fault | fail → skip"),
        ("count = 2", "count = 3", "rule drop | emit drop: count | 2 → 3"),
        ("level = trigger", "depth = trigger", "rule drop | emit drop: level | trigger.level → -"),
        (
            "condition \"veteran\" { when = trigger.level >= 10 }",
            "condition \"veteran\" {\n  when       = trigger.level >= 10\n  deprecated = \"gone soon\"\n}",
            "condition veteran | deprecated | - → gone soon",
        ),
        (
            "  doc     =",
            "  deprecated = \"gone soon\"\n  doc     =",
            "param bonus | deprecated | - → gone soon",
        ),
    ] {
        assert_eq!(WHOLE.matches(from).count(), 1, "{from}");
        let new = WHOLE.replace(from, to);
        let told = lines(&between(WHOLE, &new, true));
        assert!(told.iter().any(|line| line == expected), "no {expected:?} in {told:#?}");
        assert_eq!(between(&new, &new, true).changes, []);
    }
}

#[test]
fn pities_follow_the_weights_beside_them() {
    let doubled = WHOLE
        .replace("weight = 900", "weight = 1800")
        .replace("weight = 80", "weight = 160")
        .replace("weight = 20", "weight = 40");
    // The odds are as before; what the pity adds to them counts half as much.
    let line = "loot_table chest | crown pity | after 20 misses, from 10 on 10 heavier each (1.0 % \
                of all weights) → after 20 misses, from 10 on 10 heavier each (0.5 % of all weights)";
    let found = told(WHOLE, &doubled);
    assert!(found.iter().any(|known| known == line), "{found:#?}");
    let grown = doubled.replace("soft_step = 10", "soft_step = 20");
    assert_eq!(between(WHOLE, &grown, true).changes, []);
    let soft =
        "  pity \"crown\" {\n    after     = 20\n    soft_from = 10\n    soft_step = 10\n  }\n";
    let hard = "  pity \"pouch\" { after = 6 }\n";
    let swapped = WHOLE.replace(&format!("{soft}{hard}"), &format!("{hard}{soft}"));
    assert_ne!(swapped, WHOLE);
    let line = "loot_table chest | order of pities | crown, pouch → pouch, crown";
    let found = told(WHOLE, &swapped);
    assert!(found.iter().any(|known| known == line), "{found:#?}");
}

#[test]
fn what_is_new_is_told_whole() {
    let bare = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\n";
    let plan = between(bare, WHOLE, true);
    let told = lines(&plan);
    for line in [
        "timer night | duration | - → 2h",
        "timer night | missed | - → fire",
        "timer night | jitter | - → 5m",
        "timer night | exceptions | - → 2026-12-04 (Europe/Paris)",
        "loot_table chest | draws | - → 2 to 3",
        "loot_table chest | token | - → guaranteed",
        "loot_table chest | pouch per draw | - → 8.0 % loot_table gems, at the latest after 6 misses",
    ] {
        assert!(told.iter().any(|known| known == line), "no {line:?} in {told:#?}");
    }
    assert_eq!(plan.count(Action::Added), plan.changes.len());
    assert_eq!(between(WHOLE, bare, true).count(Action::Removed), plan.changes.len());
}

#[test]
fn an_outcome_that_breaks_its_readers_is_a_change_of_its_own() {
    let plan = between(WHOLE, &WHOLE.replace("    level = trigger.level\n", ""), true);
    let outcome = plan.changes.iter().find(|change| change.kind == Kind::Outcome);
    assert!(outcome.is_some_and(|change| !change.breaks.is_empty()), "{:#?}", plan.changes);
    assert!(plan.summary().contains("breaking"), "{}", plan.summary());
}

#[test]
fn what_stands_behind_the_same_words_is_told() {
    let rule = |level: &str| {
        format!(
            "{BASE}\ncondition \"high\" {{ when = trigger.level > {level} }}\n\
             rule \"late\" {{\n  on = boss_kill\n  emit \"late\" {{ n = condition.high ? 1 : 2 }}\n}}\n"
        )
    };
    let found = told(&rule("5"), &rule("6"));
    let through = "rule late | emit late: n, through condition.high | - → -";
    assert!(found.iter().any(|line| line == through), "{found:#?}");
}

#[test]
fn the_condition_of_an_entry_is_told_once() {
    let found = told(BASE, &edited("trigger.level >= 40", "trigger.level >= 41"));
    let line = "entry crypt_rare.crown | when | trigger.level >= 40 → trigger.level >= 41";
    assert_eq!(found, [line]);
    // In other words for the same, none.
    assert_eq!(told(BASE, &edited("trigger.level >= 40", "(trigger.level >= 40)")), [""; 0]);
    // Where nothing rolls the table there is nothing to compare.
    let idle = |level: &str| {
        format!(
            "{BASE}\nloot_table \"idle\" {{\n  entry \"a\" {{ weight = 1 }}\n  entry \"b\" {{\n    weight = 1\n    \
             when   = trigger.level > {level}\n  }}\n}}\n"
        )
    };
    let plan = between(&idle("5"), &idle("6"), true);
    assert_eq!(lines(&plan), ["entry idle.b | when | trigger.level > 5 → trigger.level > 6"]);
    assert!(matches!(plan.changes[0].decision, Some(Decision::NotCompared { .. })), "{plan:#?}");
}
