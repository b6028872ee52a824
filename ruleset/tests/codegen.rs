//! What `codegen` writes, tried with the compilers of its languages, every warning an error.
//!
//! One program in each language fills contexts with the same values, edges included, and prints
//! their bytes: they must be those of this crate's own encoder, or a refusal where a value is out
//! of its range. The same programs decode outcomes and read parameters. A second rule set is made
//! of names that a language could trip over.

#[path = "codegen/compilers.rs"]
mod compilers;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use cairn_ruleset::codegen::{Language, generate, schema_hash};
use cairn_ruleset::contents::Contents;
use cairn_ruleset::emit;
use cairn_ruleset::ir::INSTANT_MAX;
use cairn_ruleset::lang::{self, Source};
use cairn_ruleset::manifest::Provenance;
use cairn_ruleset::plan::{Interpreted, Machine as _};
use compilers::run;

fn contents(text: &str) -> Contents {
    let source = Source { name: "hunt.rules.hcl".to_owned(), text: text.to_owned() };
    let checked = lang::check(&[source]);
    let program = checked
        .program
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics.iter().take(3).collect::<Vec<_>>()));
    let built = emit::bundle(&program, "1.0.0", Provenance::default()).unwrap();
    Contents::of_sources(program, checked.outline, &built).unwrap()
}

fn hunt() -> Contents {
    contents(include_str!("codegen/hunt.rules.hcl"))
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// One request to a driver, and what it must answer.
struct Exchange {
    ask: String,
    answer: String,
}

const SEEDS: [u64; 4] = [0, (1 << 53) + 1, 1 << 63, u64::MAX];
const TIMES: [i64; 4] = [0, 1_796_083_200_000, INSTANT_MAX, INSTANT_MAX + 1];

fn edges(min: i64, max: i64) -> Vec<i64> {
    let mut values = vec![min, max, min.saturating_sub(1), max.saturating_add(1)];
    values.extend([0, 1, -1, (1 << 53) + 1, -(1 << 53) - 1, 1_000_001, i64::MIN, i64::MAX]);
    values.sort_unstable();
    values.dedup();
    values
}

fn exchanges(contents: &Contents) -> Vec<Exchange> {
    let schema = &contents.schema;
    let mut all = Vec::new();
    let mut push = |ask: String, answer: String| all.push(Exchange { ask, answer });
    let first = format!("{} hunt@1 drop_bonus,where,on meadow,crypt,type", schema_hash(contents));
    push(String::new(), first);
    let mut ask = |trigger: usize, now: i64, round: usize, fields: &[i64]| {
        let (seed, player) = (SEEDS[round % 4], SEEDS[(round / 4) % 4]);
        let (rate, active) = ([0, 4, 1_000_000, 1_000_001, u64::MAX][round % 5], round % 2);
        let def = &schema.triggers[trigger];
        let in_range = (0..=INSTANT_MAX).contains(&now)
            && def.fields.iter().zip(fields).all(|(f, v)| (f.slot.min..=f.slot.max).contains(v));
        let mut slots = fields.to_vec();
        let max = u64::try_from(schema.counters[0].max).unwrap();
        slots.push(i64::try_from(rate.min(max)).unwrap());
        slots.push(active as i64);
        let mut bytes = Vec::new();
        cairn_ruleset::context::write(&mut bytes, trigger as u32, now, seed, player, &slots);
        let name = ["boss", "empty"][trigger];
        let mut line = format!("{name} {now} {seed} {player} {rate} {active}");
        fields.iter().for_each(|value| write!(line, " {value}").unwrap());
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        push(line, if in_range { hex } else { "refused".to_owned() });
        (in_range, bytes)
    };
    let usual = [40, 1, 1, 90_000, -250_000, 1_796_083_200_000, -7];
    let mut round = 0;
    for (at, field) in schema.triggers[0].fields.iter().enumerate() {
        // A truth value and an enum's index have no number out of range in every language.
        let values = match field.name.as_str() {
            "first" => vec![0, 1],
            "zone" => vec![0, 1, 2, 3],
            _ => edges(field.slot.min, field.slot.max),
        };
        for value in values {
            let mut fields = usual;
            fields[at] = value;
            ask(0, TIMES[1], round, &fields);
            round += 1;
        }
    }
    for now in TIMES.into_iter().chain([-1, i64::MIN, i64::MAX]) {
        for round in 0..20 {
            ask(0, now, round, &usual);
            ask(1, now, round, &[]);
        }
    }
    // What a driver wrote is what fragments read: the rule fires with these very values.
    let (_, bytes) = ask(0, TIMES[1], 1, &usual);
    let slots = Interpreted(contents).run(0, &bytes).unwrap();
    assert_eq!(slots.first(), Some(&0b11), "{slots:?}");
    for value in [80, 1, 90_000, -250_000] {
        assert!(slots.contains(&value), "{value} in {slots:?}");
    }
    for (line, answer) in [
        ("drop n=80 where=1 other=9", "80 crypt - - - -"),
        (
            "drop n=-9223372036854775808 where=2 first=1 took=0 share=-1000000 mood=3",
            "-9223372036854775808 type true 0 -1000000 3",
        ),
        ("drop n=9007199254740993 first=0", "9007199254740993 - false - - -"),
        ("drop n=9223372036854775807 where=3", "9223372036854775807 - - - - -"),
        ("drop n=1 where=-1", "1 - - - - -"),
        ("drop n=1 where=4294967296", "1 - - - - -"),
        ("drop n=1 where=9223372036854775807", "1 - - - - -"),
        ("drop where=1", "refused"),
        ("params 1250000 1 1", "1250000 crypt true"),
        ("params -9007199254740993 0 0", "-9007199254740993 meadow false"),
        ("params - - -", "- - -"),
        ("params 5 3 -", "5 - -"),
        ("spawn", "dragon.spawn"),
    ] {
        all.push(Exchange { ask: line.to_owned(), answer: answer.to_owned() });
    }
    all
}

fn asked(all: &[Exchange]) -> String {
    all.iter().skip(1).fold(String::new(), |text, exchange| text + &exchange.ask + "\n")
}

/// Runs a compiled driver and holds every answer against the expected one.
#[track_caller]
fn converse(all: &[Exchange], command: &mut Command) {
    let printed = run(command, &asked(all));
    for (exchange, answer) in all.iter().zip(printed.lines()) {
        assert_eq!(answer, exchange.answer, "{}", exchange.ask);
    }
    assert_eq!(printed.lines().count(), all.len());
    assert!(all.len() > 250 && all.iter().filter(|one| one.answer == "refused").count() > 50);
}

#[test]
fn rust_agrees_on_the_layout() {
    let (dir, contents) = (tempfile::tempdir().unwrap(), hunt());
    write(dir.path(), "hunt.rs", &generate(&contents, Language::Rust));
    write(dir.path(), "main.rs", include_str!("codegen/driver.rs"));
    compilers::rustc(dir.path(), &["main.rs", "-o", "main"]);
    converse(&exchanges(&contents), &mut Command::new(dir.path().join("main")));
}

#[test]
fn cpp_agrees_on_the_layout() {
    let (dir, contents) = (tempfile::tempdir().unwrap(), hunt());
    write(dir.path(), "hunt.hpp", &generate(&contents, Language::Cpp));
    write(dir.path(), "main.cpp", include_str!("codegen/driver.cpp"));
    compilers::cpp(dir.path(), "-std=c++17", &["main.cpp", "-o", "main"]);
    converse(&exchanges(&contents), &mut Command::new(dir.path().join("main")));
}

#[test]
fn typescript_agrees_on_the_layout() {
    let (dir, contents) = (tempfile::tempdir().unwrap(), hunt());
    write(dir.path(), "hunt.ts", &generate(&contents, Language::TypeScript));
    write(dir.path(), "main.ts", include_str!("codegen/driver.ts"));
    compilers::tsc(dir.path(), &["main.ts"]);
    let all = exchanges(&contents);
    converse(&all, compilers::node().current_dir(&dir).env("LINES", asked(&all)).arg("main.js"));
}

#[test]
fn go_agrees_on_the_layout() {
    let (dir, contents) = (tempfile::tempdir().unwrap(), hunt());
    write(dir.path(), "time/hunt.go", &generate(&contents, Language::Go));
    write(dir.path(), "main.go", include_str!("codegen/driver.go"));
    compilers::go(dir.path(), &["vet", "./..."]);
    compilers::go(dir.path(), &["build", "-o", "main", "."]);
    converse(&exchanges(&contents), &mut Command::new(dir.path().join("main")));
}

#[test]
fn csharp_agrees_on_the_layout() {
    let (dir, contents) = (tempfile::tempdir().unwrap(), hunt());
    write(dir.path(), "Hunt.cs", &generate(&contents, Language::CSharp));
    write(dir.path(), "Main.cs", include_str!("codegen/driver.cs"));
    compilers::mcs(dir.path(), &["-out:main.exe", "Hunt.cs", "Main.cs"]);
    converse(&exchanges(&contents), compilers::mono().current_dir(&dir).arg("main.exe"));
}

/// Keywords of each language, what the generated files name themselves, what standard libraries
/// define as macros, and names that fall together once their case is changed.
const WORDS: &str = "abstract array as assert async await become big_int binary_primitives bool \
    break byte case catch chan char check class clone const continue copy crate data_view debug decimal \
    decode decoded default defer del delegate delete do double drop dynamic else enum eq equals errno \
    error explicit export extern fallthrough far final finalize fixed flag float fn for foreach format \
    friend func get_hash_code get_type go gob_encode goto guid hash i_read_only_dictionary i_read_only_list \
    impl implicit import index inline instanceof interface internal into_iterator is iterator label \
    length let linux lock long loop macro main major map marshal_json match math max min minor mod move \
    mut name namespace near new none null nullptr number object ok operator option out_of_range override \
    package params param_names param private prototype public put range range_error raw read read_byte \
    read_param readonly readonly_map ref register require result return schema scan seek select self \
    set sizeof small some some_x_y static std string struct super switch symbol system template \
    then this throw to_string trait try type typedef typeof uint uint8_array union unix unsafe \
    unsigned using value value_of values var vec virtual void where while xor yield zone_names";

/// A rule set of those names only: as enum, value, trigger, field, parameter, counter, timer,
/// outcome and payload value. Names that the language itself refuses are left out.
fn hostile() -> Contents {
    let refused = ["bool", "decimal", "int", "instant", "duration", "symbol", "trigger", "param"];
    let words: Vec<&str> =
        WORDS.split_whitespace().filter(|word| !refused.contains(word)).collect();
    let list =
        |words: &[&str]| -> String { words.iter().map(|word| format!("\"{word}\", ")).collect() };
    let mut text = "ruleset \"class\" {\n  dialect = 1\n  context = \"class@1\"\n}\n".to_owned();
    let letters = "abcdefghjkmnpqrstuvw";
    let many: Vec<String> = letters
        .chars()
        .flat_map(|a| letters.chars().map(move |b| format!("many_{a}{b}")))
        .collect();
    for (at, word) in words.iter().enumerate() {
        let values = match at {
            0 => list(&words),
            1 => list(&many.iter().map(String::as_str).chain([*word]).collect::<Vec<_>>()),
            _ => list(&[word]),
        };
        writeln!(text, "enum \"{word}\" {{ values = [{values}] }}").unwrap();
        writeln!(
            text,
            "param \"{word}\" {{\n  type    = {word}\n  default = \"{word}\"\n  doc     = \"?? \\\\ \\u00e9 */ <b> & {word}\"\n}}"
        )
        .unwrap();
    }
    for (number, words) in words.chunks(64).enumerate() {
        let fields: String = words
            .iter()
            .enumerate()
            .map(|(at, word)| match at % 3 {
                0 => format!("    {word} = bool\n"),
                1 => format!("    {word} = int(-9223372036854775807, 9223372036854775807)\n"),
                _ => format!("    {word} = {word}\n"),
            })
            .collect();
        let trigger = words[number];
        writeln!(text, "trigger \"{trigger}\" {{\n  fields = {{\n{fields}  }}\n}}").unwrap();
        for (at, payload) in words.chunks(32).enumerate() {
            let values: String =
                payload.iter().map(|word| format!("    {word} = trigger.{word}\n")).collect();
            let label = payload[0];
            writeln!(
                text,
                "rule \"r{number}_{at}x\" {{\n  on = {trigger}\n  emit \"{label}\" {{\n{values}  }}\n  broadcast \"{label}.x\" {{ {label} = true }}\n}}"
            )
            .unwrap();
        }
    }
    for word in words.iter().step_by(9) {
        writeln!(
            text,
            "counter \"{word}\" {{\n  on = {}\n  per = player\n  window = \"1m\"\n}}",
            words[0]
        )
        .unwrap();
        writeln!(text, "timer \"{word}\" {{ every = \"1d\" }}").unwrap();
    }
    contents(&text)
}

#[test]
fn names_that_a_language_has_already_compile_in_rust() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "hunt.rs", &generate(&hostile(), Language::Rust));
    compilers::rustc(dir.path(), &["--crate-type=rlib", "hunt.rs"]);
}

#[test]
fn names_that_a_language_has_already_compile_in_cpp() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "hunt.hpp", &generate(&hostile(), Language::Cpp));
    // Templates are checked when they are used; macros of the platform exist in GNU mode.
    let main = "#include <cassert>\n#include <cerrno>\n#include <cstdio>\n#include <sys/sysmacros.h>\n\
        #include \"hunt.hpp\"\ntemplate class cairn::class_::Params<std::optional<std::int64_t> (*)(std::uint16_t)>;\n\
        int main() {}\n";
    write(dir.path(), "main.cpp", main);
    for standard in ["-std=c++17", "-std=gnu++17", "-std=c++20"] {
        compilers::cpp(dir.path(), standard, &["-fsyntax-only", "main.cpp"]);
    }
}

#[test]
fn names_that_a_language_has_already_compile_in_typescript() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "hunt.ts", &generate(&hostile(), Language::TypeScript));
    compilers::tsc(dir.path(), &["hunt.ts"]);
    // Without a redeclaration that only the loader sees.
    run(compilers::node().current_dir(&dir).arg("hunt.js"), "");
}

#[test]
fn names_that_a_language_has_already_compile_in_go() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "class/hunt.go", &generate(&hostile(), Language::Go));
    compilers::go(dir.path(), &["vet", "./..."]);
    compilers::go(dir.path(), &["build", "./..."]);
}

#[test]
fn names_that_a_language_has_already_compile_in_csharp() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "Hunt.cs", &generate(&hostile(), Language::CSharp));
    compilers::mcs(dir.path(), &["-target:library", "-out:hunt.dll", "Hunt.cs"]);
}
