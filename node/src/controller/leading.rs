//! Whether this node fires timers. Pure.

use crate::coordinator::Leadership;

/// How long nobody may be known to lead before the lowest live node stands in. Twice the time
/// that an ordinary change of leader takes: standing in early would be harmless, but busy.
pub const STAND_IN_AFTER_MS: i64 = 6_000;

/// What this node knows of leadership.
#[derive(Debug)]
pub struct Leading {
    /// `None` while nobody is known to lead.
    elected: Option<bool>,
    /// Since when nobody is known to lead, by a clock that never jumps.
    lost_since_ms: i64,
}

impl Leading {
    /// Nobody is known to lead, as of `now_ms`.
    #[must_use]
    pub fn new(now_ms: i64) -> Leading {
        Leading { elected: None, lost_since_ms: now_ms }
    }

    /// The coordinator spoke.
    pub fn told(&mut self, leadership: &Leadership, now_ms: i64) {
        match leadership {
            Leadership::Leader { .. } => self.elected = Some(true),
            Leadership::Follower { .. } => self.elected = Some(false),
            Leadership::Lost { .. } => {
                if self.elected.take().is_some() {
                    self.lost_since_ms = now_ms;
                }
            }
        }
    }

    /// Whether the question who is the lowest live node matters now.
    #[must_use]
    pub fn may_stand_in(&self, now_ms: i64) -> bool {
        self.elected.is_none() && now_ms.saturating_sub(self.lost_since_ms) >= STAND_IN_AFTER_MS
    }

    /// Whether this node leads: elected, or the lowest live node while nobody is.
    #[must_use]
    pub fn leads(&self, lowest: bool, now_ms: i64) -> bool {
        self.elected.unwrap_or_else(|| lowest && self.may_stand_in(now_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_node_stands_in_only_while_nobody_is_elected() {
        let lost = || Leadership::Lost { reason: "gone".to_owned() };
        let mut leading = Leading::new(0);
        assert!(!leading.leads(true, STAND_IN_AFTER_MS - 1));
        assert!(leading.leads(true, STAND_IN_AFTER_MS));
        assert!(!leading.leads(false, STAND_IN_AFTER_MS));
        leading.told(&Leadership::Follower { leader: "b".to_owned() }, 10_000);
        assert!(!leading.leads(true, 1_000_000));
        leading.told(&lost(), 1_000_000);
        leading.told(&lost(), 1_005_000);
        assert!(!leading.leads(true, 1_005_999), "counted from the first loss");
        assert!(leading.leads(true, 1_006_000));
        leading.told(&Leadership::Leader { term: 2 }, 1_006_001);
        assert!(leading.leads(false, 1_006_001));
        leading.told(&lost(), 1_006_002);
        assert!(!leading.leads(true, 1_006_003), "a lost leadership ends at once");
    }
}
