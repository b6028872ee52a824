//! See `cairn_ruleset::fuzz::parser`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_ruleset::fuzz::parser(data));
