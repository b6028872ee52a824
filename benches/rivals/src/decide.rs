//! One condition everywhere: `level >= 10 && zone == "crypt" && claims < 5`, and 293 such at once.
//!
//! Everybody gets its inputs ready made, in its own form, and its program compiled, so that what is
//! timed is deciding alone. Zones are numbers for all: comparing texts would only slow the rivals
//! down. Ours copies the context into the sandbox on every call, with fuel and epochs on.

use std::hint::black_box;
use std::sync::Arc;

use cairn_sdk::{Context, Evaluator, Version};

use crate::engines;
use crate::rounds::{Contender, compare};
use crate::rules::{self, MANY, bounds};
use crate::support::{Fixture, Stream};

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Different inputs, so that no branch is learnt by heart.
pub const INPUTS: usize = 1_024;

/// What the condition reads.
#[derive(Clone, Copy)]
pub struct Input {
    pub level: i64,
    pub zone: i64,
    pub claims: i64,
}

fn inputs() -> Vec<Input> {
    let mut stream = Stream(5);
    let one = |_| Input {
        level: stream.below(100) as i64 + 1,
        zone: stream.below(3) as i64,
        claims: stream.below(10) as i64,
    };
    (0..INPUTS).map(one).collect()
}

fn fixture(files: &[(String, String)]) -> Fixture {
    let mut program = crate::compiling::program(files);
    rules::merge(&mut program);
    Fixture::new(program)
}

/// The inputs as contexts of a version.
fn contexts(version: &Arc<Version>, inputs: &[Input]) -> Vec<Vec<u8>> {
    let mut context = Context::for_trigger(version, "kill").expect("a trigger");
    let each = inputs.iter().map(|input| {
        context.set(0, input.level).expect("a level");
        context.set(1, input.zone).expect("a zone");
        context.rate(0, input.claims).expect("a count");
        context.bytes().expect("a whole context").to_vec()
    });
    each.collect()
}

/// Slots of an input in the order of the context.
fn slots(input: &Input) -> [i64; 3] {
    [input.level, input.zone, input.claims]
}

fn native(input: &Input) -> bool {
    input.level >= 10 && input.zone == 2 && input.claims < 5
}

/// Ours: machine code in the sandbox, limits on, or the SDK's own interpreter, as `by` picks.
fn ours(
    name: &'static str,
    files: fn() -> Vec<(String, String)>,
    by: impl Fn(&mut Fixture) -> &mut Evaluator + 'static,
    inputs: &[Input],
    yes: impl Fn(&[u8]) -> bool + 'static,
) -> Contender {
    let mut fixture = fixture(&files());
    let contexts = contexts(&fixture.version, inputs);
    let call = move |index: usize| {
        yes(by(&mut fixture).eval_raw(0, &contexts[index % INPUTS]).unwrap_or(&[]))
    };
    Contender::new(name, call).no_allocation()
}

fn sandboxed(fixture: &mut Fixture) -> &mut Evaluator {
    &mut fixture.evaluator
}

fn interpreted(fixture: &mut Fixture) -> &mut Evaluator {
    &mut fixture.interpreted
}

/// How many conditions hold, in the first words of an output, and whether that is an odd number:
/// one bit that depends on every condition.
fn odd(out: &[u8]) -> bool {
    let words = out[..MANY.div_ceil(64) * 8].chunks_exact(8);
    words
        .map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")).count_ones())
        .sum::<u32>()
        % 2
        == 1
}

pub fn run() {
    let inputs = inputs();
    let all = inputs.clone();
    let emitted: Vec<_> = inputs.iter().map(|input| one::Kill::from_slots(&slots(input))).collect();
    let first = |out: &[u8]| out[0] & 1 == 1;
    let contenders = vec![
        Contender::new("native Rust", move |index| native(black_box(&all[index % INPUTS])))
            .no_allocation(),
        Contender::new("ours, emitted Rust", move |index| {
            let mut out = [0; one::bench_kill::OUT];
            let header = black_box(one::Header::default());
            let context = black_box(&emitted[index % INPUTS]);
            one::bench_kill::eval(&header, context, &one::Params::DEFAULT, &mut out).is_ok()
                && out[0] & 1 == 1
        })
        .no_allocation(),
        ours("**ours, sandboxed machine code**", rules::one, sandboxed, &inputs, first)
            .budget(22.0),
        ours("ours, opcode interpreter", rules::one, interpreted, &inputs, first),
        engines::wasmi(&fixture(&rules::one()), contexts(&fixture(&rules::one()).version, &inputs)),
        engines::rhai(&inputs),
        engines::cel(&inputs),
        engines::evalexpr(&inputs),
        engines::regorus(&inputs),
        engines::cedar(&inputs),
    ];
    compare("One rule in one call", 2, 1.0, INPUTS, contenders);

    let table = inputs.clone();
    let conditions: Vec<_> = (0..MANY).map(bounds).collect();
    let emitted: Vec<_> =
        inputs.iter().map(|input| many::Kill::from_slots(&slots(input))).collect();
    let contenders = vec![
        Contender::new("native Rust, a table of conditions", move |index| {
            let input = black_box(&table[index % INPUTS]);
            let mut bits = [0u64; MANY.div_ceil(64)];
            for (at, (level, zone, claims)) in conditions.iter().enumerate() {
                let yes = input.level >= *level && input.zone == *zone && input.claims < *claims;
                bits[at / 64] |= u64::from(yes) << (at % 64);
            }
            black_box(&bits).iter().map(|word| word.count_ones()).sum::<u32>() % 2 == 1
        })
        .no_allocation(),
        Contender::new("ours, emitted Rust", move |index| {
            let mut out = [0; many::bench_kill::OUT];
            let header = black_box(many::Header::default());
            let context = black_box(&emitted[index % INPUTS]);
            let done = many::bench_kill::eval(&header, context, &many::Params::DEFAULT, &mut out);
            let bits = black_box(&out)[..MANY.div_ceil(64)].iter();
            done.is_ok() && bits.map(|word| word.count_ones()).sum::<u32>() % 2 == 1
        })
        .no_allocation(),
        ours("**ours, sandboxed machine code**", rules::many, sandboxed, &inputs, odd).budget(1.5),
        ours("ours, opcode interpreter", rules::many, interpreted, &inputs, odd),
    ];
    compare("293 conditions in one call, each", 2, MANY as f64, INPUTS, contenders);
}
