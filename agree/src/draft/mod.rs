//! A random rule set as data: written as source text, compiled, and made smaller when it fails.

mod generate;
mod node;
mod rule;

use std::fmt::Write;

use cairn_ruleset::ir::Program;
use cairn_ruleset::lang::{self, Source};
use cairn_ruleset::scope::Scope;

use node::Node;
use rule::Rule;

/// Declarations that every expression may refer to. Their values and rules differ by seed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Blocks before the rules: enum, trigger, parameters, counter, timers, tables, in order.
    blocks: Vec<String>,
    /// Named conditions on the trigger.
    conditions: Vec<(&'static str, Node)>,
    /// Entries of the loot table that have a condition.
    entries: Vec<Node>,
    /// What the tables have beside weights, one bit each; see [`Draft::text`].
    style: u64,
    rules: Vec<Rule>,
}

impl Draft {
    /// The rule set of a seed, compiled. What the compiler refuses (a condition that is constant,
    /// say) is left out rule by rule, so that something is always left.
    pub(crate) fn of(seed: u64) -> (Draft, Program) {
        let draft = generate::draft(seed);
        if let Some(program) = draft.compile() {
            return (draft, program);
        }
        let mut kept = Draft {
            conditions: Vec::new(),
            entries: Vec::new(),
            style: draft.style,
            rules: Vec::new(),
            blocks: draft.blocks.clone(),
        };
        for condition in &draft.conditions {
            kept.conditions.push(condition.clone());
            // A condition is checked where it is used.
            kept.rules.push(Rule::user_of(condition.0));
            if kept.compile().is_none() {
                kept.conditions.pop();
            }
            kept.rules.clear();
        }
        for entry in &draft.entries {
            kept.entries.push(entry.clone());
            kept.rules.push(Rule::user_of_loot());
            if kept.compile().is_none() {
                kept.entries.pop();
            }
            kept.rules.clear();
        }
        for rule in &draft.rules {
            // A rule that asks for a condition that was left out asks for a field instead.
            let known = |name: &str| kept.conditions.iter().any(|(of, _)| *of == name);
            let mut rule = rule.clone();
            rule.nodes_mut().into_iter().for_each(|node| node.forget_conditions(&known));
            kept.rules.push(rule);
            if kept.compile().is_none() {
                kept.rules.pop();
            }
        }
        if kept.rules.is_empty() {
            kept.rules.push(Rule::plain());
        }
        let program = kept.compile().unwrap_or_else(|| {
            panic!(
                "seed {seed}: nothing is left that compiles: {}\n{}",
                kept.refusal(),
                kept.text()
            )
        });
        (kept, program)
    }

    /// The rules of a seed on its trigger, repeated under names of their own until there are `count`
    /// in one fragment; `None` when they do not fit or there are none. Each draws differently.
    pub(crate) fn wide(seed: u64, count: usize) -> Option<(Draft, Program)> {
        let (mut draft, _) = Draft::of(seed);
        let own: Vec<Rule> = draft.rules.iter().filter(|rule| rule.on == "kill").cloned().collect();
        draft.rules.clear();
        for (number, rule) in own.iter().cycle().take(count).enumerate() {
            // Letters that nobody confuses.
            let letter =
                |place: u32| ["a", "b", "c", "d", "e", "f", "g", "h"][(number >> place) & 7];
            let name = format!("r_{}{}{}", letter(6), letter(3), letter(0));
            draft.rules.push(Rule { name, ..rule.clone() });
        }
        let program = draft.compile().filter(|_| draft.rules.len() == count)?;
        Some((draft, program))
    }

    /// Where the games of a seed run.
    pub(crate) fn place(seed: u64) -> Scope {
        generate::place(seed)
    }

    /// How many rules the generator made for a seed.
    pub(crate) fn wanted(seed: u64) -> usize {
        generate::draft(seed).rules.len()
    }

    pub(crate) fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// The program, when the compiler accepts it.
    pub(crate) fn compile(&self) -> Option<Program> {
        lang::check(&[self.source()]).program
    }

    fn source(&self) -> Source {
        Source { name: "random.rules.hcl".into(), text: self.text() }
    }

    fn refusal(&self) -> String {
        format!("{:?}", lang::check(&[self.source()]).diagnostics)
    }

    /// As source text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for block in &self.blocks {
            text.push_str(block);
            text.push('\n');
        }
        for (name, when) in &self.conditions {
            let _ = writeln!(text, "condition \"{name}\" {{ when = {} }}", when.text());
        }
        let has = |bit: u64| self.style >> bit & 1 == 1;
        text.push_str("loot_table \"rare\" {\n");
        if has(0) {
            text.push_str("  rolls = [1, 3]\n");
        }
        if has(1) {
            text.push_str("  entry \"token\" { guaranteed = true }\n");
        }
        text.push_str("  entry \"gold\" { weight = 900 }\n");
        for (entry, when) in ["crown", "gems", "map"].iter().zip(&self.entries) {
            let table = if *entry == "gems" { "\n    table = common" } else { "" };
            let share = if has(2) && *entry == "map" { "guaranteed = true" } else { "weight = 5" };
            let when = when.text();
            let _ = writeln!(
                text,
                "  entry \"{entry}\" {{\n    {share}{table}\n    when = {when}\n  }}"
            );
        }
        if has(3) && !self.entries.is_empty() {
            text.push_str(
                "  pity \"crown\" {\n    after = 20\n    soft_from = 10\n    soft_step = 2\n  }\n",
            );
        }
        text.push_str("}\n");
        for rule in &self.rules {
            rule.write(&mut text);
        }
        text
    }

    /// How large it is, to see that shrinking shrinks.
    pub(crate) fn size(&self) -> usize {
        self.rules.iter().map(Rule::size).sum::<usize>()
            + self.conditions.iter().map(|(_, node)| node.size() + 1).sum::<usize>()
            + self.entries.iter().map(|node| node.size() + 1).sum::<usize>()
    }

    /// Smaller rule sets, the greatest steps first. Not all of them compile.
    pub(crate) fn smaller(&self) -> Vec<Draft> {
        let mut found = Vec::new();
        let mut with = |change: &dyn Fn(&mut Draft)| {
            let mut copy = self.clone();
            change(&mut copy);
            found.push(copy);
        };
        if self.style != 0 {
            with(&|draft| draft.style = 0);
        }
        for index in 0..self.rules.len() {
            with(&|draft| {
                draft.rules.remove(index);
            });
        }
        for index in 0..self.conditions.len() {
            with(&|draft| {
                draft.conditions.remove(index);
            });
        }
        for index in 0..self.entries.len() {
            with(&|draft| {
                draft.entries.remove(index);
            });
        }
        for (index, rule) in self.rules.iter().enumerate() {
            for less in rule.smaller() {
                with(&|draft| draft.rules[index] = less.clone());
            }
        }
        for (index, (_, when)) in self.conditions.iter().enumerate() {
            for less in when.smaller() {
                with(&|draft| draft.conditions[index].1 = less.clone());
            }
        }
        for (index, when) in self.entries.iter().enumerate() {
            for less in when.smaller() {
                with(&|draft| draft.entries[index] = less.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_rolls_guaranteed_entries_and_pities() {
        let mut seen = [0; 4];
        for seed in 0..200 {
            let (_, program) = Draft::of(seed);
            let table = program.tables.iter().find(|table| table.name == "rare").expect("rare");
            seen[0] += usize::from(table.rolls == (1, 3));
            seen[1] += usize::from(table.entries.iter().any(|e| e.guaranteed && !e.conditional));
            seen[2] += usize::from(table.entries.iter().any(|e| e.guaranteed && e.conditional));
            seen[3] += usize::from(!table.pities.is_empty());
        }
        assert!(seen.iter().all(|count| *count >= 10), "{seen:?}");
    }
}
