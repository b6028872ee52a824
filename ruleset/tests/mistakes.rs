//! One mistake is one error, on its line: what follows from a mistake is not reported.

#![cfg(feature = "compile")]

use cairn_ruleset::lang::{Source, check, line_col};

/// A file in which a comment above a line names what is reported on that line.
const THIRTY: &str = include_str!("mistakes/thirty.rules.hcl");

/// Mistakes that newcomers make, one case each: `=== line:column code … | title`, then the text,
/// which stands beside the rule set at the head of the file unless it holds one of its own.
const NEWCOMERS: &str = include_str!("mistakes/newcomers.txt");

/// `(line, column, code, message)` of every error, in order.
fn errors(text: &str) -> Vec<(u32, u32, String, String)> {
    let source = Source { name: "a.rules.hcl".to_owned(), text: text.to_owned() };
    let checked = check(&[source]);
    checked
        .errors()
        .map(|found| {
            assert!(!found.cause.is_empty() && !found.help.is_empty(), "{found:?}");
            let (line, column) = line_col(text, found.span.start);
            (line, column, found.code.to_string(), found.message.clone())
        })
        .collect()
}

#[test]
fn thirty_mistakes_in_one_file_are_reported_in_one_run_and_nothing_else() {
    let mut expected = Vec::new();
    for (index, line) in (2..).zip(THIRTY.lines()) {
        let words = line.trim().strip_prefix("# C").and_then(|rest| rest.split_once(' '));
        expected.extend(words.map(|(code, _)| (index, format!("C{code}"))));
    }
    let found = errors(THIRTY);
    let places: Vec<(u32, String)> =
        found.iter().map(|(line, _, code, _)| (*line, code.clone())).collect();
    assert_eq!(places, expected, "{found:#?}");
    assert!(expected.len() >= 30, "{} mistakes", expected.len());
}

#[test]
fn each_mistake_of_a_newcomer_is_one_error_where_it_is() {
    let (base, cases) = NEWCOMERS.split_once("\n=== ").unwrap();
    let mut count = 0;
    for case in cases.split("\n=== ") {
        let (title, body) = case.split_once('\n').unwrap();
        let (expected, title) = title.split_once(" | ").unwrap();
        let alone = body.contains("ruleset \"") || title.ends_with("(alone)");
        let text = if alone { body.to_owned() } else { format!("{base}\n{body}\n") };
        let before = if alone { 0 } else { 1 + base.matches('\n').count() as u32 };
        let found = errors(&text);
        let places: Vec<String> = (found.iter())
            .map(|(line, column, code, _)| format!("{}:{column} {code}", line - before))
            .collect();
        assert_eq!(places.join(" "), expected, "{title}\n{body}\n{found:#?}");
        count += 1;
    }
    assert!(count >= 100, "{count} cases");
}
