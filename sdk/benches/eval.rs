//! What reading and evaluating costs, in nanoseconds and allocations, beside native Rust.
//!
//! `cargo bench -p cairn-sdk`. Figures are the best of several rounds of many calls; the counting
//! allocator proves that the hot paths allocate nothing (the run fails otherwise).

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cairn_ruleset::ir::{
    Audience, BinaryOp, Expr, FragmentDef, On, OnFault, OutcomeDef, Program, RuleDef,
};
use cairn_ruleset::layout::slot_at;
use cairn_ruleset::rng;
use cairn_sdk::{Context, Outcome, Pity, Version};
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

fn report(what: &str, (nanoseconds, allocations): (f64, f64), per: u32, budget: Option<f64>) {
    let each = if per > 1 {
        format!("  {:7.2} ns each of {per}", nanoseconds / f64::from(per))
    } else {
        String::new()
    };
    let budget = budget.map_or_else(String::new, |budget| format!("  (budget {budget} ns)"));
    println!("{what:<52} {nanoseconds:9.2} ns  {allocations:5.2} alloc{each}{budget}");
}

fn compare(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary(op, Box::new(left), Box::new(right))
}

/// `level >= a && zone == z && rate(claims) < r`.
fn veteran(level: i64, zone: i64, rate: i64) -> Expr {
    let level = compare(BinaryOp::Ge, Expr::Field(0), Expr::Const(level));
    let zone = compare(BinaryOp::Eq, Expr::Field(1), Expr::Const(zone));
    let rate = compare(BinaryOp::Lt, Expr::Rate(0), Expr::Const(rate));
    compare(BinaryOp::And, compare(BinaryOp::And, level, zone), rate)
}

fn program(conditions: &[(i64, i64, i64)]) -> Program {
    let mut program = generate::frame(&mut Stream(1));
    let rules = conditions.iter().enumerate().map(|(index, (level, zone, rate))| {
        let name = format!("rule_{index}");
        RuleDef {
            hash: rng::name_hash(&name),
            name,
            when: veteran(*level, *zone, *rate),
            outcomes: vec![OutcomeDef {
                name: "hit".into(),
                audience: Audience::Caller,
                loot: None,
                payload: Vec::new(),
            }],
            on_fault: OnFault::Skip,
        }
    });
    program.fragments = vec![FragmentDef {
        name: "bench/kill".into(),
        on: On::Trigger(0),
        rules: rules.collect(),
        masks: Vec::new(),
    }];
    program
}

/// 64 contexts, so that nothing is learnt by heart.
fn contexts(version: &Arc<Version>) -> Vec<Vec<u8>> {
    let mut stream = Stream(5);
    let mut context = Context::for_trigger(version, "kill").expect("a trigger");
    let fields: Vec<_> = version.image().fields(0).map(|field| field.slot).collect();
    let made = (0..64).map(|_| {
        support::fill(&mut context, &fields, &mut stream);
        context.bytes().expect("every field is set").to_vec()
    });
    made.collect()
}

fn slot(bytes: &[u8], slot: usize) -> i64 {
    let at = slot_at(slot);
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, i64::from_le_bytes)
}

fn main() {
    println!("best of {ROUNDS} rounds; fuel and epoch belts on");
    let none = |what: &str, (_, allocations): (f64, f64)| {
        assert!(allocations == 0.0, "{what} allocates {allocations} times a call");
    };

    let mut one = Fixture::new(program(&[(10, 2, 5)]));
    let inputs = contexts(&one.version);
    let native = |bytes: &[u8]| slot(bytes, 0) >= 10 && slot(bytes, 1) == 2 && slot(bytes, 5) < 5;
    for bytes in &inputs {
        let out = one.evaluator.eval_raw(0, bytes).expect("an evaluation");
        assert_eq!(out[0] & 1 == 1, native(bytes), "the module and native Rust agree");
    }
    let figure = measure(2_000_000, |index| {
        black_box(native(black_box(&inputs[index as usize % 64])));
    });
    report("native Rust, one condition", figure, 1, None);
    let figure = measure(1_000_000, |index| {
        let out = one.evaluator.eval_raw(0, &inputs[index as usize % 64]);
        black_box(out.map_or(0, |out| out[0]));
    });
    none("eval_raw", figure);
    report("one rule in one crossing (eval_raw)", figure, 1, Some(22.0));
    let figure = measure(200_000, |index| {
        let out = one.interpreted.eval_raw(0, &inputs[index as usize % 64]);
        black_box(out.map_or(0, |out| out[0]));
    });
    none("the opcode interpreter", figure);
    report("one rule, the SDK's own interpreter", figure, 1, None);

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
    report("one rule, checked context and decoded outcome", figure, 1, None);

    let mut stream = Stream(3);
    let table: Vec<_> = (0..293)
        .map(|_| (stream.below(100) as i64, stream.below(3) as i64, stream.below(1_000) as i64))
        .collect();
    let mut many = Fixture::new(program(&table));
    let figure = measure(100_000, |index| {
        let bytes = black_box(&inputs[index as usize % 64]);
        let values = (slot(bytes, 0), slot(bytes, 1), slot(bytes, 5));
        let fired = table.iter().filter(|(level, zone, rate)| {
            values.0 >= *level && values.1 == *zone && values.2 < *rate
        });
        black_box(fired.count());
    });
    report("native Rust, a table of 293 conditions", figure, 293, None);
    let figure = measure(100_000, |index| {
        let out = many.evaluator.eval_raw(0, &inputs[index as usize % 64]);
        black_box(out.map_or(0, |out| out[0]));
    });
    none("eval_raw of 293", figure);
    report("293 conditions in one crossing (eval_raw)", figure, 293, Some(1.5 * 293.0));
    let figure = measure(10_000, |index| {
        let out = many.interpreted.eval_raw(0, &inputs[index as usize % 64]);
        black_box(out.map_or(0, |out| out[0]));
    });
    none("the opcode interpreter on 293", figure);
    report("293 conditions, the SDK's own interpreter", figure, 293, None);

    let version = &many.version;
    let index = version.param_index("param_3").expect("a parameter");
    let figure = measure(2_000_000, |_| {
        black_box(version.param_raw(black_box(index)));
    });
    none("param_raw", figure);
    report("parameter by index (param_raw)", figure, 1, Some(10.0));
    let figure = measure(1_000_000, |_| {
        let index = version.param_index(black_box("param_3"));
        black_box(index.and_then(|index| version.param_raw(index)));
    });
    none("param_index", figure);
    report("parameter by name (param_index, param_raw)", figure, 1, None);

    // A table with rolls, a guaranteed entry, soft pities and a nested table.
    let mut pity = Pity::new(version);
    let mut drops = Vec::with_capacity(64);
    let figure = measure(1_000_000, |seed| {
        drops.clear();
        let rolled = version.roll_table(0, seed.into(), 1, &mut pity, &mut drops);
        black_box(rolled.is_ok());
    });
    none("roll_table", figure);
    report("roll of a table with pity (roll_table)", figure, 1, Some(2_000.0));

    let image = image_of(&build(&many.program));
    let figure = measure(200, |_| {
        black_box(cairn_ruleset::image::Image::open(black_box(image.as_slice())).is_ok());
    });
    report(&format!("image open, {} bytes", image.len()), figure, 1, None);
}
