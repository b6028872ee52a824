//! What is generated compiles, and writes the bytes that fragments read.
//!
//! Rust and C++ are compiled with every warning an error and run; TypeScript, Go and C# are
//! compiled where their compilers are installed, and held in golden files everywhere.

use std::path::Path;
use std::process::Command;

use super::{Language, generate, schema_hash};
use crate::contents::Contents;
use crate::context;
use crate::plan::Machine as _;
use crate::plan::{Interpreted, tests as plan_tests};

const RULES: &str = r#"
ruleset "hunt_two" {
  dialect = 1
  context = "hunt@1"
}
enum "zone" { values = ["meadow", "crypt", "type"] }
trigger "boss_kill" {
  fields = {
    level = int(1, 100)
    zone  = zone
    first = bool
    took  = duration("0s", "2h")
    share = decimal(-1.0, 1.0)
    type  = int(-9223372036854775807, 9223372036854775807)
  }
}
trigger "empty" { fields = {} }
param "drop_bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  unit    = "times"
  doc     = "multiplies */ the <chance> & \"more\""
}
param "where" {
  type    = zone
  default = "crypt"
}
param "on" {
  type    = bool
  default = true
}
counter "claims" {
  on     = empty
  per    = player
  window = "1m"
}
timer "night_hunt" {
  every    = "1d"
  duration = "2h"
}
rule "drop" {
  on   = boss_kill
  when = trigger.level >= 10 && trigger.zone == "crypt" && rate(claims) < 5 && active(night_hunt)
  emit "drop" {
    n     = trigger.level * 2
    where = trigger.zone
    first = trigger.first
    took  = trigger.took
    share = trigger.share
    mood  = "glad"
    draw  = pick(1000)
    mine  = bucket(1000)
    late  = since("2026-01-01T00:00:00Z") > "1d"
  }
}
rule "more" {
  on = boss_kill
  emit "drop" { n = 1 }
  broadcast "dragon.spawn" {}
}
"#;

fn contents() -> Contents {
    plan_tests::contents(RULES, true)
}

const ALL: [(Language, &str); 5] = [
    (Language::Rust, "rs"),
    (Language::TypeScript, "ts"),
    (Language::Go, "go"),
    (Language::CSharp, "cs"),
    (Language::Cpp, "hpp"),
];

#[test]
fn golden_files_are_what_is_generated() {
    for (language, suffix) in ALL {
        let made = generate(&contents(), language);
        assert_eq!(made, generate(&contents(), language), "{suffix}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("codegen_{suffix}"), made);
        });
    }
}

#[test]
fn the_hash_follows_names_and_types_and_nothing_else() {
    let hash = |text: &str| schema_hash(&plan_tests::contents(text, false));
    let base = hash(RULES);
    for (from, to, same) in [
        ("default = 1.25", "default = 1.5", true),
        ("trigger.level >= 10", "trigger.level >= 11", true),
        ("doc     = \"multiplies", "doc     = \"divides", true),
        ("every    = \"1d\"", "every    = \"2d\"", true),
        ("int(1, 100)", "int(1, 101)", false),
        ("\"meadow\"", "\"moor\"", false),
        ("broadcast \"dragon.spawn\"", "broadcast \"dragon.spawned\"", false),
        ("unit    = \"times\"", "unit    = \"per cent\"", false),
        ("n     = trigger.level * 2", "m     = trigger.level * 2", false),
    ] {
        assert_eq!(RULES.matches(from).count(), 1, "{from}");
        assert_eq!(hash(&RULES.replace(from, to)) == base, same, "{from}");
    }
}

/// The context that every generated program below writes: as this crate writes it.
fn expected() -> Vec<u8> {
    let mut bytes = Vec::new();
    let slots = [40, 1, 1, 90_000, -250_000, i64::MIN + 1, 3, 1];
    context::write(&mut bytes, 0, 1_796_083_200_000, 7, u64::MAX, &slots);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{command:?}: {text}{errors}");
    text
}

fn folder(language: Language, file: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(file), generate(&contents(), language)).unwrap();
    dir
}

/// Held against what a generated program printed: its bytes, then what it decoded.
#[track_caller]
fn agrees(printed: &str) {
    let mut lines = printed.lines();
    let bytes = expected();
    assert_eq!(lines.next(), Some(hex(&bytes).as_str()));
    assert_eq!(lines.next(), Some("refused unset 80 crypt none"));
    // Those bytes make the rule fire, with the values that the fields had.
    let contents = contents();
    let slots = Interpreted(&contents).run(0, &bytes).unwrap();
    assert_eq!(slots.first(), Some(&0b11));
    for value in [80, 1, 90_000, -250_000] {
        assert!(slots.contains(&value), "{value} in {slots:?}");
    }
}

#[test]
fn rust_compiles_without_warnings_and_agrees_on_the_layout() {
    let dir = folder(Language::Rust, "hunt.rs");
    let main = r#"
#[deny(warnings)]
mod hunt;
use hunt::*;
fn main() {
    let mut context = BossKillContext::new();
    let refused = context.set_level(101).is_err() && context.set_level(0).is_err();
    let unset = context.bytes().is_none();
    context.set_level(40).unwrap().set_zone(Zone::Crypt).set_first(true);
    context.set_took(90_000).unwrap().set_share(-250_000).unwrap().set_type(i64::MIN + 1).unwrap();
    context.seed(7).player(u64::MAX).now_ms(1_796_083_200_000).rate_claims(3).active_night_hunt(true);
    for byte in context.bytes().unwrap() { print!("{byte:02x}"); }
    let drop = DropOutcome::decode([("n", 80), ("where", 1), ("other", 9)]).unwrap();
    assert!(DropOutcome::decode([("where", 1)]).is_none());
    assert!(DragonSpawnEvent::decode([]).is_some());
    assert_eq!(Zone::from_raw(3), None);
    let params = Params(|at| [Some(1_250_000), Some(1), Some(1)].get(usize::from(at)).copied().flatten());
    assert_eq!((params.drop_bonus(), params.where_(), params.on()), (Some(1_250_000), Some(Zone::Crypt), Some(true)));
    println!("\n{} {} {} {} {}", if refused { "refused" } else { "" }, if unset { "unset" } else { "" },
        drop.n.unwrap(), drop.where_.unwrap().name(), drop.took.map_or("none", |_| "some"));
}
"#;
    std::fs::write(dir.path().join("main.rs"), main).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc).current_dir(dir.path()).args([
        "--edition=2021",
        "main.rs",
        "-o",
        "main",
    ]));
    agrees(&run(&mut Command::new(dir.path().join("main"))));
}

#[test]
fn cpp_compiles_without_warnings_and_agrees_on_the_layout() {
    let dir = folder(Language::Cpp, "hunt.hpp");
    let main = r#"
#include "hunt.hpp"
#include <cstdio>
#include <cstdlib>
using namespace hunt_two;
static void need(bool held) { if (!held) std::abort(); }
int main() {
    BossKillContext context;
    const bool refused = !context.set_level(101) && !context.set_level(0);
    const bool unset = context.bytes() == nullptr;
    need(context.set_level(40) && context.set_zone(Zone::Crypt) && context.set_first(true));
    need(context.set_took(90000) && context.set_share(-250000) && context.set_type(INT64_MIN + 1));
    need(!context.set_zone(static_cast<Zone>(3)));
    context.seed(7);
    context.player(UINT64_MAX);
    context.now_ms(1796083200000);
    context.rate_claims(3);
    context.active_night_hunt(true);
    for (const auto byte : *context.bytes()) std::printf("%02x", byte);
    const auto drop = DropOutcome::decode({{"n", 80}, {"where", 1}, {"other", 9}});
    need(drop.has_value() && !DropOutcome::decode({{"where", 1}}) && DragonSpawnEvent::decode({}).has_value());
    const Params params([](std::uint16_t at) -> std::optional<std::int64_t> { return at == 0 ? 1250000 : 1; });
    need(params.drop_bonus() == 1250000 && params.where() == Zone::Crypt && params.on() == true);
    std::printf("\n%s %s %d %s %s\n", refused ? "refused" : "", unset ? "unset" : "", static_cast<int>(*drop->n),
        std::string(Zone_names_at(*drop->where)).c_str(), drop->took ? "some" : "none");
}
"#
    .replace("Zone_names_at(*drop->where)", "zone_names[static_cast<std::size_t>(*drop->where)]")
    .replace("#include <cstdio>", "#include <cstdio>\n#include <string>");
    std::fs::write(dir.path().join("main.cpp"), main).unwrap();
    let strict = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];
    run(Command::new("c++").current_dir(dir.path()).args(strict).args(["main.cpp", "-o", "main"]));
    agrees(&run(&mut Command::new(dir.path().join("main"))));
}

/// A compiler that this machine may lack: its path, or the golden files stand alone.
fn installed(variable: &str, names: &[&str]) -> Option<std::path::PathBuf> {
    let named = std::env::var_os(variable).map(std::path::PathBuf::from);
    named.or_else(|| {
        let paths = std::env::var_os("PATH")?;
        let found = std::env::split_paths(&paths)
            .flat_map(|dir| names.iter().map(move |name| dir.join(name)).collect::<Vec<_>>());
        found.into_iter().find(|path| Path::new(path).is_file())
    })
}

#[test]
fn typescript_compiles_where_there_is_a_compiler_and_agrees_on_the_layout() {
    let Some(tsc) = installed("CAIRN_TSC", &["tsc"]) else { return };
    let dir = folder(Language::TypeScript, "hunt.ts");
    let main = r#"
import { BossKillContext, Params, decodeDragonSpawnEvent, decodeDropOutcome } from "./hunt.js";
declare const console: { log(text: string): void };
const context = new BossKillContext();
const refused = [101n, 0n].every((level) => {
  try { context.setLevel(level); return false; } catch (error) { return error instanceof RangeError; }
});
const unset = context.bytes() === undefined;
context.setLevel(40n).setZone("crypt").setFirst(true).setTook(90000n).setShare(-250000n);
context.setType(-(2n ** 63n) + 1n).seed(7n).player(2n ** 64n - 1n).nowMs(1796083200000n);
context.rateClaims(3n).activeNightHunt(true);
console.log(Array.from(context.bytes()!, (byte) => byte.toString(16).padStart(2, "0")).join(""));
const drop = decodeDropOutcome(new Map([["n", 80n], ["where", 1n], ["other", 9n]]))!;
if (decodeDropOutcome(new Map([["where", 1n]])) || !decodeDragonSpawnEvent(new Map())) throw new Error();
const params = new Params((index) => (index === 0 ? 1250000n : 1n));
if (params.dropBonus() !== 1250000n || params.where() !== "crypt" || params.on() !== true) throw new Error();
console.log(`${refused ? "refused" : ""} ${unset ? "unset" : ""} ${drop.n} ${drop.where} ${drop.took ?? "none"}`);
"#;
    std::fs::write(dir.path().join("main.ts"), main).unwrap();
    std::fs::write(dir.path().join("package.json"), "{\"type\":\"module\"}").unwrap();
    let strict =
        ["--strict", "--noUnusedLocals", "--noUnusedParameters", "--exactOptionalPropertyTypes"];
    let mut compile = Command::new(tsc);
    compile.current_dir(dir.path()).args(strict);
    run(compile.args([
        "--target",
        "es2020",
        "--module",
        "es2020",
        "--moduleResolution",
        "node",
        "--ignoreDeprecations",
        "6.0",
        "main.ts",
    ]));
    agrees(&run(Command::new("node").current_dir(dir.path()).arg("main.js")));
}
