//! What is carried over is exact, and what is not is listed with its place.

mod odds;
mod random;
mod tables;
mod values;

use super::*;
use crate::ir::Program;
use crate::lang::{check, format};

fn target() -> Target {
    Target { ruleset: "imported".to_owned(), context: "imported@1".to_owned() }
}

fn import(files: &[(&str, &str)]) -> Imported {
    let inputs: Vec<Input> = (files.iter())
        .map(|(id, text)| Input {
            path: format!("{}.json", id.rsplit([':', '/']).next().unwrap()),
            id: (*id).to_owned(),
            text: (*text).to_owned(),
        })
        .collect();
    loot_tables(&inputs, &target()).unwrap_or_else(|error| panic!("{error}"))
}

/// What was made, compiled; laid out as it should be.
fn program(imported: &Imported) -> Program {
    for file in &imported.files {
        assert_eq!(format(&file.text).as_ref(), Ok(&file.text), "{}", file.name);
    }
    let checked = check(&imported.files);
    checked.program.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}
