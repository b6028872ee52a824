//! Instants as planned, moved and left out; and against a plain list of what should happen.

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::ir::{Days, INSTANT_MAX, Missed, Schedule};

fn cron(expression: &str, zone: &str) -> Schedule {
    Schedule::Cron { expression: expression.into(), zone: zone.into() }
}

fn plan(schedule: &Schedule) -> Plan {
    Plan::new(schedule).unwrap()
}

fn timer(schedule: Schedule) -> TimerDef {
    TimerDef {
        name: "night".into(),
        schedule,
        duration_ms: 0,
        missed: Missed::Fire,
        jitter_ms: 0,
        except: Except::default(),
    }
}

fn day(text: &str) -> u32 {
    u32::try_from(at(&format!("{text}T00:00:00Z")) / 86_400_000).unwrap()
}

fn except(zone: &str, days: &[(&str, &str)]) -> Except {
    let days = days.iter().map(|(first, last)| Days { first: day(first), last: day(last) });
    Except { zone: zone.into(), days: days.collect() }
}

fn at(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

#[test]
fn friday_night_in_paris() {
    let night = cron("0 20 * * FRI", "Europe/Paris");
    let friday = at("2026-11-20T20:00:00+01:00");
    assert_eq!(plan(&night).next_after(at("2026-11-18T00:00:00Z")), Some(friday));
    assert_eq!(plan(&night).next_after(friday), Some(at("2026-11-27T20:00:00+01:00")));
    assert_eq!(plan(&night).previous_at_or_before(friday), Some(friday));
    assert_eq!(
        plan(&night).previous_at_or_before(friday - 1),
        Some(at("2026-11-13T20:00:00+01:00"))
    );
    let clockwork = Clockwork::new("hunt", &timer(night)).unwrap();
    let active = |now| clockwork.active_at(7_200_000, now);
    assert!(!active(friday - 1));
    assert!(active(friday));
    assert!(active(friday + 7_199_999));
    assert!(!active(friday + 7_200_000));
}

#[test]
fn summer_time_loses_and_repeats_nothing() {
    // 2026-03-29 02:00 → 03:00 in Paris.
    let half = cron("30 2 * * *", "Europe/Paris");
    assert_eq!(
        plan(&half).next_after(at("2026-03-28T12:00:00Z")),
        Some(at("2026-03-29T03:30:00+02:00"))
    );
    // 2026-10-25 03:00 → 02:00: a daily job fires once, at the first 02:30.
    let first = at("2026-10-25T02:30:00+02:00");
    assert_eq!(plan(&half).next_after(at("2026-10-24T12:00:00Z")), Some(first));
    assert_eq!(plan(&half).next_after(first), Some(at("2026-10-26T02:30:00+01:00")));
    // A quarter-hourly job keeps its pace through both.
    let quarter = cron("*/15 * * * *", "Europe/Paris");
    for start in ["2026-03-28T22:00:00Z", "2026-10-24T22:00:00Z"] {
        let mut t = at(start);
        for _ in 0..40 {
            let next = plan(&quarter).next_after(t).unwrap();
            assert_eq!(next - t, 900_000, "after {t}");
            assert_eq!(plan(&quarter).previous_at_or_before(next), Some(next));
            assert_eq!(plan(&quarter).previous_at_or_before(next - 1), Some(t));
            t = next;
        }
    }
}

#[test]
fn next_and_previous_agree_around_changes() {
    for zone in ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"] {
        for expression in ["30 2 * * *", "*/20 * * * *", "0 1,2,3 * * SUN", "0 0 * * *"] {
            let clockwork = plan(&cron(expression, zone));
            for start in ["2026-03-07T00:00:00Z", "2026-10-30T00:00:00Z", "2011-12-29T00:00:00Z"] {
                let mut t = at(start);
                for _ in 0..30 {
                    let next = clockwork.next_after(t).unwrap();
                    assert!(next > t, "{zone} {expression} {t}");
                    assert_eq!(clockwork.previous_at_or_before(next), Some(next));
                    let before = clockwork.previous_at_or_before(next - 1).unwrap();
                    assert!(before <= t, "{zone} {expression}: {before} between {t} and {next}");
                    t = next;
                }
            }
        }
    }
}

#[test]
fn a_change_far_ahead_keeps_the_order_of_instants() {
    // 2026-10-04 02:00 → 02:30 on Lord Howe: 02:15 happens at 02:45, after 02:35.
    let clockwork = plan(&cron("15,35 2 * * SUN", "Australia/Lord_Howe"));
    let (first, second) = (at("2026-10-04T02:35:00+11:00"), at("2026-10-04T02:45:00+11:00"));
    let week_before = at("2026-09-28T00:00:00+10:30");
    assert_eq!(clockwork.next_after(week_before), Some(first));
    assert_eq!(clockwork.next_after(first), Some(second));
    let days_later = at("2026-10-08T00:00:00+11:00");
    assert_eq!(clockwork.previous_at_or_before(days_later), Some(second));
    assert_eq!(clockwork.previous_at_or_before(second - 1), Some(first));
}

#[test]
fn every_is_aligned() {
    let every = Schedule::Every { period_ms: 1_000 };
    assert_eq!(plan(&every).next_after(999), Some(1_000));
    assert_eq!(plan(&every).next_after(1_000), Some(2_000));
    assert_eq!(plan(&every).previous_at_or_before(1_999), Some(1_000));
}

#[test]
fn bad_schedules_are_refused() {
    let bad = [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "@daily",
        "0 0 30 2 *",
        "0 0 31 FEB,APR *",
        "0 0 30-31 2 *",
        "0 0 31 4-4,6-6 *",
        "0 0 30-31 FEB-FEB *",
        "1-",
        "*/0 * * * *",
        "0 0 L * *",
        "foo * * * *",
        "99999999999999999999 * * * *",
    ];
    for expression in bad {
        assert!(Plan::new(&cron(expression, "UTC")).is_err(), "{expression}");
    }
    assert!(matches!(
        Plan::new(&cron("* * * * *", "Mars/Olympus")),
        Err(ScheduleError::Zone { .. })
    ));
    assert!(Plan::new(&Schedule::Every { period_ms: 0 }).is_err());
    assert!(Plan::new(&Schedule::Every { period_ms: u64::MAX }).is_err());
}

#[test]
fn odd_instants_answer_none() {
    for schedule in [cron("0 20 * * FRI", "Asia/Kolkata"), Schedule::Every { period_ms: 1_000 }] {
        for t in [i64::MIN, -1, i64::MAX, INSTANT_MAX, INSTANT_MAX - 1, 0, 1] {
            let _ = plan(&schedule).next_after(t);
            let _ = plan(&schedule).previous_at_or_before(t);
        }
        assert_eq!(plan(&schedule).next_after(i64::MAX), None);
    }
}

#[test]
fn exceptions_are_local_dates() {
    let mut night = timer(cron("30 0 * * *", "Europe/Paris"));
    night.except =
        except("Europe/Paris", &[("2026-12-24", "2026-12-26"), ("2027-01-01", "2027-01-01")]);
    let clockwork = Clockwork::new("hunt", &night).unwrap();
    // Half past midnight of the 24th in Paris is still the 23rd in London.
    let (before, after) = (at("2026-12-23T00:30:00+01:00"), at("2026-12-27T00:30:00+01:00"));
    assert_eq!(clockwork.next_after(before), Some(after));
    assert_eq!(clockwork.previous_at_or_before(after - 1), Some(before));
    assert!(!clockwork.active_at(86_400_000, at("2026-12-24T00:31:00+01:00")));
    let new_year = clockwork.next_after(at("2026-12-31T12:00:00Z"));
    assert_eq!(new_year, Some(at("2027-01-02T00:30:00+01:00")));
    // A year of seconds is passed in one step.
    let mut tick = timer(Schedule::Every { period_ms: 1_000 });
    tick.except = except("Asia/Tokyo", &[("2026-01-01", "2026-12-31")]);
    let clockwork = Clockwork::new("hunt", &tick).unwrap();
    let (first, last) = (at("2026-01-01T00:00:00+09:00"), at("2027-01-01T00:00:00+09:00"));
    assert_eq!(clockwork.next_after(first - 1_000), Some(last));
    assert_eq!(clockwork.previous_at_or_before(last - 1), Some(first - 1_000));
}

/// A date that a zone never had (Samoa crossed the date line) and midnights that do not exist.
#[test]
fn exceptions_of_odd_dates_end() {
    for (zone, first, last) in [
        ("Pacific/Apia", "2011-12-30", "2011-12-30"),
        ("America/Sao_Paulo", "2017-10-15", "2017-10-15"),
        ("Africa/Cairo", "2024-04-26", "2024-04-26"),
        ("America/Havana", "2026-11-01", "2026-11-01"),
    ] {
        let mut tick = timer(cron("*/10 * * * *", zone));
        tick.except = except(zone, &[(first, last)]);
        let clockwork = Clockwork::new("hunt", &tick).unwrap();
        let mut t = at(&format!("{first}T00:00:00Z")) - 2 * 86_400_000;
        let end = t + 5 * 86_400_000;
        let mut count = 0;
        while t < end {
            let next = clockwork.next_after(t).unwrap();
            assert!(next > t && clockwork.previous_at_or_before(next) == Some(next), "{zone} {t}");
            assert_eq!(clockwork.previous_at_or_before(next - 1).filter(|p| *p > t), None);
            (t, count) = (next, count + 1);
        }
        let left_out = if zone == "Pacific/Apia" { 0 } else { 6 * 22 };
        assert!(count <= 5 * 144 + 1 - left_out, "{zone}: {count}");
    }
}

#[test]
fn a_jitter_is_spread_evenly_agreed_on_and_shorter_than_every_gap() {
    let mut hourly = timer(cron("0 * * * *", "UTC"));
    hourly.jitter_ms = 600_000;
    let clockwork = Clockwork::new("hunt", &hourly).unwrap();
    let start = at("2026-01-01T00:00:00Z") - 1;
    let instants = |clockwork: &Clockwork| -> Vec<i64> {
        std::iter::successors(clockwork.next_after(start), |t| clockwork.next_after(*t))
            .take(2_000)
            .collect()
    };
    let found = instants(&clockwork);
    let mut tenths = [0; 10];
    for (hour, instant) in (0..).zip(&found) {
        let offset = instant - (start + 1 + hour * 3_600_000);
        assert!((0..600_000).contains(&offset), "{offset}");
        tenths[(offset / 60_000) as usize] += 1;
    }
    assert!(tenths.iter().all(|count| (150..250).contains(count)), "{tenths:?}");
    assert_eq!(found, instants(&Clockwork::new("hunt", &hourly).unwrap()));
    // Another timer, and the same one of another rule set, are moved differently.
    let other = TimerDef { name: "dawn".into(), ..hourly.clone() };
    assert_ne!(found, instants(&Clockwork::new("hunt", &other).unwrap()));
    assert_ne!(found, instants(&Clockwork::new("other", &hourly).unwrap()));

    let most = |schedule: Schedule| plan(&schedule).jitter_ms_max();
    assert_eq!(most(Schedule::Every { period_ms: 5_000 }), 4_999);
    for (expression, gap_ms) in [
        ("* * * * *", 60_000),
        ("0,20 * * * *", 1_200_000),
        ("50,5 * * * *", 900_000),
        // Over midnight of days that follow one another, or do not.
        ("0 1,23 * * *", 7_200_000),
        ("0 1,23 1 * *", 79_200_000),
        ("0 1,23 28,1 2,3 *", 7_200_000),
        ("0 1,23 * * MON,WED", 79_200_000),
        ("0 1,23 * * MON,SUN", 7_200_000),
    ] {
        assert_eq!(most(cron(expression, "UTC")), gap_ms - 1, "{expression}");
        let mut timer = timer(cron(expression, "UTC"));
        timer.jitter_ms = gap_ms - 1;
        assert!(Clockwork::new("hunt", &timer).is_ok());
        timer.jitter_ms = gap_ms;
        let refused = Clockwork::new("hunt", &timer).unwrap_err();
        let expected = ScheduleError::Jitter { jitter_ms: gap_ms, jitter_ms_max: gap_ms - 1 };
        assert_eq!(refused, expected);
    }
    assert_eq!(most(cron("0 0 1 1 *", "UTC")), crate::limits::JITTER_MS_MAX);
}

#[test]
fn malformed_exceptions_are_refused() {
    let mut timer = timer(Schedule::Every { period_ms: 1_000 });
    let mut check = |except: Except, expected: &str| {
        timer.except = except;
        let error = Clockwork::new("hunt", &timer).map(drop);
        match error {
            Ok(()) => assert_eq!("", expected),
            Err(error) => assert_eq!(error.to_string(), expected),
        }
    };
    let range = |first, last| Days { first, last };
    let of = |days: &[Days]| Except { zone: "UTC".into(), days: days.to_vec() };
    check(of(&[range(20_000, 20_365), range(20_366, 20_366)]), "");
    let fail = |what: &str| format!("exceptions are malformed: {what}");
    check(of(&[range(1, 0)]), &fail("1970-01-02 to 1970-01-01 is not in order"));
    check(of(&[range(0, 5), range(5, 6)]), &fail("1970-01-06 to 1970-01-07 is not in order"));
    check(of(&[range(0, 366)]), &fail("1970-01-01 to 1971-01-02 is over 366 days"));
    let many: Vec<Days> = (0..65).map(|day| range(day * 2, day * 2)).collect();
    check(of(&many[..64]), "");
    check(of(&many), &fail("65 of them, limit 64"));
    let unknown = Except { zone: "Mars/Olympus".into(), ..of(&[range(0, 0)]) };
    check(
        unknown,
        "time zone `Mars/Olympus` is not known; use an IANA name such as `Europe/Paris` or `UTC`",
    );
}

#[test]
fn changes_of_summer_time_are_found() {
    let mut zones = Zones::default();
    let mut check =
        |expression: &str, zone: &str, except: &Except, expected: [Option<(&str, usize)>; 2]| {
            let changes = plan(&cron(expression, zone)).changes(except, &mut zones).unwrap();
            let found = changes.map(|c| c.map(|c| (c.first.to_string(), c.years)));
            let expected = expected.map(|e| e.map(|(first, years)| (first.to_owned(), years)));
            assert_eq!(found, expected, "{expression} {zone}");
        };
    let never = Except::default();
    let (spring, autumn) = (("2024-03-31 02:30:00", 14), ("2024-10-27 02:30:00", 14));
    check("30 2 * * *", "Europe/Paris", &never, [Some(spring), Some(autumn)]);
    check("30 2 * * MON-SAT", "Europe/Paris", &never, [None, None]);
    check("30 3 * * *", "Europe/Paris", &never, [None, None]);
    check("30 * * * *", "Europe/Paris", &never, [None, None]);
    check("30 2 * * *", "UTC", &never, [None, None]);
    check("0 20 * * *", "Asia/Shanghai", &never, [None, None]);
    check("0 2 31 3 *", "Europe/Paris", &never, [Some(("2024-03-31 02:00:00", 2)), None]);
    check("30 2 8-14 3 *", "America/New_York", &never, [Some(("2024-03-10 02:30:00", 14)), None]);
    check(
        "15 2 * 10 SUN",
        "Australia/Lord_Howe",
        &never,
        [Some(("2024-10-06 02:15:00", 14)), None],
    );
    // Cuba goes back at one in the night; what is excepted does not count.
    check("30 0 1-7 11 *", "America/Havana", &never, [None, Some(("2024-11-03 00:30:00", 14))]);
    let first = except("America/Havana", &[("2024-11-03", "2024-11-03")]);
    check("30 0 1-7 11 *", "America/Havana", &first, [None, Some(("2025-11-02 00:30:00", 13))]);
    let period = plan(&Schedule::Every { period_ms: 1_000 });
    assert_eq!(period.changes(&never, &mut zones), Ok([None, None]));
}

const ZONES: [&str; 5] =
    ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Havana"];

fn any_timer() -> impl Strategy<Value = TimerDef> {
    let schedule = prop_oneof![
        (0usize..5, 0usize..7).prop_map(|(zone, expression)| {
            let all = [
                "30 2 * * *",
                "0 * * * *",
                "*/7 * * * *",
                "15,35 1,2 * * *",
                "0 0 * * SUN",
                "59 23 */2 * *",
                "0 1-3 * 2-5 *",
            ];
            cron(all[expression], ZONES[zone])
        }),
        prop_oneof![Just(600_000u64), 60_000..90_000_000u64]
            .prop_map(|period_ms| Schedule::Every { period_ms }),
    ];
    let days = prop::collection::vec((0u32..40, 0u32..4), 0..5);
    (schedule, 0.0f64..=1.0, days, 0usize..5).prop_map(|(schedule, jitter, days, zone)| {
        let mut timer = timer(schedule);
        timer.jitter_ms = (plan(&timer.schedule).jitter_ms_max() as f64 * jitter) as u64;
        let mut free = 0;
        for (first, more) in days {
            // Around the change of March 2026, and that of November.
            let first = day("2026-02-25") + free + first / 4;
            let last = first + more;
            timer.except.days.push(Days { first, last });
            free = last + 1 - day("2026-02-25");
        }
        if !timer.except.days.is_empty() {
            timer.except.zone = ZONES[zone].into();
        }
        timer
    })
}

/// What should happen, made of the planned instants one by one.
fn list(timer: &TimerDef, from: i64, to: i64) -> Vec<i64> {
    let plan = plan(&timer.schedule);
    let hash = rng::name_hash(&format!("hunt/timer.{}", timer.name));
    let mut found = Vec::new();
    let mut planned = plan.next_after(from);
    while let Some(at) = planned.filter(|at| *at <= to) {
        let next = plan.next_after(at).unwrap();
        let zone: chrono_tz::Tz = timer.except.zone.parse().unwrap_or(chrono_tz::UTC);
        let date =
            DateTime::<Utc>::from_timestamp_millis(at).unwrap().with_timezone(&zone).date_naive();
        let excepted = timer
            .except
            .days
            .iter()
            .any(|days| (days.first..=days.last).any(|day| date_text(day) == date.to_string()));
        if !excepted {
            let range = (next - at).min(timer.jitter_ms as i64).max(1);
            let bits = rng::draw(at as u64, hash, 0) >> 32;
            found.push(at + ((u128::from(bits) * range as u128) >> 32) as i64);
        }
        planned = Some(next);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_clockwork_keeps_to_the_list(
        timer in any_timer(),
        asked in prop::collection::vec((0i64..40 * 86_400_000, 0usize..400, -1i64..=1), 1..30),
        duration_ms in 1u64..100_000_000,
    ) {
        let start = at("2026-02-20T00:00:00Z");
        let clockwork = Clockwork::new("hunt", &timer).unwrap();
        // As far back as the last instant may lie.
        let back = match &timer.schedule {
            Schedule::Cron { expression, .. } if expression.contains("2-5") => 500,
            _ => 50,
        };
        let all = list(&timer, start - back * 86_400_000, start + 100 * 86_400_000);
        prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "out of order");
        let from = all.partition_point(|instant| *instant < start);
        let end = start + 60 * 86_400_000;
        let known = (all.partition_point(|instant| *instant < end) - from).max(1);
        for (free, near, off) in asked {
            // Anywhere, and right at what should happen.
            let close = all.get(from + near % known).map_or(start, |instant| instant + off);
            for t in [start + free, close] {
                let after = all.partition_point(|instant| *instant <= t);
                let previous = after.checked_sub(1).map(|index| all[index]);
                prop_assert_eq!(clockwork.next_after(t), all.get(after).copied());
                prop_assert_eq!(clockwork.previous_at_or_before(t), previous);
                let active = previous.is_some_and(|instant| t.abs_diff(instant) < duration_ms);
                prop_assert_eq!(clockwork.active_at(duration_ms, t), active);
            }
        }
    }
}
