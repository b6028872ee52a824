//! Sessions that are spoken with message by message, over the wire and with all their threads,
//! while a test runs that nobody would wait for.

use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cairn_ruleset::lang::Source;
use cairn_ruleset::lang::ide::Analysis;
use serde_json::{Value, json};

use super::{RULES, frames, open, request, tell};
use crate::lsp::Event;
use crate::lsp::job::Job;
use crate::lsp::uri;
use crate::lsp::worker::{End, Ran, Worker};

/// Nothing here waits for a time; this ends a test that would wait for ever.
const DEADLINE: Duration = Duration::from_secs(120);

/// A quick test, and one that rolls some billions of entries.
fn rules() -> String {
    let outcomes: String = (0..8)
        .map(|n| format!("  emit \"flood{n}\" {{\n    table = pile\n    count = 1000\n  }}\n"))
        .collect();
    let expects: String =
        (0..8).map(|n| format!("  expect \"flood{n}\" {{\n    rolls = 1000\n  }}\n")).collect();
    let cases: String = (0..1024).map(|seed| format!("    {{ seed = {seed} }},\n")).collect();
    format!(
        "{RULES}loot_table \"pile\" {{\n  rolls = 100\n  entry \"coin\" {{ weight = 1 }}\n  \
         entry \"crown\" {{ weight = 1 }}\n  pity \"crown\" {{ after = 9 }}\n}}\n\
         rule \"flood\" {{\n  on = kill\n{outcomes}}}\n\
         test \"quick\" {{\n  on    = kill\n  fired = [flood]\n}}\n\
         test \"slow\" {{\n  on    = kill\n  cases = [\n{cases}  ]\n{expects}}}\n"
    )
}

/// What is sent comes out, until nobody sends any more.
struct Wire {
    from: Receiver<Vec<u8>>,
    bytes: io::Cursor<Vec<u8>>,
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.bytes.position() == self.bytes.get_ref().len() as u64 {
            let Ok(bytes) = self.from.recv() else { return Ok(0) };
            self.bytes = io::Cursor::new(bytes);
        }
        self.bytes.read(into)
    }
}

/// Passes on each message that is written.
struct Frames {
    to: Sender<Value>,
    bytes: Vec<u8>,
}

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = String::from_utf8(std::mem::take(&mut self.bytes)).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        // A test that has seen enough listens no more.
        let _ = self.to.send(serde_json::from_str(body)?);
        Ok(())
    }
}

/// A session, and what it said so far.
struct Live {
    dir: tempfile::TempDir,
    to: Sender<Vec<u8>>,
    from: Receiver<Value>,
    said: Vec<Value>,
    session: JoinHandle<io::Result<bool>>,
}

impl Live {
    /// Has the rules open.
    fn new() -> Live {
        let dir = tempfile::tempdir().unwrap();
        let (to, receive) = channel();
        let (send, from) = channel();
        let session = std::thread::spawn(move || {
            let wire = Wire { from: receive, bytes: io::Cursor::default() };
            let mut frames = Frames { to: send, bytes: Vec::new() };
            crate::lsp::run(BufReader::new(wire), &mut frames)
        });
        let mut live = Live { dir, to, from, said: Vec::new(), session };
        let folder = json!({ "uri": uri::of(live.dir.path()).unwrap(), "name": "rules" });
        let can = json!({ "window": { "workDoneProgress": true } });
        let params = json!({ "capabilities": can, "workspaceFolders": [folder] });
        live.send(&request(1, "initialize", params));
        live.send(&open(live.dir.path(), "a.rules.hcl", &rules()));
        let shown = live.until(|told| told["method"] == "textDocument/publishDiagnostics");
        assert_eq!(shown["params"]["diagnostics"], json!([]));
        live
    }

    fn uri(&self) -> Value {
        json!(uri::of(&self.dir.path().join("a.rules.hcl")).unwrap())
    }

    fn send(&self, message: &Value) {
        self.to.send(frames(std::slice::from_ref(message))).unwrap();
    }

    /// The next message that is as it should be.
    fn until(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        // For all of them together: progress comes for hours.
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(message) = self.from.recv_timeout(left) else {
                panic!("it does not come; what came: {:#?}", self.said)
            };
            self.said.push(message.clone());
            if is(&message) {
                return message;
            }
        }
    }

    fn answer(&mut self, id: i32) -> Value {
        self.until(|message| message["id"] == id && message["method"].is_null())
    }

    fn run(&self, id: i32, test: &str) {
        let argument = json!({ "uri": self.uri(), "test": test });
        let params =
            json!({ "command": "cairn.runTest", "arguments": [argument], "workDoneToken": id });
        self.send(&request(id, "workspace/executeCommand", params));
    }

    /// Waits until a test is with the worker.
    fn has_begun(&mut self, id: i32) {
        self.until(|told| {
            told["params"]["token"] == id && told["params"]["value"]["kind"] == "begin"
        });
    }

    /// Nothing more is sent; how it ended.
    fn end(self) -> bool {
        drop(self.to);
        self.session.join().unwrap().unwrap()
    }
}

#[test]
fn an_editor_is_served_while_a_test_runs_and_can_cancel_it() {
    let mut live = Live::new();
    live.run(2, "slow");
    live.has_begun(2);
    let document = json!({ "uri": live.uri(), "version": 2 });
    let place = json!({ "textDocument": document, "position": { "line": 4, "character": 10 } });
    live.send(&request(3, "textDocument/hover", place));
    assert!(live.answer(3)["result"]["contents"]["value"].is_string());
    let start = json!({ "line": 0, "character": 0 });
    let change = json!({ "range": { "start": start, "end": start }, "text": "@" });
    let changed = json!({ "textDocument": document, "contentChanges": [change] });
    live.send(&tell("textDocument/didChange", changed));
    live.until(|told| told["params"]["version"] == 2);
    let answered = live.said.iter().any(|message| message["id"] == 2);
    assert!(!answered, "it is no slow test: {:#?}", live.said);

    live.send(&tell("$/cancelRequest", json!({ "id": 2 })));
    assert_eq!(live.answer(2)["error"]["code"], -32800);
    // One at a time: this one begins when the worker has let go of the other.
    let change =
        json!({ "range": { "start": start, "end": { "line": 0, "character": 1 } }, "text": "" });
    let document = json!({ "uri": live.uri(), "version": 3 });
    let changed = json!({ "textDocument": document, "contentChanges": [change] });
    live.send(&tell("textDocument/didChange", changed));
    live.run(4, "quick");
    let ran = live.answer(4);
    assert_eq!(ran["result"]["passed"], 1, "{ran}");

    live.run(5, "slow");
    live.run(6, "quick");
    live.has_begun(5);
    live.send(&request(7, "shutdown", Value::Null));
    live.send(&tell("exit", Value::Null));
    assert!(live.answer(7)["error"].is_null());
    for id in [5, 6] {
        let answer = live.said.iter().find(|said| said["id"] == id).expect("before `shutdown`");
        assert_eq!(answer["error"]["code"], -32800, "{answer}");
    }
    assert!(live.end());
}

#[test]
fn an_editor_that_goes_away_waits_for_no_test() {
    for exits in [true, false] {
        let mut live = Live::new();
        live.run(2, "slow");
        live.has_begun(2);
        if exits {
            live.send(&tell("exit", Value::Null));
        }
        assert!(!live.end(), "it did not say `shutdown`");
    }
}

#[test]
fn a_worker_ends_with_what_it_is_at() {
    let source = Source { name: "a.rules.hcl".to_owned(), text: rules() };
    let analysis = Arc::new(Analysis::new(vec![source]));
    let job = |test: &str| Job::new(analysis.clone(), test.to_owned()).unwrap();
    let (send, receive) = sync_channel(1);
    let mut worker = Worker::spawn(send).unwrap();
    let next = || match receive.recv_timeout(DEADLINE) {
        Ok(Event::Ran(ran)) => Some(ran),
        Ok(_) => panic!("the worker said what it cannot know"),
        Err(_) => None,
    };
    worker.start(job("quick"));
    assert!(matches!(next(), Some(Ran::Ended(End::Done(report))) if report.passed == 1));
    worker.start(job("slow"));
    worker.stop();
    assert_eq!(next(), Some(Ran::Ended(End::Stopped)));
    // What is said after a stop is of the job that was stopped alone.
    worker.start(job("quick"));
    assert!(matches!(next(), Some(Ran::Ended(End::Done(_)))));
    worker.start(job("slow"));
    drop(worker);
    assert_eq!(next(), Some(Ran::Ended(End::Stopped)));
    assert!(receive.recv().is_err(), "the thread lives on");
}
