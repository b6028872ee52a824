//! `cairn calendar`: when timers are active, and which of them at once.

use std::path::PathBuf;

use cairn_ruleset::calendar::{Calendar, PeriodError, TimeZone, calendar, document};
use cairn_ruleset::schedule;
use cairn_ruleset::value::duration_text;
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::opened::Opened;
use super::output::{self, Format};
use crate::diagnostics::plural;

const EXAMPLES: &str = "Examples:
  cairn calendar rules/ --from 2026-12-01 --to 2026-12-31 --zone Europe/Paris
  cairn calendar rules/ --from 2026-12-24 --to 2026-12-26 --timer night_hunt
  cairn calendar rules/ --from 2026-12-01 --to 2026-12-31 --ics > events.ics    for any calendar program";

/// List when timers are active in a period, and which of them are active at once
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// A folder of rules, a rule file or a bundle file
    rules: PathBuf,
    /// First day, or a time such as 2026-12-01T18:00:00Z
    #[arg(long, value_name = "DATE")]
    from: String,
    /// Last day, which is included, or a time
    #[arg(long, value_name = "DATE")]
    to: String,
    /// Whose days and times are meant and shown
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    zone: String,
    /// Only this timer; repeat it
    #[arg(long, value_name = "TIMER")]
    timer: Vec<String>,
    /// Write iCalendar (RFC 5545) instead
    #[arg(long)]
    ics: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    ruleset: &'a str,
    zone: &'a str,
    from_ms: i64,
    to_ms: i64,
    #[serde(flatten)]
    calendar: &'a Calendar,
}

/// Lists and prints.
///
/// # Errors
/// Exit code 2 for a period or a timer that does not exist, 3 for rules that do not hold.
pub fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let wrong = |error: PeriodError| {
        let hint = match &error {
            PeriodError::Zone { zone } => near_zone(zone),
            _ => "write it as in --from 2026-12-01 --to 2026-12-31".to_owned(),
        };
        Failure::usage(error.to_string()).hint(hint)
    };
    let zone = TimeZone::named(&args.zone).map_err(wrong)?;
    let (from_ms, to_ms) =
        (zone.first(&args.from).map_err(wrong)?, zone.last(&args.to).map_err(wrong)?);
    let mut contents = Opened::at(&args.rules)?.contents;
    if let Some(unknown) =
        args.timer.iter().find(|name| !contents.timers.iter().any(|timer| timer.name == **name))
    {
        let known = contents.timers.iter().map(|timer| timer.name.as_str());
        return Err(Failure::usage(format!("no timer `{unknown}` in {}", args.rules.display()))
            .hint(crate::suggest::hint(unknown, known)));
    }
    contents.timers.retain(|timer| args.timer.is_empty() || args.timer.contains(&timer.name));
    let calendar = calendar(&contents, from_ms, to_ms).map_err(wrong)?;
    if args.ics {
        // Stamped with the period, not with the clock: equal calendars are equal files.
        output::raw(&document(&contents, &calendar, from_ms));
        warn(&calendar, zone);
        return Ok(Exit::Ok);
    }
    match format {
        Format::Json => output::json(&Report {
            ruleset: &contents.schema.ruleset,
            zone: &args.zone,
            from_ms,
            to_ms,
            calendar: &calendar,
        })?,
        Format::Table => {
            output::line(&show(&calendar, zone));
            warn(&calendar, zone);
        }
    }
    Ok(Exit::Ok)
}

/// The zone that was probably meant: that of the city or the abbreviation, or the nearest.
fn near_zone(written: &str) -> String {
    let near = match schedule::zone_of(written) {
        None if schedule::is_short_zone(written) => None,
        None => crate::suggest::nearest_by_edits(written, schedule::zone_names()),
        known => known,
    };
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name a city of the zone, such as `Europe/Paris`, or `UTC`".to_owned(),
    }
}

fn show(calendar: &Calendar, zone: TimeZone) -> String {
    let rows: Vec<Vec<String>> = calendar
        .windows
        .iter()
        .map(|window| {
            let lasts = window.end_ms - window.start_ms;
            let (until, lasts) = match lasts {
                0 => ("-".to_owned(), "an instant".to_owned()),
                lasts => (zone.text(window.end_ms), duration_text(lasts)),
            };
            vec![zone.text(window.start_ms), until, lasts, window.timer.clone()]
        })
        .collect();
    let mut text = match rows.is_empty() {
        true => String::new(),
        false => output::table(&["FROM", "UNTIL", "LASTS", "TIMER"], &rows) + "\n\n",
    };
    let rows: Vec<Vec<String>> = calendar
        .overlaps
        .iter()
        .map(|overlap| {
            let lasts = duration_text(overlap.end_ms - overlap.start_ms);
            let (a, b) = &overlap.timers;
            let both = if a == b { format!("{a} twice") } else { format!("{a} and {b}") };
            vec![zone.text(overlap.start_ms), zone.text(overlap.end_ms), lasts, both]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str(&output::table(&["FROM", "UNTIL", "LASTS", "AT ONCE"], &rows));
        text.push_str("\n\n");
    }
    for timer in &calendar.always {
        text.push_str(&format!("{timer} is active throughout the period\n"));
    }
    text.push_str(&format!(
        "{}, {}",
        plural(calendar.windows.len(), "window"),
        plural(calendar.overlaps.len(), "overlap")
    ));
    text
}

/// Says what the lists leave out.
fn warn(calendar: &Calendar, zone: TimeZone) {
    for (timer, at) in &calendar.cut {
        output::note(&format!(
            "{timer} fires too often to be listed: cut off at {}\n  hint: ask for a shorter period",
            zone.text(*at)
        ));
    }
    if calendar.overlaps_cut {
        output::note("more overlaps than are listed\n  hint: ask for a shorter period, or --timer");
    }
}
