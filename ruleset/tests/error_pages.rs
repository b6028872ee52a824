//! Every error code has a page that is true: its example yields exactly that code, its fix
//! compiles, and no page is left over.

mod doc;

use cairn_ruleset::lang::limits::{
    ERROR_COUNT_MAX, FILE_COUNT_MAX, RULESET_BYTES_MAX, SOURCE_BYTES_MAX,
};
use cairn_ruleset::lang::{Code, Source, page, page_names};

/// A page taken apart.
struct Page {
    code: Code,
    path: String,
    text: &'static str,
    blocks: Vec<doc::Block>,
}

/// All pages; fails with the names of those that are missing.
fn pages() -> Vec<Page> {
    let missing: Vec<String> = (Code::ALL.iter())
        .filter(|code| page(**code).is_none())
        .map(|code| format!("docs/errors/{code}.md: {}", code.title()))
        .collect();
    assert!(missing.is_empty(), "pages to be written:\n{}", missing.join("\n"));
    (Code::ALL.iter())
        .filter_map(|code| {
            let path = format!("docs/errors/{code}.md");
            let text = page(*code)?;
            Some(Page { code: *code, blocks: doc::blocks(&path, text), path, text })
        })
        .collect()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let pages = pages();
    assert_eq!(pages.len(), Code::ALL.len());
    let orphans: Vec<&str> = page_names()
        .filter(|name| Code::ALL.iter().all(|code| code.to_string() != *name))
        .collect();
    assert!(orphans.is_empty(), "pages of codes that do not exist: {orphans:?}");
}

#[test]
fn a_page_has_a_title_a_reason_a_mistake_and_a_fix() {
    for page in pages() {
        let title = format!("# {}: {}\n\n", page.code, page.code.title());
        assert!(page.text.starts_with(&title), "{} does not begin with {title}", page.path);
        let (before, after) = (page.text.split_once("## How to fix it\n"))
            .unwrap_or_else(|| panic!("{} has no `## How to fix it`", page.path));
        let reason = before[title.len()..].split("```").next().unwrap_or("").trim();
        assert!(reason.len() >= 60, "{} gives no reason: {reason:?}", page.path);
        let fix = after.split("```").next().unwrap_or("").trim();
        assert!(fix.len() >= 12, "{} gives no fix: {fix:?}", page.path);
        let marks: Vec<&str> = page.blocks.iter().map(|block| block.mark.as_str()).collect();
        let own = [format!("hcl,error {}", page.code), format!("hcl,generated {}", page.code)];
        let [first, rest @ ..] = &marks[..] else { panic!("{} has no example", page.path) };
        assert!(own.iter().any(|mark| mark == first), "{} begins with {first}", page.path);
        assert!(!rest.is_empty() && rest.iter().all(|mark| *mark == "hcl"), "{}", page.path);
        for line in page.text.lines() {
            assert!(line.trim_end() == line, "{}: blanks at the end of {line:?}", page.path);
        }
    }
}

#[test]
fn an_example_yields_its_code_alone_and_its_fix_compiles() {
    let mut wrong = Vec::new();
    for page in pages() {
        for block in &page.blocks {
            let expected = match block.mark.split_once(' ') {
                Some(("hcl,error", code)) => vec![code.to_owned()],
                Some(("hcl,generated", _)) => continue,
                _ => Vec::new(),
            };
            let (codes, lines) = block.found();
            if codes != expected {
                wrong.push(lines);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_too_large_to_print_is_generated() {
    let mut generated = 0;
    for page in pages() {
        let Some(block) = page.blocks.iter().find(|block| block.mark.starts_with("hcl,gen")) else {
            continue;
        };
        generated += 1;
        let (codes, lines) = doc::found(&generate(page.code, block));
        let mut expected = vec![page.code.to_string()];
        if page.code == Code::TooManyErrors {
            // There are no too many errors without errors.
            expected.push(Code::UnknownCharacter.to_string());
        }
        assert_eq!(codes, expected, "{}\n{lines}", page.path);
    }
    assert!(generated >= 6, "{generated}");
}

/// The input that a page describes in words; `block` shows the part of it that fits.
fn generate(code: Code, block: &doc::Block) -> Vec<Source> {
    let file = |name: &str, text: String| Source { name: format!("{name}.rules.hcl"), text };
    let comment = |length: usize| "#".repeat(length);
    let shown = block.text.clone();
    match code {
        Code::SourceTooLarge => {
            vec![file("a", shown), file("b", comment(SOURCE_BYTES_MAX + 1))]
        }
        Code::RulesetTooLarge => {
            let count = RULESET_BYTES_MAX / SOURCE_BYTES_MAX;
            let rest = (0..count).map(|i| file(&format!("b{i}"), comment(SOURCE_BYTES_MAX)));
            std::iter::once(file("a", shown)).chain(rest).collect()
        }
        Code::TooManyFiles => {
            let rest = (0..FILE_COUNT_MAX).map(|i| file(&format!("b{i}"), String::new()));
            std::iter::once(file("a", shown)).chain(rest).collect()
        }
        Code::TreeTooLarge => {
            // Eight letters of which no two look alike.
            let name = |mut i: usize| -> String {
                let mut name = String::from("zone_");
                for _ in 0..3 {
                    name.push(char::from(b'a' + (i % 8) as u8));
                    i /= 8;
                }
                name
            };
            let line = shown.lines().last().unwrap();
            // So many nodes that the tree is full between two declarations: one that was cut in
            // two would miss its second half, which is a mistake of its own.
            let fill = "enum \"tool\" { values = [\"a\"] }\n";
            let more = (0..470).map(|i| line.replace("zone", &name(i)) + "\n");
            vec![file("a", shown.clone() + fill + &more.collect::<String>())]
        }
        Code::ExpressionTooLong => {
            let all: Vec<String> =
                (2..90).chain(2..60).map(|level| format!("trigger.level == {level}")).collect();
            let (before, after) = shown.split_once("when = ").unwrap();
            let (_, after) = after.split_once('\n').unwrap();
            vec![file("a", format!("{before}when = {}\n{after}", all.join(" || ")))]
        }
        Code::TooManyErrors => {
            let line = shown.lines().last().unwrap();
            let rest = format!("{line}\n").repeat(ERROR_COUNT_MAX + 100);
            vec![file("a", shown + &rest)]
        }
        Code::HiddenCharacter => vec![file("a", shown.replace("‹U+200B›", "\u{200b}"))],
        other => panic!("docs/errors/{other}.md has an example that nobody generates"),
    }
}
