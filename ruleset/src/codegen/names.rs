//! Names of a rule set as identifiers of a programming language.

use std::collections::BTreeSet;

/// Words of a name: `dragon.spawn` and `dragon_spawn` have two.
fn words(name: &str) -> Vec<String> {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// An identifier cannot begin with a digit, nor be empty.
fn safe(name: String) -> String {
    match name.chars().next() {
        Some(first) if !first.is_ascii_digit() => name,
        _ => format!("n{name}"),
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |c| c.to_ascii_uppercase().to_string() + chars.as_str())
}

/// `BossKill`.
pub(super) fn pascal(name: &str) -> String {
    safe(words(name).iter().map(|word| capital(word)).collect())
}

/// `boss_kill`.
pub(super) fn snake(name: &str) -> String {
    safe(words(name).join("_").to_ascii_lowercase())
}

/// `bossKill`.
pub(super) fn camel(name: &str) -> String {
    let pascal = pascal(name);
    let mut chars = pascal.chars();
    chars.next().map_or_else(String::new, |c| c.to_ascii_lowercase().to_string() + chars.as_str())
}

/// `BOSS_KILL`.
pub(super) fn upper(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// Identifiers of one scope: each is given out once.
pub(super) struct Scope {
    taken: BTreeSet<String>,
}

impl Scope {
    /// A scope in which `reserved` (keywords, names of our own) are taken.
    pub(super) fn new(reserved: &[&str]) -> Scope {
        Scope { taken: reserved.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// The identifier itself, or with the first of `_`, `_2`, `_3`… that makes it free.
    pub(super) fn take(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            name = match number {
                1 => format!("{wanted}_"),
                n => format!("{wanted}_{n}"),
            };
            number += 1;
        }
        name
    }

    /// Identifiers of a list, in order.
    pub(super) fn all<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n str>,
        case: fn(&str) -> String,
    ) -> Vec<String> {
        names.into_iter().map(|name| self.take(case(name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers_and_stay_apart() {
        assert_eq!(pascal("dragon.spawn"), "DragonSpawn");
        assert_eq!(snake("dragon.spawn"), "dragon_spawn");
        assert_eq!(camel("boss_kill"), "bossKill");
        assert_eq!(upper("boss_kill"), "BOSS_KILL");
        assert_eq!(pascal("2x"), "n2x");
        let mut scope = Scope::new(&["type"]);
        let names = scope.all(["type", "a.b", "a_b", "a-b"], snake);
        assert_eq!(names, ["type_", "a_b", "a_b_", "a_b_2"]);
    }
}
