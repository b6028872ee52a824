//! One mistake is one error, on its line: what follows from a mistake is not reported.

#![cfg(feature = "compile")]

use cairn_ruleset::lang::{Diagnostic, Edit, Source, check, line_col};

/// A file in which a comment above a line names what is reported on that line.
const THIRTY: &str = include_str!("mistakes/thirty.rules.hcl");

/// Mistakes that newcomers make, one case each: `=== line:column code … | title`, then the text,
/// which stands beside the rule set at the head of the file unless it holds one of its own. After
/// a second `|` stands a part of the help.
const NEWCOMERS: &str = include_str!("mistakes/newcomers.txt");

/// Every error of a file, in the order of their places.
fn errors(text: &str) -> Vec<Diagnostic> {
    let source = Source { name: "a.rules.hcl".to_owned(), text: text.to_owned() };
    let mut found: Vec<Diagnostic> = check(&[source]).errors().cloned().collect();
    for found in &found {
        assert!(!found.cause.is_empty() && !found.help.is_empty(), "{found:?}");
    }
    found.sort_by_key(|found| found.span);
    found
}

/// One case of [`NEWCOMERS`].
struct Case {
    title: &'static str,
    /// `line:column code` of every error.
    expected: &'static str,
    help: Option<&'static str>,
    /// The whole file.
    text: String,
    /// Lines before the case itself.
    before: u32,
}

fn cases() -> Vec<Case> {
    let (base, cases) = NEWCOMERS.split_once("\n=== ").unwrap();
    let case = |case: &'static str| {
        let (title, body) = case.split_once('\n').unwrap();
        let (expected, title) = title.split_once(" | ").unwrap();
        let (title, help) = match title.split_once(" | ") {
            Some((title, help)) => (title, Some(help)),
            None => (title, None),
        };
        let body = body.replace("\\u{200b}", "\u{200b}").replace("\\u{a0}", "\u{a0}");
        let alone = body.contains("ruleset \"") || title.ends_with("(alone)");
        let text = if alone { body } else { format!("{base}\n{body}\n") };
        let before = if alone { 0 } else { 1 + base.matches('\n').count() as u32 };
        Case { title, expected, help, text, before }
    };
    cases.split("\n=== ").map(case).collect()
}

#[test]
fn thirty_mistakes_in_one_file_are_reported_in_one_run_and_nothing_else() {
    let mut expected = Vec::new();
    for (index, line) in (2..).zip(THIRTY.lines()) {
        let words = line.trim().strip_prefix("# C").and_then(|rest| rest.split_once(' '));
        expected.extend(words.map(|(code, _)| (index, format!("C{code}"))));
    }
    let found = errors(THIRTY);
    let places: Vec<(u32, String)> = (found.iter())
        .map(|found| (line_col(THIRTY, found.span.start).0, found.code.to_string()))
        .collect();
    assert_eq!(places, expected, "{found:#?}");
    assert!(expected.len() >= 30, "{} mistakes", expected.len());
}

#[test]
fn each_mistake_of_a_newcomer_is_one_error_where_it_is() {
    let cases = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        let found = errors(&case.text);
        let places: Vec<String> = (found.iter())
            .map(|found| {
                let (line, column) = line_col(&case.text, found.span.start);
                format!("{}:{column} {}", i64::from(line) - i64::from(case.before), found.code)
            })
            .collect();
        let helps = case.help.is_none_or(|help| found.iter().any(|f| f.help.contains(help)));
        if places.join(" ") != case.expected || !helps {
            let lines: Vec<String> = (found.iter())
                .map(|found| format!("  {} ({}; {})", found.message, found.cause, found.help))
                .collect();
            let (title, expected, help) = (case.title, case.expected, case.help);
            let (places, lines) = (places.join(" "), lines.join("\n"));
            wrong.push(format!("{title}: {expected} {help:?}, but {places}\n{lines}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases.len() >= 100, "{} cases", cases.len());
}

#[test]
fn what_a_fix_replaces_leaves_no_mistake() {
    let mut count = 0;
    for case in cases() {
        let mut found = errors(&case.text);
        if found.iter().any(|found| found.fix.is_none()) {
            continue;
        }
        found.sort_by_key(|found| std::cmp::Reverse(found.fix.as_ref().map(|fix| fix.span)));
        let mut text = case.text.clone();
        for Edit { span, text: by } in found.iter().filter_map(|found| found.fix.as_ref()) {
            text.replace_range(span.start as usize..span.end as usize, by);
        }
        let left = errors(&text);
        assert!(left.is_empty(), "{}\n{text}\n{left:#?}", case.title);
        count += 1;
    }
    assert!(count >= 40, "{count} cases with a fix");
}

#[test]
fn what_cannot_be_read_comes_first() {
    let text =
        "rule \"r\" {\n  on = nothing\n  emit \"a\" {}\n}\nruleset \"x\" {\n  dialect = 1 1\n}\n";
    let source = Source { name: "a.rules.hcl".to_owned(), text: text.to_owned() };
    let codes: Vec<String> =
        check(&[source]).errors().map(|found| found.code.to_string()).collect();
    assert_eq!(codes, ["C0212", "C0405"]);
}
