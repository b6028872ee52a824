//! Signatures for simulations: a keyed hash, a thousand times cheaper than ed25519 and checked
//! in the same places.

use cairn_gossip::{
    Batch, BundleHead, Directive, Fault, Origin, Sign, Signature, SignedBatch, SignedDirective,
    Verify,
};
use cairn_merkle::Digest;

/// The one key that may write directives and heads.
pub(crate) const OPERATOR: [u8; 32] = [0x0e; 32];

/// The key of a node's origin.
pub(crate) fn origin_key(seed: u64, node: u32) -> [u8; 32] {
    Digest::derive("cairn 2026 simulated origin", &[&seed.to_le_bytes(), &node.to_le_bytes()]).0
}

pub(crate) fn sign(key: &[u8; 32], body: &[u8]) -> Signature {
    let digest = Digest::derive("cairn 2026 simulated signature", &[key, body]);
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&digest.0);
    Signature(bytes)
}

/// Signs with one origin's key.
pub(crate) struct Signer(pub(crate) [u8; 32]);

impl Sign for Signer {
    fn key(&self) -> [u8; 32] {
        self.0
    }

    fn batch(&self, body: &[u8]) -> Signature {
        sign(&self.0, body)
    }
}

/// Believes [`sign`] and [`OPERATOR`].
pub(crate) struct Verifier;

impl Verify for Verifier {
    fn directive(&self, signed: &SignedDirective) -> Result<Directive, Fault> {
        operator("directive", &signed.key, &signed.body, &signed.signature)?;
        Directive::decode(&signed.body)
    }

    fn head(&self, head: &BundleHead) -> Result<(), Fault> {
        operator("head", &head.key, &head.signed_bytes(), &head.signature)
    }

    fn batch(&self, signed: &SignedBatch) -> Result<Batch, Fault> {
        if sign(&signed.key, &signed.body) != signed.signature {
            return Err(Fault::BadSignature { what: "batch" });
        }
        let batch = Batch::decode(&signed.body)?;
        if Origin::of_key(&signed.key) != batch.stream.origin {
            return Err(Fault::WrongOrigin { stream: batch.stream });
        }
        Ok(batch)
    }
}

fn operator(
    what: &'static str,
    key: &[u8; 32],
    body: &[u8],
    signature: &Signature,
) -> Result<(), Fault> {
    if *key != OPERATOR {
        return Err(Fault::KeyNotAllowed { what, reason: "not the simulated operator".to_owned() });
    }
    if sign(key, body) != *signature {
        return Err(Fault::BadSignature { what });
    }
    Ok(())
}
