//! A real `cairn agent` with an embedded coordinator: released to by the command line, killed
//! without warning, and back at once with what it served.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

struct Agent {
    child: Child,
    lines: BufReader<ChildStdout>,
    api: String,
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

impl Agent {
    fn start(home: &Path) -> Agent {
        let mut child = clean()
            .args(["agent", "--embedded", "--api", "127.0.0.1:0", "--gossip", "127.0.0.1:0"])
            .args(["--channel", "hunt/prod", "--name", "solo", "--state"])
            .arg(home.join("state"))
            .arg("--trust")
            .arg(home.join("keys"))
            .arg("--ready-file")
            .arg(home.join("ready.json"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("ready solo api=http://127.0.0.1:"), "{line}");
        let ready: Value =
            serde_json::from_slice(&std::fs::read(home.join("ready.json")).unwrap()).unwrap();
        let api = ready["api"].as_str().unwrap().to_owned();
        assert!(line.contains(&api), "{line} {ready}");
        assert_eq!(
            (ready["id"].as_str().map(str::len), &ready["socket"]),
            (Some(32), &Value::Null)
        );
        Agent { child, lines, api }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }

    fn run(&self, home: &Path, arguments: &[&str]) -> Output {
        clean()
            .args(arguments)
            .env("CAIRN_ADDR", &self.api)
            .env("CAIRN_KEYS", home.join("keys"))
            .output()
            .unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Gone already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn exits(output: &Output, exit: i32) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{text}");
    text
}

#[test]
fn a_release_survives_kill_9_and_only_listed_keys_may_sign() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let keys = home.join("keys").display().to_string();
    exits(&clean().args(["keys", "new", &keys]).output().unwrap(), 0);
    let mut agent = Agent::start(home);
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hunt");
    let rules = rules.display().to_string();

    // Nothing is live yet, and that is said.
    let context = r#"{"level":50,"zone":"crypt","party":1}"#;
    let eval = ["eval", "crypt_drop", "--context", context, "--seed", "3", "-o", "json"];
    assert!(exits(&agent.run(home, &eval), 6).contains("no version is live yet"));
    assert!(exits(&agent.run(home, &["rollback", "--reason", "r"]), 2).contains("no version"));

    exits(&agent.run(home, &["publish", &rules, "--version", "1.0.0"]), 0);
    exits(&agent.run(home, &["rollout", "1.0.0", "--reason", "first"]), 0);
    let line = agent.line();
    assert!(line.starts_with("activated hunt/prod generation=1 version=1.0.0"), "{line}");
    let live: Value = serde_json::from_slice(&agent.run(home, &eval).stdout).unwrap();
    let local = clean().args(eval).args(["--rules", &rules]).output().unwrap();
    let local: Value = serde_json::from_slice(&local.stdout).unwrap();
    assert_eq!(live["results"], local["results"], "a node and a folder decide alike");
    let none = exits(&agent.run(home, &["rollback", "--reason", "r"]), 2);
    assert!(none.contains("no version before it"), "{none}");

    // Keys of another cluster sign nothing here.
    let other = home.join("other").display().to_string();
    exits(&clean().args(["keys", "new", &other]).output().unwrap(), 0);
    let foreign = agent.run(home, &["publish", &rules, "--version", "1.0.1", "--keys", &other]);
    assert!(exits(&foreign, 3).contains("key"), "{foreign:?}");
    exits(&agent.run(home, &["publish", &rules, "--version", "1.0.1"]), 0);
    let foreign = agent.run(home, &["rollout", "1.0.1", "--reason", "r", "--keys", &other]);
    assert!(exits(&foreign, 2).contains("key"), "{foreign:?}");

    // kill -9, then back: live before anybody asks, on the same digest.
    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    let mut agent = Agent::start(home);
    let line = agent.line();
    assert!(line.starts_with("activated hunt/prod generation=1 version=1.0.0"), "{line}");
    let again: Value = serde_json::from_slice(&agent.run(home, &eval).stdout).unwrap();
    assert_eq!((&again["results"], &again["digest"]), (&live["results"], &live["digest"]));

    let id = agent.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(agent.child.wait().unwrap().code(), Some(0));
}
