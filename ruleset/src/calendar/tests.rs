//! Windows against the clock of real zones, overlaps, and every limit at N and N + 1.

use super::*;
use crate::plan::tests::contents as compiled;

fn rules(timers: &str) -> Contents {
    let head = "ruleset \"hunt\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\n";
    compiled(&format!("{head}{timers}"), false)
}

fn cron(name: &str, expression: &str, zone: &str, duration: &str) -> String {
    format!(
        "timer \"{name}\" {{\n  cron = \"{expression}\"\n  zone = \"{zone}\"\n  duration = \"{duration}\"\n}}\n"
    )
}

fn listed(contents: &Contents, from: &str, to: &str, zone: &str) -> Calendar {
    let zone = TimeZone::named(zone).unwrap();
    calendar(contents, zone.first(from).unwrap(), zone.last(to).unwrap()).unwrap()
}

#[test]
fn windows_follow_local_time_across_summer_time() {
    let contents = rules(&cron("night", "30 2 * * *", "Europe/Paris", "1h"));
    let zone = TimeZone::named("Europe/Paris").unwrap();
    let starts = |from, to| -> Vec<String> {
        let calendar = listed(&contents, from, to, "Europe/Paris");
        calendar.windows.iter().map(|window| zone.text(window.start_ms)).collect()
    };
    assert_eq!(
        starts("2026-03-28", "2026-03-30"),
        [
            "Sat 2026-03-28 02:30 +01:00",
            // 02:30 does not exist: it is as long after the gap.
            "Sun 2026-03-29 03:30 +02:00",
            "Mon 2026-03-30 02:30 +02:00",
        ]
    );
    assert_eq!(
        starts("2026-10-24", "2026-10-26"),
        [
            "Sat 2026-10-24 02:30 +02:00",
            "Sun 2026-10-25 02:30 +02:00",
            "Mon 2026-10-26 02:30 +01:00",
        ]
    );
    // A day of 23 hours begins and ends where its zone says.
    let day = (zone.first("2026-03-29").unwrap(), zone.last("2026-03-29").unwrap());
    assert_eq!(day.1 - day.0 + 1, 23 * 3_600_000);
    // Midnight itself may be missing, and a whole day: Samoa crossed the date line.
    let beirut = TimeZone::named("Africa/Cairo").unwrap();
    assert_eq!(beirut.text(beirut.first("2026-04-24").unwrap()), "Fri 2026-04-24 01:00 +03:00");
    let apia = TimeZone::named("Pacific/Apia").unwrap();
    assert_eq!(apia.text(apia.first("2011-12-30").unwrap()), "Sat 2011-12-31 00:00 +14:00");
}

#[test]
fn a_window_that_reaches_into_the_period_is_listed() {
    let contents = rules(&cron("night", "0 23 * * *", "UTC", "2h"));
    let found = listed(&contents, "2026-12-02T00:30:00Z", "2026-12-02T22:00:00Z", "UTC");
    assert_eq!(found.windows.len(), 1);
    let found = listed(&contents, "2026-12-02T01:00:00Z", "2026-12-02T22:00:00Z", "UTC");
    assert_eq!(found.windows, [], "it ended with the first millisecond");
    // Both ends of the period belong to it.
    let found = listed(&contents, "2026-12-02T23:00:00Z", "2026-12-03T23:00:00Z", "UTC");
    assert_eq!(found.windows.len(), 2);
}

#[test]
fn overlaps_are_those_of_the_clock() {
    let timers = cron("a", "0 20 * * FRI", "UTC", "2h")
        + &cron("b", "0 21 * * *", "UTC", "30m")
        + &cron("c", "0 22 * * FRI", "UTC", "1h")
        + "timer \"steady\" {\n  every = \"1h\"\n  duration = \"1h\"\n}\ntimer \"point\" { every = \"1h\" }\n";
    let found = listed(&rules(&timers), "2026-12-04T18:00:00Z", "2026-12-05T00:00:00Z", "UTC");
    let shown: Vec<String> = found
        .overlaps
        .iter()
        .map(|o| {
            let hour = |ms: i64| crate::value::instant_text(ms)[11..16].to_owned();
            format!("{}-{} {} {}", hour(o.start_ms), hour(o.end_ms), o.timers.0, o.timers.1)
        })
        .collect();
    // What touches (a ends as c begins) does not overlap; one that is always on is one stretch.
    assert_eq!(
        shown,
        ["20:00-22:00 a steady", "21:00-21:30 a b", "21:00-21:30 b steady", "22:00-23:00 c steady",]
    );
}

#[test]
fn windows_of_one_timer_overlap_and_may_cover_everything() {
    let timers = cron("snow", "0 19 * * *", "UTC", "3d")
        + &cron("night", "0 19 * * *", "UTC", "23h59m")
        + "timer \"steady\" {\n  every = \"1h\"\n  duration = \"1h\"\n}\n\
           timer \"fast\" {\n  every = \"1s\"\n  duration = \"2s\"\n}\n";
    let found = listed(&rules(&timers), "2026-12-01", "2026-12-02", "UTC");
    let of = |name: &str| -> Vec<String> {
        let windows = found.windows.iter().filter(|window| window.timer == name);
        windows
            .map(|window| crate::value::instant_text(window.start_ms)[5..13].to_owned())
            .collect()
    };
    // All that are still running when the period begins, not the last one alone.
    assert_eq!(of("snow"), ["11-28T19", "11-29T19", "11-30T19", "12-01T19", "12-02T19"]);
    assert_eq!(of("night"), ["11-30T19", "12-01T19", "12-02T19"]);
    let twice = |name: &str| {
        let same = found.overlaps.iter().filter(|o| o.timers.0 == name && o.timers.1 == name);
        same.map(|overlap| (overlap.start_ms, overlap.end_ms)).collect::<Vec<_>>()
    };
    let day = |text| crate::value::parse_instant(text).unwrap();
    // One stretch, from the second window on until the last but one ends.
    assert_eq!(twice("snow"), [(day("2026-11-29T19:00:00Z"), day("2026-12-04T19:00:00Z"))]);
    assert_eq!(twice("night"), []);
    assert_eq!(twice("steady"), [], "windows that touch do not overlap");
    // The last is cut off, and covers what is listed of it.
    assert_eq!(found.always, ["fast", "snow", "steady"]);
    assert!(found.cut.contains_key("fast"));
    // To the millisecond, at both ends.
    for (from, to, always) in [
        ("2026-12-01T19:00:00Z", "2026-12-02T18:58:59.999Z", true),
        ("2026-12-01T18:59:59.999Z", "2026-12-02T18:58:59.999Z", false),
        ("2026-12-01T19:00:00Z", "2026-12-02T18:59:00Z", false),
    ] {
        let night = cron("night", "0 19 * * *", "UTC", "23h59m");
        let found = listed(&rules(&night), from, to, "UTC");
        assert_eq!(!found.always.is_empty(), always, "{from} {to}");
    }
}

#[test]
fn lists_end_at_their_limits_and_say_so() {
    let contents = rules("timer \"fast\" { every = \"1s\" }\n");
    let limit = TIMER_WINDOWS_MAX as i64;
    let whole = calendar(&contents, 1_000, limit * 1_000).unwrap();
    assert_eq!((whole.windows.len(), whole.cut.len()), (TIMER_WINDOWS_MAX, 0));
    let cut = calendar(&contents, 1_000, (limit + 1) * 1_000).unwrap();
    assert_eq!(cut.windows.len(), TIMER_WINDOWS_MAX);
    assert_eq!(cut.cut.get("fast"), Some(&((limit + 1) * 1_000)));

    let many: String = (0..11).map(|n| format!("timer \"t{n}\" {{ every = \"1s\" }}\n")).collect();
    let cut = calendar(&rules(&many), 1_000, limit * 1_000).unwrap();
    assert_eq!(cut.windows.len(), WINDOWS_MAX);
    assert_eq!(cut.cut.len(), 1);

    let busy = "timer \"a\" {\n  every = \"10s\"\n  duration = \"3s\"\n}\ntimer \"b\" {\n  every = \"5s\"\n  duration = \"2s\"\n}\n";
    let overlapping = calendar(&rules(busy), 0, 4_990_000).unwrap();
    assert!(overlapping.overlaps.len() <= OVERLAPS_MAX && !overlapping.overlaps_cut);

    assert!(calendar(&contents, 0, PERIOD_MS_MAX).is_ok());
    assert_eq!(
        calendar(&contents, 0, PERIOD_MS_MAX + 86_400_000),
        Err(PeriodError::TooLong { days: 3_661 })
    );
    assert!(matches!(calendar(&contents, 1, 0), Err(PeriodError::Backwards { .. })));
}

#[test]
fn ends_of_a_period_are_read_or_refused() {
    let zone = TimeZone::named("UTC").unwrap();
    assert_eq!(zone.first("1970-01-01"), Ok(0));
    assert_eq!(zone.last("9999-12-31"), Ok(crate::ir::INSTANT_MAX));
    for bad in ["", "2026-13-01", "2026-02-30", "tomorrow", "2026-1-1", "１９７０-01-01"] {
        assert!(zone.first(bad).is_err() && zone.last(bad).is_err(), "{bad}");
    }
    assert!(matches!(zone.first("1969-12-31"), Err(PeriodError::OutOfRange { .. })));
    assert!(matches!(TimeZone::named("Mars/Olympus"), Err(PeriodError::Zone { .. })));
}

#[test]
fn the_document_is_stable() {
    let contents = rules(&cron("night", "0 20 * * FRI", "Europe/Paris", "2h"));
    let found = listed(&contents, "2026-12-04", "2026-12-04", "Europe/Paris");
    let document = document(&contents, &found, 0);
    let lines: Vec<&str> = document.split("\r\n").collect();
    assert_eq!(
        lines[4..12],
        [
            "BEGIN:VEVENT",
            "UID:1796410800000-night.hunt@cairn",
            "DTSTAMP:19700101T000000Z",
            "DTSTART:20261204T190000Z",
            "DTEND:20261204T210000Z",
            "SUMMARY:night",
            "DESCRIPTION:Timer of the rule set hunt: 0 20 * * FRI in Europe/Paris\\, for ",
            " 2h",
        ]
    );
}
