//! Names: which are well-formed, which look alike, which was meant.

use std::collections::BTreeMap;

use super::Span;
use super::limits::NAME_BYTES_MAX;

/// Lower-case ASCII letters, digits and `_`, starting with a letter.
pub(crate) fn is_name(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What a name of other tools is called here: `CropHarvested` and `crop-harvested` are
/// `crop_harvested`. It may still be no name.
pub(super) fn snake(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    let mut before = '_';
    for c in text.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            name.push('_');
        }
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        before = c;
    }
    name.trim_matches('_').to_owned()
}

/// The value that other tools' words for yes and no stand for.
pub(super) fn meant_bool(word: &str) -> Option<&'static str> {
    match word {
        "true" | "True" | "TRUE" | "yes" | "on" => Some("true"),
        "false" | "False" | "FALSE" | "no" | "off" => Some("false"),
        _ => None,
    }
}

/// Names joined by dots, as events are called.
pub(super) fn is_dotted(text: &str) -> bool {
    text.split('.').all(is_name)
}

/// What a hasty reader sees: `l`, `1` and `i` are one stroke, `0` and `o` one circle, underscores
/// are nothing. Two names with one skeleton are confusable.
fn skeleton(name: &str) -> String {
    let see = |c| match c {
        '1' | 'i' => 'l',
        '0' => 'o',
        c => c,
    };
    name.chars().filter(|c| *c != '_').map(see).collect()
}

/// The digits of a name, in order.
fn digits(name: &str) -> String {
    name.chars().filter(char::is_ascii_digit).collect()
}

/// Why a name cannot be taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// By the declaration at this place.
    Same(Span),
    /// By a name that looks like it.
    Alike(String, Span),
}

/// The names of one kind.
#[derive(Debug, Default)]
pub(crate) struct Names {
    index: BTreeMap<String, (usize, Span)>,
    /// Per skeleton, then per digits: the first name that has them.
    skeletons: BTreeMap<String, BTreeMap<String, String>>,
}

impl Names {
    /// Gives `name` the index `index`, unless it is taken. Logarithmic in the number of names,
    /// however alike they are.
    pub(crate) fn add(&mut self, name: &str, index: usize, span: Span) -> Result<(), Taken> {
        if let Some((_, first)) = self.index.get(name) {
            return Err(Taken::Same(*first));
        }
        self.index.insert(name.to_owned(), (index, span));
        let result = match self.alike(name).and_then(|other| self.index.get_key_value(other)) {
            Some((other, (_, first))) => Err(Taken::Alike(other.clone(), *first)),
            None => Ok(()),
        };
        let alike = self.skeletons.entry(skeleton(name)).or_default();
        alike.entry(digits(name)).or_insert_with(|| name.to_owned());
        result
    }

    /// Whether [`Names::add`] would take the name.
    pub(crate) fn is_free(&self, name: &str) -> bool {
        !self.index.contains_key(name) && self.alike(name).is_none()
    }

    /// The first name that looks like this one.
    fn alike(&self, name: &str) -> Option<&str> {
        let alike = self.skeletons.get(&skeleton(name))?;
        // `tier_1` and `tier_l` look alike; digits that differ are seen to differ.
        let other = match digits(name).as_str() {
            "" => alike.values().next(),
            digits => alike.get(digits).or_else(|| alike.get("")),
        };
        other.map(String::as_str)
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).map(|(index, _)| *index)
    }

    pub(super) fn span(&self, name: &str) -> Option<Span> {
        self.index.get(name).map(|(_, span)| *span)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.index.keys().map(String::as_str)
    }
}

/// The nearest candidate by edits, if it is near: at most a third of the letters differ. Underscores
/// are none.
pub(super) fn similar<'n>(word: &str, candidates: impl Iterator<Item = &'n str>) -> Option<String> {
    if word.len() > NAME_BYTES_MAX / 2 {
        return None;
    }
    // `goldhook` is one word of `golden_hook`, not more edits away from it.
    let letters = |text: &str| text.replace('_', "");
    let own = letters(word);
    let allowed = (own.len() / 3).max(1);
    candidates
        .map(|candidate| (letters(candidate), candidate))
        .filter(|(other, _)| other.len().abs_diff(own.len()) <= allowed)
        .map(|(other, candidate)| (edits(own.as_bytes(), other.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Whether a word is another one with one slip of the pen behind its first letter, or with two
/// letters in each other's place. Stricter than [`similar`]: the word has a meaning of its own.
pub(super) fn is_slip(word: &str, meant: &str) -> bool {
    let sorted = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    let alike = word.bytes().next() == meant.bytes().next() || sorted(word) == sorted(meant);
    word.len() <= meant.len() + 1 && alike && edits(word.as_bytes(), meant.as_bytes()) == 1
}

/// Damerau-Levenshtein distance with adjacent swaps.
fn edits(left: &[u8], right: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let mut best = (above[column] + usize::from(a != b))
                .min(above[column + 1] + 1)
                .min(line[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                best = best.min(before[column - 1] + 1);
            }
            line.push(best);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        let names = ["drop_bonus", "crypt_rare", "veteran"];
        assert_eq!(similar("drop_bonsu", names.into_iter()).as_deref(), Some("drop_bonus"));
        assert_eq!(similar("veterna", names.into_iter()).as_deref(), Some("veteran"));
        assert_eq!(similar("xyz", names.into_iter()), None);
        assert_eq!(
            similar("goldhook", ["golden_hook"].into_iter()).as_deref(),
            Some("golden_hook")
        );
        assert_eq!(similar("gold_hook", ["goldhook"].into_iter()).as_deref(), Some("goldhook"));
    }

    #[test]
    fn slips_of_the_pen_are_close() {
        for word in ["cuont", "conut", "coun", "counts", "ocunt", "couunt"] {
            assert!(is_slip(word, "count"), "{word}");
        }
        for word in ["count", "amount", "mount", "discount", "court_date", "c", ""] {
            assert!(!is_slip(word, "count"), "{word}");
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        let span = Span { file: 0, start: 0, end: 1 };
        let mut names = Names::default();
        assert_eq!(names.add("gold_pile", 0, span), Ok(()));
        assert_eq!(names.add("gold_pile", 1, span), Err(Taken::Same(span)));
        assert_eq!(names.add("goldpile", 2, span), Err(Taken::Alike("gold_pile".into(), span)));
        assert_eq!(names.add("go1d_pile", 3, span), Err(Taken::Alike("gold_pile".into(), span)));
        assert_eq!(names.add("tier_1", 4, span), Ok(()));
        assert_eq!(names.add("tier_11", 5, span), Ok(()));
        assert_eq!(names.add("tier_10", 6, span), Ok(()));
        assert_eq!(names.add("tier_l", 7, span), Err(Taken::Alike("tier_1".into(), span)));
    }
}
