//! Randomness as a pure function of (seed, rule, draw number).
//!
//! SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
//! generators"; the constants are Stafford's variant 13) is applied three times in sequence: over
//! the seed, over the rule's hash and over the draw number. Equal inputs give equal draws on every
//! machine and in every back end; scaling is integer only, so there is no rounding that differs.

/// Odd increment of SplitMix64: the golden ratio × 2⁶⁴.
pub const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
/// First multiplier of the finaliser.
pub const MIX_1: u64 = 0xBF58_476D_1CE4_E5B9;
/// Second multiplier of the finaliser.
pub const MIX_2: u64 = 0x94D0_49BB_1331_11EB;

/// The finaliser: a bijection on 64 bits in which every input bit moves every output bit.
#[must_use]
pub const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(MIX_1);
    let z = (z ^ (z >> 27)).wrapping_mul(MIX_2);
    z ^ (z >> 31)
}

/// The hash of a rule's (or table's) name that separates its draws from those of its neighbours.
///
/// The first eight bytes, little-endian, of BLAKE3 in key derivation mode.
#[must_use]
pub fn name_hash(name: &str) -> u64 {
    let hash = blake3::derive_key("cairn 2026 rule name v1", name.as_bytes());
    u64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}

/// The seed after its own mixing; the first of the three steps of [`draw`].
#[must_use]
pub const fn seed_state(seed: u64) -> u64 {
    mix(seed.wrapping_add(GAMMA))
}

/// The state of one rule under one seed; the second of the three steps of [`draw`].
#[must_use]
pub const fn rule_state(seed_state: u64, rule_hash: u64) -> u64 {
    mix(seed_state ^ rule_hash)
}

/// What [`draw`] adds to the rule's state for one draw number.
#[must_use]
pub const fn draw_step(draw: u32) -> u64 {
    (draw as u64).wrapping_add(1).wrapping_mul(GAMMA)
}

/// Draw number `draw` of the rule with `rule_hash` under `seed`: 64 uniform bits.
#[must_use]
pub const fn draw(seed: u64, rule_hash: u64, draw: u32) -> u64 {
    mix(rule_state(seed_state(seed), rule_hash).wrapping_add(draw_step(draw)))
}

/// Scales 64 uniform bits to `0..n`, for `n ≤ 2³²`; 0 when `n` is 0.
///
/// Uses the upper 32 bits, so each outcome's probability is exact to 2⁻³².
#[must_use]
pub const fn scale(bits: u64, n: u64) -> u64 {
    (bits >> 32).wrapping_mul(n) >> 32
}

/// Whether a draw falls under the probability `p` × 10⁻⁶. Never for 0, always for 1,000,000.
#[must_use]
pub const fn chance(bits: u64, p: i64) -> bool {
    (scale(bits, 1_000_000) as i64) < p
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These values are a contract: a change would make every replayed decision differ.
    #[test]
    fn golden() {
        assert_eq!(mix(0), 0);
        assert_eq!(seed_state(0), 0xE220_A839_7B1D_CDAF, "SplitMix64's first output for seed 0");
        for (name, hash) in [
            ("", 0x9E0C_A95E_AEBF_DAC5),
            ("crypt_drop", 0xBC3B_3D4C_F5E7_3E71),
            ("crypt_rare", 0x0B3E_59BB_4CC7_EBFD),
        ] {
            assert_eq!(name_hash(name), hash, "{name}");
        }
        // Computed apart from this code, from the published definitions of BLAKE3 and SplitMix64.
        for (seed, name, number, expected) in [
            (0, "", 0, 0x7937_14CF_9605_992A),
            (7, "crypt_drop", 0, 0xBFE8_32D9_9B19_8189),
            (7, "crypt_drop", 1, 0x89F1_227F_2C24_8F72),
            (8, "crypt_drop", 0, 0xC4F3_225C_43B1_5B28),
            (7, "crypt_rare", 0, 0xB40C_FA29_F5D6_9932),
            (u64::MAX, "crypt_drop", u32::MAX, 0x8485_7E10_4C73_8ACD),
        ] {
            assert_eq!(draw(seed, name_hash(name), number), expected, "{seed} {name} {number}");
        }
        assert!(chance(0xBFE8_32D9_9B19_8189, 749_637) && !chance(0xBFE8_32D9_9B19_8189, 749_636));
        assert_eq!(scale(0x89F1_227F_2C24_8F72, 1_000), 538);
        assert_ne!(draw(7, 1, 0), draw(7, 1, 1));
        assert_ne!(draw(7, 1, 0), draw(7, 2, 0));
        assert_ne!(draw(7, 1, 0), draw(8, 1, 0));
    }

    #[test]
    fn edges_of_chance() {
        for bits in [0, 1, u64::MAX, u64::MAX >> 1, 1 << 32] {
            assert!(!chance(bits, 0));
            assert!(chance(bits, 1_000_000));
            assert_eq!(scale(bits, 1), 0);
            assert!(scale(bits, 1 << 31) < 1 << 31);
        }
    }

    #[test]
    fn draws_are_uniform() {
        let mut buckets = [0u32; 16];
        for seed in 0..64_000 {
            buckets[scale(draw(seed, 0xDEAD_BEEF, 3), 16) as usize] += 1;
        }
        for count in buckets {
            assert!((3_700..4_300).contains(&count), "{buckets:?}");
        }
    }
}
