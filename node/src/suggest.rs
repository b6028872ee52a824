//! "Did you mean": the known name nearest to the one that was written.

/// How unlike a name may be and still be offered, from 0 to 1.
const SIMILARITY_MIN: f64 = 0.7;
/// Longest name that is compared: the comparison costs the product of both lengths.
const NAME_CHARS_MAX: usize = 128;

/// The nearest of `known`, if one is near enough to be a slip.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NAME_CHARS_MAX {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// The nearest of many names that begin alike, of which [`nearest`] always finds one: at most a third
/// of the letters differ, whatever their case.
pub fn nearest_by_edits<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if name.len() > NAME_CHARS_MAX {
        return None;
    }
    let (name, edits_max) = (name.to_lowercase(), (name.len() / 3).max(1));
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The advice for an unknown name: the nearest one, or the first few that exist.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    const SHOWN_COUNT: usize = 8;
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let mut names: Vec<&str> = known.into_iter().collect();
    let more = names.len().saturating_sub(SHOWN_COUNT);
    names.truncate(SHOWN_COUNT);
    match (names.is_empty(), more) {
        (true, _) => "there is none".to_owned(),
        (false, 0) => format!("there are: {}", names.join(", ")),
        (false, more) => format!("there are: {} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_mended_and_nonsense_gets_the_list() {
        let known = ["crypt_drop", "dragon_night"];
        assert_eq!(nearest("crypt_dorp", known), Some("crypt_drop"));
        assert_eq!(hint("crypt_dorp", known), "did you mean `crypt_drop`?");
        assert_eq!(nearest_by_edits("Crypt_dorp", known), Some("crypt_drop"));
        assert_eq!(nearest_by_edits("crypt_crawl", known), None);
        assert_eq!(hint("zzz", known), "there are: crypt_drop, dragon_night");
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }
}
