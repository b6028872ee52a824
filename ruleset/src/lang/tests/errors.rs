//! One row per mistake: what is reported, and where.

use super::{BASE, beside_base, found, source};
use crate::lang::{Code, check, line_col};

/// Codes with line and column of everything that is found in `text`.
fn places(text: &str) -> Vec<String> {
    let short = |line: String| line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
    let mut found: Vec<String> = found(text).into_iter().map(short).collect();
    found.sort_by_key(|found| {
        let (code, place) = found.split_once(' ').unwrap_or_default();
        let (line, column) = place.split_once(':').unwrap_or_default();
        (line.parse::<u32>().ok(), column.parse::<u32>().ok(), code.to_owned())
    });
    found
}

#[test]
fn every_mistake_is_reported_where_it_is() {
    for (text, expected) in ROWS {
        assert_eq!(places(text), *expected, "{text}\n{:#?}", found(text));
    }
}

#[rustfmt::skip]
const ROWS: &[(&str, &[&str])] = &[
    ("loot_table \"t\" {\n  rolls = [0, 101]\n  entry \"a\" { weight = 1 }\n  pity \"b\" { after = 5 }\n}\nloot_table \"u\" {\n  rolls = 0\n  entry \"a\" { weight = 1 }\n}\nloot_table \"v\" {\n  rolls = [1, 2, 3]\n  entry \"a\" { weight = 1 }\n}",
     &["C0711 2:11", "C0405 4:8", "C0711 7:11", "C0307 11:11"]),
    ("loot_table \"t\" {\n  entry \"a\" { guaranteed = 1 }\n  entry \"b\" { item = \"x\" }\n  entry \"c\" { weight = 1 }\n  pity \"c\" { soft_from = 1 }\n}\npity \"x\" {\n}",
     &["C0307 2:28", "C0306 3:3", "C0306 5:3", "C0302 7:1"]),
    ("loot_table \"t\" {\n  entry \"a\" { weight = 1 }\n  pity \"a\" {\n    after = 5\n    soft_from = 1\n  }\n  pity \"a\" {\n    after = 5\n    soft_from = 5\n    soft_step = 0\n  }\n}",
     &["C0716 5:17", "C0716 9:17", "C0716 10:17"]),
    ("loot_table \"t\" {\n  entry \"a\" { weight = 1 }\n  pity \"a\" { after = 5 }\n  pity \"a\" { after = 6 }\n}\nloot_table \"u\" {\n  entry \"a\" {\n    guaranteed = true\n    when = trigger.flag\n  }\n}\nloot_table \"v\" {\n  entry \"a\" { guaranteed = true }\n  entry \"b\" {\n    weight = 1\n    when = trigger.flag\n  }\n}",
     &["C0403 4:8", "C0702 6:1", "C0702 12:1"]),
    ("timer \"a\" {\n  every = \"1h\"\n  jitter = \"1h\"\n  except = \"2026-01-01\"\n}\ntimer \"b\" {\n  every = \"1h\"\n  zone = \"Mars\"\n  except = [\"2026-13-01\", 7, \"2026-01-02..2026-01-01\", \"2026-01-01\"]\n}\ntimer \"c\" {\n  every = \"1h\"\n  zone = \"UTC\"\n}",
     &["C0806 3:12", "C0307 4:12", "C0802 8:10", "C0807 9:13", "C0307 9:27", "C0808 9:30", "C0803 13:10"]),
    ("timer \"a\" {\n  cron = \"30 2 * 3,10 *\"\n  zone = \"Europe/Paris\"\n  except = [\"2026-04-01\", \"2026-03-29\"]\n}",
     &["C0821 2:10", "C0822 2:10", "C0809 4:13"]),
    ("condition \"c\" {\n  when = trigger.level >= \n}\nrule \"x\" {\n  on = kil\n}",
     &["C0201 2:25", "C0901 4:1", "C0405 5:8"]),
    ("condition \"c\" {\n  when = (trigger.level >= 3 && trigger.flag\n}\nparam \"p\" {\n  type = bool\n  default = 3\n}",
     &["C0205 3:1", "C0501 6:13"]),
    ("rule \"a\" {\n  on = kill\nrule \"b\" {\n  on = kill\n  emit \"e\" { }\n}",
     &["C0204 1:1"]),
    ("loot_table \"t\" {\n  entry \"a\" {\n    weight = 1\n    when = chance(0.5)\n  }\n  entry \"b\" { weight = 1 }\n}",
     &["C0509 4:12"]),
    ("rule \"a\" {\n  on = kill\n  when = trigger.level != trigger.level\n  emit \"e\" { }\n}\nrule \"b\" {\n  on = kill\n  when = trigger.level * 2 <= trigger.level * 2\n  emit \"e\" { }\n}\nrule \"c\" {\n  on = kill\n  when = chance(0.5) == chance(0.5)\n  emit \"e\" { }\n}",
     &["C0607 3:10", "C0606 8:10"]),
    ("loot_table \"t\" {\n  entry \"a\" { weight = 3000000 }\n  entry \"b\" { weight = 1 }\n  entry \"c\" { weight = 1 }\n  pity \"c\" { after = 50 }\n}\nrule \"r\" {\n  on = kill\n  emit \"e\" { table = t }\n}",
     &["C1102 3:24"]),
    ("loot_table \"t\" {\n  rolls = [1, 3]\n  entry \"a\" { weight = 2999999 }\n  entry \"b\" { weight = 1 }\n}\nloot_table \"u\" {\n  rolls = 2\n  entry \"a\" { weight = 3000000 }\n  entry \"b\" { weight = 1 }\n}\nrule \"r\" {\n  on = kill\n  emit \"e\" { table = t }\n  emit \"f\" { table = u }\n}",
     &["C1102 9:24"]),
    ("loot_table \"t\" {\n  entry \"a\" {\n    weight = 2\n    item = \"x\"\n    count = 3\n  }\n  entry \"b\" {\n    count  = 3\n    item = \"x\"\n    weight = 7\n  }\n  entry \"c\" {\n    weight = 2\n    item = \"x\"\n    count = 3\n  }\n  pity \"c\" { after = 50 }\n}\nrule \"r\" {\n  on = kill\n  emit \"e\" { table = t }\n}",
     &["C1103 7:9"]),
    ("condition \"c\" { when = [for x in y : x] }",
     &["C0208 1:25"]),
    ("condition \"c\" { when = trigger.level[0] > 1 }",
     &["C0210 1:37"]),
    ("condition \"c\" { when = trigger.*.x }",
     &["C0209 1:31"]),
    ("condition \"c\" { when = trigger.level > 1 && \n  trigger.flag\n}",
     &["C0207 1:42"]),
    ("condition \"c\" {\n  when = trigger.level > 1\n    && trigger.flag\n}",
     &["C0207 3:5"]),
    ("loot_table \"t\" {\n  entry \"a\" { weight = 1 count = 2 }\n  entry \"b\" { weight = 3 }\n}",
     &["C0211 2:26"]),
    ("condition \"c\" { when = 1 < trigger.level < 5 }",
     &["C0213 1:42"]),
    ("condition \"c\" {\n  when: trigger.flag\n}\n}",
     &["C0202 2:7", "C0206 4:1"]),
    ("condition \"c\" {\n  when = trigger.level - 1 > trigger.level-1\n}",
     &["C0112 2:38"]),
    ("condition c {\n  when = trigger.flag\n}",
     &["C0303 1:11"]),
    ("condition \"c\" {\n  when = trigger.flag }",
     &["C0212 2:23"]),
    ("condition \"c\"\n{\n  when = trigger.flag\n}",
     &["C0202 1:1"]),
    ("trigger \"t\" {\n  fields = { a: bool }\n}\nenum \"e\" { values = [] }",
     &["C0202 2:15", "C0307 4:21"]),
    ("rulez \"x\" {\n  on = kill\n  emit \"e\" {}\n}\nentry \"e\" { weight = 1 }\nx = 1",
     &["C0301 1:1", "C0302 5:1", "C0304 6:1"]),
    ("param \"p\" {\n  type = int\n  defalt = 1\n  range = [0, 5]\n  type = bool\n}",
     &["C0304 3:3", "C0305 5:3"]),
    ("rule \"r\" {\n  on = kill\n  entry \"x\" { weight = 1 }\n}",
     &["C0302 3:3"]),
    ("ruleset \"again\" {\n  dialect = 2\n  context = \"hunt\"\n}",
     &["C0309 1:1"]),
    ("param \"Bad-Name\" {\n  type = bool\n  default = true\n}\nparam \"fact0r\" {\n  type = bool\n  default = true\n}\nparam \"factor\" {\n  type = bool\n  default = true\n}\nparam \"facto_r\" {\n  type = bool\n  default = true\n}",
     &["C0401 1:7", "C0404 5:7", "C0403 9:7", "C0404 13:7"]),
    ("condition \"c\" { when = trigger.levle > 5 && param.fctor > 1 && condition.d && foo && level > 3 && trigger.zone == crypt }",
     &["C0406 1:24", "C0405 1:45", "C0405 1:64", "C0405 1:79", "C0412 1:86", "C0412 1:115"]),
    ("condition \"c\" { when = trigger.zone == \"crpyt\" }",
     &["C0411 1:40"]),
    ("condition \"a\" { when = condition.b }\ncondition \"b\" { when = condition.c }\ncondition \"c\" { when = condition.a }\ncondition \"d\" { when = condition.a }",
     &["C0409 3:24"]),
    ("condition \"c\" { when = trigger.flag }\nrule \"r\" {\n  on = claim\n  when = condition.c\n  emit \"e\" { }\n}",
     &["C0407 4:10"]),
    ("condition \"c\" { when = randon(3) > 1 }",
     &["C0408 1:24"]),
    ("condition \"c\" { when = trigger.level + trigger.zone > 3 }",
     &["C0501 1:24"]),
    ("condition \"c\" { when = trigger.level }",
     &["C0504 1:24"]),
    ("condition \"c\" { when = trigger.zone < \"crypt\" }",
     &["C0503 1:24"]),
    ("condition \"c\" { when = min(trigger.level) > 3 }",
     &["C0502 1:24"]),
    ("condition \"c\" { when = \"a\" == \"b\" }",
     &["C0507 1:24"]),
    ("condition \"c\" { when = !trigger.level || -trigger.flag }",
     &["C0503 1:25", "C0503 1:43"]),
    ("rule \"r\" {\n  on = timer.night\n  when = bucket(3) == 1 && trigger.level > 2\n  emit \"e\" { }\n}",
     &["C0508 3:10", "C0508 3:28", "C0903 4:3"]),
    ("param \"p\" {\n  type = duration\n  default = \"90\"\n  range = [\"0s\", \"1h\"]\n}",
     &["C0505 3:13"]),
    ("condition \"c\" { when = trigger.level * 9223372036854775807 > 1 }",
     &["C0601 1:24"]),
    ("condition \"c\" { when = 10 / (trigger.level - 55) > 1 }",
     &["C0602 1:30"]),
    ("condition \"c\" { when = 10 / param.factor > 1 }",
     &["C0602 1:29"]),
    ("condition \"c\" { when = chance(trigger.bonus * 0.5) }",
     &["C0603 1:31"]),
    ("condition \"c\" { when = pick(param.factor) > 1 }",
     &["C0604 1:29"]),
    ("condition \"c\" { when = trigger.level > 0 }",
     &["C0606 1:24"]),
    ("condition \"c\" { when = trigger.level > 100 }",
     &["C0607 1:24"]),
    ("condition \"c\" { when = trigger.level > 50 && trigger.flag && trigger.level < 20 }",
     &["C0607 1:24"]),
    ("condition \"c\" { when = trigger.zone == \"crypt\" && trigger.zone == \"meadow\" }",
     &["C0607 1:24"]),
    ("param \"p\" {\n  type = decimal\n  default = 6\n  range = [0.0, 5.0]\n}\nparam \"q\" {\n  type = int\n  default = 1\n  range = [5, 0]\n}",
     &["C0609 3:13", "C0608 9:11"]),
    ("rule \"r\" {\n  on = kill\n  emit \"e\" {\n    table = gold\n    count = trigger.level * 11\n  }\n}",
     &["C0605 5:13"]),
    ("loot_table \"t\" {\n}\nloot_table \"u\" {\n  entry \"a\" { weight = 0 }\n  entry \"b\" {\n    weight = 2147483648\n    count = [3, 1]\n  }\n  entry \"c\" {\n    weight = 1\n    item = \"x\"\n    table = gold\n  }\n}",
     &["C0701 1:1", "C0703 4:24", "C0706 7:13", "C0704 10:14", "C0709 12:13"]),
    ("loot_table \"t\" {\n  entry \"a\" {\n    weight = 1\n    when = trigger.flag\n  }\n}\nloot_table \"u\" {\n  entry \"a\" {\n    weight = 1\n    table = v\n  }\n}\nloot_table \"v\" {\n  entry \"b\" {\n    weight = 1\n    table = u\n  }\n}",
     &["C0702 1:1", "C0410 16:13"]),
    ("loot_table \"t\" {\n  entry \"z\" { weight = 1 }\n  entry \"a\" {\n    weight = 1\n    when = trigger.level > 100\n  }\n  entry \"b\" {\n    weight = 1\n    when = chance(0.5)\n  }\n}\nrule \"r\" {\n  on = kill\n  emit \"e\" { table = t }\n}",
     &["C0607 5:12", "C0509 9:12"]),
    ("timer \"t\" {\n  cron = \"61 * * * *\"\n  zone = \"UTC\"\n}\ntimer \"u\" {\n  cron = \"0 20 * * FRI\"\n  zone = \"Europe/Pariss\"\n}\ntimer \"v\" {\n}\ntimer \"w\" {\n  every = \"10ms\"\n  missed = \"maybe\"\n}\ntimer \"x\" { cron = \"0 1 * * *\" }",
     &["C0801 2:10", "C0802 7:10", "C0803 9:1", "C0804 12:11", "C0411 13:12", "C0306 15:1"]),
    ("counter \"c\" {\n  on = kill\n  per = guild\n  window = \"8d\"\n}",
     &["C0405 3:9", "C0805 4:12"]),
    ("rule \"r\" {\n  on = kill\n  on_fault = \"explode\"\n}",
     &["C0901 1:1", "C0411 3:14"]),
    ("rule \"r\" {\n  on = night\n  emit \"e\" { }\n}",
     &["C0412 2:8"]),
    ("rule \"r\" {\n  on = kill\n  emit \"e\" {\n    table = gould\n    count = trigger.bonus\n    Bad = 1\n    list = [1]\n  }\n}",
     &["C0405 4:13", "C0401 6:5", "C0307 7:12"]),
    ("param \"p\" {\n  type = decimal\n  default = 0.1234567\n  range = [0, 1]\n}\n@",
     &["C0109 3:13", "C0101 6:1"]),
    ("condition \"c\" { when = trigger.zone == \"${x}\" }",
     &["C0105 1:41"]),
    ("param \"p\" {\n  type = bool\n  default = true\n  doc = <<EOT\nrule \"x\" {\nEOT\n}",
     &["C0106 4:9"]),
    ("param \"p\" {\n  type = bool\n  default = true\n  doc = \"open\n}",
     &["C0103 4:9"]),
    ("condition \"c\" { when = active(tick) }\ntimer \"tick\" { every = \"1s\" }",
     &["C0607 1:24"]),
    ("condition \"c\" { when = active(dawn) || rate(kills) > 1 }",
     &["C0405 1:31", "C0405 1:45"]),
    ("trigger \"t\" {\n  fields = { a = int, b = int(5, 1), c = zonk, d = int(1) }\n}",
     &["C0306 2:18", "C0608 2:27", "C0405 2:42", "C0502 2:52"]),
    ("condition \"c\" { when = trigger.flag && since(\"2026-13-01\") > \"1h\" }",
     &["C0506 1:46"]),
    ("condition \"c\" { when = f(x..., 1) }",
     &["C0209 1:27"]),
    ("trigger \"a\" {\n  fields = { one = bool }\n}\ntrigger \"b\" {\n  fields = { two = bool }\n}\ncondition \"c\" { when = trigger.one && trigger.two }",
     &["C0407 7:24"]),
];

#[test]
fn one_run_reports_all_mistakes_of_a_file() {
    let text = r#"param "rate" {
  type    = decimal
  default = 9.5
  range   = [0.0, 5.0]
}
condition "near" { when = trigger.levle > 5 }
condition "odd" { when = trigger.zone == "cript" }
condition "broken" {
  when = trigger.level >
}
condition "twice" { when = trigger.level > 3 && 5 }
loot_table "empty" {
}
loot_table "bad" {
  entry "a" { weight = 0 }
  entry "b" {
    weight = 1
    table  = golf
  }
}
timer "never" {
  cron = "99 * * * *"
  zone = "UTC"
}
rule "divides" {
  on   = kill
  when = 100 / (trigger.level - 1) > 3
  emit "e" { }
}
rule "divides" {
  on = kill
  emit "e" { }
}
rule "huge" {
  on   = kill
  when = trigger.level * 999999999999999999 > 5
  emit "e" { count = chance(2) }
}
rule "idle" {
  on = kill
}
whatever
rule "late" {
  on   = timer.night
  emit "e" { x = ${y} }
}
"#;
    let expected = [
        "C0609 3:13",
        "C0406 6:27",
        "C0411 7:42",
        "C0201 9:24",
        "C0504 11:49",
        "C0701 12:1",
        "C0703 15:24",
        "C0405 18:14",
        "C0801 22:10",
        "C0602 27:17",
        "C0403 30:6",
        "C0601 36:10",
        "C0603 37:29",
        "C0901 39:1",
        "C0203 42:1",
        "C0101 45:18",
    ];
    let places = places(text);
    assert_eq!(places, expected, "{:#?}", found(text));
}

#[test]
fn messages_name_values_causes_and_fixes() {
    let text = "condition \"c\" { when = trigger.bonus / (param.factor - 3) > 1.5 }\n";
    let checked = beside_base(text);
    let found = &checked.diagnostics[0];
    assert_eq!(found.code, Code::DivisionByZero);
    assert_eq!(found.message, "the divisor `param.factor - 3` can be zero: when param.factor is 3");
    assert!(found.cause.contains("-3 to 7"), "{}", found.cause);
    assert!(found.help.contains("max(param.factor - 3, 1)"), "{}", found.help);
    let found = &beside_base("condition \"c\" { when = parm.factor > 1 }").diagnostics[0];
    assert_eq!(found.help, "did you mean `param.…`?");
    let found = &beside_base("condition \"c\" { when = trigger.levl > 1 }").diagnostics[0];
    assert_eq!(found.help, "did you mean `trigger.level`?");
}

#[test]
fn a_field_that_the_trigger_lacks_is_labelled_at_both_places() {
    let text = "condition \"c\" { when = trigger.flag }
condition \"d\" { when = condition.c && trigger.level > 55 }
rule \"r\" {
  on   = claim
  when = condition.d
  emit \"e\" { }
}
";
    let checked = beside_base(text);
    let [found] = &checked.diagnostics[..] else { panic!("{checked:?}") };
    assert_eq!(found.code, Code::FieldNotInTrigger);
    assert_eq!(line_col(text, found.span.start), (5, 10));
    let places: Vec<_> = (found.labels.iter())
        .map(|(span, _)| {
            (span.file, line_col(if span.file == 1 { text } else { BASE }, span.start))
        })
        .collect();
    assert_eq!(places, [(1, (1, 24)), (0, (9, 9))]);
}

#[test]
fn a_rule_set_needs_its_block_and_its_file_names() {
    let codes =
        |sources: &[_]| -> Vec<Code> { check(sources).errors().map(|found| found.code).collect() };
    assert_eq!(codes(&[]), [Code::NoRuleset]);
    assert_eq!(codes(&[source("a.rules.hcl", "")]), [Code::NoRuleset]);
    for name in ["a.hcl", ".rules.hcl", "/a.rules.hcl", "../../a.rules.hcl", "a b.rules.hcl"] {
        assert_eq!(codes(&[source(name, BASE)]), [Code::FileName], "{name}");
    }
    for (name, expected) in [
        ("frostfall.hcl", "rename it to frostfall.rules.hcl"),
        ("a b.rules.hcl", "rename it to a_b.rules.hcl"),
        ("/a.rules.hcl", "use a relative path of"),
    ] {
        let checked = check(&[source(name, BASE)]);
        assert!(checked.diagnostics[0].help.starts_with(expected), "{checked:?}");
    }
    assert_eq!(codes(&[source("x/a-1.rules.hcl", BASE)]), []);
    let base = source("a.rules.hcl", BASE);
    assert_eq!(codes(&[base.clone(), base]), [Code::DuplicateFile]);
}

/// Triggers that share fields with different ranges and types.
#[test]
fn what_comes_of_a_constant_condition_is_no_mistake_of_its_own() {
    let of = |condition: &str, when: &str| {
        format!(
            "condition \"c\" {{ when = {condition} }}\ncondition \"d\" {{ when = condition.c && trigger.flag }}\nrule \"r\" {{\n  on = kill\n  when = {when}\n  emit \"e\" {{}}\n}}"
        )
    };
    assert_eq!(places(&of("trigger.level > 100", "condition.d")), ["C0607 1:24"]);
    assert_eq!(
        places(&of("trigger.level > 5 && trigger.level < 3", "condition.d")),
        ["C0607 1:24"]
    );
    assert_eq!(places(&of("trigger.level > 0", "condition.c")), ["C0606 1:24"]);
    let entry = "loot_table \"t\" {\n  entry \"a\" {\n    weight = 1\n    when = condition.d\n  }\n  entry \"b\" { weight = 1 }\n}\n";
    let text = of("trigger.level > 100", "trigger.flag");
    assert_eq!(places(&format!("{text}\n{entry}")), ["C0607 1:24"]);
    // Sound conditions excuse nothing.
    let text = of("trigger.level > 50", "condition.d && trigger.level < 9");
    assert_eq!(places(&text), ["C0607 5:10"]);
}

#[test]
fn what_has_a_name_that_cannot_be_taken_is_read_all_the_same() {
    for (text, expected) in [
        (
            "rule \"r\" {\n  on = kill\n  emit \"e\" {}\n}\nrule \"r\" {\n  on = kill\n  whn = trigger.flag\n  emit \"e\" { x = param.nope }\n}\nrule \"Drop\" {\n  on = kil\n  emit \"e\" {}\n}",
            &["C0403 5:6", "C0304 7:3", "C0405 8:18", "C0401 10:6", "C0405 11:8"][..],
        ),
        (
            "rule {\n  on = kill\n  when = trigger.levle > 3\n  emit \"e\" {}\n}",
            &["C0303 1:1", "C0406 3:10"],
        ),
        (
            "condition \"c\" { when = trigger.flag }\ncondition \"c\" { when = trigger.level }\ncondition \"Odd\" { when = param.nope }",
            &["C0403 2:11", "C0504 2:24", "C0401 3:11", "C0405 3:26"],
        ),
        (
            "loot_table \"gold\" {\n  rolls = 0\n  entry \"a\" {\n    weight = 1\n    when = trigger.level\n  }\n  entry \"b\" { wieght = 1 }\n  pity \"x\" { after = 5 }\n}",
            &["C0403 1:12", "C0711 2:11", "C0504 5:12", "C0304 7:15", "C0405 8:8"],
        ),
        // What it uses is used.
        (
            "condition \"low\" { when = trigger.level <= 60 }\nrule \"r\" {\n  on = claim\n  emit \"e\" {}\n}\nrule \"r\" {\n  on = kill\n  when = condition.low\n  emit \"e\" {}\n}",
            &["C0403 6:6"],
        ),
    ] {
        assert_eq!(places(text), *expected, "{text}\n{:#?}", found(text));
    }
}

#[test]
fn all_that_a_block_lacks_is_one_mistake() {
    let found = beside_base("param \"p\" {\n}");
    let [found] = &found.diagnostics[..1] else { panic!("{found:?}") };
    assert_eq!(found.message, "this `param` has no `type`, no `default`");
    assert_eq!(found.help, "add `type = …` and `default = …`");
}
