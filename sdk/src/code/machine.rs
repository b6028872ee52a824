//! Machine code: a local cache, made by the agent's compiling child, never shipped.

use std::path::{Path, PathBuf};

use cairn_merkle::Digest;
use wasmtime::Module;

use super::{Code, Loaded};
use crate::{Engine, Error, Result, Version, private};

/// Domain of the seal.
const DOMAIN: &str = "cairn 2026 machine code v1";
/// Bytes of the seal in front of the code.
const SEAL_BYTES: usize = 32;
/// Longest file read; a fragment of 64 KiB compiles to far less.
const FILE_BYTES_MAX: u64 = 16 << 20;

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
        if matches!(self.fragments.get(&fragment), Some(Loaded::Machine(_))) {
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
        self.fragments.insert(fragment, Loaded::Machine(module));
        Ok(true)
    }

    /// As [`Code::open`], with the SDK's own interpreter for whatever the agent has no machine code
    /// for: another engine's key, or none compiled yet. Slower there, and equal in every bit.
    ///
    /// # Errors
    /// Everything but `NoCode`: a file that is damaged or not ours is never passed over in silence.
    pub fn open_or_interpret(engine: &Engine, state: &Path, version: &Version) -> Result<Code> {
        let mut code = Code::new();
        private::check_dir(state)?;
        for fragment in version.image().fragments() {
            if !code.load_file(engine, fragment.digest, &path(state, &fragment.digest))? {
                code.interpret(fragment.digest, fragment.wasm)?;
            }
        }
        Ok(code)
    }
}
