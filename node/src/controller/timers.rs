//! Which instants of which timers are to be fired now. Pure: time and leadership are arguments.
//!
//! Every node that may lead runs one of these. What makes a fail-over harmless is outside of any
//! one node: an instant's events are a pure function of (digest, timer, instant) and carry keys,
//! so firing twice is suppressed. What is decided here is that none is left out:
//! - per timer there is a *cursor*: every instant up to it is fired or was skipped on the record.
//!   It moves when the events are durable ([`Input::Handled`]), not when they are asked for, so an
//!   instant that a lost leadership interrupted is asked for again;
//! - a new leader first learns what its predecessors fired from the replicated keys
//!   ([`Timers::unhandled`]);
//! - instants that passed while nobody led are fired late or skipped as the timer declares, and
//!   every skip is an [`Output::Skipped`].
//!
//! Two bounds keep a jump of the clock, or a fleet that slept for a year, from flooding it:
//! [`Limits::late_per_timer_max`] and [`Limits::late_per_channel_max`]. The newest instants are
//! kept, the older ones are skipped on the record. After a jump back nothing fires until the clock
//! has caught up with what was fired: an instant happens once.

use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_merkle::Digest;
use cairn_ruleset::ir::{Missed, TimerDef};
use cairn_ruleset::schedule::{Clockwork, ScheduleError};

/// Versions of a channel that are remembered, newest first: a late instant is fired by the version
/// that was in force then.
pub const EPOCHS_MAX: usize = 4;

/// Most skipped instants that are counted one by one; beyond it a skip says "at least".
pub const SKIPS_COUNTED_MAX: usize = 1_000;

/// How far ahead of our clock a directive's time may be before ours is used instead.
const AHEAD_MAX_MS: i64 = 60_000;

/// Bounds of what one decision may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most instants of one timer asked for at once. Default 60: a minute of a one-second timer
    /// without a controller, a fail-over takes seconds.
    pub late_per_timer_max: usize,
    /// Most instants of one channel asked for at once. Default 240.
    pub late_per_channel_max: usize,
    /// How long instants wait for a version that was heard but is not active yet, in milliseconds.
    /// Default 10,000: staging takes tens of milliseconds, a download seconds.
    pub hold_ms_max: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { late_per_timer_max: 60, late_per_channel_max: 240, hold_ms_max: 10_000 }
    }
}

/// A timer, ready to be asked for instants.
#[derive(Debug, Clone)]
pub struct Timer {
    /// Its name in the rule set.
    pub name: String,
    missed: Missed,
    clock: Clockwork,
}

impl Timer {
    /// Parse a timer of a rule set.
    ///
    /// # Errors
    /// A schedule that the compiler would not have let through.
    pub fn new(ruleset: &str, def: &TimerDef) -> Result<Timer, ScheduleError> {
        let clock = Clockwork::new(ruleset, def)?;
        Ok(Timer { name: def.name.clone(), missed: def.missed, clock })
    }
}

/// One version in force on a channel.
#[derive(Debug, Clone)]
pub struct Epoch {
    /// Generation of the directive.
    pub generation: u64,
    /// The bundle. While a rollout is under way: what it comes from.
    pub digest: Digest,
    /// Since when, by the directive. Instants before it belong to the version before.
    pub since_ms: i64,
    /// Its timers.
    pub timers: Vec<Timer>,
}

impl Epoch {
    fn timer(&self, name: &str) -> Option<&Timer> {
        self.timers.iter().find(|timer| timer.name == name)
    }
}

/// An instant of a timer of a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// The timer.
    pub timer: String,
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The version that evaluates it.
    pub digest: Digest,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// A channel's live version, or the same with another `held_from_ms`.
    Live {
        /// `<ruleset>/<name>`.
        channel: String,
        /// What is in force.
        epoch: Arc<Epoch>,
        /// A newer directive was heard whose version is not active here yet: its time. Instants
        /// from there on wait for it.
        held_from_ms: Option<i64>,
    },
    /// We lead from now on, or do not any more.
    Lead(bool),
    /// All events of an instant, and of the timer's earlier ones, are durable: ours, or somebody
    /// else's that arrived here.
    Handled {
        /// `<ruleset>/<name>`.
        channel: String,
        /// The timer.
        timer: String,
        /// The instant.
        at_ms: i64,
    },
    /// Time passed.
    Tick,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Evaluate and publish, in this order; then say [`Input::Handled`].
    Fire(Instant),
    /// Instants that are not fired. To be put on the record.
    Skipped(Skipped),
    /// Tick again at this time, or earlier.
    Wake {
        /// Milliseconds since the Unix epoch.
        at_ms: i64,
    },
}

/// Instants that are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// `<ruleset>/<name>`.
    pub channel: String,
    /// The timer.
    pub timer: String,
    /// The oldest that was counted.
    pub first_ms: i64,
    /// The newest.
    pub last_ms: i64,
    /// How many were counted.
    pub count: usize,
    /// Whether there are more, older ones.
    pub more: bool,
    /// Why.
    pub why: Why,
}

/// Why instants are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// They passed while nobody led, and the timer says `skip`.
    Declared,
    /// More passed than [`Limits`] allow to fire late.
    TooMany,
}

#[derive(Debug, Clone, Copy)]
struct Cursor {
    /// Every instant up to here is fired or skipped.
    handled: i64,
    /// Every instant up to here is handled or asked for. Above `handled` while a request is under
    /// way; a timer has one request at a time.
    asked: i64,
}

#[derive(Debug)]
struct Channel {
    /// Newest first, 1 to [`EPOCHS_MAX`].
    epochs: Vec<Arc<Epoch>>,
    held_from_ms: Option<i64>,
    /// One per timer of any epoch.
    cursors: BTreeMap<String, Cursor>,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Timers {
    limits: Limits,
    channels: BTreeMap<String, Channel>,
    leading_since_ms: Option<i64>,
}

/// One instant of a timer, and the index of its epoch.
type Due = (i64, usize);

impl Timers {
    /// Nothing is live, nobody leads.
    #[must_use]
    pub fn new(limits: Limits) -> Timers {
        Timers { limits, channels: BTreeMap::new(), leading_since_ms: None }
    }

    /// Take an input at `now_ms` and append what to do. At most
    /// [`Limits::late_per_channel_max`] instants per channel and call.
    pub fn handle(&mut self, input: Input, now_ms: i64, out: &mut Vec<Output>) {
        match input {
            Input::Live { channel, epoch, held_from_ms } => {
                self.live(channel, epoch, held_from_ms, now_ms);
            }
            Input::Lead(true) if self.leading_since_ms.is_none() => {
                self.leading_since_ms = Some(now_ms);
                // What an earlier leadership of ours asked for and did not finish.
                for channel in self.channels.values_mut() {
                    channel.cursors.values_mut().for_each(|cursor| cursor.asked = cursor.handled);
                }
            }
            Input::Lead(true) | Input::Tick => {}
            Input::Lead(false) => self.leading_since_ms = None,
            Input::Handled { channel, timer, at_ms } => self.handled(&channel, &timer, at_ms),
        }
        let Some(leading_since_ms) = self.leading_since_ms else { return };
        for (name, channel) in &mut self.channels {
            channel.decide(name, &self.limits, leading_since_ms, now_ms, out);
        }
        if let Some(at_ms) = self.wake(now_ms) {
            out.push(Output::Wake { at_ms });
        }
    }

    /// For each timer the instants above its cursor, newest first, at most
    /// [`SKIPS_COUNTED_MAX`]: what a new leader looks up among the replicated keys before it leads.
    #[must_use]
    pub fn unhandled(&self, now_ms: i64) -> Vec<Vec<Instant>> {
        let mut found = Vec::new();
        for (name, channel) in &self.channels {
            for (timer, cursor) in &channel.cursors {
                let until = channel.until(&self.limits, now_ms);
                let (due, _) = channel.due(timer, cursor.handled, until, SKIPS_COUNTED_MAX);
                if !due.is_empty() {
                    found.push(due.iter().map(|due| channel.instant(name, timer, *due)).collect());
                }
            }
        }
        found
    }

    fn live(&mut self, name: String, epoch: Arc<Epoch>, held_from_ms: Option<i64>, now_ms: i64) {
        let channel = self.channels.entry(name).or_insert_with(|| Channel {
            epochs: Vec::new(),
            held_from_ms: None,
            cursors: BTreeMap::new(),
        });
        channel.held_from_ms = held_from_ms;
        let newest = channel.epochs.first().map_or(0, |newest| newest.generation);
        if epoch.generation <= newest {
            return;
        }
        let mut epoch = epoch;
        if epoch.since_ms > now_ms.saturating_add(AHEAD_MAX_MS) {
            // A publisher's clock that is an hour ahead must not stop this version's timers.
            epoch = Arc::new(Epoch { since_ms: now_ms, ..Epoch::clone(&epoch) });
        }
        for timer in &epoch.timers {
            // A timer that is new begins with its version; a known one goes on where it stands.
            let start = epoch.since_ms - 1;
            let cursor = Cursor { handled: start, asked: start };
            channel.cursors.entry(timer.name.clone()).or_insert(cursor);
        }
        channel.epochs.insert(0, epoch);
        channel.epochs.truncate(EPOCHS_MAX);
        let epochs = &channel.epochs;
        channel.cursors.retain(|name, _| epochs.iter().any(|epoch| epoch.timer(name).is_some()));
    }

    fn handled(&mut self, channel: &str, timer: &str, at_ms: i64) {
        let cursors = self.channels.get_mut(channel).map(|channel| &mut channel.cursors);
        if let Some(cursor) = cursors.and_then(|cursors| cursors.get_mut(timer)) {
            cursor.handled = cursor.handled.max(at_ms);
            cursor.asked = cursor.asked.max(cursor.handled);
        }
    }

    /// The next instant of any timer, if there is one.
    fn wake(&self, now_ms: i64) -> Option<i64> {
        let newest = self.channels.values().filter_map(|channel| channel.epochs.first());
        newest
            .flat_map(|epoch| &epoch.timers)
            .filter_map(|timer| timer.clock.next_after(now_ms.max(0)))
            .min()
    }
}

impl Channel {
    /// Up to when instants are ripe.
    fn until(&self, limits: &Limits, now_ms: i64) -> i64 {
        match self.held_from_ms {
            Some(from) => now_ms.min((from - 1).max(now_ms.saturating_sub(limits.hold_ms_max))),
            None => now_ms,
        }
    }

    fn instant(&self, channel: &str, timer: &str, (at_ms, epoch): Due) -> Instant {
        let digest = self.epochs[epoch].digest;
        Instant { channel: channel.to_owned(), timer: timer.to_owned(), at_ms, digest }
    }

    /// Instants of a timer in `(after, until]`, newest first, at most `max`; and what is older.
    fn due(&self, timer: &str, after: i64, until: i64, max: usize) -> (Vec<Due>, Vec<Due>) {
        let (mut kept, mut older) = (Vec::new(), Vec::new());
        let mut end = until;
        for (index, epoch) in self.epochs.iter().enumerate() {
            // The oldest version that is remembered stands for all before it.
            let oldest = index + 1 == self.epochs.len();
            let start = if oldest { after + 1 } else { epoch.since_ms.max(after + 1) };
            if let Some(timer) = epoch.timer(timer) {
                let mut at = end;
                while at >= start
                    && let Some(instant) = timer.clock.previous_at_or_before(at)
                    && instant >= start
                {
                    if kept.len() < max {
                        kept.push((instant, index));
                    } else if older.len() <= SKIPS_COUNTED_MAX {
                        older.push((instant, index));
                    } else {
                        return (kept, older);
                    }
                    at = instant - 1;
                }
            }
            end = end.min(epoch.since_ms - 1);
            if end <= after {
                break;
            }
        }
        (kept, older)
    }

    fn decide(
        &mut self,
        name: &str,
        limits: &Limits,
        leading_since_ms: i64,
        now_ms: i64,
        out: &mut Vec<Output>,
    ) {
        let until = self.until(limits, now_ms);
        let mut fire: Vec<(i64, String, usize)> = Vec::new();
        let mut skip: Vec<(String, Why, Vec<Due>)> = Vec::new();
        for (timer, cursor) in &self.cursors {
            if cursor.asked > cursor.handled {
                continue;
            }
            let (mut due, older) = self.due(timer, cursor.asked, until, limits.late_per_timer_max);
            if !older.is_empty() {
                skip.push((timer.clone(), Why::TooMany, older));
            }
            if self.skips_missed(timer) {
                let missed = due.partition_point(|(at_ms, _)| *at_ms > leading_since_ms);
                let missed = due.split_off(missed);
                if !missed.is_empty() {
                    skip.push((timer.clone(), Why::Declared, missed));
                }
            }
            fire.extend(due.into_iter().map(|(at_ms, epoch)| (at_ms, timer.clone(), epoch)));
        }
        fire.sort_unstable();
        let excess = fire.len().saturating_sub(limits.late_per_channel_max);
        let mut dropped: BTreeMap<String, Vec<Due>> = BTreeMap::new();
        for (at_ms, timer, epoch) in fire.drain(..excess) {
            dropped.entry(timer).or_default().insert(0, (at_ms, epoch));
        }
        skip.extend(dropped.into_iter().map(|(timer, due)| (timer, Why::TooMany, due)));

        for (timer, why, due) in skip {
            // Skips are older than what is fired of the same timer, so the cursor may pass them.
            let (Some((last_ms, _)), Some((first_ms, _))) = (due.first(), due.last()) else {
                continue;
            };
            let (first_ms, last_ms) = (*first_ms, *last_ms);
            if let Some(cursor) = self.cursors.get_mut(&timer) {
                cursor.handled = cursor.handled.max(last_ms);
                cursor.asked = cursor.asked.max(last_ms);
            }
            let more = due.len() > SKIPS_COUNTED_MAX;
            let (channel, count) = (name.to_owned(), due.len());
            let skipped = Skipped { channel, timer, first_ms, last_ms, count, more, why };
            out.push(Output::Skipped(skipped));
        }
        for (at_ms, timer, epoch) in fire {
            out.push(Output::Fire(self.instant(name, &timer, (at_ms, epoch))));
            if let Some(cursor) = self.cursors.get_mut(&timer) {
                cursor.asked = cursor.asked.max(at_ms);
            }
        }
    }

    /// Whether a timer's missed instants are left out, by the newest version that has it.
    fn skips_missed(&self, timer: &str) -> bool {
        let newest = self.epochs.iter().find_map(|epoch| epoch.timer(timer));
        newest.is_some_and(|timer| timer.missed == Missed::Skip)
    }
}

#[cfg(test)]
#[path = "timers_tests.rs"]
mod tests;
