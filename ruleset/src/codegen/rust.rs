//! Rust: `no_std`, no allocation, no dependency.

use super::model::{Context, Model, Outcome, Ty};
use super::names::{Scope, pascal, snake, upper};
use super::writer::{Writer, comment, quoted};
use crate::ir::INSTANT_MAX;
use crate::layout::{ABI, NOW_AT, PLAYER_AT, SEED_AT};

const KEYWORDS: [&str; 53] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "Self", "static", "struct", "super", "trait", "true", "try", "type",
    "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "union",
];

/// What the file names without a path: a type of the rule set called like it would hide it.
const PRELUDE: [&str; 12] = [
    "OutOfRange",
    "Params",
    "Option",
    "Some",
    "None",
    "Result",
    "Ok",
    "Err",
    "Default",
    "Fn",
    "IntoIterator",
    "R",
];

pub(super) fn file(model: &Model) -> String {
    let mut w = Writer::new("    ");
    w.lines(&model.head("//"));
    w.line("#![allow(dead_code)]");
    w.line("");
    w.line("/// Compare with the hash of the version that is loaded, and generate again when they differ.");
    w.line(format!("pub const SCHEMA: &str = \"{}\";", model.hash));
    w.line("/// The context schema.");
    w.line(format!("pub const CONTEXT: &str = {};", quoted(&model.context)));
    w.lines(
        "
/// A value that the rule set does not allow. Nothing was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
/// The field.
pub name: &'static str,
/// The value.
pub value: i64,
/// Smallest allowed.
pub min: i64,
/// Largest allowed.
pub max: i64,
}",
    );
    let mut types = Scope::new(&KEYWORDS);
    PRELUDE.iter().for_each(|taken| drop(types.take((*taken).to_owned())));
    let enums = types.all(model.enums.iter().map(|e| e.name.as_str()), pascal);
    for (def, name) in model.enums.iter().zip(&enums) {
        let values = Scope::new(&["Self"]).all(def.values.iter().map(String::as_str), pascal);
        w.line("");
        w.line(format!("/// `{}`.", comment(&def.name)));
        w.line("#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]");
        w.line("#[repr(u16)]");
        w.line(format!("pub enum {name} {{"));
        for (index, (value, ident)) in def.values.iter().zip(&values).enumerate() {
            w.line(format!("/// `{}`.", comment(value)));
            w.line(format!("{ident} = {index},"));
        }
        w.line("}");
        w.line("");
        w.line(format!("impl {name} {{"));
        w.line("/// All values, by index.");
        w.line(format!("pub const ALL: [{name}; {}] = [", values.len()));
        for ident in &values {
            w.line(format!("{name}::{ident},"));
        }
        w.line("];");
        w.line("/// The value with an index.");
        w.line("pub fn from_raw(raw: i64) -> Option<Self> {");
        w.line("usize::try_from(raw).ok().and_then(|at| Self::ALL.get(at).copied())");
        w.line("}");
        w.line("/// Its name in the rules.");
        w.line("pub const fn name(self) -> &'static str {");
        w.line("match self {");
        for (value, ident) in def.values.iter().zip(&values) {
            w.line(format!("Self::{ident} => {},", quoted(value)));
        }
        w.lines("}\n}\n}");
    }
    for def in &model.contexts {
        let name = types.take(format!("{}Context", pascal(&def.name)));
        context(&mut w, def, &name, &enums);
    }
    params(&mut w, model, &enums);
    for def in &model.outcomes {
        let name = types.take(Model::outcome_name(def));
        outcome(&mut w, def, &name, &enums);
    }
    w.finish()
}

fn type_of(ty: Ty, enums: &[String]) -> String {
    match ty {
        Ty::Bool => "bool".to_owned(),
        Ty::Number => "i64".to_owned(),
        Ty::Enum(index) => enums.get(index).cloned().unwrap_or_else(|| "i64".to_owned()),
    }
}

fn from_raw(ty: Ty, enums: &[String]) -> String {
    match ty {
        Ty::Bool => "Some(raw != 0)".to_owned(),
        Ty::Number => "Some(raw)".to_owned(),
        Ty::Enum(_) => format!("{}::from_raw(raw)", type_of(ty, enums)),
    }
}

fn context(w: &mut Writer, def: &Context, name: &str, enums: &[String]) {
    let bytes = def.bytes;
    w.line("");
    w.line(format!(
        "/// What a game supplies for `{}`: the bytes that fragments read.",
        comment(&def.name)
    ));
    w.line("#[derive(Clone, Debug, PartialEq, Eq)]");
    w.line(format!("pub struct {name} {{"));
    w.line(format!("bytes: [u8; {bytes}],"));
    w.lines("set: u64,\n}\n");
    w.line(format!("impl Default for {name} {{"));
    w.lines("fn default() -> Self {\nSelf::new()\n}\n}\n");
    w.line(format!("impl {name} {{"));
    w.line("/// Name of the trigger.");
    w.line(format!("pub const NAME: &'static str = {};", quoted(&def.name)));
    w.line("/// Its index.");
    w.line(format!("pub const TRIGGER: u32 = {};", def.index));
    w.line("/// Nothing set; the seed, the player, the time, counters and timers are 0.");
    w.line("pub const fn new() -> Self {");
    w.line(format!("let mut bytes = [0; {bytes}];"));
    w.line(format!("let (abi, trigger) = ({ABI}u32.to_le_bytes(), Self::TRIGGER.to_le_bytes());"));
    w.line("let mut at = 0;");
    w.line("while at < 4 {");
    w.lines("bytes[at] = abi[at];\nbytes[4 + at] = trigger[at];\nat += 1;\n}\nSelf { bytes, set: 0 }\n}");
    w.line("fn put(&mut self, at: usize, value: u64) {");
    w.lines("self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());\n}");
    for (about, method, ty, at) in [
        ("What chance is drawn from.", "seed", "u64", SEED_AT),
        ("Whose evaluation it is.", "player", "u64", PLAYER_AT),
    ] {
        w.line(format!("/// {about}"));
        w.line(format!("pub fn {method}(&mut self, value: {ty}) -> &mut Self {{"));
        w.line(format!("self.put({at}, value);"));
        w.lines("self\n}");
    }
    w.line("/// Milliseconds since 1970; no later than the year 9999.");
    w.line("pub fn now_ms(&mut self, value: i64) -> Result<&mut Self, OutOfRange> {");
    w.line(format!("if !(0..={INSTANT_MAX}).contains(&value) {{"));
    w.line(format!(
        "return Err(OutOfRange {{ name: \"now_ms\", value, min: 0, max: {INSTANT_MAX} }});"
    ));
    w.line("}");
    w.line(format!("self.put({NOW_AT}, value as u64);"));
    w.lines("Ok(self)\n}");
    let mut methods = Scope::new(&["seed", "player", "now_ms", "new", "put", "bytes", "default"]);
    for (number, field) in def.fields.iter().enumerate() {
        let method = methods.take(format!("set_{}", snake(&field.name)));
        let ty = type_of(field.ty, enums);
        w.line(format!("/// `{}`: {}.", comment(&field.name), comment(&field.doc)));
        let checked = field.ty == Ty::Number;
        let gives = if checked { "Result<&mut Self, OutOfRange>" } else { "&mut Self" };
        w.line(format!("pub fn {method}(&mut self, value: {ty}) -> {gives} {{"));
        if checked {
            let (min, max) = (int(field.min), int(field.max));
            w.line(format!("if !({min}..={max}).contains(&value) {{"));
            w.line(format!(
                "return Err(OutOfRange {{ name: {}, value, min: {min}, max: {max} }});",
                quoted(&field.name)
            ));
            w.line("}");
        }
        w.line(format!("self.put({}, value as u64);", field.offset));
        w.line(format!("self.set |= 1 << {number};"));
        w.line(if checked { "Ok(self)" } else { "self" });
        w.line("}");
    }
    for (counter, offset, max) in &def.counters {
        let method = methods.take(format!("rate_{}", snake(counter)));
        w.line(format!(
            "/// Hits in the window of `{}`; more than {max} count as {max}.",
            comment(counter)
        ));
        w.line(format!("pub fn {method}(&mut self, count: u64) -> &mut Self {{"));
        w.line(format!("self.put({offset}, count.min({max}));"));
        w.lines("self\n}");
    }
    for (timer, offset) in &def.timers {
        let method = methods.take(format!("active_{}", snake(timer)));
        w.line(format!("/// Whether `{}` is active.", comment(timer)));
        w.line(format!("pub fn {method}(&mut self, active: bool) -> &mut Self {{"));
        w.line(format!("self.put({offset}, u64::from(active));"));
        w.lines("self\n}");
    }
    w.line("/// The bytes, once every field is set.");
    w.line(format!("pub fn bytes(&self) -> Option<&[u8; {bytes}]> {{"));
    w.line(format!("(self.set == {:#x}).then_some(&self.bytes)", def.all_set()));
    w.lines("}\n}");
}

fn int(value: i64) -> String {
    if value == i64::MIN { "i64::MIN".to_owned() } else { value.to_string() }
}

fn params(w: &mut Writer, model: &Model, enums: &[String]) {
    w.lines("\n/// Names of the parameters, by index.");
    w.line(format!("pub const PARAMS: [&str; {}] = [", model.params.len()));
    for param in &model.params {
        w.line(format!("{},", quoted(&param.name)));
    }
    w.lines(
        "];

/// Parameters by index, through whatever reads them raw, for example the SDK's `param_raw`.
#[derive(Clone, Copy, Debug)]
pub struct Params<R>(pub R);

impl<R: Fn(u16) -> Option<i64>> Params<R> {",
    );
    let mut methods = Scope::new(&KEYWORDS);
    let mut consts = Scope::new(&[]);
    for (index, param) in model.params.iter().enumerate() {
        let ty = type_of(param.ty, enums);
        let method = methods.take(snake(&param.name));
        w.line(format!("/// Index of `{}`.", comment(&param.name)));
        w.line(format!("pub const {}: u16 = {index};", consts.take(upper(&param.name))));
        w.line(format!("/// `{}`: {}.", comment(&param.name), comment(&param.doc)));
        w.line(format!("pub fn {method}(&self) -> Option<{ty}> {{"));
        w.line(match param.ty {
            Ty::Number => format!("(self.0)({index})"),
            Ty::Bool => format!("(self.0)({index}).map(|raw| raw != 0)"),
            Ty::Enum(_) => format!("(self.0)({index}).and_then({ty}::from_raw)"),
        });
        w.line("}");
    }
    w.line("}");
}

fn outcome(w: &mut Writer, def: &Outcome, name: &str, enums: &[String]) {
    let fields = Scope::new(&KEYWORDS).all(def.values.iter().map(|v| v.name.as_str()), snake);
    w.line("");
    w.line(format!("/// `{}`.", comment(&def.name)));
    w.line("#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]");
    w.line(format!("pub struct {name} {{"));
    for (value, field) in def.values.iter().zip(&fields) {
        w.line(format!("/// `{}`: {}.", comment(&value.name), comment(&value.doc)));
        w.line(format!("pub {field}: Option<{}>,", type_of(value.ty, enums)));
    }
    w.lines("}\n");
    w.line(format!("impl {name} {{"));
    w.line("/// Its label.");
    w.line(format!("pub const NAME: &'static str = {};", quoted(&def.name)));
    w.line(
        "/// From names and raw values; `None` when one that always comes is missing or unknown.",
    );
    w.line("pub fn decode<'a>(values: impl IntoIterator<Item = (&'a str, i64)>) -> Option<Self> {");
    if def.values.is_empty() {
        w.lines("let _ = values;\nSome(Self::default())\n}\n}");
        return;
    }
    w.line("let mut decoded = Self::default();");
    w.line("for (name, raw) in values {");
    w.line("match name {");
    for (value, field) in def.values.iter().zip(&fields) {
        w.line(format!(
            "{} => decoded.{field} = {},",
            quoted(&value.name),
            from_raw(value.ty, enums)
        ));
    }
    w.lines("_ => {}\n}\n}");
    let required = def.values.iter().zip(&fields).filter(|(value, _)| !value.optional);
    let required: Vec<String> =
        required.map(|(_, field)| format!("decoded.{field}.is_some()")).collect();
    if required.is_empty() {
        w.line("Some(decoded)");
    } else {
        w.line(format!("({}).then_some(decoded)", required.join(" && ")));
    }
    w.lines("}\n}");
}
