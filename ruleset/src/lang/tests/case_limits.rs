//! What tests may hold: at N nothing is said, at one more an error, and no more is read.

use super::cases::{RULES, cases, tested};
use super::{BASE, source};
use crate::cases::{
    CASE_COUNT_MAX, CASES_READ_MAX, CASES_SIZE_MAX, Case, EXPECT_COUNT_MAX, ROW_COUNT_MAX,
    TEST_COUNT_MAX,
};
use crate::lang::{Diagnostic, check_with_cases};

#[test]
fn limits_hold_at_n_and_one_more() {
    let codes = |text: &str| -> Vec<String> {
        tested(text).checked.errors().map(|found| found.code.to_string()).collect()
    };
    for (length, expected) in [(128, &[][..]), (129, &["C1210"][..])] {
        let name = "n".repeat(length);
        assert_eq!(
            codes(&format!("test \"{name}\" {{\n  on = kill\n  fired = [pay]\n}}\n")),
            expected
        );
    }
    for (count, expected) in [(EXPECT_COUNT_MAX, &[][..]), (EXPECT_COUNT_MAX + 1, &["C0312"][..])] {
        let expects = "  expect \"credit\" {}\n".repeat(count);
        assert_eq!(codes(&format!("test \"t\" {{\n  on = kill\n{expects}}}\n")), expected);
    }
    for (count, expected) in [(ROW_COUNT_MAX, &[][..]), (ROW_COUNT_MAX + 1, &["C0312"][..])] {
        let rows = "{ seed = 1 },\n".repeat(count);
        let text =
            format!("test \"t\" {{\n  on = kill\n  fired = [pay]\n  cases = [\n{rows}]\n}}\n");
        assert_eq!(codes(&text), expected);
    }
    // Many tests need many files: the tree of one holds some hundreds.
    for (count, expected) in [(TEST_COUNT_MAX, 0), (TEST_COUNT_MAX + 1, 1)] {
        let mut sources = vec![source("a.rules.hcl", BASE), source("b.rules.hcl", RULES)];
        for file in 0..=count / 256 {
            let tests = (file * 256..count.min((file + 1) * 256))
                .map(|n| format!("test \"t{n}\" {{\n  on = kill\n  fired = [pay]\n}}\n"));
            sources.push(source(&format!("t{file}.test.hcl"), &tests.collect::<String>()));
        }
        let tested = check_with_cases(&sources);
        assert_eq!(tested.checked.errors().count(), expected, "{count}");
        assert_eq!(tested.cases.len(), if expected == 0 { count } else { 0 });
    }
    let rows = "{ seed = 1 },\n".repeat(ROW_COUNT_MAX);
    for (over, expected) in [(0, 0), (1, 1)] {
        let mut sources = vec![source("a.rules.hcl", BASE), source("b.rules.hcl", RULES)];
        for file in 0..CASE_COUNT_MAX / ROW_COUNT_MAX {
            let test = format!(
                "test \"t{file}\" {{\n  on = kill\n  fired = [pay]\n  cases = [\n{rows}]\n}}\n"
            );
            sources.push(source(&format!("t{file}.test.hcl"), &test));
        }
        let last = "test \"last\" {\n  on = kill\n  fired = [pay]\n}\n".repeat(over);
        sources.push(source("z.test.hcl", &last));
        assert_eq!(check_with_cases(&sources).checked.errors().count(), expected);
    }
}

/// Rows say again what their test says: a few short files could ask for gigabytes.
#[test]
fn what_all_cases_say_is_bounded_and_no_more_is_read() {
    let names = vec!["pay"; CASES_SIZE_MAX / ROW_COUNT_MAX].join(", ");
    let rows = "{},".repeat(ROW_COUNT_MAX);
    let full = format!("test \"t\" {{\n  on = kill\n  fired = [{names}]\n  cases = [{rows}]\n}}\n");
    let with = |more: &str| tested(&format!("{full}{more}"));
    let tested = with("");
    assert_eq!(tested.checked.errors().count(), 0);
    assert_eq!(tested.cases.iter().map(Case::size).sum::<usize>(), CASES_SIZE_MAX);
    let over =
        with("test \"u\" {\n  on = kill\n  not_fired = [pay]\n}\ntest \"v\" {\n  on = nobody\n}\n");
    let found: Vec<&Diagnostic> = over.checked.errors().collect();
    let [found] = found[..] else { panic!("{found:?}") };
    assert_eq!(found.code.to_string(), "C0312");
    assert!(found.message.ends_with("name 1048577 rules, outcomes and values, limit 1048576"));
}

/// Many outcomes of one name and many items: what they come to is known before it is kept.
#[test]
fn what_one_block_says_is_bounded_before_it_is_read() {
    let emits = "  emit \"many\" { table = all }\n".repeat(8);
    let rules = |from: usize| -> String {
        let rule = |n| format!("rule \"r{n}\" {{\n  on = kill\n{emits}}}\n");
        (from..from + 64).map(rule).collect()
    };
    let mut tables = String::from("loot_table \"all\" {\n");
    let mut items = Vec::new();
    for table in 0..9 {
        tables.push_str(&format!(
            "  entry \"t{table}\" {{\n    weight = 1\n    table = t{table}\n  }}\n"
        ));
    }
    tables.push_str("}\n");
    for table in 0..9 {
        tables.push_str(&format!("loot_table \"t{table}\" {{\n"));
        for item in 0..57 {
            let name = format!("x{}", table * 57 + item);
            tables.push_str(&format!("  entry \"{name}\" {{ weight = 1 }}\n"));
            items.push(name);
        }
        tables.push_str("}\n");
    }
    let sources = |count: usize| {
        let loot: String = items[..count].iter().map(|item| format!("{item} = 1, ")).collect();
        let test = format!(
            "test \"t\" {{\n  on = kill\n  expect \"many\" {{ loot = {{ {loot} }} }}\n}}\n"
        );
        [
            source("a_base.rules.hcl", BASE),
            source("b.rules.hcl", &rules(0)),
            source("b2.rules.hcl", &rules(64)),
            source("b3.rules.hcl", &rules(128)),
            source("b4.rules.hcl", &rules(192)),
            source("c.rules.hcl", &tables),
            source("c.test.hcl", &test),
        ]
    };
    let within = check_with_cases(&sources(510));
    assert_eq!(within.checked.errors().count(), 0, "{:?}", within.checked.errors().next());
    assert_eq!(within.cases[0].size(), 2_048 * 511);
    let over = check_with_cases(&sources(513));
    let found: Vec<&Diagnostic> = over.checked.errors().collect();
    let [found] = found[..] else { panic!("{found:?}") };
    assert!(found.message.contains("name 1052672 rules"), "{}", found.message);
}

/// A test with a mistake says nothing, and is read all the same.
#[test]
fn what_tests_with_mistakes_cost_is_bounded_too() {
    let emits = "  emit \"many\" { table = gold }\n".repeat(8);
    let rules = |from: usize| -> String {
        let rule = |n| format!("rule \"r{n}\" {{\n  on = kill\n{emits}}}\n");
        (from..from + 64).map(rule).collect()
    };
    let options = 2 * 64 * 8;
    let names = "coin, ".repeat(CASES_SIZE_MAX / options - 2);
    let test = |n: usize| {
        format!(
            "test \"t{n}\" {{\n  on = kill\n  expect \"many\" {{ eligible = [{names}zz] }}\n}}\n"
        )
    };
    let run = |more: &str| -> Vec<String> {
        let mut sources = vec![
            source("a_base.rules.hcl", BASE),
            source("b.rules.hcl", &rules(0)),
            source("c.rules.hcl", &rules(64)),
            source("z.test.hcl", more),
        ];
        let count = CASES_READ_MAX / CASES_SIZE_MAX;
        sources.extend((0..count).map(|n| source(&format!("t{n:02}.test.hcl"), &test(n))));
        let found = check_with_cases(&sources).checked;
        found.errors().map(|found| format!("{} {}", found.code, found.message)).collect()
    };
    let within = run("");
    assert_eq!(within.len(), CASES_READ_MAX / CASES_SIZE_MAX);
    assert!(within.iter().all(|line| line.starts_with("C1201 ")), "{within:?}");
    let over = run("test \"last\" {\n  on = kill\n  expect \"many\" {}\n}\n");
    let last = over.last().unwrap();
    assert_eq!(over.len(), within.len() + 1);
    assert!(last.starts_with("C0312 ") && last.contains("could mean 16778240 outcomes"), "{last}");
    assert!(last.ends_with("limit 16777216"), "{last}");
}

#[test]
fn the_size_of_a_case_counts_all_that_it_says() {
    let size = |body: &str| {
        let text = format!("test \"t\" {{\n{}\n}}\n", body.replace("; ", "\n"));
        cases(&text).1[0].size()
    };
    assert_eq!(size("on = kill; fired = [pay]"), 1);
    assert_eq!(
        size(
            "on = kill; fired = [pay]; not_fired = [chest]; params = { factor = 3 }; active = { night = true }"
        ),
        4
    );
    assert_eq!(size("on = kill; fired_exactly = [pay, chest]"), 2);
    assert_eq!(
        size("on = kill; expect \"credit\" { payload = { coins = 3, reason = \"boss\" } }"),
        3
    );
    assert_eq!(
        size(
            "on = kill; expect \"drop\" {\n    loot = { coin = 3 }\n    eligible = [coin, gem]\n  }"
        ),
        4
    );
    assert_eq!(
        size(
            "on = claim; pity = { calm = { star = 3 } }; expect \"calm\" { misses = { calm = { star = 4 } } }"
        ),
        3
    );
}
