//! When timers are active in a period, and which of them are active together.
//!
//! Windows come from the same clockwork that fires the timers, so changes to and from summer time,
//! exceptions and jitter are what they will be. Pure: the period is an argument. Everything is
//! bounded: a timer that fires more often than can be listed is cut off, and says so.

mod day;
mod ics;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::contents::Contents;

pub use day::{PeriodError, TimeZone};
pub use ics::document;

/// Most windows listed of one timer; the rest of its period is left out, and said to be.
pub const TIMER_WINDOWS_MAX: usize = 1_000;
/// Most windows listed in all; timers that come after are left out, and said to be.
pub const WINDOWS_MAX: usize = 10_000;
/// Most overlaps listed.
pub const OVERLAPS_MAX: usize = 1_000;
/// Longest period: ten years.
pub const PERIOD_MS_MAX: i64 = 3_660 * 86_400_000;

/// One stretch in which a timer is active, or one instant at which it fires.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Window {
    /// When it fires, in milliseconds since the Unix epoch. May lie before the period, when the
    /// window reaches into it.
    pub start_ms: i64,
    /// When it ends: the timer's duration later. Equal to the start for a timer without one.
    pub end_ms: i64,
    /// The timer.
    pub timer: String,
}

/// A stretch in which two timers are active at once, or two windows of one timer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Overlap {
    /// When both are active.
    pub start_ms: i64,
    /// When one of them no longer is.
    pub end_ms: i64,
    /// Which, in the order of their names; the same name twice for windows of one timer.
    pub timers: (String, String),
}

/// What happens in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calendar {
    /// By start, then by timer.
    pub windows: Vec<Window>,
    /// By start, then by timers.
    pub overlaps: Vec<Overlap>,
    /// Timers that are active throughout the period, as far as their windows are listed.
    pub always: Vec<String>,
    /// Timers of which not every window is listed, with how far the list goes.
    pub cut: BTreeMap<String, i64>,
    /// Whether there are more overlaps than are listed.
    pub overlaps_cut: bool,
}

/// Lists a period, both ends included. Cost is that of the windows listed.
///
/// # Errors
/// A period that ends before it begins, or is too long.
pub fn calendar(contents: &Contents, from_ms: i64, to_ms: i64) -> Result<Calendar, PeriodError> {
    if to_ms < from_ms {
        return Err(PeriodError::Backwards { from_ms, to_ms });
    }
    if to_ms - from_ms > PERIOD_MS_MAX {
        return Err(PeriodError::TooLong { days: (to_ms - from_ms) / 86_400_000 });
    }
    let mut calendar = Calendar::default();
    for timer in &contents.timers {
        let Some(clockwork) = contents.clockwork(timer) else { continue };
        let duration = i64::try_from(timer.duration_ms).unwrap_or(i64::MAX);
        let end = |start: i64| start.saturating_add(duration);
        let runs = |start: &i64| end(*start) > from_ms || *start == from_ms;
        // Those that began earlier may still be running: back to the first of them.
        let mut next = clockwork.previous_at_or_before(from_ms).filter(runs);
        for _ in 0..TIMER_WINDOWS_MAX {
            let before = next.and_then(|start| clockwork.previous_at_or_before(start - 1));
            let Some(before) = before.filter(runs) else { break };
            next = Some(before);
        }
        next = next.or_else(|| clockwork.next_after(from_ms));
        let mut count = 0;
        // Until when it has been active without a break since the period began.
        let mut unbroken = from_ms;
        while let Some(start) = next.filter(|start| *start <= to_ms) {
            if count == TIMER_WINDOWS_MAX || calendar.windows.len() == WINDOWS_MAX {
                calendar.cut.insert(timer.name.clone(), start);
                break;
            }
            if start <= unbroken {
                unbroken = unbroken.max(end(start));
            }
            let timer = timer.name.clone();
            calendar.windows.push(Window { start_ms: start, end_ms: end(start), timer });
            count += 1;
            next = clockwork.next_after(start);
        }
        // A window ends before the millisecond at which it ends; the period's last one belongs to it.
        let listed = calendar.cut.get(&timer.name).map_or(to_ms + 1, |cut| *cut);
        if count > 0 && timer.duration_ms > 0 && unbroken >= listed {
            calendar.always.push(timer.name.clone());
        }
    }
    calendar.always.sort();
    calendar.windows.sort();
    overlaps(&mut calendar);
    Ok(calendar)
}

/// Stretches in which two timers are active, or two windows of one timer. For pairs of timers,
/// windows of one that touch count as one.
fn overlaps(calendar: &mut Calendar) {
    // Per timer, the stretch that it is in.
    let mut active: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let mut found: BTreeMap<(String, String), Vec<(i64, i64)>> = BTreeMap::new();
    let mut count = 0;
    for window in calendar.windows.iter().filter(|window| window.end_ms > window.start_ms) {
        active.retain(|_, (_, end)| *end >= window.start_ms);
        for (other, (_, end)) in &active {
            let both = (window.start_ms, window.end_ms.min(*end));
            if both.0 >= both.1 {
                continue;
            }
            let mut pair = ((*other).to_owned(), window.timer.clone());
            if pair.0 > pair.1 {
                pair = (pair.1, pair.0);
            }
            let known = found.entry(pair).or_default();
            match known.last_mut().filter(|last| last.1 >= both.0) {
                Some(last) => last.1 = last.1.max(both.1),
                None if count == OVERLAPS_MAX => {
                    calendar.overlaps_cut = true;
                    continue;
                }
                None => {
                    known.push(both);
                    count += 1;
                }
            }
        }
        let stretch = active.entry(&window.timer).or_insert((window.start_ms, window.end_ms));
        stretch.1 = stretch.1.max(window.end_ms);
    }
    let all = found.into_iter().flat_map(|(timers, stretches)| {
        let overlap =
            move |(start_ms, end_ms)| Overlap { start_ms, end_ms, timers: timers.clone() };
        stretches.into_iter().map(overlap)
    });
    calendar.overlaps = all.collect();
    calendar.overlaps.sort();
}
