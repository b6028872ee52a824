//! Days and times of a time zone, for the two ends of a period and for people.

use std::str::FromStr as _;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::PERIOD_MS_MAX;
use crate::ir::INSTANT_MAX;
use crate::value;

/// A period that cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not in the IANA database of this build.
    #[error("time zone `{zone}` is not known")]
    Zone {
        /// As written.
        zone: String,
    },
    /// Neither a date nor an instant.
    #[error(
        "`{text}` is neither a date such as 2026-12-01 nor a time such as 2026-12-01T18:00:00Z"
    )]
    Malformed {
        /// As written.
        text: String,
    },
    /// The years before 1970 and after 9999 have no timers.
    #[error("`{text}` is outside 1970 to 9999")]
    OutOfRange {
        /// As written.
        text: String,
    },
    /// The end comes first.
    #[error(
        "the period ends at {} and begins at {}, after that",
        value::instant_text(*.to_ms),
        value::instant_text(*.from_ms)
    )]
    Backwards {
        /// Where it would begin.
        from_ms: i64,
        /// Where it would end.
        to_ms: i64,
    },
    /// More than ten years.
    #[error("the period has {days} days, limit {}", PERIOD_MS_MAX / 86_400_000)]
    TooLong {
        /// How many it has.
        days: i64,
    },
}

/// A zone of the IANA database.
#[derive(Clone, Copy, Debug)]
pub struct TimeZone(Tz);

/// UTC.
impl Default for TimeZone {
    fn default() -> TimeZone {
        TimeZone(Tz::UTC)
    }
}

impl TimeZone {
    /// By name.
    ///
    /// # Errors
    /// `Zone`.
    pub fn named(name: &str) -> Result<TimeZone, PeriodError> {
        let clipped = || name.chars().take(64).collect();
        Tz::from_str(name).map(TimeZone).map_err(|_| PeriodError::Zone { zone: clipped() })
    }

    /// The first millisecond that a text means: an instant itself, the start of a date.
    ///
    /// # Errors
    /// `Malformed` or `OutOfRange`.
    pub fn first(self, text: &str) -> Result<i64, PeriodError> {
        match self.date(text)? {
            Some(date) => self.start(date, text),
            None => instant(text),
        }
    }

    /// The last millisecond that a text means: an instant itself, the end of a date.
    ///
    /// # Errors
    /// `Malformed` or `OutOfRange`.
    pub fn last(self, text: &str) -> Result<i64, PeriodError> {
        let Some(date) = self.date(text)? else { return instant(text) };
        // The year 10,000 has no start here: its eve ends with the last instant there is.
        match date.succ_opt().map(|next| self.start(next, text)) {
            Some(Ok(next)) => Ok(next - 1),
            _ => Ok(INSTANT_MAX),
        }
    }

    fn date(self, text: &str) -> Result<Option<NaiveDate>, PeriodError> {
        if text.len() != 10 || text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(None);
        }
        let malformed = || PeriodError::Malformed { text: text.chars().take(64).collect() };
        NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Some).map_err(|_| malformed())
    }

    /// Where a date begins: at midnight, or after the gap where a change of offset skips midnight.
    fn start(self, date: NaiveDate, text: &str) -> Result<i64, PeriodError> {
        let midnight = date.and_time(NaiveTime::MIN);
        // The longest gap is a day that a zone left out when it crossed the date line.
        let start = (0..=96).find_map(|quarters| {
            let local = midnight.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
            self.0.from_local_datetime(&local).earliest()
        });
        let start = start.map(|start| start.timestamp_millis());
        let out = || PeriodError::OutOfRange { text: text.chars().take(64).collect() };
        start.filter(|start| (0..=INSTANT_MAX).contains(start)).ok_or_else(out)
    }

    /// A time as people of the zone read it: `Fri 2026-12-04 20:00 +01:00`.
    #[must_use]
    pub fn text(self, ms: i64) -> String {
        let Some(at) = DateTime::<Utc>::from_timestamp_millis(ms) else { return ms.to_string() };
        let local = at.with_timezone(&self.0);
        let seconds = if ms % 60_000 == 0 { "" } else { ":%S" };
        local.format(&format!("%a %Y-%m-%d %H:%M{seconds} %:z")).to_string()
    }
}

fn instant(text: &str) -> Result<i64, PeriodError> {
    let clipped = || text.chars().take(64).collect::<String>();
    let at = value::parse_instant(text).map_err(|_| PeriodError::Malformed { text: clipped() })?;
    match (0..=INSTANT_MAX).contains(&at) {
        true => Ok(at),
        false => Err(PeriodError::OutOfRange { text: clipped() }),
    }
}
