//! Rule sets that share a file, and documents that are lost, as an editor sees them: a session
//! without its clock and its streams.

use std::collections::BTreeMap;
use std::path::Path;

use lsp_server::Message;
use serde_json::{Value, json};

use crate::lsp::server::{Server, Step};
use crate::lsp::uri;

const ZONES: &str = "enum \"zone\" { values = [\"meadow\", \"crypt\"] }\n";

fn main(name: &str) -> String {
    format!(
        "ruleset \"{name}\" {{\n  dialect = 1\n  context = \"{name}@1\"\n}}\n\
         import \"../shared/zones.rules.hcl\" {{}}\n\
         trigger \"kill\" {{\n  fields = {{ zone = zone }}\n}}\n\
         rule \"reward\" {{\n  on   = kill\n  when = trigger.zone == \"crypt\"\n  emit \"reward\" {{}}\n}}\n"
    )
}

/// An editor with what it was told.
struct Editor {
    server: Server,
    dir: tempfile::TempDir,
    /// Diagnostics by URI as it was told.
    shown: BTreeMap<String, Vec<Value>>,
    said: Vec<String>,
}

impl Editor {
    /// Opens a folder with two rule sets that import the same file.
    fn new() -> Editor {
        Editor::with(json!({}))
    }

    fn with(capabilities: Value) -> Editor {
        let dir = tempfile::Builder::new().prefix("a+b").tempdir().unwrap();
        let mut editor =
            Editor { server: Server::default(), dir, shown: BTreeMap::new(), said: Vec::new() };
        editor.put("hunt/hunt.rules.hcl", &main("hunt"));
        editor.put("raid/raid.rules.hcl", &main("raid"));
        editor.put("shared/zones.rules.hcl", ZONES);
        let folder = json!({ "uri": editor.uri(""), "name": "rules" });
        let params = json!({ "capabilities": capabilities, "workspaceFolders": [folder] });
        assert!(editor.ask("initialize", params)["error"].is_null());
        editor
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn uri(&self, name: &str) -> String {
        let path = self.dir.path().join(name);
        uri::of(Path::new(path.to_str().unwrap())).unwrap().as_str().to_owned()
    }

    fn step(&mut self, step: Step) {
        for message in step.send {
            let Message::Notification(told) = message else { continue };
            match told.method.as_str() {
                "textDocument/publishDiagnostics" => {
                    let uri = told.params["uri"].as_str().unwrap().to_owned();
                    let found = told.params["diagnostics"].as_array().unwrap().clone();
                    self.shown.insert(uri, found);
                }
                _ => self.said.push(told.params["message"].as_str().unwrap().to_owned()),
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let request = lsp_server::Request::new(1.into(), method.to_owned(), params);
        let mut step = self.server.handle(request.into());
        let answer = step.send.pop().unwrap();
        self.step(step);
        serde_json::to_value(answer).unwrap()
    }

    fn tell(&mut self, method: &str, params: Value) {
        let told = lsp_server::Notification::new(method.to_owned(), params);
        let step = self.server.handle(told.into());
        self.step(step);
    }

    fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "cairn", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn close(&mut self, uri: &str) {
        self.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }

    fn change(&mut self, uri: &str, version: i32, changes: Value) {
        let document = json!({ "uri": uri, "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.tell("textDocument/didChange", params);
    }

    /// The codes that show in a file after the quiet.
    fn codes(&mut self, uri: &str) -> Vec<String> {
        let step = self.server.publish();
        self.step(step);
        let shown = self.shown.get(uri).into_iter().flatten();
        shown.map(|found| found["code"].as_str().unwrap_or("test").to_owned()).collect()
    }

    fn rename(&mut self, uri: &str, line: u32, character: u32, name: &str) -> Value {
        let at = json!({ "line": line, "character": character });
        let params = json!({ "textDocument": { "uri": uri }, "position": at, "newName": name });
        self.ask("textDocument/rename", params)
    }
}

#[test]
fn a_file_of_two_rule_sets_keeps_its_findings_when_one_goes() {
    let mut editor = Editor::new();
    let (hunt, zones) = (editor.uri("hunt/hunt.rules.hcl"), editor.uri("shared/zones.rules.hcl"));
    let bad = main("hunt").replace("\"crypt\"", "\"nowhere\"");
    editor.open(&hunt, &bad);
    let found = editor.codes(&hunt);
    assert_eq!(found.len(), 1, "{found:?}");
    editor.open(&zones, ZONES);
    assert_eq!(editor.codes(&hunt), found);
    editor.tell("textDocument/didSave", json!({ "textDocument": { "uri": hunt } }));
    assert_eq!(editor.codes(&hunt), found);
    editor.close(&zones);
    assert_eq!(editor.codes(&hunt), found);
    // The other way round: the shared file's findings stay while one rule set has them.
    editor.open(&zones, "enum \"zone\" { values = [\"crypt\", \"crypt\"] }\n");
    let shared = editor.codes(&zones);
    assert_eq!(shared.len(), 1, "once, though two rule sets have it: {shared:?}");
    editor.close(&hunt);
    assert_eq!(editor.codes(&zones), shared);
    editor.close(&zones);
    assert_eq!(editor.codes(&zones), [""; 0]);
    assert!(editor.shown.values().all(Vec::is_empty), "{:?}", editor.shown);
}

#[test]
fn a_change_of_a_shared_file_shows_in_every_rule_set() {
    let mut editor = Editor::new();
    let (hunt, raid) = (editor.uri("hunt/hunt.rules.hcl"), editor.uri("raid/raid.rules.hcl"));
    let zones = editor.uri("shared/zones.rules.hcl");
    editor.open(&zones, ZONES);
    assert_eq!(editor.codes(&zones), [""; 0]);
    editor.change(&zones, 2, json!([{ "text": "enum \"zone\" { values = [\"meadow\"] }\n" }]));
    let found = editor.codes(&hunt);
    assert_eq!((found.len(), &editor.codes(&raid)), (1, &found));
    editor.change(&zones, 3, json!([{ "text": ZONES }]));
    assert_eq!(editor.codes(&hunt), [""; 0]);
    assert_eq!(editor.codes(&raid), [""; 0]);
}

#[test]
fn a_rename_edits_every_rule_set_that_shares_the_name_or_none() {
    let mut editor = Editor::new();
    let names = ["hunt/hunt.rules.hcl", "raid/raid.rules.hcl", "shared/zones.rules.hcl"];
    let [hunt, raid, zones] = names.map(|name| editor.uri(name));
    editor.open(&hunt, &main("hunt"));
    // From a use in one rule set, and from the declaration, which is not open.
    for (from, line, character) in [(&hunt, 6, 20), (&zones, 0, 7)] {
        let answer = editor.rename(from, line, character, "area");
        let changes = answer["result"]["changes"].as_object().unwrap();
        let edited: Vec<&str> = changes.keys().map(String::as_str).collect();
        let mut expected = [hunt.as_str(), raid.as_str(), zones.as_str()];
        expected.sort_unstable();
        assert_eq!(edited, expected, "{answer}");
        for edits in changes.values() {
            assert_eq!(edits.as_array().unwrap().len(), 1, "{answer}");
        }
    }
    // The other rule set has the new name already.
    let taken = main("raid") + "enum \"area\" { values = [\"a\"] }\n";
    editor.put("raid/raid.rules.hcl", &taken);
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    let refused = editor.rename(&hunt, 6, 20, "area");
    let why = refused["error"]["message"].as_str().unwrap();
    assert!(why.contains("/raid: ") && why.contains("is refused"), "{why}");
}

#[test]
fn an_import_counts_before_it_is_saved() {
    let mut editor = Editor::new();
    let head = "ruleset \"quest\" {\n  dialect = 1\n  context = \"quest@1\"\n}\n";
    editor.put("quest/quest.rules.hcl", head);
    let quest = editor.uri("quest/quest.rules.hcl");
    editor.open(&quest, head);
    assert_eq!(editor.codes(&quest), [""; 0]);
    let rest = main("quest").split_off(head.len());
    let end = json!({ "line": 4, "character": 0 });
    editor.change(&quest, 2, json!([{ "range": { "start": end, "end": end }, "text": rest }]));
    assert_eq!(editor.codes(&quest), [""; 0]);
    let gone = main("quest").replace("zones.rules", "gone.rules");
    editor.change(&quest, 3, json!([{ "text": gone }]));
    assert!(editor.codes(&quest).contains(&"C1003".to_owned()));
}

#[test]
fn a_stray_file_is_a_rule_set_of_its_folder_alone() {
    let mut editor = Editor::new();
    let stray = editor.uri("stray.rules.hcl");
    editor.open(&stray, ZONES);
    assert!(!editor.codes(&stray).is_empty());
    assert_eq!(editor.shown.keys().collect::<Vec<_>>(), [&stray], "{:?}", editor.shown);
}

#[test]
fn an_editor_is_answered_in_its_own_spelling() {
    let mut editor = Editor::new();
    let ours = editor.uri("hunt/hunt.rules.hcl");
    let theirs = ours.replace("%2B", "+");
    assert_ne!(ours, theirs);
    let bad = main("hunt").replace("\"crypt\"", "\"nowhere\"");
    editor.open(&theirs, &bad);
    assert_eq!(editor.codes(&theirs).len(), 1);
    assert!(!editor.shown.contains_key(&ours), "{:?}", editor.shown);
    let answer = editor.rename(&theirs, 5, 10, "slain");
    assert!(answer["result"]["changes"][&theirs].is_array(), "{answer}");
    // Whoever writes it differently has the same document, and the old spelling is cleared.
    editor.open(&ours, &bad);
    assert_eq!((editor.codes(&ours).len(), editor.codes(&theirs).len()), (1, 0));
    editor.close(&theirs);
    assert_eq!(editor.codes(&ours), [""; 0]);
}

#[test]
fn a_document_whose_text_is_lost_is_followed_no_more() {
    let mut editor = Editor::new();
    let hunt = editor.uri("hunt/hunt.rules.hcl");
    let start = json!({ "line": 0, "character": 0 });
    let insert = |text: &str| json!([{ "range": { "start": start, "end": start }, "text": text }]);
    for (version, changes) in [
        (
            2,
            json!([{ "range": { "start": start, "end": { "line": 0, "character": -1 } }, "text": "#" }]),
        ),
        (1, insert("# x\n")),
    ] {
        editor.open(&hunt, &main("hunt"));
        editor.said.clear();
        editor.change(&hunt, version, changes);
        assert_eq!(editor.said.len(), 1);
        assert!(editor.said[0].contains("open it again"), "{:?}", editor.said);
        // Said once; what follows is about a text that nobody has here.
        editor.change(&hunt, 3, insert("@@@"));
        assert_eq!((editor.codes(&hunt).len(), editor.said.len()), (0, 1));
        editor.close(&hunt);
    }
    editor.open(&hunt, &main("hunt"));
    editor.change(&hunt, 2, insert("@@@"));
    assert!(!editor.codes(&hunt).is_empty());
}

#[test]
fn what_a_test_found_is_forgotten_when_the_disk_changes() {
    let mut editor = Editor::new();
    let hunt = editor.uri("hunt/hunt.rules.hcl");
    let test = "test \"t\" {\n  on        = kill\n  trigger   = { zone = \"crypt\" }\n  not_fired = [reward]\n}\n";
    let text = main("hunt") + test;
    editor.put("hunt/hunt.rules.hcl", &text);
    editor.open(&hunt, &text);
    assert_eq!(editor.codes(&hunt), [""; 0]);
    let arguments = json!([{ "uri": hunt, "test": "t" }]);
    let params = json!({ "command": "cairn.runTest", "arguments": arguments });
    let ran = editor.ask("workspace/executeCommand", params);
    assert_eq!(ran["result"]["failed"], 1, "{ran}");
    assert_eq!(editor.codes(&hunt), ["test"]);
    // Saved as it is, nothing has changed.
    editor.tell("textDocument/didSave", json!({ "textDocument": { "uri": hunt } }));
    assert_eq!(editor.codes(&hunt), ["test"]);
    editor.put("hunt/more.rules.hcl", "# more\n");
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    assert_eq!(editor.codes(&hunt), [""; 0]);
}

#[test]
fn a_rename_that_changes_draws_says_so() {
    let can = json!({ "workspace": { "workspaceEdit": {
        "documentChanges": true, "changeAnnotationSupport": {} } } });
    for capabilities in [json!({}), can.clone()] {
        let annotates = capabilities == can;
        let mut editor = Editor::with(capabilities);
        let hunt = editor.uri("hunt/hunt.rules.hcl");
        let plain = main("hunt");
        for (text, draws) in [
            (plain.replace("\"crypt\"", "\"crypt\" && chance(0.5)"), true),
            (plain.replace("\"crypt\"", "\"crypt\" && bucket(2) == 0"), true),
            (plain, false),
        ] {
            editor.open(&hunt, &text);
            assert_eq!(editor.codes(&hunt), [""; 0]);
            editor.said.clear();
            let answer = editor.rename(&hunt, 8, 7, "prize");
            let annotation = &answer["result"]["changeAnnotations"]["redraws"];
            let asked = annotation["needsConfirmation"] == json!(true);
            assert_eq!(asked, draws && annotates, "{answer}");
            let said = editor.said.iter().any(|said| said.contains("`reward` is now `prize`"));
            assert_eq!(said, draws && !annotates, "{:?}", editor.said);
            if asked {
                let edit = &answer["result"]["documentChanges"][0]["edits"][0];
                assert_eq!(edit["annotationId"], "redraws", "{answer}");
            }
        }
    }
}
