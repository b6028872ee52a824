//! Conditions that are the same for every input: what is told, of which part, and what to do.

use super::help::{HEAD, helps, value, when};
use super::{Code, check, source};

#[test]
fn what_never_holds_is_told_about_which_input() {
    let never = "trigger.level > 60 && trigger.level < 40";
    let condition = format!("condition \"c\" {{ when = {never} }}\n{}", when("condition.c"));
    let table = format!(
        "loot_table \"l\" {{\n  entry \"x\" {{ weight = 1 }}\n  entry \"y\" {{\n    weight = 1\n    when   = {never}\n  }}\n}}\n\
         rule \"r\" {{\n  on = t\n  emit \"x\" {{ table = l }}\n}}\n"
    );
    for text in [condition, table, when(never)] {
        let checked = check(&[source("a.rules.hcl", &format!("{HEAD}{text}"))]);
        let found: Vec<_> = checked.errors().collect();
        let [found] = found[..] else { panic!("{found:?}") };
        assert!(
            found.message.ends_with(": its parts contradict each other about trigger.level"),
            "{found:?}"
        );
        assert!(found.help.starts_with("change one of the parts"), "{found:?}");
    }
    // One part alone contradicts nothing.
    let lone = "trigger.gold && trigger.level * 2 == 31";
    let text = format!("condition \"c\" {{ when = {lone} }}\n{}", when("condition.c"));
    assert_eq!(helps(&text), ["C0607 widen it, or remove it with the rules that need it"]);
    // Nor where others speak of the same input.
    let lone = "trigger.level * 2 == 31 && trigger.level > 3";
    let text = format!("condition \"c\" {{ when = {lone} }}\n{}", when("condition.c"));
    assert_eq!(helps(&text), ["C0607 widen it, or remove it with the rules that need it"]);
    assert_eq!(
        helps(&when(lone)),
        ["C0607 compare with a value that it can have, or remove the rule"]
    );
    // Nor do parts of which each use is about another input.
    let two = "trigger \"u\" { fields = { a = int(1, 5), b = int(1, 9) } }\n\
               trigger \"v\" { fields = { a = int(1, 9), b = int(1, 5) } }\n\
               condition \"c\" {\n  when = (\n    (trigger.a == 2 || trigger.a == 8) && (trigger.a == 3 || trigger.a == 8)\n    \
               && (trigger.b == 2 || trigger.b == 8) && (trigger.b == 3 || trigger.b == 8)\n  )\n}\n";
    let uses = |on: &str| {
        format!("rule \"r{on}\" {{\n  on = {on}\n  when = condition.c\n  emit \"x\" {{}}\n}}\n")
    };
    let checked =
        check(&[source("a.rules.hcl", &format!("{HEAD}{two}{}{}", uses("u"), uses("v")))]);
    let found: Vec<&str> = checked.errors().map(|found| found.message.as_str()).collect();
    assert_eq!(found, ["the condition c is never true"]);
}

#[test]
fn a_part_that_settles_all_is_marked_with_what_its_input_can_be() {
    let first = |text: &str| {
        let text = format!("{HEAD}{text}");
        let checked = check(&[source("a.rules.hcl", &text)]);
        let found = checked.errors().next().unwrap().clone();
        let (start, end) = (found.span.start as usize, found.span.end as usize);
        (found.message, text[start..end].to_owned(), found.help)
    };
    let (message, marked, help) =
        first(&when("trigger.gold && trigger.level > 100 && chance(0.5)"));
    let told = "this `when` is never true, because `trigger.level > 100` is never true: `trigger.level` is 1 to 100";
    assert_eq!((message.as_str(), marked.as_str()), (told, "trigger.level > 100"));
    assert_eq!(help, "compare with the ranges of its inputs, or remove this part");
    let (message, marked, _) = first(&when("trigger.gold || trigger.dur <= \"1h\""));
    let told = "this `when` is always true, because `trigger.dur <= \"1h\"` is always true: `trigger.dur` is \"0s\" to \"1h\"";
    assert_eq!((message.as_str(), marked.as_str()), (told, "trigger.dur <= \"1h\""));
    let (message, marked, _) = first(&when("rate(hits) < 0"));
    let told = "this `when` is never true: `rate(hits)` is 0 to 1000000";
    assert_eq!((message.as_str(), marked.as_str()), (told, "rate(hits) < 0"));
    // Where no part does it alone, all of it is marked.
    let (message, marked, _) = first(&when("trigger.level > 60 && trigger.level < 40"));
    assert_eq!(marked, "trigger.level > 60 && trigger.level < 40");
    assert!(message.ends_with("about trigger.level"), "{message}");
    let condition = "condition \"c\" { when = trigger.gold && trigger.level > 100 }\n";
    let (message, ..) = first(&format!("{condition}{}", when("condition.c")));
    assert_eq!(message, "the condition c is never true: `trigger.level` is 1 to 100");
}

#[test]
fn what_is_settled_by_opposites_is_never_sent_in_a_circle() {
    for (expr, help) in [
        ("trigger.gold && !trigger.gold", "C0607 change one of the parts, or remove the rule"),
        ("trigger.gold || !trigger.gold", "C0606 change one of the parts, or remove `when`"),
        ("!(trigger.gold || !trigger.gold)", "C0607 change one of the parts, or remove the rule"),
        (
            "trigger.zone == \"a\" && trigger.zone == \"b\"",
            "C0607 change one of the parts; if either of them will do, join them with `||`, in brackets beside others",
        ),
    ] {
        assert_eq!(helps(&when(expr)), [help], "{expr}");
    }
}

#[test]
fn what_no_interval_shows_is_settled() {
    for (expr, code) in [
        ("trigger.zone != \"a\" || trigger.zone != \"b\"", "C0606"),
        ("trigger.gold || !trigger.gold", "C0606"),
        ("trigger.level > 40 || trigger.level <= 40", "C0606"),
        ("trigger.level > 40 || trigger.level < 60", "C0606"),
        ("!(trigger.level > 60 && trigger.level < 40)", "C0606"),
        ("trigger.level * trigger.neg > 3 || !(trigger.level * trigger.neg > 3)", "C0606"),
        ("trigger.level * trigger.neg > 3 || trigger.level * trigger.neg <= 3", "C0606"),
        ("trigger.level != 10.5", "C0606"),
        ("trigger.level == 10.5", "C0607"),
        ("trigger.level > 9223372036854775806", "C0607"),
        ("trigger.level * 2 == 7", "C0607"),
        (
            "since(\"2027-01-07T00:00:00Z\") >= \"0s\" && since(\"2026-12-12T00:00:00Z\") < \"0s\"",
            "C0607",
        ),
        ("trigger.level > trigger.neg && trigger.neg >= trigger.level", "C0607"),
        ("trigger.zone == \"a\" && trigger.zone == \"b\"", "C0607"),
    ] {
        let found = helps(&when(expr));
        assert!(found.len() == 1 && found[0].starts_with(code), "{expr}: {found:?}");
    }
    for expr in [
        // An enum may get more values.
        "one_of(trigger.zone, \"a\", \"b\", \"c\")",
        "!(trigger.zone != \"a\" && trigger.zone != \"b\" && trigger.zone != \"c\")",
        // The largest number is one, too.
        "trigger.most != 9223372036854775807",
        "trigger.gold || trigger.most != 9223372036854775807",
        "trigger.level > 40 || trigger.level < 40",
        "trigger.level > 40 || trigger.rich <= 40",
        "since(\"2026-12-12T00:00:00Z\") >= \"0s\" && since(\"2027-01-07T00:00:00Z\") < \"0s\"",
        "trigger.level == 10.0",
        "trigger.level > trigger.neg && trigger.neg > 3",
        // Two draws are two.
        "chance(0.5) || !chance(0.5)",
    ] {
        assert_eq!(helps(&when(expr)), [""; 0], "{expr}");
    }
}

#[test]
fn what_a_dead_clause_takes_with_it_is_marked() {
    let found = |expr: &str| -> Vec<String> {
        let text = format!("{HEAD}{}", when(expr));
        let checked = check(&[source("a.rules.hcl", &text)]);
        let found = checked.diagnostics.iter().filter(|found| found.code == Code::ConstantClause);
        found
            .map(|found| text[found.span.start as usize..found.span.end as usize].to_owned())
            .collect()
    };
    for (expr, expected) in [
        ("trigger.gold || trigger.level > 200", &["trigger.level > 200"][..]),
        ("trigger.gold && trigger.level < 200", &["trigger.level < 200"]),
        (
            "trigger.gold || (trigger.level > 200 && trigger.share > 0.5)",
            &["trigger.level > 200 && trigger.share > 0.5"],
        ),
        (
            "trigger.gold || (trigger.neg > 2 && (trigger.level > 200 && trigger.share > 0.5))",
            &["trigger.neg > 2 && (trigger.level > 200 && trigger.share > 0.5)"],
        ),
        (
            "trigger.gold && (trigger.level < 200 || trigger.share > 0.5)",
            &["trigger.level < 200 || trigger.share > 0.5"],
        ),
        // What stands beside it in a disjunction is not what makes the group so, and the other way round.
        (
            "trigger.gold || ((trigger.neg > 20 || trigger.level > 3) && trigger.level > 200)",
            &["(trigger.neg > 20 || trigger.level > 3) && trigger.level > 200", "trigger.neg > 20"],
        ),
        (
            "trigger.gold && ((trigger.neg < 20 && trigger.level > 3) || trigger.level < 200)",
            &["(trigger.neg < 20 && trigger.level > 3) || trigger.level < 200", "trigger.neg < 20"],
        ),
        (
            "trigger.gold && (trigger.neg > 20 || trigger.level < 200)",
            &["trigger.neg > 20", "trigger.neg > 20 || trigger.level < 200"],
        ),
        (
            "trigger.gold && !(trigger.share > 0.5 && trigger.level > 200)",
            &["trigger.share > 0.5 && trigger.level > 200"],
        ),
        (
            "trigger.gold && (trigger.share > 0.5 && trigger.level > 200 ? trigger.neg > 3 : true)",
            &["trigger.share > 0.5 && trigger.level > 200"],
        ),
        // Wherever a group stands.
        (
            "trigger.gold == (trigger.share > 0.5 && trigger.level > 200)",
            &["trigger.share > 0.5 && trigger.level > 200"],
        ),
        (
            "one_of(trigger.gold, trigger.share > 0.5 && trigger.level > 200)",
            &["trigger.share > 0.5 && trigger.level > 200"],
        ),
        (
            "trigger.gold ? trigger.neg > 3 : (trigger.share > 0.5 || trigger.level < 200)",
            &["trigger.share > 0.5 || trigger.level < 200"],
        ),
        // One of two ways is left.
        (
            "trigger.gold || (trigger.share > 0.5 && (trigger.level > 200 || trigger.neg > 2))",
            &["trigger.level > 200"],
        ),
    ] {
        assert_eq!(found(expr), *expected, "{expr}");
    }
}

#[test]
fn in_a_payload_a_dead_clause_takes_all_with_it() {
    let text = format!("{HEAD}{}", value("trigger.share > 0.5 && trigger.level > 200"));
    let checked = check(&[source("a.rules.hcl", &text)]);
    let found: Vec<&str> = (checked.diagnostics.iter())
        .filter(|found| found.code == Code::ConstantClause)
        .map(|found| &text[found.span.start as usize..found.span.end as usize])
        .collect();
    assert_eq!(found, ["trigger.share > 0.5 && trigger.level > 200"]);
}
