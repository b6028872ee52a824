//! A calendar as other calendars read it: iCalendar, RFC 5545.

use chrono::{DateTime, Utc};

use super::Calendar;
use crate::contents::Contents;
use crate::ir::{Schedule, TimerDef};
use crate::value::duration_text;

/// Longest line in octets, without its end; RFC 5545, section 3.1.
const LINE_OCTETS_MAX: usize = 75;

/// The document. Equal calendars give equal bytes: `stamp_ms`, the time at which each event says
/// that it was made, is an argument. Times are UTC, so readers need no zone of ours; fractions of a
/// second are cut off, which the format does not know.
#[must_use]
pub fn document(contents: &Contents, calendar: &Calendar, stamp_ms: i64) -> String {
    let mut text = String::new();
    let ruleset = &contents.schema.ruleset;
    line(&mut text, "BEGIN:VCALENDAR");
    line(&mut text, "VERSION:2.0");
    line(&mut text, &format!("PRODID:-//Cairn//calendar {}//EN", env!("CARGO_PKG_VERSION")));
    line(&mut text, "CALSCALE:GREGORIAN");
    for window in &calendar.windows {
        line(&mut text, "BEGIN:VEVENT");
        // One firing is one event wherever it is listed: a calendar that is imported again updates.
        let uid = format!("{}-{}.{ruleset}@cairn", window.start_ms, window.timer);
        line(&mut text, &format!("UID:{}", escaped(&uid)));
        line(&mut text, &format!("DTSTAMP:{}", utc(stamp_ms)));
        line(&mut text, &format!("DTSTART:{}", utc(window.start_ms)));
        // Without an end an event takes no time.
        if window.end_ms > window.start_ms {
            line(&mut text, &format!("DTEND:{}", utc(window.end_ms)));
        }
        line(&mut text, &format!("SUMMARY:{}", escaped(&window.timer)));
        let timer = contents.timers.iter().find(|timer| timer.name == window.timer);
        if let Some(timer) = timer {
            let about = format!("Timer of the rule set {ruleset}: {}", schedule(timer));
            line(&mut text, &format!("DESCRIPTION:{}", escaped(&about)));
        }
        line(&mut text, "TRANSP:TRANSPARENT");
        line(&mut text, "END:VEVENT");
    }
    line(&mut text, "END:VCALENDAR");
    text
}

fn schedule(timer: &TimerDef) -> String {
    let duration = duration_text(i64::try_from(timer.duration_ms).unwrap_or(i64::MAX));
    match &timer.schedule {
        Schedule::Cron { expression, zone } => format!("{expression} in {zone}, for {duration}"),
        Schedule::Every { period_ms } => {
            let period = duration_text(i64::try_from(*period_ms).unwrap_or(i64::MAX));
            format!("every {period}, for {duration}")
        }
    }
}

fn utc(ms: i64) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// Section 3.3.11.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n")
}

/// Writes one line, folded where it is too long, never inside a character.
fn line(text: &mut String, content: &str) {
    let mut room = LINE_OCTETS_MAX;
    for c in content.chars() {
        if c.len_utf8() > room {
            text.push_str("\r\n ");
            room = LINE_OCTETS_MAX - 1;
        }
        text.push(c);
        room -= c.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters() {
        for content in ["a".repeat(75), "a".repeat(76), "é".repeat(80), "a".repeat(400)] {
            let mut text = String::new();
            line(&mut text, &content);
            assert!(text.ends_with("\r\n"));
            for part in text.trim_end().split("\r\n") {
                assert!(part.len() <= LINE_OCTETS_MAX, "{} octets", part.len());
            }
            assert_eq!(text.replace("\r\n ", "").trim_end(), content);
        }
    }
}
