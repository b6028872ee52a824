//! Random programs: the compiled module and the interpreter write the same bytes.

mod support;

use support::{Fixture, compare, generate};

#[test]
fn small_programs_agree() {
    for seed in 0..60 {
        let program = generate::program(seed, 1 + seed as usize % 9, 1 + seed as u32 % 5);
        let mut fixture = Fixture::new(program);
        compare(&mut fixture, 40, seed);
    }
}

/// More rules than one function holds, with edges at the words of the bit set.
#[test]
fn large_fragments_agree() {
    for rules in [0, 63, 64, 65, 128, 150] {
        let mut fixture = Fixture::new(generate::program(rules as u64, rules, 2));
        compare(&mut fixture, 200, 7);
    }
}
