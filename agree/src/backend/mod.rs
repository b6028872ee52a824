//! What is held against the reference interpreter.

mod node;
mod process;
mod rust;
mod sandbox;

use std::path::PathBuf;

use crate::case::{Answer, Case};

/// A back end could not run at all. Nothing was compared.
#[derive(Debug)]
pub struct BackendError {
    /// Which.
    pub backend: &'static str,
    /// Why, with what to do.
    pub reason: String,
}

impl std::fmt::Display for BackendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.backend, self.reason)
    }
}

impl std::error::Error for BackendError {}

/// One way to evaluate a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Machine code by wasmtime, in the SDK's configuration.
    Wasmtime,
    /// The SDK's interpreter of the whitelisted opcodes, through a bundle and its image.
    Opcodes,
    /// The emitted Rust, compiled by `rustc`.
    Rust,
    /// Node's own WebAssembly.
    Node,
}

impl Backend {
    /// Every one.
    pub const ALL: [Backend; 4] =
        [Backend::Wasmtime, Backend::Opcodes, Backend::Rust, Backend::Node];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Backend::Wasmtime => "wasmtime",
            Backend::Opcodes => "opcodes",
            Backend::Rust => "rust",
            Backend::Node => "node",
        }
    }

    /// Evaluates every input of every fragment of some cases, in order.
    ///
    /// # Errors
    /// The back end is missing, or refused what it was given.
    pub fn answers(self, cases: &[Case]) -> Result<Vec<Answer>, BackendError> {
        let answers = match self {
            Backend::Wasmtime => sandbox::wasmtime(cases),
            Backend::Opcodes => sandbox::opcodes(cases),
            Backend::Rust => rust::answers(cases),
            Backend::Node => node::answers(cases),
        };
        let wanted: usize = cases.iter().map(Case::evaluations).sum();
        answers
            .and_then(|answers| match answers.len() {
                actual if actual == wanted => Ok(answers),
                actual => Err(format!("{actual} answers to {wanted} evaluations")),
            })
            .map_err(|reason| BackendError { backend: self.name(), reason })
    }
}

/// A tool named by a variable, or found on `PATH`.
fn tool(variable: &str, name: &str, hint: &str) -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(variable) {
        let named = PathBuf::from(named);
        let found = named.is_file() || on_path(&named).is_some();
        return if found {
            Ok(named)
        } else {
            Err(format!("{variable} names {}, which is not a file", named.display()))
        };
    }
    on_path(name.as_ref()).ok_or_else(|| format!("there is no `{name}` on PATH; {hint}"))
}

fn on_path(name: &std::path::Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}
