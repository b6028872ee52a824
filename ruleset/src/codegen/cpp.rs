//! C++17: one header, no dependency but the standard library.

use super::model::{Context, Model, Outcome, Ty};
use super::names::{Scope, pascal, snake};
use super::writer::{Writer, comment, quoted};
use crate::ir::INSTANT_MAX;
use crate::layout::{ABI, NOW_AT, PLAYER_AT, SEED_AT};

/// Keywords, our own names, and the lower-case macros of common compilers and platforms.
const KEYWORDS: [&str; 113] = [
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char8_t",
    "char16_t",
    "char32_t",
    "class",
    "compl",
    "concept",
    "const",
    "consteval",
    "constexpr",
    "constinit",
    "const_cast",
    "continue",
    "co_await",
    "co_return",
    "co_yield",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
    "std",
    "decode",
    "assert",
    "errno",
    "far",
    "huge",
    "i386",
    "interface",
    "linux",
    "major",
    "makedev",
    "max",
    "min",
    "minor",
    "near",
    "small",
    "stderr",
    "stdin",
    "stdout",
    "unix",
];

pub(super) fn file(model: &Model) -> String {
    let mut w = Writer::new("    ");
    w.lines(&model.head("//"));
    w.lines(
        "#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
",
    );
    // Inside `cairn`, for a rule set may be called like a function of the C library.
    w.line(format!("namespace cairn::{} {{", Scope::new(&KEYWORDS).take(snake(&model.ruleset))));
    w.line("");
    w.line("/// Compare with the hash of the version that is loaded, and generate again when they differ.");
    w.line(format!("inline constexpr std::string_view schema = \"{}\";", model.hash));
    w.line("/// The context schema.");
    w.line(format!("inline constexpr std::string_view context = {};", quoted(&model.context)));
    let mut types = Scope::new(&KEYWORDS);
    // Of our own, and the template parameter that would hide a type.
    ["Params", "Read"].iter().for_each(|taken| drop(types.take((*taken).to_owned())));
    let mut constants = Scope::new(&["schema", "context", "param_names", "cairn"]);
    let enums = types.all(model.enums.iter().map(|e| e.name.as_str()), pascal);
    for (def, name) in model.enums.iter().zip(&enums) {
        let values = Scope::new(&KEYWORDS).all(def.values.iter().map(String::as_str), pascal);
        w.line("");
        w.line(format!("/// `{}`.", comment(&def.name)));
        w.line(format!("enum class {name} : std::uint16_t {{"));
        for (index, ident) in values.iter().enumerate() {
            w.line(format!("{ident} = {index},"));
        }
        w.line("};");
        w.line("");
        w.line(format!(
            "inline constexpr std::array<std::string_view, {}> {} = {{",
            values.len(),
            constants.take(format!("{}_names", snake(&def.name)))
        ));
        for value in &def.values {
            w.line(format!("{},", quoted(value)));
        }
        w.line("};");
    }
    for def in &model.contexts {
        let name = types.take(format!("{}Context", pascal(&def.name)));
        context(&mut w, def, &name, &enums);
    }
    params(&mut w, model, &enums);
    for def in &model.outcomes {
        let name = types.take(Model::outcome_name(def));
        outcome(&mut w, def, &name, &enums, model);
    }
    w.lines("\n}");
    w.finish()
}

fn type_of(ty: Ty, enums: &[String]) -> String {
    match ty {
        Ty::Bool => "bool".to_owned(),
        Ty::Number => "std::int64_t".to_owned(),
        Ty::Enum(index) => enums.get(index).cloned().unwrap_or_default(),
    }
}

/// The least number has no literal of its own.
fn int(value: i64) -> String {
    if value == i64::MIN { "INT64_MIN".to_owned() } else { format!("INT64_C({value})") }
}

fn context(w: &mut Writer, def: &Context, name: &str, enums: &[String]) {
    let bytes = def.bytes;
    w.line("");
    w.line(format!(
        "/// What a game supplies for `{}`: the bytes that fragments read.",
        comment(&def.name)
    ));
    w.line(format!("class {name} {{"));
    w.lines("public:");
    w.line(format!("static constexpr std::string_view name = {};", quoted(&def.name)));
    w.line(format!("static constexpr std::uint32_t trigger = {};", def.index));
    w.line(format!("static constexpr std::size_t size = {bytes};"));
    w.line("/// Nothing set; the seed, the player, the time, counters and timers are 0.");
    w.line(format!("{name}() {{"));
    w.line(format!("put(0, UINT64_C({ABI}) | std::uint64_t{{trigger}} << 32);"));
    w.line("}");
    for (about, method, at) in [
        ("What chance is drawn from.", "seed", SEED_AT),
        ("Whose evaluation it is.", "player", PLAYER_AT),
    ] {
        w.line(format!("/// {about}"));
        w.line(format!("void {method}(std::uint64_t value) {{ put({at}, value); }}"));
    }
    w.line(
        "/// Milliseconds since 1970. False, and nothing set, before that and after the year 9999.",
    );
    w.line("[[nodiscard]] bool now_ms(std::int64_t value) {");
    w.line(format!("if (value < 0 || value > {}) return false;", int(INSTANT_MAX)));
    w.line(format!("put({NOW_AT}, static_cast<std::uint64_t>(value));"));
    w.lines("return true;\n}");
    let reserved = ["seed", "player", "now_ms", "bytes", "put", "name", "trigger", "size"];
    let mut methods = Scope::new(&reserved);
    for (number, field) in def.fields.iter().enumerate() {
        let method = methods.take(format!("set_{}", snake(&field.name)));
        let ty = type_of(field.ty, enums);
        w.line(format!(
            "/// `{}`: {}. False, and nothing set, outside that.",
            comment(&field.name),
            comment(&field.doc)
        ));
        w.line(format!("[[nodiscard]] bool {method}({ty} value) {{"));
        match field.ty {
            Ty::Number if field.min > i64::MIN || field.max < i64::MAX => {
                w.line(format!(
                    "if (value < {} || value > {}) return false;",
                    int(field.min),
                    int(field.max)
                ));
            }
            Ty::Number | Ty::Bool => {}
            Ty::Enum(_) => {
                w.line(format!(
                    "if (static_cast<std::uint16_t>(value) > {}) return false;",
                    field.max
                ));
            }
        }
        w.line(format!("put({}, static_cast<std::uint64_t>(value));", field.offset));
        w.line(format!("set_ |= UINT64_C(1) << {number};"));
        w.lines("return true;\n}");
    }
    for (counter, offset, max) in &def.counters {
        let method = methods.take(format!("rate_{}", snake(counter)));
        w.line(format!(
            "/// Hits in the window of `{}`; more than {max} count as {max}.",
            comment(counter)
        ));
        w.line(format!(
            "void {method}(std::uint64_t count) {{ put({offset}, count < {max} ? count : {max}); }}"
        ));
    }
    for (timer, offset) in &def.timers {
        let method = methods.take(format!("active_{}", snake(timer)));
        w.line(format!("/// Whether `{}` is active.", comment(timer)));
        w.line(format!("void {method}(bool active) {{ put({offset}, active ? 1 : 0); }}"));
    }
    w.line("/// The bytes, once every field is set; else null.");
    w.line(format!("const std::array<std::uint8_t, size>* bytes() const {{ return set_ == UINT64_C({}) ? &bytes_ : nullptr; }}", def.all_set()));
    w.line("");
    w.line("private:");
    w.line("void put(std::size_t at, std::uint64_t value) {");
    w.line("for (std::size_t byte = 0; byte < 8; ++byte) {");
    w.line("bytes_[at + byte] = static_cast<std::uint8_t>(value >> (8 * byte));");
    w.lines("}\n}");
    w.line("std::array<std::uint8_t, size> bytes_{};");
    w.line("std::uint64_t set_ = 0;");
    w.line("};");
}

fn params(w: &mut Writer, model: &Model, enums: &[String]) {
    w.lines("\n/// Names of the parameters, by index.");
    w.line(format!(
        "inline constexpr std::array<std::string_view, {}> param_names = {{",
        model.params.len()
    ));
    for param in &model.params {
        w.line(format!("{},", quoted(&param.name)));
    }
    w.lines(
        "};

/// Parameters by index, through whatever reads them raw: `std::optional<std::int64_t>(std::uint16_t)`.
template <typename Read>
class Params {
public:
explicit Params(Read read) : read_(read) {}",
    );
    let mut methods = Scope::new(&KEYWORDS);
    // Parameters and locals of our own, which would shadow a method.
    ["read", "read_", "raw"].iter().for_each(|taken| drop(methods.take((*taken).to_owned())));
    for (index, param) in model.params.iter().enumerate() {
        let ty = type_of(param.ty, enums);
        let method = methods.take(snake(&param.name));
        w.line(format!("/// `{}`: {}.", comment(&param.name), comment(&param.doc)));
        w.line(format!("std::optional<{ty}> {method}() const {{"));
        w.line(format!("const std::optional<std::int64_t> raw = read_({index});"));
        w.line("if (!raw) return std::nullopt;");
        w.line(decoded(param.ty, "*raw", enums, model));
        w.line("}");
    }
    w.lines("\nprivate:\nRead read_;\n};");
}

/// A statement that gives a raw value its type.
fn decoded(ty: Ty, raw: &str, enums: &[String], model: &Model) -> String {
    match ty {
        Ty::Bool => format!("return {raw} != 0;"),
        Ty::Number => format!("return {raw};"),
        Ty::Enum(index) => {
            let count = model.enums.get(index).map_or(0, |def| def.values.len());
            let ty = type_of(ty, enums);
            format!(
                "return {raw} >= 0 && {raw} < {count} ? std::optional<{ty}>(static_cast<{ty}>({raw})) : std::nullopt;"
            )
        }
    }
}

fn outcome(w: &mut Writer, def: &Outcome, name: &str, enums: &[String], model: &Model) {
    let mut scope = Scope::new(&KEYWORDS);
    scope.take("label".to_owned());
    let fields = scope.all(def.values.iter().map(|v| v.name.as_str()), snake);
    w.line("");
    w.line(format!("/// `{}`.", comment(&def.name)));
    w.line(format!("struct {name} {{"));
    w.line(format!("static constexpr std::string_view label = {};", quoted(&def.name)));
    for (value, field) in def.values.iter().zip(&fields) {
        w.line(format!("/// `{}`: {}.", comment(&value.name), comment(&value.doc)));
        w.line(format!("std::optional<{}> {field};", type_of(value.ty, enums)));
    }
    w.line(
        "/// From names and raw values; nothing when one that always comes is missing or unknown.",
    );
    w.line(format!("static std::optional<{name}> decode(const std::map<std::string_view, std::int64_t>& values) {{"));
    w.line(format!("{name} decoded;"));
    if def.values.is_empty() {
        w.line("static_cast<void>(values);");
    }
    for (value, field) in def.values.iter().zip(&fields) {
        w.line(format!(
            "if (const auto found = values.find({}); found != values.end()) {{",
            quoted(&value.name)
        ));
        w.line(format!(
            "decoded.{field} = [](std::int64_t raw) -> std::optional<{}> {{ {} }}(found->second);",
            type_of(value.ty, enums),
            decoded(value.ty, "raw", enums, model)
        ));
        w.line("}");
        if !value.optional {
            w.line(format!("if (!decoded.{field}) return std::nullopt;"));
        }
    }
    w.lines("return decoded;\n}\n};");
}
