//! Machine code: a local cache, made by the agent's compiling child, never shipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cairn_merkle::Digest;
use wasmtime::Module;

use crate::{Engine, Error, Result, Version, private};

/// Domain of the seal.
const DOMAIN: &str = "cairn 2026 machine code v1";
/// Bytes of the seal in front of the code.
const SEAL_BYTES: usize = 32;
/// Longest file read; a fragment of 64 KiB compiles to far less.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Loaded machine code by fragment digest; cheap to share between threads and versions.
#[derive(Clone, Default)]
pub struct Code {
    modules: BTreeMap<Digest, Module>,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.modules.keys()).finish()
    }
}

/// `STATE/code/<engine key>/<digest>.cwasm`.
#[must_use]
pub fn path(state: &Path, fragment: &Digest) -> PathBuf {
    state.join("code").join(Engine::key()).join(format!("{fragment}.cwasm"))
}

/// What a `.cwasm` file holds: a seal over the fragment's digest and the code, then the code. A
/// flipped bit on the disk is found before a machine would run it.
#[must_use]
pub fn seal(fragment: &Digest, cwasm: &[u8]) -> Vec<u8> {
    let mut file = Digest::derive(DOMAIN, &[fragment.as_bytes(), cwasm]).0.to_vec();
    file.extend_from_slice(cwasm);
    file
}

impl Code {
    /// Nothing loaded yet.
    #[must_use]
    pub fn new() -> Code {
        Code::default()
    }

    /// Loads the code of every fragment of a version from the agent's state directory.
    ///
    /// # Errors
    /// `NoCode` names the first fragment without; `BadCode`, `Owner`, `Mode` refuse a file.
    pub fn open(engine: &Engine, state: &Path, version: &Version) -> Result<Code> {
        let mut code = Code::new();
        private::check_dir(state)?;
        for fragment in version.image().fragments() {
            if !code.load_file(engine, fragment.digest, &path(state, &fragment.digest))? {
                let (fragment, digest) = (fragment.name.to_owned(), fragment.digest);
                return Err(Error::NoCode { fragment, digest });
            }
        }
        Ok(code)
    }

    /// Loads one file, which the caller's own compiling child made; `false` when it does not exist.
    /// A fragment that is loaded already is left alone.
    ///
    /// # Errors
    /// `Owner` or `Mode` when others could have written it or its directory; `BadCode` when its
    /// seal does not match the fragment or the engine differs.
    pub fn load_file(&mut self, engine: &Engine, fragment: Digest, path: &Path) -> Result<bool> {
        if self.modules.contains_key(&fragment) {
            return Ok(true);
        }
        if let Some(dir) = path.parent().filter(|dir| dir.exists()) {
            private::check_dir(dir)?;
        }
        let Some(file) = private::read(path, FILE_BYTES_MAX)? else { return Ok(false) };
        let bad = |reason: String| Error::BadCode { digest: fragment, reason };
        let Some((sealed, cwasm)) = file.split_at_checked(SEAL_BYTES) else {
            return Err(bad(format!("{} bytes are too few", file.len())));
        };
        if Digest::derive(DOMAIN, &[fragment.as_bytes(), cwasm]).0 != sealed {
            return Err(bad("its seal does not match".to_owned()));
        }
        // SAFETY: Foreign machine code is arbitrary code execution, so what matters is who wrote
        // these bytes. The file and its directory belong to this user or root and nobody else may
        // write to them (checked on the open descriptor), machine code never travels between
        // machines, and the only writer in that place is the agent's compiling child; whoever can
        // pass for it already runs code as this user. The seal excludes damage and a file under
        // the wrong name; wasmtime itself refuses code of another version or configuration.
        let module = unsafe { Module::deserialize(&engine.inner, cwasm) };
        let module = module.map_err(|error| bad(format!("{error:#}")))?;
        self.modules.insert(fragment, module);
        Ok(true)
    }

    /// Whether a fragment's code is loaded.
    #[must_use]
    pub fn contains(&self, fragment: &Digest) -> bool {
        self.modules.contains_key(fragment)
    }

    /// Takes over what another set holds: going back to a version costs no load.
    pub fn extend(&mut self, other: &Code) {
        self.modules.extend(other.modules.iter().map(|(digest, module)| (*digest, module.clone())));
    }

    /// Forgets everything that `keep` does not name.
    pub fn retain(&mut self, keep: impl Fn(&Digest) -> bool) {
        self.modules.retain(|digest, _| keep(digest));
    }

    pub(crate) fn module(&self, fragment: &Digest) -> Option<&Module> {
        self.modules.get(fragment)
    }
}
