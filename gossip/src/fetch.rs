//! One envelope or blob on its way to us, in pieces.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use cairn_merkle::Digest;

use crate::frame::{Body, CHUNK_BYTES_MAX};
use crate::fx::Fx;
use crate::head::BlobRef;
use crate::output::Class;
use crate::time::Time;
use crate::verify::Fault;

/// Pieces of one fetch that are asked for at a time: hides a round trip without letting one slow
/// peer hold many of the node's asks.
const PIECES_MAX: usize = 4;

/// Pieces arrive in any order and are put together when all are there, so no peer makes us
/// allocate more than it really sends.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) bundle: Digest,
    pub(crate) envelope: bool,
    pub(crate) total: u32,
    pub(crate) source: SocketAddr,
    pub(crate) nonce: u64,
    pub(crate) progress: Time,
    /// Who sent pieces of it.
    pub(crate) contributed: BTreeSet<SocketAddr>,
    digest: Digest,
    trace: Option<String>,
    pieces: BTreeMap<u32, Bytes>,
    asked: BTreeSet<u32>,
}

impl Fetch {
    pub(crate) fn new(
        bundle: Digest,
        envelope: bool,
        blob: BlobRef,
        source: SocketAddr,
        trace: Option<String>,
        (nonce, now): (u64, Time),
    ) -> Fetch {
        Fetch {
            bundle,
            envelope,
            total: blob.length_bytes,
            source,
            nonce,
            progress: now,
            contributed: BTreeSet::new(),
            digest: blob.digest,
            trace,
            pieces: BTreeMap::new(),
            asked: BTreeSet::new(),
        }
    }

    /// Where the pieces start. Empty content has one empty piece: it is asked for like any other.
    fn offsets(&self) -> impl Iterator<Item = u32> + use<> {
        let step = usize::try_from(CHUNK_BYTES_MAX).unwrap_or(usize::MAX);
        (0..self.total.max(1)).step_by(step)
    }

    /// Pieces that are asked for and not here.
    pub(crate) fn asked(&self) -> usize {
        self.asked.len()
    }

    /// Asks for further pieces, at most `room`. Returns how many.
    pub(crate) fn ask(&mut self, room: usize, fx: &mut Fx<'_>) -> usize {
        let room = room.min(PIECES_MAX.saturating_sub(self.asked.len()));
        let open = |offset: &u32| !self.pieces.contains_key(offset) && !self.asked.contains(offset);
        let next: Vec<u32> = self.offsets().filter(open).take(room).collect();
        for offset in &next {
            self.asked.insert(*offset);
            let (digest, offset, length) = (self.digest, *offset, CHUNK_BYTES_MAX);
            let body = Body::BlobAsk { digest, offset, length };
            fx.send_traced(self.source, body, Class::Bulk, self.trace.as_deref());
        }
        next.len()
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// The fault of a piece that does not fit; nothing of it is kept.
    pub(crate) fn put(
        &mut self,
        from: SocketAddr,
        total: u32,
        offset: u32,
        bytes: Bytes,
        now: Time,
    ) -> Result<(), Fault> {
        let over = |what, actual: u32, max: u32| {
            Err(Fault::OverLimit { what, actual: u64::from(actual), max: u64::from(max) })
        };
        if total != self.total {
            return over("content length", total, self.total);
        }
        if !offset.is_multiple_of(CHUNK_BYTES_MAX) || offset >= self.total.max(1) {
            return over("piece offset", offset, self.total);
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let expected = (self.total - offset).min(CHUNK_BYTES_MAX);
        if length != expected {
            return over("piece length", length, expected);
        }
        self.asked.remove(&offset);
        self.progress = now;
        self.contributed.insert(from);
        self.pieces.entry(offset).or_insert(bytes);
        Ok(())
    }

    /// Whether every piece is here.
    pub(crate) fn is_whole(&self) -> bool {
        self.pieces.len() == self.offsets().count()
    }

    /// The whole content; meaningful once [`Fetch::is_whole`].
    pub(crate) fn assemble(&self) -> Bytes {
        if let (1, Some(only)) = (self.pieces.len(), self.pieces.values().next()) {
            return only.clone();
        }
        let mut whole = BytesMut::with_capacity(self.pieces.values().map(Bytes::len).sum());
        self.pieces.values().for_each(|piece| whole.extend_from_slice(piece));
        whole.freeze()
    }

    /// Goes on with another source; from the start unless `resume`.
    pub(crate) fn switch(&mut self, source: SocketAddr, resume: bool, nonce: u64, now: Time) {
        self.source = source;
        self.nonce = nonce;
        self.progress = now;
        self.asked.clear();
        if !resume {
            self.pieces.clear();
            self.contributed.clear();
        }
    }
}

/// Checks the length that a peer asks for.
pub(crate) fn check_length(length: u32) -> Result<(), Fault> {
    if length <= CHUNK_BYTES_MAX {
        return Ok(());
    }
    let (actual, max) = (u64::from(length), u64::from(CHUNK_BYTES_MAX));
    Err(Fault::OverLimit { what: "piece length asked for", actual, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fitting_pieces_are_taken() {
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let total = CHUNK_BYTES_MAX + 10;
        let blob = BlobRef { digest: Digest::of(b"x"), length_bytes: total };
        let mut fetch = Fetch::new(Digest::of(b"b"), false, blob, from, None, (1, Time::ZERO));
        let full = Bytes::from(vec![1; 32 * 1024]);
        let mut put = |total, offset, bytes: &Bytes| {
            fetch.put(from, total, offset, bytes.clone(), Time::ZERO).is_ok()
        };
        assert!(!put(total + 1, 0, &full), "another total");
        assert!(!put(total, 1, &full), "between pieces");
        assert!(!put(total, 2 * CHUNK_BYTES_MAX, &full), "beyond the end");
        assert!(!put(total, CHUNK_BYTES_MAX, &full), "too long");
        assert!(!put(total, 0, &full.slice(1..)), "too short");
        assert!(put(total, CHUNK_BYTES_MAX, &Bytes::from_static(&[2; 10])));
        assert!(put(total, 0, &full));
        assert!(fetch.is_whole());
        assert_eq!(fetch.assemble().len(), 32 * 1024 + 10);
        assert_eq!(fetch.assemble()[32 * 1024], 2);
    }
}
