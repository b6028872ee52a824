//! From staged to live, and what peers are told about it.

use std::collections::BTreeSet;
use std::time::Instant;

use cairn_core::{ActivationRecord, Input, StageFault};
use cairn_merkle::Digest;

use super::event::Event;
use super::running::Running;
use crate::identity::blobs_of;
use crate::stage::{Staged, Stager};

impl Running {
    /// Start staging. What is staged already answers at once.
    pub(super) fn stage(&mut self, channel: String, generation: u64, digest: Digest) {
        // What was superseded while it was staged neither went live nor was rejected.
        self.staging_since.retain(|(name, at), _| *name != channel || *at > generation);
        self.staging_since.insert((channel.clone(), generation), Instant::now());
        if self.staged.contains_key(&digest) {
            self.tell(Input::Staged { channel, generation, digest, result: Ok(()) });
            return;
        }
        let span = tracing::info_span!("stage", node = self.name, channel, generation, %digest);
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
        let span = tracing::info_span!("activate", node = self.name, channel, record.generation);
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

    /// What no removal may take: what the versions kept here consist of (the live one and those
    /// before it), as far as the replica does not keep it. When the last directives of a channel
    /// all failed here, none of them names what is live any more.
    pub(super) fn kept_content(&self) -> BTreeSet<Digest> {
        let mut content = BTreeSet::new();
        let channels = self.core.status().channels;
        let kept = channels.iter().flat_map(|one| one.kept.iter().chain(&one.candidate));
        for digest in kept.map(|record| record.digest) {
            if self.core.replica().bundle(&digest).is_some() {
                continue;
            }
            content.insert(digest);
            let envelope = self.store.envelope(&digest).ok().flatten();
            let opened = envelope.map(|bytes| self.verifier.open_envelope(&digest, &bytes));
            let blobs = opened.and_then(Result::ok).map(|manifest| blobs_of(&manifest));
            content.extend(blobs.into_iter().flatten().map(|blob| blob.digest));
        }
        // Uploads that are on their way to the disk: the replica does not know of them yet, and
        // may drop an older bundle that shares their fragments.
        for (digest, adding) in &self.adding {
            for input in adding.iter().filter_map(|adding| adding.input.as_ref()) {
                let cairn_gossip::Input::BundleAdded { blobs, .. } = input else { continue };
                content.insert(*digest);
                content.extend(blobs.iter().map(|blob| blob.digest));
            }
        }
        content
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
