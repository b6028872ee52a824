//! Names of the language as Rust's, each once.

use std::collections::BTreeSet;

/// Strict and reserved words of edition 2024, and those that are special in paths.
const KEYWORDS: [&str; 53] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "Self",
];

/// One name space.
#[derive(Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// A name space in which some names are ours.
    pub(super) fn with(ours: &[&str]) -> Names {
        Names { taken: ours.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// A free name made from `wanted`: a keyword gets an underscore, a name that is taken a number.
    fn free(&mut self, wanted: String) -> String {
        let mut name = wanted;
        if KEYWORDS.contains(&name.as_str()) {
            name.push('_');
        }
        let mut number = 2;
        let mut candidate = name.clone();
        while !self.taken.insert(candidate.clone()) {
            candidate = format!("{name}_{number}");
            number += 1;
        }
        candidate
    }

    /// `boss_kill`, for fields, functions and modules.
    pub(super) fn snake(&mut self, name: &str) -> String {
        let plain = plain(name).to_ascii_lowercase();
        self.free(plain)
    }

    /// `BOSS_KILL`, for constants.
    pub(super) fn upper(&mut self, name: &str) -> String {
        let plain = plain(name).to_ascii_uppercase();
        self.free(plain)
    }

    /// `BossKill`, for types.
    pub(super) fn camel(&mut self, name: &str) -> String {
        let plain = plain(name);
        let words = plain.split('_').filter(|word| !word.is_empty());
        let camel: String = words
            .flat_map(|word| {
                let mut letters = word.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                first.into_iter().chain(letters)
            })
            .collect();
        self.free(camel)
    }
}

/// Letters, digits and underscores, beginning with a letter.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut plain: String = name.chars().map(kept).collect();
    if !plain.starts_with(|c: char| c.is_ascii_alphabetic()) {
        plain.insert_str(0, "x_");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_rusts_and_distinct() {
        let mut names = Names::with(&["eval"]);
        for (wanted, snake) in [
            ("level", "level"),
            ("level", "level_2"),
            ("level_2", "level_2_2"),
            ("type", "type_"),
            ("eval", "eval_2"),
            ("Crypt/boss-kill.v2", "crypt_boss_kill_v2"),
            ("9lives", "x_9lives"),
            ("_", "x__"),
            ("übel", "x__bel"),
        ] {
            assert_eq!(names.snake(wanted), snake);
        }
        let mut types = Names::with(&["Header"]);
        assert_eq!(types.camel("boss_kill"), "BossKill");
        assert_eq!(types.camel("boss__kill"), "BossKill_2");
        assert_eq!(types.camel("header"), "Header_2");
        assert_eq!(types.camel("self"), "Self_");
        assert_eq!(Names::default().upper("dragon.spawn"), "DRAGON_SPAWN");
    }
}
