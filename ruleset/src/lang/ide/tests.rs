//! Questions to one small rule set, the cursor at `$0`.

use proptest::prelude::*;

use super::Analysis;
use crate::lang::{Severity, Source, line_col};

const BASE: &str = r#"ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
enum "zone" { values = ["meadow", "crypt"] }
trigger "kill" {
  fields = { level = int(1, 100), zone = zone }
}
trigger "claim" {
  fields = { level = int(50, 60) }
}
param "factor" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  unit    = "times"
  doc     = "multiplies the chance"
}
counter "kills" {
  on     = kill
  per    = player
  window = "1m"
}
timer "night" {
  cron     = "0 20 * * FRI"
  zone     = "Europe/Paris"
  duration = "2h"
}
condition "veteran" { when = trigger.level >= 55 }
loot_table "gold" {
  entry "coin" { weight = 9 }
  entry "crown" {
    weight = 1
    when   = condition.veteran
  }
}
rule "claims" {
  on   = claim
  when = condition.veteran
  emit "claimed" { table = gold }
}
"#;

/// 2026-01-01T00:00:00Z.
const NOW_MS: i64 = 1_767_225_600_000;

/// The rule set with `marked` beside it, the marked file's number, and the place of the mark.
fn at(marked: &str) -> (Analysis, u32, u32) {
    let offset = marked.find("$0").expect("a mark") as u32;
    let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
    let analysis = Analysis::new(vec![
        source("a_base.rules.hcl", BASE),
        source("b.rules.hcl", &marked.replacen("$0", "", 1)),
    ]);
    (analysis, 1, offset)
}

/// The whole of the base with one mark put in front of the first `before`.
fn base_at(before: &str) -> (Analysis, u32, u32) {
    let (analysis, ..) = at("$0");
    (analysis, 0, BASE.find(before).expect("the place") as u32)
}

fn labels((analysis, file, offset): (Analysis, u32, u32)) -> String {
    let found = analysis.complete(file, offset);
    found.iter().map(|found| found.label.as_str()).collect::<Vec<_>>().join(" ")
}

fn places(analysis: &Analysis, spans: &[crate::lang::Span]) -> String {
    let show = |span: &crate::lang::Span| {
        let (line, column) = line_col(&analysis.sources()[span.file as usize].text, span.start);
        format!("{}:{line}:{column}={}", span.file, analysis.slice(*span))
    };
    spans.iter().map(show).collect::<Vec<_>>().join(" ")
}

/// Tests are read while the rules are broken, too.
#[test]
fn a_table_that_leads_to_itself_is_asked_for_its_items() {
    let text = r#"loot_table "a" {
  entry "e" {
    weight = 1
    table  = a
  }
}
rule "r" {
  on = kill
  emit "drop" { table = a }
}
test "t" {
  on = kill
  expect "drop" {
    loot     = { x = 1 }
    eligible = [a.e]
  }
}
"#;
    let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
    let sources = vec![source("a_base.rules.hcl", BASE), source("b.rules.hcl", text)];
    let analysis = Analysis::new(sources);
    let found: Vec<String> = (analysis.diagnostics().iter())
        .filter(|found| found.severity == Severity::Error)
        .map(|found| found.code.to_string())
        .collect();
    assert_eq!(found, ["C0410"]);
}

#[test]
fn completion_knows_what_belongs() {
    for (marked, expected) in [
        ("rule \"r\" {\n  on = $0\n}", "claim kill timer"),
        ("rule \"r\" {\n  on = timer.$0\n}", "night"),
        ("rule \"r\" {\n  when = trigger.$0\n  on = kill\n}", "level zone"),
        ("rule \"r\" {\n  on = claim\n  when = trigger.le$0 > 3\n}", "level"),
        ("rule \"r\" {\n  on = kill\n  when = param.$0\n}", "factor"),
        ("rule \"r\" {\n  on = kill\n  when = !condition.$0\n}", "veteran"),
        ("rule \"r\" {\n  on = kill\n  when = rate($0\n}", "kills"),
        ("rule \"r\" {\n  on = kill\n  when = active(ni$0)\n}", "night"),
        ("rule \"r\" {\n  on = kill\n  when = trigger.zone == \"$0\"\n}", "meadow crypt"),
        (
            "rule \"r\" {\n  on = kill\n  when = one_of(trigger.zone, \"crypt\", \"$0",
            "meadow crypt",
        ),
        ("condition \"c\" {\n  when = trigger.zone != \"$0\n}", "meadow crypt"),
        ("rule \"r\" {\n  on_fault = \"$0\"\n}", "skip fail"),
        ("timer \"t\" {\n  missed = \"$0\"\n}", "skip fire"),
        (
            "timer \"t\" {\n  every = \"1m\"\n  $0\n}",
            "cron zone duration missed jitter except deprecated",
        ),
        ("rule \"r\" {\n  on = kill\n  $0\n}", "when on_fault emit broadcast"),
        ("rule \"r\" {\n  on = kill\n  emit \"x\" {\n    table = $0\n  }\n}", "gold"),
        ("param \"p\" {\n  type = zone\n  default = $0\n}", "\"meadow\" \"crypt\""),
        ("param \"p\" {\n  type = bool\n  default = $0\n}", "true false"),
        ("param \"p\" {\n  type = $0\n}", "bool int decimal duration instant zone"),
        ("trigger \"t\" {\n  fields = { a = $0 }\n}", "bool int decimal duration instant zone"),
        ("counter \"c\" {\n  per = $0\n}", "player"),
        ("test \"t\" {\n  on = kill\n  trigger = { $0 }\n}", "level zone"),
        ("test \"t\" {\n  on = kill\n  trigger = { zone = \"$0\" }\n}", "meadow crypt"),
        ("test \"t\" {\n  on = claim\n  cases = [\n    { trigger = { $0", "level"),
        ("test \"t\" {\n  params = { $0 }\n}", "factor"),
        ("test \"t\" {\n  rates = { $0 }\n}", "kills"),
        ("test \"t\" {\n  pity = { $0 }\n}", "gold"),
        ("test \"t\" {\n  on = claim\n  fired = [$0]\n}", "claims"),
        ("test \"t\" {\n  cases = [{ fired = [$0]", "claims"),
        (
            "param \"p\" {\n  type = zone\n  override {\n    value = $0\n  }\n}",
            "\"meadow\" \"crypt\"",
        ),
        ("param \"p\" {\n  type = zone\n  override {\n    value = \"$0\"\n  }\n}", "meadow crypt"),
        ("param \"p\" {\n  type = bool\n  override {\n    value = $0\n  }\n}", "true false"),
        ("param \"p\" {\n  override {\n    $0\n  }\n}", "value zone shard"),
        (
            "param \"q\" {\n  type = bool\n  default = true\n  override {\n    zone = \"eu\"\n    value = false\n  }\n}\n\
             param \"p\" {\n  type = bool\n  override {\n    zone = \"$0\"\n  }\n}",
            "eu",
        ),
        ("# $0", ""),
        ("rule \"$0\" {\n}", ""),
        ("rule \"r\" {\n  on = kill\n  when = trigger.level >= 1$0\n}", ""),
    ] {
        assert_eq!(labels(at(marked)), expected, "{marked}");
    }
    assert!(labels(at("$0")).starts_with("enum trigger param"), "no second ruleset");
    assert!(labels(at("timer \"t\" {\n  zone = \"Eur$0\"\n}")).contains("Europe/Paris"));
    assert!(labels(at("condition \"c\" {\n  when = $0\n}")).contains("one_of between"));
}

#[test]
fn a_completion_replaces_the_word_it_completes() {
    let (analysis, file, offset) =
        at("rule \"r\" {\n  on = claim\n  when = trigger.le$0vel > 3\n}");
    let found = analysis.complete(file, offset);
    assert_eq!(analysis.slice(found[0].edit.span), "level");
    let (analysis, file, offset) = at("ru$0");
    let rule = analysis.complete(file, offset).into_iter().find(|found| found.label == "rule");
    let rule = rule.expect("the block");
    assert_eq!(analysis.slice(rule.edit.span), "ru");
    assert!(rule.snippet && rule.edit.text.starts_with("rule \"${1:name}\" {\n  on"), "{rule:?}");
}

#[test]
fn hover_shows_resolved_values() {
    let hover = |(analysis, file, offset): (Analysis, u32, u32)| {
        analysis.hover(file, offset, NOW_MS).map(|hover| hover.text).unwrap_or_default()
    };
    for (marked, expected) in [
        (
            "condition \"c\" { when = chance(0.1 * param.fac$0tor) }",
            "param.factor: decimal, 0.0 to 5.0\n```\ndefault **1.25 times**\n\nmultiplies the chance",
        ),
        (
            "condition \"c\" { when = $0rate(kills) > 3 }",
            "```hcl\nrate(counter)\n```\nHits of the player",
        ),
        (
            "condition \"c\" { when = rate(ki$0lls) > 3 }",
            "counts `kill` per player within 1m; `rate(kills)` is 0 to 1000000",
        ),
        (
            "condition \"c\" { when = condition.$0veteran }",
            "condition \"veteran\" { when = trigger.level >= 55 }\n```\nused 3 times",
        ),
        (
            "rule \"r\" {\n  on = kill\n  when = trigger.$0zone == \"crypt\"\n}",
            "trigger.zone: zone\n```\nfield of the trigger `kill`",
        ),
        (
            "rule \"r\" {\n  on = kill\n  when = trigger.zone == \"cr$0ypt\"\n}",
            "`\"crypt\"`, value 1 of the enum `zone`",
        ),
        (
            "param \"fe$0e\" {\n  type = int(0, 9)\n  default = 1\n  unit = \"coins\"\n  override {\n    zone = \"eu\"\n    value = 2\n  }\n\
             override {\n    zone = \"eu\"\n    shard = \"7\"\n    value = 3\n  }\n}",
            "default **1 coins**\n\n- in zone eu: **2 coins**\n- in shard 7 of zone eu: **3 coins**",
        ),
        ("param \"p\" {\n  over$0ride {\n  }\n}", "Another value of this parameter"),
        ("rule \"r\" {\n  on = kill\n  when = trigger.level $0* 2 > 3\n}", "int, 2 to 200"),
        ("rule \"r\" {\n  o$0n = kill\n}", "on = trigger or timer.name"),
        ("ru$0le \"r\" {\n  on = kill\n}", "Fires on a trigger or a timer"),
        ("trigger \"t\" {\n  fields = { a = in$0t(1, 2) }\n}", "Whole numbers in the range"),
    ] {
        let text = hover(at(marked));
        assert!(text.contains(expected), "{marked}\n{text}");
    }
    let text = hover(base_at("gold\""));
    assert!(
        text.contains("| `coin` | 90 % |")
            && text.contains("| `crown` | 10 % | `condition.veteran` |"),
        "{text}"
    );
    let text = hover(base_at("night\""));
    assert!(text.contains("- Fri 2026-01-02 20:00:00 CET"), "{text}");
    // A field that a condition reads for two triggers.
    let text = hover(base_at("level >= 55"));
    assert!(text.contains("`claim`"), "{text}");
}

#[test]
fn names_lead_to_their_declaration_and_uses() {
    let (analysis, file, offset) = at("condition \"c\" { when = condition.vet$0eran }");
    assert_eq!(places(&analysis, &analysis.definition(file, offset)), "0:29:12=veteran");
    assert_eq!(
        places(&analysis, &analysis.references(file, offset, true)),
        "0:29:12=veteran 0:34:24=veteran 0:39:20=veteran 1:1:34=veteran"
    );
    assert_eq!(places(&analysis, &analysis.highlights(file, offset)), "1:1:34=veteran");
    let (analysis, file, offset) = base_at("crypt\"");
    assert_eq!(places(&analysis, &analysis.definition(file, offset)), "0:5:36=crypt");
}

#[test]
fn a_broken_file_is_known_as_far_as_it_parses() {
    let (analysis, file, offset) = at(
        "rule \"r\" {\n  on = kil$0l\n  when = trigger.\n  emit \"x\" { v = param.factor }\n}\nrule \"",
    );
    assert_eq!(places(&analysis, &analysis.definition(file, offset)), "0:6:10=kill");
    let (analysis, file, offset) = (analysis, 0, BASE.find("factor").unwrap() as u32);
    assert_eq!(places(&analysis, &analysis.references(file, offset, false)), "1:4:24=factor");
}

#[test]
fn a_rename_changes_all_files_or_says_why_not() {
    let rename = |marked: &str, name: &str| {
        let (analysis, file, offset) = at(marked);
        analysis.rename(file, offset, name).map_err(|error| error.to_string()).map(|edits| {
            let after = Analysis::new(analysis.edited(&edits));
            assert_eq!(after.diagnostics().len(), analysis.diagnostics().len());
            places(&analysis, &edits.iter().map(|edit| edit.span).collect::<Vec<_>>())
        })
    };
    let mark = "rule \"r\" {\n  on = kill\n  when = chance(0.1 * param.$0factor) && trigger.zone == \"crypt\"\n  emit \"x\" {}\n}";
    assert_eq!(rename(mark, "bonus").as_deref(), Ok("0:12:8=factor 1:3:29=factor"));
    // The enum's value, inside quotes.
    let mark = mark.replace("$0", "").replace("crypt", "cr$0ypt");
    assert_eq!(rename(&mark, "cave").as_deref(), Ok("0:5:36=crypt 1:3:57=crypt"));
    // The condition reads the field for both triggers: both are renamed.
    let both = "rule \"r\" {\n  on = kill\n  when = condition.veteran && trigger.le$0vel < 90\n  emit \"x\" {}\n}";
    assert_eq!(
        rename(both, "rank").as_deref(),
        Ok("0:7:14=level 0:10:14=level 0:29:38=level 1:3:39=level")
    );
    assert_eq!(
        rename("condition \"c$0\" { when = condition.veteran }", "vetera_n"),
        Err("renaming to `vetera_n` is refused: `vetera_n` looks like `veteran` (C0404)".into())
    );
    let taken = rename("condition \"c$0\" { when = condition.veteran }", "veteran").unwrap_err();
    assert!(taken.contains("C0403"), "{taken}");
    let malformed =
        rename("condition \"c$0\" { when = condition.veteran }", "Vet-eran").unwrap_err();
    assert!(malformed.starts_with("`Vet-eran` is no name"), "{malformed}");
    assert!(rename("# co$0mment", "x").unwrap_err().starts_with("nothing here"));
    assert_eq!(rename(both, "level").as_deref(), Ok(""));
}

#[test]
fn a_fix_that_is_a_plain_replacement_mends_its_mistake() {
    for (text, expected) in [
        ("rule \"r\" {\n  on = kil\n  emit \"x\" {}\n}", "kill"),
        ("rule \"r\" {\n  on = nigth\n  broadcast \"x\" {}\n}", ""),
        ("rule \"r\" {\n  on = night\n  broadcast \"x\" {}\n}", "timer.night"),
        ("rule \"r\" {\n  on = timer.nigt\n  broadcast \"x\" {}\n}", "timer.night"),
        ("rule \"r\" {\n  on = kill\n  wen = param.factor > 1.0\n  emit \"x\" {}\n}", "when"),
        ("rule \"r\" {\n  on = kill\n  emmit \"x\" {}\n  emit \"y\" {}\n}", "emit"),
        ("ruel \"r\" {\n  on = kill\n  emit \"x\" {}\n}", "rule"),
        ("condition \"c\" { when = trigger.lvel > 3 }", "trigger.level"),
        ("condition \"c\" { when = level > 3 }", "trigger.level"),
        ("condition \"c\" { when = param.facto > 3.0 }", "param.factor"),
        ("condition \"c\" { when = rate(kils) > 3 }", "kills"),
        ("condition \"c\" { when = rat(kills) > 3 }", "rate"),
        ("condition \"c\" { when = trigger.zone == \"crypd\" }", "\"crypt\""),
        ("param \"p\" {\n  type = bol\n  default = true\n}", "bool"),
    ] {
        let (analysis, ..) = at(&format!("{text}$0"));
        let fixes: Vec<_> =
            analysis.diagnostics().iter().filter_map(|found| found.fix.clone()).collect();
        let written: Vec<&str> = fixes.iter().map(|edit| edit.text.as_str()).collect();
        assert_eq!(written.concat(), expected, "{text}\n{:#?}", analysis.diagnostics());
        if !fixes.is_empty() {
            let after = Analysis::new(analysis.edited(&fixes));
            let errors = after.diagnostics().iter().filter(|d| d.severity == Severity::Error);
            assert_eq!(errors.count(), 0, "{text}");
        }
    }
}

#[test]
fn tests_use_names_like_rules_do() {
    let test =
        "test \"t\" {\n  on      = claim\n  trigger = { level = 55 }\n  fired   = [cla$0ims]\n}";
    for text in [test.to_owned(), format!("{test}\ncondition \"c\" {{ when = missing }}")] {
        let (analysis, file, offset) = at(&text);
        assert_eq!(
            places(&analysis, &analysis.references(file, offset, true)),
            "0:37:7=claims 1:4:14=claims"
        );
        let edits =
            analysis.rename(0, BASE.find("level = int(50").unwrap() as u32, "rank").unwrap();
        let spans: Vec<_> = edits.iter().map(|edit| edit.span).collect();
        assert!(places(&analysis, &spans).ends_with("1:3:15=level"), "{spans:?}");
    }
}

#[test]
fn the_outline_and_the_folds_show_the_shape() {
    let (analysis, ..) =
        at("# one\n# two\nrule \"r\" {\n  on = kill\n  emit \"x\" {}\n}\nrule \"open\" {$0");
    let shape = |file| {
        let show = |block: &super::Outline| {
            let inner: Vec<&str> = block.children.iter().map(|c| c.name.as_str()).collect();
            format!("{} {} [{}]", block.kind, block.name, inner.join(" "))
        };
        analysis.outline(file).iter().map(show).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(shape(1), "rule r [x], rule open []");
    assert!(shape(0).contains("trigger kill [level zone]"), "{}", shape(0));
    assert!(shape(0).contains("loot_table gold [coin crown]"));
    let rule = &analysis.outline(1)[0];
    assert!(analysis.slice(rule.span).ends_with("{}\n}"), "{}", analysis.slice(rule.span));
    let folds: Vec<(&str, bool)> =
        analysis.folds(1).iter().map(|fold| (analysis.slice(fold.span), fold.comment)).collect();
    assert_eq!(folds, [("# one\n# two", true), ("{\n  on = kill\n  emit \"x\" {}\n", false)]);
}

/// Every question at one place.
fn ask(analysis: &Analysis, file: u32, offset: u32) {
    analysis.hover(file, offset, NOW_MS);
    analysis.complete(file, offset);
    analysis.definition(file, offset);
    analysis.references(file, offset, true);
    if let Ok(edits) = analysis.rename(file, offset, "renamed") {
        assert!(edits.iter().all(|edit| !analysis.slice(edit.span).is_empty()));
    }
}

#[test]
fn every_place_of_every_beginning_can_be_asked() {
    for end in (0..BASE.len()).step_by(7) {
        let source = Source { name: "a.rules.hcl".into(), text: BASE[..end].into() };
        let analysis = Analysis::new(vec![source]);
        analysis.outline(0);
        analysis.folds(0);
        for offset in [0, end / 3, end / 2, end.saturating_sub(1), end, end + 9] {
            ask(&analysis, 0, offset as u32);
        }
    }
}

proptest! {
    #[test]
    fn no_place_in_any_text_panics(
        pieces in prop::collection::vec(
            prop_oneof![
                "[a-z_.]{0,6}", "[ \\n\"{}()\\[\\]=,.#/*&|<>!?:+-]{0,4}", "\\PC{0,3}",
                Just("rule \"a\" {\n".to_owned()), Just("when = trigger.".to_owned()),
                Just("emit \"x\" {\n".to_owned()), Just("one_of(trigger.zone, \"".to_owned()),
                Just("loot_table \"t\" {\n entry \"e\" { weight = 1 }\n}\n".to_owned()),
                Just("on = kill\n".to_owned()), Just("<<EOF\n".to_owned()), Just("/*".to_owned()),
            ],
            0..20,
        ),
        offset in 0_u32..200,
        file in 0_u32..3,
    ) {
        let source = |name: &str, text: String| Source { name: name.into(), text };
        let analysis = Analysis::new(vec![
            source("a.rules.hcl", BASE.to_owned()),
            source("b.rules.hcl", pieces.concat()),
        ]);
        ask(&analysis, file, offset);
        analysis.outline(file);
        analysis.folds(file);
    }
}
