//! The real binary: help, exit codes, and errors that say what, where, how much and what now.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn cairn(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn fixture() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hunt").display().to_string()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

#[track_caller]
fn fails(arguments: &[&str], exit: i32, says: &[&str]) {
    let output = cairn(arguments);
    let text = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {text}");
    for part in says {
        assert!(text.contains(part), "{arguments:?} does not say {part:?}: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

/// A folder of rules that goes when it is dropped.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &[u8])]) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        Folder(dir)
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn arg(&self) -> String {
        self.path().display().to_string()
    }
}

#[test]
fn help_shows_examples_before_usage_and_exits_with_0() {
    for arguments in [&[][..], &["--help"], &["help"]] {
        let output = cairn(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let text = stdout(&output);
        let examples = text.find("Examples:").unwrap();
        assert!(examples < text.find("Usage:").unwrap(), "{text}");
        for verb in [
            "check", "plan", "breaking", "calendar", "build", "publish", "rollout", "rollback",
            "status", "eval", "roll", "events", "dev", "agent", "keys",
        ] {
            assert!(text.contains(&format!("\n  {verb} ")), "{verb}: {text}");
        }
        assert!(!text.contains("__compile"));
        assert!(text.contains("7 conflict"));
    }
    for verb in ["check", "rollback", "dev", "events", "agent"] {
        let text = stdout(&cairn(&[verb, "--help"]));
        assert!(text.find("Example").unwrap() < text.find("Usage:").unwrap(), "{text}");
    }
    assert!(stdout(&cairn(&["--version"])).starts_with("cairn "));
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_names_the_mistake() {
    fails(&["chekc"], 2, &["chekc", "check"]);
    fails(&["check"], 2, &["RULES"]);
    fails(&["check", "x", "--wat"], 2, &["--wat"]);
    fails(&["status", "-o", "xml"], 2, &["xml", "table", "json"]);
    fails(&["status", "--timeout", "5"], 2, &["500ms, 30s"]);
    fails(&["status", "--addr", "localhost"], 2, &["unix:PATH"]);
    fails(&["rollback"], 2, &["--reason"]);
    fails(&["dev", "x", "--nodes", "0"], 2, &["--nodes"]);
    fails(
        &["rollout", "1.0.0", "--reason", "r", "--steps", "1%,100%"],
        2,
        &["staged rollout is not in this version", "moves the whole channel at once"],
    );
    fails(&["build", &fixture(), "--version", "one"], 2, &["`one` is not a version", "1.4.2"]);
}

#[test]
fn errors_are_json_when_json_is_asked_for() {
    let output = cairn(&["check", "/nowhere", "-o", "json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).is_empty());
    let error = &json(&output)["error"];
    assert_eq!((error["exit"].as_u64(), error["code"].as_str()), (Some(2), Some("usage")));
    assert!(error["message"].as_str().unwrap().contains("/nowhere"));
    assert!(error["hint"].is_string());
    let output = cairn(&["chekc", "-o", "json"]);
    assert_eq!(json(&output)["error"]["exit"], 2);
}

#[test]
fn an_agent_that_is_not_there_is_exit_code_6() {
    // Nothing listens on port 1 of loopback.
    let addr = "http://127.0.0.1:1";
    fails(&["status", "--addr", addr], 6, &["no agent at http://127.0.0.1:1", "cairn dev"]);
    fails(&["status", "--addr", "unix:/nowhere/x.sock"], 6, &["unix:/nowhere/x.sock"]);
    fails(&["events", "publish", "t", "{}", "--addr", addr], 6, &["no agent"]);
}

#[test]
fn bad_json_on_the_command_line_is_named_before_anything_is_sent() {
    fails(&["events", "publish", "t", "{oops"], 2, &["not JSON", "line 1 column 2"]);
    fails(&["events", "publish", "t", "{}", "--level", "all"], 2, &["replicated:2"]);
    fails(&["events", "publish", "t", "{}", "--key", "x"], 2, &["SCOPE:NUMBER"]);
    fails(
        &["eval", "crypt_drop", "--context", "{\"level\":}"],
        2,
        &["not a JSON object", "column"],
    );
    fails(&["eval", "crypt_drop", "--context", "/nowhere.json"], 2, &["/nowhere.json"]);
}

#[test]
fn a_sound_folder_is_checked_and_built_to_one_digest() {
    let output = cairn(&["check", &fixture()]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("0 errors"), "{}", stdout(&output));
    let build = |rules: &str| {
        let output = cairn(&["build", rules, "--version", "1.0.0", "-o", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        json(&output)["digest"].as_str().unwrap().to_owned()
    };
    let first = build(&fixture());
    assert_eq!(first.len(), 64);
    // Elsewhere, written in another order: the same digest.
    let read = |name: &str| std::fs::read(Path::new(&fixture()).join(name)).unwrap();
    let (base, crypt) = (read("base.rules.hcl"), read("crypt.rules.hcl"));
    let other = Folder::new(&[("crypt.rules.hcl", &crypt), ("base.rules.hcl", &base)]);
    assert_eq!(build(&other.arg()), first);
    let out = other.path().join("hunt.bundle");
    let output = cairn(&["build", &other.arg(), "--out", &out.display().to_string()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(out.is_file());
}

#[test]
fn a_mistake_shows_file_line_caret_code_cause_and_fix() {
    let base = std::fs::read(Path::new(&fixture()).join("base.rules.hcl")).unwrap();
    let wrong =
        b"rule \"r\" {\n  on   = boss_kil\n  when = trigger.level >= 10\n  emit \"e\" {}\n}\n";
    let folder = Folder::new(&[("base.rules.hcl", &base), ("wrong.rules.hcl", wrong)]);
    let output = cairn(&["check", &folder.arg()]);
    assert_eq!(output.status.code(), Some(3));
    let text = stdout(&output);
    for part in ["error[C0", "wrong.rules.hcl:2:", "boss_kil", "^", "cause", "fix", "1 error"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(text.trim_end().ends_with("explain: cairn explain C0405"), "{text}");
    let output = cairn(&["check", &folder.arg(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(3));
    let report = json(&output);
    let finding = &report["findings"][0];
    assert_eq!(report["errors"], report["findings"].as_array().unwrap().len());
    assert_eq!(
        (finding["line"].as_u64(), finding["file"].as_str()),
        (Some(2), Some("wrong.rules.hcl"))
    );
    assert!(finding["code"].as_str().unwrap().starts_with('C'));
    for field in ["cause", "fix", "message"] {
        assert!(!finding[field].as_str().unwrap().is_empty(), "{field}: {finding}");
    }
    // The verbs that need a program say the same and stop.
    fails(&["build", &folder.arg()], 3, &["error[C0", "wrong.rules.hcl:2:"]);
}

#[test]
fn every_code_is_explained_without_a_network() {
    let list = cairn(&["explain"]);
    assert_eq!(list.status.code(), Some(0));
    assert!(stdout(&list).contains("C0412  reference without its prefix"), "{}", stdout(&list));
    let codes = json(&cairn(&["explain", "-o", "json"]));
    for row in codes.as_array().unwrap() {
        let output = cairn(&["explain", row["code"].as_str().unwrap(), "-o", "json"]);
        assert_eq!(output.status.code(), Some(0), "{row}");
        let page = json(&output);
        assert_eq!(page["title"], row["title"]);
        assert!(page["page"].as_str().unwrap().contains("## How to fix it"), "{row}");
    }
    let pages: Vec<String> =
        ["C0412", "c412", "412"].map(|code| stdout(&cairn(&["explain", code]))).to_vec();
    assert!(pages[0].starts_with("C0412: reference without its prefix\n"), "{}", pages[0]);
    assert!(pages[0].contains("\n    rule \"drop\" {\n"), "{}", pages[0]);
    assert!(pages.iter().all(|page| *page == pages[0]));
    let both = stdout(&cairn(&["explain", "412", "602"]));
    assert!(both.contains("C0412: ") && both.contains("C0602: "), "{both}");
    fails(&["explain", "C0705"], 2, &["no error code `C0705`", "C0704", "C0706"]);
    fails(&["explain", "crypt"], 2, &["no error code `crypt`", "C0412, c412 or 412"]);
    let count = cairn_ruleset::lang::Code::ALL.len();
    let limit = format!("{} codes, limit {count}", count + 1);
    fails(&[vec!["explain"], vec!["412"; count + 1]].concat(), 2, &[&limit]);
    assert_eq!(cairn(&[vec!["explain"], vec!["412"; count]].concat()).status.code(), Some(0));
}

#[test]
fn hostile_sources_are_refused_with_the_limit() {
    let large = Folder::new(&[("a.rules.hcl", &vec![b'#'; 2 << 20])]);
    fails(&["check", &large.arg()], 3, &["a.rules.hcl", "2097152 bytes", "limit 1048576", "split"]);
    let nested = format!("rule \"r\" {{\n  when = {}1{}\n}}\n", "(".repeat(200), ")".repeat(200));
    let nested = Folder::new(&[("deep.rules.hcl", nested.as_bytes())]);
    fails(&["check", &nested.arg()], 3, &["deep.rules.hcl:2:", "32"]);
    let binary = Folder::new(&[("b.rules.hcl", b"rule \xff\xfe")]);
    fails(&["check", &binary.arg()], 3, &["b.rules.hcl", "byte 5 is not UTF-8"]);
    let empty = Folder::new(&[]);
    fails(&["check", &empty.arg()], 2, &["no *.rules.hcl file"]);
    fails(&["check", "/nowhere"], 2, &["/nowhere"]);
    let linked = Folder::new(&[]);
    std::os::unix::fs::symlink("/etc/hostname", linked.path().join("l.rules.hcl")).unwrap();
    fails(&["check", &linked.arg()], 3, &["l.rules.hcl", "not a regular file"]);
}

#[test]
fn a_damaged_bundle_file_is_refused() {
    let folder = Folder::new(&[]);
    let keys = folder.path().join("keys").display().to_string();
    assert_eq!(cairn(&["keys", "new", &keys]).status.code(), Some(0));
    let file = folder.path().join("hunt.bundle");
    let name = file.display().to_string();
    assert_eq!(cairn(&["build", &fixture(), "--out", &name]).status.code(), Some(0));
    let bytes = std::fs::read(&file).unwrap();
    let publish = ["publish", &name, "--keys", &keys, "--addr", "http://127.0.0.1:1"];
    fails(&publish, 6, &["no agent"]);
    for (damaged, what) in [
        (bytes[..bytes.len() / 2].to_vec(), "truncated"),
        (
            bytes
                .iter()
                .enumerate()
                .map(|(i, b)| if i == bytes.len() - 9 { b ^ 1 } else { *b })
                .collect(),
            "flipped",
        ),
        (vec![9; 40], "foreign"),
        (Vec::new(), "empty"),
    ] {
        std::fs::write(&file, damaged).unwrap();
        let output = cairn(&publish);
        assert_eq!(output.status.code(), Some(3), "{what}: {}", stderr(&output));
        assert!(stderr(&output).contains("hunt.bundle"), "{what}: {}", stderr(&output));
    }
}

#[test]
fn eval_and_roll_work_on_a_folder_and_correct_slips() {
    let rules = fixture();
    let context = r#"{"level":50,"zone":"crypt","party":2}"#;
    let eval = |seed: &str| {
        let output = cairn(&[
            "eval",
            "crypt_drop",
            "--rules",
            &rules,
            "--context",
            context,
            "--seed",
            seed,
            "-o",
            "json",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        json(&output)
    };
    let fired: Vec<_> = (0..40).map(|seed| eval(&seed.to_string())["results"][0].clone()).collect();
    assert!(fired.iter().any(|result| result["fired"] == serde_json::json!([])));
    let hit = fired.iter().find(|result| result["fired"][0] == "crypt_drop").unwrap();
    assert_eq!(hit["outcomes"][0]["name"], "drop");
    assert_eq!(hit["outcomes"][0]["payload"]["bonus"].to_string(), "1.25");
    assert!(!hit["outcomes"][0]["loot"].as_array().unwrap().is_empty());
    let roll =
        ["roll", "crypt_rare", "--rules", &rules, "--seed", "7", "--count", "3", "-o", "json"];
    assert_eq!(json(&cairn(&roll))["loot"], json(&cairn(&roll))["loot"]);
    let slip = |arguments: &[&str], says: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--rules", &rules]);
        fails(&all, 2, says);
    };
    slip(&["eval", "crypt_dorp", "--context", context], &["crypt_dorp", "crypt_drop"]);
    slip(&["eval", "--trigger", "bos_kill", "--context", context], &["boss_kill"]);
    slip(
        &["eval", "crypt_drop", "--context", r#"{"levle":50,"zone":"crypt","party":2}"#],
        &["level"],
    );
    slip(
        &["eval", "crypt_drop", "--context", r#"{"level":50,"zone":"crpyt","party":2}"#],
        &["crypt"],
    );
    slip(
        &["eval", "crypt_drop", "--context", r#"{"level":500,"zone":"crypt","party":2}"#],
        &["500", "100"],
    );
    slip(
        &["eval", "crypt_drop", "--context", r#"{"level":5.5,"zone":"crypt","party":2}"#],
        &["level"],
    );
    slip(&["roll", "crypt_rar"], &["crypt_rare"]);
}

#[test]
fn a_warning_is_shown_and_stops_nothing() {
    let rules = br#"ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
timer "backup" {
  cron   = "30 2 * * *"
  zone   = "Europe/Paris"
  jitter = "5m"
  except = ["2026-12-24..2026-12-26"]
}
rule "backup_begins" {
  on = timer.backup
  broadcast "backup.begins" {}
}
"#;
    let folder = Folder::new(&[("hunt.rules.hcl", rules)]);
    let output = cairn(&["check", &folder.arg()]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in ["warning[C0821]", "warning[C0822]", "2024-03-31", "2024-10-27", "2 warnings"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert_eq!(cairn(&["build", &folder.arg()]).status.code(), Some(0));
}

/// A table with a pity, and one that rolls it.
const PITY: &[u8] = br#"ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
loot_table "crypt_rare" {
  entry "gold" { weight = 100000 }
  entry "lich_crown" { weight = 1 }
  pity "lich_crown" { after = 250 }
}
loot_table "chest" {
  rolls = [2, 3]
  entry "token" { guaranteed = true }
  entry "find" {
    weight = 1
    table  = crypt_rare
  }
}
"#;

#[test]
fn a_pity_goes_in_and_comes_out_of_every_roll() {
    let folder = Folder::new(&[
        ("hunt.rules.hcl", PITY),
        ("player.json", br#"{"crypt_rare":{"lich_crown":250}}"#),
    ]);
    let (rules, file) = (folder.arg(), folder.path().join("player.json").display().to_string());
    let roll = |table: &str, seed: &str, count: &str, pity: &str| {
        let asked = ["--seed", seed, "--count", count, "--pity", pity, "-o", "json"];
        let output = cairn(&[&["roll", table, "--rules", &rules][..], &asked].concat());
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        json(&output)
    };
    let crowns = |answer: &serde_json::Value| {
        let loot = answer["loot"].as_array().unwrap();
        loot.iter().filter(|drop| drop["item"] == "lich_crown").count()
    };
    let kept = |misses: u32| serde_json::json!({"crypt_rare": {"lich_crown": misses}});
    // Somebody who missed it 250 times gets it at once and begins again, whatever the seed.
    for seed in ["1", "2", "3"] {
        let answer = roll("crypt_rare", seed, "1", &file);
        assert_eq!((crowns(&answer), &answer["pity"]), (1, &kept(0)));
    }
    // In two requests what it is in one, whichever table leads there.
    let first = roll("crypt_rare", "5", "200", "{}");
    assert_eq!((crowns(&first), &first["pity"]), (0, &kept(200)));
    let second = roll("crypt_rare", "6", "50", &first["pity"].to_string());
    assert_eq!((crowns(&second), &second["pity"]), (0, &kept(250)));
    let chest = roll("chest", "7", "2", &second["pity"].to_string());
    let items = chest["loot"].as_array().unwrap();
    assert!((5..=7).contains(&items.len()), "a token, and twice two or three finds: {chest}");
    assert_eq!((&items[0]["item"], &items[1]["item"]), (&"token".into(), &"lich_crown".into()));
    assert_eq!(chest["pity"], kept(items.len() as u32 - 2));
    let table = cairn(&["roll", "crypt_rare", "--rules", &rules, "--pity", &file]);
    let text = stdout(&table);
    assert!(text.contains("MISSES") && text.contains("lich_crown"), "{text}");

    let slip = |pity: &str, says: &[&str]| {
        fails(&["roll", "crypt_rare", "--rules", &rules, "--pity", pity], 2, says);
    };
    slip(r#"{"crypt_rare":{"lich_crown":1000001}}"#, &["1000001", "1000000"]);
    slip(r#"{"crypt_rare":{"lich_crown":-1}}"#, &["-1"]);
    slip("[]", &["the pity", "lich_crown"]);
    slip("nowhere.json", &["cannot read the pity nowhere.json"]);
}

/// What a newer version returned comes back after a rollback: nothing of it is refused or lost.
#[test]
fn misses_that_a_version_does_not_know_are_handed_back() {
    let folder = Folder::new(&[("hunt.rules.hcl", PITY)]);
    let rules = folder.arg();
    let newer = r#"{"crypt_rar":{"lich_crown":1},"crypt_rare":{"lich_crown":250,"lich_crwn":7}}"#;
    let of = ["crypt_rare", "--rules", &rules, "--pity", newer];
    let output = cairn(&[&["roll"][..], &of, &["-o", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let answer = json(&output);
    assert_eq!(answer["loot"][0]["item"], "lich_crown");
    let kept = r#"{"crypt_rar":{"lich_crown":1},"crypt_rare":{"lich_crown":0,"lich_crwn":7}}"#;
    assert_eq!(answer["pity"], serde_json::from_str::<serde_json::Value>(kept).unwrap());
    let unknown = serde_json::json!([
        {"table": "crypt_rar", "entry": "lich_crown", "hint": "did you mean `crypt_rare`?"},
        {"table": "crypt_rare", "entry": "lich_crwn", "hint": "did you mean `lich_crown`?"},
    ]);
    assert_eq!(answer["unknown_pity"], unknown);
    let text = stderr(&cairn(&[&["roll"][..], &of].concat()));
    assert!(
        text.contains("warning: no pity is called crypt_rar.lich_crown")
            && text.contains("hint: did"),
        "{text}"
    );
    // What could never come back is refused, whoever knows it; the list is short however much is
    // unknown.
    let over = r#"{"gone":{"x":1000001}}"#;
    fails(&["roll", "crypt_rare", "--rules", &rules, "--pity", over], 2, &["`gone.x`", "1000000"]);
    let many: Vec<String> = (0..100).map(|at| format!("\"t{at}\":{{\"x\":1}}")).collect();
    let many = format!("{{{}}}", many.join(","));
    let output = cairn(&["roll", "crypt_rare", "--rules", &rules, "--pity", &many, "-o", "json"]);
    let answer = json(&output);
    assert_eq!(answer["unknown_pity"].as_array().unwrap().len(), 16);
    assert_eq!(answer["pity"].as_object().unwrap().len(), 101);
}

#[test]
fn keys_are_private_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new(&[]);
    let dir = folder.path().join("keys");
    let name = dir.display().to_string();
    let output = cairn(&["keys", "new", &name, "-o", "json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(json(&output)["keys"].as_array().unwrap().len(), 3);
    for entry in std::fs::read_dir(&dir).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    fails(&["keys", "new", &name], 7, &["not empty"]);
}

#[test]
fn an_agent_without_its_settings_names_them_and_binds_nothing() {
    let folder = Folder::new(&[]);
    let keys = folder.path().join("keys").display().to_string();
    assert_eq!(cairn(&["keys", "new", &keys]).status.code(), Some(0));
    let state = folder.path().join("state").display().to_string();
    fails(&["agent"], 2, &["--state", "CAIRN_STATE"]);
    fails(&["agent", "--state", &state], 2, &["--trust", "CAIRN_TRUST"]);
    fails(&["agent", "--state", &state, "--trust", &keys], 2, &["--channel"]);
    let base = ["agent", "--state", &state, "--trust", &keys, "--channel", "hunt/prod"];
    let with = |more: &[&'static str]| -> Vec<String> {
        base.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
    };
    let refused = |more: &[&'static str], says: &[&str]| {
        let arguments = with(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        fails(&arguments, 2, says);
    };
    refused(&[], &["--etcd", "--embedded"]);
    refused(&["--etcd", "ftp://x"], &["ftp://x"]);
    refused(&["--embedded", "--api", "0.0.0.0:0"], &["--api", "loopback"]);
    refused(&["--embedded", "--gossip", "192.0.2.1:0"], &["--gossip", "loopback"]);
    refused(&["--embedded", "--etcd", "http://127.0.0.1:1"], &["--etcd", "--embedded"]);
    let output = Command::new(env!("CARGO_BIN_EXE_cairn"))
        .args(with(&["--etcd", "http://127.0.0.1:1"]))
        .env("CAIRN_ETCD_USER", "cairn")
        .env("CAIRN_ETCD_PASSWORD", "")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("CAIRN_ETCD_PASSWORD"), "{}", stderr(&output));
    assert!(!Path::new(&state).exists(), "nothing was written");
}

#[test]
fn check_prints_warnings_and_fails_for_them_only_when_they_are_denied() {
    let rules = b"ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\ntrigger \"kill\" { fields = {} }\ntimer \"idle\" { every = \"1h\" }\nrule \"a\" {\n  on = kill\n  emit \"a\" { n = pick(6) }\n}\n";
    let folder = Folder::new(&[("a.rules.hcl", rules)]);
    let output = cairn(&["check", &folder.arg()]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("warning[C1101]"), "{}", stdout(&output));
    fails(&["check", &folder.arg(), "--deny-warnings"], 3, &["nothing uses the timer idle"]);
    let report = json(&cairn(&["check", &folder.arg(), "-o", "json"]));
    assert_eq!(report["warnings"], 1);
    assert_eq!(report["findings"][0]["severity"], "warning");
    let fragment = &report["cost"]["fragments"][0];
    assert_eq!(fragment["rules"][0]["name"], "a");
    assert!(fragment["instructions"].as_u64().unwrap() > fragment["operations"].as_u64().unwrap());
}

#[test]
fn check_shows_what_rules_cost_and_refuses_what_is_over_budget() {
    let output = cairn(&["check", &fixture(), "--cost"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    for part in ["bytes per player", "FRAGMENT / RULE", "INSTRUCTIONS"] {
        assert!(stdout(&output).contains(part), "{}", stdout(&output));
    }
    // The lines below a fragment add up to it.
    let rules = b"ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\ntrigger \"kill\" { fields = { level = int(1, 9) } }\nloot_table \"l\" {\n  entry \"a\" { weight = 1 }\n  entry \"b\" {\n    weight = 1\n    when   = trigger.level > 3\n  }\n}\nrule \"drop\" {\n  on = kill\n  when = trigger.level > 5\n  emit \"a\" { table = l }\n}\n";
    let folder = Folder::new(&[("a.rules.hcl", rules)]);
    let told = stdout(&cairn(&["check", &folder.arg(), "--cost"]));
    let operations = |row: &str| -> u64 {
        let line = told.lines().find(|line| line.trim_start().starts_with(row)).unwrap();
        let rest = line.trim_start().trim_start_matches(row);
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    let parts = operations("drop") + operations("conditions of loot entries");
    assert_eq!(operations("a/kill"), parts, "{told}");
    let rules = b"ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n  budget {\n    fragment_operations = 3\n  }\n}\ntrigger \"kill\" { fields = {} }\nrule \"dear\" {\n  on = kill\n  when = pick(6) + pick(6) > 7\n  emit \"a\" {}\n}\n";
    let folder = Folder::new(&[("a.rules.hcl", rules)]);
    fails(&["check", &folder.arg()], 3, &["C1001", "budget 3", "operations"]);
}

#[test]
fn an_imported_file_is_part_of_the_rule_set_wherever_both_folders_stand() {
    let main = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\nimport \"../shared/kill.rules.hcl\" {}\nrule \"a\" {\n  on = kill\n  emit \"a\" {}\n}\n";
    let shared =
        "trigger \"kill\" { fields = {} }\nrule \"b\" {\n  on = kill\n  emit \"b\" {}\n}\n";
    let tree = |name: &str| {
        let dir = tempfile::tempdir().unwrap();
        let rules = dir.path().join(name);
        std::fs::create_dir_all(&rules).unwrap();
        std::fs::create_dir_all(dir.path().join("shared")).unwrap();
        std::fs::write(rules.join("main.rules.hcl"), main).unwrap();
        std::fs::write(dir.path().join("shared/kill.rules.hcl"), shared).unwrap();
        (dir, rules.display().to_string())
    };
    let costs = |rules: &str| {
        let output = cairn(&["check", rules, "-o", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        json(&output)
    };
    let ((first, hunt), (_second, chase)) = (tree("hunt"), tree("chase"));
    let report = costs(&hunt);
    assert_eq!(report["summary"]["rules"], 2);
    assert_eq!(report, costs(&chase));
    std::fs::remove_file(first.path().join("shared/kill.rules.hcl")).unwrap();
    fails(&["check", &hunt], 3, &["C1003", "there is no file ../shared/kill.rules.hcl"]);
    let escaped = main.replace("../shared", "../../etc");
    std::fs::write(Path::new(&hunt).join("main.rules.hcl"), escaped).unwrap();
    fails(&["check", &hunt], 3, &["C1002", "leaves the folder above"]);
}
