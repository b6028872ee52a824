//! Contenders side by side: in one process, in turn, many short rounds.
//!
//! Every round gives each contender its batch, so that a busy moment of the machine hits all of
//! them; the minimum says what the code costs, the median what this machine made of it.

use std::time::{Duration, Instant};

use crate::alloc;

/// Rounds of a comparison.
const ROUNDS: usize = 200;
/// Time of one batch.
const BATCH: Duration = Duration::from_millis(1);

/// One way to decide something.
pub struct Contender {
    pub name: &'static str,
    /// Runs so many calls and returns how many said yes. The loop is inside, so that it is compiled
    /// together with the call.
    lap: Box<dyn FnMut(usize) -> usize>,
    allocates: bool,
    budget_ns: Option<f64>,
}

impl Contender {
    /// `call` decides input number `index`, any number.
    pub fn new(name: &'static str, mut call: impl FnMut(usize) -> bool + 'static) -> Contender {
        let lap = Box::new(move |calls| (0..calls).filter(|index| call(*index)).count());
        Contender { name, lap, allocates: true, budget_ns: None }
    }

    /// It must not allocate once it is warm.
    pub fn no_allocation(self) -> Contender {
        Contender { allocates: false, ..self }
    }

    /// What one call may take.
    pub fn budget(self, nanoseconds: f64) -> Contender {
        Contender { budget_ns: Some(nanoseconds), ..self }
    }
}

/// Times contenders and prints a table of them, in multiples of `contenders[unit]`. A call's time is
/// divided by `per`.
///
/// # Panics
/// When they do not all decide alike, or one allocates that must not.
pub fn compare(title: &str, unit: usize, per: f64, inputs: usize, mut contenders: Vec<Contender>) {
    let expected = (contenders[0].lap)(inputs);
    assert!(expected > 0 && expected < inputs, "{expected} of {inputs}: the inputs decide nothing");
    let mut batches = Vec::new();
    for contender in &mut contenders {
        assert_eq!((contender.lap)(inputs), expected, "{} decides otherwise", contender.name);
        let start = Instant::now();
        (contender.lap)(inputs);
        let each = start.elapsed().as_secs_f64() / inputs as f64;
        // Whole passes over the inputs, so that every contender sees the same mixture.
        let passes = (BATCH.as_secs_f64() / each / inputs as f64).ceil().max(1.0) as usize;
        batches.push(passes * inputs);
    }
    let mut times = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    let mut allocations = vec![0; contenders.len()];
    for _ in 0..ROUNDS {
        for (index, contender) in contenders.iter_mut().enumerate() {
            let before = alloc::count();
            let start = Instant::now();
            let yes = (contender.lap)(batches[index]);
            let took = start.elapsed().as_secs_f64() * 1e9;
            allocations[index] += alloc::count() - before;
            times[index].push(took / batches[index] as f64 / per);
            assert_eq!(yes, expected * (batches[index] / inputs), "{}", contender.name);
        }
    }
    let ours = times[unit].iter().copied().fold(f64::MAX, f64::min);
    println!("\n### {title}\n\n| who | best | median | against ours | allocations a call |");
    println!("|---|---|---|---|---|");
    for (index, contender) in contenders.iter().enumerate() {
        let times = &mut times[index];
        times.sort_by(f64::total_cmp);
        let (best, median) = (times[0], times[ROUNDS / 2]);
        let each = allocations[index] as f64 / (batches[index] * ROUNDS) as f64;
        let budget = contender.budget_ns.map_or_else(String::new, |b| format!(" (budget {b})"));
        let ratio = best / ours;
        let name = contender.name;
        println!("| {name} | {best:.2} ns{budget} | {median:.2} ns | {ratio:.2} | {each:.1} |");
        assert!(contender.allocates || each == 0.0, "{name} allocates {each} times a call");
    }
}

/// Processor time of this process and of the children that it waited for, in clock ticks.
fn ticks() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may have blanks; user, system and both of the children are fields 14 to 17.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    after.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum()
}

/// Milliseconds of a tick: 100 a second on every Linux that this runs on.
const TICK_MS: f64 = 10.0;

pub fn head(title: &str) {
    println!("\n### {title}\n\n| what | best | median | processor, mean | budget |");
    println!("|---|---|---|---|---|");
}

/// Times something that takes milliseconds, and prints its line below [`head`]. The processor time
/// counts all threads and children: on a busy machine it says more than the clock.
pub fn time<T>(what: &str, rounds: usize, budget_ms: Option<f64>, mut work: impl FnMut() -> T) {
    let mut times = Vec::with_capacity(rounds);
    let before = ticks();
    for _ in 0..rounds {
        let start = Instant::now();
        let made = work();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        // What was made is dropped outside the time.
        drop(std::hint::black_box(made));
    }
    let processor = (ticks() - before) * TICK_MS / rounds as f64;
    times.sort_by(f64::total_cmp);
    let budget = budget_ms.map_or_else(|| "none".to_owned(), |budget| format!("{budget:.0} ms"));
    let (best, median) = (times[0], times[rounds / 2]);
    println!("| {what} | {best:.2} ms | {median:.2} ms | {processor:.1} ms | {budget} |");
}
