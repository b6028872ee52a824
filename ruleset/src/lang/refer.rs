//! Dotted references in expressions: fields, parameters, conditions.

use std::collections::BTreeSet;

use super::constant::{COMMENT, shorten};
use super::index::Symbol;
use super::infer::{Checker, Keep, Ty, Val};
use super::interval::Interval;
use super::names;
use super::scope::Trigger;
use super::session::At;
use super::settled::{self, Settled};
use super::truth::Truth;
use super::{Code, Diagnostic, shape};
use crate::ir::{Expr, On, Type};
use crate::rng;

/// Fields of a trigger that an error lists.
const FIELDS_SHOWN_MAX: usize = 12;

impl Checker<'_, '_> {
    pub(super) fn path(&mut self, at: At) -> Val {
        let text = self.session.text(at);
        if !text.is_ascii() || text.contains(['-', '$', '@']) {
            // The lexer has reported the name.
            return self.broken(at);
        }
        let mut parts = text.split('.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("trigger"), Some(name), None) => self.field(at, name),
            (Some("param"), Some(name), None) => self.param(at, name),
            (Some("condition"), Some(name), None) => self.condition(at, name),
            (Some(kind @ ("timer" | "counter")), Some(name), None) => {
                let scope = self.scope;
                if self.session.is_lost_as(kind, name) {
                    return self.broken(at);
                }
                let timed = matches!(self.on, Some(On::Timer(_)));
                let known = if scope.timer_names.find(name).is_some() {
                    Some(("timer", "active", "a timer is either running or not"))
                } else if scope.counter_names.find(name).is_some() && !timed {
                    Some(("counter", "rate", "what it counts is a player's hits in its window"))
                } else {
                    None
                };
                match known {
                    Some((is, function, cause)) => self.error(
                        Code::WrongShape,
                        at,
                        format!("the {is} {} is not a value", shorten(name)),
                        cause,
                        format!("write `{function}({})`", shorten(name)),
                    ),
                    None => self.nothing(at, kind),
                }
                self.broken(at)
            }
            (Some(name), None, _) => self.bare(at, name),
            (Some(first), ..) => {
                let scope = self.scope;
                if let Some(value) = (scope.enum_names.find(first))
                    .and_then(|index| scope.enums.get(index))
                    .and_then(|def| def.values.iter().find(|value| text.ends_with(value.as_str())))
                {
                    self.error(
                        Code::UnknownName,
                        at,
                        format!("`{}` refers to nothing", shorten(text)),
                        "a value of an enum is a string, whose type follows from what it meets",
                        format!("write \"{value}\""),
                    );
                    return self.broken(at);
                }
                self.nothing(at, first);
                self.broken(at)
            }
            (None, ..) => self.broken(at),
        }
    }

    /// A dotted reference, beginning with `first`, to nothing that there is.
    fn nothing(&mut self, at: At, first: &str) {
        let meant = self.session.similar(first, ["trigger", "param", "condition"].into_iter());
        self.error(
            Code::UnknownName,
            at,
            format!("`{}` refers to nothing", shorten(self.session.text(at))),
            "references are `trigger.field`, `param.name` and `condition.name`",
            match meant {
                Some(meant) if meant != first => format!("did you mean `{meant}.…`?"),
                _ => "use one of these forms".to_owned(),
            },
        );
    }

    fn field(&mut self, at: At, name: &str) -> Val {
        let On::Trigger(index) = (match self.on {
            Some(on) => on,
            None => return self.unknown_field(at, name),
        }) else {
            self.error(
                Code::NotInTimer,
                at,
                format!("`trigger.{}` when a timer fires", shorten(name)),
                "a timer happens to nobody: it has no fields, no player and no counters",
                "use parameters, or put the rule on a trigger",
            );
            return self.broken(at);
        };
        let scope = self.scope;
        let Some(trigger) = scope.triggers.get(usize::from(index)) else { return self.broken(at) };
        let Some(field) = trigger.names.find(name) else {
            if trigger.broken {
                return self.broken(at);
            }
            if !scope.may_have_field(name) {
                // A slip of the pen, whichever trigger it was meant for.
                return self.unknown_field(at, name);
            }
            if let Some(first) = self.uses.first().copied() {
                let span = self.session.span(first);
                let mut diagnostic = Diagnostic::error(
                    Code::FieldNotInTrigger,
                    span,
                    format!(
                        "this reads `trigger.{}`, which {} does not have",
                        shorten(name),
                        trigger.name
                    ),
                )
                .label(self.session.span(at), "the field is read here");
                if let Some(span) = scope.trigger_names.span(&trigger.name) {
                    diagnostic = diagnostic.label(span, "the trigger is declared here");
                }
                self.session.report(
                    diagnostic
                        .cause("a condition is checked for the trigger of each rule that uses it")
                        .help(format!(
                            "add the field to `trigger \"{}\"`, or use another condition",
                            trigger.name
                        )),
                );
                return self.broken(at);
            }
            let meant = self.session.similar(name, trigger.names.iter());
            self.error(
                Code::UnknownField,
                at,
                format!("the trigger {} has no field `{}`", trigger.name, shorten(name)),
                "a rule reads the fields of its own trigger",
                match &meant {
                    Some(meant) => format!("did you mean `trigger.{meant}`?"),
                    None if name == "now" => super::builtins::NOW_HELP.to_owned(),
                    None => field_help(trigger),
                },
            );
            self.session.fix(at, meant.map(|meant| format!("trigger.{meant}")));
            return self.broken(at);
        };
        self.session.refers(at, Symbol::Field(index.into(), field));
        match (trigger.fields.get(field).and_then(|(_, slot)| *slot), u16::try_from(field)) {
            (Some(slot), Ok(field)) => {
                let range = Interval::new(slot.min, slot.max);
                self.known(at, slot.ty, range, Expr::Field(field), 1)
            }
            _ => self.broken(at),
        }
    }

    fn unknown_field(&mut self, at: At, name: &str) -> Val {
        let scope = self.scope;
        if !scope.may_have_field(name) {
            let fields = scope.fields.keys().map(String::as_str);
            let meant = self.session.similar(name, fields);
            // What no rule uses is meant for none of the triggers that fit.
            let on = self.on.filter(|_| self.keep == Keep::All);
            self.error(
                Code::UnknownField,
                at,
                format!("no trigger has a field `{}`", shorten(name)),
                match self.uses.is_empty() && on.is_some() {
                    true => "a rule reads the fields of its own trigger",
                    false => "a condition reads the fields of the trigger that it is used for",
                },
                match (&meant, on) {
                    (Some(meant), _) => format!("did you mean `trigger.{meant}`?"),
                    (None, _) if name == "now" => super::builtins::NOW_HELP.to_owned(),
                    (None, Some(On::Trigger(index))) => {
                        let trigger = scope.triggers.get(usize::from(index));
                        trigger.map_or_else(String::new, field_help)
                    }
                    (None, _) => "correct the name, or add the field to a trigger".to_owned(),
                },
            );
            self.session.fix(at, meant.map(|meant| format!("trigger.{meant}")));
        }
        self.broken(at)
    }

    fn param(&mut self, at: At, name: &str) -> Val {
        let scope = self.scope;
        let Some(index) = scope.param_names.find(name) else {
            return self.unknown(at, "param", name, &scope.param_names);
        };
        self.session.refers(at, Symbol::Param(index));
        match (scope.params.get(index), u16::try_from(index)) {
            // The placeholder of a parameter whose type is wrong.
            (Some(param), _) if param.slot.ty == Type::Symbol => self.broken(at),
            (Some(param), Ok(index)) => {
                // The value may change without a new fragment: the range counts, not the value.
                let range = Interval::new(param.slot.min, param.slot.max);
                self.known(at, param.slot.ty, range, Expr::Param(index), 1)
            }
            _ => self.broken(at),
        }
    }

    fn condition(&mut self, at: At, name: &str) -> Val {
        let scope = self.scope;
        let Some(index) = scope.condition_names.find(name) else {
            return self.unknown(at, "condition", name, &scope.condition_names);
        };
        self.session.refers(at, Symbol::Condition(index));
        let Some(condition) = scope.conditions.get(index) else { return self.broken(at) };
        let Some(when) = condition.when.filter(|_| !condition.cyclic) else {
            return self.broken(at);
        };
        let salt = std::mem::replace(&mut self.salt, rng::name_hash(&condition.name));
        let outer = std::mem::take(&mut self.leans);
        self.uses.push(at);
        let value = self.judged(when);
        self.uses.pop();
        self.salt = salt;
        let inner = std::mem::replace(&mut self.leans, outer);
        if value.ty == Ty::Error {
            if self.keep == Keep::All {
                // Used, and wrong somewhere: whether it is constant is not known.
                self.shared.truths.insert(index, Truth::default());
            }
        } else {
            let here = self.truth(index, &value, inner);
            if here.is_constant() {
                self.leans.insert(index);
            }
            if self.keep == Keep::All {
                here.note(index, &mut self.shared.truths);
            }
            if self.keep != Keep::Nothing {
                let text = self.session.text(when);
                self.session.outline.condition(&condition.name, text, self.on, &value.ir);
            }
        }
        Val { at, ..value }
    }

    /// Whether a condition is constant in this use, which leans on others; once it is known not to be so
    /// everywhere, that may be answered with no.
    pub(super) fn truth(&mut self, index: usize, value: &Val, leans: BTreeSet<usize>) -> Truth {
        let single = value.range.single();
        let open = self.shared.truths.get(&index).is_none_or(Truth::is_constant);
        let settled = match open && single.is_none() {
            true => {
                // Ranges are the trigger's own only where a rule uses it.
                let known = (self.keep == Keep::All).then_some((index, self.on));
                self.shared.settled(self.scope, self.on, known, value)
            }
            false => None,
        };
        Truth { leans, ..self.held(value, settled) }
    }

    /// Whether the condition of an entry, which was just judged, is constant here.
    pub(super) fn truth_of(&mut self, value: &Val) -> Truth {
        let known = value.ty != Ty::Error;
        let open = known && value.range.single().is_none();
        let settled = open.then(|| settled::settled(self.scope, self.on, &value.ir)).flatten();
        let leans = std::mem::take(&mut self.leans);
        match known {
            true => Truth { leans, ..self.held(value, settled) },
            false => Truth { leans, ..Truth::default() },
        }
    }

    fn held(&self, value: &Val, settled: Option<Settled>) -> Truth {
        let single = value.range.single();
        Truth {
            always: single == Some(1) || settled.is_some_and(|settled| settled.always),
            never: single == Some(0) || settled.is_some_and(|settled| !settled.always),
            contradicted: settled.and_then(|it| it.contradicted(self.scope, self.on)),
            reach: single.and_then(|single| self.decisive(value.at, single == 1).1),
            ..Truth::default()
        }
    }

    /// Where what a reference names is declared, and as what.
    pub(super) fn declaration(&self, at: At) -> Option<(super::Span, String)> {
        let scope = self.scope;
        match self.session.text(at).split_once('.')? {
            ("trigger", name) => {
                let Some(On::Trigger(index)) = self.on else { return None };
                let trigger = scope.triggers.get(usize::from(index))?;
                let (_, slot) = trigger.fields.get(trigger.names.find(name)?)?;
                let ty = scope.type_name((*slot)?.ty);
                Some((trigger.names.span(name)?, format!("`{name}` is declared here as {ty}")))
            }
            ("param", name) => {
                let param = scope.params.get(scope.param_names.find(name)?)?;
                let ty = scope.type_name(param.slot.ty);
                Some((scope.param_names.span(name)?, format!("`{name}` is declared here as {ty}")))
            }
            ("condition", name) => {
                let span = scope.condition_names.span(name)?;
                Some((span, format!("`{name}` is declared here")))
            }
            _ => None,
        }
    }

    fn bare(&mut self, at: At, name: &str) -> Val {
        let scope = self.scope;
        // What no rule uses is meant for none of the triggers that fit.
        let field = match self.on.filter(|_| self.keep == Keep::All) {
            Some(On::Trigger(index)) => (scope.triggers.get(usize::from(index)))
                .is_some_and(|trigger| trigger.names.find(name).is_some()),
            _ => scope.has_field(name),
        };
        let full = if field {
            Some(format!("trigger.{name}"))
        } else if scope.param_names.find(name).is_some() {
            Some(format!("param.{name}"))
        } else if scope.condition_names.find(name).is_some() {
            Some(format!("condition.{name}"))
        } else if scope.timer_names.find(name).is_some() {
            Some(format!("active({name})"))
        } else if scope.counter_names.find(name).is_some() {
            Some(format!("rate({name})"))
        } else if scope.enums.iter().any(|def| def.values.iter().any(|value| value == name)) {
            Some(format!("\"{name}\""))
        } else {
            names::meant_bool(name).map(str::to_owned)
        };
        if full.is_none() && self.session.is_lost(name) {
            return self.broken(at);
        }
        let table = full.is_none() && scope.table_names.find(name).is_some();
        match full {
            _ if table => self.error(
                Code::UnknownName,
                at,
                format!("`{name}` is a loot table, and this is a value"),
                "an outcome rolls on a table that its attribute `table` names",
                format!("write `table = {name}`"),
            ),
            Some(full) => {
                self.error(
                    Code::MissingPrefix,
                    at,
                    format!("`{name}` alone is not a value"),
                    "a reference says what it refers to",
                    format!("write `{full}`"),
                );
                self.session.fix(at, Some(full));
            }
            None => self.error(
                Code::UnknownName,
                at,
                format!("`{}` is not declared", shorten(name)),
                "references are `trigger.field`, `param.name` and `condition.name`; texts have quotes",
                match name {
                    "null" | "nil" | "None" | "undefined" => {
                        "every value is there: compare with one of its values instead"
                    }
                    "now" | "today" | "time" => super::builtins::NOW_HELP,
                    _ if self.session.follows_dashes(at) => COMMENT,
                    _ => "correct the name, or write quotes around a text",
                },
            ),
        }
        self.broken(at)
    }

    pub(super) fn unknown(
        &mut self,
        at: At,
        kind: &str,
        name: &str,
        names: &super::names::Names,
    ) -> Val {
        if self.session.is_lost_as(kind, name) {
            return self.broken(at);
        }
        let scope = self.scope;
        // `rate(counter.kills)` is a guess that lies near.
        let bare = name.rsplit('.').next().unwrap_or(name);
        let other = match kind {
            "counter" if scope.timer_names.find(bare).is_some() => Some(("timer", "active")),
            "timer" if scope.counter_names.find(bare).is_some() => Some(("counter", "rate")),
            _ => None,
        };
        if let Some((is, function)) = other {
            self.error(
                Code::UnknownName,
                at,
                format!("`{bare}` is a {is}, not a {kind}"),
                "`rate` reads a counter, `active` asks a timer",
                format!("write `{function}({bare})`"),
            );
            return self.broken(at);
        }
        let meant = self.session.similar(name, names.iter());
        let prefix = self.session.text(at).strip_suffix(name).unwrap_or("");
        self.error(
            Code::UnknownName,
            at,
            format!("there is no `{kind}` called `{}`", shorten(name)),
            "no file of the rule set declares it",
            match &meant {
                Some(meant) => format!("did you mean `{prefix}{meant}`?"),
                None if name.contains('.') => format!("write the bare name of a `{kind}`"),
                None => format!("declare `{kind} \"{}\"`, or correct the name", shorten(name)),
            },
        );
        self.session.fix(at, meant.map(|meant| format!("{prefix}{meant}")));
        self.broken(at)
    }
}

/// What to do about a field that a trigger does not have.
fn field_help(trigger: &Trigger) -> String {
    let names: Vec<&str> = trigger.fields.iter().map(|(name, _)| name.as_str()).collect();
    let (shown, more) = names.split_at(names.len().min(FIELDS_SHOWN_MAX));
    let more = if more.is_empty() { "" } else { " and more" };
    let name = &trigger.name;
    match shown {
        [] => format!("add the field to `trigger \"{name}\"`"),
        _ => format!("{name} has {}{more}: use one of them, or add the field", shape::list(shown)),
    }
}
