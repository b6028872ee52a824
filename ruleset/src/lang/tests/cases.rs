//! Tests of tests: what a `test` block says, what is wrong with one, and that no build sees it.

use std::cell::Cell;

use super::{BASE, source};
use crate::cases::{self, Case};
use crate::ir::Program;
use crate::lang::{Tested, check, check_with_cases, line_col};

pub(super) const RULES: &str = r#"counter "kills" {
  on     = kill
  per    = player
  window = "1h"
}
param "pause" {
  type    = duration
  default = "90s"
  range   = ["1s", "1h"]
}
loot_table "gems" {
  entry "ruby" { weight = 1 }
  entry "opal" {
    weight = 3
    when   = trigger.flag
  }
}
loot_table "chest" {
  entry "coin" {
    weight = 1
    count  = [2, 9]
  }
  entry "gem" {
    weight = 1
    table  = gems
  }
}
rule "pay" {
  on   = kill
  when = trigger.level >= 10 && rate(kills) < 3
  emit "credit" {
    coins  = trigger.level * param.factor
    reason = "boss"
    lasts  = min(param.pause, "10m")
    zone   = trigger.zone
  }
}
rule "chest" {
  on   = kill
  when = trigger.zone == "crypt"
  emit "drop" {
    table = chest
    count = active(night) ? 3 : 2
  }
}
loot_table "calm" {
  entry "dust"  { weight = 1 }
  entry "crown" { weight = 1 }
  entry "star"  { weight = 1 }
  pity "star" { after = 40 }
  pity "crown" { after = 30 }
}
rule "calm" {
  on   = claim
  emit "calm" { table = calm }
  emit "more" { table = calm }
}
rule "claimed" {
  on = claim
  emit "thanks" {}
}
rule "night" {
  on = timer.night
  broadcast "night.falls" { factor = param.factor }
}
"#;

pub(super) fn tested(tests: &str) -> Tested {
    check_with_cases(&[
        source("a_base.rules.hcl", BASE),
        source("b.rules.hcl", RULES),
        source("c.test.hcl", tests),
    ])
}

pub(super) fn cases(tests: &str) -> (Program, Vec<Case>) {
    hcl_edit::parser::parse_body(tests).unwrap();
    let tested = tested(tests);
    (
        tested.checked.program.unwrap_or_else(|| panic!("{:#?}", tested.checked.diagnostics)),
        tested.cases,
    )
}

/// `what: expected, actual` for every difference of every case.
fn judged(tests: &str) -> Vec<String> {
    let (program, cases) = cases(tests);
    let mut lines = Vec::new();
    for case in &cases {
        let decision = cases::interpret(&program, case).unwrap();
        for d in cases::judge(&program, case, &decision) {
            lines.push(format!("{}: {}: {}, {}", case.name(), d.what, d.expected, d.actual));
        }
    }
    lines
}

#[test]
fn what_is_as_expected_passes() {
    let passes = r#"
test "a hunter of level 20 is paid" {
  on      = kill
  trigger = { level = 20, zone = "meadow" }
  params  = { factor = 7 }
  rates   = { kills = 2 }
  fired_exactly = [pay]
  expect "credit" {
    rule    = pay
    payload = { coins = 140, reason = "boss", lasts = "90s", zone = "meadow" }
  }
}
test "the crypt gives a chest, two at night" {
  on      = kill
  trigger = { zone = "crypt", level = 1 }
  not_fired = [pay]
  cases = [
    { name = "by day", rolls = 2, not_eligible = [gems.opal], eligible = [coin, gems.ruby] },
    { name = "at night", active = { night = true }, rolls = 3 },
    { name = "by the clock", now = "2026-11-20T20:05:00Z", rolls = 3 },
    { name = "past the hour", now = "2026-11-20T20:15:00Z", rolls = 2 },
    { trigger = { flag = true }, eligible = [gems.opal] },
  ]
  expect "drop" {}
}
test "the night is told" {
  on = timer.night
  expect "night.falls" { payload = { factor = 5 } }
}
"#;
    assert_eq!(judged(passes), [""; 0]);
    assert_eq!(cases(passes).1.len(), 7);
    assert_eq!(cases(passes).1[5].name(), "the crypt gives a chest, two at night › 5");
}

#[test]
fn what_differs_is_told_value_by_value() {
    let fails = r#"
test "pay" {
  on      = kill
  trigger = { level = 20 }
  fired     = [chest]
  not_fired = [pay]
}
test "values" {
  on      = kill
  trigger = { level = 20, zone = "crypt" }
  seed    = 1
  expect "credit" { payload = { coins = 99, reason = "boss", lasts = "1m" } }
  expect "drop" {
    rolls    = 3
    loot     = { ruby = 77 }
    eligible = [gems.opal]
  }
}
test "silence" {
  on = kill
  fired_exactly = [pay, chest]
  expect "drop" {}
}
"#
    .replace(
        "  expect \"credit\" { payload = { coins = 99, reason = \"boss\", lasts = \"1m\" } }",
        "  expect \"credit\" {\n    payload = { coins = 99, reason = \"boss\", lasts = \"1m\" }\n  }",
    );
    let lines = judged(&fails);
    let loot = lines.iter().find(|line| line.contains("ruby")).unwrap();
    assert!(loot.starts_with("values: drop loot ruby: 77, "), "{loot}");
    let others: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| !line.contains("ruby")).collect();
    assert_eq!(
        others,
        [
            "pay: rule chest: fires, does not fire",
            "pay: rule pay: does not fire, fires",
            "values: credit.coins: 99, 100",
            "values: credit.lasts: 1m, 1m30s",
            "values: drop rolls: 3, 2",
            "values: drop entry gems.opal: eligible, not eligible",
            "silence: rule pay: fires, does not fire",
            "silence: rule chest: fires, does not fire",
            "silence: outcome drop: comes out, chest did not fire",
        ]
    );
}

/// The loot that a test sees is what the roller gives for the same seed, not some other draw.
#[test]
fn loot_follows_the_seed() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in (0..16).chain([i64::MAX as u64 + 1, u64::MAX]) {
        let written = if seed > i64::MAX as u64 { format!("\"{seed}\"") } else { seed.to_string() };
        let text = format!(
            "test \"t\" {{\n  on = kill\n  trigger = {{ zone = \"crypt\" }}\n  seed = {written}\n  expect \"drop\" {{\n    loot = {{ coin = 0 }}\n  }}\n}}\n"
        );
        let lines = judged(&text);
        let actual = lines.first().map_or("0", |line| line.rsplit(", ").next().unwrap());
        let coins: u32 = actual.parse().unwrap();
        assert!(coins == 0 || (2..=18).contains(&coins));
        let (program, cases) = cases(&text);
        let table = program.tables.iter().position(|table| table.name == "chest").unwrap() as u16;
        let mut drops = Vec::new();
        let mut misses = crate::pity::Misses::new(program.tables.as_slice());
        let request = crate::loot::Roll {
            table,
            count: 2,
            seed,
            rule_hash: crate::rng::name_hash("chest"),
            draw_base: 0,
            masks: &|table| {
                if program.tables[usize::from(table)].name == "gems" { 1 } else { u64::MAX }
            },
        };
        crate::loot::roll(program.tables.as_slice(), &request, misses.counts_mut(), &mut drops)
            .unwrap();
        let rolled: u32 = drops.iter().filter(|d| d.item == "coin").map(|d| d.count).sum();
        assert_eq!((cases.len(), coins), (1, rolled));
        seen.insert(coins);
    }
    assert!(seen.len() > 3, "{seen:?}");
}

/// A number that the language cannot write stands in quotes, in one way.
#[test]
fn seeds_have_64_bits_and_one_spelling() {
    for (seed, message) in [
        ("\"18446744073709551616\"", "`seed` is \"18446744073709551616\", its range is 0 to"),
        ("\"-1\"", "`seed` is \"-1\", its range is 0 to 18446744073709551615"),
        ("\"+7\"", "its range is 0 to 18446744073709551615"),
        ("\"007\"", "its range is 0 to 18446744073709551615"),
        ("-1", "`seed` is -1, its range is 0 to 9223372036854775807"),
        ("9223372036854775808", "`9223372036854775808` is too large"),
    ] {
        let text = format!("test \"t\" {{\n  on   = kill\n  seed = {seed}\n}}\n");
        let found = tested(&text).checked.diagnostics;
        let said: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
        assert!(said.iter().any(|said| said.contains(message)), "{seed}: {said:?}");
    }
}

#[test]
fn a_pity_is_given_and_what_is_missed_after_it_is_expected() {
    // By pity, whatever the seed: 40 misses give the star, and the crown has missed once more. The
    // second outcome begins with what the first one left.
    let star = "test \"star\" {\n  on   = claim\n  pity = { calm = { star = 40, crown = 7 } }\n  \
                expect \"calm\" {\n    loot   = { star = 1 }\n    misses = { calm = { star = 0, crown = 8 } }\n  }\n}\n";
    for seed in 0..20 {
        let seeded = star.replace("  pity", &format!("  seed = {seed}\n  pity"));
        assert_eq!(judged(&seeded), Vec::<String>::new(), "{seed}");
    }
    let both = "test \"both\" {\n  on   = claim\n  pity = { calm = { star = 40, crown = 30 } }\n  \
                expect \"calm\" {\n    misses = { calm = { star = 0, crown = 31 } }\n  }\n  \
                expect \"more\" {\n    loot   = { crown = 1 }\n    misses = { calm = { star = 1, crown = 0 } }\n  }\n}\n";
    assert_eq!(judged(both), Vec::<String>::new());
    // A row gives and expects over its test; what it does not name stays as the test says.
    let rows = "test \"rows\" {\n  on   = claim\n  pity = { calm = { star = 40, crown = 7 } }\n  cases = [\n    \
                { misses = { calm = { crown = 9 } } },\n    \
                { pity = { calm = { crown = 29 } }, misses = { calm = { crown = 30 } } },\n  ]\n  \
                expect \"calm\" {\n    misses = { calm = { star = 0 } }\n  }\n}\n";
    assert_eq!(judged(rows), ["rows › 1: calm misses calm.crown: 9, 8"]);
    let wrong = star.replace("star = 0, crown = 8", "star = 41, crown = 8");
    assert_eq!(judged(&wrong), ["star: calm misses calm.star: 41, 0"]);
    // The most that anybody has missed is N; one more is refused, see the mistakes below.
    let most = star.replace("star = 40", "star = 1000000");
    assert_eq!(judged(&most), Vec::<String>::new());
}

#[test]
fn a_case_that_nobody_waits_for_any_more_is_not_judged_to_its_end() {
    // Both outcomes are expected, and the second one's rolls begin after the first one's.
    let both = "test \"both\" {\n  on = claim\n  expect \"calm\" {\n    rolls = 2\n  }\n  \
                expect \"more\" {\n    rolls = 2\n  }\n}\n";
    let (program, cases) = cases(both);
    let decision = cases::interpret(&program, &cases[0]).unwrap();
    let asked = Cell::new(0);
    let judge = |until: u32| {
        asked.set(0);
        let wanted = || {
            asked.set(asked.get() + 1);
            asked.get() <= until
        };
        cases::judge_while(&program, &cases[0], &decision, &wanted)
    };
    let whole = judge(u32::MAX).unwrap();
    assert_eq!((&whole, whole.len()), (&cases::judge(&program, &cases[0], &decision), 2));
    // Before each outcome, before the first is rolled, before it is rolled for the second, before
    // that, and once all is done.
    let often = asked.get();
    assert_eq!(often, 6);
    for until in 0..often {
        assert_eq!(judge(until), None, "{until}");
    }
    assert_eq!(judge(often), Some(whole));
}

#[test]
fn every_mistake_has_its_code_and_its_place() {
    let cases = [
        ("on = kill\nfired = [pai]", "C1201 3:10", "did you mean `pay`?"),
        (
            "on = kill\nfired = [pay]\ntrigger = { levle = 3 }",
            "C1201 4:13",
            "did you mean `level`?",
        ),
        (
            "on = kill\nfired = [pay]\nparams = { factr = 3 }",
            "C1201 4:12",
            "did you mean `factor`?",
        ),
        ("on = kill\nfired = [pay]\nrates = { kils = 3 }", "C1201 4:11", "did you mean `kills`?"),
        (
            "on = kill\nfired = [pay]\nactive = { nigth = true }",
            "C1201 4:12",
            "did you mean `night`?",
        ),
        ("on = kill\nexpect \"credi\" {}", "C1201 3:8", "did you mean `credit`?"),
        (
            "on = kill\nexpect \"credit\" { payload = { coin = 1 } }",
            "C1201 3:31",
            "did you mean `coins`?",
        ),
        (
            "on = kill\nfired_exactly = [\"pay\", chest]",
            "C0307 3:17",
            "write `fired_exactly = [pay, chest]`",
        ),
        ("on = kill\nfired = pay", "C0307 3:9", "write `fired = [pay]`"),
        // What is meant is the last part alone.
        ("on = kill\nexpect \"pay.credit\" {}", "C1201 3:8", "did you mean `credit`?"),
        (
            "on = kill\nexpect \"credit\" { payload = { reason = \"bos\" } }",
            "C1201 3:40",
            "did you mean `boss`?",
        ),
        (
            "on = kill\nexpect \"drop\" { loot = { rubby = 1 } }",
            "C1201 3:26",
            "did you mean `ruby`?",
        ),
        (
            "on = kill\nexpect \"drop\" { eligible = [gems.opa] }",
            "C1201 3:29",
            "did you mean `gems.opal`?",
        ),
        ("on = kill\nfired = [pay]\ntrigger = { level = 1.5 }", "C1202 4:21", "whole number"),
        ("on = kill\nfired = [pay]\ntrigger = { flag = 1 }", "C1202 4:20", "true or false"),
        ("on = kill\nexpect \"credit\" { payload = { lasts = 90 } }", "C1202 3:39", "\"90s\""),
        ("on = kill\nfired = [pay]\ntrigger = { level = 101 }", "C1203 4:21", "range"),
        ("on = kill\nfired = [pay]\nparams = { factor = -1 }", "C1203 4:21", "range"),
        ("on = kill\nfired = [pay]\nseed = -1", "C1203 4:8", "range"),
        (
            "on = claim\nfired = [calm]\npity = { clam = { star = 1 } }",
            "C1201 4:10",
            "did you mean `calm`?",
        ),
        (
            "on = claim\nfired = [calm]\npity = { calm = { stra = 1 } }",
            "C1201 4:19",
            "did you mean `star`?",
        ),
        ("on = claim\nfired = [calm]\npity = { gems = { ruby = 1 } }", "C1201 4:10", "correct"),
        ("on = claim\nfired = [calm]\npity = { calm = 3 }", "C0307 4:17", "name = value"),
        ("on = claim\nfired = [calm]\npity = { calm = { star = 1000001 } }", "C1203 4:26", "range"),
        (
            "on = timer.night\nfired = [night]\npity = { calm = { star = 1 } }",
            "C1209 4:26",
            "trigger",
        ),
        (
            "on = claim\nexpect \"thanks\" { misses = { calm = { star = 1 } } }",
            "C1206 3:28",
            "payload",
        ),
        ("on = kill", "C1204 1:1", "fired"),
        ("on = kill\nfired = [claimed]", "C1206 3:10", "on = claim"),
        ("on = kill\nexpect \"credit\" { rolls = 1 }", "C1206 3:27", "payload"),
        ("on = kill\nfired = [pay]\nnot_fired = [pay]", "C1207 3:10", "remove one"),
        ("on = kill\nfired_exactly = [chest]\nexpect \"credit\" {}", "C1207 4:8", "remove one"),
        ("on = timer.night\nfired = [night]\ntrigger = { level = 1 }", "C1209 4:11", "trigger"),
        ("on = timer.night\nfired = [night]\nrates = { kills = 1 }", "C1209 4:11", "trigger"),
        ("on = kill\nfired = [pay]\ncases = [{ rolls = 1 }]", "C1211 4:20", "exactly one"),
        ("on = kill\nfired = [pay]\ncases = [{ wat = 1 }]", "C0304 4:12", "remove"),
        ("on = kill\nfired = [pay]\ncases = []", "C0307 4:9", "cases = ["),
        ("on = kill\nfired = \"pay\"", "C0307 3:9", "[pay]"),
        ("on = kill\nfired = [pay]\ntrigger = [1]", "C0307 4:11", "name = value"),
        ("on = kill\nfired = [pay]\ntrigger = { level = 1, level = 2 }", "C0305 4:24", "remove"),
        ("fired = [pay]", "C0306 1:1", "on = "),
        ("on = kil\nfired = [pay]", "C0405 2:6", "did you mean `kill`?"),
        ("on = kill\nfired = [pay]\nnow = \"soon\"", "C0506 4:7", "2026"),
        (
            "on = kill\nfired = [pay]\ntrigger = { zone = \"cript\" }",
            "C0411 4:20",
            "did you mean \"crypt\"?",
        ),
    ];
    for (body, expected, help) in cases {
        let text = format!("test \"t\" {{\n{body}\n}}\n");
        let tested = tested(&text);
        let found: Vec<String> = (tested.checked.errors())
            .map(|found| {
                assert_eq!(found.span.file, 2);
                let (line, column) = line_col(&text, found.span.start);
                format!("{} {line}:{column}", found.code)
            })
            .collect();
        assert_eq!(found, [expected], "{body}\n{:#?}", tested.checked.diagnostics);
        let said = tested.checked.errors().next().unwrap();
        assert!(said.help.contains(help), "{body}: {}", said.help);
        assert!(tested.cases.is_empty() && tested.checked.program.is_none());
    }
    for (text, code) in [
        (
            "test \"t\" {\n  on = kill\n  fired = [pay]\n}\ntest \"t\" {\n  on = kill\n  fired = [pay]\n}\n",
            "C1205",
        ),
        ("test \" t\" {\n  on = kill\n  fired = [pay]\n}\n", "C1210"),
        ("enum \"zones\" { values = [\"a\"] }\n", "C1208"),
    ] {
        let codes: Vec<String> =
            tested(text).checked.errors().map(|found| found.code.to_string()).collect();
        assert_eq!(codes, [code], "{text}");
    }
}

#[test]
fn braces_that_stay_open_are_named() {
    let text =
        "test \"t\" {\n  on     = kill\n  active = { night = true\n  expect \"credit\" {}\n}\n";
    let only = |text: &str| -> (String, String, String) {
        let found = tested(text).checked.diagnostics;
        let found: Vec<_> =
            found.iter().filter(|found| found.code.to_string() != "C1101").collect();
        let [found] = found[..] else { panic!("{text}\n{found:#?}") };
        let [(span, label)] = &found.labels[..] else { panic!("{found:#?}") };
        let (line, column) = line_col(text, span.start);
        (format!("{} {line}:{column}", found.code), found.help.clone(), label.clone())
    };
    let told = |at: &str, help: &str| {
        (at.to_owned(), help.to_owned(), "this bracket is still open".to_owned())
    };
    assert_eq!(only(text), told("C0205 3:12", "add `}` on the line before"));
    let mended = text.replace("true\n", "true\n  }\n");
    assert!(tested(&mended).checked.errors().next().is_none(), "{mended}");
    // Whatever follows is read on, and of several that are open the innermost is named.
    let text = "test \"t\" {\n  on    = kill\n  cases = [{\n    trigger = {\n      level = 1\n  expect \"credit\" {}\n}\ntest \"u\" {\n  on    = kill\n  fired = [pay]\n}\n";
    assert_eq!(only(text).0, "C0205 4:15");
    // Of braces that are closed, or in which only `=` is missing, that is not said.
    for trigger in [
        "{ level = 1, zone \"a\" }",
        "{\n    level = 1\n    flag true\n  }",
        "{\n    level = 1\n    zone \"a\"\n  }",
        "{\n  level = 1\n  zone \"a\"\n  }",
    ] {
        let text = format!("test \"t\" {{\n  on      = kill\n  trigger = {trigger}\n}}\n");
        let found = tested(&text).checked.diagnostics;
        let found = found.iter().find(|found| found.code.to_string() == "C0202").unwrap();
        assert!(found.labels.is_empty() && found.help.starts_with("write `"), "{found:?}");
    }
}

#[test]
fn what_is_not_there_is_told_in_words() {
    for (block, told) in [
        ("on = kill\nexpect \"crowd\" {}", "there is no outcome of a rule on kill called `crowd`"),
        ("on = kill\ntrigger = { depth = 3 }\nfired = [pay]", "there is no field `depth` of kill"),
        (
            "on = claim\npity = { calm = { dust = 3 } }\nfired = [claimed]",
            "there is no pity of the loot table calm for an entry `dust`",
        ),
    ] {
        let found = tested(&format!("test \"t\" {{\n{block}\n}}\n")).checked.diagnostics;
        let found = found.iter().find(|found| found.code.to_string() == "C1201");
        assert_eq!(found.map(|found| found.message.as_str()), Some(told), "{block}");
    }
}

#[test]
fn a_mistake_in_one_test_hides_none_in_another() {
    let found = |tests: &str| -> Vec<String> {
        let tested = tested(tests);
        let found = tested.checked.errors();
        found
            .map(|found| {
                let (line, column) = line_col(tests, found.span.start);
                format!("{} {line}:{column}", found.code)
            })
            .collect()
    };
    let wrong = "test \"a\" {\n  on = kill\n  params = { nope = 1 }\n  fired = [pay]\n}\n";
    let empty = "test \"b\" {\n  on = kill\n}\n";
    assert_eq!(found(&format!("{wrong}{empty}")), ["C1201 3:14", "C1204 6:1"]);
    assert_eq!(found(&format!("{empty}{wrong}")), ["C1204 1:1", "C1201 6:14"]);
    // Nor one row in another; a test's own holds for all of them, and that it has not one `expect`
    // is said once.
    let rows = "test \"a\" {\n  on = kill\n  cases = [\n    { params = { nope = 1 } },\n    {},\n    { rolls = 1 },\n    { rolls = 2 },\n  ]\n}\n";
    assert_eq!(found(rows), ["C1201 4:18", "C1204 5:5", "C1211 6:15"]);
    let rows = "test \"a\" {\n  on = kill\n  seed = \"x\"\n  cases = [{}, {}]\n}\n";
    assert_eq!(found(rows).len(), 1);
}

/// With tests in the rules' own files, with a file of tests, broken ones included, and without any:
/// one program.
#[test]
fn a_build_sees_no_test() {
    let program = |sources: &[_]| check(sources).program.unwrap();
    let base = source("a.rules.hcl", BASE);
    let without = program(&[base.clone(), source("b.rules.hcl", RULES)]);
    let test = "test \"t\" {\n  on = nothing\n  fired = [nobody]\n  expect \"x\" { payload = { a = \"new_symbol\" } }\n}\n";
    let inside = source("b.rules.hcl", &format!("{test}{RULES}"));
    let beside = source("a.test.hcl", test);
    assert_eq!(program(&[base.clone(), inside.clone(), beside.clone()]), without);
    assert!(check_with_cases(&[base, inside, beside]).checked.program.is_none());
}
