//! What games supply.

use super::{Finding, Subject};
use crate::contents::Contents;
use crate::ir::{CounterDef, Slot, Type};
use crate::plan::{Kind, slot_text};
use crate::value::{Value, duration_text};

/// The way to other fields. A trigger's own are what games set, one and all; a trigger that is
/// appended is one that no game sends yet.
const OTHER_TRIGGER: &str = "leave the fields of this trigger as they are; declare another trigger \
    after the old ones, raise the context's version, and keep this one until no game sends it";

pub(super) fn compare(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    ruleset(old, new, found);
    enums(old, new, found);
    triggers(old, new, found);
    counters(old, new, found);
    timers(old, new, found);
}

fn ruleset(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    let mut subject = Subject { kind: Kind::Ruleset, name: new.schema.ruleset.clone(), found };
    if old.schema.ruleset != new.schema.ruleset {
        subject.breaks(
            "ruleset-renamed",
            format!("the rule set {} is called {}", old.schema.ruleset, new.schema.ruleset),
            "channels belong to the name: nothing that follows the old one ever sees this version",
            "keep the name, or publish under the new one and move the games over",
        );
    }
    context(old, new, &mut subject);
    if new.schema.dialect > old.schema.dialect {
        subject.breaks(
            "dialect-raised",
            format!("dialect {} → {}", old.schema.dialect, new.schema.dialect),
            "agents that read the old dialect only reject the version",
            "update every agent first",
        );
    }
}

/// `hunt@3`: a name, and a version that grows with what is appended.
fn context(old: &Contents, new: &Contents, subject: &mut Subject<'_>) {
    let (was, is) = (&old.schema.context, &new.schema.context);
    let parts = |text: &str| {
        let (name, version) = text.rsplit_once('@')?;
        Some((name.to_owned(), version.parse::<u64>().ok()?))
    };
    let (a, b) = (parts(was), parts(is));
    if a.as_ref().map(|(name, _)| name) != b.as_ref().map(|(name, _)| name) {
        subject.breaks(
            "context-renamed",
            format!("the context {was} is called {is}"),
            "games are built for the context of the old name and cannot know that it is the same",
            "keep the name, and raise its version when something is appended",
        );
    } else if a > b {
        subject.breaks(
            "context-lowered",
            format!("the context goes from {was} back to {is}"),
            "games that supply the newer context take this version for an older one",
            "keep the version, or raise it",
        );
    }
}

/// Where something stood and stands, when it moved.
fn moved(old: usize, new: usize) -> Option<String> {
    (old != new).then(|| format!("index {old} → {new}"))
}

fn enums(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    for was in &old.schema.enums {
        let mut subject = Subject { kind: Kind::Enum, name: was.name.clone(), found };
        let Some(is) = new.schema.enums.iter().find(|known| known.name == was.name) else {
            subject.breaks(
                "enum-removed",
                format!("the enum {} is gone", was.name),
                "code that was generated for it, and fields of its type, have nothing to refer to",
                "keep it, even unused",
            );
            continue;
        };
        for (index, value) in was.values.iter().enumerate() {
            let Some(at) = is.values.iter().position(|known| known == value) else {
                subject.breaks(
                    "enum-value-removed",
                    format!("the value {value} is gone"),
                    "games that supply it are refused, and consumers wait for it in vain",
                    "keep the value, and no rule that uses it",
                );
                continue;
            };
            if let Some(shown) = moved(index, at) {
                subject.breaks(
                    "enum-value-moved",
                    format!("the value {value} moved: {shown}"),
                    "games that hold the index supply another value without a word",
                    "add new values at the end",
                );
            }
        }
    }
}

fn triggers(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    for (index, was) in old.schema.triggers.iter().enumerate() {
        let mut subject = Subject { kind: Kind::Trigger, name: was.name.clone(), found };
        let at = new.schema.triggers.iter().position(|known| known.name == was.name);
        let Some((at, is)) = at.and_then(|at| Some((at, new.schema.triggers.get(at)?))) else {
            subject.breaks(
                "trigger-removed",
                format!("the trigger {} is gone", was.name),
                "games that evaluate it get an error instead of an answer",
                "keep it without rules until no game sends it",
            );
            continue;
        };
        if let Some(shown) = moved(index, at) {
            subject.breaks(
                "trigger-moved",
                format!("the trigger {} moved: {shown}", was.name),
                "games that hold the index evaluate another trigger",
                "declare new triggers after the old ones, in a file that sorts last",
            );
        }
        for (slot, field) in was.fields.iter().enumerate() {
            let name = &field.name;
            let at = is.fields.iter().position(|known| known.name == *name);
            let Some((at, now)) = at.and_then(|at| Some((at, is.fields.get(at)?))) else {
                subject.breaks(
                    "field-removed",
                    format!("the field {name} is gone"),
                    "games that set it get an error",
                    "keep it, unread",
                );
                continue;
            };
            if let Some(shown) = moved(slot, at) {
                subject.breaks(
                    "field-moved",
                    format!("the field {name} moved: {shown}"),
                    "games that hold its slot set another field",
                    OTHER_TRIGGER,
                );
            }
            changed_slot(&mut subject, name, (old, &field.slot), (new, &now.slot));
        }
        for field in &is.fields {
            if !was.fields.iter().any(|known| known.name == field.name) {
                subject.breaks(
                    "field-added",
                    format!("the field {} is new", field.name),
                    "games that do not set it get an error for every evaluation of the trigger, \
                     whatever the version of the context: that tells people, and fills nothing in",
                    OTHER_TRIGGER,
                );
            }
        }
    }
}

fn same_type(old: &Contents, a: Type, new: &Contents, b: Type) -> bool {
    match (a, b) {
        (Type::Enum(a), Type::Enum(b)) => {
            let name = |contents: &Contents, at: u16| {
                contents.schema.enums.get(usize::from(at)).map(|def| def.name.clone())
            };
            name(old, a) == name(new, b)
        }
        (a, b) => a == b,
    }
}

fn changed_slot(
    subject: &mut Subject<'_>,
    name: &str,
    (old, was): (&Contents, &Slot),
    (new, is): (&Contents, &Slot),
) {
    let (a, b) = (slot_text(old, was), slot_text(new, is));
    if !same_type(old, was.ty, new, is.ty) {
        subject.breaks(
            "field-type-changed",
            format!("the field {name} was {a} and is {b}"),
            "what games supply is refused, or means something else",
            OTHER_TRIGGER,
        );
    } else if let Some(lost) = narrowed(was, is, new) {
        subject.breaks(
            "field-range-narrowed",
            format!("the field {name} was {a} and is {b}"),
            &format!("games that supply {lost} get an error"),
            "keep the range, and clamp the field where it is used",
        );
    }
}

/// A value that was allowed and is not. An enum's range follows its values, which are told there.
pub(super) fn narrowed(was: &Slot, is: &Slot, names: &Contents) -> Option<String> {
    let lost = match was.ty {
        Type::Enum(_) | Type::Bool | Type::Symbol => None,
        _ if was.min < is.min => Some(was.min),
        _ if was.max > is.max => Some(was.max),
        _ => None,
    };
    lost.map(|raw| Value::from_raw(was.ty, raw, names).to_string())
}

fn counters(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    let on = |contents: &Contents, at: u16| {
        contents.schema.triggers.get(usize::from(at)).map_or("?", |def| &def.name).to_owned()
    };
    let window = |def: &CounterDef| duration_text(i64::try_from(def.window_ms).unwrap_or(i64::MAX));
    for (index, was) in old.schema.counters.iter().enumerate() {
        let mut subject = Subject { kind: Kind::Counter, name: was.name.clone(), found };
        let at = new.schema.counters.iter().position(|known| known.name == was.name);
        let Some((at, is)) = at.and_then(|at| Some((at, new.schema.counters.get(at)?))) else {
            subject.breaks(
                "counter-removed",
                format!("the counter {} is gone", was.name),
                "games that supply it get an error",
                "keep it, unread",
            );
            continue;
        };
        if let Some(shown) = moved(index, at) {
            subject.breaks(
                "counter-moved",
                format!("the counter {} moved: {shown}", was.name),
                "games that hold the index supply another count",
                "declare new counters after the old ones, in a file that sorts last",
            );
        }
        let (a, b) = (on(old, was.trigger), on(new, is.trigger));
        if a != b {
            subject.breaks(
                "counter-trigger-changed",
                format!("it counted {a} and counts {b}"),
                "games that count go on counting the old trigger",
                "add a counter",
            );
        }
        if was.window_ms != is.window_ms {
            subject.breaks(
                "counter-window-changed",
                format!("it looked back {} and looks back {}", window(was), window(is)),
                "games that count go on counting in the old window",
                "add a counter",
            );
        }
    }
}

fn timers(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    for (index, was) in old.timers.iter().enumerate() {
        let mut subject = Subject { kind: Kind::Timer, name: was.name.clone(), found };
        match new.timers.iter().position(|known| known.name == was.name) {
            None => subject.breaks(
                "timer-removed",
                format!("the timer {} is gone", was.name),
                "games that say whether it is active get an error",
                "keep it, unread",
            ),
            Some(at) => {
                if let Some(shown) = moved(index, at) {
                    subject.breaks(
                        "timer-moved",
                        format!("the timer {} moved: {shown}", was.name),
                        "games that hold the index say that another timer is active",
                        "declare new timers after the old ones, in a file that sorts last",
                    );
                }
            }
        }
    }
}
