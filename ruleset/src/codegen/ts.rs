//! TypeScript, ES2020: no dependency; 64-bit numbers are `bigint`.

use super::model::{Context, Model, Outcome, Ty};
use super::names::{Scope, camel, pascal};
use super::writer::{Writer, comment, quoted};
use crate::ir::INSTANT_MAX;
use crate::layout::{ABI, NOW_AT, PLAYER_AT, SEED_AT};

/// What the file names without a path: a type of the rule set called like it would hide it.
const TYPES: [&str; 16] = [
    "Array",
    "BigInt",
    "CONTEXT",
    "DataView",
    "Error",
    "Map",
    "Number",
    "Object",
    "PARAMS",
    "Params",
    "RangeError",
    "ReadonlyMap",
    "SCHEMA",
    "String",
    "Symbol",
    "Uint8Array",
];

/// What every object inherits: a method called like it would hide it.
const INHERITED: [&str; 8] = [
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "read",
    "toLocaleString",
    "toString",
    "valueOf",
];

pub(super) fn file(model: &Model) -> String {
    let mut w = Writer::new("  ");
    w.lines(&model.head("//"));
    w.line("");
    w.line("/** Compare with the hash of the version that is loaded, and generate again when they differ. */");
    w.line(format!("export const SCHEMA = \"{}\";", model.hash));
    w.line("/** The context schema. */");
    w.line(format!("export const CONTEXT = {};", quoted(&model.context)));
    w.lines(
        "
function inRange(name: string, value: unknown, raw: bigint, min: bigint, max: bigint): void {
if (raw < min || raw > max) {
throw new RangeError(`${name} is ${String(value)}, allowed are ${min} to ${max}`);
}
}",
    );
    let mut types = Scope::new(&TYPES);
    let enums = types.all(model.enums.iter().map(|e| e.name.as_str()), pascal);
    for (def, name) in model.enums.iter().zip(&enums) {
        w.line("");
        w.line(format!("/** `{}`, by index. */", comment(&def.name)));
        w.line(format!("export const {name} = ["));
        for value in &def.values {
            w.line(format!("{},", quoted(value)));
        }
        w.line("] as const;");
        w.line(format!("export type {name} = (typeof {name})[number];"));
    }
    for def in &model.contexts {
        let name = types.take(format!("{}Context", pascal(&def.name)));
        context(&mut w, def, &name, &enums);
    }
    params(&mut w, model, &enums);
    for def in &model.outcomes {
        let name = types.take(Model::outcome_name(def));
        outcome(&mut w, def, &name, &enums, &mut types);
    }
    w.finish()
}

fn type_of(ty: Ty, enums: &[String]) -> String {
    match ty {
        Ty::Bool => "boolean".to_owned(),
        Ty::Number => "bigint".to_owned(),
        Ty::Enum(index) => enums.get(index).cloned().unwrap_or_default(),
    }
}

/// `raw`, which may be undefined, as its type.
fn decoded(ty: Ty, enums: &[String]) -> String {
    match ty {
        Ty::Bool => "raw === undefined ? undefined : raw !== 0n".to_owned(),
        Ty::Number => "raw".to_owned(),
        Ty::Enum(_) => {
            format!("raw === undefined ? undefined : {}[Number(raw)]", type_of(ty, enums))
        }
    }
}

fn context(w: &mut Writer, def: &Context, name: &str, enums: &[String]) {
    w.line("");
    w.line(format!(
        "/** What a game supplies for `{}`: the bytes that fragments read. */",
        comment(&def.name)
    ));
    w.line(format!("export class {name} {{"));
    w.line(format!("static readonly TRIGGER_NAME = {};", quoted(&def.name)));
    w.line(format!("static readonly TRIGGER = {};", def.index));
    w.line(format!("private readonly raw = new Uint8Array({});", def.bytes));
    w.line("private readonly view = new DataView(this.raw.buffer);");
    w.line("private set = 0n;");
    w.line("/** Nothing set; the seed, the player, the time, counters and timers are 0. */");
    w.line("constructor() {");
    w.line(format!("this.view.setUint32(0, {ABI}, true);"));
    w.line(format!("this.view.setUint32(4, {}, true);", def.index));
    w.line("}");
    for (about, method, at, max) in [
        ("What chance is drawn from: 64 bits, unsigned.", "seed", SEED_AT, u64::MAX),
        ("Whose evaluation it is: 64 bits, unsigned.", "player", PLAYER_AT, u64::MAX),
        ("Milliseconds since 1970, up to the year 9999.", "nowMs", NOW_AT, INSTANT_MAX as u64),
    ] {
        w.line(format!("/** {about} Throws a RangeError outside that. */"));
        w.line(format!("{method}(value: bigint): this {{"));
        w.line(format!("inRange(\"{method}\", value, value, 0n, {max}n);"));
        w.line(format!("this.view.setBigUint64({at}, value, true);"));
        w.lines("return this;\n}");
    }
    let mut methods = Scope::new(&["seed", "player", "nowMs", "bytes"]);
    for (number, field) in def.fields.iter().enumerate() {
        let method = methods.take(camel(&format!("set {}", field.name)));
        let ty = type_of(field.ty, enums);
        w.line(format!(
            "/** `{}`: {}. Throws a RangeError outside that. */",
            comment(&field.name),
            comment(&field.doc)
        ));
        w.line(format!("{method}(value: {ty}): this {{"));
        match field.ty {
            Ty::Bool => w.line("const raw = value ? 1n : 0n;"),
            Ty::Number => w.line("const raw = value;"),
            Ty::Enum(_) => w.line(format!("const raw = BigInt({ty}.indexOf(value));")),
        }
        w.line(format!(
            "inRange({}, value, raw, {}n, {}n);",
            quoted(&field.name),
            field.min,
            field.max
        ));
        w.line(format!("this.view.setBigInt64({}, raw, true);", field.offset));
        w.line(format!("this.set |= 1n << {number}n;"));
        w.lines("return this;\n}");
    }
    for (counter, offset, max) in &def.counters {
        let method = methods.take(camel(&format!("rate {counter}")));
        w.line(format!(
            "/** Hits in the window of `{}`; more than {max} count as {max}. */",
            comment(counter)
        ));
        w.line(format!("{method}(count: bigint): this {{"));
        w.line(format!(
            "inRange({}, count, count, 0n, {}n);",
            quoted(&format!("rate of {counter}")),
            u64::MAX
        ));
        w.line(format!("this.view.setBigUint64({offset}, count < {max}n ? count : {max}n, true);"));
        w.lines("return this;\n}");
    }
    for (timer, offset) in &def.timers {
        let method = methods.take(camel(&format!("active {timer}")));
        w.line(format!("/** Whether `{}` is active. */", comment(timer)));
        w.line(format!("{method}(active: boolean): this {{"));
        w.line(format!("this.view.setBigUint64({offset}, active ? 1n : 0n, true);"));
        w.lines("return this;\n}");
    }
    w.line("/** The bytes, once every field is set. */");
    w.line("bytes(): Uint8Array | undefined {");
    w.line(format!("return this.set === {}n ? this.raw : undefined;", def.all_set()));
    w.lines("}\n}");
}

fn params(w: &mut Writer, model: &Model, enums: &[String]) {
    w.lines("\n/** Names of the parameters, by index. */");
    w.line("export const PARAMS = [");
    for param in &model.params {
        w.line(format!("{},", quoted(&param.name)));
    }
    w.lines(
        "] as const;

/** Parameters by index, through whatever reads them raw. */
export class Params {
constructor(private readonly read: (index: number) => bigint | undefined) {}",
    );
    let mut methods = Scope::new(&INHERITED);
    for (index, param) in model.params.iter().enumerate() {
        let ty = type_of(param.ty, enums);
        let method = methods.take(camel(&param.name));
        w.line(format!("/** `{}`: {}. */", comment(&param.name), comment(&param.doc)));
        w.line(format!("{method}(): {ty} | undefined {{"));
        w.line(format!("const raw = this.read({index});"));
        w.line(format!("return {};", decoded(param.ty, enums)));
        w.line("}");
    }
    w.line("}");
}

fn outcome(w: &mut Writer, def: &Outcome, name: &str, enums: &[String], types: &mut Scope) {
    let fields = Scope::new(&[]).all(def.values.iter().map(|v| v.name.as_str()), camel);
    w.line("");
    w.line(format!("/** `{}`. */", comment(&def.name)));
    w.line(format!("export interface {name} {{"));
    for (value, field) in def.values.iter().zip(&fields) {
        w.line(format!("/** `{}`: {}. */", comment(&value.name), comment(&value.doc)));
        let optional = if value.optional { "?" } else { "" };
        let or = if value.optional { " | undefined" } else { "" };
        w.line(format!("{field}{optional}: {}{or};", type_of(value.ty, enums)));
    }
    w.lines("}\n");
    let label = types.take(format!("{name}Label"));
    w.line(format!("/** Label of {{@link {name}}}. */"));
    w.line(format!("export const {label} = {};", quoted(&def.name)));
    w.line("/** From names and raw values; undefined when one that always comes is missing or unknown. */");
    w.line(format!(
        "export function decode{name}(values: ReadonlyMap<string, bigint>): {name} | undefined {{"
    ));
    if def.values.is_empty() {
        w.line("void values;");
    }
    let mut raws = Vec::new();
    for (number, value) in def.values.iter().enumerate() {
        let local = format!("value{number}");
        w.line(format!(
            "const {local} = ((raw: bigint | undefined): {} | undefined => {})(values.get({}));",
            type_of(value.ty, enums),
            decoded(value.ty, enums),
            quoted(&value.name)
        ));
        if !value.optional {
            w.line(format!("if ({local} === undefined) return undefined;"));
        }
        raws.push(local);
    }
    let members: Vec<String> =
        fields.iter().zip(&raws).map(|(field, local)| format!("{field}: {local}")).collect();
    w.line(format!("return {{ {} }};", members.join(", ")));
    w.line("}");
}
