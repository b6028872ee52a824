//! What decides otherwise is shown by an input, and what was not compared is said to be so.

use super::*;

/// The witness of one change.
#[track_caller]
fn witness<'p>(plan: &'p Plan, kind: Kind, name: &str) -> &'p Witness {
    let change = plan.changes.iter().find(|c| (c.kind, c.name.as_str()) == (kind, name));
    match change.and_then(|change| change.decision.as_ref()) {
        Some(Decision::Differs(witness)) => witness,
        other => panic!("{name}: {other:#?} in {:#?}", plan.changes),
    }
}

#[test]
fn every_changed_rule_and_condition_has_a_witness() {
    for (from, to, kind, name) in [
        ("trigger.level >= 10", "trigger.level >= 11", Kind::Condition, "veteran"),
        ("rate(claims) < 5", "rate(claims) < 6", Kind::Condition, "veteran"),
        ("trigger.zone == \"crypt\"", "trigger.zone != \"meadow\"", Kind::Condition, "veteran"),
        ("chance(0.05 *", "chance(0.050001 *", Kind::Rule, "crypt_drop"),
        ("chance(0.05 *", "chance(0.05 * 1.1 *", Kind::Rule, "crypt_drop"),
        ("trigger.level >= 40", "trigger.level > 40", Kind::Entry, "crypt_rare.crown"),
        ("? 2 : 1", "? 3 : 1", Kind::Rule, "crypt_drop"),
        ("mood  = \"glad\"", "mood  = \"sad\"", Kind::Rule, "crypt_drop"),
        ("bucket(100) < 20", "bucket(100) < 21", Kind::Rule, "group"),
        ("> \"1d\"", "> \"25h\"", Kind::Rule, "group"),
        ("trigger.party > 200", "trigger.party > 201", Kind::Rule, "group"),
        ("hp = 500", "hp = 501", Kind::Rule, "dragon"),
    ] {
        let plan = between(BASE, &edited(from, to), true);
        let witness = witness(&plan, kind, name);
        assert_ne!(witness.old, witness.new, "{from}");
        assert!(plan.differing() > 0);
        // Put the other way round there is one as well.
        let back = between(&edited(from, to), BASE, true);
        self::witness(&back, kind, name);
    }
}

#[test]
fn a_witness_is_as_plain_as_it_can_be() {
    let plan = between(BASE, &edited("trigger.level >= 10", "trigger.level >= 11"), true);
    let found = witness(&plan, Kind::Condition, "veteran");
    assert_eq!(
        found.line(),
        "on boss_kill with level = 10, zone = \"crypt\", party = 1, took = \"0s\", gold = 0, born = \"1970-01-01T00:00:00.000Z\", seed 0: true before, false now"
    );
    // The rule is told to have changed through it, with a witness that fires it.
    let found = witness(&plan, Kind::Rule, "crypt_drop");
    assert_eq!((found.old.as_str(), found.new.as_str()), ("fires", "does not fire"));
}

#[test]
fn without_sources_the_fragments_are_run() {
    for (from, to, name) in [
        ("trigger.level >= 10", "trigger.level >= 11", "crypt_drop"),
        ("rate(claims) < 5", "rate(claims) < 6", "crypt_drop"),
        ("chance(0.05 *", "chance(0.1 *", "crypt_drop"),
        ("trigger.level >= 40", "trigger.level > 40", "crypt_drop"),
        ("? 2 : 1", "? 3 : 1", "crypt_drop"),
        ("mood  = \"glad\"", "mood  = \"sad\"", "crypt_drop"),
        ("> \"1d\"", "> \"25h\"", "group"),
        ("bucket(100) < 20", "bucket(100) < 30", "group"),
        ("hp = 500", "hp = 501", "dragon"),
    ] {
        let plan = between(BASE, &edited(from, to), false);
        let witness = witness(&plan, Kind::Rule, name);
        assert_ne!(witness.old, witness.new, "{from}");
    }
}

#[test]
fn equal_logic_in_other_words_is_searched_and_said_to_be_so() {
    let plan = between(BASE, &edited("trigger.level >= 10", "trigger.level > 9"), true);
    let change = plan.changes.iter().find(|change| change.kind == Kind::Condition).unwrap();
    let Some(Decision::NoDifferenceFound { inputs }) = change.decision else {
        panic!("{change:#?}")
    };
    assert_eq!(inputs, guided::TRIES_MAX);
    assert_eq!(plan.differing(), 0);
    let plan = between(BASE, &edited("trigger.level >= 10", "trigger.level > 9"), false);
    assert_eq!(plan.differing(), 0);
    assert_eq!(plan.changes.len(), 1, "the fragment: {:#?}", plan.changes);
    assert_eq!(plan.changes[0].kind, Kind::Fragment);
}

#[test]
fn a_witness_has_a_time_only_where_that_decides() {
    let active = edited("? 2 : 1", "? 3 : 1");
    let plan = between(BASE, &active, true);
    let line = witness(&plan, Kind::Rule, "crypt_drop").line();
    assert!(line.contains("active(night_hunt)") && !line.contains(", at "), "{line}");
    let plan = between(BASE, &edited("> \"1d\"", "> \"25h\""), true);
    let line = witness(&plan, Kind::Rule, "group").line();
    assert!(line.contains(", at 2"), "{line}");
}

#[test]
fn what_was_not_compared_is_not_told_to_be_the_same() {
    let other = format!("{BASE}loot_table \"other\" {{\n  entry \"x\" {{ weight = 1 }}\n}}\n");
    let was = other.replace("active(night_hunt) ? 2 : 1", "trigger.party + 1");
    let is = other
        .replace("active(night_hunt) ? 2 : 1", "1 + trigger.party")
        .replace("table = crypt_rare", "table = other");
    let plan = between(&was, &is, true);
    let change = plan.changes.iter().find(|change| change.name == "crypt_drop").unwrap();
    assert!(matches!(change.decision, Some(Decision::NoDifferenceFound { .. })), "{change:#?}");
    assert!(change.partial);
    let plan = between(&was, &was.replace("trigger.party + 1", "1 + trigger.party"), true);
    let change = plan.changes.iter().find(|change| change.name == "crypt_drop").unwrap();
    assert!(!change.partial, "{change:#?}");
}

/// Two triggers that read one table and one condition.
fn shared(level: &str, first: &str) -> String {
    format!(
        "ruleset \"s\" {{\n  dialect = 1\n  context = \"s@1\"\n}}\n\
         trigger \"a\" {{ fields = {{ level = int(1, 10) }} }}\n\
         trigger \"b\" {{ fields = {{ level = int(1, 100) }} }}\n\
         condition \"c\" {{ when = trigger.level >= {level} }}\n\
         loot_table \"t\" {{\n  entry \"x\" {{ weight = 1 }}\n  entry \"k\" {{\n    weight = 1\n    \
         when   = trigger.level >= {level}\n  }}\n}}\n{first}\
         rule \"rb\" {{\n  on   = b\n  when = condition.c\n  emit \"x\" {{ table = t }}\n}}\n"
    )
}

#[test]
fn what_changes_on_one_of_several_triggers_is_told() {
    let first = "rule \"ra\" {\n  on   = a\n  when = condition.c || trigger.level == 3\n  emit \"x\" { table = t }\n}\n";
    let plan = between(&shared("40", first), &shared("50", first), true);
    let told = lines(&plan);
    for line in [
        "entry t.k | when | trigger.level >= 40 → trigger.level >= 50",
        "condition c | when | trigger.level >= 40 → trigger.level >= 50",
        "rule rb | through condition.c | - → -",
    ] {
        assert!(told.iter().any(|known| known == line), "no {line:?} in {told:#?}");
    }
    assert_eq!(witness(&plan, Kind::Entry, "t.k").on, "b");
    assert_eq!(witness(&plan, Kind::Condition, "c").on, "b");
    // A new rule on another trigger changes neither.
    let plan = between(&shared("40", ""), &shared("40", first), true);
    assert_eq!(plan.summary(), "Plan: 0 changed, 1 added, 0 removed", "{plan:#?}");
}
