//! A document as a tree in which every value knows its place.

mod json;
mod yaml;

use super::report::Place;

/// Largest document.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// Lists and maps inside one another.
pub const NESTING_MAX: usize = 32;
/// Values of one document, aliases counted as often as they are used.
pub const NODE_COUNT_MAX: usize = 100_000;

/// A document that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {reason}")]
pub struct DocumentError {
    /// The document.
    pub path: String,
    /// Where, from 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub reason: String,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Its number in the document, in order of places; from 0.
    pub(super) id: usize,
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What a node holds. Numbers are the text that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In written order; a key that is given twice stands here twice.
    Map(Vec<(String, Node)>),
}

/// A document that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) path: String,
    pub(super) root: Node,
    pub(super) node_count: usize,
}

impl Document {
    /// Reads JSON (RFC 8259), with a byte order mark if there is one. Linear in the text.
    ///
    /// # Errors
    /// [`DocumentError`] at the first mistake or past a limit.
    pub(super) fn json(path: &str, text: &str) -> Result<Document, DocumentError> {
        Document::read(path, text, json::read)
    }

    /// Reads YAML 1.2, with aliases and merge keys put in their places.
    ///
    /// # Errors
    /// [`DocumentError`] at the first mistake or past a limit.
    pub(super) fn yaml(path: &str, text: &str) -> Result<Document, DocumentError> {
        Document::read(path, text, yaml::read)
    }

    /// Reads what the end of the path says: JSON for `.json`, else YAML.
    ///
    /// # Errors
    /// As [`Document::json`] and [`Document::yaml`].
    pub(super) fn any(path: &str, text: &str) -> Result<Document, DocumentError> {
        match path.ends_with(".json") {
            true => Document::json(path, text),
            false => Document::yaml(path, text),
        }
    }

    fn read(
        path: &str,
        text: &str,
        reader: impl Fn(&str) -> Result<(Node, usize), (Place, String)>,
    ) -> Result<Document, DocumentError> {
        let result = match text.len() {
            ..=DOCUMENT_BYTES_MAX => reader(text),
            actual => Err((Place::START, format!("{actual} bytes, limit {DOCUMENT_BYTES_MAX}"))),
        };
        let (root, node_count) = result.map_err(|(place, reason)| DocumentError {
            path: path.to_owned(),
            line: place.line,
            column: place.column,
            reason,
        })?;
        Ok(Document { path: path.to_owned(), root, node_count })
    }
}

impl Node {
    /// The value of a key; of one that is given twice the last, as readers of JSON take it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().rev().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Keys and values; nothing when this is not a map.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The values of a list; nothing when this is not one.
    pub(super) fn list(&self) -> &[Node] {
        match &self.value {
            Value::List(nodes) => nodes,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<&str> {
        match &self.value {
            Value::Number(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// Calls `see` for this node and all below it. Nested at most [`NESTING_MAX`] deep.
    pub(super) fn walk<'n>(&'n self, see: &mut impl FnMut(&'n Node)) {
        see(self);
        self.list().iter().for_each(|node| node.walk(see));
        self.entries().iter().for_each(|(_, node)| node.walk(see));
    }

    /// The value on one line, keys in order of names: equal values give equal texts.
    pub(super) fn canonical(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push_str("null"),
            Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
            Value::Number(text) => out.push_str(text),
            Value::Text(text) => quoted(text, out),
            Value::List(nodes) => {
                out.push('[');
                for (index, node) in nodes.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    node.write(out);
                }
                out.push(']');
            }
            Value::Map(entries) => {
                let mut sorted: Vec<&(String, Node)> = entries.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                out.push('{');
                for (index, (key, node)) in sorted.into_iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    quoted(key, out);
                    out.push(':');
                    node.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// A string of JSON in ASCII, so that it may stand in a comment.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}
