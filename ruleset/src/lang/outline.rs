//! What a reader of the sources sees and the program no longer has: named conditions, and the text
//! of each `when` and of each value that an outcome gives. Tools that speak of a change speak in these
//! words; nothing here is compiled.

use std::collections::BTreeMap;

use crate::ir::{Expr, On};

/// Words of the sources, by name. Rules and entries without a `when`, and values that
/// are constant, are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Named conditions.
    pub conditions: BTreeMap<String, ConditionDef>,
    /// `when` of each rule.
    pub rules: BTreeMap<String, String>,
    /// `when` of each conditional entry, by table and entry.
    pub entries: BTreeMap<(String, String), String>,
    /// Counts and payload values of the outcomes of each rule, in order: the text of each by its
    /// name.
    pub values: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    /// What is deprecated, by the word of its block and its name, with the words for its users.
    pub deprecated: BTreeMap<(&'static str, String), String>,
}

/// `condition "veteran" { when = ... }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionDef {
    /// The text of `when` on one line, without comments.
    pub text: String,
    /// What it is for each trigger or timer that it is used on, as it was lowered there: its slots and
    /// ranges differ. `None` when nothing uses it and it reads no field.
    pub uses: Vec<(Option<On>, Expr)>,
    /// It has more uses than are kept.
    pub more: bool,
}

/// Uses of a condition that are kept.
const USE_COUNT_MAX: usize = 8;

impl Outline {
    pub(super) fn condition(&mut self, name: &str, text: &str, on: Option<On>, expr: &Expr) {
        if let Some(known) = self.conditions.get_mut(name) {
            if known.uses.iter().any(|(other, _)| *other == on) {
                return;
            }
            known.more |= known.uses.len() == USE_COUNT_MAX;
            if !known.more {
                known.uses.push((on, expr.clone()));
            }
            return;
        }
        let uses = vec![(on, expr.clone())];
        let def = ConditionDef { text: one_line(text), uses, more: false };
        self.conditions.insert(name.to_owned(), def);
    }

    pub(super) fn rule(&mut self, name: &str, text: &str) {
        self.rules.insert(name.to_owned(), one_line(text));
    }

    pub(super) fn value(&mut self, rule: &str, outcome: usize, name: &str, text: &str) {
        let outcomes = self.values.entry(rule.to_owned()).or_default();
        if outcomes.len() <= outcome {
            outcomes.resize_with(outcome + 1, BTreeMap::new);
        }
        if let Some(values) = outcomes.get_mut(outcome) {
            values.insert(name.to_owned(), one_line(text));
        }
    }

    pub(super) fn entry(&mut self, table: &str, entry: &str, text: &str) {
        self.entries.insert((table.to_owned(), entry.to_owned()), one_line(text));
    }
}

/// An expression on one line: comments gone, blanks single.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut rest = text;
    let mut blank = false;
    while let Some(first) = rest.chars().next() {
        let skipped = if first.is_whitespace() {
            first.len_utf8()
        } else if first == '#' || rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            0
        };
        if skipped > 0 {
            blank = true;
            rest = rest.get(skipped..).unwrap_or("");
            continue;
        }
        // Inside brackets a blank says nothing.
        if blank && !line.is_empty() && !line.ends_with('(') && first != ')' {
            line.push(' ');
        }
        blank = false;
        let length = if first == '"' { string_bytes(rest) } else { first.len_utf8() };
        let (token, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
        line.push_str(token);
        rest = tail;
    }
    line
}

/// Bytes of the string literal that `text` begins with, both quotes included.
fn string_bytes(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_and_comments_go_and_strings_stay() {
        for (text, line) in [
            ("a  &&\n\t b", "a && b"),
            ("( a # why\n  && b )", "(a && b)"),
            ("a == \"two  words # // /* \\\" )\" // end", "a == \"two  words # // /* \\\" )\""),
            ("a /* x */ || b", "a || b"),
            ("/* open", ""),
            ("\"open", "\"open"),
        ] {
            assert_eq!(one_line(text), line, "{text}");
        }
    }
}
