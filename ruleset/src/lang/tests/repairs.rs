//! What is not written as it should be: which bracket, quote or word is told, and that it leads on.

use super::help::{helps, leads, when};

#[test]
fn brackets_that_are_missing_are_told_where_they_belong() {
    let test = |body: &str| {
        format!("{}test \"x\" {{\n  on = t\n{body}\n  fired = [r]\n}}\n", when("trigger.gold"))
    };
    let good = test("  trigger = { gold = true }");
    for (wrong, help) in [
        ("  trigger = { gold = true", "C0205 add `}` on the line before"),
        (
            "  trigger = gold = true }",
            "C0202 write `{` before the name on its left, and `}` after the last value",
        ),
        (
            "  trigger = [gold = true]",
            "C0202 write `{` and `}` instead of the brackets around them",
        ),
        ("  trigger = { gold = true level = 3 }", "C0205 add a comma before `level`, or `}`"),
        (
            "  trigger = { gold = level = 3 }",
            "C0202 write one value, or a comma before the name on its left",
        ),
    ] {
        assert_eq!(helps(&test(wrong))[0], help, "{wrong}");
    }
    // The brace alone is missing, and everything else is read.
    assert_eq!(helps(&test("  trigger = { gold = true")).len(), 1);
    assert_eq!(helps(&test("  trigger = { gold = true\n  }")), [""; 0]);
    assert_eq!(helps(&good), [""; 0]);
    let rows = |rows: &str| test(&format!("  cases = [\n{rows}"));
    let row = "    { trigger = { gold = true } }";
    assert_eq!(helps(&rows(&format!("{row},\n{row}\n"))), ["C0205 add `]` on the line before"]);
    assert_eq!(helps(&rows(&format!("{row},\n{row}\n  ]"))), [""; 0]);
    let open = "    { trigger = { gold = true },";
    assert_eq!(
        helps(&rows(&format!("{open}\n{row}\n  ]"))),
        ["C0205 add `}` at the end of what stands before it, before its comma"]
    );
    assert_eq!(
        helps(&rows(&format!("{row}\n{row}\n  ]")))[0],
        "C0205 add a comma before `{`, or `]`"
    );
}

#[test]
fn brackets_that_are_right_are_never_told_to_be_missing() {
    let codes = |text: &str| -> Vec<String> {
        helps(text).iter().map(|help| help[..5].to_owned()).collect()
    };
    // Another block is not closed, and an object stands oddly.
    let odd =
        "test \"x\" {\n    on = t\n    trigger = {\n    gold = true\n }\n    fired = [r]\n}\n";
    let text = format!("{}{odd}rule \"s\" {{\n  on = t\n  emit \"x\" {{}}\n", when("trigger.gold"));
    assert_eq!(codes(&text), ["C0204"]);
    // What is read again is told once.
    let test = |body: &str| {
        format!(
            "{}test \"x\" {{\n  on = t\n{body}\n  expect \"x\" {{}}\n}}\n",
            when("trigger.gold")
        )
    };
    assert_eq!(codes(&test("  trigger = { gold = true\n  fired: [r]")), ["C0205", "C0202"]);
    assert_eq!(codes(&test("  trigger = { gold = true\n  fired = [r & r]")), ["C0205", "C0101"]);
    assert_eq!(codes(&test("  trigger = {{ gold = true }}")), ["C0202"]);
    assert_eq!(codes(&test("  trigger = [\n    gold = true,\n    level = 3\n  ]")), ["C0202"]);
    assert_eq!(codes(&test("  trigger = [gold = true\n  fired = [r]")), ["C0202"]);
    let row = "  cases = [ { trigger = { gold = true }, { trigger = { level = 3 } } ]";
    assert_eq!(codes(&test(row)), ["C0205"]);
    // The brace of a block that began with its first attribute on its line is its own.
    let rule = |emit: &str| format!("rule \"r\" {{\n  on = t\n  {emit}\n}}\n");
    assert_eq!(codes(&rule("emit \"x\" { a = 1\n    }")), ["C0211"]);
    assert_eq!(codes(&rule("emit \"x\" { a = 1\n  }")), ["C0211"]);
    assert_eq!(codes(&rule("emit \"x\" { a = 1")), ["C0211"]);
}

#[test]
fn a_block_on_one_line_is_told_where_it_ends() {
    let cases = [
        ("rule \"r\" { on = t\n  emit \"x\" {}\n}\n", "C0211 start a new line after the `{`"),
        (
            "param \"p\" { type = bool\nparam \"q\" {\n  type    = bool\n  default = true\n}\n",
            "C0211 end the line with `}`",
        ),
        (
            "loot_table \"l\" {\n  entry \"x\" { weight = 40, count = 2 }\n}\n",
            "C0211 write each attribute on a line of its own, without a comma, and `}` on the line after",
        ),
    ];
    for (text, help) in cases {
        assert_eq!(helps(text)[0], help, "{text}");
    }
}

#[test]
fn an_attribute_is_told_how_it_is_written() {
    let good = when("trigger.gold");
    for (wrong, help) in [
        (good.replace("when = ", "when == "), "C0202 write `when = …`"),
        (good.replace("when = ", ""), "C0203 write `when = ` before it, if it is a condition"),
        (good.replace("emit \"x\"", "emit market.flag"), "C0303 write `emit \"market.flag\" {`"),
        (
            good.replace("trigger.gold", "active night"),
            "C0212 a function takes its argument in brackets",
        ),
        (
            good.replace("{}", "{ payload = { n = 1 } }"),
            "C0307 write each of its values as `name = value`, directly in the block",
        ),
    ] {
        assert_eq!(helps(&wrong)[0], help, "{wrong}");
    }
    let table = |entry: &str| {
        format!(
            "param \"p\" {{\n  type    = int(1, 9)\n  default = 3\n}}\nloot_table \"l\" {{\n  entry \"x\" {{\n    weight = 1\n    {entry}\n  }}\n}}\n\
             rule \"r\" {{\n  on = t\n  emit \"x\" {{\n    table = l\n    v     = param.p\n  }}\n}}\n"
        )
    };
    let ends = "C0307 write `count = [5, 25]`";
    leads(&table("count = 5-25"), ends, &table("count = [5, 25]"));
    leads(&table("count = \"5-25\""), ends, &table("count = [5, 25]"));
    assert_eq!(
        helps(&table("count = 5, 25"))[0],
        "C0212 a range stands in brackets: write `[fewest, most]`"
    );
    assert_eq!(
        helps(&table("count = param.p"))[0],
        "C0307 write the value itself: a param stands in expressions alone"
    );
    leads(
        &when("trigger.gold && chance(1/10)"),
        "C0607 `/` of whole numbers is a whole number: write a share as a decimal, as in `chance(0.1)`",
        &when("trigger.gold && chance(0.1)"),
    );
    let timer = "timer \"night\" {\n  every    = \"30m\"\n  duration = \"5m\"\n}\n";
    let on = |on: &str| format!("{timer}rule \"r\" {{\n  on = {on}\n  broadcast \"x\" {{}}\n}}\n");
    leads(&on("night.timer"), "C0412 write `on = timer.night`", &on("timer.night"));
}

#[test]
fn a_cron_without_quotes_is_told_to_be_a_string() {
    let timer = |cron: &str| {
        format!(
            "timer \"n\" {{\n  zone = \"UTC\"\n  cron = {cron}\n}}\nrule \"r\" {{\n  on = timer.n\n  broadcast \"x\" {{}}\n}}\n"
        )
    };
    leads(
        &timer("0 20 * * FRI"),
        "C0212 a cron expression is a string: write it between double quotes",
        &timer("\"0 20 * * FRI\""),
    );
    // What stands behind the block is none.
    let text = timer("\"0 20 * * FRI\"").replacen("}\n", "} 5\n", 1);
    assert_eq!(helps(&text)[0], "C0212 start a new line, or join the two parts with an operator");
}

#[test]
fn a_fix_is_told_only_where_it_fits() {
    let test = |body: &str| {
        format!("{}test \"x\" {{\n  on = t\n  {body}\n  fired = [r]\n}}\n", when("trigger.gold"))
    };
    let given = "C0203 write `trigger = { gold = value }`";
    assert_eq!(helps(&test("trigger.gold = true"))[0], given);
    let timer = "timer \"n\" {\n  cron = \"0 20 * * FRI\" zone = \"UTC\"\n}\n";
    assert!(helps(timer)[0].starts_with("C0212 start a new line"), "{:?}", helps(timer));
    let field = when("trigger.rich b");
    assert!(helps(&field)[0].starts_with("C0212 start a new line"), "{:?}", helps(&field));
    let table = "loot_table \"l\" {\n  entry \"x\" { weight = 5-25 }\n}\n";
    assert!(helps(table)[0].starts_with("C0307 write a whole number"), "{:?}", helps(table));
    assert!(helps("rule r.s {\n  on = t\n}\n")[0].starts_with("C0303 write `rule \"r\" {`"));
    let decimals = helps(&when("trigger.gold && chance(0.0 / 2.0)"));
    assert!(decimals[0].starts_with("C0607 compare"), "{decimals:?}");
    let lone = helps("enum \"e\" { values = [\"low\", high] }\n");
    assert_eq!(lone[0], "C0307 write \"high\"");
    let dash = "param \"p\" {\n  type    = bool\n  default = true\n  override {\n    zone  = eu-west\n    value = false\n  }\n}\n";
    let told =
        "C0112 write \"eu-west\" if it is a text, `eu - west` to subtract, or `_` to join words";
    assert_eq!(helps(dash), [told]);
    for (text, meant) in [
        ("30min", "30m"),
        ("0.5h", "30m"),
        ("10 minutes", "10m"),
        ("1.5 days", "1d12h"),
        ("2w", "14d"),
    ] {
        let found = helps(&when(&format!("trigger.dur > \"{text}\"")));
        assert_eq!(found, [format!("C0505 write \"{meant}\"")], "{text}");
    }
    for text in ["0.3ms", "soon", "h", "1 fortnight"] {
        let found = helps(&when(&format!("trigger.dur > \"{text}\"")));
        assert!(found[0].starts_with("C0505 write for example"), "{text}: {found:?}");
    }
}

#[test]
fn what_comes_from_other_languages_is_told_as_it_is_here() {
    let first = |text: &str| helps(text).first().cloned().unwrap_or_default();
    let table = |weight: &str| {
        format!(
            "loot_table \"l\" {{\n  entry \"x\" {{\n    weight = {weight}\n  }}\n}}\n\
             rule \"r\" {{\n  on = t\n  emit \"x\" {{ table = l }}\n}}\n"
        )
    };
    let comment = "a comment begins with `#` or `//`";
    leads(&table("9 -- common"), &format!("C0307 {comment}"), &table("9 # common"));
    leads(
        &when("trigger.gold -- limit").replace("gold", "level > 5"),
        &format!("C0405 {comment}"),
        &when("trigger.level > 5 # limit"),
    );
    assert_eq!(first(&when("trigger.level > 5 -- at most")), format!("C0212 {comment}"));
    let whole = "C0202 write 5, and let the weights of all entries of the table add up to 1000";
    assert_eq!(first(&table("0.5%")), whole);
    for (wrong, help) in [
        (when("trigger.gold ~= true"), "C0101 write `!=` for what is not equal; else remove it"),
        (
            when("!trigger.level >= 5"),
            "C0503 compare the value with something, and put that in brackets: `!(a > b)`",
        ),
        (
            when("trigger.level > 5 if trigger.gold else false"),
            "C0212 a choice is written `condition ? value : other value`",
        ),
        (
            when("\"trigger.level > 5\""),
            "C0504 say what is compared with it, as in `x == \"a\"` or `one_of(x, \"a\", \"b\")`; a condition has no quotes",
        ),
        (
            "enum \"e\" {\n  values:\n    - low\n    - high\n}\n".to_owned(),
            "C0202 write `values = [a, b]`: a list stands between brackets",
        ),
        (
            "param \"p\" {\n  \"type\": bool\n}\n".to_owned(),
            "C0203 names have no quotes, and `=` stands before the value",
        ),
        (
            "trigger \"u\" { fields = { \"level\": int(1, 9) } }\n".to_owned(),
            "C0202 names have no quotes, and `=` stands before the value",
        ),
        (
            "rule \"r\":\n  on = t\n".to_owned(),
            "C0202 write `{` in place of the `:`, and `}` below the block's last line",
        ),
    ] {
        assert_eq!(first(&wrong), help, "{wrong}");
    }
    leads(
        &when("trigger.gold && chance(0,2)"),
        "C0502 a decimal has a point: write `0.2`",
        &when("trigger.gold && chance(0.2)"),
    );
    leads(
        &when("!(trigger.level >= 5)").replace("(trigger.level >= 5)", "trigger.level >= 5"),
        "C0503 compare the value with something, and put that in brackets: `!(a > b)`",
        &when("!(trigger.level >= 5)"),
    );
    let entry = |entry: &str| format!("loot_table \"l\" {{\n  {entry}\n}}\n");
    let labels = helps(&entry("entry ruby = { weight = 1 }"));
    assert_eq!(labels[0], "C0303 write `entry \"ruby\" {`");
}
