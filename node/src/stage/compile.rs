//! Fragments to machine code: in a short-lived child, or here.

use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cairn_merkle::Digest;
use cairn_ruleset::whitelist;

use super::{StageError, Turn};
use crate::agent::Compile;

/// The hidden verb that the child is started with.
pub const COMPILE_VERB: &str = "__compile";

/// Fragments per child: keeps the command line far below what the system accepts.
const PER_CHILD_COUNT_MAX: usize = 256;

/// A fragment to compile: from a file of Wasm to a file of machine code.
pub(super) type Job = (PathBuf, PathBuf);

/// Compile every job; when it returns `Ok`, every output is whole and durable.
pub(super) async fn run(
    how: &Compile,
    jobs: Vec<Job>,
    limit: Duration,
    turn: &Turn,
) -> Result<(), StageError> {
    match how {
        Compile::Child { program } => {
            for part in jobs.chunks(PER_CHILD_COUNT_MAX) {
                child(program.as_deref(), part, limit).await?;
            }
            Ok(())
        }
        Compile::InProcess => {
            super::blocking(turn, move || {
                compile_all(&jobs).map_err(|reason| StageError::Compile { reason })
            })
            .await
        }
    }
}

async fn child(program: Option<&Path>, jobs: &[Job], limit: Duration) -> Result<(), StageError> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => std::env::current_exe()
            .map_err(|error| StageError::CompileStart { program: "this".into(), source: error })?,
    };
    let mut args: Vec<OsString> = vec![COMPILE_VERB.into()];
    for (from, to) in jobs {
        args.push(from.into());
        args.push(to.into());
    }
    let started = tokio::process::Command::new(&program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A child must not outlive the agent that waits for it, nor inherit its exporter.
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| StageError::CompileStart { program: program.clone(), source })?;
    let output = match tokio::time::timeout(limit, started.wait_with_output()).await {
        Ok(output) => output
            .map_err(|source| StageError::CompileStart { program: program.clone(), source })?,
        // Dropping the future killed the child.
        Err(_) => return Err(StageError::CompileTimeout { fragments: jobs.len(), limit }),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: String = said.trim().chars().take(512).collect();
    Err(StageError::Compile { reason: format!("the child ended with {}: {said}", output.status) })
}

/// The body of the hidden verb: `__compile <in> <out> [<in> <out>...]`.
///
/// Exit code 0 when every output is whole and durable, 1 with the reason on stderr otherwise,
/// 2 when the arguments are not pairs.
pub fn compile_main(args: &[PathBuf]) -> ExitCode {
    if args.is_empty() || !args.len().is_multiple_of(2) {
        eprintln!("usage: {COMPILE_VERB} <in> <out> [<in> <out>...]");
        return ExitCode::from(2);
    }
    let jobs: Vec<Job> =
        args.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    match compile_all(&jobs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(1)
        }
    }
}

fn compile_all(jobs: &[Job]) -> Result<(), String> {
    let engine = wasmtime::Engine::new(&cairn_sdk::engine::config())
        .map_err(|error| format!("engine: {error}"))?;
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(jobs.len());
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((from, to)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(reason) = compile_one(&engine, from, to) {
                        next.store(jobs.len(), Ordering::Relaxed);
                        if let Ok(mut failed) = failed.lock() {
                            failed.get_or_insert(reason);
                        }
                    }
                }
            });
        }
    });
    match failed.into_inner() {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(reason),
        Err(_) => Err("a compiling thread panicked".to_owned()),
    }
}

fn compile_one(engine: &wasmtime::Engine, from: &Path, to: &Path) -> Result<(), String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", from.display());
    let wasm = fs::read(from).map_err(|error| named(&error))?;
    // The stager proved it already; whoever calls this verb by hand gets the same gate.
    whitelist::prove(&wasm).map_err(|error| named(&error))?;
    let code = engine.precompile_module(&wasm).map_err(|error| named(&error))?;
    let sealed = cairn_sdk::seal_code(&Digest::of(&wasm), &code);
    crate::store::write_new(to, &sealed).map_err(|error| named(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(dir: &Path) -> Vec<Job> {
        let from = dir.join("fragment");
        fs::write(&from, b"\0asm\x01\0\0\0").unwrap();
        vec![(from, dir.join("code"))]
    }

    async fn turn() -> Turn {
        let one = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
        Turn::new(one.acquire_owned().await.unwrap())
    }

    async fn with(program: &str, limit: Duration) -> StageError {
        let dir = tempfile::tempdir().unwrap();
        let how = Compile::Child { program: Some(program.into()) };
        run(&how, jobs(dir.path()), limit, &turn().await).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_child_that_fails_hangs_or_is_not_there_is_an_error() {
        let limit = Duration::from_secs(20);
        let error = with("/bin/false", limit).await;
        assert!(matches!(error, StageError::Compile { .. }), "{error}");
        let error = with("/does/not/exist", limit).await;
        assert!(matches!(error, StageError::CompileStart { .. }), "{error}");
        // `yes` prints its arguments for ever and takes no notice of anything.
        let error = with("yes", Duration::from_millis(50)).await;
        assert!(matches!(error, StageError::CompileTimeout { fragments: 1, .. }), "{error}");
    }

    #[tokio::test]
    async fn what_is_not_on_the_whitelist_is_not_compiled() {
        let dir = tempfile::tempdir().unwrap();
        // A module without memory and `eval`: valid Wasm, no fragment.
        let jobs = jobs(dir.path());
        let ended = run(&Compile::InProcess, jobs, Duration::ZERO, &turn().await).await;
        let error = ended.unwrap_err();
        assert!(matches!(error, StageError::Compile { .. }), "{error}");
        assert!(!dir.path().join("code").exists());
    }

    #[test]
    fn arguments_come_in_pairs() {
        for args in [vec![], vec![PathBuf::from("one")]] {
            assert_eq!(compile_main(&args), ExitCode::from(2));
        }
    }
}
