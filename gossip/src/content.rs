//! The content root: one trie over channels, bundle heads and fully held bundles.

use std::collections::BTreeMap;

use cairn_merkle::{Digest, Trie};

/// What a trie key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContentKey {
    /// The register of a channel; its value is the digest of the newest directive.
    Channel(String),
    /// A bundle held in full.
    Bundle(Digest),
    /// The head of a kept bundle, held or not; its value is the digest of the head. Heads decide
    /// which bundles are kept, so nodes must agree on them also while nobody holds the bundle.
    Head(Digest),
}

impl ContentKey {
    fn digest(&self) -> Digest {
        let (kind, name): (u8, &[u8]) = match self {
            ContentKey::Channel(name) => (1, name.as_bytes()),
            ContentKey::Bundle(digest) => (2, &digest.0),
            ContentKey::Head(digest) => (3, &digest.0),
        };
        Digest::derive("cairn 2026 content key v1", &[&[kind], name])
    }
}

/// The trie, and the way back from its keys.
#[derive(Debug)]
pub(crate) struct Content {
    trie: Trie,
    keys: BTreeMap<Digest, ContentKey>,
}

impl Content {
    pub(crate) fn new() -> Content {
        Content { trie: Trie::new(), keys: BTreeMap::new() }
    }

    /// Sets the value behind a key. O(log n).
    pub(crate) fn set(&mut self, key: ContentKey, value: Digest) {
        let digest = key.digest();
        self.trie.insert(digest, value);
        self.keys.insert(digest, key);
    }

    /// Removes a key. O(log n).
    pub(crate) fn remove(&mut self, key: &ContentKey) {
        let digest = key.digest();
        self.trie.remove(&digest);
        self.keys.remove(&digest);
    }

    pub(crate) fn trie(&self) -> &Trie {
        &self.trie
    }

    pub(crate) fn root(&self) -> Digest {
        self.trie.root()
    }

    /// What a trie key stands for here.
    pub(crate) fn find(&self, key: &Digest) -> Option<&ContentKey> {
        self.keys.get(key)
    }
}
