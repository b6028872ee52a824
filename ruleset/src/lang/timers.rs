//! Timers: their schedule is checked by the code that will run it.

use super::constant::{self, shorten};
use super::declare::label;
use super::limits::{ACTIVE_MS_MAX, PERIOD_MS_MAX, PERIOD_MS_MIN, TIMER_COUNT_MAX};
use super::scope::Scope;
use super::session::{At, Session};
use super::shape::{self, Block, Schema};
use super::{Code, Diagnostic, literal};
use crate::ir::{Missed, Schedule, TimerDef};
use crate::schedule::{self, ScheduleError};

pub(super) const TIMER: Schema = Schema {
    kind: "timer",
    labels: 1,
    required: &[],
    optional: &["cron", "zone", "every", "duration", "missed"],
    open: false,
    blocks: &[],
};

/// Reads a timer.
pub(super) fn timer(session: &mut Session<'_>, at: At, scope: &mut Scope) {
    let block = shape::read(session, at, &TIMER);
    let index = scope.timers.len();
    let name = label(session, &block, "timer", &mut scope.timer_names, index, TIMER_COUNT_MAX);
    let schedule = read_schedule(session, &block);
    let duration_ms = block.value("duration").and_then(|at| {
        let duration = constant::duration(session, at, "`duration`")?;
        bounded(session, at, "the duration", duration, 1, ACTIVE_MS_MAX)
    });
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
        let schedule = schedule.unwrap_or(Schedule::Every { period_ms: 1_000 });
        // A malformed duration is one all the same: `active` on it is not a second mistake.
        let fallback = i64::from(block.value("duration").is_some());
        let duration_ms = duration_ms.unwrap_or(fallback).unsigned_abs();
        scope.timers.push(TimerDef { name, schedule, duration_ms, missed });
    }
}

fn read_schedule(session: &mut Session<'_>, block: &Block) -> Option<Schedule> {
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
            let schedule = Schedule::Cron { expression, zone };
            match schedule::validate(&schedule) {
                Ok(()) => return Some(schedule),
                Err(error @ ScheduleError::Zone { .. }) => session.error(
                    Code::BadZone,
                    zone_at,
                    error.to_string(),
                    "time zones are those of the IANA database in this build",
                    "write for example \"Europe/Paris\" or \"UTC\"",
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
            if let Some(zone) = block.value("zone") {
                session.error(
                    Code::ScheduleChoice,
                    zone,
                    "`zone` beside `every`",
                    "a period is the same in every time zone",
                    "remove `zone`",
                );
            }
            let period = constant::duration(session, at, "`every`")?;
            let period = bounded(session, at, "the period", period, PERIOD_MS_MIN, PERIOD_MS_MAX)?;
            Some(Schedule::Every { period_ms: period.unsigned_abs() })
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

/// A duration within its limits; reported when not.
pub(super) fn bounded(
    session: &mut Session<'_>,
    at: At,
    what: &str,
    value: i64,
    min: i64,
    max: i64,
) -> Option<i64> {
    if (min..=max).contains(&value) {
        return Some(value);
    }
    let code = if what == "the period" { Code::PeriodRange } else { Code::WindowRange };
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
