//! Events and the signed batches they travel and are stored in.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use cairn_merkle::Digest;

use crate::id::{Dot, Stream};
use crate::vector::VersionVector;
use crate::verify::{Fault, Signature};

/// Most bytes of an event's payload. More is refused when it is published.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of a topic. More is refused when it is published.
pub const TOPIC_BYTES_MAX: usize = 128;
/// Most bytes of a key's scope. More is refused when it is published.
pub const SCOPE_BYTES_MAX: usize = 128;
/// Most bytes of an encoded batch, so that it always fits one frame. A larger one is refused.
pub const BATCH_BYTES_MAX: usize = 48 * 1024;
/// Most events in one batch. The publisher starts another one; a peer's larger one is refused.
pub const BATCH_EVENTS_MAX: usize = 256;

/// A name for one thing that must happen once, however many agents announce it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventKey {
    /// What kind of thing, for example a timer; at most [`SCOPE_BYTES_MAX`] bytes.
    pub scope: String,
    /// Which of them, for example the instant in milliseconds.
    pub n: u64,
}

/// A cluster-wide fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What consumers subscribe to; 1 to [`TOPIC_BYTES_MAX`] bytes.
    pub topic: String,
    /// Opaque to Cairn; at most [`PAYLOAD_BYTES_MAX`] bytes.
    pub payload: Bytes,
    /// The first copy delivered at a node wins there, later ones are suppressed.
    pub key: Option<EventKey>,
    /// A retry with the same value at the same agent gets the first event's dot.
    pub idempotency: Option<[u8; 16]>,
    /// The publisher's wall clock, milliseconds since the Unix epoch. Informative only.
    pub time_ms: u64,
}

/// What one group commit of an origin made durable: the unit that is signed, sent and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The stream the events stand in.
    pub stream: Stream,
    /// Sequence number of the first event, from 1; the others follow without a gap.
    pub first_seq: u64,
    /// Above that of everything the origin had delivered: replay order is (this, origin, seq).
    pub lamport: u64,
    /// Causal context: the entries that changed since the stream's previous batch. A node
    /// delivers the batch only after all of it.
    pub deps: VersionVector,
    /// 1 to [`BATCH_EVENTS_MAX`] events.
    pub events: Vec<Event>,
}

impl Batch {
    /// Sequence number of the last event.
    pub fn last_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.events.len() as u64).saturating_sub(1)
    }

    /// The dot of the event at `index`, counted from 0.
    pub fn dot(&self, index: usize) -> Dot {
        Dot { stream: self.stream, seq: self.first_seq.saturating_add(index as u64) }
    }

    /// The bytes that are signed, hashed and sent.
    ///
    /// # Errors
    /// [`Fault::BatchTooLarge`] above [`BATCH_BYTES_MAX`].
    pub fn encode(&self) -> Result<Bytes, Fault> {
        let bytes = postcard::to_stdvec(self).map_err(|e| Fault::malformed("batch", &e))?;
        if bytes.len() > BATCH_BYTES_MAX {
            return Err(Fault::BatchTooLarge { actual_bytes: bytes.len() });
        }
        Ok(Bytes::from(bytes))
    }

    /// Reads and checks the form of a batch; who signed it is the caller's question.
    ///
    /// # Errors
    /// A [`Fault`] that names what was wrong, the value and the limit. Never panics.
    pub fn decode(bytes: &[u8]) -> Result<Batch, Fault> {
        if bytes.len() > BATCH_BYTES_MAX {
            return Err(Fault::BatchTooLarge { actual_bytes: bytes.len() });
        }
        let (batch, rest) =
            postcard::take_from_bytes::<Batch>(bytes).map_err(|e| Fault::malformed("batch", &e))?;
        if !rest.is_empty() {
            return Err(Fault::Trailing { what: "batch", extra_bytes: rest.len() });
        }
        let count = batch.events.len();
        if count == 0 || count > BATCH_EVENTS_MAX {
            return Err(Fault::BatchCount { actual: count });
        }
        if batch.first_seq == 0 || batch.first_seq.checked_add(count as u64).is_none() {
            return Err(Fault::BatchSequence { stream: batch.stream, first_seq: batch.first_seq });
        }
        match batch.events.iter().find_map(|event| event.oversize()) {
            Some((what, actual_bytes, bytes_max)) => {
                Err(Fault::EventTooLarge { what, actual_bytes, bytes_max })
            }
            None => Ok(batch),
        }
    }
}

impl Event {
    /// The first part that is longer than allowed: its name, its bytes, the limit.
    pub fn oversize(&self) -> Option<(&'static str, usize, usize)> {
        let scope = self.key.as_ref().map_or(0, |key| key.scope.len());
        [
            ("payload", self.payload.len(), PAYLOAD_BYTES_MAX),
            ("topic", self.topic.len(), TOPIC_BYTES_MAX),
            ("key scope", scope, SCOPE_BYTES_MAX),
        ]
        .into_iter()
        .find(|(_, actual, max)| actual > max)
    }

    /// An upper bound of what the event adds to an encoded batch.
    pub(crate) fn encoded_bytes_max(&self) -> usize {
        let scope = self.key.as_ref().map_or(0, |key| key.scope.len());
        self.payload.len() + self.topic.len() + scope + 64
    }
}

/// A batch as it is sent and stored: the bytes as received, never encoded again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBatch {
    /// The encoded [`Batch`], at most [`BATCH_BYTES_MAX`] bytes.
    pub body: Bytes,
    /// The origin's public key; it must hash to the batch's origin.
    pub key: [u8; 32],
    /// Over `body`, by `key`.
    pub signature: Signature,
}

impl SignedBatch {
    /// The payload hash of invariant I4: one dot, one digest.
    pub fn digest(&self) -> Digest {
        Digest::derive("cairn 2026 event batch v1", &[&self.body])
    }

    /// Bytes this batch takes in a frame, at most.
    pub fn encoded_bytes_max(&self) -> usize {
        self.body.len() + 32 + 64 + 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Origin;

    fn batch(events: usize, payload: usize) -> Batch {
        let event = Event {
            topic: "t".into(),
            payload: Bytes::from(vec![7; payload]),
            key: Some(EventKey { scope: "s".into(), n: 1 }),
            idempotency: Some([1; 16]),
            time_ms: 5,
        };
        let stream = Stream { origin: Origin([1; 16]), incarnation: 1 };
        let deps = VersionVector::new();
        Batch { stream, first_seq: 1, lamport: 1, deps, events: vec![event; events] }
    }

    #[test]
    fn form_is_checked_at_the_edge() {
        let good = batch(2, 10);
        let bytes = good.encode().unwrap();
        assert_eq!(Batch::decode(&bytes), Ok(good.clone()));
        assert!(
            bytes.len() <= good.events.iter().map(Event::encoded_bytes_max).sum::<usize>() + 64
        );
        let mut long = bytes.to_vec();
        long.push(0);
        assert!(matches!(Batch::decode(&long), Err(Fault::Trailing { extra_bytes: 1, .. })));
        assert!(matches!(
            Batch::decode(&batch(1, PAYLOAD_BYTES_MAX + 1).encode().unwrap()),
            Err(Fault::EventTooLarge { what: "payload", .. })
        ));
        assert!(matches!(
            Batch::decode(&batch(0, 0).encode().unwrap()),
            Err(Fault::BatchCount { actual: 0 })
        ));
        let zero = Batch { first_seq: 0, ..batch(1, 0) };
        assert!(matches!(
            Batch::decode(&zero.encode().unwrap()),
            Err(Fault::BatchSequence { first_seq: 0, .. })
        ));
        assert!(matches!(batch(4, 16_000).encode(), Err(Fault::BatchTooLarge { .. })));
    }
}
