//! See `cairn_ruleset::fuzz::parser`.
#![no_main]

use cairn_ruleset::fuzz::{mutate, parser};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| parser(data));
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    cairn_fuzz::mutated(data, size, max_size, seed, mutate::source)
});
