//! The canonical layout: what it looks like, that it stays, and that it changes nothing else.

use proptest::prelude::*;

use super::{BASE, GAME, source};
use crate::lang::lexer::{Lexer, TokenKind};
use crate::lang::limits::SOURCE_BYTES_MAX;
use crate::lang::{Code, FormatError, check, format};

/// A file with every construct, badly laid out, and what becomes of it.
const MESSY: &str = include_str!("messy.rules.hcl");
const TIDY: &str = include_str!("tidy.rules.hcl");

#[track_caller]
fn formatted(text: &str) -> String {
    let once = format(text).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    let twice = format(&once).unwrap_or_else(|error| panic!("{error:?}\n{once}"));
    assert_eq!(once, twice, "not the same twice; from\n{text}");
    once
}

#[test]
fn a_messy_file_becomes_tidy() {
    let result = formatted(MESSY);
    assert_eq!(result, TIDY, "\n{result}");
}

#[test]
fn rows() {
    for (text, expected) in [
        ("", ""),
        ("\n \t\n", ""),
        ("# c", "# c\n"),
        ("\r\n# c  \r\n\r\n\r\n\r\n// d", "# c\n\n// d\n"),
        ("a=1", "a = 1\n"),
        (
            "param \"p\" {\ntype=int(0,9)\ndefault=1\noverride {\nzone=\"eu\"\nvalue=2 # here\n}\noverride{shard=\"7\"}\n}",
            "param \"p\" {\n  type    = int(0, 9)\n  default = 1\n  override {\n    zone  = \"eu\"\n    value = 2 # here\n  }\n  override { shard = \"7\" }\n}\n",
        ),
        ("a \"x\" { }", "a \"x\" {}\n"),
        ("a \"x\" {\n\n}", "a \"x\" {}\n"),
        ("a \"x\" {b=- 1}", "a \"x\" { b = -1 }\n"),
        ("a \"x\" { /* c */ }", "a \"x\" { /* c */ }\n"),
        ("a \"x\" { # c\n}", "a \"x\" { # c\n}\n"),
        ("a \"x\" {\n\n  # c\n\n\n  b=1\n\n}", "a \"x\" {\n  # c\n\n  b = 1\n}\n"),
        ("x = !  ! a||(b)&&-c", "x = !!a || (b) && -c\n"),
        ("x = f( a ,b , )", "x = f(a, b)\n"),
        ("x = [ 1,2, ]", "x = [1, 2]\n"),
        ("x = [\n1,2]", "x = [\n  1, 2,\n]\n"),
        ("x = [ # c\n1 # d\n, 2 // e\n]", "x = [ # c\n  1 # d\n  , 2, // e\n]\n"),
        ("x = [1 /* c */, ]", "x = [1 /* c */]\n"),
        ("x = [1, /* c */ ]", "x = [1 /* c */]\n"),
        ("x = [\n]", "x = []\n"),
        ("x = (a\n\n\n&& b)", "x = (\n  a\n\n  && b\n)\n"),
        ("x = f([\n1,2])", "x = f([\n  1, 2,\n])\n"),
        ("x = { a=1,bb=2, }", "x = { a = 1, bb = 2 }\n"),
        ("x = { a=1,\nbb=2 # c\n}", "x = {\n  a  = 1\n  bb = 2 # c\n}\n"),
        ("x = { a=1, # c\nbb=2 }", "x = {\n  a  = 1 # c\n  bb = 2\n}\n"),
        (
            "x = { /* c */ a=1 /* d */, b = 2 /* e */ }",
            "x = { /* c */ a = 1 /* d */, b = 2 /* e */ }\n",
        ),
        ("x = a ?-1 :b?c:d", "x = a ? -1 : b ? c : d\n"),
        (
            "a = 1 # c\nbbb = 2 # d\ncc = 3\nd = 4 # e",
            "a   = 1 # c\nbbb = 2 # d\ncc  = 3\nd   = 4 # e\n",
        ),
        ("a = 1\n# c\nbbb = 2", "a = 1\n# c\nbbb = 2\n"),
        ("/* a */ b = 1\n/* a\n  b */ c = 1", "/* a */ b = 1\n/* a\n  b */\nc = 1\n"),
        ("a {\nb=1\n}\n# c\nd {\ne=1\n}", "a {\n  b = 1\n}\n\n# c\nd {\n  e = 1\n}\n"),
        ("a { b=1 }\nc { d=1 }", "a { b = 1 }\nc { d = 1 }\n"),
        ("a { b = [\n1\n] }", "a {\n  b = [\n    1,\n  ]\n}\n"),
        ("a \"b\"/* c */{\nd=1\n}// e", "a \"b\" /* c */ {\n  d = 1\n} // e\n"),
    ] {
        assert_eq!(formatted(text), expected, "{text:?}");
    }
}

#[test]
fn what_does_not_parse_is_refused_with_its_mistakes() {
    let FormatError::Syntax(found) = format("rule \"x\" {\n  on = \n").unwrap_err() else {
        panic!("not a mistake in syntax")
    };
    assert_eq!(found[0].code, Code::ExpectedExpression);
    // Before a file a byte order mark is left out; inside it is no layout.
    assert_eq!(format("\u{feff}a = 1"), Ok("a = 1\n".to_owned()));
    assert!(format("a \u{feff}= 1").is_err());
    // Meaning is not looked at.
    assert_eq!(formatted("rulez \"x\" { y=1 }"), "rulez \"x\" { y = 1 }\n");
}

#[test]
fn sizes_are_bounded() {
    let text = "#".repeat(SOURCE_BYTES_MAX - 1) + "\n";
    assert_eq!(formatted(&text), text);
    let FormatError::Syntax(found) = format(&(text.clone() + "#")).unwrap_err() else { panic!() };
    assert_eq!(found[0].code, Code::SourceTooLarge);
    // One byte more than a source file may have, once the final line break is there.
    let text = "#".repeat(SOURCE_BYTES_MAX);
    let actual_bytes = SOURCE_BYTES_MAX + 1;
    assert_eq!(format(&text), Err(FormatError::TooLarge { actual_bytes }));
}

#[test]
fn alignment_does_not_multiply_a_file() {
    let long = format!("{} = 1 # c\n", "x".repeat(120));
    let text = "a = 1 # c\n".repeat(5_00) + &long;
    assert!(formatted(&text).len() < 2 * text.len());
    let value = format!("b = \"{}\" # c\n", "x".repeat(4_000));
    let text = "a = 1 # c\n".repeat(500) + &value;
    assert!(formatted(&text).len() < 2 * text.len());
}

/// What a mutation may do to the layout.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// Blanks within lines, and line ends: the canonical form is the same.
    Blanks,
    /// Line breaks, blank lines, comments, trailing commas, too.
    Anything,
}

/// Writes a file again with another layout, its blanks chosen by `choices` in turn.
fn relaid(text: &str, layout: Layout, choices: &[u8]) -> String {
    let mut lexer = Lexer::with_comments(text);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        if token.kind == TokenKind::End {
            break;
        }
        tokens.push(token);
    }
    let mut choices = choices.iter().cycle();
    let mut choose = |of: &[&'static str]| -> &'static str {
        let choice = usize::from(*choices.next().unwrap_or(&0));
        of[choice % of.len()]
    };
    let mut result = String::new();
    // Brackets that are open, innermost last: true where a line may break anywhere.
    let mut open: Vec<bool> = Vec::new();
    let mut comment = false;
    for (index, token) in tokens.iter().enumerate() {
        use TokenKind::*;
        let word = &text[token.start as usize..token.end as usize];
        let before = index.checked_sub(1).map(|before| tokens[before]);
        let touching = before.is_some_and(|before| before.end == token.start);
        // A call and a path are one only as long as nothing stands between their parts.
        let call = token.kind == ParenOpen && before.is_some_and(|before| before.kind == Name);
        let path = token.kind == Dot || before.is_some_and(|before| before.kind == Dot);
        let may_touch = |kind| {
            matches!(kind, ParenOpen | ParenClose | BracketOpen | BracketClose | Comma | Newline)
        };
        if !(touching && (call || path)) && before.is_some() {
            let free = open.last() == Some(&true);
            let close = matches!(token.kind, ParenClose | BracketClose);
            let mut blanks = vec![" ", "  ", "\t", " \t "];
            if may_touch(token.kind) || before.is_some_and(|before| may_touch(before.kind)) {
                blanks.push("");
            }
            if layout == Layout::Anything && token.kind != Comment && !comment {
                blanks.extend([" /* c */ ", " /**/ "]);
                // A sign stands on the line of its value.
                let sign = before.is_some_and(|before| matches!(before.kind, Not | Minus));
                if free && !sign {
                    blanks.extend(["\n", "\r\n", " # c\n", "\n\n\n", " // d \r\n\t"]);
                }
                let element = before.is_some_and(|b| matches!(b.kind, Name | Number | Text));
                if close && element && token.kind == BracketClose {
                    blanks.extend([",", ", ", ",\n"]);
                }
            }
            let blank = choose(&blanks);
            result.push_str(if comment && blank.is_empty() { " " } else { blank });
        }
        comment = token.kind == Comment;
        match token.kind {
            ParenOpen | BracketOpen => open.push(true),
            BraceOpen => open.push(false),
            ParenClose | BracketClose | BraceClose => {
                open.pop();
            }
            _ => {}
        }
        match (token.kind, layout) {
            (Newline, Layout::Blanks) => result.push_str(choose(&["\n", "\r\n"])),
            (Newline, Layout::Anything) => {
                let ends =
                    ["\n", "\r\n", "\n\n", "\n\n\n\n", "\n# c\n", " # c\r\n", "\n\n/* c\n d */\n"];
                // A line comment ends where its line does.
                result.push_str(choose(if open.last() == Some(&false) || open.is_empty() {
                    &ends[..]
                } else {
                    &ends[..4]
                }));
            }
            _ => result.push_str(word),
        }
    }
    result
}

fn samples() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&[GAME, BASE, MESSY, TIDY][..])
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..400)
}

/// A random expression with a random layout; names mean nothing.
fn expression() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(
        &["1", "0.5", "\"a b\"", "true", "trigger.level", "x", "- 3", "!y", "--2", "[]", "{}"][..],
    )
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let blank = proptest::sample::select(&["", " ", "\n", " # c\n", " /* c */ ", "\n\n"][..]);
        let gap = proptest::sample::select(&[" ", "  ", " /* c */ "][..]);
        let op = proptest::sample::select(&["+", "-", "*", "/", "%", "==", "<=", "&&", "||"][..]);
        let pair = (inner.clone(), gap, op, inner.clone());
        let many = proptest::collection::vec((blank.clone(), inner.clone(), blank.clone()), 1..4);
        let elements = |many: &[(&str, String, &str)]| -> String {
            many.iter().map(|(a, x, b)| format!("{a}({x}){b}")).collect::<Vec<_>>().join(",")
        };
        prop_oneof![
            // In parentheses, so that a random right side is no second comparison.
            pair.prop_map(|(a, gap, op, b)| format!("({a}){gap}{op}{gap}({b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(({a}) ?  {b}: ({c}))")),
            (blank.clone(), inner.clone(), blank.clone())
                .prop_map(|(a, x, b)| format!("({a}{x}{b})")),
            many.clone().prop_map(move |many| format!("f({})", elements(&many))),
            (many.clone(), any::<bool>()).prop_map(move |(many, comma)| {
                format!("[{}{}]", elements(&many), if comma { "," } else { "" })
            }),
            (many, proptest::sample::select(&[",", "\n", ", # c\n", " ,\n\n"][..])).prop_map(
                |(many, end)| {
                    let pairs: Vec<String> =
                        many.iter().map(|(_, x, _)| format!("k = ({x})")).collect();
                    format!("{{{}}}", pairs.join(end))
                }
            ),
        ]
    })
}

/// Random statements, blocks in blocks.
fn statements() -> impl Strategy<Value = String> {
    let attribute = (proptest::sample::select(&["a", "bb", "weight", "when"][..]), expression())
        .prop_map(|(name, value)| format!("{name} =  {value}\n"));
    let comment = proptest::sample::select(
        &["# c\n", "\n", "\n\n\n", "/* c */\n", "/* a\n   b */ ", " // d\r\n"][..],
    )
    .prop_map(str::to_owned);
    let statement = prop_oneof![3 => attribute, 1 => comment];
    statement.prop_recursive(3, 24, 5, |inner| {
        let many = proptest::collection::vec(inner, 0..5);
        let head = proptest::sample::select(&["entry \"x\" {", "part \"y\" {", "z{"][..]);
        let end = proptest::sample::select(&["\n", " # c\n", " /* c */\n", "\n\n"][..]);
        let line = proptest::sample::select(&["entry \"x\" {w= 1}\n", "entry \"long\" { }\n"][..]);
        prop_oneof![
            3 => (head, end, many.clone(), end_of_block())
                .prop_map(|(head, first, many, last)| format!("{head}{first}{}}}{last}", many.concat())),
            1 => line.prop_map(str::to_owned),
            1 => many.prop_map(|many| many.concat()),
        ]
    })
}

fn end_of_block() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&["\n", " # c\n", "\n\n"][..])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn blanks_within_lines_do_not_matter(text in samples(), choices in choices()) {
        let other = relaid(text, Layout::Blanks, &choices);
        prop_assert_eq!(formatted(&other), formatted(text), "{}", other);
    }

    #[test]
    fn any_layout_means_the_same_before_and_after(text in samples(), choices in choices()) {
        let other = relaid(text, Layout::Anything, &choices);
        let result = format(&other);
        prop_assert!(result.is_ok(), "{:?}\n{}", result, other);
        let result = formatted(&other);
        let program = |text: &str| check(&[source("x.rules.hcl", text)]).program;
        prop_assert!(program(text).is_some());
        prop_assert_eq!(program(&other), program(text), "{}", other);
        prop_assert_eq!(program(&result), program(text), "{}", result);
    }

    #[test]
    fn random_statements_are_formatted_once(text in proptest::collection::vec(statements(), 1..6)) {
        let text = text.concat();
        match format(&text) {
            Ok(_) => {
                let result = formatted(&text);
                prop_assert!(result.lines().all(|line| line.trim_end() == line || text.contains("/* a")));
                prop_assert!(!result.contains("\n\n\n") && !result.contains('\r'));
                prop_assert!(result.ends_with('\n') || result.is_empty());
            }
            // Deep nesting is a mistake of the sample; nothing else is.
            Err(FormatError::Syntax(found)) => prop_assert!(
                found.iter().all(|found| found.code == Code::NestingTooDeep),
                "{:?}\n{}", found, text
            ),
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }

    #[test]
    fn arbitrary_text_is_formatted_or_refused(text in "[ -~\\n]{0,120}") {
        match format(&text) {
            Ok(result) => prop_assert_eq!(formatted(&result), result),
            Err(FormatError::Syntax(found)) => prop_assert!(!found.is_empty()),
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }
}
