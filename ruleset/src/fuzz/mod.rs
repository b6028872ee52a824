//! What the fuzzers call: for each target, what must hold whatever the bytes are.
//!
//! A finding is a panic. This module exists for `cargo xtask fuzz` (which sets `cfg(fuzzing)`) and
//! for the unit tests, which replay the corpus in `fuzz/corpus` without any fuzzing engine, so that
//! what was found once stays found. docs/fuzz.md has the figures.
//!
//! Each target has a planted bug behind `cfg(cairn_planted = "TARGET")`, which only
//! `cargo xtask fuzz --planted` sets: a target that finds nothing there proves nothing elsewhere.

mod compiler;
mod decoder;
mod exact;
mod loader;
pub mod mutate;

/// What checks one property of any bytes: returns when it held.
pub struct Target {
    /// Name of its program in `fuzz/targets` and of the corpus that is its own.
    pub name: &'static str,
    /// Corpora that it reads.
    pub corpora: &'static [&'static str],
    /// The check.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 5] = [
    Target { name: "lexer", corpora: &["source", "lexer"], run: lexer },
    Target { name: "parser", corpora: &["source", "parser"], run: parser },
    Target { name: "compiler", corpora: &["source", "compiler"], run: compiler },
    Target { name: "loader", corpora: &["loader"], run: loader },
    Target { name: "decoder", corpora: &["decoder"], run: decoder },
];

/// Characters to tokens.
pub fn lexer(data: &[u8]) {
    crate::lang::fuzz::lexer(&String::from_utf8_lossy(data));
}

/// Tokens to a tree; what is accepted is HCL.
pub fn parser(data: &[u8]) {
    crate::lang::fuzz::parser(&String::from_utf8_lossy(data));
}

/// Sources to a program, its fragments and its image, and what they compute.
pub fn compiler(data: &[u8]) {
    compiler::run(&String::from_utf8_lossy(data));
}

/// The proof that a module ends, and what it costs.
pub fn loader(data: &[u8]) {
    loader::run(data);
}

/// Everything that is read from a file or a peer. The first byte chooses the format.
pub fn decoder(data: &[u8]) {
    decoder::run(data);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TARGETS;
    use crate::lang::ide;

    /// Whatever a fuzzer kept or found passes its target.
    #[test]
    fn the_corpus_passes() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
        for target in TARGETS {
            let mut count = 0;
            for folder in target.corpora.iter().map(|name| corpus.join(name)) {
                // A corpus of findings alone is not there before the first finding.
                let Ok(entries) = std::fs::read_dir(&folder) else { continue };
                for entry in entries {
                    let path = entry.expect("an entry").path();
                    eprintln!("{} {}", target.name, path.display());
                    (target.run)(&std::fs::read(&path).expect("a readable file"));
                    count += 1;
                }
            }
            assert!(count >= 15, "{} has {count} seeds", target.name);
        }
    }

    /// A word that is missing would be found by chance alone, which takes for ever.
    #[test]
    fn the_dictionary_has_every_word_of_the_language() {
        let dictionary = include_str!("../../../fuzz/dict/hcl.dict");
        let known = ide::vocabulary();
        let words = known.blocks.iter().chain(&known.attributes).chain(&known.functions);
        let words = words.chain(&known.types).chain(&known.roots).chain(&known.constants);
        let missing: Vec<String> = words
            .map(|word| format!("\"{word}\""))
            .filter(|word| !dictionary.lines().any(|line| line == word))
            .collect();
        assert!(missing.is_empty(), "add to fuzz/dict/hcl.dict\n{}", missing.join("\n"));
    }

    /// Seeds of what the language has learnt since they were written first.
    #[test]
    fn the_seeds_use_every_block_and_attribute() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/source");
        let entries = std::fs::read_dir(corpus).expect("a folder").flatten();
        let texts = entries.map(|entry| std::fs::read(entry.path()).expect("a readable file"));
        let seeds =
            texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect::<String>();
        let known = ide::vocabulary();
        for word in known.blocks.iter().chain(&known.attributes) {
            assert!(seeds.contains(word), "no seed has `{word}`: run `cargo xtask fuzz seeds`");
        }
    }
}
