//! Which bundles this node keeps, what it holds of them, and from whom to get the rest.
//!
//! Kept are the bundles that channels name and the newest ones by publication: a pure function of
//! the merged state, so every node keeps the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use cairn_merkle::Digest;

use crate::content::{Content, ContentKey};
use crate::frame::Record;
use crate::fx::{Done, Fx};
use crate::head::{
    BUNDLE_BLOBS_MAX, BUNDLE_BYTES_MAX, BlobRef, BundleHead, BundleRef, ENVELOPE_BYTES_MAX,
    NAME_BYTES_MAX,
};
use crate::output::{Output, Write};
use crate::recovered::HeldBundle;
use crate::time::Time;
use crate::verify::Fault;

/// How often the pause before bad sources are asked again doubles: from half a second to two
/// minutes with the default [`crate::Config::retry_period`]. So a bundle that nobody can serve
/// costs next to nothing, and a damaged transfer is soon repaired.
const FORGIVEN_DOUBLINGS_MAX: u32 = 8;

/// How far a bundle has come at this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleProgress {
    /// The envelope is durable.
    pub envelope: bool,
    /// Blobs that are durable.
    pub blobs_held: usize,
    /// Blobs there are; 0 until the envelope was opened.
    pub blobs_total: usize,
    /// Everything is durable: the bundle counts in the content root.
    pub complete: bool,
    /// Why it could not be had so far.
    pub rejected: Option<String>,
}

/// One kept bundle.
#[derive(Debug)]
pub(crate) struct Bundle {
    pub(crate) named: BundleRef,
    pub(crate) envelope_durable: bool,
    /// What it consists of, once its envelope was opened.
    pub(crate) blobs: Option<Vec<BlobRef>>,
    /// Blobs that are not durable here.
    pub(crate) missing: BTreeSet<BlobRef>,
    pub(crate) complete: bool,
    pub(crate) rejected: Option<String>,
    /// Peers that hold it or are about to, in the order they said so.
    pub(crate) sources: Vec<SocketAddr>,
    /// Those of them that said they hold it in full.
    pub(crate) holders: BTreeSet<SocketAddr>,
    /// Sources that served something else, until they are forgiven.
    pub(crate) bad: BTreeSet<SocketAddr>,
    /// When the bad sources are asked once more. What damaged their content may have been on the
    /// way, and a bundle that every source served wrongly once must still arrive in the end.
    forgive_at: Time,
    /// How often they were; each time takes twice as long.
    forgiven: u32,
    pub(crate) trace: Option<String>,
}

impl Bundle {
    fn new(named: BundleRef) -> Bundle {
        Bundle {
            named,
            envelope_durable: false,
            blobs: None,
            missing: BTreeSet::new(),
            complete: false,
            rejected: None,
            sources: Vec::new(),
            holders: BTreeSet::new(),
            bad: BTreeSet::new(),
            forgive_at: Time::ZERO,
            forgiven: 0,
            trace: None,
        }
    }

    /// These sources served something else and are not asked for a while.
    pub(crate) fn blame(&mut self, sources: impl IntoIterator<Item = SocketAddr>, fx: &Fx<'_>) {
        self.bad.extend(sources);
        let doubled = 2_u32.saturating_pow(self.forgiven.min(FORGIVEN_DOUBLINGS_MAX));
        self.forgive_at = fx.now.plus(fx.config.retry_period.saturating_mul(doubled));
    }

    /// Gives bad sources another chance once their time is over.
    pub(crate) fn forgive(&mut self, now: Time) {
        if !self.complete && !self.bad.is_empty() && self.forgive_at <= now {
            self.bad.clear();
            self.forgiven = self.forgiven.saturating_add(1);
        }
    }
}

/// The catalogue.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    heads: BTreeMap<Digest, BundleHead>,
    pub(crate) kept: BTreeMap<Digest, Bundle>,
    /// Durable blobs and their lengths.
    held: BTreeMap<Digest, u32>,
    /// Bundles found on disk that nothing has claimed yet.
    found: BTreeMap<Digest, HeldBundle>,
}

impl Bundles {
    pub(crate) fn recover(
        heads: Vec<BundleHead>,
        bundles: Vec<HeldBundle>,
        blobs: BTreeMap<Digest, u32>,
    ) -> Bundles {
        Bundles {
            heads: heads.into_iter().map(|head| (head.bundle.digest, head)).collect(),
            kept: BTreeMap::new(),
            held: blobs,
            found: bundles.into_iter().map(|bundle| (bundle.digest, bundle)).collect(),
        }
    }

    /// Takes a verified head; `done` follows once it is durable. Returns whether it is news that
    /// should be passed on.
    pub(crate) fn head(&mut self, head: BundleHead, done: Done, fx: &mut Fx<'_>) -> bool {
        let known = self.heads.get(&head.bundle.digest);
        if known.is_some_and(|known| !head.wins_over(known)) || !self.is_newest(&head, fx) {
            return false;
        }
        fx.persist(vec![Write::Head(head.clone())], done);
        self.heads.insert(head.bundle.digest, head);
        true
    }

    /// Whether a head would be kept: it is among the newest, or its bundle is kept anyway.
    fn is_newest(&self, head: &BundleHead, fx: &Fx<'_>) -> bool {
        if self.kept.contains_key(&head.bundle.digest) {
            return true;
        }
        let order = (head.published_ms, head.bundle.digest);
        let newer = |other: &&BundleHead| (other.published_ms, other.bundle.digest) > order;
        self.heads.values().filter(newer).count() < fx.config.bundles_newest_max
    }

    /// Fits what is kept to what channels name and which heads are known. O(bundles).
    pub(crate) fn retain(
        &mut self,
        named: &BTreeMap<Digest, BundleRef>,
        content: &mut Content,
        fx: &mut Fx<'_>,
    ) {
        let mut newest: Vec<_> =
            self.heads.values().map(|head| (head.published_ms, head.bundle.digest)).collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        newest.truncate(fx.config.bundles_newest_max);
        let mut kept: BTreeMap<Digest, BundleRef> = named.clone();
        for (_, digest) in newest {
            if let Some(head) = self.heads.get(&digest) {
                kept.entry(digest).or_insert_with(|| head.bundle.clone());
            }
        }
        for (digest, named) in &kept {
            if !self.kept.contains_key(digest) {
                self.keep(named.clone(), content, fx);
            }
            self.publish_value(digest, content);
        }
        let dropped: BTreeSet<Digest> = (self.kept.keys().chain(self.found.keys()))
            .chain(self.heads.keys())
            .filter(|digest| !kept.contains_key(digest))
            .copied()
            .collect();
        for digest in dropped {
            self.drop_bundle(digest, content, fx);
        }
    }

    fn keep(&mut self, named: BundleRef, content: &mut Content, fx: &mut Fx<'_>) {
        let digest = named.digest;
        let mut bundle = Bundle::new(named);
        if let Some(found) = self.found.remove(&digest) {
            bundle.envelope_durable = true;
            let lacks = |blob: &&BlobRef| self.held.get(&blob.digest) != Some(&blob.length_bytes);
            bundle.missing = found.blobs.iter().filter(lacks).copied().collect();
            bundle.blobs = Some(found.blobs);
        }
        let whole = bundle.envelope_durable && bundle.missing.is_empty();
        self.kept.insert(digest, bundle);
        if whole {
            self.complete(digest, content, fx);
        }
    }

    /// Everything of a bundle is durable: it counts.
    fn complete(&mut self, digest: Digest, content: &mut Content, fx: &mut Fx<'_>) {
        let Some(bundle) = self.kept.get_mut(&digest) else { return };
        bundle.complete = true;
        bundle.rejected = None;
        bundle.sources.clear();
        bundle.holders.clear();
        let trace = bundle.trace.clone();
        self.publish_value(&digest, content);
        fx.out.push(Output::BundleStored { digest, trace });
    }

    fn publish_value(&self, digest: &Digest, content: &mut Content) {
        if let Some(head) = self.heads.get(digest) {
            content.set(ContentKey::Head(*digest), head.digest());
        }
        if self.kept.get(digest).is_some_and(|bundle| bundle.complete) {
            let value = Digest::derive("cairn 2026 bundle held v1", &[&digest.0]);
            content.set(ContentKey::Bundle(*digest), value);
        }
    }

    fn drop_bundle(&mut self, digest: Digest, content: &mut Content, fx: &mut Fx<'_>) {
        self.heads.remove(&digest);
        content.remove(&ContentKey::Bundle(digest));
        content.remove(&ContentKey::Head(digest));
        let kept = self.kept.remove(&digest).and_then(|bundle| bundle.blobs);
        let found = self.found.remove(&digest).map(|found| found.blobs);
        let mut blobs: BTreeSet<Digest> =
            kept.or(found).unwrap_or_default().iter().map(|blob| blob.digest).collect();
        for other in self.kept.values().filter_map(|bundle| bundle.blobs.as_ref()) {
            other.iter().for_each(|blob| {
                blobs.remove(&blob.digest);
            });
        }
        for other in self.found.values() {
            other.blobs.iter().for_each(|blob| {
                blobs.remove(&blob.digest);
            });
        }
        blobs.retain(|blob| self.held.remove(blob).is_some());
        let blobs = blobs.into_iter().collect();
        fx.persist(vec![Write::RemoveBundle { digest, blobs }], Done::Nothing);
    }

    /// A bundle was added at this node, durable already.
    pub(crate) fn added(&mut self, head: &BundleHead, blobs: Vec<BlobRef>) {
        let digest = head.bundle.digest;
        self.held.extend(blobs.iter().map(|blob| (blob.digest, blob.length_bytes)));
        let envelope_bytes = head.bundle.envelope_bytes;
        self.found.insert(digest, HeldBundle { digest, envelope_bytes, blobs });
        // A bundle that was wanted before is decided anew by what was found.
        if self.kept.get(&digest).is_some_and(|bundle| !bundle.complete) {
            self.kept.remove(&digest);
        }
    }

    /// The envelope of a bundle says what it consists of.
    ///
    /// # Errors
    /// Why the bundle is refused whoever serves it.
    pub(crate) fn opened(&mut self, digest: Digest, blobs: Vec<BlobRef>) -> Result<(), String> {
        let total: u64 = blobs.iter().map(|blob| u64::from(blob.length_bytes)).sum();
        if total > BUNDLE_BYTES_MAX {
            return Err(format!("bundle is {total} bytes, limit {BUNDLE_BYTES_MAX}"));
        }
        if blobs.len() > BUNDLE_BLOBS_MAX {
            return Err(format!("bundle has {} blobs, limit {BUNDLE_BLOBS_MAX}", blobs.len()));
        }
        if let Some(bundle) = self.kept.get_mut(&digest) {
            let lacks = |blob: &&BlobRef| self.held.get(&blob.digest) != Some(&blob.length_bytes);
            bundle.missing = blobs.iter().filter(lacks).copied().collect();
            bundle.blobs = Some(blobs);
        }
        Ok(())
    }

    /// An envelope or a blob is durable. Returns the bundles that this completed.
    pub(crate) fn durable(
        &mut self,
        envelope: Option<Digest>,
        blob: Option<BlobRef>,
        content: &mut Content,
        fx: &mut Fx<'_>,
    ) -> Vec<Digest> {
        if let Some(bundle) = envelope.and_then(|digest| self.kept.get_mut(&digest)) {
            bundle.envelope_durable = true;
        }
        if let Some(blob) = blob {
            self.held.insert(blob.digest, blob.length_bytes);
            for bundle in self.kept.values_mut() {
                bundle.missing.remove(&blob);
            }
        }
        let whole = |bundle: &Bundle| {
            !bundle.complete
                && bundle.envelope_durable
                && bundle.blobs.is_some()
                && bundle.missing.is_empty()
        };
        let completed: Vec<Digest> =
            self.kept.iter().filter(|(_, b)| whole(b)).map(|(digest, _)| *digest).collect();
        for digest in &completed {
            self.complete(*digest, content, fx);
        }
        completed
    }

    /// A peer holds a bundle or is about to. Returns whether that is news about one we lack.
    pub(crate) fn source(
        &mut self,
        digest: &Digest,
        addr: SocketAddr,
        trace: Option<&str>,
        sources_max: usize,
    ) -> bool {
        let Some(bundle) = self.kept.get_mut(digest).filter(|bundle| !bundle.complete) else {
            return false;
        };
        if bundle.trace.is_none() {
            bundle.trace = trace.map(str::to_owned);
        }
        if bundle.sources.contains(&addr) || bundle.sources.len() >= sources_max {
            return false;
        }
        bundle.sources.push(addr);
        true
    }

    /// A peer said that it holds a bundle in full.
    pub(crate) fn holder(&mut self, digest: &Digest, addr: SocketAddr) {
        if let Some(bundle) = self.kept.get_mut(digest).filter(|bundle| !bundle.complete)
            && bundle.sources.contains(&addr)
        {
            bundle.holders.insert(addr);
        }
    }

    /// What a peer is told about a bundle that we hold.
    pub(crate) fn record(&self, digest: &Digest) -> Option<Record> {
        let bundle = self.kept.get(digest).filter(|bundle| bundle.complete)?;
        Some(match self.heads.get(digest) {
            Some(head) => Record::Bundle(head.clone()),
            None => Record::Named(bundle.named.clone()),
        })
    }

    /// Whether an envelope or a blob is durable here, or how long it will be once it is.
    pub(crate) fn holds(&self, digest: &Digest) -> Option<bool> {
        if self.held.contains_key(digest) {
            return Some(true);
        }
        if let Some(bundle) = self.kept.get(digest) {
            return Some(bundle.envelope_durable);
        }
        let coming = |bundle: &Bundle| {
            let blobs = bundle.blobs.as_ref();
            blobs.is_some_and(|blobs| blobs.iter().any(|blob| blob.digest == *digest))
        };
        self.kept.values().any(coming).then_some(false)
    }

    /// The head of a bundle that is kept.
    pub(crate) fn head_of(&self, digest: &Digest) -> Option<&BundleHead> {
        self.heads.get(digest)
    }

    /// Whether exactly this head is known.
    pub(crate) fn knows(&self, head: &BundleHead) -> bool {
        self.heads.get(&head.bundle.digest) == Some(head)
    }

    /// Whether a bundle is wanted and not held in full.
    pub(crate) fn lacks(&self, digest: &Digest) -> bool {
        !self.kept.get(digest).is_some_and(|bundle| bundle.complete)
    }

    /// The trace that a bundle travelled with.
    pub(crate) fn trace(&self, digest: &Digest) -> Option<String> {
        self.kept.get(digest)?.trace.clone()
    }

    pub(crate) fn progress(&self, digest: &Digest) -> Option<BundleProgress> {
        let bundle = self.kept.get(digest)?;
        let blobs_total = bundle.blobs.as_ref().map_or(0, Vec::len);
        let distinct = bundle.missing.len();
        Some(BundleProgress {
            envelope: bundle.envelope_durable,
            blobs_held: blobs_total.saturating_sub(distinct),
            blobs_total,
            complete: bundle.complete,
            rejected: bundle.rejected.clone(),
        })
    }
}

/// Checks the lengths that a head or a directive announces, before anything is fetched.
pub(crate) fn check_named(named: &BundleRef, ruleset: &str) -> Result<(), Fault> {
    let measures = [
        ("envelope bytes", u64::from(named.envelope_bytes), u64::from(ENVELOPE_BYTES_MAX)),
        ("version bytes", named.version.len() as u64, NAME_BYTES_MAX as u64),
        ("rule set name bytes", ruleset.len() as u64, NAME_BYTES_MAX as u64),
    ];
    match measures.into_iter().find(|(_, actual, max)| actual > max) {
        Some((what, actual, max)) => Err(Fault::OverLimit { what, actual, max }),
        None => Ok(()),
    }
}
