//! What is worth a look and stops nothing: which warnings come up, where, and when none does.

#![cfg(feature = "compile")]

use cairn_ruleset::lang::{Checked, Severity, Source, check, check_with_cases, line_col};

const BASE: &str = r#"ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
trigger "kill" {
  fields = { level = int(1, 100), elite = bool }
}
rule "base" {
  on = kill
  emit "base" {}
}
"#;

fn run(text: &str) -> Checked {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    check(&[source("a.rules.hcl", BASE), source("b.rules.hcl", text)])
}

/// `C1101 line:column message` of every finding.
fn found(text: &str) -> Vec<String> {
    let checked = run(text);
    let lines = checked.diagnostics.iter().map(|found| {
        assert!(!found.cause.is_empty() && !found.help.is_empty(), "{found:?}");
        let (line, column) = line_col(text, found.span.start);
        format!("{} {line}:{column} {}", found.code, found.message)
    });
    lines.collect()
}

#[test]
#[rustfmt::skip]
fn each_is_reported_where_it_is() {
    for (text, expected) in [
        ("condition \"c\" { when = trigger.elite }\ntimer \"t\" { every = \"1h\" }\nenum \"e\" { values = [\"a\"] }",
         &["C1101 1:11 nothing uses the condition c", "C1101 2:7 nothing uses the timer t",
           "C1101 3:6 nothing uses the enum e"][..]),
        ("param \"p\" {\n  type = bool\n  default = true\n}\nparam \"q\" {\n  type = bool\n  default = true\n  external = true\n}",
         &["C1101 1:7 nothing uses the param p"]),
        ("counter \"n\" {\n  on = kill\n  per = player\n  window = \"1m\"\n}\nloot_table \"t\" {\n  entry \"a\" { weight = 1 }\n}",
         &["C1101 1:9 nothing uses the counter n", "C1101 6:12 nothing uses the loot_table t"]),
        // Games read the param, not whatever else has its name.
        ("param \"p\" {\n  type = bool\n  default = true\n  external = true\n}\ncondition \"p\" { when = trigger.elite }",
         &["C1101 6:11 nothing uses the condition p"]),
        // What a test alone uses is not used.
        ("param \"p\" {\n  type = bool\n  default = true\n}\ntest \"x\" {\n  on = kill\n  params = { p = false }\n}",
         &["C1101 1:7 nothing uses the param p"]),
        ("timer \"t\" { every = \"1h\" }\nrule \"r\" {\n  on = timer.t\n  broadcast \"b\" {}\n}", &[]),
        ("timer \"t\" {\n  every = \"1h\"\n  duration = \"5m\"\n}\ncounter \"n\" {\n  on = kill\n  per = player\n  window = \"1m\"\n}\ncondition \"c\" { when = active(t) }\nrule \"r\" {\n  on = kill\n  when = condition.c && rate(n) > 1\n  emit \"b\" {}\n}", &[]),
        ("enum \"e\" { values = [\"a\", \"b\"] }\ntrigger \"x\" {\n  fields = { e = e }\n}", &[]),
        ("condition \"c\" {\n  when = trigger.elite\n  deprecated = \"go\"\n}", &[]),
        ("param \"p\" {\n  type = bool\n  default = true\n  deprecated = \"use q\"\n}\ncondition \"c\" { when = param.p }\nrule \"r\" {\n  on = kill\n  when = condition.c || param.p\n  emit \"b\" {}\n}",
         &["C1104 6:24 the param p is deprecated: use q", "C1104 9:25 the param p is deprecated: use q"]),
        ("trigger \"t\" {\n  fields = { a = bool }\n  deprecated = \"use kill\"\n}\nrule \"r\" {\n  on = t\n  emit \"b\" {}\n}",
         &["C1104 6:8 the trigger t is deprecated: use kill"]),
        ("loot_table \"t\" {\n  entry \"a\" { weight = 1000001 }\n  entry \"b\" { weight = 1 }\n}\nrule \"r\" {\n  on = kill\n  emit \"b\" { table = t }\n}",
         &["C1102 3:24 b falls in at most one of 1000002 rolls"]),
        ("loot_table \"t\" {\n  entry \"a\" { weight = 999999 }\n  entry \"b\" { weight = 1 }\n}\nrule \"r\" {\n  on = kill\n  emit \"b\" { table = t }\n}", &[]),
        ("loot_table \"t\" {\n  entry \"a\" {\n    weight = 1\n    item = \"x\"\n    when = trigger.level>5\n  }\n  entry \"b\" {\n    weight = 2\n    item = \"x\"\n    when = trigger.level > 5\n  }\n  entry \"x\" { weight = 3 }\n}\nrule \"r\" {\n  on = kill\n  emit \"b\" { table = t }\n}",
         &["C1103 7:9 b gives what a gives, under the same condition"]),
        // What is sent to the game under a name that belongs to rolls.
        ("loot_table \"t\" {\n  entry \"a\" { weight = 1 }\n}\nrule \"r\" {\n  on = kill\n  emit \"b\" {\n    table = t\n    cuont = 2\n    amount = 3\n  }\n}",
         &["C1106 8:5 `cuont` is sent to the game, not used for a roll"]),
        ("loot_table \"t\" {\n  entry \"a\" { weight = 1 }\n}\nrule \"r\" {\n  on = kill\n  emit \"b\" {\n    table = t\n    rolls = 2\n  }\n  emit \"c\" { rolls = 2 }\n  emit \"d\" { mount = 2 }\n}",
         &["C1106 8:5 `rolls` is sent to the game, not used for a roll"]),
        ("rule \"r\" {\n  on = kill\n  emit \"b\" { count = 2 }\n}",
         &["C1106 3:14 `count` is sent to the game, not used for a roll"]),
        ("loot_table \"t\" {\n  entry \"a\" { weight = 1 }\n}\nrule \"r\" {\n  on = kill\n  emit \"b\" {\n    table = t\n    count = 2\n    counts = 3\n  }\n}", &[]),
        // A count of what another value names.
        ("rule \"r\" {\n  on = kill\n  emit \"spawn\" {\n    creature = \"wolf\"\n    count = 2\n  }\n}", &[]),
        ("timer \"t\" {\n  cron = \"0 19 24 12 FRI\"\n  zone = \"UTC\"\n}\nrule \"r\" {\n  on = timer.t\n  broadcast \"b\" {}\n}",
         &["C1107 2:10 this fires on 24 of the month, and on every FRI as well"]),
        ("timer \"t\" {\n  cron = \"0 19 24 12 *\"\n  zone = \"UTC\"\n}\nrule \"r\" {\n  on = timer.t\n  broadcast \"b\" {}\n}", &[]),
    ] {
        assert_eq!(found(text), expected, "{text}");
        assert!(run(text).program.is_some());
    }
}

/// Beside [`BASE`]: what may be in a clause.
const INPUTS: &str = r#"trigger "raid" {
  fields = { party = int(1, 4), level = int(40, 50), season = season, one = int(1, 1) }
}
trigger "quest" {
  fields = { level = int(1, 100) }
}
enum "season" { values = ["winter"] }
param "pinned" {
  type    = int(1, 1)
  default = 1
}
param "open" {
  type    = bool
  default = true
}
param "most" {
  type    = int(4, 9)
  default = 5
}
counter "raids" {
  on     = raid
  per    = player
  window = "1h"
}
condition "veteran" { when = trigger.level >= 30 && param.open }
rule "uses" {
  on   = quest
  when = condition.veteran && param.open && rate(raids) > 2
  emit "a" { season = param.pinned + param.most }
}
"#;

#[test]
fn a_clause_that_decides_nothing_is_reported_where_its_inputs_have_a_choice() {
    let warnings = |when: &str| -> Vec<String> {
        let text = format!(
            "{INPUTS}rule \"r\" {{\n  on   = raid\n  when = {when}\n  emit \"b\" {{}}\n}}\n"
        );
        found(&text).into_iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    };
    let line = INPUTS.lines().count() + 3;
    for (when, column, clause) in [
        ("rate(raids) >= 0 && param.open", 10, "`rate(raids) >= 0` is always true"),
        ("param.open && trigger.party > 0", 24, "`trigger.party > 0` is always true"),
        ("param.open || trigger.party > 4", 24, "`trigger.party > 4` is never true"),
        ("param.open && !(trigger.party > 4)", 24, "`!(trigger.party > 4)` is always true"),
        (
            "param.open && (trigger.party == 9 || param.open)",
            25,
            "`trigger.party == 9` is never true",
        ),
        (
            "param.open && trigger.party <= param.most",
            24,
            "`trigger.party <= param.most` is always true",
        ),
    ] {
        assert_eq!(warnings(when), [format!("{line}:{column} {clause}")], "{when}");
    }
    for when in [
        "rate(raids) >= 1 && trigger.party > 1",
        // Of a single value on purpose.
        "param.pinned == 1 && param.open",
        "trigger.season == \"winter\" && param.open",
        "trigger.one > 0 && param.open",
        "true && param.open",
        // Always true for this trigger, and a question for the other.
        "condition.veteran && trigger.party > 1",
    ] {
        assert_eq!(warnings(when), [] as [String; 0], "{when}");
    }
}

/// A mistake in a test is none of the rules: what is wrong with them or worth a look stands.
#[test]
fn an_error_of_a_test_hides_nothing_of_the_rules() {
    let param = "param \"p\" {\n  type = bool\n  default = true\n}\n";
    let test = "test \"x\" {\n  on = kill\n  params = { q = false }\n}\n";
    let codes = |base: &str| -> Vec<String> {
        let text = format!("{base}{param}{test}");
        let tested = check_with_cases(&[Source { name: "a.rules.hcl".into(), text }]);
        tested.checked.diagnostics.iter().map(|one| one.code.to_string()).collect()
    };
    assert_eq!(codes(BASE), ["C1101", "C1201"]);
    // An error beside it, too: each fragment has more than one byte.
    let over = BASE.replace("hunt@1\"\n", "hunt@1\"\n  budget {\n    fragment_bytes = 1\n  }\n");
    assert_eq!(codes(&over), ["C1001", "C1201"]);
}

/// Errors of the syntax, too: in a file of tests anywhere, in a file of rules where a test ends as it
/// should.
#[test]
fn what_cannot_be_read_of_a_test_hides_nothing_of_the_rules() {
    let over = BASE.replace("hunt@1\"\n", "hunt@1\"\n  budget {\n    fragment_bytes = 1\n  }\n");
    let param = "param \"p\" {\n  type = bool\n  default = true\n}\n";
    let test = "test \"x\" {\n  on = kill\n  params = { q = }\n  fired = [base]\n}\n";
    let empty = "test \"y\" {\n  on = kill\n}\n";
    let codes = |rules: &str, tests: &str| -> Vec<String> {
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        let tested = check_with_cases(&[source("a.rules.hcl", rules), source("a.test.hcl", tests)]);
        tested.checked.diagnostics.iter().map(|one| one.code.to_string()).collect()
    };
    let rules = format!("{BASE}{param}");
    assert_eq!(codes(&format!("{rules}{test}"), empty), ["C0201", "C1101", "C1204"]);
    assert_eq!(codes(&rules, &format!("{test}{empty}")), ["C0201", "C1101", "C1204"]);
    assert_eq!(codes(&over, test), ["C0201", "C1001"]);
    assert_eq!(codes(&format!("{over}{test}"), empty), ["C0201", "C1001", "C1204"]);
    // A file of tests that is cut short lacks nothing that the rules need.
    let unknown = format!("{rules}condition \"c\" {{ when = param.nope }}\n");
    assert_eq!(codes(&unknown, "<<<<<<< HEAD\n"), ["C0101", "C0405"]);
    // What a test has swallowed may be a rule, and what else a file of tests declares is one's.
    let open = "test \"x\" {\n  on = kill\n  fired = [base]\n/* \n";
    assert_eq!(codes(&format!("{param}{open}{BASE}"), ""), ["C0204", "C0107", "C0308"]);
    assert_eq!(codes(&rules, "enum \"e\" { values = [\"a\"] }\n"), ["C1208"]);
    let conflict = "test \"x\" {\n  on = kill\n<<<<<<< HEAD\n  fired = [base]\n}\nrule \"r\" {\n  on = kill\n  when = param.p\n  emit \"e\" {}\n=======\n  not_fired = [base]\n>>>>>>> b\n}\n";
    let asks = "test \"y\" {\n  on = kill\n  fired = [r]\n}\n";
    assert_eq!(codes(&format!("{rules}{conflict}"), asks), ["C0101"]);
    // Nor is it a rule, whole or not: what it names is known to be missing.
    let lost = format!("{rules}condition \"c\" {{ when = param.lost }}\n");
    let param = "param \"lost\" {\n  type = bool\n  default = true\n}\n";
    assert_eq!(codes(&lost, param), ["C1208"]);
    assert_eq!(codes(&lost, &param.replace("true", "true true")), ["C0212"]);
    // No rule set at all is no test's mistake, wherever it is said.
    let only = "test \"x\" {\n  on = kill\n}\n";
    let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
    let tested = check_with_cases(&[source("a.test.hcl", only), source("b.rules.hcl", param)]);
    let found: Vec<String> =
        tested.checked.diagnostics.iter().map(|d| d.code.to_string()).collect();
    assert_eq!(found, ["C0308"]);
}

#[test]
fn beside_an_error_there_are_none() {
    let text = "condition \"c\" { when = trigger.elite }\ncondition \"d\" { when = trigger.elit }";
    let checked = run(text);
    assert!(checked.diagnostics.iter().all(|found| found.severity == Severity::Error));
    assert_eq!(checked.diagnostics.len(), 1);
}

#[test]
fn a_deprecation_shows_its_words_and_both_places() {
    let text = "param \"p\" {\n  type = bool\n  default = true\n  deprecated = \"use q\"\n}\nrule \"r\" {\n  on = kill\n  when = param.p\n  emit \"b\" {}\n}";
    let checked = run(text);
    let [found] = &checked.diagnostics[..] else { panic!("{checked:?}") };
    assert_eq!((found.severity, found.help.as_str()), (Severity::Warning, "use q"));
    assert_eq!(line_col(text, found.labels[0].0.start), (4, 16));
    // It must say something, and with a string.
    for wrong in ["\" \"", "true"] {
        let text = text.replace("\"use q\"", wrong);
        assert_eq!(run(&text).diagnostics[0].code.to_string(), "C0307", "{text}");
    }
}

#[test]
fn warnings_are_bounded_and_never_become_an_error() {
    // Two hundred are listed, whatever follows; none of them stops the build.
    let name = |index: usize| -> String {
        (0..3).map(|digit| char::from(b'a' + (index / 8_usize.pow(digit) % 8) as u8)).collect()
    };
    for count in [200, 201, 512] {
        let text: String = (0..count)
            .map(|index| format!("timer \"t{}\" {{ every = \"1h\" }}\n", name(index)))
            .collect();
        let checked = run(&text);
        assert_eq!(checked.diagnostics.len(), 200, "{count}");
        assert!(checked.program.is_some());
    }
}
