//! What a rule set costs in the worst case, known before it runs.
//!
//! A fragment has no branches and no loops, so its worst case is its only case: the proof of the
//! loader counts exactly the instructions that one evaluation executes. *Operations* are what the
//! author can see of that: operators, literals and references of a rule, with the conditions that
//! it names put in their places. Counters cost memory for each player that an evaluator owns.

use crate::emit;
use crate::ir::{Expr, FragmentDef, Program};
use crate::whitelist;

/// Bytes that an evaluator keeps for one counter of one player.
pub const COUNTER_BYTES: u64 = crate::limits::COUNTER_PLAYER_BYTES;

/// What one rule adds to its fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCost {
    /// Its name.
    pub name: String,
    /// Operators, literals and references.
    pub operations: u64,
}

/// What one evaluation of a fragment costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FragmentCost {
    /// `<file stem>/<trigger>`.
    pub name: String,
    /// Operations of all rules and of the conditions of loot entries.
    pub operations: u64,
    /// Instructions that one evaluation executes, always the same number.
    pub instructions: u64,
    /// Bytes of the compiled module.
    pub wasm_bytes: u64,
    /// Rules, the most costly first; equal ones by name.
    pub rules: Vec<RuleCost>,
}

/// What a rule set costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Fragments, the most costly first; equal ones by name.
    pub fragments: Vec<FragmentCost>,
    /// Bytes per player of all counters.
    pub player_bytes: u64,
    /// Names of the counters.
    pub counters: Vec<String>,
}

impl Cost {
    /// The cost of a program. Compiles every fragment: a millisecond for some hundred rules.
    #[must_use]
    pub fn of(program: &Program) -> Cost {
        let mut fragments: Vec<FragmentCost> =
            program.fragments.iter().map(|def| fragment(program, def)).collect();
        fragments.sort_by(|a, b| b.operations.cmp(&a.operations).then(a.name.cmp(&b.name)));
        let counters: Vec<String> =
            program.counters.iter().map(|counter| counter.name.clone()).collect();
        Cost { fragments, player_bytes: counters.len() as u64 * COUNTER_BYTES, counters }
    }
}

/// The cost of one fragment.
#[must_use]
pub fn fragment(program: &Program, def: &FragmentDef) -> FragmentCost {
    let wasm = emit::encode(program, def);
    // A module over a limit of the loader has no proof; building it says which limit.
    let instructions = whitelist::examine(&wasm).map_or(0, |proof| proof.cost);
    let rules = rules(def);
    let masks = def.masks.iter().flat_map(|mask| &mask.entries);
    let masks: u64 = masks.filter(|entry| **entry != Expr::Const(1)).map(operations).sum();
    FragmentCost {
        name: def.name.clone(),
        operations: rules.iter().map(|rule| rule.operations).sum::<u64>() + masks,
        instructions,
        wasm_bytes: wasm.len() as u64,
        rules,
    }
}

/// The rules of a fragment, the most costly first.
fn rules(def: &FragmentDef) -> Vec<RuleCost> {
    let mut rules: Vec<RuleCost> = (def.rules.iter())
        .map(|rule| {
            let outcomes = rule.outcomes.iter().flat_map(|outcome| {
                let count = outcome.loot.iter().map(|loot| &loot.count);
                count.chain(outcome.payload.iter().map(|value| &value.value))
            });
            let operations = operations(&rule.when) + outcomes.map(operations).sum::<u64>();
            RuleCost { name: rule.name.clone(), operations }
        })
        .collect();
    rules.sort_by(|a, b| b.operations.cmp(&a.operations).then(a.name.cmp(&b.name)));
    rules
}

/// Nodes of an expression. Recursion is bounded by the height that the checker allows.
fn operations(expr: &Expr) -> u64 {
    1 + match expr {
        Expr::Const(_)
        | Expr::Field(_)
        | Expr::Param(_)
        | Expr::Rate(_)
        | Expr::Active(_)
        | Expr::Now => 0,
        Expr::Not(a) | Expr::Neg(a) | Expr::Abs(a) => operations(a),
        Expr::Binary(_, a, b) => operations(a) + operations(b),
        Expr::Select(a, b, c) => operations(a) + operations(b) + operations(c),
        Expr::Chance { p, .. } => operations(p),
        Expr::Pick { n, .. } | Expr::Bucket { n, .. } => operations(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::{Source, check};

    fn cost(rules: &str) -> Cost {
        let text = format!(
            "ruleset \"hunt\" {{\n  dialect = 1\n  context = \"hunt@1\"\n}}\ntrigger \"kill\" {{\n  \
             fields = {{ level = int(1, 100) }}\n}}\n{rules}"
        );
        let checked = check(&[Source { name: "a.rules.hcl".to_owned(), text }]);
        Cost::of(&checked.program.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics)))
    }

    #[test]
    fn operations_are_counted_and_the_most_costly_rule_comes_first() {
        let found = cost(
            "rule \"a\" {\n  on = kill\n  when = trigger.level > 5\n  emit \"x\" {}\n}\n\
             rule \"b\" {\n  on = kill\n  when = trigger.level > 5 && trigger.level < 50\n  \
             emit \"x\" { twice = trigger.level * 2 }\n}\n",
        );
        let [fragment] = &found.fragments[..] else { panic!("{found:?}") };
        let rules: Vec<(&str, u64)> =
            fragment.rules.iter().map(|rule| (rule.name.as_str(), rule.operations)).collect();
        assert_eq!(rules, [("b", 10), ("a", 3)]);
        assert_eq!(fragment.operations, 13);
        assert!(fragment.instructions > 13 && fragment.wasm_bytes > 100, "{fragment:?}");
        assert_eq!((found.player_bytes, found.counters.len()), (0, 0));
    }

    #[test]
    fn conditions_count_where_they_are_used_and_counters_count_per_player() {
        let counter = |name: &str| {
            format!("counter \"{name}\" {{\n  on = kill\n  per = player\n  window = \"1m\"\n}}\n")
        };
        let found = cost(&format!(
            "{}{}condition \"c\" {{ when = rate(hits) > 5 }}\nrule \"a\" {{\n  on = kill\n  \
             when = condition.c || rate(more) > trigger.level\n  emit \"x\" {{}}\n}}\n",
            counter("hits"),
            counter("more")
        ));
        assert_eq!(found.fragments[0].rules[0].operations, 7);
        assert_eq!(found.player_bytes, 2 * COUNTER_BYTES);
    }
}
