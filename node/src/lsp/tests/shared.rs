//! Rule sets that share a file, and documents that are lost, as an editor sees them: a session
//! without its clock and its streams.

use serde_json::json;

use super::editor::{Editor, ZONES, main};

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

#[test]
fn references_and_definitions_are_those_of_every_rule_set() {
    let mut editor = Editor::new();
    let names = ["hunt/hunt.rules.hcl", "raid/raid.rules.hcl", "shared/zones.rules.hcl"];
    let [hunt, raid, zones] = names.map(|name| editor.uri(name));
    let common = "rule \"common\" {\n  on = kill\n  emit \"common\" {}\n}\n";
    let shared = ZONES.to_owned() + common;
    editor.put("shared/zones.rules.hcl", &shared);
    editor.open(&zones, &shared);
    let mut found = |method: &str, uri: &str, line: u32, character: u32, declared: bool| {
        let at = json!({ "line": line, "character": character });
        let params = json!({ "textDocument": { "uri": uri }, "position": at,
            "context": { "includeDeclaration": declared } });
        let answer = editor.ask(&format!("textDocument/{method}"), params);
        let places: Vec<(String, u64)> = (answer["result"].as_array().expect("places").iter())
            .map(|place| {
                let line = place["range"]["start"]["line"].as_u64().unwrap();
                (place["uri"].as_str().unwrap().to_owned(), line)
            })
            .collect();
        places
    };
    let at = |places: &[(&String, u64)]| -> Vec<(String, u64)> {
        places.iter().map(|(uri, line)| ((*uri).clone(), *line)).collect()
    };
    // The enum, from its declaration and from a use of it in a file of one rule set alone.
    for (uri, line, character) in [(&zones, 0, 7), (&hunt, 6, 20), (&raid, 6, 20)] {
        let all = found("references", uri, line, character, true);
        assert_eq!(all, at(&[(&hunt, 6), (&raid, 6), (&zones, 0)]), "{uri}");
        let uses = found("references", uri, line, character, false);
        assert_eq!(uses, at(&[(&hunt, 6), (&raid, 6)]), "{uri}");
        assert_eq!(found("definition", uri, line, character, true), at(&[(&zones, 0)]));
    }
    // The trigger is each rule set's own: both declare what the shared file uses.
    let own = |uri| at(&[(uri, 5), (uri, 9), (&zones, 2)]);
    assert_eq!(found("references", &hunt, 5, 10, true), own(&hunt));
    assert_eq!(found("references", &raid, 5, 10, true), own(&raid));
    let both = at(&[(&hunt, 5), (&hunt, 9), (&raid, 5), (&raid, 9), (&zones, 2)]);
    assert_eq!(found("references", &zones, 2, 8, true), both);
    assert_eq!(found("definition", &zones, 2, 8, true), at(&[(&hunt, 5), (&raid, 5)]));
    // A name of the shared file that nothing else uses stands there once.
    assert_eq!(found("references", &zones, 1, 8, true), at(&[(&zones, 1)]));
}

#[test]
fn tests_on_disk_belong_to_rules_that_are_not_saved_yet() {
    let mut editor = Editor::new();
    editor.put("fair/a.test.hcl", "test \"t\" {\n  on    = kill\n  fired = [nothing]\n}\n");
    let (rules, tests) = (editor.uri("fair/fair.rules.hcl"), editor.uri("fair/a.test.hcl"));
    editor.open(&rules, &main("fair"));
    assert_eq!(editor.codes(&rules), [""; 0]);
    assert_eq!(editor.codes(&tests), ["C1201"]);
}
