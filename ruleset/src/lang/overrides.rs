//! `override` blocks: other values of a parameter, by zone and shard.

use std::collections::BTreeMap;

use super::constant;
use super::limits::{OVERRIDE_COUNT_MAX, SCOPE_COUNT_MAX, SCOPE_NAME_BYTES_MAX};
use super::params::in_range;
use super::scope::Scope;
use super::session::{At, Session};
use super::shape::{self, Block, Schema};
use super::{Code, Diagnostic, Span};
use crate::ir::{OverrideDef, Slot, Type};
use crate::scope::{self as place, ScopeError};

pub(super) const OVERRIDE: Schema = Schema {
    kind: "override",
    labels: 0,
    required: &["value"],
    optional: &["zone", "shard"],
    open: false,
    blocks: &[],
};

/// What is known of a scope's override.
struct Known {
    /// The block's first line.
    header: Span,
    /// `None` when it is wrong and reported.
    value: Option<i64>,
}

/// Reads the overrides of one parameter, sorted by scope.
///
/// `ty`, `slot` and `default` are the parameter's, absent where they are wrong and reported.
pub(super) fn read(
    session: &mut Session<'_>,
    scope: &mut Scope,
    param: &Block,
    ty: Option<Type>,
    slot: Option<Slot>,
    default: Option<i64>,
) -> Vec<OverrideDef> {
    let mut found: BTreeMap<place::Scope, Known> = BTreeMap::new();
    for (index, (_, at)) in param.blocks.iter().enumerate() {
        if index == OVERRIDE_COUNT_MAX {
            session.error(
                Code::TooMany,
                *at,
                format!("override {} of this parameter, limit {OVERRIDE_COUNT_MAX}", index + 1),
                "a value for each of many shards is data of the game, not a rule's parameter",
                "override by zone instead, or let the game supply it as a trigger's field",
            );
            break;
        }
        let block = shape::read(session, *at, &OVERRIDE);
        let value = match (block.value("value"), ty) {
            (Some(at), Some(ty)) => value(session, scope, param, at, ty, slot),
            _ => None,
        };
        let Some(here) = scope_of(session, param, &block) else { continue };
        if let Some(first) = found.get(&here) {
            session.report(
                Diagnostic::error(
                    Code::DuplicateOverride,
                    block.header,
                    format!("a second override for {here}"),
                )
                .label(first.header, "the first one is here")
                .cause("only one of the values could hold there")
                .help("remove one of them, or name another zone or shard"),
            );
            continue;
        }
        if !scope.places.contains(&here) {
            if scope.places.len() == SCOPE_COUNT_MAX {
                session.error(
                    Code::TooMany,
                    *at,
                    format!("one scope of overrides more than the limit of {SCOPE_COUNT_MAX}"),
                    "what a rule set makes every machine hold is bounded",
                    "override by zone instead of by shard",
                );
                continue;
            }
            scope.places.insert(here.clone());
        }
        found.insert(here, Known { header: block.header, value });
    }
    if let (Some(ty), Some(default)) = (ty, default) {
        let idle = idle(scope, param, ty, default, &found);
        scope.idle.extend(idle);
    }
    let values = found.into_iter().filter_map(|(scope, known)| Some((scope, known.value?)));
    values.map(|(scope, value)| OverrideDef { scope, value }).collect()
}

/// A value of the parameter's type and range.
fn value(
    session: &mut Session<'_>,
    scope: &Scope,
    param: &Block,
    at: At,
    ty: Type,
    slot: Option<Slot>,
) -> Option<i64> {
    let before = session.found_count();
    let value = constant::value(session, scope, at, ty);
    if let Some(declared) = param.value("type").map(|at| session.span(at)) {
        session.label_after(before, declared, "the type is given here");
    }
    let (value, slot) = (value?, slot?);
    in_range(session, scope, param, at, "override", &slot, value).then_some(value)
}

/// Where an override applies; `None` when that is wrong, which is reported.
fn scope_of(session: &mut Session<'_>, param: &Block, block: &Block) -> Option<place::Scope> {
    let mut sound = true;
    let mut name = |word: &'static str| {
        let at = block.value(word)?;
        let name = constant::text(session, at, &format!("`{word}`"));
        let checked = name.filter(|name| is_name(session, at, word, name));
        sound &= checked.is_some();
        checked
    };
    let here = place::Scope { zone: name("zone"), shard: name("shard") };
    if !sound || (here.is_nowhere() && block.damaged) {
        return None;
    }
    if here.is_nowhere() {
        session.report(
            Diagnostic::error(
                Code::OverrideWithoutScope,
                block.header,
                "this override names neither a zone nor a shard",
            )
            .label(param.header, "the parameter that it would change everywhere")
            .cause("the value that holds everywhere is the parameter's `default`")
            .help("add `zone = \"…\"` or `shard = \"…\"`, or change the default"),
        );
        return None;
    }
    Some(here)
}

/// Whether a text may name a zone or a shard; reported when not.
pub(super) fn is_name(session: &mut Session<'_>, at: At, word: &'static str, name: &str) -> bool {
    let Err(error) = place::check_name(word, name) else { return true };
    let help = match error {
        ScopeError::Empty { .. } => {
            format!("name one, for example `{word} = \"eu-west\"`, or leave `{word}` out")
        }
        ScopeError::TooLong { .. } => format!("write at most {SCOPE_NAME_BYTES_MAX} bytes"),
        ScopeError::Unprintable { .. } => {
            "write visible characters, with no blank at an end".to_owned()
        }
    };
    session.error(
        Code::ScopeName,
        at,
        error.to_string(),
        "it is compared byte by byte with what agents and games are started with",
        help,
    );
    false
}

/// Overrides that nobody would miss: wherever games run, without it they get the same value.
fn idle(
    scope: &Scope,
    param: &Block,
    ty: Type,
    default: i64,
    found: &BTreeMap<place::Scope, Known>,
) -> Vec<Diagnostic> {
    let value = |zone: Option<&str>, shard: Option<&str>| {
        let names = |name: Option<&str>| name.map(str::to_owned);
        found.get(&place::Scope { zone: names(zone), shard: names(shard) })?.value
    };
    let mut warnings = Vec::new();
    for (here, known) in found {
        let Some(own) = known.value else { continue };
        let (instead, why) = match here.names() {
            (Some(zone), Some(shard)) => {
                match (value(None, Some(shard)), value(Some(zone), None)) {
                    (Some(value), _) => (value, format!("shard {shard} has it already")),
                    (None, Some(value)) => (value, format!("zone {zone} has it already")),
                    (None, None) => (default, "it is the default".to_owned()),
                }
            }
            (None, Some(shard)) => {
                // In a zone with an override of its own, that one would come to light.
                let covers = found.iter().any(|(other, zone)| {
                    other.shard.is_none()
                        && zone.value != Some(own)
                        && value(other.zone.as_deref(), Some(shard)).is_none()
                });
                if covers {
                    continue;
                }
                (default, "it is the default".to_owned())
            }
            _ => (default, "it is the default".to_owned()),
        };
        if instead != own {
            continue;
        }
        let text = scope.value_text(ty, own.into());
        warnings.push(
            Diagnostic::warning(
                Code::IdleOverride,
                known.header,
                format!(
                    "the override for {here} changes nothing: {text} is what holds there anyway"
                ),
            )
            .label(param.header, why)
            .cause("whoever changes the value elsewhere would not expect this one to stay")
            .help("remove it, or give it another value"),
        );
    }
    warnings
}
