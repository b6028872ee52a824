//! What became of each part of a document.

use serde::Serialize;

use super::document::{Document, Node, Value};

/// A line and a column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    pub(super) const START: Place = Place { line: 1, column: 1 };
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is in the rules, and means the same.
    Carried,
    /// It is in the rules in another form, or the game must supply something for it.
    Adapted,
    /// It is not in the rules.
    LeftOut,
}

/// What leaving a part out changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing that players get.
    Nothing,
    /// What an item is like, not whether or how many fall.
    Item,
    /// What falls, how often or how much.
    Odds,
}

impl Effect {
    /// One word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Effect::Nothing => "nothing",
            Effect::Item => "item",
            Effect::Odds => "odds",
        }
    }
}

/// One part of a document and what became of it: a leaf, or a list or map with all that it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The document.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// Where in the document, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The value on one line; the first 200 characters of it.
    pub value: String,
    /// What became of it.
    pub fate: Fate,
    /// What it is in the rules; absent when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why it is not there, or not as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What is different without it; absent when it is in the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
}

/// All items, in order of documents and places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In order of documents and places.
    pub items: Vec<Item>,
    /// Loot tables that were made.
    pub table_count: usize,
    /// Rules that were made.
    pub rule_count: usize,
    /// Parameters that were made.
    pub param_count: usize,
    /// Named conditions that were made.
    pub condition_count: usize,
}

impl Report {
    /// Items with one fate.
    pub fn with(&self, fate: Fate) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.fate == fate)
    }
}

/// What is known of a node so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) fate: Fate,
    pub(super) to: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) effect: Option<Effect>,
}

/// The marks of one document, by node. A mark on a list or a map stands for all that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    marks: Vec<Option<Mark>>,
}

impl Marks {
    pub(super) fn of(document: &Document) -> Marks {
        Marks { marks: vec![None; document.node_count] }
    }

    /// Of two marks the one that tells more of a loss stays, then the first.
    fn set(&mut self, node: &Node, mark: Mark) {
        if let Some(slot) = self.marks.get_mut(node.id)
            && slot.as_ref().is_none_or(|known| known.fate < mark.fate)
        {
            *slot = Some(mark);
        }
    }

    pub(super) fn carried(&mut self, node: &Node, to: impl Into<String>) {
        let to = Some(to.into());
        self.set(node, Mark { fate: Fate::Carried, to, reason: None, hint: None, effect: None });
    }

    pub(super) fn adapted(
        &mut self,
        node: &Node,
        to: impl Into<String>,
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (to, reason, hint) = (Some(to.into()), Some(reason.into()), Some(hint.into()));
        self.set(node, Mark { fate: Fate::Adapted, to, reason, hint, effect: None });
    }

    pub(super) fn left_out(
        &mut self,
        node: &Node,
        effect: Effect,
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (reason, hint) = (Some(reason.into()), Some(hint.into()));
        let mark = Mark { fate: Fate::LeftOut, to: None, reason, hint, effect: Some(effect) };
        self.set(node, mark);
    }

    pub(super) fn get(&self, node: &Node) -> Option<&Mark> {
        self.marks.get(node.id).and_then(Option::as_ref)
    }
}

/// Walks the whole document: what nobody marked is left out, and says so.
pub(super) fn items(document: &Document, marks: &Marks, unknown: &str, into: &mut Vec<Item>) {
    let mut walk = Walk { document, marks, unknown, into };
    walk.node(&document.root, String::new());
}

struct Walk<'a> {
    document: &'a Document,
    marks: &'a Marks,
    /// The reason for what nobody marked.
    unknown: &'a str,
    into: &'a mut Vec<Item>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, pointer: String) {
        if let Some(mark) = self.marks.get(node) {
            let mark = mark.clone();
            return self.item(node, pointer, mark);
        }
        match &node.value {
            Value::List(nodes) if !nodes.is_empty() => {
                for (index, inner) in nodes.iter().enumerate() {
                    self.node(inner, format!("{pointer}/{index}"));
                }
            }
            Value::Map(entries) if !entries.is_empty() => {
                for (index, (key, inner)) in entries.iter().enumerate() {
                    let at = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    if entries.iter().skip(index + 1).any(|(later, _)| later == key) {
                        let mark = unread("the key is given again below, and the last one counts");
                        self.item(inner, at, mark);
                    } else {
                        self.node(inner, at);
                    }
                }
            }
            _ => self.item(node, pointer, unread(self.unknown)),
        }
    }

    fn item(&mut self, node: &Node, pointer: String, mark: Mark) {
        let mut value: String = node.canonical();
        if let Some((end, _)) = value.char_indices().nth(200) {
            value.truncate(end);
            value.push_str("...");
        }
        let Mark { fate, to, reason, hint, effect } = mark;
        let Place { line, column } = node.place;
        let path = self.document.path.clone();
        self.into.push(Item { path, line, column, pointer, value, fate, to, reason, hint, effect });
    }
}

fn unread(reason: &str) -> Mark {
    Mark {
        fate: Fate::LeftOut,
        to: None,
        reason: Some(reason.to_owned()),
        hint: Some("check whether the rules need it".to_owned()),
        effect: Some(Effect::Odds),
    }
}
