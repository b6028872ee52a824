//! Timers: what they say, and when they fire next.

use super::{Action, Change, Detail, Kind, paired};
use crate::calendar::TimeZone;
use crate::contents::Contents;
use crate::ir::{Missed, Schedule, TimerDef};
use crate::schedule::date_text;
use crate::value::duration_text;

/// Instants shown of a timer that changed.
const NEXT_COUNT: usize = 3;

pub(super) fn changes(old: &Contents, new: &Contents, at_ms: i64) -> Vec<Change> {
    let mut found = Vec::new();
    for (name, was, is) in paired(&old.timers, &new.timers, |timer| &timer.name) {
        let (action, details) = match (was, is) {
            (None, Some(is)) => (Action::Added, whole(new, is, at_ms, Detail::added)),
            (Some(was), None) => (Action::Removed, whole(old, was, at_ms, Detail::removed)),
            (Some(was), Some(is)) if was != is => {
                (Action::Changed, aspects((old, was), (new, is), at_ms))
            }
            _ => continue,
        };
        found.push(Change::new(Kind::Timer, &name, action, details));
    }
    found
}

/// A timer with all that it says beyond the ordinary.
fn whole(
    contents: &Contents,
    timer: &TimerDef,
    at_ms: i64,
    detail: impl Fn(&'static str, String) -> Detail,
) -> Vec<Detail> {
    let mut details = vec![detail("schedule", schedule(timer))];
    if timer.duration_ms > 0 {
        details.push(detail("duration", duration(timer)));
    }
    if timer.missed != Missed::Skip {
        details.push(detail("missed", missed(timer)));
    }
    if timer.jitter_ms > 0 {
        details.push(detail("jitter", jitter(timer)));
    }
    if !timer.except.days.is_empty() {
        details.push(detail("exceptions", except(timer)));
    }
    details.push(detail("next", next(contents, timer, at_ms)));
    details
}

fn duration(timer: &TimerDef) -> String {
    duration_text(i64::try_from(timer.duration_ms).unwrap_or(i64::MAX))
}

fn missed(timer: &TimerDef) -> String {
    match timer.missed {
        Missed::Fire => "fire".to_owned(),
        Missed::Skip => "skip".to_owned(),
    }
}

fn aspects(
    (old, was): (&Contents, &TimerDef),
    (new, is): (&Contents, &TimerDef),
    at_ms: i64,
) -> Vec<Detail> {
    let mut details = Vec::new();
    let mut compare = |what: &str, a: String, b: String| {
        if a != b {
            details.push(Detail::changed(what, a, b));
        }
    };
    compare("schedule", schedule(was), schedule(is));
    compare("duration", duration(was), duration(is));
    compare("missed", missed(was), missed(is));
    compare("jitter", jitter(was), jitter(is));
    if was.except != is.except {
        compare("exceptions", except(was), except(is));
    }
    compare("next", next(old, was, at_ms), next(new, is, at_ms));
    details
}

fn jitter(timer: &TimerDef) -> String {
    duration_text(i64::try_from(timer.jitter_ms).unwrap_or(i64::MAX))
}

/// The dates on which it does not fire.
fn except(timer: &TimerDef) -> String {
    let dates = timer.except.days.iter().map(|days| {
        let first = date_text(days.first);
        if days.first == days.last { first } else { format!("{first}..{}", date_text(days.last)) }
    });
    match timer.except.days.len() {
        0 => "none".to_owned(),
        _ => format!("{} ({})", dates.collect::<Vec<_>>().join(", "), timer.except.zone),
    }
}

fn schedule(timer: &TimerDef) -> String {
    match &timer.schedule {
        Schedule::Cron { expression, zone } => format!("{expression} {zone}"),
        Schedule::Every { period_ms } => {
            format!("every {}", duration_text(i64::try_from(*period_ms).unwrap_or(i64::MAX)))
        }
    }
}

/// In the timer's own zone, whose clock its schedule is written for.
fn next(contents: &Contents, timer: &TimerDef, at_ms: i64) -> String {
    let Some(clockwork) = contents.clockwork(timer) else { return "never".to_owned() };
    let zone = match &timer.schedule {
        Schedule::Cron { zone, .. } => TimeZone::named(zone).unwrap_or_default(),
        Schedule::Every { .. } => TimeZone::default(),
    };
    let mut instants = Vec::new();
    let mut at = at_ms;
    while instants.len() < NEXT_COUNT {
        let Some(next) = clockwork.next_after(at) else { break };
        instants.push(zone.text(next));
        at = next;
    }
    if instants.is_empty() { "never".to_owned() } else { instants.join(", ") }
}
