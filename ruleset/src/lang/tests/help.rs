//! What a mistake's help says leads on: to something that is meant, and that compiles.

use super::{Code, check, source};

pub(super) const HEAD: &str = r#"ruleset "m" {
  dialect = 1
  context = "m@1"
}
enum "zone" { values = ["a", "b", "c"] }
trigger "t" {
  fields = {
    level = int(1, 100)
    zone  = zone
    gold  = bool
    share = decimal(0.0, 1.0)
    dur   = duration("0s", "1h")
    neg   = int(-10, 10)
    rich  = int(0, 10000000)
    most  = int(0, 9223372036854775807)
    born  = instant
  }
}
counter "hits" {
  on     = t
  per    = player
  window = "1h"
}
"#;

/// `C0602 help` for every error and warning, other than of what is not used.
pub(super) fn helps(text: &str) -> Vec<String> {
    let checked = check(&[source("a.rules.hcl", &format!("{HEAD}{text}"))]);
    let found = checked.diagnostics.iter().filter(|found| found.code != Code::Unused);
    found.map(|found| format!("{} {}", found.code, found.help)).collect()
}

/// A rule with this `when`.
pub(super) fn when(expr: &str) -> String {
    format!("rule \"r\" {{\n  on = t\n  when = {expr}\n  emit \"x\" {{}}\n}}\n")
}

/// A rule that emits this value.
pub(super) fn value(expr: &str) -> String {
    format!("rule \"r\" {{\n  on = t\n  emit \"x\" {{ v = {expr} }}\n}}\n")
}

/// The texts, the one that is wrong first: its errors, and what is found once the help was followed.
pub(super) fn leads(wrong: &str, help: &str, right: &str) {
    assert_eq!(helps(wrong), [help], "{wrong}");
    assert_eq!(helps(right), [""; 0], "{right}");
}

#[test]
fn a_divisor_is_kept_from_zero_in_its_own_unit() {
    let narrow = "narrow the range so that it leaves out zero";
    for (divisor, least, sense) in [
        ("trigger.rich", "1", ""),
        ("trigger.dur", "\"1s\"", " with the smallest divisor that makes sense"),
        ("trigger.share", "0.01", " with the smallest divisor that makes sense"),
    ] {
        let of = if divisor == "trigger.dur" { "\"1h\"" } else { "trigger.level" };
        let bounded = format!("max({divisor}, {least})");
        let help = format!("C0602 divide by `{bounded}`{sense}, or {narrow}");
        leads(&value(&format!("{of} / {divisor}")), &help, &value(&format!("{of} / {bounded}")));
    }
    let help = format!("C0602 {narrow}; `max(trigger.neg, 1)` would take 1 for what is below");
    assert_eq!(helps(&value("100 / trigger.neg")), [help]);
    // What a function answers has no range of its own that could be narrowed.
    leads(
        &value("100 / abs(trigger.neg)"),
        "C0602 divide by `max(abs(trigger.neg), 1)`",
        &value("100 / max(abs(trigger.neg), 1)"),
    );
    let late = "max(since(trigger.born), \"1s\")";
    leads(
        &value("\"1h\" / since(trigger.born)"),
        &format!("C0602 divide by `{late}`, which takes \"1s\" for what is below"),
        &value(&format!("\"1h\" / {late}")),
    );
    // What is too long to be shown is not written out in part.
    let long = ["trigger.level"; 5].join(" + ");
    let of = |inputs: &str| format!("narrow the {inputs} so that it leaves out zero");
    let help = format!("C0602 divide by `max(…, 1)`, or {}", of("range of `trigger.level`"));
    assert_eq!(helps(&value(&format!("100 / ({long} - 5)"))), [help]);
    let found = helps(&value("100 / (trigger.level - trigger.rich)"));
    let both =
        "narrow the ranges of `trigger.level` and `trigger.rich` so that they leave out zero";
    let bounded = "max(trigger.level - trigger.rich, 1)";
    assert_eq!(found, [format!("C0602 {both}; `{bounded}` would take 1 for what is below")]);
    // No divisor is left that is more than zero.
    let found = helps(&value("100 / min(trigger.neg, 0)"));
    assert_eq!(found, [format!("C0602 {}", of("range of `trigger.neg`"))]);
}

#[test]
fn a_text_in_a_sum_is_an_instant_if_it_is_one() {
    for expr in [
        "\"2026-12-24T18:00:00Z\" - trigger.born > \"1d\"",
        "trigger.born - \"2026-12-24T18:00:00Z\" > \"0s\"",
        "\"2026-12-24T18:00:00Z\" + trigger.dur > trigger.born",
        "trigger.born - \"90s\" > \"2026-12-24T18:00:00Z\"",
    ] {
        assert_eq!(helps(&when(expr)), [""; 0], "{expr}");
    }
    for (expr, help) in [
        ("trigger.born - \"2026-12-25\" > \"0s\"", "C0506 write \"2026-12-25T00:00:00Z\""),
        ("min(\"2026-12-25T00:00:00Z\", \"2027-12-25T00:00:00Z\") - trigger.born > \"0s\"", ""),
        (
            "(trigger.gold ? \"2026-12-25T00:00:00Z\" : \"2027-12-25T00:00:00Z\") - trigger.born > \"0s\"",
            "",
        ),
        (
            "trigger.born + \"2026-12-25T00:00:00Z\" > trigger.born",
            "C0501 subtract them for the time between them, or add a duration to one",
        ),
        (
            "trigger.dur - trigger.born > trigger.born",
            "C0501 how long ago an instant was is `since(trigger.born)`; `trigger.born - trigger.dur` is an instant",
        ),
        (
            "trigger.born > trigger.dur",
            "C0501 `since(trigger.born)` is a duration: how long ago it was",
        ),
        (
            "since(trigger.born) >= 0",
            "C0501 write a duration with its unit, as in \"0s\" or \"90m\"",
        ),
        (
            "(trigger.dur + trigger.dur) - trigger.born > \"1d\"",
            "C0501 how long ago an instant was is `since(trigger.born)`; `trigger.born - (trigger.dur + trigger.dur)` is an instant",
        ),
        ("trigger.dur / trigger.born > 3", "C0501 make both sides the same type"),
        ("trigger.dur + trigger.level > \"1h\"", "C0501 make both sides the same type"),
        ("trigger.level * \"5s\" > trigger.dur", ""),
        ("trigger.gold + trigger.gold", "C0501 compute with numbers or durations"),
    ] {
        let expected: &[&str] = if help.is_empty() { &[] } else { &[help] };
        assert_eq!(helps(&when(expr)), expected, "{expr}");
    }
    // Elsewhere it stands for a duration.
    assert!(helps(&when("trigger.dur * \"2026-12-24T18:00:00Z\" > 3"))[0].starts_with("C0505"));
}

#[test]
fn a_text_beside_another_type_is_told_what_it_could_be() {
    let both = "C0501 write a number on both sides, or on neither";
    leads(
        &when("trigger.level > \"10\""),
        "C0501 write 10 without quotes",
        &when("trigger.level > 10"),
    );
    leads(
        &value("trigger.gold ? \"heroic\" : 3"),
        both,
        &value("trigger.gold ? \"heroic\" : \"plain\""),
    );
    leads(
        &when("trigger.level == \"high\""),
        "C0501 write a number instead of \"high\"",
        &when("trigger.level == 9"),
    );
    for (word, meant) in [("yes", "true"), ("off", "false"), ("true", "true")] {
        leads(
            &when(&format!("trigger.gold == \"{word}\" && trigger.level > 3")),
            &format!("C0501 write {meant} without quotes"),
            &when(&format!("trigger.gold == {meant} && trigger.level > 3")),
        );
    }
    leads(
        &when("\"maybe\" != trigger.gold"),
        "C0501 write true or false instead of \"maybe\"",
        &when("true != trigger.gold"),
    );
    let bools = "C0501 write true or false on both sides, or on neither";
    leads(
        &value("trigger.level > 3 ? \"some\" : trigger.gold"),
        bools,
        &value("trigger.level > 3 ? true : trigger.gold"),
    );
    assert_eq!(
        helps(&when("trigger.gold < \"yes\"")),
        ["C0501 true and false have no order: use `==` or `!=`"]
    );
    // A number in quotes beside one in a sum, or beside a duration.
    for (sum, number) in [
        ("trigger.level + \"5\" > 9", "5"),
        ("\"5\" * trigger.level > 9", "5"),
        ("trigger.share - \"0.5\" > 0.1", "0.5"),
    ] {
        let right = sum.replace('"', "");
        leads(&when(sum), &format!("C0501 write {number} without quotes"), &when(&right));
    }
    for (wrong, help, right) in [
        // What it is beside says what it is, in whatever way it is written.
        ("trigger.level + \"-5\" > 9", "C0501 write -5 without quotes", "trigger.level + -5 > 9"),
        (
            "trigger.level + \"05\" > 9",
            "C0501 write a number instead of \"05\"",
            "trigger.level + 5 > 9",
        ),
        (
            "trigger.level + (trigger.gold ? \"5\" : \"6\") > 9",
            "C0501 write a number instead of (trigger.gold ? \"5\" : \"6\")",
            "trigger.level + (trigger.gold ? 5 : 6) > 9",
        ),
        (
            "trigger.dur * \"2\" > \"1h\"",
            "C0501 write 2 without quotes",
            "trigger.dur * 2 > \"1h\"",
        ),
        (
            "trigger.dur * \"1.5\" > \"1h\"",
            "C0501 write 1.5 without quotes",
            "trigger.dur * 1.5 > \"1h\"",
        ),
        (
            "trigger.dur / \"5\" > \"1m\"",
            "C0501 write 5 without quotes",
            "trigger.dur / 5 > \"1m\"",
        ),
        (
            "-\"5\" + trigger.level > 9",
            "C0503 write the number without quotes",
            "-5 + trigger.level > 9",
        ),
    ] {
        leads(&when(wrong), help, &when(right));
    }
    // Beside a mistake nothing is guessed.
    assert_eq!(helps(&when("counter.hits + \"5\" > 9")), ["C0307 write `rate(hits)`"]);
    assert_eq!(helps(&when("trigger.level + \"5\" + \"6\" > 9")).len(), 1);
    leads(
        &when("trigger.dur - \"5\" > \"1m\""),
        "C0505 write \"5s\" for seconds, or \"5m\" for minutes",
        &when("trigger.dur - \"5s\" > \"1m\""),
    );
}

#[test]
fn a_comparison_of_types_is_told_with_what_fits() {
    for (wrong, help, right) in [
        (
            "trigger.zone == 2",
            "compare with one of its values, as in \"a\"",
            "trigger.zone == \"a\"",
        ),
        (
            "trigger.gold == 1",
            "write true instead of 1",
            "trigger.gold == true && trigger.level > 3",
        ),
        ("0 != trigger.gold", "write false instead of 0", "false != trigger.gold"),
        (
            "trigger.dur > 120",
            "write \"120s\" for seconds, or \"120m\" for minutes",
            "trigger.dur > \"120s\"",
        ),
        ("counter.hits < 20", "write `rate(hits)`", "rate(hits) < 20"),
    ] {
        let (code, right) =
            (if wrong.starts_with("counter") { "C0307" } else { "C0501" }, when(right));
        leads(&when(wrong), &format!("{code} {help}"), &right);
    }
    let order = "C0501 an enum has no order: use `==`, `!=` or `one_of`";
    assert_eq!(helps(&when("trigger.zone > 1")), [order]);
    let nothing = "C0405 use one of these forms";
    assert_eq!(helps(&when("counter.misses < 20")), [nothing]);
    assert_eq!(helps(&when("timer.night && trigger.gold")), [nothing]);
    let night = "timer \"night\" {\n  every    = \"1h\"\n  duration = \"1m\"\n}\n";
    for (wrong, help, right) in [
        ("counter.night && trigger.gold", "C0307 write `active(night)`", "active(night)"),
        ("rate(timer.night) > 3", "C0405 write `active(night)`", "active(night)"),
        ("active(counter.hits)", "C0405 write `rate(hits)`", "rate(hits) > 3"),
    ] {
        let with = |expr: &str| format!("{night}{}", when(expr));
        leads(&with(wrong), help, &with(right));
    }
    for wrong in ["trigger.gold == 2", "chance(0.5) == 2"] {
        let help = "C0501 a yes or no is true or false: compare it with one of them";
        assert_eq!(helps(&when(wrong)), [help], "{wrong}");
    }
    let order = "C0501 true and false have no order: use `==` or `!=`";
    assert_eq!(helps(&when("trigger.gold < 1")), [order]);
    assert_eq!(
        helps(&when("trigger.dur > 3h")),
        ["C0108 write the digits out, or \"3h\" where a duration belongs"]
    );
    assert_eq!(helps(&value("trigger.level / 0")), ["C0602 divide by something else"]);
}

#[test]
fn a_timer_that_fires_while_it_is_active_is_told() {
    let timer = |schedule: &str, duration: &str| {
        format!(
            "timer \"n\" {{\n  {schedule}\n  duration = \"{duration}\"\n}}\n{}",
            when("active(n)")
        )
    };
    let cron = |cron: &str| format!("cron = \"{cron}\"\n  zone = \"UTC\"");
    leads(
        &timer(&cron("* 18 * * SAT"), "3h"),
        "C0823 write 0 as the minute to fire once an hour: `*` is every minute",
        &timer(&cron("0 18 * * SAT"), "3h"),
    );
    leads(
        &timer(&cron("0 18 * * SAT"), "8d"),
        "C0823 choose a duration of \"7d\" at most, or fire less often",
        &timer(&cron("0 18 * * SAT"), "7d"),
    );
    leads(
        &timer("every = \"1m\"", "61s"),
        "C0823 choose a duration of \"1m\" at most, or fire less often",
        &timer("every = \"1m\"", "1m"),
    );
}

#[test]
fn what_has_no_name_may_be_what_is_meant() {
    for text in [
        "trigger { fields = { level = int(1, 9) } }\nrule \"r\" {\n  on = kill\n  emit \"x\" {}\n}\n",
        "param {\n  type    = bool\n  default = true\n}\nrule \"r\" {\n  on   = t\n  when = param.open\n  emit \"x\" {}\n}\n",
        "timer { every = \"1m\" }\nrule \"r\" {\n  on = timer.night\n  broadcast \"x\" {}\n}\n",
        "enum { values = [\"a\"] }\ntrigger \"u\" { fields = { kind = kind } }\n",
    ] {
        let codes: Vec<String> = helps(text).iter().map(|help| help[..5].to_owned()).collect();
        assert_eq!(codes, ["C0303"], "{text}");
    }
}

#[test]
fn weights_that_are_none_are_mended_in_one_step() {
    let table = |a: &str, b: &str| {
        format!(
            "loot_table \"l\" {{\n  entry \"x\" {{ weight = {a} }}\n  entry \"y\" {{ weight = {b} }}\n}}\n\
             rule \"r\" {{\n  on = t\n  emit \"x\" {{ table = l }}\n}}\n"
        )
    };
    let help = "C0703 write `weight = 1`, or more; an entry that is never to fall is left out of the table";
    assert_eq!(helps(&table("0", "0")), [help, help]);
    assert_eq!(helps(&table("1", "1")), [""; 0]);
    assert!(helps(&table("-6", "1"))[0].starts_with("C0703 write a whole number from 1"));
}

#[test]
fn a_field_of_a_cron_is_corrected_alone() {
    let timer = |cron: &str| {
        format!(
            "timer \"n\" {{\n  cron = \"{cron}\"\n  zone = \"UTC\"\n}}\nrule \"r\" {{\n  on = timer.n\n  broadcast \"x\" {{}}\n}}\n"
        )
    };
    leads(
        &timer("30 25 * * SUN"),
        "C0801 correct this one and leave the others as they are",
        &timer("30 23 * * SUN"),
    );
}

#[test]
fn a_prefixed_counter_is_used_all_the_same() {
    let text = "counter \"seen\" {\n  on     = t\n  per    = player\n  window = \"1h\"\n}\n";
    let text = format!("{HEAD}{text}{}", when("rate(counter.seen) > 3 && rate(hits) > 3"));
    let checked = check(&[source("a.rules.hcl", &text)]);
    assert_eq!(checked.diagnostics, [], "neither an error nor C1101");
}

#[test]
fn a_value_in_quotes_is_told_without_them() {
    let entry = |weight: &str| {
        format!(
            "loot_table \"l\" {{\n  entry \"x\" {{ weight = {weight} }}\n}}\n\
             rule \"r\" {{\n  on = t\n  emit \"x\" {{ table = l }}\n}}\n"
        )
    };
    leads(&entry("\"40\""), "C0307 write 40 without quotes", &entry("40"));
    let given = |value: &str| entry("1").replace("weight = 1", &format!("guaranteed = {value}"));
    leads(&given("\"true\""), "C0307 write true without quotes", &given("true"));
    let param = |ty: &str, value: &str| {
        format!("param \"p\" {{\n  type    = {ty}\n  default = {value}\n}}\n")
    };
    leads(
        &param("int(1, 500)", "\"100\""),
        "C0501 write 100 without quotes",
        &param("int(1, 500)", "100"),
    );
    leads(&param("bool", "\"yes\""), "C0501 write true without quotes", &param("bool", "true"));
    for text in ["1.5", "007", "+4"] {
        let whole = "C0501 write a whole number, for example 10";
        assert_eq!(helps(&param("int(1, 9)", &format!("\"{text}\""))), [whole], "{text}");
    }
}

#[test]
fn a_name_is_told_as_it_is_written_there() {
    let emit = |event: &str, name: &str| {
        format!("rule \"r\" {{\n  on = t\n  emit \"{event}\" {{ {name} = 1 }}\n}}\n")
    };
    leads(&emit("x", "maxLevel"), "C0401 write `max_level`", &emit("x", "max_level"));
    let harvested = "C0401 write \"crop.harvested_now\"";
    leads(&emit("Crop.HarvestedNow", "n"), harvested, &emit("crop.harvested_now", "n"));
    // No name that is too long again.
    let long = "aB".repeat(64);
    assert_eq!(helps(&emit("x", &long)), ["C0401 write for example \"crypt_drop\""]);
    // Nothing refers to a rule: what has its name is unknown.
    let text = "rule \"BigDrop\" {\n  on = t\n  when = condition.big_drop\n  emit \"x\" {}\n}\n";
    let told =
        ["C0401 write \"big_drop\"", "C0405 declare `condition \"big_drop\"`, or correct the name"];
    assert_eq!(helps(text), told);
}

#[test]
fn a_decimal_that_is_too_large_is_told_in_decimals() {
    let found = helps(&value("trigger.rich / 2.0"));
    let help =
        "C0601 narrow the ranges of the inputs, or multiply by the inverse: `x * 0.5` is `x / 2.0`";
    assert_eq!(found, [help]);
    assert_eq!(helps(&value("trigger.rich * 0.5")), [""; 0]);
    let checked =
        check(&[source("a.rules.hcl", &format!("{HEAD}{}", value("trigger.rich / 2.0")))]);
    let found = checked.errors().next().unwrap();
    assert_eq!(
        (found.message.as_str(), found.cause.as_str()),
        (
            "`trigger.rich / 2.0` can overflow: it reaches 10000000.0 before it is divided when trigger.rich is 10000000",
            "what a decimal divides must stay within ±9223372.036854"
        )
    );
}

#[test]
fn an_attribute_of_other_tools_is_told_its_name_here() {
    leads(
        "rule \"r\" {\n  on = t\n  if = trigger.gold\n  emit \"x\" {}\n}\n",
        "C0304 did you mean `when`?",
        &when("trigger.gold"),
    );
    let param = |more: &str| {
        format!(
            "param \"p\" {{\n  type = int\n  default = 3\n{more}}}\n{}",
            when("trigger.level > param.p")
        )
    };
    let range = "  range = [0, 9]\n";
    for (more, help) in [
        ("  description = \"how many\"\n", "C0304 did you mean `doc`?"),
        ("  overrides = { eu = 4 }\n", "C0304 `override` is a block: write `override {`"),
        ("  colour = 3\n", "C0304 write what is meant as one of these, or remove it"),
        ("  override \"eu\" { value = 4 }\n", "C0303 write `override {`"),
        ("  override {\n    region = \"eu\"\n    value = 4\n  }\n", "C0304 did you mean `zone`?"),
    ] {
        assert_eq!(helps(&param(&format!("{range}{more}"))), [help], "{more}");
    }
    let found = helps(&param("  min = 0\n  max = 9\n"));
    assert_eq!(found, ["C0304 write `range = [smallest, largest]`"; 2]);
    assert_eq!(helps(&param("  range = 0..9\n")), ["C0108 write `[0, 9]`"]);
    assert_eq!(
        helps(&param("  type = int(0, 5)\n  range = [0, 9]\n").replacen("  type = int\n", "", 1)),
        ["C0305 remove one of them"]
    );
    // What is in brackets stays there.
    let text = format!("{HEAD}{}", when("chance((trigger.share + 1.0) * 0.9)"));
    let checked = check(&[source("a.rules.hcl", &text)]);
    let fix = checked.diagnostics[0].fix.as_ref().unwrap();
    assert_eq!(fix.text, "clamp((trigger.share + 1.0) * 0.9, 0.0, 1.0)");
    assert_eq!(
        &text[fix.span.start as usize..fix.span.end as usize],
        "(trigger.share + 1.0) * 0.9"
    );
    // What is there already is not meant once more.
    let twice = "rule \"r\" {\n  on = t\n  event = t\n  emit \"x\" {}\n}\n";
    assert_eq!(helps(twice), ["C0304 `on` is there already: remove this one"]);
    let checked = check(&[source("a.rules.hcl", &format!("{HEAD}{twice}"))]);
    assert!(checked.diagnostics[0].fix.is_none());
    let emit = "rule \"r\" {\n  on = t\n  emit = \"x\"\n}\n";
    assert_eq!(helps(emit), ["C0304 `emit` is a block: write `emit \"name\" {`"]);
}

#[test]
fn types_and_references_of_other_tools_are_told_their_form_here() {
    for (ty, help) in [
        ("boolean", "C0405 did you mean `bool`?"),
        ("integer", "C0405 did you mean `int`?"),
        ("datetime", "C0405 did you mean `instant`?"),
        ("bool(0, 1)", "C0405 write `bool`"),
        ("zone(1, 2)", "C0405 write `zone`"),
        ("int(9, 1)", "C0608 swap the two: write `int(1, 9)`"),
        ("instant(1, 2)", "C0405 write `instant`"),
        ("integer(1, 2)", "C0405 write `int(1, 2)`"),
        ("\"bool\"", "C0307 write `bool` without quotes"),
        ("\"decimal", "C0103 add `\"` behind `decimal`; a quote inside is written `\\\"`"),
    ] {
        let text = format!("trigger \"u\" {{\n  fields = {{\n    f = {ty}\n  }}\n}}\n");
        assert_eq!(helps(&text), [help], "{ty}");
    }
    for (expr, help) in [
        (
            "trigger.lvl > 3",
            "C0406 t has `level`, `zone`, `gold`, `share`, `dur`, `neg`, `rich`, `most` and `born`: use one of them, or add the field",
        ),
        ("condition.c()", "C0202 write `condition.c`"),
        ("trigger.level.min()", "C0202 write `min(trigger.level, …)`"),
        ("trigger.neg.abs() > 3", "C0202 write `abs(trigger.neg)`"),
        (
            "trigger.now > trigger.born",
            "C0406 write `since(instant)` for how long ago something was, or `active(timer)` for whether it is on",
        ),
        ("rate(param.k) > 2", "C0405 write the bare name of a `counter`"),
        ("trigger.level ^ 2 > 4", "C0101 write the product out: `x * x`"),
    ] {
        assert_eq!(helps(&when(expr)), [help], "{expr}");
    }
    assert_eq!(
        helps("rule \"r\" {\n  on = t, t\n  emit \"x\" {}\n}\n"),
        ["C0212 write one value; what follows is another statement, on its own line"]
    );
}

#[test]
fn a_zone_that_lies_near_by_its_letters_alone_is_not_meant() {
    let city = "C0802 name a city of the zone, for example \"Europe/Paris\", or \"UTC\": an offset says nothing of summer time";
    for (zone, help) in [
        ("GMT+1", city),
        ("UTC-5", city),
        ("+02:00", city),
        ("CST", city),
        ("PST", "C0802 did you mean \"America/Los_Angeles\"?"),
        ("utc", "C0802 did you mean \"UTC\"?"),
        ("berlin", "C0802 did you mean \"Europe/Berlin\"?"),
        ("Europe/Berln", "C0802 did you mean \"Europe/Berlin\"?"),
    ] {
        let text = format!(
            "timer \"n\" {{\n  cron = \"0 20 * * FRI\"\n  zone = \"{zone}\"\n  duration = \"1h\"\n}}\n{}",
            when("active(n)")
        );
        assert_eq!(helps(&text), [help], "{zone}");
    }
}

#[test]
fn what_refers_to_a_trigger_with_a_mistake_is_taken_to_be_right() {
    let rule = "rule \"r\" {\n  on = k\n  when = trigger.level > 3 && trigger.max > 2\n  emit \"x\" {}\n}\n";
    let idle = "condition \"c\" { when = trigger.level > 3 && trigger.max > 2 }\n";
    let other = "trigger \"u\" { fields = { level = int(1, 9) } }\n";
    let many: String = (0..65).map(|n| format!("    f{n} = bool\n")).collect();
    for (trigger, code) in [
        ("trigger \"k\" { fields = [level, max] }".to_owned(), "C0307"),
        ("trigger \"k\" {\n  fields = {\n    level = int(1, 9)\n    Max = int(1, 9)\n  }\n}".to_owned(), "C0401"),
        ("trigger \"K\" { fields = { level = int(1, 9), max = int(1, 9) } }".to_owned(), "C0401"),
        (format!("trigger \"k\" {{\n  fields = {{\n{many}  }}\n}}"), "C0312"),
        (
            "trigger \"k\" { fields = { level = int(1, 9) } }\ntrigger \"k\" { fields = { max = int(1, 9) } }".to_owned(),
            "C0403",
        ),
    ] {
        for more in [rule, idle] {
            for other in ["", other] {
                let found = helps(&format!("{trigger}\n{other}{more}"));
                assert!(found.len() == 1 && found[0].starts_with(code), "{trigger}\n{other}{more}: {found:#?}");
            }
        }
    }
}

#[test]
fn names_of_other_tools_are_told_as_they_are_written_here() {
    let rule =
        "rule \"r\" {\n  on = crop_harvested\n  when = trigger.max > 2\n  emit \"x\" {}\n}\n";
    let field = "trigger \"crop_harvested\" {\n  fields = {\n    maxLevel = int(1, 9)\n    max = int(1, 9)\n  }\n}\n";
    assert_eq!(helps(&format!("{field}{rule}")), ["C0401 write `max_level`"]);
    let name = "trigger \"CropHarvested\" { fields = { max = int(1, 9) } }\n";
    assert_eq!(helps(&format!("{name}{rule}")), ["C0401 write \"crop_harvested\""]);
    let param = "param \"ripe_after\" {\n  type = int\n  default = 3\n  range = [0, 9]\n}\n";
    let found = helps(&format!("{param}{}", when("trigger.level > param.ripeafter")));
    assert_eq!(found, ["C0405 did you mean `param.ripe_after`?"]);
}
