//! Channels and bundles through the core: from peers and operators into the registers, and out.

use cairn_merkle::Digest;

use crate::bundles::check_named;
use crate::channel::Offered;
use crate::content::ContentKey;
use crate::core::Core;
use crate::directive::ChannelRecord;
use crate::frame::{Body, Record};
use crate::fx::{Done, Fx, Peer};
use crate::head::{BlobRef, BundleHead};
use crate::output::{Alarm, Class, Output, ProposeError};
use crate::verify::Fault;

/// Bytes of records in one answer; a frame's limit with room for the rest of it.
const RECORDS_BYTES_MAX: usize = 40 * 1024;
/// Bytes that a record other than a channel takes, at most.
const RECORD_BYTES_MAX: usize = 512;

impl Core {
    /// The coordinator or an operator proposes a record.
    pub(crate) fn propose(
        &mut self,
        record: ChannelRecord,
        trace: Option<String>,
        fx: &mut Fx<'_>,
    ) {
        let generation = |record: &ChannelRecord| {
            let newest = record.newest().map(|d| crate::directive::Directive::decode(&d.body));
            newest.and_then(Result::ok).map_or(0, |directive| directive.generation)
        };
        let actual = generation(&record);
        let directive = record.newest().map(crate::directive::SignedDirective::digest);
        let (channel, error) = match self.channels.offer(record, trace, self.verify.as_ref(), fx) {
            Ok((channel, Offered::Taken)) => {
                self.proposed.extend(directive.map(|newest| (channel, newest)));
                self.retain(fx);
                return;
            }
            Ok((_, Offered::Same)) => return,
            Ok((channel, Offered::Lower)) => {
                let current = self.channels.generation(&channel);
                (channel.clone(), ProposeError::NotHigher { channel, actual, current })
            }
            Err(error) => {
                let channel = match &error {
                    ProposeError::Fault(Fault::BrokenChain { channel, .. })
                    | ProposeError::ChannelLimit { channel, .. } => channel.clone(),
                    _ => String::new(),
                };
                (channel, error)
            }
        };
        fx.out.push(Output::ProposalRefused { channel, directive, error });
    }

    /// A peer offers a channel's record. A higher one is passed on at once, before our own fsync
    /// and outside every budget.
    pub(crate) fn offered(
        &mut self,
        peer: Peer,
        record: ChannelRecord,
        trace: Option<&str>,
        relay: bool,
        fx: &mut Fx<'_>,
    ) {
        let span = tracing::debug_span!("hop", from = %peer.addr, trace);
        let _entered = span.enter();
        let owned = trace.map(str::to_owned);
        match self.channels.offer(record.clone(), owned, self.verify.as_ref(), fx) {
            Ok((channel, Offered::Taken)) => {
                if relay {
                    self.tell_all(&Body::Channel(record), Some(peer), trace, fx);
                }
                self.retain(fx);
                self.source_of_channel(&channel, peer, trace, fx);
            }
            Ok((channel, Offered::Same)) => self.source_of_channel(&channel, peer, trace, fx),
            Ok((channel, Offered::Lower)) => {
                // Pushed by somebody who is behind: it hears what is in force.
                if let Some(higher) = self.channels.highest(&channel).filter(|_| relay) {
                    fx.send(peer.addr, Body::Channel(higher.clone()), Class::Directive);
                }
            }
            Err(ProposeError::Fault(fault)) => fx.fault(peer, fault),
            Err(ProposeError::ChannelLimit { channel, channels_max }) => {
                fx.out.push(Output::Alarm(Alarm::ChannelLimit { channel, channels_max }));
            }
            Err(ProposeError::NotHigher { .. }) => {}
        }
    }

    /// Whoever sends a channel's record holds what it names or is about to.
    fn source_of_channel(
        &mut self,
        channel: &str,
        peer: Peer,
        trace: Option<&str>,
        fx: &mut Fx<'_>,
    ) {
        let named = self.channels.highest(channel).map_or(&[][..], |record| &record.chain);
        let targets: Vec<Digest> = (named.iter())
            .filter_map(|signed| crate::directive::Directive::decode(&signed.body).ok())
            .map(|directive| directive.target.digest)
            .collect();
        let mut news = false;
        for digest in targets {
            news |= self.bundles.source(&digest, peer.addr, trace, fx.config.sources_max);
        }
        if news {
            self.transfer.pump(&mut self.bundles, fx);
        }
    }

    /// A channel's register is durable: it is in force.
    pub(crate) fn channel_written(&mut self, name: &str, fx: &mut Fx<'_>) {
        let Some(installed) = self.channels.written(name, fx) else { return };
        self.content.set(ContentKey::Channel(installed.channel.clone()), installed.digest);
        // Another record may have been on its way to disk when ours was proposed.
        if self.proposed.get(&installed.channel) == Some(&installed.digest) {
            self.proposed.remove(&installed.channel);
            let body = Body::Channel(installed.record);
            self.tell_all(&body, None, installed.trace.as_deref(), fx);
        }
        self.retain(fx);
        self.changed(fx);
    }

    /// Sends a small record to every connected peer of the view but the one it came from.
    fn tell_all(&self, body: &Body, from: Option<Peer>, trace: Option<&str>, fx: &mut Fx<'_>) {
        for to in self.view.up().filter(|to| from.is_none_or(|from| from.addr != *to)) {
            fx.send_traced(to, body.clone(), Class::Directive, trace);
        }
    }

    /// Fits bundles to what is named and known, and starts fetching what is lacking.
    pub(crate) fn retain(&mut self, fx: &mut Fx<'_>) {
        let before = self.content.root();
        self.bundles.retain(&self.channels.named(), &mut self.content, fx);
        if self.content.root() != before {
            self.changed(fx);
        }
        self.transfer.refuse_unwanted(&self.bundles, fx);
        self.transfer.pump(&mut self.bundles, fx);
    }

    /// A peer announces a bundle.
    pub(crate) fn head(
        &mut self,
        peer: Peer,
        head: BundleHead,
        trace: Option<&str>,
        relay: bool,
        fx: &mut Fx<'_>,
    ) {
        if !self.bundles.knows(&head) {
            let checked = check_named(&head.bundle, &head.ruleset);
            if let Err(fault) = checked.and_then(|()| self.verify.head(&head)) {
                fx.fault(peer, fault);
                return;
            }
            if self.bundles.head(head.clone(), Done::Nothing, fx) {
                if relay {
                    self.tell_all(&Body::Head(head.clone()), Some(peer), trace, fx);
                }
                self.retain(fx);
            }
        }
        let digest = head.bundle.digest;
        if self.bundles.source(&digest, peer.addr, trace, fx.config.sources_max) {
            self.transfer.pump(&mut self.bundles, fx);
        }
    }

    /// A peer holds a bundle in full.
    pub(crate) fn have(
        &mut self,
        peer: Peer,
        digest: Digest,
        trace: Option<&str>,
        fx: &mut Fx<'_>,
    ) {
        self.bundles.source(&digest, peer.addr, trace, fx.config.sources_max);
        self.bundles.holder(&digest, peer.addr);
        if self.bundles.lacks(&digest) {
            self.transfer.willing(peer.addr);
            self.transfer.pump(&mut self.bundles, fx);
        }
    }

    /// A bundle was added at this node and is durable.
    pub(crate) fn bundle_added(
        &mut self,
        head: BundleHead,
        blobs: Vec<BlobRef>,
        trace: Option<String>,
        fx: &mut Fx<'_>,
    ) {
        let digest = head.bundle.digest;
        let checked = check_named(&head.bundle, &head.ruleset);
        if let Err(fault) = checked.and_then(|()| self.verify.head(&head)) {
            fx.out.push(Output::BundleRejected { digest, reason: fault.to_string() });
            return;
        }
        self.bundles.added(&head, blobs);
        let is_news = self.bundles.head(head, Done::Head(digest, trace.clone()), fx);
        self.retain(fx);
        if self.bundles.lacks(&digest) {
            let reason = "newer bundles fill what nodes keep, and no channel names it".to_owned();
            fx.out.push(Output::BundleRejected { digest, reason });
            return;
        }
        if !is_news {
            self.announce_bundle(digest, trace.as_deref(), fx);
        }
    }

    /// A bundle that was added here and its head are durable: only now do others hear of it. A
    /// start without the head would drop the bundle, and whoever had heard would look for it in
    /// vain.
    pub(crate) fn announce_bundle(&mut self, digest: Digest, trace: Option<&str>, fx: &mut Fx<'_>) {
        let Some(head) = self.bundles.head_of(&digest).cloned() else { return };
        self.tell_all(&Body::Head(head), None, trace, fx);
        self.tell_all(&Body::Have { digest }, None, trace, fx);
    }

    /// An envelope or a blob that was fetched is durable.
    pub(crate) fn content_written(&mut self, digest: Digest, envelope: bool, fx: &mut Fx<'_>) {
        let Some(length_bytes) = self.transfer.written(&digest) else { return };
        let blob = (!envelope).then_some(BlobRef { digest, length_bytes });
        let envelope = envelope.then_some(digest);
        let completed = self.bundles.durable(envelope, blob, &mut self.content, fx);
        for digest in &completed {
            let trace = self.bundles.trace(digest);
            self.tell_all(&Body::Have { digest: *digest }, None, trace.as_deref(), fx);
        }
        if !completed.is_empty() {
            self.changed(fx);
        }
        self.transfer.pump(&mut self.bundles, fx);
    }

    /// A peer asks for the records behind trie keys.
    pub(crate) fn record_ask(&mut self, peer: Peer, keys: &[Digest], fx: &mut Fx<'_>) {
        if keys.len() > fx.config.record_asks_max {
            let (actual, max) = (keys.len() as u64, fx.config.record_asks_max as u64);
            fx.fault(peer, Fault::OverLimit { what: "records asked for", actual, max });
            return;
        }
        let (mut records, mut bytes) = (Vec::new(), 0);
        for key in keys {
            let record = match self.content.find(key) {
                Some(ContentKey::Channel(name)) => {
                    self.channels.record(name).cloned().map(Record::Channel)
                }
                Some(ContentKey::Bundle(digest)) => self.bundles.record(digest),
                Some(ContentKey::Head(digest)) => {
                    self.bundles.head_of(digest).cloned().map(Record::Head)
                }
                None => None,
            };
            let Some(record) = record else { continue };
            let length = match &record {
                Record::Channel(record) => record.chain.iter().map(|d| d.body.len() + 128).sum(),
                Record::Bundle(_) | Record::Named(_) | Record::Head(_) => RECORD_BYTES_MAX,
            };
            if bytes + length > RECORDS_BYTES_MAX {
                let records = std::mem::take(&mut records);
                fx.send(peer.addr, Body::RecordTell { records }, Class::Directive);
                bytes = 0;
            }
            bytes += length;
            records.push(record);
        }
        fx.send(peer.addr, Body::RecordTell { records }, Class::Directive);
    }

    /// Records that a comparison asked for. Not passed on: others find the difference themselves.
    pub(crate) fn record_tell(
        &mut self,
        peer: Peer,
        records: Vec<Record>,
        trace: Option<&str>,
        fx: &mut Fx<'_>,
    ) {
        for record in records {
            match record {
                Record::Channel(record) => self.offered(peer, record, trace, false, fx),
                Record::Bundle(head) => {
                    let digest = head.bundle.digest;
                    self.head(peer, head, trace, false, fx);
                    self.have(peer, digest, trace, fx);
                }
                Record::Head(head) => self.head(peer, head, trace, false, fx),
                Record::Named(named) => self.have(peer, named.digest, trace, fx),
            }
        }
    }
}
