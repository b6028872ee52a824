//! Where every part of a lowered expression was written: a table beside the program, not in it.
//!
//! A build needs no places, so the program has none and a bundle stays what it is. Explanations and
//! coverage ask for this table, which keeps each expression that was read with its type and with
//! what it became. A condition stands in it once for each place that uses it, as it was lowered
//! there.

use std::collections::BTreeMap;

use super::scope::Rule;
use super::session::{At, Session};
use super::tree::{BinOp, NodeKind, Tree, UnaryOp};
use super::{Scope, Span};
use crate::ir::{Expr, On, Type};

/// Operations of all expressions that are kept, each counted once for every expression that it is a
/// part of. More, and the table is given up: [`Trace::complete`] says so.
pub const TRACE_SIZE_MAX: u64 = 1 << 21;

/// What a part of an expression does with its own parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `a && b`.
    And,
    /// `a || b`.
    Or,
    /// `!a`.
    Not,
    /// `a ? b : c`.
    Choice,
    /// `condition.name`; its part is what the condition says.
    Condition,
    /// Anything else.
    Other,
}

/// A part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands.
    pub span: Span,
    /// What it does.
    pub shape: Shape,
    /// The type of its value.
    pub ty: Type,
    /// What it became.
    pub ir: Expr,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// Whose expression it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A rule's.
    Rule(String),
    /// An entry's `when`: table and entry.
    Entry(String, String),
}

/// One whole expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Whose it is.
    pub owner: Owner,
    /// `when`, or the outcome and the value, for example `credit.coins`.
    pub what: String,
    /// What it is evaluated for.
    pub on: On,
    /// The expression.
    pub root: Part,
}

/// Every expression of a rule set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Rules in order of their files and places, then entries of loot tables.
    pub clauses: Vec<Clause>,
    /// Name and place of each condition's expression.
    pub conditions: Vec<(String, Span)>,
    /// Whether all are there, see [`TRACE_SIZE_MAX`].
    pub complete: bool,
}

type Key = (At, u8, u16);

/// What is recorded while expressions are checked.
pub(super) struct Recorder {
    /// Parts of the expressions that are being read, innermost last.
    open: Vec<Vec<Part>>,
    roots: BTreeMap<Key, Part>,
    size_left: Option<u64>,
}

impl Recorder {
    pub(super) fn new() -> Recorder {
        Recorder { open: Vec::new(), roots: BTreeMap::new(), size_left: Some(TRACE_SIZE_MAX) }
    }

    /// Whether there is room for more.
    pub(super) fn keeps(&self) -> bool {
        self.size_left.is_some()
    }

    pub(super) fn enter(&mut self) {
        self.open.push(Vec::new());
    }

    /// Ends what the last `enter` began.
    pub(super) fn leave(&mut self, at: At, on: Option<On>, part: Option<Part>, size: u32) {
        let parts = self.open.pop().unwrap_or_default();
        self.size_left = self.size_left.and_then(|left| left.checked_sub(size.into()));
        let (Some(mut part), Some(_)) = (part, self.size_left) else { return };
        part.parts = parts;
        match (self.open.last_mut(), on) {
            (Some(siblings), _) => {
                // A text is read again once it is known what it stands for.
                siblings.retain(|known| known.span != part.span);
                siblings.push(part);
            }
            (None, Some(on)) => drop(self.roots.insert(key(at, on), part)),
            (None, None) => {}
        }
    }
}

fn key(at: At, on: On) -> Key {
    match on {
        On::Trigger(index) => (at, 0, index),
        On::Timer(index) => (at, 1, index),
    }
}

/// What a node does, in words of [`Shape`].
pub(super) fn shape(session: &Session<'_>, at: At) -> Shape {
    match session.kind(at) {
        NodeKind::Binary(BinOp::And) => Shape::And,
        NodeKind::Binary(BinOp::Or) => Shape::Or,
        NodeKind::Unary(UnaryOp::Not) => Shape::Not,
        NodeKind::Choice => Shape::Choice,
        NodeKind::Path if session.text(at).starts_with("condition.") => Shape::Condition,
        _ => Shape::Other,
    }
}

/// The table of what was recorded.
pub(super) fn collect(session: &Session<'_>, scope: &Scope, recorder: &Recorder) -> Trace {
    let mut trace = Trace { complete: recorder.size_left.is_some(), ..Trace::default() };
    for condition in &scope.conditions {
        if let Some(when) = condition.when {
            trace.conditions.push((condition.name.clone(), session.span(when)));
        }
    }
    let mut add = |owner: &Owner, what: String, at: At| {
        for ((_, kind, index), part) in recorder.roots.range((at, 0, 0)..=(at, 1, u16::MAX)) {
            let on = if *kind == 0 { On::Trigger(*index) } else { On::Timer(*index) };
            let (owner, what, root) = (owner.clone(), what.clone(), part.clone());
            trace.clauses.push(Clause { owner, what, on, root });
        }
    };
    let rules: BTreeMap<At, &Rule> = scope.rules.iter().map(|rule| (rule.at, rule)).collect();
    for file in 0..session.files.len() as u32 {
        for at in session.children(At { file, node: Tree::ROOT }) {
            let Some(rule) = rules.get(&at) else { continue };
            let owner = Owner::Rule(rule.name.clone());
            for child in session.children(at) {
                match session.kind(child) {
                    NodeKind::Attribute => {
                        let Some(value) = session.child(child, 1) else { continue };
                        let name = session.child(child, 0).map_or("", |name| session.text(name));
                        add(&owner, name.to_owned(), value);
                    }
                    NodeKind::Block => {
                        let label = session.child(child, 1).map(|label| session.string(label));
                        for inner in session.children(child) {
                            let (Some(name), Some(value)) =
                                (session.child(inner, 0), session.child(inner, 1))
                            else {
                                continue;
                            };
                            let label = label.as_deref().unwrap_or("");
                            add(&owner, format!("{label}.{}", session.text(name)), value);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    for table in &scope.tables {
        for entry in &table.entries {
            if let Some(when) = entry.when {
                let owner = Owner::Entry(table.name.clone(), entry.name.clone());
                add(&owner, "when".to_owned(), when);
            }
        }
    }
    trace
}
