//! The instants of a schedule as it is written: before jitter, without exceptions.
//!
//! Cron fields are matched against local wall-clock time; local times become instants by two rules,
//! so that a change to or from summer time loses nothing and repeats nothing:
//! - a local time that is skipped fires as long after the change as it lies after the gap's start
//!   (02:30 in a gap from 02:00 to 03:00 fires at 03:30), the convention of `java.time`;
//! - a local time that occurs twice fires at its first occurrence, unless the hour field is `*`: an
//!   hourly job keeps its hourly pace and fires at both.

use std::str::FromStr;

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::{Cron, parser::CronParser};

use super::ScheduleError;
use super::calendar::Calendar;
use super::change::{self, Change, Zones};
use super::cron::{self, CronError};
use crate::ir::{Except, INSTANT_MAX, Schedule};
use crate::limits::JITTER_MS_MAX;

/// Shortest period of `every`.
pub const PERIOD_MS_MIN: u64 = 1_000;
/// Longest period of `every`: 366 days.
pub const PERIOD_MS_MAX: u64 = 366 * 86_400_000;
/// Most bytes of a cron expression.
pub const EXPRESSION_BYTES_MAX: usize = 128;

/// Where patterns are looked at: 2024-01-01, a Monday in a leap year.
const START_MS: i64 = 1_704_067_200_000;
/// How far from a change of offset it is looked for; no zone ever moved by more than a day.
const CHANGE: Duration = Duration::hours(25);
/// Most candidates looked at around a change: one per minute of the stretch, twice.
const CANDIDATES_MAX: usize = 2 * 4 * 25 * 60;

/// A schedule that was parsed once, for hosts that ask often.
#[derive(Clone, Debug)]
pub struct Plan(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Cron { cron: Box<Cron>, zone: Tz, repeats: bool },
    Every { period_ms: i64 },
}

impl Plan {
    /// Parses a schedule.
    ///
    /// # Errors
    /// What is wrong with it, in terms of what was written.
    pub fn new(schedule: &Schedule) -> Result<Plan, ScheduleError> {
        match schedule {
            Schedule::Every { period_ms } => {
                if !(PERIOD_MS_MIN..=PERIOD_MS_MAX).contains(period_ms) {
                    return Err(ScheduleError::Period { period_ms: *period_ms });
                }
                Ok(Plan(Kind::Every { period_ms: *period_ms as i64 }))
            }
            Schedule::Cron { expression, zone } => {
                let zone = read_zone(zone)?;
                let cron = parse(expression)?;
                let repeats = expression.split_whitespace().nth(1) == Some("*");
                Ok(Plan(Kind::Cron { cron: Box::new(cron), zone, repeats }))
            }
        }
    }

    /// The longest jitter that keeps instants in their order: less than the least distance between
    /// two of them by local time, and a day at most. For cron it walks over the pattern, some
    /// thousand steps at most.
    #[must_use]
    pub fn jitter_ms_max(&self) -> u64 {
        self.gap_ms().saturating_sub(1).min(JITTER_MS_MAX)
    }

    /// A distance below which no two instants are, however far apart they really are: for cron as if it
    /// fired every day. Looks at one day.
    #[must_use]
    pub fn gap_ms_least(&self) -> u64 {
        match &self.0 {
            Kind::Every { period_ms } => period_ms.unsigned_abs(),
            Kind::Cron { cron, .. } => gaps_of_days(cron)
                .map_or(0, |(least, over_night)| least.unwrap_or(over_night).min(over_night)),
        }
    }

    /// The least distance between two instants, for cron by local time; it walks over the pattern, some
    /// thousand steps at most.
    #[must_use]
    pub fn gap_ms(&self) -> u64 {
        match &self.0 {
            Kind::Every { period_ms } => period_ms.unsigned_abs(),
            Kind::Cron { cron, .. } => least_gap_ms(cron),
        }
    }

    /// What changes of summer time do to local times of a cron, dates of `except` left out: the
    /// ones that are skipped, and the ones that occur twice. Neither for a period, nor where the
    /// hour field is `*`, which keeps its pace. `zones` remembers each zone's changes.
    ///
    /// # Errors
    /// Exceptions that are malformed.
    pub fn changes(
        &self,
        except: &Except,
        zones: &mut Zones,
    ) -> Result<[Option<Change>; 2], ScheduleError> {
        match &self.0 {
            Kind::Cron { cron, zone, repeats: false } => {
                let calendar = Calendar::new(except)?;
                Ok(change::of(cron, zones.changes(*zone), &calendar))
            }
            _ => Ok([None, None]),
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
}

/// A zone by its IANA name.
///
/// # Errors
/// `Zone`.
pub(super) fn read_zone(zone: &str) -> Result<Tz, ScheduleError> {
    Tz::from_str(zone).map_err(|_| ScheduleError::Zone { zone: zone.to_owned() })
}

const DAY_MS: u64 = 86_400_000;

fn ms_of(at: DateTime<Utc>) -> u64 {
    at.timestamp_millis().abs_diff(START_MS)
}

/// The least distance by local time between two instants of a cron on one day, where a day has several,
/// and between the last one of a day and the first one of the next.
fn gaps_of_days(cron: &Cron) -> Option<(Option<u64>, u64)> {
    let fields: Vec<&str> = cron.as_str().split_whitespace().collect();
    let [minute, hour, ..] = fields.as_slice() else { return None };
    let daily = CronParser::new().parse(&format!("{minute} {hour} * * *")).ok()?;
    let start = DateTime::<Utc>::from_timestamp_millis(START_MS).unwrap_or_default();
    // The times of one day: at most one per minute.
    let (mut first, mut last, mut least) = (None, 0, None);
    let mut at = daily.find_next_occurrence(&start, true);
    while let Ok(now) = at
        && ms_of(now) < DAY_MS
    {
        let ms = ms_of(now);
        match first {
            None => first = Some(ms),
            Some(_) => least = Some(least.unwrap_or(DAY_MS).min(ms - last)),
        }
        last = ms;
        at = daily.find_next_occurrence(&now, false);
    }
    Some((least, first.unwrap_or(0) + DAY_MS - last))
}

/// The least distance between two instants of a cron by local time: 60 s to 366 days.
fn least_gap_ms(cron: &Cron) -> u64 {
    let fields: Vec<&str> = cron.as_str().split_whitespace().collect();
    let [_, _, days @ ..] = fields.as_slice() else { return 0 };
    let Some((least, over_night)) = gaps_of_days(cron) else { return 0 };
    let Ok(whole) = CronParser::new().parse(&format!("0 0 {}", days.join(" "))) else { return 0 };
    let start = DateTime::<Utc>::from_timestamp_millis(START_MS).unwrap_or_default();
    let mut gap = least.unwrap_or(366 * DAY_MS);
    if over_night < gap {
        let mut at = whole.find_next_occurrence(&start, true).ok();
        // Every combination of dates and days of the week comes in 28 years.
        while let Some(now) = at.filter(|now| ms_of(*now) < 28 * 366 * DAY_MS) {
            at = whole.find_next_occurrence(&now, false).ok();
            if let Some(next) = at {
                let nights = (ms_of(next) - ms_of(now)) / DAY_MS - 1;
                gap = gap.min(over_night + nights * DAY_MS);
                if nights == 0 {
                    break;
                }
            }
        }
    }
    gap
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
    let plain = cron::plain(expression).map_err(|error| match error {
        CronError::Malformed(reason) => fail(reason),
        CronError::Never => ScheduleError::Never { expression: expression.to_owned() },
    })?;
    let cron = CronParser::new().parse(&plain).map_err(|error| fail(error.to_string()))?;
    // A date that comes at all comes within the eight years that may lie between two leap days.
    let probe = DateTime::<Utc>::from_timestamp_millis(0)
        .map(|start| cron.find_next_occurrence(&start, true));
    match probe {
        Some(Ok(_)) => Ok(cron),
        _ => Err(ScheduleError::Never { expression: expression.to_owned() }),
    }
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
pub(super) fn instants(zone: &Tz, at: NaiveDateTime, repeats: bool) -> [Option<i64>; 2] {
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
