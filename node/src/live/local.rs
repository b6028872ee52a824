//! Evaluation on a bundle that was just built, without an agent: what `cairn eval --rules` uses.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use cairn_core::ActivationRecord;
use cairn_merkle::Digest;
use cairn_ruleset::contents::Contents;
use cairn_ruleset::emit::Built;
use cairn_ruleset::image;
use cairn_ruleset::ir::On;
use cairn_ruleset::manifest::FragmentKind;
use cairn_sdk::{Code, Engine, Evaluator, Scope, Version};

use super::{Heard, Live, Loaded};
use crate::stage;
use crate::telemetry::Metrics;

/// The channel and generation that such a version answers with: it is on no record.
const CHANNEL: &str = "local";

impl Live {
    /// Loads a bundle. `evaluates` compiles its fragments to machine code, in this process; without
    /// it only tables and parameters can be read.
    ///
    /// # Errors
    /// What failed, in words. Its temporary files are gone either way.
    pub fn local(built: &Built, digest: Digest, evaluates: bool) -> Result<Live, String> {
        let bytes = image::build(&built.manifest, &|digest| built.blobs.get(digest).cloned())
            .map_err(|error| format!("the image cannot be built: {error}"))?;
        let code = built.manifest.fragments.iter();
        let code = code.filter(|entry| entry.kind == FragmentKind::Code);
        let wasm = |digest| built.blobs.get(digest).map_or(&[][..], Vec::as_slice);
        let code: Vec<_> = code.map(|e| (e.digest, wasm(&e.digest))).collect();
        Live::of_image(bytes, evaluates.then_some(&code), &built.manifest.version, digest)
    }

    /// The same for a version that was opened up.
    ///
    /// # Errors
    /// As [`Live::local`].
    pub fn opened(contents: &Contents, digest: Digest, evaluates: bool) -> Result<Live, String> {
        let code = contents.fragments.iter().map(|code| (code.digest, code.wasm.as_slice()));
        let code: Vec<_> = code.collect();
        let (image, version) = (contents.image.clone(), &contents.version);
        Live::of_image(image, evaluates.then_some(&code), version, digest)
    }

    fn of_image(
        image: Vec<u8>,
        code: Option<&Vec<(Digest, &[u8])>>,
        version: &str,
        digest: Digest,
    ) -> Result<Live, String> {
        let engine = Engine::new().map_err(|error| error.to_string())?;
        let loaded = match code {
            Some(code) => compiled(code, &image, &engine)?,
            None => {
                let version = Version::open(0, image).map_err(|error| error.to_string())?;
                Loaded::assemble(engine, version, Code::new())
            }
        };
        let version = version.to_owned();
        Ok(Live {
            channel: CHANNEL.to_owned(),
            record: ActivationRecord { generation: 0, digest, version },
            heard: Arc::new(Heard::new()),
            metrics: Arc::new(Metrics::new()),
            loaded: Arc::new(loaded),
        })
    }
}

impl Live {
    /// What every fragment of a trigger or timer writes for a context's bytes and for parameters of
    /// the caller's own: its name and its output, see [`cairn_ruleset::layout`].
    ///
    /// # Errors
    /// When a fragment cannot run on them.
    pub fn outputs(
        &self,
        on: On,
        context: &[u8],
        params: &[i64],
    ) -> Result<Vec<(String, Vec<i64>)>, String> {
        let version = self.loaded.version();
        let ran = self.loaded.with(self.home(), |evaluator| {
            evaluator.set_params(params)?;
            let mut outputs = Vec::new();
            for fragment in version.fragments_on(on) {
                let out = evaluator.eval_raw(fragment, context)?;
                let words = out
                    .chunks_exact(8)
                    .map(|word| i64::from_le_bytes(word.try_into().unwrap_or_default()));
                let name = version.fragments().get(usize::from(fragment));
                let name = name.map_or_else(String::new, |meta| meta.name.clone());
                outputs.push((name, words.collect()));
            }
            Ok(outputs)
        });
        ran.and_then(|outputs| outputs).map_err(|error: cairn_sdk::Error| error.to_string())
    }
}

/// One version in a sandbox of its own, fragment by fragment.
pub struct Runner(Evaluator);

impl Runner {
    /// The output slots of a fragment by name, see `cairn_ruleset::layout`.
    ///
    /// # Errors
    /// In words.
    pub fn run(&mut self, fragment: &str, context: &[u8]) -> Result<Vec<i64>, String> {
        let mut fragments = self.0.version().fragments().iter().zip(0u16..);
        let found = fragments.find(|(meta, _)| meta.name == fragment).map(|(_, index)| index);
        let index = found.ok_or_else(|| format!("there is no fragment `{fragment}`"))?;
        let out = self.0.eval_raw(index, context).map_err(|error| stage::with_sources(&error))?;
        let words = out.chunks_exact(8).filter_map(|word| word.try_into().ok());
        Ok(words.map(i64::from_le_bytes).collect())
    }
}

impl Live {
    /// Compiles fragments, by digest, in this process, and makes a sandbox of an image's version.
    ///
    /// # Errors
    /// What failed, in words. Its temporary files are gone either way.
    pub fn runner(image: &[u8], fragments: &[(Digest, &[u8])]) -> Result<Runner, String> {
        let engine = Engine::new().map_err(|error| error.to_string())?;
        let loaded = compiled(fragments, image, &engine)?;
        let evaluator = Evaluator::new(&engine, loaded.version(), loaded.code());
        evaluator.map(Runner).map_err(|error| stage::with_sources(&error))
    }
}

fn compiled(
    fragments: &[(Digest, &[u8])],
    image: &[u8],
    engine: &Engine,
) -> Result<Loaded, String> {
    let failed = |error: std::io::Error| format!("cannot write a temporary file: {error}");
    let dir = tempfile::Builder::new().prefix("cairn-eval-").tempdir().map_err(failed)?;
    let mut jobs: Vec<PathBuf> = Vec::new();
    for (digest, wasm) in fragments {
        let (from, to) =
            (dir.path().join(format!("{digest}.wasm")), dir.path().join(format!("{digest}.cwasm")));
        // Equal rules of two files are one fragment, compiled once.
        if jobs.contains(&to) {
            continue;
        }
        std::fs::write(&from, wasm).map_err(failed)?;
        jobs.extend([from, to]);
    }
    if !jobs.is_empty() && stage::compile_main(&jobs) != ExitCode::SUCCESS {
        return Err("the fragments do not compile to machine code".to_owned());
    }
    let path = dir.path().join("image");
    std::fs::write(&path, image).map_err(failed)?;
    // The mapping outlives the file's name.
    Loaded::open(engine, &path, dir.path(), cairn_sdk::Code::new(), Scope::default())
        .map_err(|error| error.to_string())
}
