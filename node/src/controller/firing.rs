//! What one firing of a timer publishes. Pure: equal instants give equal bytes on every node.

use cairn_gossip::EventKey;
use cairn_merkle::Digest;

use super::timers::Instant;

/// Longest scope of an event's key; longer names are hashed.
const SCOPE_BYTES_MAX: usize = 128;

/// The seed of an instant's evaluation.
#[must_use]
pub fn seed(digest: &Digest, timer: &str, at_ms: i64) -> u64 {
    let parts: [&[u8]; 3] = [digest.as_bytes(), timer.as_bytes(), &at_ms.to_le_bytes()];
    let derived = Digest::derive("cairn 2026 timer seed v1", &parts);
    let mut first = [0; 8];
    first.copy_from_slice(&derived.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The key of one broadcast of an instant: `n` is the instant, the scope everything else.
///
/// `index` counts the broadcasts of the instant that have the same rule and name. The digest is
/// not part of it: an instant happens once, whichever version fired it.
#[must_use]
pub fn key(instant: &Instant, rule: &str, name: &str, index: usize) -> EventKey {
    let Instant { channel, timer, at_ms, .. } = instant;
    let mut scope = format!("timer/{channel}/{timer}/{rule}/{name}");
    if index > 0 {
        scope = format!("{scope}/{index}");
    }
    if scope.len() > SCOPE_BYTES_MAX {
        scope = format!("timer/{}", Digest::of(scope.as_bytes()));
    }
    EventKey { scope, n: u64::try_from(*at_ms).unwrap_or(0) }
}

/// What is known of an instant's broadcasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has none: no rule fires then.
    Nothing,
    /// All arrived here.
    All,
    /// Some, or none, arrived here.
    NotAll,
}

/// The newest instant up to which a timer needs nothing more, from what is known of its instants,
/// newest first. `None`: nothing is known to be handled.
///
/// Leaders fire a timer's instants in order, so the newest one that is complete stands for all
/// before it. One of which only a part arrived is fired again: the keys suppress that part.
#[must_use]
pub fn handled_up_to(instants: impl IntoIterator<Item = (i64, Known)>) -> Option<i64> {
    let mut missing = false;
    // The newest of the instants without events directly above what is looked at.
    let mut idle = None;
    for (at_ms, known) in instants {
        match known {
            Known::All => return Some(idle.unwrap_or(at_ms)),
            Known::Nothing => idle = idle.or(Some(at_ms)),
            Known::NotAll => (missing, idle) = (true, None),
        }
    }
    // A timer whose rules never fired in all this time: nothing to make up for.
    if missing { None } else { idle }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(channel: &str, timer: &str, at_ms: i64) -> Instant {
        let digest = Digest::of(b"bundle");
        Instant { channel: channel.to_owned(), timer: timer.to_owned(), at_ms, digest }
    }

    #[test]
    fn what_is_handled_ends_below_the_first_gap_above_a_complete_instant() {
        use Known::{All, NotAll, Nothing};
        let check = |known: &[Known], expect: Option<i64>| {
            let instants = (1..=known.len() as i64).rev().zip(known.iter().copied());
            assert_eq!(handled_up_to(instants), expect, "{known:?}");
        };
        // Newest first; the newest instant has the highest number.
        check(&[], None);
        check(&[All, All], Some(2));
        check(&[NotAll, All], Some(1));
        check(&[NotAll, Nothing, All], Some(2));
        check(&[Nothing, NotAll, All], Some(1));
        check(&[Nothing, All], Some(2));
        check(&[Nothing, Nothing], Some(2));
        check(&[NotAll, NotAll], None);
        check(&[NotAll, Nothing], None);
        check(&[All, NotAll, All], Some(3));
    }

    #[test]
    fn keys_fit_whatever_the_names_are_and_tell_everything_apart() {
        let long = "n".repeat(120);
        let mut scopes = Vec::new();
        for (channel, timer, rule, name, index) in [
            ("hunt/prod", "night", "dragon", "spawn", 0),
            ("hunt/prod", "night", "dragon", "spawn", 1),
            ("hunt/prod", "night", "lich", "spawn", 0),
            ("hunt/test", "night", "dragon", "spawn", 0),
            ("hunt/prod", &long, "dragon", "spawn", 0),
            ("hunt/prod", &long, "lich", "spawn", 0),
        ] {
            let key = key(&instant(channel, timer, 1_000), rule, name, index);
            assert!(key.scope.len() <= SCOPE_BYTES_MAX);
            assert_eq!(key.n, 1_000);
            scopes.push(key.scope);
        }
        scopes.sort_unstable();
        scopes.dedup();
        assert_eq!(scopes.len(), 6, "{scopes:?}");
        assert!(scopes.contains(&"timer/hunt/prod/night/dragon/spawn".to_owned()));
    }

    #[test]
    fn a_seed_depends_on_each_of_its_parts() {
        let one = Digest::of(b"one");
        let first = seed(&one, "night", 1_000);
        assert_eq!(first, seed(&one, "night", 1_000));
        assert_ne!(first, seed(&one, "night", 2_000));
        assert_ne!(first, seed(&one, "day", 1_000));
        assert_ne!(first, seed(&Digest::of(b"two"), "night", 1_000));
    }
}
