//! `cairn build`: rules to a bundle file.

use std::path::PathBuf;
use std::time::Instant;

use cairn_merkle::Digest;
use cairn_ruleset::envelope::Envelope;
use cairn_ruleset::trust::Role;
use cairn_ruleset::upload::Upload;
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::node::KeyArgs;
use super::output::{self, Format};
use super::{keys, local};
use crate::{compile, duration, trust};

const EXAMPLES: &str = "Examples:
  cairn build rules/ --version 1.4.2                            the digest, nothing written
  cairn build rules/ --version 1.4.2 --out hunt-1.4.2.bundle    a file to publish later";

/// Compile rules to a bundle: equal sources give equal digests, everywhere
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// Folder with *.rules.hcl files, or one such file
    rules: PathBuf,
    /// The version to give it, as in 1.4.2
    #[arg(long, value_name = "VERSION", default_value = "0.0.0")]
    version: String,
    /// File to write the bundle to; signed when --keys is given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Revision of the source to record, for example a git commit
    #[arg(long, env = "CAIRN_REVISION", value_name = "TEXT", default_value = "")]
    revision: String,
    #[command(flatten)]
    keys: KeyArgs,
}

#[derive(Serialize)]
struct Report {
    ruleset: String,
    version: String,
    digest: Digest,
    fragments: Vec<Fragment>,
    total_bytes: u64,
    took_ms: f64,
    signed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

#[derive(Serialize)]
struct Fragment {
    name: String,
    kind: String,
    digest: Digest,
    bytes: u32,
}

/// Compiles, and writes the file when one is named.
///
/// # Errors
/// Exit code 3 with every finding.
pub fn run(args: &Args, format: Format) -> Result<Exit, Failure> {
    check_version(&args.version)?;
    let started = Instant::now();
    let program = local::program(&args.rules)?;
    let built = compile::bundle(&program, &args.version, &args.revision)
        .map_err(|error| local::refused(&args.rules, &error.into()))?;
    let key = match &args.keys.keys {
        Some(dir) => {
            Some(trust::secret(dir, Role::Publisher).map_err(|error| keys::failed(&error))?)
        }
        None => None,
    };
    let signers: Vec<_> = key.iter().collect();
    let envelope = Envelope::seal(&built.manifest, &signers)
        .map_err(|error| Failure::new(Exit::Findings, error.to_string()).hint(error.hint()))?;
    if let Some(path) = &args.out {
        let upload = Upload::new(envelope.clone(), built.blobs)
            .map_err(|error| Failure::new(Exit::Findings, error.to_string()).hint(error.hint()))?;
        std::fs::write(path, upload.encode()).map_err(|error| {
            Failure::internal(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    let report = Report {
        ruleset: built.manifest.ruleset.clone(),
        version: built.manifest.version.clone(),
        digest: envelope.digest(),
        total_bytes: built.manifest.total_bytes(),
        fragments: built
            .manifest
            .fragments
            .iter()
            .map(|entry| Fragment {
                name: entry.name.clone(),
                kind: format!("{:?}", entry.kind).to_lowercase(),
                digest: entry.digest,
                bytes: entry.length_bytes,
            })
            .collect(),
        took_ms: started.elapsed().as_secs_f64() * 1_000.0,
        signed: key.is_some(),
        file: args.out.as_ref().map(|path| path.display().to_string()),
    };
    match format {
        Format::Json => output::json(&report)?,
        Format::Table => {
            let rows: Vec<Vec<String>> = report
                .fragments
                .iter()
                .map(|fragment| {
                    vec![
                        fragment.name.clone(),
                        fragment.kind.clone(),
                        fragment.bytes.to_string(),
                        fragment.digest.short().to_string(),
                    ]
                })
                .collect();
            output::line(&output::table(&["FRAGMENT", "KIND", "BYTES", "DIGEST"], &rows));
            output::line(&format!(
                "{} {} is {} ({} bytes in {} fragments, {})",
                report.ruleset,
                report.version,
                report.digest,
                report.total_bytes,
                report.fragments.len(),
                duration::show(started.elapsed())
            ));
        }
    }
    Ok(Exit::Ok)
}

/// Refuses a version that is not one before any work is done.
///
/// # Errors
/// Exit code 2.
pub fn check_version(version: &str) -> Result<(), Failure> {
    if cairn_ruleset::manifest::version_is_valid(version) {
        return Ok(());
    }
    Err(Failure::usage(format!("`{version}` is not a version"))
        .hint("write a semantic version, as in 1.4.2 or 1.5.0-rc.1"))
}
