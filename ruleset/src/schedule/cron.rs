//! The five fields of a cron expression, read by ourselves before the library sees them: so that a
//! mistake is told in the words of its field, and that what never comes is known without a search.

/// What a field may hold.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of values, the first that of `first_name`.
    names: &'static [&'static str],
    first_name: u32,
}

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[], first_name: 0 },
    Field { name: "hour", least: 0, most: 23, names: &[], first_name: 0 },
    Field { name: "day of month", least: 1, most: 31, names: &[], first_name: 0 },
    Field { name: "month", least: 1, most: 12, names: &MONTHS, first_name: 1 },
    Field { name: "day of week", least: 0, most: 7, names: &DAYS, first_name: 0 },
];

/// Why an expression is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CronError {
    /// In words.
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
    /// The values of a list, as bits.
    fn read(&self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        for part in text.split(',') {
            if part.is_empty() {
                return Err(format!("an empty place in the list of the {}, `{text}`", self.name));
            }
            if part == "*" && text != "*" {
                return Err(format!(
                    "`*` in the list of the {}, `{text}`: it is all by itself",
                    self.name
                ));
            }
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, self.step(part, step)?),
                None => (part, 1),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.least, self.most.min(self.span() - 1 + self.least)),
                Some((first, last)) => self.range(first, last)?,
                // `5/15` begins at 5 and goes on to the end.
                None if part.contains('/') => (self.value(range)?, self.most),
                None => (self.value(range)?, self.value(range)?),
            };
            bits |= (first..=last).step_by(step).fold(0, |bits, value| bits | 1_u64 << value);
        }
        // Sunday has two numbers.
        let sunday = self.span() == 7 && bits >> 7 == 1;
        Ok(if sunday { bits & 0x7f | 1 } else { bits })
    }

    /// How many different values there are; Sunday has two numbers.
    fn span(&self) -> u32 {
        if self.names.len() == DAYS.len() { 7 } else { self.most - self.least + 1 }
    }

    fn step(&self, part: &str, step: &str) -> Result<usize, String> {
        let parsed = step.parse::<u32>().ok().filter(|step| (1..=self.most).contains(step));
        let wrong = || {
            let most = self.most;
            format!(
                "the step of the {} in `{part}` is `{step}`, not a number from 1 to {most}",
                self.name
            )
        };
        parsed.map(|step| step as usize).ok_or_else(wrong)
    }

    fn range(&self, first: &str, last: &str) -> Result<(u32, u32), String> {
        let (from, mut to) = (self.value(first)?, self.value(last)?);
        let sunday = self.names.len() == DAYS.len() && to == 0;
        if sunday && from > 0 {
            to = 7;
        }
        if from <= to {
            return Ok((from, to));
        }
        let (least, most) = match self.names {
            [] => (self.least.to_string(), self.most.to_string()),
            names if names.len() == DAYS.len() => ("MON".to_owned(), "SUN".to_owned()),
            [least, .., most] => ((*least).to_owned(), (*most).to_owned()),
            [_] => return Ok((from, to)),
        };
        let rest = match last.eq_ignore_ascii_case(&least) {
            true => least,
            false => format!("{least}-{last}"),
        };
        let name = self.name;
        Err(format!("the {name} goes backwards in `{first}-{last}`; write `{first}-{most},{rest}`"))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let upper = text.to_ascii_uppercase();
        if let Some(at) = self.names.iter().position(|name| *name == upper) {
            return Ok(at as u32 + self.first_name);
        }
        // Digits alone: a sign is not one.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|_| digits);
        if let Some(number) = number.filter(|number| (self.least..=self.most).contains(number)) {
            return Ok(number);
        }
        let name = self.name;
        let numbers = format!("a number from {} to {}", self.least, self.most);
        let begun = self.names.iter().find(|name| upper.starts_with(**name));
        let hour = self.name == "hour" && (upper.ends_with("AM") || upper.ends_with("PM"));
        Err(match (begun, self.names) {
            (Some(short), _) => format!("the {name} `{text}` is written `{short}`"),
            (None, _) if hour => {
                format!("the hour `{text}` is not {numbers}: 7 in the evening is 19")
            }
            (None, [first, second, .., last]) => format!(
                "the {name} is `{text}`, not {numbers} and not one of {first}, {second} to {last}"
            ),
            (None, _) => format!("the {name} is `{text}`, not {numbers}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use croner::parser::CronParser;
    use proptest::prelude::*;

    use super::*;

    fn said(expression: &str) -> String {
        match plain(expression) {
            Err(CronError::Malformed(said)) => said,
            other => panic!("{expression}: {other:?}"),
        }
    }

    #[test]
    fn the_field_its_value_and_its_limits_are_told() {
        for (expression, expected) in [
            ("60 19 * * *", "the minute is `60`, not a number from 0 to 59"),
            ("0 25 * DEC *", "the hour is `25`, not a number from 0 to 23"),
            ("0 7PM * * *", "the hour `7PM` is not a number from 0 to 23: 7 in the evening is 19"),
            ("0 19 0 * *", "the day of month is `0`, not a number from 1 to 31"),
            ("0 19 * DECEMBER *", "the month `DECEMBER` is written `DEC`"),
            (
                "0 19 * 13 *",
                "the month is `13`, not a number from 1 to 12 and not one of JAN, FEB to DEC",
            ),
            (
                "0 19 * * FRI-MON",
                "the day of week goes backwards in `FRI-MON`; write `FRI-SUN,MON`",
            ),
            (
                "0 19 * * 8",
                "the day of week is `8`, not a number from 0 to 7 and not one of SUN, MON to SAT",
            ),
            ("0 22-2 * * *", "the hour goes backwards in `22-2`; write `22-23,0-2`"),
            ("*/0 * * * *", "the step of the minute in `*/0` is `0`, not a number from 1 to 59"),
            (", 20 * * FRI", "an empty place in the list of the minute, `,`"),
            ("0,,5 20 * * FRI", "an empty place in the list of the minute, `0,,5`"),
            ("+5 20 * * FRI", "the minute is `+5`, not a number from 0 to 59"),
            ("0 1,* * * *", "`*` in the list of the hour, `1,*`: it is all by itself"),
            ("0 20 * *", "4 fields instead of 5 (minute, hour, day of month, month, day of week)"),
        ] {
            assert_eq!(said(expression), expected);
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
            ("0 20 * * fri-sun", "0 20 * * 0,5,6"),
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
                    prop_assert!(said.contains("backwards") || said.contains("`*` in"), "{said}");
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
