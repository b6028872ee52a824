//! `cargo xtask agree`: the long run.

#![expect(clippy::disallowed_methods, reason = "a command: it times what it runs")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cairn_agree::{Backend, Case, compare, shrink};

const USAGE: &str = "\
Usage: cargo xtask agree [options]

  --programs N     random rule sets (default 1000)
  --inputs N       inputs of each fragment (default 50)
  --seed N         seed of the first rule set; the others follow (default 0)
  --backends LIST  of wasmtime,opcodes,rust,node (default: all)
  --batch N        rule sets of one run of rustc (default 250)
  --threads N      (default: as many as the machine has)
";

/// Most programs of one run.
const PROGRAMS_MAX: usize = 10_000_000;

struct Options {
    programs: usize,
    inputs: usize,
    seed: u64,
    backends: Vec<Backend>,
    batch: usize,
    threads: usize,
}

fn options() -> Result<Option<Options>, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let backends = Backend::ALL.to_vec();
    let mut options =
        Options { programs: 1_000, inputs: 50, seed: 0, backends, batch: 250, threads };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        if name == "--help" || name == "-h" {
            return Ok(None);
        }
        let value = args.next().ok_or_else(|| format!("`{name}` wants a value"))?;
        let number = |max: usize| match value.parse::<usize>() {
            Ok(number) if (1..=max).contains(&number) => Ok(number),
            _ => Err(format!("`{name} {value}`: a number from 1 to {max} is wanted")),
        };
        match name.as_str() {
            "--programs" => options.programs = number(PROGRAMS_MAX)?,
            "--inputs" => options.inputs = number(100_000)?,
            "--batch" => options.batch = number(2_000)?,
            "--threads" => options.threads = number(256)?,
            "--seed" => {
                options.seed =
                    value.parse().map_err(|_| format!("`--seed {value}`: not a number"))?;
            }
            "--backends" => {
                let named = value.split(',').map(|name| {
                    let known = Backend::ALL.into_iter().find(|backend| backend.name() == name);
                    known.ok_or_else(|| format!("no back end is called `{name}`"))
                });
                options.backends = named.collect::<Result<_, _>>()?;
            }
            other => return Err(format!("no option is called `{other}`")),
        }
    }
    Ok(Some(options))
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprintln!("agree: {mistake}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match agree(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(3),
        Err(failure) => {
            eprintln!("agree: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every batch; answers with the number of rule sets that differ.
fn agree(options: &Options) -> Result<usize, String> {
    let started = Instant::now();
    let batches = options.programs.div_ceil(options.batch);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (rules, evaluations, differences) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let failure = Mutex::new(None);
    let batch = |index: usize| -> Result<(), String> {
        let first = index * options.batch;
        let last = (first + options.batch).min(options.programs);
        let seeds = (first..last).map(|offset| options.seed.wrapping_add(offset as u64));
        let cases: Vec<Case> = seeds.map(|seed| Case::new(seed, options.inputs)).collect();
        for backend in &options.backends {
            let found = compare(*backend, &cases).map_err(|error| error.to_string())?;
            for difference in found {
                differences.fetch_add(1, Ordering::Relaxed);
                let case = cases.iter().find(|case| case.seed == difference.seed);
                let shown = match case {
                    Some(case) => shrink(difference, case, &|_| {}).map_err(|e| e.to_string())?,
                    None => difference,
                };
                println!("{shown}\n");
            }
        }
        rules.fetch_add(cases.iter().map(|case| case.acceptance().1).sum(), Ordering::Relaxed);
        evaluations.fetch_add(cases.iter().map(Case::evaluations).sum(), Ordering::Relaxed);
        let programs = done.fetch_add(cases.len(), Ordering::Relaxed) + cases.len();
        let seconds = started.elapsed().as_secs();
        eprintln!("{programs} of {} rule sets, {seconds} s", options.programs);
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..options.threads.min(batches) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= batches {
                        return;
                    }
                    if let Err(reason) = batch(index) {
                        next.store(batches, Ordering::Relaxed);
                        if let Ok(mut failure) = failure.lock() {
                            failure.get_or_insert(reason);
                        }
                    }
                }
            });
        }
    });
    if let Some(failure) = failure.into_inner().map_err(|_| "a thread panicked".to_owned())? {
        return Err(failure);
    }
    let names: Vec<_> = options.backends.iter().map(|backend| backend.name()).collect();
    let differences = differences.into_inner();
    println!(
        "{} rule sets with {} rules, {} inputs a fragment: {} evaluations, {} differ, in {:.0} s; interpreter = {}",
        options.programs,
        rules.into_inner(),
        options.inputs,
        evaluations.into_inner(),
        if differences == 0 { "none".to_owned() } else { differences.to_string() },
        started.elapsed().as_secs_f64(),
        names.join(" = "),
    );
    Ok(differences)
}
