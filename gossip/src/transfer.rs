//! Want-lists: envelopes and blobs are pulled in pieces from whoever has them.
//!
//! Nothing here is trusted before it is checked: a piece must be one that was asked for, the
//! whole must have the announced length and hash to its name (an envelope is checked by the
//! shell), and only then is it written, used, or given to others. What was checked is passed on
//! at once, before our own fsync.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use cairn_merkle::Digest;

use crate::bundles::{Bundle, Bundles};
use crate::fetch::Fetch;
use crate::frame::Body;
use crate::fx::{Done, Due, Fx, Peer};
use crate::head::BlobRef;
use crate::output::{Class, Output, Write};
use crate::serve::Uploads;
use crate::time::Time;
use crate::verify::Fault;

/// Most "not here" answers that are remembered. When full all are forgotten.
const REFUSED_MAX: usize = 8_192;

/// Everything on its way to this node.
#[derive(Debug, Default)]
pub(crate) struct Transfer {
    fetches: BTreeMap<Digest, Fetch>,
    /// Envelopes that the shell is checking, and who served them.
    opening: BTreeMap<Digest, (Bytes, BTreeSet<SocketAddr>)>,
    /// Checked, on its way to disk; envelopes by bundle digest.
    checked: BTreeMap<Digest, Bytes>,
    /// Peers that said they do not have it, and until when they are not asked again.
    refused: BTreeMap<(Digest, SocketAddr), Time>,
    /// Content that was damaged by one of several peers: from now on from one at a time.
    single: BTreeSet<Digest>,
    pub(crate) uploads: Uploads,
    nonce: u64,
    retry_armed: bool,
    retries: u32,
}

impl Transfer {
    /// Starts whatever can be started.
    pub(crate) fn pump(&mut self, bundles: &mut Bundles, fx: &mut Fx<'_>) {
        self.fetches.retain(|_, fetch| bundles.kept.contains_key(&fetch.bundle));
        let mut blocked = false;
        for (digest, bundle) in bundles.kept.iter_mut().filter(|(_, bundle)| !bundle.complete) {
            if bundle.blobs.is_none() && !self.opening.contains_key(digest) {
                let length_bytes = bundle.named.envelope_bytes;
                let envelope = BlobRef { digest: *digest, length_bytes };
                blocked |= !self.start(bundle, envelope, true, fx);
                continue;
            }
            let wanted = |blob: &&BlobRef| {
                !self.fetches.contains_key(&blob.digest) && !self.checked.contains_key(&blob.digest)
            };
            let mut wanted: Vec<BlobRef> = bundle.missing.iter().filter(wanted).copied().collect();
            // Everybody in another order, so that everybody soon has something for others.
            while !wanted.is_empty() && self.has_room(fx) {
                let blob = wanted.swap_remove(fx.pick(wanted.len()));
                blocked |= !self.start(bundle, blob, false, fx);
            }
        }
        if blocked && !self.retry_armed {
            self.retry_armed = true;
            let doubled = 2_u32.saturating_pow(self.retries.min(4));
            self.retries = self.retries.saturating_add(1);
            let after = fx.jitter(fx.config.retry_period.saturating_mul(doubled), 4);
            fx.arm(after, Due::Retry);
        }
    }

    /// The pause is over: look again for sources.
    pub(crate) fn retry(&mut self, bundles: &mut Bundles, fx: &mut Fx<'_>) {
        self.retry_armed = false;
        let now = fx.now;
        self.refused.retain(|_, until| *until > now);
        bundles.kept.values_mut().for_each(|bundle| bundle.forgive(now));
        self.pump(bundles, fx);
    }

    fn has_room(&self, fx: &Fx<'_>) -> bool {
        self.asked() < fx.config.asks_max
            && (self.fetches.is_empty() || self.assembly_bytes() < fx.config.assembly_bytes_max)
    }

    fn asked(&self) -> usize {
        self.fetches.values().map(Fetch::asked).sum()
    }

    /// Bytes of content being put together.
    pub(crate) fn assembly_bytes(&self) -> u64 {
        self.fetches.values().map(|fetch| u64::from(fetch.total)).sum()
    }

    /// Starts one fetch. False when no source is willing.
    fn start(
        &mut self,
        bundle: &mut Bundle,
        blob: BlobRef,
        envelope: bool,
        fx: &mut Fx<'_>,
    ) -> bool {
        if self.fetches.contains_key(&blob.digest) || !self.has_room(fx) {
            return true;
        }
        let Some(source) = self.source(bundle, &blob.digest, fx) else {
            // Served wrongly by some, not at all by the rest: said once.
            if !bundle.bad.is_empty() {
                self.reject(bundle, "no source is left that serves what was signed", fx);
            }
            return false;
        };
        self.nonce += 1;
        let mut fetch = Fetch::new(
            bundle.named.digest,
            envelope,
            blob,
            source,
            bundle.trace.clone(),
            (self.nonce, fx.now),
        );
        fetch.ask(fx.config.asks_max.saturating_sub(self.asked()), fx);
        fx.arm(fx.config.ask_timeout, Due::Fetch(blob.digest, self.nonce));
        let whole = fetch.is_whole();
        self.fetches.insert(blob.digest, fetch);
        debug_assert!(!whole || blob.length_bytes == 0, "only nothing is whole at once");
        true
    }

    /// The source to ask: the least busy one among those that hold the bundle and the one that
    /// told us first; others only when none of these is willing.
    ///
    /// A peer that told us first heard of the bundle before us, so waiting for it never closes a
    /// circle; two peers that wait for each other would both run into the timeout.
    fn source(&self, bundle: &Bundle, blob: &Digest, fx: &mut Fx<'_>) -> Option<SocketAddr> {
        let now = fx.now;
        let willing = |addr: &&SocketAddr| {
            !bundle.bad.contains(addr)
                && self.refused.get(&(*blob, **addr)).is_none_or(|until| *until <= now)
        };
        let first = bundle.sources.first();
        let order = |addr: &SocketAddr| {
            let later = Some(addr) != first && !bundle.holders.contains(addr);
            (later, self.fetches.values().filter(|fetch| fetch.source == *addr).count())
        };
        let willing: Vec<_> =
            bundle.sources.iter().filter(willing).map(|a| (order(a), *a)).collect();
        let least = willing.iter().map(|(order, _)| *order).min()?;
        let least: Vec<_> = willing.iter().filter(|(order, _)| *order == least).collect();
        least.get(fx.pick(least.len())).map(|(_, addr)| *addr)
    }

    /// A piece arrived.
    pub(crate) fn told(
        &mut self,
        from: Peer,
        digest: Digest,
        total: u32,
        (offset, bytes): (u32, Bytes),
        bundles: &mut Bundles,
        fx: &mut Fx<'_>,
    ) {
        let Some(fetch) = self.fetches.get_mut(&digest) else { return };
        let Some(bundle) = bundles.kept.get_mut(&fetch.bundle) else { return };
        // A peer that answers late is welcome. One that was never asked is not, nor one that
        // served something else before, nor anybody but the source while it is to be found out
        // who damages this content: otherwise one peer could spoil every attempt unblamed.
        let is_late = bundle.sources.contains(&from.addr)
            && !bundle.bad.contains(&from.addr)
            && !self.single.contains(&digest);
        if fetch.source != from.addr && !is_late {
            return;
        }
        if let Err(fault) = fetch.put(from.addr, total, offset, bytes, fx.now) {
            bundle.blame([from.addr], fx);
            fx.fault(from, fault);
            self.failover(digest, bundles, fx);
            return;
        }
        fx.stats.chunks_received += 1;
        self.retries = 0;
        if fetch.is_whole() {
            self.finish(digest, bundles, fx);
        }
        let mut room = fx.config.asks_max.saturating_sub(self.asked());
        for fetch in self.fetches.values_mut() {
            room -= fetch.ask(room, fx).min(room);
        }
        self.pump(bundles, fx);
    }

    /// All pieces are here: check the whole.
    fn finish(&mut self, digest: Digest, bundles: &mut Bundles, fx: &mut Fx<'_>) {
        let Some(fetch) = self.fetches.remove(&digest) else { return };
        let bytes = fetch.assemble();
        if fetch.envelope {
            self.opening.insert(digest, (bytes.clone(), fetch.contributed));
            fx.out.push(Output::OpenEnvelope { digest, bytes });
            return;
        }
        let actual = Digest::of(&bytes);
        if actual == digest {
            self.uploads.serve(digest, &bytes, fx);
            self.checked.insert(digest, bytes.clone());
            fx.persist(vec![Write::Blob { digest, bytes }], Done::Blob(digest));
        } else if let Some(bundle) = bundles.kept.get_mut(&fetch.bundle) {
            let reason = Fault::WrongDigest { expected: digest, actual }.to_string();
            self.blame(bundle, digest, &fetch.contributed, &reason, fx);
        }
    }

    /// Content was not what it should be. Whoever served it alone is at fault; when several did,
    /// it is fetched again from one.
    fn blame(
        &mut self,
        bundle: &mut Bundle,
        digest: Digest,
        contributed: &BTreeSet<SocketAddr>,
        reason: &str,
        fx: &mut Fx<'_>,
    ) {
        if contributed.len() > 1 {
            self.single.insert(digest);
            return;
        }
        bundle.blame(contributed.iter().copied(), fx);
        tracing::warn!(%digest, ?contributed, reason, "content refused");
        if self.source(bundle, &digest, fx).is_none() {
            self.reject(bundle, reason, fx);
        }
    }

    fn reject(&mut self, bundle: &mut Bundle, reason: &str, fx: &mut Fx<'_>) {
        let digest = bundle.named.digest;
        self.uploads.refuse(&digest, fx);
        for blob in bundle.blobs.iter().flatten() {
            if bundle.missing.contains(blob) {
                self.uploads.refuse(&blob.digest, fx);
            }
        }
        if bundle.rejected.is_none() {
            let reason = reason.to_owned();
            bundle.rejected = Some(reason.clone());
            fx.out.push(Output::BundleRejected { digest, reason });
        }
    }

    /// The shell has checked an envelope.
    pub(crate) fn opened(
        &mut self,
        digest: Digest,
        result: Result<Vec<BlobRef>, String>,
        bundles: &mut Bundles,
        fx: &mut Fx<'_>,
    ) {
        let Some((bytes, contributed)) = self.opening.remove(&digest) else { return };
        match result.and_then(|blobs| bundles.opened(digest, blobs)) {
            Ok(()) => {
                self.uploads.serve(digest, &bytes, fx);
                self.checked.insert(digest, bytes.clone());
                fx.persist(vec![Write::Envelope { digest, bytes }], Done::Envelope(digest));
            }
            Err(reason) => {
                if let Some(bundle) = bundles.kept.get_mut(&digest) {
                    self.blame(bundle, digest, &contributed, &reason, fx);
                }
            }
        }
        self.pump(bundles, fx);
    }

    /// Content is durable. Returns its length when it was on its way.
    pub(crate) fn written(&mut self, digest: &Digest) -> Option<u32> {
        let bytes = self.checked.remove(digest)?;
        self.single.remove(digest);
        u32::try_from(bytes.len()).ok()
    }

    /// A peer does not have it: ask another one.
    pub(crate) fn none(
        &mut self,
        from: Peer,
        digest: Digest,
        bundles: &mut Bundles,
        fx: &mut Fx<'_>,
    ) {
        let asked = self.fetches.get(&digest).is_some_and(|fetch| fetch.source == from.addr);
        if asked {
            self.failover(digest, bundles, fx);
        }
    }

    /// A fetch's timer fired.
    pub(crate) fn timer(
        &mut self,
        digest: Digest,
        nonce: u64,
        bundles: &mut Bundles,
        fx: &mut Fx<'_>,
    ) {
        let Some(fetch) = self.fetches.get(&digest).filter(|fetch| fetch.nonce == nonce) else {
            return;
        };
        let silence = fx.now.since(fetch.progress);
        if silence < fx.config.ask_timeout {
            let rest = fx.config.ask_timeout.saturating_sub(silence).max(Duration::from_millis(1));
            fx.arm(rest, Due::Fetch(digest, nonce));
            return;
        }
        fx.stats.ask_timeouts += 1;
        self.failover(digest, bundles, fx);
    }

    /// Goes on with another source, from where the last one stopped.
    fn failover(&mut self, digest: Digest, bundles: &mut Bundles, fx: &mut Fx<'_>) {
        let Some(mut fetch) = self.fetches.remove(&digest) else { return };
        if self.refused.len() >= REFUSED_MAX {
            self.refused.clear();
        }
        let until = fx.now.plus(fx.config.retry_period);
        self.refused.insert((digest, fetch.source), until);
        let bundle = bundles.kept.get(&fetch.bundle);
        if let Some(source) = bundle.and_then(|bundle| self.source(bundle, &digest, fx)) {
            self.nonce += 1;
            let resume = !self.single.contains(&digest);
            fetch.switch(source, resume, self.nonce, fx.now);
            fetch.ask(fx.config.asks_max.saturating_sub(self.asked()), fx);
            fx.arm(fx.config.ask_timeout, Due::Fetch(digest, self.nonce));
            self.fetches.insert(digest, fetch);
        }
        self.pump(bundles, fx);
    }

    /// A peer announced that it holds a bundle: what it lacked before it has now.
    pub(crate) fn willing(&mut self, addr: SocketAddr) {
        self.refused.retain(|(_, refuser), _| *refuser != addr);
        self.retries = 0;
    }

    /// A peer asks for a piece.
    pub(crate) fn asked_for(
        &mut self,
        from: Peer,
        (digest, offset, length): (Digest, u32, u32),
        trace: Option<&str>,
        bundles: &Bundles,
        fx: &mut Fx<'_>,
    ) {
        if let Err(fault) = crate::fetch::check_length(length) {
            fx.fault(from, fault);
            return;
        }
        if let Some(bytes) = self.checked.get(&digest) {
            crate::serve::tell(from.addr, digest, bytes, (offset, length), trace, fx);
            return;
        }
        match bundles.holds(&digest) {
            Some(true) => {
                fx.stats.chunks_served += 1;
                let trace = trace.map(str::to_owned);
                fx.out.push(Output::SendBlob { to: from.addr, digest, offset, length, trace });
            }
            // Kept until we have it, if we may get it from somebody else.
            Some(false) if self.expects(&digest, from.addr, bundles) => {
                self.uploads.wait(from.addr, digest, (offset, length), trace, fx);
            }
            _ => fx.send(from.addr, Body::BlobNone { digest }, Class::Bulk),
        }
    }

    /// Bundles were dropped: whoever waits for their content hears that it will not come.
    pub(crate) fn refuse_unwanted(&mut self, bundles: &Bundles, fx: &mut Fx<'_>) {
        self.uploads.refuse_all(|digest| bundles.holds(digest).is_none(), fx);
        self.single.retain(|digest| bundles.holds(digest).is_some());
    }

    fn expects(&self, digest: &Digest, asker: SocketAddr, bundles: &Bundles) -> bool {
        if self.opening.contains_key(digest) {
            return true;
        }
        if let Some(fetch) = self.fetches.get(digest) {
            return fetch.source != asker;
        }
        let other = |bundle: &Bundle| {
            let wanted = bundle.named.digest == *digest
                || bundle.missing.iter().any(|blob| blob.digest == *digest);
            wanted
                && bundle.rejected.is_none()
                && bundle.sources.iter().any(|a| *a != asker && !bundle.bad.contains(a))
        };
        bundles.kept.values().any(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;
    use crate::frame::Frame;
    use crate::fx::Surroundings;
    use crate::head::BundleRef;
    use crate::id::NodeId;

    fn peer(n: u8) -> Peer {
        Peer { node: NodeId([n; 16]), addr: SocketAddr::from(([127, 0, 0, 1], u16::from(n))) }
    }

    /// A bundle of one blob of two pieces that both peers offer; its envelope is here.
    fn wanted(content: &Bytes, world: &mut Surroundings) -> (Transfer, Bundles, Digest) {
        let bundle = Digest::of(b"bundle");
        let named = BundleRef { digest: bundle, version: "1.0.0".into(), envelope_bytes: 10 };
        let mut bundles = Bundles::default();
        let mut fx = world.fx(Time::ZERO);
        bundles.retain(&BTreeMap::from([(bundle, named)]), &mut Content::new(), &mut fx);
        for n in [1, 2] {
            bundles.source(&bundle, peer(n).addr, None, 16);
        }
        let length_bytes = u32::try_from(content.len()).unwrap();
        let blob = BlobRef { digest: Digest::of(content), length_bytes };
        bundles.opened(bundle, vec![blob]).unwrap();
        let mut transfer = Transfer::default();
        transfer.pump(&mut bundles, &mut fx);
        (transfer, bundles, blob.digest)
    }

    #[test]
    fn one_peer_cannot_spoil_what_others_serve() {
        let content = Bytes::from(vec![7; 40_000]);
        let mut world = Surroundings::new();
        let (mut transfer, mut bundles, digest) = wanted(&content, &mut world);
        let total = u32::try_from(content.len()).unwrap();
        for round in 0..50_u64 {
            let now = Time::from_millis(round * 600);
            let asked: Vec<(SocketAddr, u32)> = (world.out.drain(..))
                .filter_map(|output| match output {
                    Output::Send { to, frame: Frame { body, .. }, .. } => Some((to, body)),
                    _ => None,
                })
                .filter_map(|(to, body)| match body {
                    Body::BlobAsk { offset, .. } => Some((to, offset)),
                    _ => None,
                })
                .collect();
            let mut fx = world.fx(now);
            for (to, offset) in asked {
                let end = (offset + 32 * 1024).min(total);
                let good = content.slice(offset as usize..end as usize);
                let bad = Bytes::from(vec![8; good.len()]);
                // The second peer is first, whoever was asked.
                transfer.told(peer(2), digest, total, (offset, bad), &mut bundles, &mut fx);
                if to == peer(1).addr {
                    transfer.told(peer(1), digest, total, (offset, good), &mut bundles, &mut fx);
                }
            }
            transfer.retry(&mut bundles, &mut fx);
            if transfer.checked.contains_key(&digest) {
                return;
            }
        }
        panic!("the content never came");
    }

    #[test]
    fn nobody_waits_for_the_content_of_a_dropped_bundle() {
        let content = Bytes::from(vec![7; 40_000]);
        let mut world = Surroundings::new();
        let (mut transfer, mut bundles, digest) = wanted(&content, &mut world);
        world.out.clear();
        let mut fx = world.fx(Time::ZERO);
        let asker = peer(3);
        transfer.asked_for(asker, (digest, 0, 1_000), None, &bundles, &mut fx);
        assert!(fx.out.is_empty(), "it is on its way here");
        bundles.retain(&BTreeMap::new(), &mut Content::new(), &mut fx);
        transfer.refuse_unwanted(&bundles, &mut fx);
        let refused = world.out.iter().any(|output| {
            matches!(output, Output::Send { to, frame: Frame { body: Body::BlobNone { .. }, .. }, .. } if *to == asker.addr)
        });
        assert!(refused, "{:?}", world.out);
        assert!(transfer.single.is_empty());
    }
}
