//! Whole numbers of 256 bits: squares of what rolls were worth, and their sums.

use std::ops::{AddAssign, Sub};

/// A whole number from 0 to 2²⁵⁶ − 1. Sums and products wrap, as nothing here comes near.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wide {
    high: u128,
    low: u128,
}

const HALF: u32 = 64;

impl Wide {
    /// The square of a number, exact.
    #[must_use]
    pub fn square(number: i128) -> Wide {
        let number = number.unsigned_abs();
        Wide::product(number, number)
    }

    /// So many times this.
    #[must_use]
    pub fn times(self, factor: u64) -> Wide {
        let factor = u128::from(factor);
        let low = Wide::product(self.low, factor);
        Wide { high: low.high.wrapping_add(self.high.wrapping_mul(factor)), low: low.low }
    }

    /// The product of two numbers, by halves.
    fn product(a: u128, b: u128) -> Wide {
        let halves = |number: u128| (number >> HALF, u128::from(number as u64));
        let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
        let (cross, carry) = (a_high * b_low).overflowing_add(a_low * b_high);
        let (low, more) = (a_low * b_low).overflowing_add(cross << HALF);
        let high =
            a_high * b_high + (cross >> HALF) + (u128::from(carry) << HALF) + u128::from(more);
        Wide { high, low }
    }

    /// The nearest float, or close to it.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.high as f64 * 2_f64.powi(128) + self.low as f64
    }
}

impl AddAssign for Wide {
    fn add_assign(&mut self, other: Wide) {
        let (low, carry) = self.low.overflowing_add(other.low);
        self.high = self.high.wrapping_add(other.high).wrapping_add(u128::from(carry));
        self.low = low;
    }
}

impl Sub for Wide {
    type Output = Wide;

    fn sub(self, other: Wide) -> Wide {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        let high = self.high.wrapping_sub(other.high).wrapping_sub(u128::from(borrow));
        Wide { high, low }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_products() {
        assert_eq!(Wide::product(u128::MAX, u128::MAX), Wide { high: u128::MAX - 1, low: 1 });
        assert_eq!(Wide::square(i128::MIN), Wide { high: 1 << 126, low: 0 });
        assert_eq!(Wide::square(-3).times(7), Wide { high: 0, low: 63 });
        assert_eq!(Wide { high: 1, low: 0 }.to_f64(), 2_f64.powi(128));
    }

    proptest! {
        #[test]
        fn small_numbers_are_as_those_of_the_machine(a in any::<u64>(), b in any::<u64>(), n in any::<u32>()) {
            let (a, b) = (u128::from(a), u128::from(b));
            prop_assert_eq!(Wide::product(a, b), Wide { high: 0, low: a * b });
            let mut sum = Wide { high: 0, low: u128::MAX };
            sum += Wide { high: 0, low: a };
            prop_assert_eq!(sum - Wide { high: 0, low: u128::MAX }, Wide { high: 0, low: a });
            let times = Wide { high: 0, low: a }.times(n.into());
            prop_assert_eq!(times, Wide { high: 0, low: a * u128::from(n) });
        }

        /// (x + y)² − (x − y)² is 4xy.
        #[test]
        fn squares_and_differences_hold_together(x in 0_i128..1 << 100, y in 0_i128..1 << 100) {
            let difference = Wide::square(x + y) - Wide::square(x - y);
            let product = Wide::product(x.unsigned_abs(), y.unsigned_abs());
            prop_assert_eq!(difference, product.times(4));
        }
    }
}
