//! Explanations and coverage: places, values, and which part decided.

use super::{BASE, source};
use crate::cases::{self, Coverage, Kind};
use crate::context::ContextView;
use crate::explain::{Explained, explain};
use crate::lang::{Owner, Source, Trace, check, check_with_trace, line_col};
use crate::meta::FragmentMeta;

const RULES: &str = r#"condition "strong" { when = trigger.level >= 40 || trigger.flag }
rule "prize" {
  on   = kill
  when = condition.strong && !(trigger.zone == "crypt")
  emit "prize" { gold = trigger.bonus > 1.5 ? trigger.level * param.factor : 7 }
}
rule "again" {
  on   = kill
  when = condition.strong && trigger.level < 90 && trigger.level > 5
  emit "prize" {}
}
"#;

fn sources(tests: &str) -> Vec<Source> {
    vec![
        source("a_base.rules.hcl", BASE),
        source("b.rules.hcl", RULES),
        source("c.test.hcl", tests),
    ]
}

fn test(name: &str, trigger: &str) -> String {
    format!("test \"{name}\" {{\n  on = kill\n  trigger = {trigger}\n  fired_exactly = []\n}}\n")
}

/// The expression `what` of `prize` under a test's inputs.
fn explained(trigger: &str, what: &str) -> Explained {
    let sources = sources(&test("t", trigger));
    let tested = check_with_trace(&sources);
    let (program, trace) = (tested.checked.program.unwrap(), tested.trace.unwrap());
    let owner = Owner::Rule("prize".to_owned());
    let clause = trace.clauses.iter().find(|c| c.owner == owner && c.what == what).unwrap();
    let fragment = program.fragments.iter().find(|def| def.on == clause.on).unwrap();
    let meta = FragmentMeta::of(&program, fragment);
    let bytes = cases::context(&program, &tested.cases[0]);
    let view = ContextView::new(&bytes, meta.slots()).unwrap();
    let page = cases::params(&program, &tested.cases[0]);
    explain(&program, &meta, &clause.root, &view, &page).unwrap()
}

/// `line: words is value` of every part that decides at the bottom.
fn deciding(trigger: &str) -> Vec<String> {
    let root = explained(trigger, "when");
    let line = |part: &Explained| {
        let (start, end) = (part.span.start as usize, part.span.end as usize);
        let (line, _) = line_col(RULES, part.span.start);
        format!("{line}: {} is {}", &RULES[start..end], part.value)
    };
    root.deciding().into_iter().map(line).collect()
}

#[test]
fn what_decided_is_named_with_its_line() {
    assert_eq!(
        deciding("{ level = 39, zone = \"meadow\" }"),
        ["1: trigger.level >= 40 is false", "1: trigger.flag is false"]
    );
    assert_eq!(
        deciding("{ level = 40, zone = \"crypt\" }"),
        ["4: trigger.zone == \"crypt\" is true"]
    );
    assert_eq!(
        deciding("{ level = 40, zone = \"meadow\" }"),
        ["1: trigger.level >= 40 is true", "4: trigger.zone == \"crypt\" is false"]
    );
    assert_eq!(
        deciding("{ level = 1, flag = true, zone = \"meadow\" }"),
        ["1: trigger.flag is true", "4: trigger.zone == \"crypt\" is false"]
    );
}

#[test]
fn values_are_in_the_designers_words_and_an_arm_that_was_not_chosen_decides_nothing() {
    let root = explained("{ level = 40, bonus = 2.25 }", "prize.gold");
    assert_eq!((root.raw, root.value.as_str(), root.decides), (200, "200", true));
    let [condition, then, otherwise] = &root.parts[..] else { panic!("{root:?}") };
    assert_eq!((condition.value.as_str(), condition.decides), ("true", true));
    assert_eq!(condition.parts[0].value, "2.25");
    assert!(condition.parts[1].literal && condition.parts[1].value == "1.5");
    assert_eq!((then.raw, then.decides, otherwise.raw, otherwise.decides), (200, true, 7, false));
    let zone = explained("{ level = 40, zone = \"crypt\" }", "when");
    assert_eq!(zone.parts[1].parts[0].parts[0].value, "crypt");
}

/// The table says what the program does: each root is the rule's own expression, and asking for
/// the table changes no program.
#[test]
fn the_table_is_beside_the_program_and_agrees_with_it() {
    let sources = sources("");
    let tested = check_with_trace(&sources);
    let program = tested.checked.program.unwrap();
    assert_eq!(check(&sources).program.as_ref(), Some(&program));
    let trace: Trace = tested.trace.unwrap();
    assert!(trace.complete);
    for fragment in &program.fragments {
        for rule in &fragment.rules {
            let owner = Owner::Rule(rule.name.clone());
            let clause = trace.clauses.iter().find(|c| c.owner == owner && c.what == "when");
            assert_eq!(clause.unwrap().root.ir, rule.when, "{}", rule.name);
        }
    }
    // Sources with an error have none.
    let mut broken = sources;
    broken[1].text = RULES.replace("factor", "factro");
    assert!(check_with_trace(&broken).trace.is_none());
}

#[test]
fn coverage_counts_sides_arms_and_wholes_each_way() {
    let seen = |tests: &str| {
        let tested = check_with_trace(&sources(tests));
        let (program, trace) = (tested.checked.program.unwrap(), tested.trace.unwrap());
        let mut coverage = Coverage::new(&program, &trace);
        for case in &tested.cases {
            coverage.see(&program, case).unwrap();
        }
        coverage
    };
    let none = seen("");
    // prize: when, two sides, two sides of the condition, the choice; again: when, three sides of
    // one chain, two of the condition.
    assert_eq!(none.seen(), (0, 2 * 12));
    assert_eq!(none.clauses.iter().filter(|clause| clause.kind == Kind::Whole).count(), 2);
    assert_eq!(none.clauses.iter().filter(|clause| clause.kind == Kind::Choice).count(), 1);
    let one = seen(&test("a", "{ level = 40, bonus = 2.0 }"));
    assert_eq!(one.seen(), (12, 24));
    let two = test("a", "{ level = 40, bonus = 2.0 }")
        + &test("b", "{ level = 3, zone = \"crypt\" }")
        + &test("c", "{ level = 95, flag = true }");
    assert_eq!(seen(&two).seen(), (24, 24));
    let lacks = seen(&(test("a", "{ level = 40 }") + &test("b", "{ level = 3 }")));
    let missing: Vec<(&str, u32)> = (lacks.clauses.iter())
        .filter(|clause| clause.trues == 0 || clause.falses == 0)
        .map(|clause| (clause.owner.as_str(), line_col(RULES, clause.span.start).0))
        .collect();
    assert_eq!(missing, [("prize", 1), ("prize", 4), ("prize", 5), ("again", 1), ("again", 9)]);
}
