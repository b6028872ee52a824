//! Rule files: numbers, words, operators and lines change places, so that most of what comes out still
//! parses and much of it compiles.

use std::ops::Range;
use std::sync::OnceLock;

use super::Plain;
use super::dice::Dice;
use crate::lang::ide;

/// Where promises of the interval analysis break first.
const EDGES: [&str; 10] =
    ["0", "1", "-1", "2", "64", "1000000", "0.000001", "4294967296", "9223372036854775807", "-5"];

const OPERATORS: [&str; 16] =
    ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "!", "?", ":"];

/// Another rule file, or what `plain` makes of it.
pub fn source(data: &[u8], max: usize, seed: u32, plain: Plain<'_>) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    if let Ok(text) = std::str::from_utf8(data)
        && dice.below(8) > 2
        && let Some(made) = change(text, &mut dice).filter(|made| made.len() <= max)
    {
        return made.into_bytes();
    }
    let mut bytes = data.to_vec();
    plain(&mut bytes, max);
    bytes
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Blank,
    Number,
    Word,
    Operator,
    Other,
}

impl Kind {
    fn of(c: char) -> Kind {
        match c {
            ' ' | '\t' => Kind::Blank,
            '0'..='9' => Kind::Number,
            'a'..='z' | 'A'..='Z' | '_' => Kind::Word,
            '+' | '-' | '*' | '/' | '%' | '=' | '!' | '<' | '>' | '&' | '|' | '?' | ':' => {
                Kind::Operator
            }
            _ => Kind::Other,
        }
    }

    /// Whether a token of this kind goes on with a character of the other.
    fn takes(self, next: Kind) -> bool {
        match self {
            Kind::Word => next == Kind::Word || next == Kind::Number,
            Kind::Other => false,
            kind => kind == next,
        }
    }
}

/// Tokens as a reader sees them who does not know the language; lines end by themselves.
fn tokens(text: &str) -> Vec<(Kind, Range<usize>)> {
    let mut tokens: Vec<(Kind, Range<usize>)> = Vec::new();
    for (at, c) in text.char_indices() {
        let (kind, end) = (Kind::of(c), at + c.len_utf8());
        match tokens.last_mut() {
            Some((last, range)) if last.takes(kind) => range.end = end,
            _ => tokens.push((kind, at..end)),
        }
    }
    tokens
}

fn change(text: &str, dice: &mut Dice) -> Option<String> {
    let kind = match dice.below(8) {
        0 | 1 => Kind::Number,
        2..=4 => Kind::Word,
        5 => Kind::Operator,
        _ => return lines(text, dice),
    };
    let all: Vec<Range<usize>> =
        tokens(text).into_iter().filter(|token| token.0 == kind).map(|token| token.1).collect();
    let place = all.get(dice.below(all.len()))?.clone();
    let own = |dice: &mut Dice| &text[all[dice.below(all.len())].clone()];
    let new = match (kind, dice.below(3)) {
        (_, 0) => own(dice),
        (Kind::Number, _) => EDGES[dice.below(EDGES.len())],
        (Kind::Word, 1) => own(dice),
        (Kind::Word, _) => words()[dice.below(words().len())],
        _ => OPERATORS[dice.below(OPERATORS.len())],
    };
    Some([&text[..place.start], new, &text[place.end..]].concat())
}

/// Some lines are there twice, or elsewhere, or gone.
fn lines(text: &str, dice: &mut Dice) -> Option<String> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let from = dice.below(lines.len());
    let range = from..from + dice.below(lines.len() - from).min(8) + 1;
    let taken = lines.get(range.clone())?.to_vec();
    let action = dice.below(3);
    if action > 0 {
        lines.drain(range);
    }
    if action < 2 {
        let to = dice.below(lines.len() + 1);
        lines.splice(to..to, taken);
    }
    Some(lines.concat())
}

/// Every word of the language.
fn words() -> &'static [&'static str] {
    static WORDS: OnceLock<Vec<&str>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let known = ide::vocabulary();
        [known.blocks, known.attributes, known.functions, known.types, known.roots, known.constants]
            .concat()
    })
}

#[cfg(test)]
mod tests {
    use super::{source, tokens};
    use crate::fuzz::mutate::dice::Dice;
    use crate::lang::{self, Code, Source};

    const START: &str = include_str!("../../../../fuzz/corpus/source/language-20");

    #[test]
    fn tokens_leave_nothing_out() {
        let all = tokens(START);
        assert_eq!(all.iter().map(|token| &START[token.1.clone()]).collect::<String>(), START);
        let text = "ä >= b_1%2";
        let words: Vec<&str> = tokens(text).into_iter().map(|token| &text[token.1]).collect();
        assert_eq!(words, ["ä", " ", ">=", " ", "b_1", "%", "2"]);
    }

    /// Much of what is made compiles, and what does not is refused for many reasons.
    #[test]
    fn mutations_reach_the_checker() {
        let (mut compiled, mut reasons) = (0, std::collections::BTreeSet::<Code>::new());
        for seed in 0..600 {
            let mut dice = Dice::new(!seed);
            let made =
                source(START.as_bytes(), 2_048, seed, &mut |bytes, max| dice.flip(bytes, max));
            assert!(made.len() <= 2_048);
            let text = String::from_utf8_lossy(&made).into_owned();
            let changed = text != START;
            let checked = lang::check(&[Source { name: "f.rules.hcl".into(), text }]);
            compiled += u32::from(changed && checked.program.is_some());
            reasons.extend(checked.diagnostics.iter().map(|found| found.code));
        }
        assert!(compiled >= 60, "{compiled} of 600 compile");
        assert!(reasons.len() >= 30, "{reasons:?}");
    }
}
