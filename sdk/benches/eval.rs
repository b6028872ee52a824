//! What reading through the SDK costs, in nanoseconds and allocations: parameters, checked contexts,
//! loot, images. Bare evaluation stands beside other engines in `benches/rivals`.
//!
//! `cargo bench -p cairn-sdk`. Figures are the best of several rounds of many calls; the counting
//! allocator proves that the hot paths allocate nothing (the run fails otherwise).

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cairn_ruleset::ir::{
    Audience, BinaryOp, Expr, FragmentDef, On, OnFault, OutcomeDef, Program, RuleDef,
};
use cairn_ruleset::rng;
use cairn_sdk::{Context, Outcome, Pity};
use support::{Fixture, Stream, build, generate, image_of};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: Every call is passed on unchanged to the system allocator, which upholds the contract;
// counting touches no memory of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: The caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: The caller's promise about `pointer` and `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: u32 = 12;

/// Best nanoseconds a call over some rounds, and allocations a call.
fn measure(calls: u32, mut call: impl FnMut(u32)) -> (f64, f64) {
    (0..calls.min(1_000)).for_each(&mut call);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        (0..calls).for_each(&mut call);
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    (best, allocations as f64 / f64::from(calls * ROUNDS))
}

fn report(what: &str, (nanoseconds, allocations): (f64, f64), budget: Option<f64>) {
    let budget = budget.map_or_else(String::new, |budget| format!("  (budget {budget} ns)"));
    println!("{what:<52} {nanoseconds:9.2} ns  {allocations:5.2} alloc{budget}");
}

fn compare(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary(op, Box::new(left), Box::new(right))
}

/// One rule: `level >= 10 && zone == crypt && rate(claims) < 5`.
fn program() -> Program {
    let level = compare(BinaryOp::Ge, Expr::Field(0), Expr::Const(10));
    let zone = compare(BinaryOp::Eq, Expr::Field(1), Expr::Const(2));
    let rate = compare(BinaryOp::Lt, Expr::Rate(0), Expr::Const(5));
    let when = compare(BinaryOp::And, compare(BinaryOp::And, level, zone), rate);
    let name = "veteran".to_owned();
    let hit = OutcomeDef {
        name: "hit".into(),
        audience: Audience::Caller,
        loot: None,
        payload: Vec::new(),
    };
    let hash = rng::name_hash(&name);
    let rule = RuleDef { hash, name, when, outcomes: vec![hit], on_fault: OnFault::Skip };
    let mut program = generate::frame(&mut Stream(1));
    program.fragments = vec![FragmentDef {
        name: "bench/kill".into(),
        on: On::Trigger(0),
        rules: vec![rule],
        masks: Vec::new(),
    }];
    program
}

fn main() {
    println!("best of {ROUNDS} rounds; fuel and epoch belts on");
    let none = |what: &str, (_, allocations): (f64, f64)| {
        assert!(allocations == 0.0, "{what} allocates {allocations} times a call");
    };

    let mut one = Fixture::new(program());
    let mut context = Context::for_trigger(&one.version, "kill").expect("a trigger");
    let fields: Vec<_> = one.version.image().fields(0).map(|field| field.slot).collect();
    support::fill(&mut context, &fields, &mut Stream(9));
    let mut outcome = Outcome::new();
    let figure = measure(500_000, |index| {
        context.seed(index.into());
        let level = i64::from(index % 100) + 1;
        let set = context.set(0, level).map(drop);
        black_box(set.and_then(|()| one.evaluator.eval(&context, &mut outcome)).is_ok());
    });
    none("eval with a checked context", figure);
    report("one rule, checked context and decoded outcome", figure, None);

    let version = &one.version;
    let index = version.param_index("param_3").expect("a parameter");
    let figure = measure(2_000_000, |_| {
        black_box(version.param_raw(black_box(index)));
    });
    none("param_raw", figure);
    report("parameter by index (param_raw)", figure, Some(10.0));
    let figure = measure(1_000_000, |_| {
        let index = version.param_index(black_box("param_3"));
        black_box(index.and_then(|index| version.param_raw(index)));
    });
    none("param_index", figure);
    report("parameter by name (param_index, param_raw)", figure, None);

    // A table with rolls, a guaranteed entry, soft pities and a nested table.
    let mut pity = Pity::new(version);
    let mut drops = Vec::with_capacity(64);
    let figure = measure(1_000_000, |seed| {
        drops.clear();
        let rolled = version.roll_table(0, seed.into(), 1, &mut pity, &mut drops);
        black_box(rolled.is_ok());
    });
    none("roll_table", figure);
    report("roll of a table with pity (roll_table)", figure, Some(2_000.0));

    let image = image_of(&build(&one.program));
    let figure = measure(200, |_| {
        black_box(cairn_ruleset::image::Image::open(black_box(image.as_slice())).is_ok());
    });
    report(&format!("image open, {} bytes", image.len()), figure, None);
}
