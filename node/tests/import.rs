//! `cairn import` through the real binary: the examples of `docs/import.md`, then what players get.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const DOC: &str = include_str!("../../docs/import.md");

fn block(mark: &str) -> &'static str {
    let (_, after) = DOC.split_once(&format!("```{mark}\n")).unwrap_or_else(|| panic!("{mark}"));
    after.split("```").next().unwrap()
}

/// Exit code, stdout, stderr.
fn cairn(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cairn"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn crypt() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("data/hunt/loot_table");
    fs::create_dir_all(&tables).unwrap();
    fs::write(tables.join("crypt.json"), block("json crypt.json")).unwrap();
    folder
}

/// What `check` and `fmt --check` say of a folder that was written.
fn accepted(folder: &Path, rules: &str) {
    let (code, out, err) = cairn(folder, &["check", rules, "--deny-warnings"]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = cairn(folder, &["fmt", "--check", rules]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_loot_table_is_written_checked_formatted_and_rolls_with_its_odds() {
    let folder = crypt();
    let at = folder.path();
    // A recipe of the same pack is none of our business.
    fs::create_dir_all(at.join("data/hunt/recipe")).unwrap();
    fs::write(at.join("data/hunt/recipe/bread.json"), "not even JSON").unwrap();
    let import = ["import", "minecraft", "data", "--out", "rules"];
    let (code, out, err) = cairn(at, &import);
    assert_eq!(
        (code, out.as_str()),
        (0, "rules/hunt_crypt.rules.hcl\nrules/ruleset.rules.hcl\n"),
        "{err}"
    );
    assert!(err.starts_with(block("text left out")), "{err}");
    let written = fs::read_to_string(at.join("rules/hunt_crypt.rules.hcl")).unwrap();
    assert_eq!(written, block("text hunt_crypt.rules.hcl"));
    accepted(at, "rules");
    let mode = fs::metadata(at.join("rules/hunt_crypt.rules.hcl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);

    // Of 1,000 entries the standard deviation is at most 16; the seed is fixed, the bounds are five.
    let roll = [
        "roll",
        "hunt_crypt_1",
        "--rules",
        "rules",
        "--seed",
        "7",
        "--count",
        "1000",
        "-o",
        "json",
    ];
    let (_, out, err) = cairn(at, &roll);
    let rolled: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
    let rows = rolled["loot"].as_array().unwrap();
    let share = |item: &str| {
        rows.iter().filter(|row| row["item"] == item).count() as f64 / rows.len() as f64
    };
    for (item, expected) in [("nothing", 20.0), ("gold_nugget", 160.0), ("iron_sword", 45.0)] {
        assert!((share(item) - expected / 225.0).abs() < 0.08, "{item}: {}", share(item));
    }
}

#[test]
fn files_are_never_replaced_unasked_and_appear_all_or_none() {
    let folder = crypt();
    let at = folder.path();
    fs::create_dir(at.join("rules")).unwrap();
    fs::write(at.join("rules/ruleset.rules.hcl"), "mine").unwrap();
    let import = ["import", "minecraft", "data", "--out", "rules"];
    let (code, _, err) = cairn(at, &import);
    assert_eq!(code, 7, "{err}");
    assert!(err.contains("ruleset.rules.hcl exists already") && err.contains("--force"), "{err}");
    let names = || -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(at.join("rules"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["ruleset.rules.hcl"]);
    assert_eq!(fs::read_to_string(at.join("rules/ruleset.rules.hcl")).unwrap(), "mine");
    let (code, _, err) = cairn(at, &[&import[..], &["--force"]].concat());
    assert_eq!(code, 0, "{err}");
    assert_eq!(names(), ["hunt_crypt.rules.hcl", "ruleset.rules.hcl"]);
    accepted(at, "rules");
}

#[test]
fn strict_writes_nothing_and_json_lists_everything() {
    let folder = crypt();
    let at = folder.path();
    let (code, out, err) =
        cairn(at, &["import", "minecraft", "data", "--out", "rules", "--strict"]);
    assert_eq!((code, out.as_str()), (3, ""), "{err}");
    assert!(err.contains("--strict writes nothing") && !at.join("rules").exists(), "{err}");
    let (code, out, err) = cairn(at, &["import", "minecraft", "data", "--all", "-o", "json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["written"], false);
    assert_eq!(document["table_count"], 2);
    let items = document["items"].as_array().unwrap();
    let of = |pointer: &str| items.iter().find(|item| item["pointer"] == pointer).unwrap();
    let quality = of("/pools/0/entries/1/quality");
    assert_eq!(
        (&quality["fate"], &quality["effect"], &quality["line"], &quality["column"]),
        (&"left_out".into(), &"odds".into(), &22.into(), &22.into())
    );
    assert_eq!(of("/pools/1/conditions/1/chance")["fate"], "carried");
    let (_, out, _) = cairn(at, &["import", "minecraft", "data", "-o", "json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    let items = document["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["fate"] != "carried"), "{items:?}");
    assert!(!at.join("rules").exists());
}

#[test]
fn what_cannot_be_imported_says_why() {
    let folder = crypt();
    let at = folder.path();
    fs::create_dir(at.join("empty")).unwrap();
    fs::write(at.join("bad.json"), "{\n  \"pools\": [\n}").unwrap();
    fs::write(at.join("latin.json"), b"\"\xe9\"").unwrap();
    fs::write(at.join("large.json"), "é".repeat(600_000)).unwrap();
    let refused = |arguments: &[&str], exit: i32, says: &str| {
        let (code, out, err) = cairn(at, arguments);
        assert_eq!(code, exit, "{arguments:?}: {out}{err}");
        assert!(err.contains(says), "{arguments:?} does not say {says:?}: {err}");
    };
    refused(&["import", "minecraft", "bad.json"], 3, "bad.json:3:1: a value belongs here, not `}`");
    refused(&["import", "minecraft", "latin.json"], 3, "latin.json: byte 1 is not UTF-8");
    refused(&["import", "minecraft", "large.json"], 3, "limit 1048576");
    refused(&["import", "minecraft", "gone.json"], 2, "cannot read gone.json");
    refused(&["import", "minecraft", "empty"], 2, "no *.json file");
    refused(
        &["import", "minecraft", "data", "--ruleset", "Hunt"],
        2,
        "`Hunt` cannot name a rule set",
    );
    refused(
        &["import", "minecraft", "data", "--context", "hunt"],
        2,
        "`hunt` cannot name a context",
    );
    refused(
        &["import", "minecraft", "data", "data/hunt/loot_table/crypt.json", "bad.json"],
        3,
        "bad.json:3",
    );
    refused(&["import", "minecraft", "data", "--out", "bad.json"], 1, "cannot write");
    refused(&["import"], 2, "minecraft");
}

#[test]
fn values_are_written_as_the_document_says_and_a_mapping_is_suggested() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("game.yaml"), block("yaml game.yaml")).unwrap();
    fs::write(at.join("map.yaml"), block("yaml map.yaml")).unwrap();
    let import = ["import", "values", "game.yaml", "--mapping", "map.yaml", "--out", "rules"];
    let (code, out, err) = cairn(at, &import);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(
        out,
        "rules/conditions.rules.hcl\nrules/loot.rules.hcl\nrules/params.rules.hcl\nrules/ruleset.rules.hcl\n"
    );
    assert!(err.contains("left out (nothing): game.yaml:8:8 /notes"), "{err}");
    let written = fs::read_to_string(at.join("rules/params.rules.hcl")).unwrap();
    assert_eq!(written, block("text params.rules.hcl"));
    let (code, out, err) = cairn(at, &["check", "rules"]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = cairn(at, &["fmt", "--check", "rules"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(cairn(at, &import).0, 7);

    let (code, suggested, err) = cairn(at, &["import", "values", "game.yaml", "--suggest"]);
    assert_eq!(code, 0, "{err}");
    fs::write(at.join("first.yaml"), suggested).unwrap();
    let first = ["import", "values", "game.yaml", "--mapping", "first.yaml", "--out", "other"];
    let (code, out, err) = cairn(at, &first);
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = cairn(at, &["check", "other"]);
    assert_eq!(code, 0, "{out}{err}");

    fs::write(at.join("bad.yaml"), "map: [{path: a}]\n").unwrap();
    let (code, _, err) = cairn(at, &["import", "values", "game.yaml", "--mapping", "bad.yaml"]);
    assert!(code == 3 && err.contains("bad.yaml:1:7"), "{code} {err}");
    let (code, _, err) = cairn(at, &["import", "values", "game.yaml"]);
    assert!(code == 2 && err.contains("--mapping"), "{code} {err}");
}
