//! From the typed program to Rust source, for games that embed their rules.
//!
//! One module a rule set: a struct for what each trigger or timer reads, a struct of parameters
//! with this version's values, and a module per fragment whose `eval` writes the same output slots
//! as the WebAssembly, bit for bit ([`crate::layout`]). The text needs `core` alone: it is
//! `no_std`, allocates nothing, has no unsafe code, cannot panic and compiles without a warning.
//! Equal programs make equal text.
//!
//! Where a game's overrides apply is the host's to say: `Params::at(zone, shard)` is resolved once,
//! when the game starts, and handed to every `eval`; `Params::DEFAULT` is the page of a game that
//! runs nowhere in particular.
//!
//! What the host does with WebAssembly it does here too: range-check every value before a call,
//! roll the loot that records ask for.

mod expr;
mod names;

use std::collections::BTreeMap;
use std::fmt::Write;

use expr::Scope;
use names::Names;

use crate::ir::{FragmentDef, On, ParamDef, Program, RuleDef, Slot, Type};
use crate::layout::{LOOT_SLOTS, OutShape};
use crate::meta::FragmentMeta;
use crate::scope::{Origin, Scope as Place};

/// What every emitted module begins with. Kept beside [`crate::rng`] and the interpreter's
/// arithmetic by the tests of agreement.
const PRELUDE: &str = include_str!("prelude.rs.txt");

/// Names of the prelude's types.
const TYPES: [&str; 2] = ["Header", "Fault"];
/// Names of the prelude's functions and of the modules beside the fragments'.
const ITEMS: [&str; 15] = [
    "bit",
    "fired",
    "select",
    "div",
    "rem",
    "div_decimal",
    "mul_decimal",
    "mix",
    "draw",
    "scale",
    "chance",
    "pick",
    "enums",
    "core",
    "std",
];

/// A struct of slots: a context, or the parameters.
struct Fields {
    ty: String,
    names: Vec<String>,
    slots: Vec<Slot>,
}

/// Appends a line; formatting into a `String` cannot fail.
macro_rules! put {
    ($into:expr, $($text:tt)*) => {{
        let _ = writeln!($into, $($text)*);
    }};
}

/// The module's name: that of the rule set, as Rust writes it.
#[must_use]
pub fn module_name(program: &Program) -> String {
    Names::with(&["core", "std"]).snake(&program.ruleset)
}

/// Names of the fragments' modules inside it, in the order of [`Program::fragments`].
#[must_use]
pub fn fragment_names(program: &Program) -> Vec<String> {
    let mut modules = Names::with(&ITEMS);
    program.fragments.iter().map(|def| modules.snake(&def.name)).collect()
}

/// The whole rule set as one Rust module, to be included anywhere an item may stand.
#[must_use]
pub fn module(program: &Program) -> String {
    let mut text = String::new();
    let name = module_name(program);
    put!(text, "// Rule set `{}`, emitted by Cairn. Do not edit.", program.ruleset);
    put!(text, "\n/// Rule set `{}` on context `{}`.", program.ruleset, program.context);
    text.push_str("#[rustfmt::skip]\n");
    text.push_str(
        "#[allow(dead_code, unused_imports, unused_variables, unused_mut, unused_comparisons)]\n\
         #[allow(nonstandard_style)]\n",
    );
    text.push_str("#[allow(clippy::all, clippy::pedantic, clippy::nursery)]\n");
    put!(text, "pub mod {name} {{");
    put!(
        text,
        "    /// Name of the rule set.\n    pub const RULESET: &str = {:?};",
        program.ruleset
    );
    put!(text, "    /// The context that games supply.");
    put!(text, "    pub const CONTEXT: &str = {:?};", program.context);
    let symbols = &program.symbols;
    put!(text, "    /// Texts of the symbols in payloads, by their number.");
    put!(text, "    pub const SYMBOLS: [&str; {}] = {symbols:?};", symbols.len());
    text.push_str(PRELUDE);
    enums(&mut text, program);

    let mut types = Names::with(&TYPES);
    let params = params(&mut text, program, types.camel("params"));
    let mut contexts: Vec<(On, Fields)> = Vec::new();
    for fragment in &program.fragments {
        if contexts.iter().all(|(on, _)| *on != fragment.on) {
            let fields = context(&mut text, program, fragment.on, &mut types);
            contexts.push((fragment.on, fields));
        }
    }
    for (def, name) in program.fragments.iter().zip(fragment_names(program)) {
        if let Some((_, context)) = contexts.iter().find(|(on, _)| *on == def.on) {
            fragment(&mut text, program, def, &name, context, &params);
        }
    }
    text.push_str("}\n");
    text
}

fn enums(text: &mut String, program: &Program) {
    if program.enums.is_empty() {
        return;
    }
    text.push_str("    /// The enums: a value is its place in the declaration.\n");
    text.push_str("    pub mod enums {\n");
    let mut modules = Names::default();
    for def in &program.enums {
        put!(text, "        /// Enum `{}`.", def.name);
        put!(text, "        pub mod {} {{", modules.snake(&def.name));
        put!(text, "            /// Names of the values.");
        let count = def.values.len();
        put!(text, "            pub const NAMES: [&str; {count}] = {:?};", def.values);
        let mut values = Names::with(&["NAMES"]);
        for (index, value) in def.values.iter().enumerate() {
            put!(text, "            /// Value {index}.");
            put!(text, "            pub const {}: i64 = {index};", values.upper(value));
        }
        text.push_str("        }\n");
    }
    text.push_str("    }\n");
}

/// What a slot holds, for its documentation.
fn meaning(program: &Program, slot: &Slot) -> String {
    let Slot { ty, min, max } = slot;
    match ty {
        Type::Bool => "Yes or no.".to_owned(),
        Type::Int => format!("A whole number from {min} to {max}."),
        Type::Decimal => format!("A decimal times 10⁶, from {min} to {max}."),
        Type::Duration => format!("Milliseconds, from {min} to {max}."),
        Type::Instant => "Milliseconds since the Unix epoch.".to_owned(),
        Type::Enum(of) => {
            let name = program.enums.get(usize::from(*of)).map_or("?", |def| &def.name);
            format!("A value of the enum `{name}`.")
        }
        Type::Symbol => "A symbol's number.".to_owned(),
    }
}

/// The struct with its conversions from and to slots.
fn fields(text: &mut String, program: &Program, what: &str, docs: &[String], fields: &Fields) {
    let (ty, count) = (&fields.ty, fields.names.len());
    put!(text, "    /// {what}");
    text.push_str("    #[derive(Clone, Copy, Debug, PartialEq, Eq)]\n");
    put!(text, "    pub struct {ty} {{");
    for ((name, slot), doc) in fields.names.iter().zip(&fields.slots).zip(docs) {
        put!(text, "        #[doc = {:?}]", format!("{doc}{}", meaning(program, slot)));
        let rust = if slot.ty == Type::Bool { "bool" } else { "i64" };
        put!(text, "        pub {name}: {rust},");
    }
    text.push_str("    }\n");
    put!(text, "    impl {ty} {{");
    put!(text, "        /// How many slots it has.");
    put!(text, "        pub const SLOTS: usize = {count};");
    put!(text, "        /// Smallest and largest value of each slot; a host refuses others.");
    let ranges: Vec<_> = fields.slots.iter().map(|slot| (slot.min, slot.max)).collect();
    put!(text, "        pub const RANGES: [(i64, i64); {count}] = {ranges:?};");
    put!(text, "        /// From slots in the order of their declaration.");
    put!(text, "        pub const fn from_slots(slots: &[i64; {count}]) -> {ty} {{");
    put!(text, "            {ty} {{");
    for (index, (name, slot)) in fields.names.iter().zip(&fields.slots).enumerate() {
        let test = if slot.ty == Type::Bool { " != 0" } else { "" };
        put!(text, "                {name}: slots[{index}]{test},");
    }
    text.push_str("            }\n        }\n    }\n");
}

fn params(text: &mut String, program: &Program, ty: String) -> Fields {
    let mut names = Names::default();
    let made = Fields {
        ty,
        names: program.params.iter().map(|param| names.snake(&param.name)).collect(),
        slots: program.params.iter().map(|param| param.slot).collect(),
    };
    let doc = |param: &ParamDef| {
        let unit = param.unit.as_ref().map(|unit| format!(" In {unit}.")).unwrap_or_default();
        let end = if param.doc.is_empty() { "" } else { ". " };
        format!("Parameter `{}`: {}{end}{unit} ", param.name, param.doc)
    };
    let docs: Vec<_> = program.params.iter().map(doc).collect();
    fields(text, program, "The parameters.", &docs, &made);
    let ty = &made.ty;
    put!(text, "    impl {ty} {{");
    put!(text, "        /// The values of this version, wherever no override applies.");
    let values: Vec<_> = program.params.iter().map(|param| param.value).collect();
    put!(text, "        pub const DEFAULT: {ty} = {ty}::from_slots(&{values:?});");
    overrides(text, program, &made);
    text.push_str("    }\n");
    put!(text, "    impl ::core::default::Default for {ty} {{");
    put!(text, "        fn default() -> {ty} {{ {ty}::DEFAULT }}");
    text.push_str("    }\n");
    made
}

/// The function from where games run to the values there: the least specific overrides first, so
/// that a later `match` covers an earlier one.
fn overrides(text: &mut String, program: &Program, params: &Fields) {
    let ty = &params.ty;
    let mut by_scope: BTreeMap<&Place, Vec<(usize, i64)>> = BTreeMap::new();
    for (index, param) in program.params.iter().enumerate() {
        for known in &param.overrides {
            by_scope.entry(&known.scope).or_default().push((index, known.value));
        }
    }
    put!(
        text,
        "        /// The values of this version in a zone and a shard: for this shard of this"
    );
    put!(text, "        /// zone, else for the shard, else for the zone, else the default.");
    put!(
        text,
        "        pub fn at(zone: ::core::option::Option<&str>, shard: ::core::option::Option<&str>) -> {ty} {{"
    );
    put!(text, "            let mut params = {ty}::DEFAULT;");
    for origin in [Origin::Zone, Origin::Shard, Origin::ZoneAndShard] {
        let own: Vec<_> = by_scope.iter().filter(|(scope, _)| scope.origin() == origin).collect();
        if own.is_empty() {
            continue;
        }
        put!(text, "            match (zone, shard) {{");
        for (scope, values) in own {
            let pattern = |name: &Option<String>| match name {
                Some(name) => format!("Some({name:?})"),
                None => "_".to_owned(),
            };
            put!(
                text,
                "                ({}, {}) => {{",
                pattern(&scope.zone),
                pattern(&scope.shard)
            );
            for (index, value) in values {
                let Some((name, slot)) = params.names.get(*index).zip(params.slots.get(*index))
                else {
                    continue;
                };
                let value = match slot.ty {
                    Type::Bool => (*value != 0).to_string(),
                    _ => value.to_string(),
                };
                put!(text, "                    params.{name} = {value};");
            }
            text.push_str("                }\n");
        }
        text.push_str("                _ => {}\n            }\n");
    }
    text.push_str("            params\n        }\n");
}

fn context(text: &mut String, program: &Program, on: On, types: &mut Names) -> Fields {
    let mut names = Names::default();
    let (what, ty, declared) = match on {
        On::Trigger(index) => {
            let trigger = program.triggers.get(usize::from(index));
            let name = trigger.map_or("", |trigger| trigger.name.as_str());
            let fields = trigger.map_or(&[][..], |trigger| &trigger.fields);
            (format!("What rules on the trigger `{name}` read."), types.camel(name), fields)
        }
        On::Timer(index) => {
            let name = program.timers.get(usize::from(index)).map_or("", |timer| &timer.name);
            let ty = types.camel(&format!("timer_{name}"));
            (format!("What rules on the timer `{name}` read."), ty, &[][..])
        }
    };
    let mut made = Fields { ty, names: Vec::new(), slots: Vec::new() };
    let mut docs = Vec::new();
    for field in declared {
        made.names.push(names.snake(&field.name));
        made.slots.push(field.slot);
        docs.push(String::new());
    }
    for counter in &program.counters {
        made.names.push(names.snake(&format!("rate_{}", counter.name)));
        made.slots.push(Slot { ty: Type::Int, min: 0, max: counter.max });
        docs.push(format!("Count of `{}` in its window. ", counter.name));
    }
    for timer in &program.timers {
        made.names.push(names.snake(&format!("active_{}", timer.name)));
        made.slots.push(Slot { ty: Type::Bool, min: 0, max: 1 });
        docs.push(format!("Whether the timer `{}` is active. ", timer.name));
    }
    fields(text, program, &what, &docs, &made);
    made
}

fn fragment(
    text: &mut String,
    program: &Program,
    def: &FragmentDef,
    module: &str,
    context: &Fields,
    params: &Fields,
) {
    let meta = FragmentMeta::of(program, def);
    let shape = OutShape::of(&meta);
    put!(text, "    /// Fragment `{}`.", def.name);
    put!(text, "    pub mod {module} {{");
    text.push_str("        use super::*;\n");
    put!(text, "        /// What it reads.\n        pub use super::{} as Context;", context.ty);
    put!(text, "        /// Its name.\n        pub const NAME: &str = {:?};", def.name);
    put!(text, "        /// How many slots [`eval`] writes.");
    put!(text, "        pub const OUT: usize = {};", shape.slots);
    put!(text, "        /// Names of the rules; rule `i` is bit `i` of the first words.");
    let rules: Vec<_> = def.rules.iter().map(|rule| &rule.name).collect();
    put!(text, "        pub const RULES: [&str; {}] = {rules:?};", rules.len());
    places(text, program, def, &shape);

    put!(text, "        /// Evaluates every rule: the bit set of those that fired, the masks of");
    put!(
        text,
        "        /// eligible loot entries, then the records of all outcomes, of which those"
    );
    put!(text, "        /// of rules that fired count.");
    put!(text, "        pub fn eval(");
    put!(text, "            header: &Header, context: &Context, params: &{},", params.ty);
    put!(text, "            out: &mut [i64; OUT],");
    put!(text, "        ) -> ::core::result::Result<(), Fault> {{");
    let mut functions = Names::default();
    for (index, mask) in def.masks.iter().enumerate() {
        let table = program.tables.get(usize::from(mask.table)).map_or("", |table| &table.name);
        let function = functions.snake(&format!("mask_{table}"));
        let slot = shape.mask_slot(index);
        put!(text, "            out[{slot}] = {function}(header, context, params)?;");
    }
    let names: Vec<_> =
        def.rules.iter().map(|rule| functions.snake(&format!("rule_{}", rule.name))).collect();
    for (word, of_word) in names.chunks(64).enumerate() {
        put!(text, "            let mut fired = 0;");
        for (bit, function) in of_word.iter().enumerate() {
            put!(
                text,
                "            fired |= bit({function}(header, context, params, out)?, {bit});"
            );
        }
        put!(text, "            out[{word}] = fired;");
    }
    text.push_str("            Ok(())\n        }\n");

    let scope = Scope::new(program, def, &context.names, &params.names);
    let mut functions = Names::default();
    for mask in &def.masks {
        let table = program.tables.get(usize::from(mask.table)).map_or("", |table| &table.name);
        let function = functions.snake(&format!("mask_{table}"));
        put!(text, "        #[inline]");
        put!(text, "        fn {function}(");
        put!(text, "            header: &Header, context: &Context, params: &{},", params.ty);
        put!(text, "        ) -> ::core::result::Result<i64, Fault> {{");
        text.push_str("            let mut eligible = 0;\n");
        for (bit, entry) in mask.entries.iter().enumerate() {
            put!(text, "            eligible |= bit({}, {bit});", scope.bit(entry));
        }
        text.push_str("            Ok(eligible)\n        }\n");
    }
    let mut records = shape.records.iter();
    for ((index, def), function) in def.rules.iter().enumerate().zip(&names) {
        put!(text, "        #[inline]");
        put!(text, "        fn {function}(");
        put!(text, "            header: &Header, context: &Context, params: &{},", params.ty);
        put!(text, "            out: &mut [i64; OUT],");
        put!(text, "        ) -> ::core::result::Result<bool, Fault> {{");
        put!(text, "            let when = {};", scope.bit(&def.when));
        for (outcome, record) in def.outcomes.iter().zip(records.by_ref()) {
            let at = record.slot as usize;
            if let Some(loot) = &outcome.loot {
                let mask = meta.masks.iter().position(|table| *table == loot.table);
                let mask = mask.map(|mask| shape.mask_slot(mask));
                put!(text, "            out[{at}] = {index};");
                put!(text, "            out[{}] = {};", at + 1, loot.table);
                put!(text, "            out[{}] = {};", at + 2, scope.value(&loot.count));
                match mask {
                    Some(mask) => put!(text, "            out[{}] = out[{mask}];", at + 3),
                    None => put!(text, "            out[{}] = -1;", at + 3),
                }
                put!(text, "            out[{}] = {};", at + 4, loot.draw_base);
            }
            for (offset, value) in outcome.payload.iter().enumerate() {
                let at = record.payload_slot() + offset;
                put!(text, "            out[{at}] = {};", scope.value(&value.value));
            }
        }
        text.push_str("            Ok(when)\n        }\n");
    }
    text.push_str("    }\n");
}

/// Names for the bits and the slots of a fragment's output.
fn places(text: &mut String, program: &Program, def: &FragmentDef, shape: &OutShape) {
    let mut names = Names::with(&["NAME", "OUT", "RULES"]);
    let mut records = shape.records.iter();
    for (index, rule) in def.rules.iter().enumerate() {
        put!(text, "        /// Bit of the rule `{}`.", rule.name);
        put!(text, "        pub const {}: usize = {index};", names.upper(&rule.name));
        for (outcome, record) in rule.outcomes.iter().zip(records.by_ref()) {
            let RuleDef { name: rule, .. } = rule;
            let full = format!("{rule}_{}", outcome.name);
            if let Some(loot) = &outcome.loot {
                let table =
                    program.tables.get(usize::from(loot.table)).map_or("?", |table| &table.name);
                put!(
                    text,
                    "        /// First of {LOOT_SLOTS} slots of `{}` for loot of the table",
                    outcome.name
                );
                put!(
                    text,
                    "        /// `{table}`: rule, table, count, eligible entries, first draw."
                );
                let name = names.upper(&format!("{full}_loot"));
                put!(text, "        pub const {name}: usize = {};", record.slot);
            }
            for (offset, value) in outcome.payload.iter().enumerate() {
                put!(text, "        /// Slot of `{}` in `{}`.", value.name, outcome.name);
                let name = names.upper(&format!("{full}_{}", value.name));
                put!(text, "        pub const {name}: usize = {};", record.payload_slot() + offset);
            }
        }
    }
}
