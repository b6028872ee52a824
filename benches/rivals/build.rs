//! Compiles the conditions that are timed to Rust source: what a game that embeds its rules runs.

#[path = "src/rules.rs"]
mod rules;

use cairn_ruleset::emit::rust;
use cairn_ruleset::lang::{self, Source};

fn main() {
    println!("cargo::rerun-if-changed=src/rules.rs");
    let out = std::env::var("OUT_DIR").expect("cargo runs this");
    let mut text = String::new();
    for files in [rules::one(), rules::many()] {
        let sources: Vec<_> = files.into_iter().map(|(name, text)| Source { name, text }).collect();
        let checked = lang::check(&sources);
        let mut program = checked.program.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        rules::merge(&mut program);
        text.push_str(&rust::module(&program));
    }
    std::fs::write(format!("{out}/rules.rs"), text).expect("OUT_DIR is writable");
}
