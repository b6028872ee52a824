//! `sim`: replays one seed and tells its story, or judges many of them.
#![expect(
    clippy::disallowed_methods,
    reason = "a shell around the simulation: it measures how fast virtual time passes"
)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cairn_chaos::sim::{self, Counts, DEFECTS, Report, SimConfig};

const USAGE: &str = "\
usage: sim --seed N [options]          replay one seed and tell everything that happens
       sim --seeds A..B [options]      judge many seeds
options:
  --jobs N        threads for --seeds (default 2)
  --nodes N       nodes of the fleet (default 5)
  --minutes N     virtual minutes with faults (default 10)
  --defect NAME   put a fixed bug back: the run ends at the first seed that finds it
  --quiet         with --seed: the outcome only
exit codes: 0 no violation, 2 usage, 3 a violation was found";

struct Options {
    first: u64,
    end: u64,
    is_single: bool,
    is_quiet: bool,
    jobs: u64,
    defect: Option<String>,
    config: SimConfig,
}

fn options() -> Result<Options, String> {
    let mut seeds = None;
    let mut options = Options {
        first: 0,
        end: 0,
        is_single: false,
        is_quiet: false,
        jobs: 2,
        defect: None,
        config: SimConfig::default(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--quiet" {
            options.is_quiet = true;
            continue;
        }
        if argument == "--help" {
            return Err(String::new());
        }
        let value = arguments.next().ok_or_else(|| format!("{argument} wants a value"))?;
        let number = |text: &str| {
            text.parse::<u64>().map_err(|_| format!("{argument}: `{text}` is not a number"))
        };
        match argument.as_str() {
            "--seed" => {
                let seed = number(&value)?;
                options.is_single = true;
                seeds = Some((seed, seed.saturating_add(1)));
            }
            "--seeds" => {
                let (first, end) = value
                    .split_once("..")
                    .ok_or_else(|| format!("--seeds: `{value}` is not A..B"))?;
                seeds = Some((number(first)?, number(end)?));
            }
            "--jobs" => options.jobs = number(&value)?.clamp(1, 256),
            "--nodes" => options.config.nodes = number(&value)?.clamp(1, 1_000) as u32,
            "--minutes" => options.config.duration = Duration::from_secs(number(&value)? * 60),
            "--defect" => {
                if !options.config.plant(&value) {
                    let known = DEFECTS.join(", ");
                    return Err(format!("--defect: `{value}` is none of {known}"));
                }
                options.defect = Some(value);
            }
            _ => return Err(format!("unknown option {argument}")),
        }
    }
    (options.first, options.end) = seeds.ok_or("--seed or --seeds is missing")?;
    options.config.verbose = options.is_single && !options.is_quiet;
    Ok(options)
}

#[derive(Default)]
struct Total {
    seeds: u64,
    node_hours: f64,
    happenings: u64,
    counts: Counts,
    failed: Vec<Report>,
}

fn work(options: &Options, next: &AtomicU64) -> Total {
    let mut total = Total::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= options.end {
            return total;
        }
        let report = sim::run(seed, &options.config);
        total.seeds += 1;
        total.node_hours += report.node_hours();
        total.happenings += report.happenings;
        total.counts.add(&report.counts);
        if !report.violations.is_empty() {
            total.failed.push(report);
            if options.defect.is_some() {
                next.store(options.end, Ordering::Relaxed);
            }
        }
    }
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(message) => {
            if !message.is_empty() {
                eprintln!("error: {message}");
            }
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let next = AtomicU64::new(options.first);
    let jobs = if options.is_single { 1 } else { options.jobs };
    let mut total = Total::default();
    std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..jobs).map(|_| scope.spawn(|| work(&options, &next))).collect();
        for job in jobs {
            // A panic in a core is a finding: let it end the process with its message.
            let part = job.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            total.seeds += part.seeds;
            total.node_hours += part.node_hours;
            total.happenings += part.happenings;
            total.counts.add(&part.counts);
            total.failed.extend(part.failed);
        }
    });
    let wall = started.elapsed().as_secs_f64();
    total.failed.sort_by_key(|report| report.seed);
    for report in &total.failed {
        println!("{report}{}", repeat_options(&options));
    }
    if options.is_single {
        let report = sim_hash(&options);
        println!("trace {report:016x}");
    }
    println!(
        "{} seeds, {:.1} virtual node-hours in {wall:.2} s: {:.1} node-hours a second, {:.2} million happenings a second",
        total.seeds,
        total.node_hours,
        total.node_hours / wall,
        total.happenings as f64 / wall / 1e6,
    );
    println!("{:?}", total.counts);
    match total.failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(3),
    }
}

/// The trace of the seed that was told about, from a quiet second run: it must be the same one.
fn sim_hash(options: &Options) -> u64 {
    let config = SimConfig { verbose: false, ..options.config.clone() };
    sim::run(options.first, &config).trace_hash
}

fn repeat_options(options: &Options) -> String {
    let mut text = String::new();
    let standard = SimConfig::default();
    if options.config.nodes != standard.nodes {
        text += &format!(" --nodes {}", options.config.nodes);
    }
    if options.config.duration != standard.duration {
        text += &format!(" --minutes {}", options.config.duration.as_secs() / 60);
    }
    if let Some(defect) = &options.defect {
        text += &format!(" --defect {defect}");
    }
    text
}
