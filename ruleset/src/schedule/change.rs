//! What a change of summer time does to a schedule, in the years that people plan for.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;

use super::calendar::Calendar;

/// Years that are looked at, both included. The core has no clock: these are fixed, so that equal
/// sources have equal warnings, and end where many zone databases do.
pub const YEARS: (i32, i32) = (2024, 2037);

/// Between two looks at a zone's offset. Zones keep an offset for a month at least.
const STEP: TimeDelta = TimeDelta::days(10);

/// Local times of one schedule that a zone's changes skip, or let occur twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first time, local.
    pub first: NaiveDateTime,
    /// The last such time, local.
    pub last: NaiveDateTime,
    /// In how many of the [`YEARS`] it happens.
    pub years: usize,
}

/// Local times between two of a zone's offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Between {
    from: NaiveDateTime,
    to: NaiveDateTime,
    /// They do not occur; otherwise they occur twice.
    skipped: bool,
}

/// The changes of zones, each looked for once.
#[derive(Debug, Default)]
pub struct Zones {
    known: BTreeMap<&'static str, Vec<Between>>,
}

impl Zones {
    pub(super) fn changes(&mut self, zone: Tz) -> &[Between] {
        self.known.entry(zone.name()).or_insert_with(|| changes(zone))
    }
}

fn offset(zone: Tz, at: NaiveDateTime) -> TimeDelta {
    TimeDelta::seconds(zone.offset_from_utc_datetime(&at).fix().local_minus_utc().into())
}

fn changes(zone: Tz) -> Vec<Between> {
    let year =
        |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(Default::default());
    let (mut at, end) = (year(YEARS.0), year(YEARS.1 + 1));
    let mut found = Vec::new();
    while at < end {
        let next = at + STEP;
        let (before, after) = (offset(zone, at), offset(zone, next));
        if before != after {
            let (mut low, mut high) = (at, next);
            while high - low > TimeDelta::seconds(1) {
                let middle = low + TimeDelta::seconds((high - low).num_seconds() / 2);
                if offset(zone, middle) == before { low = middle } else { high = middle }
            }
            let (from, to) = (high + before.min(after), high + before.max(after));
            found.push(Between { from, to, skipped: after > before });
        }
        at = next;
    }
    found
}

/// How a cron's local times are skipped and doubled; dates of `calendar` do not count.
pub(super) fn of(cron: &Cron, between: &[Between], calendar: &Calendar) -> [Option<Change>; 2] {
    [true, false].map(|skipped| {
        let (mut first, mut last) = (None, None);
        let mut years: Vec<i32> = Vec::new();
        for between in between.iter().filter(|between| between.skipped == skipped) {
            let Some(at) = within(cron, between) else { continue };
            let since = at.date().signed_duration_since(NaiveDate::default()).num_days();
            if u32::try_from(since).is_ok_and(|day| calendar.day(day).is_some()) {
                continue;
            }
            first = first.or(Some(at));
            last = Some(at);
            if years.last() != Some(&at.year()) {
                years.push(at.year());
            }
        }
        first.map(|first| Change { first, last: last.unwrap_or(first), years: years.len() })
    })
}

/// The first local time of a cron in `[from, to)`.
fn within(cron: &Cron, between: &Between) -> Option<NaiveDateTime> {
    let from: DateTime<Utc> = between.from.and_utc();
    let found = cron.find_next_occurrence(&from, true).ok()?.naive_utc();
    (found < between.to).then_some(found)
}
