//! Constants and types in declarations: what stands for a value that nothing computes.

use super::index::Symbol;
use super::literal::{self, Number};
use super::names;
use super::scope::Scope;
use super::session::{At, Session};
use super::tree::{NodeKind, UnaryOp};
use super::{Code, Diagnostic, Span, dates, foreign, shape};
use crate::ir::{DECIMAL_ONE, INSTANT_MAX, Slot, Type};

/// A whole number literal, with an optional minus.
pub(super) fn integer(session: &mut Session<'_>, at: At, what: &str) -> Option<i64> {
    if let Some(Number::Int(value)) = number(session, at) {
        return Some(value);
    }
    if session.is_flawed(at) {
        return None;
    }
    let shown = shorten(session.text(at));
    let cause = match is_decimal(session, at) {
        true => "it counts something, and half of one is none",
        false => "this is fixed when the rule set is built, so it is a literal",
    };
    session.error(
        Code::WrongShape,
        at,
        format!("{what} is `{shown}`, not a whole number"),
        cause,
        match session.text(at) {
            text if foreign::dashes(text) => COMMENT.to_owned(),
            text if text.starts_with("param.") => NO_PARAM.to_owned(),
            _ => in_quotes(session, at, Type::Int)
                .unwrap_or_else(|| "write a whole number, for example 10".to_owned()),
        },
    );
    None
}

/// What to write instead of `--`.
pub(super) const COMMENT: &str = "a comment begins with `#` or `//`";

/// What to write where no parameter may stand.
const NO_PARAM: &str = "write the value itself: a param stands in expressions alone";

/// The ends of a range that is written as `5-25` or `5 to 25`, in quotes or not.
pub(super) fn span_of(session: &Session<'_>, at: At) -> Option<(u32, u32)> {
    let text = match session.kind(at) {
        NodeKind::Text => session.string(at),
        _ => session.text(at).to_owned(),
    };
    let (low, high) = text.split_once('-').or_else(|| text.split_once(" to "))?;
    let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    (low <= high).then_some((low, high))
}

/// Whether a node is a number with a point.
pub(super) fn is_decimal(session: &Session<'_>, at: At) -> bool {
    matches!(number(session, at), Some(Number::Decimal(_)))
}

/// `true` or `false`.
pub(super) fn boolean(session: &mut Session<'_>, at: At, what: &str) -> Option<bool> {
    match session.kind(at) {
        NodeKind::True => return Some(true),
        NodeKind::False => return Some(false),
        _ if session.is_flawed(at) => return None,
        _ => {}
    }
    let shown = shorten(session.text(at));
    session.error(
        Code::WrongShape,
        at,
        format!("{what} is `{shown}`, neither true nor false"),
        "this is fixed when the rule set is built, so it is a literal",
        in_quotes(session, at, Type::Bool).unwrap_or_else(|| "write true or false".to_owned()),
    );
    None
}

/// A string literal.
pub(super) fn text(session: &mut Session<'_>, at: At, what: &str) -> Option<String> {
    if session.is_flawed(at) {
        return None;
    }
    if session.kind(at) == NodeKind::Text {
        return Some(session.string(at));
    }
    if session.kind(at) == NodeKind::Path && session.text(at).contains('-') {
        // The lexer has reported the name.
        return None;
    }
    let shown = shorten(session.text(at));
    session.error(
        Code::WrongShape,
        at,
        format!("{what} is `{shown}`, not a string"),
        "this is fixed when the rule set is built, so it is a literal",
        match session.text(at) {
            text if foreign::dashes(text) => COMMENT,
            text if text.starts_with("param.") => NO_PARAM,
            _ => "write it between double quotes",
        },
    );
    None
}

/// A duration literal in milliseconds.
pub(super) fn duration(session: &mut Session<'_>, at: At, what: &str) -> Option<i64> {
    if let Some(help) = units(session.text(at)) {
        session.error(
            Code::WrongShape,
            at,
            format!("{what} is `{}`, without a unit", shorten(session.text(at))),
            "a duration is a string of numbers with the units d, h, m, s, ms",
            help,
        );
        return None;
    }
    let text = text(session, at, what)?;
    duration_of(session, at, &text)
}

/// What a whole number may mean as a duration.
pub(super) fn units(text: &str) -> Option<String> {
    let digits = !text.is_empty() && text.len() < 12 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| format!("write \"{text}s\" for seconds, or \"{text}m\" for minutes"))
}

/// The duration that `text`, written at `at`, means.
pub(super) fn duration_of(session: &mut Session<'_>, at: At, text: &str) -> Option<i64> {
    let value = literal::duration(text);
    if value.is_none() {
        session.error(
            Code::BadDuration,
            at,
            format!("\"{}\" is no duration", shorten(text)),
            "a duration is whole numbers with the units d, h, m, s, ms, largest first",
            match (units(text), literal::meant_duration(text)) {
                (Some(units), _) => units,
                (None, Some(meant)) => format!("write \"{meant}\""),
                (None, None) => "write for example \"90s\", \"1m30s\" or \"2h\"".to_owned(),
            },
        );
    }
    value
}

/// The instant that `text`, written at `at`, means.
pub(super) fn instant_of(session: &mut Session<'_>, at: At, text: &str) -> Option<i64> {
    let value = literal::instant(text);
    if value.is_none() {
        let meant = dates::meant_instant(text);
        session.error(
            Code::BadInstant,
            at,
            format!("\"{}\" is no instant", shorten(text)),
            dates::no_instant(text).unwrap_or(
                "an instant is a date, a time and an offset as in RFC 3339, from 1970 to 9999"
                    .to_owned(),
            ),
            match &meant {
                Some(meant) => format!("write \"{meant}\""),
                None => "write for example \"2026-12-24T18:00:00Z\"".to_owned(),
            },
        );
        session.fix(at, meant.map(|meant| format!("\"{meant}\"")));
    }
    value
}

/// The position of the value `text`, written at `at`, in the enum `index`.
pub(super) fn enum_value(
    session: &mut Session<'_>,
    scope: &Scope,
    index: u16,
    at: At,
    text: &str,
) -> Option<i64> {
    let def = scope.enums.get(usize::from(index))?;
    if def.values.is_empty() {
        // The enum itself is wrong, which is reported.
        return None;
    }
    if let Some(position) = def.values.iter().position(|value| value == text) {
        session.refers(at, Symbol::Value(index.into(), position));
        return i64::try_from(position).ok();
    }
    let meant = session.similar(text, def.values.iter().map(String::as_str));
    let shown: Vec<&str> = def.values.iter().take(8).map(String::as_str).collect();
    let more = if def.values.len() > shown.len() { " and more" } else { "" };
    session.error(
        Code::UnknownValue,
        at,
        format!("the enum {} has no value \"{}\"", def.name, shorten(text)),
        format!("its values are {}{more}", shape::list(&shown)),
        match &meant {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("use one of them, or add the value to `enum \"{}\"`", def.name),
        },
    );
    session.fix(at, meant.map(|meant| format!("\"{meant}\"")));
    None
}

fn number(session: &Session<'_>, at: At) -> Option<Number> {
    match session.kind(at) {
        NodeKind::Number => literal::number(session.text(at)),
        NodeKind::Unary(UnaryOp::Negate) => {
            let inner = session.child(at, 0)?;
            if session.kind(inner) != NodeKind::Number {
                return None;
            }
            Some(match literal::number(session.text(inner))? {
                Number::Int(value) => Number::Int(-value),
                Number::Decimal(value) => Number::Decimal(-value),
            })
        }
        _ => None,
    }
}

/// A literal of the type `ty`, in its representation.
pub(super) fn value(session: &mut Session<'_>, scope: &Scope, at: At, ty: Type) -> Option<i64> {
    if session.is_flawed(at) {
        return None;
    }
    let written = number(session, at);
    let found = match (ty, session.kind(at)) {
        (Type::Bool, NodeKind::True) => Some(1),
        (Type::Bool, NodeKind::False) => Some(0),
        (Type::Int, _) => match written {
            Some(Number::Int(value)) => Some(value),
            _ => None,
        },
        (Type::Decimal, _) => match written {
            Some(Number::Decimal(value)) => Some(value),
            Some(Number::Int(value)) => value.checked_mul(DECIMAL_ONE),
            None => None,
        },
        (Type::Duration, NodeKind::Text) => {
            let text = session.string(at);
            return duration_of(session, at, &text);
        }
        (Type::Instant, NodeKind::Text) => {
            let text = session.string(at);
            return instant_of(session, at, &text);
        }
        (Type::Enum(index), NodeKind::Text) => {
            let text = session.string(at);
            return enum_value(session, scope, index, at, &text);
        }
        _ => None,
    };
    if found.is_none() {
        let shown = shorten(session.text(at));
        session.error(
            Code::TypeMismatch,
            at,
            format!("`{shown}` is not {}", scope.type_name(ty)),
            "the value must be a literal of the declared type",
            match ty {
                _ if session.kind(at) != NodeKind::Text && shown.contains("--") => {
                    COMMENT.to_owned()
                }
                Type::Duration if units(&shown).is_some() => units(&shown).unwrap_or_default(),
                _ => in_quotes(session, at, ty).unwrap_or_else(|| literal_help(ty).to_owned()),
            },
        );
    }
    found
}

/// What to write instead of a string that holds a value of the type.
pub(super) fn in_quotes(session: &Session<'_>, at: At, ty: Type) -> Option<String> {
    if ty == Type::Duration && session.kind(at) == NodeKind::Number {
        return units(session.text(at));
    }
    if session.kind(at) != NodeKind::Text || session.is_flawed(at) {
        return None;
    }
    let text = session.string(at);
    let meant = match (ty, literal::quoted_number(&text)) {
        (Type::Bool, _) => names::meant_bool(&text)?,
        (Type::Int, Some(Number::Int(_))) | (Type::Decimal, Some(_)) => &text,
        _ => return None,
    };
    Some(format!("write {meant} without quotes"))
}

pub(super) fn literal_help(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "write true or false",
        Type::Int => "write a whole number, for example 10",
        Type::Decimal => "write a number, for example 1.25",
        Type::Duration => "write a string such as \"90s\"",
        Type::Instant => "write a string such as \"2026-12-24T18:00:00Z\"",
        Type::Enum(_) | Type::Symbol => "write one of its values between double quotes",
    }
}

/// The types that have a name of their own.
const TYPES: [&str; 5] = ["bool", "int", "decimal", "duration", "instant"];

/// What `type = …` or a trigger's field says: the type, and its range if that is known from it.
pub(super) fn type_of(
    session: &mut Session<'_>,
    scope: &Scope,
    at: At,
) -> Option<(Type, Option<Slot>)> {
    if session.is_flawed(at) {
        return None;
    }
    match session.kind(at) {
        NodeKind::Path => {
            let name = session.text(at);
            let whole = |ty, max| Some((ty, Some(Slot { ty, min: 0, max })));
            match name {
                "bool" => return whole(Type::Bool, 1),
                "instant" => return whole(Type::Instant, INSTANT_MAX),
                "int" => return Some((Type::Int, None)),
                "decimal" => return Some((Type::Decimal, None)),
                "duration" => return Some((Type::Duration, None)),
                _ => {}
            }
            if let Some(index) = scope.enum_names.find(name) {
                session.refers(at, Symbol::Enum(index));
            }
            if let Some(index) = scope.enum_names.find(name)
                && let (Ok(ty), Some(def)) = (u16::try_from(index), scope.enums.get(index))
            {
                return whole(Type::Enum(ty), (def.values.len() as i64 - 1).max(0));
            }
            if session.is_lost_as("enum", name) {
                return None;
            }
            let known = TYPES.into_iter();
            let foreign = foreign_type(name);
            let meant = match foreign {
                Some(meant) => Some(meant.to_owned()),
                None => session.similar(name, known.chain(scope.enum_names.iter())),
            };
            session.error(
                Code::UnknownName,
                at,
                format!("there is no type `{}`", shorten(name)),
                "types are bool, int, decimal, duration, instant, and the enums by name",
                match (name, &meant) {
                    ("float" | "double" | "number" | "real" | "fixed", _) => {
                        "write `decimal(0.0, 1.0)`: exact, with six digits after the point"
                            .to_owned()
                    }
                    ("string" | "str" | "text", _) => {
                        "declare an enum with the texts that can come".to_owned()
                    }
                    (_, Some(meant)) => format!("did you mean `{meant}`?"),
                    _ => format!("declare `enum \"{}\"`, or use another type", shorten(name)),
                },
            );
            session.fix(at, meant.filter(|_| foreign != Some("decimal")));
            None
        }
        NodeKind::Call => {
            let children = session.children(at);
            let name = children.first().map_or("", |name| session.text(*name));
            let ty = match name {
                "int" => Type::Int,
                "decimal" => Type::Decimal,
                "duration" => Type::Duration,
                _ => {
                    let single =
                        matches!(name, "bool" | "instant") || scope.enum_names.find(name).is_some();
                    if single {
                        let word = name.to_owned();
                        session.error(
                            Code::UnknownName,
                            at,
                            format!("the type `{word}` has no range"),
                            "the types with a range are int, decimal and duration",
                            format!("write `{word}`"),
                        );
                        session.fix(at, Some(word));
                        return None;
                    }
                    let ranged = |meant: &&str| matches!(*meant, "int" | "decimal" | "duration");
                    let foreign = foreign_type(name).filter(ranged).map(str::to_owned);
                    let meant = foreign.or_else(|| {
                        session.similar(name, ["int", "decimal", "duration"].into_iter())
                    });
                    let ends = session.text(at).strip_prefix(name).unwrap_or("").to_owned();
                    session.error(
                        Code::UnknownName,
                        at,
                        format!("there is no type `{}(…)`", shorten(name)),
                        "the types with a range are int, decimal and duration",
                        match &meant {
                            Some(meant) => format!("write `{meant}{}`", shorten(&ends)),
                            None => "write for example `int(1, 100)`".to_owned(),
                        },
                    );
                    session.fix(at, meant.map(|meant| format!("{meant}{ends}")));
                    return None;
                }
            };
            if children.iter().any(|child| session.is_flawed(*child)) {
                return None;
            }
            let [_, low, high] = children[..] else {
                session.error(
                    Code::WrongArguments,
                    at,
                    format!(
                        "`{name}` with {}, where two belong",
                        counted(children.len().saturating_sub(1), "bound")
                    ),
                    "a range has a smallest and a largest value",
                    format!("write `{name}(smallest, largest)`"),
                );
                return None;
            };
            Some((ty, Some(range(session, scope, at, ty, low, high)?)))
        }
        kind => {
            let written = session.text(at);
            if kind == NodeKind::Text && !written.ends_with('"') {
                // The missing quote is reported.
                return None;
            }
            let shown = shorten(written);
            let word = shown.trim_matches('"').to_owned();
            let known = TYPES.contains(&&*word) || scope.enum_names.find(&word).is_some();
            let help = match kind == NodeKind::Text && known {
                true => format!("write `{word}` without quotes"),
                false if foreign::dashes(written) => COMMENT.to_owned(),
                false => "write for example `bool`, `zone` or `int(1, 100)`".to_owned(),
            };
            session.error(
                Code::WrongShape,
                at,
                format!("`{shown}` is not a type"),
                "a type is a name, or a name with its range",
                help,
            );
            None
        }
    }
}

/// The type that another language calls so.
fn foreign_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "float" | "double" | "number" | "real" | "fixed" | "f32" | "f64" => "decimal",
        "integer" | "uint" | "long" | "short" | "byte" | "i32" | "i64" | "u32" | "u64" => "int",
        "boolean" | "flag" => "bool",
        "time" | "timespan" | "interval" => "duration",
        "date" | "datetime" | "timestamp" => "instant",
        _ => return None,
    })
}

/// The inclusive range of `ty` from `low` to `high`.
pub(super) fn range(
    session: &mut Session<'_>,
    scope: &Scope,
    at: At,
    ty: Type,
    low: At,
    high: At,
) -> Option<Slot> {
    let min = value(session, scope, low, ty);
    let max = value(session, scope, high, ty);
    let (min, max) = (min?, max?);
    if min > max {
        let (first, second) = (session.text(low), session.text(high));
        let (span, start, end) = (session.span(at), session.span(low), session.span(high));
        let swapped = format!("{second}, {first}");
        let message = format!("the range from {first} to {second} holds nothing");
        let around = |from: u32, to: u32| {
            let (from, to) = (from.saturating_sub(span.start), to.saturating_sub(span.start));
            session.text(at).get(from as usize..to as usize).unwrap_or("")
        };
        let (before, after) = (around(span.start, start.start), around(end.end, span.end));
        let whole = format!("{before}{swapped}{after}");
        let whole = if shorten(&whole) == whole { whole } else { swapped.clone() };
        let help = format!("swap the two: write `{whole}`");
        session.report(
            Diagnostic::error(Code::EmptyRange, span, message)
                .cause("the smallest value comes first")
                .help(help)
                .edit(Span { end: end.end, ..start }, swapped),
        );
        return None;
    }
    Some(Slot { ty, min, max })
}

/// `1 label`, `2 labels`.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// At most 60 characters of one line, for messages.
pub(super) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    let mut short: String = line.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
