//! Numbers between JSON and the rule language, through their decimal text: never through floats.

/// Largest exponent that is written out. Beyond it a number is out of every range anyway.
const EXPONENT_MAX: i32 = 40;

/// The same number without an exponent: `1e-05` becomes `0.00001`, `12.50` stays.
///
/// JSON writers use exponents for small and large numbers; the language's own texts do not.
pub fn plain(text: &str) -> Option<String> {
    let Some(split) = text.find(['e', 'E']) else { return Some(text.to_owned()) };
    let exponent: i32 = text[split + 1..].parse().ok()?;
    if exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let (sign, mantissa) = match text[..split].strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", &text[..split]),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i32 + exponent;
    let (whole, fraction) = if point <= 0 {
        ("0".to_owned(), format!("{}{digits}", "0".repeat(point.unsigned_abs() as usize)))
    } else if point as usize >= digits.len() {
        (format!("{digits}{}", "0".repeat(point as usize - digits.len())), String::new())
    } else {
        (digits[..point as usize].to_owned(), digits[point as usize..].to_owned())
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(match fraction {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_written_out_exactly() {
        for (text, want) in [
            ("1.25", "1.25"),
            ("1e-05", "0.00001"),
            ("-1.5E+2", "-150"),
            ("12.345e1", "123.45"),
            ("0e0", "0"),
            ("1e2", "100"),
            ("0.1e1", "1"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(plain("1e400"), None);
        assert_eq!(plain("1e99999999999"), None);
    }
}
