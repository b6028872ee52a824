//! Every cap at its limit and one above.

use super::{BASE, beside_base, source};
use crate::lang::limits::*;
use crate::lang::{Code, check};

fn codes(text: &str) -> Vec<Code> {
    let mut codes: Vec<Code> = beside_base(text).errors().map(|found| found.code).collect();
    codes.dedup();
    codes
}

fn repeat(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

/// `text(limit)` is accepted, `text(limit + 1)` is refused with `code` alone.
fn cap(limit: usize, code: Code, text: impl Fn(usize) -> String) {
    assert_eq!(codes(&text(limit)), [], "{code} at {limit}");
    assert_eq!(codes(&text(limit + 1)), [code], "{code} above {limit}");
}

#[test]
fn sizes_of_sources() {
    let pad = |length: usize| "#".repeat(length);
    cap(SOURCE_BYTES_MAX, Code::SourceTooLarge, pad);
    let many = |last: usize| {
        let mut sources: Vec<_> = (0..15)
            .map(|i| source(&format!("b{i:02}.rules.hcl"), &pad(SOURCE_BYTES_MAX)))
            .collect();
        sources.push(source("a.rules.hcl", BASE));
        sources.push(source("c.rules.hcl", &pad(last)));
        check(&sources).errors().map(|found| found.code).collect::<Vec<_>>()
    };
    assert_eq!(many(SOURCE_BYTES_MAX - BASE.len()), []);
    assert_eq!(many(SOURCE_BYTES_MAX - BASE.len() + 1), [Code::RulesetTooLarge]);
    let files = |count: usize| {
        let mut sources = vec![source("a.rules.hcl", BASE)];
        sources.extend((1..count).map(|i| source(&format!("b{i}.rules.hcl"), "")));
        check(&sources).errors().map(|found| found.code).collect::<Vec<_>>()
    };
    assert_eq!(files(FILE_COUNT_MAX), []);
    assert_eq!(files(FILE_COUNT_MAX + 5), [Code::TooManyFiles]);
}

#[test]
fn two_mebibytes_are_refused_unread() {
    assert_eq!(codes(&"@".repeat(2 << 20)), [Code::SourceTooLarge]);
    // One mebibyte of mistakes is cut short.
    for text in ["@ ".repeat(1 << 19), "a = b\n".repeat(1 << 17)] {
        let found = beside_base(&text).errors().cloned().collect::<Vec<_>>();
        assert!(found.len() <= 2 * ERROR_COUNT_MAX + 1, "{}", found.len());
        assert!(found.iter().any(|found| found.code == Code::TooManyErrors));
    }
}

#[test]
fn the_syntax_tree_is_capped_in_bytes() {
    // Per enum of eight values: block, name, label, attribute, name, list and the values.
    let text = |extra: usize| {
        let mut text = repeat(467, |i| {
            let values = repeat(8, |v| format!("\"v{}\", ", "abcdefgh".as_bytes()[v] as char));
            format!("enum \"{}\" {{ values = [{values}] }}\n", letters(i))
        });
        text.push_str(&repeat(extra, |_| "x {}\n".to_owned()));
        text
    };
    // 1 file + 467 × 14 = 6,539 nodes of 20 bytes; the cap is 6,553.
    let full = |extra| codes(&text(extra)).contains(&Code::TreeTooLarge);
    assert!(!full(7));
    assert!(full(8));
}

#[test]
fn a_declaration_that_the_cap_cuts_off_lacks_nothing() {
    // Wherever the cap falls in these declarations, it is the only mistake.
    for extra in 0..60 {
        let mut text = repeat(460, |i| {
            let values = repeat(8, |v| format!("\"v{}\", ", "abcdefgh".as_bytes()[v] as char));
            format!("enum \"{}\" {{ values = [{values}] }}\n", letters(i))
        });
        text.push_str(&repeat(extra, |i| {
            format!("trigger \"t{}\" {{ fields = {{}} }}\n", letters(i))
        }));
        text.push_str("enum \"last\" { values = [\"a\", \"b\"] }\n");
        text.push_str("param \"last\" {\n  type = int(1, 2)\n  default = 1\n}\n");
        text.push_str("loot_table \"last\" {\n  entry \"a\" { weight = 1 }\n}\n");
        text.push_str("condition \"last\" { when = trigger.flag }\n");
        text.push_str(&repeat(40, |_| "x {}\n".to_owned()));
        let found = codes(&text);
        let unknown = [Code::TreeTooLarge, Code::UnknownBlock];
        assert!(found.iter().all(|code| unknown.contains(code)), "{extra}: {found:?}");
        assert!(found.contains(&Code::TreeTooLarge) || extra < 20, "{extra}: {found:?}");
    }
}

#[test]
fn a_declaration_that_the_cap_cuts_in_two_is_one_mistake() {
    // Wherever the cut falls in a declaration, what it lacks and what comes after it is not reported.
    for extra in 0..16 {
        let mut text = "import \"a_base.rules.hcl\" {}\n".repeat(extra);
        text.push_str("counter \"kills\" {\n  on = kill\n  per = player\n  window = \"1m\"\n}\n");
        text.push_str(
            "rule \"first\" {\n  on = kill\n  when = condition.late\n  emit \"a\" {}\n}\n",
        );
        text.push_str(&repeat(700, |i| {
            format!("param \"{}\" {{\n  type = int(1, 5)\n  default = 2\n}}\n", letters(i))
        }));
        text.push_str("condition \"late\" { when = trigger.flag }\n");
        assert_eq!(codes(&text), [Code::TreeTooLarge], "{extra}");
    }
}

/// Names that are not confusable: base 20 digits of letters that do not look alike.
fn letters(mut number: usize) -> String {
    let digits = b"abcdefghjkmnpqrstuvw";
    let mut name = String::from("z");
    for _ in 0..4 {
        name.push(char::from(digits[number % 20]));
        number /= 20;
    }
    name
}

#[test]
fn nesting() {
    // The block is the first level.
    cap(NESTING_MAX as usize - 1, Code::NestingTooDeep, |depth| {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        format!("condition \"c\" {{ when = {open}trigger.flag{close} }}\n")
    });
    for text in [
        format!("condition \"c\" {{ when = {}trigger.flag }}\n", "!".repeat(200)),
        format!("condition \"c\" {{\n when = {}", "(".repeat(200)),
        format!("condition \"c\" {{\n when = {}", "[".repeat(200_000)),
        "a {\n".repeat(200),
        "a = {".repeat(200),
        format!("condition \"c\" {{\n when = {}", "true ? 1 : ".repeat(200)),
    ] {
        assert!(codes(&text).contains(&Code::NestingTooDeep), "{text:.60}");
    }
}

#[test]
fn lengths_of_expressions() {
    let chain = |count: usize| {
        let terms = vec!["trigger.flag"; count].join(" && ");
        format!("condition \"c\" {{ when = {terms} }}\n")
    };
    cap(EXPRESSION_HEIGHT_MAX as usize, Code::ExpressionTooLong, chain);
    assert_eq!(codes(&chain(6_000)), [Code::ExpressionTooLong]);
    // Of two levels, so that the tree stays low: what HCL tools bound is the number.
    let mixed = |first: usize, count: usize| {
        let signs =
            (0..count).map(|at| if (first + at).is_multiple_of(2) { " && " } else { " || " });
        signs.map(|sign| format!("{sign}trigger.flag")).collect::<String>()
    };
    let flat =
        |count: usize| format!("condition \"c\" {{ when = trigger.flag{} }}\n", mixed(0, count));
    cap(OPERATOR_COUNT_MAX as usize, Code::ExpressionTooLong, flat);
    let inner = |count: usize| {
        let (left, right) = (mixed(0, 60), mixed(1, count - 61));
        format!("condition \"c\" {{ when = trigger.flag && (trigger.flag{left}){right} }}\n")
    };
    cap(OPERATOR_COUNT_MAX as usize, Code::ExpressionTooLong, inner);
    let apart = |count: usize| {
        let part = mixed(0, count);
        let flag = "trigger.flag";
        format!("condition \"c\" {{ when = {flag}{part} ? {flag}{part} : {flag}{part} }}\n")
    };
    cap(OPERATOR_COUNT_MAX as usize, Code::ExpressionTooLong, apart);
}

#[test]
fn conditions_cannot_explode() {
    let double = |count: usize| {
        let mut text = "condition \"zaaaa\" { when = trigger.flag }\n".to_owned();
        for i in 1..count {
            let (name, before) = (letters(i), letters(i - 1));
            text.push_str(&format!(
                "condition \"{name}\" {{ when = condition.{before} || condition.{before} }}\n"
            ));
        }
        text.push_str(&format!(
            "rule \"r\" {{\n on = kill\n when = condition.{}\n emit \"e\" {{ }}\n}}\n",
            letters(count - 1)
        ));
        text
    };
    assert_eq!(codes(&double(8)), []);
    assert_eq!(codes(&double(60)), [Code::TooCostly]);
    // A chain of conditions is deep without being large.
    let chain = |count: usize| {
        let mut text = "condition \"zaaaa\" { when = trigger.flag }\n".to_owned();
        for i in 1..count {
            let (name, before) = (letters(i), letters(i - 1));
            text.push_str(&format!("condition \"{name}\" {{ when = !condition.{before} }}\n"));
        }
        text
    };
    assert_eq!(codes(&chain(60)), []);
    assert_eq!(codes(&chain(300)), [Code::TooCostly]);
}

#[test]
fn names_and_counts() {
    cap(NAME_BYTES_MAX, Code::NameTooLong, |length| {
        format!("enum \"{}\" {{ values = [\"a\"] }}\n", "a".repeat(length))
    });
    cap(STRING_BYTES_MAX, Code::NameTooLong, |length| {
        let doc = "a".repeat(length);
        format!("param \"p\" {{\n type = bool\n default = true\n doc = \"{doc}\"\n}}\n")
    });
    cap(ENUM_VALUE_COUNT_MAX, Code::TooMany, |count| {
        let values = repeat(count, |i| format!("\"{}\", ", letters(i)));
        format!("enum \"e\" {{ values = [{values}] }}\n")
    });
    cap(FIELD_COUNT_MAX, Code::TooMany, |count| {
        let fields = repeat(count, |i| format!("{} = bool, ", letters(i)));
        format!("trigger \"t\" {{\n fields = {{ {fields} }}\n}}\n")
    });
    cap(ENTRY_COUNT_MAX, Code::TooMany, |count| {
        let entries = repeat(count, |i| format!(" entry \"{}\" {{ weight = 1 }}\n", letters(i)));
        format!("loot_table \"t\" {{\n{entries}}}\n")
    });
    cap(OUTCOME_COUNT_MAX, Code::TooMany, |count| {
        let outcomes = repeat(count, |_| " emit \"e\" { }\n".to_owned());
        format!("rule \"r\" {{\n on = kill\n{outcomes}}}\n")
    });
    cap(PAYLOAD_COUNT_MAX, Code::TooMany, |count| {
        let values = repeat(count, |i| format!("  {} = 1\n", letters(i)));
        format!("rule \"r\" {{\n on = kill\n emit \"e\" {{\n{values} }}\n}}\n")
    });
    cap(COUNTER_COUNT_MAX, Code::TooMany, |count| {
        repeat(count, |i| {
            let name = letters(i);
            format!("counter \"{name}\" {{\n on = kill\n per = player\n window = \"1m\"\n}}\n")
        })
    });
}

/// `part(0)` to `part(count - 1)`, as many to a file as its syntax tree holds.
fn spread(count: usize, per_file: usize, part: impl Fn(usize) -> String) -> Vec<Code> {
    let mut sources = vec![source("a_base.rules.hcl", BASE)];
    for first in (0..count).step_by(per_file) {
        let text: String = (first..count.min(first + per_file)).map(&part).collect();
        sources.push(source(&format!("f{first}.rules.hcl"), &text));
    }
    let mut codes: Vec<Code> = check(&sources).errors().map(|found| found.code).collect();
    codes.dedup();
    codes
}

/// Of a rule set as a whole: the limit, what [`BASE`] has of it, how many fit one file, and one of
/// them.
#[test]
fn counts_of_a_rule_set() {
    type Part = fn(usize) -> String;
    let table: [(&str, usize, usize, usize, Part); 7] = [
        ("enums", ENUM_COUNT_MAX, 1, 500, |i| {
            format!("enum \"{}\" {{ values = [\"a\"] }}\n", letters(i))
        }),
        ("triggers", TRIGGER_COUNT_MAX, 2, 500, |i| {
            format!("trigger \"{}\" {{ fields = {{}} }}\n", letters(i))
        }),
        ("params", PARAM_COUNT_MAX, 1, 500, |i| {
            format!("param \"{}\" {{\n type = bool\n default = true\n}}\n", letters(i))
        }),
        ("timers", TIMER_COUNT_MAX, 1, 500, |i| {
            format!("timer \"{}\" {{ every = \"1h\" }}\n", letters(i))
        }),
        ("tables", TABLE_COUNT_MAX, 1, 500, |i| {
            let name = letters(i);
            format!("loot_table \"{name}\" {{\n entry \"a\" {{ weight = 1 }}\n}}\n")
        }),
        ("conditions", CONDITION_COUNT_MAX, 0, 1_000, |i| {
            format!("condition \"{}\" {{ when = trigger.flag }}\n", letters(i))
        }),
        ("rules", RULE_COUNT_MAX, 0, 500, |i| {
            format!("rule \"{}\" {{\n on = kill\n emit \"e\" {{}}\n}}\n", letters(i))
        }),
    ];
    for (what, limit, of_base, per_file, part) in table {
        let count = limit - of_base;
        assert_eq!(spread(count, per_file, part), [], "{what} at {limit}");
        assert_eq!(spread(count + 1, per_file, part), [Code::TooMany], "{what} above {limit}");
    }
}

#[test]
fn rules_of_one_fragment() {
    cap(FRAGMENT_RULE_COUNT_MAX, Code::TooMany, |count| {
        repeat(count, |i| format!("rule \"{}\" {{\n on = kill\n emit \"e\" {{}}\n}}\n", letters(i)))
    });
}

#[test]
fn symbols_of_a_rule_set() {
    // A rule of one outcome with 32 symbols; the last one has what is left.
    let symbols = |count: usize| {
        spread(count.div_ceil(32), 50, |rule| {
            let values: String = (rule * 32..count.min(rule * 32 + 32))
                .map(|i| format!("  {} = \"s{i}\"\n", letters(i % 32)))
                .collect();
            let name = letters(rule);
            format!("rule \"{name}\" {{\n on = kill\n emit \"e\" {{\n{values} }}\n}}\n")
        })
    };
    assert_eq!(symbols(SYMBOL_COUNT_MAX), []);
    assert_eq!(symbols(SYMBOL_COUNT_MAX + 1), [Code::TooMany]);
}

#[test]
fn weights_and_rolls() {
    cap(WEIGHT_SUM_MAX as usize, Code::WeightTooLarge, |sum| {
        let weight = sum - 1;
        format!(
            "loot_table \"t\" {{\n entry \"a\" {{ weight = {weight} }}\n entry \"b\" {{ weight = 1 }}\n}}\n"
        )
    });
    cap(ENTRY_ITEMS_MAX as usize, Code::EntryCount, |count| {
        format!("loot_table \"t\" {{\n entry \"a\" {{\n  weight = 1\n  count = {count}\n }}\n}}\n")
    });
    // Each roll on the outer table costs one draw and 99 on the inner one.
    cap(LOOT_COUNT_MAX as usize, Code::CountRange, |count| {
        format!(
            "rule \"r\" {{\n on = kill\n emit \"e\" {{\n  table = gold\n  count = {count}\n }}\n}}\n"
        )
    });
    cap(99, Code::TooManyRolls, |inner| {
        format!(
            "loot_table \"t\" {{\n entry \"a\" {{\n  weight = 1\n  table = gold\n  count = {inner}\n }}\n}}\n\
             rule \"r\" {{\n on = kill\n emit \"e\" {{\n  table = t\n  count = 1000\n }}\n}}\n"
        )
    });
    // A table that is rolled once, without a `count`, costs what its entries roll on.
    cap(999, Code::TooManyRolls, |inner| {
        format!(
            "loot_table \"t\" {{\n entry \"a\" {{\n  weight = 1\n  table = gold\n  count = 99\n }}\n}}\n\
             loot_table \"u\" {{\n entry \"a\" {{\n  weight = 1\n  table = t\n  count = {inner}\n }}\n}}\n\
             rule \"r\" {{\n on = kill\n emit \"e\" {{ table = u }}\n}}\n"
        )
    });
    // One guaranteed entry, then two draws of 1 + 49 for each roll asked: 1 + 1000 × 100.
    cap(998, Code::TooManyRolls, |count| {
        format!(
            "loot_table \"t\" {{\n rolls = [0, 2]\n entry \"a\" {{\n  weight = 1\n  table = gold\n  count = 49\n }}\n\
             entry \"b\" {{\n  guaranteed = true\n  table = gold\n  count = 198\n }}\n}}\n\
             rule \"r\" {{\n on = kill\n emit \"e\" {{\n  table = t\n  count = {count}\n }}\n}}\n"
        )
    });
    cap(TABLE_ROLLS_MAX as usize, Code::RollsRange, |rolls| {
        format!("loot_table \"t\" {{\n rolls = {rolls}\n entry \"a\" {{ weight = 1 }}\n}}\n")
    });
    cap(TABLE_DEPTH_MAX as usize - 1, Code::NestingTooDeep, |depth| {
        repeat(depth, |i| {
            let (name, inner) = (letters(i), letters(i + 1));
            let inner = if i + 1 == depth { "gold".to_owned() } else { inner };
            format!(
                "loot_table \"{name}\" {{\n entry \"a\" {{\n  weight = 1\n  table = {inner}\n }}\n}}\n"
            )
        })
    });
}

#[test]
fn pities() {
    let entries =
        repeat(PITY_COUNT_MAX + 1, |i| format!(" entry \"{}\" {{ weight = 1 }}\n", letters(i)));
    cap(PITY_COUNT_MAX, Code::TooMany, |count| {
        let pities = repeat(count, |i| format!(" pity \"{}\" {{ after = 99 }}\n", letters(i)));
        format!("loot_table \"t\" {{\n{entries}{pities}}}\n")
    });
    cap(PITY_AFTER_MAX as usize, Code::PityAfter, |after| {
        let pity = format!(" pity \"{}\" {{ after = {after} }}\n", letters(0));
        format!("loot_table \"t\" {{\n{entries}{pity}}}\n")
    });
    let least = |after: usize| {
        let pities =
            repeat(3, |i| format!(" pity \"{}\" {{ after = {} }}\n", letters(i), after + i));
        codes(&format!("loot_table \"t\" {{\n{entries}{pities}}}\n"))
    };
    assert_eq!(least(3), []);
    assert_eq!(least(2), [Code::PityAfter]);
    // Nine entries of weight 1, and two misses of each step.
    cap((WEIGHT_SUM_MAX as usize - 9) / 2, Code::WeightTooLarge, |step| {
        let pity = format!(
            " pity \"{}\" {{\n  after = 9\n  soft_from = 7\n  soft_step = {step}\n }}\n",
            letters(0)
        );
        format!("loot_table \"t\" {{\n{entries}{pity}}}\n")
    });
}

#[test]
fn jitter_and_exceptions() {
    let timer = |lines: &str| codes(&format!("timer \"t\" {{\n every = \"2d\"\n {lines}\n}}\n"));
    assert_eq!(timer("jitter = \"1d\""), []);
    assert_eq!(timer("jitter = \"1d1ms\""), [Code::JitterRange]);
    assert_eq!(timer("jitter = \"1ms\""), []);
    assert_eq!(timer("jitter = \"0s\""), [Code::JitterRange]);
    let short = |jitter: &str| {
        codes(&format!("timer \"t\" {{\n every = \"90s\"\n jitter = \"{jitter}\"\n}}\n"))
    };
    assert_eq!(short("1m29s999ms"), []);
    assert_eq!(short("90s"), [Code::JitterRange]);
    assert_eq!(timer("except = [\"2027-01-01..2028-01-01\"]"), []);
    assert_eq!(timer("except = [\"2027-01-01..2028-01-02\"]"), [Code::DateRange]);
    cap(EXCEPT_COUNT_MAX, Code::TooMany, |count| {
        let dates: Vec<String> = (0..count).map(|at| format!("\"{}-05-05\"", 2000 + at)).collect();
        format!("timer \"t\" {{\n every = \"1h\"\n except = [{}]\n}}\n", dates.join(", "))
    });
}

#[test]
fn durations() {
    let window = |text: &str| {
        codes(&format!("counter \"c\" {{\n on = kill\n per = player\n window = \"{text}\"\n}}\n"))
    };
    assert_eq!((window("7d"), window("7d1ms")), (vec![], vec![Code::WindowRange]));
    assert_eq!((window("1s"), window("999ms")), (vec![], vec![Code::WindowRange]));
    let every = |text: &str| codes(&format!("timer \"t\" {{ every = \"{text}\" }}\n"));
    assert_eq!((every("366d"), every("366d1ms")), (vec![], vec![Code::PeriodRange]));
    assert_eq!((every("1s"), every("999ms")), (vec![], vec![Code::PeriodRange]));
    let active = |text: &str| {
        codes(&format!("timer \"t\" {{\n every = \"1h\"\n duration = \"{text}\"\n}}\n"))
    };
    assert_eq!((active("366d"), active("366d1ms")), (vec![], vec![Code::WindowRange]));
    assert_eq!((active("1ms"), active("0s")), (vec![], vec![Code::WindowRange]));
}

#[test]
fn hostile_rule_sets_are_refused_in_bounded_time() {
    // Every rule uses a large condition: the run stops at its budget.
    let terms = vec!["(trigger.level * trigger.level * trigger.level > 5)"; 100].join(" && ");
    let mut text = format!("condition \"big\" {{ when = {terms} }}\n");
    text.push_str(&repeat(700, |i| {
        let name = letters(i);
        format!("rule \"{name}\" {{\n on = kill\n when = condition.big\n emit \"e\" {{ }}\n}}\n")
    }));
    let found = codes(&text);
    assert!(found.contains(&Code::TooCostly), "{found:?}");
    // Documents inside documents that never end, where nothing is reported any more.
    let text = format!("a = =\n{}", "<<A\n".repeat((1 << 18) - 2));
    assert!(!codes(&text).is_empty());
    // Names that differ in digits alone.
    let text = repeat(400, |i| {
        let name: String =
            (0..40).map(|bit| if i >> (bit % 9) & 1 == 1 { '1' } else { 'l' }).collect();
        format!("enum \"e{name}\" {{ values = [\"a\"] }}\n")
    });
    assert!(codes(&text).iter().all(|code| *code == Code::ConfusableName));
    // A long name in every message.
    let text = format!("{} {} {{\n", "x".repeat(400_000), "a ".repeat(490));
    let said: usize = (beside_base(&text).errors())
        .map(|found| found.message.len() + found.cause.len() + found.help.len())
        .sum();
    assert!(said < 1 << 20, "{said} bytes of messages");
    // Every rule overflows, and none of the searches for an example ends early.
    let product = ["trigger.level"; 12].join(" * ");
    let text = repeat(150, |i| {
        let name = letters(i);
        format!("rule \"{name}\" {{\n on = kill\n when = {product} > 1\n emit \"e\" {{ }}\n}}\n")
    });
    assert_eq!(codes(&text), [Code::Overflow]);
}
