//! The trie against a `BTreeMap`.

use std::collections::BTreeMap;

use cairn_merkle::{Digest, Prefix, Trie};
use proptest::prelude::*;

/// Keys that share long paths as well as keys that do not: few distinct bytes, some deep down.
fn key() -> impl Strategy<Value = Digest> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(Digest),
        any::<u16>().prop_map(|n| Digest::of(&n.to_le_bytes())),
        (0usize..32, 0u8..4).prop_map(|(at, byte)| {
            let mut key = [0x77; 32];
            key[at] = byte;
            Digest(key)
        }),
        any::<u8>().prop_map(|last| {
            let mut key = [0x55; 32];
            key[31] = last;
            Digest(key)
        }),
    ]
}

fn value() -> impl Strategy<Value = Digest> {
    (0u8..4).prop_map(|n| Digest([n; 32]))
}

fn entries(max: usize) -> impl Strategy<Value = Vec<(Digest, Digest)>> {
    prop::collection::vec((key(), value()), 0..max)
}

proptest! {
    #[test]
    fn behaves_as_a_map(updates in prop::collection::vec((key(), prop::option::of(value())), 0..300)) {
        let (mut trie, mut map) = (Trie::new(), BTreeMap::new());
        for (key, value) in updates {
            match value {
                Some(value) => assert_eq!(trie.insert(key, value), map.insert(key, value)),
                None => assert_eq!(trie.remove(&key), map.remove(&key)),
            }
            assert_eq!(trie.get(&key), map.get(&key).copied());
            assert_eq!(trie.len(), map.len());
        }
        assert!(trie.iter().eq(map.iter().map(|(k, v)| (*k, *v))));
        assert_eq!(trie.root(), map.into_iter().collect::<Trie>().root());
    }

    #[test]
    fn root_forgets_the_order(entries in entries(200), rotate in any::<prop::sample::Index>()) {
        let map: BTreeMap<_, _> = entries.into_iter().collect();
        let mut shuffled: Vec<_> = map.into_iter().collect();
        let forward: Trie = shuffled.iter().copied().collect();
        if !shuffled.is_empty() {
            let by = rotate.index(shuffled.len());
            shuffled.rotate_left(by);
            shuffled.reverse();
        }
        let mut one_by_one = Trie::new();
        for (key, value) in shuffled {
            one_by_one.insert(key, value);
        }
        assert_eq!(forward.root(), one_by_one.root());
    }

    #[test]
    fn what_came_and_went_leaves_no_trace(stay in entries(120), go in entries(120)) {
        let stay: BTreeMap<_, _> = stay.into_iter().collect();
        let mut trie: Trie = stay.clone().into_iter().collect();
        let before = trie.root();
        for (key, value) in &go {
            trie.insert(*key, *value);
        }
        for (key, _) in &go {
            match stay.get(key) {
                Some(value) => trie.insert(*key, *value),
                None => trie.remove(key),
            };
        }
        assert_eq!(trie.root(), before);
    }

    #[test]
    fn a_clone_is_a_snapshot(first in entries(100), then in entries(100)) {
        let trie: Trie = first.into_iter().collect();
        let before: Vec<_> = trie.iter().collect();
        let mut changed = trie.clone();
        for (key, value) in then {
            if value == Digest([0; 32]) {
                changed.remove(&key);
            } else {
                changed.insert(key, value);
            }
        }
        assert!(trie.iter().eq(before.iter().copied()));
        assert_eq!(trie.root(), before.into_iter().collect::<Trie>().root());
    }

    #[test]
    fn entries_under_a_prefix(entries in entries(200), at in key(), depth in 0usize..=64) {
        let map: BTreeMap<_, _> = entries.into_iter().collect();
        let trie: Trie = map.clone().into_iter().collect();
        let prefix = Prefix::of(&at, depth);
        let expected = map.into_iter().filter(|(key, _)| prefix.contains(key));
        assert!(trie.entries(&prefix).eq(expected));
    }

    #[test]
    fn different_content_has_a_different_root(a in entries(40), b in entries(40)) {
        let a: BTreeMap<_, _> = a.into_iter().collect();
        let b: BTreeMap<_, _> = b.into_iter().collect();
        let roots_equal = a.clone().into_iter().collect::<Trie>().root()
            == b.clone().into_iter().collect::<Trie>().root();
        assert_eq!(roots_equal, a == b);
    }
}

/// The hash of the empty trie and of a known content is part of the protocol between versions.
#[test]
fn roots_are_stable() {
    let mut trie = Trie::new();
    let empty = trie.root();
    for n in 0u32..1_000 {
        trie.insert(Digest::of(&n.to_le_bytes()), Digest::of(&(n + 1).to_le_bytes()));
    }
    assert_eq!(
        [empty.short(), trie.root().short()],
        ["d5dedac7a4f8", "bfb4deb26943"].map(str::to_owned),
        "a changed root breaks rolling upgrades"
    );
}
