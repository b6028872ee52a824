//! The controller's loop: it asks the pure parts and does what they say.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use cairn_gossip::EventKey;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::{Instant as Monotonic, sleep_until};

use super::firing::{Known, handled_up_to};
use super::host::{Host, NotPublished};
use super::leading::Leading;
use super::timers::{Input, Instant, Limits, Output, Timers};
use crate::coordinator::Leadership;

/// Longest time between two looks at the clock: it may have been set.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Instants whose keys are looked up at once.
const SURVEY_CHUNK: usize = 64;

/// Pauses between attempts to publish.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The loop's state.
struct Run<H> {
    host: Arc<H>,
    timers: Timers,
    leading: Leading,
    /// Whether `timers` was told that we lead.
    leads: bool,
    /// Asked for and not done, in order.
    queue: VecDeque<Instant>,
    started: Monotonic,
    wake: Monotonic,
    /// The instant at the front could not be published: not before this time again.
    retry: Option<(Monotonic, Duration)>,
}

/// Lead, or wait to, until the agent is gone.
pub(super) async fn run<H: Host>(host: Arc<H>) {
    let mut campaign = host.campaign();
    let mut changes = host.changes();
    let mut run = Run::new(host);
    run.look().await;
    while run.step(&mut campaign, &mut changes).await {}
}

impl<H: Host> Run<H> {
    fn new(host: Arc<H>) -> Run<H> {
        let started = Monotonic::now();
        Run {
            host,
            timers: Timers::new(Limits::default()),
            leading: Leading::new(0),
            leads: false,
            queue: VecDeque::new(),
            started,
            wake: started,
            retry: None,
        }
    }

    /// Wait for the next thing to happen and deal with it. `false`: the agent is gone.
    async fn step(
        &mut self,
        campaign: &mut BoxStream<'static, Leadership>,
        changes: &mut BoxStream<'static, ()>,
    ) -> bool {
        let now = Monotonic::now();
        let busy = !self.queue.is_empty() && self.retry.is_none_or(|(at, _)| at <= now);
        let wake = if busy { now } else { self.next_wake(now) };
        tokio::select! {
            // What changes who leads comes first: a lost leadership stops the queue.
            biased;
            told = campaign.next() => {
                // A campaign never ends by itself; without one the fallback decides.
                let gone = || Leadership::Lost { reason: "campaign ended".to_owned() };
                let ended = told.is_none();
                let told = told.unwrap_or_else(gone);
                if ended {
                    *campaign = futures::stream::pending().boxed();
                }
                self.host.led_by(&told);
                let now_ms = self.monotonic_ms();
                self.leading.told(&told, now_ms);
                self.decide_leading().await;
            }
            change = changes.next() => {
                return change.is_some() && self.look().await;
            }
            () = sleep_until(wake) => {
                if busy {
                    return self.fire_next().await;
                }
                // Who follows has no next instant to wake for, and must not look without a pause.
                self.wake = Monotonic::now() + LOOK_AGAIN;
                self.decide_leading().await;
                if self.leads {
                    // A directive that is on its way is not among the changes.
                    if !self.look().await {
                        return false;
                    }
                    self.tell(Input::Tick);
                }
            }
        }
        true
    }

    fn next_wake(&self, now: Monotonic) -> Monotonic {
        let soonest = self.wake.min(now + LOOK_AGAIN);
        self.retry.map_or(soonest, |(at, _)| soonest.min(at))
    }

    fn monotonic_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Learn what is live now.
    async fn look(&mut self) -> bool {
        let Some(views) = self.host.views().await else { return false };
        for view in views {
            let held_from_ms = view.held_from_ms;
            self.tell(Input::Live { channel: view.channel, epoch: view.epoch, held_from_ms });
        }
        true
    }

    async fn decide_leading(&mut self) {
        let now_ms = self.monotonic_ms();
        let lowest = self.leading.may_stand_in(now_ms) && self.host.is_lowest().await;
        let leads = self.leading.leads(lowest, now_ms);
        if leads == self.leads {
            return;
        }
        tracing::info!(leads, elected = !lowest, "timers: leadership changed");
        if leads {
            self.look().await;
            self.survey().await;
        } else {
            // The next leader fires these; should it be us, they are asked for again.
            self.queue.clear();
            self.retry = None;
        }
        self.leads = leads;
        self.tell(Input::Lead(leads));
    }

    /// Learn from the replicated keys what was fired before we lead.
    async fn survey(&mut self) {
        for instants in self.timers.unhandled(self.host.now_ms()) {
            let mut known = Vec::new();
            for part in instants.chunks(SURVEY_CHUNK) {
                known.extend(self.known(part).await);
                // What is complete stands for everything older.
                if known.iter().any(|(_, known)| *known == Known::All) {
                    break;
                }
            }
            if let (Some(at_ms), Some(instant)) = (handled_up_to(known), instants.first()) {
                let (channel, timer) = (instant.channel.clone(), instant.timer.clone());
                self.tell(Input::Handled { channel, timer, at_ms });
            }
        }
    }

    async fn known(&self, instants: &[Instant]) -> Vec<(i64, Known)> {
        // An instant that cannot be evaluated is not known to be handled.
        let evaluated: Vec<_> =
            instants.iter().map(|instant| self.host.broadcasts(instant).ok()).collect();
        let keys: Vec<EventKey> =
            evaluated.iter().flatten().flatten().map(|one| one.key.clone()).collect();
        let mut arrived = self.host.known(&keys).await.into_iter();
        let states = evaluated.iter().map(|broadcasts| match broadcasts {
            None => Known::NotAll,
            Some(broadcasts) if broadcasts.is_empty() => Known::Nothing,
            Some(broadcasts) => {
                let here = arrived.by_ref().take(broadcasts.len()).filter(|here| *here).count();
                if here == broadcasts.len() { Known::All } else { Known::NotAll }
            }
        });
        instants.iter().map(|instant| instant.at_ms).zip(states).collect()
    }

    /// Publish the events of the instant at the front. `false`: the agent is gone.
    async fn fire_next(&mut self) -> bool {
        let Some(instant) = self.queue.front().cloned() else { return true };
        match self.fire(&instant).await {
            Ok(()) => self.retry = None,
            Err(NotPublished::Later(reason)) => {
                let pause = self.retry.map_or(PAUSE_MIN, |(_, pause)| (pause * 2).min(PAUSE_MAX));
                tracing::warn!(?instant, reason, ?pause, "timer not fired yet; trying again");
                self.retry = Some((Monotonic::now() + pause, pause));
                return true;
            }
            Err(NotPublished::Never(reason)) => {
                // Every node would fail the same way: on the record, and on with the next.
                self.host.failed(&instant, &reason);
                self.retry = None;
            }
            Err(NotPublished::Stopped) => return false,
        }
        self.queue.pop_front();
        let Instant { channel, timer, at_ms, .. } = instant;
        self.tell(Input::Handled { channel, timer, at_ms });
        true
    }

    async fn fire(&self, instant: &Instant) -> Result<(), NotPublished> {
        let broadcasts = self.host.broadcasts(instant).map_err(NotPublished::Never)?;
        let keys: Vec<EventKey> = broadcasts.iter().map(|one| one.key.clone()).collect();
        let known = if keys.is_empty() { Vec::new() } else { self.host.known(&keys).await };
        let mut count = 0;
        for (index, broadcast) in broadcasts.into_iter().enumerate() {
            // Ours from an earlier attempt, or another node's: its duplicate would be suppressed
            // everywhere, but cost everybody its bytes.
            if known.get(index).copied().unwrap_or(false) {
                continue;
            }
            self.host.publish(broadcast).await?;
            count += 1;
        }
        let late_ms = self.host.now_ms().saturating_sub(instant.at_ms);
        self.host.fired(instant, late_ms, count);
        Ok(())
    }

    /// Ask the core, and take over what it says.
    fn tell(&mut self, input: Input) {
        let now_ms = self.host.now_ms();
        let mut outputs = Vec::new();
        self.timers.handle(input, now_ms, &mut outputs);
        for output in outputs {
            match output {
                Output::Fire(instant) => self.queue.push_back(instant),
                Output::Skipped(skipped) => self.host.skipped(&skipped),
                Output::Wake { at_ms } => {
                    let ms = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0);
                    self.wake = Monotonic::now() + Duration::from_millis(ms).min(LOOK_AGAIN);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
