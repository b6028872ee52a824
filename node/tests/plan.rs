//! The real binary: what `plan` and `breaking` say between folders, bundle files and a live agent,
//! and that a witness holds when it is evaluated.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn cairn(arguments: &[&str], addr: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(name);
        }
    }
    if let Some(addr) = addr {
        command.env("CAIRN_ADDR", addr);
    }
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn says(arguments: &[&str], exit: i32) -> String {
    let output = cairn(arguments, None);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {text}{error}");
    text
}

#[track_caller]
fn json(arguments: &[&str], exit: i32) -> Value {
    let text = says(arguments, exit);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The fixture and an edited copy of it, as folders and as bundle files.
struct Two {
    dir: tempfile::TempDir,
}

impl Two {
    fn new(edits: &[(&str, &str)]) -> Two {
        let dir = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hunt");
        for name in ["old", "new"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let mut made = 0;
        for entry in std::fs::read_dir(fixture).unwrap() {
            let entry = entry.unwrap();
            let mut text = std::fs::read_to_string(entry.path()).unwrap();
            std::fs::write(dir.path().join("old").join(entry.file_name()), &text).unwrap();
            for (from, to) in edits {
                made += text.matches(from).count();
                text = text.replace(from, to);
            }
            std::fs::write(dir.path().join("new").join(entry.file_name()), &text).unwrap();
        }
        assert_eq!(made, edits.len());
        let two = Two { dir };
        for name in ["old", "new"] {
            let out = two.arg(&format!("{name}.bundle"));
            says(&["build", &two.arg(name), "--out", &out], 0);
        }
        two
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn arg(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

const EDITS: [(&str, &str); 4] = [
    ("default = 1.25", "default = 1.5"),
    ("trigger.level >= 10", "trigger.level >= 12"),
    ("weight = 900", "weight = 400"),
    ("count = 2", "count = 3"),
];

/// The witness of one change.
fn witness<'j>(plan: &'j Value, kind: &str, name: &str) -> &'j Value {
    let changes = plan["changes"].as_array().unwrap();
    let change = changes.iter().find(|c| c["kind"] == kind && c["name"] == name);
    let decision = &change.unwrap_or_else(|| panic!("{name}: {plan}"))["decision"];
    assert_eq!(decision["verdict"], "differs", "{plan}");
    decision
}

/// What `cairn eval` says of a rule on a witness.
fn evaluated(rules: &str, rule: &str, witness: &Value) -> Value {
    let fields = witness["context"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| format!("{}:{}", pair[0], pair[1].as_str().unwrap()));
    let context = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
    let [seed, player, at] = ["seed", "player", "now_ms"].map(|key| witness[key].to_string());
    json(
        &[
            "eval",
            rule,
            "--rules",
            rules,
            "--context",
            &context,
            "--seed",
            &seed,
            "--player",
            &player,
            "--at",
            &at,
            "-o",
            "json",
        ],
        0,
    )["results"][0]
        .clone()
}

#[test]
fn a_plan_speaks_of_values_odds_and_inputs_and_its_witness_holds() {
    let two = Two::new(&EDITS);
    let (old, new) = (two.arg("old"), two.arg("new"));
    let text = says(&["plan", &old, &new, "--at", "2026-12-01T00:00:00Z"], 3);
    for part in [
        "~ param drop_bonus 1.25 → 1.5",
        "~ loot_table crypt_rare\n    gold_pile 99.45 % → 98.77 %\n    lich_crown 0.5525 % → 1.235 %",
        "~ condition veteran\n    when trigger.level >= 10 && trigger.zone == \"crypt\" → trigger.level >= 12 && trigger.zone == \"crypt\"",
        "decides differently on boss_kill with level = 10, zone = \"crypt\", party = 1, seed 0",
        "through condition.veteran",
        "emit drop: count 2 → 3",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let last = text.trim_end().lines().last().unwrap();
    assert_eq!(
        last,
        "Plan: 4 changed, 0 added, 0 removed; 2 rules or conditions decide differently"
    );
    // Between sources, between bundles, and across: each witness is decided differently indeed.
    let (old_bundle, new_bundle) = (two.arg("old.bundle"), two.arg("new.bundle"));
    for (a, b) in
        [(&old, &new), (&old_bundle, &new_bundle), (&old_bundle, &new), (&old, &new_bundle)]
    {
        let plan = json(&["plan", a, b, "-o", "json"], 3);
        let found = witness(&plan, "rule", "crypt_drop");
        let (was, is) =
            (evaluated(&old, "crypt_drop", found), evaluated(&new, "crypt_drop", found));
        assert_ne!(was, is, "{a} {b}: {found}");
        assert_ne!(found["old"], found["new"]);
    }
    // The same rules in a folder and in a file are no difference.
    let same = says(&["plan", &old, &old_bundle], 0);
    assert_eq!(same.trim_end(), "Plan: no change in meaning");
}

/// A pity, a timer and an instant: what a designer of an event changes on the last day.
const EVENT: &str = r#"
ruleset "event" {
  dialect = 1
  context = "hunt@1"
}
trigger "open" { fields = { joined = instant } }
timer "snow" {
  cron     = "0 19 * * FRI"
  zone     = "Europe/Stockholm"
  duration = "2h"
}
loot_table "gift" {
  rolls = [2, 3]
  entry "coin" { weight = 965 }
  entry "wolf" { weight = 5 }
  pity "wolf" { after = 100 }
}
rule "gift" {
  on   = open
  when = since(trigger.joined) > "1d"
  emit "gift" { table = gift }
}
"#;

#[test]
fn odds_are_those_of_sim_timers_are_local_and_instants_are_readable() {
    let dir = tempfile::tempdir().unwrap();
    let edited = EVENT
        .replace("after = 100", "after = 10")
        .replace("0 19 * *", "0 18 * *")
        .replace("\"1d\"", "\"2d\"");
    let [old, new] = [("old", EVENT.to_owned()), ("new", edited)].map(|(name, text)| {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        std::fs::write(dir.path().join(name).join("event.rules.hcl"), text).unwrap();
        dir.path().join(name).display().to_string()
    });
    let output = cairn(&["plan", &old, &new, "--at", "2026-12-01T00:00:00Z"], None);
    let text = String::from_utf8(output.stdout).unwrap();
    let declared = |rules: &str| {
        let answer = json(
            &["sim", "gift", "--rules", rules, "--runs", "1000", "--threads", "1", "-o", "json"],
            0,
        );
        let wolf = answer["entries"].as_array().unwrap().iter().find(|e| e["entry"] == "wolf");
        (wolf.unwrap()["declared"].as_f64().unwrap() * 10_000.0).round() / 100.0
    };
    let (was, is) = (declared(&old), declared(&new));
    assert!(is > 4.0 * was, "{was} {is}");
    let line = text.lines().find(|line| line.trim().starts_with("wolf per roll")).unwrap();
    let shares: Vec<f64> = line
        .split(" %")
        .take(2)
        .map(|part| part.split(' ').next_back().unwrap().parse::<f64>().unwrap())
        .collect();
    assert!((shares[0] - was).abs() < 0.01 && (shares[1] - is).abs() < 0.01, "{line}: {was} {is}");
    for part in [
        "wolf pity after 100 misses → after 10 misses",
        // Half past seven in Stockholm is the event's time, whatever it is in UTC.
        "next Fri 2026-12-04 19:00 +01:00",
        "→ Fri 2026-12-04 18:00 +01:00",
        "on open with joined = \"",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.contains("per draw by weight alone, without pity"), "{note}");
    // What it shows is what `eval` takes.
    let plan = json(&["plan", &old, &new, "--at", "2026-12-01T00:00:00Z", "-o", "json"], 3);
    let found = witness(&plan, "rule", "gift");
    assert!(found["context"][0][1].as_str().unwrap().ends_with("Z\""), "{found}");
    assert_ne!(evaluated(&old, "gift", found), evaluated(&new, "gift", found));
}

#[test]
fn breaking_says_whom_and_exits_with_3() {
    let two = Two::new(&[
        ("party = int(1, 5)", "party = int(1, 4)"),
        ("    bonus = param.drop_bonus\n", ""),
    ]);
    let (old, new) = (two.arg("old.bundle"), two.arg("new"));
    let text = says(&["breaking", &old, &new], 3);
    for part in [
        "field-range-narrowed: trigger boss_kill: the field party was int(1, 5) and is int(1, 4)",
        "why: games that supply 5 get an error",
        "payload-field-removed: outcome emit drop: the value bonus is gone",
        "2 breaks for users of",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let report = json(&["breaking", &old, &new, "-o", "json"], 3);
    assert_eq!(report["count"], 2);
    let github = says(&["breaking", &old, &new, "--style", "github"], 3);
    assert!(github.lines().all(|line| line.starts_with("::error title=")), "{github}");
    assert_eq!(says(&["breaking", &new, &old], 0).trim_end(), "nothing breaks");
}

#[test]
fn what_is_no_version_is_refused_with_a_hint() {
    let two = Two::new(&[]);
    let bytes = std::fs::read(two.path("old.bundle")).unwrap();
    std::fs::write(two.path("cut.bundle"), &bytes[..bytes.len() - 1]).unwrap();
    std::fs::write(two.path("text.bundle"), "no bundle").unwrap();
    for (arguments, exit, part) in [
        (vec!["plan".to_owned(), two.arg("gone"), two.arg("old")], 2, "cannot read"),
        (vec!["plan".to_owned(), two.arg("cut.bundle"), two.arg("old")], 3, "cut short"),
        (vec!["breaking".to_owned(), two.arg("old"), two.arg("text.bundle")], 3, "no bundle"),
        (
            vec![
                "plan".to_owned(),
                two.arg("old"),
                two.arg("old"),
                "--at".to_owned(),
                "noon".to_owned(),
            ],
            2,
            "2026-12-01T00:00:00Z",
        ),
        (
            vec![
                "plan".to_owned(),
                two.arg("old"),
                "--addr".to_owned(),
                "http://127.0.0.1:1".to_owned(),
            ],
            6,
            "no agent",
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = cairn(&arguments, None);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {text}");
        assert!(text.contains(part) && text.contains("hint: "), "{part:?} in {text}");
    }
}

/// `cairn dev` on a folder, ended when it is dropped.
struct Dev {
    child: std::process::Child,
    api: String,
}

impl Dev {
    fn start(two: &Two, rules: &str) -> Dev {
        use std::io::{BufRead as _, BufReader};
        let ready = two.path("ready.json");
        let mut child = Command::new(env!("CARGO_BIN_EXE_cairn"))
            .args(["dev", rules, "--nodes", "1", "--ready-file"])
            .arg(&ready)
            .env("TMPDIR", two.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !ready.exists() {
            lines.next().unwrap().unwrap();
        }
        // What it says later must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        let ready: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let api = ready["nodes"][0]["api"].as_str().unwrap().to_owned();
        Dev { child, api }
    }

    /// Status, head and body of a `GET`.
    fn get(&self, path: &str, header: &str) -> (u16, String, Vec<u8>) {
        use std::io::{Read as _, Write as _};
        let host = self.api.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let split = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..split].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), answer[split + 4..].to_vec())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_folder_is_compared_with_what_is_live() {
    let two = Two::new(&EDITS);
    let (old, new) = (two.arg("old"), two.arg("new"));
    let dev = Dev::start(&two, &old);
    let plan =
        |rules: &str| cairn(&["plan", rules, "--at", "2026-12-01T00:00:00Z"], Some(&dev.api));
    let same = plan(&old);
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    assert_eq!(String::from_utf8_lossy(&same.stdout).trim_end(), "Plan: no change in meaning");
    let other = plan(&new);
    assert_eq!(other.status.code(), Some(3), "{other:?}");
    let text = String::from_utf8_lossy(&other.stdout).into_owned();
    for part in ["~ param drop_bonus 1.25 → 1.5", "decides differently on boss_kill", "Plan: "] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(String::from_utf8_lossy(&other.stderr).contains("(live)"));

    // `sim` rolls on what is live as on its sources.
    let rolled = |more: &[&str]| {
        let head = ["sim", "crypt_rare", "--runs", "10000", "-o", "json"];
        let output = cairn(&[&head[..], more].concat(), Some(&dev.api));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let mut sources = rolled(&["--rules", &old]);
    // All but the words, which a bundle does not hold.
    let when = sources["left_out"][0].as_object_mut().unwrap().remove("when");
    assert_eq!(when, Some("trigger.level >= 40".into()));
    assert_eq!(rolled(&[]), sources);

    // The endpoint: whole, with its length and a tag that names its content.
    let (status, head, body) = dev.get("/v1/bundle", "");
    assert_eq!(status, 200, "{head}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    std::fs::write(two.path("live.bundle"), &body).unwrap();
    assert_eq!(says(&["plan", &old, &two.arg("live.bundle")], 0).lines().count(), 1);
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let (status, _, body) = dev.get("/v1/bundle", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((status, body.len()), (304, 0));
    let (status, ..) = dev.get("/v1/bundle?channel=hunt/other", "");
    assert_eq!(status, 404);
}

#[test]
fn what_was_compared_is_said_where_one_version_alone_gives_something() {
    let dir = tempfile::tempdir().unwrap();
    let folder = |name: &str, when: &str, payload: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir(&path).unwrap();
        let rules = format!(
            "ruleset \"r\" {{\n  dialect = 1\n  context = \"r@1\"\n}}\n\
             trigger \"t\" {{ fields = {{ level = int(1, 9) }} }}\n\
             condition \"c\" {{ when = {when} }}\n\
             rule \"r\" {{\n  on   = t\n  when = condition.c\n  emit \"x\" {{ {payload} = trigger.level + 0 }}\n}}\n"
        );
        std::fs::write(path.join("a.rules.hcl"), rules).unwrap();
        path.display().to_string()
    };
    let old = folder("old", "trigger.level > 3", "n");
    let same = says(&["plan", &old, &folder("same", "trigger.level >= 4", "n")], 3);
    let none = "no difference found in 20000 inputs";
    assert!(same.contains(&format!("through condition.c\n    {none}")), "{same}");
    let other = says(&["plan", &old, &folder("other", "trigger.level >= 4", "amount")], 3);
    assert!(other.contains(&format!("\n    in what could be compared, {none}")), "{other}");
}
