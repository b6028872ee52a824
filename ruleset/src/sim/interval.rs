//! How far an observed share may be from the true one.

/// The normal quantile that leaves 0.05 % on each side: an interval of 99.9 %.
pub const Z_999: f64 = 3.290_526_731_491_926;

/// Wilson's score interval (Wilson 1927, "Probable inference, the law of succession, and
/// statistical inference") for `hits` of `rolls`. Unlike the textbook interval it holds for rare
/// entries, and for those that never or always fell.
///
/// It is made for independent rolls. A pity makes rolls of one player more even than that, so the
/// interval is then wider than it need be.
#[must_use]
pub fn wilson(hits: u64, rolls: u64, z: f64) -> (f64, f64) {
    if rolls == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (rolls as f64, hits as f64 / rolls as f64);
    let z2 = z * z;
    let middle = p + z2 / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    let low = if hits == 0 { 0.0 } else { ((middle - half) / scale).max(0.0) };
    let high = if hits == rolls { 1.0 } else { ((middle + half) / scale).min(1.0) };
    (low, high)
}
