//! The incremental Merkle trie.

use std::sync::Arc;

use crate::digest::Digest;
use crate::node::{Body, Entry, Node, bucket_hash};
use crate::prefix::Prefix;
use crate::summary::{Summary, Tag};

/// A map from digests to digests whose root hash names its whole content.
///
/// The root is a function of the set of entries alone: the order of updates, and entries that came
/// and went, leave no trace. Keys should be hashes, as then the depth is about log₁₆ n; with any
/// other keys it is still at most 64 and every answer is still right.
///
/// A clone is O(1): the two share all nodes, and an update copies the few on its path.
///
/// | operation | cost for n entries |
/// |---|---|
/// | `root`, `len`, `clone` | O(1) |
/// | `get` | O(log₁₆ n) |
/// | `insert`, `remove` | O(log₁₆ n) nodes, each hashed once (at most 1 KiB) |
/// | `collect` | O(n log n) |
/// | `summary` | O(log₁₆ n + entries or children in the answer) |
#[derive(Clone, Debug)]
pub struct Trie {
    root: Arc<Node>,
}

impl Default for Trie {
    fn default() -> Self {
        Trie::new()
    }
}

impl Trie {
    /// An empty trie.
    #[must_use]
    pub fn new() -> Trie {
        Trie { root: Arc::new(Node::build(&[], 0)) }
    }

    /// The hash of everything in it. Equal roots mean equal content.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root.hash
    }

    /// How many keys it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.root.len
    }

    /// Whether it has no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.len == 0
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &Digest) -> Option<Digest> {
        self.root.find(0, key)
    }

    /// Sets the value of `key` and returns the previous one.
    pub fn insert(&mut self, key: Digest, value: Digest) -> Option<Digest> {
        Arc::make_mut(&mut self.root).insert(0, key, value).previous
    }

    /// Takes `key` out and returns its value.
    pub fn remove(&mut self, key: &Digest) -> Option<Digest> {
        // A miss must not copy a shared root.
        self.get(key)?;
        Arc::make_mut(&mut self.root).remove(0, key)
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (Digest, Digest)> + '_ {
        self.entries(&Prefix::ROOT)
    }

    /// The entries whose keys begin with `prefix`, by key.
    pub fn entries(&self, prefix: &Prefix) -> impl Iterator<Item = (Digest, Digest)> + '_ {
        let prefix = *prefix;
        let mut stack: Vec<&Node> = Vec::new();
        stack.extend(self.node(&prefix));
        let mut bucket: std::slice::Iter<'_, Entry> = [].iter();
        std::iter::from_fn(move || {
            loop {
                if let Some(entry) = bucket.next() {
                    return Some(*entry);
                }
                match &stack.pop()?.body {
                    Body::Bucket(entries) => bucket = entries.iter(),
                    Body::Inner(children) => {
                        stack.extend(children.iter().rev().flatten().map(|child| &**child));
                    }
                }
            }
        })
        // Only a bucket that lies above the prefix holds other keys.
        .filter(move |(key, _)| prefix.contains(key))
    }

    /// What a replica answers to the question what it has under `prefix`.
    #[must_use]
    pub fn summary(&self, prefix: &Prefix) -> Summary {
        let Some(node) = self.node(prefix) else {
            return Summary::Leaves { prefix: *prefix, entries: Vec::new() };
        };
        if node.len <= Summary::leaves_max(prefix) {
            return Summary::Leaves { prefix: *prefix, entries: self.entries(prefix).collect() };
        }
        let levels = Summary::levels_for(prefix, node.len);
        let (mut present, mut tags) = (Vec::new(), Vec::new());
        for (at, below) in Summary::slots(prefix, levels).enumerate() {
            if at.is_multiple_of(8) {
                present.push(0);
            }
            if let Some(tag) = below.and_then(|below| self.tag(&below)) {
                present[at / 8] |= 1 << (at % 8);
                tags.push(tag);
            }
        }
        Summary::Inner { prefix: *prefix, levels, present, tags }
    }

    /// The short hash of what lies under `prefix`, `None` when nothing does.
    pub(crate) fn tag(&self, prefix: &Prefix) -> Option<Tag> {
        let node = self.node(prefix)?;
        if let Body::Bucket(entries) = &node.body {
            // The bucket may lie above the prefix and hold other keys too. A part of a bucket is
            // hashed as the bucket it would be if it stood alone, which is what the other side,
            // with another shape above, computes as well.
            let start = entries.partition_point(|(key, _)| key < prefix.first_key());
            let part = &entries[start..];
            let part = &part[..part.partition_point(|(key, _)| prefix.contains(key))];
            return match part.len() {
                0 => None,
                all if all == entries.len() => Some(Tag::of(&node.hash)),
                _ => Some(Tag::of(&bucket_hash(part))),
            };
        }
        Some(Tag::of(&node.hash))
    }

    /// The node at `prefix`, or the bucket above it.
    fn node(&self, prefix: &Prefix) -> Option<&Node> {
        let mut node = &*self.root;
        for depth in 0..prefix.depth() {
            match &node.body {
                Body::Bucket(_) => break,
                Body::Inner(_) => node = node.child(prefix.nibble(depth))?,
            }
        }
        Some(node)
    }
}

impl PartialEq for Trie {
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

impl Eq for Trie {}

/// Builds in one pass, each node hashed once. Of equal keys the last one counts.
impl FromIterator<(Digest, Digest)> for Trie {
    fn from_iter<I: IntoIterator<Item = (Digest, Digest)>>(entries: I) -> Self {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        // Stable, so that among equal keys the order of arrival stays; reversed, the last is first.
        entries.reverse();
        entries.sort_by_key(|entry| entry.0);
        entries.dedup_by_key(|entry| entry.0);
        Trie { root: Arc::new(Node::build(&entries, 0)) }
    }
}
