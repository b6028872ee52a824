//! YAML 1.2 (core schema) with places. What a data-binding reader decides silently has one clear
//! outcome each: numbers stay text, keys may repeat, aliases are copied and counted, merge keys are
//! merged, unknown tags and a second document are refused.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::{NESTING_MAX, NODE_COUNT_MAX, Node, Value};
use crate::import::report::Place;

type Refused = (Place, String);

/// A list or a map that is not complete yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<String>,
}

struct Reader {
    open: Vec<Open>,
    /// Complete values by anchor, with how many nodes each has.
    anchors: BTreeMap<usize, (Node, usize)>,
    root: Option<Node>,
    nodes: usize,
}

/// The value and how many nodes it has. Linear in the text and the nodes.
pub(super) fn read(text: &str) -> Result<(Node, usize), Refused> {
    let mut reader = Reader { open: Vec::new(), anchors: BTreeMap::new(), root: None, nodes: 0 };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| (place(*error.marker()), error.info().to_owned()))?;
        if let Event::DocumentStart(_) = event {
            documents += 1;
            if documents > 1 {
                let reason = "a second document begins here; import one at a time".to_owned();
                return Err((place(span.start), reason));
            }
            continue;
        }
        reader.event(event, span)?;
    }
    let empty = || (Place::START, "the document is empty".to_owned());
    Ok((reader.root.ok_or_else(empty)?, reader.nodes))
}

fn place(marker: Marker) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { line: number(marker.line()), column: number(marker.col().saturating_add(1)) }
}

impl Reader {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Refused> {
        let at = place(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // A key is a text whatever it looks like.
                if let Some(Open { node: Node { value: Value::Map(_), .. }, key, .. }) =
                    self.open.last_mut()
                    && key.is_none()
                {
                    *key = Some(text.into_owned());
                    return Ok(());
                }
                let value = scalar(&text, style, tag.as_deref()).map_err(|reason| (at, reason))?;
                let node = self.node(at, value)?;
                self.done(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.start(at, Value::List(Vec::new()), anchor, tag.as_deref(), "seq")
            }
            Event::MappingStart(anchor, tag) => {
                self.start(at, Value::Map(Vec::new()), anchor, tag.as_deref(), "map")
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { mut node, anchor, .. }) = self.open.pop() else { return Ok(()) };
                merge(&mut node)?;
                self.done(node, anchor)
            }
            Event::Alias(anchor) => {
                let Some((known, count)) = self.anchors.get(&anchor) else {
                    return Err((at, "the alias stands inside what it stands for".to_owned()));
                };
                // Before it is copied: aliases of aliases grow without end.
                if self.nodes.saturating_add(*count) > NODE_COUNT_MAX {
                    let reason = format!("with its aliases more than {NODE_COUNT_MAX} values");
                    return Err((at, reason));
                }
                let mut node = known.clone();
                renumber(&mut node, &mut self.nodes, at);
                self.done(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn node(&mut self, place: Place, value: Value) -> Result<Node, Refused> {
        let id = self.nodes;
        self.nodes += 1;
        match self.nodes > NODE_COUNT_MAX {
            true => Err((place, format!("more than {NODE_COUNT_MAX} values"))),
            false => Ok(Node { id, place, value }),
        }
    }

    fn start(
        &mut self,
        at: Place,
        value: Value,
        anchor: usize,
        tag: Option<&Tag>,
        plain: &str,
    ) -> Result<(), Refused> {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == plain)) {
            return Err((at, format!("the tag `{tag}` is not known")));
        }
        if self.open.len() > NESTING_MAX {
            return Err((at, format!("nested deeper than {NESTING_MAX}")));
        }
        self.key_is_plain(at)?;
        let node = self.node(at, value)?;
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    fn key_is_plain(&self, at: Place) -> Result<(), Refused> {
        match self.open.last() {
            Some(Open { node: Node { value: Value::Map(_), .. }, key: None, .. }) => {
                Err((at, "a list or a map cannot be a key here".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn done(&mut self, node: Node, anchor: usize) -> Result<(), Refused> {
        self.key_is_plain(node.place)?;
        if anchor > 0 {
            let mut count = 0;
            node.walk(&mut |_| count += 1);
            self.anchors.insert(anchor, (node.clone(), count));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { node: Node { value: Value::List(nodes), .. }, .. }) => nodes.push(node),
            Some(Open { node: Node { value: Value::Map(entries), .. }, key, .. }) => {
                entries.push((key.take().unwrap_or_default(), node));
            }
            Some(_) => {}
        }
        // A copy may bring levels of its own.
        let depth = self.open.len();
        let last = match self.open.last().map(|open| &open.node.value) {
            Some(Value::List(nodes)) => nodes.last(),
            Some(Value::Map(entries)) => entries.last().map(|(_, node)| node),
            _ => None,
        };
        match last {
            Some(node) if depth + height(node) > NESTING_MAX + 1 => {
                Err((node.place, format!("nested deeper than {NESTING_MAX}")))
            }
            _ => Ok(()),
        }
    }
}

/// Levels of a value that is nested at most as deeply as a document may be.
fn height(node: &Node) -> usize {
    let inner = node.list().iter().chain(node.entries().iter().map(|(_, node)| node));
    1 + inner.map(height).max().unwrap_or(0)
}

fn renumber(node: &mut Node, next: &mut usize, at: Place) {
    (node.id, node.place) = (*next, at);
    *next += 1;
    match &mut node.value {
        Value::List(nodes) => nodes.iter_mut().for_each(|node| renumber(node, next, at)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, node)| renumber(node, next, at)),
        _ => {}
    }
}

/// Puts what `<<` names into the map, where the map does not say otherwise.
fn merge(node: &mut Node) -> Result<(), Refused> {
    let Value::Map(entries) = &mut node.value else { return Ok(()) };
    if !entries.iter().any(|(key, _)| key == "<<") {
        return Ok(());
    }
    let (merged, mut kept): (Vec<_>, Vec<_>) =
        std::mem::take(entries).into_iter().partition(|(key, _)| key == "<<");
    for (_, from) in merged {
        let place = from.place;
        let maps = match from.value {
            Value::List(nodes) => nodes,
            _ => vec![from],
        };
        for map in maps {
            let Value::Map(inner) = map.value else {
                return Err((place, "`<<` merges maps alone".to_owned()));
            };
            for (key, value) in inner {
                if !kept.iter().any(|(known, _)| *known == key) {
                    kept.push((key, value));
                }
            }
        }
    }
    *entries = kept;
    Ok(())
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let text_value = || Value::Text(text.to_owned());
    match tag {
        Some(tag) if tag.is_yaml_core_schema() => {
            let value = plain(text);
            match (tag.suffix.as_str(), &value) {
                ("str", _) => Ok(text_value()),
                ("int" | "float", Value::Number(_)) | ("bool", Value::Bool(_)) => Ok(value),
                ("null", Value::Null) => Ok(value),
                (suffix, _) => {
                    let text: String = text.chars().take(40).collect();
                    Err(format!("`{text}` is no `!!{suffix}`"))
                }
            }
        }
        // `!` alone says that it is a text.
        Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(text_value()),
        Some(tag) => Err(format!("the tag `{tag}` is not known")),
        None if style == ScalarStyle::Plain => Ok(plain(text)),
        None => Ok(text_value()),
    }
}

/// The core schema of YAML 1.2: `yes` and `1_000` are texts; so are `.inf` and `.nan` here, because
/// no number of the language is one of them.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && digits.bytes().all(|b| char::from(b).is_digit(radix))
            && let Ok(number) = u128::from_str_radix(digits, radix)
        {
            return Value::Number(number.to_string());
        }
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let sound = digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0;
    match sound && !exponent.is_empty() && digits(exponent) {
        true => Value::Number(text.to_owned()),
        false => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        read(text).map_or_else(
            |(at, why)| format!("{}:{}: {why}", at.line, at.column),
            |(node, _)| node.canonical(),
        )
    }

    #[test]
    fn every_kind_of_scalar_has_one_outcome() {
        for (text, expected) in [
            (
                "a: [1, -2.50, 1e3, .5, 0x1F, 0o17, 9223372036854775808]",
                r#"{"a":[1,-2.50,1e3,.5,31,15,9223372036854775808]}"#,
            ),
            (
                "[true, False, yes, on, ~, null, '', \"1\"]",
                r#"[true,false,"yes","on",null,null,"","1"]"#,
            ),
            (
                "[.inf, -.inf, .nan, 1_000, 12:30, 1.2.3]",
                r#"[".inf","-.inf",".nan","1_000","12:30","1.2.3"]"#,
            ),
            ("[!!str 5, !!int 5, ! 5, !!float 1.5]", r#"["5",5,"5",1.5]"#),
            ("[!!int x]", "1:2: `x` is no `!!int`"),
            ("[!percent 5]", "1:2: the tag `!percent` is not known"),
            ("1: a\ntrue: b", r#"{"1":"a","true":"b"}"#),
            ("a: 1\na: 2", r#"{"a":1,"a":2}"#),
            ("a: 1\n---\nb: 2", "2:1: a second document begins here; import one at a time"),
            ("", "1:1: the document is empty"),
            ("[1, 2]: x", "1:1: a list or a map cannot be a key here"),
            (
                "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3",
                r#"{"a":{"b":1,"c":2},"d":{"b":1,"c":3}}"#,
            ),
            ("a: &x [1]\nb: *x", r#"{"a":[1],"b":[1]}"#),
            ("<<: 1", "1:5: `<<` merges maps alone"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        for text in ["a: [", "a: b: c", "\"x", "*x", "{a: 1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn aliases_that_multiply_end_cleanly() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let before = format!("*a{}", level - 1);
            let all = vec![before; 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
        }
        assert!(
            shown(&bomb).ends_with("with its aliases more than 100000 values"),
            "{}",
            shown(&bomb)
        );
        let inside = shown("a: &a [*a]");
        assert!(inside.contains("1:8") || inside.contains("alias"), "{inside}");
    }

    #[test]
    fn nesting_is_bounded_with_and_without_aliases() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(NESTING_MAX + 1)).is_ok());
        assert!(shown(&nested(NESTING_MAX + 2)).ends_with("nested deeper than 32"));
        let copied = |depth: usize| {
            format!("a: &a {}\nb: {}*a{}", nested(16), "[".repeat(depth), "]".repeat(depth))
        };
        assert!(read(&copied(16)).is_ok());
        assert!(shown(&copied(17)).ends_with("nested deeper than 32"));
    }
}
