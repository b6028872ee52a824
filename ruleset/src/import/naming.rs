//! Names of the language from names of other formats: unique, and not to be confused.

use std::collections::BTreeMap;

use crate::lang::{Names, Span};

/// Longest name that is made; what a suffix adds stays under the language's limit.
const NAME_BYTES_MAX: usize = 100;
/// Words that mean something else where a name may stand.
const WORDS: [&str; 10] =
    ["true", "false", "null", "for", "if", "in", "trigger", "param", "condition", "timer"];

/// The names of one kind that are given so far.
#[derive(Debug, Default)]
pub(super) struct Naming {
    names: Names,
    /// By name: the number to try next.
    next: BTreeMap<String, usize>,
}

impl Naming {
    /// A name that is as wanted, or has the first number behind it with which nobody mistakes it
    /// for another one. Logarithmic in the number of names, repeated for each that is taken.
    pub(super) fn fresh(&mut self, wanted: &str) -> String {
        let wanted = word(wanted);
        let mut name = wanted.clone();
        while !self.names.is_free(&name) {
            let number = self.next.entry(wanted.clone()).or_insert(2);
            name = format!("{wanted}_{number}");
            *number += 1;
        }
        // It was free.
        let _ = self.names.add(&name, 0, Span { file: 0, start: 0, end: 0 });
        name
    }
}

/// A name of the language: `Chests/End City` is `chests_end_city`.
pub(super) fn word(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        match c {
            _ if name.len() >= NAME_BYTES_MAX => break,
            c if c.is_ascii_alphanumeric() => name.push(c.to_ascii_lowercase()),
            _ if name.is_empty() || name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_end_matches('_');
    match name.bytes().next() {
        None => "unnamed".to_owned(),
        Some(b'0'..=b'9') => format!("n_{name}"),
        _ if WORDS.contains(&name) => format!("{name}_"),
        _ => name.to_owned(),
    }
}

/// The part of an id that names something here: `minecraft:` goes, other namespaces stay.
pub(super) fn bare(id: &str) -> &str {
    id.strip_prefix("minecraft:").unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_names() {
        for (text, expected) in [
            ("iron_ingot", "iron_ingot"),
            ("chests/End City", "chests_end_city"),
            ("mod:gem", "mod_gem"),
            ("9lives", "n_9lives"),
            ("__a--b__", "a_b"),
            ("é", "unnamed"),
            ("true", "true_"),
        ] {
            assert_eq!(word(text), expected);
            assert!(crate::lang::is_name(expected));
        }
        assert_eq!(word(&"x".repeat(1_000)).len(), NAME_BYTES_MAX);
    }

    #[test]
    fn no_two_names_are_alike() {
        let mut naming = Naming::default();
        let made = ["gold_pile", "goldpile", "gold_pile", "tier_1", "tier_l", "tier_l_2"]
            .map(|wanted| naming.fresh(wanted));
        assert_eq!(
            made,
            ["gold_pile", "goldpile_2", "gold_pile_3", "tier_1", "tier_l_2", "tier_l_2_2"]
        );
    }
}
