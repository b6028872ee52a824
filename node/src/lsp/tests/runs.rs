//! Tests that run from a lens: who is answered when, and where what they find is shown.

use serde_json::{Value, json};

use super::editor::{Editor, main};
use crate::lsp::job::DIFFERENCE_COUNT_MAX;
use crate::lsp::runs::RUN_COUNT_MAX;
use crate::lsp::worker::{End, Ran};

/// Two tests of the hunt that fail, the second one in two of its four cases.
fn failing() -> String {
    main("hunt")
        + "test \"t\" {\n  on        = kill\n  trigger   = { zone = \"crypt\" }\n  not_fired = [reward]\n}\n\
           test \"u\" {\n  on    = kill\n  fired = [reward]\n  cases = [\n    \
           { trigger = { zone = \"crypt\" } }, { trigger = { zone = \"crypt\" } },\n    \
           { trigger = { zone = \"meadow\" } }, { trigger = { zone = \"meadow\" } },\n  ]\n}\n"
}

/// An editor that has the hunt open, with its tests.
fn editor(capabilities: Value) -> (Editor, String) {
    let mut editor = Editor::with(capabilities);
    let hunt = editor.uri("hunt/hunt.rules.hcl");
    editor.put("hunt/hunt.rules.hcl", &failing());
    editor.open(&hunt, &failing());
    assert_eq!(editor.codes(&hunt), [""; 0]);
    (editor, hunt)
}

fn command(uri: &str, test: &str) -> Value {
    json!({ "command": "cairn.runTest", "arguments": [{ "uri": uri, "test": test }] })
}

impl Editor {
    fn run(&mut self, uri: &str, test: &str) -> i32 {
        self.send("workspace/executeCommand", command(uri, test))
    }

    fn cancel(&mut self, id: i32) {
        self.tell("$/cancelRequest", json!({ "id": id }));
    }

    /// The code of the error that a request was answered with.
    fn refused(&mut self, id: i32) -> Value {
        self.answers.remove(&id).expect("an answer")["error"]["code"].clone()
    }
}

#[test]
fn questions_and_edits_do_not_wait_for_a_run() {
    let (mut editor, hunt) = editor(json!({}));
    let id = editor.run(&hunt, "u");
    let place =
        json!({ "textDocument": { "uri": hunt }, "position": { "line": 5, "character": 10 } });
    let hover = editor.ask("textDocument/hover", place);
    assert!(hover["result"]["contents"]["value"].is_string(), "{hover}");
    editor.change(&hunt, 2, json!([{ "text": "@@@" }]));
    assert!(!editor.codes(&hunt).is_empty());
    assert!(editor.answers.is_empty(), "{:?}", editor.answers);
    editor.work();
    let ran = editor.answers.remove(&id).unwrap();
    assert_eq!((&ran["result"]["passed"], &ran["result"]["failed"]), (&json!(2), &json!(2)));
}

#[test]
fn what_a_test_found_is_forgotten_when_the_disk_changes() {
    let (mut editor, hunt) = editor(json!({}));
    let id = editor.run(&hunt, "t");
    editor.work();
    assert_eq!(editor.answers[&id]["result"]["failed"], 1);
    assert_eq!(editor.codes(&hunt), ["test"]);
    // Saved as it is, nothing has changed.
    editor.tell("textDocument/didSave", json!({ "textDocument": { "uri": hunt } }));
    assert_eq!(editor.codes(&hunt), ["test"]);
    editor.put("hunt/more.rules.hcl", "# more\n");
    editor.tell("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    assert_eq!(editor.codes(&hunt), [""; 0]);
}

#[test]
fn what_a_run_found_is_shown_where_it_was_run_and_nowhere_else() {
    let late = "(in the rules as they were when it was asked for)";
    let (mut editor, hunt) = editor(json!({}));
    // Another text by now, and what was known of the first is not lost when that is back.
    editor.run(&hunt, "t");
    editor.work();
    editor.change(&hunt, 2, json!([{ "text": failing() + "# more\n" }]));
    editor.run(&hunt, "u");
    editor.change(&hunt, 3, json!([{ "text": failing() }]));
    editor.work();
    assert!(editor.said.pop().unwrap().ends_with(late));
    assert_eq!(editor.codes(&hunt), ["test"]);
    // The same text, edited and back.
    editor.run(&hunt, "u");
    editor.change(&hunt, 4, json!([{ "text": "@@@" }]));
    editor.codes(&hunt);
    editor.change(&hunt, 5, json!([{ "text": failing() }]));
    editor.work();
    assert!(!editor.said.pop().unwrap().ends_with(late));
    assert_eq!(editor.codes(&hunt), ["test"; 2]);
    // Closed meanwhile, and opened again.
    editor.run(&hunt, "t");
    editor.close(&hunt);
    assert_eq!(editor.codes(&hunt), [""; 0]);
    editor.open(&hunt, &failing());
    editor.work();
    assert!(editor.said.pop().unwrap().ends_with(late));
    assert_eq!(editor.codes(&hunt), [""; 0]);
    // Closed just now: what is kept goes with it.
    editor.run(&hunt, "t");
    editor.close(&hunt);
    editor.work();
    assert_eq!(editor.codes(&hunt), [""; 0]);
    editor.open(&hunt, &failing());
    assert_eq!(editor.codes(&hunt), [""; 0]);
}

#[test]
fn runs_wait_for_each_other_and_one_too_many_is_refused() {
    let (mut editor, hunt) = editor(json!({}));
    let mut ids: Vec<i32> = (0..RUN_COUNT_MAX).map(|_| editor.run(&hunt, "t")).collect();
    assert!(editor.answers.is_empty(), "{:?}", editor.answers);
    let refused = editor.ask("workspace/executeCommand", command(&hunt, "t"));
    let why = refused["error"]["message"].as_str().unwrap();
    assert!(why.starts_with("16 tests run or wait for it, limit 16; "), "{why}");
    // One that waits leaves at once, and there is room.
    let third = ids.remove(2);
    editor.cancel(third);
    assert_eq!((editor.refused(third), editor.stopped), (json!(-32800), false));
    ids.push(editor.run(&hunt, "t"));
    for id in ids {
        assert!(editor.answers.is_empty(), "{:?}", editor.answers);
        editor.work();
        assert_eq!(editor.answers.remove(&id).unwrap()["result"]["failed"], 1);
    }
    assert!(editor.job.is_none());
}

#[test]
fn a_run_that_is_cancelled_is_answered_once_and_the_next_waits_for_its_end() {
    let (mut editor, hunt) = editor(json!({}));
    let (first, second) = (editor.run(&hunt, "t"), editor.run(&hunt, "u"));
    editor.cancel(first);
    assert_eq!((editor.refused(first), editor.stopped), (json!(-32800), true));
    editor.stopped = false;
    // Answered already, never asked, and no number.
    for id in [json!(first), json!(99), json!({})] {
        editor.tell("$/cancelRequest", json!({ "id": id }));
    }
    assert!(editor.answers.is_empty() && !editor.stopped);
    // It had ended before it heard: nobody hears of it.
    editor.work();
    assert!(editor.answers.is_empty() && editor.said.is_empty());
    editor.work();
    assert_eq!(editor.answers.remove(&second).unwrap()["result"]["failed"], 2);
    let third = editor.run(&hunt, "t");
    editor.cancel(third);
    editor.work();
    assert_eq!(editor.refused(third), json!(-32800));
    assert!(editor.job.is_none() && editor.answers.is_empty());
    assert_eq!(editor.codes(&hunt), ["test"; 2]);
}

#[test]
fn a_bug_in_a_run_is_an_answer_and_the_next_runs() {
    let (mut editor, hunt) = editor(json!({}));
    let (first, second) = (editor.run(&hunt, "t"), editor.run(&hunt, "t"));
    editor.job = None;
    editor.ran(Ran::Ended(End::Panicked));
    assert_eq!(editor.refused(first), json!(-32603));
    editor.work();
    assert_eq!(editor.answers.remove(&second).unwrap()["result"]["failed"], 1);
}

#[test]
fn of_too_many_differences_the_first_are_shown_and_all_are_counted() {
    for count in [DIFFERENCE_COUNT_MAX, DIFFERENCE_COUNT_MAX + 1] {
        let (mut editor, hunt) = editor(json!({}));
        let row = "    { trigger = { zone = \"meadow\" } },\n";
        let rows = row.repeat(count);
        let test = format!(
            "test \"v\" {{\n  on    = kill\n  fired = [reward]\n  cases = [\n{rows}  ]\n}}\n"
        );
        editor.change(&hunt, 2, json!([{ "text": main("hunt") + &test }]));
        let id = editor.run(&hunt, "v");
        editor.work();
        let ran = editor.answers.remove(&id).unwrap();
        assert_eq!(ran["result"]["failed"], count, "{ran}");
        let shown = ran["result"]["differences"].as_array().unwrap();
        assert_eq!(shown.len(), DIFFERENCE_COUNT_MAX);
        assert_eq!(editor.codes(&hunt).len(), DIFFERENCE_COUNT_MAX);
    }
}

#[test]
fn whoever_asks_hears_how_far_a_run_is() {
    let can = json!({ "window": { "workDoneProgress": true } });
    for (capabilities, token, hears) in [
        (can.clone(), Some(json!("t")), true),
        (can, None, false),
        (json!({}), Some(json!(7)), false),
    ] {
        let (mut editor, hunt) = editor(capabilities);
        let mut params = command(&hunt, "u");
        if let Some(token) = &token {
            params["workDoneToken"] = token.clone();
        }
        editor.send("workspace/executeCommand", params.clone());
        editor.work();
        let told = |editor: &mut Editor| -> Vec<Value> {
            let all = std::mem::take(&mut editor.progress);
            assert!(all.iter().all(|told| Some(&told["token"]) == token.as_ref()), "{all:?}");
            all.iter().map(|told| told["value"].clone()).collect()
        };
        let expected = [
            json!({ "kind": "begin", "title": "Test \"u\"", "cancellable": true, "percentage": 0 }),
            json!({ "kind": "report", "percentage": 25 }),
            json!({ "kind": "report", "percentage": 50 }),
            json!({ "kind": "report", "percentage": 75 }),
        ];
        let mut heard = told(&mut editor);
        if !hears {
            assert_eq!(heard, [Value::Null; 0]);
            continue;
        }
        let end = heard.pop().unwrap();
        assert_eq!(heard, expected);
        let message = end["message"].as_str().unwrap();
        assert!(end["kind"] == "end" && message.starts_with("u: 2 of 4 failed: "), "{end}");
        // One that waits has not begun; one that has ends when it is cancelled, by either name.
        let first = editor.send("workspace/executeCommand", params.clone());
        let second = editor.send("workspace/executeCommand", params);
        editor.cancel(second);
        editor.tell("window/workDoneProgress/cancel", json!({ "token": token }));
        editor.ran(Ran::Percent(50));
        let heard = told(&mut editor);
        assert_eq!(heard[1..], [json!({ "kind": "end", "message": "cancelled" })], "{heard:?}");
        assert_eq!((editor.refused(first), editor.refused(second)), (json!(-32800), json!(-32800)));
        assert!(editor.stopped);
    }
}

#[test]
fn shutdown_answers_every_run() {
    let (mut editor, hunt) = editor(json!({}));
    let runs = [editor.run(&hunt, "t"), editor.run(&hunt, "t"), editor.run(&hunt, "u")];
    assert!(editor.ask("shutdown", Value::Null)["error"].is_null());
    assert_eq!(runs.map(|id| editor.refused(id)), [json!(-32800), json!(-32800), json!(-32800)]);
    assert!(editor.stopped);
    editor.work();
    assert!(editor.job.is_none() && editor.answers.is_empty() && editor.said.is_empty());
}
