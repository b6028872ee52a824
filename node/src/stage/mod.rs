//! From a stored bundle to something that may go live.
//!
//! Envelope opened again → image built (which hashes every fragment and proves every module) →
//! missing machine code compiled in a child → everything loaded → every fragment run once on a
//! blank context. Only then is a version staged. A step that fails leaves what is live alone.
//!
//! Images and machine code are caches, rebuilt from the bundle at any time, and never leave this
//! machine: deserialising foreign machine code would be running foreign code.

mod compile;
mod error;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cairn_merkle::Digest;
use cairn_ruleset::image::{self, ImageError};
use cairn_ruleset::limits::DIALECT;
use cairn_ruleset::manifest::{FragmentKind, Manifest};
use cairn_ruleset::scope::Scope;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use compile::{COMPILE_VERB, compile_main};
pub use error::StageError;

use crate::agent::{AgentConfig, Compile};
use crate::identity::Verifier;
use crate::live::Loaded;
use crate::store::{Store, StoreError, create_dir, sync_dir};

/// A version that can go live with one swap.
#[derive(Clone)]
pub struct Staged {
    pub(crate) loaded: Arc<Loaded>,
}

/// Agents of one process compile one after the other: together they would only share the processor,
/// and where they share a cache, the second finds what the first has made.
static COMPILING: Semaphore = Semaphore::const_new(1);

/// What the folders of unfinished machine code begin with.
const PARTS_PREFIX: &str = "part-";

/// Stages bundles, one at a time.
pub struct Stager {
    store: Store,
    verifier: Verifier,
    engine: cairn_sdk::Engine,
    /// Machine code of this engine: `<cache>/<engine key>`.
    code_dir: PathBuf,
    compile: Compile,
    compile_timeout: Duration,
    /// Where the agent's own games run.
    scope: Scope,
    /// Machine code of the version that was loaded last: an edit loads what it changed, and
    /// versions share what they have in common.
    code: Mutex<cairn_sdk::Code>,
    /// One at a time: staging is bounded by the processor, and two would only share it.
    turn: Arc<Semaphore>,
}

/// Held by whatever works for a stager, also by threads that outlive the task that started them.
type Turn = Arc<OwnedSemaphorePermit>;

impl Stager {
    /// Prepare the engine and the code cache.
    pub fn new(store: Store, config: &AgentConfig) -> Result<Arc<Stager>, StageError> {
        let engine = cairn_sdk::Engine::new()
            .map_err(|e| StageError::Engine { reason: with_sources(&e) })?;
        let cache = config.code_cache.clone().unwrap_or_else(|| store.dir().path("code"));
        let code_dir = cache.join(cairn_sdk::Engine::key());
        create_dir(&code_dir)?;
        if config.code_cache.is_none() {
            // Nobody else works in there while we hold the state directory.
            drop_parts(&code_dir)?;
        }
        Ok(Arc::new(Stager {
            store,
            verifier: Verifier::new(config.trust.clone()),
            engine,
            code_dir,
            compile: config.compile.clone(),
            compile_timeout: config.limits.compile_timeout,
            scope: config.scope.clone(),
            code: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        }))
    }

    /// All steps for a bundle that is stored.
    pub async fn stage(self: &Arc<Stager>, digest: &Digest) -> Result<Staged, StageError> {
        let interrupted = |reason: String| StageError::Interrupted { reason };
        let turn = self.turn.clone().acquire_owned().await;
        let turn = Arc::new(turn.map_err(|error| interrupted(error.to_string()))?);
        let (this, wanted) = (self.clone(), *digest);
        let missing = blocking(&turn, move || this.build(&wanted)).await?;
        if !missing.is_empty() {
            self.compile(&missing, &turn).await?;
        }
        let (this, wanted) = (self.clone(), *digest);
        blocking(&turn, move || {
            let staged = this.load(&wanted)?;
            staged.loaded.smoke()?;
            Ok(staged)
        })
        .await
    }

    /// Returns once no thread works for this stager any more: a task that was aborted leaves its
    /// thread behind, and that one still writes.
    pub async fn finished(&self) {
        // Never closed.
        let _ = self.turn.acquire().await;
    }

    /// Load what was staged before. Compiles nothing, downloads nothing: milliseconds.
    pub fn load(&self, digest: &Digest) -> Result<Staged, StageError> {
        let path = self.image_path(digest);
        if !path.exists() {
            return Err(StageError::NoImage { path });
        }
        let known = self.known().clone();
        let home = self.scope.clone();
        let loaded = Loaded::open(&self.engine, &path, &self.code_dir, known, home)?;
        // What only older versions have stays with them, as long as they are kept.
        self.known().clone_from(loaded.code());
        Ok(Staged { loaded: Arc::new(loaded) })
    }

    fn image_path(&self, digest: &Digest) -> PathBuf {
        self.store.dir().path(&format!("images/{digest}.img"))
    }

    /// Build and keep the image; say which fragments have no machine code yet.
    fn build(&self, digest: &Digest) -> Result<BTreeSet<Digest>, StageError> {
        let envelope =
            self.store.envelope(digest)?.ok_or(StageError::NoEnvelope { digest: *digest })?;
        let manifest = self
            .verifier
            .open_envelope(digest, &envelope)
            .map_err(|reason| StageError::Envelope { reason })?;
        self.check_held(&manifest)?;
        let blob = |digest: &Digest| match self.store.fragment(digest) {
            Ok(bytes) => bytes.map(Vec::from),
            Err(error) => {
                tracing::error!(%digest, %error, "a fragment cannot be read");
                None
            }
        };
        let image = image::build(&manifest, &blob).map_err(|error| match error {
            ImageError::Dialect { actual } => StageError::Dialect { actual, known: DIALECT },
            error => StageError::Image { reason: with_sources(&error) },
        })?;
        self.store.dir().write_durable(&self.image_path(digest), &image)?;
        let code = manifest.fragments.iter().filter(|entry| entry.kind == FragmentKind::Code);
        Ok(code.map(|entry| entry.digest).filter(|digest| !self.has_code(digest)).collect())
    }

    fn check_held(&self, manifest: &Manifest) -> Result<(), StageError> {
        for entry in &manifest.fragments {
            if self.store.piece(&entry.digest, 0, 0)?.is_none() {
                let (name, digest) = (entry.name.clone(), entry.digest);
                return Err(StageError::NoFragment { name, digest });
            }
        }
        Ok(())
    }

    /// The machine code that is loaded.
    fn known(&self) -> MutexGuard<'_, cairn_sdk::Code> {
        // Only whole modules are ever put in, so a panic elsewhere leaves nothing half done.
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is machine code that loads. What the disk damaged is compiled again.
    fn has_code(&self, digest: &Digest) -> bool {
        // What is loaded and not on disk (any more) would be missing at the next start.
        if !self.code_path(digest).exists() {
            return false;
        }
        match self.known().load_file(&self.engine, *digest, &self.code_path(digest)) {
            Ok(there) => there,
            Err(error) => {
                tracing::warn!(%digest, %error, "machine code is made again");
                false
            }
        }
    }

    fn code_path(&self, digest: &Digest) -> PathBuf {
        self.code_dir.join(format!("{digest}.cwasm"))
    }

    /// Compile into files of our own, then rename: agents that share the cache never see a part.
    async fn compile(&self, fragments: &BTreeSet<Digest>, turn: &Turn) -> Result<(), StageError> {
        let compiling = COMPILING.acquire().await;
        let _compiling =
            compiling.map_err(|e| StageError::Interrupted { reason: e.to_string() })?;
        // Whoever had the turn before may have made some of them.
        let missing: BTreeSet<Digest> =
            fragments.iter().filter(|digest| !self.has_code(digest)).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let fragments = &missing;
        let began = std::time::Instant::now();
        // Goes when it is dropped, with whatever a failed or interrupted compilation left in it;
        // what succeeded has moved out. Mode 0700.
        let parts = tempfile::Builder::new()
            .prefix(PARTS_PREFIX)
            .tempdir_in(&self.code_dir)
            .map_err(StoreError::io("create a folder in", &self.code_dir))?;
        let place = |digest: &Digest| parts.path().join(digest.to_string());
        let jobs = fragments
            .iter()
            .map(|digest| (self.store.dir().fragment_path(digest), place(digest)))
            .collect();
        let compiled = compile::run(&self.compile, jobs, self.compile_timeout, turn).await;
        let moved = compiled.and_then(|()| self.move_into_place(parts.path(), fragments));
        tracing::info!(fragments = fragments.len(), took = ?began.elapsed(), "compiled");
        moved
    }

    fn move_into_place(
        &self,
        parts: &Path,
        fragments: &BTreeSet<Digest>,
    ) -> Result<(), StageError> {
        for digest in fragments {
            std::fs::rename(parts.join(digest.to_string()), self.code_path(digest)).map_err(
                |error| StageError::Compile { reason: format!("no code for {digest}: {error}") },
            )?;
        }
        sync_dir(&self.code_dir)?;
        Ok(())
    }
}

/// An error and everything behind it, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

/// Remove what a compilation left that was killed with its agent.
fn drop_parts(code_dir: &Path) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(code_dir).map_err(StoreError::io("list", code_dir))? {
        let entry = entry.map_err(StoreError::io("list", code_dir))?;
        if entry.file_name().to_string_lossy().starts_with(PARTS_PREFIX) {
            let path = entry.path();
            std::fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    turn: &Turn,
    work: impl FnOnce() -> Result<T, StageError> + Send + 'static,
) -> Result<T, StageError> {
    let turn = turn.clone();
    let work = move || {
        let _turn = turn;
        work()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StageError::Interrupted { reason: error.to_string() }),
    }
}
