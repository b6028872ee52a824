//! The root over a bundle's fragments, and proofs that one of them belongs to it.
//!
//! The tree is `rs_merkle`'s with BLAKE3 and two corrections. Its default hash of a node is the
//! hash of two hashes, so an inner node passes for a leaf: here a leaf is hashed after a byte 0
//! and a node after a byte 1, as in RFC 6962, section 2.1. And its root does not tell how many
//! leaves there are: here the root that is signed is the hash of (tree root, count).
//!
//! Cost: root and proof O(n) hashes for n fragments; verifying O(log n) hashes, and the proof is
//! 32 × ⌈log₂ n⌉ bytes at most.

use cairn_merkle::Digest;
use rs_merkle::{Hasher, MerkleProof, MerkleTree};
use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::bundle_error::BundleError;
use crate::limits::FRAGMENTS_MAX;
use crate::manifest::FragmentEntry;

const ROOT_DOMAIN: &str = "cairn 2026 bundle fragments root v1";
const LEAF_PREFIX: u8 = 0;
const NODE_PREFIX: u8 = 1;

/// Longest path that a proof may have: the depth of a tree of [`FRAGMENTS_MAX`] leaves.
const PATH_MAX: usize = FRAGMENTS_MAX.ilog2() as usize;

#[derive(Clone)]
struct Blake3;

impl Hasher for Blake3 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[LEAF_PREFIX]).update(data);
        *hasher.finalize().as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        match right {
            Some(right) => {
                let mut hasher = blake3::Hasher::new();
                hasher.update(&[NODE_PREFIX]).update(left).update(right);
                *hasher.finalize().as_bytes()
            }
            // The last of an odd layer moves up as it is: the signed count says where.
            None => *left,
        }
    }
}

fn leaf(entry: &FragmentEntry) -> [u8; 32] {
    // Serialising this plain struct cannot fail; were it to, an empty leaf matches no entry.
    Blake3::hash(&postcard::to_stdvec(entry).unwrap_or_default())
}

fn bind(tree_root: [u8; 32], count: u64) -> Digest {
    Digest::derive(ROOT_DOMAIN, &[&tree_root, &count.to_le_bytes()])
}

/// The root of `fragments` in their order, bound to their count.
#[must_use]
pub fn root(fragments: &[FragmentEntry]) -> Digest {
    let leaves: Vec<_> = fragments.iter().map(leaf).collect();
    let tree = MerkleTree::<Blake3>::from_leaves(&leaves);
    bind(tree.root().unwrap_or_default(), fragments.len() as u64)
}

/// A proof that one fragment is at its place in a bundle whose signed root is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Position of the fragment.
    pub index: u32,
    /// Count of all fragments; the root binds it.
    pub count: u32,
    /// The fragment: its digest and length are what the proof establishes.
    pub entry: FragmentEntry,
    /// Hashes of the siblings, from the leaf up.
    #[serde(deserialize_with = "bounded::list::<PATH_MAX, _, _>")]
    pub path: Vec<Digest>,
}

impl Proof {
    /// The proof for `fragments[index]`.
    ///
    /// # Errors
    /// `NoSuchFragment` (rs_merkle would silently give a wrong proof), or `TooMany`.
    pub fn new(fragments: &[FragmentEntry], index: usize) -> Result<Proof, BundleError> {
        if fragments.len() > FRAGMENTS_MAX {
            return Err(BundleError::TooMany {
                what: "fragments",
                actual: fragments.len(),
                max: FRAGMENTS_MAX,
            });
        }
        let Some(entry) = fragments.get(index) else {
            return Err(BundleError::NoSuchFragment {
                index: index as u64,
                count: fragments.len() as u64,
            });
        };
        let leaves: Vec<_> = fragments.iter().map(leaf).collect();
        let tree = MerkleTree::<Blake3>::from_leaves(&leaves);
        let path = tree.proof(&[index]).proof_hashes().iter().copied().map(Digest).collect();
        // Both fit: FRAGMENTS_MAX was checked above.
        Ok(Proof { index: index as u32, count: fragments.len() as u32, entry: entry.clone(), path })
    }

    /// Checks that `entry` is fragment `index` of the bundle whose manifest states `root`.
    ///
    /// # Errors
    /// `TooMany`, `NoSuchFragment` or `BadProof`.
    pub fn verify(&self, root: &Digest) -> Result<(), BundleError> {
        let (index, count) = (self.index as usize, self.count as usize);
        if count > FRAGMENTS_MAX {
            return Err(BundleError::TooMany {
                what: "fragments",
                actual: count,
                max: FRAGMENTS_MAX,
            });
        }
        if index >= count {
            return Err(BundleError::NoSuchFragment {
                index: u64::from(self.index),
                count: u64::from(self.count),
            });
        }
        let bad = || BundleError::BadProof { name: self.entry.name.clone() };
        // rs_merkle ignores hashes that it does not need: one fragment, one proof.
        if self.path.len() != path_length(index, count) {
            return Err(bad());
        }
        let path = self.path.iter().map(|digest| digest.0).collect();
        let tree_root = MerkleProof::<Blake3>::new(path)
            .root(&[index], &[leaf(&self.entry)], count)
            .map_err(|_| bad())?;
        if bind(tree_root, u64::from(self.count)) != *root {
            return Err(bad());
        }
        Ok(())
    }

    /// [`Proof::verify`], then that `bytes` are that fragment: what a node does with a fragment
    /// from an untrusted peer before it has the rest.
    ///
    /// # Errors
    /// As `verify`, or `WrongLength`, `WrongDigest`.
    pub fn verify_bytes(&self, root: &Digest, bytes: &[u8]) -> Result<(), BundleError> {
        self.verify(root)?;
        self.entry.verify(bytes)
    }
}

/// How many siblings lie between leaf `index` and the root of a tree of `count` leaves.
fn path_length(mut index: usize, mut count: usize) -> usize {
    let mut length = 0;
    while count > 1 {
        let alone = index + 1 == count && count % 2 == 1;
        length += usize::from(!alone);
        index /= 2;
        count = count.div_ceil(2);
    }
    length
}
