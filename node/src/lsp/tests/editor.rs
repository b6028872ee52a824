//! An editor that speaks with a session's core: no clock, no streams, and a worker that works when
//! it is told to.

use std::collections::BTreeMap;
use std::path::Path;

use lsp_server::Message;
use serde_json::{Value, json};

use crate::lsp::job::Job;
use crate::lsp::server::{Server, Step};
use crate::lsp::uri;
use crate::lsp::worker::{End, Ran};

pub(super) const ZONES: &str = "enum \"zone\" { values = [\"meadow\", \"crypt\"] }\n";

pub(super) fn main(name: &str) -> String {
    format!(
        "ruleset \"{name}\" {{\n  dialect = 1\n  context = \"{name}@1\"\n}}\n\
         import \"../shared/zones.rules.hcl\" {{}}\n\
         trigger \"kill\" {{\n  fields = {{ zone = zone }}\n}}\n\
         rule \"reward\" {{\n  on   = kill\n  when = trigger.zone == \"crypt\"\n  emit \"reward\" {{}}\n}}\n"
    )
}

/// An editor with what it was told.
pub(super) struct Editor {
    pub(super) server: Server,
    pub(super) dir: tempfile::TempDir,
    /// Diagnostics by URI as it was told.
    pub(super) shown: BTreeMap<String, Vec<Value>>,
    pub(super) said: Vec<String>,
    pub(super) progress: Vec<Value>,
    /// Answers that nobody has looked at, by request.
    pub(super) answers: BTreeMap<i32, Value>,
    asked: i32,
    /// What the worker has, and whether it was told to stop.
    pub(super) job: Option<Job>,
    pub(super) stopped: bool,
}

impl Editor {
    /// Opens a folder with two rule sets that import the same file.
    pub(super) fn new() -> Editor {
        Editor::with(json!({}))
    }

    pub(super) fn with(capabilities: Value) -> Editor {
        let dir = tempfile::Builder::new().prefix("a+b").tempdir().unwrap();
        let mut editor = Editor {
            server: Server::default(),
            dir,
            shown: BTreeMap::new(),
            said: Vec::new(),
            progress: Vec::new(),
            answers: BTreeMap::new(),
            asked: 0,
            job: None,
            stopped: false,
        };
        editor.put("hunt/hunt.rules.hcl", &main("hunt"));
        editor.put("raid/raid.rules.hcl", &main("raid"));
        editor.put("shared/zones.rules.hcl", ZONES);
        let folder = json!({ "uri": editor.uri(""), "name": "rules" });
        let params = json!({ "capabilities": capabilities, "workspaceFolders": [folder] });
        assert!(editor.ask("initialize", params)["error"].is_null());
        editor
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(super) fn uri(&self, name: &str) -> String {
        let path = self.dir.path().join(name);
        uri::of(Path::new(path.to_str().unwrap())).unwrap().as_str().to_owned()
    }

    fn step(&mut self, step: Step) {
        for message in step.send {
            match message {
                Message::Notification(told) => match told.method.as_str() {
                    "textDocument/publishDiagnostics" => {
                        let uri = told.params["uri"].as_str().unwrap().to_owned();
                        let found = told.params["diagnostics"].as_array().unwrap().clone();
                        self.shown.insert(uri, found);
                    }
                    "$/progress" => self.progress.push(told.params),
                    _ => self.said.push(told.params["message"].as_str().unwrap().to_owned()),
                },
                Message::Response(answer) => {
                    let answer = serde_json::to_value(answer).unwrap();
                    let id = i32::try_from(answer["id"].as_i64().unwrap()).unwrap();
                    let before = self.answers.insert(id, answer);
                    assert!(before.is_none(), "answered twice: {before:?}");
                }
                Message::Request(_) => {}
            }
        }
        if step.stop {
            assert!(self.job.is_some(), "nothing to stop");
            self.stopped = true;
        }
        if step.start.is_some() {
            assert!(self.job.is_none(), "one at a time");
            (self.job, self.stopped) = (step.start, false);
        }
    }

    /// Asks, and does not wait.
    pub(super) fn send(&mut self, method: &str, params: Value) -> i32 {
        self.asked += 1;
        let request = lsp_server::Request::new(self.asked.into(), method.to_owned(), params);
        let step = self.server.handle(request.into());
        self.step(step);
        self.asked
    }

    /// Asks what is answered at once.
    pub(super) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answers.remove(&id).unwrap_or_else(|| panic!("{method} is not answered"))
    }

    pub(super) fn tell(&mut self, method: &str, params: Value) {
        let told = lsp_server::Notification::new(method.to_owned(), params);
        let step = self.server.handle(told.into());
        self.step(step);
    }

    pub(super) fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "cairn", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub(super) fn close(&mut self, uri: &str) {
        self.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }

    pub(super) fn change(&mut self, uri: &str, version: i32, changes: Value) {
        let document = json!({ "uri": uri, "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.tell("textDocument/didChange", params);
    }

    /// The codes that show in a file after the quiet.
    pub(super) fn codes(&mut self, uri: &str) -> Vec<String> {
        let step = self.server.publish();
        self.step(step);
        let shown = self.shown.get(uri).into_iter().flatten();
        shown.map(|found| found["code"].as_str().unwrap_or("test").to_owned()).collect()
    }

    pub(super) fn rename(&mut self, uri: &str, line: u32, character: u32, name: &str) -> Value {
        let at = json!({ "line": line, "character": character });
        let params = json!({ "textDocument": { "uri": uri }, "position": at, "newName": name });
        self.ask("textDocument/rename", params)
    }

    /// What the worker says next.
    pub(super) fn ran(&mut self, ran: Ran) {
        let step = self.server.ran(ran);
        self.step(step);
    }

    /// Has the worker do what it has: all of it, unless it was told to stop.
    pub(super) fn work(&mut self) {
        let job = self.job.take().expect("a job");
        let (stopped, mut percents) = (self.stopped, Vec::new());
        let report = job.run(&|| !stopped, &mut |percent| percents.push(percent));
        for percent in percents {
            self.ran(Ran::Percent(percent));
        }
        self.ran(Ran::Ended(report.map_or(End::Stopped, End::Done)));
    }
}
