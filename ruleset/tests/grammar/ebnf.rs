//! Grammars in the notation of the language's reference: read, drawn from, and matched.
//!
//! `{ x }` is any number of `x`, `[ x ]` at most one, `( x )` a group, `|` a choice, `.` the end of
//! a production. Lower-case names are productions; quoted texts and upper-case names are tokens.

use std::collections::{BTreeMap, BTreeSet};

/// What a production or a part of one derives.
#[derive(Clone, Debug)]
enum Form {
    /// A token: a text, or the name of a class of tokens.
    Token(String),
    Production(String),
    All(Vec<Form>),
    One(Vec<Form>),
    Optional(Box<Form>),
    Repeated(Box<Form>),
}

/// Productions by name.
#[derive(Debug)]
pub(crate) struct Grammar {
    productions: BTreeMap<String, Form>,
}

impl Grammar {
    /// Reads productions; panics at what is none, or at a name that nothing defines.
    pub(crate) fn read(text: &str) -> Grammar {
        let words = words(text);
        let mut rest = words.as_slice();
        let mut productions = BTreeMap::new();
        while let [name, sign, tail @ ..] = rest {
            assert_eq!(sign, "=", "after `{name}`");
            rest = tail;
            let form = choice(&mut rest);
            assert_eq!(rest.first().map(String::as_str), Some("."), "the end of `{name}`");
            rest = &rest[1..];
            assert!(productions.insert(name.clone(), form).is_none(), "`{name}` comes twice");
        }
        let grammar = Grammar { productions };
        for form in grammar.productions.values() {
            grammar.each_production(form, &mut |name| {
                assert!(grammar.productions.contains_key(name), "nothing defines `{name}`");
            });
        }
        grammar
    }

    fn each_production(&self, form: &Form, see: &mut impl FnMut(&str)) {
        match form {
            Form::Token(_) => {}
            Form::Production(name) => see(name),
            Form::All(forms) | Form::One(forms) => {
                forms.iter().for_each(|form| self.each_production(form, see));
            }
            Form::Optional(form) | Form::Repeated(form) => self.each_production(form, see),
        }
    }

    /// Tokens that `name` derives, as `pick(n)` (a number below n) decides. Once about `size`
    /// tokens are out, whatever is optional is left out and the first choice is taken, which has to
    /// end.
    pub(crate) fn draw(
        &self,
        name: &str,
        size: usize,
        pick: &mut impl FnMut(usize) -> usize,
    ) -> Vec<String> {
        let mut tokens = Vec::new();
        self.draw_form(&Form::Production(name.to_owned()), size, pick, 0, &mut tokens);
        tokens
    }

    fn draw_form(
        &self,
        form: &Form,
        size: usize,
        pick: &mut impl FnMut(usize) -> usize,
        depth: usize,
        tokens: &mut Vec<String>,
    ) {
        let enough = tokens.len() >= size || depth >= 90;
        match form {
            Form::Token(token) => tokens.push(token.clone()),
            Form::Production(name) => {
                self.draw_form(&self.productions[name], size, pick, depth + 1, tokens);
            }
            Form::All(forms) => {
                forms.iter().for_each(|form| self.draw_form(form, size, pick, depth, tokens));
            }
            Form::One(forms) => {
                let shortest = (0..forms.len()).min_by_key(|at| self.least(&forms[*at], 12));
                let at = if enough { shortest.unwrap_or(0) } else { pick(forms.len()) };
                self.draw_form(&forms[at], size, pick, depth, tokens);
            }
            Form::Optional(form) => {
                if !enough && pick(2) == 0 {
                    self.draw_form(form, size, pick, depth, tokens);
                }
            }
            Form::Repeated(form) => {
                while tokens.len() < size && depth < 90 && pick(3) != 0 {
                    self.draw_form(form, size, pick, depth, tokens);
                }
            }
        }
    }

    /// The fewest tokens that a form derives, looking `depth` productions deep.
    fn least(&self, form: &Form, depth: usize) -> usize {
        match form {
            Form::Token(_) => 1,
            Form::Production(_) if depth == 0 => 1_000,
            Form::Production(name) => self.least(&self.productions[name], depth - 1),
            Form::All(forms) => forms.iter().map(|form| self.least(form, depth)).sum(),
            Form::One(forms) => forms.iter().map(|form| self.least(form, depth)).min().unwrap_or(0),
            Form::Optional(_) | Form::Repeated(_) => 0,
        }
    }

    /// Whether `name` derives exactly these tokens. Every place where each production can end is
    /// remembered, so the cost is polynomial whatever the grammar.
    pub(crate) fn derives(&self, name: &str, tokens: &[String]) -> bool {
        let mut known = BTreeMap::new();
        self.ends(&Form::Production(name.to_owned()), tokens, 0, &mut known).contains(&tokens.len())
    }

    fn ends<'a>(
        &'a self,
        form: &'a Form,
        tokens: &[String],
        at: usize,
        known: &mut BTreeMap<(String, usize), BTreeSet<usize>>,
    ) -> BTreeSet<usize> {
        match form {
            Form::Token(token) => {
                tokens.get(at).filter(|next| *next == token).map(|_| at + 1).into_iter().collect()
            }
            Form::Production(name) => {
                if let Some(ends) = known.get(&(name.clone(), at)) {
                    return ends.clone();
                }
                let ends = self.ends(&self.productions[name], tokens, at, known);
                known.insert((name.clone(), at), ends.clone());
                ends
            }
            Form::All(forms) => forms.iter().fold(BTreeSet::from([at]), |from, form| {
                from.into_iter().flat_map(|at| self.ends(form, tokens, at, known)).collect()
            }),
            Form::One(forms) => {
                forms.iter().flat_map(|form| self.ends(form, tokens, at, known)).collect()
            }
            Form::Optional(form) => {
                let mut ends = self.ends(form, tokens, at, known);
                ends.insert(at);
                ends
            }
            Form::Repeated(form) => {
                let mut ends = BTreeSet::from([at]);
                let mut fresh = vec![at];
                while let Some(at) = fresh.pop() {
                    for end in self.ends(form, tokens, at, known) {
                        if ends.insert(end) {
                            fresh.push(end);
                        }
                    }
                }
                ends
            }
        }
    }
}

/// Names, signs and quoted texts; a quoted text keeps one quote to tell it from a sign.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => 2 + rest[1..].find('"').expect("a closing quote"),
            c if c.is_ascii_alphabetic() => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            _ => 1,
        };
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    words
}

fn choice(rest: &mut &[String]) -> Form {
    let mut forms = vec![sequence(rest)];
    while rest.first().is_some_and(|word| word == "|") {
        *rest = &rest[1..];
        forms.push(sequence(rest));
    }
    if forms.len() == 1 { forms.remove(0) } else { Form::One(forms) }
}

fn sequence(rest: &mut &[String]) -> Form {
    let mut forms = Vec::new();
    while let Some((word, tail)) = rest.split_first() {
        let close = match word.as_str() {
            "|" | "." | ")" | "]" | "}" => break,
            "(" => ")",
            "[" => "]",
            "{" => "}",
            _ => "",
        };
        *rest = tail;
        forms.push(if close.is_empty() {
            terminal(word)
        } else {
            let inner = choice(rest);
            assert_eq!(rest.first().map(String::as_str), Some(close), "closes `{word}`");
            *rest = &rest[1..];
            match close {
                ")" => inner,
                "]" => Form::Optional(Box::new(inner)),
                _ => Form::Repeated(Box::new(inner)),
            }
        });
    }
    Form::All(forms)
}

fn terminal(word: &str) -> Form {
    match word.strip_prefix('"') {
        Some(text) => Form::Token(text.trim_end_matches('"').to_owned()),
        None if word.chars().all(|c| c.is_ascii_uppercase()) => Form::Token(word.to_owned()),
        None => Form::Production(word.to_owned()),
    }
}
