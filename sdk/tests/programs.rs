//! Random programs: the compiled module and the interpreter write the same bytes.

mod support;

use cairn_sdk::{Error, Scope};
use support::{Fixture, compare, generate};

#[test]
fn small_programs_agree() {
    for seed in 0..60 {
        let program = generate::program(seed, 1 + seed as usize % 9, 1 + seed as u32 % 5);
        let mut fixture = Fixture::new(program);
        compare(&mut fixture, 40, seed);
    }
}

/// Wherever games run: a version opened there, and an evaluator that moves there, read the same
/// parameters as the interpreter, which is given the page by name.
#[test]
fn programs_agree_at_every_place() {
    for seed in 0..6 {
        let program = generate::program(seed, 9, 3);
        let mut moving = Fixture::new(program.clone());
        let mut pages = std::collections::BTreeSet::new();
        for zone in generate::ZONES.into_iter().chain([Some("unheard of")]) {
            for shard in generate::SHARDS.into_iter().chain([Some("unheard of")]) {
                let scope = Scope::new(zone, shard).expect("two names");
                let mut fixture = Fixture::at(program.clone(), scope.clone());
                assert_eq!(fixture.version.page().values, fixture.params);
                for (index, value) in (0u16..).zip(&fixture.params) {
                    assert_eq!(fixture.version.param_raw(index), Some(*value), "{scope}");
                }
                pages.insert(fixture.params.clone());
                compare(&mut fixture, 20, seed);
                moving.params.clone_from(&fixture.params);
                moving.evaluator.relocate(&scope);
                moving.interpreted.relocate(&scope);
                compare(&mut moving, 20, seed);
            }
        }
        assert!(pages.len() > 4, "{} pages: the overrides decide something", pages.len());
    }
}

#[test]
fn values_of_a_hosts_own_are_checked_and_end_with_the_next_place() {
    let program = generate::program(3, 9, 3);
    let mut fixture = Fixture::new(program.clone());
    let slot = program.params[1].slot;
    let mut own: Vec<i64> = program.params.iter().map(|param| param.slot.min).collect();
    for evaluator in [&mut fixture.evaluator, &mut fixture.interpreted] {
        evaluator.set_params(&own).expect("values in range");
    }
    let home = std::mem::replace(&mut fixture.params, own.clone());
    compare(&mut fixture, 40, 1);
    own[1] = slot.max + 1;
    for evaluator in [&mut fixture.evaluator, &mut fixture.interpreted] {
        let outside = evaluator.set_params(&own);
        assert!(matches!(outside, Err(Error::OutOfRange { value, .. }) if value == slot.max + 1));
        let few = evaluator.set_params(&own[1..]);
        assert!(matches!(few, Err(Error::Page { actual: 4, expected: 5, .. })));
    }
    // What was refused changed nothing.
    compare(&mut fixture, 40, 2);
    for evaluator in [&mut fixture.evaluator, &mut fixture.interpreted] {
        evaluator.relocate(&Scope::default());
    }
    fixture.params = home;
    compare(&mut fixture, 40, 3);
}

/// More rules than one function holds, with edges at the words of the bit set.
#[test]
fn large_fragments_agree() {
    for rules in [0, 63, 64, 65, 128, 150] {
        let mut fixture = Fixture::new(generate::program(rules as u64, rules, 2));
        compare(&mut fixture, 200, 7);
    }
}
