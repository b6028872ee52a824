//! Cron expressions, field by field: which one is wrong, its value, and what it may be.
//!
//! What passes here is read by [`crate::schedule::Plan`], which has the last word.

/// One of the five fields.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of its values, from the least on.
    words: &'static [&'static str],
}

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, words: &[] },
    Field { name: "hour", least: 0, most: 23, words: &[] },
    Field { name: "day of the month", least: 1, most: 31, words: &[] },
    Field { name: "month", least: 1, most: 12, words: &MONTHS },
    // Sunday is 7 as well.
    Field { name: "day of the week", least: 0, most: 7, words: &DAYS },
];

/// Abbreviations of other crons.
const SHORT: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * SUN"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// A mistake in an expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    /// The whole expression as it may have been meant.
    pub(super) meant: Option<String>,
}

/// Looks at each field of an expression.
///
/// # Errors
/// The first mistake.
pub(super) fn check(expression: &str) -> Result<(), Wrong> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let short = SHORT.iter().find(|(name, _)| *name == expression.trim());
        // The seconds that other crons have before the minute.
        let seconds = fields.strip_prefix(&["0"]).filter(|rest| rest.len() == FIELDS.len());
        let seconds = seconds.map(|rest| rest.join(" "));
        // Names of days that are not joined.
        let days = fields.split_at_checked(FIELDS.len() - 1).and_then(|(others, days)| {
            let days: Vec<&str> = days.iter().map(|day| day.trim_matches(',')).collect();
            let name = |day: &&str| DAYS.contains(&&*day.to_ascii_uppercase());
            let named = days.len() > 1 && days.iter().all(name);
            named.then(|| format!("{} {}", others.join(" "), days.join(",")))
        });
        let short = short.map(|(_, meant)| (*meant).to_owned());
        let mut meant = [seconds, days, short].into_iter().flatten();
        let order = "minute, hour, day of the month, month, day of the week";
        let s = if fields.len() == 1 { "" } else { "s" };
        let message = format!("{} field{s} instead of 5: {order}", fields.len());
        let meant = meant.find(|meant| check(meant).is_ok());
        return Err(Wrong { message, meant });
    }
    for (index, (text, field)) in fields.iter().zip(&FIELDS).enumerate() {
        for part in text.split(',') {
            // Midnight at the end of a day is the beginning of the next one.
            let every_day = fields[2..] == ["*"; 3];
            let late = index == 1 && part == "24" && !every_day;
            field.part(part).map_err(|(message, meant)| Wrong {
                message: match late {
                    true => format!("{message}: midnight is hour 0 of the day after"),
                    false => message,
                },
                meant: meant.filter(|_| !late).map(|meant| {
                    let parts = text
                        .split(',')
                        .map(|other| if other == part { meant.as_str() } else { other });
                    let mut fields = fields.clone();
                    let list = parts.collect::<Vec<_>>().join(",");
                    fields[index] = &list;
                    fields.join(" ")
                }),
            })?;
        }
    }
    Ok(())
}

/// The days of the month and the days of the week of an expression that asks for both: such a timer
/// fires on either.
pub(super) fn either(expression: &str) -> Option<(&str, &str)> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    match fields[..] {
        [_, _, date, _, day] if date != "*" && day != "*" => Some((date, day)),
        _ => None,
    }
}

impl Field {
    /// One element of a list; an error comes with what may be meant in its place.
    fn part(&self, part: &str) -> Result<(), (String, Option<String>)> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        if let Some(step) = step
            && !step.parse::<u32>().is_ok_and(|step| step > 0)
        {
            let name = self.name;
            return Err((
                format!("the step of the {name} is `{step}`, no whole number from 1"),
                None,
            ));
        }
        if range == "*" {
            return Ok(());
        }
        let week = match part.to_ascii_lowercase().as_str() {
            "weekend" | "weekends" => Some("SAT,SUN"),
            "weekday" | "weekdays" => Some("MON-FRI"),
            _ => None,
        };
        if let Some(week) = week.filter(|_| self.most == 7) {
            return self
                .value(part)
                .map(|_| ())
                .map_err(|(message, _)| (message, Some(week.to_owned())));
        }
        let tail = step.map_or(String::new(), |step| format!("/{step}"));
        let with = |meant: Option<String>| meant.map(|meant| meant + &tail);
        let Some((low, high)) = range.split_once('-') else {
            return match self.value(range) {
                Ok(_) => Ok(()),
                Err((message, meant)) => Err((message, with(meant))),
            };
        };
        let first = self.value(low).map_err(|(message, meant)| {
            (message, with(meant.map(|meant| format!("{meant}-{high}"))))
        })?;
        let last = self.value(high).map_err(|(message, meant)| {
            // A range that ends with midnight would run backwards.
            let meant = meant.filter(|_| high.trim_start_matches('0') != "24");
            (message, with(meant.map(|meant| format!("{low}-{meant}"))))
        })?;
        if first <= last || (last == 0 && self.most == 7) {
            return self.to_sunday(low, first, last, step.is_none());
        }
        Err((format!("the {} `{range}` runs backwards", self.name), self.around(first, last, step)))
    }

    /// `FRI-SUN`: Sunday is the last day here, which crons count as 7 and call 0.
    fn to_sunday(
        &self,
        low: &str,
        first: u32,
        last: u32,
        plain: bool,
    ) -> Result<(), (String, Option<String>)> {
        if self.most != 7 || last != 0 || first == 0 {
            return Ok(());
        }
        let meant = plain.then(|| match first {
            6 => "SAT,SUN".to_owned(),
            _ => format!("{low}-SAT,SUN"),
        });
        Err(("a week begins with Sunday here, so a range cannot end with it".to_owned(), meant))
    }

    /// A range that goes past the last value and on from the first, as a list.
    fn around(&self, first: u32, last: u32, step: Option<&str>) -> Option<String> {
        if step.is_some() {
            return None;
        }
        let most = if self.most == 7 { 6 } else { self.most };
        let text = |value: u32| {
            let word =
                (value.checked_sub(self.least)).and_then(|index| self.words.get(index as usize));
            word.map_or(value.to_string(), |word| (*word).to_owned())
        };
        let range = |from: u32, to: u32| match from == to {
            true => text(from),
            false => format!("{}-{}", text(from), text(to)),
        };
        Some(format!("{},{}", range(first.min(most), most), range(self.least, last)))
    }

    /// A number or a name.
    fn value(&self, text: &str) -> Result<u32, (String, Option<String>)> {
        let (name, least, most) = (self.name, self.least, self.most);
        if let Ok(value) = text.parse::<u32>() {
            if (least..=most).contains(&value) {
                return Ok(value);
            }
            let meant = (value == 24 && most == 23).then(|| "0".to_owned());
            return Err((format!("the {name} is {value}, allowed are {least} to {most}"), meant));
        }
        if text.is_empty() {
            return Err((format!("the {name} has an element that is empty"), None));
        }
        let upper = text.to_ascii_uppercase();
        let known = |words: &[&str]| words.iter().position(|word| upper == *word);
        if let Some(index) = known(self.words) {
            return Ok(least + index as u32);
        }
        let longer = self.words.iter().find(|word| upper.starts_with(**word));
        let meant = match longer {
            Some(word) => Some((*word).to_owned()),
            None if most == 23 => twelve_hours(&upper),
            None => None,
        };
        let allowed = match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => format!("{least} to {most} or {first} to {last}"),
            _ => format!("{least} to {most}"),
        };
        let is = match (known(&DAYS), known(&MONTHS)) {
            (Some(_), _) => ", a day of the week",
            (_, Some(_)) => ", a month",
            _ => "",
        };
        let shown: String = text.chars().take(20).collect();
        Err((format!("the {name} is `{shown}`{is}; allowed are {allowed}"), meant))
    }
}

/// `7PM` as an hour of 24.
fn twelve_hours(text: &str) -> Option<String> {
    let (hour, add) = match (text.strip_suffix("AM"), text.strip_suffix("PM")) {
        (Some(hour), _) => (hour, 0),
        (_, Some(hour)) => (hour, 12),
        _ => return None,
    };
    let hour: u32 = hour.trim().parse().ok().filter(|hour| (1..=12).contains(hour))?;
    Some((hour % 12 + add).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Schedule;
    use crate::schedule::Plan;

    #[test]
    fn each_mistake_names_its_field_its_value_and_its_limits() {
        for (expression, message, meant) in [
            ("0 25 * DEC *", "the hour is 25, allowed are 0 to 23", None),
            ("60 19 * * *", "the minute is 60, allowed are 0 to 59", None),
            ("0 24 * * *", "the hour is 24, allowed are 0 to 23", Some("0 0 * * *")),
            (
                "0 24 * * FRI",
                "the hour is 24, allowed are 0 to 23: midnight is hour 0 of the day after",
                None,
            ),
            ("0 19 32 * *", "the day of the month is 32, allowed are 1 to 31", None),
            ("0 19 0 * *", "the day of the month is 0, allowed are 1 to 31", None),
            ("0 19 * 13 *", "the month is 13, allowed are 1 to 12", None),
            ("0 19 * * 8", "the day of the week is 8, allowed are 0 to 7", None),
            (
                "0 19 * * FRI-MON",
                "the day of the week `FRI-MON` runs backwards",
                Some("0 19 * * FRI-SAT,SUN-MON"),
            ),
            ("0 22-2 * * *", "the hour `22-2` runs backwards", Some("0 22-23,0-2 * * *")),
            ("0 23-0 * * *", "the hour `23-0` runs backwards", Some("0 23,0 * * *")),
            (
                "0 19 * * FRI-SUN",
                "a week begins with Sunday here, so a range cannot end with it",
                Some("0 19 * * FRI-SAT,SUN"),
            ),
            (
                "0 19 24 DECEMBER *",
                "the month is `DECEMBER`; allowed are 1 to 12 or JAN to DEC",
                Some("0 19 24 DEC *"),
            ),
            (
                "0 19 * * FREITAG",
                "the day of the week is `FREITAG`; allowed are 0 to 7 or SUN to SAT",
                None,
            ),
            (
                "0 19 * FRI *",
                "the month is `FRI`, a day of the week; allowed are 1 to 12 or JAN to DEC",
                None,
            ),
            ("0 MON * * *", "the hour is `MON`, a day of the week; allowed are 0 to 23", None),
            ("0 7PM * * *", "the hour is `7PM`; allowed are 0 to 23", Some("0 19 * * *")),
            ("0 12am * * *", "the hour is `12am`; allowed are 0 to 23", Some("0 0 * * *")),
            ("*/0 * * * *", "the step of the minute is `0`, no whole number from 1", None),
            ("5,,6 * * * *", "the minute has an element that is empty", None),
            (
                "0 0 20 * * FRI",
                "6 fields instead of 5: minute, hour, day of the month, month, day of the week",
                Some("0 20 * * FRI"),
            ),
            (
                "@daily",
                "1 field instead of 5: minute, hour, day of the month, month, day of the week",
                Some("0 0 * * *"),
            ),
        ] {
            let wrong = check(expression).expect_err(expression);
            assert_eq!((wrong.message.as_str(), wrong.meant.as_deref()), (message, meant));
            // What is offered instead is an expression.
            if let Some(meant) = wrong.meant {
                assert_eq!(check(&meant), Ok(()), "{meant}");
                let schedule = Schedule::Cron { expression: meant.clone(), zone: "UTC".into() };
                assert!(Plan::new(&schedule).is_ok(), "{meant}");
            }
        }
    }

    #[test]
    fn what_is_an_expression_passes() {
        for expression in [
            "* * * * *",
            "0 20 * * FRI",
            "*/15 9-17 * * MON-FRI",
            "0 0 1-7 * SAT",
            "0 0 1 */3 *",
            "0 0 29 FEB *",
            "0,30 0 * jan,Dec 7",
            "5-50/5 * * * 0-6",
            "0 0 * * SUN-SAT",
        ] {
            assert_eq!(check(expression), Ok(()), "{expression}");
            let schedule = Schedule::Cron { expression: expression.into(), zone: "UTC".into() };
            assert!(Plan::new(&schedule).is_ok(), "{expression}");
        }
        assert_eq!(either("0 19 24 12 FRI"), Some(("24", "FRI")));
        assert_eq!(either("0 19 24 12 *"), None);
        assert_eq!(either("0 19 * 12 FRI"), None);
    }
}
