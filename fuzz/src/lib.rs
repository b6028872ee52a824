//! Between libFuzzer's buffers and the mutations of `cairn_ruleset::fuzz::mutate`.

use cairn_ruleset::fuzz::mutate::Mutate;

/// Mutates the first `size` bytes of `data` in place and returns how many there are then, at most
/// `max_size`. What `mutate` has no opinion on, libFuzzer's own mutator does.
pub fn mutated(data: &mut [u8], size: usize, max_size: usize, seed: u32, mutate: Mutate) -> usize {
    let mut plain = |bytes: &mut Vec<u8>, max: usize| {
        let max = max.max(1);
        bytes.truncate(max);
        let size = bytes.len();
        bytes.resize(max, 0);
        let size = libfuzzer_sys::fuzzer_mutate(bytes, size, max);
        bytes.truncate(size);
    };
    let mut made = mutate(&data[..size], max_size, seed, &mut plain);
    made.truncate(max_size);
    data[..made.len()].copy_from_slice(&made);
    made.len()
}
