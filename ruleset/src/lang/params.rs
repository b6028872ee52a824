//! Parameters: values that change without a new fragment, each within its range.

use super::constant;
use super::declare::{label, schema};
use super::limits::PARAM_COUNT_MAX;
use super::scope::Scope;
use super::session::{At, Session};
use super::shape::{self, Block, Schema};
use super::tree::NodeKind;
use super::{Code, Diagnostic, overrides};
use crate::ir::{ParamDef, Slot, Type};

pub(super) const PARAM: Schema = schema(
    "param",
    &["type", "default"],
    &["range", "unit", "doc", "external", "deprecated"],
    &["override"],
);

/// Reads all parameters; their types may name enums.
pub(super) fn params(session: &mut Session<'_>, found: &[At], scope: &mut Scope) {
    for &at in found {
        param(session, at, scope);
    }
}

fn param(session: &mut Session<'_>, at: At, scope: &mut Scope) {
    let block = shape::read(session, at, &PARAM);
    let index = scope.params.len();
    let name = label(session, &block, "param", &mut scope.param_names, index, PARAM_COUNT_MAX);
    let unit = block.value("unit").and_then(|at| constant::text(session, at, "`unit`"));
    let doc = block.value("doc").and_then(|at| constant::text(session, at, "`doc`"));
    let external = block
        .value("external")
        .and_then(|at| constant::value(session, scope, at, Type::Bool))
        .is_some_and(|value| value != 0);
    let typed = block.value("type").and_then(|at| constant::type_of(session, scope, at));
    let mut slot = None;
    let mut value = None;
    if let Some((ty, known)) = typed {
        slot = match block.value("range") {
            Some(at) => param_range(session, scope, at, ty),
            None => known,
        };
        let own = block.value("type").filter(|at| session.kind(*at) == NodeKind::Call);
        if let (Some(own), Some(range)) = (own, block.value("range")) {
            let (own, span) = (session.span(own), session.span(range));
            session.report(
                Diagnostic::error(Code::DuplicateAttribute, span, "the range is given twice")
                    .label(own, "the type has one here")
                    .cause("only one of the two could hold")
                    .help("remove one of them"),
            );
            slot = None;
        }
        if slot.is_none() && block.value("range").is_none() && !block.damaged {
            session.report(
                Diagnostic::error(
                    Code::MissingAttribute,
                    block.header,
                    format!("this `param` is {} without a range", scope.type_name(ty)),
                )
                .cause("ranges are what proves that no rule can overflow, whatever a value is changed to")
                .help("add `range = [smallest, largest]`"),
            );
        }
        if let Some(at) = block.value("default") {
            value = constant::value(session, scope, at, ty);
            if let (Some(slot), Some(value)) = (slot, value) {
                in_range(session, scope, &block, at, "default", &slot, value);
            }
        }
    }
    let overrides = overrides::read(session, scope, &block, typed.map(|(ty, _)| ty), slot, value);
    if let Some(name) = name {
        if external {
            scope.external.insert(name.clone());
        }
        // What is broken keeps its name with some value; no program comes out anyway.
        let slot = slot.filter(|_| !session.is_damaged(at));
        let known = slot.is_some();
        let slot = slot.unwrap_or(Slot { ty: Type::Symbol, min: 0, max: 0 });
        let value = value.filter(|_| known).unwrap_or(slot.min);
        let doc = doc.unwrap_or_default();
        scope.params.push(ParamDef { name, slot, value, overrides, unit, doc });
    }
}

/// Whether a value of a parameter lies in its range; reported when not.
pub(super) fn in_range(
    session: &mut Session<'_>,
    scope: &Scope,
    block: &Block,
    at: At,
    what: &str,
    slot: &Slot,
    value: i64,
) -> bool {
    if (slot.min..=slot.max).contains(&value) {
        return true;
    }
    let range = block.value("range").or(block.value("type")).map(|at| session.span(at));
    let text = |value: i64| scope.value_text(slot.ty, value.into());
    let (value, min, max) = (text(value), text(slot.min), text(slot.max));
    let mut diagnostic = Diagnostic::error(
        Code::OutOfRange,
        session.span(at),
        format!("the {what} {value} is outside {min} to {max}"),
    )
    .cause("a parameter's value always lies in its range")
    .help(format!("change the {what} or widen the range"));
    if let Some(range) = range {
        diagnostic = diagnostic.label(range, "the range is given here");
    }
    session.report(diagnostic);
    false
}

fn param_range(session: &mut Session<'_>, scope: &Scope, at: At, ty: Type) -> Option<Slot> {
    if session.is_flawed(at) {
        return None;
    }
    let ends = session.children(at);
    if !matches!(ty, Type::Int | Type::Decimal | Type::Duration | Type::Instant) {
        session.error(
            Code::WrongShape,
            at,
            format!("{} has no range", scope.type_name(ty)),
            "only numbers, durations and instants have a smallest and a largest value",
            "remove `range`",
        );
        return None;
    }
    match (session.kind(at), &ends[..]) {
        (NodeKind::List, [low, high]) => constant::range(session, scope, at, ty, *low, *high),
        _ => {
            session.error(
                Code::WrongShape,
                at,
                "`range` is not a list of two values",
                "a range has a smallest and a largest value",
                "write `range = [smallest, largest]`",
            );
            None
        }
    }
}
