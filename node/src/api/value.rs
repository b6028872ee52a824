//! Values of the rule language as JSON: decimals through their exact text, durations and instants
//! as whole milliseconds, enums and symbols by name.

use cairn_ruleset::value::Value;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::number;
use crate::live::Given;

/// A value as it stands in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(pub Value);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) | Value::Duration(value) | Value::Instant(value) => {
                serializer.serialize_i64(*value)
            }
            // Always with a point: a client that types its numbers by their look must see one type.
            Value::Decimal(_) => RawValue::from_string(self.0.written())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
            Value::Enum(name) | Value::Symbol(name) => serializer.serialize_str(name),
        }
    }
}

/// The word for a value's type.
pub fn type_word(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Decimal(_) => "decimal",
        Value::Duration(_) => "duration_ms",
        Value::Instant(_) => "instant_ms",
        Value::Enum(_) => "enum",
        Value::Symbol(_) => "symbol",
    }
}

/// What a client gave for a field, with numbers as their exact text.
///
/// # Errors
/// Says what was found when it is neither boolean, number nor string.
pub fn given(raw: &RawValue) -> Result<Given, String> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b't' | b'f') => Ok(Given::Bool(text == "true")),
        Some(b'"') => serde_json::from_str(text).map(Given::Text).map_err(|e| e.to_string()),
        Some(b'-' | b'0'..=b'9') => match number::plain(text) {
            Some(plain) => Ok(Given::Number(plain)),
            None => Err(format!("{text} is too large or too small")),
        },
        Some(b'n') => Err("null is not a value; leave it out or give one".to_owned()),
        Some(b'{') => Err("an object is not a value here".to_owned()),
        _ => Err("an array is not a value here".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_always_look_like_decimals() {
        for (value, json) in [
            (Value::Decimal(1_250_000), "1.25"),
            (Value::Decimal(10_000_000), "10.0"),
            (Value::Decimal(-1), "-0.000001"),
            (Value::Int(7), "7"),
            (Value::Bool(true), "true"),
            (Value::Enum("crypt".to_owned()), "\"crypt\""),
        ] {
            assert_eq!(serde_json::to_string(&Shown(value)).unwrap(), json);
        }
    }

    #[test]
    fn what_clients_give_keeps_its_text() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(given(&raw("1.250000")), Ok(Given::Number("1.250000".to_owned())));
        assert_eq!(given(&raw("1e-5")), Ok(Given::Number("0.00001".to_owned())));
        assert_eq!(given(&raw("\"a\\n\"")), Ok(Given::Text("a\n".to_owned())));
        assert_eq!(given(&raw("false")), Ok(Given::Bool(false)));
        for wrong in ["null", "[]", "{}", "1e999"] {
            assert!(given(&raw(wrong)).is_err(), "{wrong}");
        }
    }
}
