//! JSON with places, exact numbers and repeated keys, none of which a data-binding reader keeps.

use super::{NESTING_MAX, NODE_COUNT_MAX, Node, Value};
use crate::import::report::Place;

type Refused = (Place, String);

/// The value and how many nodes it has.
pub(super) fn read(text: &str) -> Result<(Node, usize), Refused> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { rest: text.chars().peekable(), place: Place::START, nodes: 0 };
    let root = reader.value(0)?;
    match reader.peek() {
        None => Ok((root, reader.nodes)),
        Some(c) => Err(reader.wrong(format!("{} after the end of the document", shown(c)))),
    }
}

fn shown(c: char) -> String {
    match c {
        ' '..='~' => format!("`{c}`"),
        c => format!("U+{:04X}", u32::from(c)),
    }
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    place: Place,
    nodes: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        match c {
            '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
            _ => self.place.column += 1,
        }
        Some(c)
    }

    /// The next character that is not blank.
    fn peek(&mut self) -> Option<char> {
        while self.rest.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) {
            self.next();
        }
        self.rest.peek().copied()
    }

    fn wrong(&self, reason: impl Into<String>) -> Refused {
        (self.place, reason.into())
    }

    fn expected(&mut self, what: &str) -> Refused {
        match self.rest.peek().copied() {
            Some(c) => self.wrong(format!("{what} belongs here, not {}", shown(c))),
            None => self.wrong(format!("the document ends where {what} belongs")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Refused> {
        let first = self.peek();
        let (place, id) = (self.place, self.nodes);
        self.nodes += 1;
        if self.nodes > NODE_COUNT_MAX {
            return Err(self.wrong(format!("more than {NODE_COUNT_MAX} values")));
        }
        if depth > NESTING_MAX {
            return Err(self.wrong(format!("nested deeper than {NESTING_MAX}")));
        }
        let value = match first {
            Some('{') => self.map(depth)?,
            Some('[') => self.list(depth)?,
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => Value::Number(self.number()?),
            Some('a'..='z' | 'A'..='Z') => self.word()?,
            _ => return Err(self.expected("a value")),
        };
        Ok(Node { id, place, value })
    }

    fn map(&mut self, depth: usize) -> Result<Value, Refused> {
        self.next();
        let mut entries = Vec::new();
        if self.peek() == Some('}') {
            self.next();
            return Ok(Value::Map(entries));
        }
        loop {
            if self.peek() != Some('"') {
                return Err(self.expected("a key in quotes"));
            }
            let key = self.string()?;
            if self.peek() != Some(':') {
                return Err(self.expected("`:`"));
            }
            self.next();
            entries.push((key, self.value(depth + 1)?));
            match self.peek() {
                Some(',') => self.next(),
                Some('}') => {
                    self.next();
                    return Ok(Value::Map(entries));
                }
                _ => return Err(self.expected("`,` or `}`")),
            };
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Refused> {
        self.next();
        let mut nodes = Vec::new();
        if self.peek() == Some(']') {
            self.next();
            return Ok(Value::List(nodes));
        }
        loop {
            nodes.push(self.value(depth + 1)?);
            match self.peek() {
                Some(',') => self.next(),
                Some(']') => {
                    self.next();
                    return Ok(Value::List(nodes));
                }
                _ => return Err(self.expected("`,` or `]`")),
            };
        }
    }

    fn word(&mut self) -> Result<Value, Refused> {
        let place = self.place;
        let mut word = String::new();
        while let Some(c) = self.rest.peek().copied().filter(char::is_ascii_alphanumeric) {
            word.push(c);
            self.next();
        }
        match word.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            word => {
                let word: String = word.chars().take(40).collect();
                Err((place, format!("`{word}` is not a value of JSON")))
            }
        }
    }

    fn number(&mut self) -> Result<String, Refused> {
        let place = self.place;
        let mut text = String::new();
        while let Some(c) = self
            .rest
            .peek()
            .copied()
            .filter(|c| matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
        {
            text.push(c);
            self.next();
        }
        match is_number(&text) {
            true => Ok(text),
            false => {
                let text: String = text.chars().take(40).collect();
                Err((place, format!("`{text}` is not a number of JSON")))
            }
        }
    }

    fn string(&mut self) -> Result<String, Refused> {
        self.next();
        let mut text = String::new();
        loop {
            let place = self.place;
            match self.next() {
                None => return Err((place, "the document ends inside a string".to_owned())),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape(place)?),
                Some(c) if c < ' ' => {
                    return Err((place, format!("{} inside a string", shown(c))));
                }
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self, place: Place) -> Result<char, Refused> {
        Ok(match self.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.unit(place)?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) {
                    if (self.next(), self.next()) != (Some('\\'), Some('u')) {
                        return Err((place, "half of a surrogate pair".to_owned()));
                    }
                    units.push(self.unit(place)?);
                }
                let half = |_| (place, "half of a surrogate pair".to_owned());
                let text = String::from_utf16(&units).map_err(half)?;
                text.chars().next().unwrap_or('\u{fffd}')
            }
            _ => return Err((place, "an escape that JSON does not have".to_owned())),
        })
    }

    fn unit(&mut self, place: Place) -> Result<u16, Refused> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|c| c.to_digit(16));
            let digit = digit.ok_or((place, "`\\u` without four hexadecimal digits".to_owned()))?;
            unit = unit << 4 | digit as u16;
        }
        Ok(unit)
    }
}

/// RFC 8259: no leading zeros, digits on both sides of a point.
pub(super) fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (number, exponent) = match text.split_once(['e', 'E']) {
        None => (text, "0"),
        Some((number, exponent)) => (number, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    digits(whole)
        && digits(fraction)
        && digits(exponent)
        && (whole.len() == 1 || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let (place, reason) = read(text).expect_err(text);
        format!("{}:{}: {reason}", place.line, place.column)
    }

    #[test]
    fn values_keep_their_places_and_numbers_their_digits() {
        let text =
            "{\n \"a\": [1, -0.10e+2,\n {\"é\": \"x\\\"\\n\\ud83d\\ude00\"}\n ],\n \"a\": null}";
        let (root, count) = read(text).unwrap();
        assert_eq!(count, 7);
        let [(_, list), (_, last)] = root.entries() else { panic!("{root:?}") };
        assert_eq!(
            (list.place, last.place),
            (Place { line: 2, column: 7 }, Place { line: 5, column: 7 })
        );
        assert_eq!(list.list()[1].number(), Some("-0.10e+2"));
        let (_, text) = &list.list()[2].entries()[0];
        assert_eq!((text.text(), text.place), (Some("x\"\n😀"), Place { line: 3, column: 8 }));
        assert_eq!(root.get("a").map(|node| &node.value), Some(&Value::Null));
        assert_eq!(read("\u{feff}[]").unwrap().0.value, Value::List(Vec::new()));
    }

    #[test]
    fn what_is_not_json_is_refused_at_its_place() {
        for (text, expected) in [
            ("", "1:1: the document ends where a value belongs"),
            ("[1,]", "1:4: a value belongs here, not `]`"),
            ("{\"a\" 1}", "1:6: `:` belongs here, not `1`"),
            ("{a: 1}", "1:2: a key in quotes belongs here, not `a`"),
            ("[NaN]", "1:2: `NaN` is not a value of JSON"),
            ("01", "1:1: `01` is not a number of JSON"),
            ("1.", "1:1: `1.` is not a number of JSON"),
            ("1e", "1:1: `1e` is not a number of JSON"),
            ("[] x", "1:4: `x` after the end of the document"),
            ("\"\\q\"", "1:2: an escape that JSON does not have"),
            ("\"\\ud83d\"", "1:2: half of a surrogate pair"),
            ("\"a\nb\"", "1:3: U+000A inside a string"),
            ("\"a", "1:3: the document ends inside a string"),
        ] {
            assert_eq!(refusal(text), expected, "{text}");
        }
    }

    #[test]
    fn nesting_and_nodes_are_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(NESTING_MAX + 1)).is_ok());
        assert_eq!(refusal(&nested(NESTING_MAX + 2)), "1:34: nested deeper than 32");
        let many = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        assert!(read(&many(NODE_COUNT_MAX)).is_ok());
        assert!(refusal(&many(NODE_COUNT_MAX + 1)).ends_with("more than 100000 values"));
        assert!(read(&"[".repeat(1 << 20)).is_err());
    }
}
