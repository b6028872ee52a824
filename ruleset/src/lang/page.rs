//! The page about each error code, from `docs/errors`: what the mistake is, why the language
//! refuses it, an example that has it, and how to fix it.

use super::Code;

/// Stem of the file and its text, sorted.
static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// The page about `code`, as Markdown; the tests make sure that every code has one.
pub fn page(code: Code) -> Option<&'static str> {
    let stem = code.to_string();
    let index = PAGES.binary_search_by_key(&stem.as_str(), |(stem, _)| *stem).ok()?;
    PAGES.get(index).map(|(_, text)| *text)
}

/// Names of all pages, for finding those that no code asks for.
pub fn page_names() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(stem, _)| *stem)
}
