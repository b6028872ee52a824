//! When timers fire: cron in an IANA time zone, or every so many milliseconds.
//!
//! Cron fields are matched against local wall-clock time; local times become instants by two rules,
//! so that a change to or from summer time loses nothing and repeats nothing:
//! - a local time that is skipped fires as long after the change as it lies after the gap's start
//!   (02:30 in a gap from 02:00 to 03:00 fires at 03:30), the convention of `java.time`;
//! - a local time that occurs twice fires at its first occurrence, unless the hour field is a
//!   wildcard: an hourly job keeps its hourly pace and fires at both.
//!
//! Every function is total: an instant outside 1970 to 9999 or a schedule that does not parse
//! answers `None`.

use std::str::FromStr;

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::{Cron, JobType, parser::CronParser};

use crate::ir::{Schedule, TimerDef};

/// Shortest period of `every`.
pub const PERIOD_MS_MIN: u64 = 1_000;
/// Longest period of `every`: 366 days.
pub const PERIOD_MS_MAX: u64 = 366 * 86_400_000;
/// Most bytes of a cron expression.
pub const EXPRESSION_BYTES_MAX: usize = 128;

/// Last instant considered: the end of 9999.
const INSTANT_MAX: i64 = 253_402_300_799_999;
/// How far from a change of offset it is looked for; no zone ever moved by more than a day.
const CHANGE: Duration = Duration::hours(25);
/// Most candidates looked at around a change: one per minute of the stretch, twice.
const CANDIDATES_MAX: usize = 2 * 4 * 25 * 60;

/// A schedule that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not a cron expression of five fields.
    #[error("`{expression}` is not a cron expression: {reason}")]
    Cron {
        /// As written.
        expression: String,
        /// Which part, and why.
        reason: String,
    },
    /// A date that never comes, such as 30 February.
    #[error("`{expression}` never matches")]
    Never {
        /// As written.
        expression: String,
    },
    /// Not in the IANA database of this build.
    #[error("time zone `{zone}` is not known; use an IANA name such as `Europe/Paris` or `UTC`")]
    Zone {
        /// As written.
        zone: String,
    },
    /// A period outside its limits.
    #[error("period is {period_ms} ms, allowed are {PERIOD_MS_MIN} to {PERIOD_MS_MAX}")]
    Period {
        /// As written.
        period_ms: u64,
    },
}

/// A schedule that was parsed once, for hosts that ask often.
#[derive(Clone, Debug)]
pub struct Clockwork(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Cron { cron: Box<Cron>, zone: Tz, repeats: bool },
    Every { period_ms: i64 },
}

/// Checks a schedule as the compiler does.
///
/// # Errors
/// What is wrong with it, in terms of what was written.
pub fn validate(schedule: &Schedule) -> Result<(), ScheduleError> {
    Clockwork::new(schedule).map(drop)
}

/// The first instant after `t`, in milliseconds since the Unix epoch.
#[must_use]
pub fn next_after(schedule: &Schedule, t: i64) -> Option<i64> {
    Clockwork::new(schedule).ok()?.next_after(t)
}

/// The last instant at or before `t`.
#[must_use]
pub fn previous_at_or_before(schedule: &Schedule, t: i64) -> Option<i64> {
    Clockwork::new(schedule).ok()?.previous_at_or_before(t)
}

/// Whether a timer that has a duration is active at `now`: less than its duration has passed
/// since it fired.
#[must_use]
pub fn active_at(timer: &TimerDef, now: i64) -> bool {
    Clockwork::new(&timer.schedule)
        .is_ok_and(|clockwork| clockwork.active_at(timer.duration_ms, now))
}

impl Clockwork {
    /// Parses a schedule.
    ///
    /// # Errors
    /// As [`validate`].
    pub fn new(schedule: &Schedule) -> Result<Clockwork, ScheduleError> {
        match schedule {
            Schedule::Every { period_ms } => {
                if !(PERIOD_MS_MIN..=PERIOD_MS_MAX).contains(period_ms) {
                    return Err(ScheduleError::Period { period_ms: *period_ms });
                }
                Ok(Clockwork(Kind::Every { period_ms: *period_ms as i64 }))
            }
            Schedule::Cron { expression, zone } => {
                let zone =
                    Tz::from_str(zone).map_err(|_| ScheduleError::Zone { zone: zone.clone() })?;
                let cron = parse(expression)?;
                let repeats = matches!(cron.determine_job_type(), JobType::IntervalWildcard);
                Ok(Clockwork(Kind::Cron { cron: Box::new(cron), zone, repeats }))
            }
        }
    }

    /// The first instant after `t`.
    #[must_use]
    pub fn next_after(&self, t: i64) -> Option<i64> {
        if !(0..INSTANT_MAX).contains(&t) {
            return None;
        }
        match &self.0 {
            Kind::Every { period_ms } => {
                t.div_euclid(*period_ms).checked_add(1)?.checked_mul(*period_ms)
            }
            Kind::Cron { cron, zone, repeats } => {
                let local = local(zone, t)?;
                let width = spread(zone, t)?;
                let (mut from, mut reach) = (local - width, width);
                let mut best: Option<(i64, NaiveDateTime)> = None;
                for _ in 0..CANDIDATES_MAX {
                    let found = cron.find_next_occurrence(&from.and_utc(), false).ok()?.naive_utc();
                    if best.is_some_and(|(_, at)| found > at + reach) {
                        break;
                    }
                    for instant in instants(zone, found, *repeats).into_iter().flatten() {
                        if instant > t && best.is_none_or(|(best, _)| instant < best) {
                            best = Some((instant, best.map_or(found, |(_, at)| at)));
                        }
                    }
                    if let Some((instant, _)) = best {
                        reach = width.max(spread(zone, instant)?);
                        if reach.is_zero() {
                            break;
                        }
                    }
                    from = found;
                }
                best.map(|(instant, _)| instant)
            }
        }
    }

    /// The last instant at or before `t`.
    #[must_use]
    pub fn previous_at_or_before(&self, t: i64) -> Option<i64> {
        if !(0..INSTANT_MAX).contains(&t) {
            return None;
        }
        match &self.0 {
            Kind::Every { period_ms } => Some(t.div_euclid(*period_ms) * *period_ms),
            Kind::Cron { cron, zone, repeats } => {
                let local = local(zone, t)?;
                let width = spread(zone, t)?;
                let (mut from, mut reach) = (local + width, width);
                let mut best: Option<(i64, NaiveDateTime)> = None;
                for round in 0..CANDIDATES_MAX {
                    let found = cron
                        .find_previous_occurrence(&from.and_utc(), round == 0)
                        .ok()?
                        .naive_utc();
                    if best.is_some_and(|(_, at)| found < at - reach) {
                        break;
                    }
                    for instant in instants(zone, found, *repeats).into_iter().flatten() {
                        if instant <= t && best.is_none_or(|(best, _)| instant > best) {
                            best = Some((instant, best.map_or(found, |(_, at)| at)));
                        }
                    }
                    if let Some((instant, _)) = best {
                        reach = width.max(spread(zone, instant)?);
                        if reach.is_zero() {
                            break;
                        }
                    }
                    from = found;
                }
                best.map(|(instant, _)| instant).filter(|instant| *instant >= 0)
            }
        }
    }

    /// Whether less than `duration_ms` has passed since the last instant.
    #[must_use]
    pub fn active_at(&self, duration_ms: u64, now: i64) -> bool {
        duration_ms > 0
            && self
                .previous_at_or_before(now)
                .is_some_and(|instant| now.abs_diff(instant) < duration_ms)
    }
}

fn parse(expression: &str) -> Result<Cron, ScheduleError> {
    let fail = |reason: String| ScheduleError::Cron { expression: expression.to_owned(), reason };
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Err(fail(format!("{} bytes, limit {EXPRESSION_BYTES_MAX}", expression.len())));
    }
    // The subset that every cron knows. `@daily`, `L`, `W`, `#` and `?` differ between crons.
    if let Some(odd) =
        expression.chars().find(|c| !(c.is_ascii_alphanumeric() || "*,-/ ".contains(*c)))
    {
        return Err(fail(format!("unexpected character `{odd}`")));
    }
    let fields = expression.split_whitespace().count();
    if fields != 5 {
        let order = "minute hour day-of-month month day-of-week";
        return Err(fail(format!("{fields} fields instead of 5 ({order})")));
    }
    for word in expression.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| !w.is_empty()) {
        let word = word.to_ascii_uppercase();
        const NAMES: [&str; 19] = [
            "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN", "JAN", "FEB", "MAR", "APR", "MAY",
            "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ];
        if !NAMES.contains(&word.as_str()) {
            return Err(fail(format!("`{word}` is neither a day nor a month")));
        }
    }
    if !may_match(expression) {
        return Err(ScheduleError::Never { expression: expression.to_owned() });
    }
    let cron = CronParser::new().parse(expression).map_err(|error| fail(error.to_string()))?;
    // What numbers alone did not show (`0 0 30-31 2 *`): a date that comes at all comes within the
    // eight years that may lie between two leap days.
    let probe = DateTime::<Utc>::from_timestamp_millis(0)
        .map(|start| cron.find_next_occurrence(&start, true));
    match probe {
        Some(Ok(_)) => Ok(cron),
        _ => Err(ScheduleError::Never { expression: expression.to_owned() }),
    }
}

/// Whether a day of the month that is asked for exists in a month that is asked for. Only the
/// plain combination of numbers can fail: a day-of-week field adds days of its own.
fn may_match(expression: &str) -> bool {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let [_, _, days, months, weekday] = fields.as_slice() else { return true };
    if *weekday != "*" {
        return true;
    }
    let numbers = |field: &str| -> Option<Vec<u32>> {
        field.split(',').map(|part| part.parse().ok()).collect()
    };
    let month_number = |name: &str| {
        const MONTHS: [&str; 12] =
            ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
        let upper = name.to_ascii_uppercase();
        name.parse::<u32>()
            .ok()
            .or_else(|| MONTHS.iter().position(|m| *m == upper).map(|index| index as u32 + 1))
    };
    let months: Option<Vec<u32>> = months.split(',').map(month_number).collect();
    let (Some(days), Some(months)) = (numbers(days), months) else { return true };
    let longest = |month: u32| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    months.iter().any(|month| days.iter().any(|day| *day <= longest(*month)))
}

fn local(zone: &Tz, t: i64) -> Option<NaiveDateTime> {
    // Whole seconds: the cron library keeps a fraction that it is given.
    DateTime::<Utc>::from_timestamp_millis(t)?.with_timezone(zone).naive_local().with_nanosecond(0)
}

/// By how much the zone's offset differs around `t`: zero far from a change. Two local times that
/// lie further apart than this come in the order of their instants.
fn spread(zone: &Tz, t: i64) -> Option<Duration> {
    let at = DateTime::<Utc>::from_timestamp_millis(t)?.naive_utc();
    let offset = |at: NaiveDateTime| zone.offset_from_utc_datetime(&at).fix().local_minus_utc();
    let offsets = [offset(at - CHANGE), offset(at), offset(at + CHANGE)];
    let (least, most) = (offsets.iter().min()?, offsets.iter().max()?);
    Some(Duration::seconds(i64::from(most - least)))
}

/// The instants of one local time: one, two when it occurs twice and `repeats`, never none.
fn instants(zone: &Tz, at: NaiveDateTime, repeats: bool) -> [Option<i64>; 2] {
    match zone.from_local_datetime(&at) {
        LocalResult::Single(only) => [Some(only.timestamp_millis()), None],
        LocalResult::Ambiguous(first, second) => {
            let second = repeats.then(|| second.timestamp_millis());
            [Some(first.timestamp_millis()), second]
        }
        LocalResult::None => {
            // The offset before the gap: what held a day earlier.
            let before = zone.offset_from_utc_datetime(&(at - CHANGE)).fix();
            let instant =
                at.and_utc().timestamp_millis() - i64::from(before.local_minus_utc()) * 1_000;
            [Some(instant), None]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(expression: &str, zone: &str) -> Schedule {
        Schedule::Cron { expression: expression.into(), zone: zone.into() }
    }

    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
    }

    #[test]
    fn friday_night_in_paris() {
        let night = cron("0 20 * * FRI", "Europe/Paris");
        let friday = at("2026-11-20T20:00:00+01:00");
        assert_eq!(next_after(&night, at("2026-11-18T00:00:00Z")), Some(friday));
        assert_eq!(next_after(&night, friday), Some(at("2026-11-27T20:00:00+01:00")));
        assert_eq!(previous_at_or_before(&night, friday), Some(friday));
        assert_eq!(
            previous_at_or_before(&night, friday - 1),
            Some(at("2026-11-13T20:00:00+01:00"))
        );
        let timer = TimerDef {
            name: "night".into(),
            schedule: night,
            duration_ms: 7_200_000,
            missed: crate::ir::Missed::Fire,
        };
        assert!(!active_at(&timer, friday - 1));
        assert!(active_at(&timer, friday));
        assert!(active_at(&timer, friday + 7_199_999));
        assert!(!active_at(&timer, friday + 7_200_000));
    }

    #[test]
    fn summer_time_loses_and_repeats_nothing() {
        // 2026-03-29 02:00 → 03:00 in Paris.
        let half = cron("30 2 * * *", "Europe/Paris");
        assert_eq!(
            next_after(&half, at("2026-03-28T12:00:00Z")),
            Some(at("2026-03-29T03:30:00+02:00"))
        );
        // 2026-10-25 03:00 → 02:00: a daily job fires once, at the first 02:30.
        let first = at("2026-10-25T02:30:00+02:00");
        assert_eq!(next_after(&half, at("2026-10-24T12:00:00Z")), Some(first));
        assert_eq!(next_after(&half, first), Some(at("2026-10-26T02:30:00+01:00")));
        // A quarter-hourly job keeps its pace through both.
        let quarter = cron("*/15 * * * *", "Europe/Paris");
        for start in ["2026-03-28T22:00:00Z", "2026-10-24T22:00:00Z"] {
            let mut t = at(start);
            for _ in 0..40 {
                let next = next_after(&quarter, t).unwrap();
                assert_eq!(next - t, 900_000, "after {t}");
                assert_eq!(previous_at_or_before(&quarter, next), Some(next));
                assert_eq!(previous_at_or_before(&quarter, next - 1), Some(t));
                t = next;
            }
        }
    }

    #[test]
    fn next_and_previous_agree_around_changes() {
        for zone in ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"] {
            for expression in ["30 2 * * *", "*/20 * * * *", "0 1,2,3 * * SUN", "0 0 * * *"] {
                let clockwork = Clockwork::new(&cron(expression, zone)).unwrap();
                for start in
                    ["2026-03-07T00:00:00Z", "2026-10-30T00:00:00Z", "2011-12-29T00:00:00Z"]
                {
                    let mut t = at(start);
                    for _ in 0..30 {
                        let next = clockwork.next_after(t).unwrap();
                        assert!(next > t, "{zone} {expression} {t}");
                        assert_eq!(clockwork.previous_at_or_before(next), Some(next));
                        let before = clockwork.previous_at_or_before(next - 1).unwrap();
                        assert!(
                            before <= t,
                            "{zone} {expression}: {before} between {t} and {next}"
                        );
                        t = next;
                    }
                }
            }
        }
    }

    #[test]
    fn a_change_far_ahead_keeps_the_order_of_instants() {
        // 2026-10-04 02:00 → 02:30 on Lord Howe: 02:15 happens at 02:45, after 02:35.
        let clockwork = Clockwork::new(&cron("15,35 2 * * SUN", "Australia/Lord_Howe")).unwrap();
        let (first, second) = (at("2026-10-04T02:35:00+11:00"), at("2026-10-04T02:45:00+11:00"));
        let week_before = at("2026-09-28T00:00:00+10:30");
        assert_eq!(clockwork.next_after(week_before), Some(first));
        assert_eq!(clockwork.next_after(first), Some(second));
        let days_later = at("2026-10-08T00:00:00+11:00");
        assert_eq!(clockwork.previous_at_or_before(days_later), Some(second));
        assert_eq!(clockwork.previous_at_or_before(second - 1), Some(first));
    }

    #[test]
    fn every_is_aligned() {
        let every = Schedule::Every { period_ms: 1_000 };
        assert_eq!(next_after(&every, 999), Some(1_000));
        assert_eq!(next_after(&every, 1_000), Some(2_000));
        assert_eq!(previous_at_or_before(&every, 1_999), Some(1_000));
    }

    #[test]
    fn bad_schedules_are_refused() {
        let bad = [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "@daily",
            "0 0 30 2 *",
            "0 0 31 FEB,APR *",
            "0 0 30-31 2 *",
            "0 0 31 4-4,6-6 *",
            "0 0 30-31 FEB-FEB *",
            "1-",
            "*/0 * * * *",
            "0 0 L * *",
            "foo * * * *",
            "99999999999999999999 * * * *",
        ];
        for expression in bad {
            assert!(validate(&cron(expression, "UTC")).is_err(), "{expression}");
        }
        assert!(matches!(
            validate(&cron("* * * * *", "Mars/Olympus")),
            Err(ScheduleError::Zone { .. })
        ));
        assert!(validate(&Schedule::Every { period_ms: 0 }).is_err());
        assert!(validate(&Schedule::Every { period_ms: u64::MAX }).is_err());
    }

    #[test]
    fn odd_instants_answer_none() {
        for schedule in [cron("0 20 * * FRI", "Asia/Kolkata"), Schedule::Every { period_ms: 1_000 }]
        {
            for t in [i64::MIN, -1, i64::MAX, INSTANT_MAX, INSTANT_MAX - 1, 0, 1] {
                let _ = next_after(&schedule, t);
                let _ = previous_at_or_before(&schedule, t);
            }
            assert_eq!(next_after(&schedule, i64::MAX), None);
        }
    }
}
