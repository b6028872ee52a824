//! Dates on which a timer does not fire.

use chrono::{DateTime, Days as Plus, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::ScheduleError;
use super::plan::{instants, read_zone};
use crate::ir::{Days, Except};
use crate::limits::{EXCEPT_DAYS_MAX, EXCEPT_MAX};

/// Exceptions in their zone.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    zone: Tz,
    days: Vec<Days>,
}

impl Calendar {
    /// # Errors
    /// `Zone` or `Except`.
    pub(super) fn new(except: &Except) -> Result<Calendar, ScheduleError> {
        let count = except.days.len();
        if count == 0 {
            return Ok(Calendar { zone: Tz::UTC, days: Vec::new() });
        }
        let fail = |reason: String| Err(ScheduleError::Except { reason });
        if count > EXCEPT_MAX {
            return fail(format!("{count} of them, limit {EXCEPT_MAX}"));
        }
        let mut end = None;
        for days in &except.days {
            let (first, last) = (date_text(days.first), date_text(days.last));
            if end.is_some_and(|end| days.first <= end) || days.last < days.first {
                return fail(format!("{first} to {last} is not in order"));
            }
            if days.last - days.first >= EXCEPT_DAYS_MAX {
                return fail(format!("{first} to {last} is over {EXCEPT_DAYS_MAX} days"));
            }
            end = Some(days.last);
        }
        Ok(Calendar { zone: read_zone(&except.zone)?, days: except.days.clone() })
    }

    /// The exception that the local date of an instant is part of.
    pub(super) fn holding(&self, t: i64) -> Option<Days> {
        if self.days.is_empty() {
            return None;
        }
        let local = DateTime::<Utc>::from_timestamp_millis(t)?.with_timezone(&self.zone);
        let since = local.date_naive().signed_duration_since(NaiveDate::default());
        self.day(u32::try_from(since.num_days()).ok()?)
    }

    /// The exception that a date is part of.
    pub(super) fn day(&self, day: u32) -> Option<Days> {
        let after = self.days.partition_point(|days| days.first <= day);
        self.days.get(after.checked_sub(1)?).copied().filter(|days| day <= days.last)
    }

    /// The first moment of a date.
    pub(super) fn start_of(&self, day: u32) -> Option<i64> {
        let date = NaiveDate::default().checked_add_days(Plus::new(day.into()))?;
        instants(&self.zone, date.and_time(NaiveTime::MIN), false).into_iter().flatten().next()
    }
}

/// `2026-12-24`, from days since 1970-01-01.
#[must_use]
pub fn date_text(day: u32) -> String {
    let date = NaiveDate::default().checked_add_signed(TimeDelta::days(day.into()));
    date.map_or_else(|| format!("day {day}"), |date| date.to_string())
}
