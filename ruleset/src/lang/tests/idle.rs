//! What no rule uses is judged for the triggers that fit, whatever stands before it and in which order.

use super::{BASE, Code, check, line_col, source};

const DEPTHS: &str = r#"enum "ore" { values = ["iron", "gold"] }
trigger "dig" {
  fields = { depth = int(1, 10), of = ore }
}
trigger "dive" {
  fields = { depth = int(1, 100), of = int(1, 5) }
}
trigger "wade" {
  fields = { depth = int(1, 5), alone = bool }
}
"#;

/// What is found beside [`DEPTHS`], with lines counted from 1.
fn at_depth(text: &str) -> Vec<String> {
    beside_triggers(DEPTHS, text)
}

fn beside_triggers(triggers: &str, text: &str) -> Vec<String> {
    let lines = triggers.lines().count();
    let blank = "\n".repeat(lines);
    let checked = super::check(&[
        source("a_base.rules.hcl", BASE),
        source("b.rules.hcl", triggers),
        source("c.rules.hcl", &format!("{blank}{text}")),
    ]);
    let found = checked.diagnostics.iter().filter(|found| found.code != Code::Unused);
    found
        .map(|found| {
            let (line, column) = line_col(&format!("{blank}{text}"), found.span.start);
            format!("{} {}:{column}", found.code, line as usize - lines)
        })
        .collect()
}

#[test]
fn what_no_rule_uses_is_wrong_only_if_it_is_for_every_trigger_that_fits() {
    for (text, expected) in [
        // Always true when digging, not when diving.
        ("condition \"low\" { when = trigger.depth <= 10 }", &[][..]),
        (
            "condition \"low\" { when = trigger.depth <= 10 }\ncondition \"a\" { when = condition.low && trigger.depth > 2 }",
            &[],
        ),
        ("condition \"deep\" { when = trigger.depth > 10 && trigger.depth < 20 }", &[]),
        // Of another enum when digging.
        ("condition \"red\" { when = trigger.of == \"gold\" }", &[]),
        (
            "loot_table \"t\" {\n  entry \"a\" {\n    weight = 1\n    when = trigger.depth > 10\n  }\n  entry \"b\" { weight = 1 }\n}",
            &[],
        ),
        // A clause decides nothing for digging alone.
        ("condition \"c\" { when = trigger.depth <= 10 || trigger.depth > 90 }", &[]),
        ("condition \"c\" { when = trigger.depth <= 100 }", &["C0606 1:24"]),
        ("condition \"c\" { when = trigger.depth > 100 }", &["C0607 1:24"]),
        // A field that has another type for each trigger is known once a rule says which it means.
        ("condition \"c\" { when = trigger.depth > 10 && trigger.of == \"gold\" }", &[]),
        ("condition \"c\" { when = trigger.depth + trigger.of > 3 }", &[]),
        ("condition \"c\" { when = trigger.depth + param.nope > 3 }", &["C0405 1:40"]),
        // Wrong for the values that all of them allow, and for some that only one does.
        ("condition \"c\" { when = 10 / (trigger.depth - 3) > 1 }", &["C0602 1:30"]),
        ("condition \"c\" { when = 10 / (trigger.depth - 30) > 1 }", &[]),
        (
            "loot_table \"t\" {\n  entry \"a\" {\n    weight = 1\n    when = trigger.depth > 100\n  }\n  entry \"b\" { weight = 1 }\n}",
            &["C0607 4:12"],
        ),
        // One that only another names, which fits fewer triggers and is never true for those.
        (
            "condition \"a\" { when = condition.deep && trigger.alone }\ncondition \"deep\" { when = trigger.depth <= 100 }",
            &["C0606 2:27"],
        ),
        (
            "condition \"a\" { when = condition.low && trigger.alone }\ncondition \"low\" { when = trigger.depth > 10 }",
            &["C0607 1:24"],
        ),
        (
            "condition \"low\" { when = trigger.depth > 10 }\ncondition \"a\" { when = condition.low && trigger.alone }",
            &["C0607 2:24"],
        ),
        // Wrong when digging, always true when diving: no rule says for which it is meant.
        (
            "condition \"red\" { when = trigger.of >= 1 }\ncondition \"a\" { when = condition.red && trigger.depth > 3 }",
            &[],
        ),
        (
            "condition \"red\" { when = trigger.of >= 1 }\ncondition \"a\" { when = condition.red && trigger.depth > 5 }\nrule \"r\" {\n  on = dive\n  when = condition.red && trigger.depth > 3\n  emit \"e\" {}\n}",
            &["C0606 1:26"],
        ),
        ("condition \"a\" { when = trigger.of >= 1 && trigger.depth > 5 }", &[]),
        // Right when digging, where what it names is constant.
        (
            "condition \"a\" { when = condition.low && trigger.of == \"gold\" }\ncondition \"low\" { when = trigger.depth <= 10 }",
            &[],
        ),
        (
            "condition \"low\" { when = trigger.depth <= 10 }\ncondition \"a\" { when = condition.low && trigger.of == \"gold\" }",
            &[],
        ),
        (
            "condition \"a\" { when = condition.any && trigger.of == \"gold\" }\ncondition \"any\" { when = trigger.depth <= 100 }",
            &["C0606 2:26"],
        ),
        // Named by what cannot have its name.
        (
            "condition \"low\" { when = trigger.depth <= 10 }\ncondition \"c\" { when = trigger.depth > 50 }\ncondition \"c\" { when = condition.low ? trigger.depth > 2 : trigger.depth > 5 }",
            &["C0403 3:11"],
        ),
        // What no rule uses says nothing of what rules use.
        (
            "condition \"low\" { when = trigger.depth <= 10 }\ncondition \"a\" { when = condition.low ? trigger.depth > 2 : trigger.depth > 5 }\nrule \"r\" {\n  on = dig\n  when = condition.low && trigger.of == \"gold\"\n  emit \"e\" {}\n}",
            &["C0606 1:26"],
        ),
        // What a rule uses is judged by what it uses it for.
        (
            "condition \"low\" { when = trigger.depth <= 10 }\nrule \"r\" {\n  on = dig\n  when = condition.low\n  emit \"e\" {}\n}",
            &["C0606 1:26"],
        ),
        (
            "condition \"low\" { when = trigger.depth <= 10 }\nrule \"r\" {\n  on = dig\n  when = condition.low\n  emit \"e\" {}\n}\nrule \"s\" {\n  on = dive\n  when = condition.low\n  emit \"e\" {}\n}",
            &["C0606 4:10"],
        ),
    ] {
        assert_eq!(at_depth(text), *expected, "{text}");
        // Which trigger comes first says nothing.
        let mut blocks: Vec<&str> = DEPTHS.split_inclusive("}\n}\n").collect();
        blocks.reverse();
        assert_eq!(beside_triggers(&blocks.concat(), text), at_depth(text), "{text}");
    }
}

/// Codes of what is found in `text` beside a rule set's head, other than what is not used.
fn codes(text: &str) -> Vec<String> {
    let head = "ruleset \"r\" {\n  dialect = 1\n  context = \"r@1\"\n}\n";
    let checked = check(&[source("a.rules.hcl", &format!("{head}{text}"))]);
    let found = checked.diagnostics.iter().filter(|found| found.code != Code::Unused);
    found.map(|found| found.code.to_string()).collect()
}

#[test]
fn the_order_of_triggers_and_conditions_decides_nothing() {
    for (parts, expected) in [
        // Of another type for each trigger; wrong for one, constant for the other.
        (
            &[
                "enum \"gem\" { values = [\"ruby\", \"opal\"] }\n",
                "trigger \"dive\" { fields = { bb = int(1, 10) } }\n",
                "trigger \"dig\" { fields = { bb = gem } }\n",
                "condition \"cx\" { when = trigger.bb >= 1 }\n",
                "condition \"cy\" { when = condition.cx }\n",
            ][..],
            &[][..],
        ),
        // Of an unknown type for one.
        (
            &[
                "trigger \"dig\" { fields = { depth = int(1, 10) } }\n",
                "trigger \"dive\" { fields = { depth = nope } }\n",
                "condition \"c\" { when = trigger.depth <= 10 }\n",
            ],
            &["C0405"],
        ),
        // One mistake is so for each trigger, another for most of them.
        (
            &[
                "enum \"bad\" { values = [\"tin\", \"lead\"] }\n",
                "enum \"good\" { values = [\"gold\", \"iron\"] }\n",
                "trigger \"k\" { fields = { of = bad } }\n",
                "trigger \"zz\" { fields = { of = good } }\n",
                "condition \"d\" { when = param.drop_bonsu && trigger.of == \"gold\" }\n",
            ],
            &["C0405"],
        ),
        // No trigger has both fields: what is wrong beside that is told as well.
        (
            &[
                "trigger \"dig\" { fields = { depth = int(1, 10) } }\n",
                "trigger \"dive\" { fields = { wet = bool } }\n",
                "condition \"c\" { when = trigger.depth > param.nope && trigger.wet && chance(7) && 1 }\n",
            ],
            &["C0405", "C0407", "C0504", "C0603"],
        ),
        // One field is misspelt, another is not.
        (
            &[
                "trigger \"dig\" { fields = { depth = int(1, 10) } }\n",
                "condition \"c\" { when = trigger.dpeth > 5 && trigger.depth + 1 }\n",
            ],
            &["C0406", "C0504"],
        ),
        // A rule on nothing uses nothing.
        (
            &[
                "trigger \"dig\" { fields = { depth = int(1, 10) } }\n",
                "condition \"c\" { when = trigger.depth > 10 }\n",
                "rule \"r\" {\n  on = dgi\n  when = condition.c\n  emit \"e\" {}\n}\n",
            ],
            &["C0405", "C0607"],
        ),
        // A part that is always true is not why the whole never is.
        (
            &[
                "trigger \"dig\" { fields = { depth = int(1, 10) } }\n",
                "condition \"any\" { when = trigger.depth <= 10 }\n",
                "condition \"d\" { when = condition.any && trigger.depth > 20 }\n",
                "rule \"r\" {\n  on = dig\n  when = trigger.depth > 10 && condition.any\n  emit \"e\" {}\n}\n",
            ],
            &["C0606", "C0607", "C0607"],
        ),
        // Where one value cannot be read, the others are not all.
        (
            &[
                "enum \"zone\" { values = [\"meadow\", \"Crypt\"] }\n",
                "trigger \"dig\" { fields = { zone = zone } }\n",
                "rule \"r\" {\n  on = dig\n  when = trigger.zone == \"meadow\"\n  emit \"e\" {}\n}\n",
            ],
            &["C0401"],
        ),
        // Draws are not allowed in a table, whatever its name.
        (
            &[
                "loot_table \"t\" {\n  entry \"a\" { weight = 1 }\n}\n",
                "loot_table \"t\" {\n  entry \"a\" { weight = 1 }\n  entry \"b\" {\n    weight = 1\n    when = chance(0.5)\n  }\n}\n",
            ],
            &["C0403", "C0509"],
        ),
    ] {
        let mut orders = vec![parts.to_vec()];
        orders.push(parts.iter().rev().copied().collect());
        orders
            .push(parts.iter().cycle().skip(parts.len() / 2).take(parts.len()).copied().collect());
        for order in orders {
            let text = order.concat();
            let mut found = codes(&text);
            found.sort_unstable();
            assert_eq!(found, *expected, "{text}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_or_the_limit_is_wherever_it_stands() {
    // Nine conditions of some hundred operations, named together by many that nothing uses.
    let terms = vec!["trigger.f + 1 > 2"; 20].join(" || ");
    let big: String = (0..9_u8)
        .map(|n| {
            let name = char::from(b'a' + n);
            format!("condition \"big{name}\" {{ when = ({terms}) && ({terms}) }}\n")
        })
        .collect();
    let names: Vec<String> =
        (0..9_u8).map(|n| format!("condition.big{}", char::from(b'a' + n))).collect();
    let all = format!("condition \"all\" {{ when = {} }}\n", names.join(" || "));
    let bad = "condition \"bad\" { when = param.nope && trigger.f + 1 }\n";
    let many = |from: usize| -> String {
        (from..from + 250)
            .map(|n| format!("condition \"x{n}\" {{ when = trigger.g && condition.all }}\n"))
            .collect()
    };
    let trigger = "trigger \"t\" { fields = { f = int(1, 10), g = bool } }\n";
    let run = |first: &str, last: &str| -> Vec<String> {
        let head = "ruleset \"r\" {\n  dialect = 1\n  context = \"r@1\"\n}\n";
        let checked = check(&[
            source("a.rules.hcl", &format!("{head}{trigger}{first}{big}{all}")),
            source("b.rules.hcl", &many(0)),
            source("c.rules.hcl", &many(250)),
            source("d.rules.hcl", &format!("condition \"end\" {{ when = trigger.g }}\n{last}")),
        ]);
        checked.errors().map(|found| found.code.to_string()).collect()
    };
    let costly = "C0610".to_owned();
    assert!(run(bad, "").contains(&"C0405".to_owned()));
    assert!(run("", "").contains(&costly) && run("", bad).contains(&costly));
}

#[test]
fn what_is_within_the_limits_is_judged_for_what_it_reads() {
    // More parts than operations: the last condition decides which trigger fits.
    let active = vec!["active(night)"; 60].join(" || ");
    let big: String = (0..11_u8)
        .map(|n| {
            let name = char::from(b'a' + n);
            format!(
                "condition \"big{name}\" {{ when = trigger.f > 3 || (({active}) && ({active})) }}\n"
            )
        })
        .collect();
    let names: Vec<String> =
        (0..11_u8).map(|n| format!("condition.big{}", char::from(b'a' + n))).collect();
    let names = names.join(" || ");
    let head = "timer \"night\" {\n  every = \"1h\"\n  duration = \"10m\"\n}
trigger \"ta\" { fields = { f = int(1, 10) } }
trigger \"tb\" { fields = { f = int(1, 10), g = int(1, 10) } }
condition \"small\" { when = trigger.g > 3 }
";
    for when in [format!("condition.small && ({names})"), format!("({names}) && condition.small")] {
        let text = format!("{head}{big}condition \"idle\" {{ when = {when} }}\n");
        assert_eq!(codes(&text), [""; 0], "{when}");
    }
}

#[test]
fn fewer_values_make_no_mistake_of_bounds() {
    let bounds = "trigger \"a\" { fields = { v = int(0, 30) } }
trigger \"b\" { fields = { v = int(0, 31) } }
condition \"c\" { when = between(trigger.v, 20, 10) }
";
    assert_eq!(codes(bounds), ["C0607"]);
    let text = "trigger \"a\" {
  fields = {
    lo = int(0, 10)
    hi = int(5, 20)
    z  = int(1, 10)
    v  = int(0, 30)
  }
}
trigger \"b\" {
  fields = {
    lo = int(8, 20)
    hi = int(0, 7)
    z  = int(20, 40)
    v  = int(0, 30)
  }
}
condition \"c\" {
  when = between(trigger.v, trigger.lo, trigger.hi) && 10 / (trigger.z - 30) < 3
}
";
    assert_eq!(codes(text), [""; 0]);
    // A single value that two triggers have in common is no bound that was written.
    let text = "trigger \"ta\" { fields = { x = int(1, 9), a = int(1, 5), b = int(1, 5) } }
trigger \"tb\" { fields = { x = int(1, 9), a = int(5, 9), b = int(-5, 5) } }
condition \"c\" { when = between(trigger.x, trigger.a, 3) && 10 / trigger.b > 3 }
";
    assert_eq!(codes(text), [""; 0]);
    let used = "rule \"r\" {\n  on = ta\n  when = condition.c\n  emit \"e\" {}\n}\n";
    assert_eq!(codes(&format!("{text}{used}")), [""; 0]);
}

#[test]
fn none_of_the_triggers_that_fit_is_meant() {
    let triggers = [
        "trigger \"ta\" { fields = { level = int(1, 9), aa = int(1, 5) } }\n",
        "trigger \"tb\" { fields = { level = int(1, 9), bb = int(1, 5) } }\n",
    ];
    let head = "ruleset \"r\" {\n  dialect = 1\n  context = \"r@1\"\n}\n";
    for when in ["trigger.level > 3 && bb > 1", "trigger.level > 3 && trigger.bogus > 1"] {
        let [first, second] = [triggers.concat(), [triggers[1], triggers[0]].concat()].map(|all| {
            let text = format!("{head}{all}condition \"c\" {{ when = {when} }}\n");
            let checked = check(&[source("a.rules.hcl", &text)]);
            let found = checked.errors().next().unwrap();
            (found.code, found.help.clone(), found.fix.clone())
        });
        assert_eq!(first, second, "{when}");
    }
}

#[test]
fn a_second_look_costs_what_a_look_may() {
    // The first look ends at once, the second one sees all.
    let wide = vec!["trigger.x"; 32].join(" && ");
    let many = vec!["condition.w"; 57].join(", ");
    let idle = |from: u32| -> String {
        (from..from + 300)
            .map(|n| format!("condition \"c{n}q\" {{ when = condition.all }}\n"))
            .collect()
    };
    let text = format!(
        "trigger \"k\" {{ fields = {{ x = bool, b = int(-5, 5) }} }}
trigger \"q\" {{ fields = {{ x = bool, b = int(1, 5) }} }}
condition \"w\" {{ when = {wide} }}
condition \"all\" {{ when = one_of(trigger.x, 10 / trigger.b > 4, {many}) }}
"
    );
    assert_eq!(codes(&text), [""; 0]);
    let found = codes(&format!("{text}{}{}", idle(0), idle(300)));
    assert_eq!(found, ["C0610"]);
}

#[test]
fn what_is_only_read_is_counted_too() {
    // Each is refused before its long part, and what that refers to was read already.
    let leaf = vec!["trigger.x"; 60].join(", ");
    let wide = vec![format!("one_of(trigger.x, {leaf})"); 50].join(", ");
    let mut files: Vec<_> = (0..10)
        .map(|n| {
            let text = format!("condition \"w{n}q\" {{ when = one_of(trigger.x, {wide}) }}\n");
            source(&format!("w{n}.rules.hcl"), &text)
        })
        .collect();
    let every = (0..10).map(|n| format!("condition.w{n}q")).collect::<Vec<_>>().join(" && ");
    let high = |name: &str, inner: &str| {
        format!("condition \"{name}\" {{ when = {inner}{} }}\n", " && trigger.x".repeat(100))
    };
    let head = "ruleset \"r\" {\n  dialect = 1\n  context = \"r@1\"\n}\n";
    let deep: String =
        (1..3).map(|n| high(&format!("d{n}e"), &format!("condition.d{}e", n - 1))).collect();
    let text = format!(
        "{head}trigger \"k\" {{ fields = {{ x = bool }} }}
{}{deep}condition \"every\" {{ when = condition.d2e && {every} }}
",
        high("d0e", "trigger.x"),
    );
    files.push(source("a.rules.hcl", &text));
    let mut told = |from: u32| {
        let idle: String = (from..from + 200)
            .map(|n| format!("condition \"c{n}q\" {{ when = condition.every }}\n"))
            .collect();
        files.push(source(&format!("c{from}.rules.hcl"), &idle));
        let found = check(&files).diagnostics;
        let found = found.iter().filter(|found| found.code != Code::Unused);
        found.map(|found| found.code.to_string()).collect::<Vec<_>>()
    };
    let (few, many) = (told(0), told(200));
    assert!(many.iter().all(|code| code == "C0610"), "{many:?}");
    assert!(few.len() > 20 && many == few, "{} and {}", few.len(), many.len());
}

#[test]
fn however_many_triggers_there_are_what_nothing_uses_is_looked_at_twice() {
    // Each of the conditions is some 150 operations, and the one that names them is one of one trigger.
    let bad: String = (0..280)
        .map(|n| format!("trigger \"bad{n}\" {{ fields = {{ of = bad, depth = int(1, 100) }} }}\n"))
        .collect();
    let good = "trigger \"good\" { fields = { of = good, depth = int(1, 90) } }\n";
    let terms = vec!["trigger.depth + 1 > 2"; 15].join(" || ");
    let terms = format!("({terms}) && ({terms})");
    let big: String = (0..8_u8)
        .map(|n| format!("condition \"big{}\" {{ when = {terms} }}\n", char::from(b'a' + n)))
        .collect();
    let names: Vec<String> =
        (0..8_u8).map(|n| format!("condition.big{}", char::from(b'a' + n))).collect();
    let enums = "enum \"bad\" { values = [\"tin\", \"lead\"] }\nenum \"good\" { values = [\"gold\", \"iron\"] }\n";
    let user = format!(
        "condition \"x\" {{ when = ({}) && trigger.of == \"gold\" }}\n",
        names.join(" || ")
    );
    for triggers in [format!("{good}{bad}"), format!("{bad}{good}")] {
        assert_eq!(codes(&format!("{enums}{triggers}{big}{user}")), [""; 0]);
    }
    // Conditions in a cycle, which nothing visits.
    let few: String = (0..100)
        .map(|n| format!("trigger \"t{n}\" {{ fields = {{ depth = int(1, 100) }} }}\n"))
        .collect();
    let ring: String = (0..8_u8)
        .map(|n| {
            let (own, next) = (char::from(b'a' + n), char::from(b'a' + (n + 1) % 8));
            let sum = vec!["1"; 30].join(" + ");
            format!("condition \"k{own}\" {{ when = condition.k{next} || {sum} > 1 }}\n")
        })
        .collect();
    let entries: String = (0..60)
        .map(|n| format!("  entry \"e{n}\" {{\n    weight = 1\n    when = condition.ka || trigger.depth + 1\n  }}\n"))
        .collect();
    let found = codes(&format!(
        "{few}{ring}loot_table \"t\" {{\n{entries}  entry \"z\" {{ weight = 1 }}\n}}\n"
    ));
    assert_eq!(found.iter().filter(|code| *code == "C0504").count(), 60, "{found:?}");
    assert!(found.iter().all(|code| matches!(code.as_str(), "C0504" | "C0409")), "{found:?}");
}

#[test]
fn in_a_large_rule_set_nothing_false_is_claimed_and_no_mistake_is_lost() {
    // More than half of what one run checks: 2,050 parts for each of 260 rules.
    let mut shared =
        String::from("condition \"p0\" { when = trigger.level > 3 || trigger.flag }\n");
    for level in 1..=8 {
        let inner = level - 1;
        shared.push_str(&format!(
            "condition \"p{level}\" {{ when = condition.p{inner} || condition.p{inner} }}\n"
        ));
    }
    let rules: String = (0..260)
        .map(|n| {
            format!("rule \"r{n}\" {{\n  on = kill\n  when = condition.p8\n  emit \"e\" {{}}\n}}\n")
        })
        .collect();
    let run = |tail: &str| -> Vec<String> {
        let mut sources = vec![
            source("a_base.rules.hcl", BASE),
            source("b.rules.hcl", &format!("{DEPTHS}{tail}")),
            source("c.rules.hcl", &shared),
        ];
        // One to a file: what one file computes is bounded.
        for (number, rules) in rules.split_inclusive("}\n}\n").enumerate() {
            sources.push(source(&format!("r{number}.rules.hcl"), rules));
        }
        let checked = check(&sources);
        checked.errors().map(|found| found.code.to_string()).collect()
    };
    assert_eq!(run(""), [""; 0]);
    assert_eq!(run("condition \"c\" { when = trigger.depth <= 10 }\n"), [""; 0]);
    assert_eq!(run("condition \"c\" { when = trigger.depth > param.nope }\n"), ["C0405"]);
    // Right for one trigger, wrong for another.
    assert_eq!(run("condition \"c\" { when = trigger.of > 3 && trigger.depth > 20 }\n"), [""; 0]);
    assert_eq!(run("condition \"c\" { when = trigger.depth + 1 }\n"), ["C0504"]);
}
