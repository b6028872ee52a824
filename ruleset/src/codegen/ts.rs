//! TypeScript, ES2020: no dependency; 64-bit numbers are `bigint`.

use super::model::{Context, Model, Outcome, Ty};
use super::names::{Scope, camel, pascal};
use super::writer::{Writer, comment, quoted};
use crate::layout::{ABI, NOW_AT, PLAYER_AT, SEED_AT};

const RESERVED: [&str; 22] = [
    "constructor",
    "prototype",
    "name",
    "length",
    "bytes",
    "view",
    "seed",
    "player",
    "nowMs",
    "put",
    "toString",
    "valueOf",
    "Params",
    "Uint8Array",
    "DataView",
    "Map",
    "Iterable",
    "RangeError",
    "BigInt",
    "Error",
    "Object",
    "String",
];

pub(super) fn file(model: &Model) -> String {
    let mut w = Writer::new("  ");
    w.lines(&model.head("//"));
    w.line("");
    w.line("/** Compare with the hash of the version that is loaded, and generate again when they differ. */");
    w.line(format!("export const SCHEMA = \"{}\";", model.hash));
    w.line("/** The context schema. */");
    w.line(format!("export const CONTEXT = {};", quoted(&model.context)));
    let mut types = Scope::new(&RESERVED);
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
        outcome(&mut w, def, &name, &enums);
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
    for (about, method, at) in [
        ("What chance is drawn from.", "seed", SEED_AT),
        ("Whose evaluation it is.", "player", PLAYER_AT),
        ("Milliseconds since 1970.", "nowMs", NOW_AT),
    ] {
        w.line(format!("/** {about} */"));
        w.line(format!("{method}(value: bigint): this {{"));
        w.line(format!("this.view.setBigUint64({at}, value, true);"));
        w.lines("return this;\n}");
    }
    let mut methods = Scope::new(&RESERVED);
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
        w.line(format!("if (raw < {}n || raw > {}n) {{", field.min, field.max));
        w.line(format!(
            "throw new RangeError(`{} is ${{String(value)}}, allowed are {} to {}`);",
            comment(&field.name).replace(['`', '$'], " "),
            field.min,
            field.max
        ));
        w.line("}");
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
    let mut methods = Scope::new(&RESERVED);
    methods.take("read".to_owned());
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

fn outcome(w: &mut Writer, def: &Outcome, name: &str, enums: &[String]) {
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
    w.line(format!("/** Label of {{@link {name}}}. */"));
    w.line(format!("export const {name}Label = {};", quoted(&def.name)));
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
