//! Budgets: at N nothing is said, at one more an error marks who costs most.

#![cfg(feature = "compile")]

use cairn_ruleset::cost::{COUNTER_BYTES, Cost};
use cairn_ruleset::lang::{Checked, Source, check, line_col};

fn text(budget: &str) -> String {
    format!(
        r#"ruleset "hunt" {{
  dialect = 1
  context = "hunt@1"
  budget {{
    {budget}
  }}
}}
trigger "kill" {{
  fields = {{ level = int(1, 100) }}
}}
counter "kills" {{
  on     = kill
  per    = player
  window = "1h"
}}
rule "small" {{
  on   = kill
  when = rate(kills) < 10
  emit "drop" {{}}
}}
rule "large" {{
  on   = kill
  when = trigger.level > 5 && trigger.level < 50
  emit "drop" {{ twice = trigger.level * 2 }}
}}
"#
    )
}

fn run(budget: &str) -> Checked {
    check(&[Source { name: "a.rules.hcl".to_owned(), text: text(budget) }])
}

#[test]
fn a_budget_holds_at_n_and_not_at_one_less() {
    let program = run("").program.unwrap();
    let cost = Cost::of(&program);
    let fragment = &cost.fragments[0];
    for (name, actual) in [
        ("fragment_operations", fragment.operations),
        ("fragment_bytes", fragment.wasm_bytes),
        ("player_bytes", cost.player_bytes),
    ] {
        assert_eq!(run(&format!("{name} = {actual}")).diagnostics, [], "{name}");
        let less = format!("{name} = {}", actual - 1);
        let over = run(&less);
        let [found] = &over.diagnostics[..] else { panic!("{name}: {over:?}") };
        assert_eq!(found.code.to_string(), "C1001");
        assert!(found.message.contains(&actual.to_string()), "{}", found.message);
        assert_eq!(line_col(&text(&less), found.span.start).0, 5);
    }
    assert_eq!(cost.player_bytes, COUNTER_BYTES);
}

#[test]
fn the_most_costly_rules_are_marked_the_most_costly_first() {
    let over = run("fragment_operations = 1");
    let source = text("fragment_operations = 1");
    let labels: Vec<(u32, &str)> = (over.diagnostics[0].labels.iter())
        .map(|(span, note)| (line_col(&source, span.start).0, note.as_str()))
        .collect();
    assert_eq!(labels, [(21, "10 operations"), (16, "3 operations")]);
}

#[test]
fn every_fragment_over_budget_is_named() {
    let other = "trigger \"loot\" {\n  fields = {}\n}\nrule \"more\" {\n  on = loot\n  emit \"drop\" {}\n}\n";
    let sources =
        [("a", text("fragment_bytes = 1\n    fragment_operations = 0")), ("b", other.into())];
    let sources = sources.map(|(name, text)| Source { name: format!("{name}.rules.hcl"), text });
    let over = check(&sources);
    let found: Vec<(u32, &str)> = (over.errors())
        .map(|error| {
            let (fragment, _) = error.message.split_once(" takes ").unwrap();
            (line_col(&sources[0].text, error.span.start).0, fragment)
        })
        .collect();
    let [kill, loot] = ["the fragment a/kill", "the fragment b/loot"];
    assert_eq!(found, [(5, kill), (5, loot), (6, kill), (6, loot)]);
}

#[test]
fn a_budget_is_a_number_and_stands_once_in_its_block() {
    for (budget, code) in [
        ("player_bytes = -1", "C0609"),
        ("player_bytes = \"much\"", "C0307"),
        ("player_byte = 100", "C0304"),
        ("player_bytes = 100\n  }\n  budget {\n    player_bytes = 100", "C0305"),
    ] {
        let codes: Vec<String> =
            run(budget).diagnostics.iter().map(|found| found.code.to_string()).collect();
        assert_eq!(codes, [code], "{budget}");
    }
}
