//! An expression of the language as data: it can be written, and made smaller.

use std::fmt::Write;

/// The type of an expression. A symbol stands in payloads alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    Bool,
    Int,
    Decimal,
    Duration,
    Instant,
    Zone,
    Symbol,
}

/// What an expression is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A literal or a reference, as written.
    Leaf(String),
    Unary(&'static str, Box<Node>),
    Binary(&'static str, Box<Node>, Box<Node>),
    Choice(Box<Node>, Box<Node>, Box<Node>),
    Call(&'static str, Vec<Node>),
}

/// An expression with its type and the ends of its values, in the type's representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) ty: Ty,
    pub(super) min: i128,
    pub(super) max: i128,
    pub(super) kind: Kind,
}

/// How tightly operators bind, loosest first.
fn binding(operator: &str) -> u8 {
    match operator {
        "||" => 1,
        "&&" => 2,
        "==" | "!=" => 3,
        "<" | "<=" | ">" | ">=" => 4,
        "+" | "-" => 5,
        _ => 6,
    }
}

impl Node {
    pub(super) fn leaf(ty: Ty, text: impl Into<String>, min: i128, max: i128) -> Node {
        Node { ty, min, max, kind: Kind::Leaf(text.into()) }
    }

    /// As source text, with the brackets that it needs and no others.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }

    /// Writes itself where everything that binds looser than `least` needs brackets.
    fn write(&self, text: &mut String, least: u8) {
        let own = match &self.kind {
            Kind::Choice(..) => 0,
            Kind::Binary(operator, ..) => binding(operator),
            Kind::Unary(..) => 7,
            Kind::Leaf(text) if text.starts_with('-') => 7,
            Kind::Leaf(_) | Kind::Call(..) => 8,
        };
        let brackets = own < least;
        if brackets {
            text.push('(');
        }
        match &self.kind {
            Kind::Leaf(leaf) => text.push_str(leaf),
            Kind::Unary(operator, inner) => {
                text.push_str(operator);
                inner.write(text, 8);
            }
            Kind::Binary(operator, left, right) => {
                // Comparisons do not chain, the others group to the left.
                left.write(text, if own == 3 || own == 4 { 5 } else { own });
                let _ = write!(text, " {operator} ");
                right.write(text, if own == 3 || own == 4 { 5 } else { own + 1 });
            }
            Kind::Choice(condition, then, otherwise) => {
                condition.write(text, 1);
                text.push_str(" ? ");
                then.write(text, 1);
                text.push_str(" : ");
                otherwise.write(text, 1);
            }
            Kind::Call(function, operands) => {
                text.push_str(function);
                text.push('(');
                for (index, operand) in operands.iter().enumerate() {
                    if index > 0 {
                        text.push_str(", ");
                    }
                    operand.write(text, 0);
                }
                text.push(')');
            }
        }
        if brackets {
            text.push(')');
        }
    }

    fn children(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Leaf(_) => Vec::new(),
            Kind::Unary(_, inner) => vec![inner],
            Kind::Binary(_, left, right) => vec![left, right],
            Kind::Choice(condition, then, otherwise) => vec![condition, then, otherwise],
            Kind::Call(_, operands) => operands.iter().collect(),
        }
    }

    fn children_mut(&mut self) -> Vec<&mut Node> {
        match &mut self.kind {
            Kind::Leaf(_) => Vec::new(),
            Kind::Unary(_, inner) => vec![inner],
            Kind::Binary(_, left, right) => vec![left, right],
            Kind::Choice(condition, then, otherwise) => vec![condition, then, otherwise],
            Kind::Call(_, operands) => operands.iter_mut().collect(),
        }
    }

    /// Reads a field instead of each named condition that is not known.
    pub(super) fn forget_conditions(&mut self, known: &dyn Fn(&str) -> bool) {
        if let Kind::Leaf(text) = &mut self.kind
            && text.strip_prefix("condition.").is_some_and(|name| !known(name))
        {
            *text = "trigger.elite".to_owned();
        }
        self.children_mut().into_iter().for_each(|child| child.forget_conditions(known));
    }

    /// How many nodes it has.
    pub(super) fn size(&self) -> usize {
        1 + self.children().into_iter().map(Node::size).sum::<usize>()
    }

    /// Smaller expressions of the same type: each node replaced by one of its own operands.
    pub(super) fn smaller(&self) -> Vec<Node> {
        let mut found: Vec<Node> =
            self.children().into_iter().filter(|child| child.ty == self.ty).cloned().collect();
        if self.ty == Ty::Bool && !matches!(self.kind, Kind::Leaf(_)) {
            found.extend(self.children().into_iter().filter(|c| c.ty == Ty::Bool).cloned());
        }
        for (index, child) in self.children().into_iter().enumerate() {
            for less in child.smaller() {
                let mut copy = self.clone();
                if let Some(slot) = copy.children_mut().into_iter().nth(index) {
                    *slot = less;
                }
                found.push(copy);
            }
        }
        found
    }
}
