//! `cairn sim` through the real binary.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const RULES: &str = r#"ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
trigger "kill" {
  fields = { level = int(1, 100) }
}
loot_table "chest" {
  entry "coin" {
    weight = 60
    count  = [2, 4]
  }
  entry "gem" {
    weight = 39
    table  = gems
  }
  entry "crown" {
    weight = 1
    when   = trigger.level >= 40
  }
}
loot_table "gems" {
  entry "ruby" { weight = 1 }
  entry "opal" { weight = 3 }
}
rule "drop" {
  on = kill
  emit "drop" { table = chest }
}
"#;

fn cairn(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn rules() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.rules.hcl"), RULES).unwrap();
    dir
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn sim(dir: &Path, more: &[&str]) -> Output {
    let rules = dir.display().to_string();
    let mut arguments = vec!["sim", "chest", "--rules", &rules, "--runs", "50000", "--seed", "7"];
    arguments.extend(more);
    cairn(&arguments)
}

#[test]
fn observed_is_beside_declared_and_equal_on_any_number_of_threads() {
    let dir = rules();
    let (with, at) =
        (["--trigger", "kill", "--context", "{\"level\":50}", "-o", "json"], "2026-12-20");
    let answers: Vec<String> = ["1", "2", "5"]
        .iter()
        .map(|threads| {
            let mut more = with.to_vec();
            more.extend(["--at", at, "--threads", threads]);
            let output = sim(dir.path(), &more);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(output.stderr.is_empty(), "a bar outside a terminal");
            stdout(&output)
        })
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let answer: serde_json::Value = serde_json::from_str(&answers[0]).unwrap();
    assert_eq!((&answer["runs"], &answer["players"]), (&50_000.into(), &50.into()));
    let names: Vec<&str> = answer["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["entry"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["coin", "crown", "gems.ruby", "gems.opal"]);
    for (entry, declared) in [(0, 0.6), (1, 0.01), (2, 0.0975), (3, 0.2925)] {
        let entry = &answer["entries"][entry];
        assert!((entry["declared"].as_f64().unwrap() - declared).abs() < 1e-12, "{entry}");
        assert_eq!(entry["inside"], true, "{entry}");
    }
    assert!(answer["entries"][1]["drought_p99"].as_u64().unwrap() > 300);
}

#[test]
fn conditional_entries_worth_and_picture() {
    let dir = rules();
    let (values, plot) = (dir.path().join("values.json"), dir.path().join("odds.svg"));
    std::fs::write(&values, "{\"coin\": 1, \"opal\": 2.5}").unwrap();
    let (values, plot) = (values.display().to_string(), plot.display().to_string());
    let output = sim(dir.path(), &["--values", &values, "--plot", &plot]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    // Without a trigger the crown is left out: 60 of 99 and 39 of 99.
    assert!(!text.contains("\ncrown") && text.contains("60.6 %"), "{text}");
    let declared = 60.0 / 99.0 * 3.0 + 39.0 / 99.0 * 0.75 * 2.5;
    assert!(text.contains(&format!("declared {declared:.6}")), "{text}");
    let svg = std::fs::read_to_string(&plot).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("gems.opal"), "{svg}");
}

#[test]
fn what_does_not_fit_is_exit_code_2_with_the_limit_and_a_hint() {
    let dir = rules();
    let path = dir.path().display().to_string();
    let fails = |arguments: &[&str], says: &[&str]| {
        let output = cairn(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(says.iter().all(|part| text.contains(part)), "{text}");
    };
    fails(&["sim", "chets", "--rules", &path], &["no loot table `chets`", "did you mean `chest`?"]);
    fails(&["sim", "chest", "--rules", &path, "--runs", "0"], &["--runs"]);
    fails(
        &["sim", "chest", "--rules", &path, "--runs", "1000000001"],
        &["1000000001", "1000000000"],
    );
    fails(&["sim", "chest", "--rules", &path, "--rolls-per-player", "1000001"], &["1000001"]);
    fails(&["sim", "chest", "--rules", &path, "--trigger", "kil"], &["kil", "kill"]);
    let values = dir.path().join("values.json");
    std::fs::write(&values, "{\"coim\": 1}").unwrap();
    let values = values.display().to_string();
    fails(
        &["sim", "chest", "--rules", &path, "--values", &values],
        &["`coim`", "did you mean `coin`?"],
    );
}

#[test]
fn a_bundle_rolls_like_its_sources() {
    let dir = rules();
    let path = dir.path().display().to_string();
    let bundle = dir.path().join("hunt.bundle").display().to_string();
    let ok = |arguments: &[&str]| {
        let output = cairn(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        stdout(&output)
    };
    ok(&["build", &path, "--out", &bundle]);
    let by = |more: &[&str]| {
        let head = ["sim", "chest", "--runs", "20000", "--seed", "7", "-o", "json"];
        let answer = ok(&[&head[..], more].concat());
        serde_json::from_str::<serde_json::Value>(&answer).unwrap()
    };
    let mut sources = by(&["--rules", &path]);
    // All but the words, which a bundle does not hold.
    let when = sources["left_out"][0].as_object_mut().unwrap().remove("when");
    assert_eq!(when, Some("trigger.level >= 40".into()));
    assert_eq!(by(&["--rules", &bundle]), sources);
    // Neither a bundle nor rules, and no agent.
    let broken = dir.path().join("broken.bundle");
    std::fs::write(&broken, "no bundle").unwrap();
    let output = cairn(&["sim", "chest", "--rules", &broken.display().to_string()]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let alone = "rules in a folder, or a bundle, need none: --rules PATH";
    for verb in ["sim", "roll", "eval"] {
        let output = cairn(&[verb, "chest", "--addr", "http://127.0.0.1:1"]);
        assert_eq!(output.status.code(), Some(6), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("cairn dev") && text.contains(alone), "{text}");
    }
}

/// The same table, and one whose crown falls while it snows.
fn snowing() -> tempfile::TempDir {
    let dir = rules();
    let more = r#"
timer "snow" {
  cron     = "0 18 20 DEC *"
  zone     = "UTC"
  duration = "2h"
}
loot_table "gift" {
  entry "coin" { weight = 9 }
  entry "wolf" {
    weight = 1
    when   = active(snow)
  }
}
rule "gift" {
  on = kill
  emit "gift" { table = gift }
}
"#;
    std::fs::write(dir.path().join("a.rules.hcl"), format!("{RULES}{more}")).unwrap();
    dir
}

#[test]
fn what_is_left_out_is_told_with_its_reason_and_its_time() {
    let dir = snowing();
    let rules = dir.path().display().to_string();
    let gift = |more: &[&str]| {
        let arguments = ["sim", "gift", "--rules", &rules, "--runs", "1000"];
        cairn(&[&arguments[..], more].concat())
    };
    let kill = ["--trigger", "kill", "--context", "{\"level\":1}"];
    let text = stdout(&gift(&[]));
    let told = "left out: wolf (when active(snow)): no condition is judged without --trigger";
    assert!(text.contains(told), "{text}");
    // Snow falls for two hours a year: at any other time the entry is out, and says when it was.
    let text = stdout(&gift(&[&kill[..], &["--at", "2026-12-20T20:00:00Z"]].concat()));
    let hint = "judged at 2026-12-20T20:00:00.000Z\n  hint: give another --active snow=true or false, --at TIME\n";
    assert!(text.contains(hint), "{text}");
    let text = stdout(&gift(&[&kill[..], &["--at", "2026-12-20T19:59:59Z"]].concat()));
    assert!(text.contains("\nwolf") && !text.contains("left out"), "{text}");
    assert!(text.contains("conditions judged at 2026-12-20T19:59:59.000Z"), "{text}");
    // A date is the midnight that it begins with. Without a time it is now, and that is said.
    let json = |more: &[&str]| -> serde_json::Value {
        serde_json::from_str(&stdout(&gift(&[&kill[..], more, &["-o", "json"]].concat()))).unwrap()
    };
    let answer = json(&["--at", "2026-12-20"]);
    assert_eq!(answer["judged_at_ms"], 1_797_724_800_000_i64);
    assert_eq!(
        answer["left_out"],
        serde_json::json!([{"entry": "wolf", "when": "active(snow)", "judged": true}])
    );
    let now = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    let (before, answer, after) = (now(), json(&[]), now());
    assert!((before..=after).contains(&answer["judged_at_ms"].as_i64().unwrap()), "{answer}");
    // Where no entry has a condition, none was judged.
    let more = "loot_table \"plain\" {\n  entry \"coin\" { weight = 1 }\n}\n\
                rule \"plain\" {\n  on = kill\n  emit \"plain\" { table = plain }\n}\n";
    let path = dir.path().join("plain.rules.hcl");
    std::fs::write(&path, more).unwrap();
    let plain = ["sim", "plain", "--rules", &rules, "--runs", "1000"];
    let plain = stdout(&cairn(&[&plain[..], &kill].concat()));
    assert!(plain.contains("\ncoin") && !plain.contains("judged at"), "{plain}");
    std::fs::remove_file(path).unwrap();
    // What would be ignored is refused.
    for (option, value) in [
        ("--at", "2026-12-20"),
        ("--context", "{}"),
        ("--counter", "kills=1"),
        ("--active", "snow=true"),
        ("--zone", "eu"),
        ("--shard", "7"),
    ] {
        let output = gift(&[option, value]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains(&format!("{option} needs --trigger")) && text.contains("hint:"),
            "{text}"
        );
    }
}

#[test]
fn counters_and_timers_are_given_and_the_hint_names_what_the_conditions_read() {
    let dir = snowing();
    let more = r#"
counter "kills" {
  on     = kill
  per    = player
  window = "1h"
}
param "least" {
  type    = int
  default = 3
  range   = [0, 9]
  override {
    zone  = "eu"
    value = 2
  }
}
loot_table "sack" {
  entry "coal" { weight = 9 }
  entry "crown" {
    weight = 1
    when   = rate(kills) >= param.least && active(snow)
  }
  entry "fox" {
    weight = 1
    when   = trigger.level >= 40
  }
  entry "owl" {
    weight = 1
    when   = since("2026-12-24T00:00:00Z") >= "0s"
  }
}
rule "sack" {
  on = kill
  emit "sack" { table = sack }
}
"#;
    let path = dir.path().join("a.rules.hcl");
    let rules = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{rules}{more}")).unwrap();
    let rules = dir.path().display().to_string();
    let sack = |level: u8, more: &[&str]| {
        let context = format!("{{\"level\":{level}}}");
        let arguments = ["sim", "sack", "--rules", &rules, "--runs", "1000", "--trigger", "kill"];
        let output = cairn(&[&arguments[..], &["--context", &context], more].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        stdout(&output)
    };
    let inside = ["--at", "2026-12-20T18:30:00Z"];
    let text = sack(50, &[&inside[..], &["--counter", "kills=3"]].concat());
    assert!(text.contains("\ncrown") && text.contains("left out: owl"), "{text}");
    assert!(text.contains("hint: give another --at TIME\n"), "{text}");
    let text = sack(50, &["--at", "2027-01-01", "--counter", "kills=3", "--active", "snow=true"]);
    assert!(text.contains("\ncrown") && !text.contains("left out"), "{text}");
    let text = sack(50, &[&inside[..], &["--counter", "kills=2", "--zone", "eu"]].concat());
    assert!(text.contains("\ncrown"), "{text}");
    // The time is right and the count is not.
    let text = sack(1, &inside);
    let hint = "hint: give another --context (level), --counter kills=N, --active snow=true or false, \
                --at TIME, --zone and --shard for overrides\n";
    assert!(text.contains("left out: crown (when rate(kills)") && text.contains(hint), "{text}");
}

#[test]
fn a_bundle_file_is_simulated_as_its_folder_is() {
    let dir = snowing();
    let rules = dir.path().display().to_string();
    let bundle = dir.path().join("hunt.bundle").display().to_string();
    let built = cairn(&["build", &rules, "--out", &bundle]);
    assert_eq!(built.status.code(), Some(0), "{built:?}");
    let answer = |of: &str| -> serde_json::Value {
        let more = ["--trigger", "kill", "--context", "{\"level\":50}", "--at", "2026-12-20"];
        let arguments = ["sim", "chest", "--rules", of, "--runs", "1000", "-o", "json"];
        let output = cairn(&[&arguments[..], &more].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_str(&stdout(&output)).unwrap()
    };
    assert_eq!(answer(&rules), answer(&bundle));
    // A bundle has no words: the entry is named without its condition.
    let output = cairn(&["sim", "gift", "--rules", &bundle, "--runs", "10"]);
    assert!(stdout(&output).contains("left out: wolf: no condition"), "{output:?}");
}

/// On a terminal the bar moves, and Ctrl-C ends the rolls with what was counted until then.
#[test]
fn a_terminal_has_a_bar_and_ctrl_c_keeps_what_was_rolled() {
    let dir = rules();
    // More rolls than anybody waits for; should the bar never come, they end by themselves. `exec`,
    // because Ctrl-C goes to the shell too, and some shells would end by it while this goes on.
    let sim = format!(
        "exec {} sim chest --rules {} --runs 100000000 --threads 1",
        env!("CARGO_BIN_EXE_cairn"),
        dir.path().display()
    );
    // `script`, of every Debian's base system, gives it a terminal whose keyboard is our pipe.
    let mut child = Command::new("script")
        .args(["-qefc", &sim, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`script` of util-linux");
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut seen, mut buffer) = (Vec::new(), [0; 4_096]);
    let mut pressed = false;
    loop {
        let count = screen.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        seen.extend_from_slice(&buffer[..count]);
        if !pressed && String::from_utf8_lossy(&seen).contains("of 100000000 rolls") {
            keys.write_all(b"\x03").unwrap();
            keys.flush().unwrap();
            pressed = true;
        }
    }
    let text = String::from_utf8_lossy(&seen).into_owned();
    assert!(child.wait().unwrap().success(), "{text}");
    assert!(text.contains('░') && text.contains(" %  "), "{text}");
    assert!(text.contains("stopped early") && text.contains("ENTRY"), "{text}");
    // The line of the bar is gone before the table is shown.
    assert!(text.contains("\r\u{1b}[K"), "{text}");
}

#[test]
fn what_no_condition_of_the_table_reads_need_not_be_given() {
    let dir = tempfile::tempdir().unwrap();
    let fields = "level = int(1, 100), party = int(1, 5), rank = int(1, 9)";
    let rules = RULES.replace("level = int(1, 100)", fields).replace(
        "entry \"ruby\" { weight = 1 }",
        "entry \"ruby\" {\n    weight = 1\n    when   = trigger.party > 2\n  }",
    );
    std::fs::write(dir.path().join("a.rules.hcl"), rules).unwrap();
    let run = |context: &str| sim(dir.path(), &["--trigger", "kill", "--context", context]);
    let output = run("{\"level\":50,\"party\":3}");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    assert!(
        text.contains("\ncrown") && text.contains("ruby") && !text.contains("left out"),
        "{text}"
    );
    // What the tables that it leads to read is asked for, what nothing reads is not.
    let output = run("{\"level\":50}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("party") && !told.contains("rank"), "{told}");
    // What is given all the same is held to its range.
    let output = run("{\"level\":50,\"party\":3,\"rank\":10}");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
