//! Parameters, enums, triggers, counters and the rule set itself.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, Detail, Kind, paired};
use crate::contents::Contents;
use crate::ir::{CounterDef, FieldDef, Slot, Type};
use crate::meta::ParamMeta;
use crate::scope::Scope;
use crate::value::{Value, duration_text};

pub(super) fn changes(old: &Contents, new: &Contents) -> Vec<Change> {
    let mut found = ruleset(old, new);
    found.extend(params(old, new));
    found.extend(enums(old, new));
    found.extend(triggers(old, new));
    found.extend(counters(old, new));
    found
}

fn ruleset(old: &Contents, new: &Contents) -> Vec<Change> {
    let mut details = Vec::new();
    let mut compare = |what: &str, old: String, new: String| {
        if old != new {
            details.push(Detail::changed(what, old, new));
        }
    };
    compare("name", old.schema.ruleset.clone(), new.schema.ruleset.clone());
    compare("dialect", old.schema.dialect.to_string(), new.schema.dialect.to_string());
    compare("context", old.schema.context.clone(), new.schema.context.clone());
    if details.is_empty() {
        return Vec::new();
    }
    vec![Change::new(Kind::Ruleset, &new.schema.ruleset, Action::Changed, details)]
}

/// A value with its unit.
fn with_unit(value: &Value, unit: Option<&String>) -> String {
    unit.map_or_else(|| value.to_string(), |unit| format!("{value} {unit}"))
}

fn params(old: &Contents, new: &Contents) -> Vec<Change> {
    let (before, after) = (&old.schema.params, &new.schema.params);
    let mut found = Vec::new();
    let value = |contents: &Contents, name: &str| {
        let at = contents.schema.params.iter().position(|param| param.name == name);
        at.and_then(|at| contents.param_value(at)).unwrap_or(Value::Int(0))
    };
    for (name, was, is) in paired(before, after, |param| &param.name) {
        let change = match (was, is) {
            (None, Some(is)) => {
                let now = with_unit(&value(new, &name), is.unit.as_ref());
                let mut details =
                    vec![Detail::added("", now), Detail::added("type", slot(new, &is.slot))];
                details.extend(overrides((old, None), (new, Some(is))));
                Change::new(Kind::Parameter, &name, Action::Added, details)
            }
            (Some(was), None) => {
                let before = with_unit(&value(old, &name), was.unit.as_ref());
                let mut details = vec![Detail::removed("", before)];
                details.extend(overrides((old, Some(was)), (new, None)));
                Change::new(Kind::Parameter, &name, Action::Removed, details)
            }
            (Some(was), Some(is)) => {
                let mut details = Vec::new();
                let (a, b) = (value(old, &name), value(new, &name));
                if a != b {
                    details.push(Detail::changed("", a, with_unit(&b, is.unit.as_ref())));
                }
                details.extend(overrides((old, Some(was)), (new, Some(is))));
                let (a, b) = (slot(old, &was.slot), slot(new, &is.slot));
                if a != b {
                    details.push(Detail::changed("type", a, b));
                }
                if was.unit != is.unit {
                    let shown = |unit: &Option<String>| unit.clone().unwrap_or("none".to_owned());
                    details.push(Detail::changed("unit", shown(&was.unit), shown(&is.unit)));
                }
                if was.doc != is.doc {
                    details.push(Detail::changed("doc", quoted(&was.doc), quoted(&is.doc)));
                }
                Change::new(Kind::Parameter, &name, Action::Changed, details)
            }
            (None, None) => continue,
        };
        if change.action != Action::Changed || !change.details.is_empty() {
            found.push(change);
        }
    }
    found
}

/// A parameter of a version; `None` when that version has none of the name.
type Side<'a> = (&'a Contents, Option<&'a ParamMeta>);

/// What differs where the games of some zone or shard run.
fn overrides(old: Side<'_>, new: Side<'_>) -> Vec<Detail> {
    let values = |(contents, param): Side<'_>| -> BTreeMap<Scope, Value> {
        let Some(param) = param else { return BTreeMap::new() };
        let at = contents.schema.params.iter().position(|known| known.name == param.name);
        let params = &contents.params;
        let own = params.overrides.iter().filter(|known| Some(usize::from(known.param)) == at);
        let shown = own.filter_map(|known| {
            let scope = params.scopes.get(usize::from(known.scope))?;
            let value = Value::from_raw(param.slot.ty, known.value, contents);
            Some((scope.clone(), value))
        });
        shown.collect()
    };
    let (was, is) = (values(old), values(new));
    let unit = |(_, param): Side<'_>, value: &Value| {
        with_unit(value, param.and_then(|param| param.unit.as_ref()))
    };
    let mut details = Vec::new();
    for scope in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
        let what = format!("in {scope}");
        match (was.get(scope), is.get(scope)) {
            (Some(a), Some(b)) if a != b => {
                details.push(Detail::changed(what, a, unit(new, b)));
            }
            (Some(a), None) => details.push(Detail::removed(what, unit(old, a))),
            (None, Some(b)) => details.push(Detail::added(what, unit(new, b))),
            _ => {}
        }
    }
    details
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// A type with its range, as the language writes it: `int(1, 100)`, `zone`.
pub(crate) fn slot(contents: &Contents, slot: &Slot) -> String {
    let bound = |raw| Value::from_raw(slot.ty, raw, contents);
    let range = |name: &str| format!("{name}({}, {})", bound(slot.min), bound(slot.max));
    match slot.ty {
        Type::Bool => "bool".to_owned(),
        Type::Int => range("int"),
        Type::Decimal => range("decimal"),
        Type::Duration => range("duration"),
        Type::Instant => "instant".to_owned(),
        Type::Symbol => "symbol".to_owned(),
        Type::Enum(index) => {
            let def = contents.schema.enums.get(usize::from(index));
            def.map_or_else(|| format!("enum #{index}"), |def| def.name.clone())
        }
    }
}

fn enums(old: &Contents, new: &Contents) -> Vec<Change> {
    let mut found = Vec::new();
    for (name, was, is) in paired(&old.schema.enums, &new.schema.enums, |def| &def.name) {
        let list = |values: &[String]| values.join(", ");
        let (action, details) = match (was, is) {
            (None, Some(is)) => (Action::Added, vec![Detail::added("values", list(&is.values))]),
            (Some(was), None) => {
                (Action::Removed, vec![Detail::removed("values", list(&was.values))])
            }
            (Some(was), Some(is)) if was.values != is.values => {
                let mut details = Vec::new();
                let gone = was.values.iter().filter(|value| !is.values.contains(value));
                details.extend(gone.map(|value| Detail::removed("value", value)));
                let come = is.values.iter().filter(|value| !was.values.contains(value));
                details.extend(come.map(|value| Detail::added("value", value)));
                let kept = |a: &[String], b: &[String]| -> Vec<String> {
                    a.iter().filter(|value| b.contains(value)).cloned().collect()
                };
                let (a, b) = (kept(&was.values, &is.values), kept(&is.values, &was.values));
                if a != b {
                    details.push(Detail::changed("order", a.join(", "), b.join(", ")));
                }
                (Action::Changed, details)
            }
            _ => continue,
        };
        found.push(Change::new(Kind::Enum, &name, action, details));
    }
    found
}

fn triggers(old: &Contents, new: &Contents) -> Vec<Change> {
    let mut found = Vec::new();
    for (name, was, is) in paired(&old.schema.triggers, &new.schema.triggers, |def| &def.name) {
        let list = |contents: &Contents, fields: &[FieldDef]| {
            let shown = fields.iter().map(|f| format!("{} = {}", f.name, slot(contents, &f.slot)));
            shown.collect::<Vec<_>>().join(", ")
        };
        let (action, details) = match (was, is) {
            (None, Some(is)) => {
                (Action::Added, vec![Detail::added("fields", list(new, &is.fields))])
            }
            (Some(was), None) => {
                (Action::Removed, vec![Detail::removed("fields", list(old, &was.fields))])
            }
            (Some(was), Some(is)) => (Action::Changed, fields(old, &was.fields, new, &is.fields)),
            (None, None) => continue,
        };
        if action != Action::Changed || !details.is_empty() {
            found.push(Change::new(Kind::Trigger, &name, action, details));
        }
    }
    found
}

fn fields(old: &Contents, was: &[FieldDef], new: &Contents, is: &[FieldDef]) -> Vec<Detail> {
    let mut details = Vec::new();
    for (name, a, b) in paired(was, is, |field| &field.name) {
        let what = format!("field {name}");
        match (a.map(|f| slot(old, &f.slot)), b.map(|f| slot(new, &f.slot))) {
            (None, Some(b)) => details.push(Detail::added(what, b)),
            (Some(a), None) => details.push(Detail::removed(what, a)),
            (Some(a), Some(b)) if a != b => details.push(Detail::changed(what, a, b)),
            _ => {}
        }
    }
    let order = |list: &[FieldDef], other: &[FieldDef]| -> Vec<String> {
        let kept = list.iter().filter(|f| other.iter().any(|o| o.name == f.name));
        kept.map(|field| field.name.clone()).collect()
    };
    let (a, b) = (order(was, is), order(is, was));
    if a != b {
        details.push(Detail::changed("order of fields", a.join(", "), b.join(", ")));
    }
    details
}

fn counters(old: &Contents, new: &Contents) -> Vec<Change> {
    let mut found = Vec::new();
    let on = |contents: &Contents, def: &CounterDef| {
        let trigger = contents.schema.triggers.get(usize::from(def.trigger));
        trigger.map_or_else(|| "?".to_owned(), |trigger| trigger.name.clone())
    };
    let window = |def: &CounterDef| duration_text(i64::try_from(def.window_ms).unwrap_or(i64::MAX));
    for (name, was, is) in paired(&old.schema.counters, &new.schema.counters, |def| &def.name) {
        let whole = |contents, def| format!("{} in {}", on(contents, def), window(def));
        let (action, details) = match (was, is) {
            (None, Some(is)) => (Action::Added, vec![Detail::added("counts", whole(new, is))]),
            (Some(was), None) => {
                (Action::Removed, vec![Detail::removed("counts", whole(old, was))])
            }
            (Some(was), Some(is)) => {
                let mut details = Vec::new();
                let mut compare = |what: &str, a: String, b: String| {
                    if a != b {
                        details.push(Detail::changed(what, a, b));
                    }
                };
                compare("on", on(old, was), on(new, is));
                compare("window", window(was), window(is));
                compare("limit", was.max.to_string(), is.max.to_string());
                (Action::Changed, details)
            }
            (None, None) => continue,
        };
        if action != Action::Changed || !details.is_empty() {
            found.push(Change::new(Kind::Counter, &name, action, details));
        }
    }
    found
}
