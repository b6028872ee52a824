//! When timers fire: cron in an IANA time zone, or every so many milliseconds, less the dates that
//! are excepted, each instant moved by its jitter.
//!
//! [`Plan`] is the schedule as written. [`Clockwork`] is what a timer follows:
//! - an instant whose local date is excepted does not happen;
//! - every other one is moved by an offset in `[0, jitter)`, a pure function of the rule set's
//!   name, the timer's name and the instant as planned: every node agrees on it, and a new version
//!   of the rules moves nothing. The offset also stays below the distance to the next planned
//!   instant. So instants keep their order even where a change of summer time brings two of them
//!   closer together than the jitter is long.
//!
//! Every function is total: an instant outside 1970 to 9999 or a schedule that does not parse
//! answers `None`.

mod calendar;
mod change;
mod cron;
mod plan;

use crate::ir::{Except, TimerDef};
use crate::rng;
use calendar::Calendar;

pub use calendar::date_text;
pub use change::{Change, YEARS, Zones};
pub use plan::{EXPRESSION_BYTES_MAX, PERIOD_MS_MAX, PERIOD_MS_MIN, Plan};

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
    /// A jitter that could bring instants out of their order, or longer than a day.
    #[error("jitter is {jitter_ms} ms, allowed are 0 to {jitter_ms_max} here")]
    Jitter {
        /// As written.
        jitter_ms: u64,
        /// The longest that this schedule allows.
        jitter_ms_max: u64,
    },
    /// Exceptions that are not in order, or too many.
    #[error("exceptions are malformed: {reason}")]
    Except {
        /// Which, and why.
        reason: String,
    },
}

/// What a timer follows, parsed once, for hosts that ask often.
#[derive(Clone, Debug)]
pub struct Clockwork {
    plan: Plan,
    /// Of the rule set's and the timer's name.
    hash: u64,
    jitter_ms: u64,
    calendar: Calendar,
}

impl Clockwork {
    /// Parses a timer of a rule set.
    ///
    /// # Errors
    /// What is wrong with it, in terms of what was written.
    pub fn new(ruleset: &str, timer: &TimerDef) -> Result<Clockwork, ScheduleError> {
        let plan = Plan::new(&timer.schedule)?;
        let calendar = Calendar::new(&timer.except)?;
        let jitter_ms = timer.jitter_ms;
        if jitter_ms > 0 {
            let jitter_ms_max = plan.jitter_ms_max();
            if jitter_ms > jitter_ms_max {
                return Err(ScheduleError::Jitter { jitter_ms, jitter_ms_max });
            }
        }
        let hash = rng::name_hash(&format!("{ruleset}/timer.{}", timer.name));
        Ok(Clockwork { plan, hash, jitter_ms, calendar })
    }

    /// The first instant after `t`.
    #[must_use]
    pub fn next_after(&self, t: i64) -> Option<i64> {
        // The one planned before `t` may have been moved past it; earlier ones cannot: no instant
        // is moved as far as the next.
        let moved = || self.plan.previous_at_or_before(t).filter(|_| self.jitter_ms > 0);
        let mut planned = moved().or_else(|| self.plan.next_after(t))?;
        loop {
            let after = match self.calendar.holding(planned) {
                // On to the first moment after these dates.
                Some(days) => self.calendar.start_of(days.last + 1)? - 1,
                None => match self.moved(planned) {
                    instant if instant > t => return Some(instant),
                    _ => planned,
                },
            };
            planned = self.plan.next_after(after.max(planned))?;
        }
    }

    /// The last instant at or before `t`.
    #[must_use]
    pub fn previous_at_or_before(&self, t: i64) -> Option<i64> {
        let mut planned = self.plan.previous_at_or_before(t)?;
        loop {
            let before = match self.calendar.holding(planned) {
                Some(days) => self.calendar.start_of(days.first)? - 1,
                None => match self.moved(planned) {
                    instant if instant <= t => return Some(instant),
                    _ => planned - 1,
                },
            };
            planned = self.plan.previous_at_or_before(before.min(planned - 1))?;
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

    /// When a planned instant really happens.
    fn moved(&self, planned: i64) -> i64 {
        if self.jitter_ms == 0 {
            return planned;
        }
        let room = self.plan.next_after(planned).map_or(u64::MAX, |next| next.abs_diff(planned));
        // At most a day, so within what `scale` is exact for.
        let bits = rng::draw(planned.unsigned_abs(), self.hash, 0);
        planned + rng::scale(bits, self.jitter_ms.min(room)) as i64
    }
}

/// Whether a timer that has a duration is active at `now`: less than its duration has passed
/// since it fired.
#[must_use]
pub fn active_at(ruleset: &str, timer: &TimerDef, now: i64) -> bool {
    Clockwork::new(ruleset, timer).is_ok_and(|clock| clock.active_at(timer.duration_ms, now))
}

/// The names of all time zones of this build.
pub fn zone_names() -> impl Iterator<Item = &'static str> {
    chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
}

/// The zone that is meant by `written`, which is none: its name in another case, its city alone, or an
/// abbreviation that is used for one zone only.
pub fn zone_of(written: &str) -> Option<&'static str> {
    /// Those of a standard or a summer time that no zone of the database is called.
    const SHORT: [(&str, &str); 9] = [
        ("PST", "America/Los_Angeles"),
        ("PDT", "America/Los_Angeles"),
        ("MDT", "America/Denver"),
        ("CDT", "America/Chicago"),
        ("EDT", "America/New_York"),
        ("CEST", "Europe/Paris"),
        ("EEST", "Europe/Helsinki"),
        ("JST", "Asia/Tokyo"),
        ("KST", "Asia/Seoul"),
    ];
    let written = &*written.replace(' ', "_");
    // Below `Etc` the sign of an offset is turned round.
    let tail = |name: &str| {
        let city = name.rsplit_once('/').filter(|(area, _)| *area != "Etc");
        city.is_some_and(|(_, city)| city.eq_ignore_ascii_case(written))
    };
    let short = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(written));
    zone_names()
        .find(|name| name.eq_ignore_ascii_case(written))
        .or_else(|| short.map(|(_, name)| *name))
        .or_else(|| zone_names().find(|name| tail(name)))
}

/// Whether a text that names no zone is an abbreviation or an offset. Names that are spelt like it
/// belong to zones that are hours away.
#[must_use]
pub fn is_short_zone(written: &str) -> bool {
    let letters = written.bytes().take_while(u8::is_ascii_alphabetic).count();
    let rest = written.get(letters..).unwrap_or("");
    letters <= 5
        && rest.len() <= 6
        && rest.bytes().all(|b| b.is_ascii_digit() || b"+-:".contains(&b))
}

/// Whether a schedule has an instant on one of these dates.
///
/// # Errors
/// As [`Clockwork::new`] for the exceptions.
pub fn falls_on(plan: &Plan, dates: &Except) -> Result<bool, ScheduleError> {
    let calendar = Calendar::new(dates)?;
    Ok(dates.days.iter().any(|days| {
        let (start, end) = (calendar.start_of(days.first), calendar.start_of(days.last + 1));
        let first = start.and_then(|start| plan.next_after((start - 1).max(0)));
        first.is_some_and(|first| end.is_none_or(|end| first < end))
    }))
}

#[cfg(test)]
mod tests;
