//! See `cairn_ruleset::fuzz::lexer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cairn_ruleset::fuzz::lexer(data));
