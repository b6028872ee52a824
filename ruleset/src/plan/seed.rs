//! Seeds that make a draw fall where it is wanted: the mixing of [`crate::rng`] is a bijection, so
//! it can be run backwards. A chance of one in a million needs one try, not a million.

use crate::rng::{GAMMA, MIX_1, MIX_2, draw_step};

/// The multiplier's inverse modulo 2⁶⁴, by Newton's iteration: each round doubles the right bits.
const fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    let mut round = 0;
    while round < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x)));
        round += 1;
    }
    x
}

const UNMIX_1: u64 = inverse(MIX_1);
const UNMIX_2: u64 = inverse(MIX_2);

/// Undoes [`crate::rng::mix`].
const fn unmix(z: u64) -> u64 {
    let z = (z ^ (z >> 31) ^ (z >> 62)).wrapping_mul(UNMIX_2);
    let z = (z ^ (z >> 27) ^ (z >> 54)).wrapping_mul(UNMIX_1);
    z ^ (z >> 30) ^ (z >> 60)
}

/// The seed under which draw number `draw` of a rule gives `bits`.
const fn seed_for(bits: u64, rule_hash: u64, draw: u32) -> u64 {
    let state = unmix(bits).wrapping_sub(draw_step(draw));
    unmix(unmix(state) ^ rule_hash).wrapping_sub(GAMMA)
}

/// A seed under which a draw scaled to `0..n` gives `value`; `low` chooses among the many.
/// `n ≤ 2³²`, `value < n`.
pub(super) fn landing(value: u64, n: u64, low: u32, rule_hash: u64, draw: u32) -> u64 {
    let high = (value << 32).div_ceil(n.max(1));
    seed_for(high << 32 | u64::from(low), rule_hash, draw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_draw_lands_where_it_is_wanted(
            n in 1u64..=1 << 31, part: u64, low: u32, hash: u64, number: u32, bits: u64,
        ) {
            let value = part % n;
            let seed = landing(value, n, low, hash, number);
            prop_assert_eq!(rng::scale(rng::draw(seed, hash, number), n), value);
            prop_assert_eq!(rng::draw(seed_for(bits, hash, number), hash, number), bits);
        }
    }
}
