//! The mapping file: which path of a document is which parameter, weight or condition.

use super::path::Path;
use crate::import::DocumentError;
use crate::import::document::{Document, Node};
use crate::import::number::Exact;
use crate::lang::is_name;

/// Lines of one mapping.
pub const LINE_COUNT_MAX: usize = 1_000;

/// What a line makes of the values that its path fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Param {
        name: String,
        ty: Ty,
        range: Option<(Exact, Exact)>,
        ends: Option<(String, String)>,
        unit: Option<String>,
        doc: Option<String>,
    },
    /// `table.entry`.
    Weight {
        table: String,
        entry: String,
    },
    Condition {
        name: String,
    },
    Ignore {
        why: String,
    },
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    Bool,
    Int,
    Decimal,
    Duration,
}

/// One entry of the mapping's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) path: Path,
    pub(super) what: What,
    /// Its number in the list, from 0.
    pub(super) index: usize,
    pub(super) node: Node,
}

/// A mapping that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) path: String,
    /// Where the trigger stands, its name, its fields with their types.
    pub(super) trigger: Option<(String, Vec<(String, String)>)>,
    pub(super) enums: Vec<(String, Vec<String>)>,
    pub(super) lines: Vec<Line>,
}

/// Reads a mapping, or says everything that is wrong with it.
pub(super) fn read(path: &str, text: &str) -> Result<Mapping, Vec<DocumentError>> {
    let document = Document::any(path, text).map_err(|error| vec![error])?;
    let mut reader = Reader { path, errors: Vec::new() };
    let mapping = reader.mapping(&document.root);
    match reader.errors.is_empty() {
        true => Ok(mapping),
        false => Err(reader.errors),
    }
}

struct Reader<'p> {
    path: &'p str,
    errors: Vec<DocumentError>,
}

impl Reader<'_> {
    fn wrong(&mut self, node: &Node, reason: impl Into<String>) {
        let (path, place) = (self.path.to_owned(), node.place);
        let (line, column, reason) = (place.line, place.column, reason.into());
        self.errors.push(DocumentError { path, line, column, reason });
    }

    fn only(&mut self, node: &Node, known: &[&str]) {
        if !node.is_map() {
            self.wrong(node, format!("a map with {} belongs here", known.join(", ")));
        }
        for (key, value) in node.entries() {
            if !known.contains(&key.as_str()) {
                let key: String = key.chars().take(40).collect();
                self.wrong(value, format!("`{key}` is not one of {}", known.join(", ")));
            }
        }
    }

    /// The text of a key that need not be there.
    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key)?;
        match value.text() {
            Some(text) if text.len() <= 200 => Some(text.to_owned()),
            _ => {
                self.wrong(value, format!("`{key}` is a text of at most 200 bytes"));
                None
            }
        }
    }

    fn mapping(&mut self, root: &Node) -> Mapping {
        self.only(root, &["trigger", "enums", "map"]);
        let mut mapping = Mapping {
            path: self.path.to_owned(),
            trigger: None,
            enums: Vec::new(),
            lines: Vec::new(),
        };
        if let Some(trigger) = root.get("trigger") {
            self.only(trigger, &["name", "fields"]);
            let name = self.text(trigger, "name").unwrap_or_default();
            if !is_name(&name) {
                self.wrong(trigger, "a trigger has a `name` of a-z, 0-9 and `_`");
            }
            let mut fields = Vec::new();
            for (field, ty) in trigger.get("fields").map_or(&[][..], Node::entries) {
                match ty.text().filter(|_| is_name(field)) {
                    Some(ty) if sound_type(ty) => fields.push((field.clone(), ty.to_owned())),
                    _ => {
                        self.wrong(ty, "a field is a name and its type, such as level: int(1, 100)")
                    }
                }
            }
            mapping.trigger = Some((name, fields));
        }
        for (name, values) in root.get("enums").map_or(&[][..], Node::entries) {
            let all: Option<Vec<String>> =
                values.list().iter().map(|value| value.text().map(str::to_owned)).collect();
            match all
                .filter(|all| is_name(name) && !all.is_empty() && all.iter().all(|v| is_name(v)))
            {
                Some(all) => mapping.enums.push((name.clone(), all)),
                None => self.wrong(values, "an enum is a name and a list of names"),
            }
        }
        match root.get("map") {
            Some(list) if list.is_list() && list.list().len() <= LINE_COUNT_MAX => {
                for (index, node) in list.list().iter().enumerate() {
                    mapping.lines.extend(self.line(index, node));
                }
            }
            Some(list) => {
                self.wrong(list, format!("`map` is a list of at most {LINE_COUNT_MAX} lines"))
            }
            None => self.wrong(root, "a mapping has a list `map`"),
        }
        mapping
    }

    fn line(&mut self, index: usize, node: &Node) -> Option<Line> {
        let text = self.text(node, "path").unwrap_or_default();
        let Some(path) = Path::parse(&text).filter(|path| path.any_count() <= 1) else {
            let form = "a line has a `path` such as spawn.*.rate, with at most one `**`";
            self.wrong(node, form);
            return None;
        };
        let kinds = ["param", "weight", "condition", "ignore"];
        let given: Vec<&str> = kinds.into_iter().filter(|kind| node.get(kind).is_some()).collect();
        let [kind] = given[..] else {
            self.wrong(node, "a line says one of param, weight, condition, ignore");
            return None;
        };
        let name = self.text(node, kind)?;
        let what = match kind {
            "param" => {
                self.only(node, &["path", "param", "type", "range", "unit", "doc"]);
                self.param(node, name)?
            }
            "weight" => {
                self.only(node, &["path", "weight"]);
                let Some((table, entry)) = name.split_once('.') else {
                    self.wrong(node, "`weight` names a table and an entry, such as \"{1}.{2}\"");
                    return None;
                };
                What::Weight { table: table.to_owned(), entry: entry.to_owned() }
            }
            "condition" => {
                self.only(node, &["path", "condition"]);
                What::Condition { name }
            }
            _ => {
                self.only(node, &["path", "ignore"]);
                What::Ignore { why: name }
            }
        };
        Some(Line { path, what, index, node: node.clone() })
    }

    fn param(&mut self, node: &Node, name: String) -> Option<What> {
        let ty = match self.text(node, "type").as_deref() {
            Some("bool") => Ty::Bool,
            Some("int") => Ty::Int,
            Some("decimal") => Ty::Decimal,
            Some("duration") => Ty::Duration,
            _ => {
                self.wrong(node, "a param has a `type`: bool, int, decimal or duration");
                return None;
            }
        };
        let ends: Option<Vec<&Node>> = node.get("range").map(|range| range.list().iter().collect());
        let (mut range, mut written) = (None, None);
        match (ty, ends.as_deref()) {
            (Ty::Bool, None) => {}
            (Ty::Int | Ty::Decimal, Some([low, high])) => {
                let exact = |node: &Node| Exact::parse(node.number()?).ok();
                match (exact(low), exact(high)) {
                    (Some(low), Some(high)) => range = Some((low, high)),
                    _ => self.wrong(node, "the ends of a range are numbers"),
                }
            }
            (Ty::Duration, Some([low, high])) => match (low.text(), high.text()) {
                (Some(low), Some(high)) => written = Some((low.to_owned(), high.to_owned())),
                _ => self.wrong(node, "the ends of a duration's range are texts such as \"90s\""),
            },
            (Ty::Bool, Some(_)) => self.wrong(node, "a bool has no range"),
            _ => self.wrong(node, "a param that is not a bool has a `range` of two ends"),
        }
        let (unit, doc) = (self.text(node, "unit"), self.text(node, "doc"));
        Some(What::Param { name, ty, range, ends: written, unit, doc })
    }
}

/// Of the characters that types are written in: nothing that could end the line it stands on.
fn sound_type(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " _(),.-\"".contains(c))
}
