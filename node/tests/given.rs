//! The real binary: what a designer gives to `eval` and `roll` (times, timers, misses, numbers), and
//! what is said about mistakes in it.

use std::process::{Command, Output, Stdio};

const RULES: &str = r#"ruleset "event" {
  dialect = 1
  context = "hunt@1"
}
trigger "open" {
  fields = { level = int(1, 60), joined = instant, kind = kind }
}
enum "kind" { values = ["small", "large"] }
counter "opened" {
  on     = open
  per    = player
  window = "1h"
}
timer "snow" {
  cron     = "0 18 20 DEC *"
  zone     = "UTC"
  duration = "2h"
}
loot_table "gift" {
  entry "coin" { weight = 1 }
  entry "wolf" {
    weight = 2000000000
    when   = active(snow) && rate(opened) < 5 && bucket(2) == 0
  }
}
loot_table "chest" {
  entry "gold"  { weight = 99 }
  entry "crown" { weight = 1 }
  pity "crown" { after = 50 }
}
rule "gift" {
  on   = open
  when = since(trigger.joined) > "1d"
  emit "gift" { table = gift }
}
rule "chest" {
  on = open
  emit "chest" { table = chest }
}
trigger "fought" {
  fields = { share = decimal(0.0, 1.0), took = duration("0s", "1h"), born = instant }
}
rule "fought" {
  on = fought
  emit "fought" { share = trigger.share }
}
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("event.rules.hcl"), RULES).unwrap();
        Folder(dir)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CAIRN_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).arg("--rules").arg(self.0.path());
        command.stdin(Stdio::null()).output().unwrap()
    }

    #[track_caller]
    fn says(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        (text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn refuses(&self, arguments: &[&str], parts: &[&str]) {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in {text}");
    }
}

const CONTEXT: &str = r#"{"level":1,"joined":"2025-01-01T00:00:00Z","kind":"small"}"#;

/// `roll gift` under the trigger, with more.
fn gift<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["roll", "gift", "--trigger", "open", "--context", CONTEXT], more].concat()
}

#[test]
fn a_roll_is_judged_at_a_time_with_timers_counters_and_a_player() {
    let folder = Folder::new();
    let inside = ["--at", "2026-12-20T18:30:00Z"];
    let (text, note) = folder.says(&gift(&inside));
    assert!(text.contains("wolf") && note.is_empty(), "{text}{note}");
    // Each part of the condition can be given, and what fails is told with its time.
    // The condition holds for half of the players.
    let coin = |player: &String| {
        let more = ["--active", "snow=true", "--player", player];
        folder.says(&gift(&more)).0.contains("coin")
    };
    let player = (1..50_u64).map(|player| player.to_string()).find(coin).unwrap();
    for (more, told) in [
        (&["--at", "2026-12-20"][..], "at 2026-12-20T00:00:00.000Z"),
        (&["--at", "2026-12-20T18:30:00Z", "--counter", "opened=5"], "at 2026-12-20T18:30:00.000Z"),
        (&["--active", "snow=false"], "at now"),
        (&["--active", "snow=true", "--player", &player], "at now"),
    ] {
        let (text, note) = folder.says(&gift(more));
        assert!(text.contains("coin"), "{more:?}: {text}");
        assert!(note.contains("left out: wolf: the condition does not hold"), "{note}");
        assert!(note.contains(told), "{told} in {note}");
    }
    let (text, _) = folder.says(&gift(&["--active", "snow=true"]));
    assert!(text.contains("wolf"), "{text}");
    // Without a trigger the entry cannot fall: that is said, and what would be ignored is refused.
    let (_, note) = folder.says(&["roll", "gift", "--count", "40"]);
    assert!(note.contains("left out: wolf") && note.contains("--trigger"), "{note}");
    folder.refuses(
        &["roll", "gift", "--at", "2026-12-20", "--active", "snow=true"],
        &["--at, --active need --trigger", "hint:"],
    );
    let (json, _) = folder.says(&["roll", "gift", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let left_out = serde_json::json!([{"table": "gift", "entry": "wolf", "judged": false}]);
    assert_eq!(json["left_out"], left_out);
    let (_, note) = folder.says(&["roll", "chest"]);
    assert_eq!(note, "", "nothing is left out");
}

#[test]
fn misses_stand_in_the_table_as_they_do_in_json() {
    let folder = Folder::new();
    let eval = |misses: &str| {
        let pity = format!("{{\"chest\":{{\"crown\":{misses}}}}}");
        folder.says(&["eval", "chest", "--context", CONTEXT, "--pity", &pity]).0
    };
    let text = eval("50");
    assert!(text.contains("crown ×1"), "{text}");
    let last = |text: &str| {
        let line = text.trim_end().lines().last().unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(text.contains("MISSES"), "{text}");
    assert_eq!(last(&text), ["chest", "crown", "0"]);
    assert_eq!(last(&eval("7")), ["chest", "crown", "8"], "{}", eval("7"));
}

#[test]
fn a_number_in_quotes_is_no_instant_and_a_date_is_a_time() {
    let folder = Folder::new();
    let eval = |joined: &str| {
        let context = format!("{{\"level\":1,\"kind\":\"small\",\"joined\":{joined}}}");
        folder.run(&["eval", "gift", "--context", &context, "--at", "2026-12-20"])
    };
    for (joined, code) in [
        ("\"2025-01-01T00:00:00Z\"", 0),
        ("1735689600000", 0),
        ("\"2025\"", 2),
        ("\"20250101\"", 2),
        ("\"1735689600000\"", 2),
        ("\"-1\"", 2),
        ("\"2025-01-01\"", 2),
    ] {
        let output = eval(joined);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{joined}: {text}");
        assert!(code == 0 || text.contains("2026-11-20T20:00:00Z"), "{joined}: {text}");
    }
    folder.refuses(
        &["eval", "gift", "--context", CONTEXT, "--at", "2026-13-01"],
        &["`2026-13-01` is neither a date"],
    );
}

#[test]
fn mistakes_in_what_is_given_are_told_all_at_once_with_what_fits() {
    let folder = Folder::new();
    let context = r#"{"level":"x","kind":"smal","lvl":1}"#;
    folder.refuses(
        &["eval", "gift", "--context", context],
        &[
            "`level` is a whole number, not a text",
            "no field `lvl`",
            "smal",
            "did you mean `small`?",
            "the field `joined` is missing",
        ],
    );
    // Eight are told, the rest is counted.
    let many: String = (0..9).map(|n| format!(",\"f{n}\":1")).collect();
    let context = format!("{}{many}}}", CONTEXT.trim_end_matches('}'));
    folder.refuses(&["eval", "gift", "--context", &context], &["`f7`", "and 1 more"]);
    let eval = ["eval", "gift", "--context", CONTEXT];
    for (more, parts) in [
        (["--active", "snow=yes"], ["`yes` does not fit", "NAME=true or NAME=false"]),
        (["--active", "snow"], ["write NAME=true or NAME=false", "snow"]),
        (["--counter", "opened=-1"], ["`-1` does not fit", "a whole number of at least 0"]),
        (["--seed", "-1"], ["invalid value '-1'", "--seed <N>"]),
        (["--player", "-1"], ["invalid value '-1'", "--player <N>"]),
    ] {
        folder.refuses(&[&eval[..], &more].concat(), &parts);
    }
    folder.refuses(&["roll", "gift", "--count", "-1"], &["invalid value '-1'", "--count <N>"]);
    folder.refuses(&["sim", "gift", "--seed", "-1"], &["invalid value '-1'", "--seed <N>"]);
}

#[test]
fn what_is_out_of_range_is_told_in_the_unit_in_which_it_is_given() {
    let folder = Folder::new();
    let context = r#"{"share":2,"took":"2h","born":-1}"#;
    let parts = [
        "`share` is 2.0, allowed are 0.0 to 1.0; ",
        "`took` is \"2h\", allowed are \"0s\" to \"1h\"",
        "`born` is -1, allowed are \"1970-01-01T00:00:00.000Z\" to \"9999-12-31T23:59:59.999Z\"; ",
        "hint: give a value from",
        "give a value from 0.0 to 1.0",
        "give a value from \"0s\" to \"1h\"",
    ];
    folder.refuses(&["eval", "fought", "--context", context], &parts);
    // Both ends that the hint names are allowed.
    for (share, took, born) in
        [("0.0", "0s", "1970-01-01T00:00:00.000Z"), ("1.0", "1h", "9999-12-31T23:59:59.999Z")]
    {
        let context = format!(r#"{{"share":{share},"took":"{took}","born":"{born}"}}"#);
        folder.says(&["eval", "fought", "--context", &context]);
    }
}

#[test]
fn a_test_states_a_pity_and_a_folder_without_tests_shows_one_that_compiles() {
    let folder = Folder::new();
    let cairn_test = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
        command.arg("test").arg(folder.0.path()).args(more).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let tests = folder.0.path().join("event.test.hcl");
    // The hint is a test as it is to be written: with names of the folder it runs.
    let (code, _, error) = cairn_test(&[]);
    assert_eq!(code, Some(2), "{error}");
    let from = error.find("test \"what holds\"").unwrap_or_else(|| panic!("{error}"));
    let to = error.rfind('}').unwrap();
    let shown = error[from..=to].replace("= trigger", "= open").replace("[rule]", "[chest]");
    std::fs::write(&tests, shown).unwrap();
    let (code, text, error) = cairn_test(&[]);
    assert_eq!(code, Some(0), "{text}{error}");

    let pity = "test \"the crown\" {\n  on   = open\n  pity = { chest = { crown = 50 } }\n  \
                expect \"chest\" {\n    loot   = { crown = 1 }\n    \
                misses = { chest = { crown = 0 } }\n  }\n}\n";
    std::fs::write(&tests, pity).unwrap();
    let (code, text, error) = cairn_test(&["--coverage"]);
    assert_eq!(code, Some(0), "{text}{error}");
    std::fs::write(&tests, pity.replace("crown = 50", "crown = 7")).unwrap();
    let (code, text, _) = cairn_test(&[]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("chest misses chest.crown") && text.contains("actual 8"), "{text}");
}
