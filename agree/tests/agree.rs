//! The short run: random rule sets, evaluated alike by every back end.
//!
//! `cargo xtask agree --programs 20000` is the long one; its figure is in `docs/figures.md`.

use cairn_agree::{Backend, Case, compare, shrink};

/// Compares, and shows the first difference as small as it gets.
fn agree(backend: Backend, cases: &[Case]) {
    let mut found = compare(backend, cases).unwrap_or_else(|error| panic!("{error}"));
    let Some(first) = found.pop() else { return };
    let case = cases.iter().find(|case| case.seed == first.seed).expect("it was compared");
    let small = shrink(first, case, &|_| {}).unwrap_or_else(|error| panic!("{error}"));
    panic!("{} more and this one:\n{small}", found.len());
}

fn cases(seeds: std::ops::Range<u64>) -> Vec<Case> {
    seeds.map(|seed| Case::new(seed, 50)).collect()
}

/// Two threads, because `rustc` keeps one core busy for each batch.
#[test]
fn a_thousand_programs_agree() {
    let halves = [(0..250, 250..500), (500..750, 750..1_000)];
    std::thread::scope(|scope| {
        for (first, second) in halves {
            scope.spawn(move || {
                for seeds in [first, second] {
                    let cases = cases(seeds);
                    agree(Backend::Wasmtime, &cases);
                    agree(Backend::Rust, &cases);
                }
            });
        }
    });
}

#[test]
fn node_agrees_on_two_hundred() {
    agree(Backend::Node, &cases(0..200));
}

#[test]
fn the_opcode_interpreter_agrees_on_two_hundred() {
    agree(Backend::Opcodes, &cases(0..200));
}

/// 130 rules of one fragment are three words of the bit set; rules of each of them fire.
#[test]
fn every_word_of_the_bit_set_agrees() {
    let wide = (0..60).filter_map(|seed| Case::wide(seed, 50, 130));
    let cases: Vec<Case> = wide.take(8).collect();
    assert_eq!(cases.len(), 8);
    let mut fired = [0; 3];
    for answer in cases.iter().flat_map(|case| &case.units).flat_map(|unit| &unit.expected) {
        let words = answer.iter().flatten();
        fired.iter_mut().zip(words).for_each(|(all, word)| *all |= word);
    }
    assert_eq!(fired, [-1, -1, 3], "every rule fires at some time");
    for backend in Backend::ALL {
        agree(backend, &cases);
    }
}
