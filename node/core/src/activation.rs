//! From a directive to a live version, one channel at a time.
//!
//! The steps are heard → fetched → verified → stored → staged → active. Each channel has a
//! pointer per step: the highest generation that has reached it. The pointers are a contract,
//!
//! `active ≤ staged ≤ stored ≤ verified ≤ fetched ≤ heard`,
//!
//! asserted after every change. A candidate that fails leaves what is live alone; a newer
//! directive takes the place of a candidate at whatever step that is. The record of an activation
//! is durable before the swap, so a restart never serves an older generation than it had served.

use std::collections::{BTreeMap, BTreeSet};

use cairn_gossip::Directive;
use cairn_merkle::Digest;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::input::StageFault;
use crate::output::{Output, Ticket, Write};
use crate::status::{ChannelStatus, Rejection};

/// One version that was live on a channel of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationRecord {
    /// Generation of the directive that asked for it.
    pub generation: u64,
    /// The bundle.
    pub digest: Digest,
    /// Its version, for people.
    pub version: String,
}

/// The highest generation that has reached each step, 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointers {
    /// Its directive is here.
    pub heard: u64,
    /// Its manifest is here.
    pub fetched: u64,
    /// The manifest's signature holds.
    pub verified: u64,
    /// Everything it names is here and durable.
    pub stored: u64,
    /// Image and modules are built and tried.
    pub staged: u64,
    /// It serves.
    pub active: u64,
}

impl Pointers {
    /// Every caller below upholds this by raising a pointer only together with those before it.
    fn assert_ordered(&self) {
        assert!(
            self.active <= self.staged
                && self.staged <= self.stored
                && self.stored <= self.verified
                && self.verified <= self.fetched
                && self.fetched <= self.heard,
            "activation steps out of order: {self:?}"
        );
    }
}

/// How far the content of a bundle has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    Fetched,
    Verified,
    Stored,
}

/// Where the candidate of a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Its content is on its way.
    Waiting,
    /// The shell builds and tries it.
    Staging,
    /// Its record is on its way to the disk.
    Recording(Ticket),
}

#[derive(Clone, Debug)]
struct Candidate {
    record: ActivationRecord,
    step: Step,
}

#[derive(Debug, Default)]
struct Channel {
    /// The place of the newest directive in the order of its channel.
    newest: Option<(u64, bool, Digest)>,
    candidate: Option<Candidate>,
    /// What went live, newest first, each bundle once; the first is live.
    kept: Vec<ActivationRecord>,
    live: bool,
    rejected: Option<Rejection>,
    pointers: Pointers,
}

/// Every channel of this node.
#[derive(Debug)]
pub(crate) struct Activation {
    channels: BTreeMap<String, Channel>,
    content: BTreeMap<Digest, Content>,
    writes: BTreeMap<Ticket, String>,
    wanted: BTreeSet<String>,
    versions_kept: usize,
    tickets: u64,
    activate_before_verify: bool,
}

/// Tickets of this module have this bit, so that they never meet those of the cursors.
const TICKET_BIT: u64 = 1 << 63;

impl Activation {
    /// `stored` are the bundles that are wholly on disk.
    pub(crate) fn new(
        config: &Config,
        records: BTreeMap<String, Vec<ActivationRecord>>,
        stored: BTreeSet<Digest>,
    ) -> Activation {
        let channels = records.into_iter().map(|(name, kept)| {
            let channel = Channel { kept, ..Channel::default() };
            (name, channel)
        });
        Activation {
            channels: channels.collect(),
            content: stored.into_iter().map(|digest| (digest, Content::Stored)).collect(),
            writes: BTreeMap::new(),
            wanted: config.channels.iter().cloned().collect(),
            versions_kept: config.versions_kept.max(1),
            tickets: TICKET_BIT,
            activate_before_verify: config.defects.activate_before_verify,
        }
    }

    /// Before anything else: every channel serves what it served last, from the store alone.
    pub(crate) fn start(&mut self, out: &mut Vec<Output>) {
        for (name, channel) in &mut self.channels {
            let Some(last) = channel.kept.first() else {
                continue;
            };
            let generation = last.generation;
            channel.pointers = Pointers {
                heard: generation,
                fetched: generation,
                verified: generation,
                stored: generation,
                staged: generation,
                active: generation,
            };
            channel.live = true;
            out.push(Output::Activate { channel: name.clone(), record: last.clone() });
        }
    }

    /// A directive is accepted and durable. `digest` is the directive's own.
    pub(crate) fn heard(&mut self, directive: &Directive, digest: Digest, out: &mut Vec<Output>) {
        if !self.wanted.is_empty() && !self.wanted.contains(&directive.channel) {
            return;
        }
        let channel = self.channels.entry(directive.channel.clone()).or_default();
        let place = (directive.generation, directive.break_glass, digest);
        if channel.newest.is_some_and(|newest| newest >= place) {
            return;
        }
        channel.newest = Some(place);
        channel.pointers.heard = channel.pointers.heard.max(directive.generation);
        channel.pointers.assert_ordered();
        let record = ActivationRecord {
            generation: directive.generation,
            digest: directive.target.digest,
            version: directive.target.version.clone(),
        };
        if channel.live && channel.kept.first() == Some(&record) {
            // A restart: this directive is what is live already.
            channel.candidate = None;
            return;
        }
        channel.candidate = Some(Candidate { record: record.clone(), step: Step::Waiting });
        if self.activate_before_verify {
            out.push(Output::Activate { channel: directive.channel.clone(), record });
        }
        self.progress(&directive.channel, out);
    }

    /// The manifest of a bundle arrived.
    pub(crate) fn fetched(&mut self, digest: Digest, out: &mut Vec<Output>) {
        self.reached(digest, Content::Fetched, out);
    }

    /// The manifest's signature holds.
    pub(crate) fn verified(&mut self, digest: Digest, out: &mut Vec<Output>) {
        self.reached(digest, Content::Verified, out);
    }

    /// Everything that the bundle names is here and durable.
    pub(crate) fn stored(&mut self, digest: Digest, out: &mut Vec<Output>) {
        self.reached(digest, Content::Stored, out);
    }

    /// The bundle is gone from the store.
    pub(crate) fn removed(&mut self, digest: &Digest) {
        self.content.remove(digest);
    }

    fn reached(&mut self, digest: Digest, content: Content, out: &mut Vec<Output>) {
        let known = self.content.entry(digest).or_insert(content);
        *known = content.max(*known);
        let waiting: Vec<String> = self
            .channels
            .iter()
            .filter(|(_, channel)| {
                channel.candidate.as_ref().is_some_and(|candidate| {
                    candidate.step == Step::Waiting && candidate.record.digest == digest
                })
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in waiting {
            self.progress(&name, out);
        }
    }

    /// Moves the pointers of a waiting candidate as far as its content has come; when all of it
    /// is stored, staging begins.
    fn progress(&mut self, name: &str, out: &mut Vec<Output>) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let Some(candidate) = channel.candidate.as_mut() else {
            return;
        };
        let Some(content) = self.content.get(&candidate.record.digest) else {
            return;
        };
        let generation = candidate.record.generation;
        let pointers = &mut channel.pointers;
        if *content >= Content::Fetched {
            pointers.fetched = pointers.fetched.max(generation);
        }
        if *content >= Content::Verified {
            pointers.verified = pointers.verified.max(generation);
        }
        if *content >= Content::Stored {
            pointers.stored = pointers.stored.max(generation);
            candidate.step = Step::Staging;
            out.push(Output::Stage {
                channel: name.to_owned(),
                generation,
                digest: candidate.record.digest,
            });
        }
        pointers.assert_ordered();
    }

    /// The shell's answer to [`Output::Stage`]. One that was superseded meanwhile is ignored.
    pub(crate) fn staged(
        &mut self,
        name: &str,
        generation: u64,
        digest: Digest,
        result: Result<(), StageFault>,
        out: &mut Vec<Output>,
    ) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let Some(candidate) = channel.candidate.as_mut().filter(|candidate| {
            candidate.step == Step::Staging
                && candidate.record.generation == generation
                && candidate.record.digest == digest
        }) else {
            return;
        };
        if let Err(fault) = result {
            channel.candidate = None;
            channel.rejected = Some(Rejection { generation, digest, fault: fault.clone() });
            out.push(Output::Rejected { channel: name.to_owned(), generation, digest, fault });
            return;
        }
        channel.pointers.staged = channel.pointers.staged.max(generation);
        channel.pointers.assert_ordered();
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        candidate.step = Step::Recording(ticket);
        let records = kept_with(&channel.kept, &candidate.record, self.versions_kept);
        self.writes.insert(ticket, name.to_owned());
        out.push(Output::Persist {
            ticket,
            writes: vec![Write::Activations { channel: name.to_owned(), records }],
        });
    }

    /// A transaction is durable. False when it was not one of ours.
    pub(crate) fn persisted(&mut self, ticket: Ticket, out: &mut Vec<Output>) -> bool {
        let Some(name) = self.writes.remove(&ticket) else {
            return false;
        };
        let Some(channel) = self.channels.get_mut(&name) else {
            return true;
        };
        // A newer directive may have come while the record was written: then the newer one goes
        // its own way. The record on disk is of a generation that may be served all the same.
        let recorded =
            channel.candidate.take_if(|candidate| candidate.step == Step::Recording(ticket));
        if let Some(Candidate { record, .. }) = recorded {
            channel.kept = kept_with(&channel.kept, &record, self.versions_kept);
            channel.live = true;
            channel.rejected = None;
            channel.pointers.active = channel.pointers.active.max(record.generation);
            channel.pointers.assert_ordered();
            out.push(Output::Activate { channel: name, record });
        }
        true
    }

    /// What was to go live at a restart cannot be mapped. The next older version serves, and the
    /// newest directive is staged again from the store.
    pub(crate) fn failed(
        &mut self,
        name: &str,
        generation: u64,
        fault: StageFault,
        out: &mut Vec<Output>,
    ) {
        let Some(channel) = self.channels.get_mut(name) else {
            return;
        };
        let Some(failed) =
            channel.kept.first().filter(|record| record.generation == generation).cloned()
        else {
            return;
        };
        channel.kept.remove(0);
        channel.live = false;
        channel.rejected = Some(Rejection { generation, digest: failed.digest, fault });
        if let Some(older) = channel.kept.first() {
            channel.live = true;
            out.push(Output::Activate { channel: name.to_owned(), record: older.clone() });
        }
        if channel.candidate.is_none() {
            channel.candidate = Some(Candidate { record: failed, step: Step::Waiting });
            self.progress(name, out);
        }
    }

    /// Where every channel is, in order of names.
    pub(crate) fn status(&self) -> Vec<ChannelStatus> {
        let status = |(name, channel): (&String, &Channel)| ChannelStatus {
            channel: name.clone(),
            live: channel.live.then(|| channel.kept.first().cloned()).flatten(),
            kept: channel.kept.clone(),
            candidate: channel.candidate.as_ref().map(|candidate| candidate.record.clone()),
            rejected: channel.rejected.clone(),
            pointers: channel.pointers,
        };
        self.channels.iter().map(status).collect()
    }
}

/// `kept` with `newest` on top: each bundle once, at most `max` of them.
fn kept_with(
    kept: &[ActivationRecord],
    newest: &ActivationRecord,
    max: usize,
) -> Vec<ActivationRecord> {
    let older = kept.iter().filter(|record| record.digest != newest.digest);
    std::iter::once(newest).chain(older).take(max).cloned().collect()
}

#[cfg(test)]
mod tests;
