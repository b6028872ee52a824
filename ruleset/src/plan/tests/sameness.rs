//! What means the same and what does not: draws, constants, orders, types.

use super::*;

#[test]
fn what_decides_otherwise_is_never_told_to_be_the_same() {
    let rule = |declared: &str, when: &str| {
        format!(
            "{BASE}\nparam \"open\" {{\n  type    = bool\n  default = true\n}}\n{declared}\n\
             rule \"late\" {{\n  on   = boss_kill\n  when = {when}\n  emit \"late\" {{}}\n}}\n"
        )
    };
    let look = "condition \"look\" { when = bucket(100) < 20 }";
    let lucky = "condition \"lucky\" { when = chance(0.5) }";
    for (declared, was, is) in [
        // Constants of a comparison are no yes and no, on whatever level.
        ("", "(param.open ? 1 : 2) == 1", "(param.open ? 2 : 1) == 1"),
        ("", "!((param.open ? 5 : 9) > 6)", "!((param.open ? 9 : 5) > 6)"),
        ("", "(param.open ? 1.5 : 2.0) > 1.75", "(param.open ? 2.0 : 1.5) > 1.75"),
        ("", "one_of(param.open ? 1 : 4, 1, 2)", "one_of(param.open ? 1 : 4, 3, 2)"),
        // Players fall into other buckets, by the name of the condition.
        (look, "bucket(100) < 20", "condition.look"),
        // One draw is not two.
        (lucky, "condition.lucky && condition.lucky", "chance(0.5) && chance(0.5)"),
        ("", "since(trigger.born) / 1000 > \"5s\"", "since(trigger.born) / \"1s\" > 5"),
    ] {
        let used = format!("{declared}\ncondition \"kept\" {{ when = param.open }}");
        let plan = between(&rule(&used, was), &rule(&used, is), true);
        let found = plan.changes.iter().find(|change| change.name == "late");
        match found.and_then(|change| change.decision.as_ref()) {
            Some(Decision::Differs(_)) => {}
            other => panic!("{was} → {is}: {other:#?}"),
        }
    }
}

#[test]
fn a_draw_in_front_moves_no_other() {
    let rule = |when: &str, given: &str| {
        format!(
            "{BASE}\ncondition \"lucky\" {{ when = chance(0.5) }}\nrule \"late\" {{\n  on   = boss_kill\n  \
             when = {when}\n  emit \"late\" {{ n = {given} }}\n}}\n"
        )
    };
    let (was, is) = ("condition.lucky", "chance(0.9) && condition.lucky");
    let found = told(&rule(was, "pick(6)"), &rule(is, "pick(6)"));
    assert_eq!(found, [format!("rule late | when | {was} → {is}")]);
    let (was, is) = ("condition.lucky", "chance(0.9) && condition.lucky");
    let shared = "condition.lucky ? 1 : 2";
    let found = told(&rule(was, shared), &rule(is, shared));
    assert_eq!(found, [format!("rule late | when | {was} → {is}")]);
    // What is drawn once and used twice, and what is drawn twice.
    let found = told(&rule(was, "condition.lucky ? 1 : 2"), &rule(was, "chance(0.5) ? 1 : 2"));
    let given = "rule late | emit late: n | condition.lucky ? 1 : 2 → chance(0.5) ? 1 : 2";
    let shared = "rule late | when, its draws are shared with other values than before | - → -";
    assert_eq!(found, [shared, given]);
}

#[test]
fn draws_that_change_their_lines_alone_change_nothing() {
    let rule = |values: &str| {
        format!(
            "{BASE}\ncondition \"lucky\" {{ when = chance(0.5) }}\n\
             rule \"late\" {{\n  on = boss_kill\n  emit \"late\" {{\n{values}  }}\n}}\n"
        )
    };
    let (a, b) = ("    a = condition.lucky ? 1 : 2\n", "    b = condition.lucky ? 3 : 4\n");
    assert_eq!(told(&rule(&format!("{a}{b}")), &rule(&format!("{b}{a}"))), [""; 0]);
    // Two values of one draw belong together.
    let apart = "    b = chance(0.5) ? 3 : 4\n";
    let found = told(&rule(&format!("{a}{b}")), &rule(&format!("{a}{apart}")));
    assert_eq!(
        found,
        [
            "rule late | emit late: a, its draws are shared with other values than before | - → -",
            "rule late | emit late: b | condition.lucky ? 3 : 4 → chance(0.5) ? 3 : 4",
        ]
    );
}

#[test]
fn draws_are_told_apart_within_an_expression_and_across_them() {
    let rule = |when: &str, n: &str, more: &str| {
        format!(
            "{BASE}\ncondition \"l\" {{ when = chance(0.5) }}\ncondition \"m\" {{ when = chance(0.5) }}\n\
             rule \"late\" {{\n  on   = boss_kill\n  when = {when}\n  emit \"late\" {{\n    n = {n}\n{more}  }}\n}}\n\
             rule \"uses\" {{\n  on   = boss_kill\n  when = condition.l && condition.m\n  emit \"u\" {{}}\n}}\n"
        )
    };
    let one = "condition.l ? 1 : 2";
    let differ = |was: &str, is: &str| {
        let found = told(was, is);
        assert!(found.iter().any(|line| line.starts_with("rule late | ")), "{found:#?}");
    };
    // Which of two equal draws it is.
    let side = "trigger.level > 50";
    differ(
        &rule(&format!("condition.l || (chance(0.5) && {side})"), one, ""),
        &rule(&format!("chance(0.5) || (condition.l && {side})"), one, ""),
    );
    let (l, m) = ("condition.l", "condition.m");
    differ(
        &rule(&format!("({l} || {side}) && ({l} || !({m} && {m}))"), "1", ""),
        &rule(&format!("({l} || {side}) && ({m} || !({l} && {m}))"), "1", ""),
    );
    // What others give beside it, and what they are called, is their own.
    let (was, is) = ("    k = condition.l ? 3 : 4\n", "    j = condition.l ? 3 : 4\n");
    for (was, is) in [("", was), (was, ""), (was, is)] {
        let found = told(&rule("condition.l", one, was), &rule("condition.l", one, is));
        let others =
            found.iter().filter(|line| !line.contains("late: k") && !line.contains("late: j"));
        assert_eq!(others.count(), 0, "{found:#?}");
    }
    // A draw less in front of it moves nothing either.
    let plan = between(
        &rule("trigger.level > 1", one, "    a = chance(0.5) ? 1 : 2\n"),
        &rule("trigger.level > 1", one, ""),
        true,
    );
    assert_eq!(plan.differing(), 0, "{plan:#?}");
}

#[test]
fn the_order_of_files_is_the_order_of_their_rules() {
    let sources = |names: [&str; 2]| -> Contents {
        let rule =
            |name: &str| format!("rule \"{name}\" {{\n  on = claim\n  emit \"{name}\" {{}}\n}}\n");
        let file = |name: &str, text: String| Source { name: format!("{name}.rules.hcl"), text };
        let files =
            [file("base", BASE.to_owned()), file(names[0], rule("ra")), file(names[1], rule("rb"))];
        let checked = lang::check(&files);
        let program = checked.program.unwrap();
        let built = emit::bundle(&program, "1.0.0", Provenance::default()).unwrap();
        Contents::of_sources(program, checked.outline, &built).unwrap()
    };
    let (old, new) = (sources(["c", "m"]), sources(["z", "m"]));
    let (mut a, mut b) = (Hidden(sources(["c", "m"])), Hidden(sources(["z", "m"])));
    let plan = plan(
        Version { contents: &old, machine: &mut a },
        Version { contents: &new, machine: &mut b },
        AT,
    );
    assert_eq!(lines(&plan), ["trigger claim | order of rules | ra, rb → rb, ra"]);
}

#[test]
fn other_types_orders_and_faults_are_told() {
    let rule = |values: &str, more: &str| {
        format!(
            "{BASE}\nrule \"late\" {{\n  on = boss_kill\n{more}  emit \"late\" {{\n{values}  }}\n}}\n"
        )
    };
    let one = |value: &str| rule(&format!("    n = {value}\n"), "");
    for (was, is, line) in [
        ("5", "\"5\"", "5 (int) → 5 (symbol)"),
        ("1", "1.0", "1 (int) → 1 (decimal)"),
        ("1", "true", "1 (int) → true (bool)"),
    ] {
        let found = told(&one(was), &one(is));
        let line = format!("rule late | emit late: n | {line}");
        assert!(found.contains(&line), "no {line:?} in {found:#?}");
    }
    let two = |a: &str, b: &str| {
        let rule = |name: &str| {
            format!(
                "rule \"{name}\" {{\n  on = claim\n  emit \"{name}\" {{ table = crypt_rare }}\n}}\n"
            )
        };
        format!("{BASE}\n{}{}", rule(a), rule(b))
            .replace("when   = trigger.level >= 40", "when   = trigger.level >= 41")
    };
    let found = told(&two("r1", "r2"), &two("r2", "r1"));
    assert_eq!(found, ["trigger claim | order of rules | r1, r2 → r2, r1"]);
    let found = told(
        &rule("    n = 1\n", "  emit \"first\" {}\n"),
        &rule("    n = 1\n", "")
            .replace("    n = 1\n  }\n", "    n = 1\n  }\n  emit \"first\" {}\n"),
    );
    let line = "rule late | order of outcomes | emit first, emit late → emit late, emit first";
    assert_eq!(found, [line]);
}

#[test]
fn a_draw_that_is_used_twice_is_searched_as_one() {
    let with = |when: &str| {
        format!(
            "{BASE}\ncondition \"l\" {{ when = chance(0.5) }}\ncondition \"c\" {{ when = {when} }}\n\
             rule \"late\" {{\n  on   = boss_kill\n  when = condition.c\n  emit \"late\" {{}}\n}}\n"
        )
    };
    let (low, high) = ("trigger.level > 50", "trigger.party > 2");
    let plan = between(
        &with(&format!("(condition.l && {low}) || (condition.l && !({low}) && {high})")),
        &with(&format!("condition.l && ({low} || {high})")),
        true,
    );
    assert_eq!(plan.differing(), 0, "{plan:#?}");
    let plan = between(
        &with(&format!("condition.l && condition.l && {low}")),
        &with(&format!("chance(0.5) && chance(0.5) && {low}")),
        true,
    );
    assert!(plan.differing() > 0, "{plan:#?}");
}
