//! What literals mean: decimals, strings, durations, instants.

use crate::ir::{DECIMAL_ONE, INSTANT_MAX};
use crate::scope::is_hidden;

/// A number as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Int(i64),
    /// Times 10⁶.
    Decimal(i64),
}

/// Reads `12` or `1.25`; `None` when it does not fit or is malformed.
pub(super) fn number(text: &str) -> Option<Number> {
    let Some((whole, decimals)) = text.split_once('.') else {
        return text.parse().ok().map(Number::Int);
    };
    if decimals.is_empty() || decimals.len() > 6 {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{decimals:0<6}").parse().ok()?;
    whole.checked_mul(DECIMAL_ONE)?.checked_add(part).map(Number::Decimal)
}

/// What is meant by a duration in everyday words: `30min`, `0.5h`, `10 minutes`.
pub(super) fn meant_duration(text: &str) -> Option<String> {
    let text = text.trim();
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at_checked(at)?;
    let unit_ms = match unit.trim().to_ascii_lowercase().as_str() {
        "ms" | "millis" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 604_800_000,
        _ => return None,
    };
    let (ms, rest) = match self::number(number)? {
        Number::Int(value) => (i128::from(value) * unit_ms, 0),
        Number::Decimal(value) => {
            let product = i128::from(value) * unit_ms;
            (product / i128::from(DECIMAL_ONE), product % i128::from(DECIMAL_ONE))
        }
    };
    (ms > 0 && rest == 0 && ms < 1 << 53).then(|| duration_text(ms))
}

/// Whether a string holds a number, in whatever way it is written, and nothing else.
pub(super) fn is_numeric(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let inside = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b',');
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(inside)
}

/// A number that stands in a string as rules write it; of one with a sign only what kind it is.
pub(super) fn quoted_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.split_once('.').map_or(digits, |(whole, _)| whole);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let led = whole.len() > 1 && whole.starts_with('0');
    number(text).filter(|_| plain && !led)
}

/// What a percentage from more than 0 to 100 is as a decimal: `15` is `0.15`.
pub(super) fn percent(text: &str) -> Option<String> {
    let millionths = match number(text)? {
        Number::Int(value) => value.checked_mul(DECIMAL_ONE)?,
        Number::Decimal(value) => value,
    };
    let share = (1..=100 * DECIMAL_ONE).contains(&millionths) && millionths % 100 == 0;
    share.then(|| decimal_text((millionths / 100).into()))
}

/// The meaning of a string literal, quotes included in `text`. What the lexer flagged is kept as
/// written, so that errors can still quote it.
pub(super) fn string(text: &str) -> String {
    let inner = text.strip_prefix(super::foreign::QUOTES).unwrap_or(text);
    let inner = inner.strip_suffix(super::foreign::QUOTES).unwrap_or(inner);
    if inner.contains(is_hidden) {
        // The lexer has reported them: what can be seen is what was meant.
        return string(&inner.replace(is_hidden, ""));
    }
    if !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut result = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        result.push_str(&rest[..at]);
        let escaped = &rest[at + 1..];
        let (decoded, length) = match escaped.chars().next() {
            Some('n') => ('\n', 1),
            Some('r') => ('\r', 1),
            Some('t') => ('\t', 1),
            Some('u') => {
                let code = escaped.get(1..5).and_then(|hex| u32::from_str_radix(hex, 16).ok());
                match code.and_then(char::from_u32) {
                    Some(c) => (c, 5),
                    None => ('u', 1),
                }
            }
            Some(c) => (c, c.len_utf8()),
            None => ('\\', 0),
        };
        result.push(decoded);
        rest = &escaped[length..];
    }
    result.push_str(rest);
    result
}

/// Reads `90s`, `1m30s`, `2h`, `500ms`, `7d` as milliseconds: units descend, each at most once.
pub(super) fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = text;
    let mut total = 0_i64;
    let mut from = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: i64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let length = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = rest.get(..length)?;
        let index = UNITS.iter().position(|(name, _)| *name == unit)?;
        if index < from {
            return None;
        }
        from = index + 1;
        total = total.checked_add(amount.checked_mul(UNITS[index].1)?)?;
        rest = rest.get(length..)?;
    }
    (from > 0).then_some(total)
}

/// Reads RFC 3339, for example `2026-12-24T18:00:00Z`, as milliseconds since the Unix epoch.
pub(super) fn instant(text: &str) -> Option<i64> {
    let instant = chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
    (0..=INSTANT_MAX).contains(&instant).then_some(instant)
}

/// Reads a date, `2026-12-24`, as days since 1970-01-01.
pub(super) fn date(text: &str) -> Option<u32> {
    // The parser alone would take blanks, signs and `2026-1-2` too.
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let days = date.signed_duration_since(chrono::NaiveDate::default()).num_days();
    u32::try_from(days).ok().filter(|_| text.len() == 10 && shape)
}

/// Writes a decimal as a person would: `1.25`, `0.05`, `3.0`.
pub(super) fn decimal_text(value: i128) -> String {
    let one = i128::from(DECIMAL_ONE);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) = (value.unsigned_abs() / 1_000_000, (value % one).unsigned_abs());
    let decimals = format!("{part:06}");
    let decimals = decimals.trim_end_matches('0');
    format!("{sign}{whole}.{}", if decimals.is_empty() { "0" } else { decimals })
}

/// Writes a duration as the language reads it: `1m30s`.
pub(super) fn duration_text(value: i128) -> String {
    if value == 0 {
        return "0s".to_owned();
    }
    let mut text = if value < 0 { "-".to_owned() } else { String::new() };
    let mut rest = value.unsigned_abs();
    for (unit, length) in
        [("d", 86_400_000_u128), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        assert_eq!(number("12"), Some(Number::Int(12)));
        assert_eq!(number("1.25"), Some(Number::Decimal(1_250_000)));
        assert_eq!(number("0.000001"), Some(Number::Decimal(1)));
        assert_eq!(number("9223372036854.775807"), Some(Number::Decimal(i64::MAX)));
        assert_eq!(number("9223372036854.775808"), None);
    }

    #[test]
    fn percentages_are_shares_of_one() {
        for (text, expected) in [
            ("15", Some("0.15")),
            ("100", Some("1.0")),
            ("0.5", Some("0.005")),
            ("100.0001", None),
            ("101", None),
            ("0", None),
            ("0.00001", None),
            ("x", None),
        ] {
            assert_eq!(percent(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn durations_descend() {
        for (text, expected) in [
            ("90s", Some(90_000)),
            ("1m30s", Some(90_000)),
            ("2h", Some(7_200_000)),
            ("1d12h", Some(129_600_000)),
            ("500ms", Some(500)),
            ("0s", Some(0)),
            ("", None),
            ("5", None),
            ("s", None),
            ("1s1m", None),
            ("1s1s", None),
            ("1.5s", None),
            ("-1s", None),
            ("99999999999999999d", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
        assert_eq!(duration_text(90_000), "1m30s");
    }

    #[test]
    fn strings_decode() {
        assert_eq!(string(r#""a\"b\\c\n\u00e9""#), "a\"b\\c\né");
        assert_eq!(string("\"open"), "open");
        assert_eq!(decimal_text(-1_250_000), "-1.25");
        assert_eq!(decimal_text(3_000_000), "3.0");
    }

    #[test]
    fn dates_exist() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2024-02-29", Some(19_782)),
            ("9999-12-31", Some(2_932_896)),
            ("2026-02-29", None),
            ("1969-12-31", None),
            ("2026-1-2", None),
            ("2026-12-24T00:00:00Z", None),
            (" 2026-12-2", None),
            ("+026-12-24", None),
            ("", None),
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
    }

    #[test]
    fn instants_are_rfc_3339() {
        assert_eq!(instant("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(instant("1969-12-31T23:59:59Z"), None);
        assert_eq!(instant("soon"), None);
    }
}
