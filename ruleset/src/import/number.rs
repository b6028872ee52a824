//! Numbers as they were written: a whole number of units of some power of ten, never a float.

/// Most digits that are kept; more is [`NumberError::TooLong`].
const DIGIT_COUNT_MAX: usize = 30;
/// Largest power of ten that is looked at.
const EXPONENT_MAX: i64 = 10_000;

/// `digits × 10^-scale`, without zeros at the end of its fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exact {
    digits: i128,
    scale: u32,
}

/// A text that is not an exact number of a size that can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NumberError {
    #[error("not a number")]
    Malformed,
    #[error("more than {DIGIT_COUNT_MAX} digits")]
    TooLong,
}

impl Exact {
    /// Reads a number of JSON, with an exponent or without.
    pub(super) fn parse(text: &str) -> Result<Exact, NumberError> {
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let sound = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !sound(whole) || !sound(fraction) || whole.len() + fraction.len() == 0 {
            return Err(NumberError::Malformed);
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Exact { digits: 0, scale: 0 });
        }
        let exponent: i64 = exponent.parse().map_err(|_| NumberError::TooLong)?;
        if significant.len() > DIGIT_COUNT_MAX || exponent.abs() > EXPONENT_MAX {
            return Err(NumberError::TooLong);
        }
        let cut = all.len() - all.trim_end_matches('0').len();
        let scale = fraction.len() as i64 - cut as i64 - exponent;
        let mut digits: i128 = significant.parse().map_err(|_| NumberError::TooLong)?;
        let scale = match scale {
            0.. if scale <= DIGIT_COUNT_MAX as i64 => scale as u32,
            0.. => return Err(NumberError::TooLong),
            _ if significant.len() as i64 - scale <= DIGIT_COUNT_MAX as i64 => {
                digits *= 10_i128.pow(scale.unsigned_abs() as u32);
                0
            }
            _ => return Err(NumberError::TooLong),
        };
        Ok(Exact { digits: if negative { -digits } else { digits }, scale })
    }

    /// The number, when it has no fraction and fits.
    pub(super) fn whole(self) -> Option<i64> {
        (self.scale == 0).then(|| i64::try_from(self.digits).ok()).flatten()
    }

    /// The nearest whole number, halves up.
    pub(super) fn nearest(self) -> Option<i64> {
        let one = 10_i128.pow(self.scale);
        i64::try_from((2 * self.digits + one).div_euclid(2 * one)).ok()
    }

    /// How many digits follow the point.
    pub(super) fn scale(self) -> u32 {
        self.scale
    }

    /// In units of `10^-scale`, cut toward zero where it has more digits.
    pub(super) fn units(self, scale: u32) -> Option<i128> {
        match scale.checked_sub(self.scale) {
            Some(more) => self.digits.checked_mul(10_i128.checked_pow(more)?),
            None => Some(self.digits / 10_i128.pow(self.scale - scale)),
        }
    }

    /// In units of `10^-scale`, the nearest where it has more digits.
    pub(super) fn rounded(self, scale: u32) -> Option<i128> {
        match self.scale.checked_sub(scale) {
            None | Some(0) => self.units(scale),
            Some(fewer) => {
                let one = 10_i128.pow(fewer);
                Some((2 * self.digits + one).div_euclid(2 * one))
            }
        }
    }
}

/// `units × 10^-6` as a literal of the language.
pub(super) fn decimal(units: i128) -> String {
    let (sign, size) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    let fraction = format!("{:06}", size % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    format!("{sign}{}.{}", size / 1_000_000, if fraction.is_empty() { "0" } else { fraction })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_exact_numbers() {
        for (text, digits, scale) in [
            ("0", 0, 0),
            ("-0.000", 0, 0),
            ("12", 12, 0),
            ("1200", 1_200, 0),
            ("0.10", 1, 1),
            ("-2.50", -25, 1),
            ("1e3", 1_000, 0),
            ("1.5e-3", 15, 4),
            ("25E-2", 25, 2),
            ("0e999999999999", 0, 0),
            ("9223372036854775808", 9_223_372_036_854_775_808, 0),
        ] {
            assert_eq!(Exact::parse(text), Ok(Exact { digits, scale }), "{text}");
        }
        for text in ["1e31", "1e-31", "1e99999999999999999999", &"9".repeat(31)] {
            assert_eq!(Exact::parse(text), Err(NumberError::TooLong), "{text}");
        }
        assert!(Exact::parse(&"9".repeat(30)).is_ok());
        for text in ["", ".", "x", "1x", "--1"] {
            assert_eq!(Exact::parse(text), Err(NumberError::Malformed), "{text}");
        }
    }

    #[test]
    fn rounding_is_said_and_done_exactly() {
        let exact = |text| Exact::parse(text).unwrap();
        assert_eq!(exact("9223372036854775808").whole(), None);
        assert_eq!(exact("2.5").nearest(), Some(3));
        assert_eq!(exact("-2.5").nearest(), Some(-2));
        assert_eq!(exact("2.4").whole(), None);
        assert_eq!(exact("0.0000015").rounded(6), Some(2));
        assert_eq!(exact("0.0000015").units(6), Some(1));
        assert_eq!(exact("0.5").units(6), Some(500_000));
        for (units, text) in [(500_000, "0.5"), (-1, "-0.000001"), (12_000_000, "12.0")] {
            assert_eq!(decimal(units), text);
        }
    }
}
