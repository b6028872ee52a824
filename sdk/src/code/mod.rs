//! What runs a fragment: machine code from the agent's cache, or the SDK's own interpreter.

#[cfg(feature = "wasmtime")]
mod machine;

use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_merkle::Digest;

use crate::interpreter::{self, translate};
use crate::{Error, Result, Version};

#[cfg(feature = "wasmtime")]
pub use machine::{path, seal};

/// One fragment, loaded; cheap to clone.
#[derive(Clone)]
pub(crate) enum Loaded {
    #[cfg(feature = "wasmtime")]
    Machine(wasmtime::Module),
    Interpreted(Arc<interpreter::Module>),
}

/// Loaded code by fragment digest; cheap to share between threads and versions.
#[derive(Clone, Default)]
pub struct Code {
    fragments: BTreeMap<Digest, Loaded>,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.fragments.keys()).finish()
    }
}

impl Code {
    /// Nothing loaded yet.
    #[must_use]
    pub fn new() -> Code {
        Code::default()
    }

    /// Every fragment of a version for the SDK's own interpreter: no agent's cache, no engine, no
    /// file but the image.
    ///
    /// # Errors
    /// `Refused` names a fragment that is not one of the compiler's.
    pub fn interpreted(version: &Version) -> Result<Code> {
        let mut code = Code::new();
        for fragment in version.image().fragments() {
            code.interpret(fragment.digest, fragment.wasm)?;
        }
        Ok(code)
    }

    /// Proves a fragment's WebAssembly and translates it for the interpreter, unless the fragment
    /// is loaded already. The caller has checked the bytes against the digest, as an image has.
    ///
    /// # Errors
    /// `Refused`.
    pub fn interpret(&mut self, fragment: Digest, wasm: &[u8]) -> Result<()> {
        if self.fragments.contains_key(&fragment) {
            return Ok(());
        }
        let module = translate(wasm)
            .map_err(|reason| Error::Refused { digest: fragment, reason: reason.to_string() })?;
        self.fragments.insert(fragment, Loaded::Interpreted(Arc::new(module)));
        Ok(())
    }

    /// Whether a fragment's code is loaded.
    #[must_use]
    pub fn contains(&self, fragment: &Digest) -> bool {
        self.fragments.contains_key(fragment)
    }

    /// Takes over what another set holds: going back to a version costs no load.
    pub fn extend(&mut self, other: &Code) {
        self.fragments.extend(other.fragments.iter().map(|(digest, code)| (*digest, code.clone())));
    }

    /// Forgets everything that `keep` does not name.
    pub fn retain(&mut self, keep: impl Fn(&Digest) -> bool) {
        self.fragments.retain(|digest, _| keep(digest));
    }

    pub(crate) fn loaded(&self, fragment: &Digest) -> Option<&Loaded> {
        self.fragments.get(fragment)
    }
}
