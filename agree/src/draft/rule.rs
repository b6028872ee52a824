//! A rule as data.

use std::fmt::Write;

use super::node::{Node, Ty};

/// Names of payload values; the compiler refuses names that look alike.
const VALUES: [&str; 4] = ["alpha", "bravo", "charlie", "delta"];

/// What an outcome asks for and carries.
#[derive(Clone, Debug)]
pub(super) struct Emit {
    pub(super) broadcast: bool,
    /// Table and count.
    pub(super) loot: Option<(&'static str, Node)>,
    pub(super) values: Vec<Node>,
}

/// `rule "name" { … }`.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) on: &'static str,
    pub(super) when: Option<Node>,
    pub(super) outcomes: Vec<Emit>,
    pub(super) strict: bool,
}

impl Rule {
    /// A rule that every compiler accepts.
    pub(super) fn plain() -> Rule {
        let emit = Emit { broadcast: false, loot: None, values: Vec::new() };
        let outcomes = vec![emit];
        Rule { name: "plain".into(), on: "kill", when: None, outcomes, strict: false }
    }

    /// A rule that asks a named condition.
    pub(super) fn user_of(condition: &str) -> Rule {
        let when = Node::leaf(Ty::Bool, format!("condition.{condition}"), 0, 1);
        Rule { when: Some(when), ..Rule::plain() }
    }

    /// A rule that rolls the table with conditional entries.
    pub(super) fn user_of_loot() -> Rule {
        let count = Node::leaf(Ty::Int, "1", 1, 1);
        let emit = Emit { broadcast: false, loot: Some(("rare", count)), values: Vec::new() };
        Rule { outcomes: vec![emit], ..Rule::plain() }
    }

    pub(super) fn write(&self, text: &mut String) {
        let _ = writeln!(text, "rule \"{}\" {{\n  on = {}", self.name, self.on);
        if let Some(when) = &self.when {
            let _ = writeln!(text, "  when = {}", when.text());
        }
        for (index, outcome) in self.outcomes.iter().enumerate() {
            let verb = if outcome.broadcast { "broadcast" } else { "emit" };
            let label = VALUES.get(index).unwrap_or(&"other");
            let _ = writeln!(text, "  {verb} \"out.{label}\" {{");
            if let Some((table, count)) = &outcome.loot {
                let _ = writeln!(text, "    table = {table}\n    count = {}", count.text());
            }
            for (name, value) in VALUES.iter().zip(&outcome.values) {
                let _ = writeln!(text, "    {name} = {}", value.text());
            }
            text.push_str("  }\n");
        }
        if self.strict {
            text.push_str("  on_fault = \"fail\"\n");
        }
        text.push_str("}\n");
    }

    /// Every expression.
    pub(super) fn nodes_mut(&mut self) -> Vec<&mut Node> {
        let outcomes = self.outcomes.iter_mut().flat_map(|outcome| {
            let count = outcome.loot.iter_mut().map(|(_, count)| count);
            count.chain(&mut outcome.values)
        });
        self.when.iter_mut().chain(outcomes).collect()
    }

    pub(super) fn size(&self) -> usize {
        let values = self.outcomes.iter().flat_map(|outcome| {
            outcome.values.iter().chain(outcome.loot.iter().map(|(_, count)| count))
        });
        let nodes: usize = values.chain(&self.when).map(Node::size).sum();
        1 + self.outcomes.len() + nodes
    }

    pub(super) fn smaller(&self) -> Vec<Rule> {
        let mut found = Vec::new();
        let mut with = |change: &dyn Fn(&mut Rule)| {
            let mut copy = self.clone();
            change(&mut copy);
            found.push(copy);
        };
        if self.when.is_some() {
            with(&|rule| rule.when = None);
        }
        for (at, outcome) in self.outcomes.iter().enumerate() {
            if self.outcomes.len() > 1 {
                with(&|rule| {
                    rule.outcomes.remove(at);
                });
            }
            if outcome.loot.is_some() {
                with(&|rule| rule.outcomes[at].loot = None);
            }
            for value in 0..outcome.values.len() {
                with(&|rule| {
                    rule.outcomes[at].values.remove(value);
                });
            }
        }
        for less in self.when.iter().flat_map(Node::smaller) {
            with(&|rule| rule.when = Some(less.clone()));
        }
        for (at, outcome) in self.outcomes.iter().enumerate() {
            for less in outcome.loot.iter().flat_map(|(_, count)| count.smaller()) {
                with(&|rule| {
                    if let Some((_, count)) = &mut rule.outcomes[at].loot {
                        *count = less.clone();
                    }
                });
            }
            for (value, node) in outcome.values.iter().enumerate() {
                for less in node.smaller() {
                    with(&|rule| rule.outcomes[at].values[value] = less.clone());
                }
            }
        }
        found
    }
}
