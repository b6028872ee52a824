//! Paths of a mapping: `spawn.*.rate`, or `/a.b/*/c` where a key holds a dot.

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Key(String),
    /// Any one key or index.
    One,
    /// Any number of them.
    Any,
}

/// A path with wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    parts: Vec<Part>,
}

impl Path {
    pub(super) fn parse(text: &str) -> Option<Path> {
        let parts: Vec<&str> = match text.strip_prefix('/') {
            Some(rest) => rest.split('/').collect(),
            None => text.split('.').collect(),
        };
        let part = |part: &str| match part {
            "" => None,
            "*" => Some(Part::One),
            "**" => Some(Part::Any),
            key => Some(Part::Key(key.to_owned())),
        };
        let parts: Option<Vec<Part>> = parts.into_iter().map(part).collect();
        parts.filter(|parts| parts.len() <= 64).map(|parts| Path { parts })
    }

    /// What the wildcards stand for, when the path fits. At most the product of the lengths.
    pub(super) fn fits(&self, keys: &[String]) -> Option<Vec<String>> {
        let mut held = Vec::new();
        fits(&self.parts, keys, &mut held).then_some(held)
    }
}

fn fits(parts: &[Part], keys: &[String], held: &mut Vec<String>) -> bool {
    let Some((part, parts)) = parts.split_first() else { return keys.is_empty() };
    match part {
        Part::Any if parts.is_empty() => {
            held.push(keys.join("_"));
            true
        }
        Part::Any => {
            // Only one `**` may have something behind it; see the mapping's reader.
            (0..=keys.len()).any(|taken| {
                let before = held.len();
                held.push(keys[..taken].join("_"));
                let fit = fits(parts, &keys[taken..], held);
                if !fit {
                    held.truncate(before);
                }
                fit
            })
        }
        _ => {
            let Some((key, keys)) = keys.split_first() else { return false };
            match part {
                Part::Key(wanted) if wanted != key => return false,
                Part::One => held.push(key.clone()),
                _ => {}
            }
            let before = held.len();
            let fit = fits(parts, keys, held);
            if !fit {
                held.truncate(before);
            }
            fit
        }
    }
}

impl Path {
    /// How many `**` stand in it; more than one would take too long to try.
    pub(super) fn any_count(&self) -> usize {
        self.parts.iter().filter(|part| **part == Part::Any).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_hold_what_they_stand_for() {
        let fit = |path: &str, keys: &str| {
            let keys: Vec<String> = keys.split('.').map(str::to_owned).collect();
            Path::parse(path).unwrap().fits(&keys).map(|held| held.join("|"))
        };
        for (path, keys, expected) in [
            ("spawn.*.rate", "spawn.wolf.rate", Some("wolf")),
            ("spawn.*.rate", "spawn.wolf.max", None),
            ("spawn.*", "spawn.wolf.rate", None),
            ("/spawn/*/*", "spawn.wolf.rate", Some("wolf|rate")),
            ("**.rate", "a.b.rate", Some("a_b")),
            ("a.**", "a.b.c", Some("b_c")),
            ("a.**", "b", None),
        ] {
            assert_eq!(fit(path, keys).as_deref(), expected, "{path} {keys}");
        }
        assert_eq!(Path::parse("a..b"), None);
        assert_eq!(Path::parse(""), None);
    }
}
