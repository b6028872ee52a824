//! What is generated, whatever the language.

use cairn_merkle::Digest;

use crate::contents::Contents;
use crate::ir::{Slot, Type};
use crate::layout::{context_bytes, slot_at};
use crate::plan::slot_text;
use crate::schema_hash::labels;

/// The type of a field, a parameter or a payload value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    Bool,
    /// A whole number, a decimal times 10⁶, milliseconds, the index of a symbol.
    Number,
    /// By its position in [`Model::enums`].
    Enum(usize),
}

pub(super) struct Enum {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) ty: Ty,
    pub(super) min: i64,
    pub(super) max: i64,
    /// Bytes from the context's start.
    pub(super) offset: usize,
    /// What its number means: `int(1, 100)`, `decimal(0, 1), times 10^6`.
    pub(super) doc: String,
}

pub(super) struct Context {
    pub(super) name: String,
    pub(super) index: usize,
    pub(super) fields: Vec<Field>,
    /// Name, offset and largest value.
    pub(super) counters: Vec<(String, usize, i64)>,
    /// Name and offset.
    pub(super) timers: Vec<(String, usize)>,
    pub(super) bytes: usize,
}

impl Context {
    /// One bit per field.
    pub(super) fn all_set(&self) -> u64 {
        match self.fields.len() {
            0 => 0,
            n => u64::MAX >> (64 - n.min(64)),
        }
    }
}

pub(super) struct Param {
    pub(super) name: String,
    pub(super) ty: Ty,
    pub(super) doc: String,
}

pub(super) struct Value {
    pub(super) name: String,
    pub(super) ty: Ty,
    /// Some outcomes of the label lack it.
    pub(super) optional: bool,
    pub(super) doc: String,
}

pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) cluster: bool,
    pub(super) values: Vec<Value>,
}

pub(super) struct Model {
    pub(super) ruleset: String,
    pub(super) context: String,
    pub(super) hash: Digest,
    pub(super) enums: Vec<Enum>,
    pub(super) contexts: Vec<Context>,
    pub(super) params: Vec<Param>,
    pub(super) outcomes: Vec<Outcome>,
}

/// [`crate::schema_hash`] of a version's contents.
#[must_use]
pub fn schema_hash(contents: &Contents) -> Digest {
    let params = contents.schema.params.iter();
    crate::schema_hash::schema_hash(
        contents.context_hash,
        params.map(|param| (param.name.as_str(), param.slot, param.unit.as_deref())),
        contents.fragments.iter().map(|code| &code.meta),
    )
}

fn ty(ty: Type) -> Ty {
    match ty {
        Type::Bool => Ty::Bool,
        Type::Enum(index) => Ty::Enum(usize::from(index)),
        _ => Ty::Number,
    }
}

fn unit(ty: Type) -> &'static str {
    match ty {
        Type::Decimal => ", in millionths",
        Type::Duration => ", in milliseconds",
        Type::Instant => ", in milliseconds since 1970",
        Type::Symbol => ", by its index in the version's symbols",
        Type::Bool | Type::Int | Type::Enum(_) => "",
    }
}

fn doc(contents: &Contents, slot: &Slot) -> String {
    format!("{}{}", slot_text(contents, slot), unit(slot.ty))
}

/// Outcomes by label, from all rules: what every one of them gives, and what only some do.
fn outcomes(contents: &Contents) -> Vec<Outcome> {
    let labels = labels(contents.fragments.iter().map(|code| &code.meta)).into_iter();
    let outcomes = labels.map(|label| {
        let values = label.values.into_iter().map(|(name, given)| Value {
            name: name.to_owned(),
            ty: given.ty.map_or(Ty::Number, ty),
            optional: given.optional,
            doc: match given.ty {
                None => "of another type in each rule".to_owned(),
                Some(of) => format!("{}{}", crate::plan::type_text(contents, of), unit(of)),
            },
        });
        Outcome { name: label.name.to_owned(), cluster: label.cluster, values: values.collect() }
    });
    outcomes.collect()
}

impl Model {
    pub(super) fn of(contents: &Contents) -> Model {
        let schema = &contents.schema;
        let contexts = schema.triggers.iter().enumerate().map(|(index, trigger)| {
            let fields = trigger.fields.iter().enumerate().map(|(slot, field)| Field {
                name: field.name.clone(),
                ty: ty(field.slot.ty),
                min: field.slot.min,
                max: field.slot.max,
                offset: slot_at(slot),
                doc: doc(contents, &field.slot),
            });
            let fields: Vec<Field> = fields.collect();
            let first = fields.len();
            let counters = schema.counters.iter().enumerate();
            let counters: Vec<_> =
                counters.map(|(at, c)| (c.name.clone(), slot_at(first + at), c.max)).collect();
            let second = first + counters.len();
            let timers = contents.timers.iter().enumerate();
            let timers: Vec<_> =
                timers.map(|(at, timer)| (timer.name.clone(), slot_at(second + at))).collect();
            let bytes = context_bytes(second + timers.len());
            Context { name: trigger.name.clone(), index, fields, counters, timers, bytes }
        });
        let params = schema.params.iter().map(|param| {
            let mut about = doc(contents, &param.slot);
            for more in [param.unit.as_deref().unwrap_or(""), &param.doc] {
                if !more.is_empty() {
                    about.push_str("; ");
                    about.push_str(more);
                }
            }
            Param { name: param.name.clone(), ty: ty(param.slot.ty), doc: about }
        });
        let enums = schema.enums.iter();
        Model {
            ruleset: schema.ruleset.clone(),
            context: schema.context.clone(),
            hash: schema_hash(contents),
            enums: enums.map(|e| Enum { name: e.name.clone(), values: e.values.clone() }).collect(),
            contexts: contexts.collect(),
            params: params.collect(),
            outcomes: outcomes(contents),
        }
    }

    /// The first lines of every file.
    pub(super) fn head(&self, sign: &str) -> String {
        format!(
            "{sign} Generated by `cairn codegen` from the rule set {}, context {}. Do not edit.\n\
             {sign} schema {}\n",
            self.ruleset, self.context, self.hash
        )
    }

    /// What a label's type is called, before it is made unique.
    pub(super) fn outcome_name(outcome: &Outcome) -> String {
        let kind = if outcome.cluster { "Event" } else { "Outcome" };
        format!("{}{kind}", super::names::pascal(&outcome.name))
    }
}
