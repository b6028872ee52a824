//! Parameters by zone and shard, from the source to a real agent: its own zone, what requests ask
//! for, tags, an edit that ships no code, a start after a kill, and every verb that shows them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};

const RULES: &str = r#"ruleset "places" {
  dialect = 1
  context = "hunt@1"
}

trigger "kill" {
  fields = { level = int(1, 100) }
}

param "drop_bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  unit    = "times"
  override {
    zone  = "eu-west"
    value = 1.5
  }
  override {
    shard = "newcomers"
    value = 3.0
  }
  override {
    zone  = "eu-west"
    shard = "newcomers"
    value = 4.0
  }
}

param "crowns" {
  type    = bool
  default = false
  override {
    zone  = "eu-west"
    value = true
  }
}

timer "hourly" { every = "1h" }

loot_table "chest" {
  entry "coin" { weight = 1 }
  entry "crown" {
    weight = 1000000
    when   = param.crowns
  }
}

rule "drop" {
  on   = kill
  when = trigger.level >= 10 && param.drop_bonus > 1.3
  emit "drop" {
    bonus = param.drop_bonus
    table = chest
  }
}

rule "bell" {
  on = timer.hourly
  broadcast "bell" { bonus = param.drop_bonus }
}
"#;

const TESTS: &str = r#"test "the bonus follows the place" {
  on      = kill
  trigger = { level = 50 }
  zone    = "eu-west"
  cases = [
    { payload = { bonus = 1.5 }, eligible = [coin, crown] },
    { shard = "newcomers", payload = { bonus = 4.0 } },
    { zone = "us-east", shard = "newcomers", payload = { bonus = 3.0 }, not_eligible = [crown] },
    { params = { drop_bonus = 2.0 }, payload = { bonus = 2.0 } },
  ]
  expect "drop" {}
}

test "elsewhere the default is too little" {
  on            = kill
  trigger       = { level = 50 }
  fired_exactly = []
}
"#;

fn clean() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(name);
        }
    }
    command
}

/// A process that prints lines, ended with the test.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child, lines }
    }

    /// Reads on until a line has all of `parts`.
    #[track_caller]
    fn until(&mut self, parts: &[&str]) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "ended before {parts:?}");
            if parts.iter().all(|part| line.contains(part)) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent(home: &Path) -> Command {
    let mut command = clean();
    command.args(["agent", "--embedded", "--api", "127.0.0.1:0", "--gossip", "127.0.0.1:0"]);
    command.args(["--channel", "places/prod", "--name", "solo", "--ready-file"]);
    command.arg(home.join("ready.json")).arg("--state").arg(home.join("state"));
    command.arg("--trust").arg(home.join("keys"));
    command
}

fn api(home: &Path) -> String {
    let ready = std::fs::read(home.join("ready.json")).unwrap();
    let ready: Value = serde_json::from_slice(&ready).unwrap();
    ready["api"].as_str().unwrap().to_owned()
}

/// One HTTP exchange: status, tag and body.
fn http(api: &str, line: &str, header: &str, body: &str) -> (u16, String, Value) {
    let host = api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{header}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap_or("").to_owned();
    (status, tag, serde_json::from_str(body).unwrap_or(Value::Null))
}

#[track_caller]
fn exits(output: &Output, exit: i32) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{text}");
    text
}

/// Value and origin of `drop_bonus` for a query.
fn bonus(api: &str, query: &str) -> (f64, String) {
    let (status, _, body) = http(api, &format!("GET /v1/params/drop_bonus{query}"), "", "");
    assert_eq!(status, 200, "{body}");
    (body["value"].as_f64().unwrap(), body["origin"].as_str().unwrap().to_owned())
}

#[test]
fn an_agent_answers_for_its_zone_and_for_any_other() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (rules, keys) = (home.join("rules"), home.join("keys").display().to_string());
    std::fs::create_dir(&rules).unwrap();
    let file = rules.join("places.rules.hcl");
    std::fs::write(&file, RULES).unwrap();
    let folder = rules.display().to_string();
    exits(&clean().args(["keys", "new", &keys]).output().unwrap(), 0);
    let refused = agent(home).args(["--zone", "eu\u{7}"]).output().unwrap();
    assert!(exits(&refused, 2).contains("printable"), "{refused:?}");

    let mut running = Running::start(agent(home).args(["--zone", "eu-west"]));
    running.until(&["ready solo"]);
    let addr = api(home);
    let run = |addr: &str, arguments: &[&str]| {
        let mut command = clean();
        command.args(arguments).env("CAIRN_ADDR", addr).env("CAIRN_KEYS", &keys).output().unwrap()
    };
    exits(&run(&addr, &["publish", &folder, "--version", "1.0.0"]), 0);
    exits(&run(&addr, &["rollout", "1.0.0", "--reason", "first"]), 0);
    running.until(&["activated places/prod", "version=1.0.0"]);

    // Its own zone, unless a request says otherwise; "" stands for none.
    for (query, value, origin) in [
        ("", 1.5, "zone"),
        ("?zone=eu-west", 1.5, "zone"),
        ("?zone=", 1.25, "default"),
        ("?zone=us-east", 1.25, "default"),
        ("?shard=newcomers", 4.0, "zone and shard"),
        ("?zone=us-east&shard=newcomers", 3.0, "shard"),
        ("?zone=&shard=newcomers", 3.0, "shard"),
        ("?shard=veterans", 1.5, "zone"),
    ] {
        assert_eq!(bonus(&addr, query), (value, origin.to_owned()), "{query}");
    }
    let (_, _, one) = http(&addr, "GET /v1/params/drop_bonus?shard=newcomers", "", "");
    assert_eq!((&one["zone"], &one["shard"]), (&json!("eu-west"), &json!("newcomers")));
    assert_eq!(one["default"].as_f64(), Some(1.25));
    let overrides = one["overrides"].as_array().unwrap();
    assert_eq!(overrides.len(), 3, "{one}");
    assert_eq!(
        (&overrides[0]["shard"], &overrides[0]["zone"]),
        (&json!("newcomers"), &Value::Null)
    );
    let (_, _, all) = http(&addr, "GET /v1/params?zone=us-east", "", "");
    assert_eq!((&all["zone"], &all["shard"]), (&json!("us-east"), &Value::Null));
    assert_eq!(all["params"]["crowns"]["value"], false);
    assert_eq!(all["params"]["crowns"]["origin"], "default");

    // One tag per scope: the own zone named or not is one scope, another zone another.
    let tag = |query: &str, header: &str| {
        let (status, tag, _) = http(&addr, &format!("GET /v1/params{query}"), header, "");
        (status, tag)
    };
    let (_, own) = tag("", "");
    assert_eq!(tag("?zone=eu-west", "").1, own);
    let mut tags: Vec<String> =
        ["", "?zone=us-east", "?shard=newcomers", "?zone=", "?shard=eu-west"]
            .iter()
            .map(|query| tag(query, "").1)
            .collect();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 5, "{tags:?}");
    let known = format!("if-none-match: {own}\r\n");
    assert_eq!(tag("", &known), (304, own.clone()));
    assert_eq!(tag("?zone=eu-west", &known), (304, own.clone()));
    let (status, other) = tag("?zone=us-east", &known);
    assert_eq!(status, 200);
    assert_ne!(other, own);

    // A batch of many places is answered in order.
    let places = [
        (json!({"zone": "eu-west"}), Some(1.5)),
        (json!({"zone": "us-east"}), None),
        (json!({"shard": "newcomers"}), Some(4.0)),
        (json!({}), Some(1.5)),
        (json!({"zone": ""}), None),
        (json!({"zone": "us-east", "shard": "newcomers"}), Some(3.0)),
        (json!({"zone": "eu-west"}), Some(1.5)),
    ];
    let requests: Vec<Value> = (places.iter())
        .map(|(place, _)| {
            let mut request = json!({"rule": "drop", "context": {"level": 50}, "seed": 7});
            request.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
            request
        })
        .collect();
    let body = json!({"requests": requests}).to_string();
    let (status, _, answer) = http(&addr, "POST /v1/evaluate", "", &body);
    assert_eq!(status, 200, "{answer}");
    for ((place, wanted), result) in places.iter().zip(answer["results"].as_array().unwrap()) {
        assert_eq!(result["outcomes"][0]["payload"]["bonus"].as_f64(), *wanted, "{place}");
    }
    let in_eu = &answer["results"][0]["outcomes"][0]["loot"][0]["item"];
    assert_eq!(in_eu, "crown", "a condition of the table reads the same parameters");
    let roll = |place: &str| {
        let body =
            format!(r#"{{"table":"chest","trigger":"kill","context":{{"level":50}}{place}}}"#);
        http(&addr, "POST /v1/roll", "", &body).2["loot"][0]["item"].clone()
    };
    assert_eq!((roll(""), roll(r#","zone":"us-east""#)), (json!("crown"), json!("coin")));

    // Names that nobody can have.
    let (status, _, problem) = http(&addr, "GET /v1/params?zone=%07", "", "");
    assert_eq!(
        (status, &problem["code"], &problem["field"]),
        (400, &json!("bad-scope"), &json!("zone"))
    );
    let bad = r#"{"requests":[{"rule":"drop","context":{"level":50},"shard":" x"}]}"#;
    let (status, _, problem) = http(&addr, "POST /v1/evaluate", "", bad);
    assert_eq!((status, &problem["code"]), (400, &json!("bad-scope")), "{problem}");
    assert_eq!(problem["field"], "requests[0].shard");
    for (length, wanted) in [(128, 200), (129, 400)] {
        let (status, _, _) =
            http(&addr, &format!("GET /v1/params?zone={}", "z".repeat(length)), "", "");
        assert_eq!(status, wanted);
    }

    // The same from the command line.
    let eval = ["eval", "drop", "--context", r#"{"level":50}"#, "-o", "json"];
    let shown = |more: &[&str]| {
        let output = run(&addr, &[&eval[..], more].concat());
        exits(&output, 0);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["results"][0]["outcomes"][0]["payload"]["bonus"].as_f64()
    };
    assert_eq!(shown(&[]), Some(1.5));
    assert_eq!(shown(&["--zone", "us-east"]), None);
    assert_eq!(shown(&["--zone", "us-east", "--shard", "newcomers"]), Some(3.0));
    assert_eq!(shown(&["--rules", &folder]), None, "a folder is of no zone");
    assert_eq!(shown(&["--rules", &folder, "--zone", "eu-west"]), Some(1.5));

    // An edit of one override: new parameters, the same code, live at once.
    let digests = |folder: &str| {
        let output = clean().args(["build", folder, "--version", "9.9.9", "-o", "json"]).output();
        let report: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        let fragments = report["fragments"].as_array().unwrap().clone();
        let of = |f: &Value| (f["kind"].to_string(), f["name"].to_string());
        fragments.iter().map(|f| (of(f), f["digest"].to_string())).collect::<BTreeMap<_, _>>()
    };
    let before = digests(&folder);
    std::fs::write(&file, RULES.replace("value = 1.5", "value = 2.0")).unwrap();
    let after = digests(&folder);
    let changed: Vec<_> = before.iter().filter(|(name, digest)| after[name] != **digest).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(changed[0].0.0, "\"params\"");
    let plan = exits(&run(&addr, &["plan", &folder]), 3);
    assert!(plan.contains("in zone eu-west 1.5 → 2 times"), "{plan}");
    assert!(plan.contains("1 changed, 0 added, 0 removed"), "{plan}");
    let held = "GET /v1/params/drop_bonus?wait=30s&zone=eu-west";
    let waiting = {
        let (addr, known) = (addr.clone(), known.clone());
        std::thread::spawn(move || http(&addr, held, &known, ""))
    };
    exits(&run(&addr, &["publish", &folder, "--version", "1.0.1"]), 0);
    exits(&run(&addr, &["rollout", "1.0.1", "--reason", "more in the west"]), 0);
    running.until(&["activated places/prod", "version=1.0.1"]);
    let (status, _, woken) = waiting.join().unwrap();
    assert_eq!((status, woken["value"].as_f64()), (200, Some(2.0)), "{woken}");
    assert_eq!(bonus(&addr, ""), (2.0, "zone".to_owned()));
    assert_eq!(bonus(&addr, "?zone=us-east"), (1.25, "default".to_owned()));
    assert_ne!(tag("", "").1, own);

    // kill -9, then back on the same state, the zone from the environment this time.
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let mut command = agent(home);
    command.env("CAIRN_ZONE", "eu-west").env("CAIRN_SHARD", "newcomers");
    let mut running = Running::start(&mut command);
    running.until(&["activated places/prod", "version=1.0.1"]);
    let addr = api(home);
    assert_eq!(bonus(&addr, "?shard="), (2.0, "zone".to_owned()));
    assert_eq!(bonus(&addr, ""), (4.0, "zone and shard".to_owned()));
    assert_eq!(bonus(&addr, "?zone=us-east"), (3.0, "shard".to_owned()));
}

#[test]
fn every_verb_knows_them() {
    let home = tempfile::tempdir().unwrap();
    let (old, new) = (home.path().join("old"), home.path().join("new"));
    for folder in [&old, &new] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("places.rules.hcl"), RULES).unwrap();
        std::fs::write(folder.join("places.test.hcl"), TESTS).unwrap();
    }
    let changed = RULES.replace("value = 1.5", "value = 2.0").replace(
        "  override {\n    shard = \"newcomers\"\n    value = 3.0\n  }\n",
        "  override {\n    zone  = \"moon\"\n    value = 0.5\n  }\n",
    );
    std::fs::write(new.join("places.rules.hcl"), &changed).unwrap();
    let (old, new) = (old.display().to_string(), new.display().to_string());
    let run = |arguments: &[&str]| clean().args(arguments).output().unwrap();

    exits(&run(&["check", &old, "--deny-warnings"]), 0);
    exits(&run(&["fmt", "--check", &old]), 0);
    let tested = exits(&run(&["test", &old]), 0);
    assert!(tested.contains('5'), "four rows and a test: {tested}");
    let failed = exits(&run(&["test", &new]), 3);
    assert!(failed.contains("1.5") && failed.contains('2'), "{failed}");

    let plan = exits(&run(&["plan", &old, &new]), 3);
    for line in [
        "in zone eu-west 1.5 → 2 times",
        "in shard newcomers removed: 3 times",
        "in zone moon added: 0.5 times",
    ] {
        assert!(plan.contains(line), "no {line:?} in\n{plan}");
    }
    exits(&run(&["breaking", &old, &new]), 0);

    let explain = ["eval", "drop", "--explain", "--rules", &old, "--context", r#"{"level":50}"#];
    let nowhere = exits(&run(&explain), 0);
    let in_zone = exits(&run(&[&explain[..], &["--zone", "eu-west"]].concat()), 0);
    assert!(nowhere.contains("1.25") && !in_zone.contains("1.25"), "{nowhere}\n{in_zone}");

    let sim =
        ["sim", "chest", "--rules", &old, "--runs", "1000", "--trigger", "kill", "-o", "json"];
    let observed = |more: &[&str]| {
        let context = ["--context", r#"{"level":50}"#];
        let output = run(&[&sim[..], &context[..], more].concat());
        exits(&output, 0);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let entries = answer["entries"].as_array().unwrap().clone();
        entries.iter().any(|entry| entry["entry"] == "crown" && entry["observed"] != 0.0)
    };
    assert!(observed(&["--zone", "eu-west"]) && !observed(&["--zone", "us-east"]));

    let name = "z".repeat(129);
    let long = run(&["eval", "drop", "--rules", &old, "--zone", &name]);
    assert!(exits(&long, 2).contains("129 bytes, limit 128"), "{long:?}");
}

/// Two agents of one fleet in two zones: one edit, live on both, another value on each. A timer's
/// broadcast is the fleet's: whoever leads, it has the default.
#[test]
fn a_fleet_of_two_zones_follows_an_edit() {
    let home = tempfile::tempdir().unwrap();
    let (rules, tmp) = (home.path().join("rules"), home.path().join("tmp"));
    std::fs::create_dir(&rules).unwrap();
    std::fs::create_dir(&tmp).unwrap();
    let file = rules.join("places.rules.hcl");
    let often = RULES.replace("every = \"1h\"", "every = \"1s\"");
    std::fs::write(&file, &often).unwrap();
    let mut command = clean();
    command.arg("dev").arg(&rules).args(["--nodes", "2", "--zone", "eu-west,us-east"]);
    command.arg("--ready-file").arg(home.path().join("ready.json")).env("TMPDIR", &tmp);
    let mut dev = Running::start(&mut command);
    dev.until(&["ready", "CAIRN_ADDR="]);
    let ready: Value =
        serde_json::from_slice(&std::fs::read(home.path().join("ready.json")).unwrap()).unwrap();
    let nodes = ready["nodes"].as_array().unwrap();
    let apis: Vec<&str> = nodes.iter().map(|node| node["api"].as_str().unwrap()).collect();
    let values = || [bonus(apis[0], ""), bonus(apis[1], "")];
    assert_eq!(values(), [(1.5, "zone".to_owned()), (1.25, "default".to_owned())]);
    // A new consumer starts from now, so every event that it sees was fired after this.
    let poll = "GET /v1/events?consumer=bells&topics=bell&wait=30s";
    let (status, _, heard) = http(apis[1], poll, "", "");
    assert_eq!(status, 200, "{heard}");
    let bells = heard["events"].as_array().unwrap();
    assert!(!bells.is_empty(), "{heard}");
    for bell in bells {
        let payload = bell["payload"].to_string();
        assert!(payload.contains("1.25") && !payload.contains("1.5"), "{bell}");
    }

    std::fs::write(&file, often.replace("value = 1.5", "value = 2.5")).unwrap();
    dev.until(&["activated", "0.0.2", "2/2"]);
    assert_eq!(values(), [(2.5, "zone".to_owned()), (1.25, "default".to_owned())]);
    let id = dev.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(dev.child.wait().unwrap().code(), Some(0));
}
