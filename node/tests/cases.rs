//! `cairn test` through the real binary: the example's own tests, what a failure looks like to a
//! person and to a pipeline, and that no build sees a test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn cairn(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/treasure-hunt")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

const RULES: &str = r#"ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
trigger "kill" {
  fields = { level = int(1, 100) }
}
param "per_level" {
  type    = int
  default = 9
  range   = [0, 100]
}
rule "purse" {
  on   = kill
  when = trigger.level >= 10
  emit "credit" { coins = trigger.level * param.per_level }
}
"#;

const TESTS: &str = r#"test "level 50 is paid" {
  on      = kill
  trigger = { level = 50 }
  expect "credit" { payload = { coins = 450 } }
}
test "a <generous> & \"kind\" season" {
  on      = kill
  trigger = { level = 10 }
  params  = { per_level = 20 }
  expect "credit" { payload = { coins = 201 } }
}
"#;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn the_example_passes_its_tests() {
    let output = cairn(&["test", &example().display().to_string(), "-o", "json"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["failed"], 0);
    assert!(report["passed"].as_u64().unwrap() >= 25, "{text}");
    let lured = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["test"].as_str().unwrap().contains("lured out of its crypt"));
    assert_eq!(lured.count(), 2);
}

/// A weight, a limit and an amount changed in the rules: the tests that are about them fail, and
/// no others.
#[test]
fn a_change_of_the_rules_fails_the_tests_about_it() {
    let dir = tempfile::tempdir().unwrap();
    copy(&example(), dir.path());
    let bosses = dir.path().join("bosses.rules.hcl");
    let text = std::fs::read_to_string(&bosses).unwrap();
    let changed = text.replace(
        "when = condition.out_of_place",
        "when = condition.out_of_place && trigger.level > 50",
    );
    assert_ne!(text, changed);
    std::fs::write(&bosses, changed).unwrap();
    let output = cairn(&["test", &dir.path().display().to_string()]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    let failed: Vec<&str> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!(failed.len(), 2, "{text}");
    assert!(failed.iter().all(|line| line.contains("lured") && line.contains("bosses.test.hcl:")));
    assert!(text.contains("rule lich_lured  expected fires  "), "{text}");
}

#[test]
fn a_failure_shows_both_values_and_its_place_in_every_format() {
    let dir = folder(&[("a.rules.hcl", RULES), ("a.test.hcl", TESTS)]);
    let rules = dir.path().display().to_string();
    let output = cairn(&["test", &rules]);
    assert_eq!(output.status.code(), Some(3));
    let text = stdout(&output);
    assert!(text.contains("ok    level 50 is paid\n"), "{text}");
    assert!(text.contains("FAIL  a <generous> & \"kind\" season  (a.test.hcl:6)\n"), "{text}");
    assert!(text.contains("credit.coins  expected 201  actual 200  a.test.hcl:10\n"), "{text}");
    assert!(text.trim_end().lines().last().unwrap().starts_with("1 of 2 cases of hunt failed"));

    let output = cairn(&["test", &rules, "-o", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let differs = &report["cases"][1]["differences"][0];
    assert_eq!((&differs["expected"], &differs["actual"]), (&"201".into(), &"200".into()));
    assert_eq!((&differs["file"], &differs["line"]), (&"a.test.hcl".into(), &10.into()));

    let output = cairn(&["test", &rules, "-o", "junit"]);
    assert_eq!(output.status.code(), Some(3));
    let xml = stdout(&output);
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hunt\" tests=\"2\" failures=\"1\""), "{xml}");
    assert!(xml.contains("name=\"a &lt;generous&gt; &amp; &quot;kind&quot; season\""), "{xml}");
    assert!(xml.contains("<failure message=\"credit.coins: expected 201, actual 200\""), "{xml}");

    let output = cairn(&["test", &rules, "--filter", "level 50"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("1 case of hunt passed"));
}

#[test]
fn what_cannot_be_run_says_why() {
    let dir = folder(&[("a.rules.hcl", RULES), ("a.test.hcl", &TESTS.replace("coins", "coin"))]);
    let rules = dir.path().display().to_string();
    for verb in ["test", "check"] {
        let output = cairn(&[verb, &rules]);
        let text = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains("C1201") && text.contains("did you mean `coins`?"), "{text}");
        assert!(text.contains("a.test.hcl:4:33"), "{text}");
    }
    let fails = |arguments: &[&str], says: &str| {
        let output = cairn(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(says), "{text}");
    };
    let dir = folder(&[("a.rules.hcl", RULES), ("a.test.hcl", TESTS)]);
    let sound = dir.path().display().to_string();
    fails(&["test", &sound, "--filter", "dragon"], "none of 2 test cases has `dragon` in its name");
    fails(&["check", &sound, "-o", "junit"], "junit is written by `cairn test` alone");
    let dir = folder(&[("a.rules.hcl", RULES)]);
    fails(&["test", &dir.path().display().to_string()], "no `test` block");
}

#[test]
fn a_test_file_alone_is_told_to_be_one() {
    let dir = folder(&[("a.rules.hcl", RULES), ("a.test.hcl", TESTS)]);
    let (file, rules) = (dir.path().join("a.test.hcl"), dir.path().display().to_string());
    let file = file.display().to_string();
    for arguments in [["test", &file], ["check", &file], ["build", &file]] {
        let output = cairn(&arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        let hint = format!("give the folder of its rules: `{rules}`");
        let parts = [&format!("{file} is a test file"), &hint];
        assert!(parts.iter().all(|part| text.contains(*part)), "{text}");
    }
    std::fs::remove_file(dir.path().join("a.rules.hcl")).unwrap();
    let output = cairn(&["check", &rules]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("holds tests, and no *.rules.hcl file"), "{text}");
}

#[test]
fn a_bundle_is_the_same_with_and_without_tests() {
    let build = |files: &[(&str, &str)]| {
        let dir = folder(files);
        let rules = dir.path().display().to_string();
        let output = cairn(&["check", &rules]);
        let built = cairn(&["build", &rules, "--version", "1.0.0", "-o", "json"]);
        let text = stdout(&built) + &String::from_utf8_lossy(&built.stderr);
        assert_eq!(built.status.code(), Some(0), "{text}");
        let report: serde_json::Value = serde_json::from_slice(&built.stdout).unwrap();
        (report["digest"].as_str().unwrap().to_owned(), output.status.code())
    };
    let (without, _) = build(&[("a.rules.hcl", RULES)]);
    let inside = format!("{TESTS}{RULES}");
    assert_eq!(build(&[("a.rules.hcl", &inside), ("b.test.hcl", "")]), (without.clone(), Some(0)));
    // A test that is wrong fails the check, and never the build of a fix.
    let wrong = TESTS.replace("coins", "coin");
    assert_eq!(build(&[("a.rules.hcl", RULES), ("b.test.hcl", &wrong)]), (without, Some(3)));
}

#[test]
fn a_watch_runs_again_after_an_edit() {
    let dir = folder(&[("a.rules.hcl", RULES), ("a.test.hcl", TESTS)]);
    let rules = dir.path().display().to_string();
    let mut child =
        command(&["test", &rules, "--watch", "-o", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next =
        || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["failed"], 1);
    std::fs::write(dir.path().join("a.test.hcl"), TESTS.replace("201", "200")).unwrap();
    assert_eq!(next()["failed"], 0);
    std::fs::write(dir.path().join("a.test.hcl"), TESTS.replace("coins", "coin")).unwrap();
    assert_eq!(next()["error"]["code"], "findings");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn coverage_names_the_line_that_no_test_exercised() {
    let dir = folder(&[("a.rules.hcl", RULES), ("a.test.hcl", &TESTS.replace("201", "200"))]);
    let rules = dir.path().display().to_string();
    let output = cairn(&["test", &rules, "--coverage"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("purse:\n        a.rules.hcl:15  never false  trigger.level >= 10\n"),
        "{text}"
    );
    let said = "coverage: 1 of 2 ways of clauses, 50 %; each may be true and false";
    assert!(text.contains(said), "{text}");
    let output = cairn(&["test", &rules, "--coverage", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["coverage"]["missing"][0]["line"], 15);
}

#[test]
fn a_long_clause_is_cut_with_an_ellipsis_by_coverage_as_by_an_explanation() {
    let long =
        (10..25).map(|n| format!("trigger.level > {n}")).collect::<Vec<_>>().join("\n    + ");
    let long = long.replace("trigger.level > ", "trigger.level * ");
    let rules = RULES.replace("trigger.level >= 10", &format!("({long}) > 2000"));
    let dir = folder(&[("a.rules.hcl", &rules), ("a.test.hcl", TESTS)]);
    let rules = dir.path().display().to_string();
    let text = stdout(&cairn(&["test", &rules, "--coverage"]));
    let cut = "(trigger.level * 10 + trigger.level * 11 + trigger.level * 12 + trigger.level * 13 + trigg…";
    assert!(text.contains(&format!("never false  {cut}\n")), "{text}");
    let context = ["--context", "{\"level\":9}"];
    let output =
        cairn(&[&["eval", "purse", "--explain", "--rules", &rules], &context[..]].concat());
    assert!(stdout(&output).contains(cut), "{output:?}");
}

#[test]
fn an_explanation_names_the_clause_that_decided() {
    let dir = folder(&[("a.rules.hcl", RULES)]);
    let rules = dir.path().display().to_string();
    let explain = |more: &[&str]| {
        let mut arguments = vec!["eval", "purse", "--explain", "--rules", &rules];
        arguments.extend(more);
        cairn(&arguments)
    };
    let output = explain(&["--context", "{\"level\":9}", "--at", "2026-11-20T20:00:00Z"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("purse does not fire, decided by\n  a.rules.hcl:15  trigger.level >= 10 is false: trigger.level is 9\n"), "{text}");
    let output = explain(&["--context", "{\"level\":50}", "-o", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&answer["holds"], &answer["decided_by"][0]["line"]), (&true.into(), &15.into()));
    let coins = &answer["expressions"][1];
    assert_eq!((&coins["what"], &coins["value"]), (&"credit.coins".into(), &"450".into()));
    let fails = |arguments: &[&str], says: &[&str]| {
        let output = cairn(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(says.iter().all(|part| text.contains(part)), "{text}");
    };
    fails(&["eval", "purse", "--explain"], &["needs the sources", "--rules DIR"]);
    fails(&["eval", "pures", "--explain", "--rules", &rules], &["did you mean `purse`?"]);
    fails(&["eval", "condition.x", "--explain", "--rules", &rules], &["no condition `x`"]);
    fails(&["eval", "purse", "--explain", "--rules", &rules, "--at", "soon"], &["soon", "2026"]);
    fails(&["eval", "purse", "--explain", "--rules", &rules], &["level"]);
}

/// Two triggers, a condition that reads no field, and an entry that falls for both.
const TWO: &str = r#"ruleset "fair" {
  dialect = 1
  context = "fair@1"
}
trigger "fell" {
  fields = { level = int(1, 80), warmth = decimal(0.0, 1.0) }
}
trigger "open" {
  fields = { level = int(1, 80), size = int(1, 3) }
}
condition "season" { when = since("2026-12-12T00:00:00Z") >= "0s" }
condition "veteran" { when = trigger.level >= 40 }
loot_table "chest" {
  entry "coin" { weight = 9 }
  entry "crown" {
    weight = 1
    when   = condition.veteran
  }
}
rule "snow" {
  on   = fell
  when = condition.season && condition.veteran
  emit "snow" { table = chest }
}
rule "present" {
  on   = open
  when = condition.season && trigger.size > 1
  emit "present" { table = chest }
}
"#;

#[test]
fn an_explanation_says_for_which_trigger_and_asks_for_what_is_read_alone() {
    let dir = folder(&[("a.rules.hcl", TWO)]);
    let rules = dir.path().display().to_string();
    let explain = |name: &str, more: &[&str]| {
        let head = ["eval", name, "--explain", "--rules", &rules, "--at", "2026-12-20"];
        cairn(&[&head[..], more].concat())
    };
    let says = |name: &str, more: &[&str], head: &str, last: &str| {
        let output = explain(name, more);
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text.starts_with(head) && text.trim_end().ends_with(last), "{text}");
    };
    let either = "judged for fell; for another: --trigger open";
    says("condition.season", &[], "condition.season holds", either);
    says("condition.season", &["--trigger", "open"], "condition.season holds", "judged for open");
    let level = ["--context", "{\"level\":40}"];
    says("condition.veteran", &level, "condition.veteran holds", either);
    says("chest.crown", &level, "chest.crown may fall", either);
    // What is given says which trigger is meant.
    let size = ["--context", "{\"level\":9,\"size\":1}"];
    let open = "judged for open; for another: --trigger fell";
    says("chest.crown", &size, "chest.crown cannot fall", open);
    let size = ["--context", "{\"size\":1}"];
    says("present", &size, "present does not fire", "trigger.size = 1");
    let output = explain("chest.crown", &[&level[..], &["-o", "json"]].concat());
    let answer: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let triggers = (&answer["trigger"], &answer["other_triggers"]);
    assert_eq!(triggers, (&"fell".into(), &serde_json::json!(["open"])));
    let fails = |name: &str, more: &[&str], says: &[&str], not: &str| {
        let output = explain(name, more);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(says.iter().all(|part| text.contains(part)) && !text.contains(not), "{text}");
    };
    let missing = "the field `level` is missing";
    fails("chest.crown", &[], &[missing, "judged for fell; for another"], "warmth");
    fails("snow", &[], &[missing], "warmth");
    // By its bare name.
    fails(
        "season",
        &[],
        &["there is no rule `season`", "did you mean `condition.season`?"],
        "snow",
    );
    fails("crown", &[], &["did you mean `chest.crown`?"], "snow");
    // What stands on stdin is read once.
    let mut child = command(&["eval", "chest.crown", "--explain", "--rules", &rules])
        .args(["--context", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"{\"level\":9,\"size\":1}")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = stdout(&output);
    assert!(
        text.starts_with("chest.crown cannot fall") && text.contains("judged for open"),
        "{text}"
    );
    // Without a time it is this machine's, and that is said where it matters.
    let clocked = |name: &str| {
        stdout(&cairn(&["eval", name, "--explain", "--rules", &rules, level[0], level[1]]))
    };
    let text = clocked("condition.season");
    assert!(
        text.contains("\njudged at 20") && text.contains("for another time: --at TIME\n"),
        "{text}"
    );
    assert!(!clocked("condition.veteran").contains("judged at"));
    // Without an explanation all rules of the trigger are evaluated, on all of its fields.
    let output = cairn(&["eval", "snow", "--rules", &rules, level[0], level[1]]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("`warmth` is missing"), "{output:?}");
}

#[test]
fn a_test_that_fails_is_told_that_it_gives_no_time_where_rules_ask_for_it() {
    let case = |more: &str| {
        format!(
            "test \"late\" {{\n  on      = fell\n  trigger = {{ level = 50 }}\n{more}  fired   = [snow]\n}}\n"
        )
    };
    let run = |tests: &str| {
        let dir = folder(&[("a.rules.hcl", TWO), ("a.test.hcl", tests)]);
        cairn(&["test", &dir.path().display().to_string()])
    };
    let output = run(&case(""));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = stdout(&output);
    let told = "the test leaves out now = 1970-01-01T00:00:00.000Z, warmth = 0";
    assert!(text.contains(told), "{text}");
    let output = run(&case("  now     = \"2026-12-01T00:00:00Z\"\n"));
    let text = stdout(&output);
    assert!(text.contains("the test leaves out warmth") && !text.contains("now ="), "{text}");
    assert_eq!(run(&case("  now     = \"2026-12-20T00:00:00Z\"\n")).status.code(), Some(0));
    // Timers that a test does not name are not active, whatever their schedule says.
    let rules = TWO.replace("condition.season &&", "active(dawn) &&").replace(
        "condition \"season\"",
        "timer \"dawn\" {\n  every    = \"1d\"\n  duration = \"1h\"\n}\ncondition \"season\"",
    );
    let run = |active: &str| {
        let dir = folder(&[("a.rules.hcl", &rules), ("a.test.hcl", &case(active))]);
        let path = dir.path().display().to_string();
        (stdout(&cairn(&["test", &path])), stdout(&cairn(&["test", &path, "-o", "json"])))
    };
    let (text, report) = run("");
    let told = "the test leaves out active(dawn) = false, warmth = 0";
    assert!(text.contains(told), "{text}");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let case = &report["cases"][0];
    let unsaid = (&case["unsaid"]["active(dawn)"], &case["left_out"]["warmth"]);
    assert_eq!(unsaid, (&"false".into(), &"0".into()), "{report}");
    let (text, _) = run("  active  = { dawn = true }\n");
    assert!(text.contains("1 case of fair passed"), "{text}");
}
