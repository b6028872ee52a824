//! Where declarations are used, read off the syntax: what nothing uses, and what uses something
//! that is on its way out.

use super::session::{At, Session};
use super::tree::{NodeKind, Tree};

/// What may be declared and used by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Enum,
    Trigger,
    Param,
    Counter,
    Condition,
    Timer,
    Table,
}

impl Kind {
    /// The kind that a block of this name declares.
    pub(super) fn of_block(word: &str) -> Option<Kind> {
        Some(match word {
            "enum" => Kind::Enum,
            "trigger" => Kind::Trigger,
            "param" => Kind::Param,
            "counter" => Kind::Counter,
            "condition" => Kind::Condition,
            "timer" => Kind::Timer,
            "loot_table" => Kind::Table,
            _ => return None,
        })
    }

    /// The block that declares it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Enum => "enum",
            Kind::Trigger => "trigger",
            Kind::Param => "param",
            Kind::Counter => "counter",
            Kind::Condition => "condition",
            Kind::Timer => "timer",
            Kind::Table => "loot_table",
        }
    }
}

/// One place that names a declaration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) at: At,
    /// The block at the top of a file that it stands in.
    pub(super) top: At,
}

/// Every block at the top of a file but tests, with its kind.
pub(super) fn tops<'a>(session: &Session<'a>) -> Vec<(&'a str, At)> {
    let mut tops = Vec::new();
    for file in 0..session.files.len() as u32 {
        for at in session.children(At { file, node: Tree::ROOT }) {
            let word = session.child(at, 0).map_or("", |name| session.text(name));
            if session.kind(at) == NodeKind::Block && word != "test" {
                tops.push((word, at));
            }
        }
    }
    tops
}

/// The value of an attribute of a block.
pub(super) fn attribute(session: &Session<'_>, block: At, name: &str) -> Option<At> {
    session.children(block).into_iter().find_map(|child| {
        let is = session.kind(child) == NodeKind::Attribute
            && session.child(child, 0).is_some_and(|key| session.text(key) == name);
        if is { session.child(child, 1) } else { None }
    })
}

/// Every use in every file, in order. Linear in the sizes of the trees.
pub(super) fn all<'a>(session: &Session<'a>) -> Vec<Use<'a>> {
    let mut walk = Walk { session, found: Vec::new() };
    for (word, top) in tops(session) {
        walk.block(word, top, top);
    }
    walk.found
}

struct Walk<'s, 'a> {
    session: &'s Session<'a>,
    found: Vec<Use<'a>>,
}

impl<'a> Walk<'_, 'a> {
    /// Recursion is bounded by the nesting of blocks and the height of expressions.
    fn block(&mut self, word: &str, at: At, top: At) {
        for child in self.session.children(at) {
            let name = self.session.child(child, 0).map_or("", |name| self.session.text(name));
            match (self.session.kind(child), self.session.child(child, 1)) {
                (NodeKind::Block, _) => self.block(name, child, top),
                (NodeKind::Attribute, Some(value)) => self.attribute(word, name, value, top),
                _ => {}
            }
        }
    }

    fn attribute(&mut self, word: &str, name: &str, value: At, top: At) {
        match (word, name) {
            ("rule" | "counter", "on") => match self.session.text(value).strip_prefix("timer.") {
                Some(timer) => self.add(Kind::Timer, timer, value, top),
                None => self.bare(Kind::Trigger, value, top),
            },
            ("entry" | "emit" | "broadcast", "table") => self.bare(Kind::Table, value, top),
            ("param", "type") => self.type_of(value, top),
            ("trigger", "fields") => {
                for pair in self.session.children(value) {
                    if let Some(ty) = self.session.child(pair, 1) {
                        self.type_of(ty, top);
                    }
                }
            }
            _ => self.expression(value, top),
        }
    }

    fn type_of(&mut self, at: At, top: At) {
        if self.session.kind(at) == NodeKind::Path {
            self.bare(Kind::Enum, at, top);
        }
    }

    fn expression(&mut self, at: At, top: At) {
        match self.session.kind(at) {
            NodeKind::Path => {
                if let Some((prefix, name)) = self.session.text(at).split_once('.')
                    && let kind @ (Kind::Param | Kind::Condition | Kind::Timer) =
                        Kind::of_block(prefix).unwrap_or(Kind::Enum)
                {
                    self.add(kind, name, at, top);
                }
            }
            NodeKind::Call => {
                let parts = self.session.children(at);
                let kind = match parts.first().map_or("", |name| self.session.text(*name)) {
                    "rate" => Some(Kind::Counter),
                    "active" => Some(Kind::Timer),
                    _ => None,
                };
                for &argument in parts.iter().skip(1) {
                    match kind {
                        Some(kind) => self.bare(kind, argument, top),
                        None => self.expression(argument, top),
                    }
                }
            }
            _ => {
                for child in self.session.children(at) {
                    self.expression(child, top);
                }
            }
        }
    }

    /// A name where only one of this kind can stand: `rate(counter.hits)` is let pass.
    fn bare(&mut self, kind: Kind, at: At, top: At) {
        if self.session.kind(at) == NodeKind::Path {
            let text = self.session.text(at);
            let name = text.strip_prefix(kind.word()).and_then(|rest| rest.strip_prefix('.'));
            self.add(kind, name.unwrap_or(text), at, top);
        }
    }

    fn add(&mut self, kind: Kind, name: &'a str, at: At, top: At) {
        self.found.push(Use { kind, name, at, top });
    }
}
