//! A real `cairn dev` with five nodes: every edit is live everywhere, a broken one changes
//! nothing, a rollback needs no download, and nothing is left behind.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// `cairn dev` in a directory of its own, which is its `TMPDIR` too, so that leftovers show.
struct Dev {
    child: Child,
    lines: BufReader<ChildStdout>,
    home: tempfile::TempDir,
    said: Vec<String>,
}

impl Dev {
    fn start(more: &[&str]) -> Dev {
        let home = tempfile::tempdir().unwrap();
        let rules = home.path().join("rules");
        std::fs::create_dir(&rules).unwrap();
        std::fs::create_dir(home.path().join("tmp")).unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hunt");
        for entry in std::fs::read_dir(fixture).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), rules.join(entry.file_name())).unwrap();
        }
        let log = std::fs::File::create(home.path().join("log")).unwrap();
        let mut child = clean()
            .arg("dev")
            .arg(&rules)
            .args(["--nodes", "5", "--ready-file"])
            .arg(home.path().join("ready.json"))
            .args(more)
            .env("TMPDIR", home.path().join("tmp"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Dev { child, lines, home, said: Vec::new() }
    }

    /// Reads on until a line has all of `parts`.
    #[track_caller]
    fn until(&mut self, parts: &[&str]) -> String {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                let log = std::fs::read_to_string(self.home.path().join("log")).unwrap();
                panic!("dev ended before it said {parts:?}:\n{}\n{log}", self.said.join(""));
            }
            self.said.push(line.clone());
            if parts.iter().all(|part| line.contains(part)) {
                return line;
            }
        }
    }

    fn rules(&self, name: &str) -> PathBuf {
        self.home.path().join("rules").join(name)
    }

    fn ready(&self) -> Value {
        let bytes = std::fs::read(self.home.path().join("ready.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Asks for an end and requires that nothing is left.
    fn stop(mut self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.until(&["stopped"]);
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.said.join(""));
        self.nothing_left();
        assert!(!self.home.path().join("ready.json").exists());
    }

    fn nothing_left(&self) {
        let tmp = self.home.path().join("tmp");
        let left: Vec<_> = std::fs::read_dir(tmp).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left, Vec::<PathBuf>::new());
        // No process either: whatever dev started had its TMPDIR in its environment.
        let mark = self.home.path().join("tmp").display().to_string();
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let environ = std::fs::read(process.path().join("environ")).unwrap_or_default();
            let environ = String::from_utf8_lossy(&environ).into_owned();
            assert!(!environ.contains(&format!("TMPDIR={mark}")), "{:?} runs", process.path());
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Gone already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn clean() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAIRN_") {
            command.env_remove(name);
        }
    }
    command
}

/// One HTTP exchange: status, headers and body as text.
fn http(api: &str, request: &str, body: &str) -> (u16, String, String) {
    let host = api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    // More headers may follow the path, each on a line of its own.
    let (line, more) = request.split_once("\r\n").unwrap_or((request, ""));
    let more = if more.is_empty() { String::new() } else { format!("{more}\r\n") };
    let text = format!(
        "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{more}"
    );
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

fn get(api: &str, path: &str) -> Value {
    let (status, _, body) = http(api, &format!("GET {path}"), "");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

fn apis(ready: &Value) -> Vec<String> {
    let nodes = ready["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["api"].as_str().unwrap().to_owned()).collect()
}

fn versions(apis: &[String]) -> BTreeSet<String> {
    let live = apis.iter().map(|api| get(api, "/v1/ruleset"));
    live.map(|live| live["version"].as_str().unwrap().to_owned()).collect()
}

fn run(api: &str, keys: &str, arguments: &[&str]) -> Output {
    clean().args(arguments).env("CAIRN_ADDR", api).env("CAIRN_KEYS", keys).output().unwrap()
}

#[test]
fn edits_go_live_broken_ones_do_not_and_a_rollback_needs_no_download() {
    let mut dev = Dev::start(&[]);
    dev.until(&["activated", "0.0.1", "5/5"]);
    dev.until(&["ready", "CAIRN_ADDR=", "CAIRN_KEYS="]);
    let ready = dev.ready();
    assert_eq!(ready["channel"], "hunt/dev");
    let apis = apis(&ready);
    let keys = ready["keys"].as_str().unwrap().to_owned();
    assert_eq!(apis.len(), 5);
    for node in ready["nodes"].as_array().unwrap() {
        assert!(Path::new(node["socket"].as_str().unwrap()).exists());
        assert!(node["gossip"].as_str().unwrap().starts_with("127.0.0.1:"));
        assert_eq!(node["id"].as_str().unwrap().len(), 32);
    }
    let first = get(&apis[0], "/v1/ruleset");
    assert_eq!((first["version"].as_str(), first["generation"].as_u64()), (Some("0.0.1"), Some(1)));
    assert!(first["staleness_ms"].is_u64() && first["digest"].as_str().unwrap().len() == 64);
    // A game compares this with the constant in its generated code.
    let rules = dev.home.path().join("rules");
    let generated = clean().args(["codegen", "--lang", "ts"]).arg(rules).output().unwrap();
    let schema = format!("export const SCHEMA = {};", first["schema"]);
    assert!(String::from_utf8_lossy(&generated.stdout).contains(&schema), "{schema}");

    // The batch, on every node alike.
    let batch = r#"{"requests":[{"trigger":"boss_kill","rule":"crypt_drop","seed":7,"context":{"level":50,"zone":"crypt","party":2}}]}"#;
    let answers: BTreeSet<String> = apis
        .iter()
        .map(|api| {
            let (status, _, body) = http(api, "POST /v1/evaluate", batch);
            assert_eq!(status, 200, "{body}");
            let answer: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(answer["version"], "0.0.1");
            answer["results"].to_string()
        })
        .collect();
    assert_eq!(answers.len(), 1);

    // An edit: the same file with another weight.
    let crypt = dev.rules("crypt.rules.hcl");
    let text = std::fs::read_to_string(&crypt).unwrap();
    std::fs::write(&crypt, text.replace("weight = 900", "weight = 800")).unwrap();
    let line = dev.until(&["activated", "0.0.2", "5/5"]);
    assert!(line.contains(" ms"), "{line}");
    assert_eq!(versions(&apis), BTreeSet::from(["0.0.2".to_owned()]));
    let second = get(&apis[4], "/v1/ruleset");
    assert_ne!(second["digest"], first["digest"]);

    // Another comment is no other rule.
    let edited = std::fs::read_to_string(&crypt).unwrap();
    std::fs::write(&crypt, format!("{edited}\n# Nothing new.\n")).unwrap();
    dev.until(&["unchanged", "0.0.2"]);
    assert_eq!(versions(&apis), BTreeSet::from(["0.0.2".to_owned()]));

    // A broken edit: shown in full, and nothing else happens.
    let edited = std::fs::read_to_string(&crypt).unwrap();
    std::fs::write(&crypt, edited.replace("on   = boss_kill", "on   = ")).unwrap();
    let line = dev.until(&["broken", "0.0.2 stays live"]);
    assert!(line.contains("error"), "{line}");
    let said = dev.said.join("");
    for part in ["crypt.rules.hcl:", "^", "error[C", "cause", "fix"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert_eq!(versions(&apis), BTreeSet::from(["0.0.2".to_owned()]));

    // Back by the command line, from another node than the one that published.
    let rollback = run(&apis[2], &keys, &["rollback", "--reason", "drops too high", "-o", "json"]);
    assert_eq!(rollback.status.code(), Some(0), "{rollback:?}");
    let report: Value = serde_json::from_slice(&rollback.stdout).unwrap();
    assert_eq!(
        (report["version"].as_str(), report["generation"].as_u64()),
        (Some("0.0.1"), Some(3))
    );
    let line = dev.until(&["activated", "0.0.1", "5/5"]);
    assert!(line.contains("drops too high"), "{line}");
    for api in &apis {
        let live = get(api, "/v1/ruleset");
        assert_eq!((&live["digest"], live["generation"].as_u64()), (&first["digest"], Some(3)));
    }
    let history = get(&apis[1], "/v1/channels/hunt/dev");
    assert_eq!(history["chain"][0]["reason"], "drops too high");
    assert_eq!(history["chain"].as_array().unwrap().len(), 3);

    dev.stop("-INT");
}

#[test]
fn warnings_of_an_edit_that_goes_live_are_shown() {
    let mut dev = Dev::start(&[]);
    dev.until(&["ready"]);
    assert!(!dev.said.join("").contains("warned"), "{}", dev.said.join(""));
    let crypt = dev.rules("crypt.rules.hcl");
    let text = std::fs::read_to_string(&crypt).unwrap();
    let idle = "param \"idle\" {\n  type    = bool\n  default = true\n}\n";
    std::fs::write(&crypt, format!("{text}\n{idle}")).unwrap();
    dev.until(&["warned", "1 warning"]);
    let said = dev.said.join("");
    assert!(said.contains("warning[C1101]") && said.contains("idle"), "{said}");
    dev.until(&["activated", "0.0.2", "5/5"]);
    dev.stop("-INT");
}

#[test]
fn verbs_and_api_answer_like_their_contract() {
    let mut dev = Dev::start(&[]);
    dev.until(&["ready"]);
    let ready = dev.ready();
    let (apis, keys) = (apis(&ready), ready["keys"].as_str().unwrap().to_owned());
    let api = &apis[0];

    // Conditional and held-back reads.
    let (_, head, _) = http(api, "GET /v1/ruleset", "");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().trim().to_owned();
    let conditional = format!("GET /v1/ruleset?wait=50ms\r\nif-none-match: {tag}");
    assert_eq!(http(api, &conditional, "").0, 304);
    assert_eq!(get(api, "/v1/params/drop_bonus")["value"].to_string(), "1.25");

    // Errors are problem documents that say what, where, how much and what now.
    let problem = |request: &str, body: &str, status: u16, says: &[&str]| {
        let (got, head, text) = http(api, request, body);
        assert_eq!(got, status, "{request}: {text}");
        assert!(head.contains("application/problem+json"), "{head}");
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["status"], status);
        assert!(document["type"].as_str().unwrap().starts_with("urn:cairn:problem:"));
        for part in says {
            assert!(text.contains(part), "{request}: no {part:?} in {text}");
        }
    };
    problem("POST /v1/evaluate", "{\"requests\":[\n{oops}]}", 400, &["\"line\":2", "column"]);
    problem("POST /v1/evaluate", r#"{"requests":[{"seed":-1}]}"#, 400, &["requests[0].seed"]);
    problem(
        "POST /v1/evaluate",
        r#"{"requests":[{"rule":"crypt_dorp"}]}"#,
        400,
        &["requests[0].rule", "crypt_drop"],
    );
    problem("POST /v1/evaluate", r#"{"requests":[{"trigger":"bos_kill"}]}"#, 400, &["boss_kill"]);
    let two_missing = r#"{"requests":[{"rule":"crypt_drop","context":{"level":1}}]}"#;
    problem("POST /v1/evaluate", two_missing, 400, &["2 fields", "`zone`", "`party`"]);
    problem(
        "POST /v1/evaluate",
        r#"{"requests":[{"rule":"crypt_drop","context":{"level":1000,"zone":"crypt","party":1}}]}"#,
        400,
        &["requests[0].context.level", "1000", "100"],
    );
    let many = format!("{{\"requests\":[{}]}}", vec!["{\"rule\":\"r\"}"; 1_025].join(","));
    problem("POST /v1/evaluate", &many, 413, &["1025", "1024"]);
    problem("POST /v1/evaluate", &"x".repeat((1 << 20) + 1), 413, &["1048577", "1048576"]);
    problem("GET /v1/params/drop_bonsu", "", 404, &["drop_bonus"]);
    problem("GET /v1/rulset", "", 404, &["/v1/ruleset"]);
    problem("DELETE /v1/ruleset", "", 405, &["DELETE"]);
    problem("GET /v1/events", "", 400, &["consumer"]);
    problem("GET /v1/events?consumer=c&cursor=%21", "", 400, &["cursor"]);
    problem("GET /v1/ruleset?wait=soon", "", 400, &["30s"]);
    problem("PUT /v1/bundles", "garbage", 422, &["bundle"]);
    problem("POST /v1/channels/hunt/dev", "garbage", 428, &["If-Match"]);
    problem("GET /v1/channels/hunt/prdo", "", 404, &["hunt/dev"]);
    problem("GET /v1/ruleset?chanel=hunt/dev", "", 400, &["chanel"]);
    problem("GET /v1/params/%ff", "", 400, &["UTF-8"]);
    let unread = "POST /v1/channels/hunt/dev\r\nif-match: \"now\"";
    problem(unread, "garbage", 400, &["now", "If-Match"]);
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let nested =
        format!(r#"{{"requests":[{{"rule":"crypt_drop","context":{{"level":{nested}}}}}]}}"#);
    problem("POST /v1/evaluate", &nested, 400, &["requests[0]"]);
    let other_site = "GET /v1/events?consumer=shop\r\nsec-fetch-site: cross-site";
    problem(other_site, "", 403, &["cross-site"]);
    let foreign = "GET /v1/ruleset\r\norigin: http://evil.example";
    problem(foreign, "", 403, &["evil.example"]);

    // Health and metrics.
    assert_eq!(http(api, "GET /livez", "").0, 200);
    let (status, _, body) = http(api, "GET /readyz?verbose", "");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("hunt/dev"), "{body}");
    assert!(http(api, "GET /metrics", "").2.contains("# EOF"));

    // Events: one consumer on another node, a retry, an ack.
    let tail = ["events", "tail", "--consumer", "shop", "--count", "1", "--ack", "-o", "json"];
    let opened = get(&apis[3], "/v1/events?consumer=shop&wait=0s");
    let cursor = opened["cursor"].as_str().unwrap().to_owned();
    let publish = [
        "events",
        "publish",
        "dragon.spawn",
        r#"{"hp":1.50}"#,
        "--idempotency-key",
        "k1",
        "--level",
        "replicated:1",
        "-o",
        "json",
    ];
    let id = |output: Output| -> (String, bool) {
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let accepted: Value = serde_json::from_slice(&output.stdout).unwrap();
        (accepted["id"].as_str().unwrap().to_owned(), accepted["repeated"].as_bool().unwrap())
    };
    let (first, repeated) = id(run(api, &keys, &publish));
    assert!(!repeated);
    assert_eq!(id(run(api, &keys, &publish)), (first.clone(), true));
    let mut arguments = tail.to_vec();
    arguments.extend(["--cursor", &cursor]);
    let seen = run(&apis[3], &keys, &arguments);
    assert_eq!(seen.status.code(), Some(0), "{seen:?}");
    let event: Value = serde_json::from_slice(&seen.stdout).unwrap();
    assert_eq!(
        (event["id"].as_str(), event["topic"].as_str()),
        (Some(first.as_str()), Some("dragon.spawn"))
    );
    assert!(String::from_utf8_lossy(&seen.stdout).contains(r#"{"hp":1.50}"#), "exact text");
    // Acked: the stored cursor is past it.
    let after = get(&apis[3], "/v1/events?consumer=shop&wait=0s");
    assert_eq!(after["events"], Value::Array(Vec::new()));

    // A stream: where it begins, then the event, with the cursor as its id.
    let host = apis[1].strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!(
        "GET /v1/events?consumer=sse&topics=gold.rush HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line == "event: open"));
    for (topic, payload) in [("silver.rush", "1"), ("gold.rush", "2")] {
        id(run(api, &keys, &["events", "publish", topic, payload, "-o", "json"]));
    }
    let data = lines.find(|line| line.starts_with("data: {\"id\"")).unwrap();
    let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((event["topic"].as_str(), event["payload"].as_u64()), (Some("gold.rush"), Some(2)));
    drop(lines);

    // Publish, rollout, conflicts.
    let rules = dev.home.path().join("rules").display().to_string();
    let verb = |arguments: &[&str], exit: i32| -> String {
        let output = run(api, &keys, arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {text}");
        text
    };
    verb(&["publish", &rules, "--version", "1.0.0"], 0);
    assert!(verb(&["publish", &rules, "--version", "1.0.0"], 0).contains("already"));
    let crypt = dev.rules("crypt.rules.hcl");
    let text = std::fs::read_to_string(&crypt).unwrap();
    std::fs::write(&crypt, text.replace("weight = 900", "weight = 700")).unwrap();
    dev.until(&["activated", "0.0.2"]);
    let refused = verb(&["publish", &rules, "--version", "1.0.0"], 7);
    assert!(refused.contains("1.0.0") && refused.contains("next version"), "{refused}");
    assert!(verb(&["rollout", "1.0.1", "--reason", "r"], 2).contains("1.0.0"));
    let said = verb(&["rollout", "1.0.0", "--reason", "release", "--channel", "hunt/dev"], 0);
    assert!(said.contains("5/5 nodes"), "{said}");
    assert_eq!(versions(&apis), BTreeSet::from(["1.0.0".to_owned()]));
    let status = verb(&["status"], 0);
    assert!(status.contains("hunt/dev") && status.contains("1.0.0"), "{status}");
    assert!(verb(&["rollback", "--reason", "r", "--to", "9.9.9"], 2).contains("9.9.9"));
    let by = ["--reason", "r", "--actor", "ann"];
    verb(&[&["rollback", "--to", "0.0.1"], &by[..]].concat(), 0);
    assert_eq!(versions(&apis), BTreeSet::from(["0.0.1".to_owned()]));

    // Who and why stand on record; what is live already costs no generation.
    let newest = || get(api, "/v1/channels/hunt/dev")["chain"][0].clone();
    let live = newest();
    assert_eq!((live["actor"].as_str(), live["reason"].as_str()), (Some("ann"), Some("r")));
    assert!(verb(&["rollback", "--reason", " ", "--to", "0.0.1"], 2).contains("empty"));
    assert!(verb(&["rollback", "--reason", "r", "--to", "0.0.1"], 2).contains("already"));
    assert!(verb(&["rollout", "0.0.1", "--reason", "r"], 0).contains("already"));
    assert_eq!(newest(), live);

    // The Unix socket answers, too.
    let socket = ready["nodes"][1]["socket"].as_str().unwrap();
    let output = run(&format!("unix:{socket}"), &keys, &["status", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    dev.stop("-TERM");
}

#[test]
fn exit_after_ready_leaves_the_ready_file_and_nothing_else() {
    let mut dev = Dev::start(&["--exit-after-ready", "-o", "json"]);
    dev.until(&["\"step\":\"stopped\""]);
    assert_eq!(dev.child.wait().unwrap().code(), Some(0));
    assert_eq!(apis(&dev.ready()).len(), 5);
    dev.nothing_left();
}
