//! The grammar in the language's reference is the one that the parser has.

mod ebnf;

use std::path::Path;

use cairn_ruleset::lang::{self, Source};

use crate::{DOC, doc};
use ebnf::Grammar;

/// Drawn texts, and damaged ones.
const ROUNDS: u64 = 3_000;

fn grammar() -> Grammar {
    let blocks = doc::blocks("docs/language.md", DOC);
    let mut found = blocks.iter().filter(|block| block.mark == "ebnf");
    let grammar = Grammar::read(&found.next().expect("a block of ebnf").text);
    assert!(found.next().is_none(), "one grammar");
    grammar
}

/// Codes of the mistakes of characters and of syntax in one file.
fn mistakes(text: &str) -> Vec<String> {
    let source = Source { name: "a.rules.hcl".to_owned(), text: text.to_owned() };
    let found = lang::check(&[source]).diagnostics.into_iter();
    let of_syntax = found.filter(|found| {
        let code = found.code.to_string();
        // A label without quotes is the one mistake of syntax that the code of labels is used for.
        let label = code == "C0303" && found.message.ends_with("has no quotes");
        code.starts_with("C01") || code.starts_with("C02") || label
    });
    of_syntax.map(|found| format!("{} {}", found.code, found.message)).collect()
}

/// Numbers below a bound, from a seed (SplitMix64).
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |bound| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) % bound as u64) as usize
    }
}

#[test]
fn what_the_grammar_derives_is_read() {
    let grammar = grammar();
    let mut tokens = 0;
    for seed in 0..ROUNDS {
        let mut dice = dice(seed);
        let drawn = grammar.draw("file", 60, &mut dice);
        tokens += drawn.len();
        assert!(grammar.derives("file", &drawn), "what is drawn is matched: {drawn:?}");
        let text = written(&drawn, &mut dice);
        assert_eq!(mistakes(&text), [""; 0], "{text}");
    }
    assert!(tokens as u64 > 20 * ROUNDS, "{tokens} tokens in {ROUNDS} texts");
}

/// A text of tokens: what must touch touches, all else stands apart.
fn written(tokens: &[String], dice: &mut impl FnMut(usize) -> usize) -> String {
    let mut text = String::new();
    let mut before = "";
    for token in tokens {
        let touches = before == "." || token == "." || (token == "(" && before == "NAME");
        if !touches {
            text.push_str(["", " ", "  ", " /* why */ "][1 + dice(3)]);
        }
        text.push_str(match token.as_str() {
            "NAME" => ["level", "zone", "a", "b_2"][dice(4)],
            "NUMBER" => ["0", "7", "1.25", "0.000001", "true"][dice(5)],
            "STRING" => ["\"\"", "\"x\"", "\"a \\\" b\"", "\"\\u00e9\""][dice(4)],
            "NL" => ["\n", "\r\n", " # why\n", " // why\n"][dice(4)],
            sign => sign,
        });
        before = token;
    }
    text
}

#[test]
fn what_is_read_the_grammar_derives() {
    let grammar = grammar();
    let mut files = files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")));
    let blocks = doc::blocks("docs/language.md", DOC);
    files.extend(blocks.into_iter().filter(|b| b.mark.starts_with("hcl")).map(|b| b.text));
    assert!(files.len() > 45, "{} texts", files.len());
    let (mut read, mut refused) = (0, 0);
    for text in &files {
        let derived = tokens(text).is_some_and(|tokens| grammar.derives("file", &names(&tokens)));
        assert_eq!(derived, mistakes(text).is_empty(), "{text}");
    }
    // And with a token left out, written twice, or changed for its neighbour.
    let small: Vec<&String> = files.iter().filter(|text| text.len() < 1_200).collect();
    for seed in 0..ROUNDS {
        let mut dice = dice(seed);
        let text = small[dice(small.len())];
        let Some(mut parts) = tokens(text) else { continue };
        let at = dice(parts.len() - 1);
        match dice(3) {
            0 => drop(parts.remove(at)),
            1 => parts.insert(at, parts[at].clone()),
            _ => parts.swap(at, at + 1),
        }
        let text: String = parts.iter().map(|(_, text)| format!("{text} ")).collect();
        let text = text.replace(" . ", ".").replace(" (", "(").replace("=(", "= (");
        let Some(parts) = tokens(&text) else { continue };
        let derived = grammar.derives("file", &names(&parts));
        assert_eq!(derived, mistakes(&text).is_empty(), "{:?} in\n{text}", mistakes(&text));
        *(if derived { &mut read } else { &mut refused }) += 1;
    }
    assert!(read > 100 && refused > 1_000, "{read} damaged texts are read, {refused} refused");
}

fn names(tokens: &[(String, String)]) -> Vec<String> {
    tokens.iter().map(|(name, _)| name.clone()).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "hcl") {
            found.push(std::fs::read_to_string(&path).expect("a text"));
        }
    }
    found
}

/// Tokens with their texts, by a reader of its own; none where a character fits nowhere.
fn tokens(text: &str) -> Option<Vec<(String, String)>> {
    const SIGNS: [&str; 26] = [
        "==", "!=", "<=", ">=", "&&", "||", "=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":",
        ",", ".", "(", ")", "[", "]", "{", "}", "\n",
    ];
    let mut tokens: Vec<(String, String)> = Vec::new();
    let mut open = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length;
        let mut name = "";
        if matches!(first, ' ' | '\t' | '\r') {
            length = 1;
        } else if first == '#' || rest.starts_with("//") {
            length = rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            length = rest.find("*/")? + 2;
        } else if first.is_ascii_alphabetic() || first == '_' {
            length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            name = "NAME";
        } else if first.is_ascii_digit() {
            length = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            name = "NUMBER";
        } else if first == '"' {
            let inner = rest[1..].split('\n').next()?;
            let escaped = |at: &usize| !inner[..*at].ends_with('\\');
            length = 2 + inner.match_indices('"').map(|(at, _)| at).find(escaped)?;
            name = "STRING";
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
            length = sign.len();
            match *sign {
                "(" | "[" | "{" => open.push(*sign),
                ")" | "]" | "}" => drop(open.pop()),
                _ => {}
            }
            let quiet = *sign == "\n" && matches!(open.last(), Some(&("(" | "[")));
            name = match *sign {
                "\n" if quiet => "",
                "\n" => "NL",
                sign => sign,
            };
        }
        if !name.is_empty() {
            tokens.push((name.to_owned(), rest[..length].to_owned()));
        }
        rest = &rest[length..];
    }
    Some(tokens)
}
