//! What rules cost, for people and for programs.

use cairn_ruleset::cost::{Cost, FragmentCost};
use serde::Serialize;

use crate::diagnostics::plural;

/// Rules listed for each fragment, the most costly first; JSON has them all.
const RULE_COUNT_MAX: usize = 5;

/// The cost of a rule set as JSON.
#[derive(Debug, Serialize)]
pub struct Bill {
    fragments: Vec<FragmentBill>,
    player_bytes: u64,
    counters: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FragmentBill {
    name: String,
    operations: u64,
    instructions: u64,
    wasm_bytes: u64,
    rules: Vec<RuleBill>,
}

#[derive(Debug, Serialize)]
struct RuleBill {
    name: String,
    operations: u64,
}

impl Bill {
    /// The same numbers, in the words of the API.
    pub fn of(cost: &Cost) -> Bill {
        let fragments = cost.fragments.iter().map(|fragment| FragmentBill {
            name: fragment.name.clone(),
            operations: fragment.operations,
            instructions: fragment.instructions,
            wasm_bytes: fragment.wasm_bytes,
            rules: (fragment.rules.iter())
                .map(|rule| RuleBill { name: rule.name.clone(), operations: rule.operations })
                .collect(),
        });
        Bill {
            fragments: fragments.collect(),
            player_bytes: cost.player_bytes,
            counters: cost.counters.clone(),
        }
    }
}

/// One line: the most costly fragment, all bytes, and memory per player.
pub fn summary(cost: &Cost) -> String {
    let bytes: u64 = cost.fragments.iter().map(|fragment| fragment.wasm_bytes).sum();
    let worst = cost.fragments.first().map_or_else(String::new, |fragment| {
        format!(
            "at most {} ({} instructions) an evaluation in {}, ",
            plural(fragment.operations as usize, "operation"),
            fragment.instructions,
            fragment.name
        )
    });
    format!("cost: {worst}{bytes} bytes of code, {} bytes per player", cost.player_bytes)
}

/// Every fragment, the most costly first, with its most costly rules.
pub fn table(cost: &Cost) -> String {
    let header = ["FRAGMENT / RULE", "OPERATIONS", "INSTRUCTIONS", "BYTES"].map(str::to_owned);
    let mut rows = vec![header];
    for fragment in &cost.fragments {
        rows.push([
            fragment.name.clone(),
            fragment.operations.to_string(),
            fragment.instructions.to_string(),
            fragment.wasm_bytes.to_string(),
        ]);
        rows.extend(contributors(fragment));
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 4] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let lines = rows.iter().map(|[name, operations, instructions, bytes]| {
        let [a, b, c, d] = widths;
        format!("{name:<a$}  {operations:>b$}  {instructions:>c$}  {bytes:>d$}")
            .trim_end()
            .to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn contributors(fragment: &FragmentCost) -> Vec<[String; 4]> {
    let row = |name: String, operations: u64| {
        [format!("  {name}"), operations.to_string(), String::new(), String::new()]
    };
    let mut rows: Vec<[String; 4]> = (fragment.rules.iter())
        .take(RULE_COUNT_MAX)
        .map(|rule| row(rule.name.clone(), rule.operations))
        .collect();
    let rest = fragment.rules.get(RULE_COUNT_MAX..).unwrap_or(&[]);
    if !rest.is_empty() {
        let operations = rest.iter().map(|rule| rule.operations).sum();
        rows.push(row(format!("and {} more", plural(rest.len(), "rule")), operations));
    }
    let rules: u64 = fragment.rules.iter().map(|rule| rule.operations).sum();
    let entries = fragment.operations.saturating_sub(rules);
    if entries > 0 {
        rows.push(row("conditions of loot entries".to_owned(), entries));
    }
    rows
}
