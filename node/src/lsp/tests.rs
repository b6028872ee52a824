//! Whole sessions over the wire, without a process.

use std::io::Cursor;
use std::path::Path;

use serde_json::{Value, json};

use super::{frame, uri};

mod editor;
mod live;
mod runs;
mod shared;

const RULES: &str = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\ntrigger \"kill\" {\n  fields = { level = int(1, 100) }\n}\n";
const USE: &str =
    "rule \"drop\" {\n  on   = kill\n  when = trigger.level >= 10\n  emit \"drop\" {}\n}\n";

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.rules.hcl"), RULES).unwrap();
    std::fs::write(dir.path().join("b.rules.hcl"), USE).unwrap();
    dir
}

fn frames(messages: &[Value]) -> Vec<u8> {
    let frame = |message: &Value| {
        let text = message.to_string();
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    };
    messages.iter().map(frame).collect::<String>().into_bytes()
}

/// Sends everything at once; gives all answers and whether the session ended well.
fn session(bytes: Vec<u8>) -> (Vec<Value>, std::io::Result<bool>) {
    let mut out = Vec::new();
    let ended = super::run(Cursor::new(bytes), &mut out);
    let mut answers = Vec::new();
    let mut rest = out.as_slice();
    while !rest.is_empty() {
        let text = std::str::from_utf8(rest).unwrap();
        let (header, body) = text.split_once("\r\n\r\n").unwrap();
        let length: usize = header.strip_prefix("Content-Length: ").unwrap().parse().unwrap();
        answers.push(serde_json::from_str(&body[..length]).unwrap());
        rest = &rest[header.len() + 4 + length..];
    }
    (answers, ended)
}

fn request(id: i32, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn tell(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn initialize(dir: &Path) -> Value {
    let folder = json!({ "uri": uri::of(dir).unwrap(), "name": "rules" });
    request(1, "initialize", json!({ "capabilities": {}, "workspaceFolders": [folder] }))
}

fn open(dir: &Path, name: &str, text: &str) -> Value {
    let uri = uri::of(&dir.join(name)).unwrap();
    let document = json!({ "uri": uri, "languageId": "cairn", "version": 1, "text": text });
    tell("textDocument/didOpen", json!({ "textDocument": document }))
}

fn answer(answers: &[Value], id: i32) -> &Value {
    answers.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("{answers:#?}"))
}

#[test]
fn a_session_begins_and_ends_as_the_protocol_has_it() {
    let dir = folder();
    let exit = tell("exit", Value::Null);
    let (answers, ended) = session(frames(&[
        request(7, "textDocument/hover", json!({})),
        initialize(dir.path()),
        request(2, "initialize", json!({ "capabilities": {} })),
        request(3, "cairn/unknown", json!({})),
        request(4, "textDocument/hover", json!({ "position": "here" })),
        request(5, "shutdown", Value::Null),
        request(6, "textDocument/hover", json!({})),
        exit.clone(),
    ]));
    assert!(ended.unwrap());
    for (id, code) in [(7, -32002), (2, -32600), (3, -32601), (4, -32602), (6, -32600)] {
        assert_eq!(answer(&answers, id)["error"]["code"], code, "{answers:#?}");
    }
    assert_eq!(answer(&answers, 1)["result"]["capabilities"]["positionEncoding"], "utf-16");
    let shut_down = answer(&answers, 5);
    assert!(shut_down["result"].is_null() && shut_down.get("error").is_none());
    // Without `shutdown`, leaving is a failure.
    assert!(!session(frames(&[initialize(dir.path()), exit])).1.unwrap());
    assert!(!session(Vec::new()).1.unwrap());
    assert!(session(b"nonsense\r\n\r\n".to_vec()).1.is_err());
}

#[test]
fn what_is_malformed_is_answered_and_the_session_goes_on() {
    let dir = folder();
    let bytes = [
        frames(&[initialize(dir.path())]),
        b"Content-Length: 1\r\n\r\n{".to_vec(),
        frames(&[request(2, "shutdown", Value::Null), tell("exit", Value::Null)]),
    ]
    .concat();
    let (answers, ended) = session(bytes);
    assert!(ended.unwrap());
    assert!(
        answers.iter().any(|answer| answer["id"].is_null() && answer["error"]["code"] == -32700)
    );
    assert!(answer(&answers, 2).get("error").is_none());
}

#[test]
fn an_edit_of_one_file_shows_in_another() {
    let dir = folder();
    let b = uri::of(&dir.path().join("b.rules.hcl")).unwrap();
    let place = json!({ "textDocument": { "uri": b }, "position": { "line": 2, "character": 18 } });
    let (answers, _) = session(frames(&[
        initialize(dir.path()),
        open(dir.path(), "a.rules.hcl", &RULES.replace("level = int(1, 100)", "level = int(5, 9)")),
        request(2, "textDocument/hover", place),
        request(
            3,
            "textDocument/definition",
            json!({ "textDocument": { "uri": b }, "position": { "line": 1, "character": 9 } }),
        ),
        request(4, "shutdown", Value::Null),
        tell("exit", Value::Null),
    ]));
    let text = answer(&answers, 2)["result"]["contents"]["value"].as_str().unwrap();
    assert!(text.contains("int, 5 to 9"), "{text}");
    let found = &answer(&answers, 3)["result"][0];
    assert!(found["uri"].as_str().unwrap().ends_with("a.rules.hcl"));
    assert_eq!(found["range"]["start"], json!({ "line": 4, "character": 9 }));
}

#[test]
fn a_request_that_was_cancelled_while_it_waited_is_not_worked_on() {
    // Both lie in the queue before the loop looks at the first.
    let (send, receive) = std::sync::mpsc::sync_channel(8);
    let budget = super::Budget::new(super::QUEUE_BYTES_MAX);
    let cursor = &mut Cursor::new(frames(&[
        request(5, "textDocument/hover", json!({})),
        tell("$/cancelRequest", json!({ "id": 5 })),
        tell("exit", Value::Null),
        tell("$/cancelRequest", json!({ "id": 99 })),
    ]));
    for _ in 0..4 {
        send.send(super::read_event(cursor, &budget).unwrap()).unwrap();
    }
    let mut queue = super::Queue { receive, waiting: Default::default() };
    let mut out = Vec::new();
    // What does not wait here may be a test that runs: that it is cancelled comes first.
    for method in ["$/cancelRequest", "exit"] {
        let event = queue.next(None, &mut out).unwrap();
        let super::Event::Frame(frame::Frame::Message(lsp_server::Message::Notification(told)), _) =
            event
        else {
            panic!("the request was handed on")
        };
        assert_eq!(told.method, method);
    }
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("-32800") && out.contains("\"id\":5") && !out.contains("99"), "{out}");
}

#[test]
fn documents_of_other_languages_are_nobody_s_business() {
    let dir = folder();
    let main = uri::of(&dir.path().join("main.tf")).unwrap();
    let ask = json!({ "textDocument": { "uri": main }, "position": { "line": 0, "character": 0 } });
    let (answers, _) = session(frames(&[
        initialize(dir.path()),
        open(dir.path(), "main.tf", "resource {"),
        request(2, "textDocument/hover", ask.clone()),
        request(3, "textDocument/completion", ask),
        request(4, "shutdown", Value::Null),
        tell("exit", Value::Null),
    ]));
    assert!(answer(&answers, 2)["result"].is_null() && answer(&answers, 3)["result"].is_null());
    assert!(!answers.iter().any(|answer| answer["method"] == "textDocument/publishDiagnostics"));
}

#[test]
fn odd_parameters_are_an_answer_and_never_a_panic() {
    let dir = folder();
    let b = uri::of(&dir.path().join("b.rules.hcl")).unwrap();
    let place = |line: u64, character: u64| {
        json!({ "textDocument": { "uri": b, "version": 2 }, "position": { "line": line, "character": character },
            "range": { "start": { "line": line, "character": character }, "end": { "line": 0, "character": 0 } },
            "context": { "includeDeclaration": true, "diagnostics": [] }, "newName": "x",
            "contentChanges": [{ "range": { "start": { "line": 9, "character": character }, "end": { "line": 0, "character": 1 } }, "text": "\u{0}é" }],
            "command": "cairn.runTest", "arguments": [{ "uri": b, "test": "none" }] })
    };
    let shapes = [
        Value::Null,
        json!([]),
        json!("x"),
        json!({ "textDocument": { "uri": "::" } }),
        place(0, 0),
        place(u32::MAX.into(), u32::MAX.into()),
        place(u64::MAX, 0),
    ];
    let asked = [
        "hover",
        "completion",
        "definition",
        "references",
        "documentHighlight",
        "prepareRename",
        "rename",
        "documentSymbol",
        "foldingRange",
        "codeAction",
        "codeLens",
        "formatting",
    ];
    let told = ["didOpen", "didChange", "didClose", "didSave"];
    let mut messages = vec![initialize(dir.path()), open(dir.path(), "b.rules.hcl", USE)];
    let mut id = 1;
    for shape in &shapes {
        for method in asked {
            id += 1;
            messages.push(request(id, &format!("textDocument/{method}"), shape.clone()));
        }
        id += 1;
        messages.push(request(id, "workspace/executeCommand", shape.clone()));
        for method in told {
            messages.push(tell(&format!("textDocument/{method}"), shape.clone()));
        }
        messages.push(tell("workspace/didChangeWorkspaceFolders", shape.clone()));
    }
    messages.push(request(id + 1, "shutdown", Value::Null));
    messages.push(tell("exit", Value::Null));
    let (answers, ended) = session(frames(&messages));
    assert!(ended.unwrap());
    for id in 1..=id + 1 {
        answer(&answers, id);
    }
}
