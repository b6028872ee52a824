//! Overrides of parameters: what is refused, what is warned of, what comes out.

use proptest::prelude::*;

use super::{BASE, beside_base, found, program, source};
use crate::emit;
use crate::lang::limits::{OVERRIDE_COUNT_MAX, SCOPE_COUNT_MAX, SCOPE_NAME_BYTES_MAX};
use crate::lang::{Code, check};
use crate::manifest::{FragmentKind, Provenance};
use crate::scope::{Origin, Scope};

/// A parameter with these lines among its own, and a rule that reads it.
fn param(lines: &str) -> String {
    format!(
        "param \"bonus\" {{\n  type = int\n  default = 5\n  range = [0, 10]\n{lines}}}\n\
         rule \"pay\" {{\n  on = kill\n  emit \"pay\" {{ gold = param.bonus * trigger.level }}\n}}\n"
    )
}

fn at(zone: &str, shard: &str, value: &str) -> String {
    let name = |word: &str, name: &str| match name {
        "" => String::new(),
        name => format!("    {word} = \"{name}\"\n"),
    };
    format!(
        "  override {{\n{}{}    value = {value}\n  }}\n",
        name("zone", zone),
        name("shard", shard)
    )
}

#[test]
fn mistakes_are_named() {
    let cases: [(String, &[&str]); 14] = [
        (at("", "", "6"), &["C1004 5:3 this override names neither a zone nor a shard"]),
        (
            at("eu", "", "6") + &at("eu", "7", "7") + &at("eu", "", "8"),
            &["C1005 14:3 a second override for zone eu"],
        ),
        (
            at("eu", "7", "6") + &at("eu", "7", "6"),
            &["C1005 10:3 a second override for shard 7 of zone eu"],
        ),
        (at("eu", "", "11"), &["C0609 7:13 the override 11 is outside 0 to 10"]),
        (at("eu", "", "1.5"), &["C0501 7:13 `1.5` is not an int"]),
        (at("eu", "", "true"), &["C0501 7:13 `true` is not an int"]),
        (
            at(" eu", "", "6"),
            &["C1006 6:12 the name of the zone has ' ' where a printable character belongs"],
        ),
        (
            at("e\\nu", "", "6"),
            &["C1006 6:12 the name of the zone has '\\n' where a printable character belongs"],
        ),
        (
            "  override {\n    shard = \"\"\n    value = 6\n  }\n".to_owned(),
            &["C1006 6:13 the shard has an empty name"],
        ),
        (
            "  override {\n    zone = eu\n    value = 6\n  }\n".to_owned(),
            &["C0307 6:12 `zone` is `eu`, not a string"],
        ),
        (
            "  override { zone = \"eu\" }\n".to_owned(),
            &["C0306 5:3 this `override` has no `value`"],
        ),
        (
            "  override {\n    zon = \"eu\"\n    value = 6\n  }\n".to_owned(),
            &["C0304 6:5 `override` has no attribute `zon`"],
        ),
        (
            "  override {\n    place = \"eu\"\n    value = 6\n  }\n".to_owned(),
            &["C0304 6:5 `override` has no attribute `place`"],
        ),
        (
            "  override \"eu\" {\n    zone = \"eu\"\n    value = 6\n  }\n".to_owned(),
            &["C0303 5:3 `override` with 1 label, where none belongs"],
        ),
    ];
    for (lines, wanted) in cases {
        assert_eq!(found(&param(&lines)), wanted, "{lines}");
    }
    assert_eq!(
        found("override {\n  zone = \"eu\"\n  value = 1\n}\n"),
        ["C0302 1:1 `override` stands outside every `param`"]
    );
    // An override says nothing new about a type that is wrong.
    let broken = param(&at("eu", "", "6")).replace("type = int", "type = itn");
    assert_eq!(found(&broken), ["C0405 2:10 there is no type `itn`"]);
}

#[test]
fn mistakes_show_the_other_place_too() {
    for (lines, note) in [
        (at("", "", "6"), "the parameter that it would change everywhere"),
        (at("eu", "", "6") + &at("eu", "", "7"), "the first one is here"),
        (at("eu", "", "11"), "the range is given here"),
        (at("eu", "", "\"6\""), "the type is given here"),
    ] {
        let checked = beside_base(&param(&lines));
        let [only] = &checked.errors().collect::<Vec<_>>()[..] else { panic!("{checked:?}") };
        let notes: Vec<&str> = only.labels.iter().map(|(_, note)| note.as_str()).collect();
        assert_eq!(notes, [note]);
        assert_ne!(only.labels[0].0, only.span);
    }
}

#[test]
fn every_type_may_be_overridden() {
    for (ty, default, range, value, raw) in [
        ("bool", "false", "", "true", 1),
        ("int", "1", "range = [0, 9]", "-0", 0),
        ("decimal", "1.5", "range = [0.0, 9.0]", "2.25", 2_250_000),
        ("duration", "\"1m\"", "range = [\"1s\", \"1h\"]", "\"90s\"", 90_000),
        ("instant", "\"2026-01-01T00:00:00Z\"", "", "\"1970-01-01T00:00:01Z\"", 1_000),
        ("zone", "\"meadow\"", "", "\"crypt\"", 1),
    ] {
        let text = format!(
            "param \"p\" {{\n  type = {ty}\n  default = {default}\n  {range}\n  external = true\n{}}}\n",
            at("eu", "7", value)
        );
        let program = program(&[source("a.rules.hcl", BASE), source("b.rules.hcl", &text)]);
        let param = program.params.iter().find(|param| param.name == "p").unwrap();
        let [known] = &param.overrides[..] else { panic!("{param:?}") };
        assert_eq!((known.scope.names(), known.value), ((Some("eu"), Some("7")), raw), "{ty}");
    }
}

#[test]
fn the_page_follows_the_place() {
    let text = param(&(at("eu", "", "6") + &at("", "7", "7") + &at("eu", "7", "8")));
    let program = program(&[source("a.rules.hcl", BASE), source("b.rules.hcl", &text)]);
    let index = program.params.iter().position(|param| param.name == "bonus").unwrap();
    for (zone, shard, value, origin) in [
        (None, None, 5, Origin::Default),
        (Some("us"), Some("8"), 5, Origin::Default),
        (Some("eu"), None, 6, Origin::Zone),
        (Some("eu"), Some("8"), 6, Origin::Zone),
        (None, Some("7"), 7, Origin::Shard),
        (Some("us"), Some("7"), 7, Origin::Shard),
        (Some("eu"), Some("7"), 8, Origin::ZoneAndShard),
        (Some("EU"), Some("7 "), 5, Origin::Default),
    ] {
        let scope = Scope { zone: zone.map(str::to_owned), shard: shard.map(str::to_owned) };
        let page = program.page(&scope);
        assert_eq!((page.values[index], page.origins[index]), (value, origin), "{scope}");
    }
}

#[test]
fn limits_hold_at_n_and_no_further() {
    let codes = |texts: &[String]| {
        let mut sources = vec![source("a.rules.hcl", BASE)];
        sources.extend(
            texts.iter().enumerate().map(|(i, text)| source(&format!("b{i}.rules.hcl"), text)),
        );
        check(&sources).errors().map(|found| found.code).collect::<Vec<_>>()
    };
    let own = |count| (0..count).map(|i| at(&format!("z{i}"), "", "6")).collect::<String>();
    assert_eq!(codes(&[param(&own(OVERRIDE_COUNT_MAX))]), []);
    assert_eq!(codes(&[param(&own(OVERRIDE_COUNT_MAX + 1))]), [Code::TooMany]);

    let name = |length: usize| param(&at("", &"s".repeat(length), "6"));
    assert_eq!(codes(&[name(SCOPE_NAME_BYTES_MAX)]), []);
    assert_eq!(codes(&[name(SCOPE_NAME_BYTES_MAX + 1)]), [Code::ScopeName]);

    // Files of eight parameters with 64 scopes of their own each; a tree holds no more.
    let files = |count: usize| -> Vec<String> {
        let params: Vec<String> = (0..count.div_ceil(OVERRIDE_COUNT_MAX))
            .map(|param| {
                let own = (param * OVERRIDE_COUNT_MAX..count).take(OVERRIDE_COUNT_MAX);
                let lines: String = own.map(|i| at("", &format!("s{i}"), "6")).collect();
                let name: String = format!("{param:03}")
                    .bytes()
                    .map(|digit| char::from(b'p' + digit - b'0'))
                    .collect();
                format!("param \"x{name}\" {{\n  type = int(0, 9)\n  default = 5\n{lines}}}\n")
            })
            .collect();
        params.chunks(8).map(<[String]>::concat).collect()
    };
    assert_eq!(codes(&files(SCOPE_COUNT_MAX)), []);
    assert_eq!(codes(&files(SCOPE_COUNT_MAX + 1)), [Code::TooMany]);
    // Scopes that others name already cost none.
    let mut again = files(SCOPE_COUNT_MAX);
    again.push(param(&at("", "s0", "6")));
    assert_eq!(codes(&again), []);
}

/// What was proved from the range holds wherever the rules run, so an override changes no code; it
/// changes the parameters' segment and nothing else.
#[test]
fn an_override_leaves_every_fragment_alone() {
    let built = |lines: &str| {
        let sources = [source("a.rules.hcl", BASE), source("b.rules.hcl", &param(lines))];
        emit::bundle(&program(&sources), "1.0.0", Provenance::default()).unwrap()
    };
    let (none, one, other) = (built(""), built(&at("eu", "", "10")), built(&at("eu", "", "0")));
    for (before, after) in [(&none, &one), (&one, &other)] {
        let mut changed = Vec::new();
        for (a, b) in before.manifest.fragments.iter().zip(&after.manifest.fragments) {
            assert_eq!((&a.name, a.kind), (&b.name, b.kind));
            if a.digest != b.digest {
                changed.push((b.kind, b.length_bytes));
            }
        }
        let [(FragmentKind::Params, bytes)] = changed[..] else { panic!("{changed:?}") };
        assert!(bytes < 32, "an override ships some bytes, not {bytes}");
        assert_eq!(before.manifest.context_hash, after.manifest.context_hash);
    }
}

/// The interval analysis judges the declared range alone: an override that would only just pass
/// never makes a rule pass that the range does not, nor the other way round.
#[test]
fn proofs_hold_at_every_place() {
    let text = |max: &str, lines: &str| {
        format!(
            "param \"share\" {{\n  type = decimal\n  default = 0.5\n  range = [0.0, {max}]\n{lines}}}\n\
             rule \"draw\" {{\n  on = kill\n  when = chance(param.share)\n  emit \"won\" {{}}\n}}\n"
        )
    };
    assert!(found(&text("1.0", &at("eu", "", "1.0"))).is_empty());
    let refused = found(&text("1.5", &at("eu", "", "1.0")));
    assert!(
        refused.iter().all(|line| line.starts_with("C0603")) && refused.len() == 1,
        "{refused:?}"
    );
    let outside = found(&text("1.0", &at("eu", "", "1.5")));
    assert_eq!(outside, ["C0609 7:13 the override 1.5 is outside 0.0 to 1.0"]);
}

/// Zone and shard (nothing for none) and value of an override.
type Written = (Option<usize>, Option<usize>, i64);

fn written() -> impl Strategy<Value = Vec<Written>> {
    let name = || proptest::option::of(0..3usize);
    let one =
        (name(), name(), 4..7i64).prop_filter("a place", |(z, s, _)| z.is_some() || s.is_some());
    prop::collection::btree_map(one.prop_map(|(z, s, _)| (z, s)), 4..7i64, 0..10)
        .prop_map(|all| all.into_iter().map(|((z, s), value)| (z, s, value)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// An override is warned of exactly when no place would notice that it is gone.
    #[test]
    fn idle_overrides_are_those_that_nobody_would_miss(all in written()) {
        let text = |all: &[Written]| {
            let name = |known: Option<usize>| known.map_or("", |index| ["a", "b", "c"][index]);
            let lines: String = all
                .iter()
                .map(|(zone, shard, value)| at(name(*zone), name(*shard), &value.to_string()))
                .collect();
            param(&lines)
        };
        let page = |all: &[Written], zone: Option<&str>, shard: Option<&str>| {
            let sources = [source("a.rules.hcl", BASE), source("b.rules.hcl", &text(all))];
            program(&sources).page(&Scope::new(zone, shard).unwrap()).values
        };
        let warned: Vec<u32> = beside_base(&text(&all))
            .diagnostics
            .iter()
            .filter(|found| found.code == Code::IdleOverride)
            .map(|found| found.span.start)
            .collect();
        let starts: Vec<u32> = text(&all)
            .match_indices("override {")
            .map(|(at, _)| at as u32)
            .collect();
        let names = [None, Some("a"), Some("b"), Some("c"), Some("d")];
        for (index, start) in starts.iter().enumerate() {
            let mut without = all.clone();
            without.remove(index);
            let missed = names.iter().any(|zone| {
                names.iter().any(|shard| page(&all, *zone, *shard) != page(&without, *zone, *shard))
            });
            prop_assert_eq!(warned.contains(start), !missed, "override {} of\n{}", index, text(&all));
        }
    }
}
