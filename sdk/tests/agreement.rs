//! The example rule set: the compiled modules and the interpreter write the same bytes for 10,000
//! random contexts of every fragment, edge values included.

mod support;

use std::path::{Path, PathBuf};

use cairn_ruleset::lang::{self, Source};
use cairn_sdk::Scope;
use support::{Fixture, compare};

/// Every `*.rules.hcl` below a folder, with its path relative to it.
fn sources(root: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).expect("the example's folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("a type").is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(lang::SUFFIX) {
                let text = std::fs::read_to_string(entry.path()).expect("readable text");
                found.push(Source { name: path.to_string_lossy().into_owned(), text });
            }
        }
    }
    found
}

#[test]
fn example_agrees() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/treasure-hunt");
    let checked = lang::check(&sources(&root));
    let program = checked.program.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    assert!(program.fragments.len() > 10, "the example is a real rule set");
    let overridden = program.params.iter().filter(|param| !param.overrides.is_empty()).count();
    assert!(overridden > 0, "the example has parameters with overrides");
    let scope = Scope::new(Some("sa-east"), Some("sa-east-1")).expect("two names");
    let elsewhere = Fixture::at(program.clone(), scope);
    let nowhere = Fixture::new(program);
    assert_ne!(elsewhere.params, nowhere.params, "the place decides something");
    for (mut fixture, contexts) in [(nowhere, 10_000), (elsewhere, 1_000)] {
        compare(&mut fixture, contexts, 20_261_120);
    }
}
