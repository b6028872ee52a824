//! The rule sets that are timed, as text. The build script compiles the first two to Rust as well.

#![allow(dead_code, reason = "the build script uses a part of this")]

use std::fmt::Write;

/// Conditions of one fragment in [`many`].
pub const MANY: usize = 293;

/// Level, zone and claims of condition number `index` of [`many`]: the same spread in every run.
pub const fn bounds(index: usize) -> (i64, i64, i64) {
    ((index * 37 % 100) as i64 + 1, (index * 11 % 3) as i64, (index * 7 % 10) as i64 + 1)
}

pub const ZONES: [&str; 3] = ["meadow", "forest", "crypt"];

fn head(name: &str) -> String {
    format!(
        "ruleset \"{name}\" {{\n  dialect = 1\n  context = \"bench@1\"\n}}\n\
         enum \"zone\" {{ values = [\"meadow\", \"forest\", \"crypt\"] }}\n\
         trigger \"kill\" {{\n  fields = {{ level = int(1, 100), zone = zone }}\n}}\n\
         counter \"claims\" {{\n  on     = kill\n  per    = player\n  window = \"1m\"\n}}\n"
    )
}

fn rule(text: &mut String, name: &str, (level, zone, claims): (i64, i64, i64)) {
    let zone = ZONES[zone as usize];
    let _ = write!(
        text,
        "rule \"{name}\" {{\n  on   = kill\n  when = trigger.level >= {level} && trigger.zone == \
         \"{zone}\" && rate(claims) < {claims}\n  emit \"hit\" {{}}\n}}\n"
    );
}

/// The condition that every rival evaluates: `level >= 10 && zone == "crypt" && claims < 5`.
pub fn one() -> Vec<(String, String)> {
    let mut text = head("one");
    rule(&mut text, "veteran", (10, 2, 5));
    vec![("bench.rules.hcl".to_owned(), text)]
}

/// [`MANY`] conditions on one trigger, in two files: the syntax tree of one file is limited. Their
/// rules belong into one fragment: see [`merge`].
pub fn many() -> Vec<(String, String)> {
    let (mut first, mut second) = (head("many"), String::new());
    for index in 0..MANY {
        let text = if index < MANY / 2 { &mut first } else { &mut second };
        rule(text, &format!("rule_{index}"), bounds(index));
    }
    vec![("bench.rules.hcl".to_owned(), first), ("more.rules.hcl".to_owned(), second)]
}

/// The rules of all fragments in the first.
pub fn merge(program: &mut cairn_ruleset::ir::Program) {
    let rest = program.fragments.split_off(1);
    program.fragments[0].rules.extend(rest.into_iter().flat_map(|fragment| fragment.rules));
}

/// Files of [`thousand`], each a fragment.
pub const FILES: usize = 20;

/// 1,000 rules in [`FILES`] files: names and texts. Conditions, chances, parameters and loot as
/// designers write them.
pub fn thousand() -> Vec<(String, String)> {
    let mut base = head("thousand");
    base.push_str(
        "param \"bonus\" {\n  type    = decimal\n  default = 1.25\n  range   = [0.0, 5.0]\n}\n\
         loot_table \"chest\" {\n  entry \"gold\" { weight = 900 }\n  entry \"crown\" {\n    weight = \
         5\n    when   = trigger.level >= 40\n  }\n}\n",
    );
    let mut files = vec![("base.rules.hcl".to_owned(), base)];
    let each = 1_000 / FILES;
    for file in 0..FILES {
        let mut text = String::new();
        for index in file * each..(file + 1) * each {
            let (level, zone, claims) = bounds(index);
            let _ = write!(
                text,
                "# Rule {index}, as a designer would write it.\nrule \"rule_{index}\" {{\n  on   = \
                 kill\n  when = trigger.level >= {level} && trigger.zone == \"{}\" && rate(claims) < \
                 {claims} && chance(0.{:03} * param.bonus)\n",
                ZONES[zone as usize],
                index % 199 + 1
            );
            let _ = match index % 3 {
                0 => {
                    write!(text, "  emit \"drop\" {{\n    table = chest\n    count = 2\n  }}\n}}\n")
                }
                1 => write!(
                    text,
                    "  emit \"score\" {{\n    points = clamp(trigger.level * 3 - {claims}, 0, 300)\n    \
                     where  = trigger.zone\n  }}\n}}\n"
                ),
                _ => write!(
                    text,
                    "  emit \"bonus\" {{ share = param.bonus / {} }}\n}}\n",
                    index % 7 + 1
                ),
            };
        }
        files.push((format!("part_{file:02}.rules.hcl"), text));
    }
    files
}

/// One file of 128 KiB with so many rules, each with a condition; the rest of it are comments, as in
/// files that people look after.
pub fn large(rules: usize) -> String {
    let mut text = head("large");
    let comment =
        "# Veterans who come here often find a little more: that keeps them coming back.\n";
    for index in 0..rules {
        let (level, zone, claims) = bounds(index);
        let zone = ZONES[zone as usize];
        for _ in 0..4 {
            text.push_str(comment);
        }
        let _ = write!(
            text,
            "condition \"veteran_{index}\" {{\n  when = trigger.level >= {level} && trigger.zone == \
             \"{zone}\" && rate(claims) < {claims}\n}}\nrule \"rule_{index}\" {{\n  on   = kill\n  when \
             = condition.veteran_{index} && chance(0.1)\n  emit \"hit\" {{ level = trigger.level }}\n}}\n",
        );
    }
    while text.len() + comment.len() <= 128 << 10 {
        text.push_str(comment);
    }
    text
}
