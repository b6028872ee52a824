//! The five fields of a cron expression as sets of numbers, read by ourselves before the library sees
//! them: so that what never comes is known without a search of centuries. Authors hear of mistakes
//! from the compiler, which knows what they may have meant; here a bundle is held to the same words.

/// What a field may hold.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of its values, from the least on.
    names: &'static [&'static str],
}

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: &MONTHS },
    Field { name: "day of week", least: 0, most: 7, names: &DAYS },
];

/// Why an expression is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CronError {
    /// The field, its value, what it may be.
    Malformed(String),
    /// No day that is asked for is in a month that is asked for.
    Never,
}

/// The expression in numbers alone, each field `*` or a list: what every cron reads alike. Linear in
/// its length, which is bounded by the caller.
///
/// # Errors
/// The first field that is not right, with its value and what it may hold; or that no date fits.
pub(super) fn plain(expression: &str) -> Result<String, CronError> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        let order = FIELDS.map(|field| field.name).join(", ");
        return Err(CronError::Malformed(format!(
            "{} fields instead of 5 ({order})",
            fields.len()
        )));
    };
    let mut bits = [0_u64; 5];
    let mut lists = Vec::new();
    for ((text, field), bits) in
        [minute, hour, day, month, weekday].into_iter().zip(&FIELDS).zip(&mut bits)
    {
        *bits = field.read(text).map_err(CronError::Malformed)?;
        lists.push(match *text {
            "*" => "*".to_owned(),
            _ => list(*bits),
        });
    }
    // A day of the week that is asked for comes in every month.
    let every_weekday = bits[4] == 0x7f;
    let fits = |month: u32| {
        let longest = match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        bits[3] >> month & 1 == 1 && bits[2] & ((2 << longest) - 1) != 0
    };
    if every_weekday && !(1..=12).any(fits) {
        return Err(CronError::Never);
    }
    Ok(lists.join(" "))
}

/// The numbers of the bits.
fn list(bits: u64) -> String {
    let numbers = (0..64).filter(|bit| bits >> bit & 1 == 1).map(|bit| bit.to_string());
    numbers.collect::<Vec<_>>().join(",")
}

impl Field {
    /// The values of a list, as bits; Sunday is 0.
    fn read(&self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        for part in text.split(',') {
            let (first, last, step) =
                self.part(part).filter(|_| part != "*" || text == "*").ok_or_else(|| {
                    let Field { name, least, most, .. } = self;
                    format!("the {name} `{text}` is no list of {least} to {most}")
                })?;
            bits |= (first..=last).step_by(step).fold(0, |bits, value| bits | 1_u64 << value);
        }
        Ok(if self.most == 7 { bits & 0x7f | bits >> 7 } else { bits })
    }

    /// First, last and step of an element of a list.
    fn part(&self, part: &str) -> Option<(u32, u32, usize)> {
        let (range, step) =
            part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, if self.most == 7 { 6 } else { self.most }),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            // `5/15` begins at 5 and goes on to the end.
            None if step.is_some() => (self.value(range)?, self.most),
            None => (self.value(range)?, self.value(range)?),
        };
        let step = step.map_or(Some(1), |step| number(step).filter(|step| *step > 0))?;
        (first <= last).then_some((first, last, step as usize))
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = named.map(|at| at as u32 + self.least).or_else(|| number(text));
        value.filter(|value| (self.least..=self.most).contains(value))
    }
}

/// Digits alone: a sign is not one.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use croner::parser::CronParser;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_list_is_refused_with_its_field() {
        for (expression, expected) in [
            ("60 19 * * *", "the minute `60` is no list of 0 to 59"),
            ("0 1,* * * *", "the hour `1,*` is no list of 0 to 23"),
            ("0 19 0 * *", "the day of month `0` is no list of 1 to 31"),
            ("0 19 * DECEMBER *", "the month `DECEMBER` is no list of 1 to 12"),
            ("0 19 * * FRI-SUN", "the day of week `FRI-SUN` is no list of 0 to 7"),
            ("*/0 * * * *", "the minute `*/0` is no list of 0 to 59"),
            (", 20 * * FRI", "the minute `,` is no list of 0 to 59"),
            ("+5 20 * * FRI", "the minute `+5` is no list of 0 to 59"),
            ("0 20 * *", "4 fields instead of 5 (minute, hour, day of month, month, day of week)"),
        ] {
            let expected = Err(CronError::Malformed(expected.to_owned()));
            assert_eq!(plain(expression), expected, "{expression}");
        }
    }

    #[test]
    fn a_date_that_never_comes_is_known_without_a_search() {
        for expression in ["0 0 30-31 FEB *", "0 0 31 4,6 *", "0 0 31 2-2 */1", "0 0 30 2 0-6"] {
            assert_eq!(plain(expression), Err(CronError::Never), "{expression}");
        }
        for expression in ["0 0 29 2 *", "0 0 30 2 MON", "0 0 31 1-2 *", "0 0 1/7 * *", "* * * * *"]
        {
            assert!(plain(expression).is_ok(), "{expression}");
        }
    }

    #[test]
    fn what_is_usual_is_read() {
        for (expression, expected) in [
            ("0 20 * * FRI", "0 20 * * 5"),
            ("0 20 * * 5-7", "0 20 * * 0,5,6"),
            ("0 20 * * sun-tue", "0 20 * * 0,1,2"),
            ("0,30 8-18/2 * jan-MAR 1-5", "0,30 8,10,12,14,16,18 * 1,2,3 1,2,3,4,5"),
            ("*/15 * * * *", "0,15,30,45 * * * *"),
            ("0 0 1 1 *", "0 0 1 1 *"),
            ("0 12 * * SUN", "0 12 * * 0"),
            ("0 12 * * 7", "0 12 * * 0"),
            ("5/15 * * * *", "5,20,35,50 * * * *"),
            ("0 0 * * */2", "0 0 * * 0,2,4,6"),
        ] {
            assert_eq!(plain(expression), Ok(expected.to_owned()), "{expression}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_passes_the_library_reads(expression in "[-*/, 0-9A-Za-z]{0,24}") {
            if let Ok(plain) = plain(&expression) {
                prop_assert!(CronParser::new().parse(&plain).is_ok(), "{expression}: {plain}");
            }
        }

        #[test]
        fn lists_and_ranges_that_pass_the_library_reads(
            minute in part(0, 59), hour in part(0, 23), day in part(1, 31), month in part(1, 12), weekday in part(0, 7),
        ) {
            let expression = [minute, hour, day, month, weekday].join(" ");
            match plain(&expression) {
                Ok(plain) => {
                    prop_assert!(CronParser::new().parse(&plain).is_ok(), "{expression}: {plain}");
                    prop_assert_eq!(super::plain(&plain), Ok(plain.clone()));
                }
                Err(CronError::Never) => {}
                Err(CronError::Malformed(said)) => {
                    // A range that runs backwards, or `*` beside others.
                    prop_assert!(said.contains('-') || said.contains('*'), "{said}");
                }
            }
        }
    }

    fn part(least: u32, most: u32) -> impl Strategy<Value = String> {
        let one = prop_oneof![
            Just("*".to_owned()),
            (1..=most).prop_map(|step| format!("*/{step}")),
            (least..=most).prop_map(|value| value.to_string()),
            (least..=most, least..=most).prop_map(|(first, last)| format!("{first}-{last}")),
            (least..=most, least..=most, 1..=most)
                .prop_map(|(first, last, step)| format!("{first}-{last}/{step}")),
        ];
        proptest::collection::vec(one, 1..3).prop_map(|parts| parts.join(","))
    }
}
