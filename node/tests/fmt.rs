//! `cairn fmt` and the formats of `cairn check` through the real binary.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const UGLY: &str = "ruleset   \"hunt\" {\n    dialect=1\n  context = \"hunt@1\" # c\n}\n";
const TIDY: &str = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\" # c\n}\n";

fn cairn(folder: &Path, arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cairn"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading all of it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// Exit code, stdout, stderr.
fn run(folder: &Path, arguments: &[&str], stdin: &str) -> (i32, String, String) {
    let output = cairn(folder, arguments, stdin);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A rule set `p/hunt` that imports a file beside it, and `q/link`, which is that rule set.
fn importing() -> tempfile::TempDir {
    let import = "import    \"../shared/t.rules.hcl\"   {}\n";
    let at = folder(&[
        ("p/hunt/a.rules.hcl", &format!("{TIDY}{import}")),
        ("p/hunt/b.rules.hcl", import),
        ("p/hunt/sub/note", ""),
        ("p/shared/t.rules.hcl", SHARED),
        ("q/shared/t.rules.hcl", SHARED),
    ]);
    std::os::unix::fs::symlink("../p/hunt", at.path().join("q/link")).unwrap();
    at
}

const SHARED: &str = "enum \"zone\" {values=[\"crypt\"]}\n";

#[test]
fn what_is_named_is_formatted_once_and_nothing_else() {
    let (a, b) = ("p/hunt/a.rules.hcl", "p/hunt/b.rules.hcl");
    for (arguments, expected) in [
        // What a hook of pre-commit calls.
        (&[a, b][..], "p/hunt/a.rules.hcl\np/hunt/b.rules.hcl\n"),
        (&[a, a], "p/hunt/a.rules.hcl\n"),
        (&["p/hunt", a], "p/hunt/a.rules.hcl\np/hunt/b.rules.hcl\n"),
        (&["q/link", b], "q/link/a.rules.hcl\nq/link/b.rules.hcl\n"),
        (&["p/hunt/sub/.."], "p/hunt/sub/../a.rules.hcl\np/hunt/sub/../b.rules.hcl\n"),
    ] {
        let at = importing();
        let (exit, listed, _) = run(at.path(), &[&["fmt", "--check"], arguments].concat(), "");
        assert_eq!((exit, listed.as_str()), (3, expected), "{arguments:?}");
        let (exit, written, stderr) = run(at.path(), &[&["fmt"], arguments].concat(), "");
        assert_eq!((exit, written.as_str()), (0, expected), "{arguments:?} {stderr}");
        for beside in ["p/shared/t.rules.hcl", "q/shared/t.rules.hcl"] {
            assert_eq!(fs::read_to_string(at.path().join(beside)).unwrap(), SHARED);
        }
        let text = fs::read_to_string(at.path().join(a)).unwrap();
        assert!(text.ends_with("\nimport \"../shared/t.rules.hcl\" {}\n"), "{text}");
        assert_eq!(run(at.path(), &["check", "p/hunt"], "").0, 0);
    }
    // Named by an absolute path through the link, too.
    let at = importing();
    let link = at.path().join("q/link").display().to_string();
    assert_eq!(run(Path::new("/"), &["fmt", &link], "").0, 0);
    assert_eq!(run(at.path(), &["fmt", "--check", "p/hunt"], "").0, 0);
}

#[test]
fn findings_in_an_imported_file_are_told_where_it_lies() {
    let at = importing();
    let wrong = "enum \"zone\" { values = [] }\n";
    fs::write(at.path().join("p/shared/t.rules.hcl"), wrong).unwrap();
    let absolute = at.path().join("p/hunt/sub/..").display().to_string();
    for way in ["p/hunt", "q/link", "p/hunt/sub/..", &absolute, "q/link/a.rules.hcl"] {
        let (exit, stdout, stderr) = run(at.path(), &["check", way, "-o", "github"], "");
        assert_eq!(exit, 3, "{way} {stderr}");
        let line = "file=p/shared/t.rules.hcl,line=1,";
        assert!(stdout.contains(line) && !stdout.contains(".."), "{way} {stdout}");
        let (_, stdout, _) = run(at.path(), &["check", way, "-o", "sarif"], "");
        let document: Value = serde_json::from_str(&stdout).unwrap();
        let place = &document["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "p/shared/t.rules.hcl", "{way}");
    }
}

#[test]
fn what_cannot_be_replaced_without_a_loss_is_left_alone_and_told() {
    let at = folder(&[("a.rules.hcl", UGLY), ("b.rules.hcl", UGLY), ("c.rules.hcl", UGLY)]);
    let path = |name: &str| at.path().join(name);
    fs::set_permissions(path("a.rules.hcl"), fs::Permissions::from_mode(0o444)).unwrap();
    fs::hard_link(path("b.rules.hcl"), path("other")).unwrap();
    let unchanged = |name: &str| assert_eq!(fs::read_to_string(path(name)).unwrap(), UGLY);
    let (exit, stdout, _) = run(at.path(), &["fmt", ".", "-o", "json"], "");
    let report: Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!((exit, &report["changed"]), (3, &serde_json::json!(["./c.rules.hcl"])));
    assert_eq!(report["refused"][0]["file"], "./a.rules.hcl");
    assert_eq!(report["refused"][1]["file"], "./b.rules.hcl");
    fs::write(path("c.rules.hcl"), UGLY).unwrap();
    let (exit, stdout, stderr) = run(at.path(), &["fmt", "."], "");
    assert_eq!((exit, stdout.as_str()), (3, "./c.rules.hcl\n"));
    let read_only = "./a.rules.hcl is read-only, mode 444";
    for part in [read_only, "./b.rules.hcl has 2 names", "chmod u+w", "left as it is"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    ["a.rules.hcl", "b.rules.hcl", "other"].into_iter().for_each(unchanged);
    // Nor is what is no rule file.
    for name in ["main.tf", "notes.hcl"] {
        fs::write(path(name), UGLY).unwrap();
        let (exit, _, stderr) = run(at.path(), &["fmt", "c.rules.hcl", name], "");
        assert!(exit == 2 && stderr.contains(&format!("{name} is no rule file")), "{stderr}");
        unchanged(name);
    }
}

#[test]
fn files_are_formatted_in_place_and_others_are_not_touched() {
    let at = folder(&[
        ("a.rules.hcl", UGLY),
        ("deep/b.rules.hcl", "# b\n"),
        ("deep/c.test.hcl", "test \"x\" {on=y}\n"),
        ("notes.hcl", UGLY),
    ]);
    let path = |name: &str| at.path().join(name);
    fs::set_permissions(path("a.rules.hcl"), fs::Permissions::from_mode(0o640)).unwrap();
    let untouched = fs::metadata(path("deep/b.rules.hcl")).unwrap().ino();
    let (exit, stdout, stderr) = run(at.path(), &["fmt", "."], "");
    assert_eq!((exit, stdout.as_str()), (0, "./a.rules.hcl\n./deep/c.test.hcl\n"), "{stderr}");
    assert!(stderr.contains("2 of 3 files formatted"), "{stderr}");
    assert_eq!(fs::read_to_string(path("a.rules.hcl")).unwrap(), TIDY);
    assert_eq!(fs::metadata(path("a.rules.hcl")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(path("deep/c.test.hcl")).unwrap(), "test \"x\" { on = y }\n");
    assert_eq!(fs::read_to_string(path("notes.hcl")).unwrap(), UGLY);
    assert_eq!(fs::metadata(path("deep/b.rules.hcl")).unwrap().ino(), untouched);
    let left: Vec<_> = fs::read_dir(at.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "no temporary file is left: {left:?}");
    // A second run finds nothing.
    assert_eq!(run(at.path(), &["fmt", "."], ""), (0, String::new(), String::new()));
}

#[test]
fn check_and_diff_write_nothing_and_say_it_with_their_exit_code() {
    let at = folder(&[("a.rules.hcl", UGLY)]);
    let file = at.path().join("a.rules.hcl");
    let (exit, stdout, stderr) = run(at.path(), &["fmt", "--check", "a.rules.hcl"], "");
    assert_eq!((exit, stdout.as_str()), (3, "a.rules.hcl\n"));
    assert!(stderr.contains("1 of 1 file not formatted"), "{stderr}");
    let (exit, stdout, _) = run(at.path(), &["fmt", "--diff", "a.rules.hcl"], "");
    let diff = "--- a/a.rules.hcl\n+++ b/a.rules.hcl\n@@ -1,4 +1,4 @@\n-ruleset   \"hunt\" {\n\
                -    dialect=1\n+ruleset \"hunt\" {\n+  dialect = 1\n   context = \"hunt@1\" # c\n }\n";
    assert_eq!((exit, stdout.as_str()), (3, diff));
    let (exit, stdout, _) = run(at.path(), &["fmt", "--check", "-o", "json", "."], "");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((exit, &report["changed"]), (3, &serde_json::json!(["./a.rules.hcl"])));
    assert_eq!(fs::read_to_string(&file).unwrap(), UGLY);
    fs::write(&file, TIDY).unwrap();
    for flag in ["--check", "--diff"] {
        assert_eq!(run(at.path(), &["fmt", flag, "."], "").0, 0);
    }
}

#[test]
fn stdin_goes_to_stdout() {
    let at = folder(&[]);
    assert_eq!(run(at.path(), &["fmt", "-"], UGLY), (0, TIDY.to_owned(), String::new()));
    assert_eq!(run(at.path(), &["fmt", "-"], TIDY), (0, TIDY.to_owned(), String::new()));
    assert_eq!(run(at.path(), &["fmt", "--check", "-"], UGLY).0, 3);
    assert_eq!(run(at.path(), &["fmt", "--check", "-"], TIDY).0, 0);
    let (exit, stdout, _) = run(at.path(), &["fmt", "-", "-o", "json"], UGLY);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((exit, report["text"].as_str()), (0, Some(TIDY)));
    let (exit, _, stderr) = run(at.path(), &["fmt", "-", "x"], "");
    assert!(exit == 2 && stderr.contains("stdin"), "{stderr}");
}

#[test]
fn a_file_with_mistakes_is_left_alone_and_the_others_are_formatted() {
    let wrong = "rule   \"x\" {\n  on =\n}\n";
    let at = folder(&[("a.rules.hcl", wrong), ("b.rules.hcl", UGLY)]);
    let (exit, stdout, stderr) = run(at.path(), &["fmt", "."], "");
    assert_eq!((exit, stdout.as_str()), (3, "./b.rules.hcl\n"));
    for part in ["error[C0201]", "a.rules.hcl:2:", "left as they are", "cairn explain C0201"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    assert_eq!(fs::read_to_string(at.path().join("a.rules.hcl")).unwrap(), wrong);
    assert_eq!(fs::read_to_string(at.path().join("b.rules.hcl")).unwrap(), TIDY);
    let (exit, stdout, _) = run(at.path(), &["fmt", "-", "-o", "json"], wrong);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((exit, report["findings"][0]["code"].as_str()), (3, Some("C0201")));
    let large = "#".repeat((1 << 20) + 1);
    let (exit, _, stderr) = run(at.path(), &["fmt", "-"], &large);
    assert!(exit == 3 && stderr.contains("limit 1048576"), "{exit} {stderr}");
}

/// Two mistakes in one file of a folder with a blank in its name.
fn mistaken() -> tempfile::TempDir {
    folder(&[
        ("my rules/a.rules.hcl", TIDY),
        (
            "my rules/b.rules.hcl",
            "# é😀\nloot_table \"t\" {\n  entry \"a\" { weight = 0 } # 😀\n}\n\
             /* 😀 */ rule \"r\" {\n  on = kil\n  emit \"e\" {}\n}\n",
        ),
    ])
}

#[test]
fn check_annotates_for_github() {
    let at = mistaken();
    let (exit, stdout, stderr) = run(at.path(), &["check", "my rules", "-o", "github"], "");
    assert_eq!(exit, 3);
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{stdout}");
    assert!(
        lines[0].starts_with(
            "::error file=my rules/b.rules.hcl,line=3,col=24,endColumn=25,title=C0703::"
        ),
        "{stdout}"
    );
    assert!(lines[1].contains("line=6,col=8,") && lines[1].contains("%0Afix: "), "{stdout}");
    assert!(stderr.contains("2 errors"), "{stderr}");
    let (exit, _, stderr) = run(at.path(), &["explain", "-o", "sarif"], "");
    assert!(exit == 2 && stderr.contains("`cairn check` alone"), "{stderr}");
    let sound = folder(&[("a.rules.hcl", TIDY)]);
    let (exit, stdout, _) = run(sound.path(), &["check", ".", "-o", "github"], "");
    assert_eq!((exit, stdout.as_str()), (0, ""));
}

/// What SARIF 2.1.0 requires of the parts that we write: presence, types, ranges, references.
fn is_sarif(document: &Value) {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let count = |value: &Value| value.as_u64().filter(|count| *count >= 1).unwrap();
    assert_eq!(document["version"], "2.1.0");
    assert!(text(&document["$schema"]).unwrap().starts_with("https://"));
    let [run] = &document["runs"].as_array().unwrap()[..] else { panic!("{document}") };
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    assert!(run["invocations"][0]["executionSuccessful"].is_boolean());
    let driver = &run["tool"]["driver"];
    assert!(text(&driver["name"]).is_some());
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        assert!(text(&rule["id"]).is_some() && text(&rule["shortDescription"]["text"]).is_some());
        assert!(text(&rule["help"]["text"]).is_some());
        assert!(text(&rule["help"]["markdown"]).unwrap().contains("## How to fix it"));
    }
    let location = |location: &Value| {
        let place = &location["physicalLocation"];
        let uri = text(&place["artifactLocation"]["uri"]).unwrap();
        assert!(uri.bytes().all(|b| b.is_ascii_graphic()) && !uri.starts_with('/'), "{uri}");
        let region = &place["region"];
        let start = (count(&region["startLine"]), count(&region["startColumn"]));
        let end = (count(&region["endLine"]), count(&region["endColumn"]));
        assert!(start <= end, "{region}");
    };
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert!(text(&result["message"]["text"]).is_some());
        assert_eq!(result["locations"].as_array().unwrap().len(), 1);
        location(&result["locations"][0]);
        for related in result["relatedLocations"].as_array().unwrap() {
            assert!(
                related["id"].as_u64().is_some() && text(&related["message"]["text"]).is_some()
            );
            location(related);
        }
        for fix in result["fixes"].as_array().into_iter().flatten() {
            let change = &fix["artifactChanges"][0];
            assert!(text(&change["artifactLocation"]["uri"]).is_some());
            let replacement = &change["replacements"][0];
            assert!(replacement["deletedRegion"].is_object());
            assert!(replacement["insertedContent"]["text"].is_string());
        }
    }
}

#[test]
fn check_writes_sarif() {
    let at = mistaken();
    let (exit, stdout, _) = run(at.path(), &["check", "my rules", "-o", "sarif"], "");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(exit, 3);
    is_sarif(&document);
    let results = document["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2, "{document}");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20rules/b.rules.hcl");
    let region =
        serde_json::json!({"startLine": 3, "startColumn": 24, "endLine": 3, "endColumn": 25});
    assert_eq!(place["region"], region);
    let sound = folder(&[("a.rules.hcl", TIDY)]);
    let (exit, stdout, _) = run(sound.path(), &["check", ".", "-o", "sarif"], "");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    is_sarif(&document);
    assert_eq!((exit, document["runs"][0]["results"].as_array().unwrap().len()), (0, 0));
}
