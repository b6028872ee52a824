//! What newcomers wrote by habit, and the one mistake that each is told, with its fix.

use super::super::leftover::UNOPENED;
use super::help::{HEAD, helps, when};
use super::{Code, check, source};

/// A table with entries of these lines.
fn table(entry: &str) -> String {
    format!("loot_table \"c\" {{\n  entry \"a\" {{ weight = 5 }}\n  {entry}\n}}\n")
}

fn timer(cron: &str) -> String {
    format!("timer \"n\" {{\n  cron     = {cron}\n  zone     = \"UTC\"\n  duration = \"2h\"\n}}\n")
}

fn emit(body: &str) -> String {
    format!("rule \"r\" {{\n  on = t\n  emit \"x\" {body}\n}}\n")
}

#[test]
fn each_habit_is_one_mistake_with_its_fix() {
    for (text, expected) in [
        // Comments.
        (
            table("entry \"b\" {\n    weight = 1\n    item = \"gold\" -- coins\n  }"),
            "C0307 a comment begins with `#` or `//`",
        ),
        (
            table("entry \"b\" {\n    weight = 1\n    item = \"gold\" -- two coins\n  }"),
            "C0212 a comment begins with `#` or `//`",
        ),
        (
            when("(trigger.level > 3 -- no mice\n    && trigger.gold)"),
            "C0205 a comment begins with `#` or `//`",
        ),
        (
            "param \"p\" {\n  type = int -- whole\n  default = 1\n  range = [0, 2]\n}\n".to_owned(),
            "C0307 a comment begins with `#` or `//`",
        ),
        // Texts without quotes.
        (
            emit("{\n    message = The lantern flickers.\n  }"),
            "C0212 a text stands between double quotes: write `message = \"The lantern flickers.\"`",
        ),
        (
            emit("{ message = The lamps are lit }"),
            "C0211 a text stands between double quotes: write `message = \"The lamps are lit\"`",
        ),
        (
            emit("{ message = \"The lamps are lit! }"),
            "C0103 add `\"` behind `lit!`; a quote inside is written `\\\"`",
        ),
        // Durations and ranges in words.
        (
            timer("\"0 20 * * FRI\"").replace("\"2h\"", "5 hours"),
            "C0212 a duration is a string: write \"5h\"",
        ),
        (
            table("entry \"b\" {\n    weight = 1\n    count = 5 to 25\n  }"),
            "C0212 a range stands in brackets: write `[5, 25]`",
        ),
        (
            table("entry \"b\" {\n    weight = 1\n    count = \"5 to 25\"\n  }"),
            "C0307 write `count = [5, 25]`",
        ),
        // Words that say no more than what stands there.
        (
            table("entry \"b\" {\n    weight = 5 minutes\n  }"),
            "C0212 remove `minutes`: a number is written without its unit",
        ),
        (
            table("entry \"b\" {\n    weight = 5\n    when = trigger.gold then\n  }"),
            "C0212 remove it: a condition ends with its line",
        ),
        (
            table("entry \"b\" {\n    weight = 5\n    when = trigger.gold\n    then\n  }"),
            "C0203 remove it: what happens stands in `emit \"name\" { … }`, a condition in `when`",
        ),
        // Spreadsheets.
        (
            when("RAND() < 0.5"),
            "C0408 write `chance(x)` instead of a comparison with x, or `pick(6)` for a number from 0 to 5",
        ),
        (when("AND(trigger.gold, trigger.level > 3)"), "C0408 write `(a && b)`"),
        (when("OR(trigger.gold, trigger.level > 3)"), "C0408 write `(a || b)`"),
        (
            when("IF(trigger.gold, trigger.level > 3, false)"),
            "C0408 write `(condition ? value : other value)`",
        ),
        (when("one_of(trigger.level; 1, 2)"), "C0101 write `,`"),
        (
            table("entry \"b\" { weight = 0.5% }"),
            "C0202 write 5, and let the weights of all entries of the table add up to 1000",
        ),
        (
            table("entry \"b\" { weight = if trigger.gold then 1 else 2 }"),
            "C0201 a weight is one number: write two entries, each with a `when`",
        ),
        // Punctuation.
        (table("entry \"b\" { weight = 5; }"), "C0101 remove it"),
        (table("entry \"b\" {\n    weight = 5;\n  }"), "C0101 remove it"),
        (
            "enum \"e\" { values = (\"x\", \"y\") }\n".to_owned(),
            "C0205 a list stands between `[` and `]`",
        ),
        (
            "enum \"e\" {\n  values = {\"x\", \"y\"}\n}\n".to_owned(),
            "C0202 a list stands between `[` and `]`",
        ),
        (
            "enum \"e\" {\n  values =\n    - \"x\"\n    - \"y\"\n}\n".to_owned(),
            "C0201 write `values = [a, b]`: a list stands between brackets",
        ),
        // Days.
        (timer("\"0 18 * * SAT SUN\""), "C0801 write \"0 18 * * SAT,SUN\""),
        (timer("\"0 18 * * SAT, SUN\""), "C0801 write \"0 18 * * SAT,SUN\""),
        (timer("\"0 18 * * weekend\""), "C0801 write \"0 18 * * SAT,SUN\""),
        (timer("\"0 18 * * weekdays\""), "C0801 write \"0 18 * * MON-FRI\""),
        // References in quotes.
        (
            format!(
                "{}{}",
                timer("\"0 20 * * FRI\""),
                "rule \"r\" {\n  on = \"timer.n\"\n  emit \"x\" {}\n}\n"
            ),
            "C0412 write `on = timer.n`",
        ),
    ] {
        assert_eq!(helps(&text), [expected], "{text}");
    }
}

#[test]
fn what_only_looks_like_a_habit_is_told_as_before() {
    let line = "C0212 start a new line, or join the two parts with an operator";
    for (text, expected) in [
        (emit("{\n    v = since trigger.born\n  }"), "C0212 a function takes its argument in brackets"),
        (emit("{\n    v = true if trigger.gold else false\n  }"), "C0212 a choice is written `condition ? value : other value`"),
        (emit("{\n    v = trigger level\n  }"), line),
        (emit("{\n    v = The lantern // note\n  }"), line),
        (emit("{\n    v = reward gold = 5\n  }"), line),
        (emit("{\n    v = 5 to 25\n  }"), line),
        (table("entry \"b\" {\n    weight = 5 to 25\n  }"), line),
        (table("entry \"b\" {\n    item = coin weight = 5\n  }"), line),
        (timer("\"30 0 20 * * FRI\""), "C0801 write for example \"0 20 * * FRI\" for Fridays at 20:00"),
        (timer("\"0 18 * * FRI *\""), "C0801 write for example \"0 20 * * FRI\" for Fridays at 20:00"),
        (timer("\"30 0 20 * 1 5\""), "C0801 write for example \"0 20 * * FRI\" for Fridays at 20:00"),
        (timer("\"0 18 * * weekend/2\""), "C0801 correct this one and leave the others as they are"),
        (when("(trigger.level > 3; trigger.gold)"), "C0101 join the two parts with an operator"),
        (when("one_of(trigger.level, 1, 2;"), "C0101 remove it; a bracket before it is still open"),
        (table("entry \"b\" { weight = 5; // five\n  }"), "C0101 remove it"),
        (table("entry \"b\" { weight = 5;; item = \"x\" }"), "C0101 start a new line in its place, and put a `}` that follows on a line of its own"),
        (emit("{\n    v = max(1, \"a--b\" trigger.level)\n  }"), "C0205 add `)`, or the comma or operator that is missing"),
        (emit("{ v = (1, 2) }"), "C0205 add `)`, or the comma or operator that is missing"),
        (
            "rule \"r\" {\n  on = t\n  emit \"x\" {\n    v = 1\n    }\n  when = trigger.gold\n}\n}\n".to_owned(),
            "C0206 remove it, or look for a block above that was closed too early",
        ),
        (
            when("trigger.gold trigger.gold"),
            "C0212 start a new line, or join the two parts with an operator",
        ),
        (when("level gold"), "C0212 start a new line, or join the two parts with an operator"),
        (
            table("entry \"b\" { weight = 5; item = \"x\" }"),
            "C0101 start a new line in its place, and put a `}` that follows on a line of its own",
        ),
        (
            timer("\"0 18 * * SAT XYZ\""),
            "C0801 write for example \"0 20 * * FRI\" for Fridays at 20:00",
        ),
        (
            when("(trigger.gold, trigger.gold"),
            "C0205 add `)`, or the comma or operator that is missing",
        ),
    ] {
        assert_eq!(helps(&text).first().map(String::as_str), Some(expected), "{text}");
    }
}

#[test]
fn a_brace_too_many_is_marked_where_layout_says_which() {
    let checked = check(&[source(
        "a.rules.hcl",
        &format!(
            "{HEAD}loot_table \"c\" {{\n  entry \"a\" {{\n    weight = 5\n  }}\n  }}\n  entry \"b\" {{ weight = 1 }}\n}}\n"
        ),
    )]);
    let [found] = &checked.diagnostics[..] else { panic!("{:#?}", checked.diagnostics) };
    assert_eq!(
        (found.code, found.help.as_str()),
        (Code::UnexpectedClosing, "remove the `}` that stands too far in")
    );
    let said: Vec<&str> = found.labels.iter().map(|label| label.1.as_str()).collect();
    assert_eq!(said, ["this block was to go on, it seems", "but this `}` has closed it"]);
}

#[test]
fn every_operator_in_words_is_told_in_one_run() {
    let text = when(
        "(\n    not trigger.gold\n    and trigger.level is 3\n    and (trigger.gold or trigger.nothing)\n  )",
    );
    let not = "C0202 write `!`, with brackets around more than one value: `!(a && b)`";
    let [and, or, is] = ["&&", "||", "=="].map(|sign| format!("C0202 write `{sign}`"));
    let found = helps(&text);
    assert_eq!(found[..5], [not, and.as_str(), is.as_str(), and.as_str(), or.as_str()]);
    // What cannot be read as anything is told once more, and the statement is given up there.
    let found = helps(&when("(trigger.gold and trigger.level in 3 and trigger.gold)"));
    assert_eq!(found, [and.as_str(), "C0202 write `one_of(value, \"a\", \"b\")`"]);
}

#[test]
fn a_bracket_that_closes_nothing_may_lack_its_pair() {
    let text = when("(\n    trigger.gold\n    && trigger.gold || chance(0.5))\n  )");
    let checked = check(&[source("a.rules.hcl", &format!("{HEAD}{text}"))]);
    let [found] = &checked.diagnostics[..] else { panic!("{:#?}", checked.diagnostics) };
    assert_eq!((found.code, found.help.as_str()), (Code::ExpectedStatement, UNOPENED));
    let [(closed, said)] = &found.labels[..] else { panic!("{found:#?}") };
    assert_eq!(
        (closed.start, said.as_str()),
        (found.span.start - 4, "every bracket is closed here")
    );
    assert_eq!(helps(&when("trigger.gold || trigger.gold)")), [format!("C0212 {UNOPENED}")]);
    assert_eq!(
        helps(&when("(\n    trigger.gold && (trigger.gold || chance(0.5)\n    || trigger.gold")),
        ["C0205 add `)` above, or the comma or operator that is missing"]
    );
}

#[test]
fn a_row_of_a_test_that_lacks_one_sign_is_one_mistake() {
    let rule = when("trigger.gold");
    let row = |row: &str| {
        format!(
            "{rule}test \"a\" {{\n  on      = t\n  trigger = {row}\n  expect {{ fired = [r] }}\n}}\n"
        )
    };
    for (wrong, expected) in [
        (
            "{ level = 5, zone = \"a, dur = \"2m\", gold = true }",
            "C0103 add `\"` behind `a`; a quote inside is written `\\\"`",
        ),
        (
            "{ level = 5, gold = true, dur = \"2m, zone = \"a\" }",
            "C0103 add `\"` behind `2m`; a quote inside is written `\\\"`",
        ),
        (
            "{ level = 5, gold = true, zone = \"a b, dur = \"2m\" }",
            "C0103 write \"2m\", and add the `\"` that a string further left lacks",
        ),
        (
            "level = 5, gold = true, zone = \"a\" }",
            "C0202 write `{` before the name on its left, and `}` after the last value",
        ),
    ] {
        let found = helps(&row(wrong));
        assert_eq!(found.first().map(String::as_str), Some(expected), "{wrong}");
        assert!(!found.iter().any(|help| help.starts_with("C0206")), "{found:#?}");
    }
}
