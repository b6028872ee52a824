//! `cairn sim`: a loot table by the million.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cairn_ruleset::image::Image;
use cairn_ruleset::loot::{LootError, Tables as _};
use cairn_ruleset::reads::Reads;
use cairn_ruleset::rng;
use cairn_ruleset::sim::interval::{Z_999, wilson};
use cairn_ruleset::sim::odds::{self, Declared};
use cairn_ruleset::sim::plot::{self, Bar, percent};
use cairn_ruleset::sim::{self, Plan, ROLLS_PER_PLAYER, ROLLS_PER_PLAYER_MAX, RUNS_MAX, Tally};
use cairn_ruleset::value;
use cairn_sdk::ImageBytes;
use serde::Serialize;

use super::eval::{CONTEXT_EXAMPLE, object, problem};
use super::exit::Exit;
use super::failure::Failure;
use super::given::GivenArgs;
use super::node::{ChannelArgs, NodeArgs, or_rules};
use super::opened::Opened;
use super::output::{self, Format};
use super::place::PlaceArgs;
use super::roll::{listed, needs_trigger};
use super::signal::Stop;
use crate::api::evaluate::{Request, refused};
use crate::duration;
use crate::live::{EvalRequest, LeftOut};

const EXAMPLES: &str = "Examples:
  cairn sim crypt_rare --runs 1000000 --seed 7        what is live on the agent
  cairn sim crypt_rare --rules hunt-1.4.1.bundle      a bundle file, or a folder of rules
  cairn sim crypt_rare --rules rules/ --trigger boss_kill --context fight.json --at 2026-12-24    with what is conditional
  cairn sim crypt_rare --rules rules/ --trigger boss_kill --context fight.json --counter claims=3 --active night_hunt=true
  cairn sim crypt_rare --rules rules/ --values prices.json --plot odds.svg        worth, and a picture";

/// Players that one thread takes at a time.
const PLAYERS_AT_A_TIME: u64 = 16;
/// How often the bar moves.
const BAR_PERIOD: Duration = Duration::from_millis(100);
/// Largest file of values.
const VALUES_BYTES_MAX: u64 = 1 << 20;

/// Roll a loot table by the million: observed against declared odds, droughts, worth
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The loot table
    table: String,
    /// Roll on this folder, rule file or bundle file instead of what is live on the agent
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Rolls in all
    #[arg(long, value_name = "N", default_value_t = 1_000_000, allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=RUNS_MAX))]
    runs: u64,
    /// What every draw follows; equal seeds give equal answers on any number of cores
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Rolls of one player, who carries pity from one to the next: declared odds depend on it
    #[arg(long, value_name = "N", default_value_t = ROLLS_PER_PLAYER)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(ROLLS_PER_PLAYER_MAX)))]
    rolls_per_player: u32,
    /// A trigger, to judge conditional entries by its fields; without it they are left out
    #[arg(long, value_name = "TRIGGER")]
    trigger: Option<String>,
    /// The trigger's fields: JSON, a file, or - for stdin. With the sources at hand, those that
    /// conditions of the table read; for a bundle all of them
    #[arg(long, value_name = "JSON|FILE")]
    context: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
    /// The time at which conditions are judged, as 2026-11-20T20:00:00Z, 2026-11-20 or in
    /// milliseconds since the Unix epoch; now when left out
    #[arg(long, value_name = "TIME", value_parser = super::eval::instant)]
    at: Option<i64>,
    #[command(flatten)]
    given: GivenArgs,
    /// What an item is worth: JSON {"ITEM": VALUE} in a file, values with up to six decimals
    #[arg(long, value_name = "FILE")]
    values: Option<PathBuf>,
    /// Draw observed and declared odds to this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Threads; all cores when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,
    #[command(flatten)]
    channel: ChannelArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// An entry that takes no part in any roll.
#[derive(Serialize)]
struct Absent {
    /// As in `entries`.
    entry: String,
    /// Its condition, where the sources are at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    /// Whether the condition was looked at and does not hold.
    judged: bool,
    /// What the condition reads, where the sources are at hand.
    #[serde(skip)]
    reads: Option<Reads>,
}

/// One entry of the answer.
#[derive(Serialize)]
struct Line {
    entry: String,
    item: String,
    /// Share of the rolls that gave it.
    observed: f64,
    interval: [f64; 2],
    /// Absent when pities combine to too many states.
    declared: Option<f64>,
    inside: Option<bool>,
    drops_per_roll: f64,
    items_per_roll: f64,
    declared_items_per_roll: Option<f64>,
    drought_p50: u32,
    drought_p99: u32,
}

#[derive(Serialize)]
struct Worth {
    mean: f64,
    interval: [f64; 2],
    declared: Option<f64>,
}

#[derive(Serialize)]
struct Answer {
    ruleset: String,
    table: String,
    runs: u64,
    seed: u64,
    players: u64,
    rolls_per_player: u32,
    /// Of every interval.
    confidence: f64,
    /// False when it was interrupted before all rolls were made.
    complete: bool,
    entries: Vec<Line>,
    /// Conditional entries that take no part.
    left_out: Vec<Absent>,
    /// What the conditions were judged by, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judged_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_per_roll: Option<Worth>,
}

/// Simulates and prints.
///
/// # Errors
/// Exit code 2 for a table, a trigger or a value that does not fit.
pub async fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    let (context, at) = (args.context.is_some(), args.at.is_some());
    let [counter, active] = args.given.options();
    let [zone, shard] = args.place.options();
    let options = [("--context", context), ("--at", at), counter, active, zone, shard];
    needs_trigger(args.trigger.as_deref(), &options)?;
    let opened = match &args.rules {
        Some(path) => Opened::at(path)?,
        None => Opened::live(&args.node, &args.channel).await.map_err(or_rules)?,
    };
    let live = opened.evaluator(args.trigger.is_some())?;
    let image = live.image();
    let Some(table) = image.table_named(&args.table) else {
        let names = || (0..image.table_count() as u16).filter_map(|at| image.table(at));
        let known: Vec<&str> = names().map(|table| table.name).collect();
        return Err(Failure::usage(format!("there is no loot table `{}`", args.table))
            .hint(crate::suggest::hint(&args.table, known.iter().copied())));
    };
    // The clock is read once: what is judged and what is said are of one moment.
    let judged_at_ms = match &args.trigger {
        Some(_) => Some(args.at.map_or_else(|| super::plan::instant(None), Ok)?),
        None => None,
    };
    // A field that no condition of these entries reads need not be given.
    let trigger = args.trigger.as_deref();
    let read = trigger.and_then(|trigger| opened.reads_of_table(trigger, &args.table));
    let reads = |field| read.as_ref().is_none_or(|read| read.fields.contains(&field));
    let eligible = live.eligible_reading(&request(args, judged_at_ms)?, &reads);
    let eligible = eligible.map_err(|error| problem(refused(&error)))?;
    let absent = |out: LeftOut| Absent {
        when: opened.condition(&out.table, &out.entry).map(str::to_owned),
        reads: trigger.and_then(|trigger| opened.reads(trigger, &out.table, &out.entry)),
        judged: out.judged,
        entry: match out.table == args.table {
            true => out.entry,
            false => format!("{}.{}", out.table, out.entry),
        },
    };
    let judged_at_ms = judged_at_ms.filter(|_| live.judges(table.index, &eligible));
    let left_out: Vec<Absent> =
        live.left_out(table.index, &eligible).into_iter().map(absent).collect();
    let masks = eligible.iter().map(|one| one.mask).collect();
    let plan = Plan {
        table: table.index,
        hash: rng::name_hash(&args.table),
        runs: args.runs,
        rolls_per_player: args.rolls_per_player,
        seed: args.seed,
        masks,
    };
    let wrong = |error: sim::SimError| {
        Failure::usage(format!("{} cannot be simulated: {error}", args.table))
    };
    let rows = plan.rows(image).map_err(wrong)?;
    let values = match &args.values {
        Some(path) => Some(values(path, image, &rows)?),
        None => None,
    };
    let threads = match args.threads {
        Some(threads) => usize::from(threads),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let stopped = AtomicBool::new(false);
    let began = Instant::now();
    let mut stop = Stop::install()?;
    let prices = values.as_deref().unwrap_or(&[]);
    let empty = Tally::new(&rows, prices);
    let tally = tokio::task::block_in_place(|| {
        // Ctrl-C ends the work between two players, so what was counted is whole.
        let handle = tokio::runtime::Handle::current();
        std::thread::scope(|scope| {
            let (done, finished) = tokio::sync::oneshot::channel::<()>();
            let stopped = &stopped;
            scope.spawn(move || {
                handle.block_on(async {
                    tokio::select! {
                        () = stop.requested() => stopped.store(true, Ordering::Relaxed),
                        _ = finished => {}
                    }
                });
            });
            let tally = simulate(image, &plan, &empty, threads, stopped);
            drop(done);
            tally
        })
    })
    .map_err(|error| wrong(error.into()))?;
    let took = began.elapsed();
    let plan = Plan { runs: tally.rolls.max(1), ..plan };
    let declared = odds::declared(image, &plan, &rows).map_err(wrong)?;
    let answer = Answer {
        ruleset: live.ruleset().to_owned(),
        table: args.table.clone(),
        runs: tally.rolls,
        seed: args.seed,
        players: plan.players(),
        rolls_per_player: args.rolls_per_player,
        confidence: 0.999,
        complete: tally.rolls == args.runs,
        left_out,
        trigger: args.trigger.clone(),
        judged_at_ms,
        entries: lines(image, &plan, &rows, &tally, declared.as_deref()),
        value_per_roll: values.as_ref().map(|values| {
            let (mean, half) = tally.mean_worth(Z_999);
            let of = |all: &[Declared]| {
                all.iter().zip(values).map(|(one, value)| one.items * *value as f64 / 1e6).sum()
            };
            let (mean, half) = (mean / 1e6, half / 1e6);
            let interval = [mean - half, mean + half];
            Worth { mean, interval, declared: declared.as_deref().map(of) }
        }),
    };
    if let Some(path) = &args.plot {
        draw(path, &answer)?;
    }
    match format {
        Format::Json => output::json(&answer)?,
        Format::Table => output::line(&show(&answer, &opened, took, threads)),
    }
    Ok(Exit::Ok)
}

/// What conditional entries are judged by. Without a trigger they are left out.
fn request(args: &Args, at_ms: Option<i64>) -> Result<EvalRequest, Failure> {
    let context = object("context", args.context.as_deref().unwrap_or("{}"), CONTEXT_EXAMPLE)?;
    let Some(trigger) = &args.trigger else { return Ok(EvalRequest::default()) };
    let mut head = serde_json::json!({"trigger": trigger, "seed": args.seed, "now_ms": at_ms});
    if let Some(fields) = head.as_object_mut() {
        args.place.put(fields);
        args.given.put(fields);
    }
    let mut text = head.to_string();
    text.truncate(text.len() - 1);
    text.push_str(",\"context\":");
    text.push_str(context.get());
    text.push('}');
    let request: Request = crate::api::body::json(text.as_bytes()).map_err(problem)?;
    request.convert().map_err(|(field, reason)| Failure::usage(format!("{field}: {reason}")))
}

/// All players on all threads. Sums are of whole numbers: who took which changes nothing.
fn simulate(
    image: &Image<ImageBytes>,
    plan: &Plan,
    empty: &Tally,
    threads: usize,
    stopped: &AtomicBool,
) -> Result<Tally, LootError> {
    let (next, rolled) = (AtomicU64::new(0), AtomicU64::new(0));
    let total = Mutex::new((empty.clone(), None));
    let players = plan.players();
    let bar = std::io::stderr().is_terminal();
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..threads {
            workers.push(scope.spawn(|| {
                let (mut own, mut failed) = (empty.clone(), None);
                while !stopped.load(Ordering::Relaxed) {
                    let first = next.fetch_add(PLAYERS_AT_A_TIME, Ordering::Relaxed);
                    if first >= players {
                        break;
                    }
                    let range = first..players.min(first + PLAYERS_AT_A_TIME);
                    let before = own.rolls;
                    if let Err(error) = sim::players(image, plan, range, &mut own) {
                        failed = Some(error);
                        break;
                    }
                    rolled.fetch_add(own.rolls - before, Ordering::Relaxed);
                }
                let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                total.0.add(&own);
                total.1 = total.1.or(failed);
            }));
        }
        while bar && !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            progress(rolled.load(Ordering::Relaxed), plan.runs);
            std::thread::park_timeout(BAR_PERIOD);
        }
        if bar {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    });
    let (tally, failed) = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failed.map_or(Ok(tally), Err)
}

/// The bar, on its own line of a terminal.
fn progress(rolled: u64, runs: u64) {
    const WIDTH: u64 = 40;
    let full = rolled.saturating_mul(WIDTH) / runs.max(1);
    let bar: String = (0..WIDTH).map(|at| if at < full { '█' } else { '░' }).collect();
    let percent = rolled.saturating_mul(100) / runs.max(1);
    let mut err = std::io::stderr();
    let _ =
        write!(err, "\r{bar} {percent:>3} %  {rolled} of {runs} rolls").and_then(|()| err.flush());
}

fn lines(
    image: &Image<ImageBytes>,
    plan: &Plan,
    rows: &[(u16, u16)],
    tally: &Tally,
    declared: Option<&[Declared]>,
) -> Vec<Line> {
    let rolls = tally.rolls.max(1) as f64;
    let entry = |(table, index): (u16, u16)| {
        let name = image.entries(table).nth(usize::from(index)).map_or("?", |entry| entry.name);
        match table == plan.table {
            true => name.to_owned(),
            false => format!("{}.{name}", image.table(table).map_or("?", |table| table.name)),
        }
    };
    (rows.iter().zip(&tally.rows).enumerate())
        .map(|(at, (row, seen))| {
            let (low, high) = wilson(seen.hits, tally.rolls, Z_999);
            let declared = declared.and_then(|all| all.get(at));
            Line {
                entry: entry(*row),
                item: item(image, *row).to_owned(),
                observed: seen.hits as f64 / rolls,
                interval: [low, high],
                declared: declared.map(|one| one.share),
                inside: declared.map(|one| one.share >= low - 1e-12 && one.share <= high + 1e-12),
                drops_per_roll: seen.drops as f64 / rolls,
                items_per_roll: seen.items as f64 / rolls,
                declared_items_per_roll: declared.map(|one| one.items),
                drought_p50: seen.drought(500),
                drought_p99: seen.drought(990),
            }
        })
        .collect()
}

fn item(image: &Image<ImageBytes>, (table, index): (u16, u16)) -> &str {
    match image.entry(table, usize::from(index)).map(|entry| entry.gives) {
        Some(cairn_ruleset::loot::Gives::Item(item)) => item,
        _ => "?",
    }
}

/// The value of each row's item in millionths; items that the file does not name are worth nothing.
fn values(
    path: &std::path::Path,
    image: &Image<ImageBytes>,
    rows: &[(u16, u16)],
) -> Result<Vec<i64>, Failure> {
    use std::io::Read as _;
    let wrong = |reason: String| {
        Failure::usage(format!("cannot use the values in {}: {reason}", path.display()))
            .hint("write JSON such as {\"gold_pile\": 12, \"lich_crown\": 2500.5}")
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    let read = file.take(VALUES_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > VALUES_BYTES_MAX {
        return Err(wrong(format!("more than {VALUES_BYTES_MAX} bytes")));
    }
    let given: BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let items: Vec<&str> = rows.iter().map(|row| item(image, *row)).collect();
    let mut parsed: BTreeMap<&str, i64> = BTreeMap::new();
    for (name, raw) in &given {
        if !items.contains(&name.as_str()) {
            return Err(wrong(format!("the table gives no item `{name}`"))
                .hint(crate::suggest::hint(name, items.iter().copied())));
        }
        let number = value::parse_decimal(raw.get());
        parsed.insert(name, number.map_err(|error| wrong(format!("{name}: {error}")))?);
    }
    Ok(items.iter().map(|item| parsed.get(item).copied().unwrap_or(0)).collect())
}

fn draw(path: &std::path::Path, answer: &Answer) -> Result<(), Failure> {
    let bars: Vec<Bar> = (answer.entries.iter())
        .map(|line| Bar {
            label: line.entry.clone(),
            observed: line.observed,
            interval: (line.interval[0], line.interval[1]),
            declared: line.declared,
        })
        .collect();
    let title = format!("{} of {}", answer.table, answer.ruleset);
    let subtitle = format!("{} rolls, seed {}", answer.runs, answer.seed);
    std::fs::write(path, plot::svg(&title, &subtitle, &bars)).map_err(|error| {
        Failure::usage(format!("cannot write the plot {}: {error}", path.display()))
    })
}

/// What took no part, why, and what would let it.
fn absences(answer: &Answer, opened: &Opened) -> Vec<String> {
    let names = |judged: bool| {
        let of = answer.left_out.iter().filter(|out| out.judged == judged);
        let shown = of.map(|out| match &out.when {
            Some(when) => format!("{} (when {when})", out.entry),
            None => out.entry.clone(),
        });
        shown.collect::<Vec<String>>()
    };
    let (unjudged, failed) = (names(false), names(true));
    let mut lines = Vec::new();
    if let Some(at) = answer.judged_at_ms.filter(|_| !failed.is_empty()) {
        lines.push(format!(
            "left out: {}: does not hold, judged at {}\n  hint: {}",
            listed(&failed),
            value::instant_text(at),
            turns(answer, opened)
        ));
    }
    if !unjudged.is_empty() {
        let why = match &answer.trigger {
            None => "no condition is judged without --trigger and its --context".to_owned(),
            Some(trigger) => format!("not judged, as no rule on {trigger} rolls that table"),
        };
        lines.push(format!("left out: {}: {why}", listed(&unjudged)));
    }
    if let Some(at) = answer.judged_at_ms.filter(|_| failed.is_empty()) {
        lines.push(format!("conditions judged at {}", value::instant_text(at)));
    }
    lines
}

/// What can be given that the conditions read which do not hold.
fn turns(answer: &Answer, opened: &Opened) -> String {
    let mut all = Reads::default();
    for out in answer.left_out.iter().filter(|out| out.judged) {
        let Some(reads) = &out.reads else {
            // A bundle holds no conditions that could be looked into.
            return "conditions read what --context, --counter, --active and --at give, and parameters \
                    of --zone and --shard"
                .to_owned();
        };
        all.join(reads);
    }
    let (schema, timers) = (&opened.contents.schema, &opened.contents.timers);
    let mut given = Vec::new();
    if let Some(fields) = answer.trigger.as_deref().and_then(|on| opened.fields(on)) {
        let read = all.fields.iter().filter_map(|at| fields.get(usize::from(*at)));
        let names: Vec<String> = read.map(|field| field.name.clone()).collect();
        if !names.is_empty() {
            given.push(format!("--context ({})", listed(&names)));
        }
    }
    let counters = all.counters.iter().filter_map(|at| schema.counters.get(usize::from(*at)));
    given.extend(counters.map(|counter| format!("--counter {}=N", counter.name)));
    let timers = all.timers.iter().filter_map(|at| timers.get(usize::from(*at)));
    given.extend(timers.map(|timer| format!("--active {}=true or false", timer.name)));
    if all.now || !all.timers.is_empty() {
        given.push("--at TIME".to_owned());
    }
    let differs = |at: &u16| opened.contents.params.overrides.iter().any(|one| one.param == *at);
    if all.params.iter().any(differs) {
        given.push("--zone and --shard for overrides".to_owned());
    }
    match given.is_empty() {
        true => "nothing that can be given here changes that".to_owned(),
        false => format!("give another {}", given.join(", ")),
    }
}

fn show(answer: &Answer, opened: &Opened, took: Duration, threads: usize) -> String {
    let rows: Vec<Vec<String>> = (answer.entries.iter())
        .map(|line| {
            let each = u64::from(answer.rolls_per_player).min(answer.runs);
            let drought = |length: u32| match u64::from(length) >= each {
                true => format!("≥{length}"),
                false => length.to_string(),
            };
            vec![
                line.entry.clone(),
                line.declared.map_or("?".to_owned(), percent),
                percent(line.observed),
                format!("{} to {}", percent(line.interval[0]), percent(line.interval[1])),
                match line.inside {
                    Some(true) => "yes",
                    Some(false) => "NO",
                    None => "?",
                }
                .to_owned(),
                format!("{:.4}", line.items_per_roll),
                drought(line.drought_p50),
                drought(line.drought_p99),
            ]
        })
        .collect();
    let head =
        ["ENTRY", "DECLARED", "OBSERVED", "99.9 %", "INSIDE", "ITEMS/ROLL", "DROUGHT P50", "P99"];
    let mut text = output::table(&head, &rows);
    if let Some(worth) = &answer.value_per_roll {
        let declared = worth.declared.map_or(String::new(), |d| format!(", declared {d:.6}"));
        let half = worth.interval[1] - worth.mean;
        text.push_str(&format!("\n\nvalue per roll: {:.6} ± {half:.6}{declared}", worth.mean));
    }
    if answer.entries.iter().any(|line| line.declared.is_none()) {
        text.push_str("\n\ndeclared odds are not shown: the pities combine to too many states");
    }
    for line in absences(answer, opened) {
        text.push_str("\n\n");
        text.push_str(&line);
    }
    let early = if answer.complete { "" } else { ", stopped early" };
    text.push_str(&format!(
        "\n\n{} rolls of {} by {} players of up to {} rolls, seed {}, in {} on {threads} threads{early}\n\
         99.9 %: Wilson's interval of a roll giving the entry; a drought is a player's longest run \
         of rolls without it",
        answer.runs,
        answer.table,
        answer.players,
        answer.rolls_per_player,
        answer.seed,
        duration::show(took),
    ));
    text
}
