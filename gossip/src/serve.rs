//! What peers asked of us before we had it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use cairn_merkle::Digest;

use crate::frame::{Body, CHUNK_BYTES_MAX};
use crate::fx::Fx;
use crate::output::Class;

#[derive(Debug)]
struct Waiter {
    to: SocketAddr,
    piece: (u32, u32),
    trace: Option<String>,
}

/// Requests kept until their content was checked: then it goes on at once, so a bundle crosses
/// the cluster hop by hop without anybody polling.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    waiters: BTreeMap<Digest, Vec<Waiter>>,
    count: usize,
}

impl Uploads {
    /// Keeps a request; when there is no room the peer hears that we have nothing.
    pub(crate) fn wait(
        &mut self,
        to: SocketAddr,
        digest: Digest,
        piece: (u32, u32),
        trace: Option<&str>,
        fx: &mut Fx<'_>,
    ) {
        let waiters = self.waiters.get(&digest).into_iter().flatten();
        if waiters.into_iter().any(|waiter| waiter.to == to && waiter.piece == piece) {
            return;
        }
        if self.count >= fx.config.waiters_max {
            fx.send(to, Body::BlobNone { digest }, Class::Bulk);
            return;
        }
        self.count += 1;
        let waiters = self.waiters.entry(digest).or_default();
        waiters.push(Waiter { to, piece, trace: trace.map(str::to_owned) });
    }

    /// Content is here and checked: answer everybody who waits for it.
    pub(crate) fn serve(&mut self, digest: Digest, bytes: &Bytes, fx: &mut Fx<'_>) {
        for waiter in self.take(&digest) {
            tell(waiter.to, digest, bytes, waiter.piece, waiter.trace.as_deref(), fx);
        }
    }

    /// Content will not come: nobody should wait for us.
    pub(crate) fn refuse(&mut self, digest: &Digest, fx: &mut Fx<'_>) {
        for waiter in self.take(digest) {
            fx.send(waiter.to, Body::BlobNone { digest: *digest }, Class::Bulk);
        }
    }

    /// The same for all content that `unwanted` says is.
    pub(crate) fn refuse_all(&mut self, unwanted: impl Fn(&Digest) -> bool, fx: &mut Fx<'_>) {
        let gone: Vec<Digest> = self.waiters.keys().filter(|d| unwanted(d)).copied().collect();
        gone.iter().for_each(|digest| self.refuse(digest, fx));
    }

    fn take(&mut self, digest: &Digest) -> Vec<Waiter> {
        let waiters = self.waiters.remove(digest).unwrap_or_default();
        self.count -= waiters.len();
        waiters
    }
}

/// Sends a piece of content that is in memory.
pub(crate) fn tell(
    to: SocketAddr,
    digest: Digest,
    content: &Bytes,
    (offset, length): (u32, u32),
    trace: Option<&str>,
    fx: &mut Fx<'_>,
) {
    let Some(body) = piece(digest, content, offset, length) else {
        fx.send(to, Body::BlobNone { digest }, Class::Bulk);
        return;
    };
    fx.stats.chunks_served += 1;
    fx.send_traced(to, body, Class::Bulk, trace);
}

/// The answer to a request for a piece of `content`: for the shell, which reads it from disk.
/// `None` when the piece starts beyond the end.
pub fn piece(digest: Digest, content: &Bytes, offset: u32, length: u32) -> Option<Body> {
    let total = u32::try_from(content.len()).ok()?;
    let end = total.min(offset.saturating_add(length.min(CHUNK_BYTES_MAX)));
    let range = usize::try_from(offset).ok()?..usize::try_from(end).ok()?;
    let bytes = (range.start <= range.end).then(|| content.slice(range))?;
    Some(Body::BlobTell { digest, total, offset, bytes })
}
