//! What is wrong with a date or an instant, and what was meant by it.

use chrono::{Datelike, NaiveDate};

use super::literal;

/// Names of the months, for those who read the message.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Words and signs between two dates that are meant as a range.
const TO: [&str; 6] = [" - ", " – ", " to ", "/", "...", " "];

/// Year, month and day of `2026-12-24`, whether it exists or not.
fn parts(text: &str) -> Option<(i32, u32, u32)> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let part = |from: usize, to: usize| text.get(from..to).filter(|_| shape)?.parse().ok();
    Some((i32::try_from(part(0, 4)?).ok()?, part(5, 7)?, part(8, 10)?))
}

/// Why a text that is shaped like a date is none.
pub(super) fn no_date(text: &str) -> Option<String> {
    let (year, month, day) = parts(text)?;
    let Some(name) = (month as usize).checked_sub(1).and_then(|index| MONTHS.get(index)) else {
        return Some(format!(
            "there is no month {month}: the year comes first, then month and day"
        ));
    };
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    let length = (28..=31).rev().find(|day| first.with_day(*day).is_some())?;
    (day == 0 || day > length).then(|| format!("{name} {year} has {length} days"))
}

/// The date that a text means which people elsewhere write so: `24.12.2026`, `2026/12/24`.
fn meant_date(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.trim().split(['.', '/', '-']).collect();
    let [first, middle, last] = fields[..] else { return None };
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    // Of two numbers that could both be the month nobody knows which is.
    let elsewhere = first.len() != 4 && !text.contains('.');
    if elsewhere && day.parse::<u32>().is_ok_and(|day| day <= 12) {
        return None;
    }
    let number = |text: &str| text.parse::<u32>().ok();
    let date = format!("{:04}-{:02}-{:02}", number(year)?, number(middle)?, number(day)?);
    literal::date(&date).map(|_| date)
}

/// The date or the range of dates that a text means.
pub(super) fn meant(text: &str) -> Option<String> {
    if let Some(date) = meant_date(text) {
        return Some(date);
    }
    let either = |text: &str| {
        let text = text.trim();
        literal::date(text).map(|_| text.to_owned()).or_else(|| meant_date(text))
    };
    TO.iter().chain(&[".."]).find_map(|to| {
        let (first, last) = text.split_once(to)?;
        Some(format!("{}..{}", either(first)?, either(last)?))
    })
}

/// Why a text is no instant, where that can be said.
pub(super) fn no_instant(text: &str) -> Option<String> {
    if let Some(reason) = text.get(..10).and_then(no_date) {
        return Some(reason);
    }
    let meant = meant_instant(text)?;
    Some(match () {
        () if literal::date(text).is_some() => "an instant is a date and a time".to_owned(),
        () if meant.strip_suffix('Z') == Some(text) => {
            "a time of day is an instant only with its offset from UTC".to_owned()
        }
        () => "between date and time stands `T`, and after the time its offset from UTC".to_owned(),
    })
}

/// The instant that a text means, taken as UTC where it does not say.
pub(super) fn meant_instant(text: &str) -> Option<String> {
    let text = text.trim();
    if literal::date(text).is_some() {
        return Some(format!("{text}T00:00:00Z"));
    }
    let text = match text.as_bytes().get(10) {
        Some(b' ') => format!("{}T{}", text.get(..10)?, text.get(11..)?),
        _ => text.to_owned(),
    };
    let candidates = [text.clone(), format!("{text}Z"), format!("{text}:00Z")];
    candidates.into_iter().find(|text| literal::instant(text).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_date_is_said() {
        for (text, expected) in [
            ("2026-02-30", Some("February 2026 has 28 days")),
            ("2024-02-30", Some("February 2024 has 29 days")),
            ("2026-04-31", Some("April 2026 has 30 days")),
            ("2026-01-00", Some("January 2026 has 31 days")),
            ("2026-13-12", Some("there is no month 13: the year comes first, then month and day")),
            ("2026-12-24", None),
            ("24.12.2026", None),
            ("soon", None),
        ] {
            assert_eq!(no_date(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_offered_where_only_one_thing_can_be() {
        for (text, expected) in [
            ("24.12.2026", Some("2026-12-24")),
            ("2026/12/24", Some("2026-12-24")),
            ("2026-1-2", Some("2026-01-02")),
            ("24/12/2026", Some("2026-12-24")),
            ("04/05/2026", None),
            ("2026-12-31 - 2027-01-01", Some("2026-12-31..2027-01-01")),
            ("2026-12-31 to 2027-01-01", Some("2026-12-31..2027-01-01")),
            ("2026-12-31/2027-01-01", Some("2026-12-31..2027-01-01")),
            ("24.12.2026..26.12.2026", Some("2026-12-24..2026-12-26")),
            ("2026-02-30", None),
            ("christmas", None),
        ] {
            assert_eq!(meant(text).as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("2026-12-24", Some("2026-12-24T00:00:00Z")),
            ("2026-12-24T18:00:00", Some("2026-12-24T18:00:00Z")),
            ("2026-12-24 18:00", Some("2026-12-24T18:00:00Z")),
            ("2026-12-24T25:00:00", None),
            ("2026-13-24T18:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(meant_instant(text).as_deref(), expected, "{text}");
        }
        assert_eq!(
            no_instant("2026-13-12T18:00:00Z").as_deref(),
            Some("there is no month 13: the year comes first, then month and day")
        );
    }
}
