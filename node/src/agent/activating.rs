//! From staged to live, and what peers are told about it.

use std::time::Instant;

use cairn_core::{ActivationRecord, Input, StageFault};
use cairn_merkle::Digest;

use super::event::Event;
use super::running::Running;
use crate::stage::{Staged, Stager};

impl Running {
    /// Start staging. What is staged already answers at once.
    pub(super) fn stage(&mut self, channel: String, generation: u64, digest: Digest) {
        self.staging_since.insert((channel.clone(), generation), Instant::now());
        if self.staged.contains_key(&digest) {
            self.tell(Input::Staged { channel, generation, digest, result: Ok(()) });
            return;
        }
        let span = tracing::info_span!("stage", channel, generation, %digest);
        crate::telemetry::continued_from(&span, self.traces.get(&channel).map(String::as_str));
        let (stager, internal) = (self.stager.clone(), self.internal.clone());
        self.tasks.spawn(tracing::Instrument::instrument(
            async move {
                let result = stager.stage(&digest).await;
                let result = result.map_err(|error| StageFault {
                    code: error.code().to_owned(),
                    detail: crate::stage::with_sources(&error),
                });
                let _ = internal.send(Event::Staged { channel, generation, digest, result });
            },
            span,
        ));
    }

    pub(super) fn staged(
        &mut self,
        channel: String,
        generation: u64,
        digest: Digest,
        result: Result<Staged, StageFault>,
    ) {
        if let Some(since) = self.staging_since.get(&(channel.clone(), generation)) {
            self.metrics.staged(since.elapsed());
        }
        let result = result.map(|staged| {
            self.staged.insert(digest, staged);
        });
        self.tell(Input::Staged { channel, generation, digest, result });
    }

    /// Swap. The record is durable, so a crash from here on starts with this version.
    pub(super) fn activate(&mut self, channel: String, record: ActivationRecord) {
        let began = Instant::now();
        let span = tracing::info_span!("activate", channel, record.generation);
        crate::telemetry::continued_from(&span, self.traces.get(&channel).map(String::as_str));
        let _entered = span.enter();
        if !self.channels.contains(&channel) {
            return;
        }
        let staged = match self.staged.get(&record.digest) {
            Some(staged) => Ok(staged.clone()),
            // After a restart: image and machine code are on disk.
            None => Stager::load(&self.stager, &record.digest),
        };
        let swapped = staged.and_then(|staged| {
            self.live.activate(&channel, &record, &staged, self.store.dir())?;
            Ok(staged)
        });
        match swapped {
            Ok(staged) => {
                self.staged.insert(record.digest, staged);
                self.staging_since.remove(&(channel.clone(), record.generation));
                self.metrics.activated(&channel, record.generation, began.elapsed());
                tracing::info!(
                    channel, generation = record.generation, version = record.version,
                    digest = %record.digest, "active"
                );
                self.forget_staged();
            }
            Err(error) => {
                let fault = StageFault {
                    code: error.code().to_owned(),
                    detail: crate::stage::with_sources(&error),
                };
                tracing::warn!(channel, generation = record.generation, %fault, "cannot activate");
                let generation = record.generation;
                self.tell(Input::ActivationFailed { channel, generation, fault });
            }
        }
        self.report_status();
    }

    /// Keep in memory what channels keep; the rest is on disk.
    fn forget_staged(&mut self) {
        let status = self.core.status();
        let kept = |digest: &Digest| {
            status.channels.iter().any(|channel| {
                let candidate = channel.candidate.iter();
                channel.kept.iter().chain(candidate).any(|record| record.digest == *digest)
            })
        };
        self.staged.retain(|digest, _| kept(digest));
    }
}
