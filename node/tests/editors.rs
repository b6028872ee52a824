//! What editors get, tried with what editors are made of: VS Code's client library drives
//! `cairn lsp`, and VS Code's highlighting engine colours rule files with our grammar.
//!
//! Both come from npm, pinned by `editors/package-lock.json`, into `target/tools`. A machine
//! without `node` and `npm` fails these tests and says what is missing; nothing is skipped.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cairn_ruleset::lang::ide::vocabulary;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The scripts, and what `npm ci` installs beside them.
const FILES: [(&str, &str); 4] = [
    ("package.json", include_str!("editors/package.json")),
    ("package-lock.json", include_str!("editors/package-lock.json")),
    ("client.mjs", include_str!("editors/client.mjs")),
    ("grammar.mjs", include_str!("editors/grammar.mjs")),
];

/// Runs a program to its end without input; its stdout, or a panic with all that it said.
fn run(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let out = command.stdin(Stdio::null()).output().unwrap_or_else(|error| {
        panic!(
            "cannot run {shown}: {error}\nthis test needs Node.js 18 or later with npm on PATH \
             (Debian: apt-get install nodejs npm)"
        )
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        out.status.success(),
        "{shown}: {}\n{}\n{}",
        out.status,
        text(&out.stdout),
        text(&out.stderr)
    );
    text(&out.stdout)
}

/// A folder below `target/tools` with the scripts and their packages. Made once for each content
/// of the files: installed aside and moved into place, so that two tests at once do no harm.
fn tools() -> PathBuf {
    let parts: Vec<&[u8]> = FILES.iter().map(|(_, text)| text.as_bytes()).collect();
    let digest = cairn_merkle::Digest::derive("cairn 2026 editor tests v1", &parts).to_string();
    let target = Path::new(env!("CARGO_BIN_EXE_cairn")).ancestors().nth(2).expect("target");
    let place = target.join("tools").join(format!("editors-{}", &digest[..16]));
    if place.is_dir() {
        return place;
    }
    let aside = place.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(&aside).expect("target/tools");
    for (name, text) in FILES {
        std::fs::write(aside.join(name), text).expect("a script");
    }
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(install).current_dir(&aside));
    if std::fs::rename(&aside, &place).is_err() {
        assert!(place.is_dir(), "cannot move the packages to {}", place.display());
        std::fs::remove_dir_all(&aside).expect("the other test was faster");
    }
    place
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn rule_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rule_files(&path, found);
        } else if path.extension() == Some(OsStr::new("hcl")) {
            found.push(path);
        }
    }
}

#[test]
fn the_client_of_an_editor_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rüles with a blank");
    copy(&Path::new(ROOT).join("examples/treasure-hunt"), &rules);
    let script = tools().join("client.mjs");
    let steps = run(Command::new("node").arg(script).arg(env!("CARGO_BIN_EXE_cairn")).arg(&rules));
    assert!(steps.trim_end().ends_with("shutdown and exit"), "{steps}");
}

/// Line, text and innermost scope of every token.
fn colour(files: &[PathBuf]) -> Vec<(String, u64, String, String)> {
    let grammar = Path::new(ROOT).join("editors/cairn.tmLanguage.json");
    let script = tools().join("grammar.mjs");
    let out = run(Command::new("node").arg(script).arg(grammar).args(files));
    out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn the_grammar_leaves_nothing_of_the_examples_without_a_colour() {
    let mut files = Vec::new();
    rule_files(&Path::new(ROOT).join("examples"), &mut files);
    assert!(files.len() > 10, "{files:?}");
    let tokens = colour(&files);
    assert!(tokens.len() > 10_000, "{}", tokens.len());
    for (file, line, text, scope) in tokens {
        let coloured = scope != "source.cairn" && !scope.starts_with("invalid");
        assert!(coloured, "{file}:{line}: `{text}` is {scope}");
    }
}

#[test]
fn the_grammar_knows_every_word_of_the_language() {
    let words = vocabulary();
    // Each word where it belongs, and the scope it must have there.
    let rows = [
        (&words.blocks, "@ \"x\" {\n}\n", "keyword.other.block.cairn"),
        (&words.attributes, "rule \"x\" {\n  @ = 1\n}\n", "support.type.property-name.cairn"),
        (&words.functions, "rule \"x\" {\n  x = @(1)\n}\n", "support.function.cairn"),
        (&words.types, "param \"x\" {\n  x = @\n}\n", "storage.type.cairn"),
        (&words.roots, "rule \"x\" {\n  x = @.y\n}\n", "variable.language.cairn"),
        (&words.constants, "rule \"x\" {\n  x = @\n}\n", "constant.language.cairn"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for (number, (words, template, scope)) in rows.into_iter().enumerate() {
        assert!(!words.is_empty());
        let line =
            1 + template.lines().position(|line| line.contains('@')).expect("the word") as u64;
        for word in words.iter() {
            let path = dir.path().join(format!("{number}_{word}.rules.hcl"));
            std::fs::write(&path, template.replace('@', word)).unwrap();
            expected.push((path, line, (*word).to_owned(), scope));
            // A word with a tail is another word.
            let path = dir.path().join(format!("{number}_{word}x.rules.hcl"));
            std::fs::write(&path, template.replace('@', &format!("{word}_x"))).unwrap();
            expected.push((path, line, format!("{word}_x"), ""));
        }
    }
    let files: Vec<PathBuf> = expected.iter().map(|(path, ..)| path.clone()).collect();
    let tokens = colour(&files);
    for (path, line, word, scope) in expected {
        let path = path.to_str().unwrap();
        // A reference that begins with another word is one token with what follows.
        let is = |text: &str| text == word || (scope.is_empty() && text.starts_with(&word));
        let found =
            tokens.iter().find(|(file, at, text, _)| file == path && *at == line && is(text));
        let (_, _, _, found) = found.unwrap_or_else(|| panic!("`{word}` is torn: {path}"));
        if scope.is_empty() {
            let special = rows_scopes().contains(&found.as_str());
            assert!(!special, "`{word}` is no word of the language, and is {found}");
        } else {
            assert_eq!(found, scope, "`{word}`: add it to editors/cairn.tmLanguage.json");
        }
    }
}

fn rows_scopes() -> [&'static str; 6] {
    [
        "keyword.other.block.cairn",
        "support.type.property-name.cairn",
        "support.function.cairn",
        "storage.type.cairn",
        "variable.language.cairn",
        "constant.language.cairn",
    ]
}

#[test]
fn the_colours_of_a_rule() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.rules.hcl");
    let text = "rule \"drop\" { # why\n  when = trigger.zone == \"cr\\u00e9\\q\" && chance(0.5)\n  emit \"x\" { n = -veteran }\n}\nrul \"y\" {\n}\n";
    std::fs::write(&path, text).unwrap();
    let found: Vec<String> = colour(&[path])
        .into_iter()
        .map(|(_, line, text, scope)| format!("{line} {text} {}", scope.trim_end_matches(".cairn")))
        .collect();
    let expected = [
        "1 rule keyword.other.block",
        "1 \"drop\" entity.name.type",
        "1 { punctuation.section.block.begin",
        "1 # why comment.line.number-sign",
        "2 when support.type.property-name",
        "2 = keyword.operator.assignment",
        "2 trigger variable.language",
        "2 . punctuation.accessor",
        "2 zone variable.other.member",
        "2 == keyword.operator.comparison",
        "2 \" string.quoted.double",
        "2 cr string.quoted.double",
        "2 \\u00e9 constant.character.escape",
        "2 \\q invalid.illegal.escape",
        "2 \" string.quoted.double",
        "2 && keyword.operator.logical",
        "2 chance support.function",
        "2 ( punctuation.section.brackets",
        "2 0.5 constant.numeric",
        "2 ) punctuation.section.brackets",
        "3 emit keyword.other.block",
        "3 \"x\" entity.name.type",
        "3 { punctuation.section.block.begin",
        "3 n variable.other.property",
        "3 = keyword.operator.assignment",
        "3 - keyword.operator.arithmetic",
        "3 veteran variable.other",
        "3 } punctuation.section.block.end",
        "4 } punctuation.section.block.end",
        "5 rul invalid.illegal.block",
        "5 \"y\" entity.name.type",
        "5 { punctuation.section.block.begin",
        "6 } punctuation.section.block.end",
    ];
    assert_eq!(found, expected);
}
