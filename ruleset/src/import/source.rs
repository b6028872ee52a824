//! Declarations to be written, and how they read.

use std::fmt::Write as _;

/// What an entry gives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gives {
    /// An item, by its name here.
    Item(String),
    /// Rolls on a table, by its name here.
    Table(String),
    /// Rolls on the table of another document, by its index.
    Document(usize),
}

/// An entry as it will stand in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) gives: Gives,
    /// Absent for a guaranteed one.
    pub(super) weight: Option<u64>,
    pub(super) count: (u32, u32),
    /// An expression.
    pub(super) when: Option<String>,
    /// The trigger's fields in it.
    pub(super) fields: Vec<String>,
}

/// A loot table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) rolls: (u32, u32),
    pub(super) entries: Vec<Entry>,
}

/// A rule that gives loot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) when: Option<String>,
    pub(super) tables: Vec<Gives>,
}

/// Text that may stand in a comment: one line of printable ASCII.
pub(super) fn remark(text: &str) -> String {
    let shown = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
    text.chars().take(300).map(shown).collect()
}

pub(super) fn ruleset(out: &mut String, name: &str, context: &str) {
    let _ = writeln!(out, "ruleset \"{name}\" {{\n  dialect = 1\n  context = \"{context}\"\n}}\n");
}

/// Fields with their types, each with a remark above it when there is one.
pub(super) fn trigger(out: &mut String, name: &str, fields: &[(String, String, Option<String>)]) {
    if fields.is_empty() {
        let _ = writeln!(out, "trigger \"{name}\" {{ fields = {{}} }}\n");
        return;
    }
    let _ = writeln!(out, "trigger \"{name}\" {{\n  fields = {{");
    for (field, ty, above) in fields {
        if let Some(above) = above {
            let _ = writeln!(out, "    # {}", remark(above));
        }
        let _ = writeln!(out, "    {field} = {ty}");
    }
    let _ = writeln!(out, "  }}\n}}\n");
}

/// A table; `label` gives each entry its label in this table.
pub(super) fn table(out: &mut String, table: &Table, mut label: impl FnMut(&str) -> String) {
    let _ = writeln!(out, "loot_table \"{}\" {{", table.name);
    if table.rolls != (1, 1) {
        let _ = writeln!(out, "  rolls = {}", range(table.rolls));
    }
    for entry in &table.entries {
        let wanted = match &entry.gives {
            Gives::Item(name) | Gives::Table(name) => name.as_str(),
            Gives::Document(_) => "nothing",
        };
        let label = label(wanted);
        let mut lines = Vec::new();
        match entry.weight {
            Some(weight) => lines.push(format!("weight = {weight}")),
            None => lines.push("guaranteed = true".to_owned()),
        }
        match &entry.gives {
            Gives::Item(item) if *item != label => lines.push(format!("item = \"{item}\"")),
            Gives::Table(table) => lines.push(format!("table = {table}")),
            _ => {}
        }
        if entry.count != (1, 1) {
            lines.push(format!("count = {}", range(entry.count)));
        }
        if let Some(when) = &entry.when {
            lines.push(format!("when = {when}"));
        }
        match &lines[..] {
            [line] => {
                let _ = writeln!(out, "  entry \"{label}\" {{ {line} }}");
            }
            lines => {
                let _ = writeln!(out, "  entry \"{label}\" {{");
                for line in lines {
                    let _ = writeln!(out, "    {line}");
                }
                let _ = writeln!(out, "  }}");
            }
        }
    }
    let _ = writeln!(out, "}}\n");
}

pub(super) fn rule(out: &mut String, rule: &Rule, trigger: &str) {
    let _ = writeln!(out, "rule \"{}\" {{\n  on = {trigger}", rule.name);
    if let Some(when) = &rule.when {
        let _ = writeln!(out, "  when = {when}");
    }
    for gives in &rule.tables {
        if let Gives::Table(table) = gives {
            let _ = writeln!(out, "  emit \"loot\" {{\n    table = {table}\n    count = 1\n  }}");
        }
    }
    let _ = writeln!(out, "}}\n");
}

fn range((few, many): (u32, u32)) -> String {
    match few == many {
        true => few.to_string(),
        false => format!("[{few}, {many}]"),
    }
}
