//! See `cairn_ruleset::fuzz::loader`.
#![no_main]

use cairn_ruleset::fuzz::{loader, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| loader(data));
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    cairn_fuzz::mutated(data, size, max_size, seed, mutate::module)
});
