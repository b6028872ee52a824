//! Timers: their schedule is checked by the code that will run it.

use super::constant::{self, shorten};
use super::cron::{self, Wrong};
use super::declare::label;
use super::except;
use super::limits::{ACTIVE_MS_MAX, JITTER_MS_MAX, PERIOD_MS_MAX, PERIOD_MS_MIN, TIMER_COUNT_MAX};
use super::scope::Scope;
use super::session::{At, Session};
use super::shape::{self, Block, Schema};
use super::{Code, Diagnostic, literal};
use crate::ir::{Except, Missed, Schedule, TimerDef};
use crate::schedule::{self, Change, Plan, ScheduleError, YEARS, Zones};

pub(super) const TIMER: Schema = Schema {
    kind: "timer",
    labels: 1,
    required: &[],
    optional: &["cron", "zone", "every", "duration", "missed", "jitter", "except", "deprecated"],
    open: false,
    blocks: &[],
};

/// Timers whose pattern is walked over to see whether they overlap.
const WALK_COUNT_MAX: u32 = 64;

/// Reads all timers.
pub(super) fn timers(session: &mut Session<'_>, found: &[At], scope: &mut Scope) {
    let (mut zones, mut walks) = (Zones::default(), WALK_COUNT_MAX);
    for at in found {
        timer(session, *at, scope, &mut zones, &mut walks);
    }
}

fn timer(session: &mut Session<'_>, at: At, scope: &mut Scope, zones: &mut Zones, walks: &mut u32) {
    let block = shape::read(session, at, &TIMER);
    let index = scope.timers.len();
    let name = label(session, &block, "timer", &mut scope.timer_names, index, TIMER_COUNT_MAX);
    let schedule = read_schedule(session, &block);
    let mut jitter_ms = 0;
    let mut except = Except::default();
    if let Some((schedule, plan)) = &schedule {
        jitter_ms = block.value("jitter").map_or(0, |at| jitter(session, at, plan));
        except = except::read(session, &block, schedule, plan);
        if let Some(at) = block.value("cron")
            && let Ok(changes) = plan.changes(&except, zones)
        {
            warn(session, at, schedule, changes);
        }
    }
    let duration_ms = block.value("duration").and_then(|at| {
        let duration = constant::duration(session, at, "`duration`")?;
        bounded(session, at, Code::WindowRange, "the duration", duration, 1, ACTIVE_MS_MAX)
    });
    if let (Some(at), Some(duration), Some((schedule, plan))) =
        (block.value("duration"), duration_ms, &schedule)
    {
        overlaps(session, at, duration.unsigned_abs(), (schedule, plan), walks);
    }
    let missed = match block.value("missed") {
        None => Missed::Skip,
        Some(at) => match constant::text(session, at, "`missed`").as_deref() {
            Some("fire") => Missed::Fire,
            Some("skip") | None => Missed::Skip,
            Some(other) => {
                let other = shorten(other);
                session.error(
                    Code::UnknownValue,
                    at,
                    format!("`missed` is \"{other}\""),
                    "an instant that passed while nobody could fire it is fired late or skipped",
                    "write \"fire\" or \"skip\"",
                );
                Missed::Skip
            }
        },
    };
    if let Some(name) = name {
        let schedule =
            schedule.map_or(Schedule::Every { period_ms: 1_000 }, |(schedule, _)| schedule);
        // A malformed duration is one all the same: `active` on it is not a second mistake.
        let fallback = i64::from(block.value("duration").is_some() || session.is_damaged(at));
        let duration_ms = duration_ms.unwrap_or(fallback).unsigned_abs();
        scope.timers.push(TimerDef { name, schedule, duration_ms, missed, jitter_ms, except });
    }
}

fn read_schedule(session: &mut Session<'_>, block: &Block) -> Option<(Schedule, Plan)> {
    match (block.value("cron"), block.value("every")) {
        (Some(cron_at), None) => {
            let expression = constant::text(session, cron_at, "`cron`")?;
            let Some(zone_at) = block.value("zone") else {
                if block.damaged {
                    return None;
                }
                session.report(
                    Diagnostic::error(
                        Code::MissingAttribute,
                        block.header,
                        "this `timer` has `cron` without `zone`",
                    )
                    .cause("a time of day means an instant only in a time zone")
                    .help("add `zone = \"Europe/Paris\"`, or another IANA name"),
                );
                return None;
            };
            let zone = constant::text(session, zone_at, "`zone`")?;
            if let Err(Wrong { message, meant }) = cron::check(&expression) {
                session.error(
                    Code::BadCron,
                    cron_at,
                    message,
                    "five fields: minute, hour, day of the month, month, day of the week",
                    match &meant {
                        Some(meant) => format!("write \"{meant}\""),
                        // An example that is copied would move what is right in it.
                        None if expression.split_whitespace().count() == 5 => {
                            "correct this one and leave the others as they are".to_owned()
                        }
                        None => {
                            "write for example \"0 20 * * FRI\" for Fridays at 20:00".to_owned()
                        }
                    },
                );
                session.fix(cron_at, meant.map(|meant| format!("\"{meant}\"")));
                return None;
            }
            let schedule = Schedule::Cron { expression, zone };
            match Plan::new(&schedule) {
                Ok(plan) => return Some((schedule, plan)),
                Err(error @ ScheduleError::Zone { .. }) => bad_zone(session, zone_at, &error),
                Err(error @ ScheduleError::Never { .. }) => session.error(
                    Code::BadCron,
                    cron_at,
                    error.to_string(),
                    "no month that it asks for has that day",
                    "change the day or the month; the last days are 28 or 29 in FEB, 30 in APR, JUN, SEP, NOV",
                ),
                Err(error) => session.error(
                    Code::BadCron,
                    cron_at,
                    error.to_string(),
                    "five fields: minute, hour, day of month, month, day of week",
                    "write for example \"0 20 * * FRI\" for Fridays at 20:00",
                ),
            }
            None
        }
        (None, Some(at)) => {
            if let Some(zone) = block.value("zone")
                && block.value("except").is_none()
            {
                session.error(
                    Code::ScheduleChoice,
                    zone,
                    "`zone` beside `every`",
                    "a period is the same in every time zone; only the dates of `except` need one",
                    "remove `zone`",
                );
            }
            let period = constant::duration(session, at, "`every`")?;
            let (code, min, max) = (Code::PeriodRange, PERIOD_MS_MIN, PERIOD_MS_MAX);
            let period = bounded(session, at, code, "the period", period, min, max)?;
            let schedule = Schedule::Every { period_ms: period.unsigned_abs() };
            let plan = Plan::new(&schedule).ok()?;
            Some((schedule, plan))
        }
        (None, None) if block.damaged => None,
        (cron, _) => {
            let message = if cron.is_some() {
                "this `timer` has both `cron` and `every`"
            } else {
                "this `timer` has neither `cron` nor `every`"
            };
            session.report(
                Diagnostic::error(Code::ScheduleChoice, block.header, message)
                    .cause("a timer follows one schedule")
                    .help("keep `cron` with `zone`, or `every = \"1m\"`"),
            );
            None
        }
    }
}

/// Reports a zone that is none.
pub(super) fn bad_zone(session: &mut Session<'_>, at: At, error: &ScheduleError) {
    let written = session.string(at);
    let meant = match schedule::zone_of(&written) {
        Some(name) => Some(name.to_owned()),
        // Zones that are spelt like it are hours away.
        None if schedule::is_short_zone(&written) => None,
        None => session.similar(&written, schedule::zone_names()),
    };
    session.error(
        Code::BadZone,
        at,
        error.to_string(),
        "time zones are those of the IANA database in this build",
        match &meant {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "name a city of the zone, for example \"Europe/Paris\", or \"UTC\": an offset says nothing of summer time".to_owned(),
        },
    );
    session.fix(at, meant.map(|meant| format!("\"{meant}\"")));
}

/// `jitter = "5m"` in milliseconds; 0 when it is wrong and reported.
fn jitter(session: &mut Session<'_>, at: At, plan: &Plan) -> u64 {
    let Some(jitter) = constant::duration(session, at, "`jitter`") else { return 0 };
    let what = "the jitter";
    if bounded(session, at, Code::JitterRange, what, jitter, 1, JITTER_MS_MAX).is_none() {
        return 0;
    }
    let (jitter_ms, max) = (jitter.unsigned_abs(), plan.jitter_ms_max());
    if jitter_ms > max {
        let text = |ms: u64| literal::duration_text(ms.into());
        session.error(
            Code::JitterRange,
            at,
            format!(
                "the jitter is {}, but instants of this timer come {} after one another",
                text(jitter_ms),
                text(max + 1)
            ),
            "a longer jitter could bring two instants out of their order",
            format!("choose less than \"{}\"", text(max + 1)),
        );
        return 0;
    }
    jitter_ms
}

/// Warns of a timer that fires again before its duration is over.
fn overlaps(
    session: &mut Session<'_>,
    at: At,
    duration_ms: u64,
    (schedule, plan): (&Schedule, &Plan),
    walks: &mut u32,
) {
    // Most durations need no walk over the days of a pattern, which costs something; a rule set with more
    // timers than people write is not worth it.
    if duration_ms <= plan.gap_ms_least() {
        return;
    }
    if matches!(schedule, Schedule::Cron { .. }) {
        let Some(left) = walks.checked_sub(1) else { return };
        *walks = left;
    }
    let gap_ms = plan.gap_ms();
    if duration_ms <= gap_ms {
        return;
    }
    let text = |ms: u64| literal::duration_text(ms.into());
    // With `*` as the minute, 0 is what is meant, if that is enough.
    let minutes = match schedule {
        Schedule::Cron { expression, zone } => {
            expression.trim_start().strip_prefix("* ").is_some_and(|rest| {
                let (expression, zone) = (format!("0 {rest}"), zone.clone());
                let hourly = Plan::new(&Schedule::Cron { expression, zone });
                hourly.is_ok_and(|plan| duration_ms <= plan.gap_ms())
            })
        }
        Schedule::Every { .. } => false,
    };
    let help = match minutes {
        true => "write 0 as the minute to fire once an hour: `*` is every minute".to_owned(),
        false => format!("choose a duration of \"{}\" at most, or fire less often", text(gap_ms)),
    };
    let span = session.span(at);
    session.report(
        Diagnostic::warning(
            Code::OverlappingTimer,
            span,
            format!("active for {}, and fires again after {}", text(duration_ms), text(gap_ms)),
        )
        .cause(
            "instants that follow one another so closely are one long time in which it is active",
        )
        .help(help),
    );
}

/// Warns of local times that a zone's changes skip or double.
fn warn(session: &mut Session<'_>, at: At, schedule: &Schedule, changes: [Option<Change>; 2]) {
    let Schedule::Cron { zone, .. } = schedule else { return };
    let span = session.span(at);
    let years = |change: &Change| match change.years {
        1 => format!("in one year from {} to {}", YEARS.0, YEARS.1),
        count => format!("in {count} of the years {} to {}", YEARS.0, YEARS.1),
    };
    // The compiler has no clock: of several days the last lies ahead.
    let days = |change: &Change| match change.years {
        1 => change.first.date().to_string(),
        _ => format!("days from {} to {}", change.first.date(), change.last.date()),
    };
    let [skipped, doubled] = changes;
    if let Some(change) = skipped {
        let (date, time) = (days(&change), change.first.format("%H:%M"));
        session.report(
            Diagnostic::warning(
                Code::SkippedTime,
                span,
                format!("there is no {time} on {date} in {zone}"),
            )
            .cause(format!(
                "clocks go forward over this time {}; the timer fires after the change, as late as \
                 the time lies in the gap",
                years(&change)
            ))
            .help("choose a time of day that every day has, or a zone without summer time"),
        );
    }
    if let Some(change) = doubled {
        let (date, time) = (days(&change), change.first.format("%H:%M"));
        session.report(
            Diagnostic::warning(
                Code::DoubledTime,
                span,
                format!("{time} comes twice on {date} in {zone}"),
            )
            .cause(format!(
                "clocks go back over this time {}; the timer fires at the first of the two alone",
                years(&change)
            ))
            .help("choose a time of day that comes once, or a zone without summer time"),
        );
    }
}

/// A duration within its limits; reported when not.
pub(super) fn bounded(
    session: &mut Session<'_>,
    at: At,
    code: Code,
    what: &str,
    value: i64,
    min: i64,
    max: i64,
) -> Option<i64> {
    if (min..=max).contains(&value) {
        return Some(value);
    }
    let text = |value: i64| literal::duration_text(value.into());
    session.error(
        code,
        at,
        format!("{what} is {}, allowed are {} to {}", text(value), text(min), text(max)),
        "shorter ones cost more than they give, longer ones cannot be kept",
        "choose a value between them",
    );
    None
}
