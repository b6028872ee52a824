//! One node of the trie.

use std::sync::Arc;

use crate::digest::Digest;

/// Most entries of a bucket; one more splits it by the next nibble.
///
/// Larger buckets save nodes and cost hashing at each update: 16 entries of 64 bytes are exactly
/// one BLAKE3 chunk.
pub(crate) const BUCKET_MAX: usize = 16;

/// Children of an inner node.
pub(crate) const FANOUT: usize = 16;

/// Key and value.
pub(crate) type Entry = (Digest, Digest);

// Keyed mode separates buckets from inner nodes without a byte of input.
const BUCKET_KEY: &[u8; 32] = b"cairn 2026 merkle trie bucket v1";
const INNER_KEY: &[u8; 32] = b"cairn 2026 merkle trie inner. v1";

/// A set of entries. Its shape, and so its hash, is a function of the set alone: at most
/// [`BUCKET_MAX`] entries are a bucket, more are an inner node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) hash: Digest,
    pub(crate) len: usize,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Sorted by key.
    Bucket(Vec<Entry>),
    /// By the nibble at the node's depth; at least one is present.
    Inner([Option<Arc<Node>>; FANOUT]),
}

/// What an update did.
pub(crate) struct Change {
    pub(crate) previous: Option<Digest>,
    pub(crate) changed: bool,
}

pub(crate) fn bucket_hash(entries: &[Entry]) -> Digest {
    let mut input = [0; BUCKET_MAX * 64];
    for (slot, (key, value)) in input.chunks_exact_mut(64).zip(entries) {
        slot[..32].copy_from_slice(&key.0);
        slot[32..].copy_from_slice(&value.0);
    }
    Digest(*blake3::keyed_hash(BUCKET_KEY, &input[..entries.len() * 64]).as_bytes())
}

fn inner_hash(children: &[Option<Arc<Node>>; FANOUT]) -> Digest {
    let mut input = [0; 2 + FANOUT * 32];
    let (mut present, mut used) = (0u16, 2);
    for (nibble, child) in children.iter().enumerate() {
        if let Some(child) = child {
            present |= 1 << nibble;
            input[used..used + 32].copy_from_slice(&child.hash.0);
            used += 32;
        }
    }
    input[..2].copy_from_slice(&present.to_le_bytes());
    Digest(*blake3::keyed_hash(INNER_KEY, &input[..used]).as_bytes())
}

impl Node {
    /// The node of `entries`, sorted by key, each key once, equal in their first `depth` nibbles.
    pub(crate) fn build(entries: &[Entry], depth: usize) -> Node {
        if entries.len() <= BUCKET_MAX {
            return Node {
                hash: bucket_hash(entries),
                len: entries.len(),
                body: Body::Bucket(entries.to_vec()),
            };
        }
        let mut children = [const { None }; FANOUT];
        for group in entries.chunk_by(|(a, _), (b, _)| a.nibble(depth) == b.nibble(depth)) {
            let nibble = usize::from(group[0].0.nibble(depth));
            children[nibble] = Some(Arc::new(Node::build(group, depth + 1)));
        }
        Node { hash: inner_hash(&children), len: entries.len(), body: Body::Inner(children) }
    }

    /// The child that holds `key`, for an inner node at `depth`.
    pub(crate) fn child(&self, nibble: u8) -> Option<&Arc<Node>> {
        match &self.body {
            Body::Bucket(_) => None,
            Body::Inner(children) => children[usize::from(nibble)].as_ref(),
        }
    }

    pub(crate) fn insert(&mut self, depth: usize, key: Digest, value: Digest) -> Change {
        let change = match &mut self.body {
            Body::Bucket(entries) => match entries.binary_search_by_key(&key, |entry| entry.0) {
                Ok(at) => {
                    let previous = std::mem::replace(&mut entries[at].1, value);
                    Change { previous: Some(previous), changed: previous != value }
                }
                Err(at) => {
                    entries.insert(at, (key, value));
                    Change { previous: None, changed: true }
                }
            },
            Body::Inner(children) => {
                match &mut children[usize::from(key.nibble(depth))] {
                    // Copies the child only when a clone of the trie still shares it.
                    Some(child) => Arc::make_mut(child).insert(depth + 1, key, value),
                    none => {
                        *none = Some(Arc::new(Node::build(&[(key, value)], depth + 1)));
                        Change { previous: None, changed: true }
                    }
                }
            }
        };
        if change.changed {
            self.len += usize::from(change.previous.is_none());
            self.settle(depth);
        }
        change
    }

    pub(crate) fn remove(&mut self, depth: usize, key: &Digest) -> Option<Digest> {
        let removed = match &mut self.body {
            Body::Bucket(entries) => {
                let at = entries.binary_search_by_key(key, |entry| entry.0).ok()?;
                entries.remove(at).1
            }
            Body::Inner(children) => {
                let slot = &mut children[usize::from(key.nibble(depth))];
                // Looked up first: a miss must not copy nodes that are shared.
                let child = slot.as_mut().filter(|child| child.find(depth + 1, key).is_some())?;
                let removed = Arc::make_mut(child).remove(depth + 1, key)?;
                if child.len == 0 {
                    *slot = None;
                }
                removed
            }
        };
        self.len -= 1;
        self.settle(depth);
        Some(removed)
    }

    pub(crate) fn find(&self, mut depth: usize, key: &Digest) -> Option<Digest> {
        let mut node = self;
        loop {
            match &node.body {
                Body::Bucket(entries) => {
                    let at = entries.binary_search_by_key(key, |entry| entry.0).ok()?;
                    return Some(entries[at].1);
                }
                Body::Inner(children) => {
                    node = children[usize::from(key.nibble(depth))].as_deref()?;
                    depth += 1;
                }
            }
        }
    }

    /// Restores shape and hash after `len` or a child changed.
    fn settle(&mut self, depth: usize) {
        let fits = self.len <= BUCKET_MAX;
        match &self.body {
            Body::Bucket(entries) if fits => self.hash = bucket_hash(entries),
            Body::Inner(children) if !fits => self.hash = inner_hash(children),
            Body::Bucket(entries) => *self = Node::build(entries, depth),
            Body::Inner(_) => {
                let mut entries = Vec::with_capacity(self.len);
                self.collect(&mut entries);
                *self = Node::build(&entries, depth);
            }
        }
    }

    fn collect(&self, into: &mut Vec<Entry>) {
        match &self.body {
            Body::Bucket(entries) => into.extend_from_slice(entries),
            Body::Inner(children) => {
                children.iter().flatten().for_each(|child| child.collect(into));
            }
        }
    }
}
