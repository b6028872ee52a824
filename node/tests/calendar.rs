//! The real binary: `cairn calendar` as a table, as JSON and as a file that a calendar program
//! reads.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn cairn(arguments: &[&str]) -> Output {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/treasure-hunt");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    command.arg("calendar").arg(rules).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

#[track_caller]
fn says(arguments: &[&str]) -> String {
    let output = cairn(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const DECEMBER: [&str; 6] =
    ["--from", "2026-12-01", "--to", "2026-12-31", "--zone", "Europe/Paris"];

#[test]
fn a_month_is_listed_with_its_overlaps() {
    let text = says(&DECEMBER);
    assert!(text.starts_with("FROM"), "{text}");
    assert!(text.contains("+01:00") && text.contains("AT ONCE"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&says(&[&DECEMBER[..], &["-o", "json"]].concat())).unwrap();
    let windows = json["windows"].as_array().unwrap();
    let last = text.trim_end().lines().last().unwrap();
    let overlaps = json["overlaps"].as_array().unwrap().len();
    assert_eq!(last, format!("{} windows, {overlaps} overlaps", windows.len()));
    // 1 December 00:00 and 31 December 23:59:59.999 in Paris.
    assert_eq!(
        (json["from_ms"].as_i64(), json["to_ms"].as_i64()),
        (Some(1_796_079_600_000), Some(1_798_757_999_999))
    );
    for window in windows {
        assert!(window["start_ms"].as_i64() <= json["to_ms"].as_i64());
        assert!(window["end_ms"].as_i64() >= json["from_ms"].as_i64());
    }
}

#[test]
fn the_file_is_one_that_calendars_read() {
    let text = says(&[&DECEMBER[..], &["--ics"]].concat());
    assert!(
        text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
            && text.ends_with("END:VCALENDAR\r\n")
    );
    assert_eq!(text.matches("BEGIN:VEVENT").count(), text.matches("END:VEVENT").count());
    let mut ids: Vec<&str> = text.lines().filter(|line| line.starts_with("UID:")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(count > 0 && ids.len() == count, "each event has an id of its own");
    assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')));
    assert_eq!(
        text,
        says(&[&DECEMBER[..], &["--ics"]].concat()),
        "equal calendars are equal files"
    );
}

#[test]
fn bad_periods_zones_and_timers_are_refused_with_a_hint() {
    for (arguments, part) in [
        (vec!["--from", "2026-12-31", "--to", "2026-12-01"], "begins at"),
        (vec!["--from", "2026-12-01", "--to", "2037-12-01"], "limit 3660"),
        (vec!["--from", "soon", "--to", "2026-12-01"], "hint: write it as in --from"),
        (
            vec!["--from", "2026-12-01", "--to", "2026-12-02", "--zone", "Mars/Olympus"],
            "hint: name a city of the zone, such as `Europe/Paris`, or `UTC`",
        ),
        (
            vec!["--from", "2026-12-01", "--to", "2026-12-02", "--zone", "GMT+1"],
            "hint: name a city of the zone",
        ),
        (
            vec!["--from", "2026-12-01", "--to", "2026-12-02", "--zone", "berlin"],
            "hint: did you mean `Europe/Berlin`?",
        ),
        (
            vec!["--from", "2026-12-01", "--to", "2026-12-02", "--zone", "america/new york"],
            "hint: did you mean `America/New_York`?",
        ),
        (
            vec!["--from", "2026-12-01", "--to", "2026-12-02", "--zone", "Europe/Pariss"],
            "hint: did you mean `Europe/Paris`?",
        ),
        (
            vec!["--from", "2026-12-01", "--to", "2026-12-02", "--timer", "nothing"],
            "no timer `nothing`",
        ),
    ] {
        let output = cairn(&arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(part) && text.contains("hint: "), "{part:?} in {text}");
    }
}

#[test]
fn a_timer_that_overlaps_itself_and_covers_the_period_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("snow.rules.hcl");
    let timer = "ruleset \"snow\" {\n  dialect = 1\n  context = \"hunt@1\"\n}\ntimer \"snow\" {\n  \
                 cron = \"0 19 * * *\"\n  zone = \"UTC\"\n  duration = \"2d\"\n}\n";
    std::fs::write(&rules, timer).unwrap();
    let shown = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
        command.arg("calendar").arg(&rules).args(["--from", "2026-12-01", "--to", "2026-12-03"]);
        let output = command.args(["-o", format]).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = shown("table");
    assert!(text.contains("snow twice"), "{text}");
    let last: Vec<&str> = text.trim_end().lines().rev().take(2).collect();
    assert_eq!(last, ["5 windows, 1 overlap", "snow is active throughout the period"]);
    let json: serde_json::Value = serde_json::from_str(&shown("json")).unwrap();
    assert_eq!(json["always"], serde_json::json!(["snow"]));
    assert_eq!(json["overlaps"][0]["timers"], serde_json::json!(["snow", "snow"]));
}
