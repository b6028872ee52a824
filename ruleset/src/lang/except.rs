//! `except = […]`: dates on which a timer does not fire.

use super::constant::{self, shorten};
use super::limits::{EXCEPT_COUNT_MAX, EXCEPT_DAYS_MAX};
use super::session::{At, Session};
use super::shape::Block;
use super::tree::NodeKind;
use super::{Code, Diagnostic, dates as written, literal, timers};
use crate::ir::{Days, Except, Schedule};
use crate::schedule::{self, Plan, ScheduleError, date_text};

/// The exceptions of a timer; what is wrong is reported and left out.
pub(super) fn read(
    session: &mut Session<'_>,
    block: &Block,
    schedule: &Schedule,
    plan: &Plan,
) -> Except {
    let Some(at) = block.value("except") else { return Except::default() };
    if session.kind(at) != NodeKind::List {
        let shown = shorten(session.text(at));
        session.error(
            Code::WrongShape,
            at,
            format!("`except` is `{shown}`, not a list"),
            "it lists the dates on which the timer does not fire",
            "write `except = [\"2026-12-25\"]`",
        );
        return Except::default();
    }
    let zone = match (schedule, block.value("zone")) {
        (Schedule::Cron { zone, .. }, _) => zone.clone(),
        (Schedule::Every { .. }, None) => "UTC".to_owned(),
        (Schedule::Every { .. }, Some(at)) => match constant::text(session, at, "`zone`") {
            Some(zone) => zone,
            None => return Except::default(),
        },
    };
    let written = session.children(at);
    if let Some(over) = written.get(EXCEPT_COUNT_MAX) {
        session.error(
            Code::TooMany,
            *over,
            format!("exception {} of this timer, limit {EXCEPT_COUNT_MAX}", EXCEPT_COUNT_MAX + 1),
            "every look at the schedule goes over them",
            "join dates that follow one another: \"2026-12-24..2026-12-26\"",
        );
    }
    let mut found = Vec::new();
    for at in written.into_iter().take(EXCEPT_COUNT_MAX) {
        if let Some(days) = dates(session, at) {
            found.push((days, at));
        }
    }
    for (days, at) in &found {
        let alone = Except { zone: zone.clone(), days: vec![*days] };
        match schedule::falls_on(plan, &alone) {
            Ok(true) => {}
            Ok(false) => {
                let span = session.span(*at);
                session.report(
                    Diagnostic::warning(
                        Code::DateWithoutInstant,
                        span,
                        format!("the timer does not fire on {} anyway", session.text(*at)),
                    )
                    .cause("no instant of its schedule has that local date")
                    .help("correct the date, or remove the exception"),
                );
            }
            Err(error @ ScheduleError::Zone { .. }) => {
                timers::bad_zone(session, block.value("zone").unwrap_or(*at), &error);
                return Except::default();
            }
            // What else could be wrong was checked when the dates were read.
            Err(_) => {}
        }
    }
    let mut days: Vec<Days> = found.into_iter().map(|(days, _)| days).collect();
    days.sort_unstable_by_key(|days| (days.first, days.last));
    if days.is_empty() {
        return Except::default();
    }
    Except { zone, days: joined(&days) }
}

/// Sorted ranges without overlaps. Those that only touch stay apart, so none grows too long.
fn joined(sorted: &[Days]) -> Vec<Days> {
    let mut joined: Vec<Days> = Vec::new();
    for days in sorted {
        let free = joined.last().map_or(0, |last| last.last + 1);
        if days.last >= free {
            joined.push(Days { first: days.first.max(free), last: days.last });
        }
    }
    joined
}

/// `"2026-12-25"` or `"2026-12-24..2026-12-26"`.
fn dates(session: &mut Session<'_>, at: At) -> Option<Days> {
    let text = constant::text(session, at, "an exception")?;
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    let (Some(first), Some(last)) = (literal::date(first), literal::date(last)) else {
        let (first, last) = text.split_once("..").unwrap_or((&text, &text));
        let reason = written::no_date(first).or_else(|| written::no_date(last));
        let meant = written::meant(&text);
        session.error(
            Code::BadDate,
            at,
            format!("\"{}\" is neither a date nor a range of dates", shorten(&text)),
            reason.unwrap_or(
                "a date is year, month and day, a range two of them with `..`".to_owned(),
            ),
            match &meant {
                Some(meant) => format!("write \"{meant}\""),
                None => "write for example \"2026-12-25\" or \"2026-12-24..2026-12-26\"".to_owned(),
            },
        );
        session.fix(at, meant.map(|meant| format!("\"{meant}\"")));
        return None;
    };
    if last < first {
        session.error(
            Code::DateRange,
            at,
            format!("from {} back to {}", date_text(first), date_text(last)),
            "the first day comes first; both are included",
            format!("write \"{}..{}\"", date_text(last), date_text(first)),
        );
        return None;
    }
    let count = last - first + 1;
    if count > EXCEPT_DAYS_MAX {
        session.error(
            Code::DateRange,
            at,
            format!("{count} days, limit {EXCEPT_DAYS_MAX}"),
            "an exception is a part of a year; a timer that rests longer can be left out",
            "make it shorter, or remove the timer",
        );
        return None;
    }
    Some(Days { first, last })
}
