//! Values as people write and read them, and as code holds them.
//!
//! Inside, every value is an `i64` (see [`crate::ir`]). At an edge it becomes a [`Value`] or a
//! text; both ways are exact: a decimal never passes through a float.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::ir::{DECIMAL_ONE, Slot, Type};

/// Resolves the names behind enum and symbol indices.
pub trait Names {
    /// Value number `index` of an enum.
    fn enum_value(&self, of: u16, index: u32) -> Option<&str>;
    /// Index of a value of an enum.
    fn enum_index(&self, of: u16, name: &str) -> Option<u32>;
    /// Symbol number `index`.
    fn symbol(&self, index: u32) -> Option<&str>;
    /// Index of a symbol.
    fn symbol_index(&self, name: &str) -> Option<u32>;
}

/// A value with its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A decimal, times 10⁶.
    Decimal(i64),
    /// Milliseconds.
    Duration(i64),
    /// Milliseconds since the Unix epoch.
    Instant(i64),
    /// The name of an enum's value.
    Enum(String),
    /// The text of a symbol.
    Symbol(String),
}

/// A text is not a value of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not of that type at all.
    #[error("`{text}` is not {wanted}")]
    Malformed {
        /// As given, at most 128 bytes of it.
        text: String,
        /// What would be.
        wanted: &'static str,
    },
    /// More than six digits after the point.
    #[error("`{text}` has {digits} decimals, limit 6")]
    TooPrecise {
        /// As given.
        text: String,
        /// How many digits follow the point.
        digits: usize,
    },
    /// Does not fit the representation.
    #[error("`{text}` is too large for {wanted}")]
    TooLarge {
        /// As given.
        text: String,
        /// The type.
        wanted: &'static str,
    },
    /// Outside the declared range.
    #[error("{value} is outside {min} to {max}")]
    OutOfRange {
        /// The value.
        value: Value,
        /// Smallest allowed.
        min: Value,
        /// Largest allowed.
        max: Value,
    },
}

impl Value {
    /// Gives a raw value its meaning. An index without a name becomes `#index`.
    #[must_use]
    pub fn from_raw(ty: Type, raw: i64, names: &dyn Names) -> Value {
        let named = |name: Option<&str>| name.map_or_else(|| format!("#{raw}"), str::to_owned);
        let index = u32::try_from(raw).ok();
        match ty {
            Type::Bool => Value::Bool(raw != 0),
            Type::Int => Value::Int(raw),
            Type::Decimal => Value::Decimal(raw),
            Type::Duration => Value::Duration(raw),
            Type::Instant => Value::Instant(raw),
            Type::Enum(of) => Value::Enum(named(index.and_then(|i| names.enum_value(of, i)))),
            Type::Symbol => Value::Symbol(named(index.and_then(|i| names.symbol(i)))),
        }
    }

    /// The value as an input is written, in rules as in JSON: `2.0`, `"1h30m"`, `"crypt"`. Instants
    /// that have no date are milliseconds.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Value::Bool(_) | Value::Int(_) => self.to_string(),
            Value::Decimal(raw) => {
                let text = decimal_text(*raw);
                if text.contains('.') { text } else { format!("{text}.0") }
            }
            Value::Instant(ms) if instant_text(*ms) == ms.to_string() => ms.to_string(),
            Value::Duration(_) | Value::Instant(_) | Value::Enum(_) | Value::Symbol(_) => {
                format!("\"{self}\"")
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Decimal(value) => f.write_str(&decimal_text(*value)),
            Value::Duration(value) => f.write_str(&duration_text(*value)),
            Value::Instant(value) => f.write_str(&instant_text(*value)),
            Value::Enum(name) | Value::Symbol(name) => f.write_str(name),
        }
    }
}

/// Reads a text as a value of type `ty`, in its representation.
///
/// Accepted are `true`/`false`, whole numbers, decimals with at most six digits after the point,
/// durations such as `1h30m` or `250ms`, RFC 3339 instants or milliseconds, names.
///
/// # Errors
/// Says what was expected. Ranges are [`check`]'s.
pub fn parse(ty: Type, text: &str, names: &dyn Names) -> Result<i64, ValueError> {
    match ty {
        Type::Bool => match text {
            "true" => Ok(1),
            "false" => Ok(0),
            _ => Err(malformed(text, "true or false")),
        },
        Type::Int => text.parse().map_err(|_| malformed(text, "a whole number")),
        Type::Decimal => parse_decimal(text),
        Type::Duration => parse_duration(text),
        Type::Instant => parse_instant(text),
        Type::Enum(of) => names
            .enum_index(of, text)
            .map(i64::from)
            .ok_or_else(|| malformed(text, "a value of the enum")),
        Type::Symbol => names
            .symbol_index(text)
            .map(i64::from)
            .ok_or_else(|| malformed(text, "a symbol of the rule set")),
    }
}

/// Checks a raw value against its slot.
///
/// # Errors
/// The value and both ends of the range.
pub fn check(slot: &Slot, raw: i64, names: &dyn Names) -> Result<(), ValueError> {
    if raw >= slot.min && raw <= slot.max {
        return Ok(());
    }
    // An index outside its enum has no name: show numbers.
    let meaning = |raw| match slot.ty {
        Type::Enum(_) | Type::Symbol | Type::Bool => Value::Int(raw),
        ty => Value::from_raw(ty, raw, names),
    };
    let (value, min, max) = (meaning(raw), meaning(slot.min), meaning(slot.max));
    Err(ValueError::OutOfRange { value, min, max })
}

/// The shortest exact text of a decimal: `1.25`, `-0.000001`, `3`.
#[must_use]
pub fn decimal_text(raw: i64) -> String {
    let sign = if raw < 0 { "-" } else { "" };
    let magnitude = raw.unsigned_abs();
    let one = DECIMAL_ONE.unsigned_abs();
    let (whole, rest) = (magnitude / one, magnitude % one);
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{rest:06}");
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// Reads a decimal exactly.
///
/// # Errors
/// Not digits, more than six after the point, or beyond ± 9.2 × 10¹².
pub fn parse_decimal(text: &str) -> Result<i64, ValueError> {
    const WANTED: &str = "a decimal such as 1.25";
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err(malformed(text, WANTED));
    }
    if fraction.len() > 6 {
        return Err(ValueError::TooPrecise { text: clip(text), digits: fraction.len() });
    }
    let too_large = || ValueError::TooLarge { text: clip(text), wanted: "a decimal" };
    let whole: i128 = whole.parse().map_err(|_| too_large())?;
    let fraction: i128 = format!("{fraction:0<6}").parse().map_err(|_| malformed(text, WANTED))?;
    let magnitude = whole
        .checked_mul(i128::from(DECIMAL_ONE))
        .and_then(|whole| whole.checked_add(fraction))
        .ok_or_else(too_large)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| too_large())
}

const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The exact text of a duration: `1h30m`, `250ms`, `0s`.
#[must_use]
pub fn duration_text(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = if ms < 0 { "-".to_owned() } else { String::new() };
    let mut rest = ms.unsigned_abs();
    for (unit, length) in UNITS {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    text
}

/// Reads a duration: whole numbers with `d h m s ms`, largest unit first, each at most once.
///
/// # Errors
/// Anything else, or more than 2⁶³ − 1 milliseconds.
pub fn parse_duration(text: &str) -> Result<i64, ValueError> {
    const WANTED: &str = "a duration such as 1h30m or 250ms";
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.is_empty() {
        return Err(malformed(text, WANTED));
    }
    let too_large = || ValueError::TooLarge { text: clip(text), wanted: "a duration" };
    let mut total: i64 = 0;
    let mut first_allowed = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let position = UNITS.iter().position(|(name, _)| *name == unit);
        let Some(position) = position.filter(|at| *at >= first_allowed && digits > 0) else {
            return Err(malformed(text, WANTED));
        };
        first_allowed = position + 1;
        let number: i64 = number.parse().map_err(|_| too_large())?;
        let length = UNITS.get(position).map_or(1, |(_, length)| *length) as i64;
        total = number
            .checked_mul(length)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(too_large)?;
        rest = tail;
    }
    Ok(if negative { -total } else { total })
}

/// RFC 3339 with milliseconds in UTC; plain milliseconds for years that it cannot write.
#[must_use]
pub fn instant_text(ms: i64) -> String {
    match DateTime::<Utc>::from_timestamp_millis(ms) {
        Some(at) if (0..=253_402_300_799_999).contains(&ms) => {
            at.to_rfc3339_opts(SecondsFormat::Millis, true)
        }
        _ => ms.to_string(),
    }
}

/// Reads RFC 3339 or milliseconds since the Unix epoch.
///
/// # Errors
/// Anything else.
pub fn parse_instant(text: &str) -> Result<i64, ValueError> {
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp_millis())
        .map_err(|_| malformed(text, "an instant such as 2026-11-20T20:00:00Z"))
}

fn malformed(text: &str, wanted: &'static str) -> ValueError {
    ValueError::Malformed { text: clip(text), wanted }
}

fn clip(text: &str) -> String {
    text.chars().take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals() {
        for (text, raw) in
            [("1.25", 1_250_000), ("0", 0), ("-0.000001", -1), ("9223372036854.775807", i64::MAX)]
        {
            assert_eq!(parse_decimal(text), Ok(raw));
            assert_eq!(decimal_text(raw), text);
        }
        assert_eq!(decimal_text(i64::MIN), "-9223372036854.775808");
        assert_eq!(parse_decimal("-9223372036854.775808"), Ok(i64::MIN));
        assert!(matches!(parse_decimal("9223372036854.775808"), Err(ValueError::TooLarge { .. })));
        assert!(matches!(
            parse_decimal("1.2345678"),
            Err(ValueError::TooPrecise { digits: 7, .. })
        ));
        for bad in ["", "-", ".5", "1.", "1.5.2", "1e3", "+1", "１", "--1", "0x1"] {
            assert!(parse_decimal(bad).is_err(), "{bad}");
        }
        assert!(parse_decimal(&"9".repeat(200)).is_err());
    }

    #[test]
    fn values_are_written_as_inputs_are() {
        for (value, written) in [
            (Value::Bool(true), "true"),
            (Value::Int(-7), "-7"),
            (Value::Decimal(2_000_000), "2.0"),
            (Value::Decimal(-1), "-0.000001"),
            (Value::Duration(7_200_000), "\"2h\""),
            (Value::Duration(0), "\"0s\""),
            (Value::Instant(0), "\"1970-01-01T00:00:00.000Z\""),
            (Value::Instant(-1), "-1"),
            (Value::Enum("crypt".to_owned()), "\"crypt\""),
        ] {
            assert_eq!(value.written(), written);
        }
    }

    #[test]
    fn durations() {
        for (text, ms) in
            [("2h", 7_200_000), ("1h30m", 5_400_000), ("250ms", 250), ("1m5ms", 60_005)]
        {
            assert_eq!(parse_duration(text), Ok(ms));
            assert_eq!(duration_text(ms), text);
        }
        for bad in ["", "h", "5", "1m1h", "1h1h", "1.5h", "9223372036854775807d", "1h "] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn decimal_text_round_trips(raw: i64) {
            prop_assert_eq!(parse_decimal(&decimal_text(raw)), Ok(raw));
        }

        #[test]
        fn duration_text_round_trips(ms in -i64::MAX..=i64::MAX) {
            prop_assert_eq!(parse_duration(&duration_text(ms)), Ok(ms));
        }

        #[test]
        fn instant_text_round_trips(ms in i64::MIN..=i64::MAX) {
            prop_assert_eq!(parse_instant(&instant_text(ms)), Ok(ms));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (parse_decimal(&text), parse_duration(&text), parse_instant(&text));
        }
    }
}
