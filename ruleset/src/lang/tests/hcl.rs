//! Every file that we accept is HCL, and no text at all makes the front end panic or stall.

use proptest::prelude::*;

use super::{BASE, GAME, source};
use crate::lang::check;
use crate::lang::parser::parse;

/// Fails when we accept a file that hcl-edit does not.
fn agrees(text: &str) {
    let errors = parse(text, 0).errors;
    if !errors.is_empty() {
        return;
    }
    // hcl-edit leaves a byte order mark to whoever reads the file.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Err(error) = hcl_edit::parser::parse_body(text) {
        // Attributes given twice pass our parser; the checker refuses them.
        let twice = error.to_string().contains("redefined");
        let checked = check(&[source("x.rules.hcl", text)]);
        assert!(twice && checked.program.is_none(), "we accept what HCL refuses: {error}\n{text}");
    }
}

#[test]
fn accepted_files_are_hcl() {
    agrees(GAME);
    agrees(BASE);
    for text in [
        "",
        "\n\n# only a comment",
        "\u{feff}",
        "\u{feff}a \"x\" {}\n",
        "a \"x\" {}\n",
        "a \"x\" { b = 1 }",
        "a \"x\" {\n  b = 1\n  b = 2\n}\n",
        "a \"x\" { }\r\nb \"y\" {\r\n  c = 1\r\n}\r\n",
        "a \"x\" {\n  b = !c\n  d = - 1\n  e = !!c\n  f = --1\n  g = -x\n}\n",
        "a \"x\" {\n  b = (!\n c)\n}\n",
        "a \"x\" {\n  b = (-\n 1)\n}\n",
        "a \"x\" {\n  b = (- # c\n 1)\n}\n",
        "a \"x\" {\n  b = (1\n + 2\n)\n  c = [1,\n 2,\n]\n  d = f(1,\n 2,\n )\n}\n",
        "a \"x\" {\n  b = {\n a = 1,\n\n b = 2\n c = 3 }\n  d = {}\n}\n",
        "a \"x\" {\n  b = 1 // c\n  /* d */ e = 2 /* f\n g */\n}\n",
        "a \"x\" {\n  b = x ? y : z ? 1 : 2\n c = (x ? (y) : (z))\n}\n",
        "a \"x\" {\n  b = \"\\u00e9 \\\" \\\\ $ % {}\"\n}\n",
        "a \"x\" {\n  b = a.b.c + f( ) * g(a, b) % 2\n  c = a||b&&!c==d!=e\n}\n",
    ] {
        agrees(text);
    }
}

/// Pieces that make mutations meaningful.
const PIECES: [&str; 62] = [
    "\n",
    " ",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    "=",
    "==",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "?",
    ":",
    "&&",
    "||",
    "<",
    "<=",
    ".",
    "\"",
    "\\",
    "${",
    "%{",
    "<<EOT\n",
    "#",
    "//",
    "/*",
    "*/",
    "true",
    "null",
    "for",
    "1",
    "0.5",
    "1.5.2",
    "99999999999999999999",
    "\"90s\"",
    "\"crypt\"",
    "trigger.level",
    "param.drop_bonus",
    "condition.lucky",
    "rate(claims)",
    "chance(0.5)",
    "pick(6)",
    "rule \"x\" {",
    "on = boss_kill",
    "emit \"e\" {",
    "when = ",
    "é",
    "\u{202e}",
    "\u{feff}",
    "<<<<<<< HEAD\n",
    "\r",
    "\t",
    "...",
    "_",
    "a-b",
    "timer.tick",
];

fn mutated() -> impl Strategy<Value = String> {
    let edit = (0..GAME.len(), 0..40_usize, proptest::sample::select(&PIECES[..]), any::<bool>());
    proptest::collection::vec(edit, 1..6).prop_map(|edits| {
        let mut text = GAME.to_owned();
        for (mut at, mut length, piece, keep) in edits {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            if keep {
                length = 0;
            }
            let mut end = (at + length).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            text.replace_range(at..end, piece);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn mutated_files_never_panic_and_stay_hcl(text in mutated()) {
        agrees(&text);
        let checked = check(&[source("game.rules.hcl", &text)]);
        prop_assert_eq!(checked.program.is_none(), checked.errors().next().is_some());
        for found in &checked.diagnostics {
            let (start, end) = (found.span.start as usize, found.span.end as usize);
            prop_assert!(text.get(start..end).is_some(), "{:?}", found);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        agrees(&text);
        check(&[source("x.rules.hcl", &text)]);
    }

    #[test]
    fn piled_up_tokens_never_panic(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..80)) {
        let text = pieces.concat();
        agrees(&text);
        check(&[source("x.rules.hcl", &text), source("game.rules.hcl", GAME)]);
    }

    #[test]
    fn piled_up_values_stay_hcl(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..12)) {
        agrees(&format!("a = {}\n", pieces.join(" ")));
        agrees(&format!("a = ({})\n", pieces.join(" ")));
        agrees(&format!("a \"b\" {{\n  c = [{}]\n}}\n", pieces.concat()));
    }
}
