//! Triggers and their fields: what a game supplies, and within which ranges.

use super::Code;
use super::constant;
use super::declare::{label, named, schema, unique};
use super::index::Symbol;
use super::limits::{FIELD_COUNT_MAX, TRIGGER_COUNT_MAX};
use super::names::Names;
use super::scope::{Scope, Trigger};
use super::session::{At, Session};
use super::shape::{self, Schema};
use super::tree::NodeKind;
use crate::ir::Slot;

pub(super) const TRIGGER: Schema = schema("trigger", &["fields"], &["deprecated"], &[]);

/// Reads all triggers.
pub(super) fn triggers(session: &mut Session<'_>, found: &[At], scope: &mut Scope) {
    for &at in found {
        trigger(session, at, scope);
    }
    scope.index_fields();
}

fn trigger(session: &mut Session<'_>, at: At, scope: &mut Scope) {
    let block = shape::read(session, at, &TRIGGER);
    let index = scope.triggers.len();
    let name =
        label(session, &block, "trigger", &mut scope.trigger_names, index, TRIGGER_COUNT_MAX);
    let mut fields = Vec::new();
    let mut seen = Names::default();
    let mut broken = block.value("fields").is_none() || session.is_damaged(at);
    if let Some(object) = block.value("fields") {
        let pairs = session.children(object);
        if session.kind(object) != NodeKind::Object {
            broken = true;
            session.error(
                Code::WrongShape,
                object,
                "`fields` is not a set of typed names",
                "a trigger's fields are what a game supplies",
                "write `fields = { level = int(1, 100), zone = zone }`",
            );
        } else if pairs.len() > FIELD_COUNT_MAX {
            broken = true;
            session.error(
                Code::TooMany,
                object,
                format!("{} fields, limit {FIELD_COUNT_MAX}", pairs.len()),
                "every evaluation hands over all fields",
                "leave out what no rule reads",
            );
        } else {
            for pair in pairs {
                let (Some(name_at), Some(ty_at)) = (session.child(pair, 0), session.child(pair, 1))
                else {
                    continue;
                };
                let (field, span) = (session.text(name_at).to_owned(), session.span(name_at));
                let slot = field_slot(session, scope, ty_at);
                if named(session, span, &field, "field")
                    && unique(session, span, &field, "field", &mut seen, fields.len())
                {
                    if index <= TRIGGER_COUNT_MAX {
                        session.declares(name_at, Symbol::Field(index, fields.len()));
                    }
                    // A field of unknown type stays in, so that uses of it are not errors too.
                    fields.push((field, slot));
                } else {
                    broken = true;
                }
            }
        }
    }
    let written = block.labels.first().map_or(String::new(), |label| session.string(*label));
    if name.is_none() {
        // Rules that seem to be on another one may be on this.
        broken = true;
        let first = scope.trigger_names.find(&written);
        if let Some(first) = first.and_then(|first| scope.triggers.get_mut(first)) {
            first.broken = true;
        }
    }
    // One that nothing can name keeps its place: what is said of all triggers has to be so for it.
    if index <= TRIGGER_COUNT_MAX {
        let name = name.unwrap_or(written);
        scope.triggers.push(Trigger { name, fields, names: seen, broken });
    }
}

fn field_slot(session: &mut Session<'_>, scope: &Scope, at: At) -> Option<Slot> {
    let (ty, slot) = constant::type_of(session, scope, at)?;
    if slot.is_none() {
        let word = session.text(at);
        session.error(
            Code::MissingAttribute,
            at,
            format!("{} as a field has no range here", scope.type_name(ty)),
            "ranges are what proves that no rule can overflow; the host enforces them",
            format!("write `{word}(smallest, largest)`"),
        );
    }
    slot
}
