//! What we show is formatted: the example rule set, the fixtures, every example of the documents.
//!
//! `CAIRN_FORMAT=1 cargo test -p cairn-ruleset --test formatted` formats all of them; for rule
//! files alone there is `cairn fmt`.

#[allow(dead_code, reason = "the layout needs the blocks alone")]
mod doc;

use std::fs;
use std::path::{Path, PathBuf};

use cairn_ruleset::lang::format;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Files below a folder whose name ends in one of `endings`, sorted.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The first line that differs, for a person.
fn difference(path: &Path, text: &str, result: &str) -> Option<String> {
    let (at, (is, should)) = (text.lines().chain([""]).zip(result.lines().chain([""])))
        .enumerate()
        .find(|(_, (is, should))| is != should)?;
    Some(format!("{}:{}:\n  is      {is:?}\n  becomes {should:?}", path.display(), at + 1))
}

/// Writes what should be, when that was asked for.
fn mend(path: &Path, text: &str) {
    if std::env::var_os("CAIRN_FORMAT").is_some() {
        fs::write(path, text).unwrap();
    }
}

#[test]
fn rule_files_are_formatted() {
    let mut paths = files("examples", &[".rules.hcl", ".test.hcl"]);
    paths.extend(files("node/tests/fixtures", &[".rules.hcl", ".test.hcl"]));
    assert!(paths.len() >= 5, "{paths:?}");
    let mut wrong = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let result = format(&text).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        if result != text {
            wrong.extend(difference(&path, &text, &result));
            mend(&path, &result);
        }
    }
    assert!(wrong.is_empty(), "run `cairn fmt` on these\n{}", wrong.join("\n"));
}

#[test]
fn examples_of_the_documents_are_formatted() {
    let mut blocks = 0;
    let mut wrong = Vec::new();
    for path in files("docs", &[".md"]) {
        let document = fs::read_to_string(&path).unwrap();
        let mut mended = document.clone();
        for block in doc::blocks(&path.display().to_string(), &document) {
            if block.mark != "hcl" && !block.mark.starts_with("hcl,") {
                continue;
            }
            blocks += 1;
            // What does not parse is left alone, here as everywhere.
            let Ok(result) = format(&block.text) else { continue };
            if result != block.text {
                let fenced = |text: &str| format!("```{}\n{text}```", block.mark);
                mended = mended.replace(&fenced(&block.text), &fenced(&result));
                wrong.extend(difference(&path, &block.text, &result));
            }
        }
        if mended != document {
            mend(&path, &mended);
        }
    }
    assert!(blocks >= 200, "{blocks}");
    assert!(wrong.is_empty(), "run this test with CAIRN_FORMAT=1\n{}", wrong.join("\n"));
}
